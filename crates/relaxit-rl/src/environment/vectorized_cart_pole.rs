//! CartPole, many times, in struct-of-arrays form.

use super::cart_pole::{self, CartPole};
use super::{Space, Steps, VectorEnvironment};
use crate::error::Result;
use crate::random::Generator;
use crate::snapshot::Snapshot;

/// Many [`CartPole`]s with a limit to their episodes: the numbers of `Vectorized<TimeLimit<CartPole>>`, bit for bit,
/// several times as fast.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{VectorEnvironment, VectorizedCartPole};
/// let mut environments = VectorizedCartPole::new(64, 500)?;
/// environments.step(&[1; 64])?;
/// assert_eq!(environments.steps().rewards, [1.0; 64]);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VectorizedCartPole {
    random: Vec<Generator>,
    /// Position, velocity, angle, angular velocity: one array each.
    state: [Vec<f64>; 4],
    sin: Vec<f64>,
    cos: Vec<f64>,
    elapsed: Vec<u64>,
    max_episode_steps: u64,
    space: Space,
    steps: Steps,
}

impl VectorizedCartPole {
    /// `num_environments` carts at the starts of the episodes of seeds 0, 1, 2, …, each of `max_episode_steps` at most.
    ///
    /// # Errors
    /// If one of the two is 0.
    pub fn new(num_environments: usize, max_episode_steps: u64) -> Result<Self> {
        for (parameter, got) in
            [("num_environments", num_environments as u64), ("max_episode_steps", max_episode_steps)]
        {
            if got == 0 {
                let (subject, requirement, got) = ("VectorizedCartPole", "at least 1", 0.0);
                return Err(relaxit::Error::Parameter { subject, parameter, requirement, got }.into());
            }
        }
        let space = cart_pole::observation_space();
        let zeros = || vec![0.0; num_environments];
        let mut environments = Self {
            random: (0..num_environments as u64).map(Generator::seeded).collect(),
            state: [zeros(), zeros(), zeros(), zeros()],
            sin: zeros(),
            cos: zeros(),
            elapsed: vec![0; num_environments],
            max_episode_steps,
            steps: Steps::new(num_environments, &space, None),
            space,
        };
        (0..num_environments).for_each(|i| environments.restart(i));
        Ok(environments)
    }

    fn restart(&mut self, i: usize) {
        let state = cart_pole::start(&mut self.random[i]);
        self.elapsed[i] = 0;
        self.put(i, state);
    }

    fn put(&mut self, i: usize, state: [f64; 4]) {
        for (array, value) in self.state.iter_mut().zip(state) {
            array[i] = value;
        }
        self.steps.observations[4 * i..][..4].copy_from_slice(&cart_pole::observe(state));
    }

    /// Advances every cart; the arithmetic of several at a time.
    fn advance(&mut self, actions: &[usize]) {
        let n = actions.len();
        let (sin, cos) = (&mut self.sin[..n], &mut self.cos[..n]);
        let [x, x_dot, theta, theta_dot] = self.state.each_mut().map(|array| &mut array[..n]);
        for i in 0..n {
            (sin[i], cos[i]) = (theta[i].sin(), theta[i].cos());
        }
        let terminated = &mut self.steps.terminated[..n];
        for i in 0..n {
            let state = cart_pole::advance([x[i], x_dot[i], theta[i], theta_dot[i]], actions[i], sin[i], cos[i]);
            [x[i], x_dot[i], theta[i], theta_dot[i]] = state;
            terminated[i] = cart_pole::fallen(state);
        }
        let (rows, _) = self.steps.observations.as_chunks_mut::<4>();
        for (i, row) in rows[..n].iter_mut().enumerate() {
            *row = cart_pole::observe([x[i], x_dot[i], theta[i], theta_dot[i]]);
        }
    }
}

impl VectorEnvironment for VectorizedCartPole {
    fn num_environments(&self) -> usize {
        self.elapsed.len()
    }

    fn observation_space(&self) -> &Space {
        &self.space
    }

    fn num_actions(&self) -> usize {
        2
    }

    fn reset(&mut self, seeds: &[u64]) -> Result<()> {
        assert_eq!(seeds.len(), self.elapsed.len(), "VectorizedCartPole: as many `seeds` as environments");
        self.steps.clear();
        for (i, &seed) in seeds.iter().enumerate() {
            self.random[i] = Generator::seeded(seed);
            self.restart(i);
        }
        Ok(())
    }

    fn step(&mut self, actions: &[usize]) -> Result<()> {
        assert_eq!(actions.len(), self.elapsed.len(), "VectorizedCartPole: as many `actions` as environments");
        assert!(actions.iter().all(|&action| action < 2), "VectorizedCartPole: every action must be 0 or 1");
        self.advance(actions);
        self.steps.rewards.fill(1.0);
        for i in 0..actions.len() {
            self.elapsed[i] += 1;
            self.steps.truncated[i] = self.elapsed[i] >= self.max_episode_steps;
            if self.steps.ended(i) {
                let row = 4 * i..4 * (i + 1);
                self.steps.final_observations[row.clone()].copy_from_slice(&self.steps.observations[row]);
                self.restart(i);
            }
        }
        Ok(())
    }

    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn save(&self) -> Option<Snapshot> {
        let mut snapshot = Snapshot::default();
        for (i, random) in self.random.iter().enumerate() {
            snapshot.push(self.elapsed[i]);
            random.save(&mut snapshot);
            self.state.iter().for_each(|array| snapshot.push_f64(array[i]));
        }
        Some(snapshot)
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut reader = snapshot.reader("VectorizedCartPole");
        self.steps.clear();
        for i in 0..self.elapsed.len() {
            self.elapsed[i] = reader.pop()?;
            self.random[i] = Generator::load(&mut reader)?;
            let state = [reader.pop_f64()?, reader.pop_f64()?, reader.pop_f64()?, reader.pop_f64()?];
            self.put(i, state);
        }
        reader.finish()
    }
}

/// The environments that [`make`](super::make) gives.
pub(super) fn limited(num_environments: usize) -> Result<VectorizedCartPole> {
    VectorizedCartPole::new(num_environments, CartPole::MAX_EPISODE_STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::vectorized;

    /// Random actions, but the odd environments balance for a while.
    fn actions(steps: &Steps, random: &mut Generator) -> Vec<usize> {
        let rows = steps.observations.as_chunks::<4>().0.iter().enumerate();
        rows.map(|(i, row)| if i % 2 == 1 { usize::from(row[2] + 0.5 * row[3] > 0.0) } else { random.choice(&[0, 1]) })
            .collect()
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one() {
        let mut fast = VectorizedCartPole::new(7, 100).expect("positive");
        let mut plain = vectorized::limited(CartPole::new(), 100, 7).expect("positive");
        assert_eq!(fast.steps(), plain.steps());
        let (mut random, mut terminated, mut truncated) = (Generator::seeded(0), 0, 0);
        for step in 0..1000 {
            if step % 400 == 399 {
                let seeds = [9, 8, 7, 6, 5, 4, step];
                fast.reset(&seeds).expect("infallible");
                plain.reset(&seeds).expect("infallible");
            } else {
                let actions = actions(fast.steps(), &mut random);
                fast.step(&actions).expect("infallible");
                plain.step(&actions).expect("infallible");
            }
            assert_eq!(fast.steps(), plain.steps(), "step {step}");
            terminated += fast.steps().terminated.iter().filter(|&&x| x).count();
            truncated += fast.steps().truncated.iter().filter(|&&x| x).count();
        }
        assert!(terminated > 100 && truncated > 20, "{terminated} {truncated}");
    }

    #[test]
    fn a_snapshot_continues_to_the_same_bits() {
        let mut environments = VectorizedCartPole::new(5, 30).expect("positive");
        let mut plain = vectorized::limited(CartPole::new(), 30, 5).expect("positive");
        for environments in [&mut environments as &mut dyn VectorEnvironment, &mut plain] {
            let mut random = Generator::seeded(1);
            let mut run = |environments: &mut dyn VectorEnvironment| {
                let actions = actions(environments.steps(), &mut random);
                environments.step(&actions).expect("infallible");
                (environments.steps().clone(), actions)
            };
            (0..50).for_each(|_| drop(run(environments)));
            let snapshot = environments.save().expect("these can be saved");
            let seen = environments.steps().observations.clone();
            let after: Vec<_> = (0..50).map(|_| run(environments)).collect();
            environments.load(&snapshot).expect("saved from the same");
            assert_eq!(environments.steps().observations, seen);
            for (mut steps, actions) in after {
                environments.step(&actions).expect("infallible");
                // Rows of episodes that go on hold what was there before.
                steps.final_observations.clone_from(&environments.steps().final_observations);
                assert_eq!(environments.steps(), &steps);
            }
        }
        let mut other = VectorizedCartPole::new(4, 30).expect("positive");
        assert!(other.load(&environments.save().expect("these can be saved")).is_err());
    }
}
