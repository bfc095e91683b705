//! Agents on a process of two steps, whose exact gradient is known.

#![allow(clippy::cast_possible_truncation)] // rewards as f32

use super::*;
use crate::environment::Steps;
use crate::snapshot::Snapshot;
use burn::tensor::{Tensor, TensorData};

/// Two choices of three, where the first choice decides which state the second is made in.
struct TwoChoices {
    /// Whether the first choice is the only one.
    one: bool,
    space: Space,
    /// 0 at the start, 1 + the first choice after it.
    states: Vec<usize>,
    steps: Steps,
}

const FIRST: [f64; 3] = [0.5, -1.0, 2.0];
const SECOND: [[f64; 3]; 3] = [[3.0, -2.0, 50.0], [1.0, 4.0, 0.0], [-1.0, 0.5, 2.5]];

/// After the first choice 0, the second cannot be 2.
fn allowed(state: usize) -> [bool; 3] {
    [true, true, state != 1]
}

impl TwoChoices {
    fn boxed(environments: usize) -> Box<Self> {
        Self::of(false, environments)
    }

    fn of(one: bool, environments: usize) -> Box<Self> {
        let steps = Steps {
            observations: vec![0.0; environments],
            final_observations: vec![0.0; environments],
            rewards: vec![0.0; environments],
            terminated: vec![false; environments],
            truncated: vec![false; environments],
            masks: Some(vec![true; 3 * environments]),
        };
        Box::new(Self { one, space: Space::Discrete { n: 4 }, states: vec![0; environments], steps })
    }

    fn show(&mut self) {
        let masks = self.steps.masks.as_mut().unwrap();
        for (index, &state) in self.states.iter().enumerate() {
            self.steps.observations[index] = state as f32;
            masks[3 * index..3 * (index + 1)].copy_from_slice(&allowed(state));
        }
    }
}

impl VectorEnvironment for TwoChoices {
    fn num_environments(&self) -> usize {
        self.states.len()
    }

    fn observation_space(&self) -> &Space {
        &self.space
    }

    fn num_actions(&self) -> usize {
        3
    }

    fn reset(&mut self, _: &[u64]) -> Result<()> {
        self.states.fill(0);
        self.show();
        Ok(())
    }

    fn step(&mut self, actions: &[usize]) -> Result<()> {
        for (index, &action) in actions.iter().enumerate() {
            let state = self.states[index];
            assert!(allowed(state)[action]);
            self.steps.rewards[index] = if state == 0 { FIRST[action] } else { SECOND[state - 1][action] };
            self.steps.terminated[index] = self.one || state != 0;
            self.states[index] = if self.steps.terminated[index] { 0 } else { 1 + action };
        }
        self.show();
        Ok(())
    }

    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn save(&self) -> Option<Snapshot> {
        None
    }

    fn load(&mut self, _: &Snapshot) -> Result<()> {
        Ok(())
    }
}

/// The gradient of the expected reward, by enumeration, at the scale of an agent's.
fn exact(agent: &Agent) -> Vec<f64> {
    let policy = agent.policy.module();
    let states: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.0 }).collect();
    let states = Tensor::<2>::from_data(TensorData::new(states, [4, 4]), &agent.device);
    let penalties: Vec<f32> =
        (0..4).flat_map(|state| allowed(state).map(|allowed| if allowed { 0.0 } else { rows::FORBIDDEN })).collect();
    let logits = policy.forward(states) + Tensor::from_data(TensorData::new(penalties, [4, 3]), &agent.device);
    let probs = activation::softmax(logits, 1);
    let second = Tensor::<2>::from_data(TensorData::from(SECOND.map(|row| row.map(|r| r as f32))), &agent.device);
    let after = (probs.clone().slice_dim(0, 1..4) * second).sum_dim(1).reshape([1, 3]);
    let first = Tensor::<2>::from_data(TensorData::from([FIRST.map(|r| r as f32)]), &agent.device);
    let expected = (probs.slice_dim(0, 0..1) * (first + after)).sum();
    let episodes = 100.0; // what an agent divides by, beside their number
    policy.direction(&expected.backward()).scaled(1.0 / episodes).flat()
}

/// An agent whose critic and control variate have learned, but whose policy is the first one.
fn learned(algorithm: Algorithm, one: bool) -> Agent {
    let config = AgentConfig {
        collection: Collection::Episodes,
        lambda: 1.0,
        discount: 1.0,
        hidden: 8,
        entropy: relaxit::schedule::Anneal::Constant(0.0),
        learning_rate: relaxit::schedule::Anneal::Constant(0.0),
        control_learning_rate: 0.01,
        temperature: 0.5,
        ..AgentConfig::new(algorithm)
    };
    let mut agent = Agent::new(TwoChoices::of(one, 64), config, 0).unwrap();
    for _ in 0..1000 {
        agent.update().unwrap();
    }
    agent
}

/// Mean of an agent's gradients, and their variance, entry by entry.
fn moments(agent: &Agent, one: bool, draws: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut environment, mut noise) = (TwoChoices::of(one, 16), Noise::seeded(1));
    let draws: Vec<Vec<f64>> = (0..draws).map(|_| agent.gradient(&mut *environment, &mut noise).unwrap()).collect();
    let count = draws.len() as f64;
    let mean = |entry: usize| draws.iter().map(|draw| draw[entry]).sum::<f64>() / count;
    let means: Vec<f64> = (0..draws[0].len()).map(mean).collect();
    let variance = |(entry, mean): (usize, &f64)| {
        draws.iter().map(|draw| (draw[entry] - mean).powi(2)).sum::<f64>() / (count - 1.0)
    };
    let variances = means.iter().enumerate().map(variance).collect();
    (means, variances)
}

#[test]
fn a_gradient_depends_on_no_episode_before_it() {
    for algorithm in Algorithm::ALL {
        let config = AgentConfig { hidden: 8, collection: Collection::Segment(3), ..AgentConfig::new(algorithm) };
        let agent = Agent::new(crate::environment::make("cartpole", 2).unwrap(), config, 0).unwrap();
        let mut borrowed = crate::environment::make("cartpole", 2).unwrap();
        let mut draw = || agent.gradient(&mut *borrowed, &mut Noise::seeded(7)).unwrap();
        let first = draw();
        assert!(first.iter().any(|entry| *entry != 0.0), "{algorithm}");
        assert!(draw() == first, "{algorithm}");
    }
}

/// The largest distance from the exact gradient, in standard errors.
fn distance(agent: &Agent, draws: usize) -> f64 {
    let (means, variances) = moments(agent, false, draws);
    let z = means.iter().zip(&variances).zip(exact(agent)).map(|((mean, variance), exact)| {
        // Entries that are 0 in every draw and in truth have no error; rounding is none either.
        (mean - exact).abs() / ((variance / draws as f64).sqrt() + 1e-7)
    });
    z.fold(0.0, f64::max)
}

#[test]
fn every_claim_of_no_bias_holds_and_every_claim_of_bias_shows() {
    for algorithm in Algorithm::ALL {
        let agent = learned(algorithm, false);
        let z = distance(&agent, 1500);
        match agent.bias() {
            Bias::Unbiased => assert!(z < 4.892, "{algorithm} claims no bias, is {z} standard errors off"),
            Bias::Biased => assert!(z > 4.892, "{algorithm} claims bias, none seen: {z}"),
        }
    }
}

/// With one choice, all the noise is in it, and a control variate may know everything of it.
#[test]
fn what_was_learned_takes_variance_away() {
    let variance = |algorithm| moments(&learned(algorithm, true), true, 500).1.iter().sum::<f64>();
    let [plain, baseline, relax, rebar] =
        [Algorithm::Reinforce, Algorithm::ReinforceBaseline, Algorithm::Relax, Algorithm::Rebar].map(variance);
    // The best control variate of this form, by least squares over many of them, leaves 0.7 of what a baseline leaves.
    assert!(
        baseline < 0.8 * plain && relax < 0.85 * plain && rebar < 0.95 * baseline,
        "{plain} {baseline} {relax} {rebar}"
    );
}

#[test]
fn a_resumed_agent_goes_on_to_the_same_bits() {
    for algorithm in Algorithm::ALL {
        let new = || {
            let config = AgentConfig { hidden: 8, ..AgentConfig::new(algorithm) };
            Agent::new(TwoChoices::boxed(8), config, 5).unwrap()
        };
        let go_on = |agent: &mut Agent| {
            for _ in 0..5 {
                agent.update().unwrap();
            }
            // The order of an optimiser's file is not fixed; what is in it shows in what comes next.
            let AgentState { mut files, progress } = agent.state().unwrap();
            files.retain(|name, _| !name.ends_with("-optimizer.bpk"));
            (files, progress)
        };
        let mut whole = new();
        let first = go_on(&mut whole);
        let half = whole.state().unwrap();
        whole.enter_phase(1).unwrap();
        let end = go_on(&mut whole);
        let mut resumed = new();
        resumed.resume(half).unwrap();
        assert!(go_on(&mut resumed) == end, "{algorithm}");
        assert!(first != end);
    }
}

#[test]
fn every_agent_finds_the_best_choices() {
    let best = FIRST[0].max(FIRST[1]).max(FIRST[2] + 2.5).max(FIRST[0] + 3.0);
    for algorithm in Algorithm::ALL {
        let config = AgentConfig {
            hidden: 16,
            learning_rate: relaxit::schedule::Anneal::Constant(0.02),
            entropy: "linear:0.1->0@200".parse().unwrap(),
            collection: Collection::Episodes,
            ..AgentConfig::new(algorithm)
        };
        let mut agent = Agent::new(TwoChoices::boxed(16), config, 1).unwrap();
        for _ in 0..300 {
            agent.update().unwrap();
        }
        let episodes = agent.evaluate(TwoChoices::boxed(4), &[0; 4], Choice::Greedy).unwrap();
        assert!(episodes.iter().all(|episode| (episode.reward - best).abs() < 1e-9), "{algorithm} {episodes:?}");
    }
}

#[test]
fn out_of_range_configurations_are_refused() {
    let good = AgentConfig::new(Algorithm::Relax);
    assert_eq!(good.check(), Ok(()));
    let rate = |rate| relaxit::schedule::Anneal::Constant(rate);
    for bad in [
        AgentConfig { hidden: 0, ..good.clone() },
        AgentConfig { collection: Collection::Segment(0), ..good.clone() },
        AgentConfig { discount: f64::NAN, ..good.clone() },
        AgentConfig { lambda: -0.1, ..good.clone() },
        AgentConfig { entropy: rate(f64::INFINITY), ..good.clone() },
        AgentConfig { learning_rate: rate(2.0), ..good.clone() },
        AgentConfig { critic_learning_rate: 0.0, ..good.clone() },
        AgentConfig { control_learning_rate: f64::NAN, ..good.clone() },
        AgentConfig { max_gradient_norm: -1.0, ..good.clone() },
        AgentConfig { temperature: 0.0, ..good.clone() },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
