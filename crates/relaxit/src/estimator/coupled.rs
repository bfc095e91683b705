//! DisARM for choices: an antithetic pair of walks down a binary tree of the categories.

use burn::tensor::{Tensor, activation};

use super::{Bias, DisArm, Estimate, Estimator, gradient, surrogate};
use crate::distribution::{Distribution, OUT, log_add_exp};
use crate::math::{indicator, on_device};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::reference::{COUPLED_ESTIMATORS, DISARM, Reference};
use crate::relaxation::{Relaxation, RelaxedOneHotCategorical};

/// A pair of samples, and by how much each node's logit moved them, level by level.
struct Walks<const D: usize> {
    b: Tensor<D>,
    b_tilde: Tensor<D>,
    /// The factor of `½ (f(b) − f(b̃))` in the derivative by each node's logit.
    weights: Vec<Tensor<D>>,
}

/// The log-odds of left against right at every node, from the root down; a node's children are half a level apart.
fn tree<const D: usize>(logits: Tensor<D>) -> Vec<Tensor<D>> {
    let categories = logits.dims()[D - 1];
    let mut shape = logits.dims();
    shape[D - 1] = categories.next_power_of_two() - categories;
    // Leaves that are nobody's are never reached.
    let padding = Tensor::full(burn::tensor::Shape::from(shape), OUT, (&logits.device(), logits.dtype()));
    let mut sums = if shape[D - 1] == 0 { logits } else { Tensor::cat(vec![logits, padding], D - 1) };
    let mut levels = Vec::new();
    while sums.dims()[D - 1] > 1 {
        let half = sums.dims()[D - 1] / 2;
        let (left, right) = (sums.clone().narrow(D - 1, 0, half), sums.narrow(D - 1, half, half));
        levels.push(left.clone() - right.clone());
        sums = log_add_exp(left, right);
    }
    levels.reverse();
    levels
}

impl<const D: usize> Walks<D> {
    fn draw(levels: &[Tensor<D>], categories: usize, root: Tensor<D>, noise: &mut Noise) -> Self {
        let (mut here, mut here_tilde) = (root.clone(), root);
        let mut weights = Vec::new();
        for odds in levels {
            let odds = odds.clone().inner();
            let (dtype, device) = (odds.dtype(), odds.device());
            let logistic = noise.draw(Base::Logistic, odds.dims(), (&device, dtype));
            let left = |x: Tensor<D>| indicator(x.greater_elem(0.0), dtype);
            let (b, b_tilde) = (left(odds.clone() + logistic.clone()), left(odds.clone() - logistic));
            // b − θ, precise at both ends.
            let score = |b: &Tensor<D>| {
                let sign = b.clone() * 2.0 - 1.0;
                sign.clone() * activation::sigmoid(-sign * odds.clone())
            };
            let together = (b.clone() - b_tilde.clone()) * activation::sigmoid(odds.clone().abs());
            let both = here.clone() * here_tilde.clone();
            let alone = here.clone() * score(&b) - here_tilde.clone() * score(&b_tilde);
            weights.push(alone.mask_where(both.greater_elem(0.0), together));
            let descend =
                |here: Tensor<D>, b: Tensor<D>| Tensor::cat(vec![here.clone() * b.clone(), here * (-b + 1.0)], D - 1);
            (here, here_tilde) = (descend(here, b), descend(here_tilde, b_tilde));
        }
        let sample = |leaves: Tensor<D>| leaves.narrow(D - 1, 0, categories);
        Self { b: sample(here), b_tilde: sample(here_tilde), weights }
    }
}

impl<const D: usize> Estimator<RelaxedOneHotCategorical<D>, D> for DisArm {
    fn name(&self) -> &'static str {
        "disarm"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[COUPLED_ESTIMATORS, DISARM]
    }

    fn estimate(&mut self, at: &RelaxedOneHotCategorical<D>, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let theta = at.logits().clone().detach().require_grad();
        let levels = tree(theta.clone());
        let root = theta.clone().inner().narrow(D - 1, 0, 1).ones_like();
        let Walks { b, b_tilde, weights } = Walks::draw(&levels, at.shape()[D - 1], root, noise);
        let device = at.device();
        let (value, value_tilde) = (f.evaluate(on_device(b, &device)), f.evaluate(on_device(b_tilde, &device)));
        let half = (value.clone().inner() - value_tilde.clone().inner()) * 0.5;
        let terms = levels
            .into_iter()
            .zip(weights)
            .map(|(odds, weight)| (odds * on_device(weight * half.clone(), &device)).sum());
        let sum = terms.reduce(|a, b| a + b);
        let g = sum.map_or_else(|| theta.zeros_like().detach(), |sum| gradient(&theta, &sum));
        let value = (value + value_tilde) * 0.5;
        Estimate { surrogate: surrogate(at.logits(), g, value.clone()), value: value.detach(), tuning: None }
    }
}
