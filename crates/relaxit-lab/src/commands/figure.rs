//! `relaxit figure`: figures that need no training.

use anyhow::{Context, Result};

use crate::args::figure::{FigureCommand, FigureOut, LaplaceBridgeArgs, TwoTemperaturesArgs};
use crate::figure::laplace_bridge::LaplaceBridgeConfig;
use crate::figure::two_temperatures::TwoTemperaturesConfig;
use crate::figure::{Figure, FigureConfig};
use crate::printer::Printer;
use crate::report::{laplace_bridge, two_temperatures};
use crate::run::{RunDirectory, VERSION, write_atomically};
use crate::usage::UsageError;

use super::overlay::{set, set_size};
use super::resume::hold_to;

pub(super) fn figure(command: &FigureCommand, printer: &Printer) -> Result<()> {
    let (config, FigureOut { out, resume }) = match command {
        FigureCommand::LaplaceBridge(args) => (FigureConfig::LaplaceBridge(bridge(args)), &args.out),
        FigureCommand::TwoTemperatures(args) => (FigureConfig::TwoTemperatures(temperatures(args)?), &args.out),
    };
    let path = out.clone().unwrap_or_else(|| config.default_directory());
    let run = RunDirectory::claim(&path, *resume)?;
    hold_to(&run, &config)?;
    printer.note(&format!("relaxit {VERSION}: figure {}, in {}", config.name(), path.display()));
    let figure = config.compute()?;
    let (files, lines) = match &figure {
        Figure::LaplaceBridge(bridges) => {
            let lines = bridges.bridges.iter().map(|bridge| {
                format!(
                    "concentration {:?}  KL {:.5} ± {:.5} nats  total variation {:.5} ± {:.5}",
                    bridge.concentration,
                    bridge.kl,
                    bridge.kl_standard_error,
                    bridge.total_variation,
                    bridge.total_variation_standard_error
                )
            });
            (vec![("laplace-bridge.svg", laplace_bridge::figure(bridges)?)], lines.collect())
        }
        Figure::TwoTemperatures(found) => {
            let files = vec![
                ("sharpness.svg", two_temperatures::sharpness(found)),
                ("heat-maps.svg", two_temperatures::heat_maps(found)?),
            ];
            (files, Vec::new())
        }
    };
    for (name, svg) in &files {
        write_atomically(&run.file(name), svg.as_bytes())?;
    }
    run.write_summary(&figure, rayon::current_num_threads())?;
    let wrote = files.iter().map(|(name, _)| *name).chain(["summary.json"]);
    let wrote = wrote.map(|name| format!("wrote {}", run.file(name).display()));
    let lines: Vec<String> = lines.into_iter().chain(wrote).collect();
    printer.block(&(lines.join("\n") + "\n")).context("cannot write to standard output")?;
    Ok(())
}

fn bridge(args: &LaplaceBridgeArgs) -> LaplaceBridgeConfig {
    let mut config = LaplaceBridgeConfig::default();
    if !args.concentrations.is_empty() {
        config.concentrations.clone_from(&args.concentrations);
    }
    set_size(&mut config.draws, args.draws);
    set(&mut config.seed, args.seed.as_ref());
    config
}

fn temperatures(args: &TwoTemperaturesArgs) -> Result<TwoTemperaturesConfig, UsageError> {
    let mut config = TwoTemperaturesConfig::default();
    if !args.logits.is_empty() {
        config.logits.clone_from(&args.logits);
    }
    if !args.target.is_empty() {
        config.target.clone_from(&args.target);
    }
    set(&mut config.form, args.form.as_ref());
    set(&mut config.lowest, args.lowest.as_ref());
    set(&mut config.highest, args.highest.as_ref());
    set_size(&mut config.points, args.points);
    set_size(&mut config.draws, args.draws);
    set(&mut config.seed, args.seed.as_ref());
    let TwoTemperaturesConfig { logits, target, lowest, highest, .. } = &config;
    if !(2..=64).contains(&logits.len()) || logits.len() != target.len() {
        return Err(UsageError(format!(
            "--logits and --target must have 2 to 64 numbers, one for each category; got {} and {}",
            logits.len(),
            target.len()
        )));
    }
    if target.iter().all(|t| t.total_cmp(&target[0]).is_eq()) {
        let message = "--target must have numbers that differ, or every choice is as good; got only ";
        return Err(UsageError(format!("{message}{}", target[0])));
    }
    if lowest >= highest {
        return Err(UsageError(format!("--highest must be above --lowest, got {highest} and {lowest}")));
    }
    Ok(config)
}
