//! Laws of points of the simplex.

use relaxit::distribution::{Dirichlet, LogisticNormal, LogisticNormalSoftmax};
use relaxit::reference::{IMPLICIT_REPARAMETERIZATION, INVERTIBLE_GAUSSIAN, LOGISTIC_NORMAL};
use relaxit::relaxation::InvertibleGaussian;

use super::entry::{Entry, Law};
use super::parameter::{Parameter, Range};
use super::{TEMPERATURE, unfit};

const LOC: Parameter = Parameter::each("loc", Range::Real, &[0.5, -0.5]);
const SCALE: Parameter = Parameter::each("scale", Range::Within(1e-15, 1e15), &[1.0]);

pub(super) fn laws() -> Vec<Box<dyn Law>> {
    vec![dirichlet().done(), logistic_normal().done(), logistic_normal_softmax().done(), invertible_gaussian().done()]
}

fn dirichlet() -> Entry<Dirichlet<2>> {
    let concentration = Parameter::each("concentration", Range::Within(1e-3, 9e5), &[1.5, 2.0, 3.0]);
    Entry::new("Dirichlet", "points of the simplex", &[concentration], |p| Dirichlet::new(p.tensor("concentration")))
        .paper(IMPLICIT_REPARAMETERIZATION)
        .density()
        .continuous()
        .unless_integrated(unfit::lopsided)
        .joint()
        .unless(unfit::lopsided)
        .moments()
        .entropy()
        .pathwise(relaxit::distribution::Reparameterized::rsample)
}

fn logistic_normal() -> Entry<LogisticNormal<2>> {
    Entry::new("LogisticNormal", "points of the simplex, gaussian", &[LOC, SCALE], |p| {
        LogisticNormal::new(p.tensor("loc"), p.tensor("scale"))
    })
    .paper(LOGISTIC_NORMAL)
    .density()
    .continuous()
    .joint()
    .reparameterized()
}

fn invertible_gaussian() -> Entry<InvertibleGaussian<2>> {
    let delta = Parameter::one("delta", Range::Within(1e-6, 1e6), &[1.0]).fixed().optional();
    let about = "a choice made continuous by gaussian noise";
    Entry::new("InvertibleGaussian", about, &[LOC, SCALE, TEMPERATURE, delta], |p| {
        InvertibleGaussian::new(p.tensor("loc"), p.tensor("scale"), p.tensor("temperature"))?
            .with_delta(p.number("delta"))
    })
    .alias("IGR")
    .paper(INVERTIBLE_GAUSSIAN)
    .density()
    .continuous()
    .joint()
    .reparameterized()
}

fn logistic_normal_softmax() -> Entry<LogisticNormalSoftmax<2>> {
    Entry::new("LogisticNormalSoftmax", "the softmax of K normal variables", &[LOC, SCALE], |p| {
        LogisticNormalSoftmax::new(p.tensor("loc"), p.tensor("scale"))
    })
    .paper(LOGISTIC_NORMAL)
    .density()
    .continuous()
    .joint()
    .reparameterized()
}
