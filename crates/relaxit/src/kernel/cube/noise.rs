//! Philox, and base noise from its bits, on the GPU.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use crate::noise::Draw;

/// Where a draw is: the words of its key and of its index. Must stay as `noise/philox.rs` has them.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Place {
    key_low: u32,
    key_high: u32,
    index_low: u32,
    index_high: u32,
}

/// `draw` as an argument of a kernel.
pub(super) fn place(draw: Draw) -> PlaceLaunch {
    let [[key_low, key_high], [index_low, index_high]] = draw.coordinates();
    PlaceLaunch::new(key_low, key_high, index_low, index_high)
}

/// The 128 random bits of block `block`: Philox 4x32-10.
#[cube]
pub(super) fn words(block: u32, place: &Place) -> (u32, u32, u32, u32) {
    let mut c0 = block;
    let mut c1 = 0u32.runtime();
    let mut c2 = place.index_low;
    let mut c3 = place.index_high;
    let mut k0 = place.key_low;
    let mut k1 = place.key_high;
    #[unroll]
    for _ in 0..10u32 {
        let high0 = c0.mul_hi(0xD251_1F53u32);
        let low0 = c0 * 0xD251_1F53u32;
        let high1 = c2.mul_hi(0xCD9E_8D57u32);
        let low1 = c2 * 0xCD9E_8D57u32;
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E37_79B9u32;
        k1 += 0xBB67_AE85u32;
    }
    (c0, c1, c2, c3)
}

/// The word of index `at`, 0 to 3.
#[cube]
pub(super) fn word(words: (u32, u32, u32, u32), #[comptime] at: u32) -> u32 {
    match at {
        0 => words.0,
        1 => words.1,
        2 => words.2,
        _ => words.3,
    }
}

/// `−ln(−ln u)` with `u = (k + ½) 2⁻³²` from the random bits `k`.
#[cube]
pub(super) fn gumbel(k: u32) -> f32 {
    // −ln u where u > ½ is −ln(1 − v) = 2 artanh(v/(2 − v)), and v = 1 − u has all its digits.
    let v = fraction(4_294_967_295u32 - k);
    let near = twice_artanh(v / (2.0 - v));
    let far = -ln(fraction(k));
    -ln(select(k > 2_147_483_647u32, near, far))
}

/// `ln u − ln(1 − u)` with the same `u`.
#[cube]
pub(super) fn logistic(k: u32) -> f32 {
    let (u, v) = (fraction(k), fraction(4_294_967_295u32 - k));
    // 2u − 1, with all its digits around 0, from the bits as a signed number.
    let s = (f32::cast_from(i32::reinterpret(k ^ 0x8000_0000u32)) + 0.5) * (2.0 * RESOLUTION);
    select(s.abs() < 0.333, twice_artanh(s), ln(u / v))
}

/// `(k + ½) 2⁻³²`.
#[cube]
fn fraction(k: u32) -> f32 {
    (f32::cast_from(k) + 0.5) * RESOLUTION
}

/// `ln x` of a positive normal number, as on the CPU, in f32: the built-in one may be 2⁻²¹ off near 1.
#[cube]
fn ln(x: f32) -> f32 {
    let shifted = u32::reinterpret(x) + 0x004A_FB0Du32;
    let exponent = f32::cast_from(i32::cast_from(shifted >> 23u32) - 127);
    let m = f32::reinterpret((shifted & 0x007F_FFFFu32) + 0x3F35_04F3u32);
    // ln 2 in two parts, the first of which has few enough digits for exact products.
    exponent * 0.693_145_75 + (exponent * 1.428_606_8e-6 + twice_artanh((m - 1.0) / (m + 1.0)))
}

/// `2 artanh s` for `|s| ≤ 1/3`: the Taylor series, cut where f32 ends.
#[cube]
fn twice_artanh(s: f32) -> f32 {
    let z = s * s;
    let tail = z * (z * (z * SEVENTH_TERM + SIXTH_TERM) + FIFTH_TERM) + FOURTH_TERM;
    let tail = z * (z * (z * tail + THIRD_TERM) + SECOND_TERM) + FIRST_TERM;
    2.0 * s + s * (z * tail)
}

/// 2⁻³².
const RESOLUTION: f32 = 1.0 / 4_294_967_296.0;

const FIRST_TERM: f32 = 2.0 / 3.0;
const SECOND_TERM: f32 = 2.0 / 5.0;
const THIRD_TERM: f32 = 2.0 / 7.0;
const FOURTH_TERM: f32 = 2.0 / 9.0;
const FIFTH_TERM: f32 = 2.0 / 11.0;
const SIXTH_TERM: f32 = 2.0 / 13.0;
const SEVENTH_TERM: f32 = 2.0 / 15.0;
