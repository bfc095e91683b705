//! Grids of grey images as PNG.

use anyhow::{Context, Result};

use crate::mnist::SIDE;

/// Every image pixel becomes a square of this side.
const SCALE: usize = 2;
/// Grey pixels between images.
const GAP: usize = 2;

/// A grey picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Digits of intensities in [0, 1], row by row in `columns` columns, on a grey ground.
    ///
    /// # Panics
    /// If `columns` is 0 or a tile is not a whole digit.
    #[must_use]
    pub fn grid(tiles: &[Vec<f32>], columns: usize) -> Self {
        let cell = SIDE * SCALE + GAP;
        let rows = tiles.len().div_ceil(columns).max(1);
        let (width, height) = (columns * cell + GAP, rows * cell + GAP);
        let mut pixels = vec![96; width * height];
        for (index, tile) in tiles.iter().enumerate() {
            let (left, top) = (GAP + index % columns * cell, GAP + index / columns * cell);
            for y in 0..SIDE * SCALE {
                for x in 0..SIDE * SCALE {
                    pixels[(top + y) * width + left + x] = grey(tile[y / SCALE * SIDE + x / SCALE]);
                }
            }
        }
        Self { width, height, pixels }
    }

    /// This picture as a PNG file.
    ///
    /// # Errors
    /// If it is too large for the format.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let size = |pixels: usize| u32::try_from(pixels).context("the picture is too large for PNG");
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, size(self.width)?, size(self.height)?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().context("the picture cannot be encoded")?;
        writer.write_image_data(&self.pixels).context("the picture cannot be encoded")?;
        writer.finish().context("the picture cannot be encoded")?;
        Ok(bytes)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0..=255
fn grey(intensity: f32) -> u8 {
    (intensity.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_where_they_should() {
        let (black, white) = (vec![0.0; SIDE * SIDE], vec![1.0; SIDE * SIDE]);
        let picture = Picture::grid(&[black, white], 2);
        assert_eq!((picture.width, picture.height), (2 * 58 + 2, 58 + 2));
        let at = |x: usize, y: usize| picture.pixels[y * picture.width + x];
        assert_eq!([at(0, 0), at(2, 2), at(57, 57), at(58, 30), at(60, 2)], [96, 0, 0, 96, 255]);
        assert!(picture.to_png().unwrap().starts_with(b"\x89PNG"));
    }
}
