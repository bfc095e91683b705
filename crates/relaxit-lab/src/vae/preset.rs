//! Models of papers, by name.

use clap::ValueEnum;

use super::config::VaeConfig;
use super::latents::Latents;
use super::method::Method;
use super::perceptron::{Activation, Widths};
use super::prior::PriorKind;
use crate::mnist::Protocol;
use relaxit::schedule::Anneal;

/// A model of a paper: options that any other option overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 200 bits between linear networks, learned prior (Tucker et al. 2017)
    Linear1,
    /// Two layers of 200 bits, linear networks between them and to the pixels, learned prior
    Linear2,
    /// As linear1, between networks of two hidden layers of 200 tanh units
    Nonlinear,
    /// 4 variables of 8 categories (Liu et al. 2023), as are the others of this name: categories x variables
    #[value(name = "reinmax-8x4")]
    Reinmax8x4,
    /// 24 variables of 4 categories
    #[value(name = "reinmax-4x24")]
    Reinmax4x24,
    /// 16 variables of 8 categories
    #[value(name = "reinmax-8x16")]
    Reinmax8x16,
    /// 12 variables of 16 categories
    #[value(name = "reinmax-16x12")]
    Reinmax16x12,
    /// 8 variables of 64 categories
    #[value(name = "reinmax-64x8")]
    Reinmax64x8,
    /// 30 variables of 10 categories
    #[value(name = "reinmax-10x30")]
    Reinmax10x30,
}

impl Preset {
    /// The method that it stands for, if it stands for one.
    #[must_use]
    pub const fn method(self) -> Option<Method> {
        match self {
            Self::Linear1 | Self::Linear2 | Self::Nonlinear => None,
            _ => Some(Method::Reinmax),
        }
    }

    /// `config` with everything that it says beside the method.
    #[must_use]
    pub fn apply(self, config: VaeConfig) -> VaeConfig {
        let (categories, variables) = match self {
            Self::Linear1 => return belief_network(1, Widths(Vec::new()), config),
            Self::Linear2 => return belief_network(2, Widths(Vec::new()), config),
            Self::Nonlinear => return belief_network(1, Widths(vec![200, 200]), config),
            Self::Reinmax8x4 => (8, 4),
            Self::Reinmax4x24 => (4, 24),
            Self::Reinmax8x16 => (8, 16),
            Self::Reinmax16x12 => (16, 12),
            Self::Reinmax64x8 => (64, 8),
            Self::Reinmax10x30 => (10, 30),
        };
        VaeConfig {
            latents: Latents { variables, categories: Some(categories) },
            layers: 1,
            hidden: Widths(vec![512, 256]),
            activation: Activation::Relu,
            prior: PriorKind::Uniform,
            protocol: Protocol::Grey,
            batch_size: 100,
            learning_rate: 5e-4,
            temperature: Anneal::Constant(1.3),
            ..config
        }
    }
}

/// The model of the REBAR and RELAX papers, of which the pixels are binarised anew in each epoch rather than once.
fn belief_network(layers: usize, hidden: Widths, config: VaeConfig) -> VaeConfig {
    VaeConfig {
        latents: Latents { variables: 200, categories: None },
        layers,
        hidden,
        activation: Activation::Tanh,
        prior: PriorKind::Learned,
        protocol: Protocol::Dynamic,
        batch_size: 24,
        learning_rate: 3e-4,
        ..config
    }
}
