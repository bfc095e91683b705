//! A drawing of one's own as SVG, where no kind of plot fits.

use std::fmt::Write;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kuva::plot::ColorMap;

use super::page::escape;

/// Text and shapes on a white ground, in the look of the other figures.
#[derive(Debug)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

/// Where text stands: to the right of its point, around it, or to the left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn text(&mut self, [x, y]: [f64; 2], size: u32, anchor: Anchor, content: &str) {
        let (anchor, content) = (anchor.name(), escape(content));
        let _ = write!(
            self.body,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{content}</text>"
        );
    }

    /// Text that is read from below.
    pub(super) fn text_upwards(&mut self, [x, y]: [f64; 2], size: u32, content: &str) {
        let content = escape(content);
        let _ = write!(
            self.body,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"middle\" \
             transform=\"rotate(-90,{x:.2},{y:.2})\">{content}</text>"
        );
    }

    /// A line in the colour of the axes.
    pub(super) fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        let _ = write!(
            self.body,
            "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\" stroke=\"#000000\" stroke-width=\"1\" />"
        );
    }

    pub(super) fn rectangle(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], fill: &str) {
        let _ = write!(
            self.body,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{fill}\" />"
        );
    }

    /// The outline of a polygon.
    pub(super) fn outline(&mut self, corners: &[[f64; 2]]) {
        let points = points(corners);
        let _ = write!(
            self.body,
            "<polygon points=\"{points}\" fill=\"none\" stroke=\"#000000\" stroke-width=\"1.2\" stroke-linejoin=\"round\" />"
        );
    }

    /// A PNG picture in a box, of which only what lies in the polygon is seen.
    pub(super) fn picture(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], png: &[u8], within: &[[f64; 2]]) {
        let (clip, points) = (self.body.matches("<clipPath").count(), points(within));
        let data = STANDARD.encode(png);
        let _ = write!(
            self.body,
            "<defs><clipPath id=\"clip-{clip}\"><polygon points=\"{points}\" /></clipPath></defs><image x=\"{x:.2}\" \
             y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" preserveAspectRatio=\"none\" \
             clip-path=\"url(#clip-{clip})\" href=\"data:image/png;base64,{data}\" />"
        );
    }

    /// Steps of colour from `low` at the bottom to `high` at the top, with labels at ends and middle.
    pub(super) fn colour_bar(&mut self, [x, y]: [f64; 2], height: f64, labels: [&str; 3], title: &str) {
        let width = 14.0;
        let step = height / BANDS as f64;
        for band in 0..BANDS {
            let top = y + height - (band + 1) as f64 * step;
            // A little more, or a seam may be seen between two.
            self.rectangle([x, top], [width, step + 0.4], &colour(band as f64 / (BANDS - 1) as f64));
        }
        self.outline(&[[x, y], [x + width, y], [x + width, y + height], [x, y + height]]);
        for (index, label) in labels.into_iter().enumerate() {
            let at = y + height * (1.0 - index as f64 / 2.0);
            self.line([x + width, at], [x + width + 4.0, at]);
            self.text([x + width + 7.0, at + 4.0], 12, Anchor::Start, label);
        }
        self.text_upwards([x + width + 62.0, y + height / 2.0], 12, title);
    }

    /// The SVG file.
    pub(super) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"DejaVu Sans, Verdana, Liberation Sans, Arial, sans-serif\" fill=\"black\"><rect width=\"100%\" \
             height=\"100%\" fill=\"white\" />{body}</svg>"
        )
    }
}

fn points(corners: &[[f64; 2]]) -> String {
    corners.iter().map(|[x, y]| format!("{x:.2},{y:.2}")).collect::<Vec<_>>().join(" ")
}

/// Steps of colour: edges between them are lines of equal height.
pub(super) const BANDS: usize = 12;

/// The colour of a share of the scale, in steps.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
pub(super) fn band(share: f64) -> f64 {
    let band = (share.clamp(0.0, 1.0) * BANDS as f64) as usize;
    band.min(BANDS - 1) as f64 / (BANDS - 1) as f64
}

/// As `#rrggbb`.
pub(super) fn colour(share: f64) -> String {
    ColorMap::Viridis.map(share)
}

/// As bytes.
pub(super) fn colour_bytes(share: f64) -> [u8; 3] {
    ColorMap::Viridis.map_rgb(share).map_or([0, 0, 0], |(red, green, blue)| [red, green, blue])
}

/// Pixels of red, green, blue and opacity, row by row, as a PNG file.
pub(super) fn png(width: usize, height: usize, pixels: &[u8]) -> Result<Vec<u8>> {
    let size = |pixels: usize| u32::try_from(pixels).context("the picture is too large for PNG");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size(width)?, size(height)?);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().context("the picture cannot be encoded")?;
    writer.write_image_data(pixels).context("the picture cannot be encoded")?;
    writer.finish().context("the picture cannot be encoded")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_escapes_its_text_and_counts_its_clips() {
        let mut drawing = Drawing::new(10.0, 20.0);
        drawing.text([1.0, 2.0], 12, Anchor::End, "a < b & \"c\"");
        drawing.picture([0.0, 0.0], [1.0, 1.0], b"png", &[[0.0, 0.0]]);
        drawing.picture([0.0, 0.0], [1.0, 1.0], b"png", &[[0.0, 0.0]]);
        let svg = drawing.finish();
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;") && svg.contains("url(#clip-1)"), "{svg}");
    }

    #[test]
    fn colours_come_in_steps() {
        assert_eq!(
            [band(-1.0), band(0.0), band(0.99), band(2.0)].map(colour),
            ["#440154", "#440154", "#fde725", "#fde725"]
        );
        let [red, green, blue] = colour_bytes(band(0.5));
        assert_eq!(colour(band(0.5)), format!("#{red:02x}{green:02x}{blue:02x}"));
    }
}
