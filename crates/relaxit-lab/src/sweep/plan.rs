//! Plans: grids over commands and options, as TOML files hold them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use toml::{Table, Value};

use crate::usage::UsageError;

/// A command that leaves a run directory, and so can be a job.
#[derive(Debug)]
struct Runnable {
    command: &'static str,
    /// Whether it takes `--threads`.
    threads: bool,
}

/// All of them; each takes `--out` and `--resume`.
const RUNNABLE: [Runnable; 6] = [
    Runnable { command: "audit", threads: false },
    Runnable { command: "figure laplace-bridge", threads: false },
    Runnable { command: "figure two-temperatures", threads: false },
    Runnable { command: "rl", threads: true },
    Runnable { command: "toy", threads: false },
    Runnable { command: "vae", threads: true },
];

/// Options that a worker gives.
const RESERVED: [&str; 2] = ["out", "resume"];

/// Most jobs of a plan.
const MOST_JOBS: usize = 100_000;

/// What names the files beside a job's directory.
const SIDES: [&str; 4] = [".claim-", ".failed", ".job", ".log"];

/// Longest name of a job: with what is appended to it, a file name may have 255 bytes.
const LONGEST_NAME: usize = 200;

/// One run of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its place in the plan, from 0.
    pub index: usize,
    /// Its name, which no other job of the plan has; that of its directory too.
    pub name: String,
    /// The command and its options, but for those that say where it runs.
    pub arguments: Vec<String>,
    /// What distinguishes it from others of its table, as `(option, value)`.
    pub point: Vec<(String, Value)>,
    /// Whether workers say how many threads it has: if the command takes that, and the plan does not say.
    pub takes_threads: bool,
}

/// The jobs of a plan, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// At least one.
    pub jobs: Vec<Job>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    job: Vec<Jobs>,
}

/// One table `[[job]]`: a command at every point of a grid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jobs {
    command: String,
    name: Option<String>,
    #[serde(default)]
    options: Table,
    #[serde(default)]
    grid: Table,
}

impl Plan {
    /// The plan in a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no plan: see [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read plan {shown}"))?;
        Ok(Self::parse(&text).map_err(|error| UsageError(format!("plan {shown}: {error}")))?)
    }

    /// The plan in a text. Whether commands accept the options is not looked at.
    ///
    /// # Errors
    /// In words that name the key, its value and what is accepted: if the text is not TOML, has a key that no plan has, a
    /// command that leaves no run directory, a value that is no option's, or two jobs of one name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: PlanFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut jobs = Vec::new();
        for (table, of_table) in file.job.iter().enumerate() {
            let place = |error| format!("[[job]] {} (`{}`): {error}", table + 1, of_table.command);
            of_table.expand(&mut jobs).map_err(place)?;
        }
        // Not every file system tells large letters from small ones.
        let mut taken = BTreeMap::new();
        for job in &jobs {
            if let Some(other) = taken.insert(job.name.to_lowercase(), job.index) {
                let name = &job.name;
                return Err(format!("jobs {other} and {} have one name, `{name}`; give a [[job]] a `name`", job.index));
            }
        }
        if jobs.is_empty() { Err("has no [[job]]".into()) } else { Ok(Self { jobs }) }
    }
}

impl Jobs {
    /// Appends a job for each point of the grid: options in alphabetical order, but for the seed, which changes fastest.
    fn expand(&self, jobs: &mut Vec<Job>) -> Result<(), String> {
        let words: Vec<&str> = self.command.split(' ').collect();
        let Some(runnable) = RUNNABLE.iter().find(|runnable| runnable.command == self.command) else {
            let known = RUNNABLE.map(|runnable| runnable.command).join(", ");
            return Err(format!("`command` must be one that leaves a run directory ({known})"));
        };
        let prefix = self.name.clone().unwrap_or_else(|| words.join("-"));
        if !prefix.starts_with(|c: char| c.is_ascii_alphanumeric()) || readable(&prefix) != prefix {
            return Err(format!(
                "`name` must be letters, digits, `-`, `_` and `.`, the first a letter or digit, got `{prefix}`"
            ));
        }
        for key in self.options.keys().chain(self.grid.keys()) {
            if RESERVED.contains(&key.as_str()) {
                return Err(format!("option `{key}` is given by the sweep"));
            }
        }
        let mut shared = Vec::new();
        for (key, value) in &self.options {
            shared.extend(argument("options", key, value)?);
        }
        let mut points = vec![Vec::new()];
        let (seeds, others): (Vec<_>, Vec<_>) = self.grid.iter().partition(|(key, _)| *key == "seed");
        for (key, value) in others.into_iter().chain(seeds) {
            let values = self.values(key, value)?;
            if points.len() * values.len() > MOST_JOBS {
                return Err(format!("[job.grid] has more than {MOST_JOBS} points"));
            }
            points = points
                .iter()
                .flat_map(|point| {
                    values.iter().map(|value| [point.as_slice(), &[(key.clone(), value.clone())]].concat())
                })
                .collect();
        }
        let takes_threads =
            runnable.threads && !self.options.contains_key("threads") && !self.grid.contains_key("threads");
        for point in points {
            let name = name(&prefix, &point);
            if SIDES.iter().any(|side| name.contains(side)) {
                return Err(format!("a job's name must not hold {}, got `{name}`", SIDES.join(", ")));
            }
            if name.len() > LONGEST_NAME {
                return Err(format!("a job's name must have at most {LONGEST_NAME} bytes, got `{name}`"));
            }
            let mut arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
            arguments.extend(shared.iter().cloned());
            for (key, value) in &point {
                arguments.extend(argument("grid", key, value)?);
            }
            jobs.push(Job { index: jobs.len(), name, arguments, point, takes_threads });
            if jobs.len() > MOST_JOBS {
                return Err(format!("a plan has at most {MOST_JOBS} jobs"));
            }
        }
        Ok(())
    }

    /// The values of one option of the grid.
    fn values<'a>(&self, key: &str, value: &'a Value) -> Result<&'a [Value], String> {
        if self.options.contains_key(key) {
            return Err(format!("option `{key}` is in [job.options] and in [job.grid]"));
        }
        let Some(values) = value.as_array().filter(|values| !values.is_empty()) else {
            return Err(format!("`grid.{key}` must be a list of values, as in {key} = [0, 1], got {value}"));
        };
        for (index, value) in values.iter().enumerate() {
            if values[..index].contains(value) {
                return Err(format!("`grid.{key}` names {value} twice"));
            }
        }
        Ok(values)
    }
}

/// What an option is on the command line: nothing if it is false.
fn argument(table: &str, key: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Boolean(true) => Ok(Some(format!("--{key}"))),
        Value::Boolean(false) => Ok(None),
        Value::String(_) | Value::Integer(_) | Value::Float(_) => Ok(Some(format!("--{key}={}", plain(value)))),
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => Err(format!(
            "`{table}.{key}` must be text, a number, true or false, got {value}; values to try go to [job.grid], and a list \
             for one job is text with commas"
        )),
    }
}

/// A value as the command line has it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// What is said first, then the options that differ.
fn name(prefix: &str, point: &[(String, Value)]) -> String {
    let parts = point.iter().map(|(key, value)| match value {
        Value::Boolean(true) => key.clone(),
        Value::Boolean(false) => format!("no-{key}"),
        // A word says what it is.
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => readable(text),
        _ => readable(&format!("{key}{}", plain(value))),
    });
    std::iter::once(prefix.to_owned()).chain(parts).collect::<Vec<_>>().join("-")
}

/// With `-` for what does not belong into a file name.
fn readable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    fn names(text: &str) -> Vec<String> {
        Plan::parse(text).unwrap().jobs.into_iter().map(|job| job.name).collect()
    }

    const GRID: &str = r#"
        [[job]]
        command = "vae"
        options = { quick = true, latents = "20", learning-rate = 1e-4, resumed = false }
        grid = { seed = [0, 1], latent = ["concrete", "rloo"] }

        [[job]]
        command = "rl"
        name = "cartpole"
        grid = { temperature = [0.5], learning-rate = ["linear:1->0.5@30"], episodes = [true, false], threads = [1] }
    "#;

    #[test]
    fn a_grid_has_every_combination_under_a_name_that_says_it() {
        let plan = Plan::parse(GRID).unwrap();
        assert_eq!(
            names(GRID),
            [
                "vae-concrete-seed0",
                "vae-concrete-seed1",
                "vae-rloo-seed0",
                "vae-rloo-seed1",
                "cartpole-episodes-linear-1--0.5-30-temperature0.5-threads1",
                "cartpole-no-episodes-linear-1--0.5-30-temperature0.5-threads1"
            ]
        );
        let job = &plan.jobs[2];
        let expected = ["vae", "--latents=20", "--learning-rate=0.0001", "--quick", "--latent=rloo", "--seed=0"];
        assert_eq!((job.index, job.arguments.as_slice()), (2, expected.map(String::from).as_slice()));
        assert!(job.takes_threads && !plan.jobs[4].takes_threads);
    }

    #[test]
    fn what_is_no_plan_is_refused_by_name() {
        for (text, expected) in [
            ("", "missing field `job`"),
            ("job = []", "has no [[job]]"),
            ("[[job]]\ncomand = 'vae'", "unknown field `comand`"),
            ("[[jobs]]\ncommand = 'vae'", "unknown field `jobs`"),
            ("[[job]]\noptions.seed = 1", "missing field `command`"),
            (
                "[[job]]\ncommand = 'sample Bernoulli'",
                "one that leaves a run directory (audit, figure laplace-bridge, figure two-temperatures, rl, toy, vae)",
            ),
            ("[[job]]\ncommand = ''", "one that leaves a run directory"),
            ("[[job]]\ncommand = 'vae'\nname = '../x'", "got `../x`"),
            ("[[job]]\ncommand = 'vae'\nname = ''", "the first a letter or digit"),
            ("[[job]]\ncommand = 'vae'\noptions.out = 'x'", "option `out` is given by the sweep"),
            ("[[job]]\ncommand = 'vae'\ngrid.resume = [true]", "option `resume` is given by the sweep"),
            ("[[job]]\ncommand = 'vae'\noptions.latents = [20]", "`options.latents` must be text"),
            (
                "[[job]]\ncommand = 'vae'\ngrid.seed = 3",
                "`grid.seed` must be a list of values, as in seed = [0, 1], got 3",
            ),
            ("[[job]]\ncommand = 'vae'\ngrid.seed = []", "must be a list"),
            ("[[job]]\ncommand = 'vae'\ngrid.seed = [[0]]", "`grid.seed` must be text"),
            ("[[job]]\ncommand = 'vae'\ngrid.seed = [0, 1, 0]", "names 0 twice"),
            ("[[job]]\ncommand = 'vae'\noptions.seed = 0\ngrid.seed = [1]", "in [job.options] and in [job.grid]"),
            (
                "[[job]]\ncommand = 'vae'\n[[job]]\ncommand = 'vae'\noptions.seed = 1",
                "jobs 0 and 1 have one name, `vae`",
            ),
            ("[[job]]\ncommand = 'vae'\ngrid.latent = ['a', 'A']", "have one name, `vae-A`"),
        ] {
            let error = Plan::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(Plan::parse("[[job]]\ncommand = 'vae'\nname = 'x.log'").unwrap_err().contains("must not hold .claim-"));
        let list = |n: usize| format!("[{}]", (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        let text = format!("[[job]]\ncommand = 'vae'\ngrid = {{ seed = {}, epochs = {} }}", list(400), list(300));
        assert!(Plan::parse(&text).unwrap_err().contains("more than 100000 points"));
        let text = format!("[[job]]\ncommand = 'vae'\nname = '{}'", "x".repeat(201));
        assert!(Plan::parse(&text).unwrap_err().contains("at most 200 bytes"));
    }

    /// What the table says of commands is so.
    #[test]
    fn jobs_are_commands_that_take_a_directory() {
        let cli = Cli::command();
        for Runnable { command, threads } in &RUNNABLE {
            let command = command.split(' ').fold(&cli, |cli, word| cli.find_subcommand(word).unwrap());
            let takes = |name: &str| command.get_arguments().any(|argument| argument.get_long() == Some(name));
            assert!(RESERVED.iter().all(|name| takes(name)), "{}", command.get_name());
            assert_eq!(takes("threads"), *threads, "{}", command.get_name());
        }
    }
}
