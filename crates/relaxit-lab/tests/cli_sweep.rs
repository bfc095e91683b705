//! `relaxit sweep` as a user meets it: plans, and workers that are real processes.
#![allow(clippy::unwrap_used)]

mod command;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use command::{fails, relaxit, succeeds, text};

/// Six jobs of about a second.
const PLAN: &str = r#"
    [[job]]
    command = "vae"
    [job.options]
    train-images = 600
    test-images = 100
    hidden = "16"
    latents = "6"
    epochs = 4
    batch-size = 50
    iwae-samples = 3
    data-dir = "../../data/mnist"
    [job.grid]
    latent = ["concrete", "rloo"]
    seed = [0, 1]

    [[job]]
    command = "toy"
    options = { estimators = "rloo", steps = 20, seeds = 2, draws = 10 }
    grid = { seed = [0, 1] }
"#;

/// A plan in a directory of its own, and the folder for its runs.
struct Scene {
    parent: TempDir,
    plan: PathBuf,
    out: PathBuf,
}

impl Scene {
    fn new(plan: &str) -> Self {
        let parent = TempDir::new().unwrap();
        let (path, out) = (parent.path().join("plan.toml"), parent.path().join("out"));
        fs::write(&path, plan).unwrap();
        Self { parent, plan: path, out }
    }

    fn sweep(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = relaxit(&["sweep", verb]);
        command.arg(&self.plan).arg("--out").arg(&self.out).args(more);
        command
    }

    fn start(&self, more: &[&str]) -> Child {
        self.sweep("run", more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// State and name of every job.
    fn states(&self) -> BTreeMap<String, String> {
        let listed = text(&succeeds(&mut self.sweep("plan", &[])).stdout);
        let pair = |line: &str| {
            let mut words = line.split_whitespace().skip(1).map(str::to_owned);
            (words.next().unwrap(), words.next().unwrap())
        };
        listed.lines().map(pair).map(|(state, name)| (name, state)).collect()
    }

    /// What the log of each job holds of attempts.
    fn attempts(&self) -> Vec<usize> {
        let names = self.states().into_keys();
        let log = |name| fs::read_to_string(self.out.join(format!("{name}.log"))).unwrap_or_default();
        names.map(|name| log(name).lines().filter(|line| line.starts_with("=== relaxit")).count()).collect()
    }

    fn claims(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.out) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.display().to_string().contains(".claim-")).collect()
    }
}

fn metrics(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name).join("metrics.jsonl")).unwrap()
}

const NAMES: [&str; 6] =
    ["toy-seed0", "toy-seed1", "vae-concrete-seed0", "vae-concrete-seed1", "vae-rloo-seed0", "vae-rloo-seed1"];

#[test]
fn two_workers_share_a_plan_and_run_each_job_once() {
    let scene = Scene::new(PLAN);
    assert!(scene.states().values().all(|state| state == "missing"));
    let mut workers = [scene.start(&["--jobs=2"]), scene.start(&["--jobs=1"])];
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success());
    }
    let states = scene.states();
    assert!(states.keys().eq(NAMES) && states.values().all(|state| state == "done"), "{states:?}");
    assert_eq!(scene.attempts(), [1; 6]);
    assert!(scene.claims().is_empty(), "{:?}", scene.claims());

    // Nothing is missing any more.
    let again = text(&succeeds(&mut scene.sweep("run", &[])).stdout);
    assert!(again.contains("6 of 6 jobs done"), "{again}");
    assert_eq!(scene.attempts(), [1; 6]);

    let table = text(&succeeds(&mut scene.sweep("collect", &["--format=csv"])).stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 7, "{table}");
    let elbo = lines[0].split(',').position(|column| column == "test_elbo").unwrap();
    assert!(lines[1].split(',').nth(elbo).unwrap().parse::<f64>().unwrap() < -100.0, "{table}");
    let read = text(&succeeds(&mut scene.sweep("collect", &[])).stdout);
    assert!(read.contains("test_elbo") && read.contains("vae-rloo-seed1"), "{read}");
    let rows = text(&succeeds(&mut scene.sweep("collect", &["--format=jsonl"])).stdout);
    let row: serde_json::Value = serde_json::from_str(rows.lines().nth(3).unwrap()).unwrap();
    assert_eq!(
        (&row["job"], &row["grid"]["seed"], &row["summary"]["seed"]),
        (&"vae-rloo-seed1".into(), &1.into(), &1.into())
    );
}

/// A worker is killed in the middle of a job, of which nothing may be lost or done twice.
#[test]
fn a_killed_worker_leaves_its_jobs_to_another() {
    // Long enough to be in the middle of.
    let scene = Scene::new(&PLAN.replace("epochs = 4", "epochs = 12"));
    let whole =
        Scene { out: scene.parent.path().join("whole"), plan: scene.plan.clone(), parent: TempDir::new().unwrap() };
    succeeds(&mut whole.sweep("run", &["--jobs=1"]));

    let mut first = scene.start(&["--jobs=1"]);
    let started = Instant::now();
    let checkpoint = scene.out.join("vae-concrete-seed0/checkpoint/epoch-000003");
    while !checkpoint.exists() && !scene.out.join("vae-concrete-seed0/summary.json").exists() {
        assert!(started.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(2));
    }
    // A second worker is waiting at the time.
    let mut second = scene.start(&["--index=0"]);
    std::thread::sleep(Duration::from_millis(100));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(scene.states()["vae-concrete-seed0"], "done");

    succeeds(&mut scene.sweep("run", &["--jobs=2"]));
    assert!(scene.states().values().all(|state| state == "done"));
    let attempts = scene.attempts();
    assert!(attempts.iter().sum::<usize>() == 7 && attempts[2] == 2, "{attempts:?}");
    for name in &NAMES[2..] {
        assert!(metrics(&scene.out, name) == metrics(&whole.out, name), "{name}");
    }
    assert!(scene.claims().is_empty());
}

/// What a worker starts ends with the worker, however that ends, so that another finds the run's directory free.
#[test]
fn a_job_ends_with_its_worker() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("run");
    let mut job = relaxit(&["vae", "--epochs=100000", "--hidden=8", "--latents=4", "--train-images=100"]);
    job.args(["--test-images=10", "--data-dir=../../data/mnist", "--out"]).arg(&out);
    let mut job = job.env("RELAXIT_JOB_OF_A_WORKER", "1").stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !out.join("checkpoint/epoch-000002").exists() && started.elapsed() < Duration::from_mins(1) {
        assert!(job.try_wait().unwrap().is_none());
    }
    drop(job.stdin.take());
    let ended = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        job.try_wait().unwrap()
    });
    job.kill().unwrap();
    assert_eq!(ended.and_then(|status| status.code()), Some(1));
}

#[test]
fn an_index_is_one_job() {
    let scene = Scene::new(PLAN);
    let said = text(&succeeds(&mut scene.sweep("run", &["--index=4"])).stdout);
    assert!(said.contains("1 of 1 jobs done"), "{said}");
    let states = scene.states();
    assert_eq!(states["toy-seed0"], "done");
    assert_eq!(states.values().filter(|state| *state == "missing").count(), 5);
    let message = fails(&mut scene.sweep("run", &["--index=6"]), 2);
    assert!(message.contains("--index must be from 0 to 5, got 6"), "{message}");
}

/// The batch script of docs/cluster.md, in the environment that a job array gives its tasks.
#[test]
fn the_batch_script_runs_one_job() {
    let scene = Scene::new(PLAN);
    let script = || {
        let mut command = Command::new("bash");
        command.arg("../../docs/sweep.slurm").arg(&scene.plan).arg(&scene.out);
        command.env("RELAXIT", env!("CARGO_BIN_EXE_relaxit")).env_remove("SLURM_ARRAY_TASK_ID");
        command
    };
    succeeds(script().env("SLURM_ARRAY_TASK_ID", "5"));
    let states = scene.states();
    assert_eq!(states["toy-seed1"], "done");
    assert_eq!(states.values().filter(|state| *state == "missing").count(), 5);
    fails(script().env("SLURM_ARRAY_TASK_ID", "6"), 2);
    // Here it is bash that complains, before there is a relaxit.
    let alone = script().output().unwrap();
    let message = text(&alone.stderr);
    assert_eq!(alone.status.code(), Some(1), "{message}");
    assert!(message.contains("not a task of a job array") && !message.contains("panicked"), "{message}");
    // Many tasks at once, some of them for the same job.
    let tasks = [0, 1, 2, 3, 4, 5, 0, 3].map(|task: usize| {
        let mut task = script().env("SLURM_ARRAY_TASK_ID", task.to_string()).stderr(Stdio::null()).spawn().unwrap();
        move || task.wait().unwrap().success()
    });
    for mut succeeded in tasks {
        assert!(succeeded());
    }
    assert!(scene.states().values().all(|state| state == "done"));
    assert_eq!(scene.attempts(), [1; 6]);
}

#[test]
fn a_job_that_fails_is_reported_and_stops_no_other() {
    let scene = Scene::new(&PLAN.replace("../../data/mnist", "no-such-data"));
    let message = fails(&mut scene.sweep("run", &["--jobs=2"]), 1);
    assert!(
        message.contains("4 jobs failed") && message.contains("vae-rloo-seed1: data file no-such-data"),
        "{message}"
    );
    let states = scene.states();
    assert_eq!((states["toy-seed1"].as_str(), states["vae-rloo-seed0"].as_str()), ("done", "failed"));
    assert_eq!(scene.attempts(), [1; 6]);
    let listed = text(&succeeds(&mut scene.sweep("plan", &[])).stdout);
    assert!(listed.contains("# data file no-such-data"), "{listed}");
    let log = fs::read_to_string(scene.out.join("vae-rloo-seed0.log")).unwrap();
    assert!(log.contains("error: ") && log.contains("no-such-data"), "{log}");
    // Each call tries once more.
    fails(&mut scene.sweep("run", &[]), 1);
    assert_eq!(scene.attempts(), [1, 1, 2, 2, 2, 2]);

    // The directory of a job is that of its options for ever.
    fs::write(&scene.plan, PLAN.replace("steps = 20", "steps = 30")).unwrap();
    assert_eq!(scene.states()["toy-seed0"], "other");
    let message = fails(&mut scene.sweep("run", &["--index=4"]), 1);
    assert!(message.contains("was started as relaxit") && message.contains("--steps=20"), "{message}");
    let collected = succeeds(&mut scene.sweep("collect", &[]));
    assert!(collected.stdout.is_empty());
    let collected = text(&collected.stderr);
    assert!(collected.contains("6 of 6 jobs are not done yet"), "{collected}");
}

#[test]
fn reproduce_runs_a_plan_and_writes_its_report() {
    let scene = Scene::new(&format!("{PLAN}\n[[job]]\ncommand = \"toy\"\nname = \"again\"\noptions.steps = 10"));
    // One job is wanted to fail: its directory is of somebody else.
    let jobs = scene.out.join("jobs");
    fs::create_dir_all(jobs.join("again")).unwrap();
    fs::write(jobs.join("again/thesis.tex"), "precious").unwrap();
    let reproduce = || {
        let mut command = relaxit(&["reproduce", "--jobs=2", "--plan"]);
        command.arg(&scene.plan).arg("--out").arg(&scene.out);
        command
    };
    let message = fails(&mut reproduce(), 1);
    assert!(message.contains("1 job failed") && message.contains("thesis.tex"), "{message}");
    // The others are reported nevertheless.
    let html = fs::read_to_string(scene.out.join("report.html")).unwrap();
    assert!(html.contains("relaxit reproduce --plan") && html.contains("rloo"), "{} bytes", html.len());
    let written = || fs::metadata(jobs.join("vae-rloo-seed1/summary.json")).unwrap().modified().unwrap();
    let before = written();

    fs::remove_dir_all(jobs.join("again")).unwrap();
    fs::write(&scene.plan, PLAN).unwrap();
    let said = text(&succeeds(&mut reproduce()).stdout);
    assert!(said.contains("report.html") && said.contains("report.md"), "{said}");
    assert_eq!(written(), before);
    let message = fails(&mut relaxit(&["reproduce", "--quick", "--full"]), 2);
    assert!(message.contains("cannot be used with"), "{message}");
}

/// The messages, as they are read.
#[test]
fn a_plan_with_mistakes_is_refused_before_anything_runs() {
    let vae = |more: &str| format!("[[job]]\ncommand = \"vae\"\n{more}");
    let mut messages = String::new();
    for plan in [
        vae("comand = \"vae\""),
        "[[job]]\ncommand = \"sample Bernoulli\"".into(),
        vae("[job.options]\nlatnets = \"20\""),
        vae("[job.options]\nseed = -1"),
        vae("[job.options]\nout = \"x\""),
        vae("[job.grid]\nseed = 3"),
        vae("[job.grid]\nlatent = [\"concrete\", \"magic\"]\n[job.options]\nlatents = \"20\""),
        vae("[job.options]\nlatents = \"20x4\""),
        vae("[[job]]\ncommand = \"vae\"\noptions.seed = 1"),
        "[[job]]\ncommand = \"rl\"\noptions = { env = \"pong\" }".into(),
        "[[job]]\ncommand = \"toy\"\noptions = { estimators = \"rlo\" }".into(),
        "[[job]\n".into(),
    ] {
        let scene = Scene::new(&plan);
        for verb in ["plan", "run", "collect"] {
            let message = fails(&mut scene.sweep(verb, &[]), 2).replace(&scene.plan.display().to_string(), "plan.toml");
            if verb == "run" {
                messages += &[&plan, "\n--- ", &message, "\n"].concat();
            }
        }
        assert!(!scene.out.exists(), "{plan}");
    }
    insta::assert_snapshot!(messages);
    let message = fails(&mut relaxit(&["sweep", "plan", "no-such-plan.toml"]), 1);
    assert!(message.contains("cannot read plan no-such-plan.toml"), "{message}");
}

#[test]
fn the_help_is_as_reviewed() {
    for verb in ["plan", "run", "collect"] {
        insta::assert_snapshot!(
            format!("help_of_{verb}"),
            text(&succeeds(&mut relaxit(&["sweep", verb, "--help"])).stdout)
        );
    }
    insta::assert_snapshot!("help_of_reproduce", text(&succeeds(&mut relaxit(&["reproduce", "--help"])).stdout));
    insta::assert_snapshot!("help_of_sweep", text(&succeeds(&mut relaxit(&["sweep", "--help"])).stdout));
}
