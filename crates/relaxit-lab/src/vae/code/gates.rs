//! Codes of gates: numbers in [0, 1], exactly 0 or 1 with positive probability.

use std::f64::consts::TAU;

use burn::tensor::Tensor;
use relaxit::prelude::*;
use relaxit::relaxation::{GaussianRelaxedBernoulli, HardConcrete, HardKumaraswamy};

use super::family::{Family, Reparametrized, Sampled};
use super::{Code, Method, Model, Sizes};

pub(super) fn code(method: Method) -> Option<Box<dyn Code>> {
    match method {
        Method::GaussianRelaxedBernoulli => Some(Box::new(Reparametrized(Gaussian))),
        Method::HardConcrete => Some(Box::new(Reparametrized(Concrete))),
        Method::HardKumaraswamy => Some(Box::new(Reparametrized(Kumaraswamy))),
        _ => None,
    }
}

/// `KL(q ‖ p)` of laws with atoms at 0 and 1: `P₀ ln P₀/p₀ + P₁ ln P₁/p₁ + interior`, where `interior` is the integral of
/// `q ln q/p` between.
///
/// The log-ratio jumps at the ends, so the gradient of one sample of it would miss what crosses them; this has none of that.
fn with_ends<L: Density<3>>(q: &L, p: &L, interior: Tensor<3>) -> Tensor<3> {
    let end = |value: f64| {
        let at = Tensor::full(q.shape(), value, (&q.device(), q.dtype()));
        let (log_q, log_p) = (q.log_prob(at.clone()), p.log_prob(at));
        log_q.clone().exp() * (log_q - log_p)
    };
    interior + end(0.0) + end(1.0)
}

/// One draw of `P(0 < z < 1) (ln q(z) − ln p(z))`, z from `q` between the ends, at the probabilities of 0 and 1 and by the
/// map from what is below and above z to z: an unbiased and smooth estimate of the integral.
fn interior_draw<L: Density<3>>(
    [q, p]: [&L; 2],
    [zero, one]: [Tensor<3>; 2],
    noise: &mut Noise,
    quantile: impl Fn(Tensor<3>, Tensor<3>) -> Tensor<3>,
) -> Tensor<3> {
    let between = (-zero.clone() - one.clone() + 1.0).clamp_min(0.0);
    let u = noise.draw(Base::Uniform, q.shape(), (&q.device(), q.dtype()));
    // Both are positive numbers of full precision, however near to 0.
    let below = (zero + between.clone() * u.clone()).clamp_min(f64::from(f32::MIN_POSITIVE));
    let above = (one + between.clone() * (-u + 1.0)).clamp_min(f64::from(f32::MIN_POSITIVE));
    let z = quantile(below, above).clamp(f64::from(f32::MIN_POSITIVE), 1.0 - f64::from(f32::EPSILON));
    between * (q.log_prob(z.clone()) - p.log_prob(z))
}

/// What the three say alike.
macro_rules! gate {
    ($family:ident, $law:ident, $parameters:literal) => {
        impl Sampled for $family {
            fn rsample(&self, law: &$law<3>, noise: &mut Noise) -> Tensor<3> {
                law.rsample(noise)
            }
        }

        impl Family for $family {
            type Law = $law<3>;

            fn sizes(&self) -> Sizes {
                Sizes { parameters: $parameters, width: 1 }
            }

            fn model(&self) -> Model {
                Model::Mixed
            }

            fn law(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<$law<3>> {
                Self::at(parameters, temperature)
            }

            fn divergence(&self, q: &$law<3>, p: &$law<3>, noise: &mut Noise) -> Tensor<3> {
                with_ends(q, p, Self::interior(q, p, noise))
            }
        }
    };
}

/// The parameter is the log-odds.
#[derive(Debug)]
struct Concrete;

gate!(Concrete, HardConcrete, 1);

impl Concrete {
    fn at(parameters: Tensor<3>, temperature: f64) -> relaxit::Result<HardConcrete<3>> {
        HardConcrete::from_logits(parameters, temperature)
    }

    fn interior(q: &HardConcrete<3>, p: &HardConcrete<3>, noise: &mut Noise) -> Tensor<3> {
        let quantile = |below: Tensor<3>, above: Tensor<3>| q.transport(below.log() - above.log());
        interior_draw([q, p], [q.prob_zero(), q.prob_one()], noise, quantile)
    }
}

/// The parameters are the logarithms of the concentrations.
#[derive(Debug)]
struct Kumaraswamy;

gate!(Kumaraswamy, HardKumaraswamy, 2);

impl Kumaraswamy {
    fn at(parameters: Tensor<3>, _: f64) -> relaxit::Result<HardKumaraswamy<3>> {
        HardKumaraswamy::from_log_concentrations(parameters.clone().slice_dim(2, 0..1), parameters.slice_dim(2, 1..2))
    }

    fn interior(q: &HardKumaraswamy<3>, p: &HardKumaraswamy<3>, noise: &mut Noise) -> Tensor<3> {
        let quantile = |_, above: Tensor<3>| q.transport(-above.log());
        interior_draw([q, p], [q.prob_zero(), q.prob_one()], noise, quantile)
    }
}

/// The parameter is the location, from ½; the temperature is the scale.
#[derive(Debug)]
struct Gaussian;

gate!(Gaussian, GaussianRelaxedBernoulli, 1);

impl Gaussian {
    fn at(parameters: Tensor<3>, temperature: f64) -> relaxit::Result<GaussianRelaxedBernoulli<3>> {
        let log_scale = Tensor::full([1, 1, 1], temperature.ln(), (&parameters.device(), parameters.dtype()));
        GaussianRelaxedBernoulli::from_log_scale(parameters + 0.5, log_scale)
    }

    /// In closed form: with one scale β for both, `ln q/p = (μ − μ₀)(z − (μ + μ₀)/2)/β²`.
    fn interior(q: &GaussianRelaxedBernoulli<3>, p: &GaussianRelaxedBernoulli<3>, _: &mut Noise) -> Tensor<3> {
        let (loc, prior, scale) = (q.loc().clone(), p.loc().clone(), q.scale().clone());
        let density = |s: Tensor<3>| (s.square() * -0.5).exp() * TAU.sqrt().recip();
        let between = -q.prob_zero() - q.prob_one() + 1.0;
        let ends = density(loc.clone() / scale.clone()) - density((loc.clone() - 1.0) / scale.clone());
        let distance = (loc - prior) / scale;
        distance.clone() * (distance * 0.5 * between + ends)
    }
}
