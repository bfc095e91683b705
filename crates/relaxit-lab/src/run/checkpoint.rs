//! Checkpoints: everything that a killed run needs to end as if it had not been.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use md5::{Digest, Md5};
use relaxit::control::TunerState;
use relaxit::noise::NoiseState;
use serde::{Deserialize, Serialize};

use super::atomic::{sync_parent, write_durably};
use super::{RunDirectory, hexadecimal};

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

const FOLDER: &str = "checkpoint";
const PREFIX: &str = "epoch-";

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
    /// The directory is complete before it gets its name, so at every moment the newest named one is whole.
    ///
    /// # Errors
    /// If it cannot be written; older checkpoints are kept then.
    pub fn write(&self, run: &RunDirectory) -> Result<()> {
        let folder = run.file(FOLDER);
        let target = folder.join(format!("{PREFIX}{:06}", self.state.epoch));
        let temporary = folder.join("tmp");
        let stored = StoredState {
            training: self.state.clone(),
            model_md5: digest(&self.model),
            optimizer_md5: digest(&self.optimizer),
        };
        let state = serde_json::to_string_pretty(&stored).context("the training state has no JSON form")?;
        let write = || -> std::io::Result<()> {
            if temporary.exists() {
                fs::remove_dir_all(&temporary)?;
            }
            fs::create_dir_all(&temporary)?;
            write_durably(&temporary.join("model.bpk"), &self.model)?;
            write_durably(&temporary.join("optimizer.bpk"), &self.optimizer)?;
            write_durably(&temporary.join("state.json"), state.as_bytes())?;
            sync_parent(&temporary.join("state.json"));
            // Only a run that was rewound by hand can have this epoch already.
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(&temporary, &target)?;
            sync_parent(&target);
            Ok(())
        };
        write().with_context(|| format!("cannot write checkpoint {}", target.display()))?;
        for (epoch, path) in named(&folder) {
            if epoch != self.state.epoch {
                // One that stays behind is removed next time.
                let _ = fs::remove_dir_all(path);
            }
        }
        Ok(())
    }

    /// Reads the newest checkpoint of `run`, or `None` if it has none yet.
    ///
    /// # Errors
    /// If it is incomplete or altered.
    pub fn newest(run: &RunDirectory) -> Result<Option<Self>> {
        let Some((_, path)) = named(&run.file(FOLDER)).into_iter().max() else {
            return Ok(None);
        };
        let read = |name: &str| {
            let file = path.join(name);
            fs::read(&file).with_context(|| format!("cannot read checkpoint file {}", file.display()))
        };
        let stored: StoredState = serde_json::from_slice(&read("state.json")?)
            .with_context(|| format!("checkpoint {} has a state.json that cannot be read", path.display()))?;
        let (model, optimizer) = (read("model.bpk")?, read("optimizer.bpk")?);
        for (name, bytes, expected) in
            [("model.bpk", &model, &stored.model_md5), ("optimizer.bpk", &optimizer, &stored.optimizer_md5)]
        {
            let found = digest(bytes);
            ensure!(
                found == *expected,
                "checkpoint file {} was altered: its MD5 must be {expected}, got {found}",
                path.join(name).display()
            );
        }
        Ok(Some(Self {
            model: Bytes::from_bytes_vec(model),
            optimizer: Bytes::from_bytes_vec(optimizer),
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

/// The checkpoints in `folder` with their epochs.
fn named(folder: &Path) -> Vec<(usize, std::path::PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let epoch = entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
            Some((epoch, entry.path()))
        })
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Md5::digest(bytes))
}
