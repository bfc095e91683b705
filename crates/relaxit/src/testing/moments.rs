//! Mean and variance of draws against their closed forms.

use burn::tensor::DType;

use super::{Case, Verdict, columns, worst, z_scores, z_threshold};
use crate::distribution::Moments;

/// How far rounding to f32 may move a mean, relative to the numbers averaged.
const ROUNDING: f64 = 1e-6;

/// Mean and variance of the draws, entry by entry, in empirical standard errors from their closed forms.
///
/// ```text
/// z₁ = |avg(x − μ)| / se,   z₂ = |avg((x − μ)² − σ²)| / se,   se² = empirical variance / n
/// ```
///
/// Passes up to [`Z_MILLION`](super::Z_MILLION).
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, moments};
/// let case = Case::new("OneHotCategorical", &[0.0, 1.0], |p| OneHotCategorical::from_logits(p).unwrap());
/// moments::mean_and_variance(&case).assert();
/// ```
pub fn mean_and_variance<L: Moments<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "mean and variance";
    let x = columns(case.law(case.draws(), DType::F32).sample(&mut case.noise(LAW)));
    let one = case.law(1, DType::F64);
    let (mean, variance) = (columns(one.mean()), columns(one.variance()));

    let deviation = x - mean.clone();
    let rounding = (variance.clone().sqrt() + mean.abs()) * ROUNDING;
    let of_mean = z_scores(deviation.clone(), rounding);
    let of_variance = z_scores(deviation.square() - variance.clone(), variance * ROUNDING);

    let comparisons = 2 * of_mean.len();
    case.verdict(LAW, worst(of_mean.into_iter().chain(of_variance)), z_threshold(comparisons))
}
