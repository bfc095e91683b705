//! Estimators that compare several samples, held to their claims.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

mod toy;

use burn::tensor::{DType, Shape, TensorData};
use relaxit::control::Tuner;
use relaxit::estimator::{Bias, DoubleControlVariate, Estimate, ExactBound, Rloo, Rodeo, Target, Vimco};
use relaxit::objective::{Counted, Objective};
use relaxit::prelude::*;
use relaxit::reference::Reference;
use relaxit::relaxation::RebarRelaxation;
use relaxit::schedule::{Anneal, Curve};
use relaxit::testing::{Case, Z_MILLION, gradient};

use toy::{Boxed, DRAWS, bits, choice, logit, logits_of, power};

fn double(samples: usize, coefficient: f64) -> DoubleControlVariate {
    let device = Device::flex().autodiff();
    let coefficient = Tensor::<1>::from_data([coefficient], (&device, DType::F32)).require_grad();
    DoubleControlVariate::with_coefficient(samples, coefficient).unwrap()
}

/// With a surrogate that is far from 0, and trained by nobody.
fn rodeo(samples: usize) -> Rodeo {
    let device = Device::flex().autodiff();
    let mut noise = Noise::seeded(5);
    let mut rodeo = Rodeo::new(samples, 4, &device, &mut noise).unwrap();
    let estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2> = &mut rodeo;
    let mut random = |old: Tensor<1>| noise.draw(Base::Normal, old.dims(), &device).require_grad();
    estimator.set_parameters(estimator.parameters().into_iter().map(&mut random).collect());
    rodeo
}

fn of_every_latent<R>() -> Vec<Boxed<R>>
where
    R: Relaxation<2>,
    R::Hard: Density<2> + Enumerable<2> + Moments<2>,
{
    vec![
        Box::new(double(2, 0.0)),
        Box::new(double(2, -1.0)),
        Box::new(double(3, 0.8)),
        Box::new(rodeo(2)),
        Box::new(rodeo(3)),
        Box::new(Vimco::new(2).unwrap()),
        Box::new(Vimco::new(3).unwrap()),
        Box::new(Vimco::new(3).unwrap().with_arithmetic_mean()),
    ]
}

#[test]
fn unbiased_estimators_of_bits() {
    for probs in [&[0.3][..], &[0.001, 0.5, 0.999], &[0.2, 0.9, 0.6]] {
        let case = bits(&logits_of(probs));
        for exponent in [1, 2, 3] {
            for mut estimator in of_every_latent() {
                assert_eq!(estimator.bias(), Bias::Unbiased);
                gradient::claim::<_, 1>(&case, &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

#[test]
fn unbiased_estimators_of_other_relaxed_bits() {
    let case = Case::new("REBAR's relaxation", &[0.5, -1.5], |p| RebarRelaxation::from_logits(p, 0.5).unwrap());
    for mut estimator in of_every_latent() {
        gradient::claim::<_, 1>(&case, &mut *estimator, &power(2)).assert();
    }
}

#[test]
fn unbiased_estimators_of_a_choice() {
    for logits in [&[1.0, 2.5, 0.0][..], &[3.0, -3.0], &[0.0, 0.0, -6.0, 1.0]] {
        let case = choice(logits);
        for exponent in [1, 2, 3] {
            for mut estimator in of_every_latent() {
                gradient::claim::<_, 0>(&case, &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

/// Rows of two choices each, at rank 3: sites, events and rows must not be confused.
#[test]
fn several_choices_in_a_row() {
    let case = Case::new("two choices", &[0.5, -1.0, 0.2, 1.0, 0.0, -0.5], |p: Tensor<2>| {
        let rows = p.dims()[0];
        RelaxedOneHotCategorical::from_logits(p.reshape([rows, 2, 3]), 0.5).unwrap()
    });
    let case = case.with_draws(DRAWS);
    let weights = Tensor::<3>::from_floats([[[1.0, -0.7, 0.4], [0.3, 1.3, -1.1]]], &Device::flex().autodiff());
    let f = |b: Tensor<3>| ((b * weights.clone()).sum_dim(2).sum_dim(1) - 0.45).powi_scalar(3);
    let estimators: [Box<dyn Estimator<RelaxedOneHotCategorical<3>, 3>>; 3] =
        [Box::new(double(3, -0.7)), Box::new(rodeo(3)), Box::new(Vimco::new(2).unwrap())];
    for mut estimator in estimators {
        gradient::claim_at_rank::<_, 1, 3>(&case, &mut *estimator, &f).assert();
    }
}

/// Log-weights `log p(b) − log q(b)`, whose q is the law itself: the part of the gradient through them is `E[w ∇(−log q)]`.
#[test]
fn log_weights_may_depend_on_the_logits() {
    let device = Device::flex().autodiff();
    let gradients = |estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, rows: usize| {
        let leaf =
            Tensor::<2>::from_floats([[0.4, -1.2]], &device).inner().repeat_dim(0, rows).autodiff().require_grad();
        let at = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap();
        let log_p = power(2);
        let log_weight = |b: Tensor<2>| log_p(b.clone()) - at.hard().log_prob(b).sum_dim(1);
        let estimate = estimator.estimate(&at, &log_weight, &mut Noise::seeded(0));
        let gradient = leaf.grad(&estimate.surrogate.backward()).unwrap();
        (estimate.value.inner().cast(DType::F64), gradient.cast(DType::F64) * rows as f64)
    };
    let off = |x: Tensor<2>, exact: Tensor<2>| -> f64 {
        let (variance, mean) = x.var_mean(0);
        ((mean - exact).abs() / (variance * (DRAWS as f64).recip()).sqrt()).max().into_scalar()
    };
    for samples in [2, 3] {
        let (exact_bound, exact) = gradients(&mut ExactBound::<1>::new(samples).unwrap(), 1);
        let limit = [0.0, 1.0].map(|a| [0.0, 1.0].map(|b: f64| ((a - 0.7 * b - 0.45_f64).powi(2)).exp()));
        let limit = limit.iter().flatten().sum::<f64>().ln();
        let bound: f64 = exact_bound.clone().into_scalar();
        assert!(bound < limit && limit < bound + 0.5, "{bound} {limit}");
        for mut vimco in [Vimco::new(samples).unwrap(), Vimco::new(samples).unwrap().with_arithmetic_mean()] {
            let (bounds, rows) = gradients(&mut vimco, DRAWS);
            let (z_bound, z) = (off(bounds, exact_bound.clone()), off(rows, exact.clone()));
            assert!(z_bound < Z_MILLION && z < Z_MILLION, "{vimco:?} {z_bound} {z}");
        }
    }
}

/// The bound's gradient by its definition, with differences in place of derivatives.
#[test]
fn the_exact_bound_is_the_derivative_of_its_value() {
    let device = Device::flex().autodiff();
    let f = power(2);
    let at = |first: f64| {
        let leaf = Tensor::<2>::from_data([[first, -1.2]], (&device, DType::F64)).require_grad();
        let at = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap();
        let estimate = ExactBound::<1>::new(3).unwrap().estimate(&at, &f, &mut Noise::seeded(0));
        let gradient = leaf.grad(&estimate.surrogate.backward()).unwrap();
        (estimate.value.into_scalar::<f64>(), gradient.slice_dim(1, 0).into_scalar::<f64>())
    };
    let h = 1e-5;
    let difference = (at(0.4 + h).0 - at(0.4 - h).0) / (2.0 * h);
    assert!((at(0.4).1 - difference).abs() < 1e-9, "{} {difference}", at(0.4).1);
}

/// Wrong estimators of every kind must be caught.
#[test]
fn a_false_claim_is_caught() {
    /// Says that the bound's gradient is that of the expectation.
    struct WrongTarget(Vimco);
    impl Estimator<RelaxedBernoulli<2>, 2> for WrongTarget {
        fn name(&self) -> &'static str {
            "wrong-target"
        }
        fn bias(&self) -> Bias {
            Bias::Unbiased
        }
        fn references(&self) -> &'static [Reference] {
            &[]
        }
        fn estimate(&mut self, at: &RelaxedBernoulli<2>, f: &dyn Objective<2>, noise: &mut Noise) -> Estimate<2> {
            self.0.estimate(at, f, noise)
        }
    }
    let mut liar = WrongTarget(Vimco::new(2).unwrap());
    assert!(!gradient::claim::<_, 1>(&bits(&[0.5, -1.0]), &mut liar, &power(3)).passed());
}

#[test]
fn evaluations_are_counted() {
    let f = power(2);
    let of_bits: [(Boxed<RelaxedBernoulli<2>>, u64); 3] =
        [(Box::new(double(3, 0.5)), 60), (Box::new(rodeo(2)), 40), (Box::new(Vimco::new(4).unwrap()), 40)];
    for (mut estimator, evaluations) in of_bits {
        let counted = Counted::new(&f);
        let _ = gradient::draws(&bits(&[0.0, 1.0]), &mut *estimator, &counted, 10);
        assert_eq!(counted.evaluations(), evaluations, "{}", estimator.name());
    }
}

#[test]
fn parameters_of_the_objective_get_their_gradient_once() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::zeros([4000, 2], &device);
    for mut estimator in of_every_latent::<RelaxedBernoulli<2>>() {
        let weight = Tensor::<2>::full([1, 1], 2.0, &device).require_grad();
        let at = RelaxedBernoulli::from_logits(logits.clone().require_grad(), 0.5).unwrap();
        // Added to what the sample says: any average with weights of sum 1, as a bound's are, hands its gradient on.
        let f = |b: Tensor<2>| b.sum_dim(1) + weight.clone() * 3.0;
        let estimate = estimator.estimate(&at, &f, &mut Noise::seeded(0));
        let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
        // The backward pass sums 4000 terms in F32.
        assert!((got - 3.0).abs() < 1e-3, "{}: {got}", estimator.name());
        if estimator.target() == Target::Expectation {
            let f = |b: Tensor<2>| b.sum_dim(1) * weight.clone() + 5.0;
            let estimate = estimator.estimate(&at, &f, &mut Noise::seeded(0));
            let expected: f64 = (estimate.value.clone().mean().into_scalar::<f64>() - 5.0) / 2.0;
            let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
            assert!((got - expected).abs() < 1e-4, "{}: {got} {expected}", estimator.name());
        }
    }
}

#[test]
fn extreme_logits_and_empty_batches_stay_finite() {
    for logit in [-1e4, -50.0, 50.0, 1e4] {
        for mut estimator in of_every_latent() {
            let (_, g) = gradient::draws(&bits(&[logit, 0.0]), &mut *estimator, &power(2), 100);
            assert!(g.abs().max().into_scalar::<f64>().is_finite(), "{} {logit}", estimator.name());
        }
        for mut estimator in of_every_latent() {
            let (_, g) = gradient::draws(&choice(&[logit, 0.0, 1.0]), &mut *estimator, &power(2), 100);
            assert!(g.abs().max().into_scalar::<f64>().is_finite(), "{} {logit}", estimator.name());
        }
    }
    for mut estimator in of_every_latent::<RelaxedBernoulli<2>>() {
        let none = Tensor::<2>::zeros(Shape::from([0, 3]), &Device::flex().autodiff()).require_grad();
        let at = RelaxedBernoulli::from_logits(none, 0.5).unwrap();
        let estimate = estimator.estimate(&at, &|b: Tensor<2>| b.sum_dim(1), &mut Noise::seeded(0));
        let surrogate: f64 = estimate.surrogate.into_scalar();
        assert!(surrogate.abs() < f64::MIN_POSITIVE, "{} {surrogate}", estimator.name());
    }
}

/// Log-weights as far apart as F32 allows.
#[test]
fn log_weights_of_any_size_stay_finite() {
    for scale in [1e4, 1e30] {
        for mut vimco in [Vimco::new(3).unwrap(), Vimco::new(3).unwrap().with_arithmetic_mean()] {
            let f = move |b: Tensor<2>| (b.sum_dim(1) - 1.0) * scale;
            let (bound, g) = gradient::draws(&bits(&[0.0, 0.5]), &mut vimco, &f, 100);
            let largest: f64 = bound.abs().max().max_pair(g.abs().max()).into_scalar();
            assert!(largest.is_finite() && largest > 0.1 * scale, "{vimco:?} {scale} {largest}");
        }
    }
}

/// The gradients of one seed, in F64; the parameters of the estimators are F32.
fn of_one_seed(estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, f: &dyn Objective<2>) -> Tensor<2> {
    let row = TensorData::new(vec![0.4, -1.0, 0.8], [1, 3]);
    let leaf = Tensor::<2>::from_data(row, (&Device::flex(), DType::F64)).repeat_dim(0, 50).autodiff().require_grad();
    let at = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap();
    let estimate = estimator.estimate(&at, f, &mut Noise::seeded(3));
    leaf.grad(&estimate.surrogate.backward()).unwrap()
}

#[test]
fn untrained_they_are_the_leave_one_out_estimator() {
    let device = Device::flex();
    let f = power(3);
    let plain = of_one_seed(&mut Rloo::new(3).unwrap(), &f);
    let mut double = DoubleControlVariate::new(3, &device).unwrap();
    let mut rodeo = Rodeo::new(3, 4, &device, &mut Noise::seeded(0)).unwrap();
    assert!(of_one_seed(&mut double, &f).all_close(plain.clone(), Some(1e-12), Some(1e-15)));
    assert!(of_one_seed(&mut rodeo, &f).all_close(plain, Some(1e-12), Some(1e-15)));
}

/// A constant in the log-weights says nothing about the choice; neither does it to the control variates.
#[test]
fn a_constant_in_the_objective_changes_nothing() {
    let (f, shifted) = (power(2), |b: Tensor<2>| power(2)(b) + 1000.0);
    for mut estimator in [
        Box::new(Vimco::new(4).unwrap()) as Boxed<RelaxedBernoulli<2>>,
        Box::new(Vimco::new(4).unwrap().with_arithmetic_mean()),
        Box::new(double(3, -0.7)),
    ] {
        let (before, after) = (of_one_seed(&mut *estimator, &f), of_one_seed(&mut *estimator, &shifted));
        assert!(before.all_close(after, Some(1e-9), Some(1e-12)), "{}", estimator.name());
    }
}

/// Wherever an estimator's parameters stand, `tuning` has the gradient of its squared norm.
#[test]
fn tuning_is_the_gradient_of_the_squared_norm() {
    let device = Device::flex().autodiff();
    let f = power(2);
    let logits =
        Tensor::<2>::from_data(TensorData::new(vec![0.4, -1.0, 0.8], [1, 3]), (&device, DType::F64)).repeat_dim(0, 300);
    let estimators: [Boxed<RelaxedBernoulli<2>>; 2] = [Box::new(double(3, -0.4)), Box::new(rodeo(3))];
    for mut estimator in estimators {
        // In F64, which the estimator follows.
        let parameters: Vec<Tensor<1>> = estimator.parameters();
        let start: Vec<Tensor<1>> = parameters.into_iter().map(|p| p.inner().cast(DType::F64)).collect();
        let mut at = |moved: &[Tensor<1>]| {
            let parameters: Vec<_> = moved.iter().map(|p| p.clone().autodiff().require_grad()).collect();
            estimator.set_parameters(parameters.clone());
            let leaf = logits.clone().require_grad();
            let at = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap();
            let estimate = estimator.estimate(&at, &f, &mut Noise::seeded(4));
            let g = leaf.grad(&estimate.surrogate.backward()).unwrap() * 300.0;
            let squared: f64 = g.square().sum_dim(1).mean().into_scalar();
            let gradients = estimate.tuning.unwrap().backward();
            let gradient: Vec<_> = parameters.iter().map(|p| p.grad(&gradients).unwrap()).collect();
            (squared, gradient)
        };
        let (_, gradient) = at(&start);
        for (index, by) in gradient.iter().enumerate() {
            // Along the gradient itself, where the slope is its squared length.
            let h = 1e-5;
            let mut along = |sign: f64| {
                let mut moved = start.clone();
                moved[index] = moved[index].clone() + by.clone() * (sign * h);
                at(&moved).0
            };
            let slope = (along(1.0) - along(-1.0)) / (2.0 * h);
            let expected: f64 = by.clone().square().sum().into_scalar();
            assert!((slope - expected).abs() < 1e-3 * expected, "parameter {index}: {slope} {expected}");
        }
    }
}

/// Nothing that is not learned may enter the graph, which only a backward pass would free again.
#[test]
fn what_is_not_learned_is_not_tuned() {
    let device = Device::flex().autodiff();
    let estimators: [Boxed<RelaxedBernoulli<2>>; 2] = [
        Box::new(DoubleControlVariate::with_coefficient(2, Tensor::from_floats([-0.5], &device)).unwrap()),
        Box::new({
            let mut rodeo = rodeo(2);
            let estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2> = &mut rodeo;
            estimator.set_parameters(estimator.parameters().into_iter().map(|p| p.inner().autodiff()).collect());
            rodeo
        }),
    ];
    for mut estimator in estimators {
        let leaf = Tensor::<2>::zeros([8, 2], &device).require_grad();
        let at = RelaxedBernoulli::from_logits(leaf, 0.5).unwrap();
        let estimate = estimator.estimate(&at, &power(2), &mut Noise::seeded(0));
        assert!(estimate.tuning.is_none() && !estimate.value.is_tracked(), "{}", estimator.name());
    }
}

#[test]
fn wrong_numbers_are_refused() {
    let device = Device::flex();
    assert!(DoubleControlVariate::new(1, &device).unwrap_err().to_string().contains("samples"));
    assert!(Vimco::new(0).unwrap_err().to_string().contains("samples"));
    assert!(ExactBound::<1>::new(0).unwrap_err().to_string().contains("samples"));
    assert!(Rodeo::new(1, 8, &device, &mut Noise::seeded(0)).unwrap_err().to_string().contains("samples"));
    assert!(Rodeo::new(2, 0, &device, &mut Noise::seeded(0)).unwrap_err().to_string().contains("hidden"));
}

/// Titsias & Shi's toy, `f = mean (b − t)²` over `n` bits of probability θ, has a closed form: the control variates add
/// `2α(θ − t)` to the slope `1 − 2t`, and the noise of the mean slope.
#[test]
fn double_control_variates_have_the_variance_of_the_closed_form() {
    let n: f64 = 3.0;
    for (t, theta, alpha) in [(0.45_f64, 0.5_f64, 0.0_f64), (0.45, 0.9, -0.2), (0.3, 0.2, 0.7), (0.499, 0.5, -1.0)] {
        let f = move |b: Tensor<2>| (b - t).square().mean_dim(1);
        let v = theta * (1.0 - theta);
        let slope = (1.0 - 2.0 * t) + 2.0 * alpha * (theta - t);
        let of_differences = (slope / n).powi(2) * ((2.0 * v + (n - 1.0) * 4.0 * v * v) / 4.0 - v * v);
        let of_slopes = (alpha * v / n).powi(2) * 2.0 * v;
        let exact = of_differences + of_slopes - 2.0 * slope * alpha * (v / n).powi(2) * (1.0 - 2.0 * theta);
        let (_, rows) = gradient::draws(&bits(&[logit(theta); 3]), &mut double(2, alpha), &f, DRAWS);
        let squared = (rows.clone() - rows.mean_dim(0)).square();
        let (spread, variance) = squared.var_mean(0);
        let z: f64 = ((variance - exact).abs() / (spread * (DRAWS as f64).recip()).sqrt()).max().into_scalar();
        assert!(z < Z_MILLION, "{t} {theta} {alpha}: {z}");
    }
}

/// The same with 200 bits, times 200 so that Adam's ε stays small beside the gradients.
fn wide_toy(b: Tensor<2>) -> Tensor<2> {
    (b - 0.499).square().sum_dim(1)
}

/// The variance of an estimate where all bits have probability 0.9, averaged over them.
fn mean_variance(estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>) -> f64 {
    let (_, rows) = gradient::draws(&bits(&[logit(0.9); 200]), estimator, &wide_toy, 1 << 12);
    rows.var(0).mean().into_scalar()
}

fn train(estimator: &mut dyn Estimator<RelaxedBernoulli<2>, 2>, rate: f64) {
    let (device, steps) = (Device::flex().autodiff(), 150);
    let mut tuner = Tuner::new(Anneal::Towards { curve: Curve::Linear, start: rate, end: 0.0, steps }).unwrap();
    let mut noise = Noise::seeded(1);
    let logits = Tensor::<2>::full([32, 200], logit(0.9), &device).require_grad();
    let at = RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
    for _ in 0..steps {
        let tuning = estimator.estimate(&at, &wide_toy, &mut noise).tuning.unwrap();
        tuner.step(estimator, tuning);
    }
}

#[test]
fn trained_control_variates_beat_leave_one_out_on_two_hundred_bits() {
    let device = Device::flex().autodiff();
    let plain = mean_variance(&mut Rloo::new(2).unwrap());
    let mut double = DoubleControlVariate::new(2, &device).unwrap();
    train(&mut double, 1e-4);
    let mut rodeo = Rodeo::new(2, 16, &device, &mut Noise::seeded(3)).unwrap();
    assert!(mean_variance(&mut rodeo) < 1.2 * plain, "untrained, it is the leave-one-out estimator");
    train(&mut rodeo, 1e-2);
    let (double, rodeo) = (mean_variance(&mut double), mean_variance(&mut rodeo));
    assert!(100.0 * double < plain && 8.0 * rodeo < plain, "{plain:e} {double:e} {rodeo:e}");
}
