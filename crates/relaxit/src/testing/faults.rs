//! Mistakes found in public implementations, planted on purpose: each is rejected by a check of this module.
//!
//! A check that cannot fail proves nothing. Wrap a correct law in one of these and see the check that guards against
//! the fault fail; `tests/faults.rs` does so for every fault here.
//!
//! | mistake | fault | rejected by |
//! |---|---|---|
//! | one noise draw for a whole batch | [`shared_noise`] | `independence::rows` |
//! | noise of half precision, or clamped | [`half_precision_noise`] | `tails::counts` |
//! | NaN where `−ln(−ln u)` meets u = 0 or 1 | [`nan_sampler`] | every check of draws |
//! | probabilities where logits belong | [`probs_as_logits`], [`probs_as_logits_of_top_k`] | `chi_square::outcomes` |
//! | soft top-k masked by a constant times a soft weight | [`soft_mask`] | `chi_square::outcomes` |
//! | a density unrelated to the sampler | [`density_of_another_law`], [`uncorrected_density`] | `ks::density` |
//! | a copula's density without its copula | [`ignored_copula`] | `quadrature::joint` |
//! | a wrong inverse of softmax++ | [`wrong_inverse`] | `quadrature::normalisation` |
//! | a log-density that is not summed over its event | | shapes in `tests/properties.rs` |
//! | `log1p(p)` for `log1p(−p)` in a conditional bit | [`log1p_of_the_wrong_sign`] | `coupling::threshold` |
//! | a conditional winner `Gumbel(0)` at raw logits | [`winner_without_normaliser`] | `coupling::marginal` |
//! | the gradient through z̃ dropped | [`detached_conditional`] | `coupling::pathwise` |
//! | a variance passed as a standard deviation | [`variance_as_deviation`] | `moments::mean_and_variance` |
//! | the same in the Laplace bridge | | moments of logits in `tests/laws_of_counts.rs` |
//! | a forward temperature that does nothing | [`idle_forward_temperature`] | `chi_square::outcomes` |
//! | a truncated tail that is dropped | [`dropped_tail`] | `moments::mean_and_variance` |
//! | NaN gradients from a branch not taken | [`branch_not_taken`] | `extremes::sampling` |

mod published;

use std::fmt;

use burn::tensor::{DType, Device, Tensor, activation};

use crate::distribution::{
    Bernoulli, Cdf, Density, Distribution, Entropy, Enumerable, Gumbel, KlDivergence, Logistic, Mode, Moments, Normal,
    OneHotCategorical, Reparameterized,
};
use crate::error::Result;
use crate::math::log_sum_exp;
use crate::noise::{Base, Noise};
use crate::relaxation::{ConditionalRelaxation, Relaxation, RelaxedBernoulli, RelaxedOneHotCategorical};
use crate::support::Support;

pub use self::published::{
    branch_not_taken, dropped_tail, idle_forward_temperature, ignored_copula, probs_as_logits_of_top_k, soft_mask,
    uncorrected_density, wrong_inverse,
};

type Map<L, const D: usize> = fn(&L, Tensor<D>) -> Tensor<D>;

/// A law of which some methods are replaced by faulty ones; the others are its own.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, faults::Tampered, moments};
/// let shifted = |p| Tampered::new(Bernoulli::from_logits(p)).with_sample(|law, noise| law.sample(noise) * 0.99);
/// assert!(!moments::mean_and_variance(&Case::new("shifted", &[0.0], shifted)).passed());
/// ```
#[derive(Clone)]
pub struct Tampered<L, const D: usize> {
    law: L,
    sample: Option<fn(&L, &mut Noise) -> Tensor<D>>,
    transport: Option<Map<L, D>>,
    log_prob: Option<Map<L, D>>,
    entropy: Option<fn(&L) -> Tensor<D>>,
    mode: Option<fn(&L) -> Tensor<D>>,
    log_cdf: Option<Map<L, D>>,
    threshold: Option<Map<L, D>>,
    latent_given: Option<fn(&L, Tensor<D>, Tensor<D>) -> Tensor<D>>,
}

impl<L, const D: usize> Tampered<L, D> {
    /// Nothing tampered with yet.
    pub const fn new(law: L) -> Self {
        Self {
            law,
            sample: None,
            transport: None,
            log_prob: None,
            entropy: None,
            mode: None,
            log_cdf: None,
            threshold: None,
            latent_given: None,
        }
    }

    /// With another sampler.
    #[must_use]
    pub fn with_sample(self, sample: fn(&L, &mut Noise) -> Tensor<D>) -> Self {
        Self { sample: Some(sample), ..self }
    }

    /// With another map from noise to samples.
    #[must_use]
    pub fn with_transport(self, transport: Map<L, D>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// With another log-density.
    #[must_use]
    pub fn with_log_prob(self, log_prob: Map<L, D>) -> Self {
        Self { log_prob: Some(log_prob), ..self }
    }

    /// With another entropy.
    #[must_use]
    pub fn with_entropy(self, entropy: fn(&L) -> Tensor<D>) -> Self {
        Self { entropy: Some(entropy), ..self }
    }

    /// With another mode.
    #[must_use]
    pub fn with_mode(self, mode: fn(&L) -> Tensor<D>) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// With another distribution function.
    #[must_use]
    pub fn with_log_cdf(self, log_cdf: Map<L, D>) -> Self {
        Self { log_cdf: Some(log_cdf), ..self }
    }

    /// With another map from latents to hard values.
    #[must_use]
    pub fn with_threshold(self, threshold: Map<L, D>) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    /// With another latent given the hard value.
    #[must_use]
    pub fn with_latent_given(self, latent_given: fn(&L, Tensor<D>, Tensor<D>) -> Tensor<D>) -> Self {
        Self { latent_given: Some(latent_given), ..self }
    }
}

/// A sampler that gives NaN in one entry of a batch, as `−ln(−ln u)` does now and then where u may be 0.
pub fn nan_sampler<L: Distribution<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_sample(|law, noise| law.sample(noise).slice_fill([0; D], f64::NAN))
}

/// One noise draw shared over the whole batch, because its shape was taken from a scalar parameter.
pub fn shared_noise<L: Reparameterized<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let one = noise.draw(L::BASE, [1; D], (&law.device(), law.dtype()));
        law.transport(one.expand(law.noise_shape())).detach()
    })
}

/// Noise drawn in half precision, or clamped away from 0 and 1 to 11 bits: the Gumbel tail ends at 7.6.
pub fn half_precision_noise<const D: usize>(law: Gumbel<D>) -> Tampered<Gumbel<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let u = noise.draw(Base::Uniform, law.shape(), (&law.device(), law.dtype()));
        let u = ((u * 2048.0).floor() + 0.5) / 2048.0;
        law.transport(-(-u.log()).log()).detach()
    })
}

/// Probabilities used where logits belong.
pub fn probs_as_logits<const D: usize>(law: OneHotCategorical<D>) -> Tampered<OneHotCategorical<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        OneHotCategorical::from_logits(law.probs()).map_or_else(|_| law.probs(), |wrong| wrong.sample(noise))
    })
}

/// A variance passed where a standard deviation belongs.
pub fn variance_as_deviation<const D: usize>(law: Normal<D>) -> Tampered<Normal<D>, D> {
    Tampered::new(law).with_sample(|law, noise| {
        let noise = noise.draw(Base::Normal, law.shape(), (&law.device(), law.dtype()));
        (law.loc().clone() + law.scale().clone().square() * noise).detach()
    })
}

/// A log-density unrelated to the sampler: that of the normal law with the same mean and variance.
pub fn density_of_another_law<const D: usize>(law: Logistic<D>) -> Tampered<Logistic<D>, D> {
    Tampered::new(law).with_log_prob(|law, x| {
        let log_scale = law.variance().log() * 0.5;
        let s = (x - law.loc().clone()) / log_scale.clone().exp();
        s.square() * -0.5 - log_scale - 0.5 * std::f64::consts::TAU.ln()
    })
}

/// The score of another law: gradients of a log-probability at twice the logits.
pub fn score_of_another_law<const D: usize>(law: Bernoulli<D>) -> Tampered<Bernoulli<D>, D> {
    Tampered::new(law).with_log_prob(|law, b| Bernoulli::from_logits(law.logits().clone() * 2.0).log_prob(b))
}

/// A density whose normaliser is off by a constant, as when a power of the temperature is forgotten.
pub fn unnormalised<L: Density<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_log_prob(|law, x| law.log_prob(x) + 0.01)
}

/// The logarithm of a density that underflows: −∞, with NaN gradients, a few standard deviations out.
pub fn log_of_underflow<const D: usize>(law: Normal<D>) -> Tampered<Normal<D>, D> {
    Tampered::new(law).with_log_prob(|law, x| {
        let s = (x - law.loc().clone()) / law.scale().clone();
        ((s.square() * -0.5).exp() / (law.scale().clone() * std::f64::consts::TAU.sqrt())).log()
    })
}

/// A log-probability that trusts its caller to stay inside the support.
pub fn unrestricted<const D: usize>(law: Bernoulli<D>) -> Tampered<Bernoulli<D>, D> {
    Tampered::new(law).with_log_prob(|law, b| activation::log_sigmoid((b * 2.0 - 1.0) * law.logits().clone()))
}

/// A sample whose gradient path through one parameter was cut.
pub fn dropped_gradient<const D: usize>(law: Normal<D>) -> Tampered<Normal<D>, D> {
    Tampered::new(law).with_transport(|law, noise| law.loc().clone() + law.scale().clone().detach() * noise)
}

/// An entropy in bits where nats were promised.
pub fn entropy_in_bits<L: Entropy<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_entropy(|law| law.entropy() / std::f64::consts::LN_2)
}

/// The mean where the mode belongs.
pub fn mean_as_mode<L: Moments<D> + Mode<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_mode(|law| law.mean().detach())
}

/// The logarithm of `P(X > x)` where that of `P(X ≤ x)` belongs.
pub fn survival_as_cdf<L: Cdf<D>, const D: usize>(law: L) -> Tampered<L, D> {
    Tampered::new(law).with_log_cdf(|law, x| (-law.log_cdf(x).exp()).log1p())
}

/// A latent cut at ½, as if it were the relaxed sample.
pub fn threshold_in_the_wrong_space<const D: usize>(relaxed: RelaxedBernoulli<D>) -> Tampered<RelaxedBernoulli<D>, D> {
    Tampered::new(relaxed).with_threshold(|relaxed, z| relaxed.threshold(z - 0.5))
}

/// A latent "given b" that ignores b.
pub fn uncoupled<const D: usize>(relaxed: RelaxedBernoulli<D>) -> Tampered<RelaxedBernoulli<D>, D> {
    Tampered::new(relaxed).with_latent_given(|relaxed, _, noise| relaxed.latent().transport(noise))
}

/// `ln(1 + p)` where `ln(1 − p)` belongs, in the textbook's conditional sample.
pub fn log1p_of_the_wrong_sign<const D: usize>(relaxed: RelaxedBernoulli<D>) -> Tampered<RelaxedBernoulli<D>, D> {
    Tampered::new(relaxed).with_latent_given(|relaxed, b, noise| {
        let (theta, v) = (activation::sigmoid(relaxed.logits().clone()), activation::sigmoid(noise));
        let v = b.clone() * (v.clone() * theta.clone() + (-theta.clone() + 1.0)) + (-b + 1.0) * v * (-theta + 1.0);
        relaxed.temperature().divide(relaxed.logits().clone() + v.clone().log() - v.log1p())
    })
}

/// A conditional categorical sample whose winner is `Gumbel(0)`, at logits that are not normalised.
pub fn winner_without_normaliser<const D: usize>(
    relaxed: RelaxedOneHotCategorical<D>,
) -> Tampered<RelaxedOneHotCategorical<D>, D> {
    Tampered::new(relaxed).with_latent_given(|relaxed, b, noise| {
        let excess = log_sum_exp(relaxed.logits().clone(), D - 1);
        // The correct form, with the winner's noise shifted by −lse(φ).
        relaxed.latent_given(b.clone(), noise - b * excess)
    })
}

/// The gradient path through the conditional latent is dropped.
pub fn detached_conditional<R: ConditionalRelaxation<D>, const D: usize>(relaxed: R) -> Tampered<R, D> {
    Tampered::new(relaxed).with_latent_given(|relaxed, b, noise| relaxed.latent_given(b, noise).detach())
}

impl<L: Distribution<D>, const D: usize> Distribution<D> for Tampered<L, D> {
    const EVENT_DIMS: usize = L::EVENT_DIMS;

    fn support(&self) -> Support {
        self.law.support()
    }

    fn shape(&self) -> [usize; D] {
        self.law.shape()
    }

    fn device(&self) -> Device {
        self.law.device()
    }

    fn dtype(&self) -> DType {
        self.law.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        match self.sample {
            Some(sample) => sample(&self.law, noise),
            None => self.law.sample(noise),
        }
    }

    fn validate(&self) -> Result<()> {
        self.law.validate()
    }
}

impl<L: Reparameterized<D>, const D: usize> Reparameterized<D> for Tampered<L, D> {
    const BASE: Base = L::BASE;

    fn noise_shape(&self) -> [usize; D] {
        self.law.noise_shape()
    }

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        match self.transport {
            Some(transport) => transport(&self.law, noise),
            None => self.law.transport(noise),
        }
    }
}

impl<L: Density<D>, const D: usize> Density<D> for Tampered<L, D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        match self.log_prob {
            Some(log_prob) => log_prob(&self.law, value),
            None => self.law.log_prob(value),
        }
    }
}

impl<L: Moments<D>, const D: usize> Moments<D> for Tampered<L, D> {
    fn mean(&self) -> Tensor<D> {
        self.law.mean()
    }

    fn variance(&self) -> Tensor<D> {
        self.law.variance()
    }
}

impl<L: Entropy<D>, const D: usize> Entropy<D> for Tampered<L, D> {
    fn entropy(&self) -> Tensor<D> {
        match self.entropy {
            Some(entropy) => entropy(&self.law),
            None => self.law.entropy(),
        }
    }
}

impl<L: Mode<D>, const D: usize> Mode<D> for Tampered<L, D> {
    fn mode(&self) -> Tensor<D> {
        match self.mode {
            Some(mode) => mode(&self.law),
            None => self.law.mode(),
        }
    }
}

impl<L: Cdf<D>, const D: usize> Cdf<D> for Tampered<L, D> {
    fn log_cdf(&self, value: Tensor<D>) -> Tensor<D> {
        match self.log_cdf {
            Some(log_cdf) => log_cdf(&self.law, value),
            None => self.law.log_cdf(value),
        }
    }
}

impl<L: Enumerable<D>, const D: usize> Enumerable<D> for Tampered<L, D> {
    fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
        self.law.outcomes()
    }
}

impl<Q, L: KlDivergence<Q, D>, const D: usize> KlDivergence<Q, D> for Tampered<L, D> {
    fn kl_divergence(&self, q: &Q) -> Tensor<D> {
        self.law.kl_divergence(q)
    }
}

impl<R: Relaxation<D>, const D: usize> Relaxation<D> for Tampered<R, D> {
    type Latent = R::Latent;
    type Hard = R::Hard;

    fn logits(&self) -> &Tensor<D> {
        self.law.logits()
    }

    fn with_logits(&self, logits: Tensor<D>) -> Self {
        Self { law: self.law.with_logits(logits), ..*self }
    }

    fn latent(&self) -> R::Latent {
        self.law.latent()
    }

    fn hard(&self) -> R::Hard {
        self.law.hard()
    }

    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        match self.threshold {
            Some(threshold) => threshold(&self.law, z),
            None => self.law.threshold(z),
        }
    }

    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        self.law.squash(z)
    }
}

impl<R: ConditionalRelaxation<D>, const D: usize> ConditionalRelaxation<D> for Tampered<R, D> {
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        match self.latent_given {
            Some(latent_given) => latent_given(&self.law, b, noise),
            None => self.law.latent_given(b, noise),
        }
    }

    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        self.law.noise_given(b, noise)
    }

    fn detach(&self) -> Self {
        Self { law: self.law.detach(), ..*self }
    }
}

impl<L: fmt::Debug, const D: usize> fmt::Debug for Tampered<L, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tampered").field("law", &self.law).finish_non_exhaustive()
    }
}
