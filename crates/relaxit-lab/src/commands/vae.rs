//! `relaxit vae`: train a variational auto-encoder with discrete latents on MNIST.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::args::VaeArgs;
use crate::mnist::{Mnist, Protocol};
use crate::printer::Printer;
use crate::report::curve::{Curve, figure};
use crate::report::page::count;
use crate::run::{RunDirectory, VERSION, write_atomically};
use crate::usage::UsageError;
use crate::vae::code::Model;
use crate::vae::config::VaeConfig;
use crate::vae::method::Method;
use crate::vae::pictures;
use crate::vae::preset::Preset;
use crate::vae::prior::PriorKind;
use crate::vae::train::{Metrics, Trained, Trainer};

use super::overlay::{set, set_size};
use super::resume::refuse_changes;

/// What came out of a run: `summary.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Summary {
    command: String,
    version: String,
    seed: u64,
    latent: Method,
    latents: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    atoms: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<f64>,
    layers: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
    prior: PriorKind,
    /// Which model the bounds are bounds of: the discrete one wherever codes relax discrete ones.
    judged_model: Model,
    /// At which the model stands, if it is not discrete.
    temperature: f64,
    protocol: Protocol,
    training_objective: String,
    /// The last epoch's mean of the negative training objective.
    train_loss: f64,
    test_images: usize,
    /// Single-sample ELBO of the judged model.
    test_elbo: f64,
    test_elbo_standard_error: f64,
    test_log_likelihood: f64,
    test_kl: f64,
    test_kl_standard_error: f64,
    /// Importance-weighted bound of the judged model.
    test_iwae: f64,
    test_iwae_standard_error: f64,
    iwae_samples: usize,
    epochs: usize,
    steps: usize,
    device: String,
    /// Seconds of training with its evaluations, over all sessions.
    seconds: f64,
}

const PICTURES: [&str; 3] = ["reconstructions.png", "samples.png", "loss.svg"];

pub(super) fn vae(args: &VaeArgs, printer: &Printer) -> Result<()> {
    let wanted = overlay(VaeConfig::default(), args)?;
    let path = args.out.clone().unwrap_or_else(|| wanted.default_directory());
    // Before anything is written: data that cannot be read must leave no directory behind.
    let mut data = Mnist::read(&wanted.data_dir)?;
    let run = RunDirectory::claim(&path, args.resume)?.with_events(args.tensorboard);
    let config = if let Some(stored) = run.config()? {
        continued(stored, args, &run)?
    } else {
        run.write_config(&wanted)?;
        wanted
    };
    data.train.truncate(config.train_images);
    data.test.truncate(config.test_images);
    rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build_global()
        .with_context(|| format!("cannot start {} threads", config.threads))?;
    let device = crate::device::open(&config.device)?;
    #[cfg(feature = "distributed")]
    let devices = crate::device::open_several(&config.device, config.devices)?;
    let trainer = Trainer {
        config: &config,
        data: &data,
        run: &run,
        printer,
        device: &device,
        #[cfg(feature = "distributed")]
        devices: &devices,
    };

    printer.note(&format!(
        "relaxit {VERSION}: vae, latent {}, {} latents, protocol {}, seed {}, {}, in {}",
        config.latent.name(),
        config.latents,
        config.protocol.name(),
        config.seed,
        count(config.threads, "thread"),
        run.path().display()
    ));
    let summary = train_and_judge(&trainer)?;
    print(&summary, run.path(), printer)
}

/// Whether the options are those of a run.
pub(super) fn check(args: &VaeArgs) -> Result<()> {
    overlay(VaeConfig::default(), args).map(drop)
}

/// `config` with every option that was given, made consistent.
fn overlay(mut config: VaeConfig, args: &VaeArgs) -> Result<VaeConfig> {
    fn set_some(slot: &mut Option<usize>, option: Option<u64>) {
        *slot = option.and_then(|size| usize::try_from(size).ok()).or(*slot);
    }
    if args.quick {
        let VaeConfig { epochs, test_images, iwae_samples, .. } = VaeConfig::quick();
        config = VaeConfig { epochs, test_images, iwae_samples, ..config };
    }
    let latent = args.latent.or(args.preset.and_then(Preset::method));
    if let Some(latent) = latent.filter(|&latent| latent != config.latent) {
        config = config.with_method(latent);
    }
    config = args.preset.map_or(config.clone(), |preset| preset.apply(config));
    set(&mut config.latents, args.latents.as_ref());
    set_some(&mut config.k, args.k);
    set_some(&mut config.atoms, args.atoms);
    config.correlation = args.correlation.or(config.correlation);
    set(&mut config.prior, args.prior.as_ref());
    set_some(&mut config.samples, args.samples);
    config.tuning_rate = args.tuning_rate.or(config.tuning_rate);
    set_size(&mut config.layers, args.layers);
    set(&mut config.hidden, args.hidden.as_ref());
    set(&mut config.activation, args.activation.as_ref());
    set(&mut config.protocol, args.protocol.as_ref());
    set_size(&mut config.epochs, args.epochs);
    set_size(&mut config.batch_size, args.batch_size);
    set(&mut config.learning_rate, args.learning_rate.as_ref());
    set(&mut config.temperature, args.temperature.as_ref());
    set(&mut config.seed, args.seed.as_ref());
    set_size(&mut config.threads, args.threads);
    set_size(&mut config.train_images, args.train_images);
    set_size(&mut config.test_images, args.test_images);
    set_size(&mut config.iwae_samples, args.iwae_samples);
    set(&mut config.device, args.device.as_ref());
    #[cfg(feature = "distributed")]
    set_size(&mut config.devices, args.devices);
    set(&mut config.data_dir, args.data_dir.as_ref());
    Ok(config.resolve().map_err(UsageError)?)
}

/// The stored configuration of a run that goes on; options that contradict it are refused.
fn continued(stored: VaeConfig, args: &VaeArgs, run: &RunDirectory) -> Result<VaeConfig> {
    let mut asked = overlay(stored.clone(), args)?;
    // The data is verified by digest, so where it lies does not matter; nor do threads, whose number changes no result.
    let (data_dir, threads) = (asked.data_dir.clone(), asked.threads);
    asked.data_dir.clone_from(&stored.data_dir);
    asked.threads = stored.threads;
    refuse_changes(run, &stored, &asked)?;
    Ok(VaeConfig { threads, data_dir, ..stored })
}

fn train_and_judge(trainer: &Trainer<'_>) -> Result<Summary> {
    let (config, run, printer) = (trainer.config, trainer.run, trainer.printer);
    let (trained, code) = (trainer.train()?, trainer.code()?);
    let noise = trainer.noise();
    let evaluation = trainer.evaluation(&trained.model, &*code, trained.step, &noise);
    let batches = evaluation.batch_count() as u64;
    printer.note(&format!(
        "judging the {} model on {} test images: importance-weighted bound with {} samples",
        code.model().name(),
        trainer.data.test.len(),
        config.iwae_samples
    ));
    let progress = printer.progress(batches, 0);
    let iwae = evaluation.iwae(config.iwae_samples, || progress.step(String::new))?;
    progress.finish();

    let [reconstructions, samples, loss] = PICTURES.map(|name| run.file(name));
    write_atomically(&reconstructions, &pictures::reconstructions(&evaluation)?.to_png()?)?;
    write_atomically(&samples, &pictures::samples(&evaluation)?.to_png()?)?;
    write_atomically(&loss, loss_figure(config, &trained.metrics).as_bytes())?;

    let Trained { metrics, step, seconds, .. } = trained;
    let last = metrics.last().context("the run has no metrics")?;
    let summary = Summary {
        command: config.command.clone(),
        version: VERSION.into(),
        seed: config.seed,
        latent: config.latent,
        latents: config.latents.to_string(),
        k: config.k,
        atoms: config.atoms,
        correlation: config.correlation,
        layers: config.layers,
        samples: config.samples,
        prior: config.prior,
        judged_model: code.model(),
        temperature: last.temperature,
        protocol: config.protocol,
        training_objective: config.latent.training_objective().into(),
        train_loss: last.train_loss,
        test_images: trainer.data.test.len(),
        test_elbo: last.test_elbo,
        test_elbo_standard_error: last.test_elbo_standard_error,
        test_log_likelihood: last.test_log_likelihood,
        test_kl: last.test_kl,
        test_kl_standard_error: last.test_kl_standard_error,
        test_iwae: iwae.mean,
        test_iwae_standard_error: iwae.standard_error,
        iwae_samples: config.iwae_samples,
        epochs: config.epochs,
        steps: step,
        device: config.device.clone(),
        seconds,
    };
    ensure!(iwae.mean.is_finite(), "the importance-weighted bound is {}", iwae.mean);
    run.write_summary(&summary, config.threads)?;
    Ok(summary)
}

fn loss_figure(config: &VaeConfig, metrics: &[Metrics]) -> String {
    let curve = |name: &str, value: fn(&Metrics) -> f64| Curve {
        name: name.into(),
        points: metrics.iter().map(|metrics| (metrics.step as f64, value(metrics))).collect(),
        band: Vec::new(),
    };
    figure(
        &format!(
            "{} {}, protocol {}, seed {}",
            config.latent.name(),
            config.latents,
            config.protocol.name(),
            config.seed
        ),
        "optimiser step",
        "nats per image",
        &[
            curve("training loss", |metrics| metrics.train_loss),
            curve("negative test ELBO", |metrics| -metrics.test_elbo),
        ],
    )
}

/// The summary for a reader, as data: one `name  value` a line.
fn print(summary: &Summary, path: &Path, printer: &Printer) -> Result<()> {
    let Summary { protocol, test_images, iwae_samples, .. } = summary;
    let protocol = protocol.name();
    let bound = |mean: f64, error: f64| format!("{mean:.2} ± {error:.2} nats");
    let mut lines = vec![
        ("latent", format!("{}, {} latents", summary.latent.name(), summary.latents)),
        ("protocol", format!("{protocol}, {test_images} test images")),
        (
            "trained",
            format!(
                "{} steps, {} epochs, {:.0} s, seed {}",
                summary.steps, summary.epochs, summary.seconds, summary.seed
            ),
        ),
        ("objective", summary.training_objective.clone()),
        ("judged", format!("as the {} model", summary.judged_model.name())),
        ("test ELBO", bound(summary.test_elbo, summary.test_elbo_standard_error)),
        (
            "test bound",
            format!("{} with {iwae_samples} samples", bound(summary.test_iwae, summary.test_iwae_standard_error)),
        ),
    ];
    let files: Vec<PathBuf> = PICTURES.iter().chain(&["summary.json"]).map(|name| path.join(name)).collect();
    lines.extend(files.iter().map(|file| ("wrote", file.display().to_string())));
    for (name, value) in lines {
        printer.data(&format!("{name:<12}{value}")).context("cannot write to standard output")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Parser, ValueEnum};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        vae: VaeArgs,
    }

    fn configured(options: &str) -> Result<VaeConfig> {
        let cli = Cli::try_parse_from(format!("vae {options}").split_whitespace())?;
        overlay(VaeConfig::default(), &cli.vae)
    }

    #[test]
    fn every_preset_is_a_model() {
        for preset in Preset::value_variants() {
            let name = preset.to_possible_value().unwrap().get_name().to_owned();
            let config = configured(&format!("--preset {name}")).unwrap();
            assert!(crate::vae::code::build(&config, &burn::tensor::Device::flex()).is_some(), "{name}");
        }
    }

    #[test]
    fn options_go_before_presets_which_go_before_defaults() {
        let config = configured("--latent rloo --preset nonlinear --prior uniform --hidden 50").unwrap();
        assert_eq!((config.latent, config.prior, config.latents.variables), (Method::Rloo, PriorKind::Uniform, 200));
        assert_eq!((config.hidden.to_string(), config.batch_size), ("50".into(), 24));
        let config = configured("--preset reinmax-8x4").unwrap();
        assert_eq!((config.latent, config.latents.to_string()), (Method::Reinmax, "4x8".into()));
        let config = configured("--preset reinmax-8x4 --latent gumbel-rao --latents 5x3").unwrap();
        assert_eq!((config.latent, config.latents.to_string()), (Method::GumbelRao, "5x3".into()));
        assert_eq!(config.hidden.to_string(), "512,256");
        assert!(configured("--preset reinmax-8x4 --latent concrete").unwrap_err().to_string().contains("takes bits"));
    }
}
