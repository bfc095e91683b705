//! Divergences without a closed form, by Monte Carlo with their standard error.
//!
//! [`kl_monte_carlo`] for laws with reparameterised samples (hard concrete and Kumaraswamy gates, correlated bits, relaxed
//! laws of two temperatures, a logistic-normal law to a Dirichlet law, …), [`kl_score_function`] for the others (counts of
//! two families, orders, subsets drawn without replacement, …).

use burn::tensor::Tensor;

use crate::distribution::{Density, Reparameterized};
use crate::math::constant;
use crate::noise::Noise;

pub use crate::distribution::KlDivergence;

/// A Monte Carlo average and how far it may be off.
#[derive(Clone, Debug)]
pub struct MonteCarlo<const D: usize> {
    /// The average over the draws: unbiased, and differentiable through the reparameterised samples.
    pub mean: Tensor<D>,
    /// The standard deviation of `mean`, estimated from the draws; `None` for a single draw. Carries no gradient.
    pub standard_error: Option<Tensor<D>>,
}

/// Estimates `KL(p ‖ q)` from `draws` reparameterised samples of `p`.
///
/// ```text
/// KL ≈ 1/n Σᵢ [log p(xᵢ) − log q(xᵢ)],   xᵢ ~ p
/// ```
///
/// Explicitly asked for, never a silent fallback. For relaxed laws give the *latents*: a divergence is invariant under
/// a map that both sides share (every relaxed Bernoulli is σ of its latent, every relaxed categorical the exponential
/// of its own), and latents do not saturate.
///
/// # Shapes
/// Both results keep the event dimensions as 1.
///
/// # Panics
/// If `draws` is 0, or the shapes of the laws do not broadcast.
///
/// # Examples
/// ```
/// use relaxit::{kl::kl_monte_carlo, prelude::*};
/// let law = |logit: f32| RelaxedBernoulli::from_logits(Tensor::<1>::full([3], logit, &Device::flex()), 0.5);
/// let (p, q) = (law(1.0)?, law(0.0)?);
/// let kl = kl_monte_carlo(&p.latent(), &q.latent(), 1000, &mut Noise::seeded(0));
/// let (mean, error): (f32, f32) = (kl.mean.min().into_scalar(), kl.standard_error.unwrap().max().into_scalar());
/// assert!(mean > 5.0 * error);
/// # Ok::<(), relaxit::Error>(())
/// ```
#[track_caller]
pub fn kl_monte_carlo<P, Q, const D: usize>(p: &P, q: &Q, draws: usize, noise: &mut Noise) -> MonteCarlo<D>
where
    P: Reparameterized<D> + Density<D>,
    Q: Density<D>,
{
    assert!(draws > 0, "kl_monte_carlo: `draws` must be at least 1, got 0");
    average(draws, || {
        let x = p.rsample(noise);
        p.log_prob(x.clone()) - q.log_prob(x)
    })
}

/// Estimates `KL(p ‖ q)` of a law without reparameterised samples, such as one of counts, subsets or orders.
///
/// ```text
/// KL ≈ 1/n Σᵢ f(xᵢ),   ∇KL ≈ 1/n Σᵢ [f(xᵢ) ∇log p(xᵢ) + ∇f(xᵢ)],   f = log p − log q,   xᵢ ~ p
/// ```
///
/// Value and gradient are unbiased; the gradient is the score function's, whose variance is larger than that of
/// [`kl_monte_carlo`].
///
/// # Shapes
/// Both results keep the event dimensions as 1.
///
/// # Panics
/// If `draws` is 0, or the shapes of the laws do not broadcast.
///
/// # Examples
/// ```
/// use relaxit::distribution::{Geometric, Poisson};
/// use relaxit::{kl::kl_score_function, prelude::*};
/// let zeros = Tensor::<1>::zeros([3], &Device::flex());
/// let (p, q) = (Poisson::from_log_rate(zeros.clone()), Geometric::from_logits(zeros)); // no closed form
/// let kl = kl_score_function(&p, &q, 1000, &mut Noise::seeded(0));
/// let (mean, error): (f32, f32) = (kl.mean.min().into_scalar(), kl.standard_error.unwrap().max().into_scalar());
/// assert!(mean > 3.0 * error);
/// ```
#[track_caller]
pub fn kl_score_function<P, Q, const D: usize>(p: &P, q: &Q, draws: usize, noise: &mut Noise) -> MonteCarlo<D>
where
    P: Density<D>,
    Q: Density<D>,
{
    assert!(draws > 0, "kl_score_function: `draws` must be at least 1, got 0");
    average(draws, || {
        let x = p.sample(noise);
        let log_prob = p.log_prob(x.clone());
        let ratio = log_prob.clone() - q.log_prob(x);
        // The value 0, with the gradient of the score term; held, because ∞ · 0 is not 0.
        let score = constant(&ratio).clamp(-1e30, 1e30) * (log_prob.clone() - log_prob.detach());
        ratio + score
    })
}

/// Mean and standard error of `draws` values.
fn average<const D: usize>(draws: usize, mut draw: impl FnMut() -> Tensor<D>) -> MonteCarlo<D> {
    // Welford's update: the sum of squares about the running mean loses nothing to cancellation.
    let mut mean = draw();
    let mut squares = mean.clone().detach().zeros_like();
    for n in 2..=draws {
        let value = draw();
        let before = value.clone().detach() - mean.clone().detach();
        mean = mean.clone() + (value.clone() - mean) * (n as f64).recip();
        squares = squares + before * (value.detach() - mean.clone().detach());
    }
    let standard_error = (draws > 1).then(|| (squares / (draws as f64 * (draws - 1) as f64)).sqrt());
    MonteCarlo { mean, standard_error }
}
