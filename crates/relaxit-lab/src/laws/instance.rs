//! A law at given parameters, whatever its type: draws with their densities and gradients, and verdicts.

use std::cell::OnceCell;
use std::rc::Rc;

use burn::tensor::{DType, Tensor};
use relaxit::distribution::Distribution;
use relaxit::noise::Noise;
use relaxit::support::Support;
use relaxit::testing::Verdict;

use super::entry::Entry;
use super::parameter::{Parameter, Values};
use super::unfit::Subject;

/// Which gradient goes with each draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Gradient {
    /// Of the draw's log-density in each parameter: columns `dlog_prob/dNAME`
    Score,
    /// Of each entry of the reparameterised draw in each parameter, its noise held fixed: columns `dxI/dNAME`
    Path,
}

/// What to compute beside each draw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// The log-density.
    pub log_prob: bool,
    /// A gradient.
    pub gradient: Option<Gradient>,
}

/// Columns of numbers, side by side, for a number of rows.
#[derive(Debug)]
pub struct Columns(Vec<(usize, Vec<f64>)>);

impl Columns {
    fn push(&mut self, x: Tensor<2>) {
        let width = x.dims()[1];
        self.0.push((width, values(x)));
    }

    /// One row, from left to right.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().flat_map(move |(width, x)| x[row * width..(row + 1) * width].iter().copied())
    }
}

/// A verdict of a test law under its name, or why it does not apply.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The test law.
    pub name: &'static str,
    /// What it found.
    pub verdict: Result<Verdict, &'static str>,
}

/// A law at given parameters.
pub trait Instance {
    /// Entries of one draw.
    fn entries(&self) -> usize;

    /// Numbers that one draw is computed from: what decides how many draws fit into memory.
    fn working(&self) -> usize;

    /// Whether all entries of a draw are one event, rather than a batch of scalars.
    fn is_vector(&self) -> bool;

    /// Where draws lie.
    fn support(&self) -> Support;

    /// Whether there is a log-density.
    fn has_density(&self) -> bool;

    /// Whether there are samples with a gradient.
    fn has_path(&self) -> bool;

    /// The name of each column of [`draw`](Self::draw).
    fn header(&self, wanted: Wanted) -> Vec<String>;

    /// `rows` draws; what is wanted but not offered is left out.
    fn draw(&self, rows: usize, noise: &mut Noise, wanted: Wanted) -> Columns;

    /// The log-density at points `[n, entries]`, a column for each event.
    fn log_prob(&self, points: Tensor<2>) -> Option<Tensor<2>>;

    /// Every outcome, `[1, entries]`, up to a few thousand.
    fn outcomes(&self) -> Option<Vec<Tensor<2>>>;

    /// How many test laws there are.
    fn checks(&self) -> usize;

    /// The name of one test law.
    fn name_of(&self, index: usize) -> &'static str;

    /// The finding of one test law: its verdict, or the reason why it does not apply.
    fn check(&self, index: usize, draws: usize, seed: u64) -> Finding;

    /// The verdict of one test law, whether it applies or not.
    fn verdict(&self, index: usize, draws: usize, seed: u64) -> Verdict;
}

pub(super) struct At<L> {
    entry: Rc<Entry<L>>,
    values: Values,
    law: L,
    /// Drawn when a check first asks.
    subject: OnceCell<Subject<L>>,
}

impl<L: Distribution<2> + 'static> At<L> {
    pub(super) fn new(entry: Rc<Entry<L>>, values: Values) -> relaxit::Result<Self> {
        // Test laws also compute in F32, whose range is narrower.
        for dtype in [DType::F32, DType::F64] {
            let law = entry.law(&values, entry.rows(&values, 1, DType::F64).cast(dtype), false)?;
            if dtype == DType::F64 {
                law.validate()?;
            }
        }
        let law = entry.law(&values, entry.rows(&values, 1, DType::F64), false)?;
        Ok(Self { entry, values, law, subject: OnceCell::new() })
    }

    fn at(&self, row: Tensor<2>) -> L {
        self.entry.law(&self.values, row, false).expect("a law that was built before")
    }

    /// The names of the numbers that gradients are taken in.
    fn directions(&self) -> Vec<String> {
        let pairs = self.entry.card.parameters.iter().zip(&self.values.numbers);
        let moving = pairs.filter(|(parameter, _)| parameter.differentiable);
        moving.flat_map(|(Parameter { name, .. }, numbers)| indexed(name, numbers.len())).collect()
    }
}

impl<L: Distribution<2> + 'static> Instance for At<L> {
    fn entries(&self) -> usize {
        self.law.shape()[1]
    }

    fn working(&self) -> usize {
        self.entry.numbers_behind_a_draw(&self.values).max(self.entries())
    }

    fn is_vector(&self) -> bool {
        L::EVENT_DIMS > 0
    }

    fn support(&self) -> Support {
        self.law.support()
    }

    fn has_density(&self) -> bool {
        self.entry.log_prob.is_some()
    }

    fn has_path(&self) -> bool {
        self.entry.rsample.is_some()
    }

    fn header(&self, wanted: Wanted) -> Vec<String> {
        let x = indexed("x", self.entries());
        let mut header = x.clone();
        if wanted.log_prob {
            header.extend(indexed("log_prob", if self.is_vector() { 1 } else { self.entries() }));
        }
        match wanted.gradient {
            None => {}
            Some(Gradient::Score) => header.extend(self.directions().iter().map(|name| format!("dlog_prob/d{name}"))),
            Some(Gradient::Path) => {
                let directions = self.directions();
                header.extend(x.iter().flat_map(|x| directions.iter().map(move |name| format!("d{x}/d{name}"))));
            }
        }
        header
    }

    fn draw(&self, rows: usize, noise: &mut Noise, wanted: Wanted) -> Columns {
        let row = self.entry.rows(&self.values, rows, DType::F64);
        let mut columns = Columns(Vec::new());
        match (wanted.gradient, self.entry.log_prob, self.entry.rsample) {
            (Some(Gradient::Score), Some(log_prob), _) => {
                let leaf = row.autodiff().require_grad();
                let law = self.at(leaf.clone());
                let x = law.sample(noise);
                let densities = log_prob(&law, x.clone());
                columns.push(x);
                if wanted.log_prob {
                    columns.push(densities.clone());
                }
                columns.push(gradient(&leaf, densities));
            }
            (Some(Gradient::Path), log_prob, Some(rsample)) => {
                let start = noise.clone();
                let mut gradients = Vec::new();
                // A backward pass consumes its graph, so each entry gets one of its own, from the same noise.
                for entry in 0..self.entries() {
                    let leaf = row.clone().autodiff().require_grad();
                    *noise = start.clone();
                    let y = rsample(&self.at(leaf.clone()), noise);
                    if entry == 0 {
                        let x = y.clone().inner();
                        columns.push(x.clone());
                        if let (true, Some(log_prob)) = (wanted.log_prob, log_prob) {
                            columns.push(log_prob(&self.at(row.clone()), x));
                        }
                    }
                    gradients.push(gradient(&leaf, y.slice_dim(1, entry)));
                }
                for gradient in gradients {
                    columns.push(gradient);
                }
            }
            (_, log_prob, _) => {
                let law = self.at(row);
                let x = law.sample(noise);
                columns.push(x.clone());
                if let (true, Some(log_prob)) = (wanted.log_prob, log_prob) {
                    columns.push(log_prob(&law, x));
                }
            }
        }
        columns
    }

    fn log_prob(&self, points: Tensor<2>) -> Option<Tensor<2>> {
        let law = self.at(self.entry.rows(&self.values, points.dims()[0], DType::F64));
        self.entry.log_prob.map(|log_prob| log_prob(&law, points))
    }

    fn outcomes(&self) -> Option<Vec<Tensor<2>>> {
        self.entry.outcomes.map(|outcomes| outcomes(&self.law))
    }

    fn checks(&self) -> usize {
        self.entry.checks.len()
    }

    fn check(&self, index: usize, draws: usize, seed: u64) -> Finding {
        let check = &self.entry.checks[index];
        let subject = self.subject.get_or_init(|| Subject::new(&self.entry, &self.values));
        let unfit = check.unfit.iter().find_map(|unfit| unfit(subject));
        let verdict = unfit.map_or_else(|| Ok(self.verdict(index, draws, seed)), Err);
        Finding { name: check.name, verdict }
    }

    fn name_of(&self, index: usize) -> &'static str {
        self.entry.checks[index].name
    }

    fn verdict(&self, index: usize, draws: usize, seed: u64) -> Verdict {
        (self.entry.checks[index].run)(&self.entry.case(&self.values).with_draws(draws).with_seed(seed))
    }
}

/// `name` for one entry; `name0`, `name1`, … for several.
fn indexed(name: &str, entries: usize) -> Vec<String> {
    if entries == 1 { vec![name.into()] } else { (0..entries).map(|entry| format!("{name}{entry}")).collect() }
}

/// The gradient of each row of `y` in its row of `leaf`; 0 where there is none.
fn gradient(leaf: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    let y = y.sum();
    let gradient = if y.is_tracked() { leaf.grad(&y.backward()) } else { None };
    gradient.unwrap_or_else(|| leaf.clone().inner().zeros_like())
}

/// All entries, row by row.
pub(crate) fn values(x: Tensor<2>) -> Vec<f64> {
    x.inner().try_into_vec_as().expect("a float tensor can be read as f64")
}
