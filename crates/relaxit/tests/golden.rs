//! Noise, math, laws and relaxations against values from torch, scipy and mpmath.
//!
//! `python/golden/make_distributions.py` writes the fixtures and says how their values were found.

#[path = "golden/harness.rs"]
mod harness;

use burn::tensor::DType;
use relaxit::math;
use relaxit::prelude::*;
use serde::Deserialize;

use harness::{Fixture, Inputs, check, common, data_type, differences, fixture, parse, unknown};

#[test]
fn math_functions() {
    let tails = ["softplus", "softplus by x", "logit", "logit by p", "log_sum_exp", "ln_gamma by x"];
    check(fixture!("math"), &tails, |inputs, quantity| match quantity {
        "softplus" => math::softplus(inputs.get("x")),
        "logit" => math::logit(inputs.get("p")),
        "log_sum_exp" => math::log_sum_exp(inputs.get("x"), 1),
        "ln_gamma" => math::ln_gamma(inputs.get("x")),
        _ => unknown(quantity),
    });
}

#[test]
fn bernoulli() {
    let tails = ["log_prob", "log_prob by logits", "mean", "variance", "entropy", "entropy by logits"];
    check(fixture!("bernoulli"), &tails, |inputs, quantity| {
        let law = |logits| Bernoulli::from_logits(inputs.get(logits));
        let (p, q) = (law("logits"), law("q_logits"));
        common(&p, &q, inputs, quantity)
    });
}

#[test]
fn one_hot_categorical() {
    check(fixture!("one_hot_categorical"), &["mean"], |inputs, quantity| {
        let law = |logits| OneHotCategorical::from_logits(inputs.get(logits)).expect("legal");
        let (p, q) = (law("logits"), law("q_logits"));
        common(&p, &q, inputs, quantity)
    });
}

#[test]
fn logistic() {
    let tails = ["log_cdf", "log_cdf by loc", "log_cdf by scale", "log_cdf by value"];
    check(fixture!("logistic"), &tails, |inputs, quantity| {
        let law = Logistic::new(inputs.get("loc"), inputs.get("scale")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "log_cdf" => law.log_cdf(inputs.get("value")),
            "mean" => law.mean(),
            "variance" => law.variance(),
            "entropy" => law.entropy(),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn gumbel() {
    let tails = ["log_cdf", "log_cdf by loc", "log_cdf by scale", "log_cdf by value"];
    check(fixture!("gumbel"), &tails, |inputs, quantity| {
        let law = |loc, scale| Gumbel::new(inputs.get(loc), inputs.get(scale)).expect("legal");
        let (p, q) = (law("loc", "scale"), law("q_loc", "q_scale"));
        match quantity {
            "log_cdf" => p.log_cdf(inputs.get("value")),
            _ => common(&p, &q, inputs, quantity),
        }
    });
}

#[test]
fn normal() {
    check(fixture!("normal"), &[], |inputs, quantity| {
        let law = |loc, scale| Normal::new(inputs.get(loc), inputs.get(scale)).expect("legal");
        let (p, q) = (law("loc", "scale"), law("q_loc", "q_scale"));
        common(&p, &q, inputs, quantity)
    });
}

#[test]
fn exp_concrete() {
    check(fixture!("exp_concrete"), &[], |inputs, quantity| {
        let law = ExpConcrete::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        match quantity {
            "latent_log_prob" => law.log_prob(inputs.get("latent")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn relaxed_bernoulli() {
    check(fixture!("relaxed_bernoulli"), &["sample"], |inputs, quantity| {
        let law = RelaxedBernoulli::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        relaxation(&law, inputs, quantity)
    });
}

#[test]
fn relaxed_one_hot_categorical() {
    check(fixture!("relaxed_one_hot_categorical"), &["sample"], |inputs, quantity| {
        let law = RelaxedOneHotCategorical::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        relaxation(&law, inputs, quantity)
    });
}

fn relaxation<R>(law: &R, inputs: &Inputs, quantity: &str) -> Tensor<2>
where
    R: ConditionalRelaxation<2> + Density<2>,
    R::Latent: Density<2>,
{
    match quantity {
        "log_prob" => law.log_prob(inputs.get("value")),
        "latent_log_prob" => law.latent().log_prob(inputs.get("latent")),
        "sample" => law.transport(inputs.get("noise")),
        "latent_sample" => law.latent().transport(inputs.get("noise")),
        "latent_given" => law.latent_given(inputs.get("b"), inputs.get("fresh")),
        _ => unknown(quantity),
    }
}

/// One stream of noise, by the documented recipe.
#[derive(Deserialize)]
struct Stream {
    seed: u64,
    label: String,
    key: u64,
    bits: Vec<u64>,
    permutation: Vec<usize>,
    draws: Vec<Draw>,
}

/// Elements of one draw, from the index `start`.
#[derive(Deserialize)]
struct Draw {
    base: String,
    precision: String,
    /// Draws of the same stream before it.
    earlier: usize,
    start: usize,
    values: Vec<f64>,
}

#[test]
fn noise() {
    let Fixture { header, content: stream } = parse::<Stream>(fixture!("noise"));
    let noise = Noise::seeded(stream.seed).fork(&stream.label);
    assert_eq!(noise.state().key, stream.key, "golden/noise.json: key");
    let mut bits = noise.clone();
    assert_eq!(stream.bits, [bits.bits(), bits.bits(), bits.bits()], "golden/noise.json: bits");
    let order = noise.clone().permutation(stream.permutation.len());
    assert_eq!(order, stream.permutation, "golden/noise.json: permutation");

    let mut failures = Vec::new();
    for Draw { base, precision, earlier, start, values } in &stream.draws {
        let law = Base::ALL.into_iter().find(|law| format!("{law:?}").to_lowercase() == *base).expect("a base law");
        let dtype = data_type(precision);
        let relative = if dtype == DType::F64 { 1e-12 } else { 1e-6 };
        let mut noise = noise.clone();
        for _ in 0..*earlier {
            noise.bits(); // counts as a draw
        }
        let drawn = noise.draw(law, [start + values.len()], (&Device::flex(), dtype));
        let got: Vec<f64> = drawn.try_into_vec_as().expect("readable");
        let label = format!("golden/noise.json, {base}, {precision}, draw {earlier} from element {start}");
        failures.extend(differences(&label, &got[*start..], values, |i| relative * values[i].abs().max(1.0)));
    }
    assert!(failures.is_empty(), "{}\n{} values differ from those of {header:?}", failures.join("\n"), failures.len());
}
