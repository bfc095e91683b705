//! What there is to see, before it is drawn.

use super::Picture;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// A thing of one colour; lengths are in pixels, from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A disc.
    Disc {
        /// Its centre.
        centre: [f64; 2],
        /// Its radius.
        radius: f64,
    },
    /// A rectangle of any direction.
    Bar {
        /// The middle of one end.
        from: [f64; 2],
        /// The middle of the other.
        to: [f64; 2],
        /// Half of its width.
        half_width: f64,
    },
}

impl Shape {
    /// The upright rectangle between two corners.
    #[must_use]
    pub fn rectangle([left, top]: [f64; 2], [right, bottom]: [f64; 2]) -> Self {
        let middle = f64::midpoint(top, bottom);
        Self::Bar { from: [left, middle], to: [right, middle], half_width: (bottom - top) / 2.0 }
    }

    /// How far `point` is outside, or, negative, inside.
    pub fn distance(&self, point: [f64; 2]) -> f64 {
        match *self {
            Self::Disc { centre, radius } => length(difference(point, centre)) - radius,
            Self::Bar { from, to, half_width } => {
                let axis = difference(to, from);
                let half_length = length(axis) / 2.0;
                // A bar without length has no direction; any will do.
                let [dx, dy] = if half_length > 0.0 { axis.map(|x| x / (2.0 * half_length)) } else { [1.0, 0.0] };
                let [x, y] = difference(point, [f64::midpoint(from[0], to[0]), f64::midpoint(from[1], to[1])]);
                let beyond = [(x * dx + y * dy).abs() - half_length, (x * dy - y * dx).abs() - half_width];
                length(beyond.map(|x| x.max(0.0))) + beyond[0].max(beyond[1]).min(0.0)
            }
        }
    }

    /// The corners of an upright rectangle that holds the shape.
    pub(super) fn bounds(&self) -> [[f64; 2]; 2] {
        let (a, b, reach) = match *self {
            Self::Disc { centre, radius } => (centre, centre, radius),
            Self::Bar { from, to, half_width } => (from, to, half_width),
        };
        [[a[0].min(b[0]) - reach, a[1].min(b[1]) - reach], [a[0].max(b[0]) + reach, a[1].max(b[1]) + reach]]
    }
}

fn difference(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn length([x, y]: [f64; 2]) -> f64 {
    x.hypot(y)
}

/// Shapes, one over the other, on a background.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The width in pixels.
    pub width: u16,
    /// The height in pixels.
    pub height: u16,
    /// The colours of the scene, at most 12; the first is the background's.
    pub colours: &'static [Colour],
    /// The shapes from the lowest to the highest, each with the index of its colour.
    pub shapes: Vec<(Shape, usize)>,
}

impl Scene {
    /// Draws it, with smooth edges.
    ///
    /// # Panics
    /// If there are no colours, more than 12, or a shape of another one.
    #[must_use]
    pub fn draw(&self) -> Picture {
        let mut picture = Picture::blank(self.width, self.height, self.colours);
        for (shape, colour) in &self.shapes {
            picture.fill(shape, self.colours[*colour]);
        }
        picture
    }
}
