//! What a grey digit means to a model of bits.

use burn::tensor::{Device, Tensor, TensorData};
use relaxit::noise::{Base, Noise};
use serde::{Deserialize, Serialize};

use super::{Digits, PIXELS};

/// How intensities become what the decoder must explain. Numbers under different protocols cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The intensity in [0, 1] itself, scored by the Bernoulli cross-entropy.
    Grey,
    /// A bit drawn with the intensity as its probability, anew in every epoch; one fixed draw for the test set.
    Dynamic,
    /// A bit: whether the intensity is above one half.
    Threshold,
}

impl Protocol {
    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Dynamic => "dynamic",
            Self::Threshold => "threshold",
        }
    }

    /// The digits at `indices` as a batch of shape `[indices, PIXELS]` with values in [0, 1].
    ///
    /// `noise` serves the dynamic protocol alone; fork it by what must share one draw (an epoch, the test set): the bit
    /// of a digit depends on the fork and the digit's index, not on the batch it falls into.
    #[must_use]
    pub fn batch(self, digits: &Digits, indices: &[usize], noise: &Noise, device: &Device) -> Tensor<2> {
        let mut values = Vec::with_capacity(indices.len() * PIXELS);
        let mut uniform = vec![0.0; if self == Self::Dynamic { PIXELS } else { 0 }];
        for &index in indices {
            let pixels = digits.pixels(index);
            match self {
                Self::Grey => values.extend(pixels.iter().map(|&pixel| f32::from(pixel) / 255.0)),
                Self::Threshold => values.extend(pixels.iter().map(|&pixel| f32::from(u8::from(pixel > 127)))),
                Self::Dynamic => {
                    noise.fork(&index.to_string()).fill(Base::Uniform, &mut uniform);
                    let bits = pixels.iter().zip(&uniform).map(|(&pixel, &u)| u < f32::from(pixel) / 255.0);
                    values.extend(bits.map(|bit| f32::from(u8::from(bit))));
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [indices.len(), PIXELS]), device)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // of numbers that are exact
mod tests {
    use super::super::tests::synthetic;
    use super::*;

    fn batch(protocol: Protocol, indices: &[usize], noise: &Noise) -> Vec<f32> {
        protocol.batch(&synthetic(4), indices, noise, &Device::flex()).try_into_vec_as().unwrap()
    }

    #[test]
    fn a_dynamic_bit_belongs_to_its_digit_not_to_its_batch() {
        let noise = Noise::seeded(0);
        let together = batch(Protocol::Dynamic, &[2, 3], &noise);
        assert_eq!(together[PIXELS..], batch(Protocol::Dynamic, &[3], &noise));
        assert_ne!(together, batch(Protocol::Dynamic, &[2, 3], &noise.fork("another epoch")));
        assert!(together.iter().all(|&bit| bit == 0.0 || bit == 1.0));
    }

    #[test]
    fn dynamic_bits_average_to_the_intensity() {
        let noise = Noise::seeded(0);
        let epochs = 2000_u16;
        let sum: f32 =
            (0..epochs).map(|epoch| batch(Protocol::Dynamic, &[1], &noise.fork(&epoch.to_string()))[0]).sum();
        let grey = batch(Protocol::Grey, &[1], &noise)[0];
        let standard_error = (grey * (1.0 - grey) / f32::from(epochs)).sqrt();
        assert!((sum / f32::from(epochs) - grey).abs() < 4.892 * standard_error);
    }

    #[test]
    fn threshold_rounds() {
        let grey = batch(Protocol::Grey, &[0], &Noise::seeded(0));
        let bits = batch(Protocol::Threshold, &[0], &Noise::seeded(0));
        assert!(grey.iter().zip(bits).all(|(grey, bit)| grey.round() == bit));
    }
}
