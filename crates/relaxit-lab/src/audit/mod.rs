//! Estimators on trial: their bias, variance and cost on one problem.
//!
//! ```text
//! Problem (logits, objective) ──▶ Reference, the gradient to compare with
//!                            └──▶ measure, many gradients of one estimator ──▶ Record, for each logit and in all
//! ```

pub mod checkpoint;
pub mod config;
pub mod measure;
pub mod objective;
pub mod problem;
pub mod record;
pub mod reference;
