//! Environments in another process: Gymnasium itself, where this machine has it, and workers that misbehave.
#![cfg(unix)]

use std::process::Command;
use std::time::{Duration, Instant};

use relaxit_rl::check::check_environment;
use relaxit_rl::environment::{
    CartPole, Environment, EnvironmentName, EnvironmentOptions, Gymnasium, Space, Taxi, TimeLimit, VectorEnvironment,
    Vectorized, VectorizedCartPole, VectorizedGymnasium, WorkerOptions,
};
use relaxit_rl::{Error, Result};

/// A worker that is a shell script. It has long to answer, unless it is expected not to.
fn fake(script: &str, expected: &str) -> WorkerOptions {
    let seconds = if expected == "did not answer" { 1 } else { 30 };
    WorkerOptions {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        time_limit: Duration::from_secs(seconds),
        keywords: EnvironmentOptions::default(),
    }
}

fn problem<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Environment { name, problem }) if name == "gym:Fake-v0" => problem,
        Err(error) => panic!("another error: {error:?}"),
        Ok(_) => panic!("no error"),
    }
}

/// Answers as a worker with one environment of two actions would.
const MADE: &str = r#"read l; echo '{"made": {"actions": 2, "space": {"discrete": 3}, "masked": false}}';"#;
const STARTED: &str = r#"read l; echo '{"started": {"observations": [0], "masks": [true, true]}}';"#;

#[test]
fn a_worker_that_misbehaves_at_once_is_an_error() {
    let cases = [
        ("exit 3", "died"),
        ("echo no module of that name >&2; exit 1", "no module of that name"),
        ("exec sleep 1000", "did not answer"),
        ("read l; exec sleep 1000", "did not answer"),
        ("echo hello; exec sleep 1000", "nonsense"),
        ("read l; echo '{\"made\": 3}'; exec sleep 1000", "nonsense"),
        ("read l; printf '{\"made\": '; exit", "nonsense"),
        ("read l; printf '\\377\\n'; exec sleep 1000", "nonsense"),
        ("read l; echo '{\"failed\": \"no such environment\"}'; exec sleep 1000", "no such environment"),
        (
            "read l; echo '{\"started\": {\"observations\": [], \"masks\": []}}'; exec sleep 1000",
            "did not say what it made",
        ),
        (
            "read l; echo '{\"made\": {\"actions\": 0, \"space\": {\"discrete\": 3}, \"masked\": false}}'; exec sleep 9",
            "without actions",
        ),
        (
            "read l; echo '{\"made\": {\"actions\": 2, \"space\": {\"box\": [[], []]}, \"masked\": false}}'; exec sleep 9",
            "or space",
        ),
        ("while :; do echo; done", "nonsense"),
        ("read l; head -c 1000000 /dev/zero; exec sleep 1000", "did not answer"),
    ];
    for (script, expected) in cases {
        let start = Instant::now();
        let problem = problem(Gymnasium::new("Fake-v0", &fake(script, expected)));
        assert!(problem.contains(expected), "`{script}`: {problem}");
        assert!(start.elapsed() < Duration::from_secs(20), "`{script}`");
    }
    let options = WorkerOptions { command: vec!["/no/such/program".to_owned()], ..fake("", "") };
    assert!(problem(VectorizedGymnasium::new("Fake-v0", 2, &options)).contains("/no/such/program"));
    let options = WorkerOptions { command: Vec::new(), ..options };
    assert!(problem(Gymnasium::new("Fake-v0", &options)).contains("empty"));
    assert!(matches!(VectorizedGymnasium::new("Fake-v0", 0, &options), Err(Error::Parameter(_))));
}

#[test]
fn a_worker_that_misbehaves_later_is_an_error_for_ever() {
    let cases = [
        ("exit", "died"),
        ("exec sleep 1000", "did not answer"),
        ("read l; echo '{\"stepped\": []}'; exec sleep 1000", "nonsense"),
        (STARTED, "did not say where the actions led to"),
        (
            r#"read l; echo '{"stepped": {"observations": [0, 0], "final_observations": [0, 0], "rewards": [0],
            "terminated": [false], "truncated": [false], "masks": [true, true]}}' | tr -d '\n'; echo; exec sleep 1000"#,
            "did not say where the actions led to",
        ),
    ];
    for (script, expected) in cases {
        let mut environment =
            Gymnasium::new("Fake-v0", &fake(&format!("{MADE} {STARTED} {script}"), expected)).expect("a start");
        assert_eq!((environment.num_actions(), environment.observation_space()), (2, Space::Discrete { n: 3 }));
        let first = problem(environment.step(1));
        assert!(first.contains(expected), "`{script}`: {first}");
        let start = Instant::now();
        assert_eq!(problem(environment.step(1)), first);
        assert_eq!(problem(environment.reset(1)), first);
        assert!(start.elapsed() < Duration::from_millis(100));
    }
}

#[test]
fn a_worker_that_stops_reading_is_an_error_too() {
    let script =
        r#"read l; echo '{"made": {"actions": 2, "space": {"discrete": 3}, "masked": false}}'; exec sleep 1000"#;
    // The request is longer than a pipe holds.
    let problem = problem(VectorizedGymnasium::new("Fake-v0", 100_000, &fake(script, "did not answer")));
    assert!(problem.contains("did not answer"), "{problem}");
}

/// The Python that has Gymnasium: `RELAXIT_PYTHON`, or `python3`.
fn gymnasium() -> Option<WorkerOptions> {
    let program = std::env::var("RELAXIT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&program).args(["-c", "import gymnasium"]).output().is_ok_and(|out| out.status.success());
    found.then(|| WorkerOptions::python(&program))
}

#[test]
fn gymnasium_itself_agrees_with_our_ports() {
    let Some(options) = gymnasium() else { return };
    let taxi = TimeLimit::new(Taxi::new(), 200).expect("positive");
    let ours: [(&str, Box<dyn VectorEnvironment>); 2] = [
        ("CartPole-v1", Box::new(VectorizedCartPole::new(3, 500).expect("positive"))),
        ("Taxi-v4", Box::new(Vectorized::new(vec![taxi; 3]).expect("some"))),
    ];
    for (id, mut ours) in ours {
        let mut theirs = VectorizedGymnasium::new(id, 3, &options).expect("an environment");
        assert_eq!(theirs.observation_space(), ours.observation_space());
        assert_eq!(theirs.steps(), ours.steps());
        for step in 0..300 {
            let actions = [step % 2, step / 2 % 2, step / 4 % 2];
            theirs.step(&actions).expect("an answer");
            ours.step(&actions).expect("infallible");
            let (theirs, ours) = (theirs.steps(), ours.steps());
            assert_eq!(theirs.rewards, ours.rewards, "{id}");
            assert_eq!((&theirs.terminated, &theirs.truncated), (&ours.terminated, &ours.truncated), "{id}");
            assert_eq!(theirs.masks, ours.masks, "{id}");
            let bits = |seen: &[f32]| seen.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&theirs.observations), bits(&ours.observations), "{id}");
            let width = ours.observations.len() / 3;
            for i in (0..3).filter(|&i| ours.ended(i)) {
                let row = i * width..(i + 1) * width;
                assert_eq!(bits(&theirs.final_observations[row.clone()]), bits(&ours.final_observations[row]), "{id}");
            }
        }
    }
}

#[test]
fn gymnasium_itself_conforms() {
    let Some(options) = gymnasium() else { return };
    for id in ["CartPole-v1", "FrozenLake-v1"] {
        let mut environment = Gymnasium::new(id, &options).expect("an environment");
        check_environment(&mut environment).expect(id);
    }
    let mut environment = Gymnasium::new("CartPole-v1", &options).expect("an environment");
    assert_eq!(environment.reset(4), CartPole::new().reset(4).map(|observation| observation.to_vec()));
    let mut environment = Gymnasium::new("Blackjack-v1", &options).expect("an environment");
    let space = environment.observation_space();
    assert_eq!(space.width(), 32 + 11 + 2); // a tuple of discrete spaces, flattened
    assert!(space.contains(&environment.restart().expect("an answer")));
    for (id, expected) in [("NoSuch-v0", "NoSuch"), ("Pendulum-v1", "Discrete")] {
        let error = Gymnasium::new(id, &options).expect_err("no environment for us").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A worker that answers with what it was asked, as its complaint.
#[test]
fn keywords_reach_the_worker_as_they_are() {
    let keywords = EnvironmentOptions::new(["gravity=-5.0", "map_name=null", "desc=[\"SF\"]"]).expect("options");
    let script = "read l; echo \"$l\" >&2; exit 1";
    let options = WorkerOptions { keywords, ..fake(script, "died") };
    let problem = problem(VectorizedGymnasium::new("Fake-v0", 3, &options));
    assert!(problem.contains(r#""keywords":{"desc":["SF"],"gravity":-5.0,"map_name":null}"#), "{problem}");
}

#[test]
fn gymnasium_itself_takes_keywords_and_says_which_there_are() {
    let Some(options) = gymnasium() else { return };
    let with = |assignments: &[&str]| {
        let keywords = EnvironmentOptions::new(assignments).expect("options");
        WorkerOptions { keywords, ..options.clone() }
    };
    let rain = ["fickle_passenger=true", "is_rainy=true", "rainy_probability=0.6"];
    let mut theirs = VectorizedGymnasium::new("Taxi-v4", 4, &with(&rain)).expect("an environment");
    let options_of_ours = EnvironmentOptions::new(rain).expect("options");
    let mut ours = EnvironmentName::Taxi.make(4, &options_of_ours).expect("an environment");
    for step in 0..500 {
        let actions = [step % 6, step / 2 % 6, step / 5 % 6, step / 7 % 6];
        theirs.step(&actions).expect("an answer");
        ours.step(&actions).expect("infallible");
        assert_eq!(theirs.steps().observations, ours.steps().observations, "{step}");
        assert_eq!(theirs.steps().rewards, ours.steps().rewards, "{step}");
    }
    let mut short = Gymnasium::new("CartPole-v1", &with(&["max_episode_steps=3"])).expect("an environment");
    let ended: Vec<bool> = (0..3).map(|_| short.step(0).expect("an answer").truncated).collect();
    assert_eq!(ended, [false, false, true]);
    let error = Gymnasium::new("Taxi-v4", &with(&["is_sunny=true"])).expect_err("no such option").to_string();
    assert!(error.contains("is_sunny") && error.contains("fickle_passenger"), "{error}");
}

#[test]
fn an_interrupt_at_the_terminal_does_not_kill_the_worker() {
    let Some(mut options) = gymnasium() else { return };
    let interrupt = "import os, signal, threading, gymnasium\n\
                     threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()\n";
    options.command[2] = format!("{interrupt}{}", options.command[2]);
    let mut environment = Gymnasium::new("CartPole-v1", &options).expect("an environment");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        if environment.step(0).expect("an answer").ended() {
            environment.restart().expect("an answer");
        }
    }
}
