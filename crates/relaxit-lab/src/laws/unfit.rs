//! When a test law says nothing about a law, and why.

use burn::tensor::{DType, Tensor};
use relaxit::distribution::Distribution;
use relaxit::noise::Noise;
use relaxit::support::Support;

use super::entry::Entry;
use super::instance::values;
use super::parameter::{Parameter, Range, Values};
use super::rows_at_once;

/// Outcomes beyond this number are not enumerated.
pub(super) const MANY: usize = 4096;

/// Draws that are looked at.
const DRAWS: usize = 4096;

/// The reason why a test law does not apply, if it does not.
pub type Unfit<L> = fn(&Subject<L>) -> Option<&'static str>;

/// A law at its parameters, with some draws.
#[derive(Debug)]
pub struct Subject<L> {
    law: L,
    draws: Tensor<2>,
    parameters: Vec<(Parameter, f64)>,
    outcomes: usize,
    atoms: bool,
}

impl<L: Distribution<2> + 'static> Subject<L> {
    pub(super) fn new(entry: &Entry<L>, at: &Values) -> Self {
        let law = |rows| entry.law(at, entry.rows(at, rows, DType::F64), false).expect("a law that was built before");
        let one = law(1);
        let draws = law(DRAWS.min(rows_at_once(one.shape()[1])));
        let draws = draws.sample(&mut Noise::seeded(0).fork("a look"));
        let outcomes = entry.outcomes.map_or(0, |outcomes| outcomes(&one).len());
        Self { law: one, draws, parameters: entry.flat(at).collect(), outcomes, atoms: entry.atoms }
    }
}

/// Some entry never varies: it has no correlation with anything.
pub fn constant<L>(subject: &Subject<L>) -> Option<&'static str> {
    let [rows, entries] = subject.draws.dims();
    let draws = values(subject.draws.clone());
    let rarely = |entry: usize| {
        let mut column: Vec<f64> = draws.iter().skip(entry).step_by(entries).copied().collect();
        column.sort_by(f64::total_cmp);
        let usual = column[rows / 2];
        column.iter().filter(|x| x.total_cmp(&usual).is_ne()).count() < rows / 100
    };
    (0..entries).any(rarely).then_some("an entry hardly ever varies")
}

/// Events with more than one free coordinate.
pub fn beyond_a_line<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    (free(subject) != 1).then_some("an event does not have exactly one free coordinate")
}

/// Events with more than two free coordinates.
pub fn beyond_a_plane<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    (!(1..=2).contains(&free(subject))).then_some("an event does not have one or two free coordinates")
}

/// Densities over a plane that are too sharp for its grid.
pub fn sharp<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    let sharp = subject.parameters.iter().any(|(parameter, x)| parameter.range.is_positive() && *x < 0.1);
    (free(subject) == 2 && sharp).then_some("the density is too sharp for quadrature over a plane")
}

/// Draws on the boundary of a simplex or an interval, where floating point ends.
pub fn saturated<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    let edge = match subject.law.support() {
        _ if subject.atoms => 1.0,
        Support::UnitInterval => smallest(subject.draws.clone() * (-subject.draws.clone() + 1.0)),
        Support::Simplex => smallest(subject.draws.clone()),
        _ => 1.0,
    };
    (edge <= 0.0).then_some("draws round to the boundary of the support")
}

/// Draws of a continuous law so close together that single precision, or a difference, cannot tell them apart.
pub fn unresolved<L>(subject: &Subject<L>) -> Option<&'static str> {
    let spread = subject.draws.clone().max_dim(0) - subject.draws.clone().min_dim(0);
    let size = subject.draws.clone().abs().max_dim(0);
    (subject.outcomes == 0 && smallest(spread - size * 1e-4) < 0.0).then_some("draws vary too little beside their size")
}

/// Draws at a corner of the simplex: a step in the value leaves it.
pub fn cornered<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    let corner = subject.law.support() == Support::Simplex && smallest(-subject.draws.clone() + 1.0) < 1e-4;
    corner.then_some("draws are too near a corner for differences")
}

/// More outcomes than are enumerated.
pub fn many_outcomes<L>(subject: &Subject<L>) -> Option<&'static str> {
    (subject.outcomes > MANY).then_some("there are more than 4096 outcomes")
}

/// Differences cannot follow a law that changes over lengths below 0.01, nor step over the end of a range, nor see small
/// steps beside large numbers.
pub fn steep<L>(subject: &Subject<L>) -> Option<&'static str> {
    let steep = |(parameter, x): &(Parameter, f64)| match parameter.range {
        range if range.is_positive() => *x < 0.01 || *x > 1e5,
        Range::Real => x.abs() > 1e3,
        Range::Within(low, high) => *x - low < 1e-3 || high - *x < 1e-3,
        _ => false,
    };
    subject.parameters.iter().any(steep).then_some("parameters are too near a limit for differences")
}

fn free<L: Distribution<2>>(subject: &Subject<L>) -> usize {
    let entries = subject.draws.dims()[1];
    match subject.law.support() {
        _ if L::EVENT_DIMS == 0 => 1,
        Support::Simplex | Support::LogSimplex => entries - 1,
        _ => entries,
    }
}

fn smallest(x: Tensor<2>) -> f64 {
    x.inner().min().into_scalar()
}
