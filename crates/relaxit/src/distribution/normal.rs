//! The normal distribution.

use std::f64::consts::{E, TAU};

use burn::tensor::{DType, Device, Tensor};

use super::location_scale::{LocationScale, location_scale_family};
use super::{Cdf, Density, Distribution, Entropy, KlDivergence, Mode, Moments, Reparameterized};
use crate::error::Result;
use crate::math::{constant, log_ndtr};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The normal distribution over ℝ: the latent of gaussian relaxations, and the usual continuous one.
///
/// ```text
/// log p(x) = −s²/2 − log β − ½ log 2π,   s = (x − μ)/β
/// ```
///
/// # Shapes
/// `loc` (μ), `scale` (β, the standard deviation), samples and log-densities: `[batch…]`; events are scalars.
///
/// # Gradient
/// Samples: exact, through both parameters. Log-densities: through both parameters and the value.
///
/// # Numerics
/// Exact for scales from 1e-30 to 1e30, as are gradients; the variance overflows in f32 above a scale of 1e19.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex();
/// let law = Normal::new(Tensor::<1>::zeros([1], &device), Tensor::ones([1], &device))?;
/// let peak: f32 = law.log_prob(Tensor::zeros([1], &device)).into_scalar();
/// assert!((peak - -0.918_938_5).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Reparameterised: [`crate::reference::AUTO_ENCODING_VARIATIONAL_BAYES`].
#[derive(Clone, Debug)]
pub struct Normal<const D: usize>(LocationScale<D>);

location_scale_family!(Normal, "Normal", Base::Normal);

impl<const D: usize> Normal<D> {
    /// `−E[log self(x)]` over x ~ `p`, which knows nothing of `p` but its moments.
    pub(super) fn cross_entropy(&self, p: &impl Moments<D>) -> Tensor<D> {
        let square = self.0.over_scale(self.0.over_scale(p.variance())) + self.0.standardised(p.mean()).square();
        square * 0.5 + self.0.log_scale() + 0.5 * TAU.ln()
    }
}

impl<const D: usize> Density<D> for Normal<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let s = self.0.standardised(finite(value.clone()));
        let log_prob = s.square() * -0.5 - self.0.log_scale() - 0.5 * TAU.ln();
        restrict(log_prob, Support::Real, value)
    }
}

impl<const D: usize> Moments<D> for Normal<D> {
    fn mean(&self) -> Tensor<D> {
        self.loc().clone()
    }

    fn variance(&self) -> Tensor<D> {
        self.scale().clone().square()
    }
}

impl<const D: usize> Mode<D> for Normal<D> {
    /// `μ`.
    fn mode(&self) -> Tensor<D> {
        constant(self.loc())
    }
}

impl<const D: usize> Entropy<D> for Normal<D> {
    /// `H = ½ ln(2πe) + ln β`.
    fn entropy(&self) -> Tensor<D> {
        self.0.log_scale() + 0.5 * (TAU * E).ln()
    }
}

impl<const D: usize> Cdf<D> for Normal<D> {
    /// `ln Φ(s)`.
    fn log_cdf(&self, value: Tensor<D>) -> Tensor<D> {
        log_ndtr(self.0.standardised(value))
    }
}

impl<const D: usize> KlDivergence<Self, D> for Normal<D> {
    /// `KL = ln(β₂/β₁) + (r² + d² − 1)/2,   r = β₁/β₂,   d = (μ₁ − μ₂)/β₂`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let ratio = q.0.over_scale(self.scale().clone());
        let distance = q.0.standardised(self.loc().clone());
        (ratio.clone().square() + distance.square() - 1.0) * 0.5 - ratio.log()
    }
}
