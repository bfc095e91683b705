//! Options of `relaxit sweep`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::size;

pub(super) const SWEEP_NOTES: &str = "\
A plan is a TOML file. Each table [[job]] is a command at every point of a grid:

  [[job]]
  command = \"vae\"              # or rl, toy, audit, figure NAME: one that leaves a run directory
  name = \"bits\"                # how names of its jobs begin; the command, if it has none
  [job.options]                # what all of them have; true is an option without a value
  latents = \"20\"
  epochs = 5
  [job.grid]                   # every combination of these
  latent = [\"concrete\", \"rloo\", \"disarm\"]
  seed = [0, 1, 2]

Its jobs are named by what differs, as in bits-rloo-seed2, and each has the directory of that name in the sweep's folder. \
A job is done when its directory has a summary.json; a job that was killed goes on from its checkpoint. Any number of \
workers may share the folder, on one machine or on many: docs/cluster.md says how, and on what that rests.";

/// What `relaxit sweep` can do.
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// List the jobs of a plan: number, state, name and options
    Plan(SweepArgs),
    /// Run what is missing of a plan, each job in a process of its own
    Run(RunArgs),
    /// Gather the summaries of the jobs that are done in one table
    Collect(CollectArgs),
}

/// Which plan, and where.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SweepArgs {
    /// The plan
    #[arg(value_name = "PLAN.toml")]
    pub plan: PathBuf,

    /// Folder of the sweep [default: runs/PLAN]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Options of `relaxit sweep run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub sweep: SweepArgs,

    /// Jobs that run at once, 1 to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = size(1, 1024))]
    pub jobs: Option<u64>,

    /// Threads of each job, 1 to 1024 [default: the cores, shared out]
    #[arg(long, value_name = "N", value_parser = size(1, 1024))]
    pub threads: Option<u64>,

    /// Run only the job of this number, from 0, as a task of a job array does
    #[arg(long, value_name = "I", conflicts_with = "jobs", value_parser = size(0, u64::MAX))]
    pub index: Option<u64>,
}

/// Options of `relaxit sweep collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub sweep: SweepArgs,

    /// How the table is written
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TableFormat {
    /// The numbers that differ between jobs, for a reader
    Text,
    /// Commas, with a header: every single value of the summaries
    Csv,
    /// A JSON object for each job: its name, its point of the grid, its whole summary
    Jsonl,
}
