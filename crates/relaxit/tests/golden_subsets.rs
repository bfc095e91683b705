//! Laws over subsets, orders and permutations against values from torch and mpmath.
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

/// A number that is one for all rows of a case.
fn one(inputs: &Inputs, name: &str) -> f64 {
    inputs.get(name).max().into_scalar()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a small whole number
fn whole(inputs: &Inputs, name: &str) -> usize {
    one(inputs, name) as usize
}

#[test]
fn relaxed_top_k() {
    check(fixture!("relaxed_top_k"), &[], |inputs, quantity| {
        let law = RelaxedTopK::from_logits(inputs.get("logits"), whole(inputs, "count"), inputs.temperature());
        match quantity {
            "sample" => law.expect("legal").transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn implicit_mle() {
    check(fixture!("implicit_mle"), &[], |inputs, quantity| {
        let law = ImplicitMle::from_logits(inputs.get("logits"), whole(inputs, "count"), one(inputs, "step"));
        let draw = law.expect("legal").draw_from(inputs.get("noise"));
        match quantity {
            "hard" => draw.hard(),
            "gradient" => draw.gradient(inputs.get("slope")),
            _ => unknown(quantity),
        }
    });
}

/// A row of logits, noise or temperatures for each event, as one row or square.
fn shaped(inputs: &Inputs, name: &str, height: usize, width: usize) -> Tensor<3> {
    let input = inputs.get(name);
    let rows = input.dims()[0];
    input.reshape([rows, height, width])
}

fn flat(matrices: Tensor<3>) -> Tensor<2> {
    let [rows, height, width] = matrices.dims();
    matrices.reshape([rows, height * width])
}

#[test]
fn soft_sort() {
    check(fixture!("soft_sort"), &[], |inputs, quantity| {
        let law = SoftSort::from_logits(shaped(inputs, "logits", 1, 4), shaped(inputs, "temperature", 1, 1));
        match quantity {
            "sample" => flat(law.expect("legal").transport(shaped(inputs, "noise", 1, 4))),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn neural_sort() {
    check(fixture!("neural_sort"), &[], |inputs, quantity| {
        let law = NeuralSort::from_logits(shaped(inputs, "logits", 1, 4), shaped(inputs, "temperature", 1, 1));
        match quantity {
            "sample" => flat(law.expect("legal").transport(shaped(inputs, "noise", 1, 4))),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn gumbel_sinkhorn() {
    check(fixture!("gumbel_sinkhorn"), &[], |inputs, quantity| {
        let law = GumbelSinkhorn::from_logits(shaped(inputs, "logits", 2, 2), shaped(inputs, "temperature", 1, 1), 8);
        match quantity {
            "sample" => flat(law.expect("legal").transport(shaped(inputs, "noise", 2, 2))),
            _ => unknown(quantity),
        }
    });
}
