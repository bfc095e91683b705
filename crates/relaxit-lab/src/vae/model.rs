//! Encoder, decoder and prior together: what is trained.

use burn::module::Module;
use burn::tensor::Device;
use relaxit::noise::Noise;

use super::code::Sizes;
use super::config::VaeConfig;
use super::decoder::Decoder;
use super::encoder::Encoder;
use super::prior::Prior;

/// The two networks of the auto-encoder, and its prior.
#[derive(Module, Debug)]
pub struct Vae {
    /// From images to parameters of codes.
    pub encoder: Encoder,
    /// From codes to logits of pixels.
    pub decoder: Decoder,
    /// Of codes.
    pub prior: Prior,
}

impl Vae {
    /// Of a configuration, for codes of these sizes, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(config: &VaeConfig, Sizes { parameters, width }: Sizes, noise: &Noise, device: &Device) -> Self {
        Self {
            encoder: Encoder::new(config, parameters, &noise.fork("encoder"), device),
            decoder: Decoder::new(config, width, &noise.fork("decoder"), device),
            prior: Prior::new(config.prior, config.latents.variables, parameters, &mut noise.fork("prior"), device),
        }
    }
}
