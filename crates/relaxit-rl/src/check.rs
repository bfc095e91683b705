//! The laws of an environment, so that your own can be held to them.

use crate::environment::{Environment, Observation, Space, Step};
use crate::error::Error;
use crate::random::Generator;
use crate::snapshot::Snapshot;

/// Seeds that are tried.
const SEEDS: u64 = 20;
/// Steps that are taken from each, over the ends of episodes.
const STEPS: usize = 200;
/// Steps beyond the end of an episode.
const BEYOND: usize = 10;

/// A law that an environment breaks.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Violation {
    /// There is nothing to do.
    #[error("there must be at least one action")]
    NoActions,
    /// No observation fits the space, or it has no numbers.
    #[error("every bound of the observation space must be a number, no low one above the high one: {0:?}")]
    Space(Space),
    /// The environment returned an error.
    #[error("{0}")]
    Failed(#[from] Error),
    /// An observation has another length than the space says.
    #[error("an observation must be as wide as the space ({space}), got {observation}")]
    Width {
        /// The numbers in one of the space.
        space: usize,
        /// The numbers in the one seen.
        observation: usize,
    },
    /// An observation lies outside the space.
    #[error("an observation must lie within the space, got {observation:?} after {steps} steps of seed {seed}")]
    Observation {
        /// What was seen.
        observation: Vec<f32>,
        /// The seed of the episode.
        seed: u64,
        /// The steps before.
        steps: usize,
    },
    /// An observation is not finite, where the space does not matter: beyond the end of an episode.
    #[error("an observation must be finite beyond the end too, got {observation:?} (seed {seed})")]
    Beyond {
        /// What was seen.
        observation: Vec<f32>,
        /// The seed of the episode.
        seed: u64,
    },
    /// A reward is not finite.
    #[error("a reward must be finite, got {reward} after {steps} steps of seed {seed}")]
    Reward {
        /// What was given.
        reward: f64,
        /// The seed of the episode.
        seed: u64,
        /// The steps before.
        steps: usize,
    },
    /// No action is allowed, though the episode goes on.
    #[error("the mask must allow an action until the episode ends, allows none after {steps} steps of seed {seed}")]
    NothingAllowed {
        /// The seed of the episode.
        seed: u64,
        /// The steps before.
        steps: usize,
    },
    /// Actions are masked, though the environment says that it does not.
    #[error("`masks_actions` must be true if an action is ever masked, as after {steps} steps of seed {seed}")]
    UnexpectedMask {
        /// The seed of the episode.
        seed: u64,
        /// The steps before.
        steps: usize,
    },
    /// The same seed and actions led elsewhere.
    #[error("equal seeds and actions must give equal bits, whatever came before: seed {seed} differs at step {steps}")]
    Seed {
        /// The seed.
        seed: u64,
        /// The first step that differs, or 0 for the start.
        steps: usize,
    },
    /// The environment, restored, went on in another way.
    #[error("a snapshot must hold the whole state: seed {seed}, restored at step {at}, differs at step {steps}")]
    Snapshot {
        /// The seed.
        seed: u64,
        /// The step after which the snapshot was made.
        at: usize,
        /// The first step that differs; `at` itself if the observation returned by `load` does.
        steps: usize,
    },
}

/// Everything that is seen of an environment at one step, as bits.
#[derive(Clone, PartialEq)]
struct Seen {
    observation: Vec<u32>,
    reward: u64,
    terminated: bool,
    truncated: bool,
    mask: Vec<bool>,
}

/// Holds `environment` to the laws of [`Environment`], or names the first that it breaks.
///
/// | law | |
/// |---|---|
/// | spaces | there is an action; the bounds of the observations are numbers, in order |
/// | observations | as wide as the space, and within it until the episode ends; finite beyond |
/// | rewards | finite, beyond the end too |
/// | masks | allow an action until the episode ends; all of them, unless `masks_actions` |
/// | seeds | equal seeds and actions give equal bits, `restart` included, whatever came before |
/// | snapshots | if there are any, what was restored goes on to the same bits |
///
/// It takes some thousand steps, with actions drawn evenly, every second time among those that the mask allows. A panic
/// is a broken law too, and says so itself. The environment is left in some state.
///
/// # Errors
/// The law that is broken.
///
/// # Examples
/// ```
/// use relaxit_rl::check::check_environment;
/// use relaxit_rl::environment::{CartPole, TimeLimit};
/// check_environment(&mut TimeLimit::new(CartPole::new(), 50)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_environment<E: Environment>(environment: &mut E) -> Result<(), Violation> {
    if environment.num_actions() == 0 {
        return Err(Violation::NoActions);
    }
    let space = environment.observation_space();
    if !sound(&space) {
        return Err(Violation::Space(space));
    }
    let mut first = Vec::new();
    for seed in 0..SEEDS {
        first.push(watch(environment, &space, seed)?);
    }
    // The second time in another order, so that what one seed leaves behind meets another.
    for seed in (0..SEEDS).rev() {
        let second = watch(environment, &space, seed)?;
        if let Some(steps) = difference(&first[as_index(seed)], &second) {
            return Err(Violation::Seed { seed, steps });
        }
    }
    (0..SEEDS).try_for_each(|seed| resume(environment, seed, &first[as_index(seed)]))?;
    (0..SEEDS).try_for_each(|seed| go_beyond(environment, seed))
}

fn sound(space: &Space) -> bool {
    match space {
        Space::Discrete { n } => *n > 0,
        Space::Box { low, high } => {
            !low.is_empty() && low.len() == high.len() && low.iter().zip(high).all(|(low, high)| low <= high)
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // small
const fn as_index(seed: u64) -> usize {
    seed as usize
}

/// The index of the first entry that differs, or of the first that one of them lacks.
fn difference(a: &[Seen], b: &[Seen]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b).or((a.len() != b.len()).then(|| a.len().min(b.len())))
}

/// The action after `steps` steps from `seed`: a function of these and of the mask, so that it can be repeated.
fn action(seed: u64, steps: usize, mask: &[bool]) -> usize {
    let mut generator = Generator::seeded(seed << 32 | steps as u64);
    let any = seed.is_multiple_of(2) || !mask.contains(&true);
    let choices: Vec<usize> = (0..mask.len()).filter(|&action| any || mask[action]).collect();
    generator.choice(&choices)
}

fn see<E: Environment>(environment: &E, step: &Step<E::Observation>) -> Result<(Vec<f32>, Seen), Violation> {
    let space = environment.observation_space().width();
    let width = step.observation.width();
    if width != space {
        return Err(Violation::Width { space, observation: width });
    }
    let (mut observation, mut mask) = (vec![0.0; width], vec![true; environment.num_actions()]);
    step.observation.write(&mut observation);
    environment.action_mask(&mut mask);
    let seen = Seen {
        observation: observation.iter().map(|x| x.to_bits()).collect(),
        reward: step.reward.to_bits(),
        terminated: step.terminated,
        truncated: step.truncated,
        mask,
    };
    Ok((observation, seen))
}

/// A start, as if a step had led there.
fn started<O>(observation: O) -> Step<O> {
    Step { observation, reward: 0.0, terminated: false, truncated: false }
}

/// Runs from `seed` over the ends of episodes, and checks what is seen.
fn watch<E: Environment>(environment: &mut E, space: &Space, seed: u64) -> Result<Vec<Seen>, Violation> {
    let mut step = started(environment.reset(seed)?);
    let mut trace = Vec::new();
    for steps in 0..=STEPS {
        let (observation, seen) = see(environment, &step)?;
        if !space.contains(&observation) {
            return Err(Violation::Observation { observation, seed, steps });
        }
        if !step.reward.is_finite() {
            return Err(Violation::Reward { reward: step.reward, seed, steps });
        }
        if !environment.masks_actions() && seen.mask.contains(&false) {
            return Err(Violation::UnexpectedMask { seed, steps });
        }
        if !step.ended() && !seen.mask.contains(&true) {
            return Err(Violation::NothingAllowed { seed, steps });
        }
        step = advance(environment, seed, steps, &seen)?;
        trace.push(seen);
    }
    Ok(trace)
}

/// Acts, or starts another episode if this one is over.
fn advance<E: Environment>(
    environment: &mut E,
    seed: u64,
    steps: usize,
    seen: &Seen,
) -> Result<Step<E::Observation>, Violation> {
    Ok(if seen.terminated || seen.truncated {
        started(environment.restart()?)
    } else {
        environment.step(action(seed, steps, &seen.mask))?
    })
}

/// Makes a snapshot on the way, goes on, goes back, and goes on again.
fn resume<E: Environment>(environment: &mut E, seed: u64, trace: &[Seen]) -> Result<(), Violation> {
    // At the start, soon after, and somewhere.
    let at = [0, 1, 7, 31][as_index(seed % 4)];
    environment.reset(seed)?;
    for (steps, seen) in trace[..at].iter().enumerate() {
        advance(environment, seed, steps, seen)?;
    }
    let mut snapshot = Snapshot::default();
    if !environment.save(&mut snapshot) {
        return Ok(());
    }
    for (steps, seen) in trace.iter().enumerate().skip(at).take(STEPS / 2) {
        advance(environment, seed, steps, seen)?;
    }
    // Whatever a snapshot leaves out should be found changed.
    environment.reset(seed ^ 1)?;
    let mut reader = snapshot.reader("check_environment");
    let observation = environment.load(&mut reader)?;
    reader.finish()?;
    let (_, seen) = see(environment, &started(observation))?;
    if (&seen.observation, &seen.mask) != (&trace[at].observation, &trace[at].mask) {
        return Err(Violation::Snapshot { seed, at, steps: at });
    }
    for steps in at + 1..trace.len() {
        let step = advance(environment, seed, steps - 1, &trace[steps - 1])?;
        if see(environment, &step)?.1 != trace[steps] {
            return Err(Violation::Snapshot { seed, at, steps });
        }
    }
    Ok(())
}

/// Goes on after the end of an episode, should there be one soon.
fn go_beyond<E: Environment>(environment: &mut E, seed: u64) -> Result<(), Violation> {
    let mut step = started(environment.reset(seed)?);
    let mut beyond = 0;
    for steps in 0..STEPS {
        let (observation, seen) = see(environment, &step)?;
        if beyond > 0 && !observation.iter().all(|x| x.is_finite()) {
            return Err(Violation::Beyond { observation, seed });
        }
        if !step.reward.is_finite() {
            return Err(Violation::Reward { reward: step.reward, seed, steps });
        }
        beyond += usize::from(step.ended() || beyond > 0);
        if beyond > BEYOND {
            break;
        }
        step = environment.step(action(seed, steps, &seen.mask))?;
    }
    Ok(())
}
