//! Estimators against the exact gradient.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, Z_MILLION, columns};
use crate::distribution::{Density, Enumerable};
use crate::estimator::{Bias, Estimator, Exact, ExactBound, Target};
use crate::objective::Objective;
use crate::relaxation::Relaxation;

/// Holds `estimator` to its own claim on `f`: no bias that the draws could show, or one that they do.
///
/// ```text
/// max over logits of |mean ĝ − g| / standard error   < 4.892 if it claims no bias, > 4.892 if it claims one
/// ```
///
/// A row of the case is one draw of all its logits; its event is `K` dimensions beside the relaxation's own (1 for a row
/// of bits, 0 for one choice). `g` is the exact gradient of the estimator's [`Target`]. A biased estimator may be exact
/// for some objectives: give it one where it is not.
///
/// # Panics
/// If the estimator's target is a bound of no sample.
///
/// # Examples
/// ```
/// use relaxit::{estimator::DisArm, prelude::*, testing::{Case, gradient}};
/// let bits = Case::new("bits", &[0.5, -1.0], |p| RelaxedBernoulli::from_logits(p, 0.5).unwrap()).with_draws(10_000);
/// let f = |b: Tensor<2>| (b.sum_dim(1) - 0.45).square();
/// gradient::claim::<_, 1>(&bits, &mut DisArm, &f).assert();
/// ```
pub fn claim<R, const K: usize>(case: &Case<R>, estimator: &mut dyn Estimator<R, 2>, f: &dyn Objective<2>) -> Verdict
where
    R: Relaxation<2>,
    R::Hard: Density<2> + Enumerable<2>,
{
    claim_at_rank::<R, K, 2>(case, estimator, f)
}

/// [`claim`] for relaxations of rank `D`, whose family shapes the parameters of a row as it likes.
///
/// # Panics
/// As [`claim`].
///
/// # Examples
/// ```
/// use relaxit::{estimator::DisArm, prelude::*, testing::{Case, gradient}};
/// let bits = Case::new("2 × 2 bits", &[0.5, -1.0, 0.0, 1.0], |p: Tensor<2>| {
///     let rows = p.dims()[0];
///     RelaxedBernoulli::from_logits(p.reshape([rows, 2, 2]), 0.5).unwrap()
/// });
/// let f = |b: Tensor<3>| (b.sum_dim(1).sum_dim(2) - 0.45).square();
/// gradient::claim_at_rank::<_, 2, 3>(&bits.with_draws(10_000), &mut DisArm, &f).assert();
/// ```
pub fn claim_at_rank<R, const K: usize, const D: usize>(
    case: &Case<R>,
    estimator: &mut dyn Estimator<R, D>,
    f: &dyn Objective<D>,
) -> Verdict
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Enumerable<D>,
{
    let (_, exact) = match estimator.target() {
        Target::Expectation => draws(case, &mut Exact::<K>, f, 1),
        Target::Bound { samples } => draws(case, &mut ExactBound::<K>::new(samples).expect("samples"), f, 1),
    };
    let (_, rows) = draws(case, estimator, f, case.draws());
    let (variance, mean) = rows.var_mean(0);
    let standard_error = (variance * (case.draws() as f64).recip()).sqrt();
    // Where the estimator has next to no variance, f32 decides: near p = 0.999, θ(1 − θ) is right to 1e-4.
    let off = (mean - exact.clone()).abs() / (standard_error + exact.abs() * 2e-5 + 1e-12);
    let z: f64 = off.max().into_scalar();
    let verdict = match estimator.bias() {
        Bias::Unbiased => case.verdict("gradient without bias", z, Z_MILLION),
        Bias::Biased => case.verdict("gradient with bias, negated", -z, -Z_MILLION),
    };
    Verdict { subject: format!("{} at {}", estimator.name(), verdict.subject), ..verdict }
}

/// The values and the gradients of `rows` independent draws, `[rows, 1]` and `[rows, logits]`, in F64 after the fact.
///
/// # Panics
/// If the estimator's surrogate does not depend on the logits.
#[must_use]
pub fn draws<R: Relaxation<D>, const D: usize>(
    case: &Case<R>,
    estimator: &mut dyn Estimator<R, D>,
    f: &dyn Objective<D>,
    rows: usize,
) -> (Tensor<2>, Tensor<2>) {
    let at = case.law(rows, DType::F32);
    let logits = at.logits().clone().autodiff().require_grad();
    let estimate = estimator.estimate(&at.with_logits(logits.clone()), f, &mut case.noise(estimator.name()));
    let gradient = logits.grad(&estimate.surrogate.backward()).expect("a surrogate depends on the logits");
    (columns(estimate.value), columns(gradient) * rows as f64)
}
