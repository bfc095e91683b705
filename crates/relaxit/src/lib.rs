//! Learning with discrete random variables.
//!
//! A neural network that must choose (a bit, a class, a count, a subset, an action) cannot be differentiated through.
//! relaxit gives every good way out in one vocabulary, each proved correct by the test laws of [`testing`] (feature
//! `testing`): relaxed distributions, with sample, reparameterised sample, log-density and divergence, on any device of
//! the [Burn](burn) framework, chosen at run time.
//!
//! ```
//! use relaxit::prelude::*;
//!
//! let device = Device::flex().autodiff();
//! let mut noise = Noise::seeded(0);
//! let logits = Tensor::<2>::zeros([128, 10], &device).require_grad();
//! let relaxed = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5)?;   // temperature checked here
//! let z = relaxed.rsample(&mut noise);                                          // [128, 10], differentiable
//! let hard = straight_through(relaxed.threshold(z.clone()), z);                 // one-hot forward, relaxed backward
//! # let gradient = logits.grad(&(hard.clone() * hard.clone().cumsum(1)).sum().backward()).unwrap();
//! # assert!(gradient.abs().max().into_scalar::<f32>() > 0.0);
//! # Ok::<(), relaxit::Error>(())
//! ```
//!
//! # The map
//! Data flows one way, and the list of modules is that arrow:
//!
//! 1. [`noise`]: a seeded, forkable stream of base noise, the only source of randomness;
//! 2. [`distribution`]: laws, their densities, moments, entropies and divergences ([`kl`]);
//! 3. [`relaxation`]: a discrete law, a latent law, and the two maps between them;
//! 4. [`objective`]: what a sample is judged by;
//! 5. [`estimator`]: gradients of its expectation, with their [`control`] variates.
//!
//! Beside it stand [`math`], [`support`], [`temperature`], [`schedule`], [`optim`], [`reference`](mod@reference) and the
//! [`Error`] of every door.
//!
//! # Conventions
//! A law has parameters of rank `D` shaped `batch ++ event`; a sample has the same shape; `log_prob`, `entropy` and
//! `kl_divergence` keep the event dimensions as 1. Bad input is refused by constructors with an [`Error`] that names
//! parameter, value and range; behind them nothing returns NaN, and only a tensor of the wrong shape panics.
//!
//! # Features
//! `flex`, the CPU, is on by default. `wgpu`, `vulkan`, `metal`, `cuda` and `rocm` add devices, with kernels of ours for
//! relaxed bits and choices; `testing` makes the test laws public, for laws and estimators of your own.

mod error;
mod kernel;
pub mod reference;

pub mod noise;

pub mod math;
pub mod support;
pub mod temperature;

pub mod distribution;
pub mod kl;
pub mod relaxation;

pub mod control;
pub mod estimator;
pub mod objective;

pub mod optim;
pub mod schedule;

pub mod prelude;

#[cfg(feature = "testing")]
pub mod testing;

pub use crate::error::{Error, Result};

/// The example of the README, compiled and run with the other doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
