//! Every law of the crate, at several parameters, held to every law it can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor, activation};
use relaxit::prelude::*;
use relaxit::testing::{
    Case, Verdict, chi_square, divergence, extremes, finite_difference, halves, independence, ks, moments, quadrature,
    score, suite, tails,
};

fn one_hot(logits: Tensor<2>) -> OneHotCategorical<2> {
    OneHotCategorical::from_logits(logits).unwrap()
}

fn bits(logits: Tensor<2>) -> Independent<Bernoulli<2>, 1> {
    Independent(Bernoulli::from_logits(logits))
}

fn logistic(p: Tensor<2>) -> Logistic<2> {
    let (loc, log_scale) = halves(p);
    Logistic::from_log_scale(loc, log_scale).unwrap()
}

fn gumbel(p: Tensor<2>) -> Gumbel<2> {
    let (loc, log_scale) = halves(p);
    Gumbel::from_log_scale(loc, log_scale).unwrap()
}

fn normal(p: Tensor<2>) -> Normal<2> {
    let (loc, log_scale) = halves(p);
    Normal::from_log_scale(loc, log_scale).unwrap()
}

/// The laws of every discrete law.
fn discrete_laws<L>(name: &str, law: fn(Tensor<2>) -> L, parameters: &[&[f64]])
where
    L: Density<2> + Enumerable<2> + Moments<2> + Entropy<2> + 'static,
{
    for parameters in parameters {
        let case = Case::new(name, parameters, law);
        moments::mean_and_variance(&case).assert();
        chi_square::outcomes(&case).assert();
        quadrature::mass(&case).assert();
        independence::rows(&case).assert();
        finite_difference::log_prob(&case).assert();
        finite_difference::of(&case, "gradient of the entropy", |law| law.entropy()).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
        score::identity(&case).assert();
        divergence::entropy(&case).assert();
        extremes::support(&case).assert();
    }
}

#[test]
fn bernoulli_laws() {
    discrete_laws("Bernoulli", Bernoulli::from_logits, &[&[0.0], &[1.5], &[-6.0, 6.0], &[0.3, -1.0, 2.0, -3.0]]);
}

#[test]
fn one_hot_laws() {
    let logits: [&[f64]; 6] =
        [&[0.0, 0.0], &[3.0, -3.0], &[0.3, 1.0, -2.0], &[100.0, 101.0, 99.0], &[-5.0, 0.0, 0.0, 0.0], &[1.0; 12]];
    discrete_laws("OneHotCategorical", one_hot, &logits);
}

#[test]
fn independent_laws() {
    let logits: [&[f64]; 2] = [&[0.0], &[0.3, -1.0, 2.0]];
    discrete_laws("Independent Bernoulli", bits, &logits);
    independence::entries(&Case::new("Independent Bernoulli", logits[1], bits)).assert();

    let case = Case::new("Independent Normal", &[0.5, -2.0, 1.0, 0.0], |p| Independent::<_, 1>(normal(p)));
    moments::mean_and_variance(&case).assert();
    quadrature::normalisation(&case).assert();
    independence::entries(&case).assert();
    finite_difference::transport(&case).assert();
    finite_difference::value(&case).assert();
    score::identity(&case).assert();
    divergence::entropy(&case).assert();
}

/// Two choices among three, as a batch and as one event.
#[test]
fn laws_of_higher_rank() {
    let batched = Case::new("OneHotCategorical [rows, 2, 3]", &[0.0, 1.0, -1.0, 2.0, 0.3, 0.0], |p: Tensor<2>| {
        let rows = p.dims()[0];
        OneHotCategorical::from_logits(p.reshape([rows, 2, 3])).unwrap()
    });
    chi_square::outcomes(&batched).assert();
    independence::rows(&batched).assert();
    score::identity(&batched).assert();

    let joint = batched.map("Independent", Independent::<_, 1>);
    moments::mean_and_variance(&joint).assert();
    chi_square::outcomes(&joint).assert();
    quadrature::mass(&joint).assert();
    finite_difference::log_prob(&joint).assert();
    divergence::entropy(&joint).assert();
}

/// The laws of every location–scale family.
fn location_scale_laws<L>(name: &str, law: fn(Tensor<2>) -> L) -> [Case<L>; 4]
where
    L: Reparameterized<2> + Density<2> + Moments<2> + Entropy<2> + 'static,
{
    let locations_and_log_scales: [&[f64]; 4] =
        [&[0.0, 0.0], &[-3.0, 1.5, 0.5, -2.0], &[50.0, -4.0], &[0.0, 1.0, 6.0, 0.0, 2.0, -3.0]];
    let cases = locations_and_log_scales.map(|parameters| Case::new(name, parameters, law));
    for case in &cases {
        moments::mean_and_variance(case).assert();
        ks::density(case).assert();
        quadrature::normalisation(case).assert();
        independence::rows(case).assert();
        finite_difference::transport(case).assert();
        finite_difference::noise(case).assert();
        finite_difference::log_prob(case).assert();
        finite_difference::value(case).assert();
        finite_difference::of(case, "gradient of the entropy", |law| law.entropy()).assert();
        score::identity(case).assert();
        divergence::entropy(case).assert();
        extremes::support(case).assert();
    }
    cases
}

fn cdf_laws<L: Cdf<2> + Density<2>>(cases: &[Case<L>]) {
    for case in cases {
        ks::cdf(case).assert();
        tails::counts(case).assert();
        quadrature::cdf(case).assert();
        finite_difference::of(case, "gradient of log_cdf", |law| {
            let at = Tensor::full(law.shape(), 0.3, (&law.device(), law.dtype()));
            law.log_cdf(at)
        })
        .assert();
    }
}

#[test]
fn logistic_laws() {
    cdf_laws(&location_scale_laws("Logistic", logistic));
}

#[test]
fn gumbel_laws() {
    cdf_laws(&location_scale_laws("Gumbel", gumbel));
}

#[test]
fn normal_laws() {
    location_scale_laws("Normal", normal);
}

#[test]
fn exp_concrete_laws() {
    for logits in [&[0.0, 0.0][..], &[2.0, -1.0], &[0.3, 1.0, -2.0], &[101.0, 100.0, 99.5]] {
        for temperature in [0.3, 1.0, 2.5] {
            let case = Case::new(format!("ExpConcrete at temperature {temperature}"), logits, move |logits| {
                ExpConcrete::from_logits(logits, temperature).unwrap()
            });
            quadrature::normalisation(&case).assert();
            suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
            if logits.len() == 2 {
                ks::density(&case).assert();
            }
            // At any K, differences of coordinates are logistic.
            let x = case.law(200_000, DType::F32).sample(&mut Noise::seeded(7));
            let gap = x.clone().slice_dim(1, 0) - x.slice_dim(1, 1);
            let u = activation::sigmoid(gap * temperature - (logits[0] - logits[1]));
            ks::uniform(format!("a log-ratio of {case:?}"), u).assert();
        }
    }
}

/// The temperature is a parameter like any other: its gradient, and its score.
#[test]
fn exp_concrete_laws_in_the_temperature() {
    for parameters in [&[0.0, 0.3, 1.0, -2.0][..], &[0.7, 1.0, -1.0], &[-1.2, 0.0, 0.0, 0.5]] {
        let case = Case::new("ExpConcrete with log-temperature", parameters, |p| {
            let last = p.dims()[1];
            ExpConcrete::from_logits(p.clone().slice_dim(1, 1..last), p.slice_dim(1, 0).exp()).unwrap()
        });
        quadrature::normalisation(&case).assert();
        finite_difference::transport(&case).assert();
        finite_difference::log_prob(&case).assert();
        score::identity(&case).assert();
    }
}

#[test]
fn divergences() {
    type Pair<'a> = (&'a [f64], &'a [f64]);
    let of_bits: [Pair; 3] = [(&[0.0, 2.0], &[1.0, -1.0]), (&[2.0], &[2.0]), (&[6.0], &[-6.0])];
    let of_choices: [Pair; 2] = [(&[0.0, 2.0, 0.0], &[1.0, -1.0, 0.0]), (&[2.0, 102.0], &[50.0, 52.0])];
    let on_the_line: [Pair; 2] = [(&[0.0, 1.0, 0.0, -0.5], &[1.0, 1.0, 0.3, 0.0]), (&[3.0, 1.0], &[-2.0, 1.5])];
    let verdicts = [
        suite::divergence("Bernoulli", Bernoulli::from_logits, &of_bits),
        suite::divergence("OneHotCategorical", one_hot, &of_choices),
        suite::divergence("Independent Bernoulli", bits, &of_bits[..1]),
        suite::divergence("Normal", normal, &on_the_line),
        suite::divergence("Gumbel", gumbel, &on_the_line),
    ];
    verdicts.iter().flatten().for_each(Verdict::assert);
}

/// `from_probs` and `from_logits` meet in the same law.
#[test]
fn doors_agree() {
    let probs = Tensor::<1>::from_data([0.1, 0.5, 0.4], (&Device::flex(), DType::F64));
    let law = OneHotCategorical::from_probs(probs.clone() * 7.0).unwrap();
    assert!(law.probs().all_close(probs.clone(), Some(1e-12), Some(1e-12)));
    let law = Bernoulli::from_probs(probs.clone()).unwrap();
    assert!(law.probs().all_close(probs, Some(1e-12), Some(1e-12)));
}

#[test]
fn outcomes_are_as_many_as_they_are_said_to_be() {
    fn agree<L: Enumerable<D>, const D: usize>(law: &L) {
        assert!((law.outcomes().count() as f64 - law.num_outcomes()).abs() < 1e-9);
    }
    let logits = || Tensor::<2>::zeros([2, 5], &Device::flex());
    agree(&Bernoulli::from_logits(logits()));
    agree(&Independent::<_, 1>(Bernoulli::from_logits(logits())));
    agree(&Independent::<_, 1>(OneHotCategorical::from_logits(logits()).unwrap()));
    agree(&Independent::<_, 0>(OneHotCategorical::from_logits(logits()).unwrap()));
    agree(&Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([2, 0], &Device::flex()))));
    for count in [1, 3, 5] {
        agree(&KSubset::from_logits(logits(), count).unwrap());
        agree(&GumbelTopK::from_logits(logits(), count).unwrap());
        agree(&PlackettLuce::from_logits(logits(), count).unwrap());
    }
}
