//! Laws of k among K.

use relaxit::distribution::{GumbelTopK, KSubset};
use relaxit::reference::{GUMBEL_TOP_K, SIMPLE};

use super::LOGITS;
use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};

const COUNT: Parameter = Parameter::one("count", Range::Whole(1, 1024), &[2.0]).fixed();

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![gumbel_top_k().done(), k_subset().done()]
}

fn gumbel_top_k() -> Entry<GumbelTopK<2>> {
    Entry::new("GumbelTopK", "k among K without replacement, in order", &[LOGITS, COUNT], |p| {
        GumbelTopK::from_logits(p.tensor("logits"), p.whole("count"))
    })
    .paper(GUMBEL_TOP_K)
    .density()
    .enumerable()
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
