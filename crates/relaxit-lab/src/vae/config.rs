//! The configuration of a run, as `config.toml` holds it.

use std::path::PathBuf;

use relaxit::schedule::Anneal;
use serde::{Deserialize, Serialize};

use super::latent::Latents;
use super::method::Method;
use crate::mnist::Protocol;
use crate::run::VERSION;

/// Everything that decides how a run goes. Two runs of one configuration end with the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that started it.
    pub version: String,
    /// How the code is sampled in training.
    pub latent: Method,
    /// The code's shape.
    pub latents: Latents,
    /// Units in the hidden layer of each network.
    pub hidden: usize,
    /// What a grey digit means.
    pub protocol: Protocol,
    /// Passes over the training set.
    pub epochs: usize,
    /// Images in a step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// The temperature at each step.
    pub temperature: Anneal,
    /// The seed of everything random.
    pub seed: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The device that computes.
    pub device: String,
    /// Training images, from the first.
    pub train_images: usize,
    /// Test images, from the first.
    pub test_images: usize,
    /// Samples of the importance-weighted bound.
    pub iwae_samples: usize,
    /// Where the data lies.
    pub data_dir: PathBuf,
}

impl Default for VaeConfig {
    fn default() -> Self {
        Self {
            command: "vae".into(),
            version: VERSION.into(),
            latent: Method::Concrete,
            latents: Latents { variables: 200, categories: None },
            hidden: 400,
            protocol: Protocol::Grey,
            epochs: 20,
            batch_size: 128,
            learning_rate: 1e-3,
            temperature: Anneal::Constant(0.5),
            seed: 0,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            device: crate::device::NAMES[0].into(),
            train_images: 60_000,
            test_images: 10_000,
            iwae_samples: 100,
            data_dir: "data/mnist".into(),
        }
    }
}

impl VaeConfig {
    /// The short form for a first look and for continuous integration.
    #[must_use]
    pub fn quick() -> Self {
        Self { epochs: 2, test_images: 2_000, iwae_samples: 20, ..Self::default() }
    }

    /// Where the run goes if the user does not say.
    #[must_use]
    pub fn default_directory(&self) -> PathBuf {
        let Self { latent, latents, protocol, seed, .. } = self;
        format!("runs/vae-{}-{latents}-{}-seed{seed}", latent.name(), protocol.name()).into()
    }
}
