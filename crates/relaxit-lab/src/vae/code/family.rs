//! What families of laws say of themselves, and the two ways to train one: through an estimator, or by its own samples.

use std::fmt;

use burn::tensor::Tensor;
use relaxit::control::{Tuner, TunerState};
use relaxit::estimator::{Estimate, Target};
use relaxit::prelude::*;
use relaxit::schedule::Anneal;

use super::{Code, Model, Plan, Sizes, Stack, TrainingObjective};

/// A family of laws of codes, all variables at once; see [`Code`] for what the methods mean.
pub(super) trait Family: fmt::Debug {
    type Law: Density<3>;

    fn sizes(&self) -> Sizes;

    fn model(&self) -> Model;

    fn law(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<Self::Law>;

    fn divergence(&self, q: &Self::Law, p: &Self::Law, noise: &mut Noise) -> Tensor<3>;

    fn decoded(&self, code: Tensor<3>) -> Tensor<3> {
        code
    }
}

/// A discrete family with a relaxation, which is what estimators work on.
pub(super) trait Relaxed: Family {
    type Relaxation: Relaxation<3, Hard = Self::Law> + fmt::Debug;

    fn relaxation(&self, parameters: Tensor<3>, temperature: f64) -> relaxit::Result<Self::Relaxation>;
}

/// A family whose samples carry a gradient of their own.
pub(super) trait Sampled: Family {
    fn rsample(&self, law: &Self::Law, noise: &mut Noise) -> Tensor<3>;
}

/// A [`Relaxed`] family trained through an estimator.
pub(super) struct Estimated<F: Relaxed> {
    family: F,
    estimator: Box<dyn Estimator<F::Relaxation, 3>>,
    tuner: Tuner,
}

impl<F: Relaxed + 'static> Estimated<F> {
    /// `None` if the configuration's step size is no step size.
    pub(super) fn code(
        family: F,
        estimator: Box<dyn Estimator<F::Relaxation, 3>>,
        plan: &Plan<'_>,
    ) -> Option<Box<dyn Code>> {
        let rate = plan.config.tuning_rate.unwrap_or(plan.config.learning_rate);
        let tuner = Tuner::new(Anneal::Constant(rate)).ok()?;
        Some(Box::new(Self { family, estimator, tuner }))
    }
}

impl<F: Relaxed> fmt::Debug for Estimated<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Estimated")
            .field("family", &self.family)
            .field("estimator", &self.estimator.name())
            .finish_non_exhaustive()
    }
}

/// A [`Sampled`] family trained by the gradient of its samples.
#[derive(Debug)]
pub(super) struct Reparametrized<F>(pub(super) F);

/// The estimate of a value that carries its gradient.
pub(super) fn pathwise(value: Tensor<3>) -> Estimate<3> {
    Estimate { value: value.clone().detach(), surrogate: value.mean(), tuning: None }
}

/// What both share: the family judges.
macro_rules! judged_by {
    ($family:tt) => {
        fn sizes(&self) -> Sizes {
            self.$family.sizes()
        }

        fn model(&self) -> Model {
            self.$family.model()
        }

        fn divergence(
            &self,
            q: Tensor<3>,
            p: Tensor<3>,
            temperature: f64,
            noise: &mut Noise,
        ) -> relaxit::Result<Tensor<3>> {
            let dtype = q.dtype();
            let (q, p) = (self.$family.law(q, temperature)?, self.$family.law(p, temperature)?);
            Ok(self.$family.divergence(&q, &p, noise).cast(dtype))
        }

        fn sample(&self, parameters: Tensor<3>, temperature: f64, noise: &mut Noise) -> relaxit::Result<Tensor<3>> {
            Ok(self.$family.law(parameters, temperature)?.sample(noise))
        }

        fn log_prob(&self, parameters: Tensor<3>, code: Tensor<3>, temperature: f64) -> relaxit::Result<Tensor<3>> {
            let dtype = parameters.dtype();
            Ok(self.$family.law(parameters, temperature)?.log_prob(code).cast(dtype))
        }

        fn decoded(&self, code: Tensor<3>) -> Tensor<3> {
            self.$family.decoded(code)
        }
    };
}

pub(super) use judged_by;

impl<F: Relaxed> Code for Estimated<F> {
    judged_by!(family);

    fn objective(
        &mut self,
        stack: &Stack<'_>,
        temperature: f64,
        noise: &mut Noise,
    ) -> relaxit::Result<TrainingObjective> {
        let (q, p) = (stack.posterior(&[]), stack.prior(0, None));
        let at = self.family.relaxation(q.clone(), temperature)?;
        let explained = |code| stack.explained(self.family.decoded(code));
        if matches!(self.estimator.target(), Target::Bound { .. }) {
            let (q, p) = (self.family.law(q, temperature)?, self.family.law(p, temperature)?);
            let log_weight = |code: Tensor<3>| {
                let log_ratio = p.log_prob(code.clone()) - q.log_prob(code.clone());
                explained(code) + log_ratio.sum_dim(1)
            };
            return Ok(TrainingObjective::whole(self.estimator.estimate(&at, &log_weight, noise)));
        }
        let estimate = self.estimator.estimate(&at, &explained, noise);
        Ok(TrainingObjective::less(estimate, self.divergence(q, p, temperature, noise)?))
    }

    fn tune(&mut self, tuning: Tensor<1>) {
        self.tuner.step(&mut *self.estimator, tuning);
    }

    fn state(&self) -> Option<TunerState> {
        let learns = !self.estimator.parameters().is_empty();
        learns.then(|| self.tuner.state(&*self.estimator))
    }

    fn resume(&mut self, state: TunerState) -> relaxit::Result<()> {
        self.tuner.resume(state, &mut *self.estimator)
    }
}

impl<F: Sampled> Code for Reparametrized<F> {
    judged_by!(0);

    fn objective(
        &mut self,
        stack: &Stack<'_>,
        temperature: f64,
        noise: &mut Noise,
    ) -> relaxit::Result<TrainingObjective> {
        let (q, p) = (stack.posterior(&[]), stack.prior(0, None));
        let code = self.0.rsample(&self.0.law(q.clone(), temperature)?, noise);
        let estimate = pathwise(stack.explained(self.0.decoded(code)));
        Ok(TrainingObjective::less(estimate, self.divergence(q, p, temperature, noise)?))
    }
}
