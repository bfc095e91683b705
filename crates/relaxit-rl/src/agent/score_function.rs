//! The score function: REINFORCE, and with generalised advantages the actor of actor and critic.

use burn::tensor::{Tensor, activation};
use relaxit::estimator::Bias;
use relaxit::reference::{REINFORCE, Reference};

use super::gradient::PolicyGradient;
use super::rows::{Rows, on};
use super::trained::Files;
use crate::error::Result;

/// `Σ A ∇ log π(a | s)`.
#[derive(Debug)]
pub(super) struct ScoreFunction;

impl PolicyGradient for ScoreFunction {
    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[REINFORCE]
    }

    fn surrogate(&self, rows: &Rows, logits: Tensor<2>) -> Result<Tensor<1>> {
        let device = logits.device();
        let log_prob = (activation::log_softmax(logits, 1) * on(rows.actions.clone(), &device)).sum_dim(1);
        Ok((log_prob * on(rows.advantages.clone(), &device)).sum() * rows.weight)
    }

    fn learn(&mut self, _: &Rows, _: Tensor<2>, _: Tensor<2>) -> Result<()> {
        Ok(())
    }

    fn save(&self, _: &mut Files) -> Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Files) -> Result<()> {
        Ok(())
    }
}
