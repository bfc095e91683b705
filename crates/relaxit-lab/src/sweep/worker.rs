//! Workers: each takes jobs that nobody runs, and runs them in processes of their own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use super::claim::{Claim, Owner, Standing, TOUCH};
use super::plan::Job;
use super::state::{Failure, State, Sweep};
use crate::printer::{Printer, Progress};
use crate::run::{RunDirectory, write_atomically};

/// Tells a process that it is a worker's job, and that its standard input is a pipe from that worker.
const PIPE: &str = "RELAXIT_JOB_OF_A_WORKER";

/// How often a worker looks after its job.
const LOOK: Duration = Duration::from_millis(50);

/// How often a worker that has nothing to run looks at the jobs of others.
const WAIT: Duration = Duration::from_secs(1);

/// How long the job of a dead worker may take to end.
const END: Duration = Duration::from_secs(10);

/// Several workers of this process on one sweep.
#[derive(Debug)]
pub struct Workers<'a> {
    /// What is to be run, and where.
    pub sweep: &'a Sweep,
    /// This program.
    pub executable: PathBuf,
    /// Jobs that run at once.
    pub at_once: usize,
    /// Threads of each.
    pub threads: usize,
    /// Who hears of it.
    pub printer: &'a Printer,
}

/// How an attempt at a job ended.
enum Attempt {
    Done,
    Failed(String),
    /// Another worker has the job.
    Taken(Option<Owner>),
}

/// Jobs by their index: `None` if done, otherwise what went wrong.
type Settled = BTreeMap<usize, Option<String>>;

impl Workers<'_> {
    /// Runs what is missing of `jobs`, once what failed before, and waits for what other workers run: if one of them dies, its
    /// jobs are taken over. Returns what failed, by name and reason.
    ///
    /// # Errors
    /// If the folder cannot be written, or processes cannot be started.
    pub fn run(&self, jobs: &[&Job]) -> Result<Vec<(String, String)>> {
        let session = Session {
            workers: self,
            jobs,
            failed_before: jobs.iter().filter_map(|job| Some((job.index, self.sweep.failure(job)?))).collect(),
            settled: Mutex::default(),
            said_to_wait: Mutex::default(),
            progress: self.printer.progress(jobs.len() as u64, 0),
        };
        let results: Vec<Result<()>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..self.at_once).map(|_| scope.spawn(|| session.work())).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker panicked")))
                .collect()
        });
        session.progress.finish();
        results.into_iter().collect::<Result<()>>()?;
        let settled = session.settled.into_inner().unwrap_or_else(PoisonError::into_inner);
        let reason = |job: &&&Job| Some((job.name.clone(), settled.get(&job.index)?.clone()?));
        Ok(jobs.iter().filter_map(|job| reason(&job)).collect())
    }
}

/// One call of [`Workers::run`].
struct Session<'a> {
    workers: &'a Workers<'a>,
    jobs: &'a [&'a Job],
    /// Failures from before, which are worth another attempt; those that come up later are not.
    failed_before: BTreeMap<usize, Failure>,
    settled: Mutex<Settled>,
    said_to_wait: Mutex<bool>,
    progress: Progress,
}

impl Session<'_> {
    /// One worker: until every job is settled.
    fn work(&self) -> Result<()> {
        loop {
            let (mut ran, mut taken) = (false, false);
            for job in self.jobs {
                if self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&job.index) {
                    continue;
                }
                match self.attempt(job)? {
                    Attempt::Done => self.settle(job, None),
                    Attempt::Failed(reason) => self.settle(job, Some(reason)),
                    Attempt::Taken(owner) => {
                        self.say_to_wait(job, owner.as_ref());
                        taken = true;
                        continue;
                    }
                }
                ran = true;
            }
            match (ran, taken) {
                (false, false) => return Ok(()),
                (false, true) => thread::sleep(WAIT),
                (true, _) => (),
            }
        }
    }

    fn settle(&self, job: &Job, failure: Option<String>) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        // Another worker of this process may have seen the same.
        if let std::collections::btree_map::Entry::Vacant(entry) = settled.entry(job.index) {
            if let Some(reason) = &failure {
                self.progress.line(&format!("failed  {}: {reason}", job.name));
            }
            entry.insert(failure);
            self.progress.step(|| job.name.clone());
        }
    }

    fn say_to_wait(&self, job: &Job, owner: Option<&Owner>) {
        let Some(owner) = owner.filter(|owner| owner.pid != std::process::id()) else { return };
        let mut said = self.said_to_wait.lock().unwrap_or_else(PoisonError::into_inner);
        if !*said {
            *said = true;
            self.progress.line(&format!(
                "waiting for jobs of other workers, such as {}, which process {} on {} runs",
                job.name, owner.pid, owner.host
            ));
        }
    }

    /// Runs `job`, unless it is settled or another worker runs it.
    fn attempt(&self, job: &Job) -> Result<Attempt> {
        if let Some(settled) = self.seen(job) {
            return Ok(settled);
        }
        let sweep = self.workers.sweep;
        let written =
            |what: &str| format!("cannot write {what} of job {} in {}", job.name, sweep.folder.path().display());
        let claim = match sweep.folder.take(&job.name).with_context(|| written("a claim"))? {
            Ok(claim) => claim,
            Err(Standing::Taken(owner)) => return Ok(Attempt::Taken(owner)),
            Err(_) => return Ok(Attempt::Taken(None)),
        };
        // Looked at again: another worker may have settled it before we had the claim.
        if let Some(settled) = self.seen(job) {
            match settled {
                Attempt::Done => claim.finish(),
                _ => claim.release().with_context(|| written("a claim"))?,
            }
            return Ok(settled);
        }
        let started = Instant::now();
        let attempt = self.workers.run_claimed(job, &claim).with_context(|| format!("job {}", job.name))?;
        let failed = sweep.beside(job, "failed");
        match &attempt {
            Attempt::Done => {
                // There is one only if an earlier attempt failed.
                let _ = fs::remove_file(failed);
                claim.finish();
                self.progress.line(&format!("done    {}  {:.0} s", job.name, started.elapsed().as_secs_f64()));
            }
            Attempt::Failed(reason) => {
                let time =
                    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
                let failure = Failure { worker: Owner::this(), time, reason: reason.clone() };
                write_atomically(&failed, &serde_json::to_vec(&failure)?)?;
                claim.release().with_context(|| written("a claim"))?;
            }
            Attempt::Taken(_) => (),
        }
        Ok(attempt)
    }

    /// Whether the folder says that there is nothing to do for `job`.
    fn seen(&self, job: &Job) -> Option<Attempt> {
        match self.workers.sweep.state(job) {
            State::Done => Some(Attempt::Done),
            other @ State::Other(_) => Some(Attempt::Failed(other.details()?)),
            _ => {
                let failure = self.workers.sweep.failure(job)?;
                let new = self.failed_before.get(&job.index) != Some(&failure);
                new.then_some(Attempt::Failed(failure.reason))
            }
        }
    }
}

impl Workers<'_> {
    /// Runs a job in a process of its own, and shows meanwhile that this worker lives.
    fn run_claimed(&self, job: &Job, claim: &Claim) -> Result<Attempt> {
        self.sweep.record_origin(job)?;
        let directory = self.sweep.directory(job);
        // The job of a dead worker ends when it reads from its pipe, which takes a moment.
        let started = Instant::now();
        while RunDirectory::in_use(&directory) && started.elapsed() < END {
            thread::sleep(LOOK);
        }
        let path = self.sweep.beside(job, "log");
        let log = || OpenOptions::new().create(true).append(true).open(&path);
        let mut file = log().with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "=== relaxit {}", job.arguments.join(" "))?;
        let from = file.metadata()?.len();
        let mut command = Command::new(&self.executable);
        command.args(&job.arguments);
        if job.takes_threads {
            command.arg(format!("--threads={}", self.threads));
        }
        let mut child = command
            .arg("--out")
            .arg(&directory)
            .arg("--resume")
            .env("RAYON_NUM_THREADS", self.threads.to_string())
            .env(PIPE, "1")
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", self.executable.display()))?;
        // Open as long as this worker lives, however it ends.
        let pipe = child.stdin.take();
        let status = wait(&mut child, claim)?;
        drop(pipe);
        let Some(status) = status else { return Ok(Attempt::Taken(None)) };
        if status.success() && self.sweep.is_done(job) {
            return Ok(Attempt::Done);
        }
        let said = last_error(&path, from).with_context(|| format!("cannot read {}", path.display()))?;
        let how = if status.success() { "ended without a summary.json".into() } else { status.to_string() };
        Ok(Attempt::Failed(match said {
            Some(error) => format!("{error} ({how})"),
            None => format!("{how}; see {}", path.display()),
        }))
    }
}

/// Waits for a job, and shows meanwhile that its worker lives. `None` if the job is another worker's by now: then it was
/// killed.
fn wait(child: &mut Child, claim: &Claim) -> Result<Option<ExitStatus>> {
    let mut touched = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a job")? {
            return Ok(Some(status));
        }
        if touched.elapsed() >= TOUCH {
            touched = Instant::now();
            // A file system that is away for a while comes back, or the claim grows old.
            if claim.touch().is_ok_and(|ours| !ours) {
                child.kill().context("cannot end a job that another worker has taken over")?;
                child.wait().context("cannot wait for a job")?;
                return Ok(None);
            }
        }
        thread::sleep(LOOK);
    }
}

/// The last line of a log that says what went wrong, from a place on.
fn last_error(path: &std::path::Path, from: u64) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().rev().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned))
}

/// Ends this process, if it is the job of a worker, as soon as that worker is gone: with it goes its end of the pipe, even if
/// it was killed. So the worker that takes over finds the run's directory free.
pub fn end_with_worker() {
    if std::env::var_os(PIPE).is_some() {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            std::process::exit(1);
        });
    }
}
