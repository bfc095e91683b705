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
