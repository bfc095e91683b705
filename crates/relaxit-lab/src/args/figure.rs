//! Options of `relaxit figure`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{seed, size};
use crate::figure::two_temperatures::Form;

/// The figures that `relaxit figure` knows.
#[derive(Debug, Subcommand)]
pub enum FigureCommand {
    /// The Laplace bridge on the simplex of three categories: Dirichlet laws, their logistic-normal approximations, and back
    LaplaceBridge(LaplaceBridgeArgs),
    /// What the two temperatures of the decoupled straight-through estimator do: sharpness of samples, and bias, noise and
    /// direction of gradients
    #[command(after_long_help = TWO_TEMPERATURES_NOTES)]
    TwoTemperatures(TwoTemperaturesArgs),
}

/// Where a figure goes.
#[derive(Debug, Args)]
pub struct FigureOut {
    /// Directory of the figure: config.toml, summary.json, SVG [default: runs/figure-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Take a directory that holds this figure with these options, and make it again
    #[arg(long)]
    pub resume: bool,
}

/// Options of `relaxit figure laplace-bridge`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct LaplaceBridgeArgs {
    /// Three concentrations of a Dirichlet law, 0.01 to 1e6; repeat for each law
    /// [default: 1,1,1 and 2,3,5 and 8,12,20]
    #[arg(long = "concentration", value_name = "A,B,C", value_parser = concentration, allow_hyphen_values = true)]
    pub concentrations: Vec<[f64; 3]>,

    /// Draws from each law, for the distance to its approximation, 100 to 10000000 [default: 100000]
    #[arg(long, value_parser = size(100, 10_000_000))]
    pub draws: Option<u64>,

    /// Seed of the draws [default: 0]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub out: FigureOut,
}

const TWO_TEMPERATURES_NOTES: &str = "\
The objective is the squared distance of the choice's one-hot vector from --target. At each pair of temperatures, on a \
square of equal ratios, bias and noise of one gradient are told relative to the exact gradient at the same forward \
temperature. The same noise is used at every pair.";

/// Options of `relaxit figure two-temperatures`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct TwoTemperaturesArgs {
    /// Logits of the choice, 2 to 64 numbers between -50 and 50 [default: 1,0.2,-0.4,-0.8]
    #[arg(long, value_name = "X,...", value_delimiter = ',', value_parser = logit, allow_hyphen_values = true)]
    pub logits: Vec<f64>,

    /// Where the objective is least, as many numbers between -1e3 and 1e3, not all equal [default: 0.2,0.9,0,0.6]
    #[arg(long, value_name = "T,...", value_delimiter = ',', value_parser = target, allow_hyphen_values = true)]
    pub target: Vec<f64>,

    /// Whose Jacobian the estimator takes [default: perturbed]
    #[arg(long, value_enum)]
    pub form: Option<Form>,

    /// The lowest temperature, 1e-2 to 1e2 [default: 0.2]
    #[arg(long, value_name = "TEMPERATURE", value_parser = temperature)]
    pub lowest: Option<f64>,

    /// The highest temperature, above the lowest [default: 5]
    #[arg(long, value_name = "TEMPERATURE", value_parser = temperature)]
    pub highest: Option<f64>,

    /// Temperatures on each side, 2 to 101 [default: 21]
    #[arg(long, value_parser = size(2, 101))]
    pub points: Option<u64>,

    /// Gradients at each pair, and samples at each temperature, 100 to 1000000 [default: 8192]
    #[arg(long, value_parser = size(100, 1_000_000))]
    pub draws: Option<u64>,

    /// Seed of their noise [default: 0]
    #[arg(long, value_parser = seed)]
    pub seed: Option<u64>,

    #[command(flatten)]
    #[allow(missing_docs)] // clap would take it for the help
    pub out: FigureOut,
}

fn concentration(text: &str) -> Result<[f64; 3], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers: Option<[f64; 3]> = numbers.and_then(|numbers| numbers.try_into().ok());
    let legal = numbers.filter(|numbers| numbers.iter().all(|x| (0.01..=1e6).contains(x)));
    legal.ok_or_else(|| "expected three numbers between 0.01 and 1e6 with commas between".into())
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x| (low..=high).contains(x));
    number.ok_or_else(|| format!("expected a number between {low} and {high}"))
}

fn logit(text: &str) -> Result<f64, String> {
    within(text, -50.0, 50.0)
}

fn target(text: &str) -> Result<f64, String> {
    within(text, -1e3, 1e3)
}

fn temperature(text: &str) -> Result<f64, String> {
    within(text, 1e-2, 1e2)
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use crate::figure::laplace_bridge::LaplaceBridgeConfig;
    use crate::figure::two_temperatures::TwoTemperaturesConfig;
    use clap::{CommandFactory, Parser};

    /// A list may begin with a negative number.
    #[test]
    fn lists_may_begin_with_a_minus() {
        let read = |options: &str| Cli::try_parse_from(format!("relaxit figure {options}").split(' '));
        assert!(read("two-temperatures --logits -1,2 --target -3,1").is_ok());
        let refused = read("laplace-bridge --concentration -1,1,1").unwrap_err().to_string();
        assert!(refused.contains("three numbers between 0.01 and 1e6"), "{refused}");
    }

    /// The defaults are written into the help by hand; this keeps them true.
    #[test]
    fn the_help_states_the_real_defaults() {
        let list = |x: &[f64]| x.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let (bridge, temperatures) = (LaplaceBridgeConfig::default(), TwoTemperaturesConfig::default());
        let concentrations = bridge.concentrations.iter().map(|x| list(x)).collect::<Vec<_>>().join(" and ");
        let mut command = Cli::command();
        let figure = command.find_subcommand_mut("figure").unwrap();
        for (name, option, default) in [
            ("laplace-bridge", "concentrations", concentrations),
            ("laplace-bridge", "draws", bridge.draws.to_string()),
            ("laplace-bridge", "seed", bridge.seed.to_string()),
            ("two-temperatures", "logits", list(&temperatures.logits)),
            ("two-temperatures", "target", list(&temperatures.target)),
            ("two-temperatures", "form", "perturbed".into()),
            ("two-temperatures", "lowest", temperatures.lowest.to_string()),
            ("two-temperatures", "highest", temperatures.highest.to_string()),
            ("two-temperatures", "points", temperatures.points.to_string()),
            ("two-temperatures", "draws", temperatures.draws.to_string()),
            ("two-temperatures", "seed", temperatures.seed.to_string()),
        ] {
            let command = figure.find_subcommand(name).unwrap();
            let argument = command.get_arguments().find(|argument| argument.get_id() == option).unwrap();
            let help = argument.get_help().unwrap().to_string();
            assert!(help.contains(&format!("[default: {default}]")), "{option}: {help}");
        }
    }
}
