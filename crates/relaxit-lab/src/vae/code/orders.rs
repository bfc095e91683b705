//! Codes of orders: a permutation of the items of each variable.

use burn::tensor::Tensor;
use relaxit::prelude::*;

use super::family::pathwise;
use super::score::score_divergence;
use super::{Code, Method, Model, Sizes, Stack, TrainingObjective};

pub(super) fn code(method: Method, items: usize) -> Option<Box<dyn Code>> {
    let relaxation = match method {
        Method::NeuralSort => Surrogate::NeuralSort,
        Method::SoftSort => Surrogate::SoftSort,
        _ => return None,
    };
    Some(Box::new(Orders { items, relaxation }))
}

#[derive(Clone, Copy, Debug)]
enum Surrogate {
    NeuralSort,
    SoftSort,
}

/// Permutation matrices, row by row, by the law of Plackett and Luce.
#[derive(Debug)]
struct Orders {
    items: usize,
    relaxation: Surrogate,
}

impl Orders {
    /// The hard law, which is that of both relaxations.
    fn law(&self, parameters: Tensor<3>) -> relaxit::Result<SoftSort<4>> {
        SoftSort::from_logits(self.scores(parameters), 1.0)
    }

    fn scores(&self, parameters: Tensor<3>) -> Tensor<4> {
        let [images, variables, _] = parameters.dims();
        parameters.reshape([images, variables, 1, self.items])
    }

    fn matrices(&self, code: Tensor<3>) -> Tensor<4> {
        let [images, variables, _] = code.dims();
        code.reshape([images, variables, self.items, self.items])
    }

    fn rows(&self, matrices: Tensor<4>) -> Tensor<3> {
        let [images, variables, ..] = matrices.dims();
        matrices.reshape([images, variables, self.items * self.items])
    }
}

impl Code for Orders {
    fn sizes(&self) -> Sizes {
        Sizes { parameters: self.items, width: self.items * self.items }
    }

    fn model(&self) -> Model {
        Model::Discrete
    }

    fn objective(
        &mut self,
        stack: &Stack<'_>,
        temperature: f64,
        noise: &mut Noise,
    ) -> relaxit::Result<TrainingObjective> {
        let (q, p) = (stack.posterior(&[]), stack.prior(0, None));
        let scores = self.scores(q.clone());
        let relaxed = match self.relaxation {
            Surrogate::NeuralSort => NeuralSort::from_logits(scores, temperature)?.rsample(noise),
            Surrogate::SoftSort => SoftSort::from_logits(scores, temperature)?.rsample(noise),
        };
        let estimate = pathwise(stack.explained(self.rows(relaxed)));
        Ok(TrainingObjective::less(estimate, self.divergence(q, p, temperature, noise)?))
    }

    fn divergence(&self, q: Tensor<3>, p: Tensor<3>, _: f64, noise: &mut Noise) -> relaxit::Result<Tensor<3>> {
        let [images, variables, _] = q.dims();
        let (drawn, q, p) = (self.law(q.clone().detach())?, self.law(q)?, self.law(p)?);
        let number = |x: Tensor<4>| x.reshape([images, variables, 1]);
        Ok(score_divergence(|| {
            let b = drawn.threshold(&drawn.latent_rsample(noise));
            (number(q.hard_log_prob(b.clone())), number(p.hard_log_prob(b)))
        }))
    }

    fn sample(&self, parameters: Tensor<3>, _: f64, noise: &mut Noise) -> relaxit::Result<Tensor<3>> {
        let law = self.law(parameters)?;
        Ok(self.rows(law.threshold(&law.latent_rsample(noise))))
    }

    fn log_prob(&self, parameters: Tensor<3>, code: Tensor<3>, _: f64) -> relaxit::Result<Tensor<3>> {
        let [images, variables, _] = code.dims();
        Ok(self.law(parameters)?.hard_log_prob(self.matrices(code)).reshape([images, variables, 1]))
    }
}
