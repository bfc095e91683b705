//! Straight-through choices, the invertible Gaussian and sparse maps against values of torch, scipy and mpmath.
//!
//! The fixtures say in their header which script and which versions made them, and at each quantity which libraries
//! agree with it.

#[path = "golden/harness.rs"]
mod harness;

use burn::tensor::Tensor;
use harness::{Inputs, check, fixture, unknown};
use relaxit::prelude::*;
use relaxit::relaxation::{
    DecoupledBackward, DecoupledStraightThroughGumbelSoftmax, Gap, GappedStraightThrough, GumbelRao,
    InvertibleGaussian, ReinMax, entmax15, sparsemax,
};

#[test]
fn decoupled_straight_through_gumbel_softmax() {
    check(fixture!("choices_decoupled"), &[], |inputs, quantity| {
        let law = DecoupledStraightThroughGumbelSoftmax::from_logits(
            inputs.get("logits"),
            inputs.get("forward"),
            inputs.temperature(),
        );
        let law = law.expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "perturbed" => law.transport(inputs.get("noise")),
            "probabilities" => law.with_backward(DecoupledBackward::Probabilities).transport(inputs.get("noise")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn rein_max() {
    check(fixture!("choices_rein_max"), &[], |inputs, quantity| {
        assert_eq!(quantity, "sample");
        let law = ReinMax::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        law.with_gradient(inputs.get("b"))
    });
}

#[test]
fn gumbel_rao() {
    check(fixture!("choices_gumbel_rao"), &[], |inputs, quantity| {
        assert_eq!(quantity, "sample");
        let law = GumbelRao::from_logits(inputs.get("logits"), inputs.temperature(), 3).expect("legal");
        law.with_gradient(inputs.get("b"), &mut Noise::seeded(0))
    });
}

#[test]
fn gapped_straight_through() {
    check(fixture!("choices_gapped"), &[], |inputs, quantity| {
        let law = GappedStraightThrough::from_logits(inputs.get("logits"), inputs.temperature()).expect("legal");
        let law = match quantity {
            "constant" => law,
            "expected" => law.with_gap(Gap::Expected).expect("legal"),
            _ => unknown(quantity),
        };
        law.with_gradient(inputs.get("b"))
    });
}

#[test]
fn invertible_gaussian() {
    check(fixture!("choices_invertible_gaussian"), &[], |inputs, quantity| {
        let law = |loc, log_scale| gaussian(inputs, inputs.get(loc), inputs.get(log_scale));
        let p = law("loc", "log_scale");
        match quantity {
            "log_prob" => p.log_prob(inputs.get("value")),
            "sample" => p.transport(inputs.get("noise")),
            "unsquash" => p.unsquash(inputs.get("value")),
            "kl_divergence" => p.kl_divergence(&law("q_loc", "q_log_scale")).expect("the same map"),
            "category_probs" => p.category_probs(),
            _ => unknown(quantity),
        }
    });
}

/// A fixture has one δ for all rows of a case.
fn gaussian(inputs: &Inputs, loc: Tensor<2>, log_scale: Tensor<2>) -> InvertibleGaussian<2> {
    let delta: f64 = inputs.get("delta").max().into_scalar();
    let law = InvertibleGaussian::from_log_scale(loc, log_scale, inputs.get("tau")).expect("legal");
    law.with_delta(delta).expect("legal")
}

#[test]
fn sparse_maps() {
    check(fixture!("choices_sparse"), &[], |inputs, quantity| match quantity {
        "sparsemax" => sparsemax(inputs.get("x")),
        "entmax15" => entmax15(inputs.get("x")),
        _ => unknown(quantity),
    });
}
