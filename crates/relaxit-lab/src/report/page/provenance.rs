//! Where the numbers come from: command, machine, and every run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::About;
use super::document::{Block, Column, Section, Table};
use super::finished::{Finished, Run};
use super::text::{any_size, count, ranges};
use crate::figure::Figure;

/// What was run, where, and with what settings.
pub(super) fn section(runs: &[Finished], about: &About) -> Section {
    let About { command, version, seed } = about;
    let machines = Machines::of(runs);
    let of_machines = machines.said();
    let pairs = [("command", command.as_str()), ("version", version), ("machine", &of_machines), ("seed", seed)];
    let made = Table {
        caption: "How this report was made. The machines are those of the runs.".into(),
        columns: vec![Column::words(""), Column::words("value")],
        rows: pairs.map(|(name, value)| vec![name.into(), typed(value)]).into(),
        number: 0,
    };
    let mut columns = ["directory", "command", "version", "seeds"].map(Column::words).to_vec();
    columns.extend(["seconds", "threads"].map(Column::numbers));
    if machines.several() {
        columns.push(Column::words("machine"));
    }
    let cells = |run: &Finished| {
        let threads = run.machine.as_ref().map_or_else(|| "-".into(), |machine| machine.threads.to_string());
        let mut cells = row(run);
        cells.push(threads);
        cells.extend(machines.several().then(|| machines.name(run)));
        cells
    };
    let listed = Table {
        caption:
            "Every run: its seeds, the seconds of training and evaluation of all its seeds together, and the threads \
                  that computed."
                .into(),
        columns,
        rows: runs.iter().map(cells).collect(),
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

/// The machines of runs, each with the number of its runs, those of most runs first. `None`: the run does not say.
struct Machines(Vec<(Option<String>, usize)>);

impl Machines {
    fn of(runs: &[Finished]) -> Self {
        let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for run in runs {
            *counts.entry(run.machine.as_ref().map(ToString::to_string)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(machine, runs)| (machine.is_none(), Reverse(*runs)));
        Self(counts)
    }

    fn several(&self) -> bool {
        self.0.len() > 1
    }

    /// The number of a run's machine.
    fn name(&self, run: &Finished) -> String {
        let machine = run.machine.as_ref().map(ToString::to_string);
        let place = self.0.iter().position(|(other, _)| *other == machine).filter(|_| machine.is_some());
        place.map_or_else(|| "-".into(), |place| (place + 1).to_string())
    }

    /// `2 cores, … (161 runs)`, or all of them with their numbers.
    fn said(&self) -> String {
        let say = |(place, (machine, runs)): (usize, &(Option<String>, usize))| match machine {
            Some(machine) if self.several() => format!("{}: {machine} ({})", place + 1, count(*runs, "run")),
            Some(machine) => format!("{machine} ({})", count(*runs, "run")),
            None => format!("not recorded ({}, of an earlier version)", count(*runs, "run")),
        };
        self.0.iter().enumerate().map(say).collect::<Vec<_>>().join("; ")
    }
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
