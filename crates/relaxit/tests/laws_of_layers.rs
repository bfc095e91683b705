//! Several layers of discrete variables, held to the exact gradient of the whole model.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use std::cell::Cell;

use burn::tensor::{DType, Shape, TensorCreationOptions, TensorData};
use relaxit::control::{Network, RelaxedObjective, Sum, Tuner};
use relaxit::estimator::{
    Arm, Bias, DisArm, DoubleControlVariate, Exact, Layered, Layers, LearnedTemperature, MovingAverage, MuProp,
    Pathwise, Rebar, Relax, Rloo, ScoreFunction, StraightThrough,
};
use relaxit::prelude::*;
use relaxit::schedule::Anneal;
use relaxit::testing::Z_MILLION;

const ROWS: usize = 1 << 16;

fn options(dtype: DType) -> TensorCreationOptions {
    TensorCreationOptions::new(Device::flex().autodiff()).with_dtype(dtype)
}

/// Equal rows of numbers that record a gradient: rows are replicates, parameters included.
fn leaf(values: &[f64], rows: usize, dtype: DType) -> Tensor<2> {
    let row = Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, values.len()]), options(dtype));
    row.inner().repeat_dim(0, rows).autodiff().require_grad()
}

/// `b₁ ~ p(φ₁)`, `b_{l+1} ~ p(φ_{l+1} + b_l W_l)`, `f = (Σ w·b + v b₁₁ b_{L1} − 0.45)³`, of any kind of variable.
struct Chain<R> {
    family: fn(Tensor<2>) -> R,
    /// The φ of every layer.
    logits: Vec<Tensor<2>>,
    /// The W between layers, row by row.
    weights: Vec<Tensor<2>>,
    /// The v of the objective.
    inside: Tensor<2>,
    evaluations: Cell<usize>,
}

impl<R> Chain<R> {
    fn new(family: fn(Tensor<2>) -> R, sizes: &[usize], rows: usize, dtype: DType) -> Self {
        let wave = |start: f64, len: usize| (0..len).map(|i| (start + 1.7 * i as f64).sin()).collect::<Vec<_>>();
        let logits = sizes.iter().enumerate().map(|(layer, &size)| leaf(&wave(layer as f64, size), rows, dtype));
        let weights = sizes.windows(2).enumerate();
        let weights = weights.map(|(layer, pair)| leaf(&wave(0.3 + layer as f64, pair[0] * pair[1]), rows, dtype));
        let (logits, weights) = (logits.collect(), weights.collect());
        Self { family, logits, weights, inside: leaf(&[0.8], rows, dtype), evaluations: Cell::new(0) }
    }

    /// Logits of every layer, weights between them, the parameter of the objective.
    fn leaves(&self) -> Vec<Tensor<2>> {
        [self.logits.clone(), self.weights.clone(), vec![self.inside.clone()]].concat()
    }
}

impl<R: Relaxation<2>> Layers<R, 2> for Chain<R> {
    fn layer(&self, below: &[Tensor<2>]) -> R {
        let own = self.logits[below.len()].clone();
        let logits = match below.last() {
            None => own,
            Some(b) => {
                let [rows, size] = own.dims();
                let from = b.dims()[1];
                let weights = self.weights[below.len() - 1].clone().reshape(Shape::from([rows, from, size]));
                let pushed = (b.clone().unsqueeze_dim::<3>(2) * weights).sum_dim(1);
                own + pushed.reshape(Shape::from([rows, size]))
            }
        };
        (self.family)(logits)
    }

    fn evaluate(&self, samples: &[Tensor<2>]) -> Tensor<2> {
        self.evaluations.set(self.evaluations.get() + 1);
        let first = |b: &Tensor<2>| b.clone().slice_dim(1, 0);
        let terms = samples.iter().enumerate().map(|(layer, b)| {
            let weights = [1.0, -0.7, 0.4, 1.3].iter().cycle().skip(layer).take(b.dims()[1]).copied().collect();
            let weights =
                Tensor::<2>::from_data(TensorData::new::<f64, _>(weights, [1, b.dims()[1]]), (&b.device(), b.dtype()));
            (b.clone() * weights).sum_dim(1)
        });
        let product = first(&samples[0]) * first(&samples[samples.len() - 1]) * self.inside.clone();
        (terms.fold(product, |sum, term| sum + term) - 0.45).powi_scalar(3)
    }
}

/// The expectation over the layers above `below`, by enumeration; `K` dimensions are one event beside a law's own.
fn expectation<R, const K: usize>(chain: &Chain<R>, below: &[Tensor<2>]) -> Tensor<2>
where
    R: Relaxation<2>,
    R::Hard: Density<2> + Enumerable<2>,
{
    if below.len() == chain.logits.len() {
        return chain.evaluate(below);
    }
    let law = Independent::<_, K>(chain.layer(below).hard());
    let outcomes: Vec<Tensor<2>> = law.outcomes().collect();
    let term = |b: Tensor<2>| law.log_prob(b.clone()).exp() * expectation::<R, K>(chain, &[below, &[b]].concat());
    outcomes.into_iter().map(term).reduce(|sum, term| sum + term).unwrap()
}

/// The largest deviation from the exact gradient, in standard errors: of all logits, all weights, the parameter inside.
fn deviations<R, const K: usize>(family: fn(Tensor<2>) -> R, sizes: &[usize], layered: &mut Layered<R, 2>) -> [f64; 3]
where
    R: Relaxation<2>,
    R::Hard: Density<2> + Enumerable<2>,
{
    let one = Chain::new(family, sizes, 1, DType::F64);
    let exact = expectation::<R, K>(&one, &[]).sum().backward();
    let many = Chain::new(family, sizes, ROWS, DType::F32);
    let gradients = layered.estimate(&many, &mut Noise::seeded(0)).surrogate.backward();
    let z = one.leaves().into_iter().zip(many.leaves()).map(|(one, many)| {
        let exact = one.grad(&exact).unwrap();
        let rows = many.grad(&gradients).unwrap().cast(DType::F64) * ROWS as f64;
        let (variance, mean) = rows.var_mean(0);
        let standard_error = (variance * (ROWS as f64).recip()).sqrt();
        ((mean - exact.clone()).abs() / (standard_error + exact.abs() * 2e-5 + 1e-12)).max().into_scalar::<f64>()
    });
    let z: Vec<f64> = z.collect();
    let largest = |part: &[f64]| part.iter().fold(0.0, |a: f64, &b| a.max(b));
    [largest(&z[..sizes.len()]), largest(&z[sizes.len()..z.len() - 1]), z[z.len() - 1]]
}

type Boxed<R> = Box<dyn Estimator<R, 2>>;

/// REBAR's control variate and a network, with parameters that are no special ones.
fn relax<R>(entries: usize, dtype: DType) -> Boxed<R>
where
    R: relaxit::relaxation::Tempered<2> + 'static,
    R::Hard: Density<2>,
{
    let network = Network::new(&[entries], &[4], &mut Noise::seeded(5), options(dtype)).unwrap();
    let control = Sum(RelaxedObjective::learned(options(dtype)).with_learned_offset(), network);
    let mut relax: Boxed<R> = Box::new(LearnedTemperature::new(Relax::new(control), 0.5, options(dtype)).unwrap());
    let parameters = relax.parameters().into_iter().map(|leaf| {
        let len = leaf.dims()[0];
        let values = (0..len).map(|i| 0.4 * (1.0 + 2.3 * i as f64).sin()).collect();
        Tensor::from_data(TensorData::new::<f64, _>(values, [len]), options(dtype)).require_grad()
    });
    relax.set_parameters(parameters.collect());
    relax
}

/// A model's estimators, one a layer, for every kind of them.
fn of_every_latent<R>(sizes: &[usize]) -> Vec<Vec<Boxed<R>>>
where
    R: relaxit::relaxation::Tempered<2> + 'static,
    R::Hard: Density<2> + Moments<2> + Enumerable<2>,
{
    type Make<R> = fn(usize) -> Boxed<R>;
    let kinds: [Make<R>; 6] = [
        |_| Box::new(ScoreFunction::new()),
        |_| Box::new(ScoreFunction::with_baseline(MovingAverage::new(0.9).unwrap())),
        |_| Box::new(Rloo::new(3).unwrap()),
        |_| Box::new(MuProp),
        |_| Box::new(Rebar::new(0.5, options(DType::F32)).unwrap().towards_mean()),
        |entries| relax(entries, DType::F32),
    ];
    kinds.iter().map(|make| sizes.iter().map(|&entries| make(entries)).collect()).collect()
}

fn bits(logits: Tensor<2>) -> RelaxedBernoulli<2> {
    RelaxedBernoulli::from_logits(logits, 0.5).unwrap()
}

fn choice(logits: Tensor<2>) -> RelaxedOneHotCategorical<2> {
    RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap()
}

fn unbiased<R, const K: usize>(family: fn(Tensor<2>) -> R, sizes: &[usize], estimators: Vec<Boxed<R>>)
where
    R: Relaxation<2>,
    R::Hard: Density<2> + Enumerable<2>,
{
    let mut layered = Layered::new(estimators);
    assert_eq!(layered.bias(), Bias::Unbiased);
    let z = deviations::<R, K>(family, sizes, &mut layered);
    assert!(z.iter().all(|&z| z < Z_MILLION), "{layered:?}: {z:?}");
}

#[test]
fn layers_of_bits_have_no_bias() {
    let sizes = [2, 3];
    let double = || DoubleControlVariate::new(2, &Device::flex().autodiff()).unwrap();
    let mut all = of_every_latent(&sizes);
    all.push(vec![Box::new(Arm), Box::new(DisArm)]);
    all.push(vec![Box::new(DisArm), relax(3, DType::F32)]);
    all.push(vec![Box::new(Exact::<1>), Box::new(double())]);
    all.push(vec![Box::new(double()), Box::new(Exact::<1>)]);
    for estimators in all {
        unbiased::<_, 1>(bits, &sizes, estimators);
    }
}

#[test]
fn three_layers_have_no_bias() {
    let sizes = [2, 1, 2];
    unbiased::<_, 1>(bits, &sizes, sizes.map(|entries| relax(entries, DType::F32)).into());
    unbiased::<_, 1>(bits, &sizes, vec![Box::new(DisArm), Box::new(MuProp), Box::new(ScoreFunction::new())]);
}

#[test]
fn one_layer_is_the_estimator_itself() {
    let gradient = |layered: bool| {
        let chain = Chain::new(bits, &[3], 50, DType::F32);
        let mut noise = Noise::seeded(1);
        let estimate = if layered {
            let mut layered = Layered::new(vec![Box::new(Rloo::new(2).unwrap()) as Boxed<_>]);
            // A layered estimate draws the noise of every layer first.
            layered.estimate(&chain, &mut noise)
        } else {
            let _ = noise.draw::<2>(Base::Logistic, [50, 3], &Device::flex());
            let f = |b: Tensor<2>| chain.evaluate(&[b]);
            Rloo::new(2).unwrap().estimate(&chain.layer(&[]), &f, &mut noise)
        };
        chain.logits[0].grad(&estimate.surrogate.backward()).unwrap()
    };
    assert_eq!(gradient(true).to_data(), gradient(false).to_data());
}

#[test]
fn layers_of_choices_have_no_bias() {
    let sizes = [3, 2];
    for estimators in of_every_latent(&sizes) {
        unbiased::<_, 0>(choice, &sizes, estimators);
    }
}

/// The law can fail: biased estimators are seen in the logits of a lower layer and in the weights.
#[test]
fn biased_layers_show_it() {
    for estimators in [
        vec![Box::new(Pathwise) as Boxed<_>, Box::new(Pathwise)],
        vec![Box::new(StraightThrough) as Boxed<_>, Box::new(StraightThrough)],
    ] {
        let mut layered = Layered::new(estimators);
        assert_eq!(layered.bias(), Bias::Biased);
        let [logits, weights, _] = deviations::<_, 1>(bits, &[2, 3], &mut layered);
        assert!(logits > Z_MILLION && weights > Z_MILLION, "{layered:?}: {logits} {weights}");
    }
}

/// Under common noise `∇ tuning` is the slope of the sum over layers of the squared gradients of their logits.
#[test]
fn tuning_is_the_slope_of_every_layers_square() {
    const FEW: usize = 200;
    let sizes = [2, 3];
    let square_and_tuning = |moved: Option<(usize, f64)>| {
        let mut layered = Layered::new(sizes.map(|entries| relax::<RelaxedBernoulli<2>>(entries, DType::F64)).into());
        let lengths: Vec<usize> = layered.parameters().iter().map(|leaf| leaf.dims()[0]).collect();
        let mut values: Vec<f64> =
            layered.parameters().into_iter().flat_map(|leaf| leaf.try_into_vec_as::<f64>().unwrap()).collect();
        if let Some((index, by)) = moved {
            values[index] += by;
        }
        let mut rest = &values[..];
        let parameters = lengths.iter().map(|&len| {
            let (these, others) = rest.split_at(len);
            rest = others;
            Tensor::<1>::from_data(TensorData::new(these.to_vec(), [len]), options(DType::F64)).require_grad()
        });
        let parameters = parameters.collect();
        layered.set_parameters(parameters);
        let chain = Chain::new(bits, &sizes, FEW, DType::F64);
        let estimate = layered.estimate(&chain, &mut Noise::seeded(2));
        let gradients = estimate.surrogate.backward();
        let square = chain.logits.iter().map(|leaf| {
            let g = leaf.grad(&gradients).unwrap() * FEW as f64;
            g.square().sum_dim(1).mean().into_scalar::<f64>()
        });
        let square: f64 = square.sum();
        let gradients = estimate.tuning.unwrap().backward();
        let tuning = layered
            .parameters()
            .into_iter()
            .flat_map(|leaf| leaf.grad(&gradients).unwrap().try_into_vec_as::<f64>().unwrap());
        (square, tuning.collect::<Vec<f64>>())
    };
    let (_, tuning) = square_and_tuning(None);
    let h = 1e-4;
    let slope = |index| {
        let at = |by| square_and_tuning(Some((index, by))).0;
        (at(h) - at(-h)) / (2.0 * h)
    };
    let slopes: Vec<f64> = (0..tuning.len()).map(slope).collect();
    let largest = slopes.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    assert!(largest > 1e-2, "nothing to see in {slopes:?}");
    for (index, (got, expected)) in tuning.iter().zip(&slopes).enumerate() {
        assert!((got - expected).abs() < 1e-3 * largest, "parameter {index}: {got}, not {expected}");
    }
}

/// A control variate a layer, trained, lowers the variance of every layer's gradient.
#[test]
fn every_layer_learns() {
    let sizes = [2, 3];
    let rebar = || Box::new(Rebar::new(0.5, options(DType::F32)).unwrap().with_offset()) as Boxed<RelaxedBernoulli<2>>;
    let mut layered = Layered::new(vec![rebar(), rebar()]);
    let mut tuner = Tuner::new("exponential:0.05->0.005@300".parse::<Anneal>().unwrap()).unwrap();
    let mut noise = Noise::seeded(3);
    for _ in 0..300 {
        let chain = Chain::new(bits, &sizes, 64, DType::F32);
        let estimate = layered.estimate(&chain, &mut noise);
        let parameters = tuner.descend(layered.parameters(), estimate.tuning.unwrap());
        layered.set_parameters(parameters);
    }
    let variances = |layered: &mut Layered<RelaxedBernoulli<2>, 2>| {
        let chain = Chain::new(bits, &sizes, ROWS, DType::F32);
        let gradients = layered.estimate(&chain, &mut Noise::seeded(4)).surrogate.backward();
        [0, 1].map(|layer| {
            let rows = chain.logits[layer].grad(&gradients).unwrap() * ROWS as f64;
            rows.var(0).sum().into_scalar::<f64>()
        })
    };
    let score = || Box::new(ScoreFunction::new()) as Boxed<RelaxedBernoulli<2>>;
    let (rebar, score) = (variances(&mut layered), variances(&mut Layered::new(vec![score(), score()])));
    assert!(rebar[0] * 1.5 < score[0] && rebar[1] * 1.5 < score[1], "{rebar:?} {score:?}");
}

#[test]
fn a_layer_costs_what_its_estimator_costs() {
    let chain = Chain::new(bits, &[2, 3], 10, DType::F32);
    let mut layered = Layered::new(vec![Box::new(Rloo::new(3).unwrap()) as Boxed<_>, Box::new(DisArm)]);
    let estimate = layered.estimate(&chain, &mut Noise::seeded(0));
    assert_eq!(estimate.value.dims(), [10, 1]);
    assert_eq!(chain.evaluations.get(), 5);
}

#[test]
fn an_empty_batch_and_extreme_logits_are_no_trouble() {
    let sizes = [2, 3];
    for (rows, size) in [(0, 1.0), (4, 1e4), (4, -1e4)] {
        let mut all = of_every_latent(&sizes);
        all.push(vec![Box::new(DisArm), Box::new(Arm)]);
        for estimators in all {
            let mut chain = Chain::new(bits, &sizes, rows, DType::F32);
            chain.logits[0] = (chain.logits[0].clone().inner() * size).autodiff().require_grad();
            let mut layered = Layered::new(estimators);
            let estimate = layered.estimate(&chain, &mut Noise::seeded(0));
            assert_eq!(estimate.value.dims(), [rows, 1]);
            let gradients = estimate.surrogate.backward();
            for leaf in chain.leaves() {
                let finite = leaf.grad(&gradients).is_none_or(|g| g.is_finite().all().into_scalar::<bool>());
                assert!(finite, "{layered:?} {rows} {size}");
            }
        }
    }
}
