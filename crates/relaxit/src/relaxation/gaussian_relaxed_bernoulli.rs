//! The stochastic gate: a clamped gaussian.

use burn::tensor::{DType, Device, Tensor};

use super::mixed::with_atoms;
use crate::distribution::location_scale::LocationScale;
use crate::distribution::{Bernoulli, Density, Distribution, Moments, Reparameterized, replicate};
use crate::error::Result;
use crate::math::{log_ndtr, logit_ndtr, ndtr, normal_density, on_device};
use crate::noise::{Base, Noise};
use crate::support::Support;

/// The gaussian relaxed Bernoulli, or stochastic gate (STG): a clamped normal variable, for selecting features.
///
/// ```text
/// z = clamp(μ + β ε, 0, 1),   ε ~ Normal(0, 1)
/// P(z = 0) = Φ(−μ/β),   P(z = 1) = Φ((μ − 1)/β),   log p(z) = −s²/2 − ln β − ½ ln 2π,   s = (z − μ)/β,   0 < z < 1
/// ```
///
/// `log_prob` is the density with respect to Lebesgue measure on (0, 1) plus a unit mass at 0 and at 1: a probability at
/// the ends, a density between. The paper fixes β = ½ and starts from μ = ½.
///
/// # Shapes
/// `loc` (μ), `scale` (β), samples and log-densities: `[batch…]`; events are scalars.
///
/// # Gradient
/// Samples: exact almost everywhere, through both parameters; none where the gate is clamped. The pathwise gradient of
/// `E[f(z)]` is unbiased for smooth `f`. [`l0_penalty`](Self::l0_penalty) is a closed form, and so is its gradient.
///
/// # Numerics
/// Log-probabilities of the ends keep their tails, whatever the parameters. Mean and variance are within
/// 1e-6 · max(1, β) in f32.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::relaxation::GaussianRelaxedBernoulli;
/// let device = Device::flex();
/// let gates = GaussianRelaxedBernoulli::new(Tensor::<1>::zeros([784], &device), Tensor::full([1], 0.5, &device))?;
/// let open: f32 = gates.l0_penalty().sum().into_scalar(); // expected number of open gates
/// assert!((open - 392.0).abs() < 1e-2);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::STOCHASTIC_GATES`], section 4.
#[doc(alias = "StochasticGates")]
#[doc(alias = "STG")]
#[derive(Clone, Debug)]
pub struct GaussianRelaxedBernoulli<const D: usize>(LocationScale<D>);

const NAME: &str = "GaussianRelaxedBernoulli";

impl<const D: usize> GaussianRelaxedBernoulli<D> {
    /// From location and scale, which may broadcast against each other.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast; [`Error::Values`](crate::Error::Values) if
    /// `loc` is not finite or `scale` not positive and finite. Reads the device: where that would stall a training step,
    /// use [`from_log_scale`](Self::from_log_scale).
    pub fn new(loc: Tensor<D>, scale: Tensor<D>) -> Result<Self> {
        Ok(Self(LocationScale::new(NAME, loc, scale)?))
    }

    /// From location and the logarithm of the scale: nothing to reject, so nothing is read.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast.
    pub fn from_log_scale(loc: Tensor<D>, log_scale: Tensor<D>) -> Result<Self> {
        Ok(Self(LocationScale::from_log_scale(NAME, loc, log_scale)?))
    }

    /// The location `μ`.
    #[must_use]
    pub const fn loc(&self) -> &Tensor<D> {
        &self.0.loc
    }

    /// The scale `β`.
    #[must_use]
    pub const fn scale(&self) -> &Tensor<D> {
        &self.0.scale
    }

    /// `P(z = 0) = Φ(−μ/β)`: the gate is closed.
    #[must_use]
    pub fn prob_zero(&self) -> Tensor<D> {
        ndtr(-self.above_zero())
    }

    /// `P(z = 1) = Φ((μ − 1)/β)`.
    #[must_use]
    pub fn prob_one(&self) -> Tensor<D> {
        ndtr(self.above_one())
    }

    /// `P(z ≠ 0) = Φ(μ/β)`: the expected number of open gates, to be summed over gates; differentiable in both
    /// parameters.
    #[must_use]
    pub fn l0_penalty(&self) -> Tensor<D> {
        ndtr(self.above_zero())
    }

    /// The law of the bit "the gate is open", `z ≠ 0`, with log-odds `logit Φ(μ/β)`.
    #[must_use]
    pub fn open(&self) -> Bernoulli<D> {
        Bernoulli::from_logits(logit_ndtr(self.above_zero()))
    }

    /// The gate to use at test time: `clamp(μ, 0, 1)`.
    #[must_use]
    pub fn deterministic(&self) -> Tensor<D> {
        self.loc().clone().clamp(0.0, 1.0)
    }

    /// `μ/β`.
    fn above_zero(&self) -> Tensor<D> {
        self.loc().clone() / self.scale().clone()
    }

    /// `(μ − 1)/β`.
    fn above_one(&self) -> Tensor<D> {
        (self.loc().clone() - 1.0) / self.scale().clone()
    }

    /// The same gate at μ or, where that is above ½, its mirror image `1 − z` at `1 − μ`, and where it was mirrored: on
    /// this side nothing cancels.
    fn lower_half(&self) -> (Self, Tensor<D, burn::tensor::Bool>) {
        let upper = self.loc().clone().greater_elem(0.5);
        let loc = self.loc().clone().mask_where(upper.clone(), -self.loc().clone() + 1.0);
        (Self(LocationScale { loc, scale: self.scale().clone() }), upper)
    }

    /// The mean of a gate with μ ≤ ½: `β (h(μ/β) − h((μ − 1)/β))`, `h(s) = E[max(0, s + ε)] = s Φ(s) + φ(s)`.
    fn lower_mean(&self) -> Tensor<D> {
        let excess = |s: Tensor<D>| s.clone() * ndtr(s.clone()) + normal_density(s);
        (excess(self.above_zero()) - excess(self.above_one())) * self.scale().clone()
    }
}

impl<const D: usize> Reparameterized<D> for GaussianRelaxedBernoulli<D> {
    const BASE: Base = Base::Normal;

    fn transport(&self, noise: Tensor<D>) -> Tensor<D> {
        self.0.transport(noise).clamp(0.0, 1.0)
    }
}

impl<const D: usize> Distribution<D> for GaussianRelaxedBernoulli<D> {
    const EVENT_DIMS: usize = 0;

    fn support(&self) -> Support {
        Support::UnitInterval
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
        on_device(self.0.sample(Self::BASE, noise).inner().clamp(0.0, 1.0), &self.device())
    }

    fn validate(&self) -> Result<()> {
        self.0.validate(NAME)
    }
}

replicate!(GaussianRelaxedBernoulli { 0 });

impl<const D: usize> Density<D> for GaussianRelaxedBernoulli<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let s = self.0.standardised(value.clone().clamp(0.0, 1.0));
        let interior = s.square() * -0.5 - self.0.log_scale() - 0.5 * std::f64::consts::TAU.ln();
        with_atoms(value, interior, log_ndtr(-self.above_zero()), log_ndtr(self.above_one()))
    }
}

impl<const D: usize> Moments<D> for GaussianRelaxedBernoulli<D> {
    fn mean(&self) -> Tensor<D> {
        let (gate, mirrored) = self.lower_half();
        let mean = gate.lower_mean();
        mean.clone().mask_where(mirrored, -mean + 1.0)
    }

    /// `m² P(0) + (1 − m)² P(1) + ∫ (x − m)² p(x) dx`, m the mean: about the mean little cancels.
    fn variance(&self) -> Tensor<D> {
        let (gate, _) = self.lower_half();
        let (scale, mean) = (gate.scale().clone(), gate.lower_mean());
        let (p, q) = (gate.above_zero(), gate.above_one());
        let (phi_p, phi_q) = (normal_density(p.clone()), normal_density(q.clone()));
        let offset = gate.loc().clone() - mean.clone();
        let inside = ndtr(p.clone()) - ndtr(q.clone());
        let linear = offset.clone() * (phi_p.clone() - phi_q.clone()) * 2.0;
        let between = offset.square() * inside.clone()
            + (linear + (inside - p.clone() * phi_p + q.clone() * phi_q) * scale.clone()) * scale;
        let ends = mean.clone().square() * ndtr(-p) + (-mean + 1.0).square() * ndtr(q);
        (ends + between).clamp_min(0.0)
    }
}
