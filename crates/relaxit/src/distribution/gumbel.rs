//! The Gumbel distribution.

use std::f64::consts::PI;

use burn::tensor::{DType, Device, Tensor};

use super::location_scale::{LocationScale, location_scale_family};
use super::{Cdf, Density, Distribution, Entropy, KlDivergence, Mode, Moments, Normal, Reparameterized};
use crate::error::Result;
use crate::math::{EULER, constant, ln_gamma};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// Beyond this exponent `e^−s` leaves f32; the density is 0 there for every practical purpose.
const EXPONENT_MAX: f64 = 85.0;

/// The Gumbel distribution over ℝ, the law of a maximum: the noise of every relaxed categorical.
///
/// ```text
/// log p(x) = −s − e^−s − log β,   s = (x − μ)/β
/// ```
///
/// # Shapes
/// `loc` (μ), `scale` (β), samples and log-densities: `[batch…]`; events are scalars.
///
/// # Gradient
/// Samples: exact, through both parameters. Log-densities: through both parameters and the value.
///
/// # Numerics
/// Exact for scales from 1e-30 to 1e30, as are gradients; the variance overflows in f32 above a scale of 1e19. Where
/// `s < −85` the term `e^−s` is held at `e⁸⁵` ≈ 8e36, so that the log-density stays finite.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Gumbel::new(Tensor::<1>::zeros([1], &device), Tensor::ones([1], &device))?;
/// let peak: f32 = law.log_prob(Tensor::zeros([1], &device)).into_scalar();
/// assert!((peak - -1.0).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Gumbel (1954), *Statistical theory of extreme values and some practical applications*; its place in relaxations:
/// [`crate::reference::GUMBEL_SOFTMAX`].
#[derive(Clone, Debug)]
pub struct Gumbel<const D: usize>(LocationScale<D>);

location_scale_family!(Gumbel, "Gumbel", Base::Gumbel);

impl<const D: usize> Gumbel<D> {
    /// With scale 1: the latent of a relaxation whose parameters were checked already.
    pub(crate) fn standard_at(loc: Tensor<D>) -> Self {
        let scale = loc.ones_like();
        Self(LocationScale { loc, scale })
    }
}

impl<const D: usize> Density<D> for Gumbel<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let s = self.0.standardised(finite(value.clone()));
        let log_prob = -s.clone() - bounded_exp(-s) - self.0.log_scale();
        restrict(log_prob, Support::Real, value)
    }
}

impl<const D: usize> Moments<D> for Gumbel<D> {
    /// `μ + γ β`.
    fn mean(&self) -> Tensor<D> {
        self.loc().clone() + self.scale().clone() * EULER
    }

    /// `β² π² / 6`.
    fn variance(&self) -> Tensor<D> {
        self.scale().clone().square() * (PI * PI / 6.0)
    }
}

impl<const D: usize> Mode<D> for Gumbel<D> {
    /// `μ`.
    fn mode(&self) -> Tensor<D> {
        constant(self.loc())
    }
}

impl<const D: usize> Entropy<D> for Gumbel<D> {
    /// `H = ln β + γ + 1`.
    fn entropy(&self) -> Tensor<D> {
        self.0.log_scale() + (EULER + 1.0)
    }
}

impl<const D: usize> Cdf<D> for Gumbel<D> {
    /// `−e^−s`.
    fn log_cdf(&self, value: Tensor<D>) -> Tensor<D> {
        -bounded_exp(-self.0.standardised(value))
    }
}

impl<const D: usize> KlDivergence<Self, D> for Gumbel<D> {
    /// `KL = ln(β₂/β₁) + γ (r − 1) − d + eᵈ Γ(r + 1) − 1,   r = β₁/β₂,   d = (μ₂ − μ₁)/β₂`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let ratio = q.0.over_scale(self.scale().clone());
        let shift = -q.0.standardised(self.loc().clone());
        q.0.log_scale() - self.0.log_scale() + (ratio.clone() - 1.0) * EULER - shift.clone()
            + bounded_exp(shift + ln_gamma(ratio + 1.0))
            - 1.0
    }
}

impl<const D: usize> KlDivergence<Normal<D>, D> for Gumbel<D> {
    /// `KL = ½ (Var[x] + (E[x] − μ₂)²)/β₂² + ln β₂ + ½ ln 2π − H`, H = the entropy.
    fn kl_divergence(&self, q: &Normal<D>) -> Tensor<D> {
        q.cross_entropy(self) - self.entropy()
    }
}

fn bounded_exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clamp_max(EXPONENT_MAX).exp()
}
