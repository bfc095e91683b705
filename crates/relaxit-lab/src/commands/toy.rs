//! `relaxit toy`: the papers' toy problem, with every estimator.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use relaxit::relaxation::RelaxedBernoulli;
use serde::Serialize;

use crate::args::ToyArgs;
use crate::estimators::{Entry, select};
use crate::printer::Printer;
use crate::report::page::count;
use crate::report::toy::{figure, title};
use crate::run::{RunDirectory, VERSION, write_atomically};
use crate::toy::config::ToyConfig;
use crate::toy::train::{Curves, optimum, points, train};
use crate::usage::UsageError;

use super::resume::hold_to;

/// What came out: `summary.json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    command: &'a str,
    version: &'a str,
    seed: u64,
    steps: usize,
    seeds: usize,
    results: Vec<Outcome<'a>>,
    /// Seconds of training.
    seconds: f64,
}

/// Where one estimator ended.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    target: f64,
    estimator: &'a str,
    claims_unbiased: bool,
    /// The loss that is approached and never reached.
    infimum: f64,
    loss: f64,
    loss_standard_error: f64,
    /// At the last logits.
    variance: f64,
    log_variance: Option<f64>,
    papers: &'a [String],
}

const FIGURE: &str = "toy.svg";
const METRICS: &str = "metrics.jsonl";

pub(super) fn toy(args: &ToyArgs, printer: &Printer) -> Result<()> {
    let entries = select::<RelaxedBernoulli<2>, 2>(&args.estimators)?;
    let config = config(args, &entries)?;
    let path = args.out.clone().unwrap_or_else(|| config.default_directory());
    let run = RunDirectory::claim(&path, args.resume)?;
    hold_to(&run, &config)?;
    printer.note(&format!(
        "relaxit {VERSION}: toy, {}, {}, {}, seed {}, in {}",
        count(entries.len(), "estimator"),
        count(config.steps, "step"),
        count(config.seeds, "seed"),
        config.seed,
        path.display()
    ));

    let started = Instant::now();
    let repetitions = |entry: &Entry<_, 2>| if entry.learns() { config.seeds } else { 1 };
    let runs = config.targets.len() * entries.iter().map(repetitions).sum::<usize>();
    let progress = printer.progress(runs as u64 * points(&config) as u64, 0);
    let curves = train(&config, &entries, || progress.step(String::new));
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();
    for point in curves.iter().flat_map(|curves| &curves.points) {
        ensure!(
            point.loss.is_finite() && point.variance.is_finite(),
            "{} at target {} diverged: loss {}, variance {} at step {}; lower --learning-rate (it is {})",
            point.estimator,
            point.target,
            point.loss,
            point.variance,
            point.step,
            config.learning_rate
        );
    }
    write(&run, &config, &curves, seconds)?;
    print(&run, &curves, printer)
}

/// Whether the options are those of a run.
pub(super) fn check(args: &ToyArgs) -> Result<()> {
    config(args, &select::<RelaxedBernoulli<2>, 2>(&args.estimators)?).map(drop)
}

/// The options, with the defaults of what was not given.
fn config(args: &ToyArgs, entries: &[Entry<RelaxedBernoulli<2>, 2>]) -> Result<ToyConfig> {
    let defaults = if args.quick { ToyConfig::quick() } else { ToyConfig::default() };
    let or = |given: Option<u64>, default: usize| given.map_or(Ok(default), usize::try_from);
    let targets = if args.target.is_empty() { defaults.targets.clone() } else { args.target.clone() };
    let different: BTreeSet<u64> = targets.iter().map(|target| target.to_bits()).collect();
    if different.len() < targets.len() {
        return Err(UsageError("--target names one twice".into()).into());
    }
    Ok(ToyConfig {
        targets,
        estimators: entries.iter().map(|entry| entry.name().to_owned()).collect(),
        steps: or(args.steps, defaults.steps)?,
        learning_rate: args.learning_rate.unwrap_or(defaults.learning_rate),
        temperature: args.temperature.unwrap_or(defaults.temperature),
        seeds: or(args.seeds, defaults.seeds)?,
        draws: or(args.draws, defaults.draws)?,
        seed: args.seed.unwrap_or(defaults.seed),
        ..defaults
    })
}

fn write(run: &RunDirectory, config: &ToyConfig, curves: &[Curves], seconds: f64) -> Result<()> {
    let mut metrics = String::new();
    for point in curves.iter().flat_map(|curves| &curves.points) {
        metrics += &serde_json::to_string(point).context("the metrics have no JSON form")?;
        metrics.push('\n');
    }
    write_atomically(&run.file(METRICS), metrics.as_bytes())?;
    let ToyConfig { steps, seeds, seed, .. } = config;
    let points: Vec<_> = curves.iter().map(|curves| curves.points.as_slice()).collect();
    write_atomically(&run.file(FIGURE), figure(&title(config), &points).as_bytes())?;
    let results = curves.iter().map(outcome).collect();
    let summary = Summary {
        command: &config.command,
        version: VERSION,
        seed: *seed,
        steps: *steps,
        seeds: *seeds,
        results,
        seconds,
    };
    run.write_summary(&summary, rayon::current_num_threads())
}

fn outcome(curves: &Curves) -> Outcome<'_> {
    let last = &curves.points[curves.points.len() - 1];
    Outcome {
        target: curves.target,
        estimator: curves.estimator,
        claims_unbiased: curves.claims_unbiased,
        infimum: optimum(curves.target),
        loss: last.loss,
        loss_standard_error: last.loss_standard_error,
        variance: last.variance,
        log_variance: last.log_variance,
        papers: &curves.papers,
    }
}

/// The ends of the curves for a reader, as data.
fn print(run: &RunDirectory, curves: &[Curves], printer: &Printer) -> Result<()> {
    let mut lines = vec![format!(
        "{:<7} {:<18} {:<8} {:>10} {:>10} {:>10} {:>11}",
        "target", "estimator", "claims", "infimum", "loss", "± error", "variance"
    )];
    lines.extend(curves.iter().map(outcome).map(|outcome| {
        let claim = if outcome.claims_unbiased { "unbiased" } else { "biased" };
        let Outcome { target, estimator, infimum, loss, loss_standard_error, variance, .. } = outcome;
        let loss = format!("{infimum:>10.6} {loss:>10.6} {loss_standard_error:>10.6}");
        format!("{target:<7} {estimator:<18} {claim:<8} {loss} {variance:>11.3e}")
    }));
    let files = [FIGURE, METRICS, "summary.json"].map(|name| run.file(name));
    lines.extend(files.map(|file| format!("wrote {}", file.display())));
    printer.block(&(lines.join("\n") + "\n")).context("cannot write to standard output")?;
    Ok(())
}
