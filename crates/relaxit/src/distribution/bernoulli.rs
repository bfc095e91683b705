//! The Bernoulli distribution.

use burn::tensor::{DType, Device, Tensor, activation};

use super::{Density, Distribution, Entropy, Enumerable, Independent, KlDivergence, Mode, Moments, replicate};
use crate::error::{Result, check_values};
#[cfg(feature = "flex")]
use crate::kernel;
use crate::math::{at_least_f32, indicator, logit, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The Bernoulli distribution over {0, 1}: one bit.
///
/// ```text
/// log p(b) = ln σ((2b − 1) φ),   φ = logits = ln(probs / (1 − probs))
/// ```
///
/// # Shapes
/// `logits`, samples and log-probabilities: `[batch…]`; events are scalars. For the likelihood of an image, the sum over
/// its pixels included, see [`Independent::expected_log_prob`].
///
/// # Gradient
/// `log_prob` is differentiable in the logits; samples carry none. For one that does, see
/// [`RelaxedBernoulli`](crate::relaxation::RelaxedBernoulli).
///
/// # Numerics
/// Everything is computed from the logits: exact to a few ulp, and finite, for every finite logit.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = Bernoulli::from_probs(Tensor::<1>::from_floats([0.25], &Device::flex()))?;
/// let log_prob: f32 = law.log_prob(Tensor::ones([1], &Device::flex())).into_scalar();
/// assert!((log_prob - 0.25_f32.ln()).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bernoulli<const D: usize> {
    logits: Tensor<D>,
}

impl<const D: usize> Bernoulli<D> {
    /// From log-odds. Every finite value is legal; [`Distribution::validate`] refuses the others.
    #[must_use]
    pub fn from_logits(logits: Tensor<D>) -> Self {
        Self { logits: at_least_f32(logits) }
    }

    /// From probabilities of 1.
    ///
    /// 0 and 1 are accepted and held at the nearest numbers strictly between (see [`logit`]).
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) if a value lies outside [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>) -> Result<Self> {
        check_values("Bernoulli", "probs", "between 0 and 1", &probs, |p| (0.0..=1.0).contains(&p))?;
        Ok(Self { logits: logit(at_least_f32(probs)) })
    }

    /// The log-odds of 1.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The probability of 1: `σ(logits)`.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        activation::sigmoid(self.logits.clone())
    }
}

impl<const D: usize> Distribution<D> for Bernoulli<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::Boolean
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
        let perturbed = noise.draw(Base::Logistic, self.shape(), (&logits.device(), self.dtype())) + logits;
        on_device(indicator(perturbed.greater_elem(0.0), self.dtype()), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values("Bernoulli", "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(Bernoulli { logits });

impl<const D: usize> Density<D> for Bernoulli<D> {
    /// In one fused pass where there is a kernel for these tensors.
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "flex")]
        if let Some(log_prob) = kernel::bernoulli_log_prob(&self.logits, &value) {
            return log_prob;
        }
        let sign = finite(value.clone()) * 2.0 - 1.0;
        restrict(activation::log_sigmoid(sign * self.logits.clone()), Support::Boolean, value)
    }
}

impl<const D: usize> Independent<Bernoulli<D>, 1> {
    /// The expected log-probability of bits with these means, in nats: of the bits themselves where the means are 0 or 1.
    ///
    /// ```text
    /// E[log p(b)] = Σᵢ [mᵢ ln σ(φᵢ) + (1 − mᵢ) ln σ(−φᵢ)],   bᵢ ~ Bernoulli(mᵢ)
    /// ```
    ///
    /// Its negative is the cross-entropy of the two laws, the usual loss of images with grey pixels between 0 and 1. In
    /// one fused pass, sum included, where there is a kernel for these tensors.
    ///
    /// # Shapes
    /// `mean`: as the logits, `[batch…, n]`; the result: `[batch…, 1]`.
    ///
    /// # Gradient
    /// In the logits, `m − σ(φ)`, and in the means, `φ`.
    ///
    /// # Numerics
    /// Finite for every finite logit, and each term is exact to a few ulp. Means are taken as they come: outside of
    /// [0, 1], where they are no means, the formula goes on as it is.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let device = Device::flex();
    /// let pixels = Independent::<_, 1>(Bernoulli::from_logits(Tensor::<2>::zeros([2, 784], &device)));
    /// let grey = Tensor::full([2, 784], 0.3, &device);
    /// let log_prob: f32 = pixels.expected_log_prob(grey).max().into_scalar();
    /// assert!((log_prob - 784.0 * 0.5_f32.ln()).abs() < 1e-3);
    /// ```
    #[doc(alias = "binary_cross_entropy_with_logits")]
    #[must_use]
    #[track_caller]
    pub fn expected_log_prob(&self, mean: Tensor<D>) -> Tensor<D> {
        let Self(Bernoulli { logits }) = self;
        #[cfg(feature = "flex")]
        if let Some(log_prob) = kernel::bernoulli_expected_log_prob(logits, &mean) {
            return log_prob;
        }
        let of_one = activation::log_sigmoid(logits.clone());
        let of_zero = activation::log_sigmoid(-logits.clone());
        (mean.clone() * of_one + (-mean + 1.0) * of_zero).sum_dim(D - 1)
    }
}

impl<const D: usize> Moments<D> for Bernoulli<D> {
    fn mean(&self) -> Tensor<D> {
        self.probs()
    }

    fn variance(&self) -> Tensor<D> {
        // σ(φ) σ(−φ), which keeps the small factor that 1 − p would round away.
        self.probs() * activation::sigmoid(-self.logits.clone())
    }
}

impl<const D: usize> Mode<D> for Bernoulli<D> {
    /// `φ > 0`.
    fn mode(&self) -> Tensor<D> {
        let likelier = self.logits.clone().inner().greater_elem(0.0);
        on_device(indicator(likelier, self.dtype()), &self.device())
    }
}

impl<const D: usize> Entropy<D> for Bernoulli<D> {
    /// `H = p softplus(−φ) + (1 − p) softplus(φ)`.
    fn entropy(&self) -> Tensor<D> {
        let logits = self.logits.clone();
        self.probs() * softplus(-logits.clone()) + activation::sigmoid(-logits.clone()) * softplus(logits)
    }
}

impl<const D: usize> Enumerable<D> for Bernoulli<D> {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        [0.0, 1.0].into_iter().map(|b| Tensor::full(self.shape(), b, (&self.device(), self.dtype())))
    }
}

impl<const D: usize> KlDivergence<Self, D> for Bernoulli<D> {
    /// `KL = p (ln σ(φ) − ln σ(ψ)) + (1 − p) (ln σ(−φ) − ln σ(−ψ))`, ψ = the logits of `q`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let (phi, psi) = (self.logits.clone(), q.logits.clone());
        let difference = |phi, psi| activation::log_sigmoid(phi) - activation::log_sigmoid(psi);
        self.probs() * difference(phi.clone(), psi.clone()) + activation::sigmoid(-phi.clone()) * difference(-phi, -psi)
    }
}
