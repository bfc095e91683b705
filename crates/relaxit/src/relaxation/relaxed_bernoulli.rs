//! The relaxed Bernoulli, or binary Concrete.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::mixed::GateMoments;
use super::{ConditionalRelaxation, Relaxation, Tangent, Tempered, harden_draw};
use crate::distribution::{Bernoulli, Density, Distribution, Logistic, Moments, Reparameterized, replicate};
use crate::error::{Result, check_values};
#[cfg(any(feature = "cubecl", feature = "flex"))]
use crate::kernel;
use crate::math::{at_least_f32, indicator, inside_unit_interval, inverse_softplus, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};
use crate::temperature::Temperature;

/// The relaxed Bernoulli (binary Concrete): a bit made continuous.
///
/// ```text
/// z = (φ + L)/τ,   y = σ(z),   L ~ Logistic(0, 1),   φ = logits
/// log p(y) = ln τ + s − 2 ln(1 + eˢ) − ln y − ln(1 − y),   s = φ − τ logit(y)
/// ```
///
/// Its latent is the law of the *logit* of the relaxed sample, [`Logistic`]`(φ/τ, 1/τ)`; `threshold` is `z > 0`, and
/// `P(y > ½) = σ(φ)` at every temperature.
///
/// # Shapes
/// `logits`, samples and log-densities: `[batch…]`; events are scalars; a temperature tensor broadcasts.
///
/// # Gradient
/// Samples: exact, through logits and temperature. As a gradient of the discrete objective `E[f(b)]` it is biased, less
/// as τ → 0, where its variance grows.
///
/// # Numerics
/// `σ(z)` saturates to 0 or 1 in f32 from |z| ≈ 17 upwards; the density of a saturated sample is that of its nearest
/// neighbour strictly inside. The latent's density has no such limit. For τ < 1 the density is infinite at both ends; for
/// τ > 1 it has one mode between them, which has no closed form. That of the latent is `φ/τ`.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([128, 20], &device).require_grad();
/// let y = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?.rsample(&mut Noise::seeded(0));
/// let gradient = logits.grad(&y.sum().backward()).unwrap();
/// assert!(gradient.min().into_scalar::<f32>() > 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::CONCRETE`], appendix B.
#[doc(alias = "BinaryConcrete")]
#[derive(Clone, Debug)]
pub struct RelaxedBernoulli<const D: usize> {
    logits: Tensor<D>,
    temperature: Temperature<D>,
}

const NAME: &str = "RelaxedBernoulli";

impl<const D: usize> RelaxedBernoulli<D> {
    /// From log-odds and a temperature.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6];
    /// [`Error::Shape`](crate::Error::Shape) if a temperature tensor does not broadcast to the logits.
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::named(NAME, logits, temperature)
    }

    /// The same door for the laws that are built on this one: errors name `subject`.
    pub(super) fn named(
        subject: &'static str,
        logits: Tensor<D>,
        temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        let logits = at_least_f32(logits);
        let temperature = temperature.into().checked(subject, logits.dims(), 0, logits.dtype())?;
        Ok(Self { logits, temperature })
    }

    /// The same on the inner device.
    pub(super) fn inner(&self) -> Self {
        Self { logits: self.logits.clone().inner(), temperature: self.temperature.inner() }
    }

    /// The same entries as one column.
    pub(super) fn column(&self, rows: usize) -> RelaxedBernoulli<2> {
        let temperature = match &self.temperature {
            Temperature::Scalar(value) => Temperature::Scalar(*value),
            Temperature::Tensor(tensor) => {
                let each: Tensor<D> = tensor.clone().expand(Shape::from(self.shape()));
                Temperature::Tensor(each.reshape([rows, 1]))
            }
        };
        RelaxedBernoulli { logits: self.logits.clone().reshape([rows, 1]), temperature }
    }

    /// [`Distribution::validate`] for the laws that are built on this one.
    pub(super) fn validate_as(&self, subject: &'static str) -> Result<()> {
        check_values(subject, "logits", "finite", &self.logits, f64::is_finite)?;
        self.temperature.validate(subject)
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
        &self.temperature
    }
}

impl<const D: usize> RelaxedBernoulli<D> {
    /// `KL(self ‖ q)` in nats, of two laws with the same temperature, which then does not matter.
    ///
    /// ```text
    /// KL = d coth(d/2) − 2,   d = φ − ψ,   ψ = the logits of `q`
    /// ```
    ///
    /// At d = 0 it is 0, about d²/6 near it, and |d| − 2 far from it. Also the divergence of the latents.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) or [`Error::Values`](crate::Error::Values) if `q` has another
    /// temperature: then there is no closed form; see [`kl_monte_carlo`](crate::kl::kl_monte_carlo). Reads the device if a
    /// temperature is a tensor.
    ///
    /// # Panics
    /// If the shapes of the two laws do not broadcast.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let law = |logit: f32, temperature| {
    ///     RelaxedBernoulli::from_logits(Tensor::<1>::full([1], logit, &Device::flex()), temperature)
    /// };
    /// let kl: f32 = law(20.0, 0.5)?.kl_divergence(&law(0.0, 0.5)?)?.into_scalar();
    /// assert!((kl - 18.0).abs() < 1e-5);
    /// assert!(law(20.0, 0.5)?.kl_divergence(&law(0.0, 0.7)?).is_err());
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    pub fn kl_divergence(&self, q: &Self) -> Result<Tensor<D>> {
        self.temperature.check_same(NAME, &q.temperature)?;
        Ok(divergence_at(self.logits.clone() - q.logits.clone()))
    }
}

/// `d coth(d/2) − 2`.
fn divergence_at<const D: usize>(d: Tensor<D>) -> Tensor<D> {
    // Up to |d| = 1 by the Taylor series, 2 B₂ₙ d²ⁿ/(2n)!, whose terms are each a fortieth of the one before.
    const SERIES: [f64; 10] = [
        -174_611.0 / 401_428_831_349_145_600_000.0,
        43_867.0 / 2_554_547_108_585_472_000.0,
        -3_617.0 / 5_335_311_421_440_000.0,
        1.0 / 37_362_124_800.0,
        -691.0 / 653_837_184_000.0,
        1.0 / 23_950_080.0,
        -1.0 / 604_800.0,
        1.0 / 15_120.0,
        -1.0 / 360.0,
        1.0 / 6.0,
    ];
    let size = d.abs();
    let square = size.clone().clamp_max(1.0).square();
    let near =
        SERIES[1..].iter().fold(square.clone() * SERIES[0], |sum, &coefficient| (sum + coefficient) * square.clone());
    let far = size.clone().clamp_min(1.0);
    let decay = (-far.clone()).exp();
    let far = far.clone() - 2.0 + far * decay.clone() * 2.0 / (-decay + 1.0);
    near.mask_where(size.greater_elem(1.0), far)
}

impl<const D: usize> Reparameterized<D> for RelaxedBernoulli<D> {
    const BASE: Base = Base::Logistic;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        activation::sigmoid(self.temperature.divide(self.logits.clone() + noise))
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "cubecl")]
        if let Temperature::Scalar(temperature) = self.temperature
            && let Some(y) = kernel::cube::binary_concrete(&self.logits, temperature, noise)
        {
            return y;
        }
        #[cfg(feature = "flex")]
        if let Some(y) = kernel::rsample(kernel::BinaryConcrete, &self.logits, &self.temperature, noise) {
            return y;
        }
        self.transport(noise.draw(Self::BASE, self.shape(), (&self.device(), self.dtype())))
    }
}

impl<const D: usize> Distribution<D> for RelaxedBernoulli<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::UnitInterval
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
        on_device(self.inner().rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.validate_as(NAME)
    }
}

replicate!(RelaxedBernoulli { logits, temperature });

impl<const D: usize> Density<D> for RelaxedBernoulli<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let y = inside_unit_interval(finite(value.clone()));
        let (log_y, log_not_y) = (y.clone().log(), (-y).log1p());
        let z = log_y.clone() - log_not_y.clone();
        restrict(self.latent().log_prob(z) - log_y - log_not_y, Support::UnitInterval, value)
    }
}

impl<const D: usize> Relaxation<D> for RelaxedBernoulli<D> {
    type Latent = Logistic<D>;
    type Hard = Bernoulli<D>;

    fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    #[track_caller]
    fn with_logits(&self, logits: Tensor<D>) -> Self {
        assert_eq!(logits.dims(), self.shape(), "{NAME}: new logits must have the shape of the old");
        Self { logits, temperature: self.temperature.clone() }
    }

    fn latent(&self) -> Logistic<D> {
        let one = Tensor::ones([1; D], (&self.device(), self.dtype()));
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        Logistic::from_parameters(
            self.temperature.divide(self.logits.clone()),
            self.temperature.divide(one).expand(Shape::from(self.shape())),
        )
    }

    fn hard(&self) -> Bernoulli<D> {
        Bernoulli::from_logits(self.logits.clone())
    }

    /// `z > 0`.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        on_device(indicator(z.inner().greater_elem(0.0), self.dtype()), &self.device())
    }

    /// `σ(z)`.
    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        activation::sigmoid(z)
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "cubecl")]
        if let Temperature::Scalar(temperature) = self.temperature
            && let Some(b) = kernel::cube::straight_through_binary_concrete(&self.logits, temperature, noise)
        {
            return b;
        }
        #[cfg(feature = "flex")]
        if let Some(b) =
            kernel::rsample_straight_through(kernel::BinaryConcrete, &self.logits, &self.temperature, noise)
        {
            return b;
        }
        harden_draw(self, noise)
    }
}

impl<const D: usize> ConditionalRelaxation<D> for RelaxedBernoulli<D> {
    /// `τ z̃ = softplus(L + softplus(φ))` if `b = 1`, `−softplus(−L + softplus(−φ))` if `b = 0`.
    ///
    /// This is the textbook's inversion of the truncated uniform, `φ + logit(v′)`, in a form whose sign is right in
    /// floating point at every φ.
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        let sign = b.detach() * 2.0 - 1.0;
        let magnitude = softplus(sign.clone() * noise + softplus(sign.clone() * self.logits.clone()));
        self.temperature.divide(sign * magnitude)
    }

    /// `±(softplus⁻¹(|φ + L|) − softplus(±φ))`, the inverse of the above.
    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        let (b, noise, logits) = (b.inner(), noise.inner(), self.logits.clone().inner());
        let sign = b * 2.0 - 1.0;
        let magnitude = inverse_softplus((logits.clone() + noise).abs());
        on_device(sign.clone() * (magnitude - softplus(sign * logits)), &self.device())
    }

    fn tangents(
        &self,
        noise: Tensor<D>,
        b: Tensor<D>,
        fresh: Tensor<D>,
        direction: Tensor<D>,
    ) -> Option<[Tangent<D>; 2]> {
        let (sign, logits) = (b.clone() * 2.0 - 1.0, self.logits.clone());
        // 1/τ, and for z̃ the slopes of both softplus functions.
        let inner = sign.clone() * logits.clone();
        let share = activation::sigmoid(sign * fresh.clone() + softplus(inner.clone())) * activation::sigmoid(inner);
        let tangent = |z: Tensor<D>, latent: Tensor<D>| {
            let y = self.squash(z);
            Tangent { relaxed: y.clone() * (-y + 1.0) * latent.clone(), latent }
        };
        let z = self.temperature.divide(logits + noise);
        let z_tilde = self.latent_given(b, fresh);
        Some([
            tangent(z, self.temperature.divide(direction.clone())),
            tangent(z_tilde, self.temperature.divide(direction * share)),
        ])
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.clone().detach(), temperature: self.temperature.detach() }
    }
}

impl<const D: usize> Tempered<D> for RelaxedBernoulli<D> {
    fn temperature(&self) -> &Temperature<D> {
        self.temperature()
    }

    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::from_logits(self.logits.clone(), temperature)
    }
}

impl<const D: usize> RelaxedBernoulli<D> {
    /// One bit for each row.
    fn moments(&self) -> GateMoments {
        // Further out the bit is 0 or 1 to every digit.
        const SATURATED: f64 = 40.0;
        let rows = self.shape().iter().product();
        let law = self.column(rows);
        let one = Tensor::ones([1, 1], (&law.device(), law.dtype()));
        let reach = law.temperature.multiply(one * SATURATED);
        let centre = -law.logits.clone();
        let ends = [centre.clone() - reach.clone(), centre + reach];
        let atoms = [activation::sigmoid(ends[0].clone()), activation::sigmoid(-ends[1].clone())];
        GateMoments::of_logistic_noise(ends, atoms, |x| law.transport(x))
    }
}

impl<const D: usize> Moments<D> for RelaxedBernoulli<D> {
    /// By quadrature, since there is no closed form: to 1e-12 in f64, 1e-6 in f32.
    fn mean(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.logits.clone();
        }
        self.moments().mean().reshape(self.shape())
    }

    /// By quadrature, as the mean.
    fn variance(&self) -> Tensor<D> {
        if self.shape().contains(&0) {
            return self.logits.clone();
        }
        self.moments().variance().reshape(self.shape())
    }
}
