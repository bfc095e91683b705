//! The relaxed Bernoulli of the REBAR paper, with its location correction.

use burn::tensor::{DType, Device, Tensor, activation};

use super::{ConditionalRelaxation, Relaxation, RelaxedBernoulli, Tempered};
use crate::distribution::{Bernoulli, Density, Distribution, Logistic, Moments, Reparameterized, replicate};
use crate::error::Result;
use crate::math::{inside_unit_interval, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};
use crate::temperature::Temperature;

/// The relaxed Bernoulli of the REBAR paper: its location is corrected so that it tends to the *mean* of the bit at high
/// temperatures, where the plain one tends to ½.
///
/// ```text
/// y = σ((κ φ + L)/λ),   κ = (λ² + λ + 1)/(λ + 1),   L ~ Logistic(0, 1),   φ = logits,   λ = temperature
///   = σ(z + φ λ/(λ + 1)),   z = (φ + L)/λ,   b = 1[z > 0]
/// log p(y) = ln λ + s − 2 ln(1 + eˢ) − ln y − ln(1 − y),   s = κ φ − λ logit(y)
/// ```
///
/// λ → 0 gives the bit `b ~ Bernoulli(φ)`, λ → ∞ gives `σ(φ)`, with which REBAR becomes `MuProp`. As a *law* it is a plain
/// [`RelaxedBernoulli`] at other logits, [`as_relaxed_bernoulli`](Self::as_relaxed_bernoulli); as a *relaxation* it is
/// another one: its bit is that of φ, not of κφ.
///
/// Unlike that of other relaxations the map `squash` depends on the logits, and carries their gradient: the latent is
/// cut at 0, as the bit demands, whatever the correction. So the divergence of two latents is not that of the relaxed
/// laws; take it of the latents of [`as_relaxed_bernoulli`](Self::as_relaxed_bernoulli).
///
/// # Shapes
/// `logits`, samples and log-densities: `[batch…]`; events are scalars; a temperature tensor broadcasts.
///
/// # Gradient
/// Samples: exact, through logits and temperature. As a gradient of the discrete objective `E[f(b)]` it is biased, less
/// as λ → 0; it is made to be a control variate.
///
/// # Numerics
/// As for [`RelaxedBernoulli`]. At high temperatures the law is narrower than the resolution of y, and so its density of
/// a rounded sample says little.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::RebarRelaxation;
/// let logits = Tensor::<1>::from_floats([-1.0, 0.0, 2.0], &Device::flex());
/// let flat = RebarRelaxation::from_logits(logits, 1e5)?;
/// let y = flat.rsample(&mut Noise::seeded(0));
/// assert!(y.all_close(flat.hard().probs(), None, Some(1e-3)));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`], "Rethinking the relaxation and a connection to `MuProp`".
#[derive(Clone, Debug)]
pub struct RebarRelaxation<const D: usize> {
    plain: RelaxedBernoulli<D>,
}

const NAME: &str = "RebarRelaxation";

impl<const D: usize> RebarRelaxation<D> {
    /// From log-odds and a temperature.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6];
    /// [`Error::Shape`](crate::Error::Shape) if a temperature tensor does not broadcast to the logits.
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Ok(Self { plain: RelaxedBernoulli::named(NAME, logits, temperature)? })
    }

    /// From probabilities of 1 and a temperature; 0 and 1 are held as in [`Bernoulli::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) if a value lies outside
    /// [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::from_logits(Bernoulli::from_probs(probs)?.logits().clone(), temperature)
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        self.plain.temperature()
    }

    /// The same law as a plain relaxed Bernoulli, at logits `κ φ`: another bit, the same `y`.
    #[must_use]
    pub fn as_relaxed_bernoulli(&self) -> RelaxedBernoulli<D> {
        self.plain.with_logits(self.logits().clone() + self.temperature().multiply(self.correction()))
    }

    /// `φ λ/(λ + 1)`: what is added to the latent.
    fn correction(&self) -> Tensor<D> {
        self.temperature().share(self.logits().clone())
    }
}

impl<const D: usize> Reparameterized<D> for RebarRelaxation<D> {
    const BASE: Base = Base::Logistic;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.squash(self.temperature().divide(self.logits().clone() + noise))
    }
}

impl<const D: usize> Distribution<D> for RebarRelaxation<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::UnitInterval
    }

    fn shape(&self) -> [usize; D] {
        self.plain.shape()
    }

    fn device(&self) -> Device {
        self.plain.device()
    }

    fn dtype(&self) -> DType {
        self.plain.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        on_device(Self { plain: self.plain.inner() }.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.plain.validate_as(NAME)
    }
}

replicate!(RebarRelaxation { plain });

impl<const D: usize> Density<D> for RebarRelaxation<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let y = inside_unit_interval(finite(value.clone()));
        let (log_y, log_not_y) = (y.clone().log(), (-y).log1p());
        let z = log_y.clone() - log_not_y.clone() - self.correction();
        restrict(self.latent().log_prob(z) - log_y - log_not_y, Support::UnitInterval, value)
    }
}

impl<const D: usize> Moments<D> for RebarRelaxation<D> {
    /// As for [`RelaxedBernoulli`].
    fn mean(&self) -> Tensor<D> {
        self.as_relaxed_bernoulli().mean()
    }

    fn variance(&self) -> Tensor<D> {
        self.as_relaxed_bernoulli().variance()
    }
}

impl<const D: usize> Relaxation<D> for RebarRelaxation<D> {
    type Latent = Logistic<D>;
    type Hard = Bernoulli<D>;

    fn logits(&self) -> &Tensor<D> {
        self.plain.logits()
    }

    #[track_caller]
    fn with_logits(&self, logits: Tensor<D>) -> Self {
        Self { plain: self.plain.with_logits(logits) }
    }

    /// That of the plain relaxed Bernoulli: `z = (φ + L)/λ`.
    fn latent(&self) -> Logistic<D> {
        self.plain.latent()
    }

    fn hard(&self) -> Bernoulli<D> {
        self.plain.hard()
    }

    /// `z > 0`.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        self.plain.threshold(z)
    }

    /// `σ(z + φ λ/(λ + 1))`, differentiable in z, logits and temperature.
    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        activation::sigmoid(z + self.correction())
    }
}

impl<const D: usize> ConditionalRelaxation<D> for RebarRelaxation<D> {
    /// As for [`RelaxedBernoulli`], whose latent this is.
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.plain.latent_given(b, noise)
    }

    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.plain.noise_given(b, noise)
    }

    fn detach(&self) -> Self {
        Self { plain: self.plain.detach() }
    }
}

impl<const D: usize> Tempered<D> for RebarRelaxation<D> {
    fn temperature(&self) -> &Temperature<D> {
        self.temperature()
    }

    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::from_logits(self.logits().clone(), temperature)
    }

    /// `z` itself: this relaxation is corrected by its `squash`.
    fn towards_mean(&self, z: Tensor<D>) -> Tensor<D> {
        z
    }
}
