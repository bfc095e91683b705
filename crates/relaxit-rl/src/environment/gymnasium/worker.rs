//! A process that steps environments for us: one request, one reply, each a line of JSON, within a time limit.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line longer than this is no reply.
const LONGEST_LINE: u64 = 1 << 28;
/// Lines of the worker's complaints that an error quotes.
const QUOTED_LINES: usize = 4;
/// How long to wait for what a dead worker had to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the worker is asked to do.
#[derive(Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request<'a> {
    Make {
        id: &'a str,
        count: usize,
        autoreset: bool,
        keywords: &'a BTreeMap<String, Value>,
    },
    Reset(&'a [u64]),
    /// Without a seed: another episode of the only environment.
    Restart(()),
    Step(&'a [usize]),
}

/// What the worker answers; floating-point numbers are their bits.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Made { actions: usize, space: SpaceBits, masked: bool },
    Started { observations: Vec<u32>, masks: Vec<bool> },
    Stepped(Stepped),
    Failed(String),
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpaceBits {
    Discrete(usize),
    Box(Vec<u32>, Vec<u32>),
}

#[derive(Deserialize, Debug)]
pub(super) struct Stepped {
    pub(super) observations: Vec<u32>,
    pub(super) final_observations: Vec<u32>,
    pub(super) rewards: Vec<u64>,
    pub(super) terminated: Vec<bool>,
    pub(super) truncated: Vec<bool>,
    pub(super) masks: Vec<bool>,
}

/// A running process; killed when dropped, and as soon as it does anything but answer.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: Sender<String>,
    replies: Receiver<String>,
    complaints: Arc<Mutex<VecDeque<String>>>,
    /// Disconnected once nothing more can be complained about.
    complaining: Receiver<()>,
    time_limit: Duration,
    /// Why it was killed.
    problem: Option<String>,
}

impl Worker {
    /// Starts `command`.
    pub(super) fn start(command: &[String], time_limit: Duration) -> Result<Self, String> {
        let [program, arguments @ ..] = command else { return Err("the worker's command is empty".to_owned()) };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start `{program}`: {error}"))?;
        let (to_write, requests) = mpsc::channel();
        let (read, replies) = mpsc::sync_channel(1); // a flood stays in the pipe
        let (complains, complaining) = mpsc::sync_channel(0);
        let complaints = Arc::default();
        // Pipes block, and have no time limits: threads wait for them. They end with the process.
        if let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        {
            let complaints = Arc::clone(&complaints);
            thread::spawn(move || write_lines(stdin, &requests));
            thread::spawn(move || read_lines(stdout, &read));
            thread::spawn(move || {
                keep_last_lines(stderr, &complaints);
                drop(complains);
            });
        }
        Ok(Self { child, requests: to_write, replies, complaints, complaining, time_limit, problem: None })
    }

    /// Asks, and waits for the answer, but not longer than the time limit.
    pub(super) fn ask(&mut self, request: &Request<'_>) -> Result<Reply, String> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        self.exchange(request).map_err(|problem| self.give_up(problem))
    }

    fn exchange(&mut self, request: &Request<'_>) -> Result<Reply, String> {
        let line = serde_json::to_string(request).map_err(|error| error.to_string())?;
        if let Ok(line) = self.replies.try_recv() {
            return Err(format!("the worker talks nonsense (before it was asked): `{}`", shortened(&line)));
        }
        // A worker that no longer reads is one whose answer does not come.
        let _ = self.requests.send(line);
        match self.replies.recv_timeout(self.time_limit) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(Reply::Failed(problem)) => Err(problem),
                Ok(reply) => Ok(reply),
                Err(error) => Err(format!("the worker talks nonsense ({error}): `{}`", shortened(&line))),
            },
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("the worker did not answer within {} s", self.time_limit.as_secs_f64()))
            }
            Err(RecvTimeoutError::Disconnected) => Err("the worker died".to_owned()),
        }
    }

    /// Ends the process for `problem`, and says everything that is known about it.
    pub(super) fn give_up(&mut self, mut problem: String) -> String {
        self.end();
        // The reason may still be in the pipe; a process of the worker's own may keep the pipe open.
        let _ = self.complaining.recv_timeout(LAST_WORDS);
        for line in self.complaints.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            problem += "\n  ";
            problem += line;
        }
        self.problem = Some(problem.clone());
        problem
    }

    fn end(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_lines(mut stdin: ChildStdin, requests: &Receiver<String>) {
    for line in requests {
        if writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(stdout: ChildStdout, replies: &SyncSender<String>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match stdout.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(1..) if replies.send(String::from_utf8_lossy(&line).into_owned()).is_ok() => {}
            _ => return,
        }
    }
}

fn keep_last_lines(stderr: ChildStderr, complaints: &Mutex<VecDeque<String>>) {
    let mut stderr = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        match stderr.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(1..) => {
                let mut complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
                complaints.push_back(shortened(String::from_utf8_lossy(&line).trim_end()));
                if complaints.len() > QUOTED_LINES {
                    complaints.pop_front();
                }
            }
            _ => return,
        }
    }
}

fn shortened(line: &str) -> String {
    let line = line.trim_end();
    let start: String = line.chars().take(200).collect();
    if start.len() < line.len() { start + " …" } else { start }
}
