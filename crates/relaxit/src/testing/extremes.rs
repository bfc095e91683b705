//! Extreme but legal parameters: nothing is NaN, and what should be finite is.
//!
//! The statistic of every check here is the number of offending values, and must be 0. Parameters and draws are F32, as
//! in use. Give cases whose parameters are extreme: logits of ±1e4, temperatures from 1e-3 to 1e3, one category.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, values};
use crate::distribution::{Density, Distribution, Reparameterized};
use crate::noise::Noise;

/// Rows drawn.
const ROWS: usize = 1 << 10;

/// Draws lie in the support, and their log-density and its gradient are finite.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, extremes};
/// extremes::sampling(&Case::new("Bernoulli", &[1e4, -1e4, 0.0], Bernoulli::from_logits)).assert();
/// ```
pub fn sampling<L: Density<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "draws and their log_prob at extremes";
    let mut strays = 0.0;
    let finite = finite(case, LAW, |law, noise| {
        let x = law.sample(noise);
        strays += outsiders(law, &x);
        law.log_prob(x)
    });
    case.verdict(LAW, finite.statistic + strays, 0.0)
}

/// Reparameterised draws lie in the support, and their gradient is finite.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, extremes};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 1e-3).unwrap();
/// extremes::rsampling(&Case::new("RelaxedBernoulli", &[1e4, -1e4, 0.0], relaxed)).assert();
/// ```
pub fn rsampling<L: Reparameterized<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "reparameterised draws at extremes";
    let mut strays = 0.0;
    let finite = finite(case, LAW, |law, noise| {
        let x = law.rsample(noise);
        strays += outsiders(law, &x);
        x
    });
    case.verdict(LAW, finite.statistic + strays, 0.0)
}

/// The log-density is −∞ at points outside the support, and neither NaN nor +∞ inside; nowhere, not even at NaN, is its
/// gradient in the parameters NaN.
///
/// The points are [`Support::examples`](crate::support::Support::examples).
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, extremes};
/// let logits = [1e4, -1e4, 0.0];
/// extremes::support(&Case::new("Concrete", &logits, |p| OneHotCategorical::from_logits(p).unwrap())).assert();
/// ```
pub fn support<L: Density<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "log_prob inside and outside the support";
    let law = case.law(1, DType::F32);
    let (entries, device) = (law.shape()[D - 1], law.device());
    let offending = law.support().examples(entries, &device).into_iter().map(|(inside, x)| {
        let mut shape = [1; D];
        shape[D - 1] = x.dims()[0];
        let parameters = case.leaf(1, DType::F32);
        let law = case.at(parameters.clone());
        let log_prob = law.log_prob(Tensor::from_inner(x.reshape(shape).expand(law.shape())));
        let right = |log_prob: f64| if inside { log_prob < f64::INFINITY } else { log_prob == f64::NEG_INFINITY };
        let wrong_values = values(log_prob.clone()).into_iter().filter(|&value| !right(value)).count();
        let gradient = values(gradient(&parameters, log_prob));
        (wrong_values + gradient.iter().filter(|slope| slope.is_nan()).count()) as f64
    });
    case.verdict(LAW, offending.sum(), 0.0)
}

/// Any function of a law, for example its entropy, is finite, and so is its gradient in the parameters.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, extremes};
/// let case = Case::new("Bernoulli", &[1e4, -1e4, 0.0], Bernoulli::from_logits);
/// extremes::finite(&case, "entropy", |law, _| law.entropy()).assert();
/// ```
pub fn finite<L, const D: usize>(
    case: &Case<L>,
    law: &'static str,
    mut f: impl FnMut(&L, &mut Noise) -> Tensor<D>,
) -> Verdict {
    let parameters = case.leaf(ROWS, DType::F32);
    let y = f(&case.at(parameters.clone()), &mut case.noise(law));
    let offending = not_finite(y.clone()) + not_finite(gradient(&parameters, y));
    case.verdict(law, offending as f64, 0.0)
}

/// How many events of `x` lie outside the support.
fn outsiders<L: Distribution<D>, const D: usize>(law: &L, x: &Tensor<D>) -> f64 {
    values(law.support().contains(x.clone()).bool_not().float()).iter().sum()
}

fn not_finite<const D: usize>(x: Tensor<D>) -> usize {
    values(x).iter().filter(|x| !x.is_finite()).count()
}

/// The gradient of the sum of `y`, zero where there is none.
fn gradient<const D: usize>(parameters: &Tensor<2>, y: Tensor<D>) -> Tensor<2> {
    let y = y.sum();
    let gradient = if y.is_tracked() { parameters.grad(&y.backward()) } else { None };
    gradient.unwrap_or_else(|| parameters.clone().inner().zeros_like())
}
