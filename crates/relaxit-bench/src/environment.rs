//! CartPole alone, under random actions, on one thread.

use anyhow::Result;
use relaxit_rl::environment::{CartPole, VectorEnvironment, VectorizedCartPole};
use relaxit_rl::random::Generator;

use super::Work;

/// As many as `python/compare/speed.py` has.
const ENVIRONMENTS: usize = 1024;

pub(crate) fn cart_pole() -> Result<Work> {
    let mut environments = VectorizedCartPole::new(ENVIRONMENTS, CartPole::MAX_EPISODE_STEPS)?;
    let mut random = Generator::seeded(0);
    let mut draw = || (0..ENVIRONMENTS).map(|_| random.choice(&[0, 1])).collect::<Vec<usize>>();
    let actions: Vec<Vec<usize>> = (0..64).map(|_| draw()).collect();
    Ok(Box::new(move |repetitions| {
        for actions in actions.iter().cycle().take(repetitions) {
            environments.step(actions)?;
        }
        Ok(repetitions * ENVIRONMENTS)
    }))
}
