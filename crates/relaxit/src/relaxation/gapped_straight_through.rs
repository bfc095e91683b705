//! The gapped straight-through estimator.

use burn::tensor::{DType, Device, Shape, Tensor, activation};

use super::one_hot_choice::one_hot_choice;
use super::straight_through;
use crate::distribution::{
    Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, OneHotCategorical, replicate,
};
use crate::error::{Error, Result, check_values};
use crate::math::inside_unit_interval;
use crate::noise::Noise;
use crate::support::Support;
use crate::temperature::Temperature;

/// The gapped straight-through choice among K: the logits are moved, no further than needed, until the choice leads by
/// a gap, and the gradient is that of their softmax.
///
/// ```text
/// forward    D ~ Cat(softmax(φ)),   φ = logits
/// backward   ∂ softmax((φ + m)/τ)/∂φ at m held fixed,
///            (φ + m)ₖ = max φ for the chosen, min(φₖ, max φ − gap) for the others
/// ```
///
/// The perturbation `m` plays the part of the Gumbel noise given `D` in [`GumbelRao`](super::GumbelRao), without its
/// randomness: given `D` the gradient has no variance.
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`; a temperature tensor: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// Biased, for linear objectives too. Flows into the logits only.
///
/// # Numerics
/// Finite for every finite logit and temperature.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::GappedStraightThrough;
/// let logits = Tensor::<2>::zeros([4, 3], &Device::flex().autodiff()).require_grad();
/// let b = GappedStraightThrough::from_logits(logits.clone(), 0.5)?.rsample(&mut Noise::seeded(0));
/// assert_eq!(b.clone().sum().into_scalar::<f32>(), 4.0);
/// assert!(logits.grad(&b.slice_dim(1, 0).sum().backward()).unwrap().slice_dim(1, 0).min().into_scalar::<f32>() > 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GAPPED_STRAIGHT_THROUGH`].
#[doc(alias = "GST")]
#[derive(Clone, Debug)]
pub struct GappedStraightThrough<const D: usize> {
    hard: OneHotCategorical<D>,
    temperature: Temperature<D>,
    gap: Gap,
}

/// By how much the choice of a [`GappedStraightThrough`] must lead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gap {
    /// By the same for all (the paper's GST-1.0 at 1).
    Constant(f64),
    /// By the expected lead of the winner over the runner-up among perturbed logits, `−ln(1 − π)/π` for a choice of
    /// probability π (the paper's GST-p).
    ///
    /// The lead is a logistic variable of location `logit π`, given that it is positive.
    Expected,
}

const NAME: &str = "GappedStraightThrough";

impl<const D: usize> GappedStraightThrough<D> {
    /// From unnormalised log-probabilities and the temperature of the gradient; the gap is 1.
    ///
    /// # Errors
    /// [`Error::Shape`] without categories or if a temperature tensor does not broadcast to `[batch…, 1]`;
    /// [`Error::Parameter`] if the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_logits(logits)?, temperature)
    }

    /// From probabilities and a temperature; see [`OneHotCategorical::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] for values that are no probabilities; reads the
    /// device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_probs(probs)?, temperature)
    }

    fn choosing(hard: OneHotCategorical<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let temperature = temperature.into().checked(NAME, hard.shape(), 1, hard.dtype())?;
        Ok(Self { hard, temperature, gap: Gap::Constant(1.0) })
    }

    /// The same choice with another gap.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a constant gap lies outside [0, 1e6].
    pub fn with_gap(self, gap: Gap) -> Result<Self> {
        match gap {
            Gap::Constant(got) if !(0.0..=1e6).contains(&got) => {
                Err(Error::Parameter { subject: NAME, parameter: "gap", requirement: "between 0 and 1e6", got })
            }
            _ => Ok(Self { gap, ..self }),
        }
    }

    /// The parameters as given: unnormalised log-probabilities.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        self.hard.logits()
    }

    /// The temperature of the gradient.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }

    /// By how much the choice must lead.
    #[must_use]
    pub const fn gap(&self) -> Gap {
        self.gap
    }

    /// The law of the samples.
    #[must_use]
    pub fn hard(&self) -> OneHotCategorical<D> {
        self.hard.clone()
    }

    /// The logits `φ + m`, moved until the choice `b` leads by the gap. They carry no gradient.
    ///
    /// # Panics
    /// If `b` does not have the shape of the logits.
    #[must_use]
    #[track_caller]
    pub fn moved_logits(&self, b: Tensor<D>) -> Tensor<D> {
        assert_eq!(b.dims(), self.shape(), "{NAME}: `b` must have the shape of the logits");
        let (b, logits) = (b.detach(), self.logits().clone().detach());
        let largest = logits.clone().max_dim(D - 1);
        let below = match self.gap {
            Gap::Constant(gap) => largest.clone() - gap,
            Gap::Expected => {
                let probs = activation::softmax(logits.clone(), D - 1);
                let chosen = inside_unit_interval((probs * b.clone()).sum_dim(D - 1));
                largest.clone() + (-chosen.clone()).log1p() / chosen
            }
        };
        let chosen = b.greater_elem(0.5);
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        let shape = Shape::from(self.shape());
        logits.min_pair(below.expand(shape.clone())).mask_where(chosen, largest.expand(shape))
    }

    /// The value `b`, with the gradient that a sample of this value has: for objectives that enumerate their outcomes.
    ///
    /// # Panics
    /// If `b` does not have the shape of the logits.
    #[track_caller]
    pub fn with_gradient(&self, b: Tensor<D>) -> Tensor<D> {
        let moved = self.moved_logits(b.clone());
        let logits = self.logits().clone();
        let scores = self.temperature.detach().divide(moved + (logits.clone() - logits.detach()));
        straight_through(b, activation::softmax(scores, D - 1))
    }

    /// One hard draw for each element, with its gradient.
    pub fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        self.with_gradient(self.hard.sample(noise))
    }

    fn check(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", self.logits(), f64::is_finite)?;
        self.temperature.validate(NAME)
    }
}

one_hot_choice!(GappedStraightThrough);
replicate!(GappedStraightThrough { hard, temperature } gap);
