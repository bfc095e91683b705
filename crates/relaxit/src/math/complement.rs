//! Logarithms of complements, for laws whose probabilities come arbitrarily near 0 and 1.

use std::f64::consts::LN_2;

use burn::tensor::Tensor;

use super::{limits, on_device};

/// `ln(1 − e^(−x))` for x > 0: precise where x is small and where it is large.
///
/// # Gradient
/// Exact to the same precision: `1 / (eˣ − 1)`.
///
/// # Numerics
/// Relative error of a few ulp on the CPU backend. Outside x > 0 the result is that of the smallest positive x.
///
/// # Examples
/// ```
/// use relaxit::{math::log1mexp, prelude::*};
/// let x = Tensor::<1>::from_floats([1e-10, std::f32::consts::LN_2, 50.0], &Device::flex());
/// let y: Vec<f32> = log1mexp(x).try_into_vec_as().unwrap();
/// assert!((y[0] - 1e-10_f32.ln()).abs() < 1e-5 && (y[1] + std::f32::consts::LN_2).abs() < 1e-6);
/// assert!((y[2] + (-50_f32).exp()).abs() < 1e-27);
/// ```
#[must_use]
pub fn log1mexp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let x = super::above_zero(x);
    let at = x.clone().inner();
    let value = log1mexp_value(at.clone());
    with_slope(x, value.clone(), || (-at - value).exp())
}

/// `ln(−ln(1 − eʸ))` for y < 0, which it inverts: `ln(1 − exp(−exp(·)))` of the result is y again, to any depth.
pub(crate) fn log_neg_log1mexp<const D: usize>(y: Tensor<D>) -> Tensor<D> {
    let (smallest, _) = limits(y.dtype());
    let y = y.clamp_max(-smallest);
    let at = y.clone().inner();
    // Where eʸ is lost beside 1 the result is y itself, plus eʸ/2.
    let near = log1mexp_value(-at.clone().clamp_min(DEEP)).neg().log();
    let value = near.mask_where(at.clone().lower_elem(DEEP), at.clone() + at.clone().exp() * 0.5);
    // d/dy = eʸ / ((1 − eʸ) (−ln(1 − eʸ))), of which the logarithm is y + e^value − value.
    with_slope(y, value.clone(), || (at + value.clone().exp() - value).exp())
}

/// `ln(1 − exp(−eʸ))`: the inverse of [`log_neg_log1mexp`].
pub(crate) fn log1mexp_exp<const D: usize>(y: Tensor<D>) -> Tensor<D> {
    let at = y.clone().inner();
    let power = at.clone().clamp(DEEP, -DEEP).exp();
    let value = log1mexp_value(power).mask_where(at.clone().lower_elem(DEEP), at.clone() - at.clone().exp() * 0.5);
    with_slope(y, value.clone(), || (at.clone() - at.exp() - value).exp())
}

/// e^−20 squared is below the resolution of f64.
const DEEP: f64 = -20.0;

fn log1mexp_value<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // 1 − e^(−x) = 2t / (1 + t), t = tanh(x/2), where x is small.
    let t = (x.clone() * 0.5).tanh();
    let small = t.clone().log() - t.log1p() + LN_2;
    small.mask_where(x.clone().greater_elem(LN_2), (-(-x).exp()).log1p())
}

/// `value` with the gradient `slope` in `x`, both computed at `x` on the inner device.
pub(super) fn with_slope<const D: usize>(
    x: Tensor<D>,
    value: Tensor<D>,
    slope: impl FnOnce() -> Tensor<D>,
) -> Tensor<D> {
    let device = x.device();
    let value = on_device(value, &device);
    if !x.is_tracked() {
        return value;
    }
    value + (x.clone() - x.detach()) * on_device(slope(), &device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};

    #[test]
    fn the_two_maps_are_inverse() {
        for dtype in [DType::F64, DType::F32] {
            let y = [-5e3, -300.0, -20.1, -19.9, -3.0, -0.7, -1e-2, -1e-5];
            let leaf = Tensor::<1>::from_data(y, (&Device::flex(), dtype)).autodiff().require_grad();
            let round = log1mexp_exp(log_neg_log1mexp(leaf.clone()));
            let slopes = leaf.grad(&round.clone().sum().backward()).expect("a gradient");
            let tolerance = if dtype == DType::F64 { 1e-11 } else { 3e-4 };
            let values = round.inner().try_into_vec_as::<f64>().expect("readable");
            for ((got, y), slope) in values.into_iter().zip(y).zip(slopes.try_into_vec_as::<f64>().expect("readable")) {
                assert!((got - y).abs() <= tolerance * y.abs(), "{got} {y}");
                assert!((slope - 1.0).abs() <= tolerance, "{slope} at {y}");
            }
        }
    }

    #[test]
    fn extremes_are_finite_with_their_slopes() {
        let device = Device::flex();
        let x = [-1e30, -1e4, -100.0, -1.0, -1e-30, 0.0, 1e-30, 1.0, 100.0, 1e4, 1e30];
        for f in [log1mexp::<1>, log_neg_log1mexp::<1>, log1mexp_exp::<1>] {
            let leaf = Tensor::<1>::from_data(x, (&device, DType::F32)).autodiff().require_grad();
            let y = f(leaf.clone());
            let slopes = leaf.grad(&y.clone().sum().backward()).expect("a gradient");
            assert!(y.inner().is_finite().all().into_scalar::<bool>());
            assert!(slopes.clone().is_finite().all().into_scalar::<bool>(), "{slopes}");
        }
    }
}
