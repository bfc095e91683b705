//! What trains the parameters of control variates and baselines.

use std::fmt;

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::learned;
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::relaxation::Relaxation;
use crate::schedule::Schedule;

/// Trains an estimator's own parameters along [`Estimate::tuning`](crate::estimator::Estimate), with Adam.
///
/// ```text
/// m ← 0.9 m + 0.1 g,   v ← 0.999 v + 0.001 g²,   φ ← φ − rate · m̂ / (√v̂ + 1e-8),   g = ∇_φ tuning
/// ```
///
/// It keeps to the estimator's parameters: those of the model and of the objective are left alone.
///
/// # Numerics
/// An entry of the gradient that is not finite counts as 0, so that one bad batch does not stay in the moments for ever.
/// A rate that is not a finite positive number moves nothing.
///
/// # Errors
/// [`Error::Parameter`] for a learning rate that starts negative or not finite, or a largest norm that is not positive.
///
/// # Examples
/// ```
/// use relaxit::{control::{RelaxedObjective, Tuner}, estimator::Relax, prelude::*, schedule::Anneal};
/// let device = Device::flex().autodiff();
/// let eta = Tensor::<1>::ones([1], &device).require_grad();
/// let mut rebar: Box<dyn Estimator<RelaxedBernoulli<2>, 2>> = Box::new(Relax::new(RelaxedObjective::new(eta)));
/// let mut tuner = Tuner::new(Anneal::Constant(0.01))?;
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([64, 3], &device).require_grad(), 0.5)?;
/// let f = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
/// let estimate = rebar.estimate(&at, &f, &mut Noise::seeded(0));
/// tuner.step(&mut *rebar, estimate.tuning.unwrap());
/// let eta = rebar.parameters().remove(0).into_scalar::<f32>();
/// assert!(((eta - 1.0).abs() - 0.01).abs() < 1e-5); // the first step of Adam has the length of the rate
/// # Ok::<(), relaxit::Error>(())
/// ```
pub struct Tuner {
    learning_rate: Box<dyn Schedule>,
    largest_norm: Option<f64>,
    adam: Adam,
    moments: Option<AdamState<1>>,
}

/// What a checkpoint must hold to continue a training of control variates: the parameters, and what [`Tuner`] remembers.
///
/// # Examples
/// ```
/// use relaxit::{control::{RelaxedObjective, Tuner}, estimator::Relax, prelude::*, schedule::Anneal};
/// type Bits = dyn Estimator<RelaxedBernoulli<2>, 2>;
/// let scaled = |eta: f32| {
///     let eta = Tensor::<1>::full([1], eta, &Device::flex().autodiff()).require_grad();
///     Relax::new(RelaxedObjective::new(eta))
/// };
/// let (mut trained, mut fresh) = (scaled(0.7), scaled(1.0));
/// let state = Tuner::new(Anneal::Constant(0.01))?.state::<RelaxedBernoulli<2>, 2>(&trained);
/// Tuner::new(Anneal::Constant(0.01))?.resume(state, &mut fresh as &mut Bits)?;
/// let [old, new] = [&mut trained as &mut Bits, &mut fresh].map(|estimator| estimator.parameters().remove(0));
/// assert_eq!(new.into_scalar::<f32>(), old.into_scalar::<f32>());
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunerState {
    /// The parameters of the estimator, in its order.
    pub parameters: Vec<TensorData>,
    /// What Adam remembers, once it made a step.
    pub moments: Option<Moments>,
}

/// What Adam remembers of all parameters, laid end to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many steps were made.
    pub steps: usize,
    /// The average of the gradient.
    pub first: TensorData,
    /// The average of its square.
    pub second: TensorData,
}

const NAME: &str = "Tuner";

impl Tuner {
    /// With a learning rate for each of its steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a rate that starts negative or not finite.
    pub fn new(learning_rate: impl Schedule + 'static) -> Result<Self> {
        let start = learning_rate.at(0);
        if !(start.is_finite() && start >= 0.0) {
            let requirement = "finite and not negative";
            return Err(Error::Parameter { subject: NAME, parameter: "learning_rate", requirement, got: start });
        }
        let adam = AdamConfig::new().with_epsilon(1e-8).build();
        Ok(Self { learning_rate: Box::new(learning_rate), largest_norm: None, adam, moments: None })
    }

    /// Shortens the gradient of all parameters together to a largest Euclidean norm.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless it is positive; infinity shortens nothing.
    pub fn with_largest_norm(self, largest_norm: f64) -> Result<Self> {
        if largest_norm > 0.0 {
            return Ok(Self { largest_norm: Some(largest_norm), ..self });
        }
        let requirement = "positive";
        Err(Error::Parameter { subject: NAME, parameter: "largest_norm", requirement, got: largest_norm })
    }

    /// How many steps were made.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.moments.as_ref().map_or(0, |moments| moments.momentum.time)
    }

    /// One step of the estimator's parameters down `tuning`; nothing for an estimator without any.
    ///
    /// # Panics
    /// If the estimator has other parameters than at the step before.
    pub fn step<R: Relaxation<D>, const D: usize>(&mut self, estimator: &mut dyn Estimator<R, D>, tuning: Tensor<1>) {
        estimator.set_parameters(self.descend(estimator.parameters(), tuning));
    }

    /// The parameters one step down `tuning`, for those that no [`Estimator`] holds, such as those of
    /// [`Layered`](crate::estimator::Layered) or of [`Lax`](crate::estimator::Lax)'s control variate; as they are, if
    /// `tuning` depends on none.
    ///
    /// # Panics
    /// If they are others than at the step before.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // `backward` consumes its tape
    pub fn descend(&mut self, parameters: Vec<Tensor<1>>, tuning: Tensor<1>) -> Vec<Tensor<1>> {
        if parameters.is_empty() || !tuning.is_tracked() {
            return parameters;
        }
        let gradients = tuning.backward();
        let gradient = |leaf: &Tensor<1>| leaf.grad(&gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
        let gradient = self.shortened(Tensor::cat(parameters.iter().map(gradient).collect(), 0));
        let values = Tensor::cat(parameters.iter().cloned().map(Tensor::inner).collect(), 0);
        let rate = self.learning_rate.at(self.steps());
        let rate = if rate.is_finite() { rate.max(0.0) } else { 0.0 };
        let (values, moments) = self.adam.step(rate, values, gradient, self.moments.take());
        self.moments = moments;

        let lengths: Vec<usize> = parameters.iter().map(|leaf| leaf.dims()[0]).collect();
        let parts = values.split_with_sizes(lengths, 0).into_iter().zip(&parameters);
        parts.map(|(part, old)| learned(part, &old.device())).collect()
    }

    fn shortened(&self, gradient: Tensor<1>) -> Tensor<1> {
        let not_finite = gradient.clone().is_finite().bool_not();
        let gradient = gradient.mask_fill(not_finite, 0.0);
        match self.largest_norm {
            None => gradient,
            Some(largest) => {
                // By the largest entry first, so that no square overflows.
                let scale = gradient.clone().abs().max().clamp_min(f64::from(f32::MIN_POSITIVE));
                let norm = (gradient.clone() / scale.clone()).square().sum().sqrt() * scale;
                gradient * (norm.clamp_min(f64::from(f32::MIN_POSITIVE)).recip() * largest).clamp_max(1.0)
            }
        }
    }

    /// What a checkpoint must hold to continue training `estimator`. Reads the device.
    #[must_use]
    pub fn state<R: Relaxation<D>, const D: usize>(&self, estimator: &dyn Estimator<R, D>) -> TunerState {
        self.state_with(&estimator.parameters())
    }

    /// The same for any parameters.
    #[must_use]
    pub fn state_with(&self, parameters: &[Tensor<1>]) -> TunerState {
        let moments = self.moments.as_ref().map(|AdamState { momentum }| Moments {
            steps: momentum.time,
            first: momentum.moment_1.to_data(),
            second: momentum.moment_2.to_data(),
        });
        TunerState { parameters: parameters.iter().map(Tensor::to_data).collect(), moments }
    }

    /// Puts a state back, into an estimator that was built as the one it was taken from: training then continues to the
    /// same bits.
    ///
    /// # Errors
    /// [`Error::Shape`] if the state is of an estimator with other parameters; then nothing was changed.
    pub fn resume<R: Relaxation<D>, const D: usize>(
        &mut self,
        state: TunerState,
        estimator: &mut dyn Estimator<R, D>,
    ) -> Result<()> {
        estimator.set_parameters(self.resume_with(state, &estimator.parameters())?);
        Ok(())
    }

    /// The same for any parameters: returns what replaces `old`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the state is of other parameters; then nothing was changed.
    pub fn resume_with(&mut self, state: TunerState, old: &[Tensor<1>]) -> Result<Vec<Tensor<1>>> {
        let lengths: Vec<usize> = old.iter().map(|leaf| leaf.dims()[0]).collect();
        let total: usize = lengths.iter().sum();
        fits("state.parameters", &state.parameters.iter().collect::<Vec<_>>(), &lengths)?;
        if let Some(Moments { first, second, .. }) = &state.moments {
            fits("state.moments", &[first, second], &[total, total])?;
        }

        let tensor = |data: TensorData, like: &Tensor<1>| {
            Tensor::<1>::from_data(data, (&like.device().without_autodiff(), like.dtype()))
        };
        self.moments = state.moments.zip(old.first()).map(|(moments, leaf)| {
            let (first, second) = (tensor(moments.first, leaf), tensor(moments.second, leaf));
            AdamState { momentum: AdaptiveMomentumState::new(moments.steps, first, second) }
        });
        let parameters = state.parameters.into_iter().zip(old);
        Ok(parameters.map(|(data, leaf)| learned(tensor(data, leaf), &leaf.device())).collect())
    }
}

impl fmt::Debug for Tuner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME)
            .field("steps", &self.steps())
            .field("largest_norm", &self.largest_norm)
            .finish_non_exhaustive()
    }
}

/// Refuses tensors that are no vectors of these lengths.
fn fits(parameter: &'static str, tensors: &[&TensorData], lengths: &[usize]) -> Result<()> {
    let shapes = tensors.iter().map(|data| data.shape().as_slice());
    if shapes.clone().eq(lengths.iter().map(std::slice::from_ref)) {
        return Ok(());
    }
    let requirement = format!("the lengths {lengths:?} that the estimator's parameters need");
    Err(Error::Shape { subject: NAME, parameter, requirement, got: shapes.flatten().copied().collect() })
}
