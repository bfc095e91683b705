//! The objective itself, at the relaxed sample.

use burn::tensor::Tensor;

use super::{ControlVariate, assert_parameters};
use crate::objective::Objective;
use crate::relaxation::Relaxation;

/// REBAR's control variate: the objective at the relaxed sample, scaled.
///
/// ```text
/// c(z) = η f(squash(z))
/// ```
///
/// A scale that records a gradient is its one parameter. The relaxation's temperature may record one too: both are tuned
/// by [`Estimate::tuning`](crate::estimator::Estimate).
///
/// # Examples
/// ```
/// use relaxit::{control::{ControlVariate, RelaxedObjective}, prelude::*};
/// let device = Device::flex();
/// let control = RelaxedObjective::new(Tensor::ones([1], &device));
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([3, 2], &device), 0.5)?;
/// let c = control.value(&at, Tensor::zeros([3, 2], &device), &|y: Tensor<2>| y.sum_dim(1));
/// assert_eq!(c.max().into_scalar::<f32>(), 1.0);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`].
#[derive(Clone, Debug)]
pub struct RelaxedObjective {
    scale: Tensor<1>,
}

impl RelaxedObjective {
    /// Scaled by `η`, a tensor of one element.
    #[must_use]
    pub const fn new(scale: Tensor<1>) -> Self {
        Self { scale }
    }

    /// The scale `η`.
    #[must_use]
    pub const fn scale(&self) -> &Tensor<1> {
        &self.scale
    }
}

impl<R: Relaxation<D>, const D: usize> ControlVariate<R, D> for RelaxedObjective {
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D> {
        f.evaluate(at.squash(z)) * self.scale.clone().reshape([1; D])
    }

    fn parameters(&self) -> Vec<Tensor<1>> {
        if self.scale.is_require_grad() { vec![self.scale.clone()] } else { Vec::new() }
    }

    #[track_caller]
    fn set_parameters(&mut self, mut parameters: Vec<Tensor<1>>) {
        assert_parameters(&ControlVariate::<R, D>::parameters(self), &parameters);
        if let Some(scale) = parameters.pop() {
            self.scale = scale;
        }
    }
}
