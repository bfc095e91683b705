//! From an image to the parameters of its code.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;

use super::config::VaeConfig;
use super::perceptron::Perceptron;
use crate::mnist::PIXELS;

/// A perceptron from pixels to parameters.
#[derive(Module, Debug)]
pub struct Encoder {
    network: Perceptron,
    /// Variables of the code.
    variables: usize,
    /// Parameters of each variable.
    parameters: usize,
}

impl Encoder {
    /// With the hidden layers of a configuration, for so many parameters of each variable, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(config: &VaeConfig, parameters: usize, noise: &Noise, device: &Device) -> Self {
        let variables = config.latents.variables;
        let ends = [PIXELS, variables * parameters];
        let network = Perceptron::new(ends, &config.hidden, config.activation, noise, device);
        Self { network, variables, parameters }
    }

    /// `[images, PIXELS]` → `[images, variables, parameters]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<3> {
        let images = x.dims()[0];
        self.network.forward(x).reshape([images, self.variables, self.parameters])
    }
}
