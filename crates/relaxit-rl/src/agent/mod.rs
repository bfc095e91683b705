//! Agents: a policy, a critic, and an estimator of the policy's gradient, which is all that one agent has different from
//! another.

mod advantage;
mod config;
mod control;
mod decoupled;
mod gradient;
mod network;
mod relax;
mod rollout;
mod rows;
mod scale;
mod score_function;
mod trained;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, activation};
use relaxit::estimator::Bias;
use relaxit::noise::Noise;
use relaxit::reference::Reference;
use relaxit::schedule::Schedule;
use serde::{Deserialize, Serialize};

pub use self::config::{AgentConfig, Algorithm, Collection};
pub use self::rows::Episode;

use self::control::{Free, Scaled};
use self::decoupled::Decoupled;
use self::gradient::PolicyGradient;
use self::network::{Direction, Network};
use self::relax::Relax;
use self::rollout::{Actor, Rollout, best, features};
use self::rows::{Rows, on};
use self::scale::ReturnScale;
use self::score_function::ScoreFunction;
use self::trained::Trained;
use crate::environment::{Space, VectorEnvironment};
use crate::error::{Error, Result};

/// A learning agent.
///
/// An update acts in many environments at once, takes one step of the policy up the estimated gradient, and then trains
/// critic and control variate on what was seen: what they say of a batch never depends on the actions in it, so they add
/// no bias.
///
/// The gradient is that of the expected discounted return from each visited state, without the factor `γᵗ` for the time
/// of the visit, as is usual.
///
/// # Examples
/// ```
/// use relaxit_rl::{agent::{Agent, AgentConfig, Algorithm}, environment};
/// let cart_pole = environment::make("cartpole", 1)?;
/// let config = AgentConfig { hidden: 16, discount: 0.99, ..AgentConfig::new(Algorithm::Reinforce) };
/// let mut agent = Agent::new(cart_pole, config, 0)?;
/// for _ in 0..3 {
///     let reward = agent.train_episode()?;
///     assert!((1.0..=500.0).contains(&reward));
/// }
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    root: Noise,
    /// With autodiff.
    device: Device,
    actor: Actor<'static>,
    policy: Trained<Network>,
    critic: Option<Trained<Network>>,
    estimator: Box<dyn PolicyGradient>,
    return_scale: ReturnScale,
    phase: usize,
    updates: usize,
    /// Of the current phase.
    noise: Noise,
}

/// What one update did.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The episodes that ended.
    pub episodes: Vec<Episode>,
    /// Steps of environments.
    pub steps: usize,
    /// The Euclidean norm of the policy's gradient, before it was clipped.
    pub gradient_norm: f64,
}

/// An agent at rest: everything that training needs to go on to the same bits.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentState {
    /// Parameters and optimisers, in Burn's format, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// How far training is.
    pub progress: AgentProgress,
}

/// How far an agent's training is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentProgress {
    return_scale: ReturnScale,
    phase: usize,
    updates: usize,
}

impl AgentProgress {
    /// The phase that the state was taken in.
    #[must_use]
    pub const fn phase(&self) -> usize {
        self.phase
    }
}

/// How an action is chosen from the policy's law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// As in training.
    Sampled,
    /// Always the likeliest.
    Greedy,
}

impl Agent {
    /// For `environment`, on the CPU. Equal seeds give equal agents, to the bit.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a configuration that is out of range; whatever the environment's reset gives.
    pub fn new(environment: Box<dyn VectorEnvironment>, config: AgentConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let device = Device::flex().autodiff();
        let root = Noise::seeded(seed);
        let space = environment.observation_space();
        let shape = [space.features(), config.hidden, environment.num_actions()];
        let [features, hidden, _] = shape;
        // A one-hot observation has one feature at work, whatever its size.
        let hidden_bound = if matches!(space, Space::Discrete { .. }) { 1.0 } else { (features as f64).sqrt().recip() };
        let network = |name: &str, outputs: usize, output_bound: f64| {
            let bounds = [hidden_bound, output_bound];
            Trained::new(Network::new([features, hidden, outputs], bounds, &root.fork(name), &device))
        };
        let noise = root.fork("estimator");
        let AgentConfig { temperature, control_learning_rate: rate, critic_steps, .. } = config;
        let estimator: Box<dyn PolicyGradient> = match config.algorithm {
            Algorithm::Reinforce | Algorithm::ReinforceBaseline | Algorithm::A2c => Box::new(ScoreFunction),
            Algorithm::Relax => {
                Box::new(Relax::new(Free::new(shape, hidden_bound, temperature, &noise, &device), rate))
            }
            Algorithm::Rebar => {
                Box::new(Relax::new(Scaled::new(shape, hidden_bound, temperature, &noise, &device), rate))
            }
            Algorithm::Decoupled => {
                Box::new(Decoupled::new(shape, hidden_bound, [temperature, rate], critic_steps, &noise, &device))
            }
        };
        let critic = config.algorithm.has_critic().then(|| network("critic", 1, 1e-2));
        let policy = network("policy", shape[2], 1e-2);
        let noise = root.fork("phase 0");
        let mut agent = Self {
            actor: Actor::new(environment),
            policy,
            critic,
            estimator,
            return_scale: ReturnScale::default(),
            phase: 0,
            updates: 0,
            config,
            root,
            device,
            noise,
        };
        agent.enter_phase(0)?;
        Ok(agent)
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// Whether the estimator of the policy's gradient is biased: by its form, or by a critic that stands in for what
    /// comes after.
    #[must_use]
    pub fn bias(&self) -> Bias {
        let whole = self.config.lambda >= 1.0 && self.config.collection == Collection::Episodes;
        if whole { self.estimator.bias() } else { Bias::Biased }
    }

    /// The papers of the estimator.
    #[must_use]
    pub fn references(&self) -> &'static [Reference] {
        self.estimator.references()
    }

    /// Updates made so far.
    #[must_use]
    pub const fn updates(&self) -> usize {
        self.updates
    }

    /// Updates until an episode has ended; the mean reward of those that ended.
    ///
    /// With one environment and [`Collection::Episodes`] that is one update from one episode.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn train_episode(&mut self) -> Result<f64> {
        loop {
            let Update { episodes, .. } = self.update()?;
            if !episodes.is_empty() {
                return Ok(episodes.iter().map(|episode| episode.reward).sum::<f64>() / episodes.len() as f64);
            }
        }
    }

    /// Acts, and learns from it.
    ///
    /// # Errors
    /// Whatever the environment gives; [`Error::Diverged`] if the gradient is not finite.
    pub fn update(&mut self) -> Result<Update> {
        let device = self.device.clone().without_autodiff();
        let policy = self.policy.module().valid();
        if self.config.collection == Collection::Episodes {
            let seeds = seeds(&mut self.noise, self.actor.environment().num_environments());
            self.actor.reset(&seeds)?;
        }
        let rollout = self.actor.act(&policy, self.config.collection, Some(&mut self.noise), &device)?;
        let scale = self.return_scale.get();
        let rows = self.rows_of(&rollout, &device);

        let direction = self.gradient_of(&rows)?;
        let gradient_norm = direction.squared_norm().sqrt();
        if !gradient_norm.is_finite() {
            return Err(Error::Diverged { update: self.updates });
        }
        let logits = rows.permitted(policy.forward(rows.observations.clone()));
        let slope = policy.derivative_along(rows.observations.clone(), &direction);
        let shortened = (self.config.max_gradient_norm / gradient_norm.max(f64::MIN_POSITIVE)).min(1.0);
        let gradients = self.policy.module().gradients(direction.scaled(-shortened));
        self.policy.step(self.config.learning_rate.at(self.updates), gradients);

        self.estimator.learn(&rows, logits, slope)?;
        self.train_critic(&rows);
        self.return_scale.update(rows.returns.to_data().iter::<f64>().map(|value| value * scale));
        self.updates += 1;
        Ok(Update { episodes: rollout.episodes, steps: rollout.steps, gradient_norm })
    }

    /// What is learned from a rollout, with the critic and the scale of returns as they stand.
    fn rows_of(&self, rollout: &Rollout, device: &Device) -> Rows {
        let critic = self.critic.as_ref().map(|critic| critic.module().valid());
        rollout.rows(&self.config, critic.as_ref(), self.return_scale.get(), device)
    }

    /// The policy's gradient from `rows`, entropy included.
    fn gradient_of(&self, rows: &Rows) -> Result<Direction> {
        let policy = self.policy.module();
        let logits = rows.permitted(policy.forward(on(rows.observations.clone(), &self.device)));
        let surrogate = self.estimator.surrogate(rows, logits.clone())?;
        let log_probs = activation::log_softmax(logits, 1);
        let entropy = -(log_probs.clone().exp() * log_probs).sum() * rows.weight;
        let gradients = (surrogate + entropy * self.config.entropy.at(self.updates)).backward();
        Ok(policy.direction(&gradients))
    }

    fn train_critic(&mut self, rows: &Rows) {
        let Some(critic) = &mut self.critic else { return };
        let [observations, returns] = [&rows.observations, &rows.returns].map(|x| on(x.clone(), &self.device));
        for _ in 0..self.config.critic_steps {
            let loss = (critic.module().forward(observations.clone()) - returns.clone()).square().mean();
            critic.descend(self.config.critic_learning_rate, &loss);
        }
    }

    /// One estimate of the policy's gradient at the present parameters, all entries in one row, learning nothing: for
    /// measuring bias and variance. In units of rewards, without clipping. `environment` starts anew.
    ///
    /// # Errors
    /// Whatever the environment gives.
    pub fn gradient(&self, environment: &mut dyn VectorEnvironment, noise: &mut Noise) -> Result<Vec<f64>> {
        let device = self.device.clone().without_autodiff();
        let mut actor = Actor::new(Box::new(environment));
        actor.reset(&seeds(noise, actor.environment().num_environments()))?;
        let policy = self.policy.module().valid();
        let rollout = actor.act(&policy, self.config.collection, Some(noise), &device)?;
        let rows = self.rows_of(&rollout, &device);
        Ok(self.gradient_of(&rows)?.scaled(self.return_scale.get()).flat())
    }

    /// One whole episode of each environment from `seeds`, learning nothing.
    ///
    /// # Errors
    /// Whatever the environment gives.
    pub fn evaluate(
        &self,
        environment: Box<dyn VectorEnvironment>,
        seeds: &[u64],
        choice: Choice,
    ) -> Result<Vec<Episode>> {
        let device = self.device.clone().without_autodiff();
        let mut actor = Actor::new(environment);
        actor.reset(seeds)?;
        let mut noise = self.root.fork("evaluation");
        let noise = (choice == Choice::Sampled).then_some(&mut noise);
        let rollout = actor.act(&self.policy.module().valid(), Collection::Episodes, noise, &device)?;
        Ok(rollout.episodes)
    }

    /// The likeliest of the actions that `mask` allows, given what is seen (a discrete observation is its number).
    ///
    /// # Panics
    /// If `observation` or `mask` is not of the environment's size.
    pub fn likeliest_action(&self, observation: &[f32], mask: &[bool]) -> usize {
        let device = self.device.clone().without_autodiff();
        let space = self.actor.environment().observation_space();
        assert_eq!(observation.len(), space.width(), "Agent: an observation of another environment");
        let logits = self.policy.module().valid().forward(features(space, observation, &device)).into_data();
        assert_eq!(logits.num_elements(), mask.len(), "Agent: a mask of another environment");
        best(&logits.iter::<f32>().collect::<Vec<_>>(), &vec![0.0; mask.len()], Some(mask))
    }

    /// Takes over the policy of another agent, of any algorithm, and nothing else of it.
    ///
    /// # Errors
    /// [`Error::Record`] if the policies have different shapes.
    pub fn adopt_policy(&mut self, state: &AgentState) -> Result<()> {
        self.policy.load("policy", &state.files)
    }

    /// Starts phase number `phase`: all episodes anew, and noise that is a function of seed and phase alone.
    ///
    /// A run that is to be resumed takes its checkpoints between phases, so that environments need not be stored.
    ///
    /// # Errors
    /// Whatever the environment gives.
    pub fn enter_phase(&mut self, phase: usize) -> Result<()> {
        self.phase = phase;
        self.noise = self.root.fork(&format!("phase {phase}"));
        let seeds = seeds(&mut self.noise, self.actor.environment().num_environments());
        self.actor.reset(&seeds)
    }

    /// What a checkpoint must hold.
    ///
    /// # Errors
    /// [`Error::Record`] if Burn cannot serialise a module.
    pub fn state(&self) -> Result<AgentState> {
        let mut files = BTreeMap::new();
        self.policy.save("policy", &mut files)?;
        if let Some(critic) = &self.critic {
            critic.save("critic", &mut files)?;
        }
        self.estimator.save(&mut files)?;
        let Self { return_scale, phase, updates, .. } = *self;
        Ok(AgentState { files, progress: AgentProgress { return_scale, phase, updates } })
    }

    /// Puts a state back into an agent of the same configuration, and enters the phase after it.
    ///
    /// # Errors
    /// [`Error::Record`] for the state of another agent; whatever the environment gives.
    pub fn resume(&mut self, state: AgentState) -> Result<()> {
        let AgentState { files, progress } = state;
        self.policy.load("policy", &files)?;
        if let Some(critic) = &mut self.critic {
            critic.load("critic", &files)?;
        }
        self.estimator.load(&files)?;
        (self.return_scale, self.updates) = (progress.return_scale, progress.updates);
        self.enter_phase(progress.phase + 1)
    }
}

#[cfg(test)]
mod tests;

fn seeds(noise: &mut Noise, count: usize) -> Vec<u64> {
    // Gymnasium's seeds are not negative when seen as signed numbers.
    (0..count).map(|_| noise.bits() >> 1).collect()
}
