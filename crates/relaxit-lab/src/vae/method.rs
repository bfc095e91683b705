//! How the gradient gets through the code.

use serde::{Deserialize, Serialize};

use super::latent::Latents;

/// How the code is sampled in training, and how its gradient is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Relaxed bits: `RelaxedBernoulli` (Maddison et al. 2017)
    Concrete,
    /// Relaxed choices: `RelaxedOneHotCategorical` (Jang et al. 2017)
    GumbelSoftmax,
    /// Hard samples, with the gradient of their probabilities (Bengio et al. 2013)
    StraightThrough,
    /// Hard samples, with the gradient of the relaxed ones (Jang et al. 2017)
    StGumbelSoftmax,
    /// Hard choices, with the gradient of the relaxed ones at a temperature of its own (Shah et al. 2024)
    Decoupled,
    /// Hard choices, with the gradient of relaxed ones averaged over conditional draws (Paulus et al. 2021)
    GumbelRao,
    /// Hard choices, with the gradient of logits moved a gap apart (Fan et al. 2022)
    Gapped,
    /// Hard choices, with a gradient exact to second order (Liu et al. 2023); made for temperatures from 1 upwards
    Reinmax,
    /// The score function, without baseline (Williams 1992)
    Reinforce,
    /// The score function, two samples each the other's baseline (Kool et al. 2019)
    Rloo,
    /// Antithetic bits: augment-REINFORCE-merge (Yin & Zhou 2019)
    Arm,
    /// Antithetic bits, with less variance (Dong et al. 2020)
    Disarm,
}

impl Method {
    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Concrete => "concrete",
            Self::GumbelSoftmax => "gumbel-softmax",
            Self::StraightThrough => "straight-through",
            Self::StGumbelSoftmax => "st-gumbel-softmax",
            Self::Decoupled => "decoupled",
            Self::GumbelRao => "gumbel-rao",
            Self::Gapped => "gapped",
            Self::Reinmax => "reinmax",
            Self::Reinforce => "reinforce",
            Self::Rloo => "rloo",
            Self::Arm => "arm",
            Self::Disarm => "disarm",
        }
    }

    /// What training maximises: for a reader of the summary.
    #[must_use]
    pub const fn training_objective(self) -> &'static str {
        match self {
            Self::Concrete | Self::GumbelSoftmax => {
                "E[log p(x|y)] with relaxed y, minus KL of the discrete law: not a bound on log p(x)"
            }
            Self::StraightThrough
            | Self::StGumbelSoftmax
            | Self::Decoupled
            | Self::GumbelRao
            | Self::Gapped
            | Self::Reinmax => "ELBO of the discrete model with a biased gradient",
            Self::Reinforce | Self::Rloo | Self::Arm | Self::Disarm => {
                "ELBO of the discrete model with an unbiased gradient"
            }
        }
    }

    /// `latents` in the form that this method works on, or `None` if it cannot: some methods are for bits alone, others
    /// for choices alone, and two categories are a bit.
    #[must_use]
    pub fn form(self, latents: Latents) -> Option<Latents> {
        match self {
            Self::Concrete | Self::Arm | Self::Disarm => latents.as_bits(),
            Self::GumbelSoftmax | Self::Decoupled | Self::GumbelRao | Self::Gapped | Self::Reinmax => {
                Some(latents.as_choices())
            }
            Self::StraightThrough | Self::StGumbelSoftmax | Self::Reinforce | Self::Rloo => Some(latents),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vae::latent::CodeLaw;
    use clap::ValueEnum;
    use relaxit::relaxation::{RelaxedBernoulli, RelaxedOneHotCategorical};

    /// The form says which law the method is asked of, and that law must know it.
    #[test]
    fn every_method_has_an_estimator_for_its_form() {
        for &method in Method::value_variants() {
            for text in ["6", "6x2", "4x3"] {
                let Some(form) = method.form(text.parse().unwrap()) else { continue };
                let known = if form.categories.is_some() {
                    RelaxedOneHotCategorical::<3>::estimator(method).is_some()
                } else {
                    RelaxedBernoulli::<3>::estimator(method).is_some()
                };
                assert!(known, "{} {text}", method.name());
            }
        }
    }
}
