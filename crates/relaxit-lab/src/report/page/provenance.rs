//! Where the numbers come from: command, machine, and every run.

use super::About;
use super::document::{Block, Column, Section, Table};
use super::finished::{Finished, Run};
use super::text::{any_size, ranges};
use crate::figure::Figure;

/// What was run, where, and with what settings.
pub(super) fn section(runs: &[Finished], about: &About) -> Section {
    let About { command, version, machine, seed } = about;
    let pairs = [("command", command.as_str()), ("version", version), ("machine", machine), ("seed", seed)];
    let made = Table {
        caption: "How this report was made.".into(),
        columns: vec![Column::words(""), Column::words("value")],
        rows: pairs.map(|(name, value)| vec![name.into(), typed(value)]).into(),
        number: 0,
    };
    let mut columns = ["directory", "command", "version", "seeds"].map(Column::words).to_vec();
    columns.push(Column::numbers("seconds"));
    let listed = Table {
        caption: "Every run: its seeds, and the seconds of training and evaluation of all its seeds together.".into(),
        columns,
        rows: runs.iter().map(row).collect(),
        number: 0,
    };
    let mut blocks = vec![Block::Table(made), Block::Table(listed)];
    // A hundred seeds of one configuration are not worth a hundred texts.
    let mut shown: Vec<String> = Vec::new();
    for Finished { path, config, .. } in runs {
        let settings = config.lines().filter(|line| !line.starts_with("seed = ")).collect::<Vec<_>>().join("\n");
        if !shown.contains(&settings) {
            blocks.push(Block::Verbatim(format!("config.toml of `{}`", path.display()), config.clone()));
            shown.push(settings);
        }
    }
    Section { title: "Command, machine and runs".into(), blocks }
}

fn row(finished: &Finished) -> Vec<String> {
    let (command, version, seeds, seconds) = match &finished.run {
        Run::Vae(run) => ("vae", &run.summary.version, run.config.seed.to_string(), Some(run.summary.seconds)),
        Run::Rl(run) => {
            let seeds = &run.agents.summary.seeds;
            let numbers: Vec<u64> = seeds.iter().map(|seed| seed.seed).collect();
            ("rl", &run.agents.summary.version, ranges(&numbers), Some(seeds.iter().map(|seed| seed.seconds).sum()))
        }
        Run::Toy(run) => ("toy", &run.summary.version, run.config.seed.to_string(), Some(run.summary.seconds)),
        Run::Audit(summary) => ("audit", &summary.version, summary.seed.to_string(), None),
        Run::Figure(Figure::LaplaceBridge(found)) => {
            ("figure laplace-bridge", &found.config.version, found.config.seed.to_string(), None)
        }
        Run::Figure(Figure::TwoTemperatures(found)) => {
            ("figure two-temperatures", &found.config.version, found.config.seed.to_string(), None)
        }
    };
    let seconds = seconds.map_or_else(|| "-".into(), any_size);
    vec![typed(&finished.path.display().to_string()), typed(command), version.clone(), seeds, seconds]
}

/// As it is typed; a backtick would end it.
fn typed(text: &str) -> String {
    if text.contains('`') { text.replace('`', "'") } else { format!("`{text}`") }
}
