//! Codes of counts, cut to finitely many.

use burn::tensor::{Int, Tensor};
use relaxit::distribution::{Binomial, Geometric, NegativeBinomial, Poisson, Truncated};
use relaxit::estimator::Pathwise;
use relaxit::prelude::*;
use relaxit::relaxation::GeneralizedGumbelSoftmax;

use super::family::{Estimated, Family, Relaxed};
use super::{Code, Method, Model, Plan, Sizes};

pub(super) fn code(plan: &Plan<'_>, atoms: usize) -> Option<Box<dyn Code>> {
    let law = match plan.config.latent {
        Method::Binomial => Law::Binomial,
        Method::Geometric => Law::Geometric,
        Method::NegativeBinomial => Law::NegativeBinomial,
        Method::Poisson => Law::Poisson,
        _ => return None,
    };
    Estimated::code(Counts { law, atoms }, Box::new(Pathwise), plan)
}

#[derive(Clone, Copy, Debug)]
enum Law {
    Binomial,
    Geometric,
    NegativeBinomial,
    Poisson,
}

/// Counts 0, 1, …, atoms − 1, the last of which takes the remaining mass. At parameters 0 their mean (before they are cut)
/// is a quarter of the largest; the first parameter is the logarithm of the mean relative to that, or for the binomial its
/// log-odds.
///
/// As codes they are one-hot choices of an atom; the decoder reads the counts themselves.
#[derive(Debug)]
struct Counts {
    law: Law,
    atoms: usize,
}

impl Counts {
    fn mean(&self) -> f64 {
        (self.atoms - 1) as f64 / 4.0
    }
}

impl Family for Counts {
    type Law = OneHotCategorical<3>;

    fn sizes(&self) -> Sizes {
        let parameters = if matches!(self.law, Law::NegativeBinomial) { 2 } else { 1 };
        Sizes { parameters, width: 1 }
    }

    fn model(&self) -> Model {
        Model::Discrete
    }

    fn law(&self, parameters: Tensor<3>, _: f64) -> relaxit::Result<OneHotCategorical<3>> {
        Ok(self.relaxation(parameters, 1.0)?.hard())
    }

    fn divergence(&self, q: &OneHotCategorical<3>, p: &OneHotCategorical<3>, _: &mut Noise) -> Tensor<3> {
        q.kl_divergence(p)
    }

    #[allow(clippy::cast_possible_wrap)] // a few atoms
    fn decoded(&self, code: Tensor<3>) -> Tensor<3> {
        let counts = Tensor::<1, Int>::arange(0..self.atoms as i64, &code.device()).float().cast(code.dtype());
        (code * counts.reshape([1, 1, self.atoms])).sum_dim(2)
    }
}

impl Relaxed for Counts {
    type Relaxation = GeneralizedGumbelSoftmax<3>;

    fn relaxation(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<GeneralizedGumbelSoftmax<3>> {
        let log_mean = self.mean().ln();
        let first = parameters.clone().slice_dim(2, 0..1);
        match self.law {
            Law::Binomial => {
                let law = Binomial::from_logits(self.atoms - 1, first - 3_f64.ln())?;
                GeneralizedGumbelSoftmax::from_truncated(&Truncated::new(law, self.atoms)?, temperature)
            }
            Law::Geometric => {
                let law = Geometric::from_logits(-(first + log_mean));
                GeneralizedGumbelSoftmax::from_truncated(&Truncated::new(law, self.atoms)?, temperature)
            }
            Law::NegativeBinomial => {
                // Between nearly all zeros and next to a Poisson law.
                let log_total_count = parameters.slice_dim(2, 1..2).clamp(-5.0, 5.0);
                let logits = first + log_mean - log_total_count.clone();
                let law = NegativeBinomial::from_logits(log_total_count.exp(), logits)?;
                GeneralizedGumbelSoftmax::from_truncated(&Truncated::new(law, self.atoms)?, temperature)
            }
            Law::Poisson => {
                let law = Poisson::from_log_rate(first + log_mean);
                GeneralizedGumbelSoftmax::from_truncated(&Truncated::new(law, self.atoms)?, temperature)
            }
        }
    }
}
