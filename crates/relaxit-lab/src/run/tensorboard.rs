//! TensorBoard's event files: every line of the metrics as curves that TensorBoard draws while a run goes on.
//!
//! ```text
//! file    = record…
//! record  = length: u64, masked(crc32c(length)): u32, event, masked(crc32c(event)): u32      little-endian
//! event   = a protocol buffer: wall time, step, and one of: file version, start of a session, scalars
//! ```
//!
//! The wall times are the clock's, so these files are no part of what equal runs have equal.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// By which TensorBoard knows the files; behind it stand the seconds since 1970 and our own number.
const PREFIX: &str = "events.out.tfevents.";

/// The version whose readers forget what a new session writes again.
const FILE_VERSION: &[u8] = b"brain.Event:2";

/// Fields that say where on a curve a line stands, rather than how high.
const COORDINATES: [&str; 3] = ["seed", "step", "steps"];

/// The event file of one session of a run.
///
/// It comes into being with the session's first line, and begins by declaring void what earlier sessions wrote from
/// that step on: a killed run repeats what came after its last checkpoint.
#[derive(Debug)]
pub(super) struct EventFile {
    directory: PathBuf,
    path: OnceLock<PathBuf>,
}

impl EventFile {
    /// Of a session that writes to `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), path: OnceLock::new() }
    }

    /// Whether an earlier session wrote one.
    pub(super) fn exists_in(directory: &Path) -> bool {
        !names(directory).is_empty()
    }

    /// Appends every number of `metrics`, at their `step` or `steps`.
    ///
    /// A curve is named as the field is, its first underscore turned into the slash by which TensorBoard groups:
    /// `test/elbo`. TensorBoard keeps single precision.
    pub(super) fn record(&self, metrics: &impl Serialize) -> Result<()> {
        let fields = serde_json::to_value(metrics).context("the metrics have no JSON form")?;
        let step = fields.get("step").or_else(|| fields.get("steps")).and_then(Value::as_u64);
        let step = step.context("the metrics have no step, which TensorBoard needs")?;
        let mut summary = Vec::new();
        for (name, value) in fields.as_object().into_iter().flatten() {
            if let Some(value) = value.as_f64().filter(|_| !COORDINATES.contains(&name.as_str())) {
                field(&mut summary, 1, &scalar(&name.replacen('_', "/", 1), value));
            }
        }
        let path = if let Some(path) = self.path.get() {
            path
        } else {
            let path = start(&self.directory, step)?;
            self.path.get_or_init(|| path)
        };
        append(path, &[event(step, 5, &summary)])
    }
}

/// Creates a file that sorts behind those of earlier sessions, as TensorBoard reads them in that order.
fn start(directory: &Path, step: u64) -> Result<PathBuf> {
    let earlier = names(directory);
    let seconds_of = |name: &String| name.strip_prefix(PREFIX)?.split('.').next()?.parse::<u64>().ok();
    // A clock that was set back must not bring the file before the others.
    let seconds = earlier.iter().filter_map(seconds_of).fold(since_1970().as_secs(), u64::max);
    let path = directory.join(format!("{PREFIX}{seconds:010}.relaxit.{:06}", earlier.len()));
    // Field 1 of a session log is its status, of which 1 is the start.
    append(&path, &[event(0, 3, FILE_VERSION), event(step, 7, &[0x08, 1])])?;
    Ok(path)
}

/// The event files of `directory`.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(PREFIX)).collect()
}

/// Appends records in one write, so that a killed process leaves whole ones.
fn append(path: &Path, events: &[Vec<u8>]) -> Result<()> {
    let bytes: Vec<u8> = events.iter().flat_map(|event| record(event)).collect();
    let write = || OpenOptions::new().create(true).append(true).open(path)?.write_all(&bytes);
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    [&length[..], &masked(crc32c(&length)).to_le_bytes(), event, &masked(crc32c(event)).to_le_bytes()].concat()
}

/// `Event { wall_time = 1, step = 2, number = content }`.
fn event(step: u64, number: u8, content: &[u8]) -> Vec<u8> {
    let mut event = vec![0x09];
    event.extend(since_1970().as_secs_f64().to_le_bytes());
    event.push(0x10);
    varint(&mut event, step);
    field(&mut event, number, content);
    event
}

/// `Value { tag = 1, simple_value = 2 }`.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let mut scalar = Vec::new();
    field(&mut scalar, 1, tag.as_bytes());
    scalar.push(0x15);
    #[allow(clippy::cast_possible_truncation)] // to what TensorBoard keeps
    scalar.extend((value as f32).to_le_bytes());
    scalar
}

/// Bytes, text or a message as field `number`, 1 to 15.
fn field(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push((number << 3) | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The cyclic redundancy check of Castagnoli's polynomial, bit by bit: records are of a few hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let bit = |crc: u32, _| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

/// What the format stores, since the check of data that holds its own check is not one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 3720, appendix B.4, and of every table of checks.
    #[test]
    fn known_checks() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, expected) in [
            (&[0; 32][..], 0x8A91_36AA),
            (&[0xFF; 32], 0x62A8_AB43),
            (&ascending, 0x46DD_794E),
            (b"123456789", 0xE306_9283),
            (b"", 0),
        ] {
            assert_eq!(crc32c(bytes), expected);
        }
    }

    #[test]
    fn files_sort_by_session() {
        let directory = tempfile::tempdir().unwrap();
        // From a clock that is ahead.
        fs::write(directory.path().join(format!("{PREFIX}9999999999.relaxit.000000")), "").unwrap();
        assert!(EventFile::exists_in(directory.path()));
        for step in [1, 2, 3] {
            EventFile::new(directory.path()).record(&serde_json::json!({ "step": step })).unwrap();
        }
        let mut sorted = names(directory.path());
        sorted.sort_unstable();
        let sizes = sorted.iter().map(|name| fs::metadata(directory.path().join(name)).unwrap().len());
        assert_eq!(sizes.map(|size| size > 0).collect::<Vec<_>>(), [false, true, true, true]);
        assert!(sorted.iter().enumerate().all(|(i, name)| name.ends_with(&format!(".{i:06}"))));
    }

    #[test]
    fn metrics_without_a_step_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = EventFile::new(directory.path()).record(&serde_json::json!({ "loss": 1.0 })).unwrap_err();
        assert!(error.to_string().contains("step"), "{error}");
        assert!(!EventFile::exists_in(directory.path()));
    }
}
