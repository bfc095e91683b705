//! `relaxit report`: finished runs side by side.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::args::ReportArgs;
use crate::printer::Printer;
use crate::report::page::{About, FIGURES, HTML, MARKDOWN, write};
use crate::run::VERSION;

pub(super) fn report(args: &ReportArgs, printer: &Printer) -> Result<()> {
    printer.note(&format!("relaxit {VERSION}: report, in {}", args.out.display()));
    // Not `args`, which panics where a path is not UTF-8.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let about = About::here(command_line(arguments), "of each run below".into());
    report_on(&args.runs, &args.out, &about, printer)
}

/// Writes the report of `runs`, and says where.
pub(super) fn report_on(runs: &[PathBuf], out: &Path, about: &About, printer: &Printer) -> Result<()> {
    write(runs, out, about)?;
    for name in [HTML, MARKDOWN, FIGURES] {
        let line = format!("wrote {}", out.join(name).display());
        printer.data(&line).context("cannot write to standard output")?;
    }
    Ok(())
}

/// The command as a shell takes it.
fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:@+%".contains(c);
    let quoted = arguments.map(|argument| {
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', "'\\''"))
        }
    });
    std::iter::once("relaxit".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted() {
        let arguments = ["report", "runs/a b", "it's", "--out=x"].map(String::from);
        assert_eq!(command_line(arguments.into_iter()), "relaxit report 'runs/a b' 'it'\\''s' --out=x");
    }
}
