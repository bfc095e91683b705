//! What a sample is judged by.

use std::cell::Cell;

use burn::tensor::Tensor;

/// A function of a discrete sample whose expectation is to be differentiated: any `Fn(Tensor<D>) -> Tensor<D>`.
///
/// # Shapes
/// From `[rows, variables…]` to `[rows, 1…]`: one number for each row, every other dimension kept as 1. The variables of
/// a row are judged together.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let ones = |b: Tensor<2>| b.sum_dim(1);
/// assert_eq!(ones.evaluate(Tensor::ones([3, 5], &Device::flex())).dims(), [3, 1]);
/// ```
pub trait Objective<const D: usize> {
    /// The value of each row.
    fn evaluate(&self, b: Tensor<D>) -> Tensor<D>;

    /// The value of each row at a relaxed sample, for control variates and pathwise gradients: by default the same
    /// function. An objective that samples further variables from `b` may relax those too.
    fn evaluate_relaxed(&self, y: Tensor<D>) -> Tensor<D> {
        self.evaluate(y)
    }
}

impl<F: Fn(Tensor<D>) -> Tensor<D>, const D: usize> Objective<D> for F {
    fn evaluate(&self, b: Tensor<D>) -> Tensor<D> {
        self(b)
    }
}

/// An objective that counts how many rows it has judged: the horizontal axis of a fair comparison.
///
/// # Examples
/// ```
/// use relaxit::{objective::Counted, prelude::*};
/// let ones = |b: Tensor<2>| b.sum_dim(1);
/// let counted = Counted::new(&ones);
/// counted.evaluate(Tensor::ones([3, 5], &Device::flex()));
/// assert_eq!(counted.evaluations(), 3);
/// ```
pub struct Counted<'a, const D: usize> {
    objective: &'a dyn Objective<D>,
    evaluations: Cell<u64>,
}

impl<'a, const D: usize> Counted<'a, D> {
    /// Counts from 0.
    #[must_use]
    pub const fn new(objective: &'a dyn Objective<D>) -> Self {
        Self { objective, evaluations: Cell::new(0) }
    }

    /// Rows judged so far.
    #[must_use]
    pub const fn evaluations(&self) -> u64 {
        self.evaluations.get()
    }

    fn count(&self, value: Tensor<D>) -> Tensor<D> {
        self.evaluations.set(self.evaluations.get() + value.shape().num_elements() as u64);
        value
    }
}

impl<const D: usize> Objective<D> for Counted<'_, D> {
    fn evaluate(&self, b: Tensor<D>) -> Tensor<D> {
        self.count(self.objective.evaluate(b))
    }

    fn evaluate_relaxed(&self, y: Tensor<D>) -> Tensor<D> {
        self.count(self.objective.evaluate_relaxed(y))
    }
}

impl<const D: usize> std::fmt::Debug for Counted<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counted").field("evaluations", &self.evaluations()).finish_non_exhaustive()
    }
}
