//! From an image to the logits of its code.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use relaxit::noise::Noise;

use super::linear::linear;
use crate::mnist::PIXELS;

/// `logits = W₂ relu(W₁ x + b₁) + b₂`.
#[derive(Module, Debug)]
pub struct Encoder {
    hidden: Linear,
    output: Linear,
    /// Variables of the code.
    variables: usize,
    /// Logits for each variable.
    channels: usize,
}

impl Encoder {
    /// With `hidden` units, for codes of shape `[variables, channels]`, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(hidden: usize, [variables, channels]: [usize; 2], noise: &Noise, device: &Device) -> Self {
        Self {
            hidden: linear(PIXELS, hidden, noise.fork("hidden"), device),
            output: linear(hidden, variables * channels, noise.fork("output"), device),
            variables,
            channels,
        }
    }

    /// `[images, PIXELS]` → `[images, variables, channels]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<3> {
        let images = x.dims()[0];
        let logits = self.output.forward(activation::relu(self.hidden.forward(x)));
        logits.reshape([images, self.variables, self.channels])
    }
}
