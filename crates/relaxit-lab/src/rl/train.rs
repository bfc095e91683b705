//! One seed: phases of training, an evaluation and a checkpoint after each, until done or killed.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use relaxit::noise::Noise;
use relaxit_rl::agent::{Agent, AgentProgress, AgentState, Episode};
use serde::{Deserialize, Serialize};

use super::config::RlConfig;
use crate::audit::measure::Moments;
use crate::run::{RunDirectory, Snapshot};

/// One evaluation: a line of a seed's `metrics.jsonl`. It holds no clock, so that equal runs give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseMetrics {
    /// The seed.
    pub seed: u64,
    /// Phases done.
    pub phase: usize,
    /// Steps of environments done.
    pub steps: usize,
    /// Training episodes done.
    pub episodes: usize,
    /// Steps of the policy done.
    pub updates: usize,
    /// The mean reward of the phase's training episodes; null if none ended.
    pub train_reward: Option<f64>,
    /// The mean reward of evaluation episodes, on seeds of their own.
    pub evaluation_reward: f64,
    /// The share of evaluation episodes that ended before the time limit.
    pub evaluation_terminated: f64,
    /// Episodes of the evaluation.
    pub evaluation_episodes: usize,
    /// The root mean square norm of the phase's gradients, before they were clipped.
    pub gradient_norm: f64,
}

/// What became of one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedSummary {
    /// The seed.
    pub seed: u64,
    /// The last evaluation.
    pub evaluation_reward: f64,
    /// The share of its episodes that ended before the time limit.
    pub evaluation_terminated: f64,
    /// Training episodes until 100 in a row reached the threshold on average; null if they never did.
    pub episodes_to_threshold: Option<usize>,
    /// Steps until then.
    pub steps_to_threshold: Option<usize>,
    /// The sum over the policy's parameters of the variance of the final policy's gradient estimates, in units of rewards.
    pub gradient_variance: f64,
    /// Steps of environments.
    pub steps: usize,
    /// Seconds of training and evaluation, over all sessions.
    pub seconds: f64,
}

/// Where a seed's training stands between two phases, beside the agent's parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Progress {
    agent: Option<AgentProgress>,
    phase: usize,
    steps: usize,
    episodes: usize,
    recent: VecDeque<f64>,
    reached: Option<(usize, usize)>,
    metrics_length: u64,
    seconds: f64,
}

/// Episodes over which the threshold is to be reached.
const WINDOW: usize = 100;

/// The first seed of evaluation episodes; those of training are drawn from 2⁶³.
const EVALUATION_SEEDS: u64 = 1_000_000;

const PREFIX: &str = "phase";
const PROGRESS: &str = "progress.json";

/// Trains `seed` in `run`, from its newest checkpoint or from the start, and judges the policy. `after_phase` hears of
/// every phase, those of earlier sessions excepted.
///
/// # Errors
/// If the environment fails, training diverges, or the directory cannot be read or written.
pub fn train(
    config: &RlConfig,
    seed: u64,
    run: &RunDirectory,
    after_phase: impl Fn(&PhaseMetrics),
) -> Result<(SeedSummary, Vec<PhaseMetrics>)> {
    let mut agent = Agent::new(config.make(config.environments)?, config.agent.clone(), seed)?;
    let mut progress = match Snapshot::newest(run, PREFIX)? {
        Some(snapshot) => {
            let (state, progress) = opened(snapshot)?;
            agent.resume(state)?;
            progress
        }
        None => Progress {
            agent: None,
            phase: 0,
            steps: 0,
            episodes: 0,
            recent: VecDeque::new(),
            reached: None,
            metrics_length: 0,
            seconds: 0.0,
        },
    };
    run.rewind_metrics(progress.metrics_length)?;
    let started = Instant::now();
    let before = progress.seconds;

    // A new agent is in phase 0, a resumed one in the phase after its checkpoint's.
    while progress.phase < config.phases {
        let metrics = phase(config, seed, &mut agent, &mut progress)?;
        progress.metrics_length = run.append_metrics(&metrics)?;
        progress.seconds = before + started.elapsed().as_secs_f64();
        let AgentState { mut files, progress: of_agent } = agent.state()?;
        progress.agent = Some(of_agent);
        let stored = serde_json::to_vec_pretty(&progress).context("the progress has no JSON form")?;
        files.insert(PROGRESS.into(), stored);
        Snapshot { number: progress.phase, files }.write(run, PREFIX)?;
        after_phase(&metrics);
        if progress.phase < config.phases {
            agent.enter_phase(progress.phase)?;
        }
    }
    let metrics: Vec<PhaseMetrics> = run.metrics()?;
    let last = metrics.last().context("the run has no metrics")?;
    let mut noise = Noise::seeded(seed).fork("gradient variance");
    let gradient_variance = gradients(config, &agent, config.gradients, &mut noise)?.variance().iter().sum();
    let summary = SeedSummary {
        seed,
        evaluation_reward: last.evaluation_reward,
        evaluation_terminated: last.evaluation_terminated,
        episodes_to_threshold: progress.reached.map(|(episodes, _)| episodes),
        steps_to_threshold: progress.reached.map(|(_, steps)| steps),
        gradient_variance,
        steps: progress.steps,
        seconds: before + started.elapsed().as_secs_f64(),
    };
    Ok((summary, metrics))
}

/// The agent of `seed` in the newest checkpoint of the run at `path`.
///
/// # Errors
/// If there is none, or it cannot be read, or another process is training it.
pub fn newest(path: &Path, seed: u64) -> Result<AgentState> {
    let folder = path.join(format!("seed-{seed}"));
    // Looked at before it is claimed, which would create it.
    ensure!(folder.exists(), "seed {seed} of {} was not trained yet", path.display());
    let snapshot = Snapshot::newest(&RunDirectory::claim(&folder, true)?, PREFIX)?;
    let snapshot = snapshot.with_context(|| format!("{} has no checkpoint yet", folder.display()))?;
    opened(snapshot).map(|(state, _)| state)
}

/// What a snapshot holds.
fn opened(snapshot: Snapshot) -> Result<(AgentState, Progress)> {
    let mut files = snapshot.files;
    let progress = files.remove(PROGRESS).context("the checkpoint has no progress.json")?;
    let progress: Progress = serde_json::from_slice(&progress).context("the checkpoint's progress cannot be read")?;
    let of_agent = progress.agent.context("the checkpoint has no agent")?;
    Ok((AgentState { files, progress: of_agent }, progress))
}

fn phase(config: &RlConfig, seed: u64, agent: &mut Agent, progress: &mut Progress) -> Result<PhaseMetrics> {
    progress.phase += 1;
    let target = config.steps * progress.phase / config.phases;
    let (mut rewards, mut finished, mut squares, mut updates) = (0.0, 0_usize, 0.0, 0_usize);
    while progress.steps < target {
        let update = agent.update()?;
        progress.steps += update.steps;
        for Episode { reward, .. } in &update.episodes {
            progress.episodes += 1;
            progress.recent.push_back(*reward);
            if progress.recent.len() > WINDOW {
                progress.recent.pop_front();
            }
            let mean = progress.recent.iter().sum::<f64>() / WINDOW as f64;
            if progress.recent.len() == WINDOW && mean >= config.threshold && progress.reached.is_none() {
                progress.reached = Some((progress.episodes, progress.steps));
            }
            rewards += reward;
        }
        finished += update.episodes.len();
        squares += update.gradient_norm.powi(2);
        updates += 1;
    }
    let last = progress.phase == config.phases;
    let count = if last { config.final_episodes } else { config.evaluation_episodes };
    let seeds: Vec<u64> = (EVALUATION_SEEDS..).take(count).collect();
    let episodes = agent.evaluate(config.make(count)?, &seeds, config.choice)?;
    let mean = |of: fn(&Episode) -> f64| episodes.iter().map(of).sum::<f64>() / episodes.len() as f64;
    Ok(PhaseMetrics {
        seed,
        phase: progress.phase,
        steps: progress.steps,
        episodes: progress.episodes,
        updates: agent.updates(),
        train_reward: (finished > 0).then(|| rewards / finished as f64),
        evaluation_reward: mean(|episode| episode.reward),
        evaluation_terminated: mean(|episode| f64::from(u8::from(!episode.truncated))),
        evaluation_episodes: count,
        gradient_norm: (squares / updates.max(1) as f64).sqrt(),
    })
}

/// Moments of `draws` gradients of `agent`, in environments of the run.
pub(super) fn gradients(config: &RlConfig, agent: &Agent, draws: usize, noise: &mut Noise) -> Result<Moments> {
    let (mut environments, mut moments) = (config.make(config.environments)?, None::<Moments>);
    for _ in 0..draws {
        let gradient = agent.gradient(&mut *environments, noise)?;
        moments.get_or_insert_with(|| Moments::new(gradient.len())).add(&gradient);
    }
    Ok(moments.unwrap_or_else(|| Moments::new(0)))
}
