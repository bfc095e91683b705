//! RELAX and REBAR: a control variate of state and relaxed action, reparameterised twice.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use relaxit::distribution::{Density, Reparameterized};
use relaxit::estimator::Bias;
use relaxit::reference::Reference;
use relaxit::relaxation::{ConditionalRelaxation, Relaxation, RelaxedOneHotCategorical};

use super::gradient::PolicyGradient;
use super::rows::{Rows, on};
use super::trained::{Files, Trained};
use crate::error::{Error, Result};

/// A control variate `c(s, z)`, with the relaxation whose latent is `z`.
pub(super) trait Control: Module + std::fmt::Debug + Send {
    /// The papers it is from.
    const REFERENCES: &'static [Reference];

    /// The law of relaxed actions at `logits`.
    fn law(&self, logits: Tensor<2>) -> Result<RelaxedOneHotCategorical<2>>;

    /// `c(s, z)` for each row, from the relaxed action `squash(z)`.
    fn value(&self, observations: Tensor<2>, relaxed: Tensor<2>) -> Tensor<2>;

    /// What its parameters descend beside the variance of the gradient.
    fn regression(&self, _: &Rows, _: &Device) -> Option<Tensor<1>> {
        None
    }
}

/// The RELAX estimator of a policy's gradient.
///
/// ```text
/// ĝ = Σ [A − c(s, z̃)] ∇ log π(a | s) + ∇ c(s, z) − ∇ c(s, z̃),   z = log π(· | s) + g,   a = argmax z,   z̃ ~ p(z | a)
/// ```
///
/// `c` descends `‖ĝ‖²` of the whole batch: the gradient that is applied, before it is clipped. Its mixed second derivative
/// is exact through the policy's network, and a central difference from there on.
#[derive(Debug)]
pub(super) struct Relax<C: Module> {
    control: Trained<C>,
    learning_rate: f64,
}

/// How far the central difference moves the logits of the row that moves most.
const STEP: f64 = 1e-2;

impl<C: Control> Relax<C> {
    pub(super) fn new(control: C, learning_rate: f64) -> Self {
        Self { control: Trained::new(control), learning_rate }
    }

    /// What has, in the control variate's parameters, the gradient of the squared norm of the policy's gradient.
    fn tuning(&self, rows: &Rows, logits: Tensor<2>, slope: Tensor<2>) -> Result<Tensor<1>> {
        let device = logits.device().autodiff();
        let control = self.control.module();
        let choice = Choice::new(&control.valid().law(logits.clone())?, rows);
        let observations = on(rows.observations.clone(), &device);
        let largest = slope.clone().abs().max().into_scalar::<f64>();
        // A gradient of 0 has no direction, and needs none.
        let step = STEP / largest.max(1e-12);
        let at = |by: f64| {
            let law = control.law(on(logits.clone() + slope.clone() * by, &device))?;
            Ok::<_, Error>(values(control, &law, &observations, &choice))
        };
        let ([c_ahead, c_tilde_ahead], [c_behind, c_tilde_behind]) = (at(step)?, at(-step)?);
        let [_, c_tilde] = at(0.0)?;
        let of_controls = ((c_ahead - c_tilde_ahead) - (c_behind - c_tilde_behind)) * (0.5 / step);
        let of_log_prob = on(((choice.b - activation::softmax(logits, 1)) * slope).sum_dim(1), &device);
        Ok((of_controls - of_log_prob * c_tilde).sum() * (2.0 * rows.weight))
    }
}

/// `c(s, z)` and `c(s, z̃)` at the logits of `law`, with the noise of the choice and of `z̃` held fixed.
fn values<C: Control>(
    control: &C,
    law: &RelaxedOneHotCategorical<2>,
    observations: &Tensor<2>,
    choice: &Choice,
) -> [Tensor<2>; 2] {
    let device = law.logits().device();
    let [b, u, v] = [&choice.b, &choice.u, &choice.v].map(|x| on(x.clone(), &device));
    [law.latent().transport(u), law.latent_given(b, v)].map(|z| control.value(observations.clone(), law.squash(z)))
}

/// The noise of a choice, on the inner device.
struct Choice {
    b: Tensor<2>,
    u: Tensor<2>,
    /// Of `z̃`, by common random numbers: `z̃` agrees with `z` in value, and differs in gradient alone.
    v: Tensor<2>,
}

impl Choice {
    fn new(law: &RelaxedOneHotCategorical<2>, rows: &Rows) -> Self {
        let u = rows.gumbel.clone();
        // Not `rows.actions`: those were chosen at logits that may differ in the last bit, and coupled noise exists for
        // the choice at these logits alone.
        let b = law.threshold(law.latent().transport(u.clone()));
        Self { v: law.noise_given(b.clone(), u.clone()), b, u }
    }
}

impl<C: Control> PolicyGradient for Relax<C> {
    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        C::REFERENCES
    }

    fn surrogate(&self, rows: &Rows, logits: Tensor<2>) -> Result<Tensor<1>> {
        let device = logits.device();
        let control = self.control.module().clone().no_grad();
        let choice = Choice::new(&self.control.module().valid().law(logits.clone().inner())?, rows);
        let law = control.law(logits)?;
        let [c, c_tilde] = values(&control, &law, &on(rows.observations.clone(), &device), &choice);
        let advantage = on(rows.advantages.clone(), &device) - c_tilde.clone().detach();
        let log_prob = law.hard().log_prob(on(choice.b, &device));
        Ok((advantage * log_prob + c - c_tilde).sum() * rows.weight)
    }

    fn learn(&mut self, rows: &Rows, logits: Tensor<2>, slope: Tensor<2>) -> Result<()> {
        let mut loss = self.tuning(rows, logits, slope)?;
        let device = loss.device();
        if let Some(regression) = self.control.module().regression(rows, &device) {
            loss = loss + regression;
        }
        self.control.descend(self.learning_rate, &loss);
        Ok(())
    }

    fn save(&self, files: &mut Files) -> Result<()> {
        self.control.save("estimator", files)
    }

    fn load(&mut self, files: &Files) -> Result<()> {
        self.control.load("estimator", files)
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::{Free, Scaled};
    use super::super::network::Network;
    use super::*;
    use burn::tensor::Tensor;
    use relaxit::noise::{Base, Noise};

    /// Random steps, and the policy's gradient from them.
    fn rows(device: &Device) -> Rows {
        let mut noise = Noise::seeded(3);
        let mut normal = |shape| noise.draw::<2>(Base::Normal, shape, device);
        let (observations, advantages, returns) = (normal([40, 2]), normal([40, 1]), normal([40, 1]));
        let gumbel = Noise::seeded(4).draw(Base::Gumbel, [40, 3], device);
        // The regression of critics alone reads them, and it is no part of this test.
        let actions = Tensor::zeros([40, 3], device);
        Rows { observations, penalties: None, gumbel, actions, advantages, returns, weight: 0.025 }
    }

    fn squared_norm<C: Control>(relax: &Relax<C>, policy: &Network, rows: &Rows) -> (f64, Tensor<2>) {
        let logits = policy.forward(on(rows.observations.clone(), &Device::flex().autodiff()));
        let gradients = relax.surrogate(rows, logits).unwrap().backward();
        let direction = policy.direction(&gradients);
        let slope = policy.valid().derivative_along(rows.observations.clone(), &direction);
        (direction.squared_norm(), slope)
    }

    /// Along the gradient that the tuning gives, the squared norm of the policy's gradient falls as fast as it says.
    fn tuning_descends<C: Control>(
        relax: &mut Relax<C>,
        moved: impl Fn(&C, &burn::tensor::Gradients, f64) -> (C, f64),
    ) {
        let inner = Device::flex();
        let policy = Network::new([2, 4, 3], [1.0, 1.0], &Noise::seeded(0), &inner.clone().autodiff());
        let rows = rows(&inner);
        let (_, slope) = squared_norm(relax, &policy, &rows);
        let logits = policy.valid().forward(rows.observations.clone());
        let gradients = relax.tuning(&rows, logits, slope).unwrap().backward();
        let control = relax.control.module().clone();
        let at = |by: f64| {
            let (control, rate) = moved(&control, &gradients, by);
            let norm = squared_norm(&Relax::new(control, relax.learning_rate), &policy, &rows).0;
            (norm, rate)
        };
        let ((ahead, expected), (behind, _)) = (at(1e-2), at(-1e-2));
        let seen = (ahead - behind) / 2e-2;
        assert!(expected > 1e-3, "{expected}");
        assert!((seen - expected).abs() < 1e-2 * expected, "{seen} {expected}");
    }

    #[test]
    fn the_tuning_of_a_network_has_the_gradient_of_the_squared_norm() {
        let device = Device::flex().autodiff();
        let free = Free::random(&Noise::seeded(1), &device);
        tuning_descends(&mut Relax::new(free, 1e-3), Free::moved);
    }

    #[test]
    fn the_tuning_of_scale_and_temperature_has_the_gradient_of_the_squared_norm() {
        let device = Device::flex().autodiff();
        let scaled = Scaled::random(&Noise::seeded(1), &device);
        tuning_descends(&mut Relax::new(scaled, 1e-3), Scaled::moved);
    }
}
