//! The score function with a first-order Taylor expansion as control variate.

use super::{Bias, Estimate, Estimator, gradient, sum_to, surrogate};
use crate::distribution::{Density, Distribution, Moments};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{MUPROP, Reference};
use crate::relaxation::Relaxation;

/// MuProp: the objective's linear expansion at the mean, whose gradient is known, as control variate.
///
/// ```text
/// ĝ = [f(b) − f(μ) − f′(μ)·(b − μ)] ∇ log p(b) + f′(μ)·∇μ,   μ = E[b]
/// ```
///
/// # Gradient
/// Unbiased; without variance for linear `f`. Needs an `f` that is differentiable at the mean. Two evaluations.
///
/// # Examples
/// ```
/// use relaxit::{estimator::MuProp, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([100, 1], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let estimate = MuProp.estimate(&at, &|b: Tensor<2>| b * 3.0, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap() * 100.0;
/// assert!((gradient - 0.75).abs().max().into_scalar::<f32>() < 1e-5); // 3 θ (1 − θ), every time
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::MUPROP`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MuProp;

impl<R, const D: usize> Estimator<R, D> for MuProp
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Moments<D>,
{
    fn name(&self) -> &'static str {
        "muprop"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[MUPROP]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let theta = at.logits().clone().detach().require_grad();
        let law = at.with_logits(theta.clone()).hard();
        let b = law.sample(noise);
        let value = f.evaluate(b.clone());

        let mean = law.mean();
        let at_mean = mean.clone().detach().require_grad();
        let value_at_mean = f.evaluate_relaxed(at_mean.clone());
        let slope = gradient(&at_mean, &value_at_mean.clone().sum());
        let linear = sum_to(slope.clone() * (b.clone() - at_mean), value.dims());
        let advantage = (value.clone() - value_at_mean - linear).detach();
        let g = gradient(&theta, &((advantage * law.log_prob(b)).sum() + (slope * mean).sum()));
        Estimate { surrogate: surrogate(at.logits(), g, value.clone()), value: value.detach(), tuning: None }
    }
}
