//! Control variates: functions of the latent that follow the objective, and take variance away.

mod network;
mod relaxed_objective;
mod towards_mean;
mod tuner;

use burn::tensor::{Device, Tensor, TensorCreationOptions};

pub use self::network::Network;
pub use self::relaxed_objective::RelaxedObjective;
pub use self::towards_mean::TowardsMean;
pub use self::tuner::{Moments, Tuner, TunerState};

use crate::math::on_device;
use crate::objective::Objective;
use crate::relaxation::Tangent;

/// A differentiable function `c(z)` of a relaxation's latent, one number for each row.
///
/// Any closure of the relaxation, the latent and the objective is one: a network over `z`, say. For
/// [`Lax`](crate::estimator::Lax) it is one of a continuous law and its sample instead.
///
/// # Shapes
/// `z`: the latent's; the value: that of the objective, `[rows, 1…]`.
///
/// # Examples
/// ```
/// use relaxit::{control::ControlVariate, prelude::*};
/// fn usable<C: ControlVariate<RelaxedBernoulli<2>, 2>>(_: C) {}
/// usable(|_: &RelaxedBernoulli<2>, z: Tensor<2>, _: &dyn Objective<2>| z.tanh().sum_dim(1));
/// ```
pub trait ControlVariate<R, const D: usize> {
    /// `c(z)` at the relaxation (or the law) `at`, for the objective `f`.
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D>;

    /// The derivative of `c`, if it is known: `None`, by default, leaves it to differences.
    fn slope(&self) -> Option<&dyn Slope<R, D>> {
        None
    }

    /// What a [`Tuner`] trains; see [`Estimator::parameters`](crate::estimator::Estimator::parameters).
    fn parameters(&self) -> Vec<Tensor<1>> {
        Vec::new()
    }

    /// Replaces them, in the same order.
    ///
    /// # Panics
    /// If the number or the lengths differ.
    #[track_caller]
    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        assert_parameters(&[], &parameters);
    }
}

/// The derivative of a control variate that knows it, pushed forward so that it can be differentiated once more, as that of
/// a [`Network`].
pub trait Slope<R, const D: usize> {
    /// The derivative of `c(z)` at the relaxation `at` when `z` moves along `tangent`, differentiable in the parameters.
    fn along(&self, at: &R, z: Tensor<D>, tangent: &Tangent<D>) -> Tensor<D>;
}

/// A leaf that records its gradient, on the autodiff side of `device`.
pub(crate) fn learned(x: Tensor<1>, device: &Device) -> Tensor<1> {
    on_device(x, &device.clone().autodiff()).require_grad()
}

/// A learned tensor of one element.
pub(crate) fn learned_number(value: f64, options: impl Into<TensorCreationOptions>) -> Tensor<1> {
    let options = options.into();
    let inner = options.clone().with_device(options.device.clone().without_autodiff());
    learned(Tensor::full([1], value, inner), &options.device)
}

/// Replacements must fit what they replace.
#[track_caller]
pub(crate) fn assert_parameters(old: &[Tensor<1>], new: &[Tensor<1>]) {
    let lengths = |tensors: &[Tensor<1>]| tensors.iter().map(|tensor| tensor.dims()[0]).collect::<Vec<_>>();
    assert_eq!(lengths(new), lengths(old), "set_parameters: new parameters must have number and lengths of the old");
}

impl<R, C, const D: usize> ControlVariate<R, D> for C
where
    C: Fn(&R, Tensor<D>, &dyn Objective<D>) -> Tensor<D>,
{
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D> {
        self(at, z, f)
    }
}

/// The sum of two control variates, such as REBAR's and a network's.
///
/// # Examples
/// ```
/// use relaxit::control::{Network, RelaxedObjective, Sum};
/// use relaxit::{estimator::Relax, prelude::*};
/// let device = Device::flex().autodiff();
/// let scale = Tensor::<1>::ones([1], &device).require_grad();
/// let network = Network::new(&[3], &[10], &mut Noise::seeded(0), &device)?; // rows of three bits
/// let relax = Relax::new(Sum(RelaxedObjective::new(scale), network));
/// let parameters = Estimator::<RelaxedBernoulli<2>, 2>::parameters(&relax);
/// let lengths: Vec<usize> = parameters.iter().map(|parameter| parameter.dims()[0]).collect();
/// assert_eq!(lengths, [1, 3 * 10 + 10 + 10 + 1]);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sum<A, B>(pub A, pub B);

impl<R, A, B, const D: usize> ControlVariate<R, D> for Sum<A, B>
where
    A: ControlVariate<R, D>,
    B: ControlVariate<R, D>,
{
    fn value(&self, at: &R, z: Tensor<D>, f: &dyn Objective<D>) -> Tensor<D> {
        self.0.value(at, z.clone(), f) + self.1.value(at, z, f)
    }

    /// The first's, then the second's.
    fn parameters(&self) -> Vec<Tensor<1>> {
        [self.0.parameters(), self.1.parameters()].concat()
    }

    fn set_parameters(&mut self, mut parameters: Vec<Tensor<1>>) {
        let second = parameters.split_off(self.0.parameters().len().min(parameters.len()));
        self.0.set_parameters(parameters);
        self.1.set_parameters(second);
    }
}
