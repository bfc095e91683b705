//! Densities on the simplex of three categories, on both sides of the Laplace bridge.

use anyhow::Result;

use super::drawing::{Anchor, Drawing, band, colour_bytes, png};
use crate::figure::laplace_bridge::{Bridge, Bridges};

/// The side of a triangle.
const SIDE: f64 = 250.0;
/// From one triangle to the next.
const ACROSS: f64 = 335.0;
const LEFT: f64 = 45.0;
const TOP: f64 = 56.0;
/// Pixels of a picture for each unit of the drawing.
const PIXELS: f64 = 2.0;

/// The drawing: a row for each law, of the law, its approximation, and the law that this leads back to.
///
/// # Errors
/// If a density cannot be computed or a picture encoded.
pub fn figure(bridges: &Bridges) -> Result<String> {
    let (height, row) = (SIDE * HEIGHT, SIDE * HEIGHT + 118.0);
    let mut drawing = Drawing::new(LEFT + 3.0 * ACROSS + 45.0, TOP + row * bridges.bridges.len() as f64 - 36.0);
    for (column, title) in ["Dirichlet", "its logistic-normal approximation", "and back: Dirichlet"].iter().enumerate()
    {
        drawing.text([centre(column), 24.0], 16, Anchor::Middle, title);
    }
    let (points, lattice) = lattice();
    for (index, bridge) in bridges.bridges.iter().enumerate() {
        let top = TOP + index as f64 * row;
        let densities = densities(bridge, &points)?;
        let (highest, capped) = scale(&densities);
        for (column, density) in densities.iter().enumerate() {
            let left = LEFT + column as f64 * ACROSS;
            let corners = [[left + SIDE / 2.0, top], [left, top + height], [left + SIDE, top + height]];
            drawing.picture([left, top], [SIDE, height], &picture(&lattice, density, highest)?, &corners);
            drawing.outline(&corners);
            drawing.text([corners[0][0], top - 7.0], 12, Anchor::Middle, "y₁ = 1");
            drawing.text([left - 4.0, top + height + 16.0], 12, Anchor::Middle, "y₂ = 1");
            drawing.text([left + SIDE + 4.0, top + height + 16.0], 12, Anchor::Middle, "y₃ = 1");
        }
        let below = |line: u32| top + height + 36.0 + 18.0 * f64::from(line);
        let Bridge { concentration, loc, scale, back, .. } = bridge;
        drawing.text([centre(0), below(0)], 13, Anchor::Middle, &format!("α = {}", triple(concentration)));
        drawing.text([centre(1), below(0)], 13, Anchor::Middle, &format!("μ = {}, β = {}", triple(loc), triple(scale)));
        drawing.text([centre(1), below(1)], 13, Anchor::Middle, &distances(bridge));
        drawing.text([centre(2), below(0)], 13, Anchor::Middle, &format!("α = {}", triple(back)));
        let labels = [0.0, highest / 2.0, highest].map(short);
        let top_label = if capped { format!("≥ {}", labels[2]) } else { labels[2].clone() };
        let title = "density in y₁ and y₂ (uniform: 2)";
        drawing.colour_bar([LEFT + 3.0 * ACROSS - 45.0, top], height, [&labels[0], &labels[1], &top_label], title);
    }
    Ok(drawing.finish())
}

/// The divergence and the total variation, with their standard errors.
fn distances(bridge: &Bridge) -> String {
    format!(
        "KL from the Dirichlet {:.4} ± {:.4} nats, TV {:.4} ± {:.4}",
        bridge.kl, bridge.kl_standard_error, bridge.total_variation, bridge.total_variation_standard_error
    )
}

/// √3/2.
const HEIGHT: f64 = 0.866_025_403_784_438_6;

fn centre(column: usize) -> f64 {
    LEFT + column as f64 * ACROSS + SIDE / 2.0
}

/// Pixels of a picture: width, height, and for each the place of its point, if it has one.
struct Lattice {
    width: usize,
    height: usize,
    places: Vec<Option<usize>>,
}

/// The points of the simplex under the pixels of a triangle. Pixels at the edge have the nearest point inside.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a size
fn lattice() -> (Vec<[f64; 3]>, Lattice) {
    let (width, height) = ((SIDE * PIXELS) as usize, (SIDE * HEIGHT * PIXELS) as usize);
    let (mut points, mut places) = (Vec::new(), Vec::new());
    for row in 0..height {
        for column in 0..width {
            let first = 1.0 - (row as f64 + 0.5) / height as f64;
            let third = (column as f64 + 0.5) / width as f64 - first / 2.0;
            let y = [first, 1.0 - first - third, third];
            let edge = 1.5 / width as f64;
            if y.iter().any(|entry| *entry < -2.0 * edge) {
                places.push(None);
                continue;
            }
            // Half a pixel from the edge, where a density may be infinite.
            let inside = y.map(|entry| entry.max(edge / 3.0));
            let sum: f64 = inside.iter().sum();
            places.push(Some(points.len()));
            points.push(inside.map(|entry| entry / sum));
        }
    }
    (points, Lattice { width, height, places })
}

fn densities(bridge: &Bridge, points: &[[f64; 3]]) -> Result<[Vec<f64>; 3]> {
    let logarithms = [
        Bridge::dirichlet_log_density(bridge.concentration, points)?,
        bridge.approximate_log_density(points)?,
        Bridge::dirichlet_log_density(bridge.back, points)?,
    ];
    Ok(logarithms.map(|density| density.into_iter().map(f64::exp).collect()))
}

/// The top of the colours of a row, and whether densities go beyond: near an edge they may have no bound.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a length
fn scale(densities: &[Vec<f64>; 3]) -> (f64, bool) {
    let top = |density: &Vec<f64>| {
        let mut sorted = density.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted[sorted.len() - 1], sorted[(sorted.len() as f64 * 0.98) as usize])
    };
    let tops = densities.each_ref().map(top);
    let largest = tops.iter().map(|(largest, _)| *largest).fold(0.0, f64::max);
    let usual = tops.iter().map(|(_, usual)| *usual).fold(0.0, f64::max);
    if largest > 10.0 * usual { (usual, true) } else { (largest, false) }
}

/// Colours where there are points, nothing elsewhere.
fn picture(lattice: &Lattice, density: &[f64], highest: f64) -> Result<Vec<u8>> {
    let pixel = |place: &Option<usize>| match place {
        Some(place) => {
            let [red, green, blue] = colour_bytes(band(density[*place] / highest));
            [red, green, blue, 255]
        }
        None => [0; 4],
    };
    png(lattice.width, lattice.height, &lattice.places.iter().flat_map(pixel).collect::<Vec<u8>>())
}

fn triple(x: &[f64; 3]) -> String {
    format!("({})", x.map(short).join(", "))
}

/// Two decimals, without those that say nothing.
fn short(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::laplace_bridge::{LaplaceBridgeConfig, compute};

    #[test]
    fn numbers_are_short() {
        assert_eq!([2.0, -0.001, 0.5, 12.345].map(short), ["2", "0", "0.5", "12.35"].map(String::from));
    }

    /// Points are where their corners say: a law that prefers the first category is bright at the top.
    #[test]
    fn corners_are_where_their_labels_say() {
        let config = LaplaceBridgeConfig {
            concentrations: vec![[20.0, 1.0, 4.0]],
            draws: 100,
            ..LaplaceBridgeConfig::default()
        };
        let bridges = compute(&config).unwrap();
        let (points, lattice) = lattice();
        let density = &densities(&bridges.bridges[0], &points).unwrap()[0];
        let brightest = (0..lattice.places.len())
            .max_by(|&a, &b| {
                let at = |pixel: usize| lattice.places[pixel].map_or(-1.0, |place| density[place]);
                at(a).total_cmp(&at(b))
            })
            .unwrap();
        let (row, column) = (brightest / lattice.width, brightest % lattice.width);
        assert!(row < lattice.height / 4 && column > lattice.width / 2, "{row} {column}");
        let svg = figure(&bridges).unwrap();
        for text in ["α = (20, 1, 4)", "y₁ = 1", "nats, TV", "uniform: 2"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn densities_without_bound_do_not_darken_the_rest() {
        let config =
            LaplaceBridgeConfig { concentrations: vec![[0.3, 0.3, 0.3]], draws: 100, ..LaplaceBridgeConfig::default() };
        let svg = figure(&compute(&config).unwrap()).unwrap();
        assert!(svg.contains("≥ ") && !svg.contains("inf") && !svg.contains("NaN"));
    }
}
