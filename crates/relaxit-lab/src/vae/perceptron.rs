//! Layers between which something bends.

use std::fmt;
use std::str::FromStr;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use relaxit::noise::Noise;
use serde::{Deserialize, Serialize};

use super::linear::linear;

/// What bends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(0, x)`
    Relu,
    /// The hyperbolic tangent
    Tanh,
}

/// The widths of hidden layers, from the pixels inwards: `400`, `512,256`, or `none`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Widths(pub Vec<usize>);

impl Widths {
    const LAYERS: usize = 8;
    const UNITS: std::ops::RangeInclusive<usize> = 1..=8192;
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let widths: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&widths.join(","))
    }
}

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let widths: Option<Vec<usize>> =
            text.split(',').map(|width| width.parse().ok().filter(|width| Self::UNITS.contains(width))).collect();
        widths.filter(|widths| widths.len() <= Self::LAYERS).map(Self).ok_or_else(|| {
            let (low, high) = Self::UNITS.into_inner();
            format!("expected up to {} widths from {low} to {high}, such as 400 or 512,256, or `none`", Self::LAYERS)
        })
    }
}

impl TryFrom<String> for Widths {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Widths> for String {
    fn from(widths: Widths) -> Self {
        widths.to_string()
    }
}

impl Activation {
    fn apply(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Tanh => x.tanh(),
        }
    }
}

/// `W bend(… bend(W₁ x + b₁) …) + b`; affine without hidden layers.
#[derive(Module, Debug)]
pub struct Perceptron {
    hidden: Vec<Linear>,
    output: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Perceptron {
    /// With hidden layers of these widths, on a device with autodiff.
    ///
    /// # Panics
    /// If `device` has no autodiff.
    #[must_use]
    pub fn new(
        [inputs, outputs]: [usize; 2],
        Widths(hidden): &Widths,
        activation: Activation,
        noise: &Noise,
        device: &Device,
    ) -> Self {
        let mut width = inputs;
        let layer = |(index, &units): (usize, &usize)| {
            let stream = if index == 0 { "hidden".to_owned() } else { format!("hidden {}", index + 1) };
            linear(std::mem::replace(&mut width, units), units, noise.fork(&stream), device)
        };
        let hidden = hidden.iter().enumerate().map(layer).collect();
        Self { hidden, output: linear(width, outputs, noise.fork("output"), device), activation }
    }

    /// `[rows, inputs]` → `[rows, outputs]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.hidden.iter().fold(x, |x, layer| self.activation.apply(layer.forward(x)));
        self.output.forward(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relaxit::noise::Base;

    #[test]
    fn widths_round_trip_and_refuse_nonsense() {
        for text in ["none", "400", "512,256", "1,2,3,4,5,6,7,8"] {
            assert_eq!(text.parse::<Widths>().unwrap().to_string(), text);
        }
        for text in ["", "0", "400,", ",400", "9999", "-1", "None", "1,2,3,4,5,6,7,8,9", "4 5"] {
            assert!(text.parse::<Widths>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_perceptron_without_hidden_layers_is_affine_and_one_with_is_not() {
        let (noise, device) = (Noise::seeded(0), Device::flex().autodiff());
        let bend = |hidden: &str, activation| {
            let network = Perceptron::new([5, 3], &hidden.parse().unwrap(), activation, &noise, &device);
            let mut draw = Noise::seeded(1);
            let [a, b] = std::array::from_fn(|_| draw.draw::<2>(Base::Normal, [4, 5], &device) * 3.0);
            let between = network.forward((a.clone() + b.clone()) * 0.5);
            let bend: f32 = (between - (network.forward(a) + network.forward(b)) * 0.5).abs().max().into_scalar();
            bend
        };
        assert!(bend("none", Activation::Tanh) < 1e-5);
        for activation in [Activation::Relu, Activation::Tanh] {
            assert!(bend("7", activation) > 1e-2 && bend("7,6", activation) > 1e-2);
        }
    }
}
