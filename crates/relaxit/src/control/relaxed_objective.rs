//! The objective itself, at the relaxed sample.

use burn::tensor::Tensor;

use super::ControlVariate;
use crate::objective::Objective;
use crate::relaxation::Relaxation;

/// REBAR's control variate: the objective at the relaxed sample, scaled.
///
/// ```text
/// c(z) = η f(squash(z))
/// ```
///
/// The scale may carry a gradient, and so may the relaxation's temperature: both are tuned by
/// [`Estimate::tuning`](crate::estimator::Estimate).
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
}
