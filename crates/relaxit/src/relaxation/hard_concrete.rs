//! The hard concrete gate.

use burn::tensor::{DType, Device, Tensor, activation};

use super::mixed::{GateMoments, Stretch, with_atoms};
use super::{ConditionalRelaxation, Relaxation, RelaxedBernoulli, Tempered, harden_draw};
use crate::distribution::{Bernoulli, Density, Distribution, Logistic, Moments, Reparameterized, replicate};
use crate::error::Result;
#[cfg(feature = "flex")]
use crate::kernel;
use crate::math::on_device;
use crate::noise::{Base, Noise};
use crate::support::{Support, finite};
use crate::temperature::Temperature;

/// The hard concrete gate: a relaxed bit that is *exactly* 0 or 1 with positive probability, for L0 regularisation.
///
/// ```text
/// s = σ((φ + L)/τ),   z = clamp(s (ζ − γ) + γ, 0, 1),   L ~ Logistic(0, 1),   φ = logits,   γ < 0 < 1 < ζ
/// P(z = 0) = σ(τ ln(−γ/ζ) − φ),   P(z = 1) = σ(φ − τ ln((1 − γ)/(ζ − 1)))
/// log p(z) = ln τ + r − 2 ln(1 + eʳ) + ln(ζ − γ) − ln(z − γ) − ln(ζ − z),   r = φ − τ ln((z − γ)/(ζ − z)),   0 < z < 1
/// ```
///
/// `log_prob` is the density with respect to Lebesgue measure on (0, 1) plus a unit mass at 0 and at 1: a probability at
/// the ends, a density between. As a [`Relaxation`] its latent is the logit of `s`, cut at 0: the bit that it relaxes is
/// `Bernoulli(φ)`. The *gate* `z ≠ 0` is another bit, with log-odds `φ − τ ln(−γ/ζ)`; see
/// [`open_logits`](Self::open_logits).
///
/// # Shapes
/// `logits`, samples and log-densities: `[batch…]`; events are scalars; a temperature tensor broadcasts.
///
/// # Gradient
/// Samples: exact almost everywhere, through logits and temperature; none where the gate is clamped. `E[f(z)]` has no
/// jump in the logits, so the pathwise gradient of a smooth `f` is unbiased. [`l0_penalty`](Self::l0_penalty) is a
/// closed form, and so is its gradient. Mean and variance are taken by quadrature;
/// entropy and divergences are not offered.
///
/// # Numerics
/// Everything is computed from the logits and finite for every finite logit; log-probabilities of the ends keep their
/// tails.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::HardConcrete;
/// let logits = Tensor::<1>::from_floats([-2.0, 0.0, 2.0], &Device::flex());
/// let gates = HardConcrete::from_logits(logits, 2.0 / 3.0)?;
/// let penalty: f32 = gates.l0_penalty().sum().into_scalar(); // expected number of open gates
/// assert!(penalty > 2.0 && penalty < 3.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::L0_REGULARIZATION`], section 2.2.
#[derive(Clone, Debug)]
pub struct HardConcrete<const D: usize> {
    concrete: RelaxedBernoulli<D>,
    stretch: Stretch,
}

const NAME: &str = "HardConcrete";

impl<const D: usize> HardConcrete<D> {
    /// From log-odds (the paper's `log α`) and a temperature (its `β`), with the paper's stretch γ = −0.1, ζ = 1.1.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6];
    /// [`Error::Shape`](crate::Error::Shape) if a temperature tensor does not broadcast to the logits.
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let concrete = RelaxedBernoulli::named(NAME, logits, temperature)?;
        Ok(Self { concrete, stretch: Stretch::PUBLISHED })
    }

    /// From the probabilities `σ(φ)` and a temperature; 0 and 1 are held as in [`Bernoulli::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) if a value lies outside
    /// [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::from_logits(Bernoulli::from_probs(probs)?.logits().clone(), temperature)
    }

    /// The same gate stretched to `[gamma, zeta]` before it is clamped.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) unless `gamma` lies in [−1e3, −1e-4] and `zeta` in
    /// [1.0001, 1001]: nearer to 0 and 1, f32 could not tell the ends from their neighbours.
    pub fn with_stretch(self, gamma: f64, zeta: f64) -> Result<Self> {
        Ok(Self { stretch: Stretch::new(NAME, gamma, zeta)?, ..self })
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        self.concrete.temperature()
    }

    /// The limits `(γ, ζ)` of the stretch.
    #[must_use]
    pub const fn stretch(&self) -> (f64, f64) {
        (self.stretch.gamma, self.stretch.zeta)
    }

    /// The log-odds of an open gate, `z ≠ 0`: `φ − τ ln(−γ/ζ)`.
    #[must_use]
    pub fn open_logits(&self) -> Tensor<D> {
        let Stretch { gamma, zeta } = self.stretch;
        self.above((-gamma / zeta).ln())
    }

    /// The log-odds of `z = 1`: `φ − τ ln((1 − γ)/(ζ − 1))`.
    fn one_logits(&self) -> Tensor<D> {
        let Stretch { gamma, zeta } = self.stretch;
        self.above(((1.0 - gamma) / (zeta - 1.0)).ln())
    }

    /// The log-odds of a latent above `cut`.
    fn above(&self, cut: f64) -> Tensor<D> {
        let one = Tensor::ones([1; D], (&self.device(), self.dtype()));
        self.logits().clone() - self.temperature().multiply(one * cut)
    }

    /// `P(z = 0)`: the gate is closed.
    #[must_use]
    pub fn prob_zero(&self) -> Tensor<D> {
        activation::sigmoid(-self.open_logits())
    }

    /// `P(z = 1)`.
    #[must_use]
    pub fn prob_one(&self) -> Tensor<D> {
        activation::sigmoid(self.one_logits())
    }

    /// `P(z ≠ 0)`: the expected L0 norm of each gate, to be summed over gates; differentiable in logits and temperature.
    #[must_use]
    pub fn l0_penalty(&self) -> Tensor<D> {
        activation::sigmoid(self.open_logits())
    }

    /// The gate to use at test time: `clamp(σ(φ) (ζ − γ) + γ, 0, 1)`.
    #[must_use]
    pub fn deterministic(&self) -> Tensor<D> {
        self.stretch.apply(activation::sigmoid(self.logits().clone()))
    }
}

impl<const D: usize> Reparameterized<D> for HardConcrete<D> {
    const BASE: Base = Base::Logistic;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.stretch.apply(self.concrete.transport(noise))
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "flex")]
        if let Some(y) = kernel::rsample(self.kernel(), self.logits(), self.temperature(), noise) {
            return y;
        }
        self.transport(noise.draw(Self::BASE, self.shape(), (&self.device(), self.dtype())))
    }
}

impl<const D: usize> Distribution<D> for HardConcrete<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::UnitInterval
    }

    fn shape(&self) -> [usize; D] {
        self.concrete.shape()
    }

    fn device(&self) -> Device {
        self.concrete.device()
    }

    fn dtype(&self) -> DType {
        self.concrete.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { concrete: self.concrete.inner(), stretch: self.stretch };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.concrete.validate_as(NAME)
    }
}

replicate!(HardConcrete { concrete } stretch);

impl<const D: usize> Density<D> for HardConcrete<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let Stretch { gamma, zeta } = self.stretch;
        let z = finite(value.clone()).clamp(0.0, 1.0);
        let (from_gamma, to_zeta) = ((z.clone() - gamma).log(), (-z + zeta).log());
        let log_jacobian = -from_gamma.clone() - to_zeta.clone() + self.stretch.width().ln();
        let interior = self.latent().log_prob(from_gamma - to_zeta) + log_jacobian;
        let zero = activation::log_sigmoid(-self.open_logits());
        let one = activation::log_sigmoid(self.one_logits());
        with_atoms(value, interior, zero, one)
    }
}

impl<const D: usize> Relaxation<D> for HardConcrete<D> {
    type Latent = Logistic<D>;
    type Hard = Bernoulli<D>;

    fn logits(&self) -> &Tensor<D> {
        self.concrete.logits()
    }

    #[track_caller]
    fn with_logits(&self, logits: Tensor<D>) -> Self {
        Self { concrete: self.concrete.with_logits(logits), stretch: self.stretch }
    }

    fn latent(&self) -> Logistic<D> {
        self.concrete.latent()
    }

    fn hard(&self) -> Bernoulli<D> {
        self.concrete.hard()
    }

    /// `z > 0`.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        self.concrete.threshold(z)
    }

    /// `clamp(σ(z) (ζ − γ) + γ, 0, 1)`.
    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        self.stretch.apply(self.concrete.squash(z))
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "flex")]
        if let Some(b) = kernel::rsample_straight_through(self.kernel(), self.logits(), self.temperature(), noise) {
            return b;
        }
        harden_draw(self, noise)
    }
}

impl<const D: usize> ConditionalRelaxation<D> for HardConcrete<D> {
    /// As for [`RelaxedBernoulli`], whose latent this is.
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.concrete.latent_given(b, noise)
    }

    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.concrete.noise_given(b, noise)
    }

    fn detach(&self) -> Self {
        Self { concrete: self.concrete.detach(), stretch: self.stretch }
    }
}

impl<const D: usize> Tempered<D> for HardConcrete<D> {
    fn temperature(&self) -> &Temperature<D> {
        self.temperature()
    }

    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let concrete = RelaxedBernoulli::named(NAME, self.logits().clone(), temperature)?;
        Ok(Self { concrete, stretch: self.stretch })
    }
}

impl<const D: usize> HardConcrete<D> {
    #[cfg(feature = "flex")]
    fn kernel(&self) -> kernel::HardConcrete {
        kernel::HardConcrete::new(self.stretch.gamma, self.stretch.zeta)
    }

    /// One gate for each row.
    fn moments(&self) -> GateMoments {
        let rows = self.shape().iter().product();
        let law = HardConcrete::<2> { concrete: self.concrete.column(rows), stretch: self.stretch };
        // In logistic noise: the gate is above an end where the noise is above minus its log-odds.
        let ends = [-law.open_logits(), -law.one_logits()];
        GateMoments::of_logistic_noise(ends, [law.prob_zero(), law.prob_one()], |x| law.transport(x))
    }
}

impl<const D: usize> Moments<D> for HardConcrete<D> {
    /// By quadrature, since there is no closed form: to 1e-12 in f64, 1e-6 in f32.
    fn mean(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.logits().clone();
        }
        self.moments().mean().reshape(self.shape())
    }

    /// By quadrature, as the mean.
    fn variance(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.logits().clone();
        }
        self.moments().variance().reshape(self.shape())
    }
}
