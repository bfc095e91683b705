//! Two links to be swung up by the joint between them.

use std::f64::consts::PI;
use std::hint::black_box;

use super::{Environment, Space, Step};
use crate::error::Result;
use crate::random::Generator;
use crate::snapshot::{Snapshot, SnapshotReader};

// Both links are of length and mass 1 with their centre of mass in the middle; a factor of 1 is not written, because
// multiplying by it does not round.
const CENTRE: f64 = 0.5;
const INERTIA: f64 = 1.0;
const GRAVITY: f64 = 9.8;
/// Seconds between two states.
const DT: f64 = 0.2;
const MAX_VELOCITY: [f64; 2] = [4.0 * PI, 9.0 * PI];
const TORQUE: [f64; 3] = [-1.0, 0.0, 1.0];
const START: f64 = 0.1;

/// Acrobot, Gymnasium's `Acrobot-v1`: apply a torque of −1 (0), none (1) or 1 (2) to the joint between two hanging
/// links, so that the free end swings above a height of one link over the fixed end.
///
/// ```text
/// state  θ₁, θ₂, θ̇₁, θ̇₂   uniform on (−0.1, 0.1)⁴ at the start; θ₁ = 0 hangs down, θ₂ is relative to the first link
/// d₁ = m₁lc₁² + m₂(l₁² + lc₂² + 2 l₁lc₂ cos θ₂) + I₁ + I₂,   d₂ = m₂(lc₂² + l₁lc₂ cos θ₂) + I₂
/// φ₂ = m₂lc₂ g cos(θ₁ + θ₂ − π/2)
/// φ₁ = −m₂l₁lc₂ θ̇₂² sin θ₂ − 2 m₂l₁lc₂ θ̇₂θ̇₁ sin θ₂ + (m₁lc₁ + m₂l₁) g cos(θ₁ − π/2) + φ₂
/// θ̈₂ = (τ + d₂φ₁/d₁ − m₂l₁lc₂ θ̇₁² sin θ₂ − φ₂) / (m₂lc₂² + I₂ − d₂²/d₁),   θ̈₁ = −(d₂θ̈₂ + φ₁)/d₁
/// ```
///
/// The equations are those of Sutton and Barto's book, integrated by one Runge–Kutta step of fourth order over 0.2
/// seconds; angles wrap to [−π, π], velocities are clipped to ±4π and ±9π. The observation is the cosine and sine of
/// both angles and the two velocities. A step is worth −1, the one that reaches the height, −cos θ₁ − cos(θ₁ + θ₂) > 1,
/// 0: it terminates the episode. Wrap it in a [`TimeLimit`](super::TimeLimit) of 500 steps for the whole task.
///
/// # Numerics
/// Every bit is Gymnasium's. Squares are the platform's `pow`, as there, which differs from `x * x` once in a thousand
/// times; the state starts as `f32` numbers, and the first observation takes NumPy's `f32` sine and cosine of them (those
/// for processors with fused multiply-add).
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{Acrobot, Environment};
/// let mut environment = Acrobot::new();
/// let step = environment.step(2)?;
/// assert!(step.observation[5] > 0.0); // the second link swings
/// assert_eq!((step.reward, step.terminated), (-1.0, false));
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
///
/// # References
/// [`ACROBOT`](crate::reference::ACROBOT), [`GYMNASIUM`](crate::reference::GYMNASIUM).
#[derive(Clone, Debug, PartialEq)]
pub struct Acrobot {
    random: Generator,
    state: [f64; 4],
    /// Whether no step was taken since the start: the state is one of `f32` numbers, and seen in `f32`.
    fresh: bool,
}

impl Acrobot {
    /// The limit with which the task is called `Acrobot-v1`.
    pub const MAX_EPISODE_STEPS: u64 = 500;

    /// The environment at the start of the episode of seed 0.
    #[must_use]
    pub fn new() -> Self {
        let mut random = Generator::seeded(0);
        Self { state: start(&mut random), random, fresh: true }
    }

    /// Both angles, both angular velocities.
    pub const fn state(&self) -> [f64; 4] {
        self.state
    }

    /// Puts the links anywhere.
    ///
    /// # Errors
    /// If an angle is beyond ±π, or a velocity beyond ±4π (first link) or ±9π (second).
    pub fn set_state(&mut self, state: [f64; 4]) -> Result<()> {
        for (got, bound) in state.into_iter().zip([PI, PI, MAX_VELOCITY[0], MAX_VELOCITY[1]]) {
            if got.abs() > bound || got.is_nan() {
                let requirement = "angles within ±π, velocities within ±4π and ±9π";
                return Err(
                    relaxit::Error::Parameter { subject: "Acrobot", parameter: "state", requirement, got }.into()
                );
            }
        }
        self.state = state;
        self.fresh = false;
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation)] // the rounding that Gymnasium does
    fn observe(&self) -> [f32; 6] {
        let [theta_1, theta_2, velocity_1, velocity_2] = self.state;
        if self.fresh {
            let (theta_1, theta_2) = (theta_1 as f32, theta_2 as f32);
            let ([c1, s1], [c2, s2]) = ([cos_f32(theta_1), sin_f32(theta_1)], [cos_f32(theta_2), sin_f32(theta_2)]);
            return [c1, s1, c2, s2, velocity_1 as f32, velocity_2 as f32];
        }
        [theta_1.cos(), theta_1.sin(), theta_2.cos(), theta_2.sin(), velocity_1, velocity_2].map(|x| x as f32)
    }
}

impl Default for Acrobot {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for Acrobot {
    type Observation = [f32; 6];

    #[allow(clippy::cast_possible_truncation)] // the rounding that Gymnasium does
    fn observation_space(&self) -> Space {
        Space::symmetric(&[1.0, 1.0, 1.0, 1.0, MAX_VELOCITY[0] as f32, MAX_VELOCITY[1] as f32])
    }

    fn num_actions(&self) -> usize {
        TORQUE.len()
    }

    fn reset(&mut self, seed: u64) -> Result<[f32; 6]> {
        self.random = Generator::seeded(seed);
        self.restart()
    }

    fn restart(&mut self) -> Result<[f32; 6]> {
        self.state = start(&mut self.random);
        self.fresh = true;
        Ok(self.observe())
    }

    fn step(&mut self, action: usize) -> Result<Step<[f32; 6]>> {
        assert!(action < TORQUE.len(), "Acrobot: `action` must be 0, 1 or 2, got {action}");
        self.state = advance(self.state, action);
        self.fresh = false;
        let terminated = swung_up(self.state);
        let reward = if terminated { 0.0 } else { -1.0 };
        Ok(Step { observation: self.observe(), reward, terminated, truncated: false })
    }

    fn save(&self, snapshot: &mut Snapshot) -> bool {
        self.random.save(snapshot);
        self.state.iter().for_each(|&x| snapshot.push_f64(x));
        snapshot.push(self.fresh.into());
        true
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<[f32; 6]> {
        let random = Generator::load(snapshot)?;
        let state = [snapshot.pop_f64()?, snapshot.pop_f64()?, snapshot.pop_f64()?, snapshot.pop_f64()?];
        let fresh = snapshot.pop_bool()?;
        self.set_state(state)?;
        (self.random, self.fresh) = (random, fresh);
        Ok(self.observe())
    }
}

/// A start state, of `f32` numbers.
#[allow(clippy::cast_possible_truncation)] // the rounding that Gymnasium does
fn start(random: &mut Generator) -> [f64; 4] {
    std::array::from_fn(|_| f64::from(random.uniform(-START, START) as f32))
}

/// The state after `action`.
fn advance(state: [f64; 4], action: usize) -> [f64; 4] {
    let [theta_1, theta_2, velocity_1, velocity_2] = runge_kutta(state, TORQUE[action]);
    [
        wrap(theta_1),
        wrap(theta_2),
        velocity_1.clamp(-MAX_VELOCITY[0], MAX_VELOCITY[0]),
        velocity_2.clamp(-MAX_VELOCITY[1], MAX_VELOCITY[1]),
    ]
}

/// One step of the classical method of fourth order.
fn runge_kutta(y: [f64; 4], torque: f64) -> [f64; 4] {
    let along = |step: f64, k: [f64; 4]| derivative(std::array::from_fn(|i| y[i] + step * k[i]), torque);
    let k1 = derivative(y, torque);
    let k2 = along(DT / 2.0, k1);
    let k3 = along(DT / 2.0, k2);
    let k4 = along(DT, k3);
    std::array::from_fn(|i| y[i] + DT / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// The order of the operations is Gymnasium's: another one would round differently.
fn derivative([theta_1, theta_2, velocity_1, velocity_2]: [f64; 4], torque: f64) -> [f64; 4] {
    let (sin_2, cos_2) = (theta_2.sin(), theta_2.cos());
    let d1 = CENTRE * CENTRE + (1.0 + CENTRE * CENTRE + 2.0 * CENTRE * cos_2) + INERTIA + INERTIA;
    let d2 = (CENTRE * CENTRE + CENTRE * cos_2) + INERTIA;
    let phi_2 = CENTRE * GRAVITY * (theta_1 + theta_2 - PI / 2.0).cos();
    let phi_1 = -CENTRE * square(velocity_2) * sin_2 - 2.0 * CENTRE * velocity_2 * velocity_1 * sin_2
        + (CENTRE + 1.0) * GRAVITY * (theta_1 - PI / 2.0).cos()
        + phi_2;
    let acceleration_2 = (torque + d2 / d1 * phi_1 - CENTRE * square(velocity_1) * sin_2 - phi_2)
        / (CENTRE * CENTRE + INERTIA - square(d2) / d1);
    let acceleration_1 = -(d2 * acceleration_2 + phi_1) / d1;
    [velocity_1, velocity_2, acceleration_1, acceleration_2]
}

/// The platform's `pow(x, 2)`; the compiler, if it knew the exponent, would make it `x * x`.
fn square(x: f64) -> f64 {
    x.powf(black_box(2.0))
}

/// An angle brought to [−π, π] by whole turns.
fn wrap(mut theta: f64) -> f64 {
    // A loop rather than a remainder, which would round differently; velocities are clipped, so it is short.
    while theta > PI {
        theta -= 2.0 * PI;
    }
    while theta < -PI {
        theta += 2.0 * PI;
    }
    theta
}

/// Whether the free end is above the height.
fn swung_up([theta_1, theta_2, ..]: [f64; 4]) -> bool {
    -theta_1.cos() - (theta_2 + theta_1).cos() > 1.0
}

/// The polynomial that NumPy takes for the cosine of an `f32` within ±π/4.
fn cos_f32(x: f32) -> f32 {
    let square = x * x;
    horner(square, [2.437_226_6e-5, -0.001_388_652, 0.041_666_62, -0.5, 1.0])
}

/// The polynomial that NumPy takes for the sine of an `f32` within ±π/4.
fn sin_f32(x: f32) -> f32 {
    let square = x * x;
    let excess = horner(square, [2.840_409_7e-6, -0.000_198_564_91, 0.008_333_397, -0.166_666_67]) * square;
    excess.mul_add(x, x)
}

fn horner<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    coefficients.into_iter().reduce(|sum, coefficient| sum.mul_add(x, coefficient)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_restored_as_it_was_seen() {
        let mut acrobot = Acrobot::new();
        for _ in 0..1000 {
            let seen = acrobot.restart().expect("infallible");
            let mut snapshot = Snapshot::default();
            assert!(acrobot.save(&mut snapshot));
            let restored = Acrobot::new().load(&mut snapshot.reader("test")).expect("just saved");
            assert_eq!(restored.map(f32::to_bits), seen.map(f32::to_bits));
        }
    }

    #[test]
    fn states_beyond_the_bounds_are_refused() {
        for state in [[4.0, 0.0, 0.0, 0.0], [0.0, 0.0, -13.0, 0.0], [0.0, 0.0, 0.0, f64::NAN]] {
            assert!(Acrobot::new().set_state(state).is_err(), "{state:?}");
        }
    }
}
