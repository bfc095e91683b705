//! Estimators that differentiate the objective itself, at a relaxed or at a hard sample.

use super::{Bias, Estimate, Estimator};
use crate::distribution::{Distribution, Moments};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{CONCRETE, GUMBEL_SOFTMAX, Reference, STRAIGHT_THROUGH};
use crate::relaxation::{Relaxation, straight_through};

/// The gradient through a relaxed sample: Concrete, Gumbel-Softmax.
///
/// ```text
/// ĝ = ∇ f(squash(z)),   z = g(ε; logits)
/// ```
///
/// # Gradient
/// Exact for `E[f(relaxed)]`, biased for `E[f(b)]`. Needs an `f` that is differentiable between the discrete values.
///
/// # Examples
/// ```
/// use relaxit::{estimator::{Bias, Pathwise}, prelude::*};
/// assert_eq!(Estimator::<RelaxedBernoulli<2>, 2>::bias(&Pathwise), Bias::Biased);
/// ```
///
/// # References
/// [`crate::reference::CONCRETE`], [`crate::reference::GUMBEL_SOFTMAX`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Pathwise;

/// The straight-through estimator: hard samples forward, the gradient of their mean backward.
///
/// ```text
/// ĝ = ∇f(b) ∂E[b]/∂logits
/// ```
///
/// # Gradient
/// Exact in expectation for linear `f`, biased otherwise.
///
/// # Examples
/// ```
/// use relaxit::{estimator::StraightThrough, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([1, 3], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let estimate = StraightThrough.estimate(&at, &|b: Tensor<2>| b.sum_dim(1), &mut Noise::seeded(0));
/// let gradient: Vec<f32> = logits.grad(&estimate.surrogate.backward()).unwrap().try_into_vec_as().unwrap();
/// assert_eq!(gradient, [0.25; 3]); // θ(1 − θ), whatever was drawn
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::STRAIGHT_THROUGH`].
#[derive(Clone, Copy, Debug, Default)]
pub struct StraightThrough;

/// Straight-through Gumbel-Softmax: hard samples forward, the gradient of the relaxed sample backward.
///
/// ```text
/// ĝ = ∇f(b) ∂squash(z)/∂logits,   b = H(z)
/// ```
///
/// # Gradient
/// Biased, even for linear `f`.
///
/// # Examples
/// ```
/// use relaxit::{estimator::StraightThroughPathwise, prelude::*};
/// let device = Device::flex().autodiff();
/// let at = RelaxedOneHotCategorical::from_logits(Tensor::<2>::zeros([8, 3], &device).require_grad(), 0.5)?;
/// let squares = |b: Tensor<2>| b.square().sum_dim(1);
/// let estimate = StraightThroughPathwise.estimate(&at, &squares, &mut Noise::seeded(0));
/// assert!((estimate.value - 1.0).abs().max().into_scalar::<f32>() < 1e-6); // the objective saw hard samples
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::GUMBEL_SOFTMAX`].
#[derive(Clone, Copy, Debug, Default)]
pub struct StraightThroughPathwise;

macro_rules! differentiates_the_objective {
    ($estimator:ident, $name:literal, $references:expr, [$($hard:tt)*], $evaluate:ident, |$at:ident, $noise:ident| $code:expr) => {
        impl<R, const D: usize> Estimator<R, D> for $estimator
        where
            R: Relaxation<D>,
            R::Hard: $($hard)*,
        {
            fn name(&self) -> &'static str {
                $name
            }

            fn bias(&self) -> Bias {
                Bias::Biased
            }

            fn references(&self) -> &'static [Reference] {
                $references
            }

            fn estimate(&mut self, $at: &R, f: &dyn Objective<D>, $noise: &mut Noise) -> Estimate<D> {
                let value = f.$evaluate($code);
                Estimate { value: value.clone().detach(), surrogate: value.mean(), tuning: None }
            }
        }
    };
}

differentiates_the_objective!(
    Pathwise,
    "pathwise",
    &[CONCRETE, GUMBEL_SOFTMAX],
    [Distribution<D>],
    evaluate_relaxed,
    |at, noise| at.rsample(noise)
);
differentiates_the_objective!(
    StraightThrough,
    "straight-through",
    &[STRAIGHT_THROUGH],
    [Moments<D>],
    evaluate,
    |at, noise| {
        let law = at.hard();
        straight_through(law.sample(noise), law.mean())
    }
);
differentiates_the_objective!(
    StraightThroughPathwise,
    "st-gumbel-softmax",
    &[GUMBEL_SOFTMAX],
    [Distribution<D>],
    evaluate,
    |at, noise| at.rsample_straight_through(noise)
);
