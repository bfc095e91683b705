//! Draws of a law against its density, as SVG.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Tensor, TensorData};
use kuva::backend::svg::SvgBackend;
use kuva::plot::ternary::TernaryPlot;
use kuva::plot::{BarPlot, Histogram, LinePlot};
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use relaxit::support::Support;

use super::curve::COLOURS;
use crate::laws::{Instance, values};

/// Bins of a histogram.
const BINS: usize = 60;
/// Points of a density.
const POINTS: usize = 600;
/// Bars at most.
const BARS: usize = 64;
/// Points in a triangle at most: more are one blot, and a large file.
const MARKERS: usize = 2000;
/// A value that makes up more than this part of the draws of a continuous law is an atom.
const ATOM: f64 = 0.005;

/// What kind of picture suits a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Frequencies beside probabilities.
    Bars,
    /// A histogram under the density, of the only free coordinate.
    Histogram,
    /// Points of the simplex with three corners.
    Triangle,
}

impl Picture {
    /// The picture of this law.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn of(instance: &dyn Instance) -> Result<Self, String> {
        let entries = instance.entries();
        let on_simplex = matches!(instance.support(), Support::Simplex | Support::LogSimplex);
        let in_triangle = on_simplex || matches!(instance.support(), Support::ScaledSimplex(_));
        match instance.outcomes() {
            Some(outcomes) if instance.is_vector() && outcomes.len() <= BARS => Ok(Self::Bars),
            Some(outcomes) if !instance.is_vector() && entries * outcomes.len() <= BARS => Ok(Self::Bars),
            Some(_) => Err(format!("a picture shows at most {BARS} bars")),
            None if in_triangle && entries == 3 => Ok(Self::Triangle),
            None if entries == 1 || (on_simplex && entries == 2) => Ok(Self::Histogram),
            None => Err("a picture shows one entry, two or three categories, or a few outcomes".into()),
        }
    }
}

/// The picture of `draws`, as SVG.
#[must_use]
pub fn picture(kind: Picture, name: &str, instance: &dyn Instance, draws: &[Vec<f64>]) -> String {
    let mut tick_step = None;
    let (plots, x_label, y_label, note) = match kind {
        Picture::Bars => (bars(instance, draws), "outcome", "probability", None),
        Picture::Triangle => (triangle(instance, draws), "", "", None),
        Picture::Histogram => {
            let xs: Vec<f64> = draws.iter().map(|draw| draw[0]).collect();
            let integers = xs.iter().all(|x| x.fract() == 0.0);
            if integers && !is_continuous(instance.support()) {
                (counts(instance, &xs), "x", "probability", None)
            } else {
                let (plots, step, note) = histogram(instance, &xs);
                tick_step = Some(step);
                (plots, "x", "density", note)
            }
        }
    };
    let mut layout = Layout::auto_from_plots(&plots)
        .with_title(format!("{name}, {} draws", draws.len()))
        .with_x_label(x_label)
        .with_y_label(y_label);
    if let Some(note) = note {
        layout = layout.with_subtitle(note);
    }
    if let Some(step) = tick_step {
        layout = layout.with_x_tick_step(step);
    }
    SvgBackend.render_scene(&render_multiple(plots, layout))
}

fn is_continuous(support: Support) -> bool {
    matches!(support, Support::Real | Support::UnitInterval | Support::Simplex | Support::LogSimplex)
}

fn tensor(rows: usize, entries: usize, x: Vec<f64>) -> Tensor<2> {
    Tensor::from_data(TensorData::new(x, [rows, entries]), (&Device::flex(), DType::F64))
}

/// Pairs of bars: how often, and how probable.
fn grouped(bars: impl IntoIterator<Item = (String, f64, Option<f64>)>) -> Vec<Plot> {
    let mut plot = BarPlot::new();
    let mut legend = vec!["draws"];
    for (label, frequency, probability) in bars {
        let mut pair = vec![(frequency, COLOURS[5])];
        if let Some(probability) = probability {
            pair.push((probability, COLOURS[1]));
            legend = vec!["draws", "law"];
        }
        plot = plot.with_group(label, pair);
    }
    vec![Plot::Bar(plot.with_legend(legend))]
}

/// Every outcome; of laws of scalars, every outcome of every entry.
fn bars(instance: &dyn Instance, draws: &[Vec<f64>]) -> Vec<Plot> {
    let (entries, n) = (instance.entries(), draws.len() as f64);
    let frequency = |is_it: &dyn Fn(&[f64]) -> bool| draws.iter().filter(|draw| is_it(draw)).count() as f64 / n;
    let mut rows = Vec::new();
    for outcome in instance.outcomes().unwrap_or_default() {
        let log_prob = instance.log_prob(outcome.clone()).map(values);
        let outcome = values(outcome);
        if instance.is_vector() {
            let probability = log_prob.map(|log_prob| log_prob[0].exp());
            rows.push((0, label(&outcome, instance.support()), frequency(&|draw| draw == outcome), probability));
        } else {
            for entry in 0..entries {
                let probability = log_prob.as_ref().map(|log_prob| log_prob[entry].exp());
                let x = outcome[entry];
                let label = if entries == 1 { x.to_string() } else { format!("x{entry} = {x}") };
                rows.push((entry, label, frequency(&|draw| (draw[entry] - x).abs() < 0.5), probability));
            }
        }
    }
    rows.sort_by_key(|row| row.0);
    grouped(rows.into_iter().map(|(_, label, frequency, probability)| (label, frequency, probability)))
}

fn label(outcome: &[f64], support: Support) -> String {
    match outcome.iter().position(|x| *x > 0.5) {
        Some(index) if support == Support::OneHot => index.to_string(),
        _ => outcome.iter().map(ToString::to_string).collect(),
    }
}

/// Bars of whole numbers, those that were drawn most.
fn counts(instance: &dyn Instance, xs: &[f64]) -> Vec<Plot> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for x in xs {
        #[allow(clippy::cast_possible_truncation)] // whole, and saturating where they are not
        let key = *x as i64;
        *counts.entry(key).or_default() += 1;
    }
    let mut frequent: Vec<_> = counts.into_iter().collect();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    frequent.truncate(BARS);
    frequent.sort_unstable();
    let points: Vec<f64> = frequent.iter().map(|(x, _)| *x as f64).collect();
    let log_prob = instance.log_prob(tensor(points.len(), 1, points)).map(values);
    grouped(frequent.into_iter().enumerate().map(|(index, (x, count))| {
        let probability = log_prob.as_ref().map(|log_prob| log_prob[index].exp());
        (x.to_string(), count as f64 / xs.len() as f64, probability)
    }))
}

/// A histogram and the density; atoms are told rather than drawn.
fn histogram(instance: &dyn Instance, xs: &[f64]) -> (Vec<Plot>, f64, Option<String>) {
    let n = xs.len() as f64;
    let mut sorted = xs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let runs: Vec<&[f64]> = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).collect();
    let atoms: Vec<_> = runs.iter().filter(|run| run.len() > 1 && run.len() as f64 > ATOM * n).collect();
    let note = atoms.iter().map(|run| format!("P(x = {}) ≈ {:.3}", run[0], run.len() as f64 / n)).collect::<Vec<_>>();
    let smooth: Vec<f64> =
        sorted.iter().copied().filter(|x| atoms.iter().all(|run| run[0].total_cmp(x).is_ne())).collect();

    let (low, high) = match instance.support() {
        Support::UnitInterval | Support::Simplex => (0.0, 1.0),
        // Without the last thousandth on either side, which may reach far.
        _ if smooth.is_empty() => (0.0, 1.0),
        _ => {
            let (low, high) = (smooth[smooth.len() / 1000], smooth[smooth.len() - 1 - smooth.len() / 1000]);
            let room = low.abs().max(high.abs()).max(1e-300) * 1e-9;
            round(low - room, high + room)
        }
    };
    let high = if instance.support() == Support::LogSimplex { high.min(0.0) } else { high };
    let width = (high - low) / BINS as f64;
    let edges: Vec<f64> = (0..=BINS).map(|edge| low + edge as f64 * width).collect();
    let mut heights = vec![0.0; BINS];
    for x in smooth {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // inside, or left out
        let bin = ((x - low) / width) as usize;
        if x >= low && x <= high {
            heights[bin.min(BINS - 1)] += 1.0 / (n * width);
        }
    }
    let tallest = heights.iter().copied().fold(0.0, f64::max);
    let bars = Histogram::from_bins(edges, heights).with_color(COLOURS[5]).with_legend("draws");
    let mut plots = vec![Plot::Histogram(bars)];
    let step = (high - low) / POINTS as f64;
    let grid: Vec<f64> = (0..POINTS).map(|point| low + (point as f64 + 0.5) * step).collect();
    if let Some(density) = density(instance, &grid) {
        // A density may be infinite at the edge of its support.
        let line = grid.into_iter().zip(density.into_iter().map(|y| y.min(1.25 * tallest)));
        let line = LinePlot::new().with_data(line).with_color(COLOURS[1]).with_stroke_width(2.0);
        plots.push(Plot::Line(line.with_legend("density")));
    }
    (plots, tick_step(low, high), (!note.is_empty()).then(|| note.join(", ")))
}

/// The smallest of 1, 2 and 5 times a power of ten that gives at most ten ticks.
fn tick_step(low: f64, high: f64) -> f64 {
    let least = (high - low) / 10.0;
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// The interval, grown to whole ticks.
fn round(low: f64, high: f64) -> (f64, f64) {
    let step = tick_step(low, high);
    ((low / step).floor() * step, (high / step).ceil() * step)
}

/// The density of the first coordinate.
fn density(instance: &dyn Instance, grid: &[f64]) -> Option<Vec<f64>> {
    let points = match (instance.entries(), instance.support()) {
        (1, _) => grid.to_vec(),
        (_, Support::LogSimplex) => grid.iter().flat_map(|x| [*x, (-x.exp()).ln_1p()]).collect(),
        _ => grid.iter().flat_map(|x| [*x, 1.0 - x]).collect(),
    };
    let log_prob = values(instance.log_prob(tensor(grid.len(), instance.entries(), points))?);
    // That of a log-simplex is with respect to the log-ratio: dx₀ = (1 − eˣ⁰) d(x₀ − x₁).
    let jacobian = |x: f64| match instance.support() {
        Support::LogSimplex => 1.0 / (1.0 - x.exp()),
        _ => 1.0,
    };
    Some(log_prob.iter().zip(grid).map(|(log_prob, x)| log_prob.exp() * jacobian(*x)).collect())
}

fn triangle(instance: &dyn Instance, draws: &[Vec<f64>]) -> Vec<Plot> {
    let support = instance.support();
    let points = draws.iter().take(MARKERS).map(|draw| {
        let at = |entry: usize| match support {
            Support::LogSimplex => draw[entry].exp(),
            Support::ScaledSimplex(sum) => draw[entry] / sum as f64,
            _ => draw[entry],
        };
        (at(0), at(1), at(2))
    });
    let plot = TernaryPlot::new().with_points(points).with_corner_labels("0", "1", "2");
    vec![Plot::Ternary(plot.with_marker_size(2.0).with_marker_opacity(0.4))]
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // of numbers that are exact
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(tick_step(0.0, 1.0), 0.1);
        assert_eq!(tick_step(-2.3, 7.2), 1.0);
        assert_eq!(round(-2.3, 7.2), (-3.0, 8.0));
        assert_eq!(round(-31.0, 1.0), (-35.0, 5.0));
        let (low, high) = round(1e9 - 1.0, 1e9 + 1.0);
        assert!(low <= 1e9 - 1.0 && high >= 1e9 + 1.0 && high - low < 3.0);
    }
}
