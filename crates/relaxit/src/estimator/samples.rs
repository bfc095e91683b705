//! K samples of one law, seen together.

use burn::tensor::Tensor;

use super::gradient;
use crate::distribution::{Density, Distribution};
use crate::error::{Error, Result};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::relaxation::Relaxation;

/// One of K samples, with what an estimator of first order knows of it.
pub(super) struct Sample<const D: usize> {
    pub(super) b: Tensor<D>,
    /// `f(b)`, with the gradient of the parameters inside `f`.
    pub(super) value: Tensor<D>,
    /// `∇f(b)`, without gradient.
    pub(super) slope: Tensor<D>,
    /// `∇ log p(b)` with respect to the logits, without gradient.
    pub(super) score: Tensor<D>,
}

/// Draws `count` samples.
///
/// Each costs two evaluations: the tape of the one that is differentiated in `b` is used up by that, and the parameters
/// inside the objective need another.
pub(super) fn draw<R, const D: usize>(count: usize, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Vec<Sample<D>>
where
    R: Relaxation<D>,
    R::Hard: Density<D>,
{
    let law = at.hard();
    (0..count)
        .map(|_| {
            let b = law.sample(noise);
            let leaf = b.clone().require_grad();
            let slope = gradient(&leaf, &f.evaluate(leaf.clone()).sum());
            Sample { value: f.evaluate(b.clone()), slope, score: score(at, b.clone()), b }
        })
        .collect()
}

/// `∇ log p(b)` of each row with respect to the logits of `at`, without gradient.
pub(super) fn score<R, const D: usize>(at: &R, b: Tensor<D>) -> Tensor<D>
where
    R: Relaxation<D>,
    R::Hard: Density<D>,
{
    let theta = at.logits().clone().detach().require_grad();
    gradient(&theta, &at.with_logits(theta.clone()).hard().log_prob(b).sum())
}

/// For each item all the others, combined.
///
/// Made of prefixes and suffixes: nothing is subtracted from a total, and so nothing cancels.
///
/// # Panics
/// If there are fewer than two.
pub(super) fn others<T: Clone>(items: &[T], combine: impl Fn(T, T) -> T) -> Vec<T> {
    let join = |rest: Option<T>, item: &T| match rest {
        Some(rest) => combine(rest, item.clone()),
        None => item.clone(),
    };
    let mut suffixes = vec![None];
    for item in items[1..].iter().rev() {
        suffixes.push(Some(join(suffixes.last().cloned().flatten(), item)));
    }
    let mut prefix = None;
    let combined = items.iter().zip(suffixes.into_iter().rev()).map(|(item, suffix)| {
        let others = prefix.clone().into_iter().chain(suffix).reduce(&combine);
        prefix = Some(join(prefix.take(), item));
        others.expect("at least two items")
    });
    combined.collect()
}

/// `1/K Σₖ (vₖ − 1/(K − 1) Σ_{j≠k} vⱼ) ∇ log p(bₖ)`.
pub(super) fn leave_one_out<const D: usize>(samples: &[Sample<D>], values: Vec<Tensor<D>>) -> Tensor<D> {
    let count = values.len() as f64;
    // Deviations from the mean of all are (K − 1)/K of those from the mean of the others.
    let center = total(values.clone()) * count.recip();
    let terms = samples.iter().zip(values).map(|(sample, value)| sample.score.clone() * (value - center.clone()));
    total(terms) * (count - 1.0).recip()
}

/// The sum of tensors of one shape.
///
/// # Panics
/// If there are none.
pub(super) fn total<const D: usize>(tensors: impl IntoIterator<Item = Tensor<D>>) -> Tensor<D> {
    tensors.into_iter().reduce(|a, b| a + b).expect("at least one tensor")
}

/// The door of every estimator that compares samples.
pub(super) fn at_least_two(subject: &'static str, samples: usize) -> Result<usize> {
    if samples >= 2 {
        return Ok(samples);
    }
    Err(Error::Parameter { subject, parameter: "samples", requirement: "at least 2", got: samples as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_keep_order_and_leave_out_one() {
        let items = ["a", "b", "c", "d"].map(String::from);
        assert_eq!(others(&items, |a, b| a + "+" + &b), ["d+c+b", "a+d+c", "a+b+d", "a+b+c"]);
        assert_eq!(others(&[1, 2], |a, b| a + b), [2, 1]);
    }

    #[test]
    fn a_huge_item_does_not_spoil_its_own_others() {
        assert!((others(&[1.0, 2.0, 1e30], |a, b| a + b)[2] - 3.0_f64).abs() < 1e-15);
    }
}
