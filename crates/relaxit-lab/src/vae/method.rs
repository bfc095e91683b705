//! How the gradient gets through the code.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the code is sampled in training, and how its gradient is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Relaxed bits: `RelaxedBernoulli` (Maddison et al. 2017)
    #[value(alias = "relaxed-bernoulli")]
    Concrete,
    /// Relaxed choices: `RelaxedOneHotCategorical` (Jang et al. 2017)
    #[value(alias = "relaxed-one-hot-categorical")]
    GumbelSoftmax,
    /// Hard samples, with the gradient of their probabilities (Bengio et al. 2013)
    #[value(alias = "straight-through-bernoulli")]
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
    /// Relaxed bits with REBAR's correction of their location (Tucker et al. 2017)
    RebarRelaxation,
    /// Bits times a smooth factor (Bengio et al. 2013)
    StochasticTimesSmooth,
    /// The score function, without baseline (Williams 1992)
    Reinforce,
    /// The score function, two samples each the other's baseline (Kool et al. 2019)
    Rloo,
    /// Antithetic bits: augment-REINFORCE-merge (Yin & Zhou 2019)
    Arm,
    /// Antithetic bits or choices, with less variance (Dong et al. 2020)
    Disarm,
    /// Antithetic bits, more than two of them (Dimitriev & Zhou 2021)
    Arms,
    /// The likeliest categories summed, one of the others sampled (Liu et al. 2019); slow
    SumAndSample,
    /// Categories sampled without replacement (Kool et al. 2020); slow
    UnorderedSet,
    /// The score function with a learned baseline (Mnih & Gregor 2014)
    Nvil,
    /// The score function with the objective's first-order expansion as control variate (Gu et al. 2016)
    #[value(name = "muprop")]
    #[serde(rename = "muprop")]
    MuProp,
    /// The exact gradient, by enumeration: for few codes
    Exact,
    /// A bound of several samples, each credited with what it adds (Mnih & Rezende 2016)
    Vimco,
    /// The leave-one-out score function with a second control variate, the gradient (Titsias & Shi 2022)
    DoubleCv,
    /// The leave-one-out score function with a control variate of Stein's, a learned network (Shi et al. 2022)
    Rodeo,
    /// The score function with the relaxed objective as control variate, at a scale and temperature that are learned from
    /// 1 and the first temperature (Tucker et al. 2017)
    Rebar,
    /// The same, with a learned network added to the control variate (Grathwohl et al. 2018)
    Relax,
    /// Relaxed sets of k items (Xie & Ermon 2019)
    RelaxedTopK,
    /// Hard sets of k items, with the gradient of perturb-and-MAP (Niepert et al. 2021)
    ImplicitMle,
    /// Hard sets of k items, with the gradient of their marginals (Ahmed et al. 2023)
    #[value(alias = "k-subset")]
    Simple,
    /// Relaxed Poisson counts (Joo et al. 2020)
    Poisson,
    /// Relaxed geometric counts (Joo et al. 2020)
    Geometric,
    /// Relaxed binomial counts (Joo et al. 2020)
    Binomial,
    /// Relaxed negative binomial counts (Joo et al. 2020)
    NegativeBinomial,
    /// Relaxed orders of items (Prillo & Eisenschlos 2020)
    SoftSort,
    /// Relaxed orders of items (Grover et al. 2019)
    NeuralSort,
    /// Gates of stretched relaxed bits (Louizos et al. 2018)
    HardConcrete,
    /// Gates of clamped normal noise, whose scale is the temperature (Yamada et al. 2020)
    GaussianRelaxedBernoulli,
    /// Gates of stretched Kumaraswamy noise (Bastings et al. 2019)
    HardKumaraswamy,
    /// Relaxed bits in correlated groups (Lee et al. 2022)
    CorrelatedRelaxedBernoulli,
    /// Points of the simplex, from normal noise by an invertible map (Potapczynski et al. 2020)
    InvertibleGaussian,
    /// Points of the simplex, from normal log-ratios (Aitchison & Shen 1980)
    LogisticNormal,
    /// Points of the simplex, the softmax of normal noise
    LogisticNormalSoftmax,
    /// Points of the simplex (Figurnov et al. 2018); slow
    Dirichlet,
}

/// What a method's codes are made of, and so which options it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bits alone.
    Bits,
    /// One of several categories, of which two are a bit.
    Choices,
    /// Bits or choices.
    BitsOrChoices,
    /// Bits, choices, or with `--k` sets.
    Discrete,
    /// k of several items.
    Subsets,
    /// Counts below `--atoms`.
    Counts,
    /// Orders of several items.
    Orders,
    /// Numbers in [0, 1].
    Gates,
    /// Groups of bits.
    Groups,
    /// Points of the simplex.
    Points,
}

impl Method {
    /// The name on the command line and in files.
    ///
    /// # Panics
    /// Never: no method is hidden.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().expect("no method is hidden").get_name().to_owned()
    }

    /// The names of the methods that `accept` accepts, for messages.
    #[must_use]
    pub fn names(accept: impl Fn(Self) -> bool) -> String {
        let names: Vec<_> =
            Self::value_variants().iter().filter(|&&method| accept(method)).map(|method| method.name()).collect();
        names.join(", ")
    }

    /// What its codes are made of.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Concrete | Self::Arm | Self::Arms | Self::RebarRelaxation | Self::StochasticTimesSmooth => Kind::Bits,
            Self::StraightThrough
            | Self::Disarm
            | Self::MuProp
            | Self::Exact
            | Self::DoubleCv
            | Self::Rodeo
            | Self::Rebar
            | Self::Relax => Kind::BitsOrChoices,
            Self::GumbelSoftmax
            | Self::Decoupled
            | Self::GumbelRao
            | Self::Gapped
            | Self::Reinmax
            | Self::SumAndSample
            | Self::UnorderedSet => Kind::Choices,
            Self::StGumbelSoftmax | Self::Reinforce | Self::Rloo | Self::Nvil | Self::Vimco => Kind::Discrete,
            Self::RelaxedTopK | Self::ImplicitMle | Self::Simple => Kind::Subsets,
            Self::Poisson | Self::Geometric | Self::Binomial | Self::NegativeBinomial => Kind::Counts,
            Self::SoftSort | Self::NeuralSort => Kind::Orders,
            Self::HardConcrete | Self::GaussianRelaxedBernoulli | Self::HardKumaraswamy => Kind::Gates,
            Self::CorrelatedRelaxedBernoulli => Kind::Groups,
            Self::InvertibleGaussian | Self::LogisticNormal | Self::LogisticNormalSoftmax | Self::Dirichlet => {
                Kind::Points
            }
        }
    }

    /// How many samples it takes if nobody says, and how many it may take; `None` if that is no choice.
    #[must_use]
    pub const fn samples(self) -> Option<(usize, std::ops::RangeInclusive<usize>)> {
        const MANY: usize = 1000;
        match self {
            // As many evaluations as the antithetic ones need.
            Self::Rloo | Self::DoubleCv | Self::Rodeo => Some((2, 2..=MANY)),
            // As in most of its paper's experiments with several.
            Self::GumbelRao => Some((10, 1..=MANY)),
            Self::Vimco => Some((5, 2..=MANY)),
            Self::Arms => Some((4, 2..=MANY)),
            Self::SumAndSample => Some((1, 1..=MANY)),
            Self::UnorderedSet => Some((2, 2..=8)),
            _ => None,
        }
    }

    /// Whether its codes may have several layers: bits and choices, by an estimator of expectations.
    #[must_use]
    pub const fn stacks(self, k: Option<usize>) -> bool {
        let kind = matches!(self.kind(), Kind::Bits | Kind::Choices | Kind::BitsOrChoices | Kind::Discrete);
        kind && k.is_none() && !matches!(self, Self::RebarRelaxation | Self::Vimco)
    }

    /// Whether its estimator has parameters of its own.
    #[must_use]
    pub const fn learns(self) -> bool {
        matches!(self, Self::Nvil | Self::DoubleCv | Self::Rodeo | Self::Rebar | Self::Relax)
    }

    /// What training maximises: for a reader of the summary.
    #[must_use]
    pub const fn training_objective(self) -> &'static str {
        match self {
            Self::Concrete
            | Self::GumbelSoftmax
            | Self::RebarRelaxation
            | Self::StochasticTimesSmooth
            | Self::RelaxedTopK
            | Self::Poisson
            | Self::Geometric
            | Self::Binomial
            | Self::NegativeBinomial
            | Self::SoftSort
            | Self::NeuralSort => "E[log p(x|y)] with relaxed y, minus KL of the discrete law: not a bound on log p(x)",
            Self::StraightThrough
            | Self::StGumbelSoftmax
            | Self::Decoupled
            | Self::GumbelRao
            | Self::Gapped
            | Self::Reinmax
            | Self::ImplicitMle
            | Self::Simple => "ELBO of the discrete model with a biased gradient",
            Self::Reinforce
            | Self::Rloo
            | Self::Arm
            | Self::Disarm
            | Self::Arms
            | Self::SumAndSample
            | Self::UnorderedSet
            | Self::MuProp
            | Self::Exact
            | Self::Nvil
            | Self::DoubleCv
            | Self::Rodeo
            | Self::Rebar
            | Self::Relax => "ELBO of the discrete model with an unbiased gradient",
            Self::Vimco => "importance-weighted bound of the discrete model with an unbiased gradient",
            Self::HardConcrete | Self::GaussianRelaxedBernoulli | Self::HardKumaraswamy => {
                "ELBO of the mixed model with an unbiased gradient"
            }
            Self::CorrelatedRelaxedBernoulli
            | Self::InvertibleGaussian
            | Self::LogisticNormal
            | Self::LogisticNormalSoftmax
            | Self::Dirichlet => "ELBO of the continuous model with an unbiased gradient",
        }
    }
}
