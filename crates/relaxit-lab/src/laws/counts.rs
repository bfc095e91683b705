//! Laws of counts.

use relaxit::distribution::{Binomial, Geometric, NegativeBinomial, Poisson};

use super::LOGITS;
use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![binomial().done(), geometric().done(), negative_binomial().done(), poisson().done()]
}

fn binomial() -> Entry<Binomial<2>> {
    let total_count = Parameter::one("total_count", Range::Whole(1, 1000), &[5.0]).fixed();
    Entry::new("Binomial", "successes in so many trials", &[total_count, LOGITS], |p| {
        Binomial::from_logits(p.whole("total_count"), p.tensor("logits"))
    })
    .density()
    .enumerable()
    .moments()
}

fn geometric() -> Entry<Geometric<2>> {
    Entry::new("Geometric", "failures before the first success", &[LOGITS], |p| {
        Ok(Geometric::from_logits(p.tensor("logits")))
    })
    .density()
    .moments()
    .entropy()
}

fn negative_binomial() -> Entry<NegativeBinomial<2>> {
    let total_count = Parameter::each("total_count", Range::Within(1e-3, 1e6), &[3.5]);
    Entry::new("NegativeBinomial", "successes before so many failures", &[total_count, LOGITS], |p| {
        NegativeBinomial::from_logits(p.tensor("total_count"), p.tensor("logits"))
    })
    .density()
    .moments()
}

fn poisson() -> Entry<Poisson<2>> {
    let rate = Parameter::each("rate", Range::Within(1e-6, 1e6), &[3.0, 0.5]);
    Entry::new("Poisson", "events at a rate", &[rate], |p| Ok(Poisson::from_log_rate(p.tensor("rate").log())))
        .density()
        .moments()
}
