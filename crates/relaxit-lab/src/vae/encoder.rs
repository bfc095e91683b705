//! From an image to the parameters of its code.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use relaxit::noise::Noise;

use super::linear::linear;
use crate::mnist::PIXELS;

/// `parameters = W₂ relu(W₁ x + b₁) + b₂`.
#[derive(Module, Debug)]
pub struct Encoder {
    hidden: Linear,
    output: Linear,
    /// Variables of the code.
    variables: usize,
    /// Parameters of each variable.
    parameters: usize,
}

impl Encoder {
    /// With `hidden` units, for codes of so many `[variables, parameters of each]`, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(hidden: usize, [variables, parameters]: [usize; 2], noise: &Noise, device: &Device) -> Self {
        Self {
            hidden: linear(PIXELS, hidden, noise.fork("hidden"), device),
            output: linear(hidden, variables * parameters, noise.fork("output"), device),
            variables,
            parameters,
        }
    }

    /// `[images, PIXELS]` → `[images, variables, parameters]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<3> {
        let images = x.dims()[0];
        let parameters = self.output.forward(activation::relu(self.hidden.forward(x)));
        parameters.reshape([images, self.variables, self.parameters])
    }
}
