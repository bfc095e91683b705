//! An agent that learns to balance a pole: a loop over episodes, and then a look at how good it became.

#![allow(clippy::print_stdout)] // an example shows what it found

use relaxit_rl::agent::{Agent, AgentConfig, Algorithm, Choice};
use relaxit_rl::environment::make;

fn main() -> relaxit_rl::Result<()> {
    // One copy of the environment, so that an update is one episode; more copies learn faster.
    let config = AgentConfig { hidden: 32, discount: 0.99, ..AgentConfig::new(Algorithm::Relax) };
    let mut agent = Agent::new(make("cartpole", 1)?, config, 0)?;
    for hundred in 1..=2 {
        let mut total = 0.0;
        for _ in 0..100 {
            total += agent.train_episode()?;
        }
        println!("episodes {}: mean reward {:.1}", hundred * 100, total / 100.0);
    }

    let seeds: Vec<u64> = (1_000_000..1_000_020).collect();
    let episodes = agent.evaluate(make("cartpole", seeds.len())?, &seeds, Choice::Greedy)?;
    let mean = episodes.iter().map(|episode| episode.reward).sum::<f64>() / seeds.len() as f64;
    println!("evaluated on {} episodes of other seeds: mean reward {mean:.1}", seeds.len());
    Ok(())
}
