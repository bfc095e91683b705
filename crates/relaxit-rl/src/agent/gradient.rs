//! How the policy's gradient is estimated: all that one agent has different from another.

use burn::tensor::Tensor;
use relaxit::estimator::Bias;
use relaxit::reference::Reference;

use super::rows::Rows;
use super::trained::Files;
use crate::error::Result;

/// An estimator of the policy's gradient from one batch.
pub(super) trait PolicyGradient: std::fmt::Debug + Send {
    /// Whether its mean is that of `Σ A ∇ log π(a | s)`, whatever its own parameters are.
    fn bias(&self) -> Bias;

    /// The papers it is from.
    fn references(&self) -> &'static [Reference];

    /// What the policy is to ascend: its gradient through `logits` is the estimate.
    fn surrogate(&self, rows: &Rows, logits: Tensor<2>) -> Result<Tensor<1>>;

    /// Trains what the estimator has of its own, after the policy's gradient was taken at `logits`: `slope` is the
    /// derivative of the logits along that gradient. Both are on the inner device.
    fn learn(&mut self, rows: &Rows, logits: Tensor<2>, slope: Tensor<2>) -> Result<()>;

    /// Adds its parameters and optimisers to the files of a checkpoint.
    fn save(&self, files: &mut Files) -> Result<()>;

    /// Takes them back.
    fn load(&mut self, files: &Files) -> Result<()>;
}
