//! What an agent acts in: the trait, the environments and their wrappers.
//!
//! | environment | in Gymnasium | observation | actions | episode ends |
//! |---|---|---|---|---|
//! | [`CartPole`] | `CartPole-v1` | 4 numbers | 2 | pole or cart too far off; 500 steps |
//! | [`Acrobot`] | `Acrobot-v1` | 6 numbers | 3 | free end swung up; 500 steps |
//! | [`Taxi`] | `Taxi-v3`, `Taxi-v4` | one of 500 | 6, masked | passenger delivered; 200 steps |
//! | [`Gymnasium`] | any with discrete actions | any of fixed size | any number | as there |
//!
//! [`TimeLimit`] truncates the episodes of any of them; wrappers compose. [`Vectorized`] steps many at once, and [`make`]
//! does so by name: that is what agents train on ([`VectorEnvironment`]). [`EnvironmentOptions`] are what some of them take
//! beside their name.

mod acrobot;
mod cart_pole;
mod gymnasium;
mod name;
mod options;
mod space;
pub(crate) mod taxi;
mod time_limit;
mod vector;
mod vectorized;
mod vectorized_cart_pole;

pub use self::acrobot::Acrobot;
pub use self::cart_pole::CartPole;
pub use self::gymnasium::{Gymnasium, VectorizedGymnasium, WorkerOptions};
pub use self::name::{EnvironmentName, make};
pub use self::options::EnvironmentOptions;
pub use self::space::{Observation, Space};
pub use self::taxi::{Taxi, TaxiState, Transition};
pub use self::time_limit::TimeLimit;
pub use self::vector::{Steps, VectorEnvironment};
pub use self::vectorized::Vectorized;
pub use self::vectorized_cart_pole::VectorizedCartPole;
use crate::error::Result;
use crate::snapshot::{Snapshot, SnapshotReader};

/// What one action led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<O> {
    /// What is seen afterwards.
    pub observation: O,
    /// What the action was worth.
    pub reward: f64,
    /// Whether the episode is over, and no reward can follow.
    pub terminated: bool,
    /// Whether the episode is cut off here, though rewards could follow: bootstrap from `observation`.
    pub truncated: bool,
}

impl<O> Step<O> {
    /// Whether the episode is over, for whatever reason.
    pub const fn ended(&self) -> bool {
        self.terminated || self.truncated
    }
}

/// A Markov decision process with a few actions, seen one step at a time.
///
/// A new environment stands at the start of the episode of seed 0, so there is no order of calls to get wrong. After
/// the end of an episode call [`reset`](Self::reset) or [`restart`](Self::restart); a step beyond it is allowed, and
/// worth whatever the environment says.
///
/// An environment that cannot fail returns `Ok`.
pub trait Environment {
    /// What the agent sees.
    type Observation: Observation;

    /// The values that observations take.
    fn observation_space(&self) -> Space;

    /// How many actions there are.
    fn num_actions(&self) -> usize;

    /// Starts the episode of `seed`: equal seeds, equal episodes under equal actions.
    ///
    /// # Errors
    /// If the environment fails.
    fn reset(&mut self, seed: u64) -> Result<Self::Observation>;

    /// Starts another episode, with the random numbers that follow.
    ///
    /// # Errors
    /// If the environment fails.
    fn restart(&mut self) -> Result<Self::Observation>;

    /// Acts.
    ///
    /// # Errors
    /// If the environment fails.
    ///
    /// # Panics
    /// If `action` is not below [`num_actions`](Self::num_actions).
    fn step(&mut self, action: usize) -> Result<Step<Self::Observation>>;

    /// Whether there are states in which some actions make no sense.
    fn masks_actions(&self) -> bool {
        false
    }

    /// Writes to `allowed`, one entry for each action, which actions make sense now: all of them, unless the
    /// environment knows better. The others may be taken too; they do nothing good.
    fn action_mask(&self, allowed: &mut [bool]) {
        allowed.fill(true);
    }

    /// Writes the whole state, so that a run can be continued to the same bits, and returns true; or returns false if
    /// this environment cannot be saved.
    fn save(&self, snapshot: &mut Snapshot) -> bool {
        let _ = snapshot;
        false
    }

    /// Reads what [`save`](Self::save) wrote, and returns what is seen in that state.
    ///
    /// # Errors
    /// If the snapshot is not one of this environment, or the environment cannot be saved.
    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<Self::Observation> {
        Err(snapshot.refuse("nothing: this environment cannot be saved"))
    }
}
