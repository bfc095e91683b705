//! What an agent is made of.

use std::fmt;
use std::str::FromStr;

use relaxit::Error;
use relaxit::schedule::{Anneal, Schedule};
use serde::{Deserialize, Serialize};

/// How the policy's gradient is estimated: all that one agent has different from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// The score function with whole returns.
    Reinforce,
    /// The same with a learned value of the state taken off.
    ReinforceBaseline,
    /// The score function with generalised advantages: actor and critic.
    A2c,
    /// A free control variate of state and relaxed action, trained on the variance of the gradient that is applied.
    Relax,
    /// A critic at the relaxed action as control variate, its scale and temperature trained in the same way.
    Rebar,
    /// A critic differentiated through a hard action, whose backward pass has a temperature of its own.
    Decoupled,
}

impl Algorithm {
    /// All of them, in the order of their papers.
    pub const ALL: [Self; 6] =
        [Self::Reinforce, Self::ReinforceBaseline, Self::A2c, Self::Relax, Self::Rebar, Self::Decoupled];

    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reinforce => "reinforce",
            Self::ReinforceBaseline => "reinforce-baseline",
            Self::A2c => "a2c",
            Self::Relax => "relax",
            Self::Rebar => "rebar",
            Self::Decoupled => "decoupled",
        }
    }

    /// Whether it learns values of states: [`AgentConfig::critic_learning_rate`] is for these alone.
    #[must_use]
    pub const fn has_critic(self) -> bool {
        !matches!(self, Self::Reinforce)
    }

    /// Whether it relaxes actions, with a network at the relaxed ones: [`AgentConfig::temperature`] and
    /// [`AgentConfig::control_learning_rate`] are for these alone.
    #[must_use]
    pub const fn relaxes(self) -> bool {
        matches!(self, Self::Relax | Self::Rebar | Self::Decoupled)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no agent is called `{text}`; there are {names}")
        })
    }
}

/// What one update learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collection {
    /// One whole episode of every environment: with λ = 1 the gradient has no bias from the critic.
    Episodes,
    /// So many steps of every environment, wherever its episode stands; what comes after is worth what the critic says.
    Segment(usize),
}

/// Everything that makes an agent, beside its environment and its seed.
///
/// # Examples
/// ```
/// use relaxit_rl::agent::{AgentConfig, Algorithm};
/// let config = AgentConfig { hidden: 32, ..AgentConfig::new(Algorithm::Relax) };
/// assert!(config.check().is_ok());
/// assert!(AgentConfig { discount: 1.5, ..config }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// The gradient estimator.
    pub algorithm: Algorithm,
    /// What one update learns from.
    pub collection: Collection,
    /// Hidden units of each network.
    pub hidden: usize,
    /// `γ`, in [0, 1].
    pub discount: f64,
    /// `λ` of the generalised advantages, in [0, 1]; 1 gives whole returns.
    pub lambda: f64,
    /// The weight of the policy's entropy, at each update.
    pub entropy: Anneal,
    /// The policy's learning rate, at each update.
    pub learning_rate: Anneal,
    /// The critic's learning rate.
    pub critic_learning_rate: f64,
    /// Steps of the critic on each batch.
    pub critic_steps: usize,
    /// The control variate's learning rate.
    pub control_learning_rate: f64,
    /// The largest norm of an applied gradient.
    pub max_gradient_norm: f64,
    /// The temperature of relaxed actions; of the backward pass alone for [`Algorithm::Decoupled`].
    pub temperature: f64,
}

impl AgentConfig {
    /// Sensible values for `algorithm` on a small control problem.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        let segments = matches!(algorithm, Algorithm::A2c | Algorithm::Decoupled);
        Self {
            algorithm,
            collection: if segments { Collection::Segment(32) } else { Collection::Episodes },
            hidden: 64,
            discount: 0.99,
            lambda: if segments { 0.95 } else { 1.0 },
            entropy: Anneal::Constant(0.01),
            learning_rate: Anneal::Constant(3e-3),
            critic_learning_rate: 5e-3,
            critic_steps: 8,
            control_learning_rate: if algorithm == Algorithm::Decoupled { 1e-2 } else { 3e-3 },
            max_gradient_norm: 1.0,
            temperature: 1.0,
        }
    }

    /// Refuses what no agent can work with.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the first field that is out of its range.
    pub fn check(&self) -> Result<(), Error> {
        let refuse =
            |parameter, requirement, got| Err(Error::Parameter { subject: "AgentConfig", parameter, requirement, got });
        let unit = |value: f64| (0.0..=1.0).contains(&value);
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let (lowest_rate, highest_rate) = self.learning_rate.range();
        let (lowest_entropy, highest_entropy) = self.entropy.range();
        match self {
            Self { hidden: 0, .. } => refuse("hidden", "at least 1", 0.0),
            Self { collection: Collection::Segment(0), .. } => {
                refuse("collection", "a segment of at least 1 step", 0.0)
            }
            Self { discount, .. } if !unit(*discount) => refuse("discount", "in [0, 1]", *discount),
            Self { lambda, .. } if !unit(*lambda) => refuse("lambda", "in [0, 1]", *lambda),
            _ if !(lowest_rate >= 0.0 && highest_rate <= 1.0) => {
                refuse("learning_rate", "in [0, 1] at every step", self.learning_rate.at(0))
            }
            _ if !(lowest_entropy >= 0.0 && highest_entropy.is_finite()) => {
                refuse("entropy", "finite and not negative", self.entropy.at(0))
            }
            Self { critic_learning_rate: rate, .. } if !positive(*rate) => {
                refuse("critic_learning_rate", "positive and finite", *rate)
            }
            Self { control_learning_rate: rate, .. } if !positive(*rate) => {
                refuse("control_learning_rate", "positive and finite", *rate)
            }
            Self { max_gradient_norm: norm, .. } if !positive(*norm) => {
                refuse("max_gradient_norm", "positive and finite", *norm)
            }
            Self { temperature, .. } if !(1e-3..=1e3).contains(temperature) => {
                refuse("temperature", "in [0.001, 1000]", *temperature)
            }
            _ => Ok(()),
        }
    }
}
