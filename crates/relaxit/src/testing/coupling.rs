//! A relaxation's latent, hard value, and latent given the hard value belong together.

use burn::tensor::{DType, Int, Tensor};

use super::finite_difference::gradient;
use super::{Case, KS, Verdict, Z_MILLION_ONE_SIDED, chi_square, column, columns, ks, values, worst};
use crate::distribution::{Density, Distribution, Enumerable};
use crate::noise::Noise;
use crate::relaxation::{ConditionalRelaxation, Relaxation};

/// The thresholded latent has the law of the hard value: χ² as in [`chi_square::outcomes`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, coupling};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
/// coupling::hard(&Case::new("RelaxedBernoulli", &[1.0], relaxed)).assert();
/// ```
pub fn hard<R, const D: usize>(case: &Case<R>) -> Verdict
where
    R: Relaxation<D>,
    R::Hard: Enumerable<D> + Density<D>,
{
    const LAW: &str = "law of threshold(z)";
    let relaxed = case.law(case.draws(), DType::F32);
    let b = relaxed.threshold(relaxed.latent().sample(&mut case.noise(LAW)));
    case.verdict(LAW, chi_square::statistic(b, &case.law(1, DType::F64).hard()), Z_MILLION_ONE_SIDED)
}

/// A latent drawn given `b` thresholds to `b`, and is finite: not one draw may be off.
///
/// ```text
/// threshold(latent_given(b, ε)) = b
/// ```
///
/// The statistic is the number of entries that are not, and must be 0.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, coupling};
/// let relaxed = |logits| RelaxedOneHotCategorical::from_logits(logits, 0.01).unwrap();
/// coupling::threshold(&Case::new("Concrete", &[1.0, -20.0, 0.9], relaxed)).assert();
/// ```
pub fn threshold<R: ConditionalRelaxation<D>, const D: usize>(case: &Case<R>) -> Verdict {
    const LAW: &str = "threshold(latent_given(b)) = b";
    let (relaxed, mut noise) = (case.law(case.draws(), DType::F32), case.noise(LAW));
    let b = relaxed.hard().sample(&mut noise);
    let z_tilde = conditional_draw(&relaxed, b.clone(), &mut noise);
    let astray = relaxed.threshold(z_tilde.clone()).not_equal(b).bool_or(z_tilde.is_finite().bool_not());
    case.verdict(LAW, worst(values(columns(astray.float()).sum())), 0.0)
}

/// Averaged over `b`, the latent given `b` has the law of the latent: a two-sample statistic for each coordinate.
///
/// ```text
/// Σ_b P(b) p(z̃ | b) = p(z)
/// ```
///
/// Passes up to [`KS`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, coupling};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
/// coupling::marginal(&Case::new("RelaxedBernoulli", &[1.0], relaxed)).assert();
/// ```
pub fn marginal<R: ConditionalRelaxation<D>, const D: usize>(case: &Case<R>) -> Verdict {
    const LAW: &str = "law of the latent given b, averaged over b";
    let (relaxed, mut noise) = (case.law(case.draws(), DType::F32), case.noise(LAW));
    let b = relaxed.hard().sample(&mut noise);
    let z_tilde = columns(conditional_draw(&relaxed, b, &mut noise));
    let z = columns(relaxed.latent().sample(&mut noise));
    let statistics = (0..z.dims()[1]).map(|entry| ks::of_two(column(&z, entry), column(&z_tilde, entry)));
    case.verdict(LAW, worst(statistics), KS)
}

/// Given `b`, the latent has the law of those latents that threshold to `b`, which rejection sampling gives.
///
/// ```text
/// p(z̃ | b) = p(z | threshold(z) = b)
/// ```
///
/// A two-sample statistic for each coordinate of an event, given each value of each entry of `b`; values drawn less
/// than a thousand times are left out. Passes up to [`KS`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, coupling};
/// let relaxed = |logits| RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap();
/// coupling::conditional(&Case::new("Concrete", &[1.0, 0.0], relaxed)).assert();
/// ```
pub fn conditional<R: ConditionalRelaxation<D>, const D: usize>(case: &Case<R>) -> Verdict {
    const LAW: &str = "law of the latent given b";
    const FEWEST: usize = 1000;
    let (relaxed, mut noise) = (case.law(case.draws(), DType::F32), case.noise(LAW));
    let event: usize = relaxed.event_shape().iter().product();
    let z = relaxed.latent().sample(&mut noise);
    let b = relaxed.threshold(z.clone());
    let z_tilde = columns(conditional_draw(&relaxed, b.clone(), &mut noise));
    let (z, b) = (columns(z), columns(b));

    let mut statistics = Vec::new();
    for entry in 0..z.dims()[1] {
        for value in [0.0, 1.0] {
            let rows: Tensor<1, Int> = column(&b, entry).equal_elem(value).argwhere().flatten(0, 1);
            if rows.dims()[0] < FEWEST {
                continue;
            }
            let first = entry / event * event;
            statistics.extend((first..first + event).map(|coordinate| {
                let chosen = |z: &Tensor<2>| column(z, coordinate).select(0, rows.clone());
                ks::of_two(chosen(&z), chosen(&z_tilde))
            }));
        }
    }
    case.verdict(LAW, worst(statistics), KS)
}

/// The gradient of the latent given `b` with respect to the parameters, `b` and the noise held fixed: passes up to a
/// relative error of 1e-6, as in [`finite_difference`](super::finite_difference).
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, coupling};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
/// coupling::pathwise(&Case::new("RelaxedBernoulli", &[1.0], relaxed)).assert();
/// ```
pub fn pathwise<R: ConditionalRelaxation<D>, const D: usize>(case: &Case<R>) -> Verdict {
    const LAW: &str = "gradient of the latent given b";
    const ROWS: usize = 16;
    let (relaxed, noise) = (case.law(ROWS, DType::F64), case.noise(LAW));
    let b = relaxed.hard().sample(&mut noise.fork("b"));
    gradient(LAW, case.subject(), &case.rows(ROWS, DType::F64), |parameters| {
        conditional_draw(&case.at(parameters), b.clone(), &mut noise.fork("z"))
    })
}

/// `z̃ ~ p(z | b)` from the next draw.
fn conditional_draw<R: ConditionalRelaxation<D>, const D: usize>(
    relaxed: &R,
    b: Tensor<D>,
    noise: &mut Noise,
) -> Tensor<D> {
    let fresh = noise.draw(R::BASE, relaxed.noise_shape(), (&relaxed.device(), relaxed.dtype()));
    relaxed.latent_given(b, fresh)
}
