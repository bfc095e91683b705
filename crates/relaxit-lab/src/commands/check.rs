//! Whether the command line accepts what a plan asks for, before anything runs.

use clap::Parser;

use crate::args::{Cli, Command};
use crate::sweep::plan::Plan;

/// Every job's options, held to what its command itself would say before it starts.
///
/// # Errors
/// What is wrong with the first job of which something is.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    for job in &plan.jobs {
        let words = ["relaxit"].into_iter().chain(job.arguments.iter().map(String::as_str));
        let told = |error: String| format!("job {} ({}): {error}", job.index, job.name);
        let cli =
            Cli::try_parse_from(words.chain(["--out=.", "--resume"])).map_err(|error| told(first_lines(&error)))?;
        let accepted = match &cli.command {
            Command::Audit(args) => super::audit::check(args),
            Command::Vae(args) => super::vae::check(args),
            Command::Rl(command) => super::rl::check(command),
            Command::Toy(args) => super::toy::check(args),
            _ => Ok(()),
        };
        accepted.map_err(|error| told(format!("{error:#}")))?;
    }
    Ok(())
}

/// What clap says, in one line, without its advice on how to get help.
fn first_lines(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let said = said.join(" ").replace(" tip: ", "; ");
    said.strip_prefix("error: ").unwrap_or(&said).to_owned()
}
