//! What runs left in their directories: all that a report is made of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::figure::Figure;
use crate::rl::config::RlConfig;
use crate::rl::finished::Finished as Agents;
use crate::run::Machine;
use crate::toy::config::ToyConfig;
use crate::toy::train::{Point, points};
use crate::vae::config::VaeConfig;

use super::audit::AuditSummary;
use super::toy::ToySummary;
use super::vae::{Evaluation, VaeSummary};

/// A run that is done, with the path that names it.
#[derive(Debug)]
pub(super) struct Finished {
    /// Its directory.
    pub path: PathBuf,
    /// Its configuration, as a file.
    pub config: String,
    /// What it was made on, if it is of a version that says.
    pub machine: Option<Machine>,
    /// What it is.
    pub run: Run,
}

/// What every summary holds.
#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    machine: Option<Machine>,
}

/// What a run is.
#[derive(Debug)]
pub(super) enum Run {
    Vae(Box<VaeRun>),
    Rl(Box<RlRun>),
    Toy(ToyRun),
    Audit(AuditSummary),
    Figure(Figure),
}

/// A run of `relaxit vae`.
#[derive(Debug)]
pub(super) struct VaeRun {
    pub config: VaeConfig,
    pub summary: VaeSummary,
    pub metrics: Vec<Evaluation>,
    /// `reconstructions.png` and `samples.png`.
    pub pictures: [Vec<u8>; 2],
}

/// A run of `relaxit rl`.
#[derive(Debug)]
pub(super) struct RlRun {
    pub config: RlConfig,
    pub agents: Agents,
}

/// A run of `relaxit toy`.
#[derive(Debug)]
pub(super) struct ToyRun {
    pub config: ToyConfig,
    pub summary: ToySummary,
    pub points: Vec<Point>,
}

impl Finished {
    /// Reads the run in `path`.
    ///
    /// # Errors
    /// If there is none, or it is not finished, or a file of it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let config = path.join("config.toml");
        ensure!(config.exists(), "{shown} holds no run: it has no config.toml");
        ensure!(path.join("summary.json").exists(), "{shown} holds a run that is not finished: it has no summary.json");
        let config = read_text(&config)?;
        let table: toml::Table = config.parse().with_context(|| format!("{shown}/config.toml is not TOML"))?;
        let run = match table.get("command").and_then(toml::Value::as_str) {
            Some("vae") => {
                let config: VaeConfig = from_toml(&config, path)?;
                let metrics = lines(&path.join("metrics.jsonl"), config.epochs)?;
                let pictures = [read(&path.join("reconstructions.png"))?, read(&path.join("samples.png"))?];
                Run::Vae(Box::new(VaeRun { config, summary: summary(path)?, metrics, pictures }))
            }
            Some("rl") => Run::Rl(Box::new(RlRun { config: from_toml(&config, path)?, agents: Agents::read(path)? })),
            Some("toy") => {
                let config: ToyConfig = from_toml(&config, path)?;
                let expected = config.targets.len() * config.estimators.len() * points(&config);
                let points = lines(&path.join("metrics.jsonl"), expected)?;
                Run::Toy(ToyRun { config, summary: summary(path)?, points })
            }
            Some("audit") => Run::Audit(summary(path)?),
            Some("figure") => Run::Figure(summary(path)?),
            Some(other) => bail!("{shown} holds a run of `{other}`, which a report does not know"),
            None => bail!("{shown}/config.toml names no command"),
        };
        let Made { machine } = summary(path)?;
        Ok(Self { path: path.to_owned(), config, machine, run })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn from_toml<C: DeserializeOwned>(text: &str, path: &Path) -> Result<C> {
    toml::from_str(text)
        .with_context(|| format!("{}/config.toml is not a configuration of this version", path.display()))
}

fn summary<S: DeserializeOwned>(path: &Path) -> Result<S> {
    let path = path.join("summary.json");
    serde_json::from_str(&read_text(&path)?)
        .with_context(|| format!("{} is not a summary of this version", path.display()))
}

/// The lines of a run's metrics, of which it must have left as many as `expected`.
fn lines<M: DeserializeOwned>(path: &Path, expected: usize) -> Result<Vec<M>> {
    let parsed = read_text(path)?.lines().map(serde_json::from_str).collect::<Result<Vec<M>, _>>();
    let metrics = parsed.with_context(|| format!("{} has a line that is no metrics", path.display()))?;
    ensure!(metrics.len() == expected, "{} has {} lines of {expected}", path.display(), metrics.len());
    Ok(metrics)
}
