//! `relaxit sample`: draws of a law with their log-densities and gradients.

use std::fmt::Write;

use anyhow::Result;
use relaxit::noise::Noise;

use super::parameters::given;
use crate::args::{Format, SampleArgs};
use crate::laws::{self, Card, Columns, Gradient, Instance, Law, Wanted};
use crate::printer::Printer;
use crate::report::law::{Picture, picture};
use crate::run::write_atomically;
use crate::usage::UsageError;

/// Numbers in a row: beyond, gradients of one chunk do not fit into memory.
const WIDEST: usize = 4096;

/// Draws that a picture shows at most.
const SHOWN: usize = 200_000;

pub(super) fn sample(args: &SampleArgs, printer: &Printer) -> Result<()> {
    let Some(name) = &args.law else {
        return list(printer);
    };
    let law = laws::find(name)?;
    let card = law.card();
    let instance = laws::build(law.as_ref(), given(&args.parameters)?)?;
    let wanted = Wanted { log_prob: args.log_prob, gradient: args.grad };
    refuse_what_is_missing(card.name, instance.as_ref(), wanted)?;
    let kind = match &args.plot {
        Some(_) => {
            Some(Picture::of(instance.as_ref()).map_err(|reason| UsageError(format!("{}: {reason}", card.name)))?)
        }
        None => None,
    };
    let header = instance.header(wanted);
    if header.len() > WIDEST {
        let message = format!("{} columns are too many: at most {WIDEST} can be written", header.len());
        return Err(UsageError(message).into());
    }

    let total = usize::try_from(args.draws)?;
    printer.note(&format!("relaxit {}: {}, {total} draws, seed {}", crate::run::VERSION, card.name, args.seed));
    if args.format == Format::Csv && !printer.block(&format!("{}\n", header.join(",")))? && kind.is_none() {
        return Ok(());
    }
    let at_once = laws::rows_at_once(instance.working());
    let mut noise = Noise::seeded(args.seed).fork(card.name);
    let (mut shown, mut drawn, mut read) = (Vec::new(), 0, true);
    while drawn < total && (read || (kind.is_some() && drawn < SHOWN)) {
        // Always whole chunks, so that a draw does not depend on how many follow.
        let columns = instance.draw(at_once, &mut noise, wanted);
        let rows = at_once.min(total - drawn);
        read = read && printer.block(&lines(&columns, rows, &header, args.format))?;
        if kind.is_some() && drawn < SHOWN {
            shown.extend((0..rows).map(|row| columns.row(row).take(instance.entries()).collect::<Vec<_>>()));
        }
        drawn += rows;
    }
    if let (Some(path), Some(kind)) = (&args.plot, kind) {
        let svg = picture(kind, card.name, instance.as_ref(), &shown);
        write_atomically(path, svg.as_bytes())?;
        printer.note(&format!("picture of {} draws in {}", shown.len(), path.display()));
    }
    Ok(())
}

fn refuse_what_is_missing(name: &str, instance: &dyn Instance, wanted: Wanted) -> Result<(), UsageError> {
    let refusal = match wanted {
        Wanted { log_prob: true, .. } if !instance.has_density() => "has no tractable log-density",
        Wanted { gradient: Some(Gradient::Score), .. } if !instance.has_density() => {
            "has no tractable log-density, so no score; it may have --grad=path"
        }
        Wanted { gradient: Some(Gradient::Path), .. } if !instance.has_path() => {
            "has no reparameterised samples, so no path gradient; it may have --grad=score"
        }
        _ => return Ok(()),
    };
    Err(UsageError(format!("{name} {refusal}")))
}

fn lines(columns: &Columns, rows: usize, header: &[String], format: Format) -> String {
    let mut text = String::new();
    for row in 0..rows {
        if format == Format::Jsonl {
            text.push('{');
        }
        for (index, (x, name)) in columns.row(row).zip(header).enumerate() {
            if index > 0 {
                text.push(',');
            }
            // Writing to a string cannot fail.
            let _ = match format {
                Format::Csv => write!(text, "{}", number(x)),
                Format::Jsonl if x.is_finite() => write!(text, "\"{name}\":{}", number(x)),
                Format::Jsonl => write!(text, "\"{name}\":null"),
            };
        }
        text.push_str(if format == Format::Jsonl { "}\n" } else { "\n" });
    }
    text
}

/// The shortest decimal that reads back as `x`.
fn number(x: f64) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

fn list(printer: &Printer) -> Result<()> {
    for law in laws::all() {
        if !printer.block(&description(law.as_ref()))? {
            break;
        }
    }
    Ok(())
}

fn description(law: &dyn Law) -> String {
    let Card { name, aliases, about, papers, parameters } = law.card();
    let mut lines = vec![format!("{name}: {about}")];
    if !aliases.is_empty() {
        lines.push(format!("  also        {}", aliases.join(", ")));
    }
    for parameter in parameters {
        let example = parameter.example.iter().map(|x| number(*x)).collect::<Vec<_>>().join(",");
        lines.push(format!("  -p          {}={example}  ({})", parameter.name, parameter.requirement()));
    }
    let offers = [vec!["samples"], law.offers()].concat().join(", ");
    lines.push(format!("  offers      {offers}"));
    let papers = papers.iter().map(ToString::to_string).collect::<Vec<_>>();
    let source = if papers.is_empty() { "textbook".to_owned() } else { papers.join("\n              ") };
    lines.push(format!("  paper       {source}"));
    lines.push("\n".into());
    lines.join("\n")
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // what was written must read back to the bit
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_to_the_bit() {
        for x in [0.0, 1.0, -2.0, 0.1, 1.0 / 3.0, 1e-300, -1e300, f64::MIN_POSITIVE, 5e-324] {
            assert_eq!(number(x).parse::<f64>().unwrap(), x);
            assert!(serde_json::from_str::<f64>(&number(x)).is_ok());
        }
        assert_eq!([number(1.0), number(-0.5), number(1e21)], ["1", "-0.5", "1e21"]);
    }
}
