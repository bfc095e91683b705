//! Pixels of a few colours.

use std::sync::Arc;

use super::scene::{Colour, Shape};

/// Steps from one colour to another at an edge.
const SHADES: u16 = 4;

/// A picture with a palette of at most 256 colours, as in a GIF.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: u16,
    height: u16,
    palette: Arc<[Colour]>,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture of the first of `colours`, whose palette holds the others and what lies between any two of them.
    ///
    /// # Panics
    /// If there are no colours, or more than 12.
    #[must_use]
    pub fn blank(width: u16, height: u16, colours: &[Colour]) -> Self {
        assert!((1..=12).contains(&colours.len()), "Picture: 1 to 12 colours, got {}", colours.len());
        let mut palette = colours.to_vec();
        for (i, &a) in colours.iter().enumerate() {
            for &b in &colours[i + 1..] {
                palette.extend((1..SHADES).map(|shade| mixed(a, b, shade)));
            }
        }
        let pixels = vec![0; usize::from(width) * usize::from(height)];
        Self { width, height, palette: palette.into(), pixels }
    }

    /// The width in pixels.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// The height in pixels.
    pub const fn height(&self) -> u16 {
        self.height
    }

    /// The colours that occur, and more.
    pub fn palette(&self) -> &[Colour] {
        &self.palette
    }

    /// The index in the palette of each pixel, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The colour of each pixel, row by row: what most formats want.
    pub fn rgb(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(|&pixel| self.palette[usize::from(pixel)]).collect()
    }

    /// Draws `shape` over what there is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the picture
    pub fn fill(&mut self, shape: &Shape, colour: Colour) {
        let [[left, top], [right, bottom]] = shape.bounds();
        // What becomes of each colour below, at each shade, once it has been worked out.
        let mut known = [[None; SHADES as usize + 1]; 256];
        let within = |x: f64, size: u16| x.clamp(0.0, f64::from(size)) as u16;
        for y in within(top - 1.0, self.height)..within(bottom + 2.0, self.height) {
            for x in within(left - 1.0, self.width)..within(right + 2.0, self.width) {
                // How much of the pixel an edge at this distance leaves covered.
                let outside = shape.distance([f64::from(x) + 0.5, f64::from(y) + 0.5]);
                let shade = ((0.5 - outside).clamp(0.0, 1.0) * f64::from(SHADES)).round() as u16;
                let pixel = usize::from(y) * usize::from(self.width) + usize::from(x);
                if shade > 0 {
                    let below = usize::from(self.pixels[pixel]);
                    self.pixels[pixel] = *known[below][usize::from(shade)]
                        .get_or_insert_with(|| self.nearest(mixed(self.palette[below], colour, shade)));
                }
            }
        }
    }

    /// Puts `other` at `(x, 0)`, which must be of the same colours.
    pub(super) fn paste(&mut self, other: &Self, x: usize) {
        let (width, wide) = (usize::from(self.width), usize::from(other.width));
        for (row, from) in self.pixels.chunks_exact_mut(width).zip(other.pixels.chunks_exact(wide)) {
            row[x..x + wide].copy_from_slice(from);
        }
    }

    /// The entry of the palette that is most like `colour`.
    #[allow(clippy::cast_possible_truncation)] // the palette has at most 12 + 66 · 3 entries
    fn nearest(&self, colour: Colour) -> u8 {
        let distance =
            |entry: &Colour| -> u32 { entry.iter().zip(colour).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
        let nearest = self.palette.iter().enumerate().min_by_key(|(_, entry)| distance(entry));
        nearest.map_or(0, |(index, _)| index as u8)
    }
}

/// `shade` quarters of `b`, the rest of `a`.
#[allow(clippy::cast_possible_truncation)] // a mean of bytes
fn mixed(a: Colour, b: Colour, shade: u16) -> Colour {
    std::array::from_fn(|i| {
        ((u16::from(a[i]) * (SHADES - shade) + u16::from(b[i]) * shade + SHADES / 2) / SHADES) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURS: [Colour; 3] = [[255, 255, 255], [0, 0, 0], [200, 0, 0]];

    /// How much of the picture is dark.
    fn darkness(shape: Shape) -> f64 {
        let mut picture = Picture::blank(100, 80, &COLOURS);
        picture.fill(&shape, COLOURS[1]);
        picture.rgb().iter().map(|&x| f64::from(255 - x) / 255.0 / 3.0).sum()
    }

    #[test]
    fn shapes_cover_their_area() {
        let disc = |centre, radius| Shape::Disc { centre, radius };
        let bar = |from, to, half_width| Shape::Bar { from, to, half_width };
        for (shape, area) in [
            (Shape::rectangle([10.0, 20.0], [30.0, 25.0]), 100.0),
            (disc([50.0, 40.0], 20.0), 400.0 * std::f64::consts::PI),
            (bar([20.0, 20.0], [50.0, 60.0], 5.0), 500.0),
            (disc([0.0, 40.0], 20.0), 200.0 * std::f64::consts::PI), // half of it is outside
            (bar([-500.0, 40.0], [500.0, 40.0], 5.0), 1000.0),
            (disc([500.0, 40.0], 20.0), 0.0),
            (disc([f64::INFINITY, 40.0], 20.0), 0.0),
        ] {
            let darkness = darkness(shape);
            assert!((darkness - area).abs() <= 0.02 * area, "{shape:?}: {darkness} {area}");
        }
    }

    #[test]
    fn an_upper_shape_hides_a_lower_one() {
        let mut picture = Picture::blank(9, 9, &COLOURS);
        let all = Shape::rectangle([0.0, 0.0], [9.0, 9.0]);
        picture.fill(&all, COLOURS[1]);
        picture.fill(&all, COLOURS[2]);
        assert_eq!(picture.rgb(), COLOURS[2].repeat(81));
    }
}
