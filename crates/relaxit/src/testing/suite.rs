//! Checks that go together.

use burn::tensor::Tensor;

use super::{Case, Verdict, divergence, extremes, finite_difference, halves, independence, score};
use crate::distribution::{Density, KlDivergence, Reparameterized};

/// What every law with a reparameterised sample and a density is held to, one verdict for each check.
///
/// These are [`independence::rows`], the four derivatives of [`finite_difference`], [`score::identity`] and
/// [`extremes::support`]. That the density belongs to the samples takes [`ks::density`](super::ks::density) and
/// [`quadrature::normalisation`](super::quadrature::normalisation) besides, which need small events.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, Verdict, suite};
/// let relaxed = |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap();
/// let verdicts = suite::reparameterized_density(&Case::new("RelaxedBernoulli", &[1.0], relaxed));
/// assert_eq!(verdicts.len(), 7);
/// verdicts.iter().for_each(Verdict::assert);
/// ```
#[must_use = "verdicts that nobody looks at enforce nothing"]
pub fn reparameterized_density<L, const D: usize>(case: &Case<L>) -> Vec<Verdict>
where
    L: Reparameterized<D> + Density<D>,
{
    vec![
        independence::rows(case),
        finite_difference::transport(case),
        finite_difference::noise(case),
        finite_difference::log_prob(case),
        finite_difference::value(case),
        score::identity(case),
        extremes::support(case),
    ]
}

/// What every divergence between two laws of one family is held to, for each pair from its first to its second
/// parameters: its mean over draws by [`divergence::kl`](mod@super::divergence), and its gradient in the parameters of both.
///
/// # Panics
/// If the two of a pair have different lengths.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Verdict, suite};
/// let pairs: [(&[f64], &[f64]); 1] = [(&[0.0, 2.0], &[1.0, -1.0])];
/// suite::divergence("Bernoulli", Bernoulli::from_logits, &pairs).iter().for_each(Verdict::assert);
/// ```
#[must_use = "verdicts that nobody looks at enforce nothing"]
#[track_caller]
pub fn divergence<L>(
    name: &str,
    family: impl Fn(Tensor<2>) -> L + Copy + 'static,
    pairs: &[(&[f64], &[f64])],
) -> Vec<Verdict>
where
    L: KlDivergence<L, 2> + Density<2> + 'static,
{
    let mut verdicts = Vec::new();
    for (p, q) in pairs {
        assert_eq!(p.len(), q.len(), "divergence: both laws of a pair must have as many parameters");
        let pair = Case::new(name, &[*p, *q].concat(), move |parameters| {
            let (p, q) = halves(parameters);
            (family(p), family(q))
        });
        verdicts.push(divergence::kl(&Case::new(name, p, family), &Case::new(name, q, family)));
        verdicts.push(finite_difference::of(&pair, "gradient of the divergence", |(p, q)| p.kl_divergence(&q)));
    }
    verdicts
}
