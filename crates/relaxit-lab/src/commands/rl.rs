//! `relaxit rl`: train agents on many seeds; compare them; watch one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use relaxit::estimator::Bias;
use relaxit::noise::Noise;
use relaxit_rl::agent::{Agent, Algorithm, Collection};
use relaxit_rl::environment::{EnvironmentName, EnvironmentOptions};

use crate::args::rl::{CompareArgs, RlArgs, RlCommand, RlView};
use crate::printer::{Printer, Progress};
use crate::report::curve::learning_curves;
use crate::report::page::count;
use crate::rl::config::RlConfig;
use crate::rl::finished::Finished;
use crate::rl::statistics::{Interval, probability_of_improvement};
use crate::rl::summary::{Summary, curve};
use crate::rl::train::{PhaseMetrics, SeedSummary, train};
use crate::run::{RunDirectory, VERSION, write_atomically};
use crate::usage::UsageError;

use super::overlay::{set, set_size};
use super::resume::refuse_changes;

pub(super) fn rl(command: &RlCommand, printer: &Printer) -> Result<()> {
    match &command.view {
        None => run(&command.train, printer),
        Some(RlView::Compare(args)) => compare(args, printer),
        Some(RlView::Watch(args)) => super::watch::watch(args, printer),
    }
}

/// Whether the options are those of a run.
pub(super) fn check(command: &RlCommand) -> Result<()> {
    overlay(beginning(&command.train)?, &command.train).map(drop)
}

fn run(args: &RlArgs, printer: &Printer) -> Result<()> {
    let wanted = overlay(beginning(args)?, args)?;
    let path = args.out.clone().unwrap_or_else(|| wanted.default_directory());
    // Before anything is written: an environment that cannot be made must leave no directory behind.
    let environment = wanted.make(1).map_err(|error| match error {
        relaxit_rl::Error::Parameter(refusal) => UsageError(format!("--env-option: {refusal}")).into(),
        failure => anyhow::Error::from(failure),
    })?;
    let bias = Agent::new(environment, wanted.agent.clone(), wanted.seed)?;
    let (claims_unbiased, references) =
        (bias.bias() == Bias::Unbiased, bias.references().iter().map(ToString::to_string).collect());
    drop(bias);
    let run = RunDirectory::claim(&path, args.resume)?;
    let config = if let Some(stored) = run.config::<RlConfig>()? {
        let asked = overlay(stored.clone(), args)?;
        // Their number changes no result.
        let threads = asked.threads;
        refuse_changes(&run, &stored, &RlConfig { threads: stored.threads, ..asked })?;
        RlConfig { threads, ..stored }
    } else {
        run.write_config(&wanted)?;
        wanted
    };
    printer.note(&format!(
        "relaxit {VERSION}: rl, {} on {}, {} from {}, {} each, {}, in {}",
        config.agent.algorithm,
        config.env,
        count(config.seeds, "seed"),
        config.seed,
        count(config.steps, "step"),
        count(config.threads, "thread"),
        run.path().display()
    ));
    let results = train_all(&config, run.path(), args.tensorboard, printer)?;
    let (seeds, metrics): (Vec<SeedSummary>, Vec<Vec<PhaseMetrics>>) = results.into_iter().unzip();
    let summary = Summary::new(&config, claims_unbiased, references, seeds);
    let curve = curve(config.agent.algorithm.to_string(), &metrics);
    let title = format!("{}: {}, {} seeds", config.env, config.agent.algorithm, config.seeds);
    write_atomically(&run.file("curve.svg"), learning_curves(&title, &[curve]).as_bytes())?;
    run.write_summary(&summary, config.threads)?;
    print(&summary, run.path(), printer)
}

/// Trains every seed, each in a directory of its own.
fn train_all(
    config: &RlConfig,
    path: &Path,
    tensorboard: bool,
    printer: &Printer,
) -> Result<Vec<(SeedSummary, Vec<PhaseMetrics>)>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()
        .with_context(|| format!("cannot start {} threads", config.threads))?;
    let pace = Pace::new(config, printer.progress((config.seeds * config.phases) as u64, 0));
    let seeds: Vec<u64> = (config.seed..).take(config.seeds).collect();
    let train_one = |&seed: &u64| {
        let folder = path.join(format!("seed-{seed}"));
        let run = RunDirectory::claim(&folder, true)?.with_events(tensorboard);
        if run.config::<RlConfig>()?.is_none() {
            run.write_config(&RlConfig { seed, seeds: 1, ..config.clone() })?;
        }
        train(config, seed, &run, |metrics| pace.heard(metrics)).with_context(|| format!("seed {seed}"))
    };
    let results = pool.install(|| seeds.par_iter().map(train_one).collect());
    pace.progress.finish();
    results
}

/// How far all seeds are, and how fast they go.
struct Pace<'a> {
    config: &'a RlConfig,
    progress: Progress,
    started: Instant,
    /// Phases of this session, and for each seed those that are left; of one that was not heard of, all.
    phases: Mutex<(usize, BTreeMap<u64, usize>)>,
}

impl<'a> Pace<'a> {
    fn new(config: &'a RlConfig, progress: Progress) -> Self {
        let left = (config.seed..).take(config.seeds).map(|seed| (seed, config.phases)).collect();
        Self { config, progress, started: Instant::now(), phases: Mutex::new((0, left)) }
    }

    fn heard(&self, metrics: &PhaseMetrics) {
        let PhaseMetrics { seed, phase, steps, evaluation_reward, train_reward, .. } = metrics;
        let (done, left) = {
            // Another seed that panicked does not make these numbers wrong.
            let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
            phases.0 += 1;
            phases.1.insert(*seed, self.config.phases - phase);
            (phases.0, phases.1.values().sum::<usize>())
        };
        let seconds = self.started.elapsed().as_secs_f64() / done as f64;
        let rate = self.config.steps as f64 / self.config.phases as f64 / seconds;
        let train = train_reward.map_or_else(|| "none".into(), |reward| format!("{reward:.1}"));
        self.progress.step(|| format!("seed {seed}: {evaluation_reward:.1}"));
        self.progress.line(&format!(
            "seed {seed}  step {steps}/{}  training {train}  evaluation {evaluation_reward:.1}  {rate:.0} steps/s  {:.0} s \
             left",
            self.config.steps,
            left as f64 * seconds
        ));
    }
}

/// What the run starts from, before options.
fn beginning(args: &RlArgs) -> Result<RlConfig> {
    let name: EnvironmentName = args
        .env
        .as_deref()
        .unwrap_or("cartpole")
        .parse()
        .map_err(|error: relaxit_rl::Error| UsageError(format!("--env: {error}")))?;
    let config = RlConfig::new(&name.to_string(), args.agent.unwrap_or(Algorithm::Relax));
    Ok(if args.quick { config.quick() } else { config })
}

/// `config` with every option that was given, made consistent.
fn overlay(mut config: RlConfig, args: &RlArgs) -> Result<RlConfig> {
    if let Some(env) = &args.env {
        let name: EnvironmentName = env.parse().map_err(|error| UsageError(format!("--env: {error}")))?;
        config.env = name.to_string();
    }
    if !args.env_option.is_empty() {
        let options = EnvironmentOptions::new(&args.env_option);
        config.env_options = options.map_err(|error| UsageError(format!("--env-option: {error}")))?;
    }
    let agent = &mut config.agent;
    set(&mut agent.algorithm, args.agent.as_ref());
    if args.episodes {
        agent.collection = Collection::Episodes;
    }
    if let Some(steps) = args.segment.and_then(|steps| usize::try_from(steps).ok()) {
        agent.collection = Collection::Segment(steps);
    }
    set_size(&mut agent.hidden, args.hidden);
    set(&mut agent.discount, args.discount.as_ref());
    set(&mut agent.lambda, args.lambda.as_ref());
    set(&mut agent.entropy, args.entropy.as_ref());
    set(&mut agent.learning_rate, args.learning_rate.as_ref());
    set(&mut agent.critic_learning_rate, args.critic_learning_rate.as_ref());
    set(&mut agent.control_learning_rate, args.control_learning_rate.as_ref());
    set(&mut agent.max_gradient_norm, args.max_gradient_norm.as_ref());
    set(&mut agent.temperature, args.temperature.as_ref());
    for (option, is_given, suits) in [
        ("critic-learning-rate", args.critic_learning_rate.is_some(), Algorithm::has_critic as fn(Algorithm) -> bool),
        ("control-learning-rate", args.control_learning_rate.is_some(), Algorithm::relaxes),
        ("temperature", args.temperature.is_some(), Algorithm::relaxes),
    ] {
        if is_given && !suits(agent.algorithm) {
            let others = Algorithm::ALL.into_iter().filter(|&algorithm| suits(algorithm)).map(Algorithm::name);
            let others = others.collect::<Vec<_>>().join(", ");
            return Err(
                UsageError(format!("--{option} is not for --agent {}, but for {others}", agent.algorithm)).into()
            );
        }
    }
    agent.check().map_err(|error| match error {
        relaxit::Error::Parameter { parameter, requirement, got, .. } => {
            UsageError(format!("--{} must be {requirement}, got {got}", parameter.replace('_', "-")))
        }
        error => UsageError(error.to_string()),
    })?;
    set_size(&mut config.seeds, args.seeds);
    set(&mut config.seed, args.seed.as_ref());
    set_size(&mut config.steps, args.steps);
    set_size(&mut config.environments, args.environments);
    set_size(&mut config.phases, args.evaluations);
    set_size(&mut config.final_episodes, args.final_episodes);
    set_size(&mut config.gradients, args.gradients);
    set(&mut config.threshold, args.threshold.as_ref());
    set_size(&mut config.threads, args.threads);
    if !config.threshold.is_finite() {
        return Err(UsageError(format!("--threshold must be finite, got {}", config.threshold)).into());
    }
    if config.seed.checked_add(config.seeds as u64).is_none() {
        return Err(UsageError(format!("--seed {} leaves no room for {} seeds", config.seed, config.seeds)).into());
    }
    Ok(config)
}

fn said(interval: &Interval) -> String {
    format!("{:.2} [{:.2}, {:.2}]", interval.value, interval.low, interval.high)
}

/// The summary for a reader, as data: one `name  value` a line.
fn print(summary: &Summary, path: &Path, printer: &Printer) -> Result<()> {
    let Summary { env, agent, evaluation_episodes, threshold, .. } = summary;
    let gradient = if summary.claims_unbiased { "unbiased" } else { "biased" };
    let counts = |interval: &Option<Interval>| interval.as_ref().map_or_else(|| "never".into(), said);
    let threshold = if *threshold < f64::MAX {
        format!("{threshold} reached by {} of {} seeds", summary.seeds_at_threshold, summary.seeds.len())
    } else {
        "none; --threshold sets one".into()
    };
    let lines = [
        ("agent", format!("{agent} on {env}, {}, policy gradient {gradient}", count(summary.seeds.len(), "seed"))),
        ("reward", format!("{} over {evaluation_episodes} episodes a seed", said(&summary.evaluation_reward))),
        ("terminated", format!("{} of these before the time limit", said(&summary.evaluation_terminated))),
        ("threshold", threshold),
        ("  episodes", counts(&summary.episodes_to_threshold)),
        ("  steps", counts(&summary.steps_to_threshold)),
        ("variance", said(&summary.gradient_variance)),
        ("speed", format!("{:.0} steps a second of one thread", summary.steps_per_second)),
    ];
    let files = ["curve.svg", "summary.json"].map(|file| ("wrote", path.join(file).display().to_string()));
    for (name, value) in lines.into_iter().chain(files) {
        printer.data(&format!("{name:<12}{value}")).context("cannot write to standard output")?;
    }
    printer.note("intervals: interquartile mean over seeds with its 95 % percentile bootstrap interval");
    Ok(())
}

fn compare(args: &CompareArgs, printer: &Printer) -> Result<()> {
    let runs = args.runs.iter().map(|path: &PathBuf| Finished::read(path)).collect::<Result<Vec<_>>>()?;
    let first = runs.first().context("no runs are named")?;
    let env = first.environment();
    for (run, path) in runs.iter().zip(&args.runs) {
        let other = run.environment();
        ensure!(other == env, "{} is of {other}, the first run of {env}", path.display());
    }
    let name = |run: &Finished| format!("{} ({} seeds)", run.summary.agent, run.summary.seeds.len());
    let curves: Vec<_> = runs.iter().map(|run| curve(name(run), &run.metrics)).collect();
    write_atomically(&args.plot, learning_curves(&env, &curves).as_bytes())?;

    let header = ["agent", "seeds", "reward", "episodes to threshold", "gradient variance", "P(better than first)"];
    let mut rows = vec![header.map(String::from)];
    for (index, run) in runs.iter().enumerate() {
        let Summary { agent, seeds, evaluation_reward, episodes_to_threshold, gradient_variance, .. } = &run.summary;
        let noise = Noise::seeded(0).fork(&format!("improvement {index}"));
        let better = if index == 0 {
            "-".into()
        } else {
            said(&probability_of_improvement(&run.rewards(), &first.rewards(), noise))
        };
        let episodes = episodes_to_threshold.as_ref().map_or_else(|| "never".into(), said);
        let episodes = format!("{episodes} ({} of {})", run.summary.seeds_at_threshold, seeds.len());
        let variance =
            format!("{:.2e} [{:.2e}, {:.2e}]", gradient_variance.value, gradient_variance.low, gradient_variance.high);
        rows.push([agent.to_string(), seeds.len().to_string(), said(evaluation_reward), episodes, variance, better]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        printer.data(line.trim_end()).context("cannot write to standard output")?;
    }
    printer.note(&format!(
        "{env}; interquartile mean over seeds with its 95 % percentile bootstrap interval; curves in {}",
        args.plot.display()
    ));
    Ok(())
}
