//! The curves of the toy problem as one figure.

use std::f64::consts::LN_10;

use kuva::backend::svg::SvgBackend;
use kuva::render::annotations::ReferenceLine;
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;

use super::curve::{Curve, lines};
use crate::toy::config::ToyConfig;
use crate::toy::train::{Point, optimum};

/// What the figure of a run is called.
#[must_use]
pub fn title(config: &ToyConfig) -> String {
    let ToyConfig { seeds, learning_rate, seed, .. } = config;
    format!("E[(b - t)^2], {seeds} seeds, Adam at {learning_rate}, seed {seed}")
}

/// Loss above log-variance, one column for each target; bands are two standard errors over the seeds. A curve is the
/// points of one estimator at one target.
#[must_use]
pub fn figure(title: &str, curves: &[&[Point]]) -> String {
    let curves: Vec<&[Point]> = curves.iter().copied().filter(|points| !points.is_empty()).collect();
    let mut targets: Vec<f64> = curves.iter().map(|points| points[0].target).collect();
    targets.dedup();
    let panel = |target: f64, value: fn(&Point) -> Option<(f64, f64)>| -> Vec<Plot> {
        let of_target = curves.iter().filter(|points| points[0].target.total_cmp(&target).is_eq());
        lines(&of_target.map(|points| curve(points, value)).collect::<Vec<_>>())
    };
    let losses = targets.iter().map(|&target| panel(target, |point| Some((point.loss, point.loss_standard_error))));
    let variances = targets.iter().map(|&target| {
        panel(target, |point| {
            Some((point.log_variance? / LN_10, point.variance_standard_error / point.variance / LN_10))
        })
    });
    let plots: Vec<Vec<Plot>> = losses.chain(variances).collect();
    let layout = |(index, plots): (usize, &Vec<Plot>)| {
        let target = targets[index % targets.len()];
        let layout = Layout::auto_from_plots(plots).with_x_label("step").with_title(format!("t = {target}"));
        if index < targets.len() {
            let line = ReferenceLine::horizontal(optimum(target)).with_color("black").with_label("infimum");
            layout.with_y_label("loss").with_y_tick_format(TickFormat::Fixed(4)).with_reference_line(line)
        } else {
            layout.with_y_label("log10 of the variance of one gradient")
        }
    };
    let layouts = plots.iter().enumerate().map(layout).collect();
    let figure = Figure::new(2, targets.len())
        .with_title(title)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_cell_size(620.0, 420.0)
        .with_shared_legend();
    SvgBackend.render_scene(&figure.render())
}

/// The points that have a value; without any it still takes its colour.
fn curve(of: &[Point], value: fn(&Point) -> Option<(f64, f64)>) -> Curve {
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for point in of {
        if let Some((mean, error)) = value(point) {
            points.push((point.step as f64, mean));
            band.push((mean - 2.0 * error, mean + 2.0 * error));
        }
    }
    Curve { name: of[0].estimator.clone(), points, band }
}
