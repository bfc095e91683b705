//! The code between encoder and decoder: its shape, its law, and how a gradient gets through it.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use burn::tensor::Tensor;
use relaxit::distribution::{Density, KlDivergence, Moments};
use relaxit::estimator::{
    Arm, DisArm, Estimator, Pathwise, Rloo, SampleGradient, ScoreFunction, StraightThrough, StraightThroughPathwise,
};
use relaxit::prelude::*;
use serde::{Deserialize, Serialize};

use super::method::Method;

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
    ConditionalRelaxation<3, Hard: Density<3> + Moments<3> + Enumerable<3> + KlDivergence<<Self as Relaxation<3>>::Hard, 3>>
{
    /// From the encoder's output.
    ///
    /// # Errors
    /// If the temperature is out of range.
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self>;

    /// The estimator of `method`, or `None` if it is not for codes of this kind.
    fn estimator(method: Method) -> Option<Box<dyn Estimator<Self, 3>>>;
}

impl CodeLaw for RelaxedBernoulli<3> {
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self> {
        Self::from_logits(logits, temperature)
    }

    fn estimator(method: Method) -> Option<Box<dyn Estimator<Self, 3>>> {
        match method {
            Method::Arm => Some(Box::new(Arm)),
            Method::Disarm => Some(Box::new(DisArm)),
            Method::Concrete => Some(Box::new(Pathwise)),
            _ => any_code(method),
        }
    }
}

impl CodeLaw for RelaxedOneHotCategorical<3> {
    fn from_logits(logits: Tensor<3>, temperature: f64) -> relaxit::Result<Self> {
        Self::from_logits(logits, temperature)
    }

    fn estimator(method: Method) -> Option<Box<dyn Estimator<Self, 3>>> {
        match method {
            Method::GumbelSoftmax => Some(Box::new(Pathwise)),
            Method::Decoupled => Some(Box::new(SampleGradient::decoupled())),
            Method::Gapped => Some(Box::new(SampleGradient::gapped())),
            Method::GumbelRao => Some(Box::new(SampleGradient::gumbel_rao(GUMBEL_RAO_DRAWS))),
            Method::Reinmax => Some(Box::new(SampleGradient::rein_max())),
            _ => any_code(method),
        }
    }
}

/// The estimators that bits and choices share.
fn any_code<R: CodeLaw>(method: Method) -> Option<Box<dyn Estimator<R, 3>>> {
    match method {
        Method::StraightThrough => Some(Box::new(StraightThrough)),
        Method::StGumbelSoftmax => Some(Box::new(StraightThroughPathwise)),
        Method::Reinforce => Some(Box::new(ScoreFunction::new())),
        Method::Rloo => Rloo::new(RLOO_SAMPLES).ok().map(|rloo| Box::new(rloo) as Box<_>),
        _ => None,
    }
}

/// Conditional draws of Gumbel–Rao, as in most of its paper's experiments with several.
const GUMBEL_RAO_DRAWS: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");

/// Samples of the leave-one-out estimator: as many evaluations as the antithetic ones need.
const RLOO_SAMPLES: usize = 2;

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
