//! The control variates of RELAX and REBAR for policies.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;
use relaxit::reference::{REBAR, RELAX, Reference};
use relaxit::relaxation::RelaxedOneHotCategorical;

use super::network::Network;
use super::relax::Control;
use super::rows::{Rows, on};
use crate::error::Result;

/// RELAX's: a free network of state and relaxed action.
#[derive(Module, Debug)]
pub(super) struct Free {
    network: Network,
    temperature: f64,
}

impl Free {
    /// With an output of nearly 0, so that training starts from the score function.
    pub(super) fn new(
        [features, hidden, actions]: [usize; 3],
        hidden_bound: f64,
        temperature: f64,
        noise: &Noise,
        device: &Device,
    ) -> Self {
        let inputs = features + actions;
        let network = Network::new([inputs, hidden, 1], [hidden_bound, 1e-2], noise, device);
        Self { network, temperature }
    }
}

impl Control for Free {
    const REFERENCES: &'static [Reference] = &[RELAX];

    fn law(&self, logits: Tensor<2>) -> Result<RelaxedOneHotCategorical<2>> {
        Ok(RelaxedOneHotCategorical::from_logits(logits, self.temperature)?)
    }

    fn value(&self, observations: Tensor<2>, relaxed: Tensor<2>) -> Tensor<2> {
        self.network.forward(Tensor::cat(vec![observations, relaxed], 1))
    }
}

/// REBAR's, where the objective itself cannot be evaluated at a relaxed action: a critic stands in for it.
///
/// ```text
/// c(s, z) = η Σₐ q(s, a) squash(z)ₐ
/// ```
///
/// `q` regresses on the advantages of the actions that were taken; `η` and the temperature descend the variance.
#[derive(Module, Debug)]
pub(super) struct Scaled {
    critic: Network,
    scale: Param<Tensor<2>>,
    log_temperature: Param<Tensor<2>>,
}

impl Scaled {
    pub(super) fn new(shape: [usize; 3], hidden_bound: f64, temperature: f64, noise: &Noise, device: &Device) -> Self {
        let number = |name: &str, value: f64| {
            let id = ParamId::from(noise.fork(name).bits());
            Param::initialized(id, Tensor::full([1, 1], value, device).require_grad())
        };
        Self {
            critic: Network::new(shape, [hidden_bound, 1e-2], &noise.fork("critic"), device),
            scale: number("scale", 1.0),
            log_temperature: number("log temperature", temperature.ln()),
        }
    }
}

impl Control for Scaled {
    const REFERENCES: &'static [Reference] = &[REBAR, RELAX];

    fn law(&self, logits: Tensor<2>) -> Result<RelaxedOneHotCategorical<2>> {
        // Held well inside the range of temperatures, wherever training takes it.
        let temperature = self.log_temperature.val().clamp(-4.0, 4.0).exp();
        Ok(RelaxedOneHotCategorical::from_logits(logits, temperature)?)
    }

    fn value(&self, observations: Tensor<2>, relaxed: Tensor<2>) -> Tensor<2> {
        (self.critic.forward(observations).detach() * relaxed).sum_dim(1) * self.scale.val()
    }

    fn regression(&self, rows: &Rows, device: &Device) -> Option<Tensor<1>> {
        let taken = self.critic.forward(on(rows.observations.clone(), device)) * on(rows.actions.clone(), device);
        Some((taken.sum_dim(1) - on(rows.advantages.clone(), device)).square().mean())
    }
}

/// For the tests of what trains them.
#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Gradients;

    impl Free {
        pub(in super::super) fn random(noise: &Noise, device: &Device) -> Self {
            Self { network: Network::new([5, 6, 1], [1.0, 1.0], noise, device), temperature: 0.7 }
        }

        /// Moved along its gradient, normalised; and the norm.
        pub(in super::super) fn moved(&self, gradients: &Gradients, by: f64) -> (Self, f64) {
            let direction = self.network.direction(gradients);
            let norm = direction.squared_norm().sqrt();
            (Self { network: self.network.moved(&direction, by / norm), ..self.clone() }, norm)
        }
    }

    impl Scaled {
        pub(in super::super) fn random(noise: &Noise, device: &Device) -> Self {
            let critic = Network::new([2, 6, 3], [1.0, 1.0], noise, device);
            Self { critic, ..Self::new([2, 6, 3], 0.5, 0.7, noise, device) }
        }

        pub(in super::super) fn moved(&self, gradients: &Gradients, by: f64) -> (Self, f64) {
            let slope = |parameter: &Param<Tensor<2>>| parameter.val().grad(gradients).unwrap();
            let slopes = [slope(&self.scale), slope(&self.log_temperature)];
            let norm = slopes.iter().map(|slope| slope.clone().square().sum().into_scalar::<f64>()).sum::<f64>().sqrt();
            let [scale, log_temperature] = [&self.scale, &self.log_temperature]
                .into_iter()
                .zip(slopes)
                .map(|(parameter, slope)| {
                    let value = parameter.val().inner() + slope * (by / norm);
                    Param::initialized(parameter.id, value.autodiff().require_grad())
                })
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            (Self { scale, log_temperature, ..self.clone() }, norm)
        }
    }
}
