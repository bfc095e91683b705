//! The configuration of an audit that leaves a run directory, as `config.toml` holds it.

use serde::{Deserialize, Serialize};

/// Everything that decides what an audit finds, but for the clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that started it.
    pub version: String,
    /// The problem, for a reader: objective, code, and where the gradient is taken.
    pub problem: String,
    /// The temperature of relaxed samples, where there are any.
    pub temperature: Option<f64>,
    /// The estimators, in the order of reports.
    pub estimators: Vec<String>,
    /// Estimates of each.
    pub draws: usize,
    /// Batches that estimators which learn see before they are measured.
    pub tune: u64,
    /// What was compared with: the gradient by enumeration, or by a long run.
    pub reference: String,
    /// The seed of the noise.
    pub seed: u64,
}
