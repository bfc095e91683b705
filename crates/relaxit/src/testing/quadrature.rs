//! Integrals of densities, by the trapezoidal rule in F64 along the free coordinates of the support.
//!
//! ```text
//! support        coordinates d ∈ ℝᵐ          log-Jacobian
//! ℝ              x                            0
//! [0, 1]         logit y                      ln y + ln(1 − y)
//! log-simplex    dₖ = xₖ − x_K,  k < K        0
//! simplex        dₖ = ln yₖ − ln y_K,  k < K  Σₖ ln yₖ
//! ```
//!
//! Densities on the simplex are with respect to the first K − 1 coordinates, those on the log-simplex with respect to
//! the K − 1 log-ratios `d`.
//!
//! Each coordinate is `median + IQR · sinh t` of the law's own draws, with equal steps in `t`: the integrand then falls
//! doubly exponentially on both sides, where the rule converges faster than any power of the step.

use burn::tensor::{DType, Tensor, activation};

use super::{Case, Verdict, Z_MILLION, column, columns, values, worst};
use crate::distribution::{Cdf, Density, Distribution, Enumerable};
use crate::math::softplus;
use crate::support::Support;

/// How far an integral in F64 may be off.
const TOLERANCE: f64 = 1e-6;

/// `|t| ≤ 20`: sinh reaches 2·10⁸ interquartile ranges.
const REACH: f64 = 20.0;

/// Points along the line, and along each side of the plane.
const LINE: usize = 1 << 15;
/// See [`LINE`].
const SIDE: usize = 801;

/// The density integrates to 1.
///
/// ```text
/// |∫ exp(log_prob(x)) dx − 1|
/// ```
///
/// Passes up to 1e-6, in F64.
///
/// # Panics
/// If the law is discrete, or an event has more than two free coordinates.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, quadrature};
/// let latent = |logits| ExpConcrete::from_logits(logits, 0.5).unwrap();
/// quadrature::normalisation(&Case::new("ExpConcrete", &[0.0, 1.0, -1.0], latent)).assert();
/// ```
#[track_caller]
pub fn normalisation<L: Density<2>>(case: &Case<L>) -> Verdict {
    let integrals = expectation(case, |x| x.slice_dim(1, 0).ones_like());
    case.verdict("∫ exp(log_prob) = 1", worst(integrals.into_iter().map(|total| (total - 1.0).abs())), TOLERANCE)
}

/// Draws have the expectations that the density gives, of functions that see how entries depend on each other.
///
/// ```text
/// (⟨f(x)⟩ − ∫ f exp(log_prob) dx) / standard error,   f = (x₁ − x_K)², cos Σᵢ (i + 1) xᵢ
/// ```
///
/// A density of the marginals alone integrates to 1, and has the right score: this tells it apart.
///
/// # Panics
/// As [`normalisation`].
///
/// # Examples
/// ```
/// use relaxit::distribution::Dirichlet;
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, quadrature};
/// let dirichlet = |p| Dirichlet::new(p).unwrap();
/// quadrature::joint(&Case::new("Dirichlet", &[1.5, 2.0, 3.0], dirichlet).with_draws(20_000)).assert();
/// ```
#[track_caller]
pub fn joint<L: Density<2>>(case: &Case<L>) -> Verdict {
    const LAW: &str = "draws have the expectations of the joint density";
    let draws = case.law(case.draws(), DType::F64).sample(&mut case.noise(LAW));
    let functions: [fn(Tensor<2>) -> Tensor<2>; 2] = [
        |x| (x.clone().slice_dim(1, 0) - x.clone().slice_dim(1, x.dims()[1] - 1)).square(),
        |x| {
            let weights: Vec<f64> = (0..x.dims()[1]).map(|entry| entry as f64 + 2.0).collect();
            let weights = Tensor::<1>::from_data(weights.as_slice(), (&x.device(), x.dtype()));
            (x * weights.unsqueeze()).sum_dim(1).cos()
        },
    ];
    let deviations = functions.map(|f| {
        let (variance, mean) = f(draws.clone()).var_mean(0);
        let (variance, mean): (f64, f64) = (variance.into_scalar(), mean.into_scalar());
        (mean - expectation(case, f)[0]).abs() / (variance / case.draws() as f64).sqrt()
    });
    case.verdict(LAW, worst(deviations), Z_MILLION)
}

/// The probabilities of a discrete law sum to 1: passes up to 1e-6, in F64.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, quadrature};
/// quadrature::mass(&Case::new("Bernoulli", &[3.0], Bernoulli::from_logits)).assert();
/// ```
pub fn mass<L, const D: usize>(case: &Case<L>) -> Verdict
where
    L: Enumerable<D> + Density<D>,
{
    let law = case.law(1, DType::F64);
    let total = law.outcomes().map(|outcome| law.log_prob(outcome).exp()).reduce(|a, b| a + b);
    let off = total.map_or(f64::NAN, |total| worst(values((total - 1.0).abs())));
    case.verdict("Σ exp(log_prob) = 1", off, TOLERANCE)
}

/// The distribution function is the integral of the density.
///
/// ```text
/// sup |∫ exp(log_prob) up to x − exp(log_cdf(x))|
/// ```
///
/// Passes up to 1e-6, in F64.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, quadrature};
/// let gumbel = |loc: Tensor<2>| Gumbel::from_log_scale(loc.clone(), loc.zeros_like()).unwrap();
/// quadrature::cdf(&Case::new("Gumbel", &[0.0, 5.0], gumbel)).assert();
/// ```
#[track_caller]
pub fn cdf<L: Density<2> + Cdf<2>>(case: &Case<L>) -> Verdict {
    let grid = Grid::of(case);
    let table =
        columns(grid.density(&case.law(1, DType::F64)).cumsum(0) - grid.density(&case.law(1, DType::F64)) * 0.5);
    let claim = columns(case.law(1, DType::F64).log_cdf(grid.value).exp());
    case.verdict("log_cdf is the integral of log_prob", worst(values((table - claim).abs())), TOLERANCE)
}

/// `E[f(x)]` of each batch element, by quadrature.
///
/// `f` maps `[points, event]` to `[points, 1]` (or `[points, entries]` for laws of scalars).
///
/// # Panics
/// As [`normalisation`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, quadrature};
/// let normal = |loc: Tensor<2>| Normal::from_log_scale(loc.clone(), loc.zeros_like()).unwrap();
/// let second = quadrature::expectation(&Case::new("Normal", &[3.0], normal), |x| x.square());
/// assert!((second[0] - 10.0).abs() < 1e-9);
/// ```
#[track_caller]
pub fn expectation<L: Density<2>>(case: &Case<L>, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Vec<f64> {
    let grid = Grid::of(case);
    let density = grid.density(&case.law(1, DType::F64));
    let f = f(grid.value).expand(density.dims());
    // Where the density is 0 to rounding, f may be infinite.
    let integrand = (density.clone() * f).mask_fill(density.equal_elem(0.0), 0.0);
    values(integrand.sum_dim(0))
}

/// `draws` in the coordinates of the support, and for each coordinate a table of (x, ∫ density up to x).
#[track_caller]
pub(super) fn cumulative<L: Density<2>>(case: &Case<L>, draws: Tensor<2>) -> (Tensor<2>, Vec<Vec<(f64, f64)>>) {
    let grid = Grid::of(case);
    assert!(!grid.plane, "ks::density needs events with one free coordinate");
    let density = grid.density(&case.law(1, DType::F64));
    let table = density.clone().cumsum(0) - density * 0.5;
    let tables = (0..table.dims()[1])
        .map(|entry| values(column(&grid.coordinates, entry)).into_iter().zip(values(column(&table, entry))).collect());
    (coordinates(grid.support, columns(draws)), tables.collect())
}

/// Points of the support and their weights.
struct Grid {
    support: Support,
    /// Whether the points fill a plane rather than each column a line.
    plane: bool,
    /// Free coordinates, `[points, m]`.
    coordinates: Tensor<2>,
    /// Points, `[points, entries]`.
    value: Tensor<2>,
    /// Step times Jacobian: `[points, 1]`, or `[points, entries]` for laws of scalars.
    log_weight: Tensor<2>,
}

impl Grid {
    #[track_caller]
    fn of<L: Density<2>>(case: &Case<L>) -> Self {
        let law = case.law(1, DType::F64);
        let (support, event_dims) = (law.support(), L::EVENT_DIMS);
        let (median, range) = spread(case, support);
        let free = median.dims()[1];
        let plane = event_dims > 0 && free == 2;
        assert!(event_dims == 0 || free <= 2, "quadrature needs events with at most two free coordinates, got {free}");

        let points = if plane { SIDE } else { LINE };
        let step = 2.0 * REACH / (points - 1) as f64;
        let (device, dtype) = (median.device(), median.dtype());
        let line = Tensor::<1, burn::tensor::Int>::arange(0..i64::try_from(points).expect("few points"), &device);
        let line = (line.float().cast(dtype) * step - REACH).reshape([points, 1]);
        let t = if plane {
            let along = line.clone().repeat_dim(1, points).reshape([points * points, 1]);
            Tensor::cat(vec![along, line.repeat_dim(0, points)], 1)
        } else {
            line.repeat_dim(1, free)
        };
        let coordinates = median + range.clone() * t.clone().sinh();
        let log_step = (range * t.cosh() * step).log();
        let (value, log_jacobian) = chart(support, coordinates.clone());
        let log_weight =
            if event_dims == 0 { log_step + log_jacobian } else { log_step.sum_dim(1) + log_jacobian.sum_dim(1) };
        Self { support, plane, coordinates, value, log_weight }
    }

    /// `exp(log_prob)` times the weights.
    fn density<L: Density<2>>(&self, law: &L) -> Tensor<2> {
        (law.log_prob(self.value.clone()) + self.log_weight.clone()).exp()
    }
}

/// Median and interquartile range of each free coordinate of the law's draws.
fn spread<L: Distribution<2>>(case: &Case<L>, support: Support) -> (Tensor<2>, Tensor<2>) {
    const DRAWS: usize = 1 << 12;
    let draws = case.law(DRAWS, DType::F64).sample(&mut case.noise("location of the quadrature"));
    let sorted = coordinates(support, columns(draws)).sort(0);
    let quantile = |quarter: usize| sorted.clone().slice_dim(0, quarter * DRAWS / 4);
    (quantile(2), quantile(3) - quantile(1))
}

/// The point of the support at free coordinates `d`, and the log-Jacobian (to be summed over an event).
#[track_caller]
fn chart(support: Support, d: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let log_simplex = |d: Tensor<2>| {
        let last = d.clone().slice_dim(1, 0).zeros_like();
        activation::log_softmax(Tensor::cat(vec![d, last], 1), 1)
    };
    match support {
        Support::Real => (d.clone(), d.zeros_like()),
        Support::UnitInterval => (activation::sigmoid(d.clone()), -softplus(d.clone()) - softplus(-d)),
        Support::LogSimplex => {
            let x = log_simplex(d);
            (x.clone(), x.slice_dim(1, 0).zeros_like())
        }
        Support::Simplex => {
            let x = log_simplex(d);
            (x.clone().exp(), x)
        }
        Support::Boolean
        | Support::Naturals
        | Support::NaturalsUpTo(_)
        | Support::OneHot
        | Support::KHot(_)
        | Support::Ranking(_) => {
            panic!("quadrature needs a continuous law, and {support:?} is discrete")
        }
        Support::ScaledSimplex(_) => panic!("quadrature has no coordinates for {support:?}"),
    }
}

/// The inverse of [`chart`].
fn coordinates(support: Support, x: Tensor<2>) -> Tensor<2> {
    let gaps = |x: Tensor<2>| {
        let last = x.dims()[1] - 1;
        x.clone().slice_dim(1, 0..last) - x.slice_dim(1, last)
    };
    match support {
        Support::UnitInterval => x.clone().log() - (-x).log1p(),
        Support::LogSimplex => gaps(x),
        Support::Simplex => gaps(x.log()),
        Support::Real
        | Support::Boolean
        | Support::Naturals
        | Support::NaturalsUpTo(_)
        | Support::OneHot
        | Support::KHot(_)
        | Support::Ranking(_)
        | Support::ScaledSimplex(_) => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn coordinates_invert_the_chart() {
        let d = Tensor::<2>::from_data([[0.3, -1.2], [2.0, 0.0]], (&Device::flex(), DType::F64));
        for support in [Support::Real, Support::UnitInterval, Support::LogSimplex, Support::Simplex] {
            let (x, _) = chart(support, d.clone());
            assert!(support.contains(x.clone()).all().into_scalar::<bool>(), "{support:?}");
            let off = (coordinates(support, x) - d.clone()).abs().max().into_scalar::<f64>();
            assert!(off < 1e-12, "{support:?}: {off}");
        }
    }

    /// The log-Jacobian of the simplex, against the determinant of a central difference.
    #[test]
    fn the_jacobian_of_the_simplex_is_a_determinant() {
        let simplex = |d: [f64; 2]| chart(Support::Simplex, Tensor::from_data([d], (&Device::flex(), DType::F64)));
        let h = 1e-5;
        let slope = |dx: f64, dy: f64| {
            let ahead = values(simplex([0.3 + dx, -1.2 + dy]).0);
            let behind = values(simplex([0.3 - dx, -1.2 - dy]).0);
            [(ahead[0] - behind[0]) / (2.0 * h), (ahead[1] - behind[1]) / (2.0 * h)]
        };
        let ([a, b], [c, d]) = (slope(h, 0.0), slope(0.0, h));
        let claim: f64 = values(simplex([0.3, -1.2]).1).iter().sum();
        assert!(((a * d - b * c).abs().ln() - claim).abs() < 1e-8);
    }
}
