//! Any environment, many times.

use super::{Environment, Observation, Space, Steps, TimeLimit, VectorEnvironment};
use crate::error::Result;
use crate::snapshot::Snapshot;

/// Many copies of any environment, stepped together.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{Taxi, TimeLimit, VectorEnvironment, Vectorized};
/// let taxi = TimeLimit::new(Taxi::new().with_rain(0.8)?, Taxi::MAX_EPISODE_STEPS)?;
/// let mut environments = Vectorized::new(vec![taxi; 8])?;
/// environments.reset(&[0, 1, 2, 3, 4, 5, 6, 7])?;
/// environments.step(&[0; 8])?;
/// assert_eq!(environments.steps().rewards, [-1.0; 8]);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vectorized<E> {
    environments: Vec<E>,
    space: Space,
    num_actions: usize,
    steps: Steps,
}

impl<E: Environment> Vectorized<E> {
    /// Steps `environments` together, from the episodes of seeds 0, 1, 2, ….
    ///
    /// # Errors
    /// If there are none, or one fails to start.
    pub fn new(environments: Vec<E>) -> Result<Self> {
        let Some(first) = environments.first() else {
            return Err(relaxit::Error::Parameter {
                subject: "Vectorized",
                parameter: "num_environments",
                requirement: "at least 1",
                got: 0.0,
            }
            .into());
        };
        let (space, num_actions) = (first.observation_space(), first.num_actions());
        let steps = Steps::new(environments.len(), &space, first.masks_actions().then_some(num_actions));
        let mut vectorized = Self { environments, space, num_actions, steps };
        let seeds: Vec<u64> = (0..vectorized.environments.len() as u64).collect();
        vectorized.start(&seeds)?;
        Ok(vectorized)
    }

    fn start(&mut self, seeds: &[u64]) -> Result<()> {
        assert_eq!(seeds.len(), self.environments.len(), "Vectorized: as many `seeds` as environments");
        self.steps.clear();
        let rows = self.steps.observations.chunks_exact_mut(self.space.width());
        for ((environment, row), &seed) in self.environments.iter_mut().zip(rows).zip(seeds) {
            environment.reset(seed)?.write(row);
        }
        self.write_masks();
        Ok(())
    }

    fn write_masks(&mut self) {
        let Some(masks) = &mut self.steps.masks else { return };
        for (environment, allowed) in self.environments.iter().zip(masks.chunks_exact_mut(self.num_actions)) {
            environment.action_mask(allowed);
        }
    }
}

impl<E: Environment + Send> VectorEnvironment for Vectorized<E> {
    fn num_environments(&self) -> usize {
        self.environments.len()
    }

    fn observation_space(&self) -> &Space {
        &self.space
    }

    fn num_actions(&self) -> usize {
        self.num_actions
    }

    fn reset(&mut self, seeds: &[u64]) -> Result<()> {
        self.start(seeds)
    }

    fn step(&mut self, actions: &[usize]) -> Result<()> {
        assert_eq!(actions.len(), self.environments.len(), "Vectorized: as many `actions` as environments");
        let width = self.space.width();
        for (i, (environment, &action)) in self.environments.iter_mut().zip(actions).enumerate() {
            let step = environment.step(action)?;
            self.steps.rewards[i] = step.reward;
            self.steps.terminated[i] = step.terminated;
            self.steps.truncated[i] = step.truncated;
            let row = i * width..(i + 1) * width;
            let seen = if step.ended() {
                step.observation.write(&mut self.steps.final_observations[row.clone()]);
                environment.restart()?
            } else {
                step.observation
            };
            seen.write(&mut self.steps.observations[row]);
        }
        self.write_masks();
        Ok(())
    }

    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn save(&self) -> Option<Snapshot> {
        let mut snapshot = Snapshot::default();
        for environment in &self.environments {
            if !environment.save(&mut snapshot) {
                return None;
            }
        }
        Some(snapshot)
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut reader = snapshot.reader("Vectorized");
        self.steps.clear();
        let rows = self.steps.observations.chunks_exact_mut(self.space.width());
        for (environment, row) in self.environments.iter_mut().zip(rows) {
            environment.load(&mut reader)?.write(row);
        }
        reader.finish()?;
        self.write_masks();
        Ok(())
    }
}

/// As many copies as asked for, each with its limit.
pub(super) fn limited<E: Environment + Clone>(
    environment: E,
    max_episode_steps: u64,
    num_environments: usize,
) -> Result<Vectorized<TimeLimit<E>>> {
    Vectorized::new(vec![TimeLimit::new(environment, max_episode_steps)?; num_environments])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Acrobot, Taxi};
    use crate::random::Generator;

    /// One environment alone, and what must be seen of it among others.
    fn agrees_with_one_alone<E: Environment + Clone + Send>(environment: &E) {
        let mut many = Vectorized::new(vec![environment.clone(); 3]).expect("some");
        many.reset(&[5, 6, 7]).expect("infallible");
        let (width, actions) = (many.observation_space().width(), many.num_actions());
        let mut ended = 0;
        for i in 0..3 {
            let mut alone = environment.clone();
            let (mut seen, mut mask) = (vec![0.0; width], vec![true; actions]);
            alone.reset(5 + i as u64).expect("infallible").write(&mut seen);
            many.reset(&[5, 6, 7]).expect("infallible");
            let mut random = Generator::seeded(0);
            for _ in 0..300 {
                let steps = many.steps().clone();
                assert_eq!(steps.observations[i * width..][..width], seen);
                alone.action_mask(&mut mask);
                assert_eq!(steps.masks.is_some(), alone.masks_actions());
                assert!(steps.masks.is_none_or(|masks| masks[i * actions..][..actions] == mask));

                let chosen: Vec<usize> = (0..3).map(|_| random.choice(&[0, 1, 2])).collect();
                many.step(&chosen).expect("infallible");
                let step = alone.step(chosen[i]).expect("infallible");
                let steps = many.steps();
                assert_eq!(steps.rewards[i].to_bits(), step.reward.to_bits());
                assert_eq!((steps.terminated[i], steps.truncated[i]), (step.terminated, step.truncated));
                step.observation.write(&mut seen);
                if step.ended() {
                    ended += 1;
                    assert_eq!(steps.final_observations[i * width..][..width], seen);
                    alone.restart().expect("infallible").write(&mut seen);
                }
            }
        }
        assert!(ended >= 9);
    }

    #[test]
    fn each_of_many_is_as_if_it_were_alone() {
        agrees_with_one_alone(&TimeLimit::new(Acrobot::new(), 50).expect("positive"));
        let taxi = Taxi::new().with_rain(0.8).and_then(|taxi| taxi.with_fickle_passenger(0.3)).expect("probabilities");
        agrees_with_one_alone(&TimeLimit::new(taxi, 50).expect("positive"));
    }
}
