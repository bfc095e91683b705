//! The conformance checker accepts our environments and rejects each planted fault by its name.

use relaxit_rl::check::{Violation, check_environment};
use relaxit_rl::environment::{Acrobot, CartPole, Environment, Space, Step, Taxi, TimeLimit};
use relaxit_rl::random::Generator;
use relaxit_rl::{Error, Result, Snapshot, SnapshotReader};

#[test]
fn ours_conform() {
    check_environment(&mut CartPole::new()).expect("CartPole");
    check_environment(&mut CartPole::new().with_sutton_barto_reward()).expect("CartPole with the book's reward");
    check_environment(&mut Acrobot::new()).expect("Acrobot");
    check_environment(&mut Taxi::new()).expect("Taxi");
    let taxi = || Taxi::new().with_rain(0.8)?.with_fickle_passenger(0.3);
    check_environment(&mut taxi().expect("probabilities")).expect("Taxi with its options");
    for limit in [1, 3, 50] {
        check_environment(&mut TimeLimit::new(CartPole::new(), limit).expect("positive")).expect("CartPole");
        check_environment(&mut TimeLimit::new(Acrobot::new(), limit).expect("positive")).expect("Acrobot");
        let taxi = TimeLimit::new(taxi().expect("probabilities"), limit).expect("positive");
        check_environment(&mut TimeLimit::new(taxi, 7).expect("positive")).expect("Taxi");
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    None,
    NoActions,
    Space,
    Width,
    Observation,
    Beyond,
    Reward,
    RewardBeyond,
    NothingAllowed,
    UnexpectedMask,
    Unseeded,
    LeftBehind,
    RestartUnseeded,
    SnapshotForgets,
    SnapshotObservation,
    SnapshotTooLong,
    Fails,
}

impl Fault {
    const ALL: [Self; 17] = [
        Self::None,
        Self::NoActions,
        Self::Space,
        Self::Width,
        Self::Observation,
        Self::Beyond,
        Self::Reward,
        Self::RewardBeyond,
        Self::NothingAllowed,
        Self::UnexpectedMask,
        Self::Unseeded,
        Self::LeftBehind,
        Self::RestartUnseeded,
        Self::SnapshotForgets,
        Self::SnapshotObservation,
        Self::SnapshotTooLong,
        Self::Fails,
    ];
}

/// A walk on a line of nine fields that ends at both of its ends, but for its fault.
struct Walk {
    fault: Fault,
    random: Generator,
    place: i64,
    wind: i64,
    ended: bool,
    /// What no seed resets.
    total: i64,
}

impl Walk {
    fn new(fault: Fault) -> Self {
        Self { fault, random: Generator::seeded(0), place: 0, wind: 1, ended: false, total: 0 }
    }

    #[allow(clippy::cast_precision_loss)] // small
    fn observe(&self) -> Vec<f32> {
        let place = match self.fault {
            Fault::Observation if self.place == 3 => f32::NAN,
            Fault::Beyond if self.ended && self.place.abs() > 4 => f32::INFINITY,
            _ => self.place as f32,
        };
        if self.fault == Fault::Width && self.place == 2 { vec![place, 0.0] } else { vec![place] }
    }
}

impl Environment for Walk {
    type Observation = Vec<f32>;

    fn observation_space(&self) -> Space {
        if self.fault == Fault::Space {
            return Space::Box { low: vec![4.0], high: vec![-4.0] };
        }
        Space::symmetric(&[4.0])
    }

    fn num_actions(&self) -> usize {
        if self.fault == Fault::NoActions { 0 } else { 2 }
    }

    fn reset(&mut self, seed: u64) -> Result<Vec<f32>> {
        if self.fault != Fault::Unseeded {
            self.random = Generator::seeded(seed);
        }
        self.restart()
    }

    fn restart(&mut self) -> Result<Vec<f32>> {
        if self.fault == Fault::RestartUnseeded && self.ended {
            self.random = Generator::seeded(self.total.unsigned_abs());
        }
        self.place = self.random.integers(-2, 3);
        if self.fault != Fault::LeftBehind {
            self.wind = self.random.integers(-1, 2);
        }
        self.ended = false;
        Ok(self.observe())
    }

    fn step(&mut self, action: usize) -> Result<Step<Vec<f32>>> {
        self.total += 1;
        if self.fault == Fault::Fails && self.place == 3 {
            return Err(Error::Environment { name: "walk".to_owned(), problem: "blown away".to_owned() });
        }
        let wind = self.random.below(10) == 0;
        self.place += if action == 1 { 1 } else { -1 };
        if wind && self.place.abs() < 4 {
            self.place += self.wind;
            self.wind = -self.wind;
        }
        let beyond = self.ended;
        self.ended |= self.place.abs() >= 4;
        let reward = match self.fault {
            Fault::Reward if self.ended => f64::INFINITY,
            Fault::RewardBeyond if beyond => f64::NAN,
            _ => -1.0,
        };
        Ok(Step { observation: self.observe(), reward, terminated: self.ended, truncated: false })
    }

    fn masks_actions(&self) -> bool {
        self.fault == Fault::NothingAllowed
    }

    fn action_mask(&self, allowed: &mut [bool]) {
        allowed.fill(match self.fault {
            Fault::NothingAllowed | Fault::UnexpectedMask => self.place != 1,
            _ => true,
        });
    }

    fn save(&self, snapshot: &mut Snapshot) -> bool {
        self.random.save(snapshot);
        snapshot.push(self.place.cast_unsigned());
        snapshot.push(self.ended.into());
        if self.fault != Fault::SnapshotForgets {
            snapshot.push(self.wind.cast_unsigned());
        }
        if self.fault == Fault::SnapshotTooLong {
            snapshot.push(0);
        }
        true
    }

    fn load(&mut self, snapshot: &mut SnapshotReader<'_>) -> Result<Vec<f32>> {
        let before = self.observe();
        self.random = Generator::load(snapshot)?;
        self.place = snapshot.pop()?.cast_signed();
        self.ended = snapshot.pop_bool()?;
        if self.fault != Fault::SnapshotForgets {
            self.wind = snapshot.pop()?.cast_signed();
        }
        Ok(if self.fault == Fault::SnapshotObservation { before } else { self.observe() })
    }
}

#[test]
fn every_planted_fault_is_named() {
    for fault in Fault::ALL {
        let verdict = check_environment(&mut Walk::new(fault));
        let named = match fault {
            Fault::None => verdict.is_ok(),
            Fault::NoActions => verdict == Err(Violation::NoActions),
            Fault::Space => matches!(verdict, Err(Violation::Space(_))),
            Fault::Width => verdict == Err(Violation::Width { space: 1, observation: 2 }),
            Fault::Observation => matches!(verdict, Err(Violation::Observation { .. })),
            Fault::Beyond => matches!(verdict, Err(Violation::Beyond { .. })),
            Fault::Reward | Fault::RewardBeyond => matches!(verdict, Err(Violation::Reward { .. })),
            Fault::NothingAllowed => matches!(verdict, Err(Violation::NothingAllowed { .. })),
            Fault::UnexpectedMask => matches!(verdict, Err(Violation::UnexpectedMask { .. })),
            Fault::Unseeded | Fault::LeftBehind | Fault::RestartUnseeded => {
                matches!(verdict, Err(Violation::Seed { .. }))
            }
            Fault::SnapshotForgets | Fault::SnapshotObservation => {
                matches!(verdict, Err(Violation::Snapshot { .. }))
            }
            Fault::SnapshotTooLong => matches!(verdict, Err(Violation::Failed(Error::Snapshot { .. }))),
            Fault::Fails => matches!(verdict, Err(Violation::Failed(Error::Environment { .. }))),
        };
        assert!(named, "{fault:?}: {verdict:?}");
    }
}
