//! Encoder, decoder and prior together: what is trained.

use burn::module::Module;
use burn::tensor::Device;
use relaxit::noise::Noise;

use super::code::Sizes;
use super::config::VaeConfig;
use super::decoder::Decoder;
use super::encoder::Encoder;
use super::layer::UpperLayer;
use super::prior::Prior;

/// The two networks of the auto-encoder, and its prior.
#[derive(Module, Debug)]
pub struct Vae {
    /// From images to parameters of codes.
    pub encoder: Encoder,
    /// From codes to logits of pixels.
    pub decoder: Decoder,
    /// Of the code's top layer.
    pub prior: Prior,
    /// The layers of the code above the first.
    pub upper: Vec<UpperLayer>,
}

impl Vae {
    /// Of a configuration, for codes of these sizes, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(config: &VaeConfig, sizes: Sizes, noise: &Noise, device: &Device) -> Self {
        let Sizes { parameters, width } = sizes;
        Self {
            encoder: Encoder::new(config, parameters, &noise.fork("encoder"), device),
            decoder: Decoder::new(config, width, &noise.fork("decoder"), device),
            upper: (1..config.layers)
                .map(|layer| UpperLayer::new(config, sizes, &noise.fork(&format!("layer {}", layer + 1)), device))
                .collect(),
            prior: Prior::new(config.prior, config.latents.variables, parameters, &mut noise.fork("prior"), device),
        }
    }
}
