//! Codes of independent choices among categories.

use std::num::NonZeroUsize;

use burn::tensor::Tensor;
use relaxit::estimator::{Pathwise, Rloo, SampleGradient, ScoreFunction, StraightThrough, StraightThroughPathwise};
use relaxit::prelude::*;

use super::family::{Estimated, Family, Relaxed};
use super::{Code, Method, Model, Sizes};

/// Conditional draws of Gumbel–Rao, as in most of its paper's experiments with several.
const GUMBEL_RAO_DRAWS: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");

/// Samples of the leave-one-out estimator: as many evaluations as the antithetic ones need.
const RLOO_SAMPLES: usize = 2;

pub(super) fn code(method: Method, categories: usize) -> Option<Box<dyn Code>> {
    let estimator: Box<dyn Estimator<RelaxedOneHotCategorical<3>, 3>> = match method {
        Method::Decoupled => Box::new(SampleGradient::decoupled()),
        Method::Gapped => Box::new(SampleGradient::gapped()),
        Method::GumbelRao => Box::new(SampleGradient::gumbel_rao(GUMBEL_RAO_DRAWS)),
        Method::GumbelSoftmax => Box::new(Pathwise),
        Method::Reinmax => Box::new(SampleGradient::rein_max()),
        Method::StraightThrough => Box::new(StraightThrough),
        _ => any_discrete(method)?,
    };
    Some(Box::new(Estimated { family: Choices { categories }, estimator }))
}

/// The estimators of all discrete codes: bits, choices and sets.
pub(super) fn any_discrete<R>(method: Method) -> Option<Box<dyn Estimator<R, 3>>>
where
    R: Relaxation<3, Hard: Density<3>>,
{
    match method {
        Method::Reinforce => Some(Box::new(ScoreFunction::new())),
        Method::Rloo => Rloo::new(RLOO_SAMPLES).ok().map(|rloo| Box::new(rloo) as Box<_>),
        Method::StGumbelSoftmax => Some(Box::new(StraightThroughPathwise)),
        _ => None,
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
