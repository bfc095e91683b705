//! Samples without replacement, whose order is integrated out.

use burn::tensor::{Tensor, activation};

use super::local::{Candidate, estimate, largest, one_by_one};
use super::{Bias, Estimate, Estimator};
use crate::distribution::{Distribution, OUT, log_add_exp};
use crate::error::{Error, Result};
use crate::math::{log_sum_exp, on_device};
use crate::noise::{Base, Noise};
use crate::objective::Objective;
use crate::reference::{Reference, UNORDERED_SET};
use crate::relaxation::{Relaxation, RelaxedOneHotCategorical};

/// The unordered set estimator: REINFORCE at k different categories, with a baseline built from them.
///
/// ```text
/// ĝ = Σ_{s ∈ S} π_s R(S, s) (f(s) − B_s) ∇ log π_s,   S = k draws from π without replacement
/// B_s = π_s f(s) + Σ_{s′ ≠ s} π_s′ R_s(S, s′) f(s′)
/// ```
///
/// `R(S, s)` is the probability of S given that s came first over that of S; `R_s` the same without s. Averaging over
/// the orders in which S could have been drawn (Rao–Blackwell) leaves less variance than k draws with replacement, and no
/// evaluation is spent twice. With k = 2, `ĝ = π_a π_b/P(S) (f(a) − f(b)) ∇(φ_a − φ_b)`.
///
/// # Shapes
/// One variable for each row, `[rows, K]`, or several, `[rows, variables…, K]`. Then each has its own set, with the
/// others held at one joint sample of the row, not a set of joint outcomes.
///
/// # Gradient
/// Unbiased; exact for one variable with k ≥ K. Needs no gradient of `f`. k evaluations for each variable. The value, and
/// the gradient of parameters inside the objective, are weighted by `π R`.
///
/// # Numerics
/// The probabilities of sets come from a recursion of positive terms over the subsets of S, in log space: no
/// cancellation, and 2ᵏ numbers for each variable.
///
/// # Examples
/// ```
/// use relaxit::{estimator::UnorderedSet, prelude::*};
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([1, 3], &device).require_grad();
/// let at = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?;
/// let estimate = UnorderedSet::new(3)?.estimate(&at, &|b: Tensor<2>| b.slice_dim(1, 0), &mut Noise::seeded(0));
/// let gradient = logits.grad(&estimate.surrogate.backward()).unwrap();
/// assert!((gradient.slice_dim(1, 0).into_scalar::<f32>() - 2.0 / 9.0).abs() < 1e-6); // π (1 − π): none was left out
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::UNORDERED_SET`], section 3.
#[derive(Clone, Copy, Debug)]
pub struct UnorderedSet {
    samples: usize,
}

impl UnorderedSet {
    /// With `samples` different categories of each variable; all of them, if there are no more.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there are 2 to 8: one alone has no baseline, and the work grows as 2ᵏ.
    pub fn new(samples: usize) -> Result<Self> {
        if (2..=8).contains(&samples) {
            return Ok(Self { samples });
        }
        let (parameter, requirement) = ("samples", "between 2 and 8");
        Err(Error::Parameter { subject: "UnorderedSet", parameter, requirement, got: samples as f64 })
    }
}

/// For each subset of `items`, as the bits of its index, the logarithm of the probability that draws without replacement
/// bring all of it before anything of `rest`.
///
/// ```text
/// F(A) = Σ_{a ∈ A} π_a F(A ∖ a) / (Σ_{a ∈ A} π_a + ρ)
/// ```
///
/// Taking a category out of the domain leaves it as it is, so it serves every set of the estimator.
fn log_firsts<const D: usize>(items: &[Tensor<D>], rest: &Tensor<D>) -> Vec<Tensor<D>> {
    let mut firsts = vec![rest.zeros_like()];
    let mut masses: Vec<Option<Tensor<D>>> = vec![None];
    let sum = |a: Option<Tensor<D>>, b: Tensor<D>| match a {
        Some(a) => log_add_exp(a, b),
        None => b,
    };
    for subset in 1..1_usize << items.len() {
        let members = (0..items.len()).filter(|item| subset >> item & 1 == 1);
        let ways =
            members.fold(None, |ways, item| Some(sum(ways, items[item].clone() + firsts[subset ^ 1 << item].clone())));
        let top = subset.ilog2() as usize;
        let mass = sum(masses[subset ^ 1 << top].clone(), items[top].clone());
        let ways = ways.expect("a subset above 0 has a member");
        firsts.push(ways - log_add_exp(mass.clone(), rest.clone()));
        masses.push(Some(mass));
    }
    firsts
}

impl<const D: usize> Estimator<RelaxedOneHotCategorical<D>, D> for UnorderedSet {
    fn name(&self) -> &'static str {
        "unordered-set"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[UNORDERED_SET]
    }

    fn estimate(&mut self, at: &RelaxedOneHotCategorical<D>, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let b = at.hard().sample(noise);
        let log_probs = activation::log_softmax(at.logits().clone().inner(), D - 1);
        let gumbel = noise.draw(Base::Gumbel, at.shape(), (&log_probs.device(), at.dtype()));
        let set = largest(&(log_probs.clone() + gumbel), self.samples.min(at.shape()[D - 1]));
        let drawn = set.iter().skip(1).fold(set[0].clone(), |sum, hot| sum + hot.clone());
        let items: Vec<Tensor<D>> = set.iter().map(|hot| (hot.clone() * log_probs.clone()).sum_dim(D - 1)).collect();
        let rest = log_sum_exp(log_probs.clone().mask_fill(drawn.greater_elem(0.0), OUT), D - 1);

        let firsts = log_firsts(&items, &rest);
        let all = firsts.len() - 1;
        let weight = |first: usize, set: usize| {
            (items[first].clone() + firsts[set ^ 1 << first].clone() - firsts[set].clone()).exp()
        };
        let candidates: Vec<Candidate<D>> = set
            .into_iter()
            .enumerate()
            .map(|(s, hot)| {
                let value = one_by_one(f, &b, &on_device(hot.clone(), &b.device()));
                Candidate { hot, weight: weight(s, all), value }
            })
            .collect();
        let values: Vec<Tensor<D>> = candidates.iter().map(|candidate| candidate.value.clone().inner()).collect();
        let advantages = candidates.iter().enumerate().map(|(s, candidate)| {
            // f(s) − B_s as a sum of differences: the weights of B_s sum to 1.
            let others = (0..values.len()).filter(|&other| other != s);
            let differences =
                others.map(|other| (values[s].clone() - values[other].clone()) * weight(other, all ^ 1 << s));
            let advantage = differences.reduce(|a, b| a + b).unwrap_or_else(|| values[s].zeros_like());
            advantage * candidate.weight.clone()
        });
        let advantages = advantages.collect();
        estimate(at.logits(), &log_probs.exp(), candidates, advantages)
    }
}
