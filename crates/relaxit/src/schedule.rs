//! Schedules: a number for each training step, as a pure function.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A number for each step: pure, so that a resumed run needs no state, and plottable.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let halving = |step: usize| 0.5_f64.powi(i32::try_from(step).unwrap_or(i32::MAX));
/// assert_eq!(halving.at(2), 0.25);
/// ```
pub trait Schedule: Send + Sync {
    /// The value at `step`, counted from 0.
    fn at(&self, step: usize) -> f64;

    /// This schedule for `steps` steps, then `next` from its own step 0.
    ///
    /// # Examples
    /// ```
    /// use relaxit::{prelude::*, schedule::Anneal};
    /// let warm = Anneal::Constant(1.0).then(100, Anneal::Constant(0.5));
    /// assert_eq!((warm.at(99), warm.at(100)), (1.0, 0.5));
    /// ```
    fn then<S: Schedule>(self, steps: usize, next: S) -> Then<Self, S>
    where
        Self: Sized,
    {
        Then { first: self, steps, next }
    }
}

impl<F: Fn(usize) -> f64 + Send + Sync> Schedule for F {
    fn at(&self, step: usize) -> f64 {
        self(step)
    }
}

/// One schedule after another; see [`Schedule::then`].
#[derive(Clone, Debug)]
pub struct Then<A, B> {
    first: A,
    steps: usize,
    next: B,
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn at(&self, step: usize) -> f64 {
        match step.checked_sub(self.steps) {
            None => self.first.at(step),
            Some(step) => self.next.at(step),
        }
    }
}

/// The schedules that have a written form, for command lines and configuration files.
///
/// ```text
/// 0.5                           constant
/// linear:1.0->0.1@20000         a + (b − a) t
/// exponential:1.0->0.1@20000    a (b/a)ᵗ
/// cosine:1.0->0.1@20000         b + (a − b)(1 + cos πt)/2          t = min(step / steps, 1)
/// ```
///
/// Every form stays at its last value after `steps` steps. Reading and writing round-trip.
///
/// # Errors
/// [`Error::Syntax`] for a text of another form, a number that is not finite, no steps, or an exponential through 0 or
/// between signs.
///
/// # Examples
/// ```
/// use relaxit::{prelude::*, schedule::Anneal};
/// let temperature: Anneal = "exponential:1.0->0.1@20000".parse()?;
/// assert!((temperature.at(10_000) - 0.1_f64.sqrt()).abs() < 1e-12);
/// assert_eq!(temperature.to_string(), "exponential:1->0.1@20000");
/// # Ok::<(), relaxit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Anneal {
    /// The same at every step.
    Constant(f64),
    /// From one value to another along a curve, then constant.
    Towards {
        /// The shape of the way.
        curve: Curve,
        /// The value at step 0.
        start: f64,
        /// The value from step `steps` on.
        end: f64,
        /// How long the way takes; at least 1.
        steps: usize,
    },
}

/// The shape of an [`Anneal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// Equal differences.
    Linear,
    /// Equal ratios.
    Exponential,
    /// Half a cosine: flat at both ends.
    Cosine,
}

impl Curve {
    const NAMES: [(Self, &'static str); 3] =
        [(Self::Linear, "linear"), (Self::Exponential, "exponential"), (Self::Cosine, "cosine")];

    fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Exponential => "exponential",
            Self::Cosine => "cosine",
        }
    }
}

impl Anneal {
    /// The smallest and largest value over all steps: every curve is monotone, so its ends.
    ///
    /// # Examples
    /// ```
    /// use relaxit::schedule::Anneal;
    /// let anneal: Anneal = "linear:0->2@10".parse()?;
    /// assert_eq!(anneal.range(), (0.0, 2.0));
    /// # Ok::<(), relaxit::Error>(())
    /// ```
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        match *self {
            Self::Constant(value) => (value, value),
            Self::Towards { start, end, .. } => (start.min(end), start.max(end)),
        }
    }
}

impl Schedule for Anneal {
    fn at(&self, step: usize) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Towards { end, steps, .. } if step >= steps => end,
            Self::Towards { curve, start, end, steps } => {
                let t = step as f64 / steps as f64;
                match curve {
                    Curve::Linear => start + (end - start) * t,
                    Curve::Exponential => start * (end / start).powf(t),
                    Curve::Cosine => end + (start - end) * (1.0 + (std::f64::consts::PI * t).cos()) / 2.0,
                }
            }
        }
    }
}

impl fmt::Display for Anneal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value}"),
            Self::Towards { curve, start, end, steps } => write!(f, "{}:{start}->{end}@{steps}", curve.name()),
        }
    }
}

impl FromStr for Anneal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text.trim()).ok_or_else(|| Error::Syntax {
            subject: "schedule",
            requirement: "a number such as `0.5`, or `linear|exponential|cosine:START->END@STEPS` with finite numbers \
                          (for `exponential` both of one sign and not 0) and at least 1 step",
            got: text.into(),
        })
    }
}

fn parse(text: &str) -> Option<Anneal> {
    let finite = |number: &str| number.trim().parse().ok().filter(|value: &f64| value.is_finite());
    let Some((name, rest)) = text.split_once(':') else {
        return finite(text).map(Anneal::Constant);
    };
    let (curve, _) = *Curve::NAMES.iter().find(|(_, known)| *known == name.trim())?;
    let (values, steps) = rest.split_once('@')?;
    let (start, end) = values.split_once("->")?;
    let (start, end, steps) = (finite(start)?, finite(end)?, steps.trim().parse().ok()?);
    let passable = curve != Curve::Exponential || (start * end > 0.0 && (end / start).is_finite());
    (steps > 0 && passable).then_some(Anneal::Towards { curve, start, end, steps })
}

impl TryFrom<String> for Anneal {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Anneal> for String {
    fn from(anneal: Anneal) -> Self {
        anneal.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // of numbers that are exact
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_are_exact_and_the_middle_is_between() {
        for text in ["linear:1->0.1@10", "exponential:1->0.1@10", "cosine:1->0.1@10"] {
            let anneal: Anneal = text.parse().expect("a schedule");
            assert!((anneal.at(0) - 1.0).abs() < 1e-15, "{text}");
            assert!(anneal.at(10) == 0.1 && anneal.at(usize::MAX) == 0.1, "{text}");
            assert!((1..10).all(|step| anneal.at(step) < anneal.at(step - 1)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "x",
            "nan",
            "inf",
            "linear:1->2",
            "linear:1->2@0",
            "linear:1->2@-1",
            "quadratic:1->2@3",
            "exponential:0->1@3",
            "exponential:-1->1@3",
            "exponential:1->1e-320@3x",
            "linear:1@3",
        ] {
            assert!(matches!(text.parse::<Anneal>(), Err(Error::Syntax { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_round_trip(start in 1e-6..1e6, end in 1e-6..1e6, steps in 1_usize.., curve in 0..3_usize) {
            let anneal = Anneal::Towards { curve: Curve::NAMES[curve].0, start, end, steps };
            prop_assert_eq!(anneal.to_string().parse::<Anneal>(), Ok(anneal));
            prop_assert_eq!(Anneal::Constant(start).to_string().parse::<Anneal>(), Ok(Anneal::Constant(start)));
        }
    }
}
