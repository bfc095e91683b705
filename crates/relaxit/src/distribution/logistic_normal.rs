//! The logistic-normal distribution.

use std::f64::consts::TAU;

use burn::tensor::{DType, Device, Tensor, activation};

use super::location_scale::{LocationScale, location_scale_parameters};
use super::{Density, Distribution, KlDivergence, Reparameterized};
use crate::error::{Error, Result};
use crate::math::{above_zero, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite, restrict};

/// The logistic-normal distribution over the simplex: normal log-ratios to the last of K entries.
///
/// ```text
/// y = softmax(x₁, …, x_{K−1}, 0),   x ~ N(μ, β²),   xₖ = ln yₖ − ln y_K
/// log p(y) = Σ_{k<K} log N(xₖ; μₖ, βₖ²) − Σₖ ln yₖ,   μ = loc, β = scale
/// ```
///
/// The map is one-to-one, so there is a density: with respect to the first K − 1 coordinates. The entries are not
/// exchangeable; [`LogisticNormalSoftmax`](super::LogisticNormalSoftmax) treats all alike. No moments in closed form.
///
/// # Shapes
/// `loc`, `scale` and noise: `[batch…, K − 1]`; samples: `[batch…, K]`; log-densities and divergences: `[batch…, 1]`.
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
/// use relaxit::distribution::LogisticNormal;
/// use relaxit::prelude::*;
/// let zeros = Tensor::<2>::zeros([5, 2], &Device::flex());
/// let law = LogisticNormal::from_log_scale(zeros.clone(), zeros)?;
/// let y = law.rsample(&mut Noise::seeded(0));
/// assert_eq!((y.dims(), law.log_prob(y).dims()), ([5, 3], [5, 1]));
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Aitchison & Shen (1980), *Logistic-normal distributions: Some properties and uses*:
/// [`crate::reference::LOGISTIC_NORMAL`].
#[derive(Clone, Debug)]
pub struct LogisticNormal<const D: usize>(LocationScale<D>);

const NAME: &str = "LogisticNormal";

location_scale_parameters!(LogisticNormal, NAME, |family| with_entries(NAME, family), ", or there is no log-ratio");

/// Refuses an event without entries.
pub(super) fn with_entries<const D: usize>(
    subject: &'static str,
    family: LocationScale<D>,
) -> Result<LocationScale<D>> {
    if family.shape()[D - 1] == 0 {
        return Err(Error::Shape {
            subject,
            parameter: "loc",
            requirement: "at least one entry in its last dimension".into(),
            got: family.shape().to_vec(),
        });
    }
    Ok(family)
}

impl<const D: usize> Reparameterized<D> for LogisticNormal<D> {
    const BASE: Base = Base::Normal;

    fn noise_shape(&self) -> [usize; D] {
        self.0.shape()
    }

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        let ratios = self.0.transport(noise);
        let last = ratios.clone().slice_dim(D - 1, 0).zeros_like();
        activation::softmax(Tensor::cat(vec![ratios, last], D - 1), D - 1)
    }
}

impl<const D: usize> Distribution<D> for LogisticNormal<D> {
    const EVENT_DIMS: usize = 1;

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn shape(&self) -> [usize; D] {
        let mut shape = self.0.shape();
        shape[D - 1] += 1;
        shape
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

impl<const D: usize> Density<D> for LogisticNormal<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let log = above_zero(finite(value.clone())).log();
        let last = self.0.shape()[D - 1];
        let ratios = log.clone().slice_dim(D - 1, 0..last) - log.clone().slice_dim(D - 1, last);
        let normal = self.0.standardised(ratios).square() * -0.5 - self.0.log_scale() - 0.5 * TAU.ln();
        restrict(normal.sum_dim(D - 1) - log.sum_dim(D - 1), Support::Simplex, value)
    }
}

impl<const D: usize> KlDivergence<Self, D> for LogisticNormal<D> {
    /// That of the log-ratios: `KL = Σₖ ln(β₂/β₁) + (r² + d² − 1)/2,   r = β₁/β₂,   d = (μ₁ − μ₂)/β₂`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let ratio = q.0.over_scale(self.scale().clone());
        let distance = q.0.standardised(self.loc().clone());
        let entries = (ratio.square() + distance.square() - 1.0) * 0.5 + q.0.log_scale() - self.0.log_scale();
        entries.sum_dim(D - 1)
    }
}
