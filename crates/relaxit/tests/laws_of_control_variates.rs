//! Control variates that learn: what trains them, what they are trained on, and what it gains.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, TensorData};
use relaxit::Error;
use relaxit::control::{RelaxedObjective, Tuner, TunerState};
use relaxit::estimator::{Baseline, Estimate, Relax, ScoreFunction};
use relaxit::prelude::*;
use relaxit::schedule::Anneal;

type Boxed<R> = Box<dyn Estimator<R, 2>>;

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
