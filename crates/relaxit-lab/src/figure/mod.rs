//! Figures that need no training: what laws and estimators are, computed from their own formulas and draws.
//!
//! Each is a run: `config.toml` says what is drawn, `summary.json` holds the numbers, from which
//! [`report`](crate::report) draws, now or later.

pub mod laplace_bridge;
pub mod two_temperatures;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::laplace_bridge::{Bridges, LaplaceBridgeConfig};
use self::two_temperatures::{Temperatures, TwoTemperaturesConfig};

/// What is to be computed: `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "figure", rename_all = "kebab-case")]
pub enum FigureConfig {
    /// The Laplace bridge on the simplex of three categories.
    LaplaceBridge(LaplaceBridgeConfig),
    /// What the temperatures of the decoupled straight-through estimator do.
    TwoTemperatures(TwoTemperaturesConfig),
}

/// What was computed: `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "figure", rename_all = "kebab-case")]
pub enum Figure {
    /// The Laplace bridge on the simplex of three categories.
    LaplaceBridge(Bridges),
    /// What the temperatures of the decoupled straight-through estimator do.
    TwoTemperatures(Temperatures),
}

impl FigureConfig {
    /// The figure's name on the command line and in files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LaplaceBridge(_) => "laplace-bridge",
            Self::TwoTemperatures(_) => "two-temperatures",
        }
    }

    /// Where the run goes if the user does not say.
    #[must_use]
    pub fn default_directory(&self) -> PathBuf {
        format!("runs/figure-{}", self.name()).into()
    }

    /// Its numbers.
    ///
    /// # Errors
    /// If a parameter is out of range, in words of the library.
    pub fn compute(&self) -> relaxit::Result<Figure> {
        Ok(match self {
            Self::LaplaceBridge(config) => Figure::LaplaceBridge(laplace_bridge::compute(config)?),
            Self::TwoTemperatures(config) => Figure::TwoTemperatures(two_temperatures::compute(config)?),
        })
    }
}
