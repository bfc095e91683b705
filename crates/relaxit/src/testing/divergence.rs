//! Entropies and divergences in closed form against averages over draws.

use burn::tensor::{DType, Tensor};

use super::{Case, Verdict, columns, worst, z_scores, z_threshold};
use crate::distribution::{Density, Distribution, Entropy, KlDivergence};

/// The entropy is the mean of `−log p(x)`, in empirical standard errors.
///
/// ```text
/// H = −E[log p(x)]
/// ```
///
/// Passes up to [`Z_MILLION`](super::Z_MILLION).
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, divergence};
/// divergence::entropy(&Case::new("Bernoulli", &[1.0, -2.0], Bernoulli::from_logits)).assert();
/// ```
pub fn entropy<L, const D: usize>(case: &Case<L>) -> Verdict
where
    L: Entropy<D> + Density<D>,
{
    const LAW: &str = "entropy";
    let law = case.law(case.draws(), DType::F64);
    let x = law.sample(&mut case.noise(LAW));
    compare(case, LAW, -law.log_prob(x), case.law(1, DType::F64).entropy())
}

/// The divergence is the mean of `log p(x) − log q(x)` over x ~ p, in empirical standard errors.
///
/// ```text
/// KL(p ‖ q) = E_p[log p(x) − log q(x)]
/// ```
///
/// Passes up to [`Z_MILLION`](super::Z_MILLION). The tail of q must not make the variance infinite.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, divergence};
/// let at = |logit| Case::new("Bernoulli", &[logit], Bernoulli::from_logits);
/// divergence::kl(&at(1.0), &at(-2.0)).assert();
/// ```
pub fn kl<P, Q, const D: usize>(p: &Case<P>, q: &Case<Q>) -> Verdict
where
    P: KlDivergence<Q, D> + Density<D>,
    Q: Density<D>,
{
    const LAW: &str = "KL divergence";
    let law = p.law(p.draws(), DType::F64);
    let x = law.sample(&mut p.noise(LAW));
    let ratio = law.log_prob(x.clone()) - q.law(p.draws(), DType::F64).log_prob(x);
    let exact = p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64));
    let verdict = compare(p, LAW, ratio, exact);
    Verdict { subject: format!("{} to {}", p.subject(), q.subject()), ..verdict }
}

fn compare<L: Distribution<D>, const D: usize>(
    case: &Case<L>,
    law: &'static str,
    draws: Tensor<D>,
    exact: Tensor<D>,
) -> Verdict {
    let exact = columns(exact);
    let z = z_scores(columns(draws) - exact.clone(), exact.abs() * 1e-9 + 1e-12);
    let comparisons = z.len();
    case.verdict(law, worst(z), z_threshold(comparisons))
}
