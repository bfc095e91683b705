//! The likeliest categories summed, one of the others sampled.

use burn::tensor::{Tensor, activation};

use super::local::{Candidate, estimate, largest, one_by_one};
use super::{Bias, Estimate, Estimator};
use crate::distribution::{Distribution, OUT};
use crate::error::{Error, Result};
use crate::math::{log_sum_exp, on_device};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::reference::{RAO_BLACKWELLIZED, Reference};
use crate::relaxation::{Relaxation, RelaxedOneHotCategorical};

/// Sum and sample: REINFORCE with the k likeliest categories summed and one of the others sampled.
///
/// ```text
/// ĝ = Σ_{c ∈ top k} π_c (f(c) − B) ∇ log π_c + ρ (f(c′) − B) ∇ log π_c′,   c′ ~ π outside the top k
/// ρ = 1 − Σ_{c ∈ top k} π_c,   B = Σ_{c ∈ top k} π_c f(c) / (1 − ρ)
/// ```
///
/// The baseline is this crate's: the values are there, and owe the sample nothing. The paper's estimator is that with
/// any baseline, Rao–Blackwellised; what is left of its variance has the factor ρ², so it is for laws that have most of
/// their mass in a few categories.
///
/// # Shapes
/// One variable for each row, `[rows, K]`, or several, `[rows, variables…, K]`. Then each has its own sum and sample,
/// with the others held at one joint sample of the row (the local expectations of Titsias & Lázaro-Gredilla where k is
/// K), not a sum over joint outcomes.
///
/// # Gradient
/// Unbiased; exact for one variable with k ≥ K. Needs no gradient of `f`. k + 1 evaluations for each variable, k of K
/// categories. The value, and the gradient of parameters inside the objective, are weighted by π and ρ in the same way.
///
/// # Examples
/// ```
/// use relaxit::{estimator::SumAndSample, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([1, 3], &device).require_grad();
/// let at = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?;
/// let estimate = SumAndSample::new(3)?.estimate(&at, &|b: Tensor<2>| b.slice_dim(1, 0), &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!((gradient.slice_dim(1, 0).into_scalar::<f32>() - 2.0 / 9.0).abs() < 1e-6); // π (1 − π): all were summed
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::RAO_BLACKWELLIZED`].
#[derive(Clone, Copy, Debug)]
pub struct SumAndSample {
    summed: usize,
}

impl SumAndSample {
    /// With the `summed` likeliest categories of each variable summed; all of them, if there are no more.
    ///
    /// # Errors
    /// [`Error::Parameter`] for none: that is [`ScoreFunction`](super::ScoreFunction).
    pub fn new(summed: usize) -> Result<Self> {
        if summed >= 1 {
            return Ok(Self { summed });
        }
        let (parameter, requirement) = ("summed", "at least 1");
        Err(Error::Parameter { subject: "SumAndSample", parameter, requirement, got: summed as f64 })
    }
}

impl<const D: usize> Estimator<RelaxedOneHotCategorical<D>, D> for SumAndSample {
    fn name(&self) -> &'static str {
        "sum-and-sample"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[RAO_BLACKWELLIZED]
    }

    fn estimate(&mut self, at: &RelaxedOneHotCategorical<D>, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let categories = at.shape()[D - 1];
        let b = at.hard().sample(noise);
        let log_probs = activation::log_softmax(at.logits().clone().inner(), D - 1);
        let probs = log_probs.clone().exp();
        let candidate = |hot: Tensor<D>, weight: Tensor<D>| {
            let value = one_by_one(f, &b, &on_device(hot.clone(), &b.device()));
            Candidate { hot, weight, value }
        };

        let top = largest(&log_probs, self.summed.min(categories));
        let summed = top.iter().skip(1).fold(top[0].clone(), |sum, hot| sum + hot.clone());
        let weigh = |hot: Tensor<D>| (hot * probs.clone()).sum_dim(D - 1);
        let mut candidates: Vec<_> = top.into_iter().map(|hot| candidate(hot.clone(), weigh(hot))).collect();
        let mass = |terms: &[Candidate<D>], of: fn(&Candidate<D>) -> Tensor<D>| {
            terms.iter().skip(1).fold(of(&terms[0]), |sum, term| sum + of(term))
        };
        let total = mass(&candidates, |term| term.weight.clone());
        let baseline = mass(&candidates, |term| term.weight.clone() * term.value.clone().inner()) / total;
        if self.summed < categories {
            let others = log_probs.mask_fill(summed.greater_elem(0.0), OUT);
            let gumbel = noise.draw(Base::Gumbel, at.shape(), (&others.device(), at.dtype()));
            let sampled = largest(&(others.clone() + gumbel), 1).remove(0);
            candidates.push(candidate(sampled, log_sum_exp(others, D - 1).exp()));
        }
        let advantages = candidates
            .iter()
            .map(|Candidate { weight, value, .. }| weight.clone() * (value.clone().inner() - baseline.clone()))
            .collect();
        estimate(at.logits(), &probs, candidates, advantages)
    }
}
