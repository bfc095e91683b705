//! The relaxed one-hot categorical: Concrete, or Gumbel-Softmax.

use burn::tensor::{DType, Device, Tensor, activation};

use super::{ConditionalRelaxation, Relaxation, Tangent, Tempered, harden_draw};
use crate::distribution::{Density, Distribution, ExpConcrete, OneHotCategorical, Reparameterized, replicate};
use crate::error::Result;
#[cfg(any(feature = "cubecl", feature = "flex"))]
use crate::kernel;
use crate::math::{above_zero, inverse_softplus, limits, log_sum_exp, on_device, one_hot_argmax, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};
use crate::temperature::Temperature;

/// The relaxed one-hot categorical (Concrete, Gumbel-Softmax): a choice among K made continuous.
///
/// ```text
/// z = log_softmax((φ + g)/τ),   y = eᶻ,   g ~ Gumbel(0, 1),   φ = logits
/// log p(y) = ln Γ(K) + (K − 1) ln τ + Σₖ [log_softmax(φ − τ ln y)ₖ − ln yₖ]
/// ```
///
/// Its latent is the law of the *logarithm* of the relaxed sample, [`ExpConcrete`]; `threshold` is the argmax, and
/// `P(argmax y = k) = softmax(φ)ₖ` at every temperature.
///
/// # Shapes
/// `logits` and samples: `[batch…, K]`; log-densities: `[batch…, 1]`; a temperature tensor: `[batch…, 1]`, each
/// dimension as given or 1.
///
/// # Gradient
/// Samples: exact, through logits and temperature. As a gradient of the discrete objective `E[f(b)]` it is biased, less
/// as τ → 0, where its variance grows.
///
/// # Numerics
/// Entries underflow to 0 in f32 where `z < −103`; the density of such a sample is that of its nearest neighbour
/// strictly inside. The latent's density has no such limit. For `τ ≤ 1/(K − 1)` the density has no mode inside the
/// simplex.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let relaxed = RelaxedOneHotCategorical::from_logits(Tensor::<2>::zeros([128, 10], &device), 0.5)?;
/// let y = relaxed.rsample(&mut Noise::seeded(0));
/// assert!(y.sum_dim(1).all_close(Tensor::ones([128, 1], &device), None, None));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::CONCRETE`], [`crate::reference::GUMBEL_SOFTMAX`].
#[doc(alias = "GumbelSoftmax")]
#[doc(alias = "Concrete")]
#[derive(Clone, Debug)]
pub struct RelaxedOneHotCategorical<const D: usize> {
    hard: OneHotCategorical<D>,
    temperature: Temperature<D>,
}

const NAME: &str = "RelaxedOneHotCategorical";

impl<const D: usize> RelaxedOneHotCategorical<D> {
    /// From unnormalised log-probabilities and a temperature.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) without categories or if a temperature tensor does not broadcast to
    /// `[batch…, 1]`; [`Error::Parameter`](crate::Error::Parameter) if the temperature lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(OneHotCategorical::from_logits(logits)?, temperature)
    }

    /// From probabilities and a temperature; see [`OneHotCategorical::from_probs`].
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and [`Error::Values`](crate::Error::Values) for values that are no
    /// probabilities; reads the device.
    pub fn from_probs(probs: Tensor<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(OneHotCategorical::from_probs(probs)?, temperature)
    }

    fn relaxing(hard: OneHotCategorical<D>, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        let temperature = temperature.into().checked(NAME, hard.shape(), 1, hard.dtype())?;
        Ok(Self { hard, temperature })
    }

    /// The temperature.
    #[must_use]
    pub const fn temperature(&self) -> &Temperature<D> {
        &self.temperature
    }
}

impl<const D: usize> RelaxedOneHotCategorical<D> {
    /// `KL(self ‖ q)` in nats, of two laws with the same temperature: that of the latents,
    /// [`ExpConcrete::kl_divergence`].
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) or [`Error::Values`](crate::Error::Values) if `q` has another
    /// temperature: then there is no such form; see [`kl_monte_carlo`](crate::kl::kl_monte_carlo). Reads the device if a
    /// temperature is a tensor.
    ///
    /// # Panics
    /// If the shapes of the two laws do not broadcast.
    pub fn kl_divergence(&self, q: &Self) -> Result<Tensor<D>> {
        self.latent().kl_divergence_as(NAME, &q.latent())
    }
}

impl<const D: usize> Reparameterized<D> for RelaxedOneHotCategorical<D> {
    const BASE: Base = Base::Gumbel;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        activation::softmax(self.temperature.divide(self.logits().clone() + noise), D - 1)
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "cubecl")]
        if let Temperature::Scalar(temperature) = self.temperature
            && let Some(y) = kernel::cube::gumbel_softmax(self.logits(), temperature, noise)
        {
            return y;
        }
        #[cfg(feature = "flex")]
        if let Some(y) = kernel::rsample(self.kernel(), self.logits(), &self.temperature, noise) {
            return y;
        }
        self.transport(noise.draw(Self::BASE, self.shape(), (&self.device(), self.dtype())))
    }
}

impl<const D: usize> Distribution<D> for RelaxedOneHotCategorical<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shape(&self) -> [usize; D] {
        self.hard.shape()
    }

    fn device(&self) -> Device {
        self.hard.device()
    }

    fn dtype(&self) -> DType {
        self.hard.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self { hard: self.hard.inner(), temperature: self.temperature.inner() };
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.hard.validate()?;
        self.temperature.validate(NAME)
    }
}

replicate!(RelaxedOneHotCategorical { hard, temperature });

impl<const D: usize> Density<D> for RelaxedOneHotCategorical<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let z = above_zero(finite(value.clone())).log();
        let log_jacobian = z.clone().sum_dim(D - 1);
        // Clamping may leave z a little off the log-simplex, which the latent's support forgives.
        restrict(self.latent().log_prob(z) - log_jacobian, Support::Simplex, value)
    }
}

impl<const D: usize> Relaxation<D> for RelaxedOneHotCategorical<D> {
    type Latent = ExpConcrete<D>;
    type Hard = OneHotCategorical<D>;

    fn logits(&self) -> &Tensor<D> {
        self.hard.logits()
    }

    #[track_caller]
    fn with_logits(&self, logits: Tensor<D>) -> Self {
        assert_eq!(logits.dims(), self.shape(), "{NAME}: new logits must have the shape of the old");
        Self { hard: OneHotCategorical::from_parameters(logits), temperature: self.temperature.clone() }
    }

    fn latent(&self) -> ExpConcrete<D> {
        ExpConcrete::from_parameters(self.logits().clone(), self.temperature.clone())
    }

    fn hard(&self) -> OneHotCategorical<D> {
        self.hard.clone()
    }

    /// The argmax, as a one-hot vector: the same on `z` and on `squash(z)`.
    fn threshold(&self, z: Tensor<D>) -> Tensor<D> {
        on_device(one_hot_argmax(z.inner()), &self.device())
    }

    /// `eᶻ`.
    fn squash(&self, z: Tensor<D>) -> Tensor<D> {
        z.exp()
    }

    /// In one fused pass where there is a kernel for these tensors, with the same noise.
    fn rsample_straight_through(&self, noise: &mut Noise) -> Tensor<D> {
        #[cfg(feature = "cubecl")]
        if let Temperature::Scalar(temperature) = self.temperature
            && let Some(b) = kernel::cube::straight_through_gumbel_softmax(self.logits(), temperature, noise)
        {
            return b;
        }
        #[cfg(feature = "flex")]
        if let Some(b) = kernel::rsample_straight_through(self.kernel(), self.logits(), &self.temperature, noise) {
            return b;
        }
        harden_draw(self, noise)
    }
}

impl<const D: usize> ConditionalRelaxation<D> for RelaxedOneHotCategorical<D> {
    /// `z̃ = log_softmax(−δ/τ)` with gaps `δ` to the winner: 0 for it, `softplus(lse(φ) + g_b − φₖ − gₖ)` for the others.
    ///
    /// The paper draws the winner from `Gumbel(lse φ)` and the others truncated below it; only the differences matter
    /// to `z̃`, and this form gives them without cancellation and never a negative one, at raw logits.
    fn latent_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        let b = b.detach();
        let logits = self.logits().clone();
        let winner = log_sum_exp(logits.clone(), D - 1) + (b.clone() * noise.clone()).sum_dim(D - 1);
        let gaps = self.temperature.divide(softplus(winner - logits - noise));
        // A gap that rounds to nothing beside the row's normaliser would let another entry tie with the winner.
        let resolution = self.gap_resolution();
        let gaps = (gaps.clamp_min(resolution)) * (-b + 1.0);
        activation::log_softmax(-gaps, D - 1)
    }

    /// `g_b′ = max(φ + g) − lse(φ)` for the winner, `gₖ′ = lse(φ) + g_b′ − φₖ − softplus⁻¹(gapₖ)` for the others.
    fn noise_given(&self, b: Tensor<D>, noise: Tensor<D>) -> Tensor<D> {
        let (b, noise, logits) = (b.inner(), noise.inner(), self.logits().clone().inner());
        let perturbed = logits.clone() + noise;
        let winner = (b.clone() * perturbed.clone()).sum_dim(D - 1);
        let loser = winner.clone() - logits.clone() - inverse_softplus(winner.clone() - perturbed);
        let fresh_winner = (winner - log_sum_exp(logits, D - 1)) * b.clone();
        on_device(fresh_winner + loser.mask_fill(b.equal_elem(1.0), 0.0), &self.device())
    }

    fn tangents(
        &self,
        noise: Tensor<D>,
        b: Tensor<D>,
        fresh: Tensor<D>,
        direction: Tensor<D>,
    ) -> Option<[Tangent<D>; 2]> {
        let (logits, last) = (self.logits().clone(), D - 1);
        // Of log_softmax(x), when x moves along `moved`.
        let tangent = |z: Tensor<D>, moved: Tensor<D>| {
            let y = z.exp();
            let latent = moved.clone() - (y.clone() * moved).sum_dim(last);
            Tangent { relaxed: y * latent.clone(), latent }
        };
        let z = self.latent().transport(noise);
        let z_tilde = self.latent_given(b.clone(), fresh.clone());
        // The gap to the winner, softplus(lse φ + g_b − φₖ − gₖ)/τ; the winner's own stays 0.
        let winner = log_sum_exp(logits.clone(), last) + (b.clone() * fresh.clone()).sum_dim(last);
        let slope = activation::sigmoid(winner - logits.clone() - fresh) * (-b + 1.0);
        let mean = (activation::softmax(logits, last) * direction.clone()).sum_dim(last);
        let gaps = slope * (mean - direction.clone());
        Some([tangent(z, self.temperature.divide(direction)), tangent(z_tilde, -self.temperature.divide(gaps))])
    }

    fn detach(&self) -> Self {
        let hard = OneHotCategorical::from_parameters(self.logits().clone().detach());
        Self { hard, temperature: self.temperature.detach() }
    }
}

impl<const D: usize> Tempered<D> for RelaxedOneHotCategorical<D> {
    fn temperature(&self) -> &Temperature<D> {
        self.temperature()
    }

    fn with_temperature(&self, temperature: impl Into<Temperature<D>>) -> Result<Self> {
        Self::relaxing(self.hard.clone(), temperature)
    }

    /// `log_softmax(z + φ λ/(λ + 1))`.
    fn towards_mean(&self, z: Tensor<D>) -> Tensor<D> {
        activation::log_softmax(z + self.temperature.share(self.logits().clone()), D - 1)
    }
}

impl<const D: usize> RelaxedOneHotCategorical<D> {
    #[cfg(feature = "flex")]
    fn kernel(&self) -> kernel::GumbelSoftmax {
        kernel::GumbelSoftmax { categories: self.shape()[D - 1] }
    }

    /// Eight units in the last place of the largest normaliser, `ln K`.
    fn gap_resolution(&self) -> f64 {
        let (_, resolution) = limits(self.dtype());
        16.0 * resolution * (1.0 + (self.shape()[D - 1] as f64).ln())
    }
}
