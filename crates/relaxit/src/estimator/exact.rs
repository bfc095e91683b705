//! The exact gradient, by enumeration.

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator};
use crate::distribution::{Density, Distribution, Enumerable, Independent};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::Reference;
use crate::relaxation::Relaxation;

/// The exact gradient: the sum over all outcomes of a row's `K` dimensions of variables.
///
/// ```text
/// ∇ Σ_b p(b) f(b)
/// ```
///
/// Ground truth with the signature of an estimator. `n` bits cost 2ⁿ evaluations a row.
///
/// # Examples
/// ```
/// use relaxit::{estimator::Exact, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([1, 2], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let sum = |b: Tensor<2>| b.sum_dim(1);
/// let estimate = Exact::<1>.estimate(&at, &sum, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!((gradient.max().into_scalar::<f32>() - 0.25).abs() < 1e-6); // θ (1 − θ)
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact<const K: usize>;

impl<R, const K: usize, const D: usize> Estimator<R, D> for Exact<K>
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Enumerable<D>,
{
    fn name(&self) -> &'static str {
        "exact"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, _: &mut Noise) -> Estimate<D> {
        let law = Independent::<_, K>(at.hard());
        let term = |b: Tensor<D>| law.log_prob(b.clone()).exp() * f.evaluate(b);
        let expectation = law.outcomes().map(term).reduce(|a, b| a + b);
        let expectation = expectation.unwrap_or_else(|| Tensor::zeros([1; D], (&law.device(), law.dtype())));
        Estimate { value: expectation.clone().detach(), surrogate: expectation.mean(), tuning: None }
    }
}
