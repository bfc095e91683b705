//! The only file that writes to the terminal: data to standard output, everything else to standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::usage::UsageError;

/// Writes results and progress.
///
/// A reader that closed its end (`relaxit vae | head`) is not an error: output to it is dropped.
#[derive(Debug)]
pub struct Printer {
    interactive: bool,
}

impl Printer {
    /// A printer that draws a progress bar if standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self { interactive: io::stderr().is_terminal() }
    }

    /// One line of data, to standard output.
    ///
    /// # Errors
    /// If standard output cannot be written, as on a full disk; a closed pipe is no error.
    pub fn data(&self, line: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Many lines of data at once, each with its end, to standard output. `false` if nobody reads any more.
    ///
    /// # Errors
    /// If standard output cannot be written, as on a full disk; a closed pipe is no error.
    pub fn block(&self, lines: &str) -> io::Result<bool> {
        let mut out = io::stdout().lock();
        match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            result => result.map(|()| true),
        }
    }

    /// One line for the person at the terminal, to standard error.
    pub fn note(&self, line: &str) {
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Reports why the command failed: status 2 for a mistake of the caller, 1 for anything else.
    #[must_use]
    pub fn failure(&self, error: &anyhow::Error) -> ExitCode {
        // A parser's message ends with a line of its own.
        self.note(format!("error: {error:#}").trim_end());
        ExitCode::from(if error.is::<UsageError>() { 2 } else { 1 })
    }

    /// Starts to show the progress of `total` steps, of which `done` were made by an earlier session.
    #[must_use]
    pub fn progress(&self, total: u64, done: u64) -> Progress {
        let target = if self.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = "{bar:30} {pos}/{len}  {msg}  {rate}  {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
            "rate",
            |state: &ProgressState, out: &mut dyn fmt::Write| {
                // The style has nowhere to report to if its own buffer fails.
                let _ = write!(out, "{:.1}/s", state.per_sec());
            },
        );
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style).with_position(done);
        bar.reset_eta();
        Progress { bar, interactive: self.interactive }
    }
}

impl Default for Printer {
    fn default() -> Self {
        Self::new()
    }
}

/// A progress bar on a terminal, plain lines elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    interactive: bool,
}

impl Progress {
    /// One more step, with what to show beside the bar.
    pub fn step(&self, message: impl FnOnce() -> String) {
        // A message that no terminal shows is not worth formatting.
        if self.interactive {
            self.bar.set_message(message());
        }
        self.bar.inc(1);
    }

    /// A line that stays, above the bar.
    pub fn line(&self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
