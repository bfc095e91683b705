//! Laws of choices among K and their relaxations.

use relaxit::distribution::{ExpConcrete, OneHotCategorical};
use relaxit::reference::{CONCRETE, GUMBEL_SOFTMAX};
use relaxit::relaxation::RelaxedOneHotCategorical;

use super::entry::{Entry, Law};
use super::{LOGITS, TEMPERATURE};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![one_hot().done(), relaxed_one_hot().done(), exp_concrete().done()]
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
    .reparameterized()
}
