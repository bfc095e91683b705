//! Philox 4x32-10, a counter-based generator: a keyed bijection of 128-bit counters.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// The 128 random bits at `counter` under `key`.
///
/// ```text
/// (c₀, c₁, c₂, c₃) ← (hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀)),   k ← k + W
/// ```
///
/// Ten such rounds (Salmon et al. 2011, section 3.3).
#[inline]
pub(crate) fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        let (high0, low0) = wide_product(MULTIPLIERS[0], c0);
        let (high1, low1) = wide_product(MULTIPLIERS[1], c2);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// [`philox`] of the counters `(block + i, draw)` for each lane `i`: the four words, lane by lane.
#[inline(always)]
#[allow(clippy::inline_always)] // so that it is compiled for the caller's instruction set
#[allow(clippy::cast_possible_truncation)] // the two halves of a u64
pub(super) fn philox_wide<const LANES: usize>(block: u64, draw: u64, key: [u32; 2]) -> [[u32; LANES]; 4] {
    let [mut c0, mut c1] = [[0; LANES]; 2];
    for (i, (low, high)) in (0u64..).zip(c0.iter_mut().zip(&mut c1)) {
        let block = block.wrapping_add(i);
        (*low, *high) = (block as u32, (block >> 32) as u32);
    }
    let (mut c2, mut c3) = ([draw as u32; LANES], [(draw >> 32) as u32; LANES]);
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        for i in 0..LANES {
            let (high0, low0) = wide_product(MULTIPLIERS[0], c0[i]);
            let (high1, low1) = wide_product(MULTIPLIERS[1], c2[i]);
            (c0[i], c1[i], c2[i], c3[i]) = (high1 ^ c1[i] ^ k0, low1, high0 ^ c3[i] ^ k1, low0);
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// The two halves of a 64-bit product.
#[inline]
#[allow(clippy::cast_possible_truncation)] // the two halves of a u64
fn wide_product(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

#[cfg(test)]
mod tests {
    use super::{philox, philox_wide};

    /// Side by side as one by one, across the carry into the second word too.
    #[test]
    fn lanes_are_blocks() {
        let (draw, key) = (0x0123_4567_89AB_CDEF, [7, 11]);
        for first in [0, u64::from(u32::MAX) - 3, u64::MAX - 3] {
            let wide = philox_wide::<16>(first, draw, key);
            for i in 0..16 {
                let counter = super::super::counter(first.wrapping_add(i), draw);
                assert_eq!(wide.map(|words| words[usize::try_from(i).unwrap()]), philox(counter, key));
            }
        }
    }

    /// The known-answer vectors that the authors publish beside the paper (Random123, `kat_vectors`).
    #[test]
    fn known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }
}
