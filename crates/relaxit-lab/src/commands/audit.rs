//! `relaxit audit`: bias, variance and cost of estimators on one problem.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use relaxit::noise::Noise;
use relaxit::relaxation::{RelaxedBernoulli, RelaxedOneHotCategorical};
use relaxit::testing::Z_BILLION;
use relaxit_rl::agent::Algorithm;
use serde::Serialize;

use crate::args::{AuditArgs, AuditFormat, ReferenceKind};
use crate::audit::checkpoint;
use crate::audit::config::AuditConfig;
use crate::audit::measure::{measure, tune};
use crate::audit::objective::BuiltIn;
use crate::audit::problem::{Problem, shape};
use crate::audit::record::{Record, records};
use crate::audit::reference::{MOST_OUTCOMES, Reference, enumerate, long_run, outcomes};
use crate::estimators::{Entry, Registered, select};
use crate::printer::Printer;
use crate::report::audit::{header, papers, picture, row};
use crate::rl::audit::Trial;
use crate::rl::config::RlConfig;
use crate::rl::train::newest;
use crate::run::{RunDirectory, VERSION, write_atomically};
use crate::usage::UsageError;
use crate::vae::latents::Latents;

use super::resume::hold_to;

/// Entries of a code that a built-in objective takes: its matrices have the square of them.
const WIDEST: usize = 1024;
const DRAWS: usize = 1 << 17;
/// Draws through a decoder, each of which costs a thousand times as much.
const DECODED: usize = 1 << 13;
/// Gradients of an agent, each of which takes whole episodes.
const POLICY_DRAWS: usize = 500;

const FIGURE: &str = "audit.svg";

/// What came out: `summary.json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    config: &'a AuditConfig,
    /// The aggregate of each estimator; of a problem with one logit, that logit's.
    results: &'a [Record],
}

/// Whether the options are those of an audit. A run that is named may not be there yet.
pub(super) fn check(args: &AuditArgs) -> Result<()> {
    if args.run.is_some() {
        return Ok(());
    }
    let (problem, ..) = built_in(args)?;
    if problem.latents.categories.is_some() {
        entries::<RelaxedOneHotCategorical<3>>(args, &problem)?;
    } else {
        entries::<RelaxedBernoulli<3>>(args, &problem)?;
    }
    Ok(())
}

pub(super) fn audit(args: &AuditArgs, printer: &Printer) -> Result<()> {
    if let Some(path) = &args.run
        && let Some(config) = policy_run(path)?
    {
        return policy(args, path, &config, printer);
    }
    let (problem, name, draws) = match &args.run {
        None => built_in(args)?,
        Some(path) => {
            if args.target.is_some() {
                return Err(UsageError("--target is the toy's".into()).into());
            }
            let image = usize::try_from(args.image.unwrap_or(0))?;
            let problem = checkpoint::problem(path, args.data_dir.as_deref(), image, args.temperature)?;
            let name = format!("{}, image {image}, {} latents", path.display(), problem.latents);
            (problem, name, DECODED)
        }
    };
    let draws = args.draws.map_or(Ok(draws), usize::try_from)?;
    if problem.latents.categories.is_some() {
        report::<RelaxedOneHotCategorical<3>>(args, &problem, &name, draws, printer)
    } else {
        report::<RelaxedBernoulli<3>>(args, &problem, &name, draws, printer)
    }
}

/// A built-in problem with what to call it, and the draws that suit it.
fn built_in(args: &AuditArgs) -> Result<(Problem, String, usize)> {
    let objective = args.objective.unwrap_or_default();
    if objective != BuiltIn::Toy && args.target.is_some() {
        return Err(UsageError(format!("--target is the toy's; the objective is {}", objective.name())).into());
    }
    let latents = args.latents.unwrap_or(Latents { variables: 6, categories: None });
    let [variables, channels] = shape(latents);
    if variables * channels > WIDEST {
        let message =
            format!("--latents {latents} has {} entries; at most {WIDEST} can be audited", variables * channels);
        return Err(UsageError(message).into());
    }
    let target = args.target.unwrap_or(0.45);
    let others = channels.saturating_sub(1).max(1) as f64;
    let prob = args.prob.unwrap_or(0.3);
    let logit = args.logit.unwrap_or_else(|| prob.ln() - (-prob).ln_1p() + others.ln());
    let logits = (0..variables * channels).map(|entry| if entry % channels == 0 { logit } else { 0.0 }).collect();
    let device = Device::flex().autodiff();
    let judge =
        objective.judge([variables, channels], target, &Noise::seeded(args.seed), &device).map_err(UsageError)?;

    let at = args.logit.map_or_else(|| format!("probability {prob}"), |logit| format!("logit {logit}"));
    let target = if objective == BuiltIn::Toy { format!(" with target {target}") } else { String::new() };
    let name = format!("{}{target}, {latents} latents, {at}", objective.name());
    let draws = if objective == BuiltIn::Decoder { DECODED } else { DRAWS };
    Ok((Problem { latents, logits, temperature: args.temperature.unwrap_or(0.5), device, judge }, name, draws))
}

fn report<R: Registered<3>>(
    args: &AuditArgs,
    problem: &Problem,
    name: &str,
    draws: usize,
    printer: &Printer,
) -> Result<()> {
    let entries = entries::<R>(args, problem)?;
    let noise = Noise::seeded(args.seed).fork("audit");
    let enumerated = args.reference.map_or(outcomes(problem).is_some(), |kind| kind == ReferenceKind::Exact);
    let config = AuditConfig {
        problem: name.into(),
        temperature: Some(problem.temperature),
        estimators: entries.iter().map(|entry| entry.name().into()).collect(),
        draws,
        reference: if enumerated { "exact" } else { "rloo" }.into(),
        ..config(args)
    };
    let mut writer = Writer::new(args, config, printer)?;
    let reference = reference::<R>(args, problem, draws, &noise);
    for entry in &entries {
        if writer.nobody_reads() {
            return Ok(());
        }
        let mut estimator = entry.build(&problem.setting(&noise));
        tune::<R>(problem, entry, &mut *estimator, usize::try_from(args.tune)?, &noise);
        let measurement = measure::<R>(problem, entry, &mut *estimator, draws, &noise);
        writer.write(&records(problem, entry.name(), &*estimator, &reference, &measurement))?;
    }
    writer.finish()
}

/// What the options alone say.
fn config(args: &AuditArgs) -> AuditConfig {
    AuditConfig {
        command: "audit".into(),
        version: VERSION.into(),
        problem: String::new(),
        temperature: None,
        estimators: Vec::new(),
        draws: 0,
        tune: args.tune,
        reference: String::new(),
        seed: args.seed,
    }
}

/// The configuration of a run of `relaxit rl`, or `None` if `path` holds another command's, or none.
fn policy_run(path: &Path) -> Result<Option<RlConfig>> {
    let Ok(text) = std::fs::read_to_string(path.join("config.toml")) else { return Ok(None) };
    let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    if table.get("command").and_then(toml::Value::as_str) != Some("rl") {
        return Ok(None);
    }
    toml::from_str(&text).map(Some).with_context(|| format!("{} is not of `relaxit rl`", path.display()))
}

/// The gradients of agents at the policy of a run's first seed.
fn policy(args: &AuditArgs, path: &Path, config: &RlConfig, printer: &Printer) -> Result<()> {
    if args.target.is_some() || args.image.is_some() || args.temperature.is_some() || args.reference.is_some() {
        let message = "--target, --image, --temperature and --reference are not for a run of `relaxit rl`";
        return Err(UsageError(message.into()).into());
    }
    let algorithms = if args.estimators.is_empty() {
        Algorithm::ALL.to_vec()
    } else {
        let parsed = args.estimators.iter().map(|name| name.parse()).collect::<Result<Vec<Algorithm>, String>>();
        parsed.map_err(|error| UsageError(format!("--estimators: {error}")))?
    };
    let newest = newest(path, config.seed)?;
    let draws = args.draws.map_or(Ok(POLICY_DRAWS), usize::try_from)?;
    let noise = Noise::seeded(args.seed).fork("audit");
    let trial = Trial { config, policy: &newest, tune: usize::try_from(args.tune)?, draws, noise: &noise };
    let asked = AuditConfig {
        problem: format!("policy of {} on {}, seed {}", path.display(), config.env, config.seed),
        estimators: algorithms.iter().map(ToString::to_string).collect(),
        draws,
        reference: "reinforce-baseline".into(),
        ..self::config(args)
    };
    let mut writer = Writer::new(args, asked, printer)?;
    let target = trial.target()?;
    for algorithm in algorithms {
        if writer.nobody_reads() {
            return Ok(());
        }
        writer.write(&trial.records(algorithm, &target)?)?;
    }
    writer.finish()
}

/// Where records go: standard output, a picture, and the verdict.
struct Writer<'a> {
    args: &'a AuditArgs,
    config: AuditConfig,
    run: Option<RunDirectory>,
    printer: &'a Printer,
    read: bool,
    /// All records, as JSON lines.
    lines: String,
    shown: Vec<Record>,
    false_claims: Vec<String>,
}

impl<'a> Writer<'a> {
    /// Before anything is measured: the run's directory is claimed.
    fn new(args: &'a AuditArgs, config: AuditConfig, printer: &'a Printer) -> Result<Self> {
        let run = args.out.as_ref().map(|path| RunDirectory::claim(path, args.resume)).transpose()?;
        if let Some(run) = &run {
            hold_to(run, &config)?;
        }
        printer.note(&format!("relaxit {VERSION}: audit, {}", title(&config)));
        let read = match args.format {
            AuditFormat::Table => printer.block(&format!("{}\n", header()))?,
            AuditFormat::Jsonl => true,
        };
        Ok(Self { args, config, run, printer, read, lines: String::new(), shown: Vec::new(), false_claims: Vec::new() })
    }

    fn nobody_reads(&self) -> bool {
        !self.read && self.args.plot.is_none() && self.run.is_none()
    }

    /// One estimator: the aggregate first, then its parts.
    fn write(&mut self, records: &[Record]) -> Result<()> {
        self.read = self.read && self.printer.block(&text(records, self.args.format)?)?;
        if self.run.is_some() {
            self.lines += &text(records, AuditFormat::Jsonl)?;
        }
        let (aggregate, logits) = (&records[0], &records[1..]);
        if logits.iter().any(is_false) {
            self.false_claims.push(aggregate.estimator.clone());
        }
        // The aggregate of one logit has lost its sign.
        self.shown.push(if let [logit] = logits { logit.clone() } else { aggregate.clone() });
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let Self { args, config, run, printer, lines, shown, false_claims, .. } = self;
        if args.format == AuditFormat::Table {
            printer.block(&format!("\n{}\n", papers(&shown).join("\n")))?;
        }
        if let Some(path) = &args.plot {
            write_atomically(path, picture(&title(&config), &shown).as_bytes())?;
            printer.note(&format!("picture in {}", path.display()));
        }
        if let Some(run) = &run {
            write_atomically(&run.file("metrics.jsonl"), lines.as_bytes())?;
            write_atomically(&run.file(FIGURE), picture(&title(&config), &shown).as_bytes())?;
        }
        if !false_claims.is_empty() {
            bail!("bias where none is claimed, or a number that is not finite: {}", false_claims.join(", "));
        }
        if let Some(run) = &run {
            run.write_summary(&Summary { config: &config, results: &shown }, rayon::current_num_threads())?;
            printer.note(&format!("run in {}", run.path().display()));
        }
        Ok(())
    }
}

fn title(config: &AuditConfig) -> String {
    format!("{}, {} draws, seed {}", config.problem, config.draws, config.seed)
}

/// The estimators that were asked for; of all of them, those that can be had.
fn entries<R: Registered<3>>(args: &AuditArgs, problem: &Problem) -> Result<Vec<Entry<R, 3>>, UsageError> {
    let mut entries = select::<R, 3>(&args.estimators)?;
    if outcomes(problem).is_none() {
        if !args.estimators.is_empty() && entries.iter().any(Entry::is_exact) {
            return Err(UsageError(format!("--estimators exact {}", too_many(problem))));
        }
        entries.retain(|entry| !entry.is_exact());
        if args.reference == Some(ReferenceKind::Exact) {
            return Err(UsageError(format!("--reference exact {}", too_many(problem))));
        }
    }
    Ok(entries)
}

fn reference<R: Registered<3>>(args: &AuditArgs, problem: &Problem, draws: usize, noise: &Noise) -> Reference {
    let exact = if args.reference == Some(ReferenceKind::Rloo) { None } else { enumerate(problem) };
    exact.unwrap_or_else(|| long_run::<R>(problem, 4 * draws, noise))
}

fn too_many(problem: &Problem) -> String {
    format!(
        "enumerates at most {MOST_OUTCOMES} outcomes, and {} latents have more; use --reference rloo and other \
         estimators",
        problem.latents
    )
}

/// Whether this record contradicts its estimator's claim, or is no number.
fn is_false(record: &Record) -> bool {
    let finite = record.mean.is_finite() && record.variance.is_finite();
    !finite || (record.claims_unbiased && !record.z.is_none_or(|z| z.abs() <= Z_BILLION))
}

fn text(records: &[Record], format: AuditFormat) -> Result<String> {
    let mut text = String::new();
    match (format, records) {
        (AuditFormat::Table, [_, logit]) => text = row(logit) + "\n",
        (AuditFormat::Table, _) => text = row(&records[0]) + "\n",
        (AuditFormat::Jsonl, _) => {
            for record in records {
                text += &serde_json::to_string(record)?;
                text.push('\n');
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::audit::tests::record;

    #[test]
    fn a_false_claim_is_told_from_chance_and_from_an_honest_bias() {
        for (z, false_claim) in [(None, false), (Some(-6.0), false), (Some(-6.2), true), (Some(6.2), true)] {
            assert_eq!(is_false(&record(1.0, z)), false_claim, "{z:?}");
            assert!(!is_false(&Record { claims_unbiased: false, ..record(1.0, z) }), "{z:?}");
        }
        assert!(is_false(&record(f64::INFINITY, Some(0.0))) && is_false(&record(f64::NAN, None)));
        assert!(is_false(&record(1.0, Some(f64::NAN))));
    }
}
