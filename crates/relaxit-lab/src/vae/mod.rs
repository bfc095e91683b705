//! A variational auto-encoder with discrete and other latents, in separate parts.
//!
//! ```text
//! x ──Encoder──▶ parameters ──code──▶ code ──Decoder──▶ pixel logits ──likelihood──▶ log p(x | code)
//!                    └──────────────────── prior ───────────────────▶ KL(q(b | x) ‖ p(b))
//! ```
//!
//! Whatever was used to train it, it is evaluated as what it is: where its codes relax discrete ones, as a model with discrete
//! latents, otherwise as the continuous or mixed model that it is: [`bound`], [`evaluation`].

pub mod bound;
pub mod code;
pub mod config;
pub mod decoder;
pub mod encoder;
pub mod evaluation;
pub mod gradient_variance;
pub mod latents;
pub mod layer;
pub mod likelihood;
pub mod method;
pub mod model;
pub mod papers;
#[cfg(feature = "distributed")]
pub mod parallel;
pub mod perceptron;
pub mod pictures;
pub mod preset;
pub mod prior;
pub mod stack;
pub mod step;
pub mod train;

mod linear;
