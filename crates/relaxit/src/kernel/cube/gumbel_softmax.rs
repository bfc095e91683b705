//! Gumbel-Softmax: noise, perturbation, temperature and softmax in one pass.
//!
//! A row belongs to the units of one line of a cube, its lanes. A lane has whole blocks of noise, every element of them that
//! is in the row, and no other lane looks at these; the maximum and the sum go through the cube's shared memory.

use burn::tensor::{Shape, Tensor};
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::noise::{Place, gumbel, place, word, words};
use super::{Kernel, apply, empty, grid, reciprocal, serves, units};
use crate::noise::{Draw, Noise};

/// `softmax((φ + g)/τ)` over the last dimension; `None`, and no draw made, where there is no kernel for these logits.
pub(crate) fn gumbel_softmax<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(GumbelSoftmax::new(logits, temperature, noise), logits.clone(), false))
}

/// The same, hardened to the one-hot argmax, with the gradient of the soft choice.
pub(crate) fn straight_through_gumbel_softmax<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(GumbelSoftmax::new(logits, temperature, noise), logits.clone(), true))
}

#[derive(Clone, Copy, Debug)]
struct GumbelSoftmax {
    categories: usize,
    rate: f32,
    draw: Draw,
}

impl GumbelSoftmax {
    fn new<const D: usize>(logits: &Tensor<D>, temperature: f64, noise: &mut Noise) -> Self {
        Self { categories: logits.dims()[D - 1], rate: reciprocal(temperature), draw: noise.next_draw() }
    }

    /// How many units share a row of so many pieces of work: a power of two.
    fn lanes(tensor: &CubeTensor, pieces: usize) -> usize {
        pieces.next_power_of_two().min(units(&tensor.client))
    }
}

#[allow(clippy::cast_possible_truncation)] // `serves` counted the elements
impl Kernel for GumbelSoftmax {
    fn forward(&self, x: CubeTensor, hardened: bool) -> (CubeTensor, Option<CubeTensor>) {
        let (client, shape) = (x.client.clone(), x.meta.shape().clone());
        let rows = x.meta.num_elements() / self.categories;
        let soft = empty(&x, shape.clone());
        let hard = empty(&x, if hardened { shape } else { Shape::from([1]) });
        // A row that starts within a block has a part of one more.
        let lanes = Self::lanes(&x, self.categories.div_ceil(4) + 1);
        let (count, dim) = grid(&client, lanes, rows);
        forward::launch(
            &client,
            count,
            dim,
            x.into_buffer_arg(),
            soft.clone().into_buffer_arg(),
            hard.clone().into_buffer_arg(),
            place(self.draw),
            self.rate,
            self.categories as u32,
            rows as u32,
            lanes as u32,
            units(&client),
            hardened,
        );
        (soft, hardened.then_some(hard))
    }

    fn backward(&self, y: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        let (client, out) = (y.client.clone(), empty(&y, y.meta.shape().clone()));
        let rows = y.meta.num_elements() / self.categories;
        let lanes = Self::lanes(&y, self.categories);
        let (count, dim) = grid(&client, lanes, rows);
        backward::launch(
            &client,
            count,
            dim,
            y.into_buffer_arg(),
            gradient.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            self.rate,
            self.categories as u32,
            rows as u32,
            lanes as u32,
            units(&client),
        );
        out
    }
}

/// `hard` is written only if that is `hardened`.
#[cube(launch)]
fn forward(
    logits: &[f32],
    soft: &mut [f32],
    hard: &mut [f32],
    place: &Place,
    rate: f32,
    categories: u32,
    rows: u32,
    #[comptime] lanes: u32,
    #[comptime] units: usize,
    #[comptime] hardened: bool,
) {
    let (first, end) = row(categories, rows);
    let first_block = first / 4 + UNIT_POS_X;
    let end_block = end.div_ceil(4);

    let mut greatest = f32::min_value();
    let mut block = first_block;
    while block < end_block {
        let bits = words(block, place);
        #[unroll]
        for at in 0..4u32 {
            let index = block * 4 + at;
            if index >= first && index < end {
                let x = (logits[index as usize] + gumbel(word(bits, at))) * rate;
                soft[index as usize] = x;
                greatest = max(greatest, x);
            }
        }
        block += lanes;
    }
    let greatest = joined::<f32>(greatest, Join::Largest, lanes, units);

    if hardened {
        // Before the exponential, which may round a near loser up to the winner. Of equals the first.
        let mut winner = end;
        let mut block = first_block;
        while block < end_block {
            #[unroll]
            for at in 0..4u32 {
                let index = block * 4 + at;
                if index >= first && index < end {
                    winner = select(soft[index as usize] >= greatest, min(winner, index), winner);
                }
            }
            block += lanes;
        }
        let winner = joined::<u32>(winner, Join::Smallest, lanes, units);
        let mut block = first_block;
        while block < end_block {
            #[unroll]
            for at in 0..4u32 {
                let index = block * 4 + at;
                if index >= first && index < end {
                    hard[index as usize] = select(index == winner, 1.0f32, 0.0f32);
                }
            }
            block += lanes;
        }
    }

    let mut total = 0.0f32.runtime();
    let mut block = first_block;
    while block < end_block {
        #[unroll]
        for at in 0..4u32 {
            let index = block * 4 + at;
            if index >= first && index < end {
                let power = (soft[index as usize] - greatest).exp();
                soft[index as usize] = power;
                total += power;
            }
        }
        block += lanes;
    }
    let share = 1.0 / joined::<f32>(total, Join::Sum, lanes, units);
    let mut block = first_block;
    while block < end_block {
        #[unroll]
        for at in 0..4u32 {
            let index = block * 4 + at;
            if index >= first && index < end {
                soft[index as usize] *= share;
            }
        }
        block += lanes;
    }
}

/// `yₖ (gₖ − Σⱼ yⱼ gⱼ)/τ`.
#[cube(launch)]
fn backward(
    y: &[f32],
    gradient: &[f32],
    out: &mut [f32],
    rate: f32,
    categories: u32,
    rows: u32,
    #[comptime] lanes: u32,
    #[comptime] units: usize,
) {
    let (first, end) = row(categories, rows);
    let mut total = 0.0f32.runtime();
    let mut index = first + UNIT_POS_X;
    while index < end {
        total += y[index as usize] * gradient[index as usize];
        index += lanes;
    }
    let mean = joined::<f32>(total, Join::Sum, lanes, units);
    let mut index = first + UNIT_POS_X;
    while index < end {
        out[index as usize] = y[index as usize] * (gradient[index as usize] - mean) * rate;
        index += lanes;
    }
}

/// Where this unit's row starts and ends; nowhere, past the last.
#[cube]
fn row(categories: u32, rows: u32) -> (u32, u32) {
    let row = u32::cast_from(CUBE_POS) * CUBE_DIM_Y + UNIT_POS_Y;
    (min(row, rows) * categories, min(row + 1, rows) * categories)
}

/// What the values of two lanes become.
#[derive(Clone, Copy, Debug)]
enum Join {
    Largest,
    Smallest,
    Sum,
}

/// One value of those of a row's lanes, the same in each of them.
#[cube]
fn joined<N: Numeric>(value: N, #[comptime] join: Join, #[comptime] lanes: u32, #[comptime] units: usize) -> N {
    let mut shared = Shared::<[N]>::new_slice(units);
    let here = UNIT_POS as usize;
    shared[here] = value;
    sync_cube();
    #[unroll]
    for step in 0..comptime!(lanes.ilog2()) {
        let width = comptime!(lanes >> (step + 1));
        if UNIT_POS_X < width {
            let (a, b) = (shared[here], shared[here + width as usize]);
            shared[here] = match join {
                Join::Largest => max(a, b),
                Join::Smallest => min(a, b),
                Join::Sum => a + b,
            };
        }
        sync_cube();
    }
    shared[here - UNIT_POS_X as usize]
}
