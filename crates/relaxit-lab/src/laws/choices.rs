//! Laws of choices among K and their relaxations.

use relaxit::distribution::{ExpConcrete, OneHotCategorical};
use relaxit::reference::{
    CONCRETE, DECOUPLED_STRAIGHT_THROUGH, GAPPED_STRAIGHT_THROUGH, GUMBEL_RAO, GUMBEL_SOFTMAX, REINMAX,
};
use relaxit::relaxation::{
    DecoupledStraightThroughGumbelSoftmax, Gap, GappedStraightThrough, GumbelRao, ReinMax, RelaxedOneHotCategorical,
};

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::{LOGITS, TEMPERATURE};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![
        decoupled().done(),
        exp_concrete().done(),
        gapped().done(),
        gumbel_rao().done(),
        one_hot().done(),
        rein_max().done(),
        relaxed_one_hot().done(),
    ]
}

fn one_hot() -> Entry<OneHotCategorical<2>> {
    Entry::new("OneHotCategorical", "a choice among K", &[LOGITS], |p| {
        OneHotCategorical::from_logits(p.tensor("logits"))
    })
    .alias("Categorical")
    .density()
    .enumerable()
    .moments()
    .entropy()
}

fn relaxed_one_hot() -> Entry<RelaxedOneHotCategorical<2>> {
    Entry::new("RelaxedOneHotCategorical", "a choice among K made continuous", &[LOGITS, TEMPERATURE], |p| {
        RelaxedOneHotCategorical::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .alias("GumbelSoftmax")
    .alias("Concrete")
    .paper(CONCRETE)
    .paper(GUMBEL_SOFTMAX)
    .density()
    .continuous()
    .joint()
    .reparameterized()
    .relaxation()
    .conditional()
}

fn exp_concrete() -> Entry<ExpConcrete<2>> {
    Entry::new("ExpConcrete", "the logarithm of a relaxed choice", &[LOGITS, TEMPERATURE], |p| {
        ExpConcrete::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .paper(CONCRETE)
    .density()
    .continuous()
    .joint()
    .reparameterized()
}

fn decoupled() -> Entry<DecoupledStraightThroughGumbelSoftmax<2>> {
    let forward = Parameter::one("forward_temperature", Range::Within(1e-6, 1e6), &[0.7]);
    let backward = Parameter::one("backward_temperature", Range::Within(1e-6, 1e6), &[1.0]);
    let about = "a hard choice, with a temperature forwards and another backwards";
    Entry::new("DecoupledStraightThroughGumbelSoftmax", about, &[LOGITS, forward, backward], |p| {
        DecoupledStraightThroughGumbelSoftmax::from_logits(
            p.tensor("logits"),
            p.tensor("forward_temperature"),
            p.tensor("backward_temperature"),
        )
    })
    .paper(DECOUPLED_STRAIGHT_THROUGH)
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(DecoupledStraightThroughGumbelSoftmax::rsample)
}

fn gapped() -> Entry<GappedStraightThrough<2>> {
    let gap = Parameter::one("gap", Range::Within(0.0, 1e6), &[1.0]).fixed().optional();
    Entry::new("GappedStraightThrough", "a hard choice, without noise backwards", &[LOGITS, TEMPERATURE, gap], |p| {
        GappedStraightThrough::from_logits(p.tensor("logits"), p.tensor("temperature"))?
            .with_gap(Gap::Constant(p.number("gap")))
    })
    .paper(GAPPED_STRAIGHT_THROUGH)
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(GappedStraightThrough::rsample)
}

fn rein_max() -> Entry<ReinMax<2>> {
    let temperature = Parameter::one("temperature", Range::Within(1.0, 1e6), &[1.0]);
    Entry::new("ReinMax", "a hard choice, exact backwards to second order", &[LOGITS, temperature], |p| {
        ReinMax::from_logits(p.tensor("logits"), p.tensor("temperature"))
    })
    .paper(REINMAX)
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(|law, noise| law.with_gradient(relaxit::distribution::Distribution::sample(law, noise)))
}

fn gumbel_rao() -> Entry<GumbelRao<2>> {
    let draws = Parameter::one("draws", Range::Whole(1, 1000), &[10.0]).fixed();
    Entry::new("GumbelRao", "a hard choice, with less variance backwards", &[LOGITS, TEMPERATURE, draws], |p| {
        GumbelRao::from_logits(p.tensor("logits"), p.tensor("temperature"), p.whole("draws"))
    })
    .paper(GUMBEL_RAO)
    .density()
    .enumerable()
    .moments()
    .entropy()
    .pathwise(|law, noise| law.with_gradient(relaxit::distribution::Distribution::sample(law, noise), noise))
}
