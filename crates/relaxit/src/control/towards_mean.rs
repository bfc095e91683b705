//! A control variate of relaxed samples that tend to the mean.

use burn::tensor::Tensor;

use super::ControlVariate;
use crate::objective::Objective;
use crate::relaxation::Tempered;

/// A control variate at latents moved towards the mean, as in the second half of REBAR's paper.
///
/// ```text
/// c(z + φ λ/(λ + 1))
/// ```
///
/// At high temperatures [`RelaxedObjective`](super::RelaxedObjective) becomes the objective at the mean of `b`, as in
/// `MuProp`, where it would otherwise become that of a fair coin. A relaxation that is corrected by itself,
/// [`RebarRelaxation`](crate::relaxation::RebarRelaxation), is left as it is.
///
/// # Examples
/// ```
/// use relaxit::{control::{ControlVariate, RelaxedObjective, TowardsMean}, prelude::*};
/// let device = Device::flex();
/// let control = TowardsMean(RelaxedObjective::new(Tensor::ones([1], &device)));
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::from_floats([[-2.0]], &device), 1e5)?;
/// let c = control.value(&at, Tensor::zeros([1, 1], &device), &|y: Tensor<2>| y);
/// assert!((c - at.hard().mean()).abs().max().into_scalar::<f32>() < 1e-4);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::REBAR`], "Rethinking the relaxation and a connection to `MuProp`".
#[derive(Clone, Debug)]
pub struct TowardsMean<C>(pub C);

impl<R: Tempered<D>, C: ControlVariate<R, D>, const D: usize> ControlVariate<R, D> for TowardsMean<C> {
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D> {
        self.0.value(at, at.towards_mean(z), f)
    }

    fn parameters(&self) -> Vec<Tensor<1>> {
        self.0.parameters()
    }

    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.0.set_parameters(parameters);
    }
}
