//! Small problems for estimators: a few bits, one choice, and an objective that treats no two of them alike.

#![allow(dead_code)] // each test target uses its part

use burn::tensor::TensorData;
use relaxit::prelude::*;
use relaxit::testing::Case;

pub(crate) const DRAWS: usize = 1 << 17;

pub(crate) type Boxed<R, const D: usize = 2> = Box<dyn Estimator<R, D>>;

pub(crate) fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

pub(crate) fn logits_of(probs: &[f64]) -> Vec<f64> {
    probs.iter().copied().map(logit).collect()
}

pub(crate) fn bits(logits: &[f64]) -> Case<RelaxedBernoulli<2>> {
    Case::new("bits", logits, |p| RelaxedBernoulli::from_logits(p, 0.5).unwrap()).with_draws(DRAWS)
}

pub(crate) fn choice(logits: &[f64]) -> Case<RelaxedOneHotCategorical<2>> {
    Case::new("choice", logits, |p| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap()).with_draws(DRAWS)
}

/// `(Σ wᵢ bᵢ − 0.45)ᵖ` over all dimensions but the first, with unequal weights.
pub(crate) fn power<const D: usize>(exponent: i32) -> impl Fn(Tensor<D>) -> Tensor<D> {
    move |b: Tensor<D>| {
        let mut shape = b.dims();
        shape[0] = 1;
        let entries: usize = shape.iter().product();
        let weights: Vec<f64> = [1.0, -0.7, 0.4, 1.3, 0.9].into_iter().cycle().take(entries).collect();
        let weights = Tensor::<D>::from_data(TensorData::new(weights, shape), (&b.device(), b.dtype()));
        ((1..D).fold(b * weights, Tensor::sum_dim) - 0.45).powi_scalar(exponent)
    }
}

/// The variance of one column of gradients, and its standard error.
pub(crate) fn variance_and_error(gradients: Tensor<2>) -> (f64, f64) {
    let values: Vec<f64> = gradients.try_into_vec_as().unwrap();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    (variance, ((moment(4) - variance * variance) / n).sqrt())
}
