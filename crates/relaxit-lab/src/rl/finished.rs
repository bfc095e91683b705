//! Runs that are done, as their directories hold them.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::summary::Summary;
use super::train::{PhaseMetrics, SeedSummary};

/// A finished run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What came out.
    pub summary: Summary,
    /// The evaluations of each seed, in the summary's order.
    pub metrics: Vec<Vec<PhaseMetrics>>,
}

impl Finished {
    /// Reads the run in `path`.
    ///
    /// # Errors
    /// If it is not finished, or of another command, or a file of it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let file = path.join("summary.json");
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}; is the run finished?", file.display()))?;
        let summary: Summary =
            serde_json::from_str(&text).with_context(|| format!("{} is not of `relaxit rl`", file.display()))?;
        let metrics = summary.seeds.iter().map(|SeedSummary { seed, steps, .. }| {
            let file = path.join(format!("seed-{seed}/metrics.jsonl"));
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<PhaseMetrics>, _>>();
            let lines = lines.with_context(|| format!("{} has a line that is no metrics", file.display()))?;
            let whole = lines.iter().zip(1..).all(|(line, phase)| line.phase == phase);
            let last = lines.last().map_or(0, |line| line.steps);
            ensure!(whole && last == *steps, "{} lacks lines: it ends at step {last} of {steps}", file.display());
            Ok(lines)
        });
        Ok(Self { metrics: metrics.collect::<Result<_>>()?, summary })
    }

    /// What it is of, options included.
    #[must_use]
    pub fn environment(&self) -> String {
        let Summary { env, env_options, .. } = &self.summary;
        std::iter::once(env.clone()).chain(env_options.assignments()).collect::<Vec<_>>().join(" ")
    }

    /// The final evaluation of each seed.
    #[must_use]
    pub fn rewards(&self) -> Vec<f64> {
        self.summary.seeds.iter().map(|seed| seed.evaluation_reward).collect()
    }
}
