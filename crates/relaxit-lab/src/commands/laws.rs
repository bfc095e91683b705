//! `relaxit laws check`: hold laws to the test laws.

use anyhow::{Result, bail};

use super::parameters::given;
use crate::args::CheckArgs;
use crate::laws::{self, Finding, Instance, Law};
use crate::printer::Printer;
use crate::usage::UsageError;

/// Numbers that the draws of one check are computed from: beyond, memory and patience end.
const MOST: u64 = 4_000_000;

/// Draws below which the checks say nothing: the least that the command line accepts.
const FEWEST: u64 = 1000;

pub(super) fn check(args: &CheckArgs, printer: &Printer) -> Result<()> {
    let laws: Vec<Box<dyn Law>> = if args.laws.is_empty() {
        laws::all()
    } else {
        args.laws.iter().map(|name| laws::find(name)).collect::<Result<_, _>>()?
    };
    let given = given(&args.parameters)?;
    if args.laws.is_empty() && !given.is_empty() {
        return Err(UsageError("parameters are of a law: name it".into()).into());
    }
    // All doors before the first check, so that a mistake shows at once.
    let instances: Vec<(&str, Box<dyn Instance>)> = laws
        .iter()
        .map(|law| {
            let given = if given.is_empty() { laws::examples(law.card()) } else { given.clone() };
            Ok((law.card().name, laws::build(law.as_ref(), given)?))
        })
        .collect::<Result<_, UsageError>>()?;
    for (name, instance) in &instances {
        let most = MOST / instance.working() as u64;
        if args.draws > most {
            let entries = instance.entries();
            let message = if most < FEWEST {
                format!("{name} with {entries} entries is too large to be checked")
            } else {
                format!("{name} has {entries} entries: at most {most} draws can be checked, see --draws")
            };
            return Err(UsageError(message).into());
        }
    }

    let (mut passed, mut failed) = (0, 0);
    for (name, instance) in &instances {
        for index in 0..instance.checks() {
            let finding = instance.check(index, usize::try_from(args.draws)?, args.seed);
            match &finding.verdict {
                Ok(verdict) if verdict.passed() => passed += 1,
                Ok(_) => failed += 1,
                Err(_) => {
                    printer.note(&line(name, &finding));
                    continue;
                }
            }
            printer.data(&line(name, &finding))?;
        }
    }
    printer.note(&format!("{passed} passed, {failed} failed, seed {}, {} draws", args.seed, args.draws));
    if failed > 0 {
        bail!("{failed} of {} checks failed", passed + failed);
    }
    Ok(())
}

/// One line for a verdict.
fn line(law: &str, finding: &Finding) -> String {
    let Finding { name, verdict } = finding;
    match verdict {
        Ok(verdict) => {
            let outcome = if verdict.passed() { "passed" } else { "FAILED" };
            let statistic = short(verdict.statistic);
            format!("{outcome}  {law}: {name}: statistic {statistic}, threshold {}", short(verdict.threshold))
        }
        Err(reason) => format!("left out  {law}: {name}: {reason}"),
    }
}

fn short(x: f64) -> String {
    if x == 0.0 {
        "0".into()
    } else if (1e-3..1e4).contains(&x.abs()) {
        format!("{x:.3}")
    } else {
        format!("{x:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relaxit::testing::Verdict;

    #[test]
    fn lines_say_what_was_found() {
        let finding = |statistic| {
            let verdict = Verdict { law: "mean", subject: "Normal".into(), statistic, threshold: 4.892 };
            line("Normal", &Finding { name: "moments", verdict: Ok(verdict) })
        };
        assert_eq!(finding(1.5), "passed  Normal: moments: statistic 1.500, threshold 4.892");
        assert_eq!(finding(2e-9), "passed  Normal: moments: statistic 2.00e-9, threshold 4.892");
        assert_eq!(finding(0.0), "passed  Normal: moments: statistic 0, threshold 4.892");
        assert_eq!(finding(5.0), "FAILED  Normal: moments: statistic 5.000, threshold 4.892");
        assert_eq!(finding(f64::NAN), "FAILED  Normal: moments: statistic NaN, threshold 4.892");
    }
}
