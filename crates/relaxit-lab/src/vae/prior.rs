//! The law of codes before any image is seen.

use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;
use relaxit::prelude::*;

use super::latent::CodeLaw;

/// Independent uniform variables: fair bits, or choices among equals.
#[derive(Clone, Copy, Debug)]
pub struct UniformPrior {
    shape: [usize; 2],
}

impl UniformPrior {
    /// Over codes of shape `[variables, channels]`.
    #[must_use]
    pub const fn new(shape: [usize; 2]) -> Self {
        Self { shape }
    }

    /// The law of `images` codes.
    ///
    /// # Panics
    /// If the shape has no channels, which the encoder excludes.
    #[must_use]
    pub fn law<R: CodeLaw>(&self, images: usize, device: &Device) -> R::Hard {
        let [variables, channels] = self.shape;
        let logits = Tensor::zeros([images, variables, channels], device);
        R::from_logits(logits, 1.0).expect("a temperature of 1 is in range").hard()
    }

    /// `images` codes.
    #[must_use]
    pub fn sample<R: CodeLaw>(&self, images: usize, noise: &mut Noise, device: &Device) -> Tensor<3> {
        self.law::<R>(images, device).sample(noise)
    }
}
