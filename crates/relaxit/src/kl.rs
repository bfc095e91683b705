//! Divergences without a closed form, by Monte Carlo with their standard error.

use burn::tensor::Tensor;

use crate::distribution::{Density, Reparameterized};
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
    let draw = |noise: &mut Noise| {
        let x = p.rsample(noise);
        p.log_prob(x.clone()) - q.log_prob(x)
    };
    // Welford's update: the sum of squares about the running mean loses nothing to cancellation.
    let mut mean = draw(noise);
    let mut squares = mean.clone().detach().zeros_like();
    for n in 2..=draws {
        let value = draw(noise);
        let before = value.clone().detach() - mean.clone().detach();
        mean = mean.clone() + (value.clone() - mean) * (n as f64).recip();
        squares = squares + before * (value.detach() - mean.clone().detach());
    }
    let standard_error = (draws > 1).then(|| (squares / (draws as f64 * (draws - 1) as f64)).sqrt());
    MonteCarlo { mean, standard_error }
}
