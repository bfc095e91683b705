//! Reinforcement learning with discrete actions, on [relaxit].
//!
//! An agent that chooses among a few actions learns through a discrete random variable, and every gradient estimator of
//! relaxit is a way to do it. This crate brings what the choice is judged by: environments that give the same numbers
//! as Gymnasium, bit for bit, at many times its speed.
//!
//! ```
//! use relaxit_rl::environment::{CartPole, Environment, TimeLimit};
//!
//! let mut environment = TimeLimit::new(CartPole::new(), CartPole::MAX_EPISODE_STEPS)?;
//! let mut observation = environment.reset(0)?;
//! let mut episode_return = 0.0;
//! loop {
//!     let action = usize::from(observation[2] + 0.5 * observation[3] > 0.0); // push to where the pole falls
//!     let step = environment.step(action)?;
//!     episode_return += step.reward;
//!     observation = step.observation;
//!     if step.ended() {
//!         break;
//!     }
//! }
//! assert_eq!(episode_return, 500.0);
//! # Ok::<(), relaxit_rl::Error>(())
//! ```
//!
//! # The map
//! 1. [`random`]: NumPy's seeding and generator, so that a seed starts the episode that it starts in Gymnasium;
//! 2. [`environment`]: the trait [`Environment`](environment::Environment), the environments, their wrappers;
//! 3. [`check`]: the laws of an environment, to hold your own to;
//! 4. [`agent`]: policies, and the gradient estimators they learn by;
//! 5. [`render`]: episodes to look at.
//!
//! # Conventions
//! An action is a number below [`num_actions`](environment::Environment::num_actions). An episode ends *terminated*
//! (there is no future) or *truncated* (there is one, but we stop looking); a wrapper alone truncates. Rewards are `f64`,
//! observations `f32`, as in Gymnasium. Bad input is refused by constructors with an [`Error`] that names parameter,
//! value and range.

mod error;
pub mod reference;
mod snapshot;

pub mod random;

pub mod environment;

pub mod check;
pub mod render;

pub mod agent;

pub use crate::error::{Error, Result};
pub use crate::snapshot::{Snapshot, SnapshotReader};
