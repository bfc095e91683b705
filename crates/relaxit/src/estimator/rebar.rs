//! REBAR, with scale and temperature learned.

use burn::tensor::{Tensor, TensorCreationOptions};

use super::{Bias, Estimate, Estimator, LearnedTemperature, Relax};
use crate::control::{RelaxedObjective, TowardsMean};
use crate::error::Result;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{REBAR, Reference};
use crate::relaxation::Tempered;

/// REBAR: [`Relax`] with the relaxed objective as control variate, whose scale η and temperature λ are learned.
///
/// ```text
/// ĝ = [f(b) − η f(y(z̃))] ∇ log p(b) + η ∇f(y(z)) − η ∇f(y(z̃)),   y(z) = squash(z) at temperature λ
/// ```
///
/// # Gradient
/// Unbiased for all η and λ. Needs an `f` that is differentiable between the discrete values. Both are trained by
/// `tuning`, as logarithms: the parameters are `ln λ`, `ln η`, and the offset if there is one.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) if the temperature to start from lies outside [1e-6, 1e6].
///
/// # Examples
/// ```
/// use relaxit::{control::Tuner, estimator::Rebar, prelude::*, schedule::Anneal};
/// let device = Device::flex().autodiff();
/// let mut rebar = Rebar::new(0.5, &device)?;
/// let mut tuner = Tuner::new(Anneal::Constant(0.01))?;
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::full([64, 3], -2.0, &device).require_grad(), 1.0)?;
/// let f = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
/// let mut noise = Noise::seeded(0);
/// for _ in 0..10 {
///     let estimate = rebar.estimate(&at, &f, &mut noise);
///     // … step the model with `estimate.surrogate`, and then
///     tuner.step::<RelaxedBernoulli<2>, 2>(&mut rebar, estimate.tuning.unwrap());
/// }
/// assert_ne!(rebar.temperature().into_scalar::<f32>(), 0.5);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`].
#[derive(Clone, Debug)]
pub struct Rebar<C = RelaxedObjective>(LearnedTemperature<Relax<C>>);

impl Rebar {
    /// From a temperature to start at, and a scale of 1. REBAR's own code starts at 0.5.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
    pub fn new(temperature: f64, options: impl Into<TensorCreationOptions>) -> Result<Self> {
        let options = options.into();
        let control = RelaxedObjective::learned(options.clone());
        Ok(Self(LearnedTemperature::new(Relax::new(control), temperature, options)?))
    }

    /// With a learned offset: `c = η f(y) + κ`, which not the paper has but every baseline is.
    #[must_use]
    pub fn with_offset(self) -> Self {
        Self(self.0.map(|relax| relax.map(RelaxedObjective::with_learned_offset)))
    }

    /// With relaxed samples that tend to the mean of `b` at high temperatures: REBAR then tends to `MuProp`.
    #[must_use]
    pub fn towards_mean(self) -> Rebar<TowardsMean<RelaxedObjective>> {
        Rebar(self.0.map(|relax| relax.map(TowardsMean)))
    }
}

impl<C> Rebar<C> {
    /// With `z̃` drawn from fresh noise; see [`Relax::uncoupled`].
    #[must_use]
    pub fn uncoupled(self) -> Self {
        Self(self.0.map(Relax::uncoupled))
    }

    /// The temperature λ, of one element.
    #[must_use]
    pub fn temperature(&self) -> Tensor<1> {
        self.0.temperature()
    }

    /// The control variate, which knows the scale.
    pub const fn control(&self) -> &C {
        self.0.estimator().control()
    }
}

impl<R: Tempered<D>, C, const D: usize> Estimator<R, D> for Rebar<C>
where
    Relax<C>: Estimator<R, D>,
{
    fn name(&self) -> &'static str {
        "rebar"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[REBAR]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        self.0.estimate(at, f, noise)
    }

    fn parameters(&self) -> Vec<Tensor<1>> {
        self.0.parameters()
    }

    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.0.set_parameters(parameters);
    }
}
