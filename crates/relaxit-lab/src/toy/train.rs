//! One estimator trains the bit, over and over.

use burn::optim::{Adam, AdamConfig, AdamState, Optimizer};
use burn::tensor::{DType, Device, Tensor, activation};
use rayon::prelude::*;
use relaxit::control::Tuner;
use relaxit::estimator::{Bias, Estimator};
use relaxit::noise::Noise;
use relaxit::relaxation::RelaxedBernoulli;
use relaxit::schedule::Anneal;
use serde::{Deserialize, Serialize};

use super::config::ToyConfig;
use crate::estimators::{Duplicate, Entry, Registered, Setting};

type Bit = RelaxedBernoulli<2>;

/// Points of a curve beside its start, at most.
const POINTS: usize = 50;

/// One point of an estimator's curves: a line of `metrics.jsonl`.
///
/// Means over the seeds with their standard errors; with one seed those are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The target `t`.
    pub target: f64,
    /// The estimator's name.
    pub estimator: String,
    /// Steps done.
    pub step: usize,
    /// The exact loss at the logit.
    pub loss: f64,
    /// Its standard error.
    pub loss_standard_error: f64,
    /// The variance of one gradient at the logit.
    pub variance: f64,
    /// Its standard error.
    pub variance_standard_error: f64,
    /// The natural logarithm of `variance`; `None` of 0.
    pub log_variance: Option<f64>,
}

/// The curves of one estimator at one target.
#[derive(Clone, Debug)]
pub struct Curves {
    /// The target `t`.
    pub target: f64,
    /// The estimator's name.
    pub estimator: &'static str,
    /// Whether it claims to have no bias.
    pub claims_unbiased: bool,
    /// Its papers.
    pub papers: Vec<String>,
    /// From the start to the last step.
    pub points: Vec<Point>,
}

/// A variance that rounding alone may cause, of gradients that are all equal.
const ROUNDING: f64 = 1e-28;

/// How many points a curve has.
#[must_use]
pub fn points(config: &ToyConfig) -> usize {
    config.steps.div_ceil(every(config)) + 1
}

/// Steps between two points.
fn every(config: &ToyConfig) -> usize {
    config.steps.div_ceil(POINTS)
}

/// The smallest loss that is approached.
#[must_use]
pub fn optimum(target: f64) -> f64 {
    loss(f64::from(u8::from(target > 0.5)), target)
}

fn loss(theta: f64, target: f64) -> f64 {
    target * target + theta * (1.0 - 2.0 * target)
}

/// Trains every estimator at every target, on all cores; `each_point` hears of every point that is done.
///
/// # Panics
/// If the configuration is out of range, which the command line excludes.
pub fn train(config: &ToyConfig, entries: &[Entry<Bit, 2>], each_point: impl Fn() + Sync) -> Vec<Curves> {
    let groups: Vec<(f64, &Entry<Bit, 2>)> =
        config.targets.iter().flat_map(|&target| entries.iter().map(move |entry| (target, entry))).collect();
    groups
        .par_iter()
        .map(|&(target, entry)| {
            // What learns must not learn from other repetitions; without that, they are rows of one batch.
            let parts = if entry.learns() { vec![1; config.seeds] } else { vec![config.seeds] };
            let run = |(part, rows): (usize, &usize)| {
                let noise = Noise::seeded(config.seed).fork("toy").fork(entry.name()).fork(&part.to_string());
                Run { config, entry, target, rows: *rows, noise }.train(&each_point)
            };
            let parts: Vec<Vec<Sample>> = parts.par_iter().enumerate().map(|(part, rows)| run((part, rows))).collect();
            curves(config, entry, target, &parts)
        })
        .collect()
}

/// What was seen of some repetitions at one step.
#[derive(Clone, Debug, Default)]
struct Sample {
    step: usize,
    losses: Vec<f64>,
    variances: Vec<f64>,
}

fn curves(config: &ToyConfig, entry: &Entry<Bit, 2>, target: f64, parts: &[Vec<Sample>]) -> Curves {
    let point = |index: usize| {
        let of = |part: fn(&Sample) -> &Vec<f64>| -> Vec<f64> {
            parts.iter().flat_map(|samples| part(&samples[index]).iter().copied()).collect()
        };
        let (losses, variances) = (of(|sample| &sample.losses), of(|sample| &sample.variances));
        let (loss, loss_standard_error) = mean(&losses);
        let (variance, variance_standard_error) = mean(&variances);
        Point {
            target,
            estimator: entry.name().into(),
            step: parts[0][index].step,
            loss,
            loss_standard_error,
            variance,
            variance_standard_error,
            log_variance: (variance > 0.0).then(|| variance.ln()),
        }
    };
    let estimator = entry.build(&setting(config, &Noise::seeded(config.seed)));
    Curves {
        target,
        estimator: entry.name(),
        claims_unbiased: estimator.bias() == Bias::Unbiased,
        papers: estimator.references().iter().map(ToString::to_string).collect(),
        points: (0..parts[0].len()).map(point).collect(),
    }
}

/// The mean with its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

fn setting(config: &ToyConfig, noise: &Noise) -> Setting {
    Setting {
        device: Device::flex().autodiff(),
        dtype: DType::F64,
        temperature: config.temperature,
        row: vec![1],
        noise: noise.fork("parameters"),
    }
}

/// Some repetitions of one estimator, as rows of one batch.
struct Run<'a> {
    config: &'a ToyConfig,
    entry: &'a Entry<Bit, 2>,
    target: f64,
    rows: usize,
    noise: Noise,
}

impl Run<'_> {
    fn train(&self, each_point: impl Fn()) -> Vec<Sample> {
        let mut estimator = self.entry.build(&setting(self.config, &self.noise));
        let mut noise = self.noise.fork("training");
        let mut tuner = Tuner::new(Anneal::Constant(self.config.learning_rate)).expect("the rate is positive");
        let adam: Adam = AdamConfig::new().with_epsilon(1e-8).build();
        let mut state: Option<AdamState<2>> = None;
        let mut logits = Tensor::<2>::zeros([self.rows, 1], (&Device::flex(), DType::F64));
        let every = every(self.config);
        let mut samples = Vec::new();
        for step in 0..=self.config.steps {
            if step % every == 0 || step == self.config.steps {
                samples.push(self.sample(step, &logits, &*estimator));
                each_point();
            }
            if step == self.config.steps {
                break;
            }
            let (gradient, tuning) = self.gradient(&logits, &mut *estimator, &mut noise);
            (logits, state) = adam.step(self.config.learning_rate, logits, gradient, state);
            if let Some(tuning) = tuning {
                tuner.step(&mut *estimator, tuning);
            }
        }
        samples
    }

    /// One gradient of each row, and what the estimator learns by.
    fn gradient(
        &self,
        logits: &Tensor<2>,
        estimator: &mut dyn Estimator<Bit, 2>,
        noise: &mut Noise,
    ) -> (Tensor<2>, Option<Tensor<1>>) {
        let target = self.target;
        let f = |b: Tensor<2>| (b - target).square();
        let leaf = logits.clone().autodiff().require_grad();
        let at = Bit::at(leaf.clone(), self.config.temperature).expect("the command line bounds the temperature");
        let estimate = estimator.estimate(&at, &f, noise);
        let gradient = leaf.grad(&estimate.surrogate.backward()).unwrap_or_else(|| logits.zeros_like());
        // The surrogate averages over the rows.
        (gradient * logits.dims()[0] as f64, estimate.tuning)
    }

    /// The exact losses, and the variances of many gradients at the logits as they stand.
    fn sample(&self, step: usize, logits: &Tensor<2>, estimator: &dyn Duplicate<Bit, 2>) -> Sample {
        let draws = self.config.draws;
        // A copy, so that looking changes nothing.
        let mut copy = estimator.duplicate();
        let mut noise = self.noise.fork(&format!("variance {step}"));
        let many = logits.clone().repeat_dim(1, draws).reshape([self.rows * draws, 1]);
        let (gradients, _) = self.gradient(&many, &mut *copy, &mut noise);
        let (variances, _) = gradients.reshape([self.rows, draws]).var_mean(1);
        let theta: Vec<f64> = values(activation::sigmoid(logits.clone()));
        Sample {
            step,
            losses: theta.into_iter().map(|theta| loss(theta, self.target)).collect(),
            variances: values(variances).into_iter().map(|x| if x < ROUNDING { 0.0 } else { x }).collect(),
        }
    }
}

fn values(x: Tensor<2>) -> Vec<f64> {
    x.try_into_vec_as().expect("a tensor of numbers can be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimators::select;

    fn trained(config: &ToyConfig, names: &[&str]) -> Vec<Curves> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        train(config, &select::<Bit, 2>(&names).unwrap(), || ())
    }

    fn config() -> ToyConfig {
        ToyConfig { targets: vec![0.45], steps: 100, seeds: 4, draws: 20_000, ..ToyConfig::default() }
    }

    /// At the start `θ = ½`: see FORMULAE of the library's tests, `variances_on_the_toy_problem_are_the_closed_forms`.
    #[test]
    fn variances_at_the_start_are_the_closed_forms() {
        let curves = trained(&config(), &["reinforce", "rloo", "disarm", "reinforce-average"]);
        let start = |name: &str| curves.iter().find(|curves| curves.estimator == name).unwrap().points[0].clone();
        for (name, variance) in [("reinforce", 1.5939e-2), ("rloo", 6.25e-4)] {
            let point = start(name);
            assert!((point.variance / variance - 1.0).abs() < 0.02, "{point:?}");
            assert!((point.log_variance.unwrap() - variance.ln()).abs() < 0.02);
            assert!((point.loss - 0.2525).abs() < 1e-12);
        }
        assert_eq!(start("disarm").log_variance, None);
        // A moving average starts without a baseline, and has found one at the end.
        let average = curves.iter().find(|curves| curves.estimator == "reinforce-average").unwrap();
        assert!((average.points[0].variance / 1.5939e-2 - 1.0).abs() < 0.02);
        assert!(average.points[50].variance < 0.1 * 1.5939e-2);
    }

    /// Adam's first steps have the length of the rate, whatever the gradient.
    #[test]
    fn the_exact_gradient_descends_to_the_optimum() {
        let points = &trained(&config(), &["exact"])[0].points;
        assert_eq!(super::points(&config()), 51);
        assert_eq!((points.len(), points[1].step, points[50].step), (51, 2, 100));
        let theta = |logit: f64| (1.0 + (-logit).exp()).recip();
        assert!((points[1].loss - loss(theta(-0.02), 0.45)).abs() < 1e-7, "{}", points[1].loss);
        assert!(points.is_sorted_by(|a, b| a.loss > b.loss));
        assert!(points[50].loss > optimum(0.45) && (optimum(0.45) - 0.2025).abs() < 1e-15);
        assert!((optimum(0.9) - 0.01).abs() < 1e-15);
    }

    /// Repetitions differ from each other, estimators do not depend on each other nor on being looked at, and equal runs
    /// agree.
    #[test]
    fn repetitions_are_independent() {
        let config = ToyConfig { draws: 50, ..config() };
        for name in ["reinforce", "reinforce-average", "rebar"] {
            let alone = trained(&config, &[name]).remove(0).points;
            assert!(alone[50].loss_standard_error > 0.0, "{name}");
            // Looking closer changes nothing.
            let closer = trained(&ToyConfig { draws: 60, ..config.clone() }, &[name]).remove(0).points;
            assert!(alone.iter().map(|point| point.loss).eq(closer.iter().map(|point| point.loss)), "{name}");
            let among = trained(&config, &["rloo", name]);
            assert_eq!(among.iter().find(|curves| curves.estimator == name).unwrap().points, alone);
        }
    }
}
