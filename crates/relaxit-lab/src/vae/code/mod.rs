//! Codes: what stands between encoder and decoder, how a gradient gets through it, and the law it is judged by.
//!
//! ```text
//! encoder ──▶ parameters ──Code──▶ code ──decoded──▶ decoder
//! prior   ──▶ parameters ──Code──▶ divergence, log-densities
//! ```
//!
//! The rest of the laboratory knows the trait [`Code`] alone. Posterior and prior are one family of laws at different
//! parameters, and parameters 0 are the fixed prior. One file for each family: what its laws are and how they are trained.

mod bits;
mod choices;
mod correlated;
mod counts;
mod family;
mod gates;
mod orders;
mod score;
mod simplex;
mod stacked;
mod subsets;

use std::fmt;

use burn::tensor::{Device, Tensor};
use relaxit::control::TunerState;
use relaxit::estimator::Estimate;
use relaxit::noise::Noise;
use serde::{Deserialize, Serialize};

use super::config::VaeConfig;
use super::method::{Kind, Method};
use super::stack::Stack;

/// How many numbers a variable of the code takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Numbers from the encoder for each variable: the parameters of its law.
    pub parameters: usize,
    /// Numbers to the decoder for each variable.
    pub width: usize,
}

/// What a code is, and so what kind of model its bounds are bounds of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Hard codes: bits, choices, sets, orders, counts.
    Discrete,
    /// Codes with a density.
    Continuous,
    /// Codes with a density between 0 and 1 and probabilities of both.
    Mixed,
}

impl Model {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete",
            Self::Continuous => "continuous",
            Self::Mixed => "mixed",
        }
    }
}

/// One training step's objective, averaged over the images.
#[derive(Debug)]
pub struct TrainingObjective {
    /// Its gradient is the (estimated) gradient of the negative objective; its own value need not mean anything.
    pub loss: Tensor<1>,
    /// The objective itself, without gradient.
    pub value: Tensor<1>,
    /// For [`Code::tune`].
    pub tuning: Option<Tensor<1>>,
}

impl TrainingObjective {
    /// An estimate of a bound that has the divergence in it.
    fn whole(estimate: Estimate<3>) -> Self {
        Self { loss: -estimate.surrogate, value: estimate.value.mean(), tuning: estimate.tuning }
    }

    /// An estimate of what is explained, less the divergence of each image.
    fn less(estimate: Estimate<3>, divergence: Tensor<3>) -> Self {
        let divergence = sum_over_code(divergence).mean();
        let value = estimate.value.mean() - divergence.clone().detach();
        Self { loss: divergence - estimate.surrogate, value, tuning: estimate.tuning }
    }
}

/// A law of codes with a way to train it. Parameters are `[images, variables, sizes().parameters]`; what is one number for
/// each variable is `[images, variables, 1]`.
///
/// Whatever happens in [`objective`](Self::objective), the other methods speak of the model that is judged. The temperature
/// matters to them only where it belongs to the law itself, in continuous and mixed models.
///
/// All fail only if the temperature is out of range.
#[allow(clippy::missing_errors_doc)] // said once, above
pub trait Code: fmt::Debug {
    /// How many numbers a variable takes and gives.
    fn sizes(&self) -> Sizes;

    /// What kind of model this is.
    fn model(&self) -> Model;

    /// One training step's objective: `E[log p(x | code)]`, less the divergence of the posterior from the prior.
    fn objective(
        &mut self,
        stack: &Stack<'_>,
        temperature: f64,
        noise: &mut Noise,
    ) -> relaxit::Result<TrainingObjective>;

    /// One step of what the estimator itself learns.
    fn tune(&mut self, _tuning: Tensor<1>) {}

    /// What the estimator itself has learned, if it learns.
    fn state(&self) -> Option<TunerState> {
        None
    }

    /// Puts such a state back.
    fn resume(&mut self, _state: TunerState) -> relaxit::Result<()> {
        Ok(())
    }

    /// The divergence of each variable's law at parameters `q` to that at `p`, `KL(q ‖ p)`: in closed form, or a number
    /// with that expectation. Its gradient likewise.
    fn divergence(&self, q: Tensor<3>, p: Tensor<3>, temperature: f64, noise: &mut Noise)
    -> relaxit::Result<Tensor<3>>;

    /// A code of the model that is judged. It carries no gradient.
    fn sample(&self, parameters: Tensor<3>, temperature: f64, noise: &mut Noise) -> relaxit::Result<Tensor<3>>;

    /// The log-density (or probability) of each variable of a code that [`sample`](Self::sample) gave.
    fn log_prob(&self, parameters: Tensor<3>, code: Tensor<3>, temperature: f64) -> relaxit::Result<Tensor<3>>;

    /// What the decoder reads of a code: `[images, variables, sizes().width]`.
    fn decoded(&self, code: Tensor<3>) -> Tensor<3> {
        code
    }
}

/// The code of a configuration that was [resolved](VaeConfig::resolve), on a device, or `None` if it was not and does not
/// fit.
#[must_use]
pub fn build(config: &VaeConfig, device: &Device) -> Option<Box<dyn Code>> {
    let (method, categories) = (config.latent, config.latents.categories);
    let plan = Plan { config, device: device.clone().autodiff(), noise: Noise::seeded(config.seed).fork("estimator") };
    match (method.kind(), categories, config.k) {
        (Kind::Bits | Kind::BitsOrChoices | Kind::Discrete, None, None) => bits::code(&plan),
        (Kind::Choices | Kind::BitsOrChoices | Kind::Discrete, Some(categories), None) => {
            choices::code(&plan, categories)
        }
        (Kind::Subsets | Kind::Discrete, Some(items), Some(k)) => subsets::code(&plan, items, k),
        (Kind::Counts, None, _) => counts::code(&plan, config.atoms?),
        (Kind::Gates, None, _) => gates::code(method),
        (Kind::Points, Some(entries), _) => simplex::code(method, entries),
        (Kind::Groups, Some(bits), _) => Some(correlated::code(bits, config.correlation?)),
        (Kind::Orders, Some(items), _) => orders::code(method, items),
        _ => None,
    }
}

/// What estimators are built from.
#[derive(Clone)]
struct Plan<'a> {
    config: &'a VaeConfig,
    /// With autodiff.
    device: Device,
    /// For initial values of what they learn.
    noise: Noise,
}

/// Sums what is one number a variable over the code: `[images, variables, 1]` → `[images, 1]`.
#[must_use]
pub fn sum_over_code(x: Tensor<3>) -> Tensor<2> {
    let images = x.dims()[0];
    x.sum_dim(1).reshape([images, 1])
}

#[cfg(test)]
pub(crate) mod tests;
