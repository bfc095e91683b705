//! When a test law says nothing about a law, and why.
//!
//! Each of these was found by running the test where it is left out: there it fails on laws that are right. `tests.rs`
//! keeps it so, and keeps every test that passes.

use burn::tensor::{DType, Tensor};
use relaxit::distribution::Distribution;
use relaxit::noise::Noise;
use relaxit::support::Support;

use super::entry::Entry;
use super::instance::values;
use super::parameter::{Parameter, Values};
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

/// Some entry hardly ever varies: sums over its few events are not normal variables, and its correlation is not defined
/// where there are none.
pub fn constant<L>(subject: &Subject<L>) -> Option<&'static str> {
    let [rows, entries] = subject.draws.dims();
    let draws = values(subject.draws.clone());
    let rarely = |entry: usize| {
        let mut column: Vec<f64> = draws.iter().skip(entry).step_by(entries).copied().collect();
        column.sort_by(f64::total_cmp);
        let usual = column[rows / 2];
        column.iter().filter(|x| x.total_cmp(&usual).is_ne()).count() * 100 < rows
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

/// Densities over a plane that follow small parameters of concentration: one side of them is a hundred times as wide as
/// the other, and the grid has one step for both.
pub fn lopsided<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    let small = subject.parameters.iter().any(|(parameter, x)| parameter.range.is_positive() && *x < 0.09);
    (free(subject) == 2 && small).then_some("the density is too lopsided for quadrature over a plane")
}

/// Densities over a plane that are a ridge: its width is below the steps of the grid.
pub fn ridged<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    if free(subject) != 2 {
        return None;
    }
    let draws = match subject.law.support() {
        Support::UnitInterval => (subject.draws.clone() / (-subject.draws.clone() + 1.0)).log(),
        _ => subject.draws.clone(),
    };
    let (x, y) = (draws.clone().slice_dim(1, 0), draws.slice_dim(1, 1));
    let (x, y) = (x.clone() - x.mean_dim(0), y.clone() - y.mean_dim(0));
    let norms = (x.clone().square().sum() * y.clone().square().sum()).sqrt();
    let correlation: f64 = ((x * y).sum().abs() / norms).into_scalar();
    (correlation > 0.995).then_some("the density is a ridge, too narrow for quadrature over a plane")
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

/// Draws of a continuous law that take a few values only in single precision, and lie between the points of a grid.
pub fn coarse<L>(subject: &Subject<L>) -> Option<&'static str> {
    (relative_spread(subject) < 1e-6).then_some("draws hardly differ beside their size")
}

/// Points near the middle of a simplex, whose logarithms single precision does not tell apart.
pub fn flat<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    let middle = subject.law.support() == Support::Simplex && smallest(subject.draws.clone()) > 1e-3;
    (middle && relative_spread(subject) < 1e-4).then_some("draws vary too little beside their size")
}

/// Gates that are clamped at nearly every draw: the few others carry all of the score.
pub fn clamped<L>(subject: &Subject<L>) -> Option<&'static str> {
    let open = subject.draws.clone() * (-subject.draws.clone() + 1.0);
    let open: f64 = open.greater_elem(0.0).float().mean().into_scalar();
    (subject.atoms && open < 0.01).then_some("nearly every draw is clamped")
}

/// Draws of a continuous law beside whose spread the rounding of their size shows in a mean.
pub fn unresolved<L>(subject: &Subject<L>) -> Option<&'static str> {
    (relative_spread(subject) < 1e-4).then_some("draws vary too little beside their size")
}

/// The smallest range of an entry, relative to its size; ∞ for discrete laws.
fn relative_spread<L>(subject: &Subject<L>) -> f64 {
    if subject.outcomes > 0 {
        return f64::INFINITY;
    }
    let spread = subject.draws.clone().max_dim(0) - subject.draws.clone().min_dim(0);
    let size = subject.draws.clone().abs().max_dim(0);
    // An entry that is always 0 has no spread either.
    smallest(spread / size.clamp_min(f64::MIN_POSITIVE))
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

/// Differences cannot see small steps beside large numbers, nor follow a law over lengths that are nothing beside them.
pub fn steep<L: Distribution<2>>(subject: &Subject<L>) -> Option<&'static str> {
    // Logarithms of points of a simplex are as large as the logits, and cancel with them.
    let largest = if subject.law.support() == Support::LogSimplex { 300.0 } else { 1e5 };
    let steep = |(parameter, x): &(Parameter, f64)| {
        if parameter.range.is_positive() { *x < 1e-9 || *x > 1e4 } else { x.abs() > largest }
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
