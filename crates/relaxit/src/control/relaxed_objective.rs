//! The objective itself, at the relaxed sample.

use burn::tensor::{Tensor, TensorCreationOptions};

use super::{ControlVariate, assert_parameters, learned_number};
use crate::objective::Objective;
use crate::relaxation::Relaxation;

/// REBAR's control variate: the objective at the relaxed sample, scaled, and moved by an offset if it has one.
///
/// ```text
/// c(z) = η f(squash(z)) + κ
/// ```
///
/// A scale or an offset that records a gradient is a parameter, and so is the logarithm of a
/// [`learned`](Self::learned) scale. The relaxation's temperature may record a gradient too: all are tuned by
/// [`Estimate::tuning`](crate::estimator::Estimate).
///
/// The offset is a learned baseline: what `f` is on average costs variance that no multiple of a relaxed `f` takes away,
/// where that is smaller between the outcomes than at them.
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
    scale: Scale,
    offset: Option<Tensor<1>>,
}

#[derive(Clone, Debug)]
enum Scale {
    /// η.
    Linear(Tensor<1>),
    /// ln η.
    Log(Tensor<1>),
}

impl RelaxedObjective {
    /// Scaled by `η`, a tensor of one element.
    #[must_use]
    pub const fn new(scale: Tensor<1>) -> Self {
        Self { scale: Scale::Linear(scale), offset: None }
    }

    /// With a scale that starts at 1 and is learned. Its parameter is the logarithm: the best scale is a matter of
    /// orders of magnitude (near 1 at low temperatures, about 100 for REBAR's toy problem at high ones), and follows the
    /// objective's own sign.
    pub fn learned(options: impl Into<TensorCreationOptions>) -> Self {
        Self { scale: Scale::Log(learned_number(0.0, options)), offset: None }
    }

    /// Moved by `κ`, a tensor of one element.
    #[must_use]
    pub fn with_offset(self, offset: Tensor<1>) -> Self {
        Self { offset: Some(offset), ..self }
    }

    /// Moved by an offset that starts at 0 and is learned.
    #[must_use]
    pub fn with_learned_offset(self) -> Self {
        let (Scale::Linear(scale) | Scale::Log(scale)) = &self.scale;
        let offset = learned_number(0.0, (&scale.device(), scale.dtype()));
        self.with_offset(offset)
    }

    /// The scale `η`.
    #[must_use]
    pub fn scale(&self) -> Tensor<1> {
        match &self.scale {
            Scale::Linear(scale) => scale.clone(),
            Scale::Log(log) => log.clone().exp(),
        }
    }

    /// The offset `κ`, if there is one.
    #[must_use]
    pub const fn offset(&self) -> Option<&Tensor<1>> {
        self.offset.as_ref()
    }

    fn trained(&self) -> impl Iterator<Item = &Tensor<1>> {
        let (Scale::Linear(scale) | Scale::Log(scale)) = &self.scale;
        std::iter::once(scale).chain(&self.offset).filter(|tensor| tensor.is_require_grad())
    }
}

impl<R: Relaxation<D>, const D: usize> ControlVariate<R, D> for RelaxedObjective {
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D> {
        let dtype = z.dtype();
        let number = |tensor: Tensor<1>| tensor.cast(dtype).reshape([1; D]);
        let scaled = f.evaluate_relaxed(at.squash(z)) * number(self.scale());
        match &self.offset {
            Some(offset) => scaled + number(offset.clone()),
            None => scaled,
        }
    }

    /// The scale or its logarithm, then the offset: those that record a gradient.
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.trained().cloned().collect()
    }

    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&ControlVariate::<R, D>::parameters(self), &parameters);
        let (Scale::Linear(scale) | Scale::Log(scale)) = &mut self.scale;
        let trained = std::iter::once(scale).chain(&mut self.offset).filter(|tensor| tensor.is_require_grad());
        trained.zip(parameters).for_each(|(old, new)| *old = new);
    }
}
