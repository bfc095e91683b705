//! One run's directory: claimed by one process, never shared by two configurations.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tensorboard::EventFile;
use super::{Machine, VERSION, write_atomically};

const CONFIG: &str = "config.toml";
const LOCK: &str = ".lock";

/// A run's directory, locked while this value lives.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    events: Option<EventFile>,
    /// Held for its lock, which the kernel releases however the process ends.
    _lock: File,
}

impl RunDirectory {
    /// Claims `path` for a run: creates it, or with `resume` also takes one that holds a run.
    ///
    /// # Errors
    /// If it holds anything and `resume` is false; if it holds something else than a run; if another process is
    /// writing it; if it cannot be written.
    pub fn claim(path: &Path, resume: bool) -> Result<Self> {
        let shown = path.display();
        // Looked at before it is touched: a directory of something else must not even get our lock file.
        refuse_other_contents(path, resume)?;
        fs::create_dir_all(path).with_context(|| format!("cannot create directory {shown}"))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .with_context(|| format!("cannot write directory {shown}"))?;
        // Some network file systems have no locks; there the claim rests on the caller.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            bail!("directory {shown} is in use by another relaxit process");
        }
        // Looked at again: another process may have started a run here before we had the lock.
        refuse_other_contents(path, resume)?;
        Ok(Self { path: path.to_owned(), events: None, _lock: lock })
    }

    /// Has every line of `metrics.jsonl` written to an event file of TensorBoard as well, if that is `wanted` or an
    /// earlier session of the run did so.
    #[must_use]
    pub fn with_events(self, wanted: bool) -> Self {
        let events = (wanted || EventFile::exists_in(&self.path)).then(|| EventFile::new(&self.path));
        Self { events, ..self }
    }

    /// Whether a process has claimed `path`, where the file system has locks.
    #[must_use]
    pub fn in_use(path: &Path) -> bool {
        let lock = OpenOptions::new().write(true).open(path.join(LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Where the run lives.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `name` in the run's directory.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The configuration that the run was started with, or `None` before it was written.
    ///
    /// # Errors
    /// If it was written by another version, or cannot be read as a `C`.
    pub fn config<C: DeserializeOwned>(&self) -> Result<Option<C>> {
        let path = self.file(CONFIG);
        if !path.exists() {
            return Ok(None);
        }
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let table: toml::Table = text.parse().with_context(|| format!("{shown} is not TOML"))?;
        let version = table.get("version").and_then(toml::Value::as_str).unwrap_or("unknown");
        ensure!(
            version == VERSION,
            "{shown} was written by relaxit {version}; this is {VERSION}, which continues only its own runs"
        );
        toml::from_str(&text).map(Some).with_context(|| format!("{shown} is not a configuration of this command"))
    }

    /// Records the resolved configuration, once, before anything else.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_config<C: Serialize>(&self, config: &C) -> Result<()> {
        let text = toml::to_string(config).context("the configuration has no TOML form")?;
        write_atomically(&self.file(CONFIG), text.as_bytes())
    }

    /// Records what came out, last, and on what machine, where so many `threads` computed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_summary<S: Serialize>(&self, summary: &S, threads: usize) -> Result<()> {
        #[derive(Serialize)]
        struct WithMachine<'a, S> {
            #[serde(flatten)]
            summary: &'a S,
            machine: Machine,
        }
        let summary = WithMachine { summary, machine: Machine::here(threads) };
        let text = serde_json::to_string_pretty(&summary).context("the summary has no JSON form")?;
        write_atomically(&self.file("summary.json"), format!("{text}\n").as_bytes())
    }

    /// Appends one line to `metrics.jsonl` and returns the file's length after it.
    ///
    /// # Errors
    /// If it cannot be written, or [with events](Self::with_events) has neither a `step` nor `steps`.
    pub fn append_metrics<M: Serialize>(&self, metrics: &M) -> Result<u64> {
        let path = self.file("metrics.jsonl");
        let line = serde_json::to_string(metrics).context("the metrics have no JSON form")?;
        let append = || -> std::io::Result<u64> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_all()?;
            file.seek(SeekFrom::End(0))
        };
        let length = append().with_context(|| format!("cannot write {}", path.display()))?;
        if let Some(events) = &self.events {
            events.record(metrics)?;
        }
        Ok(length)
    }

    /// Cuts `metrics.jsonl` back to `length` bytes: what was written after the checkpoint will be written again.
    ///
    /// # Errors
    /// If the file is shorter than that, or cannot be written.
    pub fn rewind_metrics(&self, length: u64) -> Result<()> {
        let path = self.file("metrics.jsonl");
        let shown = path.display();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot write {shown}"))?;
        let found = file.metadata().with_context(|| format!("cannot read {shown}"))?.len();
        ensure!(found >= length, "{shown} has {found} bytes; its checkpoint was taken at {length}");
        file.set_len(length).with_context(|| format!("cannot write {shown}"))
    }

    /// Every line of `metrics.jsonl`.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is no `M`.
    pub fn metrics<M: DeserializeOwned>(&self) -> Result<Vec<M>> {
        let path = self.file("metrics.jsonl");
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("{shown} has a line that is no metrics")))
            .collect()
    }
}

/// Accepts a directory that is missing, empty, or with `resume` holds a run.
fn refuse_other_contents(path: &Path, resume: bool) -> Result<()> {
    let shown = path.display();
    if path.join(CONFIG).exists() {
        ensure!(resume, "directory {shown} already holds a run; continue it with --resume or name another with --out");
        return Ok(());
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read directory {shown}")),
    };
    let mut names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
    // What a run leaves that was killed before its configuration was whole.
    match names.find(|name| name != LOCK && name != "config.toml.tmp") {
        None => Ok(()),
        Some(other) => bail!(
            "directory {shown} holds `{}` and no run; --out must name a new, empty or run directory",
            other.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Config {
        version: String,
        n: u32,
    }

    fn refused(path: &Path, resume: bool) -> String {
        format!("{:#}", RunDirectory::claim(path, resume).unwrap_err())
    }

    #[test]
    fn a_run_is_claimed_once_and_continued_on_request() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/run");
        let config = Config { version: VERSION.into(), n: 3 };
        let run = RunDirectory::claim(&path, false).unwrap();
        assert_eq!(run.config::<Config>().unwrap(), None);
        run.write_config(&config).unwrap();
        assert!(refused(&path, true).contains("in use"));
        assert!(RunDirectory::in_use(&path));
        drop(run);
        assert!(!RunDirectory::in_use(&path));
        assert!(refused(&path, false).contains("--resume"));
        let run = RunDirectory::claim(&path, true).unwrap();
        assert_eq!(run.config::<Config>().unwrap(), Some(config));
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.tex"), "precious").unwrap();
        for resume in [false, true] {
            assert!(refused(parent.path(), resume).contains("thesis.tex"));
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn another_versions_run_is_not_continued() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDirectory::claim(parent.path(), false).unwrap();
        run.write_config(&Config { version: "0.0.0".into(), n: 3 }).unwrap();
        assert!(run.config::<Config>().unwrap_err().to_string().contains("0.0.0"));
    }

    #[test]
    fn metrics_rewind_to_the_checkpoint() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDirectory::claim(parent.path(), false).unwrap();
        let length = run.append_metrics(&1).unwrap();
        run.append_metrics(&2).unwrap();
        run.rewind_metrics(length).unwrap();
        run.append_metrics(&3).unwrap();
        assert_eq!(run.metrics::<i32>().unwrap(), [1, 3]);
        assert!(run.rewind_metrics(100).is_err());
    }
}
