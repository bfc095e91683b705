//! The softmax of independent normal variables.

use std::f64::consts::TAU;

use burn::tensor::{DType, Device, Tensor, activation};

use super::location_scale::{LocationScale, location_scale_parameters};
use super::logistic_normal::with_entries;
use super::{Density, Distribution, KlDivergence, Reparameterized};
use crate::error::Result;
use crate::math::{above_zero, log_sum_exp, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The softmax of K independent normal variables: a law over the simplex that treats all entries alike.
///
/// ```text
/// y = softmax(x),   x ~ N(μ, β²)
/// log p(y) = −½ Σₖ wₖ (dₖ − d̄)² − ½ ln(Σ w / 2π) − Σₖ [ln βₖ + ½ ln 2π + ln yₖ]
/// dₖ = ln yₖ − μₖ,   wₖ = 1/βₖ²,   d̄ = Σ w d / Σ w,   μ = loc, β = scale
/// ```
///
/// Overcomplete: adding a constant to all of x changes nothing, so K parameters describe a law of K − 1 dimensions, and the
/// map from x has no inverse. The density is there nevertheless: the shift that y does not see is integrated out, which for
/// a diagonal covariance has this closed form. It is with respect to the first K − 1 coordinates. Nothing can be said about
/// the density of *x given y*, and moments have no closed form.
///
/// # Shapes
/// `loc`, `scale` and samples: `[batch…, K]`; log-densities: `[batch…, 1]`.
///
/// # Gradient
/// Samples: exact, through both parameters. Log-densities: through both and the value.
///
/// # Numerics
/// Entries underflow to 0 in f32 where `ln y < −103`; the density of such a sample is that of its nearest neighbour
/// strictly inside.
///
/// # Examples
/// ```
/// use relaxit::distribution::LogisticNormalSoftmax;
/// use relaxit::prelude::*;
/// let zeros = Tensor::<2>::zeros([5, 3], &Device::flex());
/// let law = LogisticNormalSoftmax::from_log_scale(zeros.clone(), zeros.clone())?;
/// let shifted = LogisticNormalSoftmax::from_log_scale(zeros.clone() + 7.0, zeros)?;
/// let y = law.rsample(&mut Noise::seeded(0));
/// assert!(law.log_prob(y.clone()).all_close(shifted.log_prob(y), None, Some(1e-4)));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::LOGISTIC_NORMAL`].
#[derive(Clone, Debug)]
pub struct LogisticNormalSoftmax<const D: usize>(pub(super) LocationScale<D>);

pub(super) const NAME: &str = "LogisticNormalSoftmax";

location_scale_parameters!(
    LogisticNormalSoftmax,
    NAME,
    |family| with_entries(NAME, family),
    ", or there are no categories"
);

impl<const D: usize> Reparameterized<D> for LogisticNormalSoftmax<D> {
    const BASE: Base = Base::Normal;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        activation::softmax(self.0.transport(noise), D - 1)
    }
}

impl<const D: usize> Distribution<D> for LogisticNormalSoftmax<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shape(&self) -> [usize; D] {
        self.0.shape()
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn sample(&self, noise: &mut Noise) -> Tensor<D> {
        let inner = Self(LocationScale { loc: self.0.loc.clone().inner(), scale: self.0.scale.clone().inner() });
        on_device(inner.rsample(noise), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.0.validate(NAME)
    }
}

impl<const D: usize> Density<D> for LogisticNormalSoftmax<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let log = above_zero(finite(value.clone())).log();
        let log_scale = self.0.log_scale();
        // Weights by softmax, so that no 1/β² overflows.
        let log_weights = log_scale.clone() * -2.0;
        let shares = activation::softmax(log_weights.clone(), D - 1);
        let distance = log.clone() - self.0.loc.clone();
        let centre = (shares * distance.clone()).sum_dim(D - 1);
        let standardised = self.0.over_scale(distance - centre);
        let entries = standardised.square() * -0.5 - log_scale - log - 0.5 * TAU.ln();
        let shift = (-log_sum_exp(log_weights, D - 1) + TAU.ln()) * 0.5;
        restrict(entries.sum_dim(D - 1) + shift, Support::Simplex, value)
    }
}

impl<const D: usize> KlDivergence<Self, D> for LogisticNormalSoftmax<D> {
    /// That of the log-ratios, which are normal and correlated:
    ///
    /// ```text
    /// KL = ½ [Σₖ vₖ (mₖ − m̄)² + Σₖ rₖ − Σₖ vₖ rₖ / Σ v − K + 1 − Σₖ ln rₖ + ln Σ v − ln Σ w]
    /// m = μ₁ − μ₂,   w = 1/β₁²,   v = 1/β₂²,   r = v/w,   m̄ = Σ v m / Σ v
    /// ```
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let log_ratio = (self.0.log_scale() - q.0.log_scale()) * 2.0;
        let (log_w, log_v) = (self.0.log_scale() * -2.0, q.0.log_scale() * -2.0);
        let shares = activation::softmax(log_v.clone(), D - 1);
        let distance = self.loc().clone() - q.loc().clone();
        let centre = (shares.clone() * distance.clone()).sum_dim(D - 1);
        let standardised = q.0.over_scale(distance - centre);
        // r (1 − v/Σv) − 1 − ln r, and the one dimension too many back at the end.
        let entries = standardised.square() + log_ratio.clone().exp() * (-shares + 1.0) - 1.0 - log_ratio;
        (entries.sum_dim(D - 1) + 1.0 + log_sum_exp(log_v, D - 1) - log_sum_exp(log_w, D - 1)) * 0.5
    }
}
