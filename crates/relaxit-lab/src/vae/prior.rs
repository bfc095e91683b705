//! The law of codes before any image is seen.

use burn::module::Module;
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};
use relaxit::noise::Noise;
use serde::{Deserialize, Serialize};

/// Whether the prior is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorKind {
    /// Uniform where there is a uniform law, otherwise standard: see the notes below
    #[value(alias = "fixed")]
    Uniform,
    /// Independent variables of the same family, whose parameters are learned
    Learned,
}

/// Independent variables of the posterior's family: at parameters 0, or at parameters that are learned from there.
#[derive(Module, Debug)]
pub struct Prior {
    /// `[1, variables, parameters]`, if they are learned.
    learned: Option<Param<Tensor<3>>>,
    variables: usize,
    parameters: usize,
}

impl Prior {
    /// For codes of `variables` variables with so many `parameters` each, on a device with autodiff.
    #[must_use]
    pub fn new(kind: PriorKind, variables: usize, parameters: usize, noise: &mut Noise, device: &Device) -> Self {
        let learned = matches!(kind, PriorKind::Learned).then(|| {
            let zeros = Tensor::zeros([1, variables, parameters], device);
            Param::initialized(ParamId::from(noise.bits()), zeros.require_grad())
        });
        Self { learned, variables, parameters }
    }

    /// The parameters of `images` codes: `[images, variables, parameters]`.
    #[must_use]
    pub fn parameters(&self, images: usize, device: &Device) -> Tensor<3> {
        let one = self
            .learned
            .as_ref()
            .map_or_else(|| Tensor::zeros([1, self.variables, self.parameters], device), Param::val);
        one.expand(Shape::from([images, self.variables, self.parameters]))
    }
}
