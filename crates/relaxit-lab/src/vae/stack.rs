//! The model at some images: the laws of every layer of their codes, and what explains the images.

use burn::tensor::Tensor;
use relaxit::noise::Noise;

use super::code::{Code, sum_over_code};
use super::likelihood::log_likelihood;
use super::model::Vae;

/// The model at some images.
///
/// ```text
/// x ──▶ q(b₁ | x) ──▶ b₁ ──▶ q(b₂ | b₁) ──▶ b₂ …        p(b₂) ──▶ b₂ ──▶ p(b₁ | b₂) ──▶ b₁ ──▶ p(x | b₁)
/// ```
#[derive(Debug)]
pub struct Stack<'a> {
    /// The networks.
    pub model: &'a Vae,
    /// The images.
    pub x: &'a Tensor<2>,
}

impl Stack<'_> {
    /// How many layers the code has.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.model.upper.len() + 1
    }

    /// The parameters of the law of a layer after the images are seen, given the codes of the layers below it.
    #[must_use]
    pub fn posterior(&self, below: &[Tensor<3>]) -> Tensor<3> {
        match below.split_last() {
            None => self.model.encoder.forward(self.x.clone()),
            Some((code, lower)) => self.model.upper[lower.len()].above(code.clone()),
        }
    }

    /// The parameters of the law of a layer before the images are seen, given the code of the layer above it, if it is
    /// not the top.
    #[must_use]
    pub fn prior(&self, layer: usize, above: Option<&Tensor<3>>) -> Tensor<3> {
        match above {
            None => self.model.prior.parameters(self.x.dims()[0], &self.x.device()),
            Some(code) => self.model.upper[layer].below(code.clone()),
        }
    }

    /// `log p(x | b₁)` of what the decoder reads, `[images, 1, 1]`.
    #[must_use]
    pub fn explained(&self, decoded: Tensor<3>) -> Tensor<3> {
        let images = self.x.dims()[0];
        log_likelihood(self.model.decoder.forward(decoded), self.x.clone()).reshape([images, 1, 1])
    }

    /// A code of every layer, after the images are seen.
    ///
    /// # Errors
    /// If the temperature is out of range.
    pub fn codes(&self, code: &dyn Code, temperature: f64, noise: &mut Noise) -> relaxit::Result<Vec<Tensor<3>>> {
        let mut codes = Vec::new();
        for _ in 0..self.layers() {
            codes.push(code.sample(self.posterior(&codes), temperature, noise)?);
        }
        Ok(codes)
    }

    /// `log q(b | x) − log p(b)` of the codes of the layers below `layers`, `[images, 1]`.
    ///
    /// # Errors
    /// If the temperature is out of range.
    pub fn log_ratio(
        &self,
        codes: &[Tensor<3>],
        layers: usize,
        code: &dyn Code,
        temperature: f64,
    ) -> relaxit::Result<Tensor<2>> {
        let mut sum = Tensor::zeros([self.x.dims()[0], 1], &self.x.device());
        for layer in 0..layers {
            let log_prob = |parameters| code.log_prob(parameters, codes[layer].clone(), temperature);
            let log_q = log_prob(self.posterior(&codes[..layer]))?;
            sum = sum + sum_over_code(log_q - log_prob(self.prior(layer, codes.get(layer + 1)))?);
        }
        Ok(sum)
    }
}
