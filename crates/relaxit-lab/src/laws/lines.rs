//! Location–scale families on the real line.

use relaxit::distribution::{Gumbel, Logistic, Normal};
use relaxit::reference::{CONCRETE, GUMBEL_SOFTMAX};

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};

const LOC: Parameter = Parameter::each("loc", Range::Real, &[0.5, -2.0]);
const SCALE: Parameter = Parameter::each("scale", Range::Within(1e-15, 1e15), &[1.5, 0.6]);

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![gumbel().done(), logistic().done(), normal().done()]
}

fn gumbel() -> Entry<Gumbel<2>> {
    Entry::new("Gumbel", "the law of a maximum", &[LOC, SCALE], |p| Gumbel::new(p.tensor("loc"), p.tensor("scale")))
        .paper(GUMBEL_SOFTMAX)
        .density()
        .continuous()
        .cdf()
        .moments()
        .entropy()
        .reparameterized()
}

fn logistic() -> Entry<Logistic<2>> {
    Entry::new("Logistic", "the latent of a relaxed bit", &[LOC, SCALE], |p| {
        Logistic::new(p.tensor("loc"), p.tensor("scale"))
    })
    .paper(CONCRETE)
    .density()
    .continuous()
    .cdf()
    .moments()
    .entropy()
    .reparameterized()
}

fn normal() -> Entry<Normal<2>> {
    Entry::new("Normal", "the bell curve", &[LOC, SCALE], |p| Normal::new(p.tensor("loc"), p.tensor("scale")))
        .alias("Gaussian")
        .density()
        .continuous()
        .moments()
        .entropy()
        .reparameterized()
}
