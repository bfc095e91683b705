//! One draw of a stream, any stretch of which can be computed by itself.
#![allow(clippy::inline_always)] // see `Work::run`

use super::base::Base;
use super::philox::{philox, philox_wide};
use super::{counter, halves};
use crate::kernel::{Work, widest};

/// Words of one block.
const BLOCK: usize = 4;

/// Blocks computed side by side.
const LANES: usize = 16;

/// Elements computed side by side.
const BATCH: usize = BLOCK * LANES;

/// The coordinates of one draw: element `i` of it is a pure function of these and `i`, so that a fused kernel may
/// generate it where it needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    key: u64,
    index: u64,
}

impl Draw {
    pub(super) const fn new(key: u64, index: u64) -> Self {
        Self { key, index }
    }

    /// The words of its key and of its index, for a device that computes the bits itself.
    #[cfg(feature = "cubecl")]
    pub(crate) fn coordinates(self) -> [[u32; 2]; 2] {
        [halves(self.key), halves(self.index)]
    }

    /// The 128 random bits of one block.
    pub(super) fn words(self, block: u64) -> [u32; BLOCK] {
        philox(counter(block, self.index), halves(self.key))
    }

    /// Fills `out` with the f32 elements from `first` on, compiled for the widest instruction set.
    pub(super) fn fill_widest(self, base: Base, first: usize, out: &mut [f32]) {
        widest(Fill { draw: self, base, first, out });
    }

    /// Fills `out` with the f32 elements from `first` on, compiled for the caller's instruction set.
    #[inline(always)]
    pub(crate) fn fill(self, base: Base, first: usize, mut out: &mut [f32]) {
        let (mut block, mut skipped) = ((first / BLOCK) as u64, first % BLOCK);
        while !out.is_empty() {
            let words = philox_wide::<LANES>(block, self.index, halves(self.key));
            let batch = batch(base, &words);
            let (now, later) = out.split_at_mut(out.len().min(BATCH - skipped));
            now.copy_from_slice(&batch[skipped..skipped + now.len()]);
            (out, block, skipped) = (later, block + LANES as u64, 0);
        }
    }
}

/// The draws from consecutive blocks, in order.
#[inline(always)]
fn batch(base: Base, words: &[[u32; LANES]; BLOCK]) -> [f32; BATCH] {
    let mut in_order = [0; BATCH];
    for (i, block) in in_order.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        *block = [words[0][i], words[1][i], words[2][i], words[3][i]];
    }
    let mut out = [0.0; BATCH];
    match base {
        Base::Gumbel => each(&in_order, &mut out, Base::gumbel),
        Base::Logistic => each(&in_order, &mut out, Base::logistic),
        Base::Exponential => each(&in_order, &mut out, Base::exponential),
        Base::Uniform => each(&in_order, &mut out, Base::uniform),
        Base::Normal => {
            for (&words, values) in in_order.as_chunks::<BLOCK>().0.iter().zip(out.as_chunks_mut::<BLOCK>().0) {
                *values = Base::normals(words);
            }
        }
    }
    out
}

#[inline(always)]
fn each(words: &[u32; BATCH], out: &mut [f32; BATCH], value: impl Fn(u32) -> f32) {
    for (value_at, &word) in out.iter_mut().zip(words) {
        *value_at = value(word);
    }
}

struct Fill<'a> {
    draw: Draw,
    base: Base,
    first: usize,
    out: &'a mut [f32],
}

impl Work for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.draw.fill(self.base, self.first, self.out);
    }
}
