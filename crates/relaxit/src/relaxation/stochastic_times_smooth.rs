//! A bit times a smooth factor.

use burn::tensor::{DType, Device, Tensor, activation};

use crate::distribution::{Bernoulli, Distribution, Entropy, Mode, Moments, replicate};
use crate::error::{Result, check_values};
use crate::math::{at_least_f32, indicator, on_device};
use crate::noise::{Base, Noise};
use crate::support::Support;

/// The stochastic-times-smooth unit: a bit times a smooth factor, so that a gradient flows whenever the unit is on.
///
/// ```text
/// h = b √p,   b ~ Bernoulli(√p),   p = σ(φ),   φ = logits
/// E[h] = p,   Var[h] = p √p (1 − √p),   h ∈ {0, √p}
/// ```
///
/// Its values move with its parameters, so it has no density to differentiate; the bit alone is [`gate`](Self::gate).
///
/// # Shapes
/// `logits` and samples: `[batch…]`; events are scalars.
///
/// # Gradient
/// Biased: the bit carries none, so `∂h/∂p = b/(2√p)` has the mean ½ where `∂E[h]/∂p` is 1. For linear `f` the gradient
/// of `E[f(h)]` is *half* the true one, in the right direction; for others there is no such factor.
///
/// # Numerics
/// Computed from `ln σ(φ)`: finite for every finite logit, and `1 − √p` keeps its small values.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::StochasticTimesSmooth;
/// let unit = StochasticTimesSmooth::from_logits(Tensor::<1>::zeros([100], &Device::flex()));
/// let h: Vec<f32> = unit.rsample(&mut Noise::seeded(0)).try_into_vec_as().unwrap();
/// assert!(h.iter().all(|&h| h == 0.0 || (h - 0.5_f32.sqrt()).abs() < 1e-6));
/// ```
///
/// # References
/// [`crate::reference::STRAIGHT_THROUGH`], "Stochastic times smooth".
#[doc(alias = "STS")]
#[derive(Clone, Debug)]
pub struct StochasticTimesSmooth<const D: usize> {
    logits: Tensor<D>,
}

const NAME: &str = "StochasticTimesSmooth";

impl<const D: usize> StochasticTimesSmooth<D> {
    /// From the log-odds of the mean. Every finite value is legal; [`Distribution::validate`] refuses the others.
    #[must_use]
    pub fn from_logits(logits: Tensor<D>) -> Self {
        Self { logits: at_least_f32(logits) }
    }

    /// From the mean `p`; 0 and 1 are held as in [`Bernoulli::from_probs`].
    ///
    /// # Errors
    /// [`Error::Values`](crate::Error::Values) if a value lies outside [0, 1]; reads the device.
    pub fn from_probs(probs: Tensor<D>) -> Result<Self> {
        check_values(NAME, "probs", "between 0 and 1", &probs, |p| (0.0..=1.0).contains(&p))?;
        Ok(Self { logits: crate::math::logit(at_least_f32(probs)) })
    }

    /// The log-odds of the mean.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The mean, `p = σ(φ)`.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        activation::sigmoid(self.logits.clone())
    }

    /// The smooth factor, `√p`.
    #[must_use]
    pub fn smooth(&self) -> Tensor<D> {
        (activation::log_sigmoid(self.logits.clone()) * 0.5).exp()
    }

    /// The law of the bit, whose probability of 1 is `√p`.
    #[must_use]
    pub fn gate(&self) -> Bernoulli<D> {
        // ln(1 − √p) = ln(1 − p) − ln(1 + √p), which loses nothing where p is near 1.
        let log_on = activation::log_sigmoid(self.logits.clone()) * 0.5;
        let log_off = activation::log_sigmoid(-self.logits.clone()) - self.smooth().log1p();
        Bernoulli::from_logits(log_on - log_off)
    }

    /// One unit for each element; the gradient flows through the smooth factor alone.
    pub fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        self.transport(noise.draw(Base::Logistic, self.shape(), (&self.device(), self.dtype())))
    }

    /// The units that logistic noise becomes; no gradient flows to the noise.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        let inner = Self { logits: self.logits.clone().inner() };
        let perturbed = inner.gate().logits().clone() + noise.inner();
        let bits = indicator(perturbed.greater_elem(0.0), self.dtype());
        on_device(bits, &self.device()) * self.smooth()
    }
}

impl<const D: usize> Distribution<D> for StochasticTimesSmooth<D> {
    const EVENT_DIMS: usize = 0;

    /// The interval: which of its points are possible depends on the logits.
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
        on_device(Self { logits: self.logits.clone().inner() }.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(StochasticTimesSmooth { logits });

impl<const D: usize> Moments<D> for StochasticTimesSmooth<D> {
    fn mean(&self) -> Tensor<D> {
        self.probs()
    }

    /// `p^(3/2) (1 − p) / (1 + √p)`.
    fn variance(&self) -> Tensor<D> {
        let log_p = activation::log_sigmoid(self.logits.clone());
        let log_not_p = activation::log_sigmoid(-self.logits.clone());
        (log_p * 1.5 + log_not_p - self.smooth().log1p()).exp()
    }
}

impl<const D: usize> Mode<D> for StochasticTimesSmooth<D> {
    /// `√p` where that is above ½, and 0 elsewhere.
    fn mode(&self) -> Tensor<D> {
        self.gate().mode() * self.smooth().detach()
    }
}

impl<const D: usize> Entropy<D> for StochasticTimesSmooth<D> {
    /// That of the bit: `√p` is a name for 1.
    fn entropy(&self) -> Tensor<D> {
        self.gate().entropy()
    }
}
