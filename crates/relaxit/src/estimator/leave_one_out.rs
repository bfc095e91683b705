//! REINFORCE with a leave-one-out baseline.

use burn::tensor::Tensor;

use super::samples::{at_least_two, total};
use super::{Bias, Estimate, Estimator};
use crate::distribution::{Density, Distribution};
use crate::error::Result;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{RLOO, Reference};
use crate::relaxation::Relaxation;

/// The leave-one-out estimator: each of K samples has the mean of the others as its baseline.
///
/// ```text
/// ĝ = 1/(K − 1) Σₖ (f(bₖ) − f̄) ∇ log p(bₖ),   f̄ = 1/K Σⱼ f(bⱼ)
/// ```
///
/// # Gradient
/// Unbiased; needs no gradient of `f`. K evaluations.
///
/// # Examples
/// ```
/// use relaxit::estimator::Rloo;
/// assert!(Rloo::new(4).is_ok());
/// assert!(Rloo::new(1).is_err());
/// ```
///
/// # References
/// [`crate::reference::RLOO`].
#[derive(Clone, Copy, Debug)]
pub struct Rloo {
    samples: usize,
}

impl Rloo {
    /// With `samples` samples a row.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for fewer than 2.
    pub fn new(samples: usize) -> Result<Self> {
        Ok(Self { samples: at_least_two("Rloo", samples)? })
    }
}

impl<R, const D: usize> Estimator<R, D> for Rloo
where
    R: Relaxation<D>,
    R::Hard: Density<D>,
{
    fn name(&self) -> &'static str {
        "rloo"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[RLOO]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let law = at.hard();
        let (samples, values): (Vec<Tensor<D>>, Vec<Tensor<D>>) = (0..self.samples)
            .map(|_| {
                let b = law.sample(noise);
                (b.clone(), f.evaluate(b))
            })
            .unzip();
        let mean = total(values.iter().cloned()) * (self.samples as f64).recip();
        let rows = mean.shape().num_elements().max(1) as f64;
        let center = mean.clone().detach();
        let terms = samples
            .into_iter()
            .zip(values)
            .map(|(b, value)| ((value.detach() - center.clone()) * law.log_prob(b)).sum());
        let score = total(terms) * (rows * (self.samples - 1) as f64).recip();
        Estimate { surrogate: score + mean.clone().sum() * rows.recip(), value: mean.detach(), tuning: None }
    }
}
