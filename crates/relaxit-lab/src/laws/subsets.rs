//! Laws of k among K.

use relaxit::distribution::{GumbelTopK, KSubset};
use relaxit::reference::{GUMBEL_TOP_K, SIMPLE, SUBSET_SAMPLING};
use relaxit::relaxation::RelaxedTopK;

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::{LOGITS, TEMPERATURE};

const COUNT: Parameter = Parameter::one("count", Range::Whole(1, 1024), &[2.0]).fixed();

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![gumbel_top_k().done(), k_subset().done(), relaxed_top_k().done()]
}

fn gumbel_top_k() -> Entry<GumbelTopK<2>> {
    Entry::new("GumbelTopK", "k among K without replacement, in order", &[LOGITS, COUNT], |p| {
        GumbelTopK::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(GUMBEL_TOP_K)
    .density()
    .enumerable()
}

/// It offers no density.
fn relaxed_top_k() -> Entry<RelaxedTopK<2>> {
    Entry::new("RelaxedTopK", "k among K made continuous", &[LOGITS, COUNT, TEMPERATURE], |p| {
        RelaxedTopK::from_logits(p.tensor("logits"), p.whole("count"), p.tensor("temperature"))
    })
    .paper(SUBSET_SAMPLING)
    .reparameterized()
}

fn k_subset() -> Entry<KSubset<2>> {
    Entry::new("KSubset", "a set of k among K", &[LOGITS, COUNT], |p| {
        KSubset::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(SIMPLE)
    .density()
    .enumerable()
    .moments()
    .entropy()
}
