//! CartPole, drawn.

use super::{Colour, Render, Scene, Shape};
use crate::environment::CartPole;

const COLOURS: [Colour; 6] =
    [[255, 255, 255], [110, 110, 110], [40, 44, 52], [202, 152, 101], [129, 132, 203], [225, 225, 225]];
const TRACK: usize = 1;
const CART: usize = 2;
const POLE: usize = 3;
const AXLE: usize = 4;
const END: usize = 5;
const SIZE: [u16; 2] = [400, 240];
/// Pixels to a metre: a metre beyond each end of the track can be seen.
const SCALE: f64 = 400.0 / 6.8;
const GROUND: f64 = 180.0;

impl Render for CartPole {
    const DELAY: u16 = 2;

    fn scene(&self) -> Scene {
        let [x, _, theta, _] = self.state();
        let across = |x: f64| 200.0 + x * SCALE;
        let axle = [across(x), GROUND - 14.0];
        // A metre long, and drawn twice as long as it is to the scale of the track.
        let tip = [axle[0] + 2.0 * SCALE * theta.sin(), axle[1] - 2.0 * SCALE * theta.cos()];
        let ends = [-2.4, 2.4]
            .map(|x| (Shape::rectangle([across(x) - 1.5, GROUND - 30.0], [across(x) + 1.5, GROUND + 8.0]), END));
        let mut shapes = ends.to_vec();
        shapes.extend([
            (Shape::rectangle([0.0, GROUND - 1.0], [400.0, GROUND + 1.0]), TRACK),
            (Shape::rectangle([axle[0] - 24.0, GROUND - 24.0], [axle[0] + 24.0, GROUND - 2.0]), CART),
            (Shape::Bar { from: axle, to: tip, half_width: 4.5 }, POLE),
            (Shape::Disc { centre: axle, radius: 4.0 }, AXLE),
        ]);
        Scene { width: SIZE[0], height: SIZE[1], colours: &COLOURS, shapes }
    }
}
