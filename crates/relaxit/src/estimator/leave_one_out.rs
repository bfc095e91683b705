//! REINFORCE with a leave-one-out baseline.

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator};
use crate::distribution::{Density, Distribution};
use crate::error::{Error, Result};
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
    /// [`Error::Parameter`] for fewer than 2.
    pub fn new(samples: usize) -> Result<Self> {
        if samples >= 2 {
            return Ok(Self { samples });
        }
        Err(Error::Parameter { subject: "Rloo", parameter: "samples", requirement: "at least 2", got: samples as f64 })
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
        let mean = mean(&values);
        let rows = mean.shape().num_elements().max(1) as f64;
        let center = mean.clone().detach();
        let terms =
            samples.into_iter().zip(values).map(|(b, value)| (value.detach() - center.clone()) * law.log_prob(b));
        let score = terms.map(Tensor::sum).reduce(|a, b| a + b);
        let surrogate = score.map_or_else(
            || mean.clone().mean(),
            |score| score * (rows * (self.samples - 1) as f64).recip() + mean.clone().mean(),
        );
        Estimate { value: mean.detach(), surrogate, tuning: None }
    }
}

fn mean<const D: usize>(values: &[Tensor<D>]) -> Tensor<D> {
    let (first, rest) = values.split_first().expect("the constructor asks for two samples");
    rest.iter().fold(first.clone(), |sum, value| sum + value.clone()) * (values.len() as f64).recip()
}
