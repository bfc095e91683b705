//! Any environment of Gymnasium, in a process of Python.

mod worker;

use std::time::Duration;

use self::worker::{Reply, Request, SpaceBits, Stepped, Worker};
use super::{Environment, EnvironmentOptions, Space, Step, Steps, VectorEnvironment};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// How to run the process that steps an environment of Gymnasium, and what to make there.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::WorkerOptions;
/// let options = WorkerOptions::python("/opt/gymnasium/bin/python");
/// assert_eq!(options.command[0], "/opt/gymnasium/bin/python");
/// assert_eq!(options.time_limit.as_secs(), 60);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The program and its arguments: `python3` and our script, unless you have a worker of your own.
    pub command: Vec<String>,
    /// How long an answer may take before the worker counts as hung, and is killed: a minute, as some environments take
    /// long to load.
    pub time_limit: Duration,
    /// Keyword arguments of the environment, as in `gymnasium.make(id, gravity=-5.0)`.
    pub keywords: EnvironmentOptions,
}

impl WorkerOptions {
    /// Runs our script in the Python called `program`, which must have Gymnasium.
    #[must_use]
    pub fn python(program: &str) -> Self {
        let script = include_str!("worker.py");
        let command = [program, "-c", script].map(str::to_owned).to_vec();
        Self { command, time_limit: Duration::from_mins(1), keywords: EnvironmentOptions::default() }
    }
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self::python("python3")
    }
}

/// What both forms know of their worker.
#[derive(Debug)]
struct Connection {
    name: String,
    worker: Worker,
    space: Space,
    num_actions: usize,
    masked: bool,
}

impl Connection {
    fn open(id: &str, count: usize, autoreset: bool, options: &WorkerOptions) -> Result<Self> {
        let name = format!("gym:{id}");
        let failed = |problem| Error::Environment { name: name.clone(), problem };
        let mut worker = Worker::start(&options.command, options.time_limit).map_err(failed)?;
        let make = Request::Make { id, count, autoreset, keywords: options.keywords.values() };
        let reply = worker.ask(&make).map_err(failed)?;
        let Reply::Made { actions: num_actions, space, masked } = reply else {
            return Err(failed(worker.give_up("the worker did not say what it made".to_owned())));
        };
        let space = match space {
            SpaceBits::Discrete(n) => Space::Discrete { n },
            SpaceBits::Box(low, high) => Space::Box { low: floats(&low), high: floats(&high) },
        };
        let sound = match &space {
            Space::Discrete { n } => *n > 0,
            Space::Box { low, high } => !low.is_empty() && low.len() == high.len(),
        };
        if num_actions == 0 || !sound {
            return Err(failed(worker.give_up("the worker made an environment without actions or space".to_owned())));
        }
        Ok(Self { name, worker, space, num_actions, masked })
    }

    fn failed(&mut self, problem: &str) -> Error {
        Error::Environment { name: self.name.clone(), problem: self.worker.give_up(problem.to_owned()) }
    }

    fn ask(&mut self, request: &Request<'_>) -> Result<Reply> {
        self.worker.ask(request).map_err(|problem| Error::Environment { name: self.name.clone(), problem })
    }

    /// Observations and masks at the start of `count` episodes.
    fn start(&mut self, request: &Request<'_>, count: usize) -> Result<(Vec<f32>, Vec<bool>)> {
        match self.ask(request)? {
            Reply::Started { observations, masks }
                if observations.len() == count * self.space.width() && masks.len() == count * self.num_actions =>
            {
                Ok((floats(&observations), masks))
            }
            _ => Err(self.failed("the worker did not say where the episodes start")),
        }
    }

    fn step(&mut self, actions: &[usize]) -> Result<Stepped> {
        let num_actions = self.num_actions;
        assert!(
            actions.iter().all(|&action| action < num_actions),
            "{}: every action must be below {num_actions}, got {actions:?}",
            self.name
        );
        let count = actions.len();
        match self.ask(&Request::Step(actions))? {
            Reply::Stepped(stepped)
                if [stepped.rewards.len(), stepped.terminated.len(), stepped.truncated.len()] == [count; 3]
                    && stepped.observations.len() == count * self.space.width()
                    && stepped.final_observations.len() == stepped.observations.len()
                    && stepped.masks.len() == count * num_actions =>
            {
                Ok(stepped)
            }
            _ => Err(self.failed("the worker did not say where the actions led to")),
        }
    }
}

fn floats(bits: &[u32]) -> Vec<f32> {
    bits.iter().copied().map(f32::from_bits).collect()
}

/// One environment of Gymnasium, by its name there.
///
/// It runs in a process of `python3`, which must have `gymnasium` and whatever the environment needs. Actions must be
/// discrete; observations may be of any space of fixed size, and are flattened, but for discrete ones. It is as
/// Gymnasium makes it, with its time limit. A worker that dies, talks nonsense, or does not answer within a
/// [time limit](WorkerOptions::time_limit) is an error, and killed.
///
/// # Errors
/// Every method may fail, and does so for ever once one has.
///
/// # Examples
/// ```no_run
/// use relaxit_rl::environment::{Environment, Gymnasium, WorkerOptions};
/// let mut lander = Gymnasium::new("LunarLander-v3", &WorkerOptions::default())?;
/// assert_eq!(lander.reset(0)?.len(), 8);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
#[derive(Debug)]
pub struct Gymnasium {
    connection: Connection,
    mask: Vec<bool>,
}

impl Gymnasium {
    /// The environment that Gymnasium calls `id`, at the start of the episode of seed 0.
    ///
    /// # Errors
    /// If the worker cannot be started, or Gymnasium has no such environment, or one with other than discrete actions,
    /// or the environment does not take the keywords.
    pub fn new(id: &str, options: &WorkerOptions) -> Result<Self> {
        let connection = Connection::open(id, 1, false, options)?;
        let mut environment = Self { mask: vec![true; connection.num_actions], connection };
        environment.reset(0)?;
        Ok(environment)
    }

    fn start(&mut self, request: &Request<'_>) -> Result<Vec<f32>> {
        let (observation, mask) = self.connection.start(request, 1)?;
        self.mask = mask;
        Ok(observation)
    }
}

impl Environment for Gymnasium {
    type Observation = Vec<f32>;

    fn observation_space(&self) -> Space {
        self.connection.space.clone()
    }

    fn num_actions(&self) -> usize {
        self.connection.num_actions
    }

    fn reset(&mut self, seed: u64) -> Result<Vec<f32>> {
        self.start(&Request::Reset(&[seed]))
    }

    fn restart(&mut self) -> Result<Vec<f32>> {
        self.start(&Request::Restart(()))
    }

    fn step(&mut self, action: usize) -> Result<Step<Vec<f32>>> {
        let stepped = self.connection.step(&[action])?;
        self.mask = stepped.masks;
        Ok(Step {
            observation: floats(&stepped.observations),
            reward: f64::from_bits(stepped.rewards[0]),
            terminated: stepped.terminated[0],
            truncated: stepped.truncated[0],
        })
    }

    fn masks_actions(&self) -> bool {
        self.connection.masked
    }

    fn action_mask(&self, allowed: &mut [bool]) {
        allowed.copy_from_slice(&self.mask);
    }
}

/// Many environments of Gymnasium in one process: what `gym:ID` names.
///
/// As [`Gymnasium`] otherwise. One line goes to and fro for a step of them all. They cannot be saved.
#[derive(Debug)]
pub struct VectorizedGymnasium {
    connection: Connection,
    steps: Steps,
}

impl VectorizedGymnasium {
    /// The environments that Gymnasium calls `id`, at the starts of the episodes of seeds 0, 1, 2, ….
    ///
    /// # Errors
    /// As for [`Gymnasium::new`], or if `num_environments` is 0.
    pub fn new(id: &str, num_environments: usize, options: &WorkerOptions) -> Result<Self> {
        if num_environments == 0 {
            let (subject, parameter) = ("VectorizedGymnasium", "num_environments");
            return Err(relaxit::Error::Parameter { subject, parameter, requirement: "at least 1", got: 0.0 }.into());
        }
        let connection = Connection::open(id, num_environments, true, options)?;
        let masked_actions = connection.masked.then_some(connection.num_actions);
        let steps = Steps::new(num_environments, &connection.space, masked_actions);
        let mut environments = Self { connection, steps };
        let seeds: Vec<u64> = (0..num_environments as u64).collect();
        environments.reset(&seeds)?;
        Ok(environments)
    }
}

impl VectorEnvironment for VectorizedGymnasium {
    fn num_environments(&self) -> usize {
        self.steps.rewards.len()
    }

    fn observation_space(&self) -> &Space {
        &self.connection.space
    }

    fn num_actions(&self) -> usize {
        self.connection.num_actions
    }

    fn reset(&mut self, seeds: &[u64]) -> Result<()> {
        assert_eq!(seeds.len(), self.num_environments(), "VectorizedGymnasium: as many `seeds` as environments");
        let (observations, masks) = self.connection.start(&Request::Reset(seeds), seeds.len())?;
        self.steps.clear();
        self.steps.observations = observations;
        self.steps.masks = self.connection.masked.then_some(masks);
        Ok(())
    }

    fn step(&mut self, actions: &[usize]) -> Result<()> {
        assert_eq!(actions.len(), self.num_environments(), "VectorizedGymnasium: as many `actions` as environments");
        let stepped = self.connection.step(actions)?;
        self.steps = Steps {
            observations: floats(&stepped.observations),
            final_observations: floats(&stepped.final_observations),
            rewards: stepped.rewards.into_iter().map(f64::from_bits).collect(),
            terminated: stepped.terminated,
            truncated: stepped.truncated,
            masks: self.connection.masked.then_some(stepped.masks),
        };
        Ok(())
    }

    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn save(&self) -> Option<Snapshot> {
        None
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<()> {
        Err(snapshot.reader("VectorizedGymnasium").refuse("nothing: environments of Gymnasium cannot be saved"))
    }
}
