//! Checkpoints: everything that a killed run needs to end as if it had not been.

use anyhow::{Context, Result};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use relaxit::control::TunerState;
use relaxit::noise::NoiseState;
use serde::{Deserialize, Serialize};

use super::RunDirectory;
use super::snapshot::{digest, newest, read, read_unaltered, write_newest};

/// The state of a training run between two epochs, beside weights and optimiser.
///
/// The order of the data needs no place here: it is a pure function of seed and epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Epochs done.
    pub epoch: usize,
    /// Optimiser steps done.
    pub step: usize,
    /// The noise stream of training.
    pub noise: NoiseState,
    /// What the gradient's estimator has learned, if it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimator: Option<TunerState>,
    /// Bytes of `metrics.jsonl` that belong to this checkpoint.
    pub metrics_length: u64,
    /// Seconds of training so far, over all sessions.
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    #[serde(flatten)]
    training: TrainingState,
    model_md5: String,
    optimizer_md5: String,
}

/// The weights, the optimiser and the training state of one moment.
#[derive(Debug)]
pub struct Checkpoint {
    model: Bytes,
    optimizer: Bytes,
    /// Where training stood.
    pub state: TrainingState,
}

const PREFIX: &str = "epoch";
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const STATE: &str = "state.json";

impl Checkpoint {
    /// Takes a copy of the present.
    ///
    /// # Errors
    /// If Burn cannot serialise the model or the optimiser.
    pub fn take<M: Module>(model: &M, optimizer: &ModuleOptimizer, state: TrainingState) -> Result<Self> {
        let model = model.clone().into_record().into_bytes().context("the model cannot be serialised")?;
        let optimizer = optimizer.into_bytes().context("the optimiser cannot be serialised")?;
        Ok(Self { model, optimizer, state })
    }

    /// Writes this checkpoint beside the older ones, then removes those.
    ///
    /// # Errors
    /// If it cannot be written; older checkpoints are kept then.
    pub fn write(&self, run: &RunDirectory) -> Result<()> {
        let stored = StoredState {
            training: self.state.clone(),
            model_md5: digest(&self.model),
            optimizer_md5: digest(&self.optimizer),
        };
        let state = serde_json::to_string_pretty(&stored).context("the training state has no JSON form")?;
        let files = [(MODEL, &*self.model), (OPTIMIZER, &*self.optimizer), (STATE, state.as_bytes())];
        write_newest(run, PREFIX, self.state.epoch, &files)
    }

    /// Reads the newest checkpoint of `run`, or `None` if it has none yet.
    ///
    /// # Errors
    /// If it is incomplete or altered.
    pub fn newest(run: &RunDirectory) -> Result<Option<Self>> {
        let Some((_, path)) = newest(run, PREFIX) else {
            return Ok(None);
        };
        let stored: StoredState = serde_json::from_slice(&read(&path, STATE)?)
            .with_context(|| format!("checkpoint {} has a {STATE} that cannot be read", path.display()))?;
        Ok(Some(Self {
            model: Bytes::from_bytes_vec(read_unaltered(&path, MODEL, &stored.model_md5)?),
            optimizer: Bytes::from_bytes_vec(read_unaltered(&path, OPTIMIZER, &stored.optimizer_md5)?),
            state: stored.training,
        }))
    }

    /// Puts weights and optimiser state into a fresh model and optimiser.
    ///
    /// # Errors
    /// If the checkpoint belongs to a model of another shape.
    pub fn restore<M: Module>(
        self,
        model: M,
        optimizer: ModuleOptimizer,
    ) -> Result<(M, ModuleOptimizer, TrainingState)> {
        let record = ModuleRecord::from_bytes(self.model).context("the checkpoint's model cannot be read")?;
        let model = model.try_load_record(record).context("the checkpoint is of another model")?;
        let optimizer = optimizer.from_bytes(self.optimizer).context("the checkpoint's optimiser cannot be read")?;
        Ok((model, optimizer, self.state))
    }
}
