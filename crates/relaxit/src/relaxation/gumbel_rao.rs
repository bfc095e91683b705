//! The Gumbel–Rao estimator.

use burn::tensor::{DType, Device, Tensor, activation};

use super::one_hot_choice::one_hot_choice;
use super::{ConditionalRelaxation, Relaxation, RelaxedOneHotCategorical, straight_through};
use crate::distribution::{
    Density, Distribution, Entropy, Enumerable, KlDivergence, Mode, Moments, OneHotCategorical, replicate,
};
use crate::error::{Error, Result, check_values};
use crate::noise::{Base, Noise};
use crate::support::Support;
use crate::temperature::Temperature;

/// The Gumbel–Rao choice among K: straight-through Gumbel-Softmax, its noise averaged out given the choice.
///
/// ```text
/// forward    D ~ Cat(softmax(φ)),   φ = logits
/// backward   1/S Σₛ ∂ softmax((φ + Gₛ)/τ)/∂φ,   Gₛ ~ Gumbel(0, 1) given argmax(φ + Gₛ) = D
/// ```
///
/// `S` is the number of `draws`. The derivative is taken at each `Gₛ` held fixed, not through its dependence on φ given
/// `D`: only so is the average a Rao–Blackwell one, with the straight-through estimator itself (in law) at S = 1 and the
/// same expectation at every S. Adding the derivative of `Gₛ | D` would give another estimator, whose expectation
/// differs.
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-probabilities: `[batch…, 1]`; a temperature tensor: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// Biased, for linear objectives too, by exactly as much as straight-through Gumbel-Softmax at the same temperature; the
/// variance falls with S to that of the conditional expectation. Flows into the logits only. Costs S softmaxes.
///
/// # Numerics
/// The conditional noise is drawn as gaps to the winner, which never are negative; finite for every finite logit and
/// temperature.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::GumbelRao;
/// let logits = Tensor::<2>::zeros([4, 3], &Device::flex().autodiff()).require_grad();
/// let b = GumbelRao::from_logits(logits.clone(), 0.5, 10)?.rsample(&mut Noise::seeded(0));
/// assert_eq!(b.clone().sum().into_scalar::<f32>(), 4.0);
/// assert!(logits.grad(&b.slice_dim(1, 0).sum().backward()).unwrap().slice_dim(1, 0).min().into_scalar::<f32>() > 0.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GUMBEL_RAO`], section 4; conditional Gumbels: [`crate::reference::A_STAR_SAMPLING`].
#[derive(Clone, Debug)]
pub struct GumbelRao<const D: usize> {
    hard: OneHotCategorical<D>,
    relaxed: RelaxedOneHotCategorical<D>,
    draws: usize,
}

const NAME: &str = "GumbelRao";

impl<const D: usize> GumbelRao<D> {
    /// From unnormalised log-probabilities, the temperature of the gradient and the number of conditional draws.
    ///
    /// # Errors
    /// [`Error::Shape`] without categories or if a temperature tensor does not broadcast to `[batch…, 1]`;
    /// [`Error::Parameter`] if the temperature lies outside [1e-6, 1e6] or `draws` is 0.
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>, draws: usize) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_logits(logits)?, temperature, draws)
    }

    /// From probabilities; see [`OneHotCategorical::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`] for values that are no probabilities; reads the
    /// device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>, draws: usize) -> Result<Self> {
        Self::choosing(OneHotCategorical::from_probs(probs)?, temperature, draws)
    }

    fn choosing(hard: OneHotCategorical<D>, temperature: impl Into<Temperature<D>>, draws: usize) -> Result<Self> {
        if draws == 0 {
            return Err(Error::Parameter { subject: NAME, parameter: "draws", requirement: "at least 1", got: 0.0 });
        }
        let temperature = temperature.into().checked(NAME, hard.shape(), 1, hard.dtype())?;
        let relaxed = RelaxedOneHotCategorical::from_logits(hard.logits().clone(), temperature)?;
        Ok(Self { hard, relaxed, draws })
    }

    /// The parameters as given: unnormalised log-probabilities.
    #[must_use]
    pub const fn logits(&self) -> &Tensor<D> {
        self.hard.logits()
    }

    /// The temperature of the gradient.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        self.relaxed.temperature()
    }

    /// How many conditional draws are averaged.
    #[must_use]
    pub const fn draws(&self) -> usize {
        self.draws
    }

    /// The law of the samples.
    #[must_use]
    pub fn hard(&self) -> OneHotCategorical<D> {
        self.hard.clone()
    }

    /// The value `b`, with the gradient that a sample of this value has, averaged over fresh draws.
    ///
    /// # Panics
    /// If `b` does not have the shape of the logits.
    #[track_caller]
    pub fn with_gradient(&self, b: Tensor<D>, noise: &mut Noise) -> Tensor<D> {
        assert_eq!(b.dims(), self.shape(), "{NAME}: `b` must have the shape of the logits");
        let b = b.detach();
        let logits = self.logits().clone();
        let fixed = self.relaxed.with_logits(logits.clone().detach());
        // The value 0, with the gradient of φ/τ at a fixed τ.
        let slope = self.temperature().detach().divide(logits.clone() - logits.detach());
        let one = |noise: &mut Noise| {
            let fresh = noise.draw(Base::Gumbel, self.shape(), (&self.device(), self.dtype()));
            let z = fixed.latent_given(b.clone(), fresh).detach();
            activation::softmax(z + slope.clone(), D - 1)
        };
        let first = one(noise);
        let sum = (1..self.draws).fold(first, |sum, _| sum + one(noise));
        straight_through(b.clone(), sum * (self.draws as f64).recip())
    }

    /// One hard draw for each element, with its gradient.
    pub fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        let b = self.hard.sample(noise);
        self.with_gradient(b, noise)
    }

    fn check(&self) -> Result<()> {
        check_values(NAME, "logits", "finite", self.logits(), f64::is_finite)?;
        self.temperature().validate(NAME)
    }
}

one_hot_choice!(GumbelRao);
replicate!(GumbelRao { hard, relaxed } draws);
