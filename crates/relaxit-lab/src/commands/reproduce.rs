//! `relaxit reproduce`: every method side by side, in one report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::args::reproduce::ReproduceArgs;
use crate::mnist::Mnist;
use crate::printer::Printer;
use crate::report::page::About;
use crate::sweep::plan::{Job, Plan};
use crate::sweep::state::{State, Sweep};
use crate::usage::UsageError;
use crate::vae::config::VaeConfig;

use super::check::check;
use super::report::report_on;
use super::sweep::{succeeded, work};

/// What the options choose.
struct Choice {
    plan: Plan,
    /// What follows the command's name, in default folders.
    suffix: String,
    /// The command, as typed.
    command: String,
}

const QUICK: &str = include_str!("../../../../plans/quick.toml");
const DEFAULT: &str = include_str!("../../../../plans/default.toml");
const FULL: &str = include_str!("../../../../plans/full.toml");

pub(super) fn reproduce(args: &ReproduceArgs, printer: &Printer) -> Result<()> {
    let Choice { plan, suffix, command } = choose(args)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("runs/reproduce{suffix}")));
    let jobs_say = |key: &str| plan.jobs.iter().any(|job| job.arguments.iter().any(|word| word.starts_with(key)));
    if jobs_say("vae") && !jobs_say("--data-dir") {
        // Every auto-encoder would say so, one after the other.
        Mnist::read(&VaeConfig::default().data_dir).context("run this in the repository, which has the data")?;
    }
    let sweep = Sweep::create(plan, &out.join("jobs"))?;
    let jobs: Vec<&Job> = sweep.plan.jobs.iter().collect();
    let failed = work(&sweep, &jobs, args.jobs, None, printer)?;

    let done = jobs.iter().filter(|job| sweep.state(job) == State::Done);
    let runs: Vec<PathBuf> = done.map(|job| sweep.directory(job)).collect();
    ensure!(!runs.is_empty(), "no job was done; the logs are in {}", sweep.folder.path().display());
    report_on(&runs, &out, &About::here(command, seeds(&jobs)), printer)?;
    succeeded(&failed)
}

fn choose(args: &ReproduceArgs) -> Result<Choice> {
    let built_in = |text, suffix: &str| {
        let plan = Plan::parse(text).map_err(|error| anyhow::anyhow!("the built-in plan: {error}"))?;
        let option = suffix.strip_prefix('-').map(|name| format!(" --{name}")).unwrap_or_default();
        Ok(Choice { plan, suffix: suffix.into(), command: format!("relaxit reproduce{option}") })
    };
    match &args.plan {
        None if args.quick => built_in(QUICK, "-quick"),
        None if args.full => built_in(FULL, "-full"),
        None => built_in(DEFAULT, ""),
        Some(path) => {
            let plan = Plan::read(path)?;
            check(&plan).map_err(|error| UsageError(format!("plan {}: {error}", path.display())))?;
            let name = path.file_stem().unwrap_or_default().display();
            let command = format!("relaxit reproduce --plan {}", path.display());
            Ok(Choice { plan, suffix: format!("-{name}"), command })
        }
    }
}

/// Every seed that a job's name says; the others have 0.
fn seeds(jobs: &[&Job]) -> String {
    let said = jobs.iter().flat_map(|job| &job.point).filter(|(key, _)| key == "seed");
    let seeds: BTreeSet<i64> = said.filter_map(|(_, seed)| seed.as_integer()).collect();
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    if seeds.is_empty() { "0".into() } else { format!("{} (0 where a run is not named after one)", seeds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vae::method::Method;
    use clap::ValueEnum;
    use relaxit_rl::agent::Algorithm;

    fn arguments(text: &str) -> Vec<String> {
        Plan::parse(text).unwrap().jobs.into_iter().map(|job| job.arguments.join(" ") + " ").collect()
    }

    #[test]
    fn the_built_in_plans_are_accepted() {
        for text in [QUICK, DEFAULT, FULL] {
            check(&Plan::parse(text).unwrap()).unwrap();
        }
    }

    /// Every `--latent`, every agent on every environment; at least three seeds of each.
    #[test]
    fn nothing_is_left_out() {
        for (name, text) in [("quick", QUICK), ("default", DEFAULT), ("full", FULL)] {
            let jobs = arguments(text);
            let count = |words: &[&str]| {
                jobs.iter().filter(|job| words.iter().all(|word| job.contains(&format!("{word} ")))).count()
            };
            for method in Method::value_variants() {
                let latent = format!("--latent={}", method.name());
                for seed in 0..3 {
                    let trained = count(&["vae", &latent, &format!("--seed={seed}")]);
                    assert!(trained > 0, "{name}: {} has no seed {seed}", method.name());
                }
            }
            for env in ["cartpole", "acrobot", "taxi"] {
                for agent in Algorithm::ALL {
                    let words = ["rl", &format!("--env={env}"), &format!("--agent={agent}")];
                    assert_eq!(count(&words), 1, "{name}: {env} {agent}");
                }
            }
            assert!(jobs.iter().filter(|job| job.starts_with("rl")).all(|job| !job.contains("--seeds=1 ")), "{name}");
            for command in ["toy", "audit", "figure laplace-bridge", "figure two-temperatures"] {
                assert!(jobs.iter().any(|job| job.starts_with(command)), "{name}: {command}");
            }
        }
    }

    /// What a larger plan does not do is not worth a look in a smaller one.
    #[test]
    fn each_plan_does_what_the_smaller_one_does() {
        let kinds = |text| -> BTreeSet<String> {
            let said = |word: &&str| {
                let option = word.split('=').next().unwrap_or(word);
                !option.starts_with("--") || ["--latent", "--env", "--agent", "--objective"].contains(&option)
            };
            let kind = |job: &String| job.split_whitespace().filter(said).collect::<Vec<_>>().join(" ");
            arguments(text).iter().map(kind).collect()
        };
        for (smaller, larger) in [(QUICK, DEFAULT), (DEFAULT, FULL)] {
            let (smaller, larger) = (kinds(smaller), kinds(larger));
            let missing: Vec<_> = smaller.difference(&larger).collect();
            assert!(smaller.len() > 60 && missing.is_empty(), "{missing:?}");
        }
    }

    #[test]
    fn seeds_are_said_once() {
        let plan = Plan::parse("[[job]]\ncommand = 'vae'\ngrid = { seed = [2, 1], epochs = [1, 2] }").unwrap();
        assert_eq!(seeds(&plan.jobs.iter().collect::<Vec<_>>()), "1, 2 (0 where a run is not named after one)");
    }
}
