//! Bits with the straight-through gradient.

use burn::tensor::{DType, Device, Tensor};

use super::straight_through;
use crate::distribution::{
    Bernoulli, Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, replicate,
};
use crate::error::Result;
use crate::math::{indicator, on_device};
use crate::noise::{Base, Noise};
use crate::support::Support;

/// The straight-through Bernoulli: exact bits, whose gradient is that of their probability.
///
/// ```text
/// b = 1[φ + L > 0],   L ~ Logistic(0, 1),   φ = logits;   backwards ∂b/∂φ := ∂σ(φ)/∂φ
/// ```
///
/// The law is [`Bernoulli`], and everything but [`rsample`](Self::rsample) is that law's. It is not
/// [`Reparameterized`](crate::distribution::Reparameterized), because a bit is no differentiable function of anything.
///
/// # Shapes
/// `logits`, samples and log-probabilities: `[batch…]`; events are scalars.
///
/// # Gradient
/// Of `E[f(b)]`: exact where `f` is linear, biased where it is not, since `f` is differentiated at bits where the true
/// gradient takes differences between them.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::StraightThroughBernoulli;
/// let logits = Tensor::<1>::zeros([4], &Device::flex().autodiff()).require_grad();
/// let b = StraightThroughBernoulli::from_logits(logits.clone()).rsample(&mut Noise::seeded(0));
/// let gradient: Vec<f32> = logits.grad(&b.sum().backward()).unwrap().try_into_vec_as().unwrap();
/// assert_eq!(gradient, [0.25; 4]); // σ′(0)
/// ```
///
/// # References
/// [`crate::reference::STRAIGHT_THROUGH`].
#[doc(alias = "StraightThrough")]
#[derive(Clone, Debug)]
pub struct StraightThroughBernoulli<const D: usize>(Bernoulli<D>);

impl<const D: usize> StraightThroughBernoulli<D> {
    /// From log-odds. Every finite value is legal; [`Distribution::validate`] refuses the others.
    #[must_use]
    pub fn from_logits(logits: Tensor<D>) -> Self {
        Self(Bernoulli::from_logits(logits))
    }

    /// From probabilities of 1; 0 and 1 are held as in [`Bernoulli::from_probs`].
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) if a value lies outside [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>) -> Result<Self> {
        Ok(Self(Bernoulli::from_probs(probs)?))
    }

    /// The law of the bits.
    #[must_use]
    pub const fn hard(&self) -> &Bernoulli<D> {
        &self.0
    }

    /// The log-odds of 1.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        self.0.logits()
    }

    /// The probability of 1.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        self.0.probs()
    }

    /// One bit for each element, with the gradient of its probability.
    pub fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        self.transport(noise.draw(Base::Logistic, self.shape(), (&self.device(), self.dtype())))
    }

    /// The bits that logistic noise becomes, with the gradient of their probabilities; none flows to the noise.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        let perturbed = self.logits().clone().inner() + noise.inner();
        let bits = indicator(perturbed.greater_elem(0.0), self.dtype());
        straight_through(on_device(bits, &self.device()), self.probs())
    }
}

impl<const D: usize> Distribution<D> for StraightThroughBernoulli<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        self.0.support()
    }

    fn shape(&self) -> [usize; D] {
        self.0.shape()
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        self.0.sample(noise)
    }

    fn validate(&self) -> Result<()> {
        self.0.validate()
    }
}

replicate!(StraightThroughBernoulli { 0 });

impl<const D: usize> Density<D> for StraightThroughBernoulli<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        self.0.log_prob(value)
    }
}

impl<const D: usize> Moments<D> for StraightThroughBernoulli<D> {
    fn mean(&self) -> Tensor<D> {
        self.0.mean()
    }

    fn variance(&self) -> Tensor<D> {
        self.0.variance()
    }
}

impl<const D: usize> Mode<D> for StraightThroughBernoulli<D> {
    fn mode(&self) -> Tensor<D> {
        self.0.mode()
    }
}

impl<const D: usize> Entropy<D> for StraightThroughBernoulli<D> {
    fn entropy(&self) -> Tensor<D> {
        self.0.entropy()
    }
}

impl<const D: usize> Enumerable<D> for StraightThroughBernoulli<D> {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        self.0.outcomes()
    }
}

impl<const D: usize> KlDivergence<Self, D> for StraightThroughBernoulli<D> {
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        self.0.kl_divergence(&q.0)
    }
}

impl<const D: usize> KlDivergence<Bernoulli<D>, D> for StraightThroughBernoulli<D> {
    fn kl_divergence(&self, q: &Bernoulli<D>) -> Tensor<D> {
        self.0.kl_divergence(q)
    }
}
