//! Reports: finished runs side by side, as one HTML file, and as Markdown with its figures beside it.
//!
//! Data flows one way: directories (`finished.rs`) → sections of one [`Document`] (a file for each kind of run, the papers,
//! and where the numbers come from) → `html.rs` and `markdown.rs`. What a report says is decided once; how it looks, twice.

mod agents;
mod audit;
mod codes;
mod difference;
mod document;
mod figures;
mod finished;
mod folder;
mod html;
mod markdown;
mod papers;
mod provenance;
mod text;
mod toy;
mod vae;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

pub use self::document::{Block, Column, Document, Figure, Image, Item, Section, Table};
pub(super) use self::html::escape;
pub use self::text::count;

use self::finished::{Finished, Run};
use crate::figure::Figure as Computed;
use crate::run::{VERSION, write_atomically};

/// The report that needs no other file.
pub const HTML: &str = "report.html";
/// The same as Markdown.
pub const MARKDOWN: &str = "report.md";
/// The folder of its figures.
pub const FIGURES: &str = "figures";

/// How a report came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The command, as typed.
    pub command: String,
    /// The version that wrote it.
    pub version: String,
    /// The seed, or seeds.
    pub seed: String,
}

impl About {
    /// By this version.
    #[must_use]
    pub fn here(command: String, seed: String) -> Self {
        Self { command, version: VERSION.into(), seed }
    }
}

/// Writes a report of the runs in these directories to `out`: [`HTML`], [`MARKDOWN`] and [`FIGURES`]. Figures of a report that
/// was there before are removed, and no other file.
///
/// # Errors
/// If a directory holds no finished run, two runs are of one configuration and seed, or `out` cannot be written.
pub fn write(runs: &[PathBuf], out: &Path, about: &About) -> Result<()> {
    let document = document(runs, about)?;
    let figures: Vec<(String, &[u8])> = document.figures().map(|figure| (figure.file(), figure.bytes())).collect();
    folder::write(&out.join(FIGURES), &figures)?;
    write_atomically(&out.join(MARKDOWN), markdown::render(&document, FIGURES).as_bytes())?;
    write_atomically(&out.join(HTML), html::render(&document).as_bytes())
}

/// What the report says.
///
/// # Errors
/// As [`write()`], but for `out`.
pub fn document(runs: &[PathBuf], about: &About) -> Result<Document> {
    ensure!(!runs.is_empty(), "a report is of one run at least");
    let different: BTreeSet<&PathBuf> = runs.iter().collect();
    let runs = different.into_iter().map(|path| Finished::read(path)).collect::<Result<Vec<_>>>()?;
    let named: Vec<(String, &Run)> = runs.iter().map(|run| (run.path.display().to_string(), &run.run)).collect();
    macro_rules! of {
        ($kind:path) => {
            named
                .iter()
                .filter_map(|(path, run)| match run {
                    $kind(run) => Some((path.as_str(), run)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
    }
    let vaes: Vec<_> = of!(Run::Vae).into_iter().map(|(path, run)| (path, &**run)).collect();
    let agents: Vec<_> = of!(Run::Rl).into_iter().map(|(path, run)| (path, &**run)).collect();

    let mut sections = vae::sections(&vaes)?;
    sections.extend(agents::section(&agents)?);
    let blocks: Vec<Block> = of!(Run::Toy).into_iter().flat_map(|(_, run)| toy::blocks(run)).collect();
    sections.extend(titled("The toy problem", blocks));
    let blocks: Vec<Block> = of!(Run::Audit).into_iter().flat_map(|(_, summary)| audit::blocks(summary)).collect();
    sections.extend(titled("Audit of gradient estimators", blocks));
    for (_, figure) in of!(Run::Figure) {
        sections.push(match figure {
            Computed::LaplaceBridge(bridges) => figures::bridge(bridges)?,
            Computed::TwoTemperatures(temperatures) => figures::temperatures(temperatures)?,
        });
    }
    sections.extend(papers::section(&runs));
    sections.push(provenance::section(&runs, about));
    let lead = vec![
        "Tables and figures say with each number its protocol, its unit, its interval, and how many seeds it is of. All of \
         it was drawn from the files that finished runs left in their directories."
            .into(),
    ];
    Ok(Document { title: "Learning with discrete random variables: every method side by side".into(), lead, sections }
        .numbered())
}

fn titled(title: &str, blocks: Vec<Block>) -> Option<Section> {
    (!blocks.is_empty()).then(|| Section { title: title.into(), blocks })
}
