//! The parameter-free laws every sampler starts from, and the maps from random bits to them.

use std::f64::consts::TAU;

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
/// `u = 1`: a Gumbel or exponential draw reaches 22.8 in f32 and 36.7 in f64, a normal one 6.8 and 8.5.
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

    /// Four f32 draws from the 128 random bits of one block.
    #[allow(clippy::cast_possible_truncation)] // the one rounding to f32
    pub(super) fn block_f32(self, words: [u32; 4]) -> [f32; 4] {
        const RESOLUTION: f64 = 1.0 / 4_294_967_296.0;
        let numerators = words.map(|word| f64::from(word) + 0.5);
        match self {
            // Rounding to f32 could give 1, so the largest draw is the largest f32 below it.
            Self::Uniform => numerators.map(|k| ((k * RESOLUTION) as f32).min(1.0 - f32::EPSILON / 2.0)),
            Self::Logistic => numerators.map(|k| (k / (4_294_967_296.0 - k)).ln() as f32),
            Self::Gumbel => numerators.map(|k| -(-(k * RESOLUTION).ln()).ln() as f32),
            Self::Exponential => numerators.map(|k| -(k * RESOLUTION).ln() as f32),
            Self::Normal => {
                let [a, b, c, d] = numerators.map(|k| k * RESOLUTION);
                let ([e, f], [g, h]) = (box_muller(a, b), box_muller(c, d));
                [e as f32, f as f32, g as f32, h as f32]
            }
        }
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

    /// The extreme words give finite draws that reach as far as the docs say.
    #[test]
    fn tails_are_open_and_long() {
        for base in Base::ALL {
            for words in [[0; 4], [u32::MAX; 4], [0, u32::MAX, u32::MAX, 0]] {
                assert!(base.block_f32(words).iter().all(|x| x.is_finite()), "{base:?}");
                assert!(base.block_f64(words).iter().all(|x| x.is_finite()), "{base:?}");
            }
        }
        let [low, high] = [Base::Uniform.block_f32([0; 4])[0], Base::Uniform.block_f32([u32::MAX; 4])[0]];
        assert!(low > 0.0 && high < 1.0);
        assert!(Base::Gumbel.block_f32([u32::MAX; 4])[0] > 22.5);
        assert!(Base::Gumbel.block_f64([u32::MAX; 4])[0] > 36.0);
        assert!(Base::Normal.block_f32([0; 4])[0] > 6.7);
        assert!(Base::Normal.block_f64([0; 4])[0] > 8.5);
    }

    /// The two tails of a symmetric law mirror each other to the last bit.
    #[test]
    fn logistic_is_symmetric() {
        for k in [0, 1, 77, 1 << 20, u32::MAX / 2] {
            let [left, right, ..] = Base::Logistic.block_f32([k, u32::MAX - k, 0, 0]);
            assert!((left + right).abs() <= f32::EPSILON * left.abs());
        }
    }
}
