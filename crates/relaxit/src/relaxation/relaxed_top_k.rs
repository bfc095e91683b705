//! The relaxed k-hot vector.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::Relaxation;
use crate::distribution::{
    Distribution, Gumbel, GumbelTopK, Independent, OUT, Reparameterized, k_hot_of_top, replicate,
};
use crate::error::Result;
use crate::math::{log_sum_exp, on_device, one_hot_argmax, softplus};
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The relaxed k-hot vector: k choices among K without replacement, made continuous.
///
/// ```text
/// α¹ = z = φ + g,   aʲ = softmax(αʲ/τ),   αʲ⁺¹ = αʲ + ln(1 − aʲ),   y = a¹ + … + aᵏ,   g ~ Gumbel(0, 1)
/// ```
///
/// `threshold` gives the k largest entries of `z`, whose law is [`GumbelTopK`] at every temperature; as τ → 0, `y`
/// tends to that k-hot vector. The relaxed sample has no tractable density, and this type offers none.
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; a temperature tensor: `[batch…, 1]`, each dimension as given or 1.
///
/// # Gradient
/// Samples: exact, through logits and temperature. As a gradient of the discrete objective it is biased.
///
/// # Numerics
/// Entries are positive and sum to k. **A single entry may exceed 1** away from the limit, because an item that was
/// chosen softly can be chosen again: clamp it if your objective needs probabilities. `ln(1 − a)` is taken in log space
/// (for the largest entry from the sum over the others), so it is finite and exact where `a` rounds to 1, and a chosen
/// item is never chosen again in the limit; no constant stands for −∞. Finite at temperatures from 1e-6 to 1e6 and
/// logits of ±1e4.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let relaxed = RelaxedTopK::from_logits(Tensor::<2>::zeros([128, 10], &device), 3, 0.5)?;
/// let y = relaxed.rsample(&mut Noise::seeded(0));
/// assert!((y.sum_dim(1) - 3.0).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::SUBSET_SAMPLING`]; the hard law: [`crate::reference::GUMBEL_TOP_K`].
#[doc(alias = "RelaxedKHot")]
#[derive(Clone, Debug)]
pub struct RelaxedTopK<const D: usize> {
    hard: GumbelTopK<D>,
    temperature: Temperature<D>,
}

const NAME: &str = "RelaxedTopK";

impl<const D: usize> RelaxedTopK<D> {
    /// From unnormalised log-probabilities, the number of items chosen and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without items or if a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Parameter`](crate::Error::Parameter) if `count` is not between 1 and the number of
    /// items or the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, count: usize, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(GumbelTopK::from_logits(logits, count)?, temperature)
    }

    /// From probabilities of the first draw; see [`GumbelTopK::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) for values that are no
    /// probabilities; reads the device.
    pub fn from_probs(probs: Tensor<D>, count: usize, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(GumbelTopK::from_probs(probs, count)?, temperature)
    }

    fn relaxing(hard: GumbelTopK<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let temperature = temperature.into().checked(NAME, hard.shape(), 1, hard.dtype())?;
        Ok(Self { hard, temperature })
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }

    /// How many items are chosen.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.hard.count()
    }
}

impl<const D: usize> Reparameterized<D> for RelaxedTopK<D> {
    const BASE: Base = Base::Gumbel;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.squash(self.logits().clone() + noise)
    }
}

impl<const D: usize> Distribution<D> for RelaxedTopK<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::ScaledSimplex(self.count())
    }

    fn shape(&self) -> [usize; D] {
        self.hard.shape()
    }

    fn device(&self) -> Device {
        self.hard.device()
    }

    fn dtype(&self) -> DType {
        self.hard.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let hard = GumbelTopK::from_parameters(self.logits().clone().inner(), self.count());
        let inner = Self { hard, temperature: self.temperature.inner() };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.hard.validate()?;
        self.temperature.validate(NAME)
    }
}

replicate!(RelaxedTopK { hard, temperature });

impl<const D: usize> Relaxation<D> for RelaxedTopK<D> {
    type Latent = Independent<Gumbel<D>, 1>;
    type Hard = GumbelTopK<D>;

    fn logits(&self) -> &Tensor<D> {
        self.hard.logits()
    }

    #[track_caller]
    fn with_logits(&self, logits: Tensor<D>) -> Self {
        assert_eq!(logits.dims(), self.shape(), "{NAME}: new logits must have the shape of the old");
        let hard = GumbelTopK::from_parameters(logits, self.count());
        Self { hard, temperature: self.temperature.clone() }
    }

    /// `φ + g`, entry by entry.
    fn latent(&self) -> Independent<Gumbel<D>, 1> {
        Independent(Gumbel::standard_at(self.logits().clone()))
    }

    fn hard(&self) -> GumbelTopK<D> {
        self.hard.clone()
    }

    /// The k largest entries, as a k-hot vector.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        on_device(k_hot_of_top(z.inner(), self.count()), &self.device())
    }

    /// The sum of k successive softmaxes.
    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        let scaled = self.temperature.divide(z.clone());
        let mut total = activation::softmax(scaled.clone(), D - 1);
        let (mut alpha, mut scaled) = (z, scaled);
        for _ in 1..self.count() {
            alpha = alpha + log_complement_of_softmax(scaled);
            scaled = self.temperature.divide(alpha.clone());
            total = total + activation::softmax(scaled.clone(), D - 1);
        }
        total
    }
}

/// `ln(1 − softmax(x))` along the last dimension, which has at least two entries.
fn log_complement_of_softmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // Only the largest can be above ½; for the others 1 − a is far from 0.
    let largest = one_hot_argmax(x.clone());
    let is_largest = largest.clone().equal_elem(1.0);
    let lead = (x.clone() * largest).sum_dim(D - 1) - log_sum_exp(x.clone().mask_fill(is_largest.clone(), OUT), D - 1);
    let others = (-activation::softmax(x, D - 1).mask_fill(is_largest.clone(), 0.0)).log1p();
    let shape = Shape::from(others.dims());
    others.mask_where(is_largest, -softplus(lead).expand(shape))
}
