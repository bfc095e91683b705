//! The curves of the toy problem as one figure.

use std::f64::consts::LN_10;

use kuva::backend::svg::SvgBackend;
use kuva::render::annotations::ReferenceLine;
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;

use super::curve::{Curve, lines};
use crate::toy::train::{Curves, Point, optimum};

/// Loss above log-variance, one column for each target; bands are two standard errors over the seeds.
#[must_use]
pub fn figure(title: &str, curves: &[Curves]) -> String {
    let mut targets: Vec<f64> = curves.iter().map(|curves| curves.target).collect();
    targets.dedup();
    let panel = |target: f64, value: fn(&Point) -> Option<(f64, f64)>| -> Vec<Plot> {
        let of_target = curves.iter().filter(|curves| curves.target.total_cmp(&target).is_eq());
        lines(&of_target.map(|curves| curve(curves, value)).collect::<Vec<_>>())
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
fn curve(curves: &Curves, value: fn(&Point) -> Option<(f64, f64)>) -> Curve {
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for point in &curves.points {
        if let Some((mean, error)) = value(point) {
            points.push((point.step as f64, mean));
            band.push((mean - 2.0 * error, mean + 2.0 * error));
        }
    }
    Curve { name: curves.estimator.into(), points, band }
}
