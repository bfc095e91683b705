//! What two temperatures do, as a curve and as heat maps.

use anyhow::Result;

use super::curve::{Curve, figure_over_logarithm};
use super::drawing::{Anchor, Drawing, band, colour_bytes, png};
use crate::figure::two_temperatures::{Gradients, Sharpness, Temperatures};

/// How sharp samples are over the temperature.
#[must_use]
pub fn sharpness(temperatures: &Temperatures) -> String {
    let Temperatures { config, sharpness, .. } = temperatures;
    let curve = |name: &str, value: fn(&Sharpness) -> f64| Curve {
        name: name.into(),
        points: sharpness.iter().map(|at| (at.temperature, value(at))).collect(),
        band: Vec::new(),
    };
    let probabilities = curve("probabilities softmax(φ/τ)", |at| at.probabilities);
    let relaxed = Curve {
        band: sharpness.iter().map(|at| (at.relaxed_low, at.relaxed_high)).collect(),
        ..curve("relaxed sample softmax((φ + g)/τ)", |at| at.relaxed)
    };
    let title = format!("Sharpness of {} categories", config.logits.len());
    figure_over_logarithm(&title, "temperature τ", "largest entry (1: hard)", &[probabilities, relaxed])
}

/// The side of a heat map.
const SIDE: f64 = 240.0;
/// From one to the next.
const ACROSS: f64 = 405.0;
/// Pixels of each side of a cell, so that no renderer blurs its edges.
const CELL: usize = 12;
const LEFT: f64 = 70.0;
const TOP: f64 = 62.0;

/// One number of gradients.
struct Panel {
    title: &'static str,
    scale: &'static str,
    value: fn(&Gradients) -> f64,
    /// Whether colours follow its logarithm.
    logarithmic: bool,
}

const PANELS: [Panel; 3] = [
    Panel { title: "bias", scale: "|bias| / |exact gradient|", value: |at| at.bias, logarithmic: true },
    Panel {
        title: "noise of one gradient",
        scale: "deviation / |exact gradient|",
        value: |at| at.noise,
        logarithmic: true,
    },
    Panel {
        title: "direction of the mean",
        scale: "cosine to the exact gradient",
        value: |at| at.cosine,
        logarithmic: false,
    },
];

/// Bias, noise and direction of gradients over both temperatures.
///
/// # Errors
/// If a picture cannot be encoded.
pub fn heat_maps(temperatures: &Temperatures) -> Result<String> {
    let mut drawing = Drawing::new(LEFT + 3.0 * ACROSS - 60.0, TOP + SIDE + 62.0);
    for (index, panel) in PANELS.iter().enumerate() {
        heat_map(&mut drawing, LEFT + index as f64 * ACROSS, panel, temperatures)?;
    }
    Ok(drawing.finish())
}

fn heat_map(drawing: &mut Drawing, left: f64, panel: &Panel, temperatures: &Temperatures) -> Result<()> {
    let Temperatures { config, gradients, .. } = temperatures;
    let value = |at: &Gradients| if panel.logarithmic { (panel.value)(at).log10() } else { (panel.value)(at) };
    let values: Vec<f64> = gradients.iter().map(value).collect();
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let span = (high - low).max(1e-12);
    let side = config.points * CELL;
    let pixel = |index: usize| {
        let (row, column) = (index / side / CELL, index % side / CELL);
        // Forward temperatures rise from the bottom. What is not finite lies at the bottom of a logarithmic scale.
        let value = values[(config.points - 1 - row) * config.points + column].max(low);
        let [red, green, blue] = colour_bytes(band((value - low) / span));
        [red, green, blue, 255]
    };
    let picture = png(side, side, &(0..side * side).flat_map(pixel).collect::<Vec<u8>>())?;
    let frame = [[left, TOP], [left + SIDE, TOP], [left + SIDE, TOP + SIDE], [left, TOP + SIDE]];
    drawing.picture(frame[0], [SIDE, SIDE], &picture, &frame);
    drawing.outline(&frame);
    drawing.text([left + SIDE / 2.0, TOP - 22.0], 15, Anchor::Middle, panel.title);
    for (share, label) in ticks(config.lowest, config.highest, config.points) {
        let (x, y) = (left + share * SIDE, TOP + SIDE - share * SIDE);
        drawing.line([x, TOP + SIDE], [x, TOP + SIDE + 4.0]);
        drawing.text([x, TOP + SIDE + 18.0], 12, Anchor::Middle, &label);
        drawing.line([left - 4.0, y], [left, y]);
        drawing.text([left - 7.0, y + 4.0], 12, Anchor::End, &label);
    }
    drawing.text([left + SIDE / 2.0, TOP + SIDE + 42.0], 13, Anchor::Middle, "backward temperature");
    drawing.text_upwards([left - 48.0, TOP + SIDE / 2.0], 13, "forward temperature");
    let label = |x: f64| if panel.logarithmic { short(10.0_f64.powf(x)) } else { short(x) };
    let labels = [low, f64::midpoint(low, high), high].map(label);
    drawing.colour_bar([left + SIDE + 14.0, TOP], SIDE, labels.each_ref().map(String::as_str), panel.scale);
    Ok(())
}

/// 1, 2 and 5 times powers of ten within the axis: their places as shares of it, which begins and ends half a cell outside
/// the outermost temperatures. Of many, powers of ten alone.
fn ticks(lowest: f64, highest: f64, points: usize) -> Vec<(f64, String)> {
    let decades = (highest / lowest).log10();
    let digits: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let tens = (-7..=7).map(|power| 10.0_f64.powi(power));
    let candidates = tens.flat_map(|ten| digits.iter().map(move |digit| digit * ten));
    let within = candidates.filter(|tick| (lowest * (1.0 - 1e-9)..=highest * (1.0 + 1e-9)).contains(tick));
    let share = |tick: f64| ((tick / lowest).log10() / decades * (points - 1) as f64 + 0.5) / points as f64;
    within.map(|tick| (share(tick), short(tick))).collect()
}

/// Two digits that mean something.
fn short(x: f64) -> String {
    let size = x.abs();
    if size >= 10.0 {
        format!("{x:.0}")
    } else if size >= 1.0 {
        format!("{x:.1}").trim_end_matches(".0").into()
    } else if size >= 1e-3 {
        let text = format!("{x:.3}");
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else if x == 0.0 {
        "0".into()
    } else {
        format!("{x:.0e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::two_temperatures::{TwoTemperaturesConfig, compute};

    #[test]
    fn axes_have_round_ticks_at_their_places() {
        let ticks = ticks(0.1, 10.0, 21);
        assert_eq!(
            ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(),
            ["0.1", "0.2", "0.5", "1", "2", "5", "10"]
        );
        assert!((ticks[0].0 - 0.5 / 21.0).abs() < 1e-12 && (ticks[3].0 - 0.5).abs() < 1e-12);
        assert_eq!(
            [1234.0, 2.54, 0.0123, -0.4, 4e-5].map(short),
            ["1234", "2.5", "0.012", "-0.4", "4e-5"].map(String::from)
        );
    }

    #[test]
    fn both_figures_say_what_they_show() {
        let config = TwoTemperaturesConfig { points: 3, draws: 100, ..TwoTemperaturesConfig::default() };
        let temperatures = compute(&config).unwrap();
        let (curve, maps) = (sharpness(&temperatures), heat_maps(&temperatures).unwrap());
        for text in ["temperature τ", "largest entry", "relaxed sample"] {
            assert!(curve.contains(text), "{text}");
        }
        for text in ["forward temperature", "backward temperature", "bias", "noise of one gradient", "cosine"] {
            assert!(maps.contains(text), "{text}");
        }
        assert_eq!(maps.matches("<image").count(), 3);
        assert!(!maps.contains("NaN") && !maps.contains("inf"));
    }
}
