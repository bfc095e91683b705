//! Many independent copies of a law: an explicit view with leading dimensions.

use burn::tensor::{Shape, Tensor};

use super::Distribution;
use crate::temperature::Temperature;

/// A law that can be seen as many independent copies of itself, for many draws at once.
///
/// ```text
/// law over batch ++ event   ⟶   law over [draws, 1, …, 1] ++ batch ++ event
/// ```
///
/// There is no `sample_shape`: a law has as many draws as its shape says, and what needs more asks for a law of a higher
/// rank. The copies share their parameters and nothing else.
///
/// # Gradient
/// Parameters are views of those of the original, whose gradients are sums over all copies.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([5, 20], &device).require_grad();
/// let law = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let y = law.replicate::<3>(100).rsample(&mut Noise::seeded(0)); // a hundred draws of each element
/// assert_eq!(y.dims(), [100, 5, 20]);
/// assert_eq!(logits.grad(&y.mean_dim(0).sum().backward()).unwrap().dims(), [5, 20]);
/// # Ok::<(), relaxit::Error>(())
/// ```
pub trait Replicate<const D: usize>: Distribution<D> {
    /// The same law at rank `E`.
    type Lifted<const E: usize>: Distribution<E>;

    /// `draws` independent copies along a new first dimension; what is left of `E − D` new dimensions is 1.
    ///
    /// It does not compile unless `E` is larger than the rank of the law.
    #[must_use]
    fn replicate<const E: usize>(&self, draws: usize) -> Self::Lifted<E>;
}

/// What a law is made of, seen at a higher rank.
pub(crate) trait Lift<const D: usize> {
    type Lifted<const E: usize>;

    fn lift<const E: usize>(&self, draws: usize) -> Self::Lifted<E>;
}

impl<const D: usize> Lift<D> for Tensor<D> {
    type Lifted<const E: usize> = Tensor<E>;

    fn lift<const E: usize>(&self, draws: usize) -> Tensor<E> {
        const { assert!(E > D, "the rank of replicates must be larger than that of their law") }
        let mut shape = [1; E];
        shape[E - D..].copy_from_slice(&self.dims());
        shape[0] = draws;
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        self.clone().expand(Shape::from(shape))
    }
}

impl<const D: usize> Lift<D> for Temperature<D> {
    type Lifted<const E: usize> = Temperature<E>;

    fn lift<const E: usize>(&self, _draws: usize) -> Temperature<E> {
        match self {
            Self::Scalar(value) => Temperature::Scalar(*value),
            Self::Tensor(tensor) => Temperature::Tensor(tensor.clone().unsqueeze()),
        }
    }
}

impl<L: Replicate<D>, const D: usize> Lift<D> for L {
    type Lifted<const E: usize> = L::Lifted<E>;

    fn lift<const E: usize>(&self, draws: usize) -> L::Lifted<E> {
        self.replicate(draws)
    }
}

/// [`Replicate`] for a law by its fields: those in braces hold parameters over the batch, the others are the same in
/// every copy.
macro_rules! replicate {
    ($law:ident { $($part:tt),+ } $($same:ident),*) => {
        impl<const D: usize> $crate::distribution::Replicate<D> for $law<D> {
            type Lifted<const E: usize> = $law<E>;

            fn replicate<const E: usize>(&self, draws: usize) -> $law<E> {
                use $crate::distribution::Lift;
                $law { $($part: self.$part.lift(draws),)+ $($same: Clone::clone(&self.$same),)* }
            }
        }
    };
}
pub(crate) use replicate;
