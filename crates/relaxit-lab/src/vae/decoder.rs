//! From a code to the logits of an image's pixels.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;

use super::config::VaeConfig;
use super::perceptron::{Perceptron, Widths};
use crate::mnist::PIXELS;

/// A perceptron from codes to pixels.
#[derive(Module, Debug)]
pub struct Decoder {
    network: Perceptron,
}

impl Decoder {
    /// With the encoder's hidden layers in reverse, for so many numbers of each variable, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(config: &VaeConfig, width: usize, noise: &Noise, device: &Device) -> Self {
        let hidden = Widths(config.hidden.0.iter().rev().copied().collect());
        let ends = [config.latents.variables * width, PIXELS];
        Self { network: Perceptron::new(ends, &hidden, config.activation, noise, device) }
    }

    /// `[images, variables, width]` → `[images, PIXELS]`.
    #[must_use]
    pub fn forward(&self, code: Tensor<3>) -> Tensor<2> {
        let [images, variables, width] = code.dims();
        self.network.forward(code.reshape([images, variables * width]))
    }
}
