//! Mistakes that were published with a law of its own.

use burn::tensor::{Tensor, activation};

use super::Tampered;
use crate::distribution::{Density, Distribution, GumbelTopK, Poisson, Truncated};
use crate::math::{log_sum_exp, one_hot_argmax};
use crate::noise::Base;
use crate::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GaussianRelaxedBernoulli, InvertibleGaussian,
    RebarRelaxation, Relaxation,
};

/// The density of a copula's marginals, as if they were independent: it integrates to 1, and is another law's.
pub fn ignored_copula<const D: usize>(
    law: CorrelatedRelaxedBernoulli<D>,
) -> Tampered<CorrelatedRelaxedBernoulli<D>, D> {
    Tampered::new(law).with_log_prob(|law, x| law.marginals().log_prob(x).sum_dim(D - 1))
}

/// The density of a relaxed Bernoulli beside the sampler of REBAR's, which has another location.
pub fn uncorrected_density<const D: usize>(law: RebarRelaxation<D>) -> Tampered<RebarRelaxation<D>, D> {
    Tampered::new(law).with_log_prob(|law, y| {
        let z = y.clone().log() - (-y.clone()).log1p();
        law.latent().log_prob(z) - y.clone().log() - (-y).log1p()
    })
}

/// The inverse of softmax++ with `ln(1 − r)` where `ln r` belongs, r = what is left for the last entry.
pub fn wrong_inverse<const D: usize>(law: InvertibleGaussian<D>) -> Tampered<InvertibleGaussian<D>, D> {
    Tampered::new(law).with_log_prob(|law, g| {
        let latents = g.dims()[D - 1] - 1;
        let (first, rest) = (g.clone().slice_dim(D - 1, 0..latents).log(), g.clone().slice_dim(D - 1, latents));
        let inverse = |log_rest: Tensor<D>| law.temperature().multiply(first.clone() - log_rest + law.delta().ln());
        let (right, wrong) = (inverse(rest.clone().log()), inverse((-rest).log1p()));
        let latent = law.latent();
        law.log_prob(g) - latent.log_prob(right) + latent.log_prob(wrong)
    })
}

/// A forward temperature that does nothing, because `argmax((φ + g)/τ) = argmax(φ + g)`.
pub fn idle_forward_temperature<const D: usize>(
    law: DecoupledStraightThroughGumbelSoftmax<D>,
) -> Tampered<DecoupledStraightThroughGumbelSoftmax<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let gumbel = noise.draw(Base::Gumbel, law.shape(), (&law.device(), law.dtype()));
        one_hot_argmax((law.logits().clone() + gumbel).inner())
    })
}

/// A truncation that drops the tail and renormalises: every probability is shifted.
pub fn dropped_tail(law: Truncated<Poisson<2>>) -> Tampered<Truncated<Poisson<2>>, 2> {
    Tampered::new(law).with_sample(|law, noise| {
        let atoms: Tensor<2> = law.atoms();
        let rows = law.shape()[0];
        let counts = atoms.clone().repeat_dim(0, rows);
        let logits = law.law().log_prob(counts.clone());
        let choice = logits + noise.draw(Base::Gumbel, counts.dims(), (&law.device(), law.dtype()));
        (one_hot_argmax(choice) * counts).sum_dim(1).detach()
    })
}

/// Soft top-k that masks what was chosen by a huge constant times a soft weight: the second choice is the one with the
/// smallest first weight.
pub fn soft_mask<const D: usize>(law: GumbelTopK<D>) -> Tampered<GumbelTopK<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let gumbel = noise.draw(Base::Gumbel, law.shape(), (&law.device(), law.dtype()));
        let mut scores = (law.logits().clone() + gumbel).inner();
        let mut chosen = scores.zeros_like();
        for _ in 0..law.count() {
            let soft = activation::softmax(scores.clone(), D - 1);
            chosen = chosen + one_hot_argmax(scores.clone());
            scores = scores - soft * 1e10;
        }
        chosen
    })
}

/// Probabilities used where logits belong, in a choice of several.
pub fn probs_as_logits_of_top_k<const D: usize>(law: GumbelTopK<D>) -> Tampered<GumbelTopK<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let logits = law.logits().clone();
        let probs = (logits.clone() - log_sum_exp(logits, D - 1)).exp();
        GumbelTopK::from_logits(probs.clone(), law.count()).map_or(probs, |wrong| wrong.sample(noise))
    })
}

/// `where(z == 0, ln Φ(−μ/σ), …)` with a logarithm that is −∞ where it is not taken: its gradient is NaN all the same.
pub fn branch_not_taken<const D: usize>(law: GaussianRelaxedBernoulli<D>) -> Tampered<GaussianRelaxedBernoulli<D>, D> {
    Tampered::new(law).with_log_prob(|law, z| {
        let s = law.loc().clone() / law.scale().clone() * std::f64::consts::FRAC_1_SQRT_2;
        let closed = ((-s.erf() + 1.0) * 0.5).log();
        law.log_prob(z.clone()).mask_where(z.equal_elem(0.0), closed)
    })
}
