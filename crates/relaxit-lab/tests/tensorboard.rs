//! TensorBoard's event files, read by a reader that shares nothing with the writer, and by TensorBoard where it is.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

const VAE: [&str; 11] = [
    "vae",
    "--tensorboard",
    "--train-images=300",
    "--test-images=50",
    "--hidden=16",
    "--latents=6",
    "--epochs=4",
    "--batch-size=50",
    "--iwae-samples=2",
    "--threads=2",
    "--data-dir=../../data/mnist",
];

const RL: [&str; 8] = [
    "rl",
    "--tensorboard",
    "--env=taxi",
    "--steps=4000",
    "--seeds=2",
    "--hidden=8",
    "--evaluations=3",
    "--final-episodes=5",
];

fn relaxit(arguments: &[&str], out: &Path) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_relaxit")).args(arguments).arg("--out").arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Castagnoli's check by table, as remainders of single bytes.
fn check(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| (0..8).fold(byte, |rest, _| if rest & 1 == 1 { (rest / 2) ^ 0x82F6_3B78 } else { rest / 2 }))
        .collect();
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc / 256);
    }
    crc ^ u32::MAX
}

fn mask(crc: u32) -> u32 {
    ((crc / 32768) | (crc << 17)).wrapping_add(0xA282_EAD8)
}

/// The records of a file, each checked.
fn records(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let length = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
        assert_eq!(word(8), mask(check(&file[..8])), "the check of a length");
        assert_eq!(word(12 + length), mask(check(&file[12..12 + length])), "the check of a record");
        records.push(file[12..12 + length].to_vec());
        file = &file[16 + length..];
    }
    records
}

/// A field of a protocol buffer.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Varint(u64),
    Double(f64),
    Bytes(Vec<u8>),
    Float(f32),
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let length = message.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let (digits, rest) = message.split_at(length);
        *message = rest;
        digits.iter().rev().fold(0, |value, digit| value * 128 + u64::from(digit & 0x7F))
    }
    fn take<'a>(message: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = message.split_at(length);
        *message = rest;
        taken
    }
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let field = match key % 8 {
            0 => Field::Varint(varint(&mut message)),
            1 => Field::Double(f64::from_le_bytes(take(&mut message, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                Field::Bytes(take(&mut message, length).to_vec())
            }
            5 => Field::Float(f32::from_le_bytes(take(&mut message, 4).try_into().unwrap())),
            other => panic!("wire type {other}"),
        };
        fields.push((key / 8, field));
    }
    fields
}

/// Curves by name, each of steps and values.
type Curves = BTreeMap<String, Vec<(u64, f32)>>;

/// What TensorBoard makes of a directory: curves, what a later session repeats forgotten; and the wall times.
fn curves(directory: &Path) -> (Curves, Vec<f64>) {
    let (mut curves, mut times) = (Curves::new(), Vec::new());
    for file in event_files(directory) {
        let events = records(&fs::read(file).unwrap());
        for (index, event) in events.iter().map(|event| fields(event)).enumerate() {
            let [(1, Field::Double(time)), (2, Field::Varint(step)), (kind, Field::Bytes(content))] = &event[..] else {
                panic!("{event:?}");
            };
            times.push(*time);
            match kind {
                3 => assert_eq!((index, &content[..]), (0, &b"brain.Event:2"[..])),
                7 => {
                    assert_eq!((index, fields(content)), (1, vec![(1, Field::Varint(1))]));
                    for curve in curves.values_mut() {
                        curve.retain(|(at, _)| at < step);
                    }
                }
                5 => {
                    for (_, value) in fields(content) {
                        let Field::Bytes(value) = value else { panic!("{value:?}") };
                        let [(1, Field::Bytes(tag)), (2, Field::Float(value))] = &fields(&value)[..] else { panic!() };
                        curves.entry(String::from_utf8(tag.clone()).unwrap()).or_default().push((*step, *value));
                    }
                }
                other => panic!("field {other} of an event"),
            }
        }
    }
    (curves, times)
}

fn event_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.to_str().unwrap().contains("tfevents")).collect();
    files.sort_unstable();
    files
}

/// The curves that `metrics.jsonl` says there are.
#[allow(clippy::cast_possible_truncation)]
fn expected(directory: &Path) -> Curves {
    let mut curves = Curves::new();
    for line in fs::read_to_string(directory.join("metrics.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line.get("step").unwrap_or(&line["steps"]).as_u64().unwrap();
        for (name, value) in line.as_object().unwrap() {
            if let (false, Some(value)) = (["seed", "step", "steps"].contains(&&**name), value.as_f64()) {
                curves.entry(name.replacen('_', "/", 1)).or_default().push((step, value as f32));
            }
        }
    }
    curves
}

/// A Python with TensorBoard: `RELAXIT_PYTHON`, or `python3`.
fn python() -> Option<String> {
    let python = std::env::var("RELAXIT_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

/// Holds TensorBoard itself to the metrics, where it is installed.
fn tensorboard_agrees(directory: &Path) {
    let Some(python) = python() else {
        eprintln!("TensorBoard is not installed: its own reader was not tried");
        return;
    };
    let output = Command::new(python).arg("../../python/check/event_files.py").arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_reader_knows_the_published_checks() {
    assert_eq!(check(b"123456789"), 0xE306_9283);
    assert_eq!(check(&[0; 32]), 0x8A91_36AA);
    // The first record of every file that TensorFlow writes has 24 bytes: wall time and file version.
    assert_eq!(mask(check(&24u64.to_le_bytes())).to_le_bytes(), [0xA3, 0x7F, 0x4B, 0x22]);
}

#[test]
fn a_vae_leaves_its_metrics_to_tensorboard() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let started = now();
    relaxit(&VAE, &run);
    let ended = now();
    let (whole, times) = curves(&run);
    assert_eq!(whole, expected(&run));
    assert_eq!(whole["test/elbo"].iter().map(|(step, _)| *step).collect::<Vec<_>>(), [6, 12, 18, 24]);
    assert!(times.is_sorted() && started <= times[0] && times[times.len() - 1] <= ended, "{times:?}");
    // They go on where the run had them, asked for or not; what is repeated is there once.
    fs::remove_dir_all(run.join("checkpoint")).unwrap();
    let silent: Vec<_> = VAE.into_iter().filter(|&option| option != "--tensorboard").chain(["--resume"]).collect();
    relaxit(&silent, &run);
    assert_eq!(event_files(&run).len(), 2);
    assert_eq!(curves(&run).0, whole);
    tensorboard_agrees(&run);
    // A run that has nothing left to do writes none.
    relaxit(&silent, &run);
    assert_eq!(event_files(&run).len(), 2);
}

#[test]
fn every_seed_leaves_its_metrics_to_tensorboard() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    relaxit(&RL, &run);
    for seed in ["seed-0", "seed-1"] {
        let (curves, _) = curves(&run.join(seed));
        assert_eq!(curves, expected(&run.join(seed)));
        assert_eq!(curves["evaluation/reward"].len(), 3);
        assert!(!curves.contains_key("seed"));
        tensorboard_agrees(&run.join(seed));
    }
    assert!(event_files(&run).is_empty());
}

/// A session that died after a line that its checkpoint does not know.
#[test]
fn what_a_later_session_repeats_is_void() {
    let parent = tempfile::tempdir().unwrap();
    let session = || relaxit_lab::run::RunDirectory::claim(parent.path(), true).unwrap().with_events(true);
    let line = |step: u64, loss: f64| serde_json::json!({ "step": step, "train_loss": loss });
    let first = session();
    let checkpoint = first.append_metrics(&line(300, 1.5)).unwrap();
    first.append_metrics(&line(600, 99.0)).unwrap();
    drop(first);
    fs::write(parent.path().join("config.toml"), "").unwrap();
    let second = session();
    second.rewind_metrics(checkpoint).unwrap();
    second.append_metrics(&line(600, 1.25)).unwrap();
    second.append_metrics(&line(900, 1.0)).unwrap();
    let curve = vec![(300, 1.5), (600, 1.25), (900, 1.0)];
    assert_eq!(curves(parent.path()).0, BTreeMap::from([("train/loss".to_owned(), curve)]));
    tensorboard_agrees(parent.path());
}

#[test]
fn nobody_asked_and_nothing_is_written() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let silent: Vec<_> = VAE.into_iter().filter(|&option| option != "--tensorboard").collect();
    relaxit(&silent, &run);
    assert!(event_files(&run).is_empty());
}
