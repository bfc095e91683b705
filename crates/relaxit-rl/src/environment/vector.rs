//! Many environments at once: what agents train on.

use super::Space;
use crate::error::Result;
use crate::snapshot::Snapshot;

/// Many environments of one kind, stepped together; an episode that ends is followed by another in the same step.
///
/// This is Gymnasium's autoreset mode `SAME_STEP`: where an episode [ended](Steps::ended), the observation is the first
/// of the next episode, and the one that ended the episode is in [`Steps::final_observations`]. No step is wasted, and
/// none must be masked out. The next episode continues the environment's own random numbers, as in Gymnasium.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::make;
/// let mut environments = make("cartpole", 2)?;
/// environments.reset(&[0, 1])?;
/// for _ in 0..100 {
///     environments.step(&[0, 1])?;
/// }
/// assert_eq!(environments.steps().rewards, [1.0, 1.0]);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
pub trait VectorEnvironment: Send {
    /// How many environments there are.
    fn num_environments(&self) -> usize;

    /// The values that one environment's observations take.
    fn observation_space(&self) -> &Space;

    /// How many actions each has.
    fn num_actions(&self) -> usize;

    /// Starts the episodes of `seeds`.
    ///
    /// # Errors
    /// If an environment fails.
    ///
    /// # Panics
    /// If there is not one seed for each environment.
    fn reset(&mut self, seeds: &[u64]) -> Result<()>;

    /// Acts in all of them.
    ///
    /// # Errors
    /// If an environment fails.
    ///
    /// # Panics
    /// If there is not one action for each environment, or one is not below [`num_actions`](Self::num_actions).
    fn step(&mut self, actions: &[usize]) -> Result<()>;

    /// What the last step, or reset, led to.
    fn steps(&self) -> &Steps;

    /// The whole state, so that a run can be continued to the same bits, or `None` if it cannot be had.
    fn save(&self) -> Option<Snapshot>;

    /// Goes back to the state of `snapshot`; the observations and masks in [`steps`](Self::steps) are those of then.
    ///
    /// # Errors
    /// If the snapshot is not one of as many such environments.
    fn load(&mut self, snapshot: &Snapshot) -> Result<()>;
}

impl<E: VectorEnvironment + ?Sized> VectorEnvironment for &mut E {
    fn num_environments(&self) -> usize {
        (**self).num_environments()
    }

    fn observation_space(&self) -> &Space {
        (**self).observation_space()
    }

    fn num_actions(&self) -> usize {
        (**self).num_actions()
    }

    fn reset(&mut self, seeds: &[u64]) -> Result<()> {
        (**self).reset(seeds)
    }

    fn step(&mut self, actions: &[usize]) -> Result<()> {
        (**self).step(actions)
    }

    fn steps(&self) -> &Steps {
        (**self).steps()
    }

    fn save(&self) -> Option<Snapshot> {
        (**self).save()
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<()> {
        (**self).load(snapshot)
    }
}

/// What one step of `B` environments led to, each array row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// What is seen now, `[B, width]`: the first observation of the next episode, where one ended. A
    /// [discrete](Space::Discrete) observation is its number.
    pub observations: Vec<f32>,
    /// What was seen at the end of the episodes that ended, `[B, width]`; the other rows mean nothing.
    pub final_observations: Vec<f32>,
    /// What the actions were worth, `[B]`.
    pub rewards: Vec<f64>,
    /// Which episodes are over, with no reward to follow, `[B]`.
    pub terminated: Vec<bool>,
    /// Which episodes were cut off: bootstrap from their final observations, unless they are terminated too. `[B]`.
    pub truncated: Vec<bool>,
    /// Which actions make sense now, `[B, A]`, if some ever do not.
    pub masks: Option<Vec<bool>>,
}

impl Steps {
    pub(super) fn new(num_environments: usize, space: &Space, masked_actions: Option<usize>) -> Self {
        let observations = vec![0.0; num_environments * space.width()];
        Self {
            final_observations: observations.clone(),
            observations,
            rewards: vec![0.0; num_environments],
            terminated: vec![false; num_environments],
            truncated: vec![false; num_environments],
            masks: masked_actions.map(|actions| vec![true; num_environments * actions]),
        }
    }

    /// Whether the episode of environment `i` ended in this step.
    ///
    /// # Panics
    /// If there is no such environment.
    pub fn ended(&self, i: usize) -> bool {
        self.terminated[i] || self.truncated[i]
    }

    /// After a reset nothing has been earned or ended.
    pub(super) fn clear(&mut self) {
        self.rewards.fill(0.0);
        self.terminated.fill(false);
        self.truncated.fill(false);
    }
}
