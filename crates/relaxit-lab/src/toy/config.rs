//! The configuration of a run, as `config.toml` holds it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::run::VERSION;

/// Everything that decides how a run goes. Two runs of one configuration end with the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToyConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that started it.
    pub version: String,
    /// The targets `t`.
    pub targets: Vec<f64>,
    /// The estimators, in the order of reports.
    pub estimators: Vec<String>,
    /// Steps of Adam.
    pub steps: usize,
    /// Adam's step size, for the logit and for control variates.
    pub learning_rate: f64,
    /// The temperature of relaxed samples; where one that is learned starts.
    pub temperature: f64,
    /// Independent repetitions.
    pub seeds: usize,
    /// Gradients that a variance is measured by.
    pub draws: usize,
    /// The seed of everything random.
    pub seed: u64,
}

impl Default for ToyConfig {
    fn default() -> Self {
        Self {
            command: "toy".into(),
            version: VERSION.into(),
            targets: vec![0.45, 0.499],
            estimators: Vec::new(),
            steps: 5000,
            learning_rate: 0.01,
            temperature: 0.5,
            seeds: 10,
            draws: 1000,
            seed: 0,
        }
    }
}

impl ToyConfig {
    /// The short form for a first look and for continuous integration.
    #[must_use]
    pub fn quick() -> Self {
        Self { steps: 500, seeds: 3, draws: 200, ..Self::default() }
    }

    /// Where the run goes if the user does not say.
    #[must_use]
    pub fn default_directory(&self) -> PathBuf {
        format!("runs/toy-seed{}", self.seed).into()
    }
}
