//! The `ReinMax` estimator.

use burn::tensor::{DType, Device, Tensor, activation};

use super::one_hot_choice::one_hot_choice;
use super::straight_through;
use crate::distribution::{
    Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, OneHotCategorical, replicate,
};
use crate::error::{Result, check_values};
use crate::math::above_zero;
use crate::noise::Noise;
use crate::support::Support;
use crate::temperature::Temperature;

/// The `ReinMax` choice among K: a categorical sample whose gradient is right to second order.
///
/// ```text
/// forward    D ~ Cat(π),   π = softmax(φ),   φ = logits
/// backward   φ̇ = 2 J(q) v − ½ J(π) v,   q = (softmax(φ/τ) + D)/2,   J(p) v = p ⊙ (v − p·v),   v = ∂f/∂D
/// ```
///
/// Straight-through replaces the difference `f(Dⱼ) − f(Dᵢ)` by a derivative at one end (Euler's method); this takes both
/// ends (Heun's method).
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`; a temperature tensor: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// At τ = 1, unbiased for objectives that are at most quadratic in `D`, biased for others. At other temperatures biased;
/// the paper finds τ ≥ 1 of use, where the variance is less. Flows into the logits only.
///
/// # Numerics
/// Finite for every finite logit and temperature.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::ReinMax;
/// let logits = Tensor::<2>::zeros([1, 3], &Device::flex().autodiff()).require_grad();
/// let b = ReinMax::from_logits(logits.clone(), 1.0)?.rsample(&mut Noise::seeded(0));
/// let slopes = logits.grad(&b.slice_dim(1, 0).square().sum().backward()).unwrap();
/// assert!(slopes.sum().into_scalar::<f32>().abs() < 1e-6); // a shift of all logits changes nothing
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REINMAX`], algorithm 2.
#[derive(Clone, Debug)]
pub struct ReinMax<const D: usize> {
    hard: OneHotCategorical<D>,
    temperature: Temperature<D>,
}

const NAME: &str = "ReinMax";

impl<const D: usize> ReinMax<D> {
    /// From unnormalised log-probabilities and the temperature of the gradient (1 for the estimator that is exact on
    /// quadratic objectives).
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without categories or if a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_logits(logits)?, temperature)
    }

    /// From probabilities and a temperature; see [`OneHotCategorical::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) for values that are no
    /// probabilities; reads the device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_probs(probs)?, temperature)
    }

    fn choosing(hard: OneHotCategorical<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let temperature = temperature.into().checked(NAME, hard.shape(), 1, hard.dtype())?;
        Ok(Self { hard, temperature })
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

    /// The law of the samples.
    #[must_use]
    pub fn hard(&self) -> OneHotCategorical<D> {
        self.hard.clone()
    }

    /// The value `b`, with the gradient that a sample of this value has: for objectives that enumerate their outcomes.
    ///
    /// # Panics
    /// If `b` does not have the shape of the logits.
    #[track_caller]
    pub fn with_gradient(&self, b: Tensor<D>) -> Tensor<D> {
        assert_eq!(b.dims(), self.shape(), "{NAME}: `b` must have the shape of the logits");
        let (b, logits) = (b.detach(), self.logits().clone());
        let value = logits.clone().detach();
        let q = (activation::softmax(self.temperature.divide(value.clone()).detach(), D - 1) + b.clone()) * 0.5;
        // The softmax of `ln q + φ − stop(φ)` has the value q, and the Jacobian J(q) in φ.
        let heun = activation::softmax(above_zero(q).log() + (logits.clone() - value), D - 1);
        let soft = heun * 2.0 - activation::softmax(logits, D - 1) * 0.5;
        straight_through(b, soft)
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

one_hot_choice!(ReinMax);
replicate!(ReinMax { hard, temperature });
