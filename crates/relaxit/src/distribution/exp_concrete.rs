//! The `ExpConcrete` distribution.

use burn::tensor::{DType, Device, Tensor, activation};

use super::categorical::with_categories;
use super::{Density, Distribution, Mode, Reparameterized, replicate};
use crate::error::{Result, check_values};
use crate::math::{ln_gamma_scalar, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, restrict};
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

impl<const D: usize> ExpConcrete<D> {
    /// From unnormalised log-probabilities and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without categories or if a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let logits = with_categories("ExpConcrete", "logits", logits)?;
        let temperature = temperature.into().checked("ExpConcrete", logits.dims(), 1, logits.dtype())?;
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
        check_values("ExpConcrete", "logits", "finite", &self.logits, f64::is_finite)?;
        self.temperature.validate("ExpConcrete")
    }
}

replicate!(ExpConcrete { logits, temperature });

impl<const D: usize> Density<D> for ExpConcrete<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let categories = self.shape()[D - 1] as f64;
        let score = self.logits.clone() - self.temperature.multiply(value.clone());
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
