//! The environments against traces recorded from Gymnasium by `python/golden/make_environments.py`.
//!
//! Everything is compared to the last bit, through digests. Sine, cosine and power are the platform's: where its library
//! is another one than where the traces were recorded, only what does not depend on it is compared bit by bit, and the
//! steps shown in the clear must agree to twelve digits.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use relaxit_rl::Result;
use relaxit_rl::environment::{Acrobot, CartPole, Environment, Step, Taxi, TaxiState, TimeLimit};
use relaxit_rl::random::{Generator, SeedSequence};
use serde::Deserialize;

#[derive(Deserialize)]
struct Header {
    library: String,
}

/// An `f64`, kept as 16 hexadecimal digits.
#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(try_from = "String")]
struct Word(f64);

impl TryFrom<String> for Word {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(|bits| Self(f64::from_bits(bits)))
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn word_bits(words: &[Word]) -> Vec<u64> {
    words.iter().map(|word| word.0.to_bits()).collect()
}

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("golden/", $name, ".json"))).expect("a fixture of this form")
    };
}

#[derive(Deserialize)]
struct Numbers {
    cases: Vec<NumberCase>,
}

#[derive(Deserialize)]
struct NumberCase {
    seed: String,
    state: Vec<String>,
    random: Vec<Word>,
    uniform: Vec<Word>,
    below: Vec<String>,
    integers: Vec<String>,
    choice: Vec<u64>,
    after: Vec<Word>,
}

#[test]
fn random_numbers() {
    let numbers: Numbers = fixture!("random");
    assert_eq!(numbers.cases.len(), 7);
    for case in numbers.cases {
        let seed = case.seed.parse().expect("a seed");
        assert_eq!(SeedSequence::new(seed).generate_state::<4>().map(|x| x.to_string()), *case.state);
        let mut generator = Generator::seeded(seed);
        let random: Vec<f64> = case.random.iter().map(|_| generator.random()).collect();
        assert_eq!(bits(&random), word_bits(&case.random), "seed {seed}");
        let uniform = [(-0.05, 0.05), (-0.1, 0.1), (3.0, 1e9)].map(|(low, high)| generator.uniform(low, high));
        assert_eq!(bits(&uniform), word_bits(&case.uniform), "seed {seed}");
        let bounds = [3, 10, 1, (1 << 31) + 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 3 << 61, 7];
        assert_eq!(bounds.map(|bound| generator.below(bound).to_string()), *case.below, "seed {seed}");
        let integers: Vec<String> = (0..8).map(|_| generator.integers(-5, 17).to_string()).collect();
        assert_eq!(integers, case.integers, "seed {seed}");
        let choice: Vec<u64> = (0..8).map(|_| generator.choice(&[2, 3, 5, 7])).collect();
        assert_eq!(choice, case.choice, "seed {seed}");
        assert_eq!(bits(&[generator.random()]), word_bits(&case.after), "seed {seed}");
    }
}

/// MD5 of everything a step shows, in little-endian order, as the script makes it.
#[derive(Default)]
struct Digest(Md5);

impl Digest {
    fn step(&mut self, state: &[f64], observation: &[f32], reward: f64, terminated: bool, truncated: bool) {
        for x in state {
            self.0.update(x.to_le_bytes());
        }
        for x in observation {
            self.0.update(x.to_le_bytes());
        }
        self.0.update(reward.to_le_bytes());
        self.0.update([u8::from(terminated), u8::from(truncated)]);
    }

    fn mask(&mut self, mask: [bool; 6]) {
        self.0.update(mask.map(u8::from));
    }

    fn text(self) -> String {
        let bytes: [u8; 16] = self.0.finalize().into();
        format!("{:032x}", u128::from_be_bytes(bytes))
    }
}

/// Whether this platform's sine, cosine and power are those of the traces.
fn same_library(header: &Header) -> bool {
    let (mut generator, mut digest) = (Generator::seeded(0), Md5::new());
    for _ in 0..1000 {
        let x = generator.uniform(-10.0, 10.0);
        for y in [x.sin(), x.cos(), x.powf(std::hint::black_box(2.0))] {
            digest.update(y.to_le_bytes());
        }
    }
    Digest(digest).text() == header.library
}

#[derive(Deserialize)]
struct Classic {
    header: Header,
    single_steps: SingleSteps,
    episodes: Vec<Episode<Vec<Word>>>,
    restarts: String,
}

#[derive(Deserialize)]
struct SingleSteps {
    high: [Word; 4],
    block: usize,
    shown: Vec<Shown>,
    digests: Vec<String>,
}

#[derive(Deserialize)]
struct Shown {
    state: [Word; 4],
    action: usize,
    next: Vec<Word>,
    observation: Vec<Word>,
    reward: f64,
    terminated: bool,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Episode<S> {
    length: usize,
    total: f64,
    terminated: bool,
    truncated: bool,
    last: S,
    digest: String,
}

/// What the tests need of the two environments with a continuous state.
trait Continuous<const N: usize>: Environment<Observation = [f32; N]> + Default {
    const LIMIT: u64;
    fn state(&self) -> [f64; 4];
    fn put(&mut self, state: [f64; 4]) -> Result<()>;
    fn controller(observation: [f32; N]) -> usize;
}

impl Continuous<4> for CartPole {
    const LIMIT: u64 = Self::MAX_EPISODE_STEPS;
    fn state(&self) -> [f64; 4] {
        self.state()
    }
    fn put(&mut self, state: [f64; 4]) -> Result<()> {
        self.set_state(state)
    }
    fn controller(observation: [f32; 4]) -> usize {
        usize::from(observation[2] + 0.5 * observation[3] > 0.0)
    }
}

impl Continuous<6> for Acrobot {
    const LIMIT: u64 = Self::MAX_EPISODE_STEPS;
    fn state(&self) -> [f64; 4] {
        self.state()
    }
    fn put(&mut self, state: [f64; 4]) -> Result<()> {
        self.set_state(state)
    }
    fn controller(observation: [f32; 6]) -> usize {
        if observation[5] > 0.0 { 2 } else { 0 }
    }
}

#[allow(clippy::cast_possible_truncation)] // actions are few
fn random_action(generator: &mut Generator, actions: usize) -> usize {
    generator.below(actions as u64) as usize
}

fn single_steps<const N: usize, E: Continuous<N>>(recorded: &SingleSteps, exact: bool) {
    assert!(recorded.block * recorded.digests.len() >= 20_000);
    let mut environment = E::default();
    let mut generator = Generator::seeded(1);
    let mut shown = recorded.shown.iter();
    for (block, expected) in recorded.digests.iter().enumerate() {
        let mut digest = Digest::default();
        for _ in 0..recorded.block {
            let state = recorded.high.map(|Word(high)| generator.uniform(-high, high));
            let action = random_action(&mut generator, environment.num_actions());
            environment.put(state).expect("within the bounds");
            let Step { observation, reward, terminated, truncated } = environment.step(action).expect("infallible");
            digest.step(&environment.state(), &observation, reward, terminated, truncated);
            let Some(shown) = shown.next() else { continue };
            assert_eq!((bits(&state), action), (word_bits(&shown.state), shown.action));
            assert_eq!((reward.to_bits(), terminated), (shown.reward.to_bits(), shown.terminated));
            if exact {
                assert_eq!(bits(&environment.state()), word_bits(&shown.next), "from {state:?}");
                assert_eq!(bits(&observation.map(f64::from)), word_bits(&shown.observation), "from {state:?}");
            }
            for (x, Word(expected)) in environment.state().iter().zip(&shown.next) {
                assert!((x - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{x} {expected}");
            }
        }
        assert!(!exact || &digest.text() == expected, "block {block}");
    }
    assert!(shown.next().is_none());
}

fn episodes<const N: usize, E: Continuous<N>>(recorded: &[Episode<Vec<Word>>], exact: bool) {
    assert!(recorded.len() >= 100);
    let mut environment = TimeLimit::new(E::default(), E::LIMIT).expect("positive");
    for (seed, recorded) in (0..).zip(recorded) {
        let (mut generator, mut digest) = (Generator::seeded(1000 + seed), Digest::default());
        let mut observation = environment.reset(seed).expect("infallible");
        digest.step(&environment.environment().state(), &observation, 0.0, false, false);
        if !exact {
            continue;
        }
        let (mut length, mut total) = (0, 0.0);
        let last = loop {
            let action = if seed % 2 == 1 {
                E::controller(observation)
            } else {
                random_action(&mut generator, environment.num_actions())
            };
            let step = environment.step(action).expect("infallible");
            observation = step.observation;
            digest.step(&environment.environment().state(), &observation, step.reward, step.terminated, step.truncated);
            length += 1;
            total += step.reward;
            if step.ended() {
                break step;
            }
        };
        let ours = Episode {
            length,
            total,
            terminated: last.terminated,
            truncated: last.truncated,
            last: environment.environment().state().map(Word).to_vec(),
            digest: digest.text(),
        };
        assert_eq!(&ours, recorded, "seed {seed}");
    }
}

fn restarts<const N: usize, E: Continuous<N>>(recorded: &str) {
    let mut environment = E::default();
    environment.reset(5).expect("infallible");
    let mut digest = Digest::default();
    for _ in 0..5000 {
        let observation = environment.restart().expect("infallible");
        digest.step(&environment.state(), &observation, 0.0, false, false);
    }
    assert_eq!(digest.text(), recorded);
}

fn classic<const N: usize, E: Continuous<N>>(recorded: &Classic) {
    let exact = same_library(&recorded.header);
    restarts::<N, E>(&recorded.restarts);
    single_steps::<N, E>(&recorded.single_steps, exact);
    episodes::<N, E>(&recorded.episodes, exact);
    let truncated = recorded.episodes.iter().filter(|episode| episode.truncated).count();
    let terminated = recorded.episodes.iter().filter(|episode| episode.terminated).count();
    assert!(truncated >= 20 && terminated >= 20, "{truncated} {terminated}");
}

#[test]
fn cart_pole() {
    classic::<4, CartPole>(&fixture!("cart_pole"));
}

#[test]
fn acrobot() {
    classic::<6, Acrobot>(&fixture!("acrobot"));
}

#[derive(Deserialize)]
struct Beyond {
    header: Header,
    after_the_fall: AfterTheFall,
    sutton_barto: Vec<f64>,
}

#[derive(Deserialize)]
struct AfterTheFall {
    rewards: Vec<f64>,
    digest: String,
}

#[test]
fn cart_pole_after_the_fall() {
    let Beyond { header, after_the_fall, sutton_barto } = fixture!("cart_pole");
    let mut environment = CartPole::new();
    environment.reset(3).expect("infallible");
    let (mut digest, mut rewards) = (Digest::default(), Vec::new());
    for _ in &after_the_fall.rewards {
        let step = environment.step(1).expect("infallible");
        digest.step(&environment.state(), &step.observation, step.reward, step.terminated, step.truncated);
        rewards.push(step.reward);
    }
    assert_eq!(rewards, after_the_fall.rewards);
    assert!(!same_library(&header) || digest.text() == after_the_fall.digest);

    let mut environment = CartPole::new().with_sutton_barto_reward();
    environment.reset(3).expect("infallible");
    let rewards: Vec<f64> = sutton_barto.iter().map(|_| environment.step(1).expect("infallible").reward).collect();
    assert_eq!(rewards, sutton_barto);
}

#[derive(Deserialize)]
struct TaxiFixture {
    masks: Vec<String>,
    starts: Vec<usize>,
    tables: BTreeMap<String, Table>,
    episodes: BTreeMap<String, Vec<Episode<usize>>>,
}

/// Every transition of every state and action, in order.
#[derive(Deserialize)]
struct Table {
    counts: [usize; 6],
    probs: Vec<f64>,
    prob: Vec<usize>,
    state: Vec<usize>,
    reward: Vec<f64>,
    terminated: Vec<usize>,
}

fn taxi_with(options: &str) -> Taxi {
    let taxi = match options {
        "plain" => Ok(Taxi::new()),
        "rain" => Taxi::new().with_rain(0.8),
        "fickle" => Taxi::new().with_fickle_passenger(0.3),
        "both" => Taxi::new().with_rain(0.6).and_then(|taxi| taxi.with_fickle_passenger(0.9)),
        _ => panic!("no such options: `{options}`"),
    };
    taxi.expect("probabilities")
}

#[test]
fn taxi_tables() {
    let recorded: TaxiFixture = fixture!("taxi");
    for (state, mask) in recorded.masks.iter().enumerate() {
        let ours: String =
            TaxiState::from_index(state).action_mask().map(|x| if x { '1' } else { '0' }).iter().collect();
        assert_eq!(&ours, mask, "state {state}");
    }
    assert_eq!((recorded.masks.len(), recorded.tables.len()), (500, 2));
    for (options, table) in &recorded.tables {
        let (taxi, mut i) = (taxi_with(options), 0);
        for (state, action) in (0..500).flat_map(|state| (0..6).map(move |action| (state, action))) {
            let transitions = taxi.transitions(state, action);
            assert_eq!(transitions.len(), table.counts[action]);
            for next in transitions {
                assert_eq!(next.prob.to_bits(), table.probs[table.prob[i]].to_bits(), "{options} {state} {action}");
                assert_eq!(
                    (next.state, next.reward, next.terminated),
                    (table.state[i], table.reward[i], table.terminated.binary_search(&i).is_ok()),
                    "{options} {state} {action}"
                );
                i += 1;
            }
        }
        assert_eq!(i, table.state.len());
    }
}

#[test]
fn taxi_starts() {
    let recorded: TaxiFixture = fixture!("taxi");
    let mut taxi = Taxi::new();
    let mut seen = [false; 500];
    for seed in 0..10_000 {
        seen[taxi.reset(seed).expect("infallible")] = true;
    }
    let seen: Vec<usize> = (0..500).filter(|&state| seen[state]).collect();
    assert_eq!(seen, recorded.starts);
}

#[test]
fn taxi_episodes() {
    let recorded: TaxiFixture = fixture!("taxi");
    assert_eq!(recorded.episodes.len(), 4);
    for (options, episodes) in &recorded.episodes {
        assert!(episodes.len() >= 100);
        let mut taxi = TimeLimit::new(taxi_with(options), Taxi::MAX_EPISODE_STEPS).expect("positive");
        for (seed, recorded) in (0..).zip(episodes) {
            assert_eq!(&taxi_episode(&mut taxi, seed), recorded, "{options}, seed {seed}");
        }
    }
}

fn taxi_episode(taxi: &mut TimeLimit<Taxi>, seed: u64) -> Episode<usize> {
    let (mut generator, mut digest) = (Generator::seeded(1000 + seed), Digest::default());
    let mut see = |state: usize, reward, terminated, truncated, mask| {
        digest.step(&[], &[f32::from(u16::try_from(state).expect("below 500"))], reward, terminated, truncated);
        digest.mask(mask);
    };
    let mut mask = [false; 6];
    let state = taxi.reset(seed).expect("infallible");
    taxi.action_mask(&mut mask);
    see(state, 0.0, false, false, mask);
    let (mut length, mut total) = (0, 0.0);
    loop {
        let allowed: Vec<usize> = (0..6).filter(|&action| seed.is_multiple_of(2) || mask[action]).collect();
        let Step { observation: state, reward, terminated, truncated } =
            taxi.step(generator.choice(&allowed)).expect("infallible");
        taxi.action_mask(&mut mask);
        see(state, reward, terminated, truncated, mask);
        length += 1;
        total += reward;
        if terminated || truncated {
            let digest = digest.text();
            return Episode { length, total, terminated, truncated, last: state, digest };
        }
    }
}
