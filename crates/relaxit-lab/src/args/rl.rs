//! Options of `relaxit rl`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use relaxit::schedule::Anneal;
use relaxit_rl::agent::Algorithm;

use super::{seed, size};

/// `relaxit rl`: training, or a look at what was trained.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, args_conflicts_with_subcommands = true, args_override_self = true)]
pub struct RlCommand {
    #[command(subcommand)]
    #[allow(missing_docs)] // clap would take it for the help
    pub view: Option<RlView>,

    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub train: RlArgs,
}

/// What else `relaxit rl` can do.
#[derive(Debug, Subcommand)]
pub enum RlView {
    /// Put trained agents side by side: learning curves with bands, intervals, probability of improvement
    Compare(CompareArgs),
    /// Draw episodes of a trained policy as an animated GIF
    Watch(WatchArgs),
}

/// Options of `relaxit rl compare`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct CompareArgs {
    /// Directories of finished runs, on one environment
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Where the learning curves go
    #[arg(long, value_name = "FILE.svg", default_value = "compare.svg")]
    pub plot: PathBuf,
}

/// Options of `relaxit rl watch`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct WatchArgs {
    /// Directory of a run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Which of the run's seeds [default: its first]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    /// The seed of the episode
    #[arg(long, default_value_t = 0, value_parser = seed)]
    pub episode: u64,

    /// Where the animation goes [default: RUN/watch.gif]
    #[arg(long, value_name = "FILE.gif")]
    pub out: Option<PathBuf>,
}

/// Options of training; what is not given has a default that suits the environment, or the value of the run that is
/// resumed.
#[derive(Debug, Default, Args)]
#[allow(clippy::struct_excessive_bools)] // one for each switch
pub struct RlArgs {
    /// cartpole, acrobot, taxi, or gym:ID for any environment of Gymnasium, which python3 must have [default: cartpole]
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,

    /// What the environment is made with beside its name, as in `is_rainy=true` (taxi) or `gravity=-5.0`
    /// (gym:LunarLander-v3); repeat for each
    #[arg(long, value_name = "NAME=JSON", action = clap::ArgAction::Append)]
    pub env_option: Vec<String>,

    /// How the policy's gradient is estimated: reinforce, reinforce-baseline, a2c, relax, rebar or decoupled
    /// [default: relax]
    #[arg(long, value_name = "NAME")]
    pub agent: Option<Algorithm>,

    /// How many seeds, 1 to 10000 [default: 10]
    #[arg(long, value_parser = size(1, 10_000))]
    pub seeds: Option<u64>,

    /// The first seed [default: 0]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    /// Steps of environments for each seed, 1 to 10^12
    #[arg(long, value_parser = size(1, 1_000_000_000_000))]
    pub steps: Option<u64>,

    /// Copies of the environment that act at once, 1 to 65536
    #[arg(long, value_name = "COPIES", value_parser = size(1, 65_536))]
    pub environments: Option<u64>,

    /// Steps of each copy in an update, 1 to 1000000; without it, whole episodes, or what suits the agent
    #[arg(long, value_name = "STEPS", value_parser = size(1, 1_000_000), conflicts_with = "episodes")]
    pub segment: Option<u64>,

    /// Update from one whole episode of each copy
    #[arg(long)]
    pub episodes: bool,

    /// Hidden units of each network, 1 to 8192 [default: 64]
    #[arg(long, value_name = "UNITS", value_parser = size(1, 8192))]
    pub hidden: Option<u64>,

    /// Discount of later rewards, in [0, 1]
    #[arg(long, value_name = "GAMMA")]
    pub discount: Option<f64>,

    /// λ of the generalised advantages, in [0, 1]; 1 gives whole returns
    #[arg(long, value_name = "LAMBDA")]
    pub lambda: Option<f64>,

    /// Weight of the policy's entropy at each update, not negative: a number, or linear|exponential|cosine:START->END@STEPS
    #[arg(long, value_name = "SCHEDULE")]
    pub entropy: Option<Anneal>,

    /// The policy's learning rate at each update, 0 to 1: a number, or a schedule
    #[arg(long, value_name = "SCHEDULE")]
    pub learning_rate: Option<Anneal>,

    /// The critic's learning rate, above 0
    #[arg(long, value_name = "RATE")]
    pub critic_learning_rate: Option<f64>,

    /// The learning rate of the control variate, or of the decoupled agent's critic of actions, above 0
    #[arg(long, value_name = "RATE")]
    pub control_learning_rate: Option<f64>,

    /// The largest norm of an applied gradient, above 0
    #[arg(long, value_name = "NORM")]
    pub max_gradient_norm: Option<f64>,

    /// Temperature of relaxed actions, 1e-3 to 1e3: for relax, rebar and decoupled
    #[arg(long)]
    pub temperature: Option<f64>,

    /// Evaluations, and checkpoints, over a run, 1 to 100000 [default: 20]
    #[arg(long, value_name = "COUNT", value_parser = size(1, 100_000))]
    pub evaluations: Option<u64>,

    /// Episodes of the last evaluation, 1 to 100000 [default: 100]
    #[arg(long, value_name = "EPISODES", value_parser = size(1, 100_000))]
    pub final_episodes: Option<u64>,

    /// Gradients of the final policy that are measured for their variance, 2 to 1000000 [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = size(2, 1_000_000))]
    pub gradients: Option<u64>,

    /// Mean reward of 100 training episodes at which the task counts as learned
    #[arg(long, value_name = "REWARD")]
    pub threshold: Option<f64>,

    /// Seeds that are trained at once, 1 to 1024 [default: one for each core]
    #[arg(long, value_parser = size(1, 1024))]
    pub threads: Option<u64>,

    /// Directory of the run [default: runs/rl-ENV-AGENT-seedSEED]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Continue the run in --out, or start it if there is none
    #[arg(long)]
    pub resume: bool,

    /// Write the metrics for TensorBoard as well, into event files in each seed's directory
    #[arg(long)]
    pub tensorboard: bool,

    /// A look in under a minute: 2 seeds, a tenth of the steps
    #[arg(long)]
    pub quick: bool,
}
