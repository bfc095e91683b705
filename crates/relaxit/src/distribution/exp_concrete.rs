//! The `ExpConcrete` distribution.

use burn::tensor::{DType, Device, Tensor, activation};

use super::categorical::with_categories;
use super::{Density, Distribution, Entropy, Mode, Reparameterized, replicate};
use crate::error::{Result, check_values};
use crate::math::{EULER, digamma_scalar, ln_gamma_scalar, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};
use crate::temperature::Temperature;

/// The `ExpConcrete` distribution: the logarithm of a Concrete vector, and the latent of every relaxed categorical.
///
/// ```text
/// x = log_softmax((φ + g)/τ),   g ~ Gumbel(0, 1)
/// log p(x) = ln Γ(K) + (K − 1) ln τ + Σₖ log_softmax(φ − τ x)ₖ,   φ = logits
/// ```
///
/// The density is with respect to the K − 1 log-ratios `xₖ − x_K`; which entry is the last makes no difference.
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-densities: `[batch…, 1]`; a temperature tensor: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// Samples: exact, through logits and temperature. Log-densities: through both and the value. Adding a constant to the
/// logits changes nothing.
///
/// # Numerics
/// Samples are logarithms, so those of nearly one-hot vectors keep their precision, which the vectors themselves lose in
/// f32: that is why scores and divergences of relaxed categoricals are computed here. Finite at temperatures from 1e-6
/// to 1e6 and logits of ±1e4.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let law = ExpConcrete::from_logits(Tensor::<2>::zeros([5, 3], &Device::flex()), 0.1)?;
/// let x = law.rsample(&mut Noise::seeded(0));
/// assert_eq!(law.log_prob(x).dims(), [5, 1]);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::CONCRETE`], equation 26.
#[derive(Clone, Debug)]
pub struct ExpConcrete<const D: usize> {
    logits: Tensor<D>,
    temperature: Temperature<D>,
}

const NAME: &str = "ExpConcrete";

impl<const D: usize> ExpConcrete<D> {
    /// From unnormalised log-probabilities and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without categories or if a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let logits = with_categories(NAME, "logits", logits)?;
        let temperature = temperature.into().checked(NAME, logits.dims(), 1, logits.dtype())?;
        Ok(Self { logits, temperature })
    }

    /// The latent of a relaxation whose parameters were checked already.
    pub(crate) const fn from_parameters(logits: Tensor<D>, temperature: Temperature<D>) -> Self {
        Self { logits, temperature }
    }

    /// The parameters as given: unnormalised log-probabilities.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }
}

impl<const D: usize> ExpConcrete<D> {
    /// `KL(self ‖ q)` in nats, of two laws with the same temperature, which then does not matter.
    ///
    /// ```text
    /// KL = K [E ln Σₖ e^δₖ Eₖ − Σ δ / K − ψ(K)],   δ = ψ − φ,   Eₖ ~ Exponential(1),   φ, ψ = the logits of self, q
    /// E ln Σₖ e^δₖ Eₖ = ∫ [exp(−e^u) − Πₖ 1/(1 + e^(δₖ + u))] du
    /// ```
    ///
    /// (In ψ(K), ψ is the digamma function.) Also the divergence of the relaxed vectors `eˣ`, since both sides share the map.
    ///
    /// # Gradient
    /// Exact, in both logits.
    ///
    /// # Numerics
    /// The integral is taken by the trapezoidal rule, which converges exponentially here: the absolute error is below
    /// 1e-13 K in f64, and 1e-6 K ln(K + 1) in f32. Takes a softmax's time for each of about 340 nodes in f64, 80 in f32.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) or [`Error::Values`](crate::Error::Values) if `q` has another
    /// temperature: then there is no such form; see [`kl_monte_carlo`](crate::kl::kl_monte_carlo). Reads the device if a
    /// temperature is a tensor.
    ///
    /// # Panics
    /// If the shapes of the two laws do not broadcast.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let law = |logits, temperature| ExpConcrete::from_logits(Tensor::<1>::from_floats(logits, &Device::flex()), temperature);
    /// let (p, uniform) = (law([3.0, 0.0, 0.0], 0.5)?, law([0.0; 3], 0.5)?);
    /// assert!(p.kl_divergence(&uniform)?.into_scalar::<f32>() > 1.0);
    /// assert!(p.kl_divergence(&law([0.0; 3], 0.7)?).is_err());
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    pub fn kl_divergence(&self, q: &Self) -> Result<Tensor<D>> {
        self.kl_divergence_as(NAME, q)
    }

    /// The same for the laws that are built on this one: errors name `subject`.
    pub(crate) fn kl_divergence_as(&self, subject: &'static str, q: &Self) -> Result<Tensor<D>> {
        self.temperature.check_same(subject, &q.temperature)?;
        let difference = q.logits.clone() - self.logits.clone();
        let categories = difference.dims()[D - 1] as f64;
        let excess = mean_log_sum(difference.clone()) - difference.mean_dim(D - 1) - digamma_scalar(categories);
        Ok(excess * categories)
    }
}

/// `E ln Σₖ e^xₖ Eₖ` over standard exponential variables, along the last dimension.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few hundred nodes
fn mean_log_sum<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // The largest of Πₖ 1/(1 + e^(xₖ + u)) poles is π away, and exp(−e^u) falls like e^(−π²/h) in the frequency 1/h.
    let (step, reach) = if x.dtype() == DType::F64 { (0.25, 42.0) } else { (0.5, 19.0) };
    let max = x.clone().inner().max_dim(D - 1);
    let centred = x.clone().inner() - max.clone();
    let first = -reach - (x.dims()[D - 1] as f64).ln();
    let (mut mean, mut slopes) = (max, centred.zeros_like());
    for node in 0..((reach - first) / step).ceil() as usize {
        let u = first + step * node as f64;
        let score = centred.clone() + u;
        let survival = (-softplus(score.clone()).sum_dim(D - 1)).exp();
        slopes = slopes + activation::sigmoid(score) * survival.clone();
        mean = mean - (survival - (-u.exp()).exp()) * step;
    }
    let (mean, slopes) = (on_device(mean, &x.device()), on_device(slopes * step, &x.device()));
    mean + (slopes * (x.clone() - x.detach())).sum_dim(D - 1)
}

impl<const D: usize> Reparameterized<D> for ExpConcrete<D> {
    const BASE: Base = Base::Gumbel;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        activation::log_softmax(self.temperature.divide(self.logits.clone() + noise), D - 1)
    }
}

impl<const D: usize> Distribution<D> for ExpConcrete<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::LogSimplex
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
        let inner = Self::from_parameters(self.logits.clone().inner(), self.temperature.inner());
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)?;
        self.temperature.validate(NAME)
    }
}

replicate!(ExpConcrete { logits, temperature });

impl<const D: usize> Density<D> for ExpConcrete<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let categories = self.shape()[D - 1] as f64;
        let score = self.logits.clone() - self.temperature.multiply(finite(value.clone()));
        let sum = activation::log_softmax(score, D - 1).sum_dim(D - 1);
        let log_prob = self.temperature.add_log(sum, categories - 1.0) + ln_gamma_scalar(categories);
        restrict(log_prob, Support::LogSimplex, value)
    }
}

impl<const D: usize> Mode<D> for ExpConcrete<D> {
    /// `log_softmax(φ/τ)`, at every temperature: what the noise at its own mode gives. The relaxed vector `eˣ` has a mode
    /// inside the simplex only above τ = 1/(K − 1), and that has no closed form.
    fn mode(&self) -> Tensor<D> {
        let inner = self.temperature.inner().divide(self.logits.clone().inner());
        on_device(activation::log_softmax(inner, D - 1), &self.device())
    }
}

impl<const D: usize> Entropy<D> for ExpConcrete<D> {
    /// `H = K (ψ(K) + γ) − ln Γ(K) − (K − 1) ln τ`, ψ = digamma, γ = Euler's constant: whatever the logits.
    fn entropy(&self) -> Tensor<D> {
        let mut shape = self.shape();
        let categories = std::mem::replace(&mut shape[D - 1], 1) as f64;
        let constant = categories * (digamma_scalar(categories) + EULER) - ln_gamma_scalar(categories);
        let constant = Tensor::full(shape, constant, (&self.device(), self.dtype()));
        self.temperature.add_log(constant, 1.0 - categories)
    }
}
