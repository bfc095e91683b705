//! Curves over training steps as SVG.

use kuva::backend::svg::SvgBackend;
use kuva::plot::{LinePlot, LineStyle};
use kuva::render::layout::{Layout, TickFormat};
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

/// Lines of the first round of colours, then of the next.
const STYLES: [LineStyle; 4] = [LineStyle::Solid, LineStyle::Dashed, LineStyle::Dotted, LineStyle::DashDot];

/// The plots of `curves`: colours in turn, and where they start again another kind of line.
pub(super) fn lines(curves: &[Curve]) -> Vec<Plot> {
    let looks = STYLES.iter().flat_map(|style| COLOURS.iter().map(move |colour| (style, colour))).cycle();
    let line = |(curve, (style, colour)): (&Curve, (&LineStyle, &&str))| {
        let line = LinePlot::new().with_data(curve.points.iter().copied()).with_color(*colour);
        let line = match curve.band.as_slice() {
            [] => line,
            band => line.with_band(band.iter().map(|(low, _)| *low), band.iter().map(|(_, high)| *high)),
        };
        let line = line.with_line_style(style.clone()).with_stroke_width(2.0);
        Plot::Line(line.with_legend(curve.name.as_str()))
    };
    curves.iter().zip(looks).map(line).collect()
}

/// A figure of `curves` over one horizontal axis.
#[must_use]
pub fn figure(title: &str, x_label: &str, y_label: &str, curves: &[Curve]) -> String {
    drawn(title, x_label, y_label, curves, |layout| layout)
}

/// The same over a logarithmic axis.
#[must_use]
pub fn figure_over_logarithm(title: &str, x_label: &str, y_label: &str, curves: &[Curve]) -> String {
    let xs = || curves.iter().flat_map(|curve| &curve.points).map(|(x, _)| *x);
    let (low, high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
    let decimals = (-low.log10()).ceil().clamp(0.0, 6.0) as usize;
    let axes = |layout: Layout| {
        layout.with_log_x().with_x_axis_min(low).with_x_axis_max(high).with_x_tick_format(TickFormat::Fixed(decimals))
    };
    drawn(title, x_label, y_label, curves, axes)
}

/// Learning curves of agents.
#[must_use]
pub fn learning_curves(title: &str, curves: &[Curve]) -> String {
    figure(
        title,
        "environment steps",
        "evaluation reward: interquartile mean over seeds, 95 % bootstrap interval",
        curves,
    )
}

fn drawn(title: &str, x_label: &str, y_label: &str, curves: &[Curve], axes: impl Fn(Layout) -> Layout) -> String {
    let plots = lines(curves);
    let layout = Layout::auto_from_plots(&plots).with_title(title).with_x_label(x_label).with_y_label(y_label);
    SvgBackend.render_scene(&render_multiple(plots, axes(layout)))
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
