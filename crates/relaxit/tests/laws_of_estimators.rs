//! Every estimator held to its claim, and to what theory says of its variance.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

mod toy;

use std::num::NonZeroUsize;

use burn::tensor::{DType, activation};
use relaxit::control::{RelaxedObjective, Sum};
use relaxit::estimator::{
    Arm, Bias, ConstantBaseline, DisArm, Exact, MovingAverage, MuProp, Pathwise, Relax, Rloo, SampleGradient,
    ScoreFunction, StraightThrough, StraightThroughPathwise,
};
use relaxit::objective::{Counted, Objective};
use relaxit::prelude::*;
use relaxit::relaxation::RebarRelaxation;
use relaxit::testing::{Case, Z_MILLION, gradient, ks};

use toy::{Boxed, DRAWS, bits, choice, logit, logits_of, power, variance_and_error};

fn rebar(device: &Device) -> Relax<RelaxedObjective> {
    Relax::new(RelaxedObjective::new(Tensor::from_floats([0.8], device)))
}

/// A control variate that owes the objective nothing.
fn free<R: Relaxation<2>>(_: &R, z: Tensor<2>, _: &dyn Objective<2>) -> Tensor<2> {
    (z.clone().tanh() * 0.7).sum_dim(1) + (z * 0.3).sin().sum_dim(1).square()
}

fn of_every_latent<R>() -> Vec<Boxed<R>>
where
    R: ConditionalRelaxation<2> + 'static,
    R::Hard: Density<2> + Moments<2>,
{
    let device = Device::flex().autodiff();
    let scale = Tensor::from_floats([0.5], &device);
    vec![
        Box::new(ScoreFunction::new()),
        Box::new(ScoreFunction::with_baseline(ConstantBaseline(0.3))),
        Box::new(ScoreFunction::with_baseline(MovingAverage::new(0.9).unwrap())),
        Box::new(Rloo::new(2).unwrap()),
        Box::new(Rloo::new(4).unwrap()),
        Box::new(MuProp),
        Box::new(rebar(&device)),
        Box::new(rebar(&device).uncoupled()),
        Box::new(Relax::new(free::<R>)),
        Box::new(Relax::new(free::<R>).uncoupled()),
        Box::new(Relax::new(Sum(RelaxedObjective::new(scale), free::<R>))),
    ]
}

fn of_choices_alone() -> Vec<Boxed<RelaxedOneHotCategorical<2>>> {
    vec![
        Box::new(SampleGradient::rein_max()),
        Box::new(SampleGradient::gumbel_rao(NonZeroUsize::new(4).unwrap())),
        Box::new(SampleGradient::gapped()),
        Box::new(SampleGradient::decoupled()),
    ]
}

#[test]
fn unbiased_estimators_of_bits() {
    for probs in [&[0.3][..], &[0.001, 0.5, 0.999], &[0.2, 0.9, 0.6]] {
        let case = bits(&logits_of(probs));
        for exponent in [1, 2, 3] {
            let mut estimators: Vec<Boxed<_>> = of_every_latent();
            estimators.push(Box::new(Arm));
            estimators.push(Box::new(DisArm));
            for mut estimator in estimators {
                assert_eq!(estimator.bias(), Bias::Unbiased);
                gradient::claim::<_, 1>(&case, &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

/// Relaxations that share the latent of a relaxed bit, but not its relaxed sample.
#[test]
fn unbiased_estimators_of_other_relaxed_bits() {
    let rebar_relaxation =
        Case::new("REBAR's relaxation", &[0.5, -1.5], |p| RebarRelaxation::from_logits(p, 0.5).unwrap());
    for mut estimator in of_every_latent() {
        gradient::claim::<_, 1>(&rebar_relaxation, &mut *estimator, &power(2)).assert();
    }
}

#[test]
fn unbiased_estimators_of_a_choice() {
    // Not normalised: a conditional sample that forgets the normaliser shows here.
    for logits in [&[1.0, 2.5, 0.0][..], &[3.0, -3.0], &[0.0, 0.0, -6.0, 1.0]] {
        let case = choice(logits);
        for exponent in [1, 2, 3] {
            for mut estimator in of_every_latent() {
                gradient::claim::<_, 0>(&case, &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

#[test]
fn biased_estimators_show_it() {
    let witness = power(3);
    let mut estimators: Vec<Boxed<RelaxedBernoulli<2>>> =
        vec![Box::new(Pathwise), Box::new(StraightThrough), Box::new(StraightThroughPathwise)];
    for estimator in &mut estimators {
        gradient::claim::<_, 1>(&bits(&[0.5, -1.0]), &mut **estimator, &witness).assert();
    }
    let mut estimators: Vec<Boxed<RelaxedOneHotCategorical<2>>> =
        vec![Box::new(Pathwise), Box::new(StraightThrough), Box::new(StraightThroughPathwise)];
    estimators.extend(of_choices_alone());
    for estimator in &mut estimators {
        gradient::claim::<_, 0>(&choice(&[0.5, -1.0, 0.2]), &mut **estimator, &witness).assert();
    }
}

/// `ReinMax` is exact to second order at temperature 1, which its claim of bias does not say.
#[test]
fn reinmax_is_exact_for_quadratic_objectives() {
    let case = Case::new("choice", &[0.5, -1.0, 0.2], |p| RelaxedOneHotCategorical::from_logits(p, 1.0).unwrap());
    let (_, exact) = gradient::draws(&case, &mut Exact::<0>, &power(2), 1);
    let (_, rows) = gradient::draws(&case, &mut SampleGradient::rein_max(), &power(2), DRAWS);
    let (variance, mean) = rows.var_mean(0);
    let z: f64 = ((mean - exact).abs() / (variance * (DRAWS as f64).recip()).sqrt()).max().into_scalar();
    assert!(z < Z_MILLION, "{z}");
}

/// The estimator without its score term must be caught: the law is worth something only if it can fail.
#[test]
fn a_false_claim_is_caught() {
    struct Liar(StraightThrough);
    impl Estimator<RelaxedBernoulli<2>, 2> for Liar {
        fn name(&self) -> &'static str {
            "liar"
        }
        fn bias(&self) -> Bias {
            Bias::Unbiased
        }
        fn references(&self) -> &'static [relaxit::reference::Reference] {
            &[]
        }
        fn estimate(
            &mut self,
            at: &RelaxedBernoulli<2>,
            f: &dyn Objective<2>,
            noise: &mut Noise,
        ) -> relaxit::estimator::Estimate<2> {
            self.0.estimate(at, f, noise)
        }
    }
    assert!(!gradient::claim::<_, 1>(&bits(&[0.5, -1.0]), &mut Liar(StraightThrough), &power(3)).passed());
}

#[test]
fn variances_on_the_toy_problem_are_the_closed_forms() {
    for (t, theta) in [(0.45, 0.5), (0.45, 0.3), (0.499, 0.5), (0.499, 0.3)] {
        let case = bits(&[logit(theta)]);
        let toy = move |b: Tensor<2>| (b - t).square();
        let (f1, f0, v) = ((1.0_f64 - t).powi(2), t * t, theta * (1.0 - theta));
        let difference = (f1 - f0).powi(2);
        let cases: [(Boxed<_>, f64); 3] = [
            (Box::new(ScoreFunction::new()), v * ((1.0 - theta) * f1 + theta * f0).powi(2)),
            (Box::new(Rloo::new(2).unwrap()), difference * (v / 2.0 - v * v)),
            (Box::new(DisArm), difference * v * (theta.max(1.0 - theta) / 2.0 - v)),
        ];
        for (mut estimator, exact) in cases {
            let (_, gradients) = gradient::draws(&case, &mut *estimator, &toy, DRAWS);
            let (variance, error) = variance_and_error(gradients);
            let tolerance = Z_MILLION * error + 1e-6 * (f1 + f0).powi(2) * f64::from(f32::EPSILON);
            assert!(
                (variance - exact).abs() < tolerance + 1e-5 * exact,
                "{} {t} {theta}: {variance} {exact}",
                estimator.name()
            );
        }
    }
}

/// The coupled noise gives back the latent, and has the law of fresh noise whatever `b` is.
fn noise_is_coupled<R: ConditionalRelaxation<2>>(case: &Case<R>, cdf: fn(Tensor<1>) -> Tensor<1>) {
    let law = case.law(100_000, DType::F64);
    let noise = Noise::seeded(8).draw(R::BASE, law.noise_shape(), (&law.device(), DType::F64));
    let z = law.latent().transport(noise.clone());
    let b = law.threshold(z.clone());
    let fresh = law.noise_given(b.clone(), noise);
    let again = law.latent_given(b.clone(), fresh.clone());
    assert!(again.all_close(z, Some(1e-6), Some(1e-9)), "{case:?}");
    for entry in 0..law.shape()[1] {
        let (fresh, b) = (fresh.clone().slice_dim(1, entry), b.clone().slice_dim(1, entry));
        for value in [0.0, 1.0] {
            let chosen = fresh.clone().mask_select(b.clone().equal_elem(value));
            ks::uniform(format!("coupled noise of {case:?} given {value}"), cdf(chosen)).assert();
        }
    }
}

#[test]
fn coupled_noise_is_fresh_noise() {
    for logits in [&[0.0, 2.0, -1.0][..], &[-4.0, 3.0]] {
        noise_is_coupled(&bits(logits), activation::sigmoid);
        noise_is_coupled(&choice(logits), |g| (-(-g).exp()).exp());
    }
}

#[test]
fn evaluations_are_counted() {
    let case = bits(&[0.0, 1.0]);
    let f = power(2);
    for (mut estimator, evaluations) in [
        (Box::new(ScoreFunction::new()) as Boxed<_>, 10),
        (Box::new(Rloo::new(3).unwrap()), 30),
        (Box::new(DisArm), 20),
    ] {
        let counted = Counted::new(&f);
        let _ = gradient::draws(&case, &mut *estimator, &counted, 10);
        assert_eq!(counted.evaluations(), evaluations, "{}", estimator.name());
    }
}

#[test]
fn parameters_of_the_objective_get_their_gradient_once() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::zeros([4000, 2], &device);
    let mut estimators: Vec<Boxed<RelaxedBernoulli<2>>> = of_every_latent();
    estimators.push(Box::new(Arm));
    estimators.push(Box::new(DisArm));
    for mut estimator in estimators {
        let weight = Tensor::<2>::full([1, 1], 2.0, &device).require_grad();
        let f = |b: Tensor<2>| b.sum_dim(1) * weight.clone() + 5.0;
        let at = RelaxedBernoulli::from_logits(logits.clone().require_grad(), 0.5).unwrap();
        let estimate = estimator.estimate(&at, &f, &mut Noise::seeded(0));
        // d/dw of the mean value is the mean number of ones, which the value tells.
        let expected: f64 = (estimate.value.clone().mean().into_scalar::<f64>() - 5.0) / 2.0;
        let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
        assert!((got - expected).abs() < 1e-4, "{}: {got} {expected}", estimator.name());
    }
}

#[test]
fn extreme_logits_stay_finite() {
    for logit in [-1e4, -50.0, 50.0, 1e4] {
        let mut of_bits: Vec<Boxed<_>> = of_every_latent();
        of_bits.extend([
            Box::new(Arm) as Boxed<_>,
            Box::new(DisArm),
            Box::new(Pathwise),
            Box::new(StraightThrough),
            Box::new(StraightThroughPathwise),
        ]);
        for mut estimator in of_bits {
            let (_, g) = gradient::draws(&bits(&[logit, 0.0]), &mut *estimator, &power(2), 100);
            assert!(g.abs().max().into_scalar::<f64>().is_finite(), "{} {logit}", estimator.name());
        }
        for mut estimator in of_every_latent().into_iter().chain(of_choices_alone()) {
            let (_, g) = gradient::draws(&choice(&[logit, 0.0, 1.0]), &mut *estimator, &power(2), 100);
            assert!(g.abs().max().into_scalar::<f64>().is_finite(), "{} {logit}", estimator.name());
        }
    }
}
