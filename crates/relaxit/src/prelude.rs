//! What a first program needs: `use relaxit::prelude::*;`.

pub use burn::tensor::{Device, Tensor};

pub use crate::distribution::{
    Bernoulli, Cdf, Density, Distribution, Entropy, Enumerable, ExpConcrete, Gumbel, GumbelTopK, Independent, KSubset,
    KlDivergence, Logistic, Mode, Moments, Normal, OneHotCategorical, PlackettLuce, Reparameterized, Replicate,
};
pub use crate::estimator::Estimator;
pub use crate::noise::{Base, Noise};
pub use crate::objective::Objective;
pub use crate::relaxation::{
    ConditionalRelaxation, GumbelSinkhorn, ImplicitMle, NeuralSort, Relaxation, RelaxedBernoulli,
    RelaxedOneHotCategorical, RelaxedTopK, SoftSort, straight_through,
};
pub use crate::schedule::Schedule;
pub use crate::support::Support;
