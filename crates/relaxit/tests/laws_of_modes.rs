//! Nothing is likelier than the mode: by enumeration where outcomes can be counted, by draws and their neighbours where not.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::distribution::{Binomial, Dirichlet, Geometric, NegativeBinomial, Poisson, Truncated};
use relaxit::prelude::*;
use relaxit::relaxation::{
    DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GeneralizedGumbelSoftmax, GumbelRao, ReinMax,
    StochasticTimesSmooth, StraightThroughBernoulli,
};
use relaxit::testing::{Case, extremes, halves, mode};

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().unwrap()
}

/// At extremes the mode is a point of the support, with a log-probability that is no NaN.
fn at_extremes<L: Density<2> + Mode<2>>(case: &Case<L>) {
    let law = case.law(3, DType::F32);
    let mode = law.mode();
    assert!(law.support().contains(mode.clone()).all().into_scalar::<bool>(), "{case:?}: {mode}");
    assert!(numbers(law.log_prob(mode)).iter().all(|log_prob| log_prob.is_finite()), "{case:?}");
}

#[test]
fn modes_of_choices() {
    for logits in [&[0.0][..], &[-2.0, 0.5, 3.0]] {
        mode::of_outcomes(&Case::new("Bernoulli", logits, |p| Independent::<_, 1>(Bernoulli::from_logits(p)))).assert();
        mode::of_outcomes(&Case::new("StraightThroughBernoulli", logits, StraightThroughBernoulli::from_logits))
            .assert();
        mode::of_outcomes(&Case::new("OneHotCategorical", logits, |p| OneHotCategorical::from_logits(p).unwrap()))
            .assert();
    }
    let logits = [0.3, -1.0, 1.2, 0.2, 1.1];
    mode::of_outcomes(&Case::new("Decoupled", &logits, |p| {
        DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.5, 2.0).unwrap()
    }))
    .assert();
    mode::of_outcomes(&Case::new("Gapped", &logits, |p| GappedStraightThrough::from_logits(p, 0.5).unwrap())).assert();
    mode::of_outcomes(&Case::new("GumbelRao", &logits, |p| GumbelRao::from_logits(p, 0.5, 3).unwrap())).assert();
    mode::of_outcomes(&Case::new("ReinMax", &logits, |p| ReinMax::from_logits(p, 1.0).unwrap())).assert();
    for count in 1..=5 {
        mode::of_outcomes(&Case::new("PlackettLuce", &logits, move |p| PlackettLuce::from_logits(p, count).unwrap()))
            .assert();
        mode::of_outcomes(&Case::new("GumbelTopK", &logits, move |p| GumbelTopK::from_logits(p, count).unwrap()))
            .assert();
        mode::of_outcomes(&Case::new("KSubset", &logits, move |p| KSubset::from_logits(p, count).unwrap())).assert();
    }
    let extreme = [1e4, -1e4, 0.0, 17.0];
    at_extremes(&Case::new("Bernoulli", &extreme, Bernoulli::from_logits));
    at_extremes(&Case::new("OneHotCategorical", &extreme, |p| OneHotCategorical::from_logits(p).unwrap()));
    at_extremes(&Case::new("PlackettLuce", &extreme, |p| PlackettLuce::from_logits(p, 2).unwrap()));
    at_extremes(&Case::new("GumbelTopK", &extreme, |p| GumbelTopK::from_logits(p, 2).unwrap()));
    at_extremes(&Case::new("KSubset", &extreme, |p| KSubset::from_logits(p, 2).unwrap()));
}

#[test]
fn modes_of_counts() {
    // Rates and shares on both sides of whole numbers, where the mode steps.
    let log_rates: Vec<f64> = [0.01, 0.999, 1.001, 3.7, 20.3, 1234.5].map(f64::ln).to_vec();
    let logits = [-6.0, -1.7, -0.1, 0.05, 2.0, 6.0];
    let poisson = Case::new("Poisson", &log_rates, Poisson::from_log_rate);
    mode::of_draws(&poisson).assert();
    assert_eq!(numbers(poisson.law(1, DType::F64).mode()), [0.0, 0.0, 1.0, 3.0, 20.0, 1234.0]);
    mode::of_draws(&Case::new("Geometric", &logits, Geometric::from_logits)).assert();
    for total_count in [0, 1, 2, 17, 100] {
        let binomial = move |p| Binomial::from_logits(total_count, p).unwrap();
        mode::of_outcomes(&Case::new(format!("Binomial of {total_count}"), &logits, binomial)).assert();
    }
    let negative_binomial = Case::new("NegativeBinomial", &[0.2, 1.0, 1.3, 7.0, 40.0, 0.5, -1.0, 3.0, 0.3, 1.1], |p| {
        let (total_count, logits) = halves(p);
        NegativeBinomial::from_logits(total_count, logits).unwrap()
    });
    mode::of_draws(&negative_binomial).assert();
    assert!(numbers(negative_binomial.law(1, DType::F64).mode())[4] > 100.0);
    for (log_rate, atoms) in [(0.5, 1), (0.5, 2), (0.5, 5), (3.0, 5), (1.5, 30)] {
        let truncated = move |p| Truncated::new(Poisson::from_log_rate(p), atoms).unwrap();
        mode::of_outcomes(&Case::new(format!("{atoms} atoms of Poisson"), &[log_rate], truncated)).assert();
    }
    at_extremes(&Case::new("Poisson", &[-80.0, 80.0], Poisson::from_log_rate));
    at_extremes(&Case::new("Geometric", &[-1e4, 1e4], Geometric::from_logits));
    at_extremes(&Case::new("Binomial", &[-1e4, 1e4], |p| Binomial::from_logits(1 << 24, p).unwrap()));
    let no_tail = Case::new("NegativeBinomial", &[1e-3, 1.0, 90.0, 1e4], |p| {
        let (total_count, logits) = halves(p);
        NegativeBinomial::from_logits(total_count, logits).unwrap()
    });
    assert_eq!(numbers(no_tail.law(1, DType::F32).mode()), [0.0, 0.0]);
}

#[test]
fn modes_of_continuous_laws() {
    let parameters = [0.3, -2.0, 0.5, -1.0];
    mode::of_draws(&Case::new("Normal", &parameters, |p| {
        let (loc, log_scale) = halves(p);
        Normal::from_log_scale(loc, log_scale).unwrap()
    }))
    .assert();
    mode::of_draws(&Case::new("Logistic", &parameters, |p| {
        let (loc, log_scale) = halves(p);
        Logistic::from_log_scale(loc, log_scale).unwrap()
    }))
    .assert();
    mode::of_draws(&Case::new("Gumbel", &parameters, |p| {
        let (loc, log_scale) = halves(p);
        Independent::<_, 1>(Gumbel::from_log_scale(loc, log_scale).unwrap())
    }))
    .assert();
    for temperature in [0.1, 1.0, 10.0] {
        let law = move |p| ExpConcrete::from_logits(p, temperature).unwrap();
        let name = format!("ExpConcrete at temperature {temperature}");
        mode::of_draws(&Case::new(name, &[0.3, -1.0, 2.0, 0.0], law)).assert();
    }
    at_extremes(&Case::new("ExpConcrete", &[1e4, -1e4, 0.0], |p| ExpConcrete::from_logits(p, 1e-6).unwrap()));
}

#[test]
fn modes_of_the_dirichlet_law_inside_and_on_the_boundary() {
    let dirichlet = |p| Dirichlet::new(p).unwrap();
    for concentration in [&[1.5, 2.0, 7.0][..], &[1.0, 3.0, 2.0], &[1.0; 3], &[1.0, 1.0, 2.0], &[5.0]] {
        mode::of_draws(&Case::new("Dirichlet", concentration, dirichlet)).assert();
    }
    // With an infinite density the statement is one of `log_prob`, at its own floor.
    for concentration in [&[0.5, 3.0, 2.0][..], &[0.5, 0.7, 0.6], &[0.5, 1.0, 0.2], &[0.3, 0.9, 4.0]] {
        mode::of_draws(&Case::new("Dirichlet", concentration, dirichlet)).assert();
    }
    let mode =
        |concentration: &[f64]| numbers(Case::new("Dirichlet", concentration, dirichlet).law(1, DType::F64).mode());
    assert_eq!(mode(&[0.5, 2.0, 4.0]), [0.0, 0.25, 0.75]);
    assert_eq!(mode(&[0.5, 0.7, 0.6]), [0.0, 1.0, 0.0]);
    at_extremes(&Case::new("Dirichlet", &[1e6, 1e-6, 1.0], dirichlet));
    at_extremes(&Case::new("Dirichlet", &[1e-6, 1e-6, 1e-6], dirichlet));
}

/// Laws whose values move with their parameters, or whose mode is that of a hard law.
#[test]
fn modes_without_a_density() {
    let unit = Case::new("StochasticTimesSmooth", &[-3.0, -1.0, -1.2, 4.0], StochasticTimesSmooth::from_logits);
    let law = unit.law(1, DType::F64);
    let (p, mode) = (numbers(law.probs()), numbers(law.mode()));
    for (p, mode) in p.into_iter().zip(mode) {
        let root = p.sqrt();
        assert!((mode - if root > 0.5 { root } else { 0.0 }).abs() < 1e-12, "{p} {mode}");
    }
    extremes::finite(&unit, "mode", |law, _| law.mode()).assert();
    let atoms = Tensor::<1>::from_floats([-1.0, 0.5, 7.0], &Device::flex());
    let relaxed =
        GeneralizedGumbelSoftmax::from_logits(Tensor::<1>::from_floats([0.0, 2.0, 1.0], &Device::flex()), atoms, 0.5);
    let relaxed = relaxed.unwrap();
    assert_eq!(numbers(relaxed.value(relaxed.hard().mode())), [0.5]);
}
