//! Keyword arguments of an environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Taxi;
use crate::error::Result;

/// Keyword arguments of an environment, as Gymnasium calls them: JSON values by name.
///
/// ```text
/// taxi        is_rainy, fickle_passenger: true or false
///             rainy_probability, fickle_probability: in [0, 1], with the option they belong to
/// gym:ID      whatever Gymnasium's environment of that name takes
/// ```
///
/// Each is written `NAME=JSON`, on the command line as in files.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{EnvironmentName, EnvironmentOptions};
/// let rain = EnvironmentOptions::new(["is_rainy=true"])?;
/// let mut taxis = EnvironmentName::Taxi.make(8, &rain)?;
/// taxis.step(&[0; 8])?;
/// assert_eq!(taxis.steps().rewards, [-1.0; 8]);
///
/// let refused = EnvironmentName::Taxi.make(8, &EnvironmentOptions::new(["is_sunny=true"])?);
/// assert!(refused.err().is_some_and(|error| error.to_string().contains("is_rainy, fickle_passenger")));
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct EnvironmentOptions(BTreeMap<String, Value>);

impl EnvironmentOptions {
    /// The options written as `assignments`, each `NAME=JSON`.
    ///
    /// # Errors
    /// If one is not written so, or a name comes twice.
    pub fn new(assignments: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut options = BTreeMap::new();
        for assignment in assignments {
            let assignment = assignment.as_ref();
            let refuse = |requirement| refusal("environment option", requirement, assignment.to_owned());
            let (name, value) = assignment.split_once('=').unwrap_or_default();
            if name.is_empty() {
                return Err(refuse("NAME=JSON"));
            }
            let Ok(value) = serde_json::from_str(value) else {
                return Err(refuse("NAME=JSON, as in is_rainy=true, gravity=-5.0 or map_name=\"8x8\""));
            };
            if options.insert(name.to_owned(), value).is_some() {
                return Err(refuse("each name once"));
            }
        }
        Ok(Self(options))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each as `NAME=JSON`, in the order of their names.
    pub fn assignments(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}"))
    }

    pub(super) const fn values(&self) -> &BTreeMap<String, Value> {
        &self.0
    }

    /// Refuses all, for an environment that takes none.
    pub(crate) fn refuse_all(&self, environment: &'static str) -> Result<()> {
        self.assignments().next().map_or(Ok(()), |got| Err(refusal(environment, "no options", got)))
    }

    /// The taxi that they ask for.
    pub(crate) fn taxi(&self) -> Result<Taxi> {
        const NAMES: [&str; 4] = ["is_rainy", "fickle_passenger", "rainy_probability", "fickle_probability"];
        let unknown = |(name, _): &(&String, _)| !NAMES.contains(&name.as_str());
        if let Some((name, value)) = self.0.iter().find(unknown) {
            let requirement = "one of the options is_rainy, fickle_passenger, rainy_probability, fickle_probability";
            return Err(refusal("taxi", requirement, format!("{name}={value}")));
        }
        let rain = self.probability("is_rainy", "rainy_probability", 0.8)?;
        let fickleness = self.probability("fickle_passenger", "fickle_probability", 0.3)?;
        let taxi = Taxi::new();
        let taxi = rain.map_or(Ok(taxi.clone()), |probability| taxi.with_rain(probability))?;
        fickleness.map_or(Ok(taxi.clone()), |probability| taxi.with_fickle_passenger(probability))
    }

    /// The probability of what `flag` asks for.
    fn probability(&self, flag: &str, name: &str, default: f64) -> Result<Option<f64>> {
        let refuse =
            |name: &str, value: &Value, requirement| Err(refusal("taxi", requirement, format!("{name}={value}")));
        let asked = match self.0.get(flag) {
            None => false,
            Some(Value::Bool(asked)) => *asked,
            Some(value) => return refuse(flag, value, "true or false"),
        };
        match self.0.get(name) {
            None => Ok(asked.then_some(default)),
            Some(value) if !asked => refuse(name, value, "a probability of what is_rainy or fickle_passenger asks for"),
            Some(value) => match value.as_f64().filter(|probability| (0.0..=1.0).contains(probability)) {
                None => refuse(name, value, "a probability in [0, 1]"),
                probability => Ok(probability),
            },
        }
    }
}

fn refusal(subject: &'static str, requirement: &'static str, got: String) -> crate::Error {
    relaxit::Error::Syntax { subject, requirement, got }.into()
}

impl TryFrom<Vec<String>> for EnvironmentOptions {
    type Error = crate::Error;

    fn try_from(assignments: Vec<String>) -> Result<Self> {
        Self::new(assignments)
    }
}

impl From<EnvironmentOptions> for Vec<String> {
    fn from(options: EnvironmentOptions) -> Self {
        options.assignments().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taxi(assignments: &[&str]) -> Result<Taxi> {
        EnvironmentOptions::new(assignments)?.taxi()
    }

    #[test]
    fn options_make_the_taxi_that_they_name() -> Result<()> {
        assert_eq!(taxi(&[])?, Taxi::new());
        assert_eq!(taxi(&["is_rainy=false", "fickle_passenger=false"])?, Taxi::new());
        assert_eq!(taxi(&["is_rainy=true"])?, Taxi::new().with_rain(0.8)?);
        assert_eq!(taxi(&["fickle_passenger=true"])?, Taxi::new().with_fickle_passenger(0.3)?);
        assert_eq!(
            taxi(&["is_rainy=true", "rainy_probability=1", "fickle_passenger=true", "fickle_probability=0.5"])?,
            Taxi::new().with_rain(1.0)?.with_fickle_passenger(0.5)?
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused_by_name_and_value() {
        for (assignments, expected) in [
            (&["is_rainy"][..], "`is_rainy`"),
            (&["=true"], "`=true`"),
            (&["is_rainy=yes"], "`is_rainy=yes`"),
            (&["rainy_probability=NaN"], "`rainy_probability=NaN`"),
            (&["rainy_probability=1e999"], "`rainy_probability=1e999`"),
            (&["is_rainy=true", "is_rainy=false"], "`is_rainy=false`"),
            (&["is_rainy=1"], "true or false, got `is_rainy=1`"),
            (&["is_sunny=true"], "fickle_passenger, rainy_probability, fickle_probability, got `is_sunny=true`"),
            (&["is_rainy=true", "rainy_probability=1.5"], "in [0, 1], got `rainy_probability=1.5`"),
            (&["is_rainy=true", "rainy_probability=\"0.5\""], "in [0, 1], got `rainy_probability=\"0.5\"`"),
            (&["fickle_passenger=false", "fickle_probability=0.5"], "got `fickle_probability=0.5`"),
        ] {
            let error = taxi(assignments).expect_err("a refusal").to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = EnvironmentOptions::new(["gravity=3"]).and_then(|options| options.refuse_all("acrobot"));
        assert!(error.is_err_and(|error| error.to_string().contains("no options, got `gravity=3`")));
    }

    #[test]
    fn files_hold_them_as_they_are_written() {
        let written = ["desc=[\"SF\",\"FG\"]", "gravity=-5.0", "map_name=null", "seed=18446744073709551615"];
        let options = EnvironmentOptions::new(written).expect("options");
        let text = serde_json::to_string(&options).expect("JSON");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("a list"), written);
        assert_eq!(serde_json::from_str::<EnvironmentOptions>(&text).expect("the same"), options);
        assert!(serde_json::from_str::<EnvironmentOptions>("[\"gravity\"]").is_err());
    }
}
