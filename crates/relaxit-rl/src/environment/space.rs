//! The values that observations take.

/// The values that observations take.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::Space;
/// let taxi = Space::Discrete { n: 500 };
/// assert_eq!((taxi.width(), taxi.features()), (1, 500));
/// assert!(taxi.contains(&[499.0]) && !taxi.contains(&[500.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Space {
    /// One of the numbers `0..n`, which stand for things without an order.
    Discrete {
        /// How many there are.
        n: usize,
    },
    /// A vector, each entry between its bounds, which may be infinite.
    Box {
        /// The least value of each entry.
        low: Vec<f32>,
        /// The greatest value of each entry.
        high: Vec<f32>,
    },
}

impl Space {
    /// The box from `-high` to `high`.
    #[must_use]
    pub fn symmetric(high: &[f32]) -> Self {
        Self::Box { low: high.iter().map(|x| -x).collect(), high: high.to_vec() }
    }

    /// How many numbers an observation is written as: 1 if it is discrete.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete { .. } => 1,
            Self::Box { high, .. } => high.len(),
        }
    }

    /// How many numbers a network should see: a discrete observation as a one-hot vector.
    pub fn features(&self) -> usize {
        match self {
            Self::Discrete { n } => *n,
            Self::Box { high, .. } => high.len(),
        }
    }

    /// Whether `observation`, as written by [`Observation::write`], lies within.
    #[allow(clippy::cast_precision_loss, clippy::float_cmp)] // whole numbers are compared
    pub fn contains(&self, observation: &[f32]) -> bool {
        match self {
            Self::Discrete { n } => {
                matches!(observation, &[x] if x >= 0.0 && x < *n as f32 && x.fract() == 0.0)
            }
            Self::Box { low, high } => {
                observation.len() == high.len()
                    && observation.iter().zip(low).zip(high).all(|((x, low), high)| x >= low && x <= high)
            }
        }
    }
}

/// What an agent sees, as numbers.
///
/// Implemented for vectors, for arrays of any length, and for `usize`: one of the numbers of [`Space::Discrete`].
pub trait Observation: Clone {
    /// How many numbers there are.
    fn width(&self) -> usize;

    /// Writes the numbers to `out`, which is as long as the space is [wide](Space::width).
    ///
    /// # Panics
    /// If it is not.
    fn write(&self, out: &mut [f32]);
}

impl<const N: usize> Observation for [f32; N] {
    fn width(&self) -> usize {
        N
    }

    fn write(&self, out: &mut [f32]) {
        out.copy_from_slice(self);
    }
}

impl Observation for Vec<f32> {
    fn width(&self) -> usize {
        self.len()
    }

    fn write(&self, out: &mut [f32]) {
        out.copy_from_slice(self);
    }
}

impl Observation for usize {
    fn width(&self) -> usize {
        1
    }

    fn write(&self, out: &mut [f32]) {
        out.copy_from_slice(&[*self as f32]);
    }
}
