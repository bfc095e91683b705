//! Where the jobs of a plan stand, as their folder says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::claim::{Folder, Owner, Standing};
use super::plan::{Job, Plan};
use crate::run::{VERSION, write_atomically};

/// A plan and the folder that its runs are in.
#[derive(Debug)]
pub struct Sweep {
    /// What is to be run.
    pub plan: Plan,
    /// Where.
    pub folder: Folder,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nobody has run it to the end, and nobody runs it.
    Missing,
    /// A worker runs it: which, where that can be read.
    Running(Option<Owner>),
    /// The last attempt failed.
    Failed(Failure),
    /// It has its `summary.json`.
    Done,
    /// Its directory is of other options or another version: of which.
    Other(String),
}

/// Why an attempt failed: `NAME.failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Who made it.
    pub worker: Owner,
    /// When that worker saw it, in seconds since 1970.
    pub time: f64,
    /// In one line.
    pub reason: String,
}

/// What a directory was started as: `NAME.job`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    version: String,
    arguments: Vec<String>,
}

impl Sweep {
    /// To be looked at; the folder may be missing.
    #[must_use]
    pub fn new(plan: Plan, folder: &Path) -> Self {
        Self { plan, folder: Folder::new(folder) }
    }

    /// To be run: makes the folder.
    ///
    /// # Errors
    /// If that is impossible.
    pub fn create(plan: Plan, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create directory {}", folder.display()))?;
        Ok(Self::new(plan, folder))
    }

    /// The run directory of `job`.
    #[must_use]
    pub fn directory(&self, job: &Job) -> PathBuf {
        self.folder.path().join(&job.name)
    }

    /// A file beside the run directory of `job`.
    #[must_use]
    pub fn beside(&self, job: &Job, kind: &str) -> PathBuf {
        self.folder.path().join(format!("{}.{kind}", job.name))
    }

    /// Whether `job` has come to its end.
    #[must_use]
    pub fn is_done(&self, job: &Job) -> bool {
        self.directory(job).join("summary.json").exists()
    }

    /// Where `job` stands.
    #[must_use]
    pub fn state(&self, job: &Job) -> State {
        if let Some(origin) = self.other_origin(job) {
            State::Other(origin)
        } else if self.is_done(job) {
            State::Done
        } else if let Standing::Taken(owner) = self.folder.standing(&job.name) {
            State::Running(owner)
        } else {
            self.failure(job).map_or(State::Missing, State::Failed)
        }
    }

    /// What went wrong with `job` the last time.
    pub(super) fn failure(&self, job: &Job) -> Option<Failure> {
        serde_json::from_slice(&fs::read(self.beside(job, "failed")).ok()?).ok()
    }

    /// What the directory of `job` was started as, if not as this.
    fn other_origin(&self, job: &Job) -> Option<String> {
        let Origin { version, arguments } = serde_json::from_slice(&fs::read(self.beside(job, "job")).ok()?).ok()?;
        let other = version != VERSION || arguments != job.arguments;
        other.then(|| format!("relaxit {version}: {}", arguments.join(" ")))
    }

    /// Records what the directory of `job` is started as.
    ///
    /// # Errors
    /// If it was started as something else, or the folder cannot be written.
    pub(super) fn record_origin(&self, job: &Job) -> Result<()> {
        if let Some(other) = self.other_origin(job) {
            bail!("{} was started as {other}", self.directory(job).display());
        }
        let path = self.beside(job, "job");
        let origin = Origin { version: VERSION.into(), arguments: job.arguments.clone() };
        write_atomically(&path, &serde_json::to_vec(&origin).context("a job has no JSON form")?)
    }
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Running(_) => "running",
            Self::Failed(_) => "failed",
            Self::Done => "done",
            Self::Other(_) => "other",
        }
    }

    /// What there is to say beside that.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        match self {
            Self::Missing | Self::Done | Self::Running(None) => None,
            Self::Running(Some(owner)) => Some(format!("by process {} on {}", owner.pid, owner.host)),
            Self::Failed(failure) => Some(failure.reason.clone()),
            Self::Other(origin) => Some(format!(
                "its directory was started as {origin}; remove it with its files, or name another folder with --out"
            )),
        }
    }
}
