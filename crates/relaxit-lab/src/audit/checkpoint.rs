//! The problem that a training run stands before: its decoder, at the code of one image.

use std::path::Path;

use anyhow::{Context, Result};
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::tensor::Device;
use relaxit::noise::Noise;
use relaxit::schedule::Schedule;

use super::objective::likelihood;
use super::problem::Problem;
use crate::mnist::Mnist;
use crate::run::{Checkpoint, RunDirectory};
use crate::usage::UsageError;
use crate::vae::code::{self, Sizes};
use crate::vae::config::VaeConfig;
use crate::vae::method::Kind;
use crate::vae::model::Vae;

/// The run's model as its newest checkpoint holds it, at test image `image`: the logits are its encoder's, the objective
/// is `log p(image | code)`, the temperature that of its last step if none is given.
///
/// # Errors
/// If `path` holds no run of `relaxit vae`, or one without a checkpoint, or one that another process is training; if the
/// data cannot be read.
///
/// # Panics
/// If the device fails.
pub fn problem(path: &Path, data: Option<&Path>, image: usize, temperature: Option<f64>) -> Result<Problem> {
    let shown = path.display();
    // Looked at before it is claimed, which would create it.
    if !path.join("config.toml").exists() {
        return Err(UsageError(format!("--run: {shown} holds no run")).into());
    }
    let run = RunDirectory::claim(path, true)?;
    let config: VaeConfig = run.config()?.with_context(|| format!("{shown} holds no configuration"))?;
    let sizes = sizes(&config).ok_or_else(|| {
        let VaeConfig { latent, layers, .. } = &config;
        let name = latent.name();
        UsageError(format!(
            "--run: {shown} was trained by {name} in {layers} layers; an audit takes bits or choices in 1"
        ))
    })?;
    let checkpoint = Checkpoint::newest(&run)?.with_context(|| format!("{shown} has no checkpoint yet"))?;
    let digits = Mnist::read(data.unwrap_or(&config.data_dir))?.test;
    if image >= digits.len() {
        return Err(UsageError(format!("--image: there are test images 0 to {}, got {image}", digits.len() - 1)).into());
    }

    let last = config.temperature.at(checkpoint.state.step.saturating_sub(1));
    let device = Device::flex().autodiff();
    let noise = Noise::seeded(config.seed);
    let model = Vae::new(&config, sizes, &noise, &device);
    let (model, _, _) = checkpoint.restore(model, AdamConfig::new().init())?;
    let Vae { encoder, decoder, .. } = model.no_grad();
    let x = config.protocol.batch(&digits, &[image], &noise.fork("test set"), &device);
    let logits = encoder.forward(x.clone()).inner().try_into_vec_as().context("the logits cannot be read")?;
    let judge = likelihood(move |code| decoder.forward(code), x);
    Ok(Problem { latents: config.latents, logits, temperature: temperature.unwrap_or(last), device, judge })
}

/// The sizes of a code of bits or choices in one layer, or `None` of others.
fn sizes(config: &VaeConfig) -> Option<Sizes> {
    let kind = config.latent.kind();
    let discrete = matches!(kind, Kind::Bits | Kind::Choices | Kind::BitsOrChoices | Kind::Discrete);
    (discrete && config.k.is_none() && config.layers == 1)
        .then(|| code::build(config, &Device::flex()))?
        .map(|code| code.sizes())
}
