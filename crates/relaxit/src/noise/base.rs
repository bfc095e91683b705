//! The parameter-free laws every sampler starts from, and the maps from random bits to them.
#![allow(clippy::inline_always)] // see `Work::run`

use std::f64::consts::TAU;

use crate::kernel::ln;

/// A parameter-free law: the noise `ε` of a reparameterised sample `x = transport(ε)`.
///
/// ```text
/// Uniform      u           Exponential  E = −ln u        Logistic  ln u − ln(1 − u)
/// Normal       Box–Muller  Gumbel       g = −ln E
/// ```
///
/// # Numerics
/// `u = (k + ½) 2⁻³²` with 32 random bits `k` for f32 (2⁻⁵² and 52 bits for f64), so `u` is strictly inside (0, 1)
/// and both tails are symmetric. The logarithms are taken in f64 from the integer itself, so that nothing is lost near
/// `u = 1` (in f32 to 2 in 10¹³ before the one rounding, the same bits on every processor): a Gumbel or exponential draw reaches 22.8 in f32 and 36.7 in f64, a normal one 6.8 and 8.5.
///
/// # References
/// Box & Muller (1958), *A note on the generation of random normal deviates*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Uniform on the open interval (0, 1).
    Uniform,
    /// Logistic(0, 1).
    Logistic,
    /// Gumbel(0, 1).
    Gumbel,
    /// Exponential with rate 1.
    Exponential,
    /// Normal(0, 1).
    Normal,
}

impl Base {
    /// Every base law, for tables of tests.
    pub const ALL: [Self; 5] = [Self::Uniform, Self::Logistic, Self::Gumbel, Self::Exponential, Self::Normal];

    /// One f32 draw of [`Uniform`](Self::Uniform) from 32 random bits.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // the one rounding to f32, here and below
    pub(super) fn uniform(word: u32) -> f32 {
        // Rounding to f32 could give 1, so the largest draw is the largest f32 below it.
        let u = (numerator(word) * RESOLUTION) as f32;
        let largest = 1.0 - f32::EPSILON / 2.0;
        if u > largest { largest } else { u }
    }

    /// One f32 draw of [`Logistic`](Self::Logistic) from 32 random bits.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn logistic(word: u32) -> f32 {
        let k = numerator(word);
        ln(k / (OUTCOMES - k)) as f32
    }

    /// One f32 draw of [`Gumbel`](Self::Gumbel) from 32 random bits.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn gumbel(word: u32) -> f32 {
        -ln(-ln(numerator(word) * RESOLUTION)) as f32
    }

    /// One f32 draw of [`Exponential`](Self::Exponential) from 32 random bits.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn exponential(word: u32) -> f32 {
        -ln(numerator(word) * RESOLUTION) as f32
    }

    /// Four f32 draws of [`Normal`](Self::Normal) from the 128 random bits of one block.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn normals(words: [u32; 4]) -> [f32; 4] {
        let [a, b, c, d] = words.map(|word| numerator(word) * RESOLUTION);
        let ([e, f], [g, h]) = (box_muller(a, b), box_muller(c, d));
        [e as f32, f as f32, g as f32, h as f32]
    }

    /// Two f64 draws from the 128 random bits of one block.
    #[allow(clippy::cast_precision_loss)] // 52 bits are exact in an f64
    pub(super) fn block_f64(self, words: [u32; 4]) -> [f64; 2] {
        const OUTCOMES: f64 = 4_503_599_627_370_496.0; // 2⁵²
        let numerator = |high: u32, low: u32| ((u64::from(high) << 20 | u64::from(low) >> 12) as f64) + 0.5;
        let numerators = [numerator(words[0], words[1]), numerator(words[2], words[3])];
        match self {
            Self::Uniform => numerators.map(|k| k / OUTCOMES),
            Self::Logistic => numerators.map(|k| (k / (OUTCOMES - k)).ln()),
            Self::Gumbel => numerators.map(|k| -minus_log_fraction(k, OUTCOMES).ln()),
            Self::Exponential => numerators.map(|k| minus_log_fraction(k, OUTCOMES)),
            Self::Normal => box_muller(numerators[0] / OUTCOMES, numerators[1] / OUTCOMES),
        }
    }
}

/// How many values 32 random bits have, and the reciprocal.
const OUTCOMES: f64 = 4_294_967_296.0;
const RESOLUTION: f64 = 1.0 / OUTCOMES;

/// `k + ½`, exactly.
#[inline(always)]
fn numerator(word: u32) -> f64 {
    f64::from(word) + 0.5
}

/// `−ln(k / n)`, precise where `k` is near `n`.
fn minus_log_fraction(k: f64, n: f64) -> f64 {
    if k > 0.5 * n { -(-(n - k) / n).ln_1p() } else { -(k / n).ln() }
}

/// Two independent normal draws from two independent uniform ones.
fn box_muller(u: f64, v: f64) -> [f64; 2] {
    let radius = (-2.0 * u.ln()).sqrt();
    let (sine, cosine) = (TAU * v).sin_cos();
    [radius * cosine, radius * sine]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four draws in f32 from one block.
    fn block_f32(base: Base, words: [u32; 4]) -> [f32; 4] {
        match base {
            Base::Uniform => words.map(Base::uniform),
            Base::Logistic => words.map(Base::logistic),
            Base::Gumbel => words.map(Base::gumbel),
            Base::Exponential => words.map(Base::exponential),
            Base::Normal => Base::normals(words),
        }
    }

    /// The extreme words give finite draws that reach as far as the docs say.
    #[test]
    fn tails_are_open_and_long() {
        for base in Base::ALL {
            for words in [[0; 4], [u32::MAX; 4], [0, u32::MAX, u32::MAX, 0]] {
                assert!(block_f32(base, words).iter().all(|x| x.is_finite()), "{base:?}");
                assert!(base.block_f64(words).iter().all(|x| x.is_finite()), "{base:?}");
            }
        }
        let [low, high] = [block_f32(Base::Uniform, [0; 4])[0], block_f32(Base::Uniform, [u32::MAX; 4])[0]];
        assert!(low > 0.0 && high < 1.0);
        assert!(block_f32(Base::Gumbel, [u32::MAX; 4])[0] > 22.5);
        assert!(Base::Gumbel.block_f64([u32::MAX; 4])[0] > 36.0);
        assert!(block_f32(Base::Normal, [0; 4])[0] > 6.7);
        assert!(Base::Normal.block_f64([0; 4])[0] > 8.5);
    }

    /// The two tails of a symmetric law mirror each other to the last bit.
    #[test]
    fn logistic_is_symmetric() {
        for k in [0, 1, 77, 1 << 20, u32::MAX / 2] {
            let [left, right, ..] = block_f32(Base::Logistic, [k, u32::MAX - k, 0, 0]);
            assert!((left + right).abs() <= f32::EPSILON * left.abs());
        }
    }
}
