//! A critic differentiated through the action: decoupled straight-through Gumbel-Softmax.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use relaxit::estimator::Bias;
use relaxit::noise::Noise;
use relaxit::reference::{DECOUPLED_STRAIGHT_THROUGH, Reference};
use relaxit::relaxation::DecoupledStraightThroughGumbelSoftmax;

use super::gradient::PolicyGradient;
use super::network::Network;
use super::rows::{Rows, on};
use super::trained::{Files, Trained};
use crate::error::Result;

/// `Σ ∇ Σₐ q(s, a) aₐ`, with the action hard forwards and relaxed backwards at a temperature of its own.
#[derive(Debug)]
pub(super) struct Decoupled {
    critic: Trained<Network>,
    temperature: f64,
    learning_rate: f64,
    steps: usize,
}

impl Decoupled {
    pub(super) fn new(
        shape: [usize; 3],
        hidden_bound: f64,
        [temperature, learning_rate]: [f64; 2],
        steps: usize,
        noise: &Noise,
        device: &Device,
    ) -> Self {
        let critic = Trained::new(Network::new(shape, [hidden_bound, 1e-2], noise, device));
        Self { critic, temperature, learning_rate, steps }
    }
}

/// `Σₐ q(s, a) aₐ`: what the action is better by than the policy.
///
/// Linear in the action, so that its gradient there is what each action is worth, and nothing that a network makes up
/// between them.
fn value(critic: &Network, observations: Tensor<2>, actions: Tensor<2>) -> Tensor<2> {
    (critic.forward(observations) * actions).sum_dim(1)
}

impl PolicyGradient for Decoupled {
    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn references(&self) -> &'static [Reference] {
        &[DECOUPLED_STRAIGHT_THROUGH]
    }

    fn surrogate(&self, rows: &Rows, logits: Tensor<2>) -> Result<Tensor<1>> {
        let device = logits.device();
        let critic = self.critic.module().clone().no_grad();
        let law = DecoupledStraightThroughGumbelSoftmax::from_logits(logits, 1.0, self.temperature)?;
        let actions = law.transport(on(rows.gumbel.clone(), &device));
        Ok(value(&critic, on(rows.observations.clone(), &device), actions).sum() * rows.weight)
    }

    fn learn(&mut self, rows: &Rows, _: Tensor<2>, _: Tensor<2>) -> Result<()> {
        let device: Device = rows.observations.device().autodiff();
        for _ in 0..self.steps {
            let [observations, actions, advantages] =
                [&rows.observations, &rows.actions, &rows.advantages].map(|x| on(x.clone(), &device));
            let loss = (value(self.critic.module(), observations, actions) - advantages).square().mean();
            self.critic.descend(self.learning_rate, &loss);
        }
        Ok(())
    }

    fn save(&self, files: &mut Files) -> Result<()> {
        self.critic.save("estimator", files)
    }

    fn load(&mut self, files: &Files) -> Result<()> {
        self.critic.load("estimator", files)
    }
}
