//! Laws of bits and their relaxations.

use relaxit::distribution::Bernoulli;
use relaxit::reference::{CONCRETE, REBAR, STOCHASTIC_GATES, STRAIGHT_THROUGH};
use relaxit::relaxation::{
    GaussianRelaxedBernoulli, HardConcrete, RebarRelaxation, RelaxedBernoulli, StochasticTimesSmooth,
    StraightThroughBernoulli,
};

use super::LOGITS;
use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![
        bernoulli().done(),
        gaussian_relaxed_bernoulli().done(),
        hard_concrete().done(),
        rebar_relaxation().done(),
        relaxed_bernoulli().done(),
        stochastic_times_smooth().done(),
        straight_through_bernoulli().done(),
    ]
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

/// It has atoms, so none of the checks of [`Entry::continuous`].
fn gaussian_relaxed_bernoulli() -> Entry<GaussianRelaxedBernoulli<2>> {
    let loc = Parameter::each("loc", Range::Real, &[0.3, 0.8]);
    let scale = Parameter::each("scale", Range::Within(1e-15, 1e15), &[0.5]);
    Entry::new("GaussianRelaxedBernoulli", "gates that open and close, gaussian", &[loc, scale], |p| {
        GaussianRelaxedBernoulli::new(p.tensor("loc"), p.tensor("scale"))
    })
    .alias("StochasticGates")
    .paper(STOCHASTIC_GATES)
    .density()
    .atoms()
    .moments()
    .reparameterized()
}

/// It has atoms, so none of the checks of [`Entry::continuous`].
fn hard_concrete() -> Entry<HardConcrete<2>> {
    let temperature = Parameter::each("temperature", Range::Within(1e-6, 1e6), &[0.7]);
    Entry::new("HardConcrete", "gates that open and close", &[LOGITS, temperature], |p| {
        HardConcrete::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .density()
    .atoms()
    .reparameterized()
    .relaxation()
    .conditional()
}

fn rebar_relaxation() -> Entry<RebarRelaxation<2>> {
    let temperature = Parameter::each("temperature", Range::Within(1e-6, 1e6), &[0.7]);
    Entry::new("RebarRelaxation", "bits made continuous, as REBAR does", &[LOGITS, temperature], |p| {
        RebarRelaxation::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .paper(REBAR)
    .density()
    .continuous()
    .reparameterized()
    .relaxation()
    .conditional()
}

fn straight_through_bernoulli() -> Entry<StraightThroughBernoulli<2>> {
    Entry::new("StraightThroughBernoulli", "bits, with the gradient of their probabilities", &[LOGITS], |p| {
        Ok(StraightThroughBernoulli::from_logits(p.tensor("logits")))
    })
    .paper(STRAIGHT_THROUGH)
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(StraightThroughBernoulli::rsample)
}

fn stochastic_times_smooth() -> Entry<StochasticTimesSmooth<2>> {
    Entry::new("StochasticTimesSmooth", "a bit times the root of its probability", &[LOGITS], |p| {
        Ok(StochasticTimesSmooth::from_logits(p.tensor("logits")))
    })
    .paper(STRAIGHT_THROUGH)
    .moments()
    .pathwise(StochasticTimesSmooth::rsample)
}
