//! A module together with its optimiser.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Tensor};

use crate::error::{Error, Result};

/// The files of a checkpoint, by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A module that is trained by Adam.
pub(super) struct Trained<M> {
    module: M,
    optimizer: ModuleOptimizer,
}

impl<M: Module> Trained<M> {
    pub(super) fn new(module: M) -> Self {
        Self { module, optimizer: adam() }
    }

    pub(super) const fn module(&self) -> &M {
        &self.module
    }

    /// One step against `gradients`.
    pub(super) fn step(&mut self, learning_rate: f64, gradients: GradientsParams) {
        self.module = self.optimizer.step(learning_rate, self.module.clone(), gradients);
    }

    /// One step against the gradient of `loss`.
    pub(super) fn descend(&mut self, learning_rate: f64, loss: &Tensor<1>) {
        let gradients = GradientsParams::from_grads(loss.backward(), &self.module);
        self.step(learning_rate, gradients);
    }

    /// Adds parameters and optimiser to the files of a checkpoint.
    pub(super) fn save(&self, name: &str, files: &mut Files) -> Result<()> {
        let module = self.module.clone().into_record().into_bytes().map_err(Error::record)?;
        let optimizer = self.optimizer.into_bytes().map_err(Error::record)?;
        files.insert(format!("{name}.bpk"), module.to_vec());
        files.insert(format!("{name}-optimizer.bpk"), optimizer.to_vec());
        Ok(())
    }

    /// Takes them back.
    pub(super) fn load(&mut self, name: &str, files: &Files) -> Result<()> {
        let file = |name: String| {
            let bytes = files.get(&name).ok_or_else(|| Error::Record(format!("{name} is missing")))?;
            Ok::<_, Error>(Bytes::from_bytes_vec(bytes.clone()))
        };
        let record = ModuleRecord::from_bytes(file(format!("{name}.bpk"))?).map_err(Error::record)?;
        self.module = self.module.clone().try_load_record(record).map_err(Error::record)?;
        let optimizer = file(format!("{name}-optimizer.bpk"))?;
        self.optimizer = adam().from_bytes(optimizer).map_err(Error::record)?;
        Ok(())
    }
}

fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

impl<M: std::fmt::Debug> std::fmt::Debug for Trained<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trained").field("module", &self.module).finish_non_exhaustive()
    }
}
