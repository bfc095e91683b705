//! The categorical distribution over one-hot vectors.

use burn::tensor::{DType, Device, Tensor, activation};

use super::{Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, replicate};
use crate::error::{Error, Result, check_values};
use crate::math::{above_zero, at_least_f32, on_device, one_hot_argmax};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The categorical distribution over one-hot vectors of K entries: one choice among K.
///
/// ```text
/// log p(b) = Σₖ bₖ ln πₖ,   π = softmax(logits)
/// ```
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`.
///
/// # Gradient
/// `log_prob` is differentiable in the logits; samples carry none. For one that does, see
/// [`RelaxedOneHotCategorical`](crate::relaxation::RelaxedOneHotCategorical). Adding a constant to the logits changes
/// nothing.
///
/// # Numerics
/// Computed from `log_softmax(logits)`: finite for every finite logit, at any K.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = OneHotCategorical::from_probs(Tensor::<1>::from_floats([0.5, 0.25, 0.25], &device))?;
/// let second = Tensor::<1>::from_floats([0.0, 1.0, 0.0], &device);
/// let log_prob: f32 = law.log_prob(second).into_scalar();
/// assert!((log_prob - 0.25_f32.ln()).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OneHotCategorical<const D: usize> {
    logits: Tensor<D>,
}

impl<const D: usize> OneHotCategorical<D> {
    /// From logarithms of unnormalised probabilities.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no categories.
    pub fn from_logits(logits: Tensor<D>) -> Result<Self> {
        Ok(Self { logits: with_categories("OneHotCategorical", "logits", logits)? })
    }

    /// From probabilities, which are normalised to sum to 1 along the last dimension.
    ///
    /// Zeros are accepted and held at the smallest positive normal number.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no categories; [`Error::Values`] if a value is negative, infinite or NaN, or
    /// all of an event are 0; reads the device.
    pub fn from_probs(probs: Tensor<D>) -> Result<Self> {
        Ok(Self { logits: logits_of_probs("OneHotCategorical", probs)? })
    }

    /// From parameters that were checked already.
    pub(crate) const fn from_parameters(logits: Tensor<D>) -> Self {
        Self { logits }
    }

    /// The same law on the inner device, without gradient.
    pub(crate) fn inner(&self) -> Self {
        Self::from_parameters(self.logits.clone().inner())
    }

    /// The parameters as given: unnormalised log-probabilities.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// `softmax(logits)`.
    #[must_use]
    pub fn probs(&self) -> Tensor<D> {
        activation::softmax(self.logits.clone(), D - 1)
    }

    fn log_probs(&self) -> Tensor<D> {
        activation::log_softmax(self.logits.clone(), D - 1)
    }
}

impl<const D: usize> Distribution<D> for OneHotCategorical<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::OneHot
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
        let logits = self.logits.clone().inner();
        let gumbel = noise.draw(Base::Gumbel, self.shape(), (&logits.device(), self.dtype()));
        on_device(one_hot_argmax(gumbel + logits), &self.device())
    }

    fn validate(&self) -> Result<()> {
        check_values("OneHotCategorical", "logits", "finite", &self.logits, f64::is_finite)
    }
}

replicate!(OneHotCategorical { logits });

impl<const D: usize> Density<D> for OneHotCategorical<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        // A category of probability 0 has log-probability −∞, and 0 · −∞ must count as 0.
        let chosen = (finite(value.clone()) * self.log_probs()).mask_fill(value.clone().equal_elem(0.0), 0.0);
        restrict(chosen.sum_dim(D - 1), Support::OneHot, value)
    }
}

impl<const D: usize> Moments<D> for OneHotCategorical<D> {
    fn mean(&self) -> Tensor<D> {
        self.probs()
    }

    fn variance(&self) -> Tensor<D> {
        let probs = self.probs();
        probs.clone() * (-probs + 1.0)
    }
}

impl<const D: usize> Mode<D> for OneHotCategorical<D> {
    /// The largest logit; the first of equals.
    fn mode(&self) -> Tensor<D> {
        one_hot_argmax(self.logits.clone())
    }
}

impl<const D: usize> Entropy<D> for OneHotCategorical<D> {
    /// `H = −Σₖ πₖ ln πₖ`.
    fn entropy(&self) -> Tensor<D> {
        -(self.probs() * self.log_probs()).sum_dim(D - 1)
    }
}

impl<const D: usize> Enumerable<D> for OneHotCategorical<D> {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        let shape = self.shape();
        (0..shape[D - 1]).map(move |category| {
            let mut ranges: [std::ops::Range<usize>; D] = std::array::from_fn(|dim| 0..shape[dim]);
            ranges[D - 1] = category..category + 1;
            Tensor::zeros(shape, (&self.device(), self.dtype())).slice_fill(ranges, 1.0)
        })
    }

    fn num_outcomes(&self) -> f64 {
        self.shape()[D - 1] as f64
    }
}

impl<const D: usize> KlDivergence<Self, D> for OneHotCategorical<D> {
    /// `KL = Σₖ πₖ (ln πₖ − ln ρₖ)`, ρ = the probabilities of `q`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        (self.probs() * (self.log_probs() - q.log_probs())).sum_dim(D - 1)
    }
}

/// Refuses a tensor without categories; raises half precision.
pub(crate) fn with_categories<const D: usize>(
    subject: &'static str,
    parameter: &'static str,
    tensor: Tensor<D>,
) -> Result<Tensor<D>> {
    if tensor.dims()[D - 1] == 0 {
        return Err(Error::Shape {
            subject,
            parameter,
            requirement: "at least one category in its last dimension".into(),
            got: tensor.dims().to_vec(),
        });
    }
    Ok(at_least_f32(tensor))
}

/// The door of every categorical law that takes probabilities.
pub(crate) fn logits_of_probs<const D: usize>(subject: &'static str, probs: Tensor<D>) -> Result<Tensor<D>> {
    let probs = with_categories(subject, "probs", probs)?;
    check_values(subject, "probs", "finite and not negative", &probs, |p| p >= 0.0 && p.is_finite())?;
    let totals = probs.clone().sum_dim(D - 1);
    check_values(subject, "probs", "finite with a positive sum over the categories", &totals, |total| {
        total > 0.0 && total.is_finite()
    })?;
    Ok(above_zero(probs / totals).log())
}
