//! Codes of independent choices among categories.

use std::num::NonZeroUsize;

use burn::tensor::{Tensor, activation};
use relaxit::control::{Network, RelaxedObjective, Sum};
use relaxit::estimator::{
    DisArm, DoubleControlVariate, Exact, LearnedBaseline, LearnedTemperature, MuProp, Pathwise, Rebar, Relax, Rloo,
    Rodeo, SampleGradient, ScoreFunction, StraightThrough, StraightThroughPathwise, SumAndSample, UnorderedSet, Vimco,
};
use relaxit::prelude::*;
use relaxit::relaxation::Tempered;

use super::family::{Family, Relaxed};
use super::stacked::{Interpolated, layers};
use super::{Code, Method, Model, Plan, Sizes};

pub(super) fn code(plan: &Plan<'_>, categories: usize) -> Option<Box<dyn Code>> {
    layers(Choices { categories }, plan, |plan| {
        Some(match plan.config.latent {
            Method::Decoupled => Box::new(SampleGradient::decoupled()),
            Method::Disarm => Box::new(DisArm),
            Method::Exact => Box::new(Exact::<1>),
            Method::Gapped => Box::new(SampleGradient::gapped()),
            Method::GumbelRao => Box::new(SampleGradient::gumbel_rao(NonZeroUsize::new(plan.config.samples?)?)),
            Method::GumbelSoftmax => Box::new(Pathwise),
            Method::Reinmax => Box::new(SampleGradient::rein_max()),
            Method::SumAndSample => Box::new(SumAndSample::new(plan.config.samples?).ok()?),
            Method::UnorderedSet => Box::new(UnorderedSet::new(plan.config.samples?).ok()?),
            _ => bits_or_choices(plan, plan.config.latents.variables * categories)?,
        })
    })
}

impl Interpolated for Choices {
    fn interpolated(&self, parameters: Tensor<3>, code: Tensor<3>) -> Tensor<3> {
        (code * activation::log_softmax(parameters, 2)).sum_dim(2)
    }
}

/// Hidden units of what estimators learn.
const HIDDEN_UNITS: usize = 100;

/// The estimators of all discrete codes, bits, choices and sets, of so many logits for each image.
pub(super) fn any_discrete<R>(plan: &Plan<'_>, logits: usize) -> Option<Box<dyn Estimator<R, 3>>>
where
    R: Relaxation<3, Hard: Density<3>>,
{
    match plan.config.latent {
        Method::Nvil => {
            let Plan { device, noise, .. } = plan;
            let baseline = LearnedBaseline::new(logits, HIDDEN_UNITS, &mut noise.clone(), device).ok()?;
            Some(Box::new(ScoreFunction::with_baseline(baseline)))
        }
        Method::Reinforce => Some(Box::new(ScoreFunction::new())),
        Method::Rloo => Some(Box::new(Rloo::new(plan.config.samples?).ok()?)),
        Method::StGumbelSoftmax => Some(Box::new(StraightThroughPathwise)),
        Method::Vimco => Some(Box::new(Vimco::new(plan.config.samples?).ok()?)),
        _ => None,
    }
}

/// The estimators of bits and choices: their means are known, their outcomes few, and their latents can be drawn given
/// their hard values.
pub(super) fn bits_or_choices<R>(plan: &Plan<'_>, logits: usize) -> Option<Box<dyn Estimator<R, 3>>>
where
    R: ConditionalRelaxation<3, Hard: Density<3> + Moments<3> + Enumerable<3>> + Tempered<3> + 'static,
{
    let Plan { config, device, noise } = plan;
    match config.latent {
        Method::DoubleCv => Some(Box::new(DoubleControlVariate::new(config.samples?, device).ok()?)),
        Method::MuProp => Some(Box::new(MuProp)),
        Method::Rebar => Some(Box::new(Rebar::new(config.temperature.at(0), device).ok()?)),
        Method::Relax => {
            let variables = config.latents.variables;
            let network = Network::new(&[variables, logits / variables], &[HIDDEN_UNITS], &mut noise.clone(), device);
            let relax = Relax::new(Sum(RelaxedObjective::learned(device), network.ok()?));
            Some(Box::new(LearnedTemperature::new(relax, config.temperature.at(0), device).ok()?))
        }
        Method::Rodeo => Some(Box::new(Rodeo::new(config.samples?, HIDDEN_UNITS, device, &mut noise.clone()).ok()?)),
        Method::StraightThrough => Some(Box::new(StraightThrough)),
        _ => any_discrete(plan, logits),
    }
}

#[derive(Debug)]
struct Choices {
    categories: usize,
}

impl Family for Choices {
    type Law = OneHotCategorical<3>;

    fn sizes(&self) -> Sizes {
        Sizes { parameters: self.categories, width: self.categories }
    }

    fn model(&self) -> Model {
        Model::Discrete
    }

    fn law(&self, parameters: Tensor<3>, _: f64) -> relaxit::Result<OneHotCategorical<3>> {
        OneHotCategorical::from_logits(parameters)
    }

    fn divergence(&self, q: &OneHotCategorical<3>, p: &OneHotCategorical<3>, _: &mut Noise) -> Tensor<3> {
        q.kl_divergence(p)
    }
}

impl Relaxed for Choices {
    type Relaxation = RelaxedOneHotCategorical<3>;

    fn relaxation(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<RelaxedOneHotCategorical<3>> {
        RelaxedOneHotCategorical::from_logits(parameters, temperature)
    }
}
