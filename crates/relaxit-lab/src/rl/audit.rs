//! The gradients of every agent at one frozen policy: bias, variance and cost.
//!
//! All agents see the same policy and whole episodes, so that their gradients have one target, that of the return within
//! the time limit. What an agent has of its own, critic or control variate, learns first while the policy stands still.

use std::time::Instant;

use anyhow::Result;
use relaxit::estimator::Bias;
use relaxit::noise::Noise;
use relaxit::schedule::Anneal;
use relaxit_rl::agent::{Agent, AgentConfig, AgentState, Algorithm, Collection};

use super::config::RlConfig;
use super::train::gradients;
use crate::audit::measure::Moments;
use crate::audit::record::{Record, aggregate};

/// A policy on trial.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The run that the policy is of.
    pub config: &'a RlConfig,
    /// The agent whose policy it is.
    pub policy: &'a AgentState,
    /// Updates of critics and control variates before anything is measured.
    pub tune: usize,
    /// Gradients of each agent.
    pub draws: usize,
    /// The root of all noise.
    pub noise: &'a Noise,
}

/// The gradient to compare with, and the standard error of each entry.
#[derive(Debug)]
pub struct Target(Moments);

impl Trial<'_> {
    /// The mean of many gradients by the score function with a learned baseline, which has no bias.
    ///
    /// # Errors
    /// If the environment fails.
    pub fn target(&self) -> Result<Target> {
        let agent = self.agent(Algorithm::ReinforceBaseline)?;
        Ok(Target(gradients(self.config, &agent, 4 * self.draws, &mut self.noise.fork("reference"))?))
    }

    /// The records of `algorithm`: the aggregate, then one for each of the policy's parameters.
    ///
    /// # Errors
    /// If the environment fails, or the policy is of another shape than the run says.
    pub fn records(&self, algorithm: Algorithm, target: &Target) -> Result<Vec<Record>> {
        let agent = self.agent(algorithm)?;
        let mut noise = self.noise.fork(algorithm.name());
        let started = Instant::now();
        let moments = gradients(self.config, &agent, self.draws, &mut noise)?;
        let seconds = started.elapsed().as_secs_f64() / self.draws as f64;
        let (exact, exact_error) = (target.0.mean(), target.0.standard_error());
        let (variance, error) = (moments.variance(), moments.standard_error());
        let parameters = moments.mean().iter().enumerate().map(|(parameter, &mean)| {
            let bias = mean - exact[parameter];
            let bias_standard_error = error[parameter].hypot(exact_error[parameter]);
            let rounding = f64::from(f32::EPSILON) * (exact[parameter].abs() + mean.abs() + variance[parameter].sqrt());
            Record {
                estimator: algorithm.name().into(),
                claims_unbiased: agent.bias() == Bias::Unbiased,
                exact: exact[parameter],
                mean,
                bias,
                bias_standard_error,
                z: Some(bias / bias_standard_error.max(rounding).max(f64::MIN_POSITIVE)),
                variance: variance[parameter],
                mse: variance[parameter] + bias * bias,
                evaluations: self.config.environments as f64,
                seconds_per_gradient: seconds,
                logit: Some(parameter),
                exact_standard_error: exact_error[parameter],
                draws: self.draws,
                papers: agent.references().iter().map(ToString::to_string).collect(),
            }
        });
        let parameters: Vec<Record> = parameters.collect();
        Ok(std::iter::once(aggregate(&parameters)).chain(parameters).collect())
    }

    /// An agent of `algorithm` with the policy on trial, whose other parts have learned what it is like.
    fn agent(&self, algorithm: Algorithm) -> Result<Agent> {
        let of_algorithm = RlConfig::new(&self.config.env, algorithm).agent;
        let config = AgentConfig {
            collection: Collection::Episodes,
            hidden: self.config.agent.hidden,
            discount: self.config.agent.discount,
            learning_rate: Anneal::Constant(0.0),
            entropy: Anneal::Constant(0.0),
            ..of_algorithm
        };
        let seed = self.noise.fork(algorithm.name()).fork("tuning").bits();
        let mut agent = Agent::new(self.config.make(self.config.environments)?, config, seed)?;
        agent.adopt_policy(self.policy)?;
        for _ in 0..self.tune {
            agent.update()?;
        }
        Ok(agent)
    }
}
