//! The logistic distribution.

use std::f64::consts::PI;

use burn::tensor::{DType, Device, Tensor, activation};

use super::location_scale::{LocationScale, location_scale_family};
use super::{Cdf, Density, Distribution, Entropy, KlDivergence, Mode, Moments, Normal, Reparameterized};
use crate::error::Result;
use crate::math::{constant, softplus};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The logistic distribution over ℝ: the latent of every relaxed Bernoulli.
///
/// ```text
/// log p(x) = −|s| − 2 log(1 + e^−|s|) − log β,   s = (x − μ)/β
/// ```
///
/// # Shapes
/// `loc` (μ), `scale` (β), samples and log-densities: `[batch…]`; events are scalars.
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
/// let law = Logistic::new(Tensor::<1>::zeros([1], &device), Tensor::ones([1], &device))?;
/// let peak: f32 = law.log_prob(Tensor::zeros([1], &device)).into_scalar();
/// assert!((peak - 0.25_f32.ln()).abs() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Its place in relaxations: [`crate::reference::CONCRETE`], appendix B.
#[derive(Clone, Debug)]
pub struct Logistic<const D: usize>(LocationScale<D>);

location_scale_family!(Logistic, "Logistic", Base::Logistic);

impl<const D: usize> Logistic<D> {
    /// The latent of a relaxation whose parameters were checked already.
    pub(crate) const fn from_parameters(loc: Tensor<D>, scale: Tensor<D>) -> Self {
        Self(LocationScale { loc, scale })
    }
}

impl<const D: usize> Density<D> for Logistic<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        // The density is even: with |s| neither tail overflows.
        let s = self.0.standardised(finite(value.clone())).abs();
        let log_prob = -s.clone() - softplus(-s) * 2.0 - self.0.log_scale();
        restrict(log_prob, Support::Real, value)
    }
}

impl<const D: usize> Moments<D> for Logistic<D> {
    fn mean(&self) -> Tensor<D> {
        self.loc().clone()
    }

    /// `β² π² / 3`.
    fn variance(&self) -> Tensor<D> {
        self.scale().clone().square() * (PI * PI / 3.0)
    }
}

impl<const D: usize> Mode<D> for Logistic<D> {
    /// `μ`.
    fn mode(&self) -> Tensor<D> {
        constant(self.loc())
    }
}

impl<const D: usize> Entropy<D> for Logistic<D> {
    /// `H = ln β + 2`.
    fn entropy(&self) -> Tensor<D> {
        self.0.log_scale() + 2.0
    }
}

impl<const D: usize> Cdf<D> for Logistic<D> {
    /// `ln σ(s)`.
    fn log_cdf(&self, value: Tensor<D>) -> Tensor<D> {
        activation::log_sigmoid(self.0.standardised(value))
    }
}

impl<const D: usize> KlDivergence<Normal<D>, D> for Logistic<D> {
    /// `KL = ½ (Var[x] + (E[x] − μ₂)²)/β₂² + ln β₂ + ½ ln 2π − H`, H = the entropy.
    fn kl_divergence(&self, q: &Normal<D>) -> Tensor<D> {
        q.cross_entropy(self) - self.entropy()
    }
}
