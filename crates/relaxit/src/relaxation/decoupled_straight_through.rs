//! The decoupled straight-through Gumbel-Softmax.

use burn::tensor::{DType, Device, Tensor, activation};

use super::one_hot_choice::one_hot_choice;
use super::straight_through;
use crate::distribution::{
    Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, OneHotCategorical, replicate,
};
use crate::error::{Error, Result, check_values};
use crate::math::{on_device, one_hot_argmax};
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The decoupled straight-through Gumbel-Softmax: one temperature for the choice, another for its gradient.
///
/// ```text
/// forward    D = argmax(φ/τ_f + g) ~ Cat(softmax(φ/τ_f)),   g ~ Gumbel(0, 1),   φ = logits
/// backward   ∂ softmax((φ + g)/τ_b)/∂φ   or   ∂ softmax(φ/τ_b)/∂φ
/// log p(D) = Σₖ Dₖ log_softmax(φ/τ_f)ₖ
/// ```
///
/// The forward temperature scales the logits and not the noise: in `argmax((φ + g)/τ_f)`, as it is often written, it
/// changes nothing. The two backward forms are those of [`DecoupledBackward`].
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`; temperature tensors: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// [`rsample`](Self::rsample) is hard forwards and has the backward form's gradient in the logits (and a backward
/// temperature tensor), which is biased: the form without noise is exact for objectives that are linear in `D` if
/// `τ_f = τ_b`, and for no others; the form with noise not even there. `log_prob` is exact.
///
/// # Numerics
/// The largest logit is subtracted before the division: choices keep their law at logits of ±1e4 and every temperature.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::DecoupledStraightThroughGumbelSoftmax;
/// let logits = Tensor::<2>::from_floats([[0.0, 3.0]], &Device::flex());
/// let cool = DecoupledStraightThroughGumbelSoftmax::from_logits(logits.clone(), 0.1, 1.0)?;
/// let warm = DecoupledStraightThroughGumbelSoftmax::from_logits(logits, 10.0, 1.0)?;
/// assert!(warm.entropy().into_scalar::<f32>() > 100.0 * cool.entropy().into_scalar::<f32>());
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::DECOUPLED_STRAIGHT_THROUGH`]; with noise and one temperature, [`crate::reference::GUMBEL_SOFTMAX`].
#[doc(alias = "DecoupledSTGS")]
#[derive(Clone, Debug)]
pub struct DecoupledStraightThroughGumbelSoftmax<const D: usize> {
    logits: Tensor<D>,
    /// Of the logits over the forward temperature.
    hard: OneHotCategorical<D>,
    forward: Temperature<D>,
    backward: Temperature<D>,
    form: DecoupledBackward,
}

/// Whose Jacobian a [`DecoupledStraightThroughGumbelSoftmax`] takes for that of its choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DecoupledBackward {
    /// `softmax((φ + g)/τ_b)`, at the noise that made the choice: straight-through Gumbel-Softmax.
    #[default]
    Perturbed,
    /// `softmax(φ/τ_b)`, without noise: straight-through in the probabilities.
    Probabilities,
}

const NAME: &str = "DecoupledStraightThroughGumbelSoftmax";
const FORWARD: &str = "forward_temperature";
const BACKWARD: &str = "backward_temperature";

impl<const D: usize> DecoupledStraightThroughGumbelSoftmax<D> {
    /// From unnormalised log-probabilities (at forward temperature 1), and two temperatures; the backward form is
    /// [`DecoupledBackward::Perturbed`].
    ///
    /// # Errors
    /// [`Error::Shape`] without categories or if a temperature tensor does not broadcast to `[batch…, 1]`;
    /// [`Error::Parameter`] if a temperature lies outside [1e-6, 1e6].
    pub fn from_logits(
        logits: Tensor<D>,
        forward_temperature: impl Into<Temperature<D>>,
        backward_temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        Self::choosing(&OneHotCategorical::from_logits(logits)?, forward_temperature, backward_temperature)
    }

    /// From the probabilities at forward temperature 1; see [`OneHotCategorical::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] for values that are no probabilities; reads the
    /// device.
    pub fn from_probs(
        probs: Tensor<D>,
        forward_temperature: impl Into<Temperature<D>>,
        backward_temperature: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        Self::choosing(&OneHotCategorical::from_probs(probs)?, forward_temperature, backward_temperature)
    }

    fn choosing(
        law: &OneHotCategorical<D>,
        forward: impl Into<Temperature<D>>,
        backward: impl Into<Temperature<D>>,
    ) -> Result<Self> {
        let checked = |temperature: Temperature<D>, name| {
            temperature.checked(NAME, law.shape(), 1, law.dtype()).map_err(|error| renamed(error, name))
        };
        let (forward, backward) = (checked(forward.into(), FORWARD)?, checked(backward.into(), BACKWARD)?);
        let logits = law.logits().clone();
        // A huge number over a tiny temperature would leave no room for the noise.
        let largest = logits.clone().detach().max_dim(D - 1);
        let hard = OneHotCategorical::from_parameters(forward.divide(logits.clone() - largest));
        Ok(Self { logits, hard, forward, backward, form: DecoupledBackward::default() })
    }

    /// The same choice with another backward form.
    #[must_use]
    pub fn with_backward(self, form: DecoupledBackward) -> Self {
        Self { form, ..self }
    }

    /// The parameters as given.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        &self.logits
    }

    /// The temperature of the choice, `τ_f`.
    #[must_use]
    pub const fn forward_temperature(&self) -> &Temperature<D> {
        &self.forward
    }

    /// The temperature of the gradient, `τ_b`.
    #[must_use]
    pub const fn backward_temperature(&self) -> &Temperature<D> {
        &self.backward
    }

    /// Whose gradient a sample has.
    #[must_use]
    pub const fn backward(&self) -> DecoupledBackward {
        self.form
    }

    /// The law of the samples, `Cat(softmax(φ/τ_f))`.
    #[must_use]
    pub fn hard(&self) -> OneHotCategorical<D> {
        self.hard.clone()
    }

    /// The hard sample that Gumbel `noise` becomes, with the gradient of the backward form.
    ///
    /// # Panics
    /// If `noise` does not have the shape of the logits.
    #[track_caller]
    pub fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        assert_eq!(noise.dims(), self.shape(), "{NAME}: noise must have the shape of the logits");
        let noise = noise.inner();
        let hard = one_hot_argmax(self.hard.logits().clone().inner() + noise.clone());
        let scores = match self.form {
            DecoupledBackward::Perturbed => self.logits.clone() + on_device(noise, &self.device()),
            DecoupledBackward::Probabilities => self.logits.clone(),
        };
        let soft = activation::softmax(self.backward.divide(scores), D - 1);
        straight_through(on_device(hard, &self.device()), soft)
    }

    /// One hard draw for each element, with the gradient of the backward form.
    pub fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        self.transport(noise.draw(Base::Gumbel, self.shape(), (&self.device(), self.dtype())))
    }

    fn check(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", &self.logits, f64::is_finite)?;
        self.forward.validate(NAME).map_err(|error| renamed(error, FORWARD))?;
        self.backward.validate(NAME).map_err(|error| renamed(error, BACKWARD))
    }
}

/// The same error about the parameter `name`.
fn renamed(error: Error, name: &'static str) -> Error {
    match error {
        Error::Parameter { subject, requirement, got, .. } => {
            Error::Parameter { subject, parameter: name, requirement, got }
        }
        Error::Shape { subject, requirement, got, .. } => Error::Shape { subject, parameter: name, requirement, got },
        Error::Values { subject, requirement, example, count, .. } => {
            Error::Values { subject, parameter: name, requirement, example, count }
        }
        other @ Error::Syntax { .. } => other,
    }
}

one_hot_choice!(DecoupledStraightThroughGumbelSoftmax);
replicate!(DecoupledStraightThroughGumbelSoftmax { logits, hard, forward, backward } form);
