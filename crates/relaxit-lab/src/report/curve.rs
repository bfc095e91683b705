//! Curves over training steps as SVG.

use kuva::backend::svg::SvgBackend;
use kuva::plot::LinePlot;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;

/// One line of a figure.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
    /// The low and the high end of an interval around each point; empty without intervals.
    pub band: Vec<(f64, f64)>,
}

/// Colours that stay apart in print and for the colour-blind (Okabe & Ito).
pub(super) const COLOURS: [&str; 6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

/// A figure of `curves` over one horizontal axis.
#[must_use]
pub fn figure(title: &str, x_label: &str, y_label: &str, curves: &[Curve]) -> String {
    let plots: Vec<Plot> = curves
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|(curve, colour)| {
            let line = LinePlot::new().with_data(curve.points.iter().copied()).with_color(*colour);
            let line = match curve.band.as_slice() {
                [] => line,
                band => line.with_band(band.iter().map(|(low, _)| *low), band.iter().map(|(_, high)| *high)),
            };
            Plot::Line(line.with_stroke_width(2.0).with_legend(curve.name.as_str()))
        })
        .collect();
    let layout = Layout::auto_from_plots(&plots).with_title(title).with_x_label(x_label).with_y_label(y_label);
    SvgBackend.render_scene(&render_multiple(plots, layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_names_its_axes_and_curves() {
        let curve = Curve { name: "loss".into(), points: vec![(1.0, 3.0), (2.0, 2.0)], band: Vec::new() };
        let svg = figure("A run", "step", "nats", std::slice::from_ref(&curve));
        let banded = Curve { band: vec![(2.5, 3.5), (1.5, 2.5)], ..curve };
        let see_through = |svg: &str| svg.matches("opacity").count();
        assert!(see_through(&figure("A run", "step", "nats", &[banded])) > see_through(&svg));
        assert!(svg.contains("<svg"));
        for text in ["A run", "step", "nats", "loss"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
