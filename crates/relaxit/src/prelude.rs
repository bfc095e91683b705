//! What a program needs: every law, every relaxation, and the traits that use them.

pub use burn::tensor::{Device, Tensor};

pub use crate::distribution::{
    Bernoulli, Binomial, Cdf, Density, Dirichlet, Distribution, Entropy, Enumerable, ExpConcrete, Geometric, Gumbel,
    GumbelTopK, Independent, KSubset, KlDivergence, Logistic, LogisticNormal, LogisticNormalSoftmax, Mode, Moments,
    NegativeBinomial, Normal, OneHotCategorical, PlackettLuce, Poisson, Reparameterized, Replicate, Truncated,
};
pub use crate::estimator::Estimator;
pub use crate::noise::{Base, Noise};
pub use crate::objective::Objective;
pub use crate::relaxation::{
    ConditionalRelaxation, CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough,
    GaussianRelaxedBernoulli, GeneralizedGumbelSoftmax, GumbelRao, GumbelSinkhorn, HardConcrete, HardKumaraswamy,
    ImplicitMle, InvertibleGaussian, NeuralSort, RebarRelaxation, ReinMax, Relaxation, RelaxedBernoulli,
    RelaxedOneHotCategorical, RelaxedTopK, SoftSort, StochasticTimesSmooth, StraightThroughBernoulli, Tempered,
    straight_through,
};
pub use crate::schedule::Schedule;
pub use crate::support::Support;
