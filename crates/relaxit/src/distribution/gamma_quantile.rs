//! The inverse distribution function of the gamma law, and its derivatives: in f64 on the host.
//!
//! ```text
//! G = e^x ~ Gamma(a, 1),   logit P(a, e^x) = ℓ,   ℓ ~ Logistic(0, 1)
//! ```
//!
//! The noise is logistic and the result a logarithm, so that neither tail saturates, nor does G where a is small.

use crate::math::{digamma_scalar, ln_gamma_scalar};

/// `x = ln G` and its partial derivatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogQuantile {
    /// `x`.
    pub(super) value: f64,
    /// `∂x/∂a` at fixed noise.
    pub(super) by_concentration: f64,
    /// `∂x/∂ℓ` at fixed concentration.
    pub(super) by_noise: f64,
}

/// Where `|ℓ|` is larger, P or 1 − P would leave the range of f64.
const FARTHEST: f64 = 700.0;

/// Newton's method on the log-odds, which are convex and increasing in x.
const STEPS: usize = 100;

/// The `x` with `logit P(a, e^x) = ℓ`.
pub(super) fn log_quantile(a: f64, noise: f64) -> LogQuantile {
    let noise = noise.clamp(-FARTHEST, FARTHEST);
    let mut x = start(a, noise);
    let mut last = f64::INFINITY;
    for _ in 0..STEPS {
        let at = Cdf::at(a, x);
        let step = (noise - at.logit) / at.logit_slope;
        // From the left, where the curve is flatter than at the root, a step could overshoot by far.
        let step = step.min(1.0);
        x += step;
        let size = step.abs() / (1.0 + x.abs());
        // Steps that no longer shrink are rounding.
        if size <= 1e-15 || (size >= last && last < 1e-6) {
            break;
        }
        last = size;
    }
    let at = Cdf::at(a, x);
    LogQuantile { value: x, by_concentration: at.by_concentration(a, x), by_noise: at.logit_slope.recip() }
}

/// Wilson and Hilferty's cube where it is positive, else the power law of the lower tail, `P ≈ z^a / Γ(a + 1)`.
fn start(a: f64, noise: f64) -> f64 {
    let normal = noise / 1.702;
    let root = 1.0 - 1.0 / (9.0 * a) + normal / (3.0 * a.sqrt());
    let tail = (-softplus(-noise) + ln_gamma_scalar(a + 1.0)) / a;
    if a > 1.0 && root > 0.2 { a.ln() + 3.0 * root.ln() } else { tail.min(a.ln() + 1.0) }
}

/// The distribution function at one point, by its series or its continued fraction.
struct Cdf {
    /// `ln P − ln Q`.
    logit: f64,
    /// `d logit / dx`.
    logit_slope: f64,
    part: Part,
}

enum Part {
    /// `z ≤ a + 1`: the lower tail's series.
    Series,
    /// `Q = z^a e^−z / Γ(a) · h`: the fraction h, and its derivative in a.
    Fraction { h: f64, slope: f64 },
}

impl Cdf {
    fn at(a: f64, x: f64) -> Self {
        let z = x.exp();
        let density = log_density(a, x);
        if z < a + 1.0 {
            let sum = series(a, z, |_, term| term);
            let log_p = density + (sum / a).ln();
            let log_q = log1m_exp(log_p);
            // P Q / (z p), by the tail that is small.
            Self { logit: log_p - log_q, logit_slope: a / (sum * log_q.exp()), part: Part::Series }
        } else {
            let (h, slope) = fraction(a, z);
            let log_q = density + h.ln();
            let log_p = log1m_exp(log_q);
            Self { logit: log_p - log_q, logit_slope: (h * log_p.exp()).recip(), part: Part::Fraction { h, slope } }
        }
    }

    /// `−∂P/∂a / (z p)`: the implicit derivative of x.
    ///
    /// ```text
    /// series      1/a Σₙ tₙ (ψ(a + 1 + n) − x),   tₙ = zⁿ / ((a + 1) ⋯ (a + n))
    /// fraction    h (x − ψ(a)) + ∂h/∂a
    /// ```
    fn by_concentration(&self, a: f64, x: f64) -> f64 {
        match self.part {
            Part::Series => {
                let mut psi = digamma_scalar(a + 1.0);
                series(a, x.exp(), |n, term| {
                    if n > 0.0 {
                        psi += (a + n).recip();
                    }
                    term * (psi - x)
                }) / a
            }
            Part::Fraction { h, slope } => h * (x - digamma_scalar(a)) + slope,
        }
    }
}

/// `Σₙ f(n, tₙ)`, `tₙ = zⁿ / ((a + 1) ⋯ (a + n))`, for z ≤ a + 1.
fn series(a: f64, z: f64, mut f: impl FnMut(f64, f64) -> f64) -> f64 {
    let (mut n, mut term, mut sum) = (0.0, 1.0, 0.0);
    while term > 1e-18 {
        sum += f(n, term);
        n += 1.0;
        term *= z / (a + n);
    }
    sum
}

/// `h = 1/(z + 1 − a − 1(1 − a)/(z + 3 − a − …))` and `∂h/∂a`, by Lentz's method, for z ≥ a + 1.
fn fraction(a: f64, z: f64) -> (f64, f64) {
    let mut b = z + 1.0 - a;
    let (mut c, mut c_slope) = (f64::MAX.sqrt(), 0.0);
    let (mut d, mut d_slope) = (b.recip(), (b * b).recip());
    let (mut h, mut h_slope) = (d, d_slope);
    let mut n = 0.0;
    for _ in 0..100_000 {
        n += 1.0;
        let numerator = -n * (n - a); // its derivative in a is n, that of b is −1
        b += 2.0;
        let denominator = numerator * d + b;
        d_slope = -(n * d + numerator * d_slope - 1.0) / (denominator * denominator);
        d = denominator.recip();
        c_slope = -1.0 + n / c - numerator * c_slope / (c * c);
        c = b + numerator / c;
        let (factor, factor_slope) = (c * d, c_slope * d + c * d_slope);
        h_slope = h_slope * factor + h * factor_slope;
        h *= factor;
        if (factor - 1.0).abs() < 1e-15 && (h * factor_slope).abs() <= 1e-14 * (h.abs() + h_slope.abs()) {
            break;
        }
    }
    (h, h_slope)
}

/// `ln(z^a e^−z / Γ(a))`, without the cancellation of large terms where a is large.
fn log_density(a: f64, x: f64) -> f64 {
    if a < 20.0 {
        return a * x - x.exp() - ln_gamma_scalar(a);
    }
    let t = x - a.ln();
    // e^t − 1 − t, whose terms cancel near 0.
    let excess = if t.abs() < 0.1 {
        (3..20).rev().fold(1.0, |sum, n| 1.0 + sum * t / f64::from(n)) * t * t / 2.0
    } else {
        t.exp_m1() - t
    };
    let r2 = (a * a).recip();
    let stirling = (1.0 / 12.0 - r2 * (1.0 / 360.0 - r2 * (1.0 / 1_260.0 - r2 * (1.0 / 1_680.0 - r2 / 1_188.0)))) / a;
    -a * excess + 0.5 * (a / std::f64::consts::TAU).ln() - stirling
}

/// `ln(1 − e^x)` for x < 0.
fn log1m_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_exponential_law_is_inverted_exactly() {
        for noise in [-600.0, -36.0, -5.0, -0.3, 0.0, 0.7, 3.0, 22.0, 36.0] {
            // P = 1 − e^−z, so z = softplus(ℓ).
            let at = log_quantile(1.0, noise);
            assert_relative_eq!(at.value, softplus(noise).ln(), max_relative = 1e-12, epsilon = 1e-12);
            let p_q = (-softplus(noise) - softplus(-noise)).exp();
            let slope = p_q / (at.value.exp() * (-at.value.exp()).exp());
            assert_relative_eq!(at.by_noise, slope, max_relative = 1e-9);
        }
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        for a in [1e-3, 0.05, 0.4, 1.0, 2.5, 9.0, 19.99, 40.0, 300.0, 1e5] {
            for noise in [-30.0, -4.0, -0.5, 0.0, 0.2, 1.5, 6.0, 20.0, 30.0] {
                let (h, at) = (1e-5, log_quantile(a, noise));
                let difference = |plus: f64, minus: f64, width: f64| (plus - minus) / width;
                let step = h * a;
                let by_a =
                    difference(log_quantile(a + step, noise).value, log_quantile(a - step, noise).value, 2.0 * step);
                let by_noise = difference(log_quantile(a, noise + h).value, log_quantile(a, noise - h).value, 2.0 * h);
                assert_relative_eq!(at.by_concentration, by_a, max_relative = 2e-6, epsilon = 1e-10);
                assert_relative_eq!(at.by_noise, by_noise, max_relative = 2e-6, epsilon = 1e-10);
            }
        }
    }
}
