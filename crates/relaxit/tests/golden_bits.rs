//! Gates and bits against values from torch, scipy and mpmath.
//!
//! `python/golden/make_bits.py` writes the fixtures and says how their values were found.

#[path = "golden/harness.rs"]
mod harness;

use relaxit::math;
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, GaussianRelaxedBernoulli, HardConcrete, HardKumaraswamy, RebarRelaxation,
    StochasticTimesSmooth, StraightThroughBernoulli,
};

use harness::{check, fixture, unknown};

#[test]
fn hard_concrete() {
    let tails = ["l0_penalty"];
    check(fixture!("hard_concrete"), &tails, |inputs, quantity| {
        let law = HardConcrete::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "l0_penalty" => law.l0_penalty(),
            "sample" => law.transport(inputs.get("noise")),
            "deterministic" => law.deterministic(),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn log_ndtr() {
    check(fixture!("log_ndtr"), &["log_ndtr", "log_ndtr by x"], |inputs, quantity| match quantity {
        "log_ndtr" => math::log_ndtr(inputs.get("x")),
        _ => unknown(quantity),
    });
}

#[test]
fn gaussian_relaxed_bernoulli() {
    check(fixture!("gaussian_relaxed_bernoulli"), &["l0_penalty", "prob_zero", "prob_one"], |inputs, quantity| {
        let law = GaussianRelaxedBernoulli::new(inputs.get("loc"), inputs.get("scale")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "l0_penalty" => law.l0_penalty(),
            "prob_zero" => law.prob_zero(),
            "prob_one" => law.prob_one(),
            "mean" => law.mean(),
            "variance" => law.variance(),
            "sample" => law.transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn rebar_relaxation() {
    check(fixture!("rebar_relaxation"), &[], |inputs, quantity| {
        let law = RebarRelaxation::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "sample" => law.transport(inputs.get("noise")),
            "squash of latent_given" => law.squash(law.latent_given(inputs.get("b"), inputs.get("fresh"))),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn stochastic_times_smooth() {
    check(fixture!("stochastic_times_smooth"), &["mean", "variance"], |inputs, quantity| {
        let law = StochasticTimesSmooth::from_logits(inputs.get("logits"));
        match quantity {
            "mean" => law.mean(),
            "variance" => law.variance(),
            "sample" => law.transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn straight_through_bernoulli() {
    check(fixture!("straight_through_bernoulli"), &["mean"], |inputs, quantity| {
        let law = StraightThroughBernoulli::from_logits(inputs.get("logits"));
        match quantity {
            "mean" => law.mean(),
            "sample" => law.transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn hard_kumaraswamy() {
    check(fixture!("hard_kumaraswamy"), &[], |inputs, quantity| {
        let law = HardKumaraswamy::new(inputs.get("concentration1"), inputs.get("concentration0")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "l0_penalty" => law.l0_penalty(),
            "prob_zero" => law.prob_zero(),
            "prob_one" => law.prob_one(),
            "sample" => law.transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn correlated_relaxed_bernoulli() {
    let correlation = [[1.0, 0.5, -0.25], [0.5, 1.0, 0.125], [-0.25, 0.125, 1.0]];
    check(fixture!("correlated_relaxed_bernoulli"), &[], |inputs, quantity| {
        let correlation = Tensor::<2>::from_data(correlation, &Device::flex());
        let (logits, temperature) = (inputs.get("logits"), inputs.temperature());
        let law = CorrelatedRelaxedBernoulli::from_logits(logits, &correlation, temperature).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "sample" => law.transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}
