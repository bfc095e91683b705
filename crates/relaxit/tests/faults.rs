//! The checks are checked: each rejects the faults that it is there for, and passes the same law without them.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::Tensor;
use relaxit::distribution::{Poisson, Truncated};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GaussianRelaxedBernoulli, InvertibleGaussian,
    RebarRelaxation,
};
use relaxit::testing::faults::{self, Tampered};
use relaxit::testing::{
    Case, Verdict, chi_square, coupling, divergence, extremes, finite_difference, independence, ks, mode, moments,
    quadrature, score, tails,
};

/// The correct law passes, the faulty one fails.
#[track_caller]
fn rejected(correct: &Verdict, faulty: &Verdict) {
    correct.assert();
    assert!(!faulty.passed(), "the fault goes unseen: {faulty}");
}

/// A case at `parameters`, with and without a fault.
macro_rules! rejects {
    ($check:path, $parameters:expr, $law:expr, $fault:expr) => {
        let law = $law;
        let fault = $fault;
        rejected(
            &$check(&Case::new("correct", &$parameters, law)),
            &$check(&Case::new(stringify!($fault), &$parameters, move |parameters| fault(law(parameters)))),
        )
    };
}

fn normal(p: Tensor<2>) -> Normal<2> {
    Normal::from_log_scale(p.clone().slice_dim(1, 0), p.slice_dim(1, 1)).unwrap()
}

fn logistic(p: Tensor<2>) -> Logistic<2> {
    Logistic::from_log_scale(p.clone().slice_dim(1, 0), p.slice_dim(1, 1)).unwrap()
}

fn gumbel(p: Tensor<2>) -> Gumbel<2> {
    Gumbel::from_log_scale(p.clone().slice_dim(1, 0), p.slice_dim(1, 1)).unwrap()
}

fn one_hot(logits: Tensor<2>) -> OneHotCategorical<2> {
    OneHotCategorical::from_logits(logits).unwrap()
}

fn relaxed_bernoulli(logits: Tensor<2>) -> RelaxedBernoulli<2> {
    RelaxedBernoulli::from_logits(logits, 0.5).unwrap()
}

fn concrete(logits: Tensor<2>) -> RelaxedOneHotCategorical<2> {
    RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap()
}

#[test]
fn a_sampler_that_gives_nan_now_and_then() {
    rejects!(moments::mean_and_variance, [0.5, -1.0], normal, faults::nan_sampler);
    rejects!(ks::cdf, [0.5, -1.0], logistic, faults::nan_sampler);
    rejects!(ks::density, [0.5, -1.0], normal, faults::nan_sampler);
    rejects!(tails::counts, [0.5, -1.0], logistic, faults::nan_sampler);
    rejects!(chi_square::outcomes, [0.5, -1.0], one_hot, faults::nan_sampler);
    rejects!(independence::rows, [0.5, -1.0], normal, faults::nan_sampler);
    rejects!(extremes::sampling, [0.5, -1.0], normal, faults::nan_sampler);
    rejects!(divergence::entropy, [0.5, -1.0], normal, faults::nan_sampler);
}

#[test]
fn the_mean_where_the_mode_belongs() {
    rejects!(mode::of_draws, [0.5, -1.0], gumbel, faults::mean_as_mode);
    rejects!(mode::of_outcomes, [0.5, -1.0], one_hot, faults::mean_as_mode);
    let slightly_off = |law| Tampered::<Normal<2>, 2>::new(law).with_mode(|law| law.mode() + 1e-3);
    rejects!(mode::of_draws, [0.5, -1.0], normal, slightly_off);
    let tracked = |law| Tampered::<Normal<2>, 2>::new(law).with_mode(|law| law.loc().clone());
    rejects!(mode::of_draws, [0.5, -1.0], normal, tracked);
    let least_likely =
        |law| Tampered::<OneHotCategorical<2>, 2>::new(law).with_mode(|law| one_hot(-law.logits().clone()).mode());
    rejects!(mode::of_outcomes, [0.5, -1.0], one_hot, least_likely);
}

#[test]
fn noise_shared_over_a_batch() {
    rejects!(independence::rows, [0.5, -1.0], normal, faults::shared_noise);
    let entries = |p| Independent::<_, 1>(relaxed_bernoulli(p));
    let shared_by_entries = |law| {
        Tampered::<Independent<RelaxedBernoulli<2>, 1>, 2>::new(law).with_sample(|law, noise| {
            let rows = law.shape()[0];
            let one = noise.draw(Base::Logistic, [rows, 1], &law.device());
            law.transport(one.expand(law.shape()))
        })
    };
    rejects!(independence::entries, [0.5, -1.0], entries, shared_by_entries);
    // Within one event the entries may well depend on each other: this check does not look there.
    independence::rows(&Case::new("shared by entries", &[0.5, -1.0], move |p| shared_by_entries(entries(p)))).assert();
}

#[test]
fn the_same_noise_at_every_call() {
    let reseeded = |law| Tampered::<Normal<2>, 2>::new(law).with_sample(|law, _| law.sample(&mut Noise::seeded(0)));
    rejects!(independence::rows, [0.5, -1.0], normal, reseeded);
}

#[test]
fn noise_in_half_precision() {
    rejects!(tails::counts, [0.0, 0.0], gumbel, faults::half_precision_noise);
    // It is there for what Kolmogorov and Smirnov do not see.
    ks::cdf(&Case::new("half", &[0.0, 0.0], |p| faults::half_precision_noise(gumbel(p)))).assert();
}

#[test]
fn a_sampler_of_another_law() {
    rejects!(chi_square::outcomes, [0.5, -1.0], one_hot, faults::probs_as_logits);
    rejects!(moments::mean_and_variance, [0.5, -1.0], one_hot, faults::probs_as_logits);
    rejects!(moments::mean_and_variance, [0.5, -1.0], normal, faults::variance_as_deviation);
    rejects!(ks::density, [0.5, -1.0], normal, faults::variance_as_deviation);
    // The law of a minimum, from a sign too many.
    let minimum =
        |law| Tampered::<Gumbel<2>, 2>::new(law).with_sample(|law, noise| law.loc().clone() * 2.0 - law.sample(noise));
    rejects!(ks::cdf, [0.5, -1.0], gumbel, minimum);
    let to_standard = |case: &Case<_>| divergence::kl(case, &Case::new("q", &[0.5, -1.0], normal));
    let case = |law: fn(Tensor<2>) -> Tampered<Normal<2>, 2>| Case::new("p", &[0.0, -0.7], law);
    rejected(
        &to_standard(&case(|p| Tampered::new(normal(p)))),
        &to_standard(&case(|p| faults::variance_as_deviation(normal(p)))),
    );
}

#[test]
fn a_density_of_another_law() {
    rejects!(ks::density, [0.5, -1.0], logistic, faults::density_of_another_law);
    rejects!(quadrature::cdf, [0.5, -1.0], logistic, faults::density_of_another_law);
    rejects!(quadrature::cdf, [0.5, -1.0], logistic, faults::survival_as_cdf);
    rejects!(score::identity, [0.5], Bernoulli::from_logits, faults::score_of_another_law);
    rejects!(chi_square::outcomes, [0.5], Bernoulli::from_logits, faults::score_of_another_law);
}

/// Published with laws of their own.
#[test]
fn mistakes_of_one_law() {
    let copula = |p: Tensor<2>| {
        let correlation = Tensor::<2>::from_floats([[1.0, 0.7], [0.7, 1.0]], &Device::flex());
        CorrelatedRelaxedBernoulli::from_logits(p, &correlation, 0.7).unwrap()
    };
    rejects!(quadrature::joint, [0.5, -1.0], copula, faults::ignored_copula);
    // What else there is does not see it.
    let alone = Case::new("ignored copula", &[0.5, -1.0], move |p| faults::ignored_copula(copula(p)));
    quadrature::normalisation(&alone).assert();
    score::identity(&alone).assert();

    let rebar = |p| RebarRelaxation::from_logits(p, 0.7).unwrap();
    rejects!(ks::density, [0.5], rebar, faults::uncorrected_density);
    let gaussian =
        |p: Tensor<2>| InvertibleGaussian::from_log_scale(p.clone().slice_dim(1, 0), p.slice_dim(1, 1), 0.7).unwrap();
    rejects!(quadrature::normalisation, [0.5, -0.3], gaussian, faults::wrong_inverse);
    let decoupled = |p| DecoupledStraightThroughGumbelSoftmax::from_logits(p, 2.0, 1.0).unwrap();
    rejects!(chi_square::outcomes, [0.5, -1.0, 0.0], decoupled, faults::idle_forward_temperature);
    let truncated = |p| Truncated::new(Poisson::from_log_rate(p), 6).unwrap();
    rejects!(moments::mean_and_variance, [1.0], truncated, faults::dropped_tail);
    rejects!(chi_square::outcomes, [1.0], truncated, faults::dropped_tail);
    let top = |p| GumbelTopK::from_logits(p, 2).unwrap();
    rejects!(chi_square::outcomes, [0.5, -1.0, 0.0, 1.0], top, faults::soft_mask);
    rejects!(chi_square::outcomes, [4.6, 0.0, 0.0, 0.0], top, faults::probs_as_logits_of_top_k);
    let gate =
        |p: Tensor<2>| GaussianRelaxedBernoulli::from_log_scale(p.clone().slice_dim(1, 0), p.slice_dim(1, 1)).unwrap();
    rejects!(extremes::sampling, [20.0, -0.7], gate, faults::branch_not_taken);
}

#[test]
fn a_density_that_is_not_normalised() {
    rejects!(quadrature::normalisation, [0.5, -1.0], normal, faults::unnormalised);
    rejects!(quadrature::normalisation, [0.5, -1.0], relaxed_bernoulli, faults::unnormalised);
    rejects!(quadrature::normalisation, [0.5, -1.0, 0.0], concrete, faults::unnormalised);
    rejects!(quadrature::mass, [0.5, -1.0, 0.0], one_hot, faults::unnormalised);
    rejects!(divergence::entropy, [0.5, -1.0], normal, faults::entropy_in_bits);
}

#[test]
fn a_density_that_underflows_or_leaks() {
    // 20 standard deviations from the mean of the law that was fitted, `exp` is 0 in f32.
    let finite = |law: fn(Tensor<2>) -> Tampered<Normal<2>, 2>| {
        let far =
            |law: &Tampered<Normal<2>, 2>, _: &mut Noise| law.log_prob(Tensor::full(law.shape(), 20.0, &law.device()));
        extremes::finite(&Case::new("far out", &[0.0, 0.0], law), "log_prob", far)
    };
    rejected(&finite(|p| Tampered::new(normal(p))), &finite(|p| faults::log_of_underflow(normal(p))));
    rejects!(extremes::support, [0.5], Bernoulli::from_logits, faults::unrestricted);
}

#[test]
fn a_gradient_that_was_dropped() {
    rejects!(finite_difference::transport, [0.5, -1.0], normal, faults::dropped_gradient);
    let of_noise = |law| Tampered::<Normal<2>, 2>::new(law).with_transport(|law, noise| law.transport(noise.detach()));
    rejects!(finite_difference::noise, [0.5, -1.0], normal, of_noise);
    let of_value = |law| Tampered::<Normal<2>, 2>::new(law).with_log_prob(|law, x| law.log_prob(x.detach()));
    rejects!(finite_difference::value, [0.5, -1.0], normal, of_value);
    let of_parameters = |law| Tampered::<Normal<2>, 2>::new(law).with_log_prob(|law, x| law.log_prob(x).detach());
    rejects!(finite_difference::log_prob, [0.5, -1.0], normal, of_parameters);
    rejects!(score::identity, [0.5, -1.0], normal, of_parameters);
    rejects!(coupling::pathwise, [0.5, -1.0], relaxed_bernoulli, faults::detached_conditional);
}

#[test]
fn a_gradient_that_overflows() {
    // ln(1 + eˣ) written as it is read.
    let naive = |law: Bernoulli<2>| {
        Tampered::new(law).with_log_prob(|law, b| {
            let logits = law.logits().clone();
            b * logits.clone() - (logits.exp() + 1.0).log()
        })
    };
    rejects!(extremes::sampling, [1e4, -1e4], Bernoulli::from_logits, naive);
    let exponential = |law| {
        Tampered::<RelaxedBernoulli<2>, 2>::new(law).with_transport(|law, noise| {
            let z = law.latent().transport(noise).exp();
            z.clone() / (z + 1.0)
        })
    };
    rejects!(extremes::rsampling, [1e4, -1e4], relaxed_bernoulli, exponential);
}

#[test]
fn latents_that_do_not_belong_to_their_hard_value() {
    rejects!(coupling::hard, [0.5, -1.0], relaxed_bernoulli, faults::threshold_in_the_wrong_space);
    rejects!(coupling::threshold, [0.5, -1.0], relaxed_bernoulli, faults::uncoupled);
    rejects!(coupling::conditional, [0.5, -1.0], relaxed_bernoulli, faults::uncoupled);
    rejects!(coupling::threshold, [0.5, -1.0], relaxed_bernoulli, faults::log1p_of_the_wrong_sign);
    rejects!(coupling::marginal, [0.5, -1.0], relaxed_bernoulli, faults::log1p_of_the_wrong_sign);
    rejects!(coupling::conditional, [0.5, -1.0], relaxed_bernoulli, faults::log1p_of_the_wrong_sign);
    rejects!(coupling::marginal, [1.5, 0.0, 1.0], concrete, faults::winner_without_normaliser);
    rejects!(coupling::conditional, [1.5, 0.0, 1.0], concrete, faults::winner_without_normaliser);
}

/// The sheet's example: at p = ½, `log1p` of the wrong sign loses the hard value in half of the draws.
#[test]
fn the_wrong_sign_is_wrong_half_of_the_time() {
    let case = Case::new("p = ½", &[0.0], |p| faults::log1p_of_the_wrong_sign(relaxed_bernoulli(p)));
    let share = coupling::threshold(&case.with_draws(100_000)).statistic / 1e5;
    assert!((share - 0.5).abs() < 0.02, "{share}");
}
