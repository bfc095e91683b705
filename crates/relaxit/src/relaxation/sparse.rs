//! Sparse maps to the simplex: softmax with exact zeros.

use burn::tensor::{Int, Tensor};

use super::straight_through;
use crate::math::{at_least_f32, indicator, on_device};

/// The Euclidean projection onto the simplex along the last dimension: like softmax, with exact zeros.
///
/// ```text
/// p = argmin over the simplex of ‖p − x‖² = max(x − θ, 0),   θ such that Σ p = 1
/// ```
///
/// # Shapes
/// `x` and the result: `[batch…, K]`.
///
/// # Gradient
/// Exact wherever the support `S = {k: pₖ > 0}` does not change: `v − mean_S(v)` on the support, 0 elsewhere. At the
/// kinks between supports, that of the smaller support.
///
/// # Numerics
/// θ is found by sorting, then corrected for rounding: `Σ p = 1` to K units in the last place. An entry of −∞ gets 0;
/// NaN or +∞ give NaN. Half precision is raised to F32.
///
/// # Panics
/// If there are no entries.
///
/// # Examples
/// ```
/// use relaxit::{prelude::*, relaxation::sparsemax};
/// let p = sparsemax(Tensor::<1>::from_floats([0.5, 0.25, -3.0], &Device::flex()));
/// let p: Vec<f32> = p.try_into_vec_as().unwrap();
/// assert_eq!(p, [0.625, 0.375, 0.0]);
/// ```
///
/// # References
/// [`crate::reference::SPARSEMAX`], algorithm 1 and section 2.5.
#[must_use]
#[track_caller]
pub fn sparsemax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let threshold = |sorted: Tensor<D>, rank: Tensor<D>| (sorted.cumsum(D - 1) - 1.0) / rank;
    sparse_map(x, 1.0, threshold, |gaps| (gaps.clone(), indicator(gaps.clone().greater_elem(0.0), gaps.dtype())))
}

/// The map between softmax and [`sparsemax`]: 1.5-entmax along the last dimension, smooth and with exact zeros.
///
/// ```text
/// p = argmax over the simplex of p·x + H(p),   H = 4/3 Σₖ (pₖ − pₖ^{3/2})
///   = max(x/2 − θ, 0)²,   θ such that Σ p = 1
/// ```
///
/// # Shapes
/// `x` and the result: `[batch…, K]`.
///
/// # Gradient
/// Exact everywhere, and continuous: `s ⊙ (v − s·v/Σ s)` with `s = √p`.
///
/// # Numerics
/// θ is found by sorting, then corrected for rounding: `Σ p = 1` to K units in the last place. An entry of −∞ gets 0;
/// NaN or +∞ give NaN. Half precision is raised to F32.
///
/// # Panics
/// If there are no entries.
///
/// # Examples
/// ```
/// use relaxit::{prelude::*, relaxation::entmax15};
/// let p = entmax15(Tensor::<1>::from_floats([1.0, 1.0, -3.0], &Device::flex()));
/// assert!(p.all_close(Tensor::from_floats([0.5, 0.5, 0.0], &Device::flex()), None, None));
/// ```
///
/// # References
/// [`crate::reference::SPARSE_SEQUENCE_TO_SEQUENCE`], algorithm 2 and proposition 2.
#[doc(alias = "entmax")]
#[must_use]
#[track_caller]
pub fn entmax15<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let threshold = |sorted: Tensor<D>, rank: Tensor<D>| {
        let mean = sorted.clone().cumsum(D - 1) / rank.clone();
        let mean_square = sorted.square().cumsum(D - 1) / rank.clone();
        let excess = rank.recip() - (mean_square - mean.clone().square());
        mean - excess.clamp_min(0.0).sqrt()
    };
    sparse_map(x, 0.5, threshold, |gaps| (gaps.clone().square(), gaps * 2.0))
}

/// `p = mass(max(y − θ, 0))` of `y = scale · x`, with θ from the support that sorting finds.
///
/// `threshold` gives, for each number of entries in the support, the θ at which they sum to 1; `mass` gives p and the
/// slopes `s = ∂p/∂y` at fixed θ, from which the whole Jacobian follows: `diag(s) − s sᵀ/Σ s`.
#[track_caller]
#[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
fn sparse_map<const D: usize>(
    x: Tensor<D>,
    scale: f64,
    threshold: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
    mass: impl Fn(Tensor<D>) -> (Tensor<D>, Tensor<D>),
) -> Tensor<D> {
    let x = at_least_f32(x);
    let entries = x.dims()[D - 1];
    assert!(entries > 0, "a map to the simplex needs at least one entry, got shape {:?}", x.dims());
    if x.dims().contains(&0) {
        return x;
    }
    // Relative to the largest entry, those below −1 have no mass: holding them there keeps every sum small.
    let largest = x.clone().detach().max_dim(D - 1);
    let y = ((x - largest) * scale).clamp_min(-1.0);
    let (value, device) = (y.clone().inner(), y.device());

    let mut shape = [1; D];
    shape[D - 1] = entries;
    let rank = Tensor::<1, Int>::arange(1..entries as i64 + 1, &value.device()).float().cast(value.dtype());
    let sorted = value.clone().sort_descending(D - 1);
    let thresholds = threshold(sorted.clone(), rank.reshape(shape));
    // The support is the longest prefix above its own threshold.
    let count = sorted.greater(thresholds.clone()).int().sum_dim(D - 1).clamp_min(1);
    let mut theta = thresholds.gather(D - 1, count - 1);
    // Newton's steps on Σ p = 1 take away the rounding of the sums, which for thousands of entries is not small. Equal
    // entries have the highest θ that there is, below 0.
    let highest = -0.5 / entries as f64;
    for _ in 0..3 {
        theta = theta.clamp(-1.0, highest);
        let (p, slopes) = mass((value.clone() - theta.clone()).clamp_min(0.0));
        theta = theta + (p.sum_dim(D - 1) - 1.0) / slopes.sum_dim(D - 1);
    }
    let (p, slopes) = mass((value - theta).clamp_min(0.0));
    let (p, slopes) = (on_device(p, &device), on_device(slopes, &device));
    let centre = (slopes.clone() * y.clone()).sum_dim(D - 1) / slopes.clone().sum_dim(D - 1);
    straight_through(p, slopes * (y - centre))
}
