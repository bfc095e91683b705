//! Many mutually antithetic samples for bits: ARMS.

use burn::tensor::{Tensor, activation};

use super::{Bias, Estimate, Estimator, surrogate};
use crate::distribution::Distribution;
use crate::error::{Error, Result};
use crate::math::{above_zero, indicator, on_device, softplus};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::reference::{ARMS, Reference};
use crate::relaxation::{Relaxation, RelaxedBernoulli};

/// Antithetic-REINFORCE-multi-sample: the leave-one-out estimator of n samples that repel each other.
///
/// ```text
/// ĝ = (p − p²)/(p − p₁₁) 1/(n − 1) Σᵢ (f(bᵢ) − f̄) (bᵢ − p),   p = σ(φ),   p₁₁ = P(bᵢ = bⱼ = 1)
/// ```
///
/// The samples of a bit are exchangeable, each with its own law, and their dependence is a [`Copula`]; the factor makes
/// up for it. With independent samples it is 1, and this is [`Rloo`](super::Rloo); with two it is
/// [`DisArm`](super::DisArm), whatever the copula.
///
/// # Gradient
/// Unbiased for bits; needs no gradient of `f`. n evaluations. A single bit whose `n p` is whole has no variance under
/// the systematic copula.
///
/// # Examples
/// ```
/// use relaxit::{estimator::Arms, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([100, 1], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5)?;
/// let estimate = Arms::new(4)?.estimate(&at, &|b: Tensor<2>| b * 3.0, &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap() * 100.0;
/// assert!((gradient - 0.75).abs().max().into_scalar::<f32>() < 1e-5); // 3 p (1 − p), every time
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::ARMS`].
#[derive(Clone, Copy, Debug)]
pub struct Arms {
    samples: usize,
    copula: Copula,
}

/// How the n uniform numbers behind the samples of one bit depend on each other.
///
/// Both are exchangeable with uniform marginals, and are applied to the rarer value of the bit, of probability
/// `q = min(p, 1 − p)`, where they repel most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Copula {
    /// One number in each of n equal intervals, all at the same place within, in random order: `⌊nq⌋` or `⌈nq⌉` samples
    /// have the rarer value.
    ///
    /// ```text
    /// u = (π + v)/n,   π a random permutation of 0, …, n − 1,   p₁₁ = k (2nq − k − 1)/(n (n − 1)),   k = ⌊nq⌋
    /// ```
    ///
    /// No exchangeable samples have a smaller `p₁₁`: it is the variance of their number, which is least between two
    /// neighbouring whole numbers.
    #[default]
    Systematic,
    /// The paper's choice: `u = (1 − d)ⁿ⁻¹`, `d ~ Dirichlet(1, …, 1)`.
    ///
    /// ```text
    /// p₁₁ = q max(0, 2 − q^(−1/(n − 1)))ⁿ⁻¹
    /// ```
    Dirichlet,
}

impl Arms {
    /// With `samples` samples a row and the systematic copula.
    ///
    /// # Errors
    /// [`Error::Parameter`] for fewer than 2.
    pub fn new(samples: usize) -> Result<Self> {
        Self::with_copula(samples, Copula::default())
    }

    /// With another copula.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_copula(samples: usize, copula: Copula) -> Result<Self> {
        if samples >= 2 {
            return Ok(Self { samples, copula });
        }
        Err(Error::Parameter { subject: "Arms", parameter: "samples", requirement: "at least 2", got: samples as f64 })
    }
}

impl Copula {
    /// Which of `n` samples of each bit have its rarer value, as n tensors of 0 and 1.
    fn draw<const D: usize>(self, logits: &Tensor<D>, n: usize, noise: &mut Noise) -> Vec<Tensor<D>> {
        let (shape, dtype) = (logits.dims(), logits.dtype());
        let options = (&logits.device(), dtype);
        match self {
            Self::Systematic => {
                let within = noise.draw(Base::Uniform, shape, options);
                let expected = activation::sigmoid(-logits.clone().abs()) * n as f64;
                let keys: Vec<Tensor<D>> = (0..n).map(|_| noise.draw(Base::Uniform, shape, options)).collect();
                ranks(&keys)
                    .into_iter()
                    .map(|rank| (expected.clone() - rank).greater(within.clone()))
                    .collect::<Vec<_>>()
            }
            Self::Dirichlet => {
                let draws: Vec<Tensor<D>> = (0..n).map(|_| noise.draw(Base::Exponential, shape, options)).collect();
                let total = draws.iter().skip(1).fold(draws[0].clone(), |sum, draw| sum + draw.clone());
                let level = -softplus(logits.clone().abs()) * ((n - 1) as f64).recip();
                draws.into_iter().map(|draw| (-draw / total.clone()).log1p().lower(level.clone())).collect()
            }
        }
        .into_iter()
        .map(|rare| indicator(rare, dtype))
        .collect()
    }

    /// `p₁₁/q`, the probability of the rarer value given that another sample has it.
    fn repetition<const D: usize>(self, logits: &Tensor<D>, n: usize) -> Tensor<D> {
        let count = n as f64;
        match self {
            Self::Systematic => {
                let expected = activation::sigmoid(-logits.clone().abs()) * count;
                let whole = expected.clone().floor();
                let pairs = whole.clone() * (expected.clone() * 2.0 - whole - 1.0);
                pairs / (above_zero(expected) * (count - 1.0))
            }
            Self::Dirichlet => {
                let root = (softplus(logits.clone().abs()) * (count - 1.0).recip()).exp();
                (-root + 2.0).clamp_min(0.0).powf_scalar(count - 1.0)
            }
        }
    }
}

/// The rank of each key among those of the same entry, from 0: a random permutation if the keys are noise.
fn ranks<const D: usize>(keys: &[Tensor<D>]) -> Vec<Tensor<D>> {
    let mut ranks: Vec<Tensor<D>> = keys.iter().map(Tensor::zeros_like).collect();
    for i in 0..keys.len() {
        for j in 0..i {
            let above = indicator(keys[i].clone().greater_equal(keys[j].clone()), keys[i].dtype());
            ranks[i] = ranks[i].clone() + above.clone();
            ranks[j] = ranks[j].clone() + (-above + 1.0);
        }
    }
    ranks
}

impl<const D: usize> Estimator<RelaxedBernoulli<D>, D> for Arms {
    fn name(&self) -> &'static str {
        "arms"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[ARMS]
    }

    fn estimate(&mut self, at: &RelaxedBernoulli<D>, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let logits = at.logits().clone().inner();
        let n = self.samples as f64;
        let rare = self.copula.draw(&logits, self.samples, noise);
        // The rarer value is 1 where the sign is 1, and 0 where it is −1.
        let sign = -indicator(logits.clone().greater_elem(0.0), at.dtype()) * 2.0 + 1.0;
        let values: Vec<Tensor<D>> = rare
            .iter()
            .map(|rare| f.evaluate(on_device((rare.clone() - 0.5) * sign.clone() + 0.5, &at.device())))
            .collect();
        let mean = values.iter().skip(1).fold(values[0].clone(), |sum, value| sum + value.clone()) * n.recip();
        let center = mean.clone().inner();
        let terms = values.into_iter().zip(rare).map(|(value, rare)| (value.inner() - center.clone()) * rare);
        let covariance = terms.reduce(|a, b| a + b).expect("the constructor asks for two samples") * (n - 1.0).recip();
        // (p − p²)/(p − p₁₁), of the rarer value.
        let factor = activation::sigmoid(logits.clone().abs()) / (-self.copula.repetition(&logits, self.samples) + 1.0);
        let gradient = on_device(covariance * sign * factor, &at.device());
        Estimate { surrogate: surrogate(at.logits(), gradient, mean.clone()), value: mean.detach(), tuning: None }
    }
}
