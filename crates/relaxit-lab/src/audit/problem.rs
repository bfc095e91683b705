//! What estimators are tried on: the logits of a code, and an objective.

use std::fmt;

use burn::tensor::{DType, Device, Tensor, TensorData};
use relaxit::noise::Noise;
use relaxit::objective::Objective;

use crate::estimators::{Registered, Setting};
use crate::vae::latents::Latents;

/// An objective, with what the trial must know of it.
pub struct Judge {
    objective: Box<dyn Objective<3>>,
    width: usize,
    rounding: f64,
}

impl Judge {
    /// An objective that holds about `width` numbers for each row while it computes.
    pub fn new(objective: impl Objective<3> + 'static, width: usize) -> Self {
        Self { objective: Box::new(objective), width, rounding: 1e-13 }
    }

    /// The same, for an objective that computes in single precision.
    #[must_use]
    pub fn in_single_precision(self) -> Self {
        Self { rounding: 2e-7, ..self }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("width", &self.width).field("rounding", &self.rounding).finish_non_exhaustive()
    }
}

/// The logits of one code and an objective of it: everything is computed in double precision.
#[derive(Debug)]
pub struct Problem {
    /// The code's shape.
    pub latents: Latents,
    /// One for each channel of each variable.
    pub logits: Vec<f64>,
    /// The temperature of relaxed samples.
    pub temperature: f64,
    /// Where everything is computed, with autodiff.
    pub device: Device,
    /// What codes are judged by.
    pub judge: Judge,
}

/// `[variables, channels]` of a code.
#[must_use]
pub fn shape(latents: Latents) -> [usize; 2] {
    [latents.variables, latents.categories.unwrap_or(1)]
}

/// Numbers that one chunk of rows may hold.
const CHUNK: usize = 1 << 21;
/// Rows of a chunk at most: enough to make the cost of one operation's start small.
const MOST_ROWS: usize = 1 << 14;

impl Problem {
    /// The objective.
    #[must_use]
    pub fn objective(&self) -> &dyn Objective<3> {
        &*self.judge.objective
    }

    /// The error of a gradient that rounding alone may cause, relative to gradient and objective.
    #[must_use]
    pub const fn rounding(&self) -> f64 {
        self.judge.rounding
    }

    /// How many rows are computed at once. It decides how noise is dealt out.
    #[must_use]
    pub fn chunk(&self) -> usize {
        (CHUNK / self.judge.width.max(self.logits.len())).clamp(1, MOST_ROWS)
    }

    /// `[variables, channels]`: one channel for a bit, one for each category of a choice.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        shape(self.latents)
    }

    /// The logits in `rows` equal rows, which record no gradient.
    #[must_use]
    pub fn rows(&self, rows: usize) -> Tensor<3> {
        let [variables, channels] = self.shape();
        let row = TensorData::new(self.logits.clone(), [1, variables, channels]);
        Tensor::from_data(row, (&self.device, DType::F64)).repeat_dim(0, rows)
    }

    /// What estimators for this problem are built with.
    #[must_use]
    pub fn setting(&self, noise: &Noise) -> Setting {
        Setting {
            device: self.device.clone(),
            dtype: DType::F64,
            temperature: self.temperature,
            row: self.shape().to_vec(),
            noise: noise.fork("parameters"),
        }
    }

    /// The relaxation at `logits`.
    ///
    /// # Panics
    /// If the temperature is out of range, which the command line excludes.
    #[must_use]
    pub fn law<R: Registered<3>>(&self, logits: Tensor<3>) -> R {
        R::at(logits, self.temperature).expect("the command line bounds the temperature")
    }

    /// The probabilities of each variable's values: of 0 and 1 for a bit.
    #[must_use]
    pub fn probabilities(&self) -> Vec<Vec<f64>> {
        let softmax = |logits: &[f64]| {
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            logits.iter().map(|logit| (logit - largest).exp() / sum).collect()
        };
        match self.latents.categories {
            None => self.logits.iter().map(|&logit| softmax(&[0.0, logit])).collect(),
            Some(categories) => self.logits.chunks(categories).map(softmax).collect(),
        }
    }
}
