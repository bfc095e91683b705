//! Gumbel top-k: the k largest of logits with Gumbel noise.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::tensor::{DType, Tensor, TensorData};

use super::flex::{elements, task, untaped};
use super::{Work, in_parallel, widest};
use crate::noise::{Base, Draw, Noise};

/// What the k largest of an event are marked with; the others get 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// 1.
    Chosen,
    /// Their rank: 1 for the largest.
    Rank,
}

/// Marks of the `count` largest of `logits + Gumbel noise` along the last dimension, with the noise that [`Noise::draw`]
/// would give, the first of equal ones before the others; `None`, and no draw made, where there is no kernel for these
/// logits.
pub(crate) fn gumbel_top_k<const D: usize>(
    logits: &Tensor<D>,
    count: usize,
    mark: Mark,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    let (device, shape) = (logits.device(), logits.dims());
    let logits = untaped(logits)?.to_contiguous();
    let (draw, logits, row_len) = (noise.next_draw(), elements(&logits), shape[D - 1]);
    let mut out = vec![0.0; logits.len()];
    let task = task(row_len);
    let chunks = logits.chunks(task).zip(out.chunks_mut(task)).enumerate();
    let tasks = chunks.map(|(index, (logits, out))| Perturb { draw, first: index * task, logits, out });
    in_parallel(tasks, |perturb| {
        let Perturb { draw, first, logits, out } = perturb;
        widest(Perturb { draw, first, logits, out: &mut *out });
        let mut order = Vec::with_capacity(row_len);
        for row in out.chunks_exact_mut(row_len) {
            mark_largest(row, count, mark, &mut order);
        }
    });
    Some(Tensor::from_data(TensorData::new(out, shape), (&device, DType::F32)))
}

struct Perturb<'a> {
    draw: Draw,
    first: usize,
    logits: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Perturb<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { draw, first, logits, out } = self;
        draw.fill(Base::Gumbel, first, out);
        for (key, &logit) in out.iter_mut().zip(logits) {
            *key += logit;
        }
    }
}

/// Puts marks where the keys of `row` are; `order` is a place to work in.
fn mark_largest(row: &mut [f32], count: usize, mark: Mark, order: &mut Vec<u64>) {
    order.clear();
    order.extend(row.iter().zip(0..).map(|(&key, index)| place(key, index)));
    row.fill(0.0);
    let chosen = if count < order.len() { order.select_nth_unstable(count).0 } else { order };
    if mark == Mark::Rank {
        chosen.sort_unstable();
    }
    for (&mut place, rank) in chosen.iter_mut().zip(1..=count) {
        row[index(place)] = if mark == Mark::Rank { rank as f32 } else { 1.0 };
    }
}

/// A number that is the smaller the larger the key, in the order of [`f32::total_cmp`], and of equal keys the smaller the
/// smaller the index.
fn place(key: f32, index: u32) -> u64 {
    let bits = key.to_bits();
    // Larger magnitudes of negative numbers are smaller numbers.
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending) << 32 | u64::from(index)
}

#[allow(clippy::cast_possible_truncation)] // the lower half
fn index(place: u64) -> usize {
    place as u32 as usize
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_largest_are_marked_and_of_equal_ones_the_first() {
        let marks = |row: &[f32], count, mark| {
            let mut row = row.to_vec();
            mark_largest(&mut row, count, mark, &mut Vec::new());
            row
        };
        let row = [-1.0, 3.0, -2.0, 3.0, 0.5, 3.0, -0.0, 0.0];
        assert_eq!(marks(&row, 2, Mark::Chosen), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(marks(&row, 5, Mark::Rank), [0.0, 1.0, 0.0, 2.0, 4.0, 3.0, 0.0, 5.0]);
        assert_eq!(marks(&row, 8, Mark::Rank), [7.0, 1.0, 8.0, 2.0, 4.0, 3.0, 6.0, 5.0]);
        assert_eq!(marks(&[1.0], 1, Mark::Chosen), [1.0]);
    }

    #[test]
    fn what_is_served_is_served() {
        let logits = Tensor::<2>::zeros([2, 3], (&Device::flex(), DType::F32));
        let served = |logits: &Tensor<2>| gumbel_top_k(logits, 2, Mark::Rank, &mut Noise::seeded(0)).is_some();
        assert!(served(&logits) && !served(&logits.clone().cast(DType::F64)) && !served(&logits.autodiff()));
    }
}
