//! What one update learns from: steps of many environments, one a row.

use burn::tensor::{Device, Tensor};

/// The return and the length of an episode that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// The undiscounted sum of its rewards.
    pub reward: f64,
    /// Its steps.
    pub length: usize,
    /// Whether the time limit ended it.
    pub truncated: bool,
}

impl Episode {
    /// Before its first step.
    pub(super) const START: Self = Self { reward: 0.0, length: 0, truncated: false };
}

/// One batch of steps, on the inner device.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// `[rows, features]`.
    pub(super) observations: Tensor<2>,
    /// `[rows, actions]`, to be added to logits: 0, or what leaves an action that is not allowed without probability.
    pub(super) penalties: Option<Tensor<2>>,
    /// `[rows, actions]`: the noise of the choice.
    pub(super) gumbel: Tensor<2>,
    /// `[rows, actions]`: the choice, one-hot.
    pub(super) actions: Tensor<2>,
    /// `[rows, 1]`: the advantage of the choice.
    pub(super) advantages: Tensor<2>,
    /// `[rows, 1]`: the λ-return of the state.
    pub(super) returns: Tensor<2>,
    /// What a row's term of the gradient is multiplied by.
    pub(super) weight: f64,
}

impl Rows {
    /// `logits` with those of forbidden actions far below all others.
    pub(super) fn permitted(&self, logits: Tensor<2>) -> Tensor<2> {
        match &self.penalties {
            None => logits,
            Some(penalties) => {
                let device = logits.device();
                logits + on(penalties.clone(), &device)
            }
        }
    }
}

/// What is added to the logit of a forbidden action: `exp` of it is 0, and nothing overflows.
pub(super) const FORBIDDEN: f32 = -1e4;

/// `x`, which is on the inner device, on `device`.
pub(super) fn on(x: Tensor<2>, device: &Device) -> Tensor<2> {
    if device.is_autodiff() { x.autodiff() } else { x }
}
