//! Environments by name.

use std::fmt;
use std::str::FromStr;

use super::{
    Acrobot, EnvironmentOptions, Taxi, VectorEnvironment, VectorizedGymnasium, WorkerOptions, vectorized,
    vectorized_cart_pole,
};
use crate::error::{Error, Result};

/// The name of an environment: `cartpole`, `acrobot`, `taxi`, or what Gymnasium calls them; or `gym:ID` for any
/// environment of Gymnasium, run there.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::EnvironmentName;
/// let name: EnvironmentName = "Taxi-v4".parse()?;
/// assert_eq!(name, EnvironmentName::Taxi);
/// let name: EnvironmentName = "gym:LunarLander-v3".parse()?;
/// assert_eq!(name.to_string(), "gym:LunarLander-v3");
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EnvironmentName {
    /// [`CartPole`](super::CartPole), 500 steps at most.
    CartPole,
    /// [`Acrobot`], 500 steps at most.
    Acrobot,
    /// [`Taxi`], 200 steps at most.
    Taxi,
    /// The environment of this name in [Gymnasium](super::Gymnasium).
    Gymnasium(String),
}

impl EnvironmentName {
    /// As many of these environments as asked for, from the episodes of seeds 0, 1, 2, ….
    ///
    /// # Errors
    /// If `num_environments` is 0, the environment takes no such options, or Gymnasium cannot make it.
    pub fn make(&self, num_environments: usize, options: &EnvironmentOptions) -> Result<Box<dyn VectorEnvironment>> {
        Ok(match self {
            Self::CartPole => {
                options.refuse_all("cartpole")?;
                Box::new(vectorized_cart_pole::limited(num_environments)?)
            }
            Self::Acrobot => {
                options.refuse_all("acrobot")?;
                Box::new(vectorized::limited(Acrobot::new(), Acrobot::MAX_EPISODE_STEPS, num_environments)?)
            }
            Self::Taxi => Box::new(vectorized::limited(options.taxi()?, Taxi::MAX_EPISODE_STEPS, num_environments)?),
            Self::Gymnasium(id) => {
                let worker = WorkerOptions { keywords: options.clone(), ..WorkerOptions::default() };
                Box::new(VectorizedGymnasium::new(id, num_environments, &worker)?)
            }
        })
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CartPole => f.write_str("cartpole"),
            Self::Acrobot => f.write_str("acrobot"),
            Self::Taxi => f.write_str("taxi"),
            Self::Gymnasium(id) => write!(f, "gym:{id}"),
        }
    }
}

impl FromStr for EnvironmentName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "cartpole" | "CartPole-v1" => Ok(Self::CartPole),
            "acrobot" | "Acrobot-v1" => Ok(Self::Acrobot),
            "taxi" | "Taxi-v3" | "Taxi-v4" => Ok(Self::Taxi),
            _ if text.strip_prefix("gym:").is_some_and(|id| !id.is_empty()) => {
                Ok(Self::Gymnasium(text[4..].to_owned()))
            }
            _ => Err(relaxit::Error::Syntax {
                subject: "environment",
                requirement: "cartpole, acrobot, taxi, CartPole-v1, Acrobot-v1, Taxi-v3, Taxi-v4 or gym:ID",
                got: text.to_owned(),
            }
            .into()),
        }
    }
}

/// As many environments called `name` as asked for, with the limit that belongs to the task and no other
/// [options](EnvironmentOptions).
///
/// # Errors
/// If there is no such environment, it cannot be made, or `num_environments` is 0.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::make;
/// assert_eq!(make("Acrobot-v1", 4)?.num_actions(), 3);
/// assert!(make("acrobat", 4).is_err());
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
pub fn make(name: &str, num_environments: usize) -> Result<Box<dyn VectorEnvironment>> {
    name.parse::<EnvironmentName>()?.make(num_environments, &EnvironmentOptions::default())
}
