//! The normal distribution function, in logarithms and log-odds, and its inverse.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, PI, TAU};

use burn::tensor::{DType, Tensor};

use super::complement::with_slope;

/// `ln Φ(x)`, Φ the standard normal distribution function: keeps both tails.
///
/// # Gradient
/// `φ(x)/Φ(x)`, to the same precision.
///
/// # Numerics
/// Relative error below 1e-14 in f64 and 1e-6 in f32, for every x; beyond |x| = 1e18 the result is that of ±1e18.
///
/// # Examples
/// ```
/// use relaxit::{math::log_ndtr, prelude::*};
/// let x = Tensor::<1>::from_floats([-100.0, 0.0, 100.0], &Device::flex());
/// let y: Vec<f32> = log_ndtr(x).try_into_vec_as().unwrap();
/// assert!((y[0] + 5005.524).abs() < 1e-2 && (y[1] + 0.693_147_2).abs() < 1e-6 && y[2] == 0.0);
/// ```
///
/// # References
/// The sum for `erfc`: Chiarella & Reichel (1968), *On the evaluation of integrals related to the error function*.
#[must_use]
pub fn log_ndtr<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let x = x.clamp(-1e18, 1e18);
    let at = x.clone().inner();
    let Tails { lower, upper, hazard } = Tails::at(at.clone().abs());
    let positive = at.clone().greater_elem(0.0);
    let value = lower.mask_where(positive.clone(), upper.clone());
    with_slope(x, value, || hazard.mask_where(positive, (log_normal_density(at) - upper).exp()))
}

/// `Φ(x)`, precise in the lower tail.
pub(crate) fn ndtr<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    log_ndtr(x).exp()
}

/// The standard normal density.
pub(crate) fn normal_density<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    log_normal_density(x).exp()
}

/// `logit Φ(x)`: odd, increasing, and precise in both tails; near 0 the error is a few units of the resolution at 1.
pub(crate) fn logit_ndtr<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let x = x.clamp(-1e18, 1e18);
    let at = x.clone().inner();
    let (value, slope) = logit_ndtr_and_slope(at);
    with_slope(x, value, || slope)
}

/// The inverse of [`logit_ndtr`]: `Φ⁻¹(σ(x))`.
pub(crate) fn ndtri_of_logit<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let x = x.clamp(-1e30, 1e30);
    let at = x.clone().inner();
    // `logit_ndtr` is convex on v > 0, at least 4 φ(0) v and at least v²/2 there: Newton's steps from the smaller of
    // the two bounds fall towards the root and double the digits.
    let size = at.clone().abs();
    let mut root = (size.clone() * (TAU.sqrt() / 4.0)).min_pair((size.clone() * 2.0).sqrt());
    let mut slope = root.clone();
    // Four steps reach 1e-14; the fifth takes the slope there.
    for _ in 0..5 {
        let (value, current) = logit_ndtr_and_slope(root.clone());
        root = (root - (value - size.clone()) / current.clone()).clamp_min(0.0);
        slope = current;
    }
    with_slope(x, root * at.sign(), || slope.recip())
}

fn log_normal_density<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.square() * -0.5 - 0.5 * TAU.ln()
}

/// `ln Φ(x) − ln Φ(−x)` and its derivative `φ(x) / (Φ(x) Φ(−x))`.
fn logit_ndtr_and_slope<const D: usize>(x: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let Tails { lower, upper, hazard } = Tails::at(x.clone().abs());
    ((upper.clone() - lower) * x.sign(), hazard * (-upper).exp())
}

/// Both tails at x ≥ 0.
struct Tails<const D: usize> {
    /// `ln Φ(−x)`.
    lower: Tensor<D>,
    /// `ln Φ(x)`.
    upper: Tensor<D>,
    /// `φ(x) / Φ(−x)`, of which the logarithm would be a difference of numbers as large as x².
    hazard: Tensor<D>,
}

impl<const D: usize> Tails<D> {
    fn at(x: Tensor<D>) -> Self {
        let scaled = scaled_erfc(x.clone() * FRAC_1_SQRT_2);
        let hazard = scaled.clone().recip() * (FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
        let lower = scaled.log() - x.square() * 0.5 - LN_2;
        let upper = (-lower.clone().exp()).log1p();
        Self { lower, upper, hazard }
    }
}

/// `exp(t²) erfc(t)` for t ≥ 0.
///
/// The trapezoidal sum of `∫ 2t e^(−s²) / (π (s² + t²)) ds` over odd multiples of half the step h, plus the residue at
/// its pole: what is left out is of order `exp(−(π/h)²)`, below 1e-17 at h = ½. Nothing cancels.
fn scaled_erfc<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    const STEP: f64 = 0.5;
    // The terms left out are below e^−20 in f32, e^−42 in f64.
    let terms = if t.dtype() == DType::F64 { 13 } else { 9 };
    let square = t.clone().square();
    let term = |k: u32| {
        let s = (f64::from(k) + 0.5) * STEP;
        (square.clone() + s * s).recip() * (-s * s).exp()
    };
    let sum = (1..terms).fold(term(0), |sum, k| sum + term(k));
    // From t = 6 on the residue is below the resolution of the sum; far out it would not be, nor would it be there.
    let near = t.clone().clamp_max(6.0);
    let exponent = near.clone().square() - super::softplus(near * (2.0 * PI / STEP));
    let residue = (exponent.exp() * 2.0).mask_fill(t.clone().greater_elem(6.0), 0.0);
    t * sum * (2.0 * STEP / PI) + residue
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn f64s(x: &[f64]) -> Tensor<1> {
        Tensor::from_data(x, (&Device::flex(), DType::F64))
    }

    #[test]
    fn the_normal_score_inverts_the_log_odds() {
        let x = [-1e4, -150.0, -20.0, -3.0, -1e-9, 0.0, 1e-3, 0.5, 1.0, 8.0, 37.0, 1e6];
        let round = logit_ndtr(ndtri_of_logit(f64s(&x)));
        for (got, x) in round.try_into_vec_as::<f64>().expect("readable").into_iter().zip(x) {
            assert!((got - x).abs() <= 1e-13 * x.abs().max(0.1), "{got} {x}");
        }
    }

    /// Where the logarithm of the hazard, a difference of squares, would overflow.
    #[test]
    fn far_tails_have_finite_slopes() {
        let x = Tensor::<1>::from_floats([-1e18, -1e7, 1e7, 1e18], &Device::flex()).autodiff().require_grad();
        let slope = x.grad(&log_ndtr(x.clone()).sum().backward()).expect("a gradient");
        for (slope, expected) in
            slope.try_into_vec_as::<f32>().expect("readable").into_iter().zip([1e18, 1e7, 0.0, 0.0])
        {
            assert!((slope - expected).abs() <= 1e-6 * expected, "{slope} {expected}");
        }
    }

    #[test]
    fn gradients_are_inverse_too() {
        let x = f64s(&[-700.0, -20.0, -1.0, 0.0, 0.3, 5.0, 40.0]).autodiff().require_grad();
        let slope = |y: Tensor<1>| x.grad(&y.sum().backward()).expect("a gradient").try_into_vec_as::<f64>();
        for slope in slope(logit_ndtr(ndtri_of_logit(x.clone()))).expect("readable") {
            assert!((slope - 1.0).abs() < 1e-10, "{slope}");
        }
    }
}
