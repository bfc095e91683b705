//! The command, as tests run it.

#![allow(dead_code)] // each test target uses its part

use std::process::{Command, Output};

/// The command with these arguments; its help is 100 columns wide.
pub(crate) fn relaxit(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relaxit"));
    command.args(arguments).env("COLUMNS", "100");
    command
}

/// The command as it is typed, with blanks between its words.
pub(crate) fn typed(line: &str) -> Command {
    relaxit(&line.split_whitespace().collect::<Vec<_>>())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs to the end and expects success.
#[track_caller]
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    output
}

/// Runs to the end, expects `status`, and returns what it said.
#[track_caller]
pub(crate) fn fails(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command:?}: {message}");
    assert!(message.contains("error: ") && !message.contains("panicked"), "{command:?}: {message}");
    message
}
