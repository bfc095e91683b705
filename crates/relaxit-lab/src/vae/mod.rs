//! A variational auto-encoder with discrete latents, in separate parts.
//!
//! ```text
//! x ──Encoder──▶ logits ──latent──▶ code ──Decoder──▶ pixel logits ──likelihood──▶ log p(x | code)
//!                   └──────────────────── prior ──────────────────▶ KL(q(b | x) ‖ p(b))
//! ```
//!
//! Whatever was used to train it, it is evaluated as what it is, a model with discrete latents: [`bound`].

pub mod bound;
pub mod config;
pub mod decoder;
pub mod encoder;
pub mod latent;
pub mod likelihood;
pub mod method;
pub mod model;
pub mod pictures;
pub mod prior;
pub mod train;

mod linear;
