//! `relaxit sweep`: plans of many runs, carried out by any number of workers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::args::sweep::{CollectArgs, RunArgs, SweepArgs, SweepCommand, TableFormat};
use crate::printer::Printer;
use crate::report::page::count;
use crate::run::VERSION;
use crate::sweep::collect::{aligned, collect, csv_line, json_line, table, text};
use crate::sweep::plan::{Job, Plan};
use crate::sweep::state::{State, Sweep};
use crate::sweep::worker::Workers;
use crate::usage::UsageError;

use super::check::check;

pub(super) fn sweep(command: &SweepCommand, printer: &Printer) -> Result<()> {
    match command {
        SweepCommand::Plan(args) => list(args, printer),
        SweepCommand::Run(args) => run(args, printer),
        SweepCommand::Collect(args) => gather(args, printer),
    }
}

/// A plan whose every job the command line accepts, and its folder, which may be missing.
fn open(args: &SweepArgs) -> Result<(Plan, PathBuf)> {
    let plan = Plan::read(&args.plan)?;
    check(&plan).map_err(|error| UsageError(format!("plan {}: {error}", args.plan.display())))?;
    let folder = args.out.clone().unwrap_or_else(|| {
        let name = args.plan.file_stem().map_or_else(|| "sweep".into(), ToOwned::to_owned);
        Path::new("runs").join(name)
    });
    Ok((plan, folder))
}

fn list(args: &SweepArgs, printer: &Printer) -> Result<()> {
    let (plan, folder) = open(args)?;
    let sweep = Sweep::new(plan, &folder);
    let states: Vec<State> = sweep.plan.jobs.iter().map(|job| sweep.state(job)).collect();
    let line = |(job, state): (&Job, &State)| {
        let details = state.details().map_or_else(String::new, |details| format!("  # {details}"));
        let cells = [job.index.to_string(), state.name().into(), job.name.clone()];
        cells.into_iter().chain([format!("{}{details}", job.arguments.join(" "))]).collect()
    };
    let lines: Vec<Vec<String>> = sweep.plan.jobs.iter().zip(&states).map(line).collect();
    printer.block(&(aligned(&lines).join("\n") + "\n")).context("cannot write to standard output")?;
    printer.note(&format!("{}, in {}", in_each_state(&states), sweep.folder.path().display()));
    Ok(())
}

/// How many jobs are in each state.
fn in_each_state(states: &[State]) -> String {
    let of_name = |name: &str| states.iter().filter(|state| state.name() == name).count();
    let names = ["done", "running", "failed", "missing", "other"].map(|name| (name, of_name(name)));
    let said: Vec<String> =
        names.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    format!("{}: {}", count(states.len(), "job"), said.join(", "))
}

fn run(args: &RunArgs, printer: &Printer) -> Result<()> {
    let (plan, folder) = open(&args.sweep)?;
    let range = match args.index.map(usize::try_from) {
        None => 0..plan.jobs.len(),
        Some(Ok(index)) if index < plan.jobs.len() => index..index + 1,
        Some(index) => {
            let (last, index) = (plan.jobs.len() - 1, index.unwrap_or(usize::MAX));
            return Err(UsageError(format!("--index must be from 0 to {last}, got {index}")).into());
        }
    };
    let sweep = Sweep::create(plan, &folder)?;
    let jobs: Vec<&Job> = sweep.plan.jobs[range].iter().collect();
    let at_once = if args.index.is_some() { Some(1) } else { args.jobs };
    let failed = work(&sweep, &jobs, at_once, args.threads, printer)?;
    printer.data(&format!(
        "{} of {} jobs done, in {}",
        jobs.len() - failed.len(),
        jobs.len(),
        sweep.folder.path().display()
    ))?;
    succeeded(&failed)
}

/// Runs what is missing of `jobs`, so many at once, and says what failed.
pub(super) fn work(
    sweep: &Sweep,
    jobs: &[&Job],
    at_once: Option<u64>,
    threads: Option<u64>,
    printer: &Printer,
) -> Result<Vec<(String, String)>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = at_once.map_or(Ok(cores), usize::try_from)?.min(jobs.len()).max(1);
    let threads = threads.map_or(Ok((cores / at_once).max(1)), usize::try_from)?;
    let executable = std::env::current_exe().context("cannot find this program")?;
    printer.note(&format!(
        "relaxit {VERSION}: sweep of {}, {at_once} at once with {} each, in {}",
        count(jobs.len(), "job"),
        count(threads, "thread"),
        sweep.folder.path().display()
    ));
    Workers { sweep, executable, at_once, threads, printer }.run(jobs)
}

/// An error if anything failed.
pub(super) fn succeeded(failed: &[(String, String)]) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = failed.iter().map(|(name, reason)| format!("\n  {name}: {reason}")).collect();
    bail!("{} failed; the same command tries again:{}", count(failed.len(), "job"), said.concat())
}

fn gather(args: &CollectArgs, printer: &Printer) -> Result<()> {
    let (plan, folder) = open(&args.sweep)?;
    let sweep = Sweep::new(plan, &folder);
    let rows = collect(&sweep)?;
    let lines: Vec<String> = match args.format {
        TableFormat::Jsonl => rows.iter().map(json_line).collect(),
        TableFormat::Csv => table(&rows).iter().map(|cells| csv_line(cells)).collect(),
        // One table for each command: their summaries have little in common.
        TableFormat::Text => {
            let command = |job: &Job| job.arguments[0].clone();
            rows.chunk_by(|a, b| command(&a.job) == command(&b.job)).flat_map(|rows| text(&table(rows))).collect()
        }
    };
    if !lines.is_empty() {
        printer.block(&(lines.join("\n") + "\n")).context("cannot write to standard output")?;
    }
    let missing = sweep.plan.jobs.len() - rows.len();
    if missing > 0 {
        printer.note(&format!("{missing} of {} jobs are not done yet", sweep.plan.jobs.len()));
    }
    Ok(())
}
