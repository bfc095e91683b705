//! RELAX on CartPole, as `relaxit rl --env cartpole --agent relax` trains it: a seed on every thread. One repetition is one
//! update of each.

use anyhow::Result;
use rayon::prelude::*;
use relaxit_lab::rl::config::RlConfig;
use relaxit_rl::agent::{Agent, Algorithm};
use relaxit_rl::environment::make;

use super::Work;

pub(crate) fn training() -> Result<Work> {
    let config = RlConfig::new("cartpole", Algorithm::Relax);
    let agent = |seed| Ok(Agent::new(make(&config.env, config.environments)?, config.agent.clone(), seed)?);
    let mut agents: Vec<Agent> = (0..rayon::current_num_threads() as u64).map(agent).collect::<Result<_>>()?;
    let mut train = move |updates: usize| {
        let steps = agents.par_iter_mut().map(|agent| {
            let mut steps = 0;
            for _ in 0..updates {
                steps += agent.update()?.steps;
            }
            Ok(steps)
        });
        steps.sum::<Result<usize>>()
    };
    // Past the first episodes, which are short: an update costs most for so few steps.
    train(50)?;
    Ok(Box::new(train))
}
