//! Nothing is likelier than the mode.

use burn::tensor::{DType, Shape, Tensor, activation};

use super::{Case, Verdict, values, worst};
use crate::distribution::{Density, Enumerable, Mode};
use crate::support::Support;

/// How much higher a log-probability may be than that of the mode, relative to its size: rounding.
const ROUNDING: f64 = 1e-9;

/// No outcome is likelier than the mode, which carries no gradient.
///
/// ```text
/// max_b log p(b) − log p(mode) ≤ 0
/// ```
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, mode};
/// mode::of_outcomes(&Case::new("Bernoulli", &[1.0, -2.0], Bernoulli::from_logits)).assert();
/// ```
pub fn of_outcomes<L, const D: usize>(case: &Case<L>) -> Verdict
where
    L: Enumerable<D> + Density<D> + Mode<D>,
{
    let law = case.law(1, DType::F64);
    verdict(case, &law, law.outcomes())
}

/// No draw is likelier than the mode, nor is a point near it, nor one between; it carries no gradient.
///
/// ```text
/// max_x log p(x) − log p(mode) ≤ 0,   x = (1 − t) mode + t draw,   t = 1, …, 1e-4
/// ```
///
/// Between are points of the support: counts are the mode's neighbours, points of the log-simplex are normalised.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, mode};
/// let normal = |loc: Tensor<2>| Normal::from_log_scale(loc.clone(), loc.zeros_like()).unwrap();
/// mode::of_draws(&Case::new("Normal", &[0.5], normal)).assert();
/// ```
pub fn of_draws<L, const D: usize>(case: &Case<L>) -> Verdict
where
    L: Density<D> + Mode<D>,
{
    const DRAWS: usize = 1 << 12;
    let law = case.law(DRAWS, DType::F64);
    let (mode, draws) = (law.mode(), law.sample(&mut case.noise("mode")));
    let points: Vec<Tensor<D>> = match law.support() {
        Support::Real | Support::UnitInterval | Support::Simplex => {
            between().map(|t| mode.clone() * (1.0 - t) + draws.clone() * t).collect()
        }
        Support::LogSimplex => {
            between().map(|t| activation::log_softmax(mode.clone() * (1.0 - t) + draws.clone() * t, D - 1)).collect()
        }
        _ => vec![draws, (mode.clone() - 1.0).clamp_min(0.0), mode + 1.0],
    };
    verdict(case, &law, points.into_iter())
}

fn between() -> impl Iterator<Item = f64> {
    [1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4].into_iter()
}

fn verdict<L, const D: usize>(case: &Case<L>, law: &L, points: impl Iterator<Item = Tensor<D>>) -> Verdict
where
    L: Density<D> + Mode<D>,
{
    const LAW: &str = "log p(mode) is the highest";
    let highest = law.log_prob(law.mode());
    // As a `Shape`, because an array may not have a 0.
    let shape = Shape::from(highest.dims());
    let excess = points.map(|point| {
        let excess = law.log_prob(point).expand(shape.clone()) - highest.clone();
        worst(values(excess / highest.clone().abs().clamp_min(1.0)))
    });
    let tracked = case.at(case.leaf(1, DType::F64)).mode().is_tracked();
    case.verdict(LAW, if tracked { f64::NAN } else { worst(excess) }, ROUNDING)
}
