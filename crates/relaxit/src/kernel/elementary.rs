//! Logarithm and exponential without branches or tables, so that loops over them become vector instructions.
#![allow(clippy::inline_always)] // see `Work::run`

/// `ln x` of a positive normal number, to 2 in 10¹³ relative: rounded to f32, within 0.501 units in the last place.
///
/// ```text
/// x = 2ᵉ m,   m in [√½, √2),   s = (m − 1)/(m + 1),   ln x = e ln 2 + 2 artanh s
/// ```
///
/// What it gives for other numbers has no meaning.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    /// √½, in bits: the smallest mantissa.
    const SMALLEST: u64 = 0x3FE6_A09E_667F_3BCD;
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    const FRACTION: u64 = 0x000F_FFFF_FFFF_FFFF;
    /// 2⁵²: an integer below it, put into its fraction, is a float that is larger by 2⁵².
    const INTEGERS: f64 = 4_503_599_627_370_496.0;
    const BIAS: f64 = 1023.0;
    /// (2 artanh s)/s − 2 over z = s², interpolated at Chebyshev nodes of 0 ≤ s ≤ 0.1716 to 2⁻⁴³.
    #[allow(clippy::excessive_precision)]
    const SERIES: [f64; 5] = [
        0.666_666_666_673_754_1,
        0.399_999_987_968_66,
        0.285_717_546_334_199_77,
        0.221_913_946_115_274_9,
        0.193_627_748_301_316_3,
    ];
    let shifted = x.to_bits().wrapping_add(ONE - SMALLEST);
    let exponent = f64::from_bits((shifted >> 52) | INTEGERS.to_bits()) - (INTEGERS + BIAS);
    let m = f64::from_bits((shifted & FRACTION) + SMALLEST);
    let f = m - 1.0;
    let s = f / (f + 2.0);
    let z = s * s;
    let [a, b, c, d, e] = SERIES;
    let tail = z.mul_add(z.mul_add(z.mul_add(z.mul_add(e, d), c), b), a);
    exponent.mul_add(std::f64::consts::LN_2, s.mul_add(z * tail, s + s))
}

/// `eˣ` of every f32, within 1 unit in the last place: 0 below −104, ∞ above 88.7, NaN of NaN.
///
/// ```text
/// x = n ln 2 + r,   |r| ≤ ½ ln 2,   eˣ = 2ⁿ (1 + r + r² P(r))
/// ```
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// 3 · 2²²: added to a small number, it leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = std::f32::consts::LN_2;
    /// What f32 leaves out of ln 2.
    const LN_2_LOW: f32 = -1.904_654_2e-9;
    /// (eʳ − 1 − r)/r², interpolated at Chebyshev nodes to 2⁻³⁰ of eʳ.
    const SERIES: [f32; 6] = [0.5, 0.166_666_67, 0.041_666_463, 0.008_333_310_5, 0.001_393_373_1, 0.000_198_910_8];
    // Not `clamp`, whose NaN handling costs instructions; these comparisons let NaN pass.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let [a, b, c, d, e, f] = SERIES;
    let p = r.mul_add(r.mul_add(r.mul_add(r.mul_add(r.mul_add(f, e), d), c), b), a);
    let m = (r * r).mul_add(p, r) + 1.0;
    // In two steps, because 2ⁿ alone leaves the range of normal numbers before m 2ⁿ leaves that of f32.
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()).cast_signed();
    let half = n >> 1;
    m * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `2ⁿ`, for `|n| ≤ 126`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127).cast_unsigned()) << 23)
}

/// `σ(x) = 1/(1 + e⁻ˣ)`, within 3 units in the last place, the smallest subnormal numbers included.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let decay = exp(-x.abs());
    let large = 1.0 / (1.0 + decay);
    if x < 0.0 { decay * large } else { large }
}

/// `ln(1 + x)` for 0 ≤ x ≤ 1, within 2 units in the last place, the smallest subnormal numbers included.
///
/// ```text
/// s = x/(2 + x),   ln(1 + x) = 2 artanh s
/// ```
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    /// (2 artanh s)/s − 2 over z = s², interpolated at Chebyshev nodes of 0 ≤ s ≤ ⅓ to 2⁻³⁰ of the whole.
    const SERIES: [f32; 5] = [0.666_666_7, 0.399_997_06, 0.285_923_6, 0.217_065_76, 0.232_243_3];
    let s = x / (2.0 + x);
    let z = s * s;
    let [a, b, c, d, e] = SERIES;
    let tail = z.mul_add(z.mul_add(z.mul_add(z.mul_add(e, d), c), b), a);
    s.mul_add(z * tail, s + s)
}

/// `ln x` of a positive f32, rounded once; that of the smallest normal number for what is smaller, 0 included.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn ln_above_zero(x: f32) -> f32 {
    let x = if x > f32::MIN_POSITIVE { x } else { f32::MIN_POSITIVE };
    ln(f64::from(x)) as f32
}

/// `ln σ(x) = min(x, 0) − ln(1 + e^−|x|)`, within 3 units in the last place on both sides.
#[inline(always)]
pub(crate) fn log_sigmoid(x: f32) -> f32 {
    let below = if x > 0.0 { 0.0 } else { x };
    below - ln_1p(exp(-x.abs()))
}

/// `tanh x`, within 1.3 units in the last place.
///
/// ```text
/// x + x³ P(x²) if |x| < 0.65,   ±(1 − 2/(1 + e^2|x|)) elsewhere
/// ```
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    /// (tanh x − x)/x³ over x², interpolated at Chebyshev nodes of 0 ≤ x ≤ 0.65 to 2⁻³⁰ of tanh x/x.
    #[allow(clippy::excessive_precision)]
    const SERIES: [f32; 6] =
        [-0.333_333_330_8, 0.133_332_907_5, -0.053_956_349_4, 0.021_746_187_1, -0.008_272_456_7, 0.002_214_902_7];
    let z = x * x;
    let [a, b, c, d, e, f] = SERIES;
    let p = z.mul_add(z.mul_add(z.mul_add(z.mul_add(z.mul_add(f, e), d), c), b), a);
    let near = (x * z).mul_add(p, x);
    let far = (1.0 - 2.0 / (1.0 + exp(2.0 * x.abs()))).copysign(x);
    if x.abs() < 0.65 { near } else { far }
}

/// How many partial sums (or maxima) a reduction keeps: enough to fill the widest vectors, the same everywhere, so that
/// the order of additions does not depend on the instruction set.
const LANES: usize = 16;

/// The largest of `row`; −∞ of none.
#[inline(always)]
pub(crate) fn max(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let (wide, rest) = row.as_chunks::<LANES>();
    let mut greatest = rest.iter().fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
    if !wide.is_empty() {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for chunk in wide {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane = larger(*lane, x);
            }
        }
        greatest = lanes.iter().fold(greatest, |a, &b| larger(a, b));
    }
    greatest
}

/// `Σ row`.
#[inline(always)]
pub(crate) fn sum(row: &[f32]) -> f32 {
    let (wide, rest) = row.as_chunks::<LANES>();
    let mut total = rest.iter().fold(0.0, |a, &b| a + b);
    if !wide.is_empty() {
        let mut lanes = [0.0; LANES];
        for chunk in wide {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += x;
            }
        }
        total += fold(lanes);
    }
    total
}

/// `Σ aᵢ bᵢ`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    accumulate(a, b, |sum, x, y| x.mul_add(y, sum))
}

/// A sum over pairs: `add` makes the next partial sum of the one before and a pair.
#[inline(always)]
pub(crate) fn accumulate(a: &[f32], b: &[f32], add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let ((wide_a, rest_a), (wide_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut total = rest_a.iter().zip(rest_b).fold(0.0f32, |total, (&x, &y)| add(total, x, y));
    if !wide_a.is_empty() {
        let mut lanes = [0.0f32; LANES];
        for (x, y) in wide_a.iter().zip(wide_b) {
            for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                *lane = add(*lane, x, y);
            }
        }
        total += fold(lanes);
    }
    total
}

/// The sum of the lanes, by halves.
#[inline(always)]
fn fold(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;
    use crate::kernel::instruction_set::{SETS, on_set};
    use crate::kernel::{Work, widest};

    /// A function of f32, mapped over a slice as a kernel maps it.
    struct Map<'a, F>(F, &'a mut [f32]);

    impl<F: Fn(f32) -> f32> Work for Map<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            for x in self.1 {
                *x = (self.0)(*x);
            }
        }
    }

    /// The largest error of a function over f32 numbers, by [`ulps`].
    struct Largest<'a, F, E> {
        function: F,
        exact: E,
        arguments: &'a [f32],
        values: &'a mut [f32],
    }

    impl<F: Fn(f32) -> f32, E: Fn(f64) -> f64> Work for Largest<'_, F, E> {
        type Output = f64;

        #[inline(always)]
        fn run(self) -> f64 {
            for (value, &x) in self.values.iter_mut().zip(self.arguments) {
                *value = (self.function)(x);
            }
            let errors = self.values.iter().zip(self.arguments);
            errors.map(|(&value, &x)| ulps(value, (self.exact)(f64::from(x)))).fold(0.0, larger)
        }
    }

    /// Distance from the exact value in units in the last place of f32, the smallest subnormal at least.
    #[inline(always)]
    #[allow(clippy::float_cmp)]
    fn ulps(value: f32, exact: f64) -> f64 {
        let rounds_to_infinity = exact >= f64::from(f32::MAX) + 2f64.powi(103);
        if f64::from(value) == exact || (rounds_to_infinity && value == f32::INFINITY) {
            return 0.0;
        }
        let exponent = (exact.to_bits() >> 52 & 0x7FF).max(1023 - 126) - 23;
        (f64::from(value) - exact).abs() / f64::from_bits(exponent << 52)
    }

    /// The larger; NaN, which `f64::max` would lose, is the largest of all.
    #[inline(always)]
    fn larger(a: f64, b: f64) -> f64 {
        if b > a || b.is_nan() { b } else { a }
    }

    /// The largest error of `function` over the f32 numbers with the bits `range`, every `step`th.
    fn error(
        range: std::ops::RangeInclusive<u32>,
        step: u32,
        function: impl Fn(f32) -> f32 + Copy + Sync,
        exact: impl Fn(f64) -> f64 + Copy + Sync,
    ) -> f64 {
        const CHUNK: u32 = 1 << 16;
        (range.start() / CHUNK..=range.end() / CHUNK)
            .into_par_iter()
            .map(|chunk| {
                let first = (chunk * CHUNK).max(*range.start());
                let last = (chunk * CHUNK + (CHUNK - 1)).min(*range.end());
                let arguments: Vec<f32> =
                    (0..=(last - first) / step).map(|i| f32::from_bits(first + i * step)).collect();
                let mut values = vec![0.0; arguments.len()];
                widest(Largest { function, exact, arguments: &arguments, values: &mut values })
            })
            .reduce(|| 0.0, larger)
    }

    /// Holds `function` to its stated error over every `step`th f32. Below 2⁻²⁶ and above 110 in magnitude the exact value
    /// needs no library: `near` and `far`.
    fn check(
        (name, stated): (&str, f64),
        step: u32,
        function: impl Fn(f32) -> f32 + Copy + Sync,
        near: impl Fn(f64) -> f64 + Copy + Sync,
        exact: impl Fn(f64) -> f64 + Copy + Sync,
        far: impl Fn(f64) -> f64 + Copy + Sync,
    ) {
        for sign in [1.0, -1.0] {
            let [zero, small, large, infinity] =
                [0.0, f32::EPSILON / 8.0, 110.0, f32::INFINITY].map(|x: f32| (sign * x).to_bits());
            let found = error(zero..=small, step, function, near);
            let found = larger(found, error(small..=large, step, function, exact));
            let found = larger(found, error(large..=infinity, step, function, far));
            assert!(found < stated, "{name} is {found} units off, sign {sign}");
        }
    }

    /// The stated errors over every `step`th f32.
    fn check_errors(step: u32) {
        let exact = |x: f64| x.max(f64::from(f32::MIN_POSITIVE)).ln();
        let found = error(0..=f32::MAX.to_bits(), step, ln_above_zero, exact);
        assert!(found < 0.501, "ln is {found} units off");
        let found = error(0..=1f32.to_bits(), step, ln_1p, f64::ln_1p);
        assert!(found < 2.0, "ln_1p is {found} units off");

        check(("exp", 1.0), step, exp, |x| 1.0 + x, f64::exp, |x| if x > 0.0 { f64::INFINITY } else { 0.0 });

        let exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        check(("sigmoid", 3.0), step, sigmoid, |x| 0.5 + x / 4.0, exact, |x| if x > 0.0 { 1.0 } else { 0.0 });

        let near = |x| x / 2.0 - std::f64::consts::LN_2;
        let exact = |x: f64| x.min(0.0) - (-x.abs()).exp().ln_1p();
        check(("log_sigmoid", 3.0), step, log_sigmoid, near, exact, |x| x.min(0.0));

        check(("tanh", 1.3), step, tanh, |x| x, f64::tanh, f64::signum);
    }

    #[test]
    fn errors_are_as_stated() {
        check_errors(1009);
    }

    /// Every f32.
    #[test]
    #[ignore = "slow without optimisation: .ci/kernels runs it"]
    fn errors_are_as_stated_everywhere() {
        check_errors(1);
    }

    /// The logarithm itself, which the noise takes twice before it rounds.
    #[test]
    fn logarithms_are_good_to_twelve_digits() {
        let inputs = (0u32..1 << 20).map(|i| (f64::from(i) * 4096.0 + 0.5) / 4_294_967_296.0);
        for x in inputs.chain((0u32..1000).map(|i| 1.0 + (f64::from(i) - 500.0) * 1e-12)) {
            let (value, exact) = (ln(x), x.ln());
            assert!((value - exact).abs() <= 2e-13 * exact.abs(), "{x:e}: {value:e}, not {exact:e}");
        }
    }

    #[test]
    fn nan_stays() {
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }

    #[test]
    fn reductions_see_every_element() {
        for len in [0, 1, 15, 16, 17, 40, 64, 100] {
            let row: Vec<f32> = (0u8..).take(len).map(|i| f32::from(i) - 30.0).collect();
            let exact: f32 = row.iter().sum();
            let squares: f32 = row.iter().map(|x| x * x).sum();
            assert_eq!((sum(&row), dot(&row, &row)), (exact, squares), "small integers add up exactly");
            for i in 0..len {
                let mut spiked = row.clone();
                spiked[i] = 200.0;
                assert_eq!(max(&spiked).to_bits(), 200_f32.to_bits());
            }
        }
        assert_eq!(max(&[]).to_bits(), f32::NEG_INFINITY.to_bits());
    }

    /// The instruction set changes the speed alone.
    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let arguments: Vec<f32> = (0..3000u16).map(|i| f32::from(i) * 0.05 - 110.0).collect();
        for function in [sigmoid, log_sigmoid, ln_above_zero, tanh] {
            let baseline: Vec<f32> = arguments.iter().map(|&x| function(x)).collect();
            for set in 0..SETS {
                let mut values = arguments.clone();
                assert!(!on_set(set, Map(function, &mut values)) || values == baseline, "set {set}");
            }
        }
    }
}
