//! The papers' toy problem: one bit, whose logit descends `E[(b − t)²]` along the estimates of its gradient.
//!
//! ```text
//! L(φ) = θ (1 − t)² + (1 − θ) t² = t² + θ (1 − 2t),   θ = σ(φ),   φ from 0, by Adam, one estimate a step
//! ```
//!
//! The loss is known exactly, and so is its infimum: `t²` for `t < ½`, where the bit is always 0.

pub mod config;
pub mod train;
