//! From a code to the logits of an image's pixels.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use relaxit::noise::Noise;

use super::linear::linear;
use crate::mnist::PIXELS;

/// `pixel logits = W₂ relu(W₁ code + b₁) + b₂`.
#[derive(Module, Debug)]
pub struct Decoder {
    hidden: Linear,
    output: Linear,
}

impl Decoder {
    /// With `hidden` units, for codes of `numbers` numbers, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(hidden: usize, numbers: usize, noise: &Noise, device: &Device) -> Self {
        Self {
            hidden: linear(numbers, hidden, noise.fork("hidden"), device),
            output: linear(hidden, PIXELS, noise.fork("output"), device),
        }
    }

    /// `[images, variables, width]` → `[images, PIXELS]`.
    #[must_use]
    pub fn forward(&self, code: Tensor<3>) -> Tensor<2> {
        let [images, variables, width] = code.dims();
        let code = code.reshape([images, variables * width]);
        self.output.forward(activation::relu(self.hidden.forward(code)))
    }
}
