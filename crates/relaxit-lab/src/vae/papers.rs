//! The papers of every way to train a code.

use relaxit::reference::{
    ARM, ARMS, CONCRETE, CORRELATED_GATES, COUPLED_ESTIMATORS, DECOUPLED_STRAIGHT_THROUGH, DISARM,
    DOUBLE_CONTROL_VARIATES, GAPPED_STRAIGHT_THROUGH, GENERALIZED_GUMBEL_SOFTMAX, GUMBEL_RAO, GUMBEL_SOFTMAX,
    HARD_KUMARASWAMY, IMPLICIT_MLE, IMPLICIT_REPARAMETERIZATION, INVERTIBLE_GAUSSIAN, L0_REGULARIZATION,
    LOGISTIC_NORMAL, MUPROP, NEURAL_SORT, NVIL, RAO_BLACKWELLIZED, REBAR, REINFORCE, REINMAX, RELAX, RLOO, RODEO,
    Reference, SIMPLE, SOFT_SORT, STOCHASTIC_GATES, STRAIGHT_THROUGH, SUBSET_SAMPLING, UNORDERED_SET, VIMCO,
};

use super::method::Method;

impl Method {
    /// Where it is from; nowhere in particular, if it is the exact gradient.
    #[must_use]
    pub const fn references(self) -> &'static [Reference] {
        match self {
            Self::Concrete => &[CONCRETE],
            Self::GumbelSoftmax => &[GUMBEL_SOFTMAX, CONCRETE],
            Self::StGumbelSoftmax => &[GUMBEL_SOFTMAX],
            Self::StraightThrough | Self::StochasticTimesSmooth => &[STRAIGHT_THROUGH],
            Self::Decoupled => &[DECOUPLED_STRAIGHT_THROUGH],
            Self::GumbelRao => &[GUMBEL_RAO],
            Self::Gapped => &[GAPPED_STRAIGHT_THROUGH],
            Self::Reinmax => &[REINMAX],
            Self::Rebar | Self::RebarRelaxation => &[REBAR],
            Self::Reinforce => &[REINFORCE],
            Self::Rloo => &[RLOO],
            Self::Arm => &[ARM],
            Self::Disarm => &[DISARM, COUPLED_ESTIMATORS],
            Self::Arms => &[ARMS],
            Self::SumAndSample => &[RAO_BLACKWELLIZED],
            Self::UnorderedSet => &[UNORDERED_SET],
            Self::Nvil => &[NVIL],
            Self::MuProp => &[MUPROP],
            Self::Exact => &[],
            Self::Vimco => &[VIMCO],
            Self::DoubleCv => &[DOUBLE_CONTROL_VARIATES],
            Self::Rodeo => &[RODEO],
            Self::Relax => &[RELAX],
            Self::RelaxedTopK => &[SUBSET_SAMPLING],
            Self::ImplicitMle => &[IMPLICIT_MLE],
            Self::Simple => &[SIMPLE],
            Self::Poisson | Self::Geometric | Self::Binomial | Self::NegativeBinomial => &[GENERALIZED_GUMBEL_SOFTMAX],
            Self::SoftSort => &[SOFT_SORT],
            Self::NeuralSort => &[NEURAL_SORT],
            Self::HardConcrete => &[L0_REGULARIZATION],
            Self::GaussianRelaxedBernoulli => &[STOCHASTIC_GATES],
            Self::HardKumaraswamy => &[HARD_KUMARASWAMY],
            Self::CorrelatedRelaxedBernoulli => &[CORRELATED_GATES],
            Self::InvertibleGaussian => &[INVERTIBLE_GAUSSIAN],
            Self::LogisticNormal | Self::LogisticNormalSoftmax => &[LOGISTIC_NORMAL],
            Self::Dirichlet => &[IMPLICIT_REPARAMETERIZATION],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    /// The help of `--latent` names the first author and the year of each.
    #[test]
    fn the_papers_are_those_of_the_help() {
        for &method in Method::value_variants() {
            let help = method.to_possible_value().unwrap().get_help().unwrap().to_string();
            for Reference { authors, year, .. } in method.references().iter().take(1) {
                let first = authors.split([',', ' ']).next().unwrap();
                let names = help.contains(first) && help.contains(&year.to_string());
                let unnamed = matches!(method, Method::LogisticNormalSoftmax);
                assert!(names || unnamed, "{}: {help} and {authors} ({year})", method.name());
            }
        }
    }
}
