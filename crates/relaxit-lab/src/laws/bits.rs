//! Laws of bits and their relaxations.

use burn::tensor::{Tensor, TensorData};
use relaxit::distribution::Bernoulli;
use relaxit::reference::{
    CONCRETE, CORRELATED_GATES, HARD_KUMARASWAMY, L0_REGULARIZATION, REBAR, STOCHASTIC_GATES, STRAIGHT_THROUGH,
};
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, GaussianRelaxedBernoulli, HardConcrete, HardKumaraswamy, RebarRelaxation,
    RelaxedBernoulli, StochasticTimesSmooth, StraightThroughBernoulli,
};

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::{LOGITS, TEMPERATURE};

/// The interval that a gate is stretched to before it is clamped.
const GAMMA: Parameter = Parameter::one("gamma", Range::Within(-1e3, -1e-4), &[-0.1]).fixed().optional();
const ZETA: Parameter = Parameter::one("zeta", Range::Within(1.0001, 1001.0), &[1.1]).fixed().optional();

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![
        bernoulli().done(),
        correlated_relaxed_bernoulli().done(),
        gaussian_relaxed_bernoulli().done(),
        hard_concrete().done(),
        hard_kumaraswamy().done(),
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
    Entry::new("HardConcrete", "gates that open and close", &[LOGITS, temperature, GAMMA, ZETA], |p| {
        HardConcrete::from_logits(p.tensor("logits"), p.tensor("temperature"))?
            .with_stretch(p.number("gamma"), p.number("zeta"))
    })
    .paper(L0_REGULARIZATION)
    .density()
    .atoms()
    .reparameterized()
    .relaxation()
    .conditional()
}

/// It has atoms, so none of the checks of [`Entry::continuous`].
fn hard_kumaraswamy() -> Entry<HardKumaraswamy<2>> {
    let concentration1 = Parameter::each("concentration1", Range::Within(1e-3, 1e3), &[0.6, 1.5]);
    let concentration0 = Parameter::each("concentration0", Range::Within(1e-3, 1e3), &[0.8]);
    Entry::new("HardKumaraswamy", "gates of two shapes", &[concentration1, concentration0, GAMMA, ZETA], |p| {
        HardKumaraswamy::new(p.tensor("concentration1"), p.tensor("concentration0"))?
            .with_stretch(p.number("gamma"), p.number("zeta"))
    })
    .paper(HARD_KUMARASWAMY)
    .density()
    .atoms()
    .reparameterized()
}

fn correlated_relaxed_bernoulli() -> Entry<CorrelatedRelaxedBernoulli<2>> {
    let logits = Parameter::each("logits", Range::Real, &[0.3, -1.2]);
    let correlation = Parameter::square("correlation", Range::Within(-1.0, 1.0), &[1.0, 0.5, 0.5, 1.0]).fixed();
    Entry::new(
        "CorrelatedRelaxedBernoulli",
        "bits that depend on each other, made continuous",
        &[logits, correlation, TEMPERATURE],
        |p| {
            let (logits, entries) = (p.tensor("logits"), p.numbers("correlation"));
            let side = logits.dims()[1];
            let data = TensorData::new(entries.to_vec(), [side, side]);
            let correlation = Tensor::from_data(data, (&logits.device(), logits.dtype()));
            CorrelatedRelaxedBernoulli::from_logits(logits, &correlation, p.tensor("temperature"))
        },
    )
    .paper(CORRELATED_GATES)
    .density()
    .continuous()
    .joint()
    .reparameterized()
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
