//! Draws of a continuous law against its distribution function, by Kolmogorov and Smirnov's statistic.

use burn::tensor::{DType, Tensor};

use super::{Case, KS, Verdict, column, columns, quadrature, values, worst};
use crate::distribution::{Cdf, Density};

/// Draws against the law's own distribution function.
///
/// ```text
/// √n D,   D = sup |F_n(u) − u|,   u = exp(log_cdf(x))
/// ```
///
/// Passes up to [`KS`]. Give the *latent* of a relaxation: relaxed samples saturate.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, ks};
/// let logistic = |loc: Tensor<2>| Logistic::from_log_scale(loc.clone(), loc.zeros_like()).unwrap();
/// ks::cdf(&Case::new("Logistic", &[2.0], logistic)).assert();
/// ```
pub fn cdf<L: Cdf<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "Kolmogorov–Smirnov of draws against the cdf";
    let law = case.law(case.draws(), DType::F32);
    let u = columns(law.log_cdf(law.sample(&mut case.noise(LAW))).exp());
    let entries = u.dims()[1];
    case.verdict(LAW, worst((0..entries).map(|entry| one_sample(column(&u, entry)))), KS)
}

/// Draws against the integral of the law's own density, in F64: holds samplers to `log_prob` where there is no `Cdf`.
///
/// ```text
/// √n D,   D = sup |F_n(x) − ∫ exp(log_prob) up to x|
/// ```
///
/// Passes up to [`KS`]. The integral is taken along the support's coordinates; see [`quadrature`].
///
/// # Panics
/// If an event has more than one free coordinate.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, ks};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 1.0).unwrap();
/// ks::density(&Case::new("RelaxedBernoulli", &[0.5], relaxed)).assert();
/// ```
#[track_caller]
pub fn density<L: Density<2>>(case: &Case<L>) -> Verdict {
    const LAW: &str = "Kolmogorov–Smirnov of draws against log_prob";
    let draws = case.law(case.draws(), DType::F64).sample(&mut case.noise(LAW));
    let (x, tables) = quadrature::cumulative(case, draws);
    let statistics = tables.iter().enumerate().map(|(entry, table)| {
        let draws = values(column(&x, entry).sort(0));
        let mut knot = 0;
        let probabilities = draws.iter().map(|&draw| {
            while knot + 2 < table.len() && table[knot + 1].0 < draw {
                knot += 1;
            }
            let ((left, below), (right, above)) = (table[knot], table[knot + 1]);
            below + (above - below) * ((draw - left) / (right - left)).clamp(0.0, 1.0)
        });
        statistic(probabilities.collect())
    });
    case.verdict(LAW, worst(statistics), KS)
}

/// Numbers that should be uniform on (0, 1), such as draws mapped by their cdf: passes up to [`KS`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::ks;
/// let e = Noise::seeded(0).draw(Base::Exponential, [10_000], &Device::flex());
/// ks::uniform("Exponential", (-e).exp()).assert();
/// ```
pub fn uniform<const D: usize>(subject: impl Into<String>, u: Tensor<D>) -> Verdict {
    Verdict {
        law: "Kolmogorov–Smirnov of draws against the cdf",
        subject: subject.into(),
        statistic: one_sample(flat(u)),
        threshold: KS,
    }
}

/// Two sets of draws that should have one law.
///
/// ```text
/// √(nm/(n + m)) sup |F_n(x) − G_m(x)|
/// ```
///
/// Passes up to [`KS`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::ks;
/// let (mut noise, device) = (Noise::seeded(0), Device::flex());
/// let mut draw = || noise.draw(Base::Logistic, [10_000], &device);
/// ks::two_sample("logistic", draw(), -draw()).assert();
/// ```
pub fn two_sample<const D: usize>(subject: impl Into<String>, a: Tensor<D>, b: Tensor<D>) -> Verdict {
    Verdict {
        law: "Kolmogorov–Smirnov of two samples",
        subject: subject.into(),
        statistic: of_two(flat(a), flat(b)),
        threshold: KS,
    }
}

fn flat<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let x = x.inner().cast(DType::F64);
    let entries: usize = x.dims().iter().product();
    x.reshape([entries])
}

/// √n D of numbers that should be uniform.
fn one_sample(u: Tensor<1>) -> f64 {
    statistic(values(u.sort(0)))
}

/// √n D of the probabilities of sorted draws.
fn statistic(probabilities: Vec<f64>) -> f64 {
    let n = probabilities.len() as f64;
    let distances = (0_u32..).zip(probabilities).map(|(index, p)| {
        let (before, after) = (f64::from(index) / n, f64::from(index + 1) / n);
        (p - before).abs().max((after - p).abs()) + p * 0.0 // `max` alone would hide NaN
    });
    n.sqrt() * worst(distances)
}

/// The two-sample statistic; equal values of both are passed together.
pub(super) fn of_two(a: Tensor<1>, b: Tensor<1>) -> f64 {
    let (a, b) = (values(a.sort(0)), values(b.sort(0)));
    if a.iter().chain(&b).any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    (n * m / (n + m)).sqrt() * distance
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn tensor(x: &[f64]) -> Tensor<1> {
        Tensor::from_data(x, (&Device::flex(), DType::F64))
    }

    #[test]
    fn distances_of_small_samples() {
        // F₂ jumps by ½ at 0.5 and 0.9: the largest gap is 0.5 just below 0.5.
        assert!((one_sample(tensor(&[0.9, 0.5])) - 2.0_f64.sqrt() * 0.5).abs() < 1e-15);
        assert!(one_sample(tensor(&[0.5, f64::NAN])).is_nan());
        // Ties: both samples are {0, 0, 1}.
        assert!(of_two(tensor(&[0.0, 1.0, 0.0]), tensor(&[0.0, 0.0, 1.0])) <= 0.0);
        assert!((of_two(tensor(&[0.0, 0.0]), tensor(&[1.0, 1.0])) - 1.0).abs() < 1e-15);
        assert!(of_two(tensor(&[0.0, f64::NAN]), tensor(&[1.0, 1.0])).is_nan());
    }
}
