//! The score function for bounds of several samples.

use burn::tensor::Tensor;

use super::samples::{at_least_two, others, total};
use super::{Bias, Estimate, Estimator, Target};
use crate::distribution::{Density, Distribution};
use crate::error::Result;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{Reference, VIMCO};
use crate::relaxation::Relaxation;

/// VIMCO: the gradient of a multi-sample bound, in which each sample is credited with what it adds to the bound of the
/// others.
///
/// ```text
/// L̂ = ln 1/K Σₖ exp f(bₖ),   ĝ = Σₖ (L̂ − L̂₋ₖ) ∇ log p(bₖ) + Σₖ wₖ ∇f(bₖ),   wₖ = softmaxₖ f(bₖ)
/// L̂₋ₖ = ln 1/K (exp f₋ₖ + Σ_{j≠k} exp f(bⱼ)),   f₋ₖ = 1/(K − 1) Σ_{j≠k} f(bⱼ)
/// ```
///
/// The objective returns *log-weights*, such as `log p(x, b) − log q(b | x)`, and `∇f` is its gradient with respect to
/// what it depends on beside `b`: the model's parameters, and the logits themselves if `log q` is in it.
///
/// # Gradient
/// An unbiased estimate of `∇ E[L̂]`, which is *not* `∇ E[f(b)]`: see [`Target`]. Needs no gradient of `f` in `b`. K
/// evaluations. The estimate's `value` is the bound `L̂` of each row, to be maximised.
///
/// # Numerics
/// For finite log-weights of any size and spread: the others' sums are built up from them, none is subtracted from a
/// total.
///
/// # Examples
/// ```
/// use relaxit::{estimator::Vimco, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([64, 3], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// // log p(b) − log q(b) for a p that prefers ones.
/// let log_weight = |b: Tensor<2>| (b.clone() * 2.0 - at.hard().log_prob(b)).sum_dim(1);
/// let estimate = Vimco::new(5)?.estimate(&at, &log_weight, &mut Noise::seeded(0));
/// assert_eq!(estimate.value.dims(), [64, 1]);
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!(gradient.sum().into_scalar::<f32>() > 0.0); // q follows p
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::VIMCO`], for the bound of [`crate::reference::IMPORTANCE_WEIGHTED_AUTOENCODERS`].
#[derive(Clone, Copy, Debug)]
pub struct Vimco {
    samples: usize,
    baseline: Mean,
}

/// What stands in for a sample in the bound that is its baseline.
#[derive(Clone, Copy, Debug)]
enum Mean {
    Geometric,
    Arithmetic,
}

impl Vimco {
    /// With `samples` samples a row; in its baseline, a sample is replaced by the geometric mean of the others' weights.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for fewer than 2 samples.
    pub fn new(samples: usize) -> Result<Self> {
        Ok(Self { samples: at_least_two("Vimco", samples)?, baseline: Mean::Geometric })
    }

    /// With the arithmetic mean: the baseline is the bound of the others alone, `L̂₋ₖ = ln 1/(K − 1) Σ_{j≠k} exp f(bⱼ)`.
    #[must_use]
    pub const fn with_arithmetic_mean(self) -> Self {
        Self { baseline: Mean::Arithmetic, ..self }
    }

    /// `L̂₋ₖ` of each sample.
    fn baselines<const D: usize>(self, log_weights: &[Tensor<D>]) -> Vec<Tensor<D>> {
        let count = log_weights.len() as f64;
        let sums = others(log_weights, |a, b| log_sum_exp(&[a, b]));
        match self.baseline {
            Mean::Arithmetic => sums.into_iter().map(|sum| sum - (count - 1.0).ln()).collect(),
            Mean::Geometric => {
                let means = others(log_weights, |a, b| a + b).into_iter().map(|sum| sum * (count - 1.0).recip());
                sums.into_iter().zip(means).map(|(sum, mean)| log_sum_exp(&[sum, mean]) - count.ln()).collect()
            }
        }
    }
}

impl<R, const D: usize> Estimator<R, D> for Vimco
where
    R: Relaxation<D>,
    R::Hard: Density<D>,
{
    fn name(&self) -> &'static str {
        "vimco"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn target(&self) -> Target {
        Target::Bound { samples: self.samples }
    }

    fn references(&self) -> &'static [Reference] {
        &[VIMCO]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let law = at.hard();
        let (samples, log_weights): (Vec<_>, Vec<_>) = (0..self.samples)
            .map(|_| {
                let b = law.sample(noise);
                (b.clone(), f.evaluate(b))
            })
            .unzip();
        let bound = bound(&log_weights);
        let value = bound.clone().detach();
        let rows = value.shape().num_elements().max(1) as f64;
        let fixed: Vec<_> = log_weights.into_iter().map(Tensor::detach).collect();
        let terms = samples
            .into_iter()
            .zip(self.baselines(&fixed))
            .map(|(b, baseline)| ((value.clone() - baseline) * law.log_prob(b)).sum());
        Estimate { surrogate: (total(terms) + bound.sum()) * rows.recip(), value, tuning: None }
    }
}

/// `ln 1/K Σₖ exp(log wₖ)`, row by row.
pub(super) fn bound<const D: usize>(log_weights: &[Tensor<D>]) -> Tensor<D> {
    log_sum_exp(log_weights) - (log_weights.len() as f64).ln()
}

/// `ln Σₖ exp(xₖ)` of tensors, entry by entry.
fn log_sum_exp<const D: usize>(x: &[Tensor<D>]) -> Tensor<D> {
    let largest = x.iter().cloned().map(Tensor::detach).reduce(Tensor::max_pair).expect("at least one tensor");
    total(x.iter().map(|x| (x.clone() - largest.clone()).exp())).log() + largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};

    fn baselines(vimco: Vimco, log_weights: &[f64]) -> Vec<f64> {
        let tensors: Vec<_> =
            log_weights.iter().map(|&x| Tensor::<1>::from_data([x], (&Device::flex(), DType::F64))).collect();
        vimco.baselines(&tensors).into_iter().map(Tensor::into_scalar).collect()
    }

    #[test]
    fn baselines_are_the_formula() {
        let weights: [f64; 3] = [0.5, 2.0, 3.0];
        let vimco = Vimco::new(3).expect("three samples");
        let geometric = baselines(vimco, &weights.map(f64::ln));
        let arithmetic = baselines(vimco.with_arithmetic_mean(), &weights.map(f64::ln));
        for k in 0..3 {
            let (a, b) = (weights[(k + 1) % 3], weights[(k + 2) % 3]);
            assert!((geometric[k] - ((a + b + (a * b).sqrt()) / 3.0).ln()).abs() < 1e-14);
            assert!((arithmetic[k] - f64::midpoint(a, b).ln()).abs() < 1e-14);
        }
    }

    #[test]
    fn baselines_survive_any_spread() {
        let vimco = Vimco::new(3).expect("three samples");
        // Were the first subtracted from a total, nothing of the others would be left.
        let geometric = baselines(vimco, &[1e4, 0.0, 0.0]);
        assert!(geometric[0].abs() < 1e-15);
        assert!((geometric[1] - (1e4 - 3.0_f64.ln())).abs() < 1e-9);
        let arithmetic = baselines(vimco.with_arithmetic_mean(), &[-1e30, 1.0, 1.0]);
        assert!((arithmetic[0] - 1.0).abs() < 1e-15);
    }
}
