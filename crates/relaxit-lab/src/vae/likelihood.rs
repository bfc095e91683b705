//! How well pixel logits explain an image.

use burn::tensor::Tensor;
use relaxit::distribution::{Bernoulli, Independent};

/// The Bernoulli log-likelihood of images, summed over pixels, in nats.
///
/// ```text
/// log p(x | l) = Σᵢ [xᵢ lᵢ − softplus(lᵢ)]
/// ```
///
/// For grey images it is the cross-entropy between intensity and pixel probability, which is no likelihood of a law on
/// [0, 1]; see `Protocol`.
///
/// # Shapes
/// `[images, PIXELS]` both; the result is `[images, 1]`.
#[must_use]
pub fn log_likelihood(pixel_logits: Tensor<2>, x: Tensor<2>) -> Tensor<2> {
    Independent::<_, 1>(Bernoulli::from_logits(pixel_logits)).expected_log_prob(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn bits_are_scored_by_their_probability() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[0.0, 1.0, -1e4]], &device);
        let x = Tensor::<2>::from_floats([[1.0, 0.0, 0.0]], &device);
        let got: f32 = log_likelihood(logits, x).into_scalar();
        let expected = 0.5_f32.ln() - (1.0 + 1_f32.exp()).ln();
        assert!((got - expected).abs() < 1e-6);
    }
}
