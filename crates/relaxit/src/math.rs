//! Total, numerically careful functions of tensors that Burn does not have.
//!
//! Each is finite wherever its value is representable, and says how far it is from the exact one.

mod complement;
mod normal;
mod quadrature;

use burn::tensor::{DType, Device, Tensor, activation};

pub use self::complement::log1mexp;
pub(crate) use self::complement::{log_neg_log1mexp, log1mexp_exp};
pub use self::normal::log_ndtr;
pub(crate) use self::normal::{logit_ndtr, ndtr, ndtri_of_logit, normal_density};
pub(crate) use self::quadrature::{GAUSS_LEGENDRE_NODES, gauss_legendre};

/// Euler's constant γ, the mean of a standard Gumbel variable.
pub(crate) const EULER: f64 = 0.577_215_664_901_532_9;

/// The smallest positive normal number of a type and half its resolution at 1: where open sets end in practice.
pub(crate) fn limits(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (f64::MIN_POSITIVE, f64::EPSILON / 2.0),
        _ => (f64::from(f32::MIN_POSITIVE), f64::from(f32::EPSILON) / 2.0),
    }
}

/// Holds `x` at the smallest positive normal number of its type or above.
pub(crate) fn above_zero<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let (smallest, _) = limits(x.dtype());
    x.clamp_min(smallest)
}

/// Holds `p` between the smallest positive normal number and the largest below 1 of its type.
pub(crate) fn inside_unit_interval<const D: usize>(p: Tensor<D>) -> Tensor<D> {
    let (smallest, resolution) = limits(p.dtype());
    p.clamp(smallest, 1.0 - resolution)
}

/// `ln(1 + eˣ)`, the log-odds' own logarithm: never overflows, keeps the lower tail.
///
/// # Numerics
/// Relative error below 4 ulp for every x on the CPU backend; other backends lose the lower tail's relative precision
/// (absolute error 1 ulp of 1), not its sign.
///
/// # Examples
/// ```
/// use relaxit::{math::softplus, prelude::*};
/// let x = Tensor::<1>::from_floats([-1e4, -30.0, 0.0, 1e4], &Device::flex());
/// let y: Vec<f32> = softplus(x).try_into_vec_as().unwrap();
/// assert_eq!(y, [0.0, 9.357_623e-14, 0.693_147_2, 1e4]);
/// ```
#[must_use]
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    -activation::log_sigmoid(-x)
}

/// `tanh x`, Burn's but several times as fast on the CPU.
///
/// # Numerics
/// In f32 on the CPU backend within 1.3 units in the last place, in vectors; for other devices and types it is Burn's.
///
/// # Gradient
/// `1 − tanh² x`.
///
/// # Examples
/// ```
/// use relaxit::{math::tanh, prelude::*};
/// let x = Tensor::<1>::from_floats([-1e4, -1e-20, 0.5, 1e4], &Device::flex());
/// let y: Vec<f32> = tanh(x).try_into_vec_as().unwrap();
/// assert!(y[..2] == [-1.0, -1e-20] && (y[2] - 0.462_117_16).abs() < 1e-7 && y[3] == 1.0);
/// ```
#[must_use]
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::kernel::serves_tanh(&x) {
        return crate::kernel::tanh(x);
    }
    x.tanh()
}

/// The inverse of [`softplus`] on y > 0: `y + ln(1 − e^−y)`; y below the type's resolution counts as that.
pub(crate) fn inverse_softplus<const D: usize>(y: Tensor<D>) -> Tensor<D> {
    let (_, resolution) = limits(y.dtype());
    let y = y.clamp_min(resolution);
    y.clone() + log1mexp(y)
}

/// `ln(p / (1 − p))`, precise where p is near 0 or 1.
///
/// Probabilities are held inside the open interval of their type: 0 becomes the smallest positive normal number (logit
/// −87.3 in f32, −708 in f64), 1 the largest number below it (16.6, 36.7), and no gradient flows where that happens.
///
/// # Examples
/// ```
/// use relaxit::{math::logit, prelude::*};
/// let p = Tensor::<1>::from_floats([0.0, 0.5, 1.0], &Device::flex());
/// let x: Vec<f32> = logit(p).try_into_vec_as().unwrap();
/// assert!(x[0] < -87.0 && x[1] == 0.0 && x[2] > 16.0 && x.iter().all(|x| x.is_finite()));
/// ```
#[must_use]
pub fn logit<const D: usize>(p: Tensor<D>) -> Tensor<D> {
    let p = inside_unit_interval(p);
    p.clone().log() - (-p).log1p()
}

/// `ln Σ eˣ` along `dim`, which is kept as 1.
///
/// # Numerics
/// The row's maximum is subtracted first: no overflow, and the error is that of a sum of numbers in (0, 1].
///
/// # Panics
/// If `dim` is not below the rank.
///
/// # Examples
/// ```
/// use relaxit::{math::log_sum_exp, prelude::*};
/// let x = Tensor::<2>::from_floats([[1e4, 1e4]], &Device::flex());
/// let y: f32 = log_sum_exp(x, 1).into_scalar();
/// assert_eq!(y, 1e4 + std::f32::consts::LN_2);
/// ```
#[must_use]
#[track_caller]
pub fn log_sum_exp<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    // A row of −∞ alone would give −∞ − (−∞); the floor turns that into −∞ again.
    let max = x.clone().detach().max_dim(dim).clamp_min(f64::from(f32::MIN));
    (x - max.clone()).exp().sum_dim(dim).log() + max
}

/// `ln Γ(x)` for x > 0 (Lanczos, g = 7, nine terms), differentiable.
///
/// # Numerics
/// Relative error below 1e-13 in f64; in f32 the absolute error is 1e-6 · max(1, x ln x). Outside x > 0 the result is
/// that of the smallest positive x.
///
/// # Examples
/// ```
/// use relaxit::{math::ln_gamma, prelude::*};
/// let y: f32 = ln_gamma(Tensor::<1>::from_floats([5.0], &Device::flex())).into_scalar();
/// assert!((y - 24f32.ln()).abs() < 1e-5);
/// ```
///
/// # References
/// Lanczos (1964), *A precision approximation of the gamma function*.
#[must_use]
pub fn ln_gamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // Γ(x) = Γ(x + 1) / x keeps the series away from its pole at 0.
    let x = above_zero(x);
    let mut series = Tensor::full(x.dims(), LANCZOS[0], (&x.device(), x.dtype()));
    for (k, &coefficient) in (1..).zip(&LANCZOS[1..]) {
        series = series + (x.clone() + k).recip() * coefficient;
    }
    let t = x.clone() + LANCZOS_G + 0.5;
    (x.clone() + 0.5) * t.clone().log() - t + series.log() - x.log() + 0.5 * std::f64::consts::TAU.ln()
}

/// The digamma function `ψ(x) = d ln Γ(x)/dx` for x > 0, differentiable.
///
/// ```text
/// ψ(x) = ψ(y) − Σⱼ 1/(x + j),   y = x + 8,   ψ(y) ~ ln y − 1/2y − Σₙ B₂ₙ/(2n y²ⁿ)
/// ```
///
/// # Numerics
/// Error below 1e-14 · max(1, |ψ(x)|) in f64, 1e-6 · max(1, |ψ(x)|) in f32. Outside x > 0 the result is that of the
/// smallest positive x.
///
/// # Examples
/// ```
/// use relaxit::{math::digamma, prelude::*};
/// let y: f32 = digamma(Tensor::<1>::from_floats([1.0], &Device::flex())).into_scalar();
/// assert!((y + 0.577_215_7).abs() < 1e-6);
/// ```
#[must_use]
pub fn digamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let x = above_zero(x);
    let y = x.clone() + f64::from(DIGAMMA_SHIFT);
    let (r, r2) = (y.clone().recip(), y.clone().square().recip());
    let series = BERNOULLI_SERIES[1..]
        .iter()
        .fold(r2.clone() * BERNOULLI_SERIES[0], |sum, &coefficient| (sum + coefficient) * r2.clone());
    // Smallest terms first.
    (0..DIGAMMA_SHIFT).rev().fold(y.log() - r * 0.5 - series, |sum, j| sum - (x.clone() + f64::from(j)).recip())
}

/// `ψ(x)` of one number; see [`digamma`].
pub(crate) fn digamma_scalar(x: f64) -> f64 {
    let x = x.max(f64::MIN_POSITIVE);
    let poles: f64 = (0..DIGAMMA_SHIFT).rev().map(|j| (x + f64::from(j)).recip()).sum();
    let y = x + f64::from(DIGAMMA_SHIFT);
    let r2 = (y * y).recip();
    let series = BERNOULLI_SERIES.iter().fold(0.0, |sum, &coefficient| (sum + coefficient) * r2);
    y.ln() - 0.5 / y - series - poles
}

const DIGAMMA_SHIFT: i32 = 8;
/// `B₂ₙ/2n` for n = 7, …, 1.
const BERNOULLI_SERIES: [f64; 7] =
    [1.0 / 12.0, -691.0 / 32_760.0, 1.0 / 132.0, -1.0 / 240.0, 1.0 / 252.0, -1.0 / 120.0, 1.0 / 12.0];

/// `ln Γ(x)` of one number; see [`ln_gamma`].
pub(crate) fn ln_gamma_scalar(x: f64) -> f64 {
    let x = x.max(f64::MIN_POSITIVE);
    let series = (1..).zip(&LANCZOS[1..]).fold(LANCZOS[0], |sum, (k, c)| sum + c / (x + f64::from(k)));
    let t = x + LANCZOS_G + 0.5;
    (x + 0.5) * t.ln() - t + series.ln() - x.ln() + 0.5 * std::f64::consts::TAU.ln()
}

const LANCZOS_G: f64 = 7.0;
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// One at the largest entry along the last dimension, zero elsewhere; the first of equals wins. Carries no gradient.
///
/// # Examples
/// ```
/// use relaxit::{math::one_hot_argmax, prelude::*};
/// let x = Tensor::<2>::from_floats([[0.1, 0.7, 0.2]], &Device::flex());
/// let b: Vec<f32> = one_hot_argmax(x).try_into_vec_as().unwrap();
/// assert_eq!(b, [0.0, 1.0, 0.0]);
/// ```
#[must_use]
#[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
pub fn one_hot_argmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let (device, dtype) = (x.device(), x.dtype());
    let x = x.inner();
    if x.dims().contains(&0) {
        return on_device(x, &device);
    }
    let mut shape = [1; D];
    shape[D - 1] = x.dims()[D - 1];
    let categories = Tensor::arange(0..shape[D - 1] as i64, &x.device()).reshape(shape);
    let hot = x.argmax(D - 1).equal(categories).float().cast(dtype);
    on_device(hot, &device)
}

/// One where `condition` holds, zero elsewhere, as numbers of type `dtype`.
pub(crate) fn indicator<const D: usize>(condition: Tensor<D, burn::tensor::Bool>, dtype: DType) -> Tensor<D> {
    condition.float().cast(dtype)
}

/// Computation in half precision would lose the tails that this crate is careful to keep: half types become F32.
pub(crate) fn at_least_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => x.cast(DType::F32),
    }
}

/// Gives a tensor computed without autodiff the autodiff context of `device`.
///
/// Samples are computed on the inner device, because forward passes that no `backward` ever follows pile up in the
/// graph.
pub(crate) fn on_device<const D: usize>(x: Tensor<D>, device: &Device) -> Tensor<D> {
    match device.gradient_checkpointing_strategy() {
        Some(strategy) => x.autodiff().with_gradient_checkpointing_strategy(strategy),
        None => x,
    }
}

/// The same values on the same device, of which autodiff knows nothing: Burn's `detach` makes another leaf of a leaf.
pub(crate) fn constant<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    on_device(x.clone().inner(), &x.device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn f64s(x: &[f64]) -> Tensor<1> {
        Tensor::from_data(x, (&Device::flex(), DType::F64))
    }

    fn values(x: Tensor<1>) -> Vec<f64> {
        x.try_into_vec_as().expect("readable")
    }

    #[test]
    fn ln_gamma_matches_factorials_and_the_scalar_form() {
        let mut factorial = 1.0_f64;
        for n in 1..30 {
            let x = f64::from(n);
            assert_relative_eq!(values(ln_gamma(f64s(&[x])))[0], factorial.ln(), max_relative = 1e-13, epsilon = 1e-13);
            factorial *= x;
        }
        // Γ(½) = √π, and the pole's neighbourhood.
        assert_relative_eq!(ln_gamma_scalar(0.5), 0.5 * std::f64::consts::PI.ln(), max_relative = 1e-13);
        for x in [1e-8, 1e-3, 0.3, 7.7, 1e3, 1e6] {
            assert_relative_eq!(values(ln_gamma(f64s(&[x])))[0], ln_gamma_scalar(x), max_relative = 1e-13);
        }
    }

    #[test]
    fn digamma_is_the_derivative_of_ln_gamma() {
        for x in [1e-6, 0.2, 1.0, 1.461_632_1, 2.5, 9.0, 150.0, 1e5] {
            let leaf = f64s(&[x]).autodiff().require_grad();
            let slope = leaf.grad(&ln_gamma(leaf.clone()).sum().backward()).expect("differentiable");
            let digamma = values(digamma(f64s(&[x])))[0];
            assert_relative_eq!(digamma, values(slope)[0], max_relative = 1e-11, epsilon = 1e-11);
            assert_relative_eq!(digamma, digamma_scalar(x), max_relative = 1e-14, epsilon = 1e-15);
        }
    }

    #[test]
    fn softplus_and_logit_are_inverse_to_sigmoid() {
        for x in [-30.0, -3.0, 0.0, 0.1, 3.0, 12.0] {
            let p = activation::sigmoid(f64s(&[x]));
            assert_relative_eq!(values(logit(p))[0], x, max_relative = 1e-9, epsilon = 1e-12);
            assert_relative_eq!(values(softplus(f64s(&[x])))[0], x.exp().ln_1p(), max_relative = 1e-14);
        }
    }

    #[test]
    fn log_sum_exp_of_minus_infinity_is_minus_infinity() {
        let x = Tensor::<1>::from_floats([f32::NEG_INFINITY; 2], &Device::flex());
        let y: f32 = log_sum_exp(x, 0).into_scalar();
        assert!(y == f32::NEG_INFINITY);
    }

    #[test]
    fn one_hot_argmax_takes_the_first_of_equals_and_an_empty_batch() {
        let device = Device::flex();
        let tie = Tensor::<2>::from_floats([[1.0, 1.0, 0.0]], &device);
        let hot: Vec<f32> = one_hot_argmax(tie).try_into_vec_as().expect("readable");
        assert_eq!(hot, [1.0, 0.0, 0.0]);
        assert_eq!(one_hot_argmax(Tensor::<2>::zeros([0, 3], &device)).dims(), [0, 3]);
    }
}
