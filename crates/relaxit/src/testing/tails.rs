//! How often draws fall far out, where a Kolmogorov–Smirnov statistic sees nothing.

use burn::tensor::DType;

use super::{Case, Verdict, columns, values, worst};
use crate::distribution::Cdf;
use crate::math::ln_gamma_scalar;

/// A count is this surprising, `−log₁₀ p`, once in a million.
pub const SURPRISE: f64 = 6.0;

/// Levels with fewer expected draws say nothing.
const LEAST_EXPECTED: f64 = 20.0;

/// Draws beyond the quantiles of 2⁻¹, 2⁻², … on either side, against their exact probability.
///
/// ```text
/// u = cdf(x);   #{u < p}, #{u > 1 − p} ~ Poisson(n p)   for p = 2⁻¹, 2⁻², … while n p > 20
/// ```
///
/// The most surprising count passes up to [`SURPRISE`]. Noise of too few bits, or clamped away from 0 and 1, is
/// missing draws here.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, tails};
/// let gumbel = |loc: Tensor<2>| Gumbel::from_log_scale(loc.clone(), loc.zeros_like()).unwrap();
/// tails::counts(&Case::new("Gumbel", &[0.5], gumbel)).assert();
/// ```
pub fn counts<L: Cdf<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "counts in the tails";
    let law = case.law(case.draws(), DType::F32);
    let x = law.sample(&mut case.noise(LAW)).cast(DType::F64);
    let u = columns(case.law(1, DType::F64).log_cdf(x).exp());
    let [rows, entries] = u.dims();
    let levels = (1..).map(|k| 0.5_f64.powi(k)).take_while(|p| p * rows as f64 > LEAST_EXPECTED);
    let surprises = levels.flat_map(|p| {
        let below = u.clone().lower_elem(p).float().sum_dim(0);
        let above = u.clone().greater_elem(1.0 - p).float().sum_dim(0);
        let observed = [values(below), values(above)].concat();
        observed.into_iter().map(move |observed| surprise(observed, p * rows as f64))
    });
    // NaN is in neither tail.
    let known = values(u.clone().is_nan().float().sum()) == [0.0] && entries > 0;
    case.verdict(LAW, if known { worst(surprises) } else { f64::NAN }, SURPRISE)
}

/// A count of rare events against its expectation: passes up to [`SURPRISE`].
///
/// # Examples
/// ```
/// use relaxit::testing::tails;
/// tails::count("six draws beyond 16.6", 6.0, 6.2).assert();
/// assert!(!tails::count("none", 0.0, 20.0).passed());
/// ```
pub fn count(subject: impl Into<String>, observed: f64, expected: f64) -> Verdict {
    Verdict { law: "count", subject: subject.into(), statistic: surprise(observed, expected), threshold: SURPRISE }
}

/// `−log₁₀ min(1, 2 P(X ≤ observed), 2 P(X ≥ observed))` for a Poisson X.
pub(super) fn surprise(observed: f64, expected: f64) -> f64 {
    if expected <= 0.0 {
        return if observed == 0.0 { 0.0 } else { f64::INFINITY };
    }
    let ln_mass = observed * expected.ln() - expected - ln_gamma_scalar(observed + 1.0);
    // The tail relative to its nearest term: a sum of falling products.
    let (mut term, mut tail, mut k) = (1.0, 0.0, observed);
    while term > 1e-17 * tail && k >= 0.0 {
        tail += term;
        if observed <= expected {
            term *= k / expected;
            k -= 1.0;
        } else {
            k += 1.0;
            term *= expected / k;
        }
    }
    let ln_p = std::f64::consts::LN_2 + ln_mass + tail.ln();
    (-ln_p / std::f64::consts::LN_10).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_the_poisson_tail() {
        // P(X = 0) = e^−λ;  P(X ≥ 1) = 1 − e^−λ;  a count at its mean surprises nobody.
        assert!((surprise(0.0, 20.0) - (20.0 - 2.0_f64.ln()) / 10.0_f64.ln()).abs() < 1e-9);
        assert!((surprise(1.0, 1e-8) - (8.0 - 2.0_f64.log10())).abs() < 1e-6);
        assert!(surprise(1000.0, 1000.0) <= 0.0);
        // Far out the normal approximation is close: five standard deviations.
        assert!((surprise(1e6 + 5e3, 1e6) - 6.24).abs() < 0.02);
        assert!(surprise(1.0, 0.0) == f64::INFINITY && surprise(0.0, 0.0) <= 0.0);
    }
}
