//! Means of a few independent seeds with Student's interval.

use std::f64::consts::FRAC_PI_2;

use crate::rl::statistics::Interval;

/// The mean of `values` with its 95 % interval by Student's t: exact for normal values, however few. `None` for fewer
/// than two, which say nothing of their spread.
#[must_use]
pub fn interval(values: &[f64]) -> Option<Interval> {
    let n = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let half = half_width((squares / (n - 1.0) / n).sqrt(), values.len());
    Some(Interval { value: mean, low: mean - half, high: mean + half })
}

/// The mean; NaN of none.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Half of the interval's width, of a mean over `seeds` with this standard error.
#[must_use]
pub fn half_width(standard_error: f64, seeds: usize) -> f64 {
    quantile(seeds.saturating_sub(1).max(1)) * standard_error
}

/// The 97.5th percentile of Student's t with so many degrees of freedom, by bisection in `θ = atan(t/√ν)`.
fn quantile(degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if central_mass(middle, degrees) < 0.95 { low = middle } else { high = middle }
    }
    low.tan() * (degrees as f64).sqrt()
}

/// `P(|t| < √ν tan θ)`, a finite sum of powers of `cos θ`: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4.
fn central_mass(theta: f64, degrees: usize) -> f64 {
    let (sine, cosine) = theta.sin_cos();
    let odd = degrees % 2 == 1;
    let mut power = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut index = usize::from(odd);
    while index + 2 <= degrees {
        sum += power;
        power *= cosine * cosine * (index + 1) as f64 / (index + 2) as f64;
        index += 2;
    }
    if odd { (theta + sine * sum) / FRAC_PI_2 } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the tables in print.
    #[test]
    fn quantiles_are_students() {
        for (degrees, expected) in
            [(1, 12.706_205), (2, 4.302_653), (3, 3.182_446), (4, 2.776_445), (9, 2.262_157), (30, 2.042_272)]
        {
            assert!((quantile(degrees) - expected).abs() < 1e-6, "{degrees}: {}", quantile(degrees));
        }
        assert!((quantile(100_000) - 1.959_988).abs() < 1e-5);
    }

    #[test]
    fn an_interval_needs_two_values() {
        assert_eq!(interval(&[1.0]), None);
        let Interval { value, low, high } = interval(&[1.0, 2.0, 3.0]).unwrap();
        let half = 4.302_653 / 3.0_f64.sqrt();
        assert!((value - 2.0).abs() < 1e-15 && (high - value - half).abs() < 1e-6 && (value - low - half).abs() < 1e-6);
    }
}
