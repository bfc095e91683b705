//! What clap reads for the commands that try estimators.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{seed, size};
use crate::audit::objective::BuiltIn;
use crate::vae::latents::Latents;

const AUDIT_NOTES: &str = "\
Columns of the table, and fields of the JSON lines:
  estimator             its name
  claims_unbiased       what it says of itself
  exact                 the gradient by enumeration, or by the long run (then with exact_standard_error)
  mean, bias            the mean of the estimates, and its distance from exact
  bias_standard_error   that of mean and exact together
  z                     the bias in standard errors; null (-) where a value of the variable is too rare to tell
  variance, mse         of one estimate
  evaluations           of the objective, for one estimate of all logits
  seconds_per_gradient  for one estimate of all logits, out of many that are computed at once

JSON lines have one line for each logit, and an aggregate whose `logit` is null: norms over the logits of exact, mean, \
bias and standard errors, the largest |z|, the sums of variance and mse. The table has the aggregates.

Every estimator has a noise stream of its own, so that another one changes none of its numbers. Everything is computed \
in double precision, but for decoders. The status is 1 if an estimator that claims no bias has |z| above 6.109, which \
chance does once in a billion.";

/// Options of `relaxit audit`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, after_long_help = AUDIT_NOTES, group = ArgGroup::new("at").multiple(false))]
pub struct AuditArgs {
    /// What codes are judged by [default: toy]
    #[arg(long, value_enum, conflicts_with = "run")]
    pub objective: Option<BuiltIn>,

    /// The toy's target t, -1e6 to 1e6 [default: 0.45]
    #[arg(long, value_name = "T", value_parser = finite)]
    pub target: Option<f64>,

    /// The code: 6 is six bits, 3x4 three choices among four [default: 6]
    #[arg(long, value_name = "SHAPE", conflicts_with = "run")]
    pub latents: Option<Latents>,

    /// Probability of a bit, or of a choice's first category while the others share the rest, above 0 and below 1
    /// [default: 0.3]
    #[arg(long, value_name = "P", value_parser = probability, group = "at", conflicts_with = "run")]
    pub prob: Option<f64>,

    /// The same as a logit, -700 to 700; the other categories have 0
    #[arg(long, value_name = "X", value_parser = logit, group = "at", conflicts_with = "run")]
    pub logit: Option<f64>,

    /// Take code and objective from the newest checkpoint of this run of `relaxit vae`: the logits are its encoder's
    /// for one test image, the objective is its decoder's log-likelihood. Of a run of `relaxit rl`: its first seed's
    /// policy, judged by the gradients that each agent would estimate; `logit` is then a parameter of the policy
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,

    /// Which test image, from 0 [default: 0]
    #[arg(long, requires = "run", value_parser = size(0, u64::MAX))]
    pub image: Option<u64>,

    /// Directory with the four gzipped MNIST files [default: that of the run]
    #[arg(long, value_name = "DIR", requires = "run")]
    pub data_dir: Option<PathBuf>,

    /// Temperature of relaxed samples, 1e-3 to 1e3; where one that is learned starts [default: 0.5; of a run, that of its
    /// last step]
    #[arg(long, value_parser = temperature)]
    pub temperature: Option<f64>,

    /// Which estimators, with commas between; all, if none is named
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub estimators: Vec<String>,

    /// Estimates of each, 100 to 10000000 [default: 131072; 8192 with a decoder; 500 with a policy]
    #[arg(long, value_parser = size(100, 10_000_000))]
    pub draws: Option<u64>,

    /// Batches that estimators which learn (control variates, baselines) see before they are measured, 0 to 100000
    #[arg(long, value_name = "STEPS", default_value_t = 500, value_parser = size(0, 100_000))]
    pub tune: u64,

    /// What to compare with: exact up to 65536 outcomes, otherwise rloo, if not told
    #[arg(long, value_enum)]
    pub reference: Option<ReferenceKind>,

    /// Seed of the noise and of the objective's coefficients
    #[arg(long, default_value_t = 0, value_parser = seed)]
    pub seed: u64,

    /// How results are written
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    pub format: AuditFormat,

    /// Draw a picture as well: variance and squared bias of each estimator
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Leave a run directory as well: config.toml, metrics.jsonl (all JSON lines), summary.json (the aggregates), audit.svg
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Take a directory that holds an audit with these options, and make it again
    #[arg(long, requires = "out")]
    pub resume: bool,
}

/// What estimates are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReferenceKind {
    /// The exact gradient, by enumeration of at most 65536 outcomes
    Exact,
    /// The mean of four times as many estimates by the leave-one-out estimator with 8 samples, with its own error
    Rloo,
}

/// How an audit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AuditFormat {
    /// The aggregates for a reader, then the papers
    Table,
    /// A JSON object for each logit and each aggregate
    Jsonl,
}

const TOY_NOTES: &str = "\
The loss E[(b - t)^2] of a bit b, whose logit starts at 0, is descended by Adam with batches of one. It is known exactly, \
and so is its infimum, which the figure shows. The variance is that of one gradient at the logit as it stands, measured \
by --draws of them at 51 steps. Control variates are trained along, by the same step size. All of it takes about five \
minutes on two cores, most of them for the estimators that learn.

The run's directory gets config.toml, metrics.jsonl (a line for each target, estimator and step: means over the seeds with \
standard errors), summary.json and toy.svg. Equal options give equal files, but for the clock in the summary.";

/// Options of `relaxit toy`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, after_long_help = TOY_NOTES)]
pub struct ToyArgs {
    /// Targets t, with commas between, 0 to 1 [default: 0.45,0.499]
    #[arg(long, value_name = "T", value_delimiter = ',', value_parser = unit)]
    pub target: Vec<f64>,

    /// Which estimators, with commas between; all, if none is named
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub estimators: Vec<String>,

    /// Steps of Adam, 1 to 1000000 [default: 5000]
    #[arg(long, value_parser = size(1, 1_000_000))]
    pub steps: Option<u64>,

    /// Independent repetitions, 1 to 1000 [default: 10]
    #[arg(long, value_parser = size(1, 1000))]
    pub seeds: Option<u64>,

    /// Gradients that a variance is measured by, 2 to 100000 [default: 1000]
    #[arg(long, value_parser = size(2, 100_000))]
    pub draws: Option<u64>,

    /// Adam's step size, above 0 and at most 1 [default: 0.01]
    #[arg(long, value_name = "RATE", value_parser = super::learning_rate)]
    pub learning_rate: Option<f64>,

    /// Temperature of relaxed samples, 1e-3 to 1e3; where one that is learned starts [default: 0.5]
    #[arg(long, value_parser = temperature)]
    pub temperature: Option<f64>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    /// Directory of the run [default: runs/toy-seedSEED]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Take a directory that holds a run with these options, and run it again from the start
    #[arg(long)]
    pub resume: bool,

    /// A look in a few seconds: 500 steps, 3 seeds, 200 draws
    #[arg(long)]
    pub quick: bool,
}

fn number(text: &str, requirement: &str, accepts: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|x| accepts(*x)).ok_or_else(|| format!("expected a number {requirement}"))
}

fn finite(text: &str) -> Result<f64, String> {
    number(text, "between -1e6 and 1e6", |x| (-1e6..=1e6).contains(&x))
}

fn unit(text: &str) -> Result<f64, String> {
    number(text, "between 0 and 1", |x| (0.0..=1.0).contains(&x))
}

fn probability(text: &str) -> Result<f64, String> {
    number(text, "above 0 and below 1", |x| x > 0.0 && x < 1.0)
}

fn logit(text: &str) -> Result<f64, String> {
    number(text, "between -700 and 700", |x| (-700.0..=700.0).contains(&x))
}

fn temperature(text: &str) -> Result<f64, String> {
    number(text, "between 1e-3 and 1e3", |x| (1e-3..=1e3).contains(&x))
}
