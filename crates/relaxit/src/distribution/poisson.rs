//! The Poisson distribution.

use burn::tensor::{DType, Device, Tensor};

use super::{Density, Distribution, KlDivergence, Mode, Moments, host, replicate};
use crate::error::{Result, check_values};
use crate::math::{above_zero, at_least_f32, constant, ln_gamma};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The Poisson distribution over 0, 1, 2, …: how many events come, at a constant rate.
///
/// ```text
/// log p(k) = k ln λ − λ − ln k!,   λ = rate
/// ```
///
/// # Shapes
/// `log_rate`, samples and log-probabilities: `[batch…]`; events are scalars.
///
/// # Gradient
/// `log_prob` is differentiable in the log-rate; samples carry none.
///
/// # Numerics
/// The terms of `log_prob` cancel, so its absolute error in f32 is that of `ln k!`: 1e-6 · max(1, k ln k). Samples are
/// exact: inversion in f64 with 52 random bits, on the host, in about `17 √λ` steps each. F32 holds every count up to
/// 2²⁴; larger ones are rounded. From λ = 2⁴⁸ on a draw is λ itself, which f32 cannot tell from a draw, but f64 can.
///
/// # Examples
/// ```
/// use relaxit::distribution::Poisson;
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Poisson::new(Tensor::<1>::from_floats([3.0], &device))?;
/// let none: f32 = law.log_prob(Tensor::zeros([1], &device)).into_scalar();
/// assert!((none - -3.0).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Poisson<const D: usize> {
    log_rate: Tensor<D>,
}

/// Counts beyond this have log-probability −∞ for all that f32 can tell; held there, products with them are finite.
const LARGEST: f64 = 1e30;

/// A count as the formulae need it: NaN and numbers outside the support are masked later, and must not overflow.
pub(super) fn held<const D: usize>(value: Tensor<D>) -> Tensor<D> {
    finite(value).clamp(0.0, LARGEST)
}

impl<const D: usize> Poisson<D> {
    /// From rates. 0 is accepted and held at the smallest positive normal number.
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) if a rate is negative, infinite or NaN; reads the device.
    pub fn new(rate: Tensor<D>) -> Result<Self> {
        check_values("Poisson", "rate", "finite and not negative", &rate, |rate| rate >= 0.0 && rate.is_finite())?;
        Ok(Self { log_rate: above_zero(at_least_f32(rate)).log() })
    }

    /// From logarithms of rates. Legal are those whose rate does not overflow; [`Distribution::validate`] refuses the
    /// others.
    #[must_use]
    pub fn from_log_rate(log_rate: Tensor<D>) -> Self {
        Self { log_rate: at_least_f32(log_rate) }
    }

    /// `ln λ`.
    #[must_use]
    pub const fn log_rate(&self) -> &Tensor<D> {
        &self.log_rate
    }

    /// The rate `λ`: mean and variance.
    #[must_use]
    pub fn rate(&self) -> Tensor<D> {
        self.log_rate.clone().exp()
    }
}

impl<const D: usize> Distribution<D> for Poisson<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::Naturals
    }

    fn shape(&self) -> [usize; D] {
        self.log_rate.dims()
    }

    fn device(&self) -> Device {
        self.log_rate.device()
    }

    fn dtype(&self) -> DType {
        self.log_rate.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let (log_rate, dtype) = (host::values(&self.log_rate), self.dtype());
        let u = host::noise_like(&self.log_rate, Base::Uniform, noise);
        host::map([&log_rate, &u], &self.log_rate, |[log_rate, u]| {
            host::representable(host::poisson(log_rate.exp(), u), dtype)
        })
    }

    fn validate(&self) -> Result<()> {
        let largest = if self.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
        check_values("Poisson", "log_rate", "finite, and so its exponential", &self.log_rate, |log_rate| {
            log_rate.is_finite() && log_rate < largest.ln()
        })
    }
}

replicate!(Poisson { log_rate });

impl<const D: usize> Density<D> for Poisson<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let k = held(value.clone());
        restrict(k.clone() * self.log_rate.clone() - self.rate() - ln_gamma(k + 1.0), Support::Naturals, value)
    }
}

impl<const D: usize> Moments<D> for Poisson<D> {
    fn mean(&self) -> Tensor<D> {
        self.rate()
    }

    fn variance(&self) -> Tensor<D> {
        self.rate()
    }
}

impl<const D: usize> Mode<D> for Poisson<D> {
    /// `⌊λ⌋`, or `λ − 1`, which is as likely, where rounding finds λ just below a whole number.
    fn mode(&self) -> Tensor<D> {
        constant(&self.log_rate).exp().floor()
    }
}

impl<const D: usize> KlDivergence<Self, D> for Poisson<D> {
    /// `KL = λ (ln λ − ln ρ) − λ + ρ`, ρ = the rate of `q`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        self.rate() * (self.log_rate.clone() - q.log_rate.clone()) - self.rate() + q.rate()
    }
}
