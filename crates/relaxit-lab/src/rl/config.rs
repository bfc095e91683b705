//! The configuration of a run of `relaxit rl`, as `config.toml` holds it.

use std::path::PathBuf;

use relaxit::schedule::{Anneal, Curve};
use relaxit_rl::agent::{AgentConfig, Algorithm, Choice};
use relaxit_rl::environment::{EnvironmentName, EnvironmentOptions, VectorEnvironment};
use serde::{Deserialize, Serialize};

use crate::run::VERSION;

/// Everything that decides how a run goes. Two runs of one configuration end with the same bits, on any number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RlConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that started it.
    pub version: String,
    /// The environment's name.
    pub env: String,
    /// What it is made with beside its name.
    #[serde(default, skip_serializing_if = "EnvironmentOptions::is_empty")]
    pub env_options: EnvironmentOptions,
    /// How many copies of it act at once.
    pub environments: usize,
    /// Steps of environments for each seed.
    pub steps: usize,
    /// Evaluations, and checkpoints, over a run.
    pub phases: usize,
    /// Episodes of each evaluation on the way.
    pub evaluation_episodes: usize,
    /// Episodes of the last evaluation.
    pub final_episodes: usize,
    /// How actions are chosen in evaluations.
    pub choice: Choice,
    /// The mean reward of 100 consecutive training episodes at which the task counts as learned.
    pub threshold: f64,
    /// Gradients that are measured for their variance after the last phase.
    pub gradients: usize,
    /// How many seeds.
    pub seeds: usize,
    /// The first of them.
    pub seed: u64,
    /// Seeds that are trained at once.
    pub threads: usize,
    /// The agent.
    pub agent: AgentConfig,
}

impl RlConfig {
    /// What solves `env` with `algorithm`; an environment that is not ours gets the values of a general beginning.
    #[must_use]
    pub fn new(env: &str, algorithm: Algorithm) -> Self {
        let general = Self {
            command: "rl".into(),
            version: VERSION.into(),
            env: env.into(),
            env_options: EnvironmentOptions::default(),
            environments: 16,
            steps: 1_000_000,
            phases: 20,
            evaluation_episodes: 20,
            final_episodes: 100,
            choice: Choice::Greedy,
            threshold: f64::MAX,
            gradients: 100,
            seeds: 10,
            seed: 0,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            agent: AgentConfig::new(algorithm),
        };
        let agent = general.agent.clone();
        let towards = |start, end, steps| Anneal::Towards { curve: Curve::Linear, start, end, steps };
        let bootstrapped = matches!(algorithm, Algorithm::A2c | Algorithm::Decoupled);
        match env {
            "cartpole" => Self {
                steps: 600_000,
                threshold: 475.0,
                agent: match algorithm {
                    // Towards the end a critic of almost only good actions says little, and large steps undo what was
                    // learned.
                    Algorithm::Decoupled => AgentConfig { learning_rate: towards(3e-3, 0.0, 1100), ..agent },
                    _ => agent,
                },
                ..general
            },
            "acrobot" => Self {
                // Without a baseline, episodes that all failed move the policy at random: more of them do so less, and one of
                // them succeeds.
                environments: if algorithm == Algorithm::Reinforce { 64 } else { 16 },
                steps: match algorithm {
                    Algorithm::A2c | Algorithm::Decoupled => 500_000,
                    Algorithm::Reinforce => 4_000_000,
                    _ => 1_000_000,
                },
                threshold: -100.0,
                agent: match algorithm {
                    Algorithm::A2c => agent,
                    Algorithm::Decoupled => AgentConfig { temperature: 0.3, entropy: Anneal::Constant(0.001), ..agent },
                    // Whole episodes all look alike until one succeeds: chance must not make up the policy's mind before.
                    Algorithm::Reinforce => AgentConfig { entropy: towards(0.1, 0.005, 100), ..agent },
                    _ => AgentConfig { entropy: towards(0.1, 0.005, 80), ..agent },
                },
                ..general
            },
            "taxi" => Self {
                environments: if bootstrapped { 32 } else { 16 },
                steps: if bootstrapped { 1_000_000 } else { 2_000_000 },
                threshold: 7.0,
                agent: match algorithm {
                    Algorithm::Decoupled => AgentConfig { temperature: 0.5, ..agent },
                    _ => agent,
                },
                ..general
            },
            // Gymnasium's workers are slow, and their thresholds are their own.
            _ => Self { gradients: 10, ..general },
        }
    }

    /// The short form for a first look.
    #[must_use]
    pub fn quick(self) -> Self {
        Self { steps: self.steps / 10, phases: 5, seeds: 2, gradients: 20, ..self }
    }

    /// So many copies of the environment, from the episodes of seeds 0, 1, 2, ….
    ///
    /// # Errors
    /// If there is no such environment, or it takes no such options.
    pub fn make(&self, count: usize) -> relaxit_rl::Result<Box<dyn VectorEnvironment>> {
        self.env.parse::<EnvironmentName>()?.make(count, &self.env_options)
    }

    /// Where the run goes if the user does not say.
    #[must_use]
    pub fn default_directory(&self) -> PathBuf {
        let env = std::iter::once(self.env.clone()).chain(self.env_options.assignments()).collect::<Vec<_>>().join("-");
        let env: String = env.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("runs/rl-{env}-{}-seed{}", self.agent.algorithm, self.seed).into()
    }
}
