//! Binary Concrete: noise, perturbation, temperature and sigmoid in one pass.

use burn::tensor::{Shape, Tensor};
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::noise::{Place, logistic, place, word, words};
use super::{Kernel, apply, empty, grid, reciprocal, serves, units};
use crate::noise::{Draw, Noise};

/// `σ((φ + L)/τ)`; `None`, and no draw made, where there is no kernel for these logits.
pub(crate) fn binary_concrete<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(BinaryConcrete::new(temperature, noise), logits.clone(), false))
}

/// The same, hardened to 1 where `φ + L > 0` and 0 elsewhere, with the gradient of the soft bit.
pub(crate) fn straight_through_binary_concrete<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(BinaryConcrete::new(temperature, noise), logits.clone(), true))
}

#[derive(Clone, Copy, Debug)]
struct BinaryConcrete {
    rate: f32,
    draw: Draw,
}

impl BinaryConcrete {
    fn new(temperature: f64, noise: &mut Noise) -> Self {
        Self { rate: reciprocal(temperature), draw: noise.next_draw() }
    }
}

impl Kernel for BinaryConcrete {
    fn forward(&self, x: CubeTensor, hardened: bool) -> (CubeTensor, Option<CubeTensor>) {
        let (client, shape) = (x.client.clone(), x.meta.shape().clone());
        let soft = empty(&x, shape.clone());
        let hard = empty(&x, if hardened { shape } else { Shape::from([1]) });
        // A unit for each block of noise.
        let (count, dim) = grid(&client, units(&client), x.meta.num_elements().div_ceil(4 * units(&client)));
        forward::launch(
            &client,
            count,
            dim,
            x.into_buffer_arg(),
            soft.clone().into_buffer_arg(),
            hard.clone().into_buffer_arg(),
            place(self.draw),
            self.rate,
            hardened,
        );
        (soft, hardened.then_some(hard))
    }

    fn backward(&self, y: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        let (client, out) = (y.client.clone(), empty(&y, y.meta.shape().clone()));
        let (count, dim) = grid(&client, units(&client), y.meta.num_elements().div_ceil(units(&client)));
        let (y, gradient) = (y.into_buffer_arg(), gradient.into_buffer_arg());
        backward::launch(&client, count, dim, y, gradient, out.clone().into_buffer_arg(), self.rate);
        out
    }
}

/// Each unit has the four elements of a block of noise; `hard` is written only if that is `hardened`.
#[cube(launch)]
fn forward(logits: &[f32], soft: &mut [f32], hard: &mut [f32], place: &Place, rate: f32, #[comptime] hardened: bool) {
    let block = u32::cast_from(ABSOLUTE_POS);
    let bits = words(block, place);
    #[unroll]
    for at in 0..4u32 {
        let index = (block * 4 + at) as usize;
        if index < logits.len() {
            let x = (logits[index] + logistic(word(bits, at))) * rate;
            let decay = (-x.abs()).exp();
            let large = 1.0 / (1.0 + decay);
            soft[index] = select(x < 0.0, decay * large, large);
            if hardened {
                hard[index] = select(x > 0.0, 1.0f32, 0.0f32);
            }
        }
    }
}

/// `g y (1 − y)/τ`.
#[cube(launch)]
fn backward(y: &[f32], gradient: &[f32], out: &mut [f32], rate: f32) {
    if ABSOLUTE_POS < out.len() {
        let y = y[ABSOLUTE_POS];
        out[ABSOLUTE_POS] = gradient[ABSOLUTE_POS] * y * (1.0 - y) * rate;
    }
}
