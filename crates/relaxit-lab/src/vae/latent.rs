//! The code between encoder and decoder: its shape, its law, and how a gradient gets through it.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use relaxit::distribution::{Density, KlDivergence, Moments};
use relaxit::prelude::*;
use serde::{Deserialize, Serialize};

/// How the code is sampled in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Relaxed bits: `RelaxedBernoulli` (Maddison et al. 2017)
    Concrete,
    /// Relaxed choices: `RelaxedOneHotCategorical` (Jang et al. 2017)
    GumbelSoftmax,
    /// Hard samples, with the gradient of their probabilities (Bengio et al. 2013)
    StraightThrough,
    /// Hard samples, with the gradient of the relaxed ones (Jang et al. 2017)
    StGumbelSoftmax,
}

impl Method {
    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Concrete => "concrete",
            Self::GumbelSoftmax => "gumbel-softmax",
            Self::StraightThrough => "straight-through",
            Self::StGumbelSoftmax => "st-gumbel-softmax",
        }
    }

    /// What training maximises: for a reader of the summary.
    #[must_use]
    pub const fn training_objective(self) -> &'static str {
        match self {
            Self::Concrete | Self::GumbelSoftmax => {
                "E[log p(x|y)] with relaxed y, minus KL of the discrete law: not a bound on log p(x)"
            }
            Self::StraightThrough | Self::StGumbelSoftmax => {
                "ELBO of the discrete model with a biased (straight-through) gradient"
            }
        }
    }

    /// Whether the temperature plays a part.
    #[must_use]
    pub const fn uses_temperature(self) -> bool {
        !matches!(self, Self::StraightThrough)
    }
}

/// The shape of the code: `20x4` is 20 variables of 4 categories each, `200` is 200 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Latents {
    /// How many variables.
    pub variables: usize,
    /// Categories of each, or `None` for bits.
    pub categories: Option<usize>,
}

impl Latents {
    const VARIABLES: std::ops::RangeInclusive<usize> = 1..=4096;
    const CATEGORIES: std::ops::RangeInclusive<usize> = 2..=1024;

    /// The same code as bits, if its variables have two values.
    #[must_use]
    pub fn as_bits(self) -> Option<Self> {
        matches!(self.categories, None | Some(2)).then_some(Self { categories: None, ..self })
    }

    /// The same code as one-hot vectors.
    #[must_use]
    pub fn as_choices(self) -> Self {
        Self { categories: Some(self.categories.unwrap_or(2)), ..self }
    }

    /// `[variables, channels]`: one channel for a bit, one for each category of a choice.
    #[must_use]
    pub fn shape(self) -> [usize; 2] {
        [self.variables, self.categories.unwrap_or(1)]
    }
}

impl fmt::Display for Latents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.categories {
            None => write!(f, "{}", self.variables),
            Some(categories) => write!(f, "{}x{categories}", self.variables),
        }
    }
}

impl FromStr for Latents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (variables, categories) = match text.split_once('x') {
                None => (text, None),
                Some((variables, categories)) => (variables, Some(categories.parse().ok()?)),
            };
            let variables = variables.parse().ok()?;
            let fits = Self::VARIABLES.contains(&variables) && categories.is_none_or(|k| Self::CATEGORIES.contains(&k));
            fits.then_some(Self { variables, categories })
        };
        parse().ok_or_else(|| {
            format!(
                "expected VARIABLESxCATEGORIES such as `20x4`, or a number of bits such as `200`, with {} to {} \
                 variables and {} to {} categories",
                Self::VARIABLES.start(),
                Self::VARIABLES.end(),
                Self::CATEGORIES.start(),
                Self::CATEGORIES.end(),
            )
        })
    }
}

impl TryFrom<String> for Latents {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Latents> for String {
    fn from(latents: Latents) -> Self {
        latents.to_string()
    }
}

/// A relaxation that can stand between an encoder and a decoder: codes of shape `[images, variables, channels]`, and
/// `[images, variables, 1]` for what is one number a variable.
pub trait CodeLaw:
    Relaxation<3, Hard: Density<3> + Moments<3> + Enumerable<3> + KlDivergence<<Self as Relaxation<3>>::Hard, 3>>
{
    /// From the encoder's output.
    ///
    /// # Errors
    /// If the temperature is out of range.
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self>;
}

impl CodeLaw for RelaxedBernoulli<3> {
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self> {
        Self::from_logits(logits, temperature)
    }
}

impl CodeLaw for RelaxedOneHotCategorical<3> {
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self> {
        Self::from_logits(logits, temperature)
    }
}

/// The code that the decoder sees in training.
#[must_use]
pub fn training_code<R: CodeLaw>(method: Method, law: &R, noise: &mut Noise) -> Tensor<3> {
    match method {
        Method::Concrete | Method::GumbelSoftmax => law.rsample(noise),
        Method::StraightThrough => {
            let hard = law.hard();
            straight_through(hard.sample(noise), hard.mean())
        }
        Method::StGumbelSoftmax => law.rsample_straight_through(noise),
    }
}

/// Sums what is one number a variable over the code: `[images, variables, 1]` → `[images, 1]`.
#[must_use]
pub fn sum_over_code(x: Tensor<3>) -> Tensor<2> {
    let images = x.dims()[0];
    x.sum_dim(1).reshape([images, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_round_trip_and_refuse_nonsense() {
        for text in ["1", "200", "20x2", "8x16"] {
            assert_eq!(text.parse::<Latents>().unwrap().to_string(), text);
        }
        for text in ["", "0", "0x3", "3x0", "3x1", "x", "3x", "-1", "2x3x4", "99999", "1.5", "20X2"] {
            assert!(text.parse::<Latents>().is_err(), "{text}");
        }
    }
}
