//! Training on several devices, as a user meets it: here two and three replicas that share the CPU.
#![cfg(feature = "distributed")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn vae(out: &Path, more: &[&str]) -> Command {
    let small = ["vae", "--train-images=600", "--test-images=100", "--hidden=16", "--latents=6", "--epochs=3"];
    let rest = ["--batch-size=50", "--iwae-samples=3", "--threads=2", "--data-dir=../../data/mnist"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_relaxit"));
    command.args(small).args(rest).arg("--out").arg(out).args(more);
    command
}

fn trained(out: &Path, more: &[&str]) -> String {
    let output = vae(out, more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(out.join("metrics.jsonl")).unwrap()
}

fn elbos(metrics: &str) -> Vec<f64> {
    let lines = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| line["test_elbo"].as_f64().unwrap()).collect()
}

#[test]
fn several_devices_train_one_model() {
    let parent = tempfile::tempdir().unwrap();
    let run = |name: &str| parent.path().join(name);
    let metrics = trained(&run("two"), &["--devices=2"]);
    assert_eq!(trained(&run("again"), &["--devices=2"]), metrics, "equal runs, other numbers");
    let elbo = elbos(&metrics);
    assert!(elbo.len() == 3 && elbo[2] > elbo[0], "{elbo:?}");
    assert!(fs::read_to_string(run("two").join("config.toml")).unwrap().contains("devices = 2"));
    // From a checkpoint, without the option, to the same numbers.
    fs::remove_file(run("two").join("summary.json")).unwrap();
    fs::remove_dir_all(run("two").join("checkpoint")).unwrap();
    assert_eq!(trained(&run("two"), &["--resume"]), metrics);
    // One device is the trainer without devices.
    assert!(
        !fs::read_to_string({
            trained(&run("one"), &["--devices=1"]);
            run("one").join("config.toml")
        })
        .unwrap()
        .contains("devices")
    );
}

/// Killed after its first checkpoint and before its last, a divided run goes on to the same bits.
#[test]
fn a_killed_run_resumes_to_the_same_bits() {
    let parent = tempfile::tempdir().unwrap();
    let run = |name: &str| parent.path().join(name);
    let (whole, broken) = (run("whole"), run("broken"));
    // Long enough to be in the middle of, with three unequal shares in each batch.
    let options = ["--devices=3", "--epochs=8"];
    let metrics = trained(&whole, &options);

    let checkpoint = |epoch: u64| broken.join(format!("checkpoint/epoch-{epoch:06}"));
    let mut child = vae(&broken, &options).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !(1..8).any(|epoch| checkpoint(epoch).exists()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!checkpoint(8).exists() && !broken.join("summary.json").exists(), "it was killed too late");

    // The number of devices is the run's, and no other is taken.
    let refused = vae(&broken, &["--resume", "--devices=2", "--epochs=8"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && message.contains("started with devices = 3"), "{message}");
    assert_eq!(trained(&broken, &["--resume", "--epochs=8"]), metrics);
    let weights = |run: &Path| fs::read(run.join("checkpoint/epoch-000008/model.bpk")).unwrap();
    assert_eq!(weights(&broken), weights(&whole));
}

/// Without noise in the gradient, how the batch is divided changes rounding alone.
#[test]
fn the_division_of_a_batch_is_no_matter() {
    let parent = tempfile::tempdir().unwrap();
    let run = |devices: &str| {
        elbos(&trained(&parent.path().join(devices), &["--latent=exact", "--latents=3", "--epochs=1", devices]))
    };
    let one = run("--devices=1");
    for devices in ["--devices=2", "--devices=3"] {
        for (a, b) in one.iter().zip(run(devices)) {
            assert!((a - b).abs() < 0.05, "{devices}: {a}, {b}");
        }
    }
}

#[test]
fn what_cannot_be_divided_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    for (options, words) in [
        (["--latent=relax", "--devices=2"], "--devices must be 1 for --latent relax"),
        (["--latent=concrete", "--devices=0"], "from 1 to 64"),
    ] {
        let output = vae(&parent.path().join("run"), &options).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && message.contains(words), "{message}");
    }
}
