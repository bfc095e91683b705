//! What few runs say about an algorithm: interquartile means and their bootstrap intervals.
//!
//! Agarwal, Schwarzer, Castro, Courville & Bellemare (2021), *Deep Reinforcement Learning at the Edge of the Statistical
//! Precipice*, arXiv:2108.13264.

use relaxit::noise::{Base, Noise};
use serde::{Deserialize, Serialize};

/// A statistic with its 95 % percentile interval over bootstrap resamples of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The statistic itself.
    pub value: f64,
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;

/// The mean of the middle half: a quarter of the runs, rounded down, is left out at each end.
///
/// NaN of no runs.
#[must_use]
pub fn interquartile_mean(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    let middle = &sorted[cut..sorted.len() - cut];
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// The interquartile mean of `runs`, with its interval. One run has no interval but itself.
#[must_use]
pub fn interquartile_interval(runs: &[f64], noise: Noise) -> Interval {
    bootstrap(&[runs], noise, |samples| interquartile_mean(&samples[0]))
}

/// The probability that a run of `a` is better than one of `b`, ties counted half, with its interval: runs of each are
/// resampled among themselves.
#[must_use]
pub fn probability_of_improvement(a: &[f64], b: &[f64], noise: Noise) -> Interval {
    bootstrap(&[a, b], noise, |samples| {
        let (a, b) = (&samples[0], &samples[1]);
        let wins: f64 = a.iter().flat_map(|x| b.iter().map(move |y| win(*x, *y))).sum();
        wins / (a.len() * b.len()) as f64
    })
}

fn win(x: f64, y: f64) -> f64 {
    match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    }
}

/// `statistic` of the groups, and its percentiles over resamples of each group.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a length
fn bootstrap(groups: &[&[f64]], mut noise: Noise, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Interval {
    let value = statistic(&groups.iter().map(|group| group.to_vec()).collect::<Vec<_>>());
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let samples: Vec<Vec<f64>> = groups.iter().map(|group| resample(group, &mut noise)).collect();
            statistic(&samples)
        })
        .collect();
    resampled.sort_by(f64::total_cmp);
    let percentile = |share: f64| resampled[(share * (RESAMPLES - 1) as f64).round() as usize];
    Interval { value, low: percentile(0.025), high: percentile(0.975) }
}

/// As many draws from `group`, with replacement.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a length
fn resample(group: &[f64], noise: &mut Noise) -> Vec<f64> {
    let mut uniforms = vec![0.0; group.len()];
    noise.fill_f64(Base::Uniform, &mut uniforms);
    let index = |u: f64| ((u * group.len() as f64) as usize).min(group.len() - 1);
    uniforms.into_iter().map(|u| group[index(u)]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // what is exact

    use super::*;

    #[test]
    fn the_interquartile_mean_leaves_out_a_quarter_at_each_end() {
        assert_eq!(interquartile_mean(&[100.0, 1.0, 2.0, 3.0, -50.0, 4.0, 5.0, 0.0]), 2.5);
        assert_eq!(interquartile_mean(&[1.0, 2.0, 6.0]), 3.0);
        assert!(interquartile_mean(&[]).is_nan());
    }

    /// Against the normal interval of a mean, which the interquartile mean of normal runs has with a variance 1.2 times
    /// as large or so.
    #[test]
    fn intervals_have_the_width_of_their_error() {
        let mut runs = vec![0.0; 400];
        Noise::seeded(0).fill_f64(Base::Normal, &mut runs);
        let Interval { value, low, high } = interquartile_interval(&runs, Noise::seeded(1));
        assert!(low < value && value < high);
        let expected = 2.0 * 1.96 * 1.1 / 20.0;
        assert!((high - low - expected).abs() < 0.15 * expected, "{} {expected}", high - low);
        let alone = interquartile_interval(&[3.0], Noise::seeded(1));
        assert_eq!((alone.low, alone.value, alone.high), (3.0, 3.0, 3.0));
    }

    #[test]
    fn improvement_is_counted_over_pairs() {
        let better = probability_of_improvement(&[2.0, 3.0], &[1.0, 2.0], Noise::seeded(0));
        assert_eq!(better.value, (1.0 + 0.5 + 1.0 + 1.0) / 4.0);
        let same = probability_of_improvement(&[1.0; 5], &[1.0; 5], Noise::seeded(0));
        assert_eq!((same.low, same.value, same.high), (0.5, 0.5, 0.5));
    }
}
