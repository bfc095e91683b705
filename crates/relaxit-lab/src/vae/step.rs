//! One step of training.

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use relaxit::noise::Noise;
use relaxit::optim::FusedAdam;

use super::code::Code;
use super::model::Vae;
use super::stack::Stack;

/// What trains the networks: Adam, as the papers have it.
///
/// # Errors
/// Never: its settings are in range.
pub fn optimizer() -> relaxit::Result<ModuleOptimizer> {
    Ok(FusedAdam::new().with_epsilon(1e-8)?.into())
}

/// What a step needs beside model and images.
#[derive(Debug)]
pub struct Step<'a> {
    /// What stands between encoder and decoder.
    pub code: &'a mut dyn Code,
    /// Of the training.
    pub noise: &'a mut Noise,
    /// Of the relaxed code.
    pub temperature: f64,
    /// The optimiser's step size.
    pub learning_rate: f64,
}

impl Step<'_> {
    /// The model after a step at the images `x`, `[images, PIXELS]` with autodiff, and the loss before it: the negative
    /// objective, averaged over the images.
    ///
    /// # Errors
    /// If the temperature is out of range.
    pub fn take(self, model: Vae, optimizer: &mut ModuleOptimizer, x: &Tensor<2>) -> relaxit::Result<(Vae, f64)> {
        let objective = self.code.objective(&Stack { model: &model, x }, self.temperature, self.noise)?;
        let gradients = GradientsParams::from_grads(objective.loss.backward(), &model);
        let model = optimizer.step(self.learning_rate, model, gradients);
        if let Some(tuning) = objective.tuning {
            self.code.tune(tuning);
        }
        Ok((model, -objective.value.into_scalar::<f64>()))
    }
}
