//! The test laws as public functions, so that your own laws can be held to them (Cargo feature `testing`).
//!
//! A [`Case`] is a family of laws at one value of its parameters; a check takes a case and returns a [`Verdict`]. Every
//! check is seeded, so a verdict never changes from run to run, and none panics on failure: print verdicts, or
//! [`assert`](Verdict::assert) them.
//!
//! | a law with | is held to |
//! |---|---|
//! | [`Moments`](crate::distribution::Moments) | [`moments::mean_and_variance`] |
//! | [`Density`](crate::distribution::Density), continuous | [`quadrature::normalisation`], [`ks::density`], [`score::identity`] |
//! | [`Enumerable`](crate::distribution::Enumerable) | [`quadrature::mass`], [`chi_square::outcomes`], [`score::identity`] |
//! | [`Cdf`](crate::distribution::Cdf) | [`ks::cdf`], [`tails::counts`], [`quadrature::cdf`] |
//! | [`Entropy`](crate::distribution::Entropy), [`KlDivergence`](crate::distribution::KlDivergence) | [`divergence`] |
//! | [`Reparameterized`](crate::distribution::Reparameterized) | [`finite_difference`] |
//! | [`ConditionalRelaxation`](crate::relaxation::ConditionalRelaxation) | [`coupling`] |
//! | [`Relaxation`](crate::relaxation::Relaxation), with an estimator | [`gradient::claim`] |
//! | [`Mode`](crate::distribution::Mode) | [`mode::of_outcomes`], [`mode::of_draws`] |
//! | anything | [`independence::rows`], [`extremes`] |
//! | a reparameterised sample and a density | the checks of [`suite::reparameterized_density`], at once |
//!
//! The checks are tested too: [`faults`] holds the mistakes found in the wild, and each check rejects its own.
//!
//! # Examples
//! ```
//! use relaxit::prelude::*;
//! use relaxit::testing::{Case, chi_square, moments};
//! let case = Case::new("Bernoulli", &[0.3, -1.0], Bernoulli::from_logits);
//! moments::mean_and_variance(&case).assert();
//! chi_square::outcomes(&case).assert();
//! ```

mod case;
pub mod chi_square;
pub mod coupling;
pub mod divergence;
pub mod extremes;
pub mod faults;
pub mod finite_difference;
pub mod gradient;
pub mod independence;
pub mod ks;
pub mod mode;
pub mod moments;
pub mod quadrature;
pub mod score;
pub mod suite;
pub mod tails;

use std::fmt;

use burn::tensor::{DType, Tensor};

pub use self::case::{Case, halves};

/// A standard normal variable is further from 0 than this once in a million.
pub const Z_MILLION: f64 = 4.892;

/// A standard normal variable is above this once in a million.
pub const Z_MILLION_ONE_SIDED: f64 = 4.753;

/// A standard normal variable is further from 0 than this once in a billion: for checks that make about a thousand
/// comparisons.
pub const Z_BILLION: f64 = 6.109;

/// The Kolmogorov–Smirnov statistic `√n D` is above this once in a million.
pub const KS: f64 = 2.693;

/// What a check found: a statistic, and the threshold that it must not exceed.
///
/// # Examples
/// ```
/// use relaxit::testing::{Verdict, Z_MILLION};
/// let verdict = Verdict { law: "mean", subject: "Normal".into(), statistic: 1.5, threshold: Z_MILLION };
/// assert!(verdict.passed());
/// assert_eq!(verdict.to_string(), "mean of Normal: statistic 1.500, threshold 4.892: passed");
/// ```
#[must_use = "a verdict that nobody looks at enforces nothing"]
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The law that was checked.
    pub law: &'static str,
    /// What was held to it.
    pub subject: String,
    /// The worst of the check's statistics; NaN fails.
    pub statistic: f64,
    /// The largest statistic that passes.
    pub threshold: f64,
}

impl Verdict {
    /// Whether the statistic is at most the threshold; NaN is not.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.statistic <= self.threshold
    }

    /// For tests.
    ///
    /// # Panics
    /// If the check failed, naming law, subject, statistic and threshold.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, subject, statistic, threshold } = self;
        let outcome = if self.passed() { "passed" } else { "FAILED" };
        let size = statistic.abs();
        let statistic = if size == 0.0 || (1e-3..1e4).contains(&size) {
            format!("{statistic:.3}")
        } else {
            format!("{statistic:.2e}")
        };
        write!(f, "{law} of {subject}: statistic {statistic}, threshold {threshold}: {outcome}")
    }
}

/// The threshold for the largest of `comparisons` standard normal statistics.
fn z_threshold(comparisons: usize) -> f64 {
    if comparisons > 100 { Z_BILLION } else { Z_MILLION }
}

/// The largest, or NaN if there is one, or if there is nothing to compare.
fn worst(statistics: impl IntoIterator<Item = f64>) -> f64 {
    statistics.into_iter().reduce(|a, b| if a >= b || a.is_nan() { a } else { b }).unwrap_or(f64::NAN)
}

/// Rows by all other entries, in F64 and without gradient.
fn columns<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let rows = x.dims()[0];
    let entries = x.dims()[1..].iter().product();
    x.inner().cast(DType::F64).reshape([rows, entries])
}

/// One column of [`columns`].
fn column(x: &Tensor<2>, index: usize) -> Tensor<1> {
    let rows = x.dims()[0];
    x.clone().slice([0..rows, index..index + 1]).reshape([rows])
}

/// All entries, row by row.
fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().expect("a float tensor can be read as f64")
}

/// `|mean| / standard error` of each column, where the standard error is at least `rounding`.
///
/// The floor is there because columns that are constant up to rounding have no empirical error.
fn z_scores(x: Tensor<2>, rounding: Tensor<2>) -> Vec<f64> {
    let rows = x.dims()[0] as f64;
    let mean = x.clone().mean_dim(0);
    let variance = (x - mean.clone()).square().mean_dim(0);
    let error = (variance / rows).sqrt().max_pair(rounding).clamp_min(f64::MIN_POSITIVE);
    values(mean.abs() / error)
}
