//! Codes of independent bits.

use burn::tensor::Tensor;
use relaxit::distribution::Bernoulli;
use relaxit::estimator::{Arm, Arms, DisArm, Exact, Pathwise, SampleGradient};
use relaxit::math::softplus;
use relaxit::prelude::*;
use relaxit::reference::STRAIGHT_THROUGH;
use relaxit::relaxation::{RebarRelaxation, StochasticTimesSmooth};

use super::choices::bits_or_choices;
use super::family::{Estimated, Family, Relaxed};
use super::stacked::{Interpolated, layers};
use super::{Code, Method, Model, Plan, Sizes};

pub(super) fn code(plan: &Plan<'_>) -> Option<Box<dyn Code>> {
    if plan.config.latent == Method::RebarRelaxation {
        return Estimated::code(RebarBits, Box::new(Pathwise), plan);
    }
    layers(Bits, plan, |plan| {
        Some(match plan.config.latent {
            Method::Arm => Box::new(Arm),
            Method::Arms => Box::new(Arms::new(plan.config.samples?).ok()?),
            Method::Concrete => Box::new(Pathwise),
            Method::Disarm => Box::new(DisArm),
            Method::Exact => Box::new(Exact::<2>),
            Method::StochasticTimesSmooth => Box::new(stochastic_times_smooth()),
            _ => bits_or_choices(plan, plan.config.latents.variables)?,
        })
    })
}

impl Interpolated for Bits {
    fn interpolated(&self, parameters: Tensor<3>, code: Tensor<3>) -> Tensor<3> {
        code * parameters.clone() - softplus(parameters)
    }
}

/// Judged as the bits whose probabilities are the means of its units.
fn stochastic_times_smooth() -> SampleGradient<RelaxedBernoulli<3>, 3> {
    SampleGradient::new("stochastic-times-smooth", &[STRAIGHT_THROUGH], |at: &RelaxedBernoulli<3>, noise| {
        StochasticTimesSmooth::from_logits(at.logits().clone()).rsample(noise)
    })
}

const BIT: Sizes = Sizes { parameters: 1, width: 1 };

/// With the relaxation of Maddison, Mnih & Teh.
#[derive(Debug)]
struct Bits;

/// With that of the REBAR paper.
#[derive(Debug)]
struct RebarBits;

macro_rules! family_of_bits {
    ($family:ident, $relaxation:ident) => {
        impl Family for $family {
            type Law = Bernoulli<3>;

            fn sizes(&self) -> Sizes {
                BIT
            }

            fn model(&self) -> Model {
                Model::Discrete
            }

            fn law(&self, parameters: Tensor<3>, _: f64) -> relaxit::Result<Bernoulli<3>> {
                Ok(Bernoulli::from_logits(parameters))
            }

            fn divergence(&self, q: &Bernoulli<3>, p: &Bernoulli<3>, _: &mut Noise) -> Tensor<3> {
                q.kl_divergence(p)
            }
        }

        impl Relaxed for $family {
            type Relaxation = $relaxation<3>;

            fn relaxation(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<$relaxation<3>> {
                $relaxation::from_logits(parameters, temperature)
            }
        }
    };
}

family_of_bits!(Bits, RelaxedBernoulli);
family_of_bits!(RebarBits, RebarRelaxation);
