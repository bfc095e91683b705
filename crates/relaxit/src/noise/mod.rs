//! Seeded, forkable, counter-based noise: the only source of randomness in this crate.

mod base;
mod draw;
mod philox;

use burn::tensor::{DType, Tensor, TensorCreationOptions, TensorData};
use serde::{Deserialize, Serialize};

pub use self::base::Base;
pub(crate) use self::draw::Draw;
use self::philox::philox;
use crate::kernel::in_parallel;

/// Elements that one task fills: a multiple of every block size, small enough to balance, large enough to pay.
const CHUNK: usize = 1 << 13;

/// The fourth counter word of the blocks that derive keys; draws would reach it after 2⁶³ calls.
const DERIVATION: u32 = u32::MAX;

/// A seeded, forkable stream of base noise.
///
/// Element `i` of draw `n` is a pure function of (seed, labels, `n`, `i`): the same on one thread or many, on CPU or
/// GPU, in a process that was killed and resumed. A change of these numbers is a value-breaking change.
///
/// ```text
/// block j of draw n = philox(counter = (j, n), key),   key = seed, folded with each label by `fork`
/// ```
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let mut noise = Noise::seeded(0);
/// let gumbel = noise.draw(Base::Gumbel, [2, 3], &device);
/// let again = Noise::seeded(0).draw(Base::Gumbel, [2, 3], &device);
/// assert_eq!(gumbel.to_data(), again.to_data());
/// ```
///
/// # References
/// [`crate::reference::PHILOX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    key: u64,
    draw: u64,
}

/// A [`Noise`] at rest: write it to a checkpoint, continue the same stream later.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let mut noise = Noise::seeded(1);
/// noise.bits();
/// let mut resumed = Noise::from_state(noise.state());
/// assert_eq!(noise.bits(), resumed.bits());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseState {
    /// The seed, folded with the labels of every fork.
    pub key: u64,
    /// How many draws were made.
    pub draw: u64,
}

impl Noise {
    /// The stream of `seed`; every 64-bit value is as good as any other.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self { key: seed, draw: 0 }
    }

    /// Continues the stream that gave `state`.
    #[must_use]
    pub const fn from_state(state: NoiseState) -> Self {
        Self { key: state.key, draw: state.draw }
    }

    /// What a checkpoint must hold to continue this stream.
    #[must_use]
    pub const fn state(&self) -> NoiseState {
        NoiseState { key: self.key, draw: self.draw }
    }

    /// An independent stream named `label`.
    ///
    /// It depends on the seed and the label alone, not on the draws made so far, so adding or moving a fork never
    /// shifts another stream.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let mut noise = Noise::seeded(0);
    /// let before = noise.fork("encoder");
    /// noise.bits();
    /// assert_eq!(noise.fork("encoder"), before);
    /// assert_ne!(noise.fork("decoder"), before);
    /// ```
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let mut key = self.key;
        // The length comes first, so that no label is a prefix of another's chain.
        for word in std::iter::once(label.len() as u64).chain(label.as_bytes().chunks(8).map(little_endian)) {
            let [low, high, ..] = philox(counter(word, u64::from(DERIVATION) << 32), halves(key));
            key = join(low, high);
        }
        Self { key, draw: 0 }
    }

    /// The next 64 random bits; counts as one draw.
    pub fn bits(&mut self) -> u64 {
        let [low, high, ..] = self.next_draw().words(0);
        join(low, high)
    }

    /// A uniformly random order of `0..len`; counts as one draw.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let mut order = Noise::seeded(0).permutation(5);
    /// order.sort_unstable();
    /// assert_eq!(order, [0, 1, 2, 3, 4]);
    /// ```
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the product's high half is below `i + 1`
    pub fn permutation(&mut self, len: usize) -> Vec<usize> {
        let draw = self.next_draw();
        let mut order: Vec<usize> = (0..len).collect();
        // Fisher–Yates; scaling 64 bits by multiplication leaves a bias of at most len / 2⁶⁴.
        for i in (1..len).rev() {
            let [low, high, ..] = draw.words(i as u64);
            let j = (u128::from(join(low, high)) * (i as u128 + 1)) >> 64;
            order.swap(i, j as usize);
        }
        order
    }

    /// Fills `out` with the next draw of `base`: the numbers that [`Noise::draw`] would put into an f32 tensor.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// let mut out = [0.0; 3];
    /// Noise::seeded(0).fill(Base::Uniform, &mut out);
    /// assert!(out.iter().all(|u| (0.0..1.0).contains(u)));
    /// ```
    pub fn fill(&mut self, base: Base, out: &mut [f32]) {
        let draw = self.next_draw();
        in_chunks(out, |first, chunk| draw.fill_widest(base, first, chunk));
    }

    /// Fills `out` with the next draw of `base` at 52 bits: the numbers of an f64 tensor.
    pub fn fill_f64(&mut self, base: Base, out: &mut [f64]) {
        const BLOCK: usize = 2;
        let draw = self.next_draw();
        in_chunks(out, |first, chunk| {
            for (block, slots) in ((first / BLOCK) as u64..).zip(chunk.chunks_mut(BLOCK)) {
                let values = base.block_f64(draw.words(block));
                slots.copy_from_slice(&values[..slots.len()]);
            }
        });
    }

    /// The next draw of `base`, as a tensor.
    ///
    /// `options` is a device, or a device and a data type: F64 gives 52-bit noise in F64; every other type, half
    /// precisions included, gives 32-bit noise in F32, because half-precision noise has neither tails nor resolution.
    /// Without a type, the device's default float type decides.
    ///
    /// The result carries no gradient.
    ///
    /// # Examples
    /// ```
    /// use burn::tensor::DType;
    /// use relaxit::prelude::*;
    /// let device = Device::flex();
    /// let noise = Noise::seeded(0).draw(Base::Normal, [4], (&device, DType::F16));
    /// assert_eq!(noise.dtype(), DType::F32);
    /// ```
    pub fn draw<const D: usize>(
        &mut self,
        base: Base,
        shape: [usize; D],
        options: impl Into<TensorCreationOptions>,
    ) -> Tensor<D> {
        let options = options.into();
        let dtype = options.dtype.unwrap_or_else(|| options.device.settings().float_dtype.into());
        let len = shape.iter().product();
        if dtype == DType::F64 {
            let mut out = vec![0.0; len];
            self.fill_f64(base, &mut out);
            Tensor::from_data(TensorData::new(out, shape), (&options.device, DType::F64))
        } else {
            let mut out = vec![0.0; len];
            self.fill(base, &mut out);
            Tensor::from_data(TensorData::new(out, shape), (&options.device, DType::F32))
        }
    }

    /// Counts one draw, to be computed where it is needed.
    pub(crate) fn next_draw(&mut self) -> Draw {
        let draw = Draw::new(self.key, self.draw);
        self.draw = self.draw.wrapping_add(1);
        draw
    }
}

/// Has `out` filled chunk by chunk, each told where it starts: what is written depends on nothing but that.
fn in_chunks<T: Send>(out: &mut [T], fill: impl Fn(usize, &mut [T]) + Sync) {
    in_parallel(out.chunks_mut(CHUNK).enumerate(), |(index, chunk)| fill(index * CHUNK, chunk));
}

fn counter(block: u64, draw: u64) -> [u32; 4] {
    let ([a, b], [c, d]) = (halves(block), halves(draw));
    [a, b, c, d]
}

#[allow(clippy::cast_possible_truncation)] // the two halves of a u64
const fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(base: Base, len: usize) -> Vec<f32> {
        let mut out = vec![0.0; len];
        Noise::seeded(3).fill(base, &mut out);
        out
    }

    #[test]
    fn a_longer_draw_starts_like_a_shorter_one() {
        for base in Base::ALL {
            let long = drawn(base, 3 * CHUNK + 5);
            for len in [0, 1, 2, 3, 5, CHUNK, CHUNK + 1] {
                assert_eq!(drawn(base, len), long[..len], "{base:?} {len}");
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_numbers() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| drawn(Base::Gumbel, 10 * CHUNK + 3))
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(5));
    }

    #[test]
    fn labels_that_look_alike_give_other_streams() {
        let labels = ["", "\0", "a", "a\0", "b", "ab", "ba", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaab"];
        let mut keys: Vec<u64> = labels.iter().map(|label| Noise::seeded(0).fork(label).key).collect();
        keys.push(Noise::seeded(0).key);
        keys.push(Noise::seeded(0).fork("a").fork("b").key);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), labels.len() + 2);
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut noise = Noise::seeded(0);
        for len in [0, 1, 2, 1000] {
            let mut order = noise.permutation(len);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..len));
        }
    }
}
