//! One error type for every door of the crate.

/// Why a door of this crate refused its input, or why an environment failed.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{CartPole, TimeLimit};
/// let error = TimeLimit::new(CartPole::new(), 0).unwrap_err();
/// assert_eq!(error.to_string(), "TimeLimit: `max_episode_steps` must be at least 1, got 0");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A parameter lies outside its accepted range, or a text cannot be read.
    #[error(transparent)]
    Parameter(#[from] relaxit::Error),
    /// A snapshot does not fit the environment that should be restored from it.
    #[error("{subject}: the snapshot must hold {requirement}")]
    Snapshot {
        /// The type that refused.
        subject: &'static str,
        /// What is accepted.
        requirement: &'static str,
    },
    /// An environment could not go on.
    #[error("environment `{name}`: {problem}")]
    Environment {
        /// The environment's name.
        name: String,
        /// What happened.
        problem: String,
    },
    /// Parameters or an optimiser cannot be written, or do not fit the agent that should take them.
    #[error("agent: {0}")]
    Record(String),
    /// The policy's gradient is infinite or NaN.
    #[error("agent: training diverged, the gradient of update {update} is not finite; lower the learning rate")]
    Diverged {
        /// Updates made before.
        update: usize,
    },
}

impl Error {
    /// What Burn says of a record.
    pub(crate) fn record(error: impl std::fmt::Display) -> Self {
        Self::Record(error.to_string())
    }
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
