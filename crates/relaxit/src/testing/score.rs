//! The score has mean zero under its own law.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, columns, worst, z_scores, z_threshold};
use crate::distribution::Density;

/// The score identity, in empirical standard errors.
///
/// ```text
/// E[∇ log p(x)] = 0,   x ~ p
/// ```
///
/// Rows are replicates: one backward pass gives the score of every draw. Passes up to
/// [`Z_MILLION`](super::Z_MILLION); a density without a gradient fails.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, score};
/// let latent = |logits| ExpConcrete::from_logits(logits, 0.5).unwrap();
/// score::identity(&Case::new("ExpConcrete", &[1.0, -2.0, 0.0], latent)).assert();
/// ```
pub fn identity<L: Density<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "E[∇ log p] = 0";
    let parameters = case.leaf(case.draws(), DType::F64);
    let law = case.at(parameters.clone());
    let x = law.sample(&mut case.noise(LAW));
    let log_prob = law.log_prob(x).sum();
    let scores: Option<Tensor<2>> = if log_prob.is_tracked() { parameters.grad(&log_prob.backward()) } else { None };
    let Some(scores) = scores.map(columns) else {
        return case.verdict(LAW, f64::NAN, z_threshold(1));
    };
    let rounding = scores.clone().square().mean_dim(0).sqrt() * 1e-9;
    let z = z_scores(scores, rounding);
    let comparisons = z.len();
    case.verdict(LAW, worst(z), z_threshold(comparisons))
}
