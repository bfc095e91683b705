//! The exact gradient of a multi-sample bound, by enumeration.

use burn::tensor::Tensor;

use super::samples::total;
use super::vimco::bound;
use super::{Bias, Estimate, Estimator, Target};
use crate::distribution::{Density, Distribution, Enumerable, Independent};
use crate::error::{Error, Result};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{IMPORTANCE_WEIGHTED_AUTOENCODERS, Reference};
use crate::relaxation::Relaxation;

/// The exact gradient of a multi-sample bound: the sum over all tuples of outcomes of a row's `K` dimensions of variables.
///
/// ```text
/// ∇ Σ_{b₁…bₙ} p(b₁)⋯p(bₙ) ln 1/n Σᵢ exp f(bᵢ),   n = samples
/// ```
///
/// Ground truth for [`Vimco`](super::Vimco). `m` outcomes cost `m` evaluations, all kept, and `mⁿ` sums.
///
/// # Examples
/// ```
/// use relaxit::{estimator::{Exact, ExactBound}, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([1, 2], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let f = |b: Tensor<2>| b.sum_dim(1);
/// let mut bound = |samples| -> relaxit::Result<f32> {
///     let estimate = ExactBound::<1>::new(samples)?.estimate(&at, &f, &mut Noise::seeded(0));
///     Ok(estimate.value.into_scalar())
/// };
/// assert_eq!(bound(1)?, 1.0); // E[f(b)]
/// let limit = (0.5 * (1.0 + 1_f32.exp())).ln() * 2.0; // ln E[exp f(b)]
/// assert!(bound(1)? < bound(2)? && bound(2)? < bound(3)? && bound(3)? < limit);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::IMPORTANCE_WEIGHTED_AUTOENCODERS`].
#[derive(Clone, Copy, Debug)]
pub struct ExactBound<const K: usize> {
    samples: usize,
}

impl<const K: usize> ExactBound<K> {
    /// Of the bound of `samples` samples.
    ///
    /// # Errors
    /// [`Error::Parameter`] for none.
    pub const fn new(samples: usize) -> Result<Self> {
        if samples >= 1 {
            return Ok(Self { samples });
        }
        Err(Error::Parameter { subject: "ExactBound", parameter: "samples", requirement: "at least 1", got: 0.0 })
    }
}

impl<R, const K: usize, const D: usize> Estimator<R, D> for ExactBound<K>
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Enumerable<D>,
{
    fn name(&self) -> &'static str {
        "exact-bound"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn target(&self) -> Target {
        Target::Bound { samples: self.samples }
    }

    fn references(&self) -> &'static [Reference] {
        &[IMPORTANCE_WEIGHTED_AUTOENCODERS]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, _: &mut Noise) -> Estimate<D> {
        let law = Independent::<_, K>(at.hard());
        let (log_probs, log_weights): (Vec<_>, Vec<_>) =
            law.outcomes().map(|b| (law.log_prob(b.clone()), f.evaluate(b))).unzip();
        let outcomes = log_probs.len();
        let terms = (0..outcomes.pow(u32::try_from(self.samples).unwrap_or(u32::MAX))).map(|tuple| {
            let chosen = digits(tuple, outcomes, self.samples);
            let pick = |of: &[Tensor<D>]| chosen.iter().map(|&index| of[index].clone()).collect::<Vec<_>>();
            total(pick(&log_probs)).exp() * bound(&pick(&log_weights))
        });
        let expectation = terms.reduce(|a, b| a + b);
        let expectation = expectation.unwrap_or_else(|| Tensor::zeros([1; D], (&law.device(), law.dtype())));
        Estimate { value: expectation.clone().detach(), surrogate: expectation.mean(), tuning: None }
    }
}

/// The digits of a number in base `base`.
fn digits(number: usize, base: usize, count: usize) -> Vec<usize> {
    std::iter::successors(Some(number), |rest| Some(rest / base)).take(count).map(|rest| rest % base).collect()
}
