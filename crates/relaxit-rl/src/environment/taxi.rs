//! A passenger to be fetched and delivered on a grid.

use super::{Environment, Space, Step};
use crate::error::Result;
use crate::random::Generator;
use crate::snapshot::{Snapshot, SnapshotReader};

const STATES: usize = 500;
const ACTIONS: usize = 6;
const SIZE: usize = 5;
/// Where a passenger is who is not at a stop.
const IN_TAXI: usize = 4;
/// Red, green, yellow and blue: row and column.
pub(crate) const STOPS: [[usize; 2]; 4] = [[0, 0], [0, 4], [4, 0], [4, 3]];
/// Whether the way is open from a column to the next one, for each row.
pub(crate) const OPEN_EAST: [[bool; SIZE - 1]; SIZE] = [
    [true, false, true, true],
    [true, false, true, true],
    [true, true, true, true],
    [false, true, false, true],
    [false, true, false, true],
];
const SOUTH: usize = 0;
const NORTH: usize = 1;
const EAST: usize = 2;
const WEST: usize = 3;
const PICK_UP: usize = 4;

/// Taxi, Gymnasium's `Taxi-v3` and `Taxi-v4`: drive south (0), north (1), east (2) or west (3), let the passenger get in
/// (4) and out (5).
///
/// ```text
/// +---------+
/// |R: | : :G|      state = ((row · 5 + column) · 5 + passenger) · 4 + destination
/// | : | : : |      passenger: 0 R, 1 G, 2 Y, 3 B, 4 in the taxi;   destination: 0 R, 1 G, 2 Y, 3 B
/// | : : : : |
/// | | : | : |      a step is worth −1, the delivery +20,
/// |Y| : |B: |      getting in or out where nobody can −10
/// +---------+
/// ```
///
/// An episode starts in one of the 300 states whose passenger waits at a stop that is not the destination, and
/// terminates with the delivery. Wrap it in a [`TimeLimit`](super::TimeLimit) of 200 steps for the whole task. The best
/// policy has a mean return of 7.93. The mask allows what changes the state.
///
/// `Taxi-v4` corrects the two options below, and is `Taxi-v3` without them; with them, this is `Taxi-v4`.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{Environment, Taxi};
/// let mut taxi = Taxi::new();
/// assert_eq!(taxi.reset(123)?, 341); // as in Gymnasium
/// let mut allowed = [false; 6];
/// taxi.action_mask(&mut allowed);
/// assert_eq!(allowed, [true, true, false, true, false, false]);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
///
/// # References
/// [`TAXI`](crate::reference::TAXI), [`GYMNASIUM`](crate::reference::GYMNASIUM).
#[derive(Clone, Debug, PartialEq)]
pub struct Taxi {
    random: Generator,
    state: usize,
    /// Whether the passenger of this episode will change the destination after getting in.
    wavering: bool,
    roads: Roads,
    /// How likely a passenger is to waver; nothing is drawn if there is no such option.
    fickle_probability: Option<f64>,
}

/// A state of [`Taxi`], taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxiState {
    /// The taxi's row, from the north.
    pub row: usize,
    /// The taxi's column, from the west.
    pub column: usize,
    /// The stop where the passenger waits, or 4 in the taxi.
    pub passenger: usize,
    /// The stop to go to.
    pub destination: usize,
}

/// What an action leads to in [`Taxi`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// How likely this is.
    pub prob: f64,
    /// The next state.
    pub state: usize,
    /// The reward.
    pub reward: f64,
    /// Whether the episode ends.
    pub terminated: bool,
}

/// How likely a taxi is to go where it is steered, if the roads are wet.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Roads {
    rainy_probability: Option<f64>,
}

impl Taxi {
    /// The limit with which the task is called `Taxi-v3`.
    pub const MAX_EPISODE_STEPS: u64 = 200;

    /// The environment at the start of the episode of seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self { fickle_probability: None, roads: Roads { rainy_probability: None }, ..Self::started(None) }
    }

    fn started(fickle_probability: Option<f64>) -> Self {
        let mut random = Generator::seeded(0);
        let (state, wavering) = start(&mut random, fickle_probability);
        Self { random, state, wavering, roads: Roads { rainy_probability: None }, fickle_probability }
    }

    /// Rain (`is_rainy=True`): a taxi that can drive on does so with `probability` alone (0.8 in Gymnasium), and goes
    /// to its left or right otherwise, with equal probabilities.
    ///
    /// # Errors
    /// If `probability` is not between 0 and 1.
    pub fn with_rain(self, probability: f64) -> Result<Self> {
        check_probability("rainy_probability", probability)?;
        Ok(Self { roads: Roads { rainy_probability: Some(probability) }, ..self })
    }

    /// A fickle passenger (`fickle_passenger=True`): with `probability` (0.3 in Gymnasium) the destination changes, once
    /// in an episode, as the taxi moves with the passenger in it.
    ///
    /// The environment stands at the start of the episode of seed 0 again.
    ///
    /// # Errors
    /// If `probability` is not between 0 and 1.
    pub fn with_fickle_passenger(self, probability: f64) -> Result<Self> {
        check_probability("fickle_probability", probability)?;
        Ok(Self { roads: self.roads, ..Self::started(Some(probability)) })
    }

    /// The number of the state, as observed.
    pub const fn state(&self) -> usize {
        self.state
    }

    /// Puts taxi and passenger anywhere.
    ///
    /// # Errors
    /// If `state` is 500 or above.
    pub fn set_state(&mut self, state: usize) -> Result<()> {
        if state >= STATES {
            return Err(relaxit::Error::Parameter {
                subject: "Taxi",
                parameter: "state",
                requirement: "below 500",
                got: state as f64,
            }
            .into());
        }
        self.state = state;
        Ok(())
    }

    /// Everything that `action` may lead to in `state`: the table `P` of Gymnasium. It leaves out that a fickle
    /// passenger may change the destination.
    ///
    /// # Panics
    /// If `state` is 500 or above, or `action` 6 or above.
    pub fn transitions(&self, state: usize, action: usize) -> Vec<Transition> {
        self.roads.transitions(state, action).collect()
    }
}

impl Default for Taxi {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for Taxi {
    type Observation = usize;

    fn observation_space(&self) -> Space {
        Space::Discrete { n: STATES }
    }

    fn num_actions(&self) -> usize {
        ACTIONS
    }

    fn reset(&mut self, seed: u64) -> Result<usize> {
        self.random = Generator::seeded(seed);
        self.restart()
    }

    fn restart(&mut self) -> Result<usize> {
        (self.state, self.wavering) = start(&mut self.random, self.fickle_probability);
        Ok(self.state)
    }

    fn step(&mut self, action: usize) -> Result<Step<usize>> {
        let before = TaxiState::from_index(self.state);
        let drawn = self.random.categorical(self.roads.transitions(self.state, action).map(|next| next.prob));
        let next = self.roads.transitions(self.state, action).nth(drawn).expect("an index of these");
        self.state = next.state;

        let mut after = TaxiState::from_index(next.state);
        let moved = (before.row, before.column) != (after.row, after.column);
        if self.wavering && before.passenger == IN_TAXI && moved {
            self.wavering = false;
            let nth_other = self.random.choice(&[0, 1, 2]);
            after.destination = nth_other + usize::from(nth_other >= before.destination);
            self.state = after.index();
        }
        Ok(Step { observation: self.state, reward: next.reward, terminated: next.terminated, truncated: false })
    }

    fn masks_actions(&self) -> bool {
        true
    }

    fn action_mask(&self, allowed: &mut [bool]) {
        allowed.copy_from_slice(&TaxiState::from_index(self.state).action_mask());
    }

    fn save(&self, snapshot: &mut Snapshot) -> bool {
        self.random.save(snapshot);
        snapshot.push(self.state as u64);
        snapshot.push(self.wavering.into());
        true
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<usize> {
        let random = Generator::load(snapshot)?;
        let state = snapshot.pop_index(STATES)?;
        *self = Self { random, state, wavering: snapshot.pop_bool()?, ..*self };
        Ok(state)
    }
}

impl TaxiState {
    /// Takes the number of a state apart.
    ///
    /// # Panics
    /// If it is 500 or above.
    #[must_use]
    pub const fn from_index(index: usize) -> Self {
        assert!(index < STATES, "Taxi: the number of a state must be below 500");
        Self {
            row: index / 100,
            column: index / 20 % SIZE,
            passenger: index / 4 % (STOPS.len() + 1),
            destination: index % STOPS.len(),
        }
    }

    /// The number of this state.
    pub const fn index(self) -> usize {
        ((self.row * SIZE + self.column) * 5 + self.passenger) * 4 + self.destination
    }

    /// Which actions change the state.
    pub fn action_mask(self) -> [bool; ACTIONS] {
        let here = [self.row, self.column];
        let waits_here = self.passenger != IN_TAXI && STOPS[self.passenger] == here;
        let may_get_out = self.passenger == IN_TAXI && STOPS.contains(&here);
        [self.open(SOUTH), self.open(NORTH), self.open(EAST), self.open(WEST), waits_here, may_get_out]
    }

    /// Whether the way in `direction` is open.
    const fn open(self, direction: usize) -> bool {
        match direction {
            SOUTH => self.row + 1 < SIZE,
            NORTH => self.row > 0,
            EAST => self.column + 1 < SIZE && OPEN_EAST[self.row][self.column],
            _ => self.column > 0 && OPEN_EAST[self.row][self.column - 1],
        }
    }

    /// The state after driving in `direction`, if the way is open.
    const fn drive(self, direction: usize) -> Self {
        match direction {
            _ if !self.open(direction) => self,
            SOUTH => Self { row: self.row + 1, ..self },
            NORTH => Self { row: self.row - 1, ..self },
            EAST => Self { column: self.column + 1, ..self },
            _ => Self { column: self.column - 1, ..self },
        }
    }

    /// The state after letting the passenger get in, and the reward.
    fn pick_up(self) -> (Self, f64) {
        let waits_here = self.passenger != IN_TAXI && STOPS[self.passenger] == [self.row, self.column];
        if waits_here { (Self { passenger: IN_TAXI, ..self }, -1.0) } else { (self, -10.0) }
    }

    /// The state after letting the passenger get out, the reward, and whether that was the destination.
    fn drop_off(self) -> (Self, f64, bool) {
        let stop = STOPS.iter().position(|&stop| stop == [self.row, self.column]);
        match stop.filter(|_| self.passenger == IN_TAXI) {
            None => (self, -10.0, false),
            Some(passenger) if passenger == self.destination => (Self { passenger, ..self }, 20.0, true),
            Some(passenger) => (Self { passenger, ..self }, -1.0, false),
        }
    }
}

impl Roads {
    fn transitions(self, state: usize, action: usize) -> impl Iterator<Item = Transition> {
        assert!(action < ACTIONS, "Taxi: `action` must be below 6, got {action}");
        let from = TaxiState::from_index(state);
        let driven = |prob, to: TaxiState| Transition { prob, state: to.index(), reward: -1.0, terminated: false };
        let (first, slips) = match (action, self.rainy_probability) {
            (PICK_UP, _) => {
                let (to, reward) = from.pick_up();
                (Transition { prob: 1.0, state: to.index(), reward, terminated: false }, None)
            }
            (SOUTH..=WEST, None) => (driven(1.0, from.drive(action)), None),
            (SOUTH..=WEST, Some(prob)) => {
                let slip = |direction| {
                    // A taxi that cannot go on does not slip either.
                    let to = if from.open(action) { from.drive(direction) } else { from };
                    driven((1.0 - prob) / 2.0, to)
                };
                let [left, right] = sides(action);
                (driven(prob, from.drive(action)), Some([slip(left), slip(right)]))
            }
            _ => {
                let (to, reward, terminated) = from.drop_off();
                (Transition { prob: 1.0, state: to.index(), reward, terminated }, None)
            }
        };
        std::iter::once(first).chain(slips.into_iter().flatten())
    }
}

/// The directions to the left and right of `direction`.
const fn sides(direction: usize) -> [usize; 2] {
    match direction {
        SOUTH => [EAST, WEST],
        NORTH => [WEST, EAST],
        EAST => [NORTH, SOUTH],
        _ => [SOUTH, NORTH],
    }
}

/// A start state, and whether the passenger will waver.
fn start(random: &mut Generator, fickle_probability: Option<f64>) -> (usize, bool) {
    let starts = |index| {
        let state = TaxiState::from_index(index);
        state.passenger != IN_TAXI && state.passenger != state.destination
    };
    let state = random.categorical((0..STATES).map(|index| if starts(index) { 1.0 / 300.0 } else { 0.0 }));
    (state, fickle_probability.is_some_and(|probability| random.random() < probability))
}

fn check_probability(parameter: &'static str, got: f64) -> Result<()> {
    if (0.0..=1.0).contains(&got) {
        return Ok(());
    }
    Err(relaxit::Error::Parameter { subject: "Taxi", parameter, requirement: "between 0 and 1", got }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Discount 1: every episode that goes on pays, so the values are finite.
    fn optimal_values(taxi: &Taxi) -> Vec<f64> {
        let mut values = vec![-200.0; STATES];
        for _ in 0..200 {
            for state in 0..STATES {
                let worth = |next: Transition| {
                    next.prob * (next.reward + if next.terminated { 0.0 } else { values[next.state] })
                };
                let best = (0..ACTIONS).map(|action| taxi.transitions(state, action).into_iter().map(worth).sum());
                values[state] = best.fold(f64::NEG_INFINITY, f64::max);
            }
        }
        values
    }

    #[test]
    fn the_best_mean_return_is_what_the_docs_say() {
        let values = optimal_values(&Taxi::new());
        let starts: Vec<f64> = (0..STATES)
            .filter(|&index| {
                let TaxiState { passenger, destination, .. } = TaxiState::from_index(index);
                passenger != IN_TAXI && passenger != destination
            })
            .map(|index| values[index])
            .collect();
        let mean = starts.iter().sum::<f64>() / starts.len() as f64;
        assert_eq!(starts.len(), 300);
        assert!((mean - 7.93).abs() < 5e-3, "{mean}");
    }

    #[test]
    fn the_mask_allows_what_changes_the_state() {
        for state in 0..STATES {
            let mask = TaxiState::from_index(state).action_mask();
            for (action, allowed) in mask.into_iter().enumerate() {
                let next = Taxi::new().transitions(state, action);
                assert_eq!(next[0].state != state, allowed, "{state} {action}");
            }
        }
    }
}
