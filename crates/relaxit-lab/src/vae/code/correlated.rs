//! Codes of groups of relaxed bits that are correlated within a group.

use burn::tensor::{DType, Tensor};
use relaxit::kl::kl_monte_carlo;
use relaxit::prelude::*;
use relaxit::relaxation::CorrelatedRelaxedBernoulli;

use super::family::{Family, Reparametrized, Sampled};
use super::{Code, Model, Sizes};

/// Groups of `bits` with one correlation between any two, −1/(bits − 1) < correlation < 1.
pub(super) fn code(bits: usize, correlation: f64) -> Box<dyn Code> {
    Box::new(Reparametrized(Groups { bits, correlation }))
}

/// Judged as what they are, relaxed: the probabilities of their hard bits have no closed form.
///
/// Their laws are computed in f64, and their log-odds held within ±8: in f32, or further out, relaxed bits round to 1, where
/// one density for all of them would not give a bound.
#[derive(Debug)]
struct Groups {
    bits: usize,
    correlation: f64,
}

const LIMIT: f64 = 8.0;

impl Family for Groups {
    type Law = CorrelatedRelaxedBernoulli<3>;

    fn sizes(&self) -> Sizes {
        Sizes { parameters: self.bits, width: self.bits }
    }

    fn model(&self) -> Model {
        Model::Continuous
    }

    fn law(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<CorrelatedRelaxedBernoulli<3>> {
        let device = parameters.device().without_autodiff();
        let logits = (parameters.cast(DType::F64) * LIMIT.recip()).tanh() * LIMIT;
        let all = Tensor::<2>::full([self.bits, self.bits], self.correlation, (&device, DType::F64));
        let unit = Tensor::<2>::eye(self.bits, &device).cast(DType::F64);
        let correlation = all * (-unit.clone() + 1.0) + unit;
        CorrelatedRelaxedBernoulli::from_logits(logits, &correlation, temperature)
    }

    fn divergence(&self, q: &Self::Law, p: &Self::Law, noise: &mut Noise) -> Tensor<3> {
        kl_monte_carlo(q, p, 1, noise).mean
    }

    fn decoded(&self, code: Tensor<3>) -> Tensor<3> {
        code.cast(DType::F32)
    }
}

impl Sampled for Groups {
    fn rsample(&self, law: &Self::Law, noise: &mut Noise) -> Tensor<3> {
        law.rsample(noise)
    }
}
