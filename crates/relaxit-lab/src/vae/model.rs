//! Encoder, decoder and prior together: what is trained.

use burn::module::Module;
use burn::tensor::Device;
use relaxit::noise::Noise;

use super::code::Sizes;
use super::decoder::Decoder;
use super::encoder::Encoder;
use super::prior::{Prior, PriorKind};

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
    /// With `hidden` units in each network, for codes of `variables` variables, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(
        hidden: usize,
        variables: usize,
        Sizes { parameters, width }: Sizes,
        prior: PriorKind,
        noise: &Noise,
        device: &Device,
    ) -> Self {
        Self {
            encoder: Encoder::new(hidden, [variables, parameters], &noise.fork("encoder"), device),
            decoder: Decoder::new(hidden, variables * width, &noise.fork("decoder"), device),
            prior: Prior::new(prior, variables, parameters, &mut noise.fork("prior"), device),
        }
    }
}
