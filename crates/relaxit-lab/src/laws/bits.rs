//! Laws of bits and their relaxations.

use relaxit::distribution::Bernoulli;
use relaxit::reference::CONCRETE;
use relaxit::relaxation::RelaxedBernoulli;

use super::LOGITS;
use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![bernoulli().done(), relaxed_bernoulli().done()]
}

pub(super) fn bernoulli() -> Entry<Bernoulli<2>> {
    let build = |p: &super::Arguments| Ok(Bernoulli::from_logits(p.tensor("logits")));
    Entry::new("Bernoulli", "bits", &[LOGITS], build).density().enumerable().moments().entropy()
}

fn relaxed_bernoulli() -> Entry<RelaxedBernoulli<2>> {
    let temperature = Parameter::each("temperature", Range::Within(1e-6, 1e6), &[0.7]);
    Entry::new("RelaxedBernoulli", "bits made continuous", &[LOGITS, temperature], |p| {
        RelaxedBernoulli::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .alias("BinaryConcrete")
    .paper(CONCRETE)
    .density()
    .continuous()
    .reparameterized()
    .relaxation()
    .conditional()
}
