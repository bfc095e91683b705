//! Codes of points of the simplex.

use burn::tensor::Tensor;
use relaxit::distribution::{Dirichlet, LogisticNormal, LogisticNormalSoftmax};
use relaxit::kl::kl_monte_carlo;
use relaxit::prelude::*;
use relaxit::relaxation::InvertibleGaussian;

use super::family::{Family, Reparametrized, Sampled};
use super::{Code, Method, Model, Sizes};

pub(super) fn code(method: Method, entries: usize) -> Option<Box<dyn Code>> {
    match method {
        Method::Dirichlet => Some(Box::new(Reparametrized(Concentrations { entries }))),
        Method::InvertibleGaussian => Some(Box::new(Reparametrized(Invertible { entries }))),
        Method::LogisticNormal => Some(Box::new(Reparametrized(LogRatios { entries }))),
        Method::LogisticNormalSoftmax => Some(Box::new(Reparametrized(Softmax { entries }))),
        _ => None,
    }
}

/// What the four say alike.
macro_rules! points {
    ($family:ident, $law:ident, |$entries:ident| $parameters:expr) => {
        #[derive(Debug)]
        struct $family {
            entries: usize,
        }

        impl Sampled for $family {
            fn rsample(&self, law: &$law<3>, noise: &mut Noise) -> Tensor<3> {
                law.rsample(noise)
            }
        }

        impl Family for $family {
            type Law = $law<3>;

            fn sizes(&self) -> Sizes {
                let $entries = self.entries;
                Sizes { parameters: $parameters, width: $entries }
            }

            fn model(&self) -> Model {
                Model::Continuous
            }

            fn law(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<$law<3>> {
                Self::at(parameters, temperature)
            }

            fn divergence(&self, q: &$law<3>, p: &$law<3>, noise: &mut Noise) -> Tensor<3> {
                Self::between(q, p, noise)
            }
        }
    };
}

/// Half of the parameters are locations, the others logarithms of scales.
fn halves(parameters: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
    let half = parameters.dims()[2] / 2;
    (parameters.clone().slice_dim(2, 0..half), parameters.slice_dim(2, half..2 * half))
}

points!(Concentrations, Dirichlet, |entries| entries);

impl Concentrations {
    /// Below 0.1, entries underflow that f32 holds; far above 1000, they are numbers more than draws.
    fn at(parameters: Tensor<3>, _: f64) -> relaxit::Result<Dirichlet<3>> {
        Dirichlet::from_log_concentration(parameters.clamp(0.1_f64.ln(), 1000_f64.ln()))
    }

    fn between(q: &Dirichlet<3>, p: &Dirichlet<3>, _: &mut Noise) -> Tensor<3> {
        q.kl_divergence(p)
    }
}

points!(Invertible, InvertibleGaussian, |entries| 2 * (entries - 1));

impl Invertible {
    fn at(parameters: Tensor<3>, temperature: f64) -> relaxit::Result<InvertibleGaussian<3>> {
        let (loc, log_scale) = halves(parameters);
        InvertibleGaussian::from_log_scale(loc, log_scale, temperature)
    }

    /// That of the latents, since both have one temperature.
    fn between(q: &InvertibleGaussian<3>, p: &InvertibleGaussian<3>, _: &mut Noise) -> Tensor<3> {
        q.latent().kl_divergence(&p.latent())
    }
}

points!(LogRatios, LogisticNormal, |entries| 2 * (entries - 1));

impl LogRatios {
    fn at(parameters: Tensor<3>, _: f64) -> relaxit::Result<LogisticNormal<3>> {
        let (loc, log_scale) = halves(parameters);
        LogisticNormal::from_log_scale(loc, log_scale)
    }

    fn between(q: &LogisticNormal<3>, p: &LogisticNormal<3>, _: &mut Noise) -> Tensor<3> {
        q.kl_divergence(p)
    }
}

points!(Softmax, LogisticNormalSoftmax, |entries| 2 * entries);

impl Softmax {
    fn at(parameters: Tensor<3>, _: f64) -> relaxit::Result<LogisticNormalSoftmax<3>> {
        let (loc, log_scale) = halves(parameters);
        LogisticNormalSoftmax::from_log_scale(loc, log_scale)
    }

    fn between(q: &LogisticNormalSoftmax<3>, p: &LogisticNormalSoftmax<3>, noise: &mut Noise) -> Tensor<3> {
        kl_monte_carlo(q, p, 1, noise).mean
    }
}
