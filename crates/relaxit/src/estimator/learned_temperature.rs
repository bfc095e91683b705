//! A control variate's temperature, learned with it.

use burn::tensor::{DType, Tensor, TensorCreationOptions};

use super::{Bias, Estimate, Estimator};
use crate::control::{assert_parameters, learned_number};
use crate::error::Result;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::Reference;
use crate::relaxation::Tempered;
use crate::temperature::Temperature;

/// An estimator at a temperature of its own that is learned: for [`Relax`](super::Relax), whose control variate alone
/// depends on it.
///
/// The temperature of the relaxation that is estimated at plays no part. The parameter is the logarithm of the
/// temperature, and comes before those of the inner estimator.
///
/// # Gradient
/// That of the inner estimator, whose `tuning` trains the temperature.
///
/// # Numerics
/// Learning stops at the ends of [1e-6, 1e6].
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) if the temperature to start from lies outside [1e-6, 1e6].
///
/// # Examples
/// RELAX as in its paper: the relaxed objective and a network, at a learned temperature.
/// ```
/// use relaxit::control::{Network, RelaxedObjective, Sum, Tuner};
/// use relaxit::{estimator::{LearnedTemperature, Relax}, prelude::*, schedule::Anneal};
/// let device = Device::flex().autodiff();
/// let network = Network::new(&[3], &[10], &mut Noise::seeded(0), &device)?;
/// let control = Sum(RelaxedObjective::learned(&device), network);
/// let mut relax = LearnedTemperature::new(Relax::new(control), 0.5, &device)?;
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([64, 3], &device).require_grad(), 1.0)?;
/// let f = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
/// let mut tuner = Tuner::new(Anneal::Constant(0.01))?;
/// let estimate = relax.estimate(&at, &f, &mut Noise::seeded(1));
/// tuner.step::<RelaxedBernoulli<2>, 2>(&mut relax, estimate.tuning.unwrap());
/// assert_ne!(relax.temperature().into_scalar::<f32>(), 0.5);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`], [`crate::reference::RELAX`].
#[derive(Clone, Debug)]
pub struct LearnedTemperature<E> {
    log: Tensor<1>,
    estimator: E,
}

impl<E> LearnedTemperature<E> {
    /// From a temperature to start at.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if it lies outside [1e-6, 1e6].
    pub fn new(estimator: E, temperature: f64, options: impl Into<TensorCreationOptions>) -> Result<Self> {
        Temperature::<1>::from(temperature).checked("LearnedTemperature", [1], 0, DType::F32)?;
        Ok(Self { log: learned_number(temperature.ln(), options), estimator })
    }

    /// The temperature, of one element.
    #[must_use]
    pub fn temperature(&self) -> Tensor<1> {
        let (smallest, largest) = Temperature::<1>::RANGE.into_inner();
        self.log.clone().exp().clamp(smallest, largest)
    }

    /// The inner estimator.
    pub const fn estimator(&self) -> &E {
        &self.estimator
    }

    /// The same temperature for another estimator.
    pub(super) fn map<F>(self, change: impl FnOnce(E) -> F) -> LearnedTemperature<F> {
        LearnedTemperature { log: self.log, estimator: change(self.estimator) }
    }
}

impl<R: Tempered<D>, E: Estimator<R, D>, const D: usize> Estimator<R, D> for LearnedTemperature<E> {
    fn name(&self) -> &'static str {
        self.estimator.name()
    }

    fn bias(&self) -> Bias {
        self.estimator.bias()
    }

    fn references(&self) -> &'static [Reference] {
        self.estimator.references()
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let at = at.with_temperature(self.temperature().reshape([1; D]));
        self.estimator.estimate(&at.expect("one number broadcasts to every shape"), f, noise)
    }

    /// The logarithm of the temperature, then those of the inner estimator.
    fn parameters(&self) -> Vec<Tensor<1>> {
        [vec![self.log.clone()], self.estimator.parameters()].concat()
    }

    #[track_caller]
    fn set_parameters(&mut self, mut parameters: Vec<Tensor<1>>) {
        let inner = parameters.split_off(1.min(parameters.len()));
        assert_parameters(std::slice::from_ref(&self.log), &parameters);
        self.estimator.set_parameters(inner);
        self.log = parameters.remove(0);
    }
}
