//! The leave-one-out estimator with a Taylor expansion in it twice.

use burn::tensor::{Device, Tensor};

use super::samples::{at_least_two, draw, leave_one_out, others, total};
use super::{Bias, Estimate, Estimator, gradient, sum_to, surrogate};
use crate::control::{assert_parameters, learned_number};
use crate::distribution::{Density, Moments};
use crate::error::Result;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{DOUBLE_CONTROL_VARIATES, Reference};
use crate::relaxation::Relaxation;

/// Double control variates: the leave-one-out estimator ([`Rloo`](super::Rloo)) of an objective that carries, scaled by a
/// learned coefficient, its linear expansion with the slope that the *other* samples saw.
///
/// ```text
/// ĝ = 1/K Σₖ [f(bₖ) + α cₖ − 1/(K − 1) Σ_{j≠k} (f(bⱼ) + α cⱼ)] ∇ log p(bₖ) − α ∇μ·1/K Σₖ ∇f(bₖ)
/// cₖ = 1/(K − 1) Σ_{j≠k} ∇f(bⱼ)·(bₖ − μ),   μ = E[b]
/// ```
///
/// `cₖ` reduces the variance once in the sample's own term, where the subtraction of its known expectation pays for it,
/// and once more in the baseline, where its expectation is 0.
///
/// # Gradient
/// Unbiased for every `α`; `α = 0` is [`Rloo`](super::Rloo), near −1 is best where `f` is nearly linear. Needs an `f` that
/// is differentiable at hard samples. 2K evaluations: K for values and K for slopes. `tuning` has the gradient of
/// `E‖ĝ‖²`, averaged over rows, for the one parameter `α`.
///
/// The objective is differentiated within. Parameters of its own are safe, but a tensor that it captures and that was
/// *computed* from some must not be needed again: Burn's graph is consumed at the first use. Compute such tensors inside
/// the objective, or detach them.
///
/// # Examples
/// ```
/// use relaxit::{estimator::DoubleControlVariate, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([100, 1], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let alpha = Tensor::from_floats([-1.0], &device);
/// let mut estimator = DoubleControlVariate::with_coefficient(2, alpha)?;
/// let estimate = estimator.estimate(&at, &|b: Tensor<2>| b * 3.0, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap() * 100.0;
/// assert!((gradient - 0.75).abs().max().into_scalar::<f32>() < 1e-5); // 3 θ (1 − θ), every time
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::DOUBLE_CONTROL_VARIATES`].
#[derive(Clone, Debug)]
pub struct DoubleControlVariate {
    samples: usize,
    coefficient: Tensor<1>,
}

impl DoubleControlVariate {
    /// With `samples` samples a row, and a coefficient `α` that starts at 0 and is learned.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for fewer than 2 samples.
    pub fn new(samples: usize, device: &Device) -> Result<Self> {
        Self::with_coefficient(samples, learned_number(0.0, device))
    }

    /// With a coefficient, a tensor of one element; it is a parameter if it records a gradient.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for fewer than 2 samples.
    pub fn with_coefficient(samples: usize, coefficient: Tensor<1>) -> Result<Self> {
        Ok(Self { samples: at_least_two("DoubleControlVariate", samples)?, coefficient })
    }

    /// The coefficient `α`.
    #[must_use]
    pub const fn coefficient(&self) -> &Tensor<1> {
        &self.coefficient
    }

    fn learned(&self) -> Vec<Tensor<1>> {
        if self.coefficient.is_require_grad() { vec![self.coefficient.clone()] } else { Vec::new() }
    }
}

impl<R, const D: usize> Estimator<R, D> for DoubleControlVariate
where
    R: Relaxation<D>,
    R::Hard: Density<D> + Moments<D>,
{
    fn name(&self) -> &'static str {
        "double-cv"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[DOUBLE_CONTROL_VARIATES]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let theta = at.logits().clone().detach().require_grad();
        let mean = at.with_logits(theta.clone()).hard().mean();
        let samples = draw(self.samples, at, f, noise);
        let share = (samples.len() as f64).recip();
        let rest = ((samples.len() - 1) as f64).recip();
        let value = total(samples.iter().map(|sample| sample.value.clone())) * share;

        let slopes: Vec<_> = samples.iter().map(|sample| sample.slope.clone()).collect();
        let expansions = samples
            .iter()
            .zip(others(&slopes, |a, b| a + b))
            .map(|(sample, slope)| sum_to(slope * (sample.b.clone() - mean.clone().detach()), value.dims()) * rest);
        let known = gradient(&theta, &(mean.clone() * total(slopes.clone()) * share).sum());
        let plain = leave_one_out(&samples, samples.iter().map(|sample| sample.value.clone().detach()).collect());
        let control = leave_one_out(&samples, expansions.collect()) - known;
        let g = plain + control * self.coefficient.clone().cast(value.dtype()).reshape([1; D]);

        let rows = value.shape().num_elements().max(1) as f64;
        // A coefficient that is not learned has nothing to tune.
        let tuning = g.is_tracked().then(|| g.clone().square().sum() * rows.recip());
        Estimate { surrogate: surrogate(at.logits(), g, value.clone()), value: value.detach(), tuning }
    }

    fn parameters(&self) -> Vec<Tensor<1>> {
        self.learned()
    }

    #[track_caller]
    fn set_parameters(&mut self, mut parameters: Vec<Tensor<1>>) {
        assert_parameters(&self.learned(), &parameters);
        if let Some(coefficient) = parameters.pop() {
            self.coefficient = coefficient;
        }
    }
}
