//! Codes of sets: k of the items of each variable.

use burn::tensor::Tensor;
use relaxit::estimator::{Bias, Estimate, Pathwise};
use relaxit::prelude::*;
use relaxit::reference::{IMPLICIT_MLE, Reference};

use super::choices::any_discrete;
use super::family::{Estimated, Family, Relaxed, Reparametrized, Sampled};
use super::score::score_divergence;
use super::{Code, Method, Model, Plan, Sizes};

pub(super) fn code(plan: &Plan<'_>, items: usize, k: usize) -> Option<Box<dyn Code>> {
    let method = plan.config.latent;
    if method == Method::Simple {
        return Some(Box::new(Reparametrized(Marginals { items, k })));
    }
    let estimator: Box<dyn Estimator<RelaxedTopK<3>, 3>> = match method {
        Method::ImplicitMle => Box::new(PerturbAndMap),
        Method::RelaxedTopK => Box::new(Pathwise),
        _ => any_discrete(plan, plan.config.latents.variables * items)?,
    };
    Estimated::code(TopK { items, k }, estimator, plan)
}

/// The k largest of perturbed logits.
#[derive(Debug)]
struct TopK {
    items: usize,
    k: usize,
}

impl Family for TopK {
    type Law = GumbelTopK<3>;

    fn sizes(&self) -> Sizes {
        Sizes { parameters: self.items, width: self.items }
    }

    fn model(&self) -> Model {
        Model::Discrete
    }

    fn law(&self, parameters: Tensor<3>, _: f64) -> relaxit::Result<GumbelTopK<3>> {
        GumbelTopK::from_logits(parameters, self.k)
    }

    fn divergence(&self, q: &GumbelTopK<3>, p: &GumbelTopK<3>, noise: &mut Noise) -> Tensor<3> {
        score_divergence(|| {
            let b = q.sample(noise);
            (q.log_prob(b.clone()), p.log_prob(b))
        })
    }
}

impl Relaxed for TopK {
    type Relaxation = RelaxedTopK<3>;

    fn relaxation(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<RelaxedTopK<3>> {
        RelaxedTopK::from_logits(parameters, self.k, temperature)
    }
}

/// Implicit maximum likelihood behind the interface of estimators.
#[derive(Debug)]
struct PerturbAndMap;

/// λ: a slope of some nats must move a logit by about the spread of the noise, and not by much more.
const STEP: f64 = 0.1;

impl Estimator<RelaxedTopK<3>, 3> for PerturbAndMap {
    fn name(&self) -> &'static str {
        "implicit-mle"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn references(&self) -> &'static [Reference] {
        &[IMPLICIT_MLE]
    }

    fn estimate(&mut self, at: &RelaxedTopK<3>, f: &dyn Objective<3>, noise: &mut Noise) -> Estimate<3> {
        let law = ImplicitMle::from_logits(at.logits().clone(), at.count(), STEP);
        let draw = law.expect("what the relaxation accepted").draw(noise);
        let value = f.evaluate(draw.hard());
        let images = value.shape().num_elements().max(1) as f64;
        let surrogate = draw.surrogate_of(|b| f.evaluate(b)).sum() * images.recip() + value.clone().mean();
        Estimate { value: value.detach(), surrogate, tuning: None }
    }
}

/// Sets with probabilities in proportion to `exp Σ φ`, trained through their exact marginals.
#[derive(Debug)]
struct Marginals {
    items: usize,
    k: usize,
}

impl Family for Marginals {
    type Law = KSubset<3>;

    fn sizes(&self) -> Sizes {
        Sizes { parameters: self.items, width: self.items }
    }

    fn model(&self) -> Model {
        Model::Discrete
    }

    fn law(&self, parameters: Tensor<3>, _: f64) -> relaxit::Result<KSubset<3>> {
        KSubset::from_logits(parameters, self.k)
    }

    fn divergence(&self, q: &KSubset<3>, p: &KSubset<3>, _: &mut Noise) -> Tensor<3> {
        q.kl_divergence(p)
    }
}

impl Sampled for Marginals {
    fn rsample(&self, law: &KSubset<3>, noise: &mut Noise) -> Tensor<3> {
        law.rsample_straight_through(noise)
    }
}
