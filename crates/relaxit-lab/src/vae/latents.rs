//! The shape of the code between encoder and decoder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The shape of the code: `20x4` is 20 variables of 4 categories each, `200` is 200 bits or numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Latents {
    /// How many variables.
    pub variables: usize,
    /// Categories of each (items, entries), or `None` for bits and numbers.
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
