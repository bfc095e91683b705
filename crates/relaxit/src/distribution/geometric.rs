//! The geometric distribution.

use burn::tensor::{DType, Device, Tensor, activation};

use super::poisson::held;
use super::{Density, Distribution, Entropy, KlDivergence, Mode, Moments, replicate};
use crate::error::{Result, check_values};
use crate::math::{above_zero, at_least_f32, constant, logit, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, restrict};

/// The geometric distribution over 0, 1, 2, …: how many trials fail before the first success.
///
/// ```text
/// log p(k) = ln σ(φ) + k ln σ(−φ),   φ = logits of success
/// ```
///
/// # Shapes
/// `logits`, samples and log-probabilities: `[batch…]`; events are scalars.
///
/// # Gradient
/// `log_prob` is differentiable in the logits; samples carry none.
///
/// # Numerics
/// `log_prob` is exact to a few ulp for every finite logit. Samples are exact: the inverse distribution function
/// `⌊E / softplus(φ)⌋` of exponential noise, held at the largest number of the type. Mean and variance are `e^−φ` and
/// about `e^−2φ`: infinite in f32 below φ = −88 and −44.
///
/// # Examples
/// ```
/// use relaxit::distribution::Geometric;
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Geometric::from_probs(Tensor::<1>::from_floats([0.25], &device))?;
/// let third: f32 = law.log_prob(Tensor::full([1], 2.0, &device)).into_scalar();
/// assert!((third - (0.25 * 0.75 * 0.75_f32).ln()).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Geometric<const D: usize> {
    logits: Tensor<D>,
}

impl<const D: usize> Geometric<D> {
    /// From the log-odds of success. Every finite value is legal; [`Distribution::validate`] refuses the others.
    #[must_use]
    pub fn from_logits(logits: Tensor<D>) -> Self {
        Self { logits: at_least_f32(logits) }
    }

    /// From probabilities of success.
    ///
    /// 0 and 1 are accepted and held at the nearest numbers strictly between (see [`logit`]).
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) if a value lies outside [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>) -> Result<Self> {
        check_values("Geometric", "probs", "between 0 and 1", &probs, |p| (0.0..=1.0).contains(&p))?;
        Ok(Self { logits: logit(at_least_f32(probs)) })
    }

    /// The log-odds of success.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The probability of success: `σ(logits)`.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        activation::sigmoid(self.logits.clone())
    }
}

impl<const D: usize> Distribution<D> for Geometric<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::Naturals
    }

    fn shape(&self) -> [usize; D] {
        self.logits.dims()
    }

    fn device(&self) -> Device {
        self.logits.device()
    }

    fn dtype(&self) -> DType {
        self.logits.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let logits = self.logits.clone().inner();
        let exponential = noise.draw(Base::Exponential, self.shape(), (&logits.device(), self.dtype()));
        let count = (exponential / above_zero(softplus(logits))).floor();
        let largest = if self.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
        on_device(count.clamp_max(largest), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values("Geometric", "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(Geometric { logits });

impl<const D: usize> Density<D> for Geometric<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let (success, failure) = (softplus(-self.logits.clone()), softplus(self.logits.clone()));
        restrict(-(success + held(value.clone()) * failure), Support::Naturals, value)
    }
}

impl<const D: usize> Moments<D> for Geometric<D> {
    /// `e^−φ`.
    fn mean(&self) -> Tensor<D> {
        (-self.logits.clone()).exp()
    }

    /// `e^−φ / σ(φ)`.
    fn variance(&self) -> Tensor<D> {
        (softplus(-self.logits.clone()) - self.logits.clone()).exp()
    }
}

impl<const D: usize> Mode<D> for Geometric<D> {
    /// 0.
    fn mode(&self) -> Tensor<D> {
        constant(&self.logits).zeros_like()
    }
}

impl<const D: usize> Entropy<D> for Geometric<D> {
    /// `H = softplus(−φ) + e^−φ softplus(φ)`.
    fn entropy(&self) -> Tensor<D> {
        softplus(-self.logits.clone()) + self.mean() * softplus(self.logits.clone())
    }
}

impl<const D: usize> KlDivergence<Self, D> for Geometric<D> {
    /// `KL = ln σ(φ) − ln σ(ψ) + e^−φ (ln σ(−φ) − ln σ(−ψ))`, ψ = the logits of `q`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let (phi, psi) = (self.logits.clone(), q.logits.clone());
        softplus(-psi.clone()) - softplus(-phi.clone()) + self.mean() * (softplus(psi) - softplus(phi))
    }
}
