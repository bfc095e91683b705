//! Gates and bits against values from torch, scipy and mpmath.
//!
//! `python/golden/make_bits.py` writes the fixtures and says how their values were found.

#[path = "golden/harness.rs"]
mod harness;

use relaxit::prelude::*;
use relaxit::relaxation::HardConcrete;

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
