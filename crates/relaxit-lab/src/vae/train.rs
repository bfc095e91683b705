//! Training: epochs of steps, an evaluation and a checkpoint after each, until done or killed.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;
use relaxit::schedule::Schedule;
use serde::{Deserialize, Serialize};

use super::code::{self, Code};
use super::config::VaeConfig;
use super::evaluation::{Average, Evaluation};
use super::gradient_variance::gradient_variance;
use super::model::Vae;
#[cfg(feature = "distributed")]
use super::parallel::Workers;
use super::stack::Stack;
use super::step::{Step, optimizer};
use crate::ahead::ahead;
use crate::mnist::{Mnist, Protocol};
use crate::printer::{Printer, Progress};
use crate::run::{Checkpoint, RunDirectory, TrainingState};

/// One evaluation: a line of `metrics.jsonl`. It holds no clock, so that equal runs give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// What the digits meant.
    pub protocol: Protocol,
    /// Epochs done.
    pub epoch: usize,
    /// Optimiser steps done.
    pub step: usize,
    /// The temperature of the last step.
    pub temperature: f64,
    /// The negative training objective, averaged over the epoch's images.
    pub train_loss: f64,
    /// The single-sample ELBO of the judged model on the test set.
    pub test_elbo: f64,
    /// The standard error of `test_elbo` over the test images.
    pub test_elbo_standard_error: f64,
    /// Its first term, `E log p(x|b)`.
    pub test_log_likelihood: f64,
    /// Its second term, `KL(q(b|x) ‖ p(b))`.
    pub test_kl: f64,
    /// The standard error of `test_kl`: over the test images, and where it has no closed form over its draws.
    pub test_kl_standard_error: f64,
    /// The variance of one training step's gradient in the encoder's parameters, at a batch that stays the same; `None` in
    /// runs that did not measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_variance: Option<f64>,
}

/// Gradients that a variance is measured by, after every epoch: their noise averages out over the parameters.
const DRAWS: usize = 10;

/// A trained model and how training went.
#[derive(Debug)]
pub struct Trained {
    /// The model, off the autodiff device.
    pub model: Vae,
    /// Every evaluation.
    pub metrics: Vec<Metrics>,
    /// Optimiser steps.
    pub step: usize,
    /// Seconds of training, over all sessions.
    pub seconds: f64,
}

/// The fixed parts of a run.
#[derive(Debug)]
pub struct Trainer<'a> {
    /// What to do.
    pub config: &'a VaeConfig,
    /// The data, cut to the configured sizes.
    pub data: &'a Mnist,
    /// Where the run lives.
    pub run: &'a RunDirectory,
    /// Who hears of it.
    pub printer: &'a Printer,
    /// Where to compute, without autodiff.
    pub device: &'a Device,
    /// All that share each batch, the one above first.
    #[cfg(feature = "distributed")]
    pub devices: &'a [Device],
}

impl Trainer<'_> {
    /// Trains from the newest checkpoint, or from the start, to the last epoch.
    ///
    /// # Errors
    /// If the run's directory cannot be read or written, or its checkpoint is damaged or of another model.
    pub fn train(&self) -> Result<Trained> {
        let (mut model, mut optimizer, mut state) = self.start()?;
        let steps_per_epoch = self.data.train.len().div_ceil(self.config.batch_size);
        let total = (steps_per_epoch * self.config.epochs) as u64;
        let progress = self.printer.progress(total, state.step as u64);
        let started = Instant::now();
        let (seconds_before, steps_before) = (state.seconds, state.step);

        while state.epoch < self.config.epochs {
            let train_loss;
            (model, train_loss) = self.epoch(model, &mut optimizer, &mut state, &progress)?;
            let metrics = self.evaluate(&model, &state, train_loss)?;
            state.metrics_length = self.run.append_metrics(&metrics)?;
            state.seconds = seconds_before + started.elapsed().as_secs_f64();
            Checkpoint::take(&model, &optimizer, state.clone())?.write(self.run)?;
            let rate = (state.step - steps_before) as f64 / started.elapsed().as_secs_f64();
            progress.line(&epoch_line(&metrics, self.config.epochs, rate, total));
        }
        progress.finish();
        Ok(Trained { model: model.valid(), metrics: self.run.metrics()?, step: state.step, seconds: state.seconds })
    }

    /// What judges `model` after so many steps.
    #[must_use]
    pub fn evaluation<'b>(
        &'b self,
        model: &'b Vae,
        code: &'b dyn Code,
        step: usize,
        noise: &'b Noise,
    ) -> Evaluation<'b> {
        Evaluation {
            model,
            code,
            temperature: self.last_temperature(step),
            digits: &self.data.test,
            protocol: self.config.protocol,
            noise,
            device: self.device,
        }
    }

    /// The root of every stream of the run.
    #[must_use]
    pub fn noise(&self) -> Noise {
        Noise::seeded(self.config.seed)
    }

    /// What stands between encoder and decoder, as it is before training.
    ///
    /// # Errors
    /// If the configuration has none, which a [resolved](VaeConfig::resolve) one has.
    pub fn code(&self) -> Result<Box<dyn Code>> {
        code::build(self.config, self.device)
            .with_context(|| format!("--latent {} is not for codes of this kind", self.config.latent.name()))
    }

    /// That of the last of so many steps.
    fn last_temperature(&self, step: usize) -> f64 {
        self.config.temperature.at(step.saturating_sub(1))
    }

    fn start(&self) -> Result<(Vae, ModuleOptimizer, TrainingState)> {
        let device = self.device.clone().autodiff();
        let model = Vae::new(self.config, self.code()?.sizes(), &self.noise().fork("weights"), &device);
        let optimizer = optimizer()?;
        let (model, optimizer, state) = if let Some(checkpoint) = Checkpoint::newest(self.run)? {
            checkpoint.restore(model, optimizer)?
        } else {
            let noise = self.noise().fork("training").state();
            let start = TrainingState { epoch: 0, step: 0, noise, estimator: None, metrics_length: 0, seconds: 0.0 };
            (model, optimizer, start)
        };
        ensure!(
            state.epoch <= self.config.epochs,
            "the checkpoint is at epoch {}, past the run's last, {}",
            state.epoch,
            self.config.epochs
        );
        self.run.rewind_metrics(state.metrics_length)?;
        Ok((model, optimizer, state))
    }

    /// One pass over the training set in an order that depends on seed and epoch alone; returns the mean loss too.
    fn epoch(
        &self,
        mut model: Vae,
        optimizer: &mut ModuleOptimizer,
        state: &mut TrainingState,
        progress: &Progress,
    ) -> Result<(Vae, f64)> {
        let root = self.noise().fork(&format!("epoch {}", state.epoch));
        let order = root.fork("order").permutation(self.data.train.len());
        let binarisation = root.fork("binarisation");
        let mut noise = Noise::from_state(state.noise);
        // Built anew, so that an epoch depends on nothing that its checkpoint does not hold.
        let mut code = self.code()?;
        if let Some(estimator) = state.estimator.take() {
            code.resume(estimator).context("the checkpoint is of another estimator")?;
        }
        let mut sum = 0.0;
        let mut recent = None;

        let (protocol, digits, device) = (self.config.protocol, &self.data.train, self.device);
        let batches = order.chunks(self.config.batch_size);
        let batches = batches.map(|indices| protocol.batch(digits, indices, &binarisation, device));
        model = ahead(batches, |batches| {
            for x in batches {
                let temperature = self.config.temperature.at(state.step);
                let learning_rate = self.config.learning_rate;
                let step = Step { code: &mut *code, noise: &mut noise, temperature, learning_rate };
                let loss;
                let images = x.dims()[0];
                (model, loss) = self.step(step, model, optimizer, x)?;
                ensure!(
                    loss.is_finite(),
                    "training diverged: the loss is {loss} at step {}; lower --learning-rate (it is {})",
                    state.step,
                    self.config.learning_rate
                );
                sum += loss * images as f64;
                // A moving average for the eye alone.
                let shown = recent.map_or(loss, |recent| 0.95 * recent + 0.05 * loss);
                recent = Some(shown);
                state.step += 1;
                progress.step(|| format!("loss {shown:.2}"));
            }
            Ok(model)
        })?;
        state.epoch += 1;
        state.noise = noise.state();
        state.estimator = code.state();
        Ok((model, sum / self.data.train.len() as f64))
    }

    /// One step at the images `x`, on one device or on several.
    #[cfg_attr(not(feature = "distributed"), allow(clippy::unused_self))]
    fn step(&self, step: Step<'_>, model: Vae, optimizer: &mut ModuleOptimizer, x: Tensor<2>) -> Result<(Vae, f64)> {
        #[cfg(feature = "distributed")]
        if let [_, _, ..] = self.devices {
            let workers = Workers { config: self.config, devices: self.devices };
            let noise = Noise::seeded(step.noise.bits());
            let (gradients, value) = workers.gradients(&model, &x, step.temperature, &noise)?;
            return Ok((optimizer.step(step.learning_rate, model, gradients), -value.into_scalar::<f64>()));
        }
        Ok(step.take(model, optimizer, &x.autodiff())?)
    }

    fn evaluate(&self, model: &Vae, state: &TrainingState, train_loss: f64) -> Result<Metrics> {
        let gradient_variance = self.gradient_variance(model, state)?;
        let (noise, model) = (self.noise(), model.valid());
        let (elbo, likelihood, kl) = self.evaluation(&model, &*self.code()?, state.step, &noise).elbo()?;
        let Average { mean: test_elbo, standard_error } = elbo;
        ensure!(test_elbo.is_finite(), "training diverged: the test ELBO is {test_elbo} at step {}", state.step);
        Ok(Metrics {
            protocol: self.config.protocol,
            epoch: state.epoch,
            step: state.step,
            temperature: self.last_temperature(state.step),
            train_loss,
            test_elbo,
            test_elbo_standard_error: standard_error,
            test_log_likelihood: likelihood.mean,
            test_kl: kl.mean,
            test_kl_standard_error: kl.standard_error,
            gradient_variance: Some(gradient_variance),
        })
    }

    /// The noise of the training gradient at the first training images. It has streams of its own, and a copy of what the
    /// estimator has learned, so that looking changes nothing.
    fn gradient_variance(&self, model: &Vae, state: &TrainingState) -> Result<f64> {
        let root = self.noise().fork("gradient variance");
        let indices: Vec<usize> = (0..self.config.batch_size.min(self.data.train.len())).collect();
        let device = self.device.clone().autodiff();
        let x = self.config.protocol.batch(&self.data.train, &indices, &root.fork("binarisation"), &device);
        let mut code = self.code()?;
        if let Some(estimator) = state.estimator.clone() {
            code.resume(estimator).context("the estimator's state cannot be copied")?;
        }
        let mut noise = root.fork(&format!("epoch {}", state.epoch));
        let temperature = self.last_temperature(state.step);
        Ok(gradient_variance(&Stack { model, x: &x }, &mut *code, temperature, DRAWS, &mut noise)?)
    }
}

fn epoch_line(metrics: &Metrics, epochs: usize, rate: f64, total: u64) -> String {
    let left = (total as f64 - metrics.step as f64) / rate;
    format!(
        "epoch {}/{epochs}  step {}  loss {:.2}  test ELBO {:.2}  {rate:.1} steps/s  {left:.0} s left",
        metrics.epoch, metrics.step, metrics.train_loss, metrics.test_elbo
    )
}
