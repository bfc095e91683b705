//! A pole to be balanced on a cart.

use std::f64::consts::PI;

use super::{Environment, Space, Step};
use crate::error::Result;
use crate::random::Generator;
use crate::snapshot::{Snapshot, SnapshotReader};

const GRAVITY: f64 = 9.8;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = POLE_MASS + 1.0;
/// Half the pole's length.
const LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = POLE_MASS * LENGTH;
const FORCE: f64 = 10.0;
/// Seconds between two states.
const TAU: f64 = 0.02;
pub(super) const X_LIMIT: f64 = 2.4;
pub(super) const THETA_LIMIT: f64 = 12.0 * 2.0 * PI / 360.0;
const START: f64 = 0.05;

/// CartPole, Gymnasium's `CartPole-v1`: push a cart left (0) or right (1), so that the pole on it does not fall.
///
/// ```text
/// state  x, ẋ, θ, θ̇   uniform on (−0.05, 0.05)⁴ at the start
/// m̄ = (F + m l θ̇² sin θ) / M
/// θ̈ = (g sin θ − m̄ cos θ) / (l (4/3 − m cos² θ / M)),   ẍ = m̄ − m l θ̈ cos θ / M
/// ```
///
/// The observation is the state, rounded to `f32`. A step is worth 1, the one that ends the episode included; it ends,
/// terminated, with |x| > 2.4 or |θ| > 12°. Wrap it in a [`TimeLimit`](super::TimeLimit) of 500 steps for the whole
/// task.
///
/// # Numerics
/// Every bit is Gymnasium's, for sine and cosine too: NumPy takes them from the platform's mathematical library, and so
/// does Rust. Platforms whose libraries differ in the last bit differ so in both.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{CartPole, Environment};
/// let mut environment = CartPole::new();
/// let start = environment.reset(0)?;
/// assert_eq!(start, [0.013696169, -0.02302133, -0.045902647, -0.048347235]); // as in Gymnasium
/// assert_eq!(environment.step(1)?.reward, 1.0);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
///
/// # References
/// [`CART_POLE`](crate::reference::CART_POLE), [`GYMNASIUM`](crate::reference::GYMNASIUM).
#[derive(Clone, Debug, PartialEq)]
pub struct CartPole {
    random: Generator,
    state: [f64; 4],
    fallen: bool,
    sutton_barto_reward: bool,
}

impl CartPole {
    /// The limit with which the task is called `CartPole-v1`.
    pub const MAX_EPISODE_STEPS: u64 = 500;

    /// The environment at the start of the episode of seed 0.
    #[must_use]
    pub fn new() -> Self {
        let mut random = Generator::seeded(0);
        Self { state: start(&mut random), random, fallen: false, sutton_barto_reward: false }
    }

    /// The reward of Sutton and Barto's book instead: 0, and −1 for the fall.
    #[must_use]
    pub fn with_sutton_barto_reward(self) -> Self {
        Self { sutton_barto_reward: true, ..self }
    }

    /// Position, velocity, angle, angular velocity.
    pub const fn state(&self) -> [f64; 4] {
        self.state
    }

    /// Puts cart and pole anywhere, at the start of an episode.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn set_state(&mut self, state: [f64; 4]) -> Result<()> {
        if let Some(got) = state.into_iter().find(|x| !x.is_finite()) {
            let requirement = "finite";
            return Err(relaxit::Error::Parameter { subject: "CartPole", parameter: "state", requirement, got }.into());
        }
        self.state = state;
        self.fallen = false;
        Ok(())
    }
}

impl Default for CartPole {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for CartPole {
    type Observation = [f32; 4];

    fn observation_space(&self) -> Space {
        observation_space()
    }

    fn num_actions(&self) -> usize {
        2
    }

    fn reset(&mut self, seed: u64) -> Result<[f32; 4]> {
        self.random = Generator::seeded(seed);
        self.restart()
    }

    fn restart(&mut self) -> Result<[f32; 4]> {
        self.state = start(&mut self.random);
        self.fallen = false;
        Ok(observe(self.state))
    }

    fn step(&mut self, action: usize) -> Result<Step<[f32; 4]>> {
        assert!(action < 2, "CartPole: `action` must be 0 or 1, got {action}");
        let [.., theta, _] = self.state;
        self.state = advance(self.state, action, theta.sin(), theta.cos());
        let terminated = fallen(self.state);
        let reward = match (self.sutton_barto_reward, terminated) {
            (true, true) => -1.0,
            (true, false) => 0.0,
            (false, true) if self.fallen => 0.0,
            (false, _) => 1.0,
        };
        self.fallen |= terminated;
        Ok(Step { observation: observe(self.state), reward, terminated, truncated: false })
    }

    fn save(&self, snapshot: &mut Snapshot) -> bool {
        self.random.save(snapshot);
        self.state.iter().for_each(|&x| snapshot.push_f64(x));
        snapshot.push(self.fallen.into());
        true
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<[f32; 4]> {
        let random = Generator::load(snapshot)?;
        let state = [snapshot.pop_f64()?, snapshot.pop_f64()?, snapshot.pop_f64()?, snapshot.pop_f64()?];
        *self = Self { random, state, fallen: snapshot.pop_bool()?, ..*self };
        Ok(observe(state))
    }
}

#[allow(clippy::cast_possible_truncation)] // the rounding that Gymnasium does
pub(super) fn observation_space() -> Space {
    let bounds = [X_LIMIT * 2.0, f64::INFINITY, THETA_LIMIT * 2.0, f64::INFINITY];
    Space::symmetric(&bounds.map(|x| x as f32))
}

/// A start state.
pub(super) fn start(random: &mut Generator) -> [f64; 4] {
    std::array::from_fn(|_| random.uniform(-START, START))
}

/// The state after `action`; sine and cosine of the angle are arguments so that a loop over many states vectorises.
///
/// The order of the operations is Gymnasium's: another one would round differently.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(super) fn advance([x, x_dot, theta, theta_dot]: [f64; 4], action: usize, sin: f64, cos: f64) -> [f64; 4] {
    let force = if action == 1 { FORCE } else { -FORCE };
    let temp = (force + POLE_MASS_LENGTH * (theta_dot * theta_dot) * sin) / TOTAL_MASS;
    let theta_acc = (GRAVITY * sin - cos * temp) / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS));
    let x_acc = temp - POLE_MASS_LENGTH * theta_acc * cos / TOTAL_MASS;
    [x + TAU * x_dot, x_dot + TAU * x_acc, theta + TAU * theta_dot, theta_dot + TAU * theta_acc]
}

/// Whether the pole has fallen or the cart has left the track.
#[inline]
pub(super) fn fallen([x, _, theta, _]: [f64; 4]) -> bool {
    x.abs() > X_LIMIT || theta.abs() > THETA_LIMIT
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // the rounding that Gymnasium does
pub(super) fn observe(state: [f64; 4]) -> [f32; 4] {
    state.map(|x| x as f32)
}
