//! Draws that no tensor operation gives: computed element by element, in f64 on the host.

use burn::tensor::{DType, Tensor, TensorData};
use rayon::prelude::*;

use crate::math::on_device;
use crate::noise::{Base, Noise};

/// Elements below which threads cost more than they give.
const SMALLEST_CHUNK: usize = 1 << 8;

/// Weights relative to the mode's that no longer count: their sum is below the resolution of f64.
const NEGLIGIBLE: f64 = 1e-20;

/// Rates above which a Poisson draw differs from its rate by less than f32 resolves.
const RESOLVED_RATE: f64 = 281_474_976_710_656.0; // 2⁴⁸

/// The values of a tensor: reads the device.
pub(super) fn values<const D: usize>(x: &Tensor<D>) -> Vec<f64> {
    x.clone().inner().try_into_vec_as().unwrap_or_default()
}

/// One draw of `base` for each element of `x`, at 52 bits whatever its type.
pub(super) fn noise_like<const D: usize>(x: &Tensor<D>, base: Base, noise: &mut Noise) -> Vec<f64> {
    let mut out = vec![0.0; x.dims().iter().product()];
    noise.fill_f64(base, &mut out);
    out
}

/// `f` of each element, with the shape, the type and the device of `like`. It carries no gradient.
pub(super) fn map<const N: usize, const D: usize>(
    inputs: [&[f64]; N],
    like: &Tensor<D>,
    f: impl Fn([f64; N]) -> f64 + Sync,
) -> Tensor<D> {
    from_values(each(inputs, f), like)
}

/// `f` of each element; the inputs have one length.
pub(super) fn each<const N: usize, T: Send>(inputs: [&[f64]; N], f: impl Fn([f64; N]) -> T + Sync) -> Vec<T> {
    let len = inputs.first().map_or(0, |input| input.len());
    let element = |i| f(inputs.map(|input: &[f64]| input[i]));
    (0..len).into_par_iter().with_min_len(SMALLEST_CHUNK).map(element).collect()
}

/// Values computed on the host, with the shape, the type and the device of `like`.
pub(super) fn from_values<const D: usize>(values: Vec<f64>, like: &Tensor<D>) -> Tensor<D> {
    let inner = like.clone().inner();
    let data = TensorData::new(values, like.dims());
    on_device(Tensor::from_data(data, (&inner.device(), like.dtype())), &like.device())
}

/// Holds a count to what its type can represent.
pub(super) fn representable(count: f64, dtype: DType) -> f64 {
    if dtype == DType::F64 { count.min(f64::MAX) } else { count.min(f64::from(f32::MAX)) }
}

/// The Poisson draw of the uniform number `u`.
pub(super) fn poisson(rate: f64, u: f64) -> f64 {
    if rate < RESOLVED_RATE { outwards(u, rate.floor(), f64::INFINITY, |k| rate / (k + 1.0)) } else { rate.floor() }
}

/// The count that the uniform number `u` becomes, by inversion with the counts ordered from the mode outwards.
///
/// `ratio(k) = p(k + 1) / p(k)` is all that is needed of the law, so no logarithm of a large factorial loses digits. The
/// ratios must fall as k grows; `mode` may be off by a little. Takes about 17 standard deviations of steps.
pub(super) fn outwards(u: f64, mode: f64, last: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let mut total = 1.0;
    let (mut k, mut weight) = (mode, 1.0);
    while k < last && weight > NEGLIGIBLE {
        weight *= ratio(k);
        k += 1.0;
        total += weight;
    }
    (k, weight) = (mode, 1.0);
    while k > 0.0 && weight > NEGLIGIBLE {
        k -= 1.0;
        weight /= ratio(k);
        total += weight;
    }

    let mut left = u * total - 1.0;
    let (mut above, mut weight_above) = (mode, 1.0);
    let (mut below, mut weight_below) = (mode, 1.0);
    while left > 0.0 {
        let (up, down) = (above < last && weight_above > NEGLIGIBLE, below > 0.0 && weight_below > NEGLIGIBLE);
        if up {
            weight_above *= ratio(above);
            above += 1.0;
            left -= weight_above;
            if left <= 0.0 {
                return above;
            }
        }
        if down {
            below -= 1.0;
            weight_below /= ratio(below);
            left -= weight_below;
            if left <= 0.0 {
                return below;
            }
        }
        if !up && !down {
            break; // what rounding left, about 1e-16
        }
    }
    mode
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // of numbers that are exact
mod tests {
    use super::*;

    /// Each count owns an interval of `u` as long as its probability.
    #[test]
    fn intervals_are_as_long_as_probabilities() {
        const POINTS: u32 = 100_000;
        let mut hits = [0_u32; 40];
        for i in 0..POINTS {
            let k = poisson(3.5, (f64::from(i) + 0.5) / f64::from(POINTS));
            let slot = (0..40).position(|slot| f64::from(slot) == k).expect("a small count");
            hits[slot] += 1;
        }
        let mut p = (-3.5_f64).exp();
        for (k, hits) in (1_u32..).zip(hits) {
            assert!((f64::from(hits) / f64::from(POINTS) - p).abs() < 2e-5, "{k}");
            p *= 3.5 / f64::from(k);
        }
    }

    #[test]
    fn certainties_and_strange_rates_end() {
        assert!(poisson(0.0, 0.999_999) <= 0.0);
        assert!(poisson(1e300, 0.5) > 1e299 && poisson(f64::INFINITY, 0.5) == f64::INFINITY);
        assert!(outwards(0.3, 5.0, 5.0, |k| (5.0 - k) / (k + 1.0) * 1e304) == 5.0);
        assert!(outwards(0.3, 0.0, 5.0, |k| (5.0 - k) / (k + 1.0) * 1e-304) == 0.0);
    }
}
