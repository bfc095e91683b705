//! Several layers of bits or choices, trained through an estimator for each.

use burn::tensor::Tensor;
use relaxit::control::{Tuner, TunerState};
use relaxit::estimator::{Layered, Layers};
use relaxit::prelude::*;
use relaxit::schedule::Anneal;

use super::family::{Estimated, Relaxed, judged_by};
use super::{Code, Model, Plan, Sizes, Stack, TrainingObjective};

/// A family whose log-probabilities go on between its outcomes: what control variates and pathwise gradients ask of the
/// law of a layer that has another one above it.
pub(super) trait Interpolated: Relaxed {
    /// The log-probability of each variable, linear in the code, hard or relaxed.
    fn interpolated(&self, parameters: Tensor<3>, code: Tensor<3>) -> Tensor<3>;
}

/// Layers of one family.
#[derive(Debug)]
pub(super) struct Stacked<F: Interpolated> {
    family: F,
    layered: Layered<F::Relaxation, 3>,
    tuner: Tuner,
}

impl<F: Interpolated + 'static> Stacked<F> {
    /// `None` if the configuration's step size is no step size.
    pub(super) fn code(
        family: F,
        estimators: Vec<Box<dyn Estimator<F::Relaxation, 3>>>,
        plan: &Plan<'_>,
    ) -> Option<Box<dyn Code>> {
        let rate = plan.config.tuning_rate.unwrap_or(plan.config.learning_rate);
        let tuner = Tuner::new(Anneal::Constant(rate)).ok()?;
        Some(Box::new(Self { family, layered: Layered::new(estimators), tuner }))
    }
}

/// The code of a configuration with one layer or several, each with an estimator from `make`.
pub(super) fn layers<F: Interpolated + 'static>(
    family: F,
    plan: &Plan<'_>,
    make: impl Fn(&Plan<'_>) -> Option<Box<dyn Estimator<F::Relaxation, 3>>>,
) -> Option<Box<dyn Code>> {
    if plan.config.layers == 1 {
        return Estimated::code(family, make(plan)?, plan);
    }
    let own = |layer: usize| Plan { noise: plan.noise.fork(&format!("layer {layer}")), ..plan.clone() };
    let estimators: Option<Vec<_>> = (1..=plan.config.layers).map(|layer| make(&own(layer))).collect();
    Stacked::code(family, estimators?, plan)
}

impl<F: Interpolated> Code for Stacked<F> {
    judged_by!(family);

    fn objective(
        &mut self,
        stack: &Stack<'_>,
        temperature: f64,
        noise: &mut Noise,
    ) -> relaxit::Result<TrainingObjective> {
        let first = stack.posterior(&[]);
        // Where the temperature is refused, if it is: the layers above have the same.
        self.family.relaxation(first.clone(), temperature)?;
        let objective = Bound { family: &self.family, stack, first, temperature };
        Ok(TrainingObjective::whole(self.layered.estimate(&objective, noise)))
    }

    fn tune(&mut self, tuning: Tensor<1>) {
        let parameters = self.tuner.descend(self.layered.parameters(), tuning);
        self.layered.set_parameters(parameters);
    }

    fn state(&self) -> Option<TunerState> {
        let parameters = self.layered.parameters();
        (!parameters.is_empty()).then(|| self.tuner.state_with(&parameters))
    }

    fn resume(&mut self, state: TunerState) -> relaxit::Result<()> {
        let parameters = self.tuner.resume_with(state, &self.layered.parameters())?;
        self.layered.set_parameters(parameters);
        Ok(())
    }
}

/// `log p(x, b) − log q(b | x)` of all layers' codes, with the divergence of the top layer in closed form.
struct Bound<'a, F> {
    family: &'a F,
    stack: &'a Stack<'a>,
    /// The parameters of the first layer's posterior.
    first: Tensor<3>,
    temperature: f64,
}

impl<F: Interpolated> Layers<F::Relaxation, 3> for Bound<'_, F> {
    fn layer(&self, below: &[Tensor<3>]) -> F::Relaxation {
        let parameters = if below.is_empty() { self.first.clone() } else { self.stack.posterior(below) };
        self.family.relaxation(parameters, self.temperature).expect("the first layer's relaxation was accepted")
    }

    fn evaluate(&self, codes: &[Tensor<3>]) -> Tensor<3> {
        let (top, stack) = (codes.len() - 1, self.stack);
        let law = |parameters| self.family.law(parameters, self.temperature).expect("as for the relaxation");
        let (posterior, prior) = (law(stack.posterior(&codes[..top])), law(stack.prior(top, None)));
        // Bits and choices have closed forms, which draw nothing.
        let divergence = self.family.divergence(&posterior, &prior, &mut Noise::seeded(0));
        let mut value = stack.explained(codes[0].clone()) - divergence.sum_dim(1);
        for layer in 0..top {
            // The gradient of `log q(b)` in its own parameters has the mean 0.
            let parameters = if layer == 0 { self.first.clone().detach() } else { stack.posterior(&codes[..layer]) };
            let log_prob = |parameters| self.family.interpolated(parameters, codes[layer].clone()).sum_dim(1);
            value = value + log_prob(stack.prior(layer, Some(&codes[layer + 1]))) - log_prob(parameters);
        }
        value
    }
}
