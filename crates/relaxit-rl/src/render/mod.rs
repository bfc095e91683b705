//! Episodes to look at: animated GIFs, and strips of frames.

mod acrobot;
mod canvas;
mod cart_pole;
mod recording;
mod scene;
mod taxi;

pub use self::canvas::Picture;
pub use self::recording::{Recording, record, record_by_name};
pub use self::scene::{Colour, Scene, Shape};
use crate::environment::TimeLimit;

/// An environment that can be drawn.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::CartPole;
/// use relaxit_rl::render::Render;
/// let picture = CartPole::new().scene().draw();
/// assert_eq!((picture.width(), picture.height()), (400, 240));
/// ```
pub trait Render {
    /// How long a frame should be seen, in hundredths of a second.
    const DELAY: u16;

    /// What the environment looks like now; of one size, and in one set of colours, for ever.
    fn scene(&self) -> Scene;
}

impl<E: Render> Render for TimeLimit<E> {
    const DELAY: u16 = E::DELAY;

    fn scene(&self) -> Scene {
        self.environment().scene()
    }
}
