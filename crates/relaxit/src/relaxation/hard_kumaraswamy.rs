//! The hard Kumaraswamy gate.

use burn::tensor::{DType, Device, Shape, Tensor};

use super::mixed::{GateMoments, Stretch, with_atoms};
use crate::distribution::{Density, Distribution, Moments, Reparameterized, replicate};
use crate::error::{Result, broadcast_shape, check_values};
use crate::math::{at_least_f32, log_neg_log1mexp, log1mexp_exp, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite};

/// The hard Kumaraswamy gate: a Kumaraswamy variable stretched and clamped, so that it is *exactly* 0 or 1 with
/// positive probability.
///
/// ```text
/// k = (1 − e^(−E/b))^(1/a),   z = clamp(k (ζ − γ) + γ, 0, 1),   E ~ Exponential(1),   γ < 0 < 1 < ζ
/// F(k) = 1 − (1 − kᵃ)ᵇ,   P(z = 0) = F(−γ/(ζ − γ)),   P(z = 1) = 1 − F((1 − γ)/(ζ − γ))
/// log p(z) = ln a + ln b + (a − 1) ln k + (b − 1) ln(1 − kᵃ) − ln(ζ − γ),   k = (z − γ)/(ζ − γ),   0 < z < 1
/// a = concentration1,   b = concentration0
/// ```
///
/// `log_prob` is the density with respect to Lebesgue measure on (0, 1) plus a unit mass at 0 and at 1: a probability at
/// the ends, a density between.
///
/// # Shapes
/// Both concentrations, samples and log-densities: `[batch…]`; events are scalars.
///
/// # Gradient
/// Samples: exact almost everywhere, through both concentrations; none where the gate is clamped. The pathwise gradient
/// of `E[f(z)]` is unbiased for smooth `f`. [`l0_penalty`](Self::l0_penalty) is a closed form, and so is its gradient.
///
/// # Numerics
/// Everything is computed from the logarithms of the concentrations, and of `k`, `1 − kᵃ` and `1 − (1 − kᵃ)ᵇ`: finite,
/// tails included, for concentrations from 1e-4 to 1e4 and far beyond.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::HardKumaraswamy;
/// let device = Device::flex();
/// let gate = HardKumaraswamy::new(Tensor::<1>::ones([1], &device), Tensor::ones([1], &device))?; // uniform k
/// let closed: f32 = gate.prob_zero().into_scalar();
/// assert!((closed - 0.1 / 1.2).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::HARD_KUMARASWAMY`], section 4.
#[doc(alias = "HardKuma")]
#[derive(Clone, Debug)]
pub struct HardKumaraswamy<const D: usize> {
    /// `ln a`.
    log_concentration1: Tensor<D>,
    /// `ln b`.
    log_concentration0: Tensor<D>,
    stretch: Stretch,
}

const NAME: &str = "HardKumaraswamy";

impl<const D: usize> HardKumaraswamy<D> {
    /// From the concentrations `a` and `b`, which may broadcast against each other, with the paper's stretch γ = −0.1,
    /// ζ = 1.1.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast; [`Error::Values`](crate::Error::Values) if a
    /// concentration is not positive and finite. Reads the device: where that would stall a training step, use
    /// [`from_log_concentrations`](Self::from_log_concentrations).
    pub fn new(concentration1: Tensor<D>, concentration0: Tensor<D>) -> Result<Self> {
        let accept = |x: f64| x > 0.0 && x.is_finite();
        check_values(NAME, "concentration1", "positive and finite", &concentration1, accept)?;
        check_values(NAME, "concentration0", "positive and finite", &concentration0, accept)?;
        Self::from_log_concentrations(at_least_f32(concentration1).log(), at_least_f32(concentration0).log())
    }

    /// From the logarithms of the concentrations: nothing to reject, so nothing is read.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast.
    pub fn from_log_concentrations(log_concentration1: Tensor<D>, log_concentration0: Tensor<D>) -> Result<Self> {
        let (a, b) = (at_least_f32(log_concentration1), at_least_f32(log_concentration0));
        let shape = broadcast_shape(NAME, ("concentration0", b.dims()), ("concentration1", a.dims()))?;
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        let shape = Shape::from(shape);
        let b = b.cast(a.dtype()).expand(shape.clone());
        Ok(Self { log_concentration1: a.expand(shape), log_concentration0: b, stretch: Stretch::PUBLISHED })
    }

    /// The same gate stretched to `[gamma, zeta]` before it is clamped.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) unless `gamma` lies in [−1e3, −1e-4] and `zeta` in [1.0001, 1001]:
    /// nearer to 0 and 1, f32 could not tell the ends from their neighbours.
    pub fn with_stretch(self, gamma: f64, zeta: f64) -> Result<Self> {
        Ok(Self { stretch: Stretch::new(NAME, gamma, zeta)?, ..self })
    }

    /// The shape `a`, which near 0 piles up mass at 0.
    #[must_use]
    pub fn concentration1(&self) -> Tensor<D> {
        self.log_concentration1.clone().exp()
    }

    /// The shape `b`, which near 0 piles up mass at 1.
    #[must_use]
    pub fn concentration0(&self) -> Tensor<D> {
        self.log_concentration0.clone().exp()
    }

    /// The limits `(γ, ζ)` of the stretch.
    #[must_use]
    pub const fn stretch(&self) -> (f64, f64) {
        (self.stretch.gamma, self.stretch.zeta)
    }

    /// `ln(−ln P(k > cut))`.
    fn log_hazard_above(&self, cut: f64) -> Tensor<D> {
        log_neg_log1mexp(self.concentration1() * cut.ln()) + self.log_concentration0.clone()
    }

    fn log_hazard_above_zero(&self) -> Tensor<D> {
        self.log_hazard_above(-self.stretch.gamma / self.stretch.width())
    }

    fn log_hazard_above_one(&self) -> Tensor<D> {
        self.log_hazard_above((1.0 - self.stretch.gamma) / self.stretch.width())
    }

    fn log_prob_one(&self) -> Tensor<D> {
        minus_exp(self.log_hazard_above_one())
    }

    /// `P(z = 0)`: the gate is closed.
    #[must_use]
    pub fn prob_zero(&self) -> Tensor<D> {
        log1mexp_exp(self.log_hazard_above_zero()).exp()
    }

    /// `P(z = 1)`.
    #[must_use]
    pub fn prob_one(&self) -> Tensor<D> {
        self.log_prob_one().exp()
    }

    /// `P(z ≠ 0)`: the expected L0 norm of each gate, to be summed over gates; differentiable in both concentrations.
    #[must_use]
    pub fn l0_penalty(&self) -> Tensor<D> {
        minus_exp(self.log_hazard_above_zero()).exp()
    }

    fn inner(&self) -> Self {
        Self {
            log_concentration1: self.log_concentration1.clone().inner(),
            log_concentration0: self.log_concentration0.clone().inner(),
            stretch: self.stretch,
        }
    }
}

/// `−eˣ`, held where f32 can hold it.
fn minus_exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    -x.clamp_max(80.0).exp()
}

impl<const D: usize> Reparameterized<D> for HardKumaraswamy<D> {
    const BASE: Base = Base::Exponential;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        let log_power = log1mexp_exp(noise.log() - self.log_concentration0.clone());
        self.stretch.apply((log_power * (-self.log_concentration1.clone()).exp()).exp())
    }
}

impl<const D: usize> Distribution<D> for HardKumaraswamy<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::UnitInterval
    }

    fn shape(&self) -> [usize; D] {
        self.log_concentration1.dims()
    }

    fn device(&self) -> Device {
        self.log_concentration1.device()
    }

    fn dtype(&self) -> DType {
        self.log_concentration1.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        on_device(self.inner().rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        let accept = |x: f64| x > 0.0 && x.is_finite();
        check_values(NAME, "concentration1", "positive and finite", &self.concentration1(), accept)?;
        check_values(NAME, "concentration0", "positive and finite", &self.concentration0(), accept)
    }
}

replicate!(HardKumaraswamy { log_concentration1, log_concentration0 } stretch);

impl<const D: usize> Density<D> for HardKumaraswamy<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let Stretch { gamma, .. } = self.stretch;
        let (a, b) = (self.concentration1(), self.concentration0());
        let log_k = ((finite(value.clone()).clamp(0.0, 1.0) - gamma) * self.stretch.width().recip()).log();
        let log_not_power = minus_exp(log_neg_log1mexp(a.clone() * log_k.clone()));
        let log_normaliser = self.log_concentration1.clone() + self.log_concentration0.clone();
        let interior = (a - 1.0) * log_k + (b - 1.0) * log_not_power + log_normaliser - self.stretch.width().ln();
        with_atoms(value, interior, log1mexp_exp(self.log_hazard_above_zero()), self.log_prob_one())
    }
}

impl<const D: usize> HardKumaraswamy<D> {
    /// One gate for each row.
    fn moments(&self) -> GateMoments {
        let rows = self.shape().iter().product();
        let column = |x: &Tensor<D>| x.clone().reshape([rows, 1]);
        let law = HardKumaraswamy::<2> {
            log_concentration1: column(&self.log_concentration1),
            log_concentration0: column(&self.log_concentration0),
            stretch: self.stretch,
        };
        let ends = [law.log_hazard_above_zero(), law.log_hazard_above_one()];
        // In the logarithm of exponential noise.
        let log_density = |x: Tensor<2>| x.clone() - x.exp();
        GateMoments::new(ends, [-45.0, 5.0], log_density, [law.prob_zero(), law.prob_one()], |x| law.transport(x.exp()))
    }
}

impl<const D: usize> Moments<D> for HardKumaraswamy<D> {
    /// An incomplete beta function, by quadrature: to 1e-12 in f64, 1e-6 in f32.
    fn mean(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.log_concentration1.clone();
        }
        self.moments().mean().reshape(self.shape())
    }

    /// By quadrature, as the mean.
    fn variance(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.log_concentration1.clone();
        }
        self.moments().variance().reshape(self.shape())
    }
}
