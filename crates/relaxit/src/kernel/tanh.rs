//! The hyperbolic tangent, in vectors.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::tensor::Tensor;

use super::elementary;
use super::flex::{Array, Fused, TASK, apply, elements, serves, writable};
use super::{Work, in_parallel, widest};

/// Whether `x` is what [`tanh`] was made for.
pub(crate) fn serves_tanh<const D: usize>(x: &Tensor<D>) -> bool {
    serves(&[x])
}

/// `tanh x` of a tensor that it [serves](serves_tanh), in its memory unless another tensor looks at it.
pub(crate) fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    apply(Tanh, [x])
}

#[derive(Clone, Copy, Debug)]
struct Tanh;

impl Fused<1> for Tanh {
    type Saved = Array;

    fn forward(&self, [x]: [Array; 1]) -> (Array, Array) {
        let mut y = writable(x);
        in_parallel(y.storage_mut().chunks_mut(TASK).map(Forward), widest);
        (y.clone(), y)
    }

    fn backward(self, y: Array, gradient: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = writable(gradient);
        let chunks = elements(&y).chunks(TASK).zip(gradient.storage_mut().chunks_mut(TASK));
        in_parallel(chunks.map(|(y, gradient)| Backward { y, gradient }), widest);
        [Some(gradient)]
    }
}

struct Forward<'a>(&'a mut [f32]);

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.0 {
            *x = elementary::tanh(*x);
        }
    }
}

struct Backward<'a> {
    y: &'a [f32],
    gradient: &'a mut [f32],
}

impl Work for Backward<'_> {
    type Output = ();

    /// `g (1 − y²)`.
    #[inline(always)]
    fn run(self) {
        for (slope, &y) in self.gradient.iter_mut().zip(self.y) {
            *slope *= y.mul_add(-y, 1.0);
        }
    }
}
