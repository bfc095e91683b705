//! The command line: types that clap reads, and nothing else.

pub mod figure;
pub mod reproduce;
pub mod rl;
pub mod sweep;
mod trial;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use relaxit::schedule::Anneal;

pub use self::trial::{AuditArgs, AuditFormat, ReferenceKind, ToyArgs};

use crate::device;
use crate::laws::{Gradient, parameter};
use crate::mnist::Protocol;
use crate::vae::latents::Latents;
use crate::vae::method::Method;
use crate::vae::perceptron::{Activation, Widths};
use crate::vae::preset::Preset;
use crate::vae::prior::PriorKind;

/// Learning with discrete random variables: train, evaluate and draw.
#[derive(Debug, Parser)]
#[command(name = "relaxit", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What `relaxit` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure bias, variance and cost of gradient estimators against the exact gradient
    Audit(AuditArgs),
    /// Train a variational auto-encoder with discrete latents on MNIST, and draw what it learned
    #[command(args_override_self = true, after_long_help = VAE_NOTES)]
    Vae(Box<VaeArgs>),
    /// Draw from a law, with log-densities and gradients, as CSV or JSON lines or as a picture
    Sample(SampleArgs),
    /// Run every method side by side, and write the report: the whole of this laboratory in one command
    #[command(after_long_help = reproduce::REPRODUCE_NOTES)]
    Reproduce(reproduce::ReproduceArgs),
    /// Run plans of many runs: grids over commands and options, on one machine or many
    #[command(subcommand, after_long_help = sweep::SWEEP_NOTES)]
    Sweep(sweep::SweepCommand),
    /// Train the papers' toy bit with every gradient estimator: curves of loss and variance
    Toy(ToyArgs),
    /// Hold laws to the test laws
    #[command(subcommand)]
    Laws(LawsCommand),
    /// Train agents by policy gradients on many seeds, and say how good they became
    Rl(Box<rl::RlCommand>),
    /// Compute and draw a figure that needs no training
    #[command(subcommand)]
    Figure(figure::FigureCommand),
    /// Put finished runs side by side in one HTML file, with its content as Markdown and figures beside it
    #[command(after_long_help = REPORT_NOTES)]
    Report(ReportArgs),
}

/// What `relaxit laws` can do.
#[derive(Debug, Subcommand)]
pub enum LawsCommand {
    /// Run every test law that applies, and print what it found
    #[command(after_long_help = CHECK_NOTES)]
    Check(CheckArgs),
}

const REPORT_NOTES: &str = "\
Runs of vae, rl, toy, audit and figure may be named in any order. Those that differ in their seeds alone are pooled. \
Nothing is trained: everything is drawn from what the runs left.

  DIR/report.html     one file that needs no other: tables, figures, the papers of the methods, every configuration
  DIR/report.md       the same as Markdown
  DIR/figures/        the figures as SVG and PNG";

/// Options of `relaxit report`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct ReportArgs {
    /// Directories of finished runs
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Where the report goes; an older one is written over
    #[arg(long, value_name = "DIR", default_value = "runs/report")]
    pub out: PathBuf,
}

const CHECK_NOTES: &str = "\
Each line holds: passed or FAILED, the law, the test law, its statistic, and the threshold that the statistic must not \
exceed. The status is 1 if one fails. Thresholds are such that a right law fails one comparison in a million.

Test laws that do not apply at these parameters are named on standard error with the reason. Thresholds of gradients \
are relative errors against differences, which need a law that is smooth over lengths of 0.01.";

/// Options of `relaxit laws check`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct CheckArgs {
    /// Which laws; `relaxit sample --list` shows them [default: all]
    #[arg(value_name = "LAW")]
    pub laws: Vec<String>,

    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub parameters: ParameterArgs,

    /// Draws of each statistical check, 1000 to 10000000
    #[arg(long, default_value_t = 200_000, value_parser = size(1000, 10_000_000))]
    pub draws: u64,

    /// Seed of everything random
    #[arg(long, default_value_t = 0, value_parser = seed)]
    pub seed: u64,
}

/// The parameters of a law.
#[derive(Debug, Args)]
pub struct ParameterArgs {
    /// A parameter of the law, as in logits=0.3,-1.2; repeat for each
    #[arg(short, long = "param", value_name = "NAME=NUMBERS", value_parser = parameter::assignment)]
    pub parameters: Vec<(String, Vec<f64>)>,

    /// A TOML file of parameters, as in logits = [0.3, -1.2]; -p goes before it
    #[arg(long, value_name = "FILE")]
    pub params: Option<PathBuf>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Commas, with a header
    Csv,
    /// A JSON object for each draw, with the same names
    Jsonl,
}

const SAMPLE_NOTES: &str = "\
Columns, in this order:
  x                 the draw; x0, x1, ... if it has several entries
  log_prob          its log-density in nats; for laws of scalars one for each entry, log_prob0, ...
  dlog_prob/dNAME   --grad=score: gradient of log_prob (summed over entries) in each parameter
  dxI/dNAME         --grad=path: gradient of entry I of the draw in each parameter, noise held fixed

The path gradient of a straight-through law is its surrogate.

NAME is a parameter, with the index of its number if it has several: logits0, logits1, ... Everything is computed in \
double precision. Draw i depends on the seed, the law and its parameters alone, not on -n. A number that is not finite \
is null in JSON.";

/// Options of `relaxit sample`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, after_long_help = SAMPLE_NOTES)]
pub struct SampleArgs {
    /// Which law, in any case; --list shows them
    #[arg(required_unless_present = "list")]
    pub law: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub parameters: ParameterArgs,

    /// How many draws, 1 to 10000000
    #[arg(short = 'n', value_name = "DRAWS", default_value_t = 10, value_parser = size(1, 10_000_000))]
    pub draws: u64,

    /// Seed of the noise
    #[arg(long, default_value_t = 0, value_parser = seed)]
    pub seed: u64,

    /// How rows are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,

    /// Add the log-density of each draw
    #[arg(long)]
    pub log_prob: bool,

    /// Add gradients; score, if none is named
    #[arg(long, value_enum, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "score")]
    pub grad: Option<Gradient>,

    /// Draw a picture as well: histogram and density, bars, or a triangle for three categories
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Show every law with its parameters, their ranges and its paper
    #[arg(long, exclusive = true)]
    pub list: bool,
}

const VAE_NOTES: &str = "\
Shapes of codes, by method:
  200, 20x2      bits              concrete, rebar-relaxation, stochastic-times-smooth, arm, arms
  20x4           choices           gumbel-softmax, decoupled, gumbel-rao, gapped, reinmax,
                                   sum-and-sample, unordered-set
  200, 20x4      bits or choices   straight-through, disarm, muprop, exact, double-cv, rodeo,
                                   rebar, relax,
                                   st-gumbel-softmax, reinforce, rloo, nvil, vimco
  20x10 --k 3    sets              the last five, relaxed-top-k, implicit-mle, simple
  50 --atoms 16  counts            poisson, geometric, binomial, negative-binomial
  20x5           orders            soft-sort, neural-sort
  200            gates             hard-concrete, gaussian-relaxed-bernoulli, hard-kumaraswamy
  20x10          groups of bits    correlated-relaxed-bernoulli
  20x10          points            dirichlet, invertible-gaussian, logistic-normal,
                                   logistic-normal-softmax

Bits, choices, sets, counts and orders are judged as the discrete model with hard samples, whatever trained it. Gates \
(mixed: a density between 0 and 1, probabilities of both), groups and points (continuous) are judged as the models that \
they are. The summary says which.

The uniform prior is uniform over bits, choices, sets, orders and the simplex (dirichlet); for the other points and for \
gates it is the law at standard parameters, for groups at log-odds 0 with the same correlation, and for counts the law \
whose mean is a quarter of the largest count.";

/// Options of `relaxit vae`; what is not given has the default, or the value of the run that is resumed.
#[derive(Debug, Default, Args)]
#[command(allow_negative_numbers = true)]
pub struct VaeArgs {
    /// Start from the model of a paper instead of the defaults; other options go before it
    #[arg(long, value_enum)]
    pub preset: Option<Preset>,

    /// How the code is sampled in training [default: concrete]
    #[arg(long, value_enum)]
    pub latent: Option<Method>,

    /// Shape of the code: 20x4 is 20 variables of 4 categories, 200 is 200 bits; see the notes below [default: 200]
    #[arg(long, value_name = "SHAPE")]
    pub latents: Option<Latents>,

    /// Items in each set, from 1 to below their number [default: half of them]
    #[arg(long, value_name = "ITEMS", value_parser = size(1, 1023))]
    pub k: Option<u64>,

    /// How many counts there are, from 0 to one less, 2 to 1024 [default: 16]
    #[arg(long, value_name = "COUNTS", value_parser = size(2, 1024))]
    pub atoms: Option<u64>,

    /// Correlation between any two bits of a group, above -1/(bits - 1) and below 1 [default: 0.5]
    #[arg(long, value_name = "NUMBER")]
    pub correlation: Option<f64>,

    /// Law of the codes before an image is seen [default: uniform]
    #[arg(long, value_enum)]
    pub prior: Option<PriorKind>,

    /// Samples of each estimate, for methods that take several [default: as published]
    #[arg(long, value_parser = size(1, 1000))]
    pub samples: Option<u64>,

    /// Step size of what an estimator itself learns, above 0 and at most 1 [default: that of --learning-rate]
    #[arg(long, value_name = "RATE", value_parser = learning_rate)]
    pub tuning_rate: Option<f64>,

    /// Layers of the code, each of the same shape, 1 to 8; several are for bits and choices [default: 1]
    #[arg(long, value_parser = size(1, 8))]
    pub layers: Option<u64>,

    /// Hidden layers of the encoder, from the pixels inwards, as in 512,256, or none for a linear one; the decoder has
    /// them in reverse [default: 400]
    #[arg(long, value_name = "UNITS,...")]
    pub hidden: Option<Widths>,

    /// What bends between layers [default: relu]
    #[arg(long, value_enum)]
    pub activation: Option<Activation>,

    /// What a grey digit means; results of different protocols cannot be compared [default: grey]
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,

    /// Passes over the training set, 1 to 100000 [default: 20]
    #[arg(long, value_parser = size(1, 100_000))]
    pub epochs: Option<u64>,

    /// Images in a training step, 1 to 60000 [default: 128]
    #[arg(long, value_name = "IMAGES", value_parser = size(1, 60_000))]
    pub batch_size: Option<u64>,

    /// Adam's step size, above 0 and at most 1 [default: 0.001]
    #[arg(long, value_name = "RATE", value_parser = learning_rate)]
    pub learning_rate: Option<f64>,

    /// Temperature of the relaxation, 1e-6 to 1e6: a number, or
    /// linear|exponential|cosine:START->END@STEPS [default: 0.5]
    #[arg(long, value_name = "SCHEDULE", value_parser = temperature)]
    pub temperature: Option<Anneal>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    /// Threads that compute, 1 to 1024 [default: one for each core]
    #[arg(long, value_parser = size(1, 1024))]
    pub threads: Option<u64>,

    /// Use only the first training images, 1 to 60000 [default: 60000]
    #[arg(long, value_name = "IMAGES", value_parser = size(1, 60_000))]
    pub train_images: Option<u64>,

    /// Judge on only the first test images, 1 to 10000 [default: 10000]
    #[arg(long, value_name = "IMAGES", value_parser = size(1, 10_000))]
    pub test_images: Option<u64>,

    /// Samples of the final importance-weighted bound, 1 to 1000000 [default: 100]
    #[arg(long, value_name = "SAMPLES", value_parser = size(1, 1_000_000))]
    pub iwae_samples: Option<u64>,

    /// Device that computes; the build has those listed [default: flex]
    #[arg(long, value_parser = PossibleValuesParser::new(device::NAMES))]
    pub device: Option<String>,

    /// How many devices of that kind share each batch, 1 to 64; on flex they share the CPU [default: 1]
    #[cfg(feature = "distributed")]
    #[arg(long, value_name = "COUNT", value_parser = size(1, 64))]
    pub devices: Option<u64>,

    /// Directory with the four gzipped MNIST files [default: data/mnist]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Directory of the run [default: runs/vae-LATENT-SHAPE-PROTOCOL-seedSEED]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Continue the run in --out, or start it if there is none
    #[arg(long)]
    pub resume: bool,

    /// Write the metrics for TensorBoard as well, into event files in the run's directory
    #[arg(long)]
    pub tensorboard: bool,

    /// A look in under a minute: 2 epochs, judged on 2000 test images with 20 samples
    #[arg(long)]
    pub quick: bool,
}

/// A whole number between two; clap's own parser says no range of what is no whole number.
fn size(low: u64, high: u64) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| (low..=high).contains(number));
        number.ok_or_else(|| format!("expected a whole number from {low} to {high}"))
    }
}

fn seed(text: &str) -> Result<u64, String> {
    size(0, u64::MAX)(text)
}

fn learning_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0);
    rate.ok_or_else(|| "expected a number above 0 and at most 1".into())
}

fn temperature(text: &str) -> Result<Anneal, String> {
    let anneal: Anneal = text.parse().map_err(|error: relaxit::Error| error.to_string())?;
    let (low, high) = anneal.range();
    if low >= 1e-6 && high <= 1e6 {
        Ok(anneal)
    } else {
        Err("a temperature must be between 1e-6 and 1e6 at every step".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vae::config::VaeConfig;
    use clap::{CommandFactory, ValueEnum};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// A number below the range of an option is refused by the option, rather than taken for another one.
    #[test]
    fn every_option_is_shown_negative_numbers() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                assert!(argument.is_allow_negative_numbers_set(), "{}: {argument}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
    }

    /// So is the table of shapes.
    #[test]
    fn the_notes_name_every_method() {
        for method in Method::value_variants() {
            assert!(VAE_NOTES.split([' ', ',', '\n']).any(|word| word == method.name()), "{}", method.name());
        }
    }

    /// The defaults are written into the help by hand; this keeps them true.
    #[test]
    fn the_help_states_the_real_defaults() {
        let mut command = Cli::command();
        let vae = command.find_subcommand_mut("vae").unwrap();
        let config = VaeConfig::default();
        for (option, default) in [
            ("latent", config.latent.name()),
            ("latents", config.latents.to_string()),
            ("layers", config.layers.to_string()),
            ("hidden", config.hidden.to_string()),
            ("epochs", config.epochs.to_string()),
            ("batch_size", config.batch_size.to_string()),
            ("learning_rate", config.learning_rate.to_string()),
            ("temperature", config.temperature.to_string()),
            ("seed", config.seed.to_string()),
            ("train_images", config.train_images.to_string()),
            ("test_images", config.test_images.to_string()),
            ("iwae_samples", config.iwae_samples.to_string()),
            ("device", config.device.clone()),
            ("data_dir", config.data_dir.display().to_string()),
            ("protocol", "grey".to_owned()),
            ("prior", "uniform".to_owned()),
            ("activation", "relu".to_owned()),
        ] {
            let argument = vae.get_arguments().find(|argument| argument.get_id() == option).unwrap();
            let help = argument.get_help().unwrap().to_string();
            assert!(help.contains(&format!("[default: {default}]")), "{option}: {help}");
        }
    }
}
