//! Encoder and decoder together: what is trained.

use burn::module::Module;
use burn::tensor::Device;
use relaxit::noise::Noise;

use super::decoder::Decoder;
use super::encoder::Encoder;

/// The two networks of the auto-encoder.
#[derive(Module, Debug)]
pub struct Vae {
    /// From images to logits of codes.
    pub encoder: Encoder,
    /// From codes to logits of pixels.
    pub decoder: Decoder,
}

impl Vae {
    /// With `hidden` units in each network, for codes of shape `[variables, channels]`, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(hidden: usize, code: [usize; 2], noise: &Noise, device: &Device) -> Self {
        Self {
            encoder: Encoder::new(hidden, code, &noise.fork("encoder"), device),
            decoder: Decoder::new(hidden, code, &noise.fork("decoder"), device),
        }
    }
}
