//! The exact gradient, by enumeration.

use burn::tensor::{Gradients, Tensor};

use super::{Bias, Estimate, Estimator};
use crate::distribution::{Density, Enumerable, Independent};
use crate::error::{Error, Result};
use crate::math::on_device;
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
/// Ground truth with the signature of an estimator. `n` bits cost 2ⁿ evaluations a row, and more than
/// [`LIMIT`](Self::LIMIT) outcomes are refused: ask [`check`](Self::check) first where the number is the user's.
///
/// # Gradient
/// Exact. The outcomes stream by: the gradient is taken and added up after every 256 of them, in the memory of those
/// alone. An objective with parameters of its own needs a tape of all terms instead, which Burn's backward pass takes
/// minutes for beyond 2¹² outcomes: [`accumulate`](Self::accumulate) streams them too, and hands the parameters'
/// gradients over as the outcomes pass.
///
/// # Numerics
/// Partial sums of 256 terms: at 2¹⁶ outcomes the rounding error is that of a sum of 512 numbers.
///
/// # Panics
/// If there are more than [`LIMIT`](Self::LIMIT) outcomes.
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

/// Outcomes whose tape is kept at once: √2¹⁶, so that neither the sums nor the sum of sums is long.
const CHUNK: usize = 256;

impl<const K: usize> Exact<K> {
    /// The most outcomes of a row that are enumerated: 2¹⁶.
    pub const LIMIT: usize = 1 << 16;

    /// Refuses a relaxation with too many outcomes to enumerate.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a row has more than [`LIMIT`](Self::LIMIT) outcomes.
    ///
    /// # Examples
    /// ```
    /// use relaxit::{estimator::Exact, prelude::*};
    /// let bits = |n| RelaxedBernoulli::from_logits(Tensor::<2>::zeros([1, n], &Device::flex()), 0.5);
    /// assert!(Exact::<1>::check(&bits(16)?).is_ok());
    /// let error = Exact::<1>::check(&bits(17)?).unwrap_err();
    /// assert_eq!(error.to_string(), "Exact: `outcomes` must be at most 65536 (2^16), got 131072");
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    pub fn check<R, const D: usize>(at: &R) -> Result<()>
    where
        R: Relaxation<D>,
        R::Hard: Enumerable<D>,
    {
        let outcomes = Independent::<_, K>(at.hard()).num_outcomes();
        if outcomes <= Self::LIMIT as f64 {
            return Ok(());
        }
        Err(Error::Parameter {
            subject: "Exact",
            parameter: "outcomes",
            requirement: "at most 65536 (2^16)",
            got: outcomes,
        })
    }

    /// [`estimate`](Estimator::estimate) for objectives with parameters, in the memory of 256 outcomes: `visit` is given
    /// the gradients of the objective's parameters in parts to be added up, and the surrogate has the logits' alone.
    ///
    /// The logits that the parts would know are private to the call, and a tape that the objective shares between
    /// evaluations, other than its parameters, is consumed by the first part.
    ///
    /// # Panics
    /// If there are more than [`LIMIT`](Self::LIMIT) outcomes.
    ///
    /// # Examples
    /// ```
    /// use relaxit::{estimator::Exact, prelude::*};
    /// let device = Device::flex().autodiff();
    /// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([1, 12], &device).require_grad(), 0.5)?;
    /// let weight = Tensor::<2>::ones([1, 1], &device).require_grad();
    /// let f = |b: Tensor<2>| b.sum_dim(1) * weight.clone();
    /// let mut slope = 0.0;
    /// let _ = Exact::<1>.accumulate(&at, &f, |part| slope += weight.grad(part).unwrap().into_scalar::<f32>());
    /// assert!((slope - 6.0).abs() < 1e-5); // half of the 12 bits
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    #[track_caller]
    pub fn accumulate<R, const D: usize>(
        &self,
        at: &R,
        f: &dyn Objective<D>,
        visit: impl FnMut(&Gradients),
    ) -> Estimate<D>
    where
        R: Relaxation<D>,
        R::Hard: Density<D> + Enumerable<D>,
    {
        let law = Self::enumerated(at);
        Self::stream(at, law.outcomes().map(|b| (b.clone(), f.evaluate(b))), visit)
    }

    /// The law whose outcomes are few enough, without gradient.
    #[track_caller]
    fn enumerated<R, const D: usize>(at: &R) -> Independent<R::Hard, K>
    where
        R: Relaxation<D>,
        R::Hard: Enumerable<D>,
    {
        if let Err(error) = Self::check(at) {
            panic!("{error}");
        }
        Independent(at.with_logits(on_device(at.logits().clone().inner(), &at.device())).hard())
    }

    /// The sum over outcomes and their values; `visit` is given the gradients of each partial sum.
    fn stream<R, const D: usize>(
        at: &R,
        mut terms: impl Iterator<Item = (Tensor<D>, Tensor<D>)>,
        mut visit: impl FnMut(&Gradients),
    ) -> Estimate<D>
    where
        R: Relaxation<D>,
        R::Hard: Density<D> + Enumerable<D>,
    {
        let theta = at.logits().clone().detach().require_grad();
        let (mut gradient, mut expectation) = (theta.clone().inner().zeros_like(), None);
        loop {
            // A law for each chunk: what it computes from its logits is on the tape that the chunk consumes.
            let law = Independent::<_, K>(at.with_logits(theta.clone()).hard());
            let terms = terms.by_ref().take(CHUNK).map(|(b, value)| law.log_prob(b).exp() * value);
            let Some(inside) = terms.reduce(|a, b| a + b) else { break };
            let value = inside.clone().inner();
            let rows = value.shape().num_elements().max(1) as f64;
            let gradients = (inside.sum() * rows.recip()).backward();
            if let Some(part) = theta.grad(&gradients) {
                gradient = gradient + part;
            }
            visit(&gradients);
            expectation = Some(match expectation {
                Some(sum) => sum + value,
                None => value,
            });
        }
        let value = expectation.unwrap_or_else(|| theta.clone().inner().sum_dim(D - 1));
        let device = theta.device();
        // The gradient is that of the mean over rows already.
        let surrogate = (at.logits().clone() * on_device(gradient, &device)).sum();
        Estimate { value: on_device(value, &device), surrogate, tuning: None }
    }
}

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

    #[track_caller]
    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, _: &mut Noise) -> Estimate<D> {
        let law = Self::enumerated(at);
        let mut terms = law.outcomes().map(|b| (b.clone(), f.evaluate(b))).peekable();
        // Without autodiff there is no tape to keep short.
        if at.device().is_autodiff() && !terms.peek().is_some_and(|(_, value)| value.is_tracked()) {
            return Self::stream(at, terms, |_| ());
        }
        let law = Independent::<_, K>(at.hard());
        let terms = terms.map(|(b, value)| law.log_prob(b).exp() * value);
        let expectation = terms.reduce(|a, b| a + b).expect("one was peeked at");
        Estimate { value: expectation.clone().detach(), surrogate: expectation.mean(), tuning: None }
    }
}
