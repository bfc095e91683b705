//! Acting: many environments at once, off the autodiff device.

use std::fmt;

use burn::tensor::{Device, Tensor, TensorData};
use relaxit::noise::{Base, Noise};

use super::advantage::{End, advantages};
use super::config::{AgentConfig, Collection};
use super::network::Network;
use super::rows::{Episode, FORBIDDEN, Rows};
use crate::environment::{Space, Steps, VectorEnvironment};
use crate::error::Result;

/// The steps of one environment, in order.
#[derive(Debug, Default)]
struct Track {
    observations: Vec<f32>,
    penalties: Vec<f32>,
    gumbel: Vec<f32>,
    actions: Vec<usize>,
    rewards: Vec<f64>,
    /// Where sequences end in the lists above, and the observation that would have come next, if any does.
    ends: Vec<(usize, Option<Vec<f32>>)>,
}

/// What a policy did.
#[derive(Debug)]
pub(super) struct Rollout {
    tracks: Vec<Track>,
    /// The episodes that ended.
    pub(super) episodes: Vec<Episode>,
    /// Steps of environments, those whose rows were not wanted included.
    pub(super) steps: usize,
    space: Space,
    choices: usize,
}

/// Environments, and how far the episodes in them are.
pub(super) struct Actor<'a> {
    environment: Box<dyn VectorEnvironment + 'a>,
    running: Vec<Episode>,
    gumbel: Vec<f32>,
    chosen: Vec<usize>,
}

impl fmt::Debug for Actor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environments = self.environment.num_environments();
        f.debug_struct("Actor")
            .field("environments", &environments)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl<'a> Actor<'a> {
    pub(super) fn new(environment: Box<dyn VectorEnvironment + 'a>) -> Self {
        let environments = environment.num_environments();
        let gumbel = vec![0.0; environments * environment.num_actions()];
        Self { environment, running: Vec::new(), gumbel, chosen: vec![0; environments] }
    }

    pub(super) fn environment(&self) -> &dyn VectorEnvironment {
        &*self.environment
    }

    /// Starts all episodes anew.
    pub(super) fn reset(&mut self, seeds: &[u64]) -> Result<()> {
        self.environment.reset(seeds)?;
        self.running = vec![Episode::START; self.environment.num_environments()];
        Ok(())
    }

    /// Acts by `policy`: a whole episode of each environment from a reset, or a segment from where it stands.
    ///
    /// An action is `argmax(logits + g)` with Gumbel noise `g`; without noise it is the likeliest one.
    pub(super) fn act(
        &mut self,
        policy: &Network,
        collection: Collection,
        mut noise: Option<&mut Noise>,
        device: &Device,
    ) -> Result<Rollout> {
        let environments = self.environment.num_environments();
        let (space, choices) = (self.environment.observation_space().clone(), self.environment.num_actions());
        let width = space.width();
        let tracks = (0..environments).map(|_| Track::default()).collect();
        let mut rollout = Rollout { tracks, episodes: Vec::new(), steps: 0, space, choices };
        let mut wanted = vec![true; environments];
        let mut step = 0;
        while match collection {
            Collection::Episodes => wanted.contains(&true),
            Collection::Segment(length) => step < length,
        } {
            step += 1;
            rollout.steps += environments;
            match &mut noise {
                Some(noise) => noise.fill(Base::Gumbel, &mut self.gumbel),
                None => self.gumbel.fill(0.0),
            }
            self.choose(policy, &mut rollout, &wanted, device);
            self.environment.step(&self.chosen)?;
            self.record(&mut rollout, &mut wanted, collection);
        }
        if matches!(collection, Collection::Segment(_)) {
            for (track, observation) in
                rollout.tracks.iter_mut().zip(self.environment.steps().observations.chunks(width))
            {
                let end = track.rewards.len();
                if track.ends.last().is_none_or(|(last, _)| *last < end) {
                    track.ends.push((end, Some(observation.to_vec())));
                }
            }
        }
        Ok(rollout)
    }

    /// Chooses an action for every environment, and notes what it was chosen from.
    fn choose(&mut self, policy: &Network, rollout: &mut Rollout, wanted: &[bool], device: &Device) {
        let (width, choices) = (rollout.space.width(), rollout.choices);
        let Steps { observations, masks, .. } = self.environment.steps();
        let logits = policy.forward(features(&rollout.space, observations, device)).into_data();
        let logits: Vec<f32> = logits.iter().collect();
        for (index, track) in rollout.tracks.iter_mut().enumerate() {
            let of_actions = index * choices..(index + 1) * choices;
            let allowed = masks.as_ref().map(|masks| &masks[of_actions.clone()]);
            let (logits, gumbel) = (&logits[of_actions.clone()], &self.gumbel[of_actions]);
            let action = best(logits, gumbel, allowed);
            self.chosen[index] = action;
            if wanted[index] {
                track.observations.extend_from_slice(&observations[index * width..(index + 1) * width]);
                track.gumbel.extend_from_slice(gumbel);
                track.actions.push(action);
                if let Some(allowed) = allowed {
                    track.penalties.extend(allowed.iter().map(|&allowed| if allowed { 0.0 } else { FORBIDDEN }));
                }
            }
        }
    }

    /// Notes what came of the actions.
    fn record(&mut self, rollout: &mut Rollout, wanted: &mut [bool], collection: Collection) {
        let steps = self.environment.steps();
        let width = rollout.space.width();
        for (index, track) in rollout.tracks.iter_mut().enumerate() {
            let reward = steps.rewards[index];
            let running = &mut self.running[index];
            running.reward += reward;
            running.length += 1;
            if wanted[index] {
                track.rewards.push(reward);
            }
            if steps.ended(index) {
                let episode =
                    Episode { truncated: !steps.terminated[index], ..std::mem::replace(running, Episode::START) };
                if wanted[index] {
                    rollout.episodes.push(episode);
                    // Whole episodes are judged as such: the time limit is part of the task. A segment sees the limit
                    // as an interruption.
                    let interrupted = matches!(collection, Collection::Segment(_)) && !steps.terminated[index];
                    let last = &steps.final_observations[index * width..(index + 1) * width];
                    let next = interrupted.then(|| last.to_vec());
                    track.ends.push((track.rewards.len(), next));
                }
                if collection == Collection::Episodes {
                    wanted[index] = false;
                }
            }
        }
    }
}

/// The allowed action of the largest perturbed logit.
pub(super) fn best(logits: &[f32], gumbel: &[f32], allowed: Option<&[bool]>) -> usize {
    let perturbed = logits.iter().zip(gumbel).enumerate();
    let permitted = perturbed.filter(|(action, _)| allowed.is_none_or(|allowed| allowed[*action]));
    let largest = permitted.max_by(|(_, (a, g)), (_, (b, h))| (*a + *g).total_cmp(&(*b + *h)));
    largest.map_or(0, |(action, _)| action)
}

impl Rollout {
    /// The rows to learn from. `critic` values states in units of `scale`; without one, advantages are returns.
    #[allow(clippy::cast_possible_truncation)] // networks compute in f32
    pub(super) fn rows(&self, config: &AgentConfig, critic: Option<&Network>, scale: f64, device: &Device) -> Rows {
        let choices = self.choices;
        let joined = |part: fn(&Track) -> &Vec<f32>| -> Vec<f32> {
            self.tracks.iter().flat_map(|track| part(track).iter().copied()).collect()
        };
        let table = |values: Vec<f32>, columns: usize| {
            let rows = values.len() / columns;
            Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), device)
        };
        let observations = features(&self.space, &joined(|track| &track.observations), device);
        let penalties = joined(|track| &track.penalties);
        let values = values(critic, observations.clone(), scale);
        let next: Vec<f32> = self
            .tracks
            .iter()
            .flat_map(|track| track.ends.iter().filter_map(|(_, next)| next.as_ref()).flatten().copied())
            .collect();
        let next_values = if next.is_empty() {
            Vec::new()
        } else {
            self::values(critic, features(&self.space, &next, device), scale)
        };

        let mut next_values = next_values.into_iter();
        let (mut all_advantages, mut returns, mut actions) = (Vec::new(), Vec::new(), Vec::new());
        let mut first = 0;
        for track in &self.tracks {
            let mut start = 0;
            for (end, next) in &track.ends {
                let values = &values[first + start..first + end];
                let end_value = match next {
                    Some(_) => End::Cut(next_values.next().unwrap_or(0.0)),
                    None => End::Over,
                };
                let gains = advantages(&track.rewards[start..*end], values, end_value, config.discount, config.lambda);
                returns.extend(gains.iter().zip(values).map(|(gain, value)| ((gain + value) / scale) as f32));
                all_advantages.extend(gains.iter().map(|gain| (gain / scale) as f32));
                start = *end;
            }
            first += track.rewards.len();
            for &action in &track.actions {
                let row = actions.len();
                actions.resize(row + choices, 0.0);
                actions[row + action] = 1.0;
            }
        }
        let count = match config.collection {
            // Per episode, at a scale like that of a mean over steps: the number of steps is random, and to divide by it
            // would bias the gradient.
            Collection::Episodes => self.tracks.len() as f64 * EPISODE_STEPS,
            Collection::Segment(_) => first as f64,
        };
        Rows {
            penalties: (!penalties.is_empty()).then(|| table(penalties, choices)),
            gumbel: table(joined(|track| &track.gumbel), choices),
            actions: table(actions, choices),
            advantages: table(all_advantages, 1),
            returns: table(returns, 1),
            weight: count.recip(),
            observations,
        }
    }
}

/// A typical number of steps in an episode: it only sets the scale of gradients.
const EPISODE_STEPS: f64 = 100.0;

/// Observations as a network takes them: a number of a discrete space becomes a one-hot row.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the number of a discrete observation
pub(super) fn features(space: &Space, observations: &[f32], device: &Device) -> Tensor<2> {
    let rows = observations.len() / space.width();
    let size = space.features();
    let values = match space {
        Space::Discrete { .. } => {
            let mut one_hot = vec![0.0; rows * size];
            for (row, &number) in observations.iter().enumerate() {
                one_hot[row * size + number as usize] = 1.0;
            }
            one_hot
        }
        Space::Box { .. } => observations.to_vec(),
    };
    Tensor::from_data(TensorData::new(values, [rows, size]), device)
}

/// The critic's values of `[rows, features]`, in units of rewards; 0 without a critic.
fn values(critic: Option<&Network>, observations: Tensor<2>, scale: f64) -> Vec<f64> {
    let rows = observations.dims()[0];
    let Some(critic) = critic else { return vec![0.0; rows] };
    critic.forward(observations).into_data().iter::<f64>().map(|value| value * scale).collect()
}
