//! An environment of your own: a gambler who doubles the stake or keeps it, held to the laws and stepped in bulk.
//!
//! `cargo run -p relaxit-rl --example 01_your_own_environment`

#![allow(clippy::print_stdout)] // an example talks to its reader

use relaxit_rl::check::check_environment;
use relaxit_rl::environment::{Environment, Space, Step, TimeLimit, VectorEnvironment, Vectorized};
use relaxit_rl::random::Generator;
use relaxit_rl::{Result, Snapshot, SnapshotReader};

/// Ten coins; bet one (0) or two (1) on a toss that is won with probability 0.49, until you have none or twenty.
#[derive(Clone)]
struct Gambler {
    random: Generator,
    coins: i32,
}

impl Environment for Gambler {
    type Observation = usize; // a number of coins, not a vector

    fn observation_space(&self) -> Space {
        Space::Discrete { n: 22 }
    }

    fn num_actions(&self) -> usize {
        2
    }

    fn reset(&mut self, seed: u64) -> Result<usize> {
        self.random = Generator::seeded(seed);
        self.restart()
    }

    fn restart(&mut self) -> Result<usize> {
        self.coins = 10;
        Ok(10)
    }

    fn step(&mut self, action: usize) -> Result<Step<usize>> {
        let stake = if action == 1 { self.coins.min(2) } else { 1 };
        let won = self.random.random() < 0.49;
        self.coins = (self.coins + if won { stake } else { -stake }).clamp(0, 21);
        let terminated = self.coins == 0 || self.coins >= 20;
        let reward = f64::from(u8::from(self.coins >= 20));
        Ok(Step { observation: self.coins.unsigned_abs() as usize, reward, terminated, truncated: false })
    }

    // Optional: with these two a run can be continued to the same bits.
    fn save(&self, snapshot: &mut Snapshot) -> bool {
        self.random.save(snapshot);
        snapshot.push(self.coins.unsigned_abs().into());
        true
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<usize> {
        self.random = Generator::load(snapshot)?;
        let coins = snapshot.pop_index(22)?;
        self.coins = i32::try_from(coins).unwrap_or_default();
        Ok(coins)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gambler = Gambler { random: Generator::seeded(0), coins: 10 };
    check_environment(&mut gambler.clone())?; // the laws that every environment keeps
    for action in [0, 1] {
        let mut gamblers = Vectorized::new(vec![TimeLimit::new(gambler.clone(), 1000)?; 64])?;
        let (mut won, mut played) = (0.0, 0);
        for _ in 0..5000 {
            gamblers.step(&[action; 64])?;
            won += gamblers.steps().rewards.iter().sum::<f64>();
            played += (0..64).filter(|&i| gamblers.steps().ended(i)).count();
        }
        println!("stake {}: {:.1} % of {played} games won", action + 1, 100.0 * won / played as f64);
    }
    Ok(())
}
