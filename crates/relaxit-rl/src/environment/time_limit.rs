//! Truncation.

use super::{Environment, Space, Step};
use crate::error::Result;
use crate::snapshot::{Snapshot, SnapshotReader};

/// An environment whose episodes are cut off after a number of steps: Gymnasium's `TimeLimit`.
///
/// It says `truncated`, and leaves `terminated` to the environment: at the limit both may be true, and then there is no
/// future to bootstrap from. No environment of this crate truncates by itself.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{CartPole, Environment, TimeLimit};
/// let mut environment = TimeLimit::new(CartPole::new(), 2)?;
/// assert!(!environment.step(0)?.truncated);
/// let last = environment.step(1)?;
/// assert!(last.truncated && !last.terminated);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TimeLimit<E> {
    environment: E,
    max_episode_steps: u64,
    elapsed: u64,
}

impl<E> TimeLimit<E> {
    /// Cuts off the episodes of `environment`, which stands at the start of one.
    ///
    /// # Errors
    /// If `max_episode_steps` is 0.
    pub fn new(environment: E, max_episode_steps: u64) -> Result<Self> {
        if max_episode_steps == 0 {
            return Err(relaxit::Error::Parameter {
                subject: "TimeLimit",
                parameter: "max_episode_steps",
                requirement: "at least 1",
                got: 0.0,
            }
            .into());
        }
        Ok(Self { environment, max_episode_steps, elapsed: 0 })
    }

    /// The environment within.
    pub const fn environment(&self) -> &E {
        &self.environment
    }

    /// The environment within, to change its state.
    pub const fn environment_mut(&mut self) -> &mut E {
        &mut self.environment
    }
}

impl<E: Environment> Environment for TimeLimit<E> {
    type Observation = E::Observation;

    fn observation_space(&self) -> Space {
        self.environment.observation_space()
    }

    fn num_actions(&self) -> usize {
        self.environment.num_actions()
    }

    fn reset(&mut self, seed: u64) -> Result<E::Observation> {
        self.elapsed = 0;
        self.environment.reset(seed)
    }

    fn restart(&mut self) -> Result<E::Observation> {
        self.elapsed = 0;
        self.environment.restart()
    }

    fn step(&mut self, action: usize) -> Result<Step<E::Observation>> {
        let step = self.environment.step(action)?;
        self.elapsed += 1;
        Ok(Step { truncated: step.truncated || self.elapsed >= self.max_episode_steps, ..step })
    }

    fn masks_actions(&self) -> bool {
        self.environment.masks_actions()
    }

    fn action_mask(&self, allowed: &mut [bool]) {
        self.environment.action_mask(allowed);
    }

    fn save(&self, snapshot: &mut Snapshot) -> bool {
        snapshot.push(self.elapsed);
        self.environment.save(snapshot)
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<E::Observation> {
        let elapsed = snapshot.pop()?;
        let observation = self.environment.load(snapshot)?;
        self.elapsed = elapsed;
        Ok(observation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::CartPole;

    /// The number of steps left, and the last of them.
    fn run<E: Environment>(environment: &mut E) -> (u64, Step<E::Observation>) {
        for elapsed in 1..1000 {
            let step = environment.step(0).expect("infallible");
            if step.ended() {
                return (elapsed, step);
            }
        }
        panic!("the episode does not end");
    }

    #[test]
    fn wrappers_compose_and_the_shorter_limit_wins() {
        for (inner, outer) in [(3, 5), (5, 3)] {
            let limited = TimeLimit::new(CartPole::new(), inner).expect("positive");
            let mut environment = TimeLimit::new(limited, outer).expect("positive");
            assert_eq!(run(&mut environment).0, 3);
            environment.restart().expect("infallible");
            assert_eq!(run(&mut environment).0, 3);
        }
    }

    #[test]
    fn a_fall_at_the_limit_is_both() {
        let (fall, _) = run(&mut CartPole::new());
        for (limit, truncated) in [(fall, true), (fall + 1, false)] {
            let (_, last) = run(&mut TimeLimit::new(CartPole::new(), limit).expect("positive"));
            assert_eq!((last.terminated, last.truncated), (true, truncated));
        }
    }
}
