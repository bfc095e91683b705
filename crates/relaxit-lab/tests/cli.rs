//! The command as a user meets it: end to end, in temporary directories.
#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use command::{relaxit, succeeds, text};

/// A training run of a few seconds.
const SMALL: [&str; 13] = [
    "vae",
    "--train-images=600",
    "--test-images=100",
    "--hidden=16",
    "--latents=6",
    "--epochs=4",
    "--batch-size=50",
    "--iwae-samples=3",
    "--threads=2",
    "--temperature=exponential:1.0->0.5@30",
    "--seed=3",
    "--protocol=dynamic",
    "--data-dir=../../data/mnist",
];

fn small(out: &Path, more: &[&str]) -> Command {
    let mut command = relaxit(&SMALL);
    command.arg("--out").arg(out).args(more);
    command
}

/// Runs to the end, expects `status` and returns the one line that says why.
fn fails(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{message}");
    assert!(output.stdout.is_empty());
    for word in ["panicked", "backtrace", "thread '"] {
        assert!(!message.contains(word), "{message}");
    }
    let first = message.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{message}"));
    first.to_owned()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The weights of the last checkpoint and the metrics: what equal runs share to the last bit.
fn results(run: &Path) -> (Vec<u8>, String) {
    let weights = fs::read(run.join("checkpoint/epoch-000004/model.bpk")).unwrap();
    (weights, fs::read_to_string(run.join("metrics.jsonl")).unwrap())
}

#[test]
fn a_run_leaves_everything_it_promises() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("deep/run");
    let output = succeeds(&mut small(&out, &[]));

    let summary = json(&out.join("summary.json"));
    for key in ["training_objective", "test_elbo", "test_iwae", "seconds", "version", "machine"] {
        assert!(!summary[key].is_null(), "{key}");
    }
    assert_eq!(summary["protocol"], "dynamic");
    assert_eq!((&summary["iwae_samples"], &summary["steps"], &summary["seed"]), (&3.into(), &48.into(), &3.into()));
    // Three samples already tighten the bound, by far more than the noise of 100 images.
    assert!(summary["test_iwae"].as_f64() > summary["test_elbo"].as_f64());
    let config: toml::Table = fs::read_to_string(out.join("config.toml")).unwrap().parse().unwrap();
    assert_eq!(config["temperature"].as_str(), Some("exponential:1->0.5@30"));
    let metrics = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 4);
    for line in metrics.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["gradient_variance"].as_f64().unwrap() > 0.0, "{line}");
    }
    for picture in ["reconstructions.png", "samples.png"] {
        assert!(fs::read(out.join(picture)).unwrap().starts_with(b"\x89PNG"));
    }
    assert!(fs::read_to_string(out.join("loss.svg")).unwrap().contains("<svg"));

    // Data on standard output, progress in plain lines on standard error.
    let (data, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(data.contains("test ELBO") && data.contains("samples.png") && !data.contains("epoch 1/4"), "{data}");
    assert!(notes.contains("epoch 1/4") && !notes.contains('\u{1b}'), "{notes}");
}

#[test]
fn every_method_trains() {
    for (method, code, judged) in [
        ("concrete", "6x2", "discrete"),
        ("gumbel-softmax", "4x3", "discrete"),
        ("straight-through", "6", "discrete"),
        ("straight-through", "4x3", "discrete"),
        ("st-gumbel-softmax", "6", "discrete"),
        ("st-gumbel-softmax", "4x3", "discrete"),
        ("st-gumbel-softmax", "4x4 --k=2", "discrete"),
        ("decoupled", "4x3", "discrete"),
        ("gumbel-rao", "4x3", "discrete"),
        ("gapped", "4x3", "discrete"),
        ("reinmax", "6", "discrete"),
        ("rebar-relaxation", "6", "discrete"),
        ("stochastic-times-smooth", "6", "discrete"),
        ("reinforce", "6", "discrete"),
        ("rloo", "4x3", "discrete"),
        ("rloo", "4x4 --k=2", "discrete"),
        ("arm", "6", "discrete"),
        ("disarm", "6x2", "discrete"),
        ("disarm", "4x3", "discrete"),
        ("arms", "6", "discrete"),
        ("sum-and-sample", "4x3", "discrete"),
        ("unordered-set", "4x3 --samples=3", "discrete"),
        ("muprop", "6", "discrete"),
        ("muprop", "4x3", "discrete"),
        ("exact", "5", "discrete"),
        ("exact", "3x3", "discrete"),
        ("nvil", "6", "discrete"),
        ("nvil", "4x4 --k=2", "discrete"),
        ("vimco", "6", "discrete"),
        ("vimco", "4x3 --samples=3", "discrete"),
        ("double-cv", "6", "discrete"),
        ("double-cv", "4x3", "discrete"),
        ("rodeo", "6", "discrete"),
        ("rodeo", "4x3", "discrete"),
        ("rloo", "6 --layers=2", "discrete"),
        ("disarm", "4x3 --layers=2", "discrete"),
        ("concrete", "6 --layers=2 --prior=learned", "discrete"),
        ("nvil", "6 --layers=3", "discrete"),
        ("relax", "6 --layers=2", "discrete"),
        ("relax", "6", "discrete"),
        ("relax", "4x3", "discrete"),
        ("rebar", "6", "discrete"),
        ("rebar", "4x3 --tuning-rate=0.1", "discrete"),
        ("relaxed-top-k", "4x4", "discrete"),
        ("implicit-mle", "4x4", "discrete"),
        ("simple", "4x4 --k=1", "discrete"),
        ("poisson", "6", "discrete"),
        ("geometric", "6 --atoms=5", "discrete"),
        ("binomial", "6", "discrete"),
        ("negative-binomial", "6 --prior=learned", "discrete"),
        ("soft-sort", "3x4", "discrete"),
        ("neural-sort", "3x4", "discrete"),
        ("hard-concrete", "6", "mixed"),
        ("gaussian-relaxed-bernoulli", "6", "mixed"),
        ("hard-kumaraswamy", "6", "mixed"),
        ("correlated-relaxed-bernoulli", "2x3 --correlation=-0.3", "continuous"),
        ("invertible-gaussian", "4x3", "continuous"),
        ("logistic-normal", "4x3", "continuous"),
        ("logistic-normal-softmax", "4x3 --prior=learned", "continuous"),
        ("dirichlet", "4x3", "continuous"),
    ] {
        let parent = TempDir::new().unwrap();
        let out = parent.path().join("run");
        let code = format!("--latents={code}");
        succeeds(small(&out, &["--latent", method, "--learning-rate=0.01"]).args(code.split(' ')));
        let metrics = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
        let loss =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["train_loss"].as_f64().unwrap();
        let losses: Vec<f64> = metrics.lines().map(loss).collect();
        assert!(losses[3] < 0.8 * losses[0], "{method} {code}: {losses:?}");
        let summary = json(&out.join("summary.json"));
        assert_eq!(summary["judged_model"], judged, "{method}");
        let bounds = ["test_elbo", "test_iwae"].map(|bound| summary[bound].as_f64().unwrap());
        assert!(bounds[0] > -300.0 && bounds[1] > bounds[0], "{method} {code}: {bounds:?}");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bits() {
    let parent = TempDir::new().unwrap();
    let (whole, broken) = (parent.path().join("whole"), parent.path().join("broken"));
    let output = succeeds(&mut small(&whole, &[]));
    killed_and_resumed(&broken, &[]);
    assert_eq!(results(&whole), results(&broken));
    for picture in ["reconstructions.png", "samples.png", "loss.svg"] {
        assert_eq!(fs::read(whole.join(picture)).unwrap(), fs::read(broken.join(picture)).unwrap(), "{picture}");
    }
    // A run that has ended ends again, with the same words but for the clock and the path.
    let again = succeeds(&mut small(&whole, &["--resume"]));
    let numbers = |output: &Output| {
        text(&output.stdout).lines().filter(|line| line.starts_with("test")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&again), numbers(&output));
}

/// What an estimator has learned is as much of a run as the weights.
#[test]
fn a_killed_run_of_an_estimator_that_learns_resumes_to_the_same_bits() {
    let parent = TempDir::new().unwrap();
    let (whole, broken) = (parent.path().join("whole"), parent.path().join("broken"));
    let options = ["--latent=relax", "--tuning-rate=0.1", "--hidden=none", "--prior=learned", "--layers=2"];
    succeeds(&mut small(&whole, &options));
    killed_and_resumed(&broken, &options);
    assert_eq!(results(&whole), results(&broken));
    let [learned, of_broken] = [&whole, &broken].map(|run| json(&run.join("checkpoint/epoch-000004/state.json")));
    assert!(learned["estimator"]["parameters"].is_array());
    assert_eq!(learned["estimator"], of_broken["estimator"]);
}

/// Trains in `broken`, killed at moments that fall into reading, training, writing and judging, on one thread and on two,
/// until it ends.
fn killed_and_resumed(broken: &Path, options: &[&str]) {
    // The delays grow so that it must end.
    let mut kills = 0;
    for attempt in 1_u64.. {
        let threads = format!("--threads={}", 1 + attempt % 2);
        let mut command = small(broken, options);
        let mut child =
            command.args(["--resume", &threads]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(71 * attempt));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 2);
}

#[test]
fn a_resumed_run_needs_no_options_and_refuses_other_ones() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("run");
    succeeds(&mut small(&out, &[]));
    let before = results(&out);
    let path = out.to_str().unwrap();
    let data = "--data-dir=../../data/mnist";
    succeeds(&mut relaxit(&["vae", "--resume", data, "--out", path]));
    let refusal = fails(&mut relaxit(&["vae", "--resume", data, "--out", path, "--hidden=17"]), 2);
    assert!(refusal.contains("hidden = \"16\"") && refusal.contains("17"), "{refusal}");
    let refusal = fails(&mut small(&out, &[]), 1);
    assert!(refusal.contains("already holds a run") && refusal.contains("--resume"), "{refusal}");
    assert_eq!(results(&out), before);
}

#[test]
fn damaged_checkpoints_are_refused_by_name() {
    let parent = TempDir::new().unwrap();
    let (out, other) = (parent.path().join("run"), parent.path().join("other"));
    succeeds(&mut small(&out, &[]));
    let checkpoint = out.join("checkpoint/epoch-000004");
    let model = fs::read(checkpoint.join("model.bpk")).unwrap();

    let mut altered = model.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(checkpoint.join("model.bpk"), &altered).unwrap();
    let refusal = fails(&mut small(&out, &["--resume"]), 1);
    assert!(refusal.contains("model.bpk was altered"), "{refusal}");

    fs::remove_file(checkpoint.join("model.bpk")).unwrap();
    let refusal = fails(&mut small(&out, &["--resume"]), 1);
    assert!(refusal.contains("cannot read checkpoint file"), "{refusal}");

    // A whole checkpoint, but of another model.
    fs::write(checkpoint.join("model.bpk"), &model).unwrap();
    let mut larger = relaxit(&SMALL.map(|option| if option == "--hidden=16" { "--hidden=20" } else { option }));
    succeeds(larger.arg("--out").arg(&other));
    fs::remove_dir_all(other.join("checkpoint/epoch-000004")).unwrap();
    fs::rename(&checkpoint, other.join("checkpoint/epoch-000004")).unwrap();
    let refusal = fails(larger.arg("--resume"), 1);
    assert!(refusal.contains("another model"), "{refusal}");

    // Another version's run.
    let config = fs::read_to_string(out.join("config.toml")).unwrap();
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(config.contains(&version));
    fs::write(out.join("config.toml"), config.replace(&version, "version = \"99.0.0\"")).unwrap();
    let refusal = fails(&mut small(&out, &["--resume"]), 1);
    assert!(refusal.contains("99.0.0"), "{refusal}");
}

#[test]
fn bad_options_are_usage_errors() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("run");
    for (options, expected) in [
        ("--temperature=0", "between 1e-6 and 1e6"),
        ("--temperature=linear:1->0@10", "between 1e-6 and 1e6"),
        ("--temperature=soon", "expected a number"),
        ("--latents=0x3", "1 to 4096 variables"),
        ("--latents=20x1", "2 to 1024 categories"),
        ("--latents=20x4", "--latent concrete takes bits"),
        ("--latent=simple --latents=20", "VARIABLESxITEMS"),
        ("--latent=simple --latents=20x4 --k=4", "--k must be below"),
        ("--latent=arm --k=4", "--k is not for --latent arm, but for st-gumbel-softmax"),
        ("--latent=poisson --latents=20x4", "a number of counts"),
        ("--latent=poisson --atoms=1", "from 2 to 1024"),
        ("--latent=dirichlet --atoms=9", "--atoms is not for --latent dirichlet, but for poisson"),
        ("--latent=hard-concrete --latents=20x4", "a number of gates"),
        ("--latent=correlated-relaxed-bernoulli --latents=2x3 --correlation=-0.5", "between -0.499 and 0.999"),
        ("--latent=correlated-relaxed-bernoulli --correlation=nan", "got NaN"),
        ("--prior=magic", "magic"),
        ("--latent=unordered-set --samples=9", "--samples of --latent unordered-set must be from 2 to 8, got 9"),
        ("--samples=3", "--samples is not for --latent concrete, but for gumbel-rao"),
        ("--tuning-rate=0.1", "--tuning-rate is not for --latent concrete, but for nvil"),
        ("--hidden=0", "or `none`"),
        ("--layers=0", "from 1 to 8"),
        ("--latent=poisson --layers=2", "--layers must be 1 with --latent poisson; codes of bits or choices"),
        ("--latent=rloo --latents=6x4 --k=2 --layers=2", "--layers must be 1 with --latent rloo"),
        ("--activation=magic", "magic"),
        ("--latent=magic", "magic"),
        ("--protocol=sepia", "sepia"),
        ("--epochs=0", "from 1 to 100000"),
        ("--batch-size=0", "from 1 to 60000"),
        ("--learning-rate=0", "above 0 and at most 1"),
        ("--learning-rate=nan", "above 0 and at most 1"),
        ("--threads=0", "from 1 to 1024"),
        ("--device=abacus", "abacus"),
        ("--seed=-1", "from 0 to 18446744073709551615"),
        ("--epochs -1", "'-1' for '--epochs <EPOCHS>': expected a whole number from 1 to 100000"),
        ("--epochs 1.5", "from 1 to 100000"),
        ("--temperature -1", "between 1e-6 and 1e6"),
        ("--nonsense", "--nonsense"),
    ] {
        let message = fails(relaxit(&["vae"]).args(options.split(' ')).arg("--out").arg(&out), 2);
        assert!(message.contains(expected), "{options}: {message}");
    }
    assert!(!out.exists());
}

#[test]
fn bad_data_leaves_no_run_behind() {
    let parent = TempDir::new().unwrap();
    let (data, out) = (parent.path().join("data"), parent.path().join("run"));
    fs::create_dir(&data).unwrap();
    let attempt = || fails(relaxit(&["vae"]).arg("--data-dir").arg(&data).arg("--out").arg(&out), 1);
    assert!(attempt().contains("train-images-idx3-ubyte.gz"), "{}", attempt());

    for entry in fs::read_dir("../../data/mnist").unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, data.join(path.file_name().unwrap())).unwrap();
    }
    let labels = data.join("t10k-labels-idx1-ubyte.gz");
    let whole = fs::read(&labels).unwrap();
    fs::write(&labels, &whole[..whole.len() / 2]).unwrap();
    assert!(attempt().contains("t10k-labels-idx1-ubyte.gz is cut short"), "{}", attempt());
    fs::copy(data.join("train-labels-idx1-ubyte.gz"), &labels).unwrap();
    assert!(attempt().contains("t10k-labels-idx1-ubyte.gz is not the published one"), "{}", attempt());
    assert!(!out.exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "a file, not a directory").unwrap();
    let message = fails(&mut small(&file.join("run"), &[]), 1);
    assert!(message.contains("file/run"), "{message}");
    let foreign = parent.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "precious").unwrap();
    let message = fails(&mut small(&foreign, &["--resume"]), 1);
    assert!(message.contains("thesis.tex"), "{message}");
}

#[test]
fn the_help_is_as_reviewed() {
    insta::assert_snapshot!(text(&succeeds(relaxit(&["vae", "--help"]).env("COLUMNS", "100")).stdout));
}
