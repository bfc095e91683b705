//! The MNIST digits: read, verified, and turned into batches by one of three protocols.

mod idx;
mod protocol;

use std::path::Path;

use anyhow::Result;

pub use self::protocol::Protocol;

/// Pixels along one side of a digit.
pub const SIDE: usize = 28;
/// Pixels of a digit.
pub const PIXELS: usize = SIDE * SIDE;

/// Digits with their labels.
#[derive(Clone, Debug)]
pub struct Digits {
    /// Intensities from 0 to 255, [`PIXELS`] a digit.
    pixels: Vec<u8>,
    /// 0 to 9, one a digit.
    labels: Vec<u8>,
}

impl Digits {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The intensities of digit `index`, 0 to 255.
    ///
    /// # Panics
    /// If there is no such digit.
    #[must_use]
    pub fn pixels(&self, index: usize) -> &[u8] {
        &self.pixels[index * PIXELS..(index + 1) * PIXELS]
    }

    /// What digit `index` shows, 0 to 9.
    ///
    /// # Panics
    /// If there is no such digit.
    #[must_use]
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// The first `count` digits, or all if there are fewer.
    pub fn truncate(&mut self, count: usize) {
        self.labels.truncate(count);
        self.pixels.truncate(self.labels.len() * PIXELS);
    }
}

/// The training and test sets.
#[derive(Clone, Debug)]
pub struct Mnist {
    /// 60,000 digits.
    pub train: Digits,
    /// 10,000 digits.
    pub test: Digits,
}

impl Mnist {
    /// Reads the four gzipped IDX files in `directory`.
    ///
    /// # Errors
    /// If a file is missing, is not gzip, is cut short, or its unpacked content is not byte for byte that of the
    /// published set (MD5).
    pub fn read(directory: &Path) -> Result<Self> {
        let read = |name, digest| idx::read(&directory.join(name), digest);
        let digits = |images: Vec<u8>, labels| Digits { pixels: images, labels };
        Ok(Self {
            train: digits(
                read("train-images-idx3-ubyte.gz", "6bbc9ace898e44ae57da46a324031adb")?,
                read("train-labels-idx1-ubyte.gz", "a25bea736e30d166cdddb491f175f624")?,
            ),
            test: digits(
                read("t10k-images-idx3-ubyte.gz", "2646ac647ad5339dbf082846283269ea")?,
                read("t10k-labels-idx1-ubyte.gz", "27ae3e4e09519cfbb04c329615203637")?,
            ),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A few made-up digits: enough to train on in a test, without the files.
    pub(crate) fn synthetic(count: usize) -> Digits {
        let pixels =
            (0..count * PIXELS).map(|i| if (i / 7 + i / PIXELS).is_multiple_of(3) { 230 } else { 10 }).collect();
        Digits { pixels, labels: (0..10).cycle().take(count).collect() }
    }

    #[test]
    fn truncation_keeps_digits_whole() {
        let mut digits = synthetic(5);
        digits.truncate(3);
        assert_eq!((digits.len(), digits.pixels(2).len()), (3, PIXELS));
        digits.truncate(9);
        assert_eq!(digits.len(), 3);
    }
}
