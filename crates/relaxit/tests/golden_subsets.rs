//! Laws over subsets and orders against values from torch and mpmath.
//!
//! `python/golden/make_subsets.py` writes the fixtures and says how their values were found.

#[path = "golden/harness.rs"]
mod harness;

use relaxit::prelude::*;

use harness::{Inputs, check, fixture, unknown};

/// How many items the values of a case have.
fn count(inputs: &Inputs) -> usize {
    let value: Vec<f64> = inputs.get("value").slice_dim(0, 0).try_into_vec_as().expect("readable");
    value.iter().filter(|&&x| x != 0.0).count()
}

#[test]
fn plackett_luce() {
    check(fixture!("plackett_luce"), &[], |inputs, quantity| {
        let law = PlackettLuce::from_logits(inputs.get("logits"), count(inputs)).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn gumbel_top_k() {
    check(fixture!("gumbel_top_k"), &[], |inputs, quantity| {
        let law = GumbelTopK::from_logits(inputs.get("logits"), count(inputs)).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn k_subset() {
    check(fixture!("k_subset"), &["mean"], |inputs, quantity| {
        let law = |logits| KSubset::from_logits(inputs.get(logits), count(inputs)).expect("legal");
        let (p, q) = (law("logits"), law("q_logits"));
        match quantity {
            "log_prob" => p.log_prob(inputs.get("value")),
            "mean" => p.mean(),
            "entropy" => p.entropy(),
            "kl_divergence" => p.kl_divergence(&q),
            _ => unknown(quantity),
        }
    });
}
