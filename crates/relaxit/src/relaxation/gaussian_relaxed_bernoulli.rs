//! The stochastic gate: a clamped gaussian.

use std::f64::consts::TAU;

use burn::tensor::{DType, Device, Shape, Tensor};

use super::mixed::with_atoms;
use crate::distribution::location_scale::{LocationScale, location_scale_parameters};
use crate::distribution::{Bernoulli, Density, Distribution, Entropy, KlDivergence, Moments, Reparameterized};
use crate::error::Result;
use crate::math::{indicator, log_ndtr, logit_ndtr, ndtr, normal_density, on_device};
use crate::noise::{Base, Noise};
use crate::support::{Support, finite};

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

location_scale_parameters!(GaussianRelaxedBernoulli, NAME);

impl<const D: usize> GaussianRelaxedBernoulli<D> {
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

    /// `ln P(z = 0)` and `ln P(z = 1)`.
    fn log_probs_of_ends(&self) -> (Tensor<D>, Tensor<D>) {
        (log_ndtr(-self.above_zero()), log_ndtr(self.above_one()))
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
        self.0.over_scale(self.loc().clone())
    }

    /// `(μ − 1)/β`.
    fn above_one(&self) -> Tensor<D> {
        self.0.over_scale(self.loc().clone() - 1.0)
    }

    /// The same gate at μ or, where that is above ½, its mirror image `1 − z` at `1 − μ`, and 1 where it was mirrored: on
    /// this side nothing cancels.
    fn lower_half(&self) -> (Self, Tensor<D>) {
        let upper = indicator(self.loc().clone().inner().greater_elem(0.5), self.dtype());
        let upper = on_device(upper, &self.device());
        (self.mirrored(upper.clone()), upper)
    }

    /// The mirror image `1 − z` where `mirror` is 1.
    fn mirrored(&self, mirror: Tensor<D>) -> Self {
        let loc = mirror.clone() + (-mirror * 2.0 + 1.0) * self.loc().clone();
        let scale = self.scale().clone().expand(Shape::from(loc.dims()));
        Self(LocationScale { loc, scale })
    }

    /// `∫ sʲ p(z) dz` over 0 < z < 1, s = (z − μ)/β, for j = 0, 1, 2.
    fn moments_inside(&self) -> [Tensor<D>; 3] {
        let (p, q) = (self.above_zero(), self.above_one());
        let (phi_p, phi_q) = (normal_density(p.clone()), normal_density(q.clone()));
        let inside = ndtr(p.clone()) - ndtr(q.clone());
        [inside.clone(), phi_p.clone() - phi_q.clone(), inside - p * phi_p + q * phi_q]
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

impl<const D: usize> Density<D> for GaussianRelaxedBernoulli<D> {
    fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
        let s = self.0.standardised(finite(value.clone()).clamp(0.0, 1.0));
        let interior = s.square() * -0.5 - self.0.log_scale() - 0.5 * TAU.ln();
        let (zero, one) = self.log_probs_of_ends();
        with_atoms(value, interior, zero, one)
    }
}

impl<const D: usize> Moments<D> for GaussianRelaxedBernoulli<D> {
    fn mean(&self) -> Tensor<D> {
        let (gate, mirrored) = self.lower_half();
        mirrored.clone() + (-mirrored * 2.0 + 1.0) * gate.lower_mean()
    }

    /// `m² P(0) + (1 − m)² P(1) + ∫ (x − m)² p(x) dx`, m the mean: about the mean little cancels.
    fn variance(&self) -> Tensor<D> {
        let (gate, _) = self.lower_half();
        let (scale, mean) = (gate.scale().clone(), gate.lower_mean());
        let [inside, first, second] = gate.moments_inside();
        let offset = gate.loc().clone() - mean.clone();
        let between = offset.clone().square() * inside + (offset * first * 2.0 + second * scale.clone()) * scale;
        let ends = mean.clone().square() * gate.prob_zero() + (-mean + 1.0).square() * gate.prob_one();
        (ends + between).clamp_min(0.0)
    }
}

impl<const D: usize> Entropy<D> for GaussianRelaxedBernoulli<D> {
    /// `H = −P(0) ln P(0) − P(1) ln P(1) − ∫ p(z) ln p(z) dz`, of the measure that [`log_prob`](Density::log_prob) refers to.
    fn entropy(&self) -> Tensor<D> {
        let (gate, _) = self.lower_half();
        let [inside, _, second] = gate.moments_inside();
        let between = second * 0.5 + inside * (gate.0.log_scale() + 0.5 * TAU.ln());
        let (zero, one) = gate.log_probs_of_ends();
        between - zero.clone().exp() * zero - one.clone().exp() * one
    }
}

impl<const D: usize> KlDivergence<Self, D> for GaussianRelaxedBernoulli<D> {
    /// `KL = Σ over both ends of P (ln P − ln Q) + ∫ p(z) (ln p(z) − ln q(z)) dz`.
    fn kl_divergence(&self, q: &Self) -> Tensor<D> {
        let (p, mirrored) = self.lower_half();
        let q = q.mirrored(mirrored);
        let ratio = q.0.over_scale(p.scale().clone());
        let distance = q.0.standardised(p.loc().clone());
        let [inside, first, second] = p.moments_inside();
        let square = (ratio.clone().square() - 1.0) * second
            + (ratio * first * 2.0 + distance.clone() * inside.clone()) * distance;
        let between = square * 0.5 + (q.0.log_scale() - p.0.log_scale()) * inside;
        let ((zero, one), (q_zero, q_one)) = (p.log_probs_of_ends(), q.log_probs_of_ends());
        between + zero.clone().exp() * (zero - q_zero) + one.clone().exp() * (one - q_one)
    }
}
