//! One verb, one file.

mod audit;
mod check;
mod figure;
mod laws;
mod overlay;
mod parameters;
mod report;
mod reproduce;
mod resume;
mod rl;
mod sample;
mod sweep;
mod toy;
mod vae;
mod watch;

use anyhow::Result;

use crate::args::{Cli, Command, LawsCommand};
use crate::printer::Printer;

/// Runs what the command line asks for.
///
/// # Errors
/// What went wrong, in one line that names the thing, the value and what is accepted.
pub fn run(cli: &Cli, printer: &Printer) -> Result<()> {
    match &cli.command {
        Command::Audit(args) => audit::audit(args, printer),
        Command::Vae(args) => vae::vae(args, printer),
        Command::Sample(args) => sample::sample(args, printer),
        Command::Figure(args) => figure::figure(args, printer),
        Command::Report(args) => report::report(args, printer),
        Command::Reproduce(args) => reproduce::reproduce(args, printer),
        Command::Rl(command) => rl::rl(command, printer),
        Command::Sweep(command) => sweep::sweep(command, printer),
        Command::Toy(args) => toy::toy(args, printer),
        Command::Laws(LawsCommand::Check(args)) => laws::check(args, printer),
    }
}
