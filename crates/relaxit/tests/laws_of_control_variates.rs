//! Control variates that learn: what trains them, what they are trained on, and what it gains.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

mod toy;

use burn::tensor::{DType, TensorCreationOptions, TensorData};
use relaxit::Error;
use relaxit::control::{ControlVariate, Network, RelaxedObjective, Sum, TowardsMean, Tuner, TunerState};
use relaxit::estimator::{Baseline, Estimate, LearnedTemperature, Rebar, Relax, ScoreFunction};
use relaxit::prelude::*;
use relaxit::relaxation::{GeneralizedGumbelSoftmax, HardConcrete, RebarRelaxation, Tempered};
use relaxit::schedule::Anneal;
use relaxit::testing::{Case, gradient};

use toy::{Boxed, DRAWS, power};

/// The autodiff device, in a precision.
fn options(dtype: DType) -> TensorCreationOptions {
    TensorCreationOptions::new(Device::flex().autodiff()).with_dtype(dtype)
}

fn network(row: &[usize], dtype: DType) -> Network {
    Network::new(row, &[4], &mut Noise::seeded(5), options(dtype)).unwrap()
}

/// RELAX as in its paper: the relaxed objective and a network, at a learned temperature.
fn relax(row: &[usize], dtype: DType) -> LearnedTemperature<Relax<Sum<RelaxedObjective, Network>>> {
    let control = Sum(RelaxedObjective::learned(options(dtype)), network(row, dtype));
    LearnedTemperature::new(Relax::new(control), 0.5, options(dtype)).unwrap()
}

/// Every estimator that learns, for rows of `entries` variables, at parameters that are no special ones.
fn learning<R: Tempered<2> + 'static>(entries: usize, dtype: DType) -> Vec<(&'static str, Boxed<R>)>
where
    R::Hard: Density<2>,
{
    let rebar = || Rebar::new(0.5, options(dtype)).unwrap();
    let moved = Relax::new(TowardsMean(Sum(RelaxedObjective::learned(options(dtype)), network(&[entries], dtype))));
    let mut all: Vec<(&str, Boxed<R>)> = vec![
        ("REBAR", Box::new(rebar())),
        ("REBAR with an offset", Box::new(rebar().with_offset())),
        ("REBAR towards the mean", Box::new(rebar().with_offset().towards_mean())),
        ("REBAR with fresh noise", Box::new(rebar().uncoupled())),
        ("RELAX", Box::new(relax(&[entries], dtype))),
        ("RELAX towards the mean", Box::new(LearnedTemperature::new(moved, 0.5, options(dtype)).unwrap())),
        ("RELAX with a network alone", Box::new(Relax::new(network(&[entries], dtype)))),
    ];
    for (_, estimator) in &mut all {
        let parameters = estimator.parameters();
        let total = parameters.iter().map(|leaf| leaf.dims()[0]).sum::<usize>();
        set(&mut **estimator, &(0..total).map(|index| 0.4 * (1.0 + 2.3 * index as f64).sin()).collect::<Vec<_>>());
    }
    all
}

/// Puts numbers into the parameters of an estimator, laid end to end.
fn set<R: Relaxation<2>>(estimator: &mut dyn Estimator<R, 2>, values: &[f64]) {
    let mut rest = values;
    let parameters = estimator.parameters().into_iter().map(|leaf| {
        let (these, others) = rest.split_at(leaf.dims()[0]);
        rest = others;
        let data = TensorData::new(these.to_vec(), [these.len()]);
        Tensor::<1>::from_data(data, (&leaf.device(), leaf.dtype())).require_grad()
    });
    let parameters = parameters.collect();
    assert!(rest.is_empty());
    estimator.set_parameters(parameters);
}

fn bits(logits: &[f64]) -> Case<RelaxedBernoulli<2>> {
    Case::new("bits", logits, |p| RelaxedBernoulli::from_logits(p, 0.7).unwrap()).with_draws(DRAWS)
}

fn choice(logits: &[f64]) -> Case<RelaxedOneHotCategorical<2>> {
    Case::new("choice", logits, |p| RelaxedOneHotCategorical::from_logits(p, 0.7).unwrap()).with_draws(DRAWS)
}

fn tuner(rate: f64) -> Tuner {
    Tuner::new(Anneal::Constant(rate)).unwrap()
}

/// An estimator of nothing whose parameters descend a function of theirs.
struct Descends(Vec<Tensor<1>>);

impl Estimator<RelaxedBernoulli<2>, 2> for Descends {
    fn name(&self) -> &'static str {
        "descends"
    }
    fn bias(&self) -> relaxit::estimator::Bias {
        relaxit::estimator::Bias::Biased
    }
    fn references(&self) -> &'static [relaxit::reference::Reference] {
        &[]
    }
    fn estimate(&mut self, _: &RelaxedBernoulli<2>, _: &dyn Objective<2>, _: &mut Noise) -> Estimate<2> {
        unreachable!("only its parameters are of interest")
    }
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.0.clone()
    }
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.0 = parameters;
    }
}

impl Descends {
    fn from(values: &[&[f64]]) -> Self {
        let device = Device::flex().autodiff();
        let leaf = |values: &&[f64]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            Tensor::<1>::from_data(data, (&device, DType::F64)).require_grad()
        };
        Self(values.iter().map(leaf).collect())
    }

    fn values(&self) -> Vec<f64> {
        self.0.iter().flat_map(|leaf| leaf.to_data().try_into_vec::<f64>().unwrap()).collect()
    }
}

#[test]
fn a_tuner_finds_the_bottom_of_a_bowl() {
    let mut estimator = Descends::from(&[&[3.0, -1.0], &[0.5]]);
    let mut tuner = Tuner::new("exponential:0.1->1e-4@400".parse::<Anneal>().unwrap()).unwrap();
    for _ in 0..500 {
        let [two, one] = [0, 1].map(|index| estimator.0[index].clone());
        let bowl = (two - 1.0).square().sum() + (one + 2.0).square().sum() * 5.0;
        tuner.step(&mut estimator, bowl);
    }
    assert_eq!(tuner.steps(), 500);
    for (got, bottom) in estimator.values().into_iter().zip([1.0, 1.0, -2.0]) {
        assert!((got - bottom).abs() < 1e-2, "{got} {bottom}");
    }
}

#[test]
fn a_gradient_is_shortened_and_one_that_is_not_finite_is_left_out() {
    // Adam's moments after one step say what gradient it saw: 0.1 g.
    let seen = |tuner: &mut Tuner, gradient: [f64; 3]| {
        let mut estimator = Descends::from(&[&[0.0, 0.0], &[0.0]]);
        let weights = Tensor::<1>::from_data(gradient, (&Device::flex().autodiff(), DType::F64));
        let all = Tensor::cat(estimator.0.clone(), 0);
        tuner.step(&mut estimator, (all * weights).sum());
        let moments = tuner.state(&estimator).moments.unwrap();
        moments.first.try_into_vec::<f64>().unwrap().into_iter().map(|first| first / 0.1).collect::<Vec<f64>>()
    };
    let close = |got: Vec<f64>, expected: [f64; 3]| {
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?} {expected:?}");
    };
    close(seen(&mut tuner(0.1), [3.0, 0.0, 4.0]), [3.0, 0.0, 4.0]);
    close(seen(&mut tuner(0.1).with_largest_norm(1.0).unwrap(), [3.0, 0.0, 4.0]), [0.6, 0.0, 0.8]);
    close(seen(&mut tuner(0.1).with_largest_norm(6.0).unwrap(), [3.0, 0.0, 4.0]), [3.0, 0.0, 4.0]);
    close(seen(&mut tuner(0.1).with_largest_norm(1.0).unwrap(), [3e200, 0.0, 4e200]), [0.6, 0.0, 0.8]);
    close(seen(&mut tuner(0.1).with_largest_norm(1.0).unwrap(), [0.0; 3]), [0.0; 3]);
    close(seen(&mut tuner(0.1), [f64::NAN, 1.0, f64::INFINITY]), [0.0, 1.0, 0.0]);
}

#[test]
fn a_tuner_refuses_bad_numbers() {
    for rate in [-1.0, f64::NAN, f64::INFINITY] {
        let error = Tuner::new(move |_| rate).unwrap_err();
        assert!(matches!(error, Error::Parameter { parameter: "learning_rate", .. }), "{error}");
    }
    for norm in [0.0, -1.0, f64::NAN] {
        let error = tuner(0.1).with_largest_norm(norm).unwrap_err();
        assert!(matches!(error, Error::Parameter { parameter: "largest_norm", .. }), "{error}");
    }
    // A rate that goes bad on the way moves nothing, and leaves no NaN.
    let mut estimator = Descends::from(&[&[1.0]]);
    let mut tuner = Tuner::new(|step| if step == 0 { 0.5 } else { f64::NAN }).unwrap();
    for _ in 0..3 {
        let bowl = estimator.0[0].clone().square().sum();
        tuner.step(&mut estimator, bowl);
    }
    assert!((estimator.values()[0] - 0.5).abs() < 1e-6, "{:?}", estimator.values());
}

fn rebar_at(device: &Device) -> (Boxed<RelaxedBernoulli<2>>, RelaxedBernoulli<2>) {
    let eta = Tensor::<1>::ones([1], device).require_grad();
    let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([16, 3], device).require_grad(), 0.5).unwrap();
    (Box::new(Relax::new(RelaxedObjective::new(eta))), at)
}

#[test]
fn a_resumed_tuner_continues_to_the_same_bits() {
    let device = Device::flex().autodiff();
    let toy = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
    let train = |tuner: &mut Tuner, rebar: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, noise: &mut Noise| {
        let at = rebar_at(&device).1;
        for _ in 0..5 {
            let estimate = rebar.estimate(&at, &toy, noise);
            tuner.step(rebar, estimate.tuning.unwrap());
        }
        tuner.state(rebar)
    };
    let rate: Anneal = "linear:0.1->0.01@10".parse().unwrap();
    let (mut whole, mut noise) = (Tuner::new(rate).unwrap(), Noise::seeded(0));
    let (mut rebar, _) = rebar_at(&device);
    let half = train(&mut whole, &mut *rebar, &mut noise);
    let noise_then = noise.state();
    let end = train(&mut whole, &mut *rebar, &mut noise);

    let text = serde_json::to_string(&half).unwrap();
    let read: TunerState = serde_json::from_str(&text).unwrap();
    assert_eq!(read, half);
    let (mut resumed, (mut rebar, _)) = (Tuner::new(rate).unwrap(), rebar_at(&device));
    resumed.resume(read, &mut *rebar).unwrap();
    assert_eq!(resumed.steps(), 5);
    assert_eq!(train(&mut resumed, &mut *rebar, &mut Noise::from_state(noise_then)), end);
    assert_ne!(half, end);
}

#[test]
fn a_state_of_another_estimator_is_refused() {
    let (mut three, mut two) = (Descends::from(&[&[1.0, 2.0], &[3.0]]), Descends::from(&[&[1.0, 2.0]]));
    let mut trained = tuner(0.1);
    let bowl = three.0[0].clone().square().sum();
    trained.step(&mut three, bowl);
    let state = trained.state(&three);
    let error = tuner(0.1).resume(state.clone(), &mut two).unwrap_err();
    assert!(matches!(error, Error::Shape { parameter: "state.parameters", .. }), "{error}");
    let torn = TunerState { parameters: state.parameters[..1].to_vec(), ..state };
    let error = tuner(0.1).resume(torn, &mut two).unwrap_err();
    assert!(matches!(error, Error::Shape { parameter: "state.moments", .. }), "{error}");
    assert_eq!(two.values(), [1.0, 2.0]);
}

/// A baseline of one number that descends the squared advantage: it must end at the mean of the values.
struct Learned(Tensor<1>);

impl Baseline<2> for Learned {
    fn advantage(&mut self, value: Tensor<2>, _: &Tensor<2>) -> Tensor<2> {
        value - self.0.clone().reshape([1, 1])
    }
    fn parameters(&self) -> Vec<Tensor<1>> {
        vec![self.0.clone()]
    }
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.0 = parameters.into_iter().next().unwrap();
    }
}

#[test]
fn a_baseline_learns_the_mean_and_leaves_the_gradient_alone() {
    let device = Device::flex().autodiff();
    let baseline = Learned(Tensor::zeros([1], &device).require_grad());
    let mut estimator: Boxed<RelaxedBernoulli<2>> = Box::new(ScoreFunction::with_baseline(baseline));
    let mut tuner = Tuner::new("exponential:0.3->1e-3@150".parse::<Anneal>().unwrap()).unwrap();
    let mut noise = Noise::seeded(0);
    for _ in 0..200 {
        let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([500, 2], &device).require_grad(), 0.5).unwrap();
        let leaf = estimator.parameters().remove(0);
        let estimate = estimator.estimate(&at, &|b: Tensor<2>| b.sum_dim(1) * 3.0 + 1.0, &mut noise);
        assert!(leaf.grad(&estimate.surrogate.backward()).is_none(), "the surrogate must not train the baseline");
        tuner.step(&mut *estimator, estimate.tuning.unwrap());
    }
    let baseline = estimator.parameters().remove(0).into_scalar::<f32>();
    assert!((baseline - 4.0).abs() < 0.1, "{baseline}"); // E = 3 · (½ + ½) + 1
}

#[test]
#[should_panic(expected = "number and lengths of the old")]
fn parameters_of_another_length_are_a_programming_error() {
    let (mut rebar, _) = rebar_at(&Device::flex().autodiff());
    rebar.set_parameters(vec![Tensor::zeros([2], &Device::flex().autodiff())]);
}

#[test]
fn learned_control_variates_leave_the_gradient_without_bias() {
    for logits in [&[-6.0, 0.0, 2.0]] {
        for exponent in [1, 2, 3] {
            for (_, mut estimator) in learning(logits.len(), DType::F32) {
                gradient::claim::<_, 1>(&bits(logits), &mut *estimator, &power(exponent)).assert();
            }
        }
    }
    for logits in [&[1.0, 2.5, -6.0]] {
        for exponent in [1, 2, 3] {
            for (_, mut estimator) in learning(logits.len(), DType::F32) {
                gradient::claim::<_, 0>(&choice(logits), &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

#[test]
fn every_tempered_relaxation_serves() {
    let logits = [0.5, -1.5];
    let rebar = Case::new("REBAR's", &logits, |p| RebarRelaxation::from_logits(p, 0.7).unwrap());
    let gate = Case::new("a gate", &logits, |p| HardConcrete::from_logits(p, 0.7).unwrap());
    let count = Case::new("a count", &logits, |p| {
        let atoms = Tensor::from_floats([0.0, 2.0], &p.device());
        GeneralizedGumbelSoftmax::from_logits(p, atoms, 0.7).unwrap()
    });
    for (_, mut estimator) in learning(2, DType::F32) {
        gradient::claim::<_, 1>(&rebar, &mut *estimator, &power(2)).assert();
    }
    for (_, mut estimator) in learning(2, DType::F32) {
        gradient::claim::<_, 1>(&gate, &mut *estimator, &power(2)).assert();
    }
    for (_, mut estimator) in learning(2, DType::F32) {
        gradient::claim::<_, 0>(&count, &mut *estimator, &power(2)).assert();
    }
}

/// The law at another temperature is the law built there; moved towards the mean and hot, it is the mean.
fn is_tempered<R: Tempered<2>>(build: impl Fn(f64) -> R, mean: Tensor<2>) {
    let (built, moved) = (build(0.3), build(2.0).with_temperature(0.3).unwrap());
    let sample = |law: &R| law.rsample(&mut Noise::seeded(3)).to_data();
    assert_eq!(sample(&built), sample(&moved));
    assert_ne!(sample(&built), sample(&build(2.0)));
    assert!(matches!(built.with_temperature(0.0), Err(Error::Parameter { parameter: "temperature", .. })));
    let hot = built.with_temperature(1e5).unwrap();
    let z = hot.latent().rsample(&mut Noise::seeded(4));
    assert!(hot.squash(hot.towards_mean(z)).all_close(mean, None, Some(1e-3)));
    // Cold, nothing is moved but by less than the latent's own scale.
    let cold = built.with_temperature(1e-3).unwrap();
    let z = cold.latent().rsample(&mut Noise::seeded(4));
    let (still, moved) = (cold.squash(z.clone()), cold.squash(cold.towards_mean(z)));
    assert!(still.all_close(moved, None, Some(1e-2)));
}

#[test]
fn relaxations_change_their_temperature() {
    let device = Device::flex();
    let logits = Tensor::<2>::from_floats([[0.7, -1.2, 2.0]], &device);
    let at = |temperature| (logits.clone(), temperature);
    let bit = at(0.5).0.clone();
    let probs = Bernoulli::from_logits(bit).probs();
    is_tempered(|t| RelaxedBernoulli::from_logits(at(t).0, t).unwrap(), probs.clone());
    is_tempered(|t| RebarRelaxation::from_logits(at(t).0, t).unwrap(), probs.clone());
    let stretched = (probs * 1.3 - 0.15).clamp(0.0, 1.0);
    is_tempered(|t| HardConcrete::from_logits(at(t).0, t).unwrap().with_stretch(-0.15, 1.15).unwrap(), stretched);
    let mean = OneHotCategorical::from_logits(logits.clone()).unwrap().probs();
    is_tempered(|t| RelaxedOneHotCategorical::from_logits(at(t).0, t).unwrap(), mean.clone());
    let atoms = Tensor::<1>::from_floats([0.0, 1.0, 5.0], &device);
    is_tempered(|t| GeneralizedGumbelSoftmax::from_logits(at(t).0, atoms.clone(), t).unwrap(), mean);
}

#[test]
fn a_network_is_what_it_says() {
    // Two inputs, two hidden units, against the same sums on paper.
    let mut network = Network::new(&[2], &[2], &mut Noise::seeded(0), options(DType::F64)).unwrap();
    let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([1, 2], options(DType::F64)), 0.5).unwrap();
    let start = ControlVariate::<RelaxedBernoulli<2>, 2>::parameters(&network).remove(0);
    let start: Vec<f64> = start.try_into_vec_as().unwrap();
    assert_eq!(start.len(), 9);
    assert!(start[..6].iter().all(|w| w.abs() <= 0.5_f64.sqrt() && *w != 0.0), "{start:?}");
    assert_eq!(start[6..], [0.0; 3]);
    let w = [0.3, -0.2, 0.7, 0.1, 0.05, -0.4, 1.5, -2.0, 0.25];
    let leaf = Tensor::<1>::from_data(w, options(DType::F64)).require_grad();
    ControlVariate::<RelaxedBernoulli<2>, 2>::set_parameters(&mut network, vec![leaf]);
    let z = Tensor::<2>::from_data([[0.8, -1.1]], options(DType::F64));
    let x = [0.8_f64, -1.1].map(|z| 2.0 / (1.0 + (-z).exp()) - 1.0);
    let hidden = [0, 1].map(|unit| (x[0] * w[unit] + x[1] * w[2 + unit] + w[4 + unit]).tanh());
    let expected = hidden[0] * w[6] + hidden[1] * w[7] + w[8];
    let got: f64 = network.value(&at, z, &|y: Tensor<2>| y).into_scalar();
    assert!((got - expected).abs() < 1e-12, "{got} {expected}");
}

#[test]
fn a_network_without_variables_or_units_is_refused() {
    let new = |row: &[usize], hidden: &[usize]| Network::new(row, hidden, &mut Noise::seeded(0), options(DType::F32));
    for (error, name) in [(new(&[3, 0], &[4]).unwrap_err(), "row"), (new(&[3], &[4, 0]).unwrap_err(), "hidden")] {
        assert!(matches!(error, Error::Parameter { parameter, .. } if parameter == name), "{error}");
    }
    assert!(new(&[3], &[]).is_ok());
}

/// `[2, 5]` rows of three bits are ten rows of three bits; `[0]` rows are none.
#[test]
fn a_batch_may_have_any_shape() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::from_floats([[0.4, -1.0, 0.8]], &device).repeat_dim(0, 10);
    let gradients = |flat: bool| {
        let leaf = logits.clone().require_grad();
        let (estimate, parameters) = if flat {
            let mut relax = relax(&[3], DType::F32);
            let at = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap();
            let f = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
            let estimate = relax.estimate(&at, &f, &mut Noise::seeded(0));
            assert_eq!(estimate.value.dims(), [10, 1]);
            ((estimate.surrogate, estimate.tuning), Estimator::<RelaxedBernoulli<2>, 2>::parameters(&relax))
        } else {
            let mut relax = relax(&[3], DType::F32);
            let at = RelaxedBernoulli::from_logits(leaf.clone().reshape([2, 5, 3]), 0.5).unwrap();
            let f = |b: Tensor<3>| (b - 0.45).square().sum_dim(2);
            let estimate = relax.estimate(&at, &f, &mut Noise::seeded(0));
            assert_eq!(estimate.value.dims(), [2, 5, 1]);
            ((estimate.surrogate, estimate.tuning), Estimator::<RelaxedBernoulli<3>, 3>::parameters(&relax))
        };
        let gradients = estimate.1.unwrap().backward();
        let tuning = parameters.iter().map(|leaf| leaf.grad(&gradients).unwrap());
        (leaf.grad(&estimate.0.backward()).unwrap(), Tensor::cat(tuning.collect(), 0))
    };
    let ((flat, flat_tuning), (deep, deep_tuning)) = (gradients(true), gradients(false));
    assert!(flat.all_close(deep, None, Some(1e-6)));
    assert!(flat_tuning.clone().abs().max().into_scalar::<f32>() > 1e-4);
    assert!(flat_tuning.all_close(deep_tuning, None, Some(1e-6)));

    let none = RelaxedBernoulli::from_logits(logits.slice_dim(0, 0..0).require_grad(), 0.5).unwrap();
    for (_, mut estimator) in learning(3, DType::F32) {
        let estimate = estimator.estimate(&none, &power(2), &mut Noise::seeded(0));
        assert_eq!(estimate.value.dims(), [0, 1]);
    }
}

#[test]
fn parameters_of_the_objective_get_their_gradient_once() {
    let device = Device::flex().autodiff();
    for (name, mut estimator) in learning::<RelaxedBernoulli<2>>(2, DType::F32) {
        let weight = Tensor::<2>::full([1, 1], 2.0, &device).require_grad();
        let f = |b: Tensor<2>| b.sum_dim(1) * weight.clone() + 5.0;
        let logits = Tensor::<2>::zeros([4000, 2], &device).require_grad();
        let at = RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
        let estimate = estimator.estimate(&at, &f, &mut Noise::seeded(0));
        let expected = (estimate.value.clone().mean().into_scalar::<f64>() - 5.0) / 2.0;
        let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
        assert!((got - expected).abs() < 1e-4, "{name}: {got} {expected}");
    }
}

fn stays_finite<R: Relaxation<2>>(
    name: &str,
    estimator: &mut dyn Estimator<R, 2>,
    logits: &Tensor<2>,
    log_temperature: f64,
    build: impl Fn(Tensor<2>) -> R,
) {
    let mut parameters = estimator.parameters();
    if parameters[0].dims() == [1] {
        parameters[0] = parameters[0].clone().inner().full_like(log_temperature).autodiff().require_grad();
        estimator.set_parameters(parameters);
    }
    let finite = |x: Tensor<1>, what: &str| assert!(x.is_finite().all().into_scalar::<bool>(), "{what}");
    let leaf = logits.clone().require_grad();
    let what = format!("{name} at {} and ln λ = {log_temperature}", leaf.clone().slice([0..1, 0..1]));
    let estimate = estimator.estimate(&build(leaf.clone()), &power(2), &mut Noise::seeded(0));
    finite(leaf.grad(&estimate.surrogate.backward()).unwrap().flatten(0, 1), &what);
    let gradients = estimate.tuning.unwrap().backward();
    estimator.parameters().iter().filter_map(|p| p.grad(&gradients)).for_each(|g| finite(g, &what));
}

#[test]
fn extreme_logits_and_temperatures_stay_finite() {
    for extreme in [-1e4, -50.0, 50.0, 1e4] {
        for log_temperature in [-50.0, 0.0, 50.0] {
            let bits = Tensor::<2>::from_floats([[extreme, 0.0, 1.0]], &Device::flex().autodiff()).repeat_dim(0, 50);
            for (name, mut estimator) in learning::<RelaxedBernoulli<2>>(3, DType::F32) {
                stays_finite(name, &mut *estimator, &bits, log_temperature, |p| {
                    RelaxedBernoulli::from_logits(p, 0.5).unwrap()
                });
            }
            for (name, mut estimator) in learning::<RelaxedOneHotCategorical<2>>(3, DType::F32) {
                stays_finite(name, &mut *estimator, &bits, log_temperature, |p| {
                    RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap()
                });
            }
        }
    }
}

/// Mean `‖ĝ‖²` over rows under common noise, and the gradient of `tuning`, at a point of parameter space.
fn square_and_tuning<R: Relaxation<2>>(
    estimator: &mut dyn Estimator<R, 2>,
    at: &dyn Fn(Tensor<2>) -> R,
    logits: &Tensor<2>,
    point: &[f64],
) -> (f64, Vec<f64>) {
    set(estimator, point);
    let leaf = logits.clone().require_grad();
    let rows = logits.dims()[0] as f64;
    let estimate = estimator.estimate(&at(leaf.clone()), &power(3), &mut Noise::seeded(4));
    let g = leaf.grad(&estimate.surrogate.backward()).unwrap() * rows;
    let gradients = estimate.tuning.unwrap().backward();
    let tuning = estimator.parameters().into_iter().flat_map(|leaf| {
        let gradient = leaf.grad(&gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
        gradient.try_into_vec_as::<f64>().unwrap()
    });
    (g.square().sum_dim(1).mean().into_scalar(), tuning.collect())
}

fn tuning_is_the_slope<R: Tempered<2> + 'static>(at: &dyn Fn(Tensor<2>) -> R)
where
    R::Hard: Density<2>,
{
    let logits = Tensor::<2>::from_data([[0.4, -1.0, 0.8]], options(DType::F64)).repeat_dim(0, 300);
    for (name, mut estimator) in learning::<R>(3, DType::F64) {
        let leaves = estimator.parameters();
        let point: Vec<f64> = leaves.into_iter().flat_map(|leaf| leaf.try_into_vec_as::<f64>().unwrap()).collect();
        let mut square = |point: &[f64]| square_and_tuning(&mut *estimator, at, &logits, point);
        let (_, tuning) = square(&point);
        let h = 1e-4;
        let slopes: Vec<f64> = (0..point.len())
            .map(|index| {
                let mut at = |sign: f64| {
                    let mut moved = point.clone();
                    moved[index] += sign * h;
                    square(&moved).0
                };
                (at(1.0) - at(-1.0)) / (2.0 * h)
            })
            .collect();
        let largest = slopes.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
        assert!(largest > 1e-3, "{name}: nothing to see in {slopes:?}");
        for (index, (got, expected)) in tuning.iter().zip(&slopes).enumerate() {
            assert!((got - expected).abs() < 1e-3 * largest, "{name}, parameter {index}: {got}, not {expected}");
        }
    }
}

/// For every parameter: logarithms of scale and temperature, offset, every weight of a network.
#[test]
fn tuning_is_the_slope_of_the_squared_gradient() {
    tuning_is_the_slope(&|p| RelaxedBernoulli::from_logits(p, 0.7).unwrap());
    tuning_is_the_slope(&|p| RelaxedOneHotCategorical::from_logits(p, 0.7).unwrap());
    tuning_is_the_slope(&|p| RebarRelaxation::from_logits(p, 0.7).unwrap());
}

/// REBAR on one bit and `f(b) = (b − t)²`, with one number of noise shared by `z` and `z̃`, derived on its own: mean and
/// variance of the gradient by quadrature over that number.
struct Toy {
    t: f64,
    logit: f64,
    towards_mean: bool,
}

impl Toy {
    fn gradient(&self, b: f64, perturbed: f64, [log_temperature, log_scale, offset]: [f64; 3]) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (temperature, scale, theta) = (log_temperature.exp(), log_scale.exp(), sigmoid(self.logit));
        let moved = if self.towards_mean { self.logit * temperature / (temperature + 1.0) } else { 0.0 };
        let y = sigmoid(perturbed / temperature + moved);
        // ∂z/∂φ = 1/λ;  ∂z̃/∂φ is 1/λ times the share of P(b) in the truncated tail.
        let share = (1.0 - (-perturbed.abs()).exp()) * if b > 0.5 { theta } else { 1.0 - theta };
        let path = 2.0 * (y - self.t) * y * (1.0 - y) * (1.0 - share) / temperature;
        ((b - self.t).powi(2) - scale * (y - self.t).powi(2) - offset) * (b - theta) + scale * path
    }

    fn mean_and_variance(&self, parameters: [f64; 3], nodes: u32) -> (f64, f64) {
        let theta = 1.0 / (1.0 + (-self.logit).exp());
        let (mut mean, mut square) = (0.0, 0.0);
        for (b, start, width) in [(0.0, 0.0, 1.0 - theta), (1.0, 1.0 - theta, theta)] {
            for node in 0..nodes {
                let u = start + width * (f64::from(node) + 0.5) / f64::from(nodes);
                let g = self.gradient(b, self.logit + (u / (1.0 - u)).ln(), parameters);
                mean += g * width / f64::from(nodes);
                square += g * g * width / f64::from(nodes);
            }
        }
        (mean, square - mean * mean)
    }
}

/// In expectation `∇ tuning` is the gradient of the variance. In η, in which ĝ is affine, a difference of the parabola is
/// exact; the offset is another such.
#[test]
fn tuning_is_the_gradient_of_the_variance() {
    const BATCHES: usize = 64;
    for dtype in [DType::F32, DType::F64] {
        for (logit, towards_mean) in [(0.0, false), (-1.5, false), (-1.5, true)] {
            let toy = Toy { t: 0.45, logit, towards_mean };
            let point = [0.2_f64, 0.7, 0.05];
            let (theta, h) = (1.0 / (1.0 + (-logit).exp()), 1e-4);
            let (mean, _) = toy.mean_and_variance(point, 20_000);
            assert!((mean - theta * (1.0 - theta) * 0.1).abs() < 1e-7, "the toy's own gradient: {mean}");
            let slopes: Vec<f64> = (0..3)
                .map(|index| {
                    let at = |sign: f64| {
                        let mut moved = point;
                        moved[index] += sign * h;
                        toy.mean_and_variance(moved, 20_000).1
                    };
                    (at(1.0) - at(-1.0)) / (2.0 * h)
                })
                .collect();

            let rebar = Rebar::new(0.5, options(dtype)).unwrap().with_offset();
            let mut estimator: Boxed<RelaxedBernoulli<2>> =
                if towards_mean { Box::new(rebar.towards_mean()) } else { Box::new(rebar) };
            set(&mut *estimator, &point);
            let leaf = Tensor::<2>::full([2048, 1], logit, options(dtype)).require_grad();
            let at = RelaxedBernoulli::from_logits(leaf, 3.0).unwrap();
            let mut noise = Noise::seeded(11);
            let f = |b: Tensor<2>| (b - toy.t).square();
            let draws: Vec<Vec<f64>> = (0..BATCHES)
                .map(|_| {
                    let gradients = estimator.estimate(&at, &f, &mut noise).tuning.unwrap().backward();
                    let gradient = |leaf: &Tensor<1>| leaf.grad(&gradients).unwrap().into_scalar::<f64>();
                    estimator.parameters().iter().map(gradient).collect()
                })
                .collect();
            for (index, slope) in slopes.iter().enumerate() {
                let column: Vec<f64> = draws.iter().map(|draw| draw[index]).collect();
                let mean = column.iter().sum::<f64>() / BATCHES as f64;
                let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (BATCHES - 1) as f64;
                let standard_error = (variance / BATCHES as f64).sqrt();
                let z = (mean - slope) / standard_error;
                // A million to one for Student's law with 63 degrees of freedom; and it must be able to tell.
                assert!(z.abs() < 5.4, "{dtype:?} {logit} {towards_mean}, parameter {index}: {mean}, not {slope}");
                assert!(standard_error < 0.05 * slope.abs(), "{dtype:?} {logit} {index}: {standard_error} {slope}");
            }
        }
    }
}

/// The variance of REINFORCE on the toy problem.
fn reinforce(t: f64, logit: f64) -> f64 {
    let theta = 1.0 / (1.0 + (-logit).exp());
    theta * (1.0 - theta) * ((1.0 - theta) * (1.0 - t).powi(2) + theta * t * t).powi(2)
}

/// How many times less variance than REINFORCE's `estimator` has on the toy problem.
fn gain(estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, t: f64, logit: f64) -> f64 {
    let (_, rows) = gradient::draws(&bits(&[logit]), estimator, &|b: Tensor<2>| (b - t).square(), 1 << 17);
    reinforce(t, logit) / rows.var(0).into_scalar::<f64>()
}

/// Trains 64 rows on the toy problem, from where the papers start: λ = ½, η = 1, a network that is 0. The logit moves down
/// its gradient by `pace` a step; returns where it ends.
fn train(estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, t: f64, logit: f64, pace: f64, steps: usize) -> f64 {
    let (mut tuner, mut noise) = (tuner(0.03), Noise::seeded(0));
    for step in 0..steps {
        // No leaf: a surrogate that nobody differentiates would pile up in the graph.
        let logits = Tensor::<2>::full([64, 1], logit - pace * step as f64, options(DType::F32));
        let at = RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
        let estimate = estimator.estimate(&at, &|b: Tensor<2>| (b - t).square(), &mut noise);
        tuner.step(estimator, estimate.tuning.unwrap());
    }
    logit - pace * steps as f64
}

/// Every kind of REBAR and RELAX from the papers' start, with the steps that it needs.
fn from_the_start() -> Vec<(&'static str, usize, Boxed<RelaxedBernoulli<2>>)> {
    let rebar = || Rebar::new(0.5, options(DType::F32)).unwrap();
    let network = Network::new(&[1], &[10], &mut Noise::seeded(5), options(DType::F32)).unwrap();
    vec![
        ("REBAR", 2500, Box::new(rebar())),
        ("REBAR towards the mean", 2500, Box::new(rebar().towards_mean())),
        ("REBAR with an offset", 300, Box::new(rebar().with_offset())),
        ("RELAX", 300, Box::new(LearnedTemperature::new(Relax::new(network), 0.5, options(DType::F32)).unwrap())),
        ("RELAX and REBAR", 300, Box::new(relax(&[1], DType::F32))),
    ]
}

#[test]
fn trained_control_variates_beat_reinforce_tenfold() {
    for logit in [0.0, -0.85, -3.0] {
        for (name, steps, mut estimator) in from_the_start() {
            let before = gain(&mut *estimator, 0.45, logit);
            train(&mut *estimator, 0.45, logit, 0.0, steps);
            let after = gain(&mut *estimator, 0.45, logit);
            assert!(before < 2.0 && after > 10.0, "{name} at {logit}: {before}, trained {after}");
        }
    }
}

/// While the logit runs away from 0 as Adam at rate 0.01 drives it, plain REBAR, whose way is long, does not keep up.
#[test]
fn trained_control_variates_keep_up_with_a_moving_logit() {
    for (name, _, mut estimator) in from_the_start().into_iter().skip(1) {
        let logit = train(&mut *estimator, 0.45, 0.0, 0.01, 300);
        let gain = gain(&mut *estimator, 0.45, logit);
        assert!(gain > 10.0, "{name} at {logit}: {gain}");
    }
}

/// Where the scaled relaxed objective can do it, exactly: the relaxed `(y − t)²` is smallest between the outcomes, so at
/// low temperatures it is no baseline; at high ones `y → ½`, and `η (½ − t)²` is one at `t = 0.45`, with η near 100, but
/// none at `t = 0.499` with an η below 400. There the offset is needed, or the correction towards the mean away from `θ = ½`.
#[test]
fn what_the_relaxed_objective_alone_can_do() {
    let best = |t: f64, logit: f64, towards_mean: bool, log_temperature: f64, offset: f64| {
        let toy = Toy { t, logit, towards_mean };
        let scales = (-20..=12).map(|step| f64::from(step) * 0.5);
        let variances = scales.map(|scale| toy.mean_and_variance([log_temperature, scale, offset], 1000).1);
        reinforce(t, logit) / variances.fold(f64::INFINITY, f64::min)
    };
    let temperatures = [0.1_f64, 0.5, 2.0, 8.0, 64.0, 512.0].map(f64::ln);
    let over_temperatures =
        |t, logit, towards_mean| temperatures.map(|log_temperature| best(t, logit, towards_mean, log_temperature, 0.0));
    let largest = |gains: [f64; 6]| gains.into_iter().fold(0.0, f64::max);
    for logit in [0.0, -0.85, -3.0] {
        let gains = over_temperatures(0.45, logit, false);
        assert!(largest([gains[0], gains[1], gains[2], 0.0, 0.0, 0.0]) < 1.05, "{logit}: {gains:?}");
        assert!(gains[4] > 10.0 && gains[5] > 10.0, "{logit}: {gains:?}");
        assert!(largest(over_temperatures(0.499, logit, false)) < 1.05);
        if logit < 0.0 {
            assert!(largest(over_temperatures(0.499, logit, true)) > 10.0);
        }
    }
    // A score takes two values on one bit, so the best constant takes all variance away.
    for (t, logit) in [(0.45_f64, 0.0), (0.499, 0.0), (0.499, -3.0)] {
        let theta = 1.0 / (1.0 + f64::exp(-logit));
        let constant = (1.0 - theta) * (1.0 - t).powi(2) + theta * t * t;
        assert!(best(t, logit, false, 0.5, constant) > 1e4);
    }
}

/// Where relaxation and control variate push their derivatives forward, nothing is left of the error of a difference.
fn is_exact<R: Tempered<2> + 'static>(at: &dyn Fn(Tensor<2>) -> R)
where
    R::Hard: Density<2>,
{
    let logits = Tensor::<2>::from_data([[0.4, -1.0, 0.8]], options(DType::F64)).repeat_dim(0, 100);
    let network = |hidden: &[usize]| Network::new(&[3], hidden, &mut Noise::seeded(5), options(DType::F64)).unwrap();
    let estimators: [Boxed<R>; 3] = [
        Box::new(LearnedTemperature::new(Relax::new(network(&[4])), 0.5, options(DType::F64)).unwrap()),
        Box::new(LearnedTemperature::new(Relax::new(network(&[3, 2])), 0.5, options(DType::F64)).unwrap()),
        Box::new(Relax::new(network(&[])).uncoupled()),
    ];
    for mut estimator in estimators {
        let total = estimator.parameters().iter().map(|leaf| leaf.dims()[0]).sum::<usize>();
        let point: Vec<f64> = (0..total).map(|index| 0.8 * (1.0 + 2.3 * index as f64).sin()).collect();
        let mut square = |point: &[f64]| square_and_tuning(&mut *estimator, at, &logits, point);
        let (_, tuning) = square(&point);
        let (h, largest) = (1e-4, tuning.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs())));
        for index in 0..total {
            let mut at = |sign: f64| {
                let mut moved = point.clone();
                moved[index] += sign * h;
                square(&moved).0
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * h);
            assert!(
                (tuning[index] - slope).abs() < 1e-6 * largest,
                "parameter {index}: {}, not {slope}",
                tuning[index]
            );
        }
    }
}

#[test]
fn a_network_is_differentiated_exactly() {
    is_exact(&|p| RelaxedBernoulli::from_logits(p, 0.7).unwrap());
    is_exact(&|p| RelaxedOneHotCategorical::from_logits(p, 0.7).unwrap());
    is_exact(&|p: Tensor<2>| {
        let atoms = Tensor::from_floats([0.0, 2.0, 5.0], &p.device());
        GeneralizedGumbelSoftmax::from_logits(p, atoms, 0.7).unwrap()
    });
}

/// Tangents of both latents and of their relaxed samples against central differences.
fn moves_as_it_says<R: Tempered<2>>(at: &dyn Fn(Tensor<2>) -> R) {
    let device = Device::flex();
    let logits = Tensor::<2>::from_data([[0.4, -1.0, 0.8]], (&device, DType::F64)).repeat_dim(0, 500);
    let mut noise = Noise::seeded(6);
    let direction = noise.draw::<2>(Base::Normal, [500, 3], (&device, DType::F64));
    let law = at(logits.clone());
    let [u, v] = [0, 1].map(|_| noise.draw::<2>(R::BASE, law.noise_shape(), (&device, DType::F64)));
    let b = law.threshold(law.latent().transport(u.clone()));
    let latents = |by: f64| {
        let law = at(logits.clone() + direction.clone() * by);
        [law.latent().transport(u.clone()), law.latent_given(b.clone(), v.clone())].map(|z| (law.squash(z.clone()), z))
    };
    let tangents = law.tangents(u.clone(), b.clone(), v.clone(), direction.clone()).unwrap();
    let h = 1e-5;
    for ((tangent, ahead), behind) in tangents.into_iter().zip(latents(h)).zip(latents(-h)) {
        let slope = |ahead: Tensor<2>, behind: Tensor<2>| (ahead - behind) * (0.5 / h);
        assert!(tangent.relaxed.all_close(slope(ahead.0, behind.0), Some(1e-6), Some(1e-8)));
        assert!(tangent.latent.all_close(slope(ahead.1, behind.1), Some(1e-6), Some(1e-8)));
    }
}

#[test]
fn latents_move_as_they_say() {
    moves_as_it_says(&|p| RelaxedBernoulli::from_logits(p, 0.7).unwrap());
    moves_as_it_says(&|p| RelaxedOneHotCategorical::from_logits(p, 0.7).unwrap());
}
