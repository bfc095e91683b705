//! What the seeds of a run say together.

use relaxit::noise::Noise;
use relaxit_rl::agent::Algorithm;
use relaxit_rl::environment::EnvironmentOptions;
use serde::{Deserialize, Serialize};

use super::config::RlConfig;
use super::statistics::{Interval, interquartile_interval};
use super::train::{PhaseMetrics, SeedSummary};
use crate::report::curve::Curve;
use crate::run::VERSION;

/// What came out of a run: `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The command.
    pub command: String,
    /// The version that wrote it.
    pub version: String,
    /// The environment.
    pub env: String,
    /// What it was made with beside its name.
    #[serde(default, skip_serializing_if = "EnvironmentOptions::is_empty")]
    pub env_options: EnvironmentOptions,
    /// The gradient estimator.
    pub agent: Algorithm,
    /// Whether its policy gradient is unbiased for the return within the time limit.
    pub claims_unbiased: bool,
    /// Its papers.
    pub references: Vec<String>,
    /// Final evaluation rewards: interquartile mean over seeds, with its 95 % bootstrap interval.
    pub evaluation_reward: Interval,
    /// The share of final evaluation episodes that ended before the time limit, likewise.
    pub evaluation_terminated: Interval,
    /// Episodes of each seed's final evaluation.
    pub evaluation_episodes: usize,
    /// The mean reward over 100 training episodes at which the task counts as learned.
    pub threshold: f64,
    /// Seeds that reached it.
    pub seeds_at_threshold: usize,
    /// Training episodes until then, over the seeds that reached it; null if none did.
    pub episodes_to_threshold: Option<Interval>,
    /// Steps of environments until then, likewise.
    pub steps_to_threshold: Option<Interval>,
    /// The variance of the final policy's gradient estimates, summed over parameters, in units of rewards.
    pub gradient_variance: Interval,
    /// Steps of environments in a second of one thread, training and evaluation.
    pub steps_per_second: f64,
    /// Each seed.
    pub seeds: Vec<SeedSummary>,
}

impl Summary {
    /// Of seeds that are done.
    #[must_use]
    pub fn new(config: &RlConfig, claims_unbiased: bool, references: Vec<String>, seeds: Vec<SeedSummary>) -> Self {
        let noise = Noise::seeded(config.seed).fork("bootstrap");
        let interval = |name: &str, of: fn(&SeedSummary) -> f64| {
            interquartile_interval(&seeds.iter().map(of).collect::<Vec<_>>(), noise.fork(name))
        };
        let reached = |name: &str, of: fn(&SeedSummary) -> Option<usize>| {
            let counts: Vec<f64> = seeds.iter().filter_map(of).map(|count| count as f64).collect();
            (!counts.is_empty()).then(|| interquartile_interval(&counts, noise.fork(name)))
        };
        let seconds: f64 = seeds.iter().map(|seed| seed.seconds).sum();
        let steps: usize = seeds.iter().map(|seed| seed.steps).sum();
        Self {
            command: config.command.clone(),
            version: VERSION.into(),
            env: config.env.clone(),
            env_options: config.env_options.clone(),
            agent: config.agent.algorithm,
            claims_unbiased,
            references,
            evaluation_reward: interval("reward", |seed| seed.evaluation_reward),
            evaluation_terminated: interval("terminated", |seed| seed.evaluation_terminated),
            evaluation_episodes: config.final_episodes,
            threshold: config.threshold,
            seeds_at_threshold: seeds.iter().filter(|seed| seed.steps_to_threshold.is_some()).count(),
            episodes_to_threshold: reached("episodes", |seed| seed.episodes_to_threshold),
            steps_to_threshold: reached("steps", |seed| seed.steps_to_threshold),
            gradient_variance: interval("variance", |seed| seed.gradient_variance),
            steps_per_second: steps as f64 / seconds.max(1e-9),
            seeds,
        }
    }
}

/// The learning curve of a run: interquartile mean of evaluation rewards over its seeds, with its band.
#[must_use]
pub fn curve(name: String, seeds: &[Vec<PhaseMetrics>]) -> Curve {
    let phases = seeds.iter().map(Vec::len).min().unwrap_or(0);
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for phase in 0..phases {
        let rewards: Vec<f64> = seeds.iter().map(|metrics| metrics[phase].evaluation_reward).collect();
        let steps = seeds.iter().map(|metrics| metrics[phase].steps as f64).sum::<f64>() / seeds.len() as f64;
        let Interval { value, low, high } = interquartile_interval(&rewards, Noise::seeded(phase as u64));
        points.push((steps, value));
        band.push((low, high));
    }
    Curve { name, points, band }
}
