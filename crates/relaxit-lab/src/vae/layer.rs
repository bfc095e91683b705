//! A layer of the code above another one.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;

use super::code::Sizes;
use super::config::VaeConfig;
use super::perceptron::{Perceptron, Widths};

/// The two networks between a layer of the code and the one above it: `q(above | below)` and `p(below | above)`.
#[derive(Module, Debug)]
pub struct UpperLayer {
    up: Perceptron,
    down: Perceptron,
    variables: usize,
    parameters: usize,
}

impl UpperLayer {
    /// With the hidden layers of a configuration, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(config: &VaeConfig, Sizes { parameters, width }: Sizes, noise: &Noise, device: &Device) -> Self {
        let variables = config.latents.variables;
        let (ends, hidden) = ([variables * width, variables * parameters], &config.hidden);
        let reversed = Widths(hidden.0.iter().rev().copied().collect());
        let network = |name, hidden| Perceptron::new(ends, hidden, config.activation, &noise.fork(name), device);
        Self { up: network("up", hidden), down: network("down", &reversed), variables, parameters }
    }

    /// The parameters of the law of this layer, given the code below.
    #[must_use]
    pub fn above(&self, below: Tensor<3>) -> Tensor<3> {
        self.forward(&self.up, below)
    }

    /// The parameters of the law of the layer below, given the code of this one.
    #[must_use]
    pub fn below(&self, above: Tensor<3>) -> Tensor<3> {
        self.forward(&self.down, above)
    }

    fn forward(&self, network: &Perceptron, code: Tensor<3>) -> Tensor<3> {
        let [images, variables, width] = code.dims();
        let parameters = network.forward(code.reshape([images, variables * width]));
        parameters.reshape([images, self.variables, self.parameters])
    }
}
