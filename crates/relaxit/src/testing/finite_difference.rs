//! Derivatives by autodiff against differences, in F64.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, columns, values, worst};
use crate::distribution::{Density, Reparameterized};
use crate::noise::{Base, Noise};
use crate::support::Support;

/// Relative error that passes.
const TOLERANCE: f64 = 1e-6;

/// The step of the differences: for functions that bend over lengths of 1e-2 and more, their own error is below 1e-9.
const STEP: f64 = 1e-5;

/// Rows, each with other noise.
const ROWS: usize = 16;

/// The gradient of a sample with respect to the law's parameters, the noise held fixed.
///
/// ```text
/// ∂/∂θ ⟨w, transport(ε; θ)⟩,   w random
/// ```
///
/// Passes up to a relative error of 1e-6; see [`gradient`].
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// let relaxed = |logits| RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap();
/// finite_difference::transport(&Case::new("Concrete", &[0.0, 1.0, 2.0], relaxed)).assert();
/// ```
pub fn transport<L: Reparameterized<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "gradient of transport in the parameters";
    let at = case.rows(ROWS, DType::F64);
    let noise = draw_noise(case, LAW, &at);
    gradient(LAW, case.subject(), &at, |parameters| {
        let law = case.at(parameters);
        law.transport(noise.clone())
    })
}

/// The gradient of a sample with respect to its noise: passes up to a relative error of 1e-6.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
/// finite_difference::noise(&Case::new("RelaxedBernoulli", &[1.0], relaxed)).assert();
/// ```
pub fn noise<L: Reparameterized<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "gradient of transport in the noise";
    let law = case.law(ROWS, DType::F64);
    let noise = draw_noise(case, LAW, &case.rows(ROWS, DType::F64));
    let shape = noise.dims();
    gradient(LAW, case.subject(), &columns(noise), |noise| law.transport(noise.reshape(shape)))
}

/// The gradient of the log-density of the law's own draws with respect to its parameters: passes up to 1e-6.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// finite_difference::log_prob(&Case::new("Bernoulli", &[1.0, -2.0], Bernoulli::from_logits)).assert();
/// ```
pub fn log_prob<L: Density<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "gradient of log_prob in the parameters";
    let x = case.law(ROWS, DType::F64).sample(&mut case.noise(LAW));
    gradient(LAW, case.subject(), &case.rows(ROWS, DType::F64), |parameters| case.at(parameters).log_prob(x.clone()))
}

/// The gradient of the log-density of a continuous law with respect to the value: passes up to 1e-6.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// let latent = |logits| ExpConcrete::from_logits(logits, 0.5).unwrap();
/// finite_difference::value(&Case::new("ExpConcrete", &[1.0, -2.0], latent)).assert();
/// ```
pub fn value<L: Density<D>, const D: usize>(case: &Case<L>) -> Verdict {
    const LAW: &str = "gradient of log_prob in the value";
    let law = case.law(ROWS, DType::F64);
    let x = law.sample(&mut case.noise(LAW));
    let shape = x.dims();
    // Near the boundary of the support densities bend over the distance to it, and near 1 steps would be rounded.
    let (x, scale) = match law.support() {
        Support::UnitInterval => {
            let x = x.clamp(0.01, 0.99);
            (x.clone(), x.clone() * (-x + 1.0))
        }
        Support::Simplex => (x.clone(), x),
        _ => (x.clone(), x.ones_like()),
    };
    let origin = columns(x.zeros_like());
    gradient(LAW, case.subject(), &origin, |steps| law.log_prob(steps.reshape(shape) * scale.clone() + x.clone()))
}

/// The gradient of any function of the law's parameters, such as a divergence: passes up to 1e-6.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// let case = Case::new("Bernoulli", &[1.0], Bernoulli::from_logits);
/// finite_difference::of(&case, "entropy", |law| law.entropy()).assert();
/// ```
pub fn of<L, const D: usize>(case: &Case<L>, law: &'static str, f: impl Fn(L) -> Tensor<D>) -> Verdict {
    gradient(law, case.subject(), &case.rows(ROWS, DType::F64), |parameters| f(case.at(parameters)))
}

/// The gradient of `f` at `at` (`[rows, entries]`, F64), where row i of `f` depends on row i of its argument only.
///
/// ```text
/// |g − ĝ| / max(|ĝ|, rms(ĝ), 10⁻⁴ rms(f), 10⁻⁴),   ĝ = [8 (f(+h) − f(−h)) − (f(+2h) − f(−2h))] / 12h
/// ```
///
/// `f` is projected on random weights, so that no entries cancel. A gradient that was dropped counts as 0. Passes up
/// to a relative error of 1e-6.
///
/// # Examples
/// ```
/// use burn::tensor::DType;
/// use relaxit::{math::ln_gamma, prelude::*, testing::finite_difference};
/// let x = Tensor::<2>::from_data([[0.5, 3.0], [1.5, 20.0]], (&Device::flex(), DType::F64));
/// finite_difference::gradient("ln Γ", "ln_gamma", &x, ln_gamma).assert();
/// ```
pub fn gradient<const D: usize>(
    law: &'static str,
    subject: impl Into<String>,
    at: &Tensor<2>,
    f: impl Fn(Tensor<2>) -> Tensor<D>,
) -> Verdict {
    let weights = {
        let y = f(at.clone());
        Noise::seeded(0).fork("weights").draw(Base::Normal, y.dims(), (&y.device(), DType::F64))
    };
    let [rows, entries] = at.dims();
    let by_row = |at: Tensor<2>| columns(f(at) * weights.clone()).sum_dim(1);

    let leaf = at.clone().autodiff().require_grad();
    let y = (f(leaf.clone()) * weights.clone().autodiff()).sum();
    let analytic = if y.is_tracked() { leaf.grad(&y.backward()) } else { None };
    let analytic = analytic.unwrap_or_else(|| at.zeros_like());

    let size = by_row(at.clone()).square().mean_dim(0).sqrt();
    let errors = (0..entries).flat_map(|entry| {
        let shifted = |steps: f64| {
            let step = at.zeros_like().slice_fill([0..rows, entry..entry + 1], steps * STEP);
            by_row(at.clone() + step)
        };
        let numeric = ((shifted(1.0) - shifted(-1.0)) * 8.0 - (shifted(2.0) - shifted(-2.0))) / (12.0 * STEP);
        let error = (analytic.clone().slice_dim(1, entry) - numeric.clone()).abs();
        // Derivatives far below f itself are lost in the rounding of its differences.
        let typical = numeric.clone().square().mean_dim(0).sqrt().max_pair(size.clone().clamp_min(1.0) * 1e-4);
        values(error / numeric.abs().max_pair(typical))
    });
    Verdict { law, subject: subject.into(), statistic: worst(errors), threshold: TOLERANCE }
}

/// Noise for a law of as many rows as `at`.
fn draw_noise<L: Reparameterized<D>, const D: usize>(case: &Case<L>, check: &str, at: &Tensor<2>) -> Tensor<D> {
    let law = case.law(at.dims()[0], DType::F64);
    case.noise(check).draw(L::BASE, law.noise_shape(), (&at.device(), DType::F64))
}
