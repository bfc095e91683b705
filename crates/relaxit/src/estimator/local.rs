//! What the estimators share that weigh several categories of one variable against each other.

use burn::tensor::{Bool, Int, Shape, Tensor, TensorData};

use super::{Estimate, sum_to, surrogate};
use crate::math::{indicator, on_device};
use crate::objective::Objective;

/// The largest `count` of `scores` along the last dimension, each as a one-hot tensor, largest first.
pub(super) fn largest<const D: usize>(scores: &Tensor<D>, count: usize) -> Vec<Tensor<D>> {
    if scores.dims().contains(&0) {
        return vec![scores.zeros_like(); count];
    }
    let mut shape = [1; D];
    shape[D - 1] = scores.dims()[D - 1];
    #[allow(clippy::cast_possible_wrap)] // a dimension is below 2⁶³
    let categories = Tensor::<1, Int>::arange(0..shape[D - 1] as i64, &scores.device()).reshape(shape);
    let (_, order) = scores.clone().topk_with_indices(count, D - 1);
    let hot = |rank| indicator(order.clone().narrow(D - 1, rank, 1).equal(categories.clone()), scores.dtype());
    (0..count).map(hot).collect()
}

/// `f` at `b` with one variable after the other set to its entry of `candidate`: `[rows, variables…, 1]`.
pub(super) fn one_by_one<const D: usize>(f: &dyn Objective<D>, b: &Tensor<D>, candidate: &Tensor<D>) -> Tensor<D> {
    let shape = b.dims();
    let variables_shape: [usize; D] = std::array::from_fn(|dim| if dim == 0 || dim == D - 1 { 1 } else { shape[dim] });
    let variables: usize = variables_shape.iter().product();
    if variables == 1 {
        return f.evaluate(candidate.clone());
    }
    let terms = (0..variables).map(|variable| {
        let chosen: Vec<bool> = (0..variables).map(|other| other == variable).collect();
        let chosen = Tensor::<D, Bool>::from_data(TensorData::new(chosen, variables_shape), &b.device());
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        let changed = b.clone().mask_where(chosen.clone().expand(Shape::from(shape)), candidate.clone());
        f.evaluate(changed) * indicator(chosen, b.dtype())
    });
    terms.reduce(|a, b| a + b).unwrap_or_else(|| f.evaluate(b.clone()))
}

/// One of the categories of every variable: where it is, the weight of its value in the mean, and its value.
pub(super) struct Candidate<const D: usize> {
    pub(super) hot: Tensor<D>,
    pub(super) weight: Tensor<D>,
    pub(super) value: Tensor<D>,
}

/// The estimate whose derivative by the log-probability of each candidate is `advantages`: `Σ advantage (hot − π)`.
pub(super) fn estimate<const D: usize>(
    logits: &Tensor<D>,
    probs: &Tensor<D>,
    candidates: Vec<Candidate<D>>,
    advantages: Vec<Tensor<D>>,
) -> Estimate<D> {
    let device = logits.device();
    let mut gradient = probs.zeros_like();
    let mut values: Option<Tensor<D>> = None;
    for (Candidate { hot, weight, value }, advantage) in candidates.into_iter().zip(advantages) {
        gradient = gradient + advantage * (hot - probs.clone());
        let term = value * on_device(weight, &device);
        values = Some(match values {
            Some(values) => values + term,
            None => term,
        });
    }
    let values = values.expect("there is at least one candidate");
    // Every variable estimates the same mean.
    let shape: [usize; D] = std::array::from_fn(|dim| if dim == 0 && D > 1 { values.dims()[0] } else { 1 });
    let variables = values.dims()[1..].iter().product::<usize>().max(1) as f64;
    let value = sum_to(values, shape) * variables.recip();
    Estimate {
        surrogate: surrogate(logits, on_device(gradient, &device), value.clone()),
        value: value.detach(),
        tuning: None,
    }
}
