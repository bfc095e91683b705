//! `relaxit rl` as a user meets it: end to end, in temporary directories.
#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::path::Path;
use std::process::Command;

use command::{fails, relaxit, succeeds};

/// A training run of a second or two.
fn small(out: &Path, more: &[&str]) -> Command {
    let mut command = relaxit(&[
        "rl",
        "--steps=6000",
        "--seeds=2",
        "--hidden=8",
        "--evaluations=3",
        "--final-episodes=5",
        "--gradients=4",
    ]);
    command.arg("--out").arg(out).args(more);
    command
}

fn metrics(run: &Path) -> [String; 2] {
    [0, 1].map(|seed| fs::read_to_string(run.join(format!("seed-{seed}/metrics.jsonl"))).unwrap())
}

#[test]
fn every_agent_leaves_everything_it_promises() {
    let parent = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for agent in ["reinforce", "reinforce-baseline", "a2c", "relax", "rebar", "decoupled"] {
        let run = parent.path().join(agent);
        let output = succeeds(&mut small(&run, &["--agent", agent]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for word in ["reward", "threshold", "variance", "speed", "summary.json"] {
            assert!(text.contains(word), "{text}");
        }
        let summary: serde_json::Value = serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap();
        assert_eq!(summary["seeds"].as_array().unwrap().len(), 2);
        assert!(summary["machine"]["threads"].as_u64() > Some(0), "{summary}");
        assert!(summary["gradient_variance"]["value"].as_f64().unwrap() > 0.0);
        assert!(fs::read_to_string(run.join("curve.svg")).unwrap().contains("<svg"));
        assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains(agent));
        runs.push(run);
    }
    let plot = parent.path().join("compare.svg");
    let output = succeeds(relaxit(&["rl", "compare"]).args(&runs).arg("--plot").arg(&plot));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(plot.exists());

    let audit =
        ["audit", "--draws=100", "--tune=5", "--format=jsonl", "--estimators=reinforce,relax,decoupled", "--run"];
    let output = succeeds(relaxit(&audit).arg(&runs[0]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let aggregates: Vec<_> = records.iter().filter(|record| record["logit"].is_null()).collect();
    assert_eq!(aggregates.len(), 3);
    for record in aggregates {
        let unbiased = record["estimator"] != "decoupled";
        assert_eq!(record["claims_unbiased"].as_bool(), Some(unbiased), "{record}");
        assert_eq!(unbiased, record["z"].as_f64().unwrap() < 6.109, "{record}");
    }

    let output = succeeds(relaxit(&["rl", "watch"]).arg(&runs[0]));
    assert!(String::from_utf8_lossy(&output.stdout).contains("reward"));
    assert!(fs::read(runs[0].join("watch.gif")).unwrap().starts_with(b"GIF89a"));

    let cut = runs[0].join("seed-1/metrics.jsonl");
    let first = fs::read_to_string(&cut).unwrap().lines().next().unwrap().to_owned();
    fs::write(&cut, first).unwrap();
    for command in [&["rl", "compare"][..], &["report"]] {
        let message = fails(relaxit(command).arg(&runs[0]), 1);
        assert!(message.contains("seed-1/metrics.jsonl lacks lines"), "{message}");
    }
}

#[test]
fn a_run_goes_on_from_its_checkpoints_to_the_same_numbers() {
    let parent = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| parent.path().join(name));
    succeeds(&mut small(&whole, &["--env=taxi", "--threads=2"]));
    succeeds(&mut small(&killed, &["--env=taxi", "--threads=1"]));
    let expected = metrics(&whole);
    assert!(metrics(&killed) == expected, "the number of threads changed the numbers");
    // What a kill between checkpoint and summary leaves, and a line that was written after the checkpoint.
    fs::remove_file(killed.join("summary.json")).unwrap();
    let torn = killed.join("seed-1/metrics.jsonl");
    fs::write(&torn, format!("{}{{\"seed\":1", expected[1])).unwrap();
    fails(&mut small(&killed, &["--env=taxi"]), 1);
    succeeds(&mut small(&killed, &["--env=taxi", "--threads=1", "--resume"]));
    assert!(metrics(&killed) == expected);
    assert!(killed.join("summary.json").exists());
    let message = fails(&mut small(&killed, &["--env=taxi", "--resume", "--discount=0.5"]), 2);
    assert!(message.contains("discount"), "{message}");
}

#[test]
fn options_of_an_environment_stay_with_the_run() {
    let parent = tempfile::tempdir().unwrap();
    let [dry, rainy] = ["dry", "rainy"].map(|name| parent.path().join(name));
    let fickle = ["--env-option", "fickle_passenger=true"];
    let options = [&["--env=taxi", "--env-option", "is_rainy=true"], &fickle[..]].concat();
    succeeds(&mut small(&dry, &["--env=taxi"]));
    succeeds(&mut small(&rainy, &options));
    assert!(metrics(&dry) != metrics(&rainy), "no rain fell");
    let config = fs::read_to_string(rainy.join("config.toml")).unwrap();
    assert!(config.contains(r#"env_options = ["fickle_passenger=true", "is_rainy=true"]"#), "{config}");

    // A resumed run has them without being told, and refuses others.
    let expected = metrics(&rainy);
    for seed in ["seed-0", "seed-1"] {
        fs::remove_dir_all(rainy.join(seed)).unwrap();
    }
    succeeds(&mut small(&rainy, &["--env=taxi", "--resume"]));
    assert!(metrics(&rainy) == expected);
    let message = fails(&mut small(&rainy, &["--env=taxi", "--resume", "--env-option=is_rainy=true"]), 2);
    assert!(message.contains("env_options"), "{message}");

    assert!(succeeds(relaxit(&["rl", "watch"]).arg(&rainy)).stdout.starts_with(b"reward"));
    let message = fails(relaxit(&["rl", "compare"]).args([&dry, &rainy]), 1);
    assert!(message.contains("taxi fickle_passenger=true is_rainy=true"), "{message}");

    // Whoever makes the environment anew reads them there.
    fs::write(rainy.join("config.toml"), config.replace("rainy", "sunny")).unwrap();
    for command in [["rl", "watch"], ["audit", "--run"]] {
        let message = fails(relaxit(&command).arg(&rainy), 1);
        assert!(message.contains("is_sunny"), "{message}");
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    for (options, word) in [
        (&["--env=pong"][..], "cartpole"),
        (&["--agent=dqn"], "reinforce"),
        (&["--discount=1.5"], "error: --discount must be in [0, 1], got 1.5"),
        (&["--lambda", "-1"], "error: --lambda must be in [0, 1], got -1"),
        (&["--agent=relax", "--temperature=0"], "error: --temperature must be in [0.001, 1000], got 0"),
        (&["--agent=a2c", "--temperature=1"], "--temperature is not for --agent a2c, but for relax, rebar, decoupled"),
        (&["--agent=a2c", "--control-learning-rate=0.1"], "--control-learning-rate is not for --agent a2c"),
        (
            &["--agent=reinforce", "--critic-learning-rate=0.1"],
            "but for reinforce-baseline, a2c, relax, rebar, decoupled",
        ),
        (&["--learning-rate=nan"], "learning"),
        (&["--seeds=0"], "seeds"),
        (&["--threshold=inf"], "threshold"),
        (&["--gradients=1"], "gradients"),
        (&["--env=taxi", "--env-option=is_rainy"], "--env-option: environment option: expected NAME=JSON"),
        (&["--env=taxi", "--env-option=is_rainy=perhaps"], "`is_rainy=perhaps`"),
        (&["--env=taxi", "--env-option=is_rainy=1"], "true or false, got `is_rainy=1`"),
        (&["--env=taxi", "--env-option=is_sunny=true"], "fickle_probability, got `is_sunny=true`"),
        (&["--env=cartpole", "--env-option=gravity=NaN"], "`gravity=NaN`"),
        (&["--env=cartpole", "--env-option=gravity=3"], "no options, got `gravity=3`"),
        (&["--seed=18446744073709551615"], "seed"),
    ] {
        let run = parent.path().join("run");
        let message = fails(&mut small(&run, options), 2);
        assert!(message.contains(word), "{message}");
        assert!(!run.exists());
    }
    let message = fails(relaxit(&["rl", "compare"]).arg(parent.path()), 1);
    assert!(message.contains("summary.json"), "{message}");
    let message = fails(relaxit(&["rl", "watch"]).arg(parent.path()), 1);
    assert!(message.contains("config.toml"), "{message}");
}
