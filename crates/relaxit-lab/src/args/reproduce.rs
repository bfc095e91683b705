//! Options of `relaxit reproduce`.

use std::path::PathBuf;

use clap::Args;

use super::size;

pub(super) const REPRODUCE_NOTES: &str = "\
The plans are plans/quick.toml, plans/default.toml and plans/full.toml of the repository, as they were when this command was \
built. The folder gets jobs/, with a run directory for each job, and the report: report.html, report.md and figures/. \
Repeat the command after an interruption: what is done stays done, what was killed goes on from its checkpoint.

The full plan has the budgets of the papers. It is for a cluster (docs/cluster.md): on a few cores it takes months. With \
--plan the report is that of a plan of your own.";

/// Options of `relaxit reproduce`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct ReproduceArgs {
    /// A look in under three minutes on two cores: every method, hardly trained
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,

    /// The budgets of the papers: for many machines, see below
    #[arg(long)]
    pub full: bool,

    /// Another plan than the built-in ones
    #[arg(long, value_name = "PLAN.toml", conflicts_with_all = ["quick", "full"])]
    pub plan: Option<PathBuf>,

    /// Jobs that run at once, 1 to 1024; the cores are shared out among them [default: one for each core]
    #[arg(long, value_name = "N", value_parser = size(1, 1024))]
    pub jobs: Option<u64>,

    /// Folder of the runs and the report [default: runs/reproduce, with -quick, -full or the plan's name]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
