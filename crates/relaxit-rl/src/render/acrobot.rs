//! Acrobot, drawn.

use super::{Colour, Render, Scene, Shape};
use crate::environment::Acrobot;

const COLOURS: [Colour; 5] = [[255, 255, 255], [170, 170, 170], [0, 150, 160], [90, 195, 200], [230, 180, 40]];
const HEIGHT: usize = 1;
const FIRST: usize = 2;
const SECOND: usize = 3;
const JOINT: usize = 4;
const SIZE: u16 = 280;
const MIDDLE: f64 = 140.0;
/// Pixels to the length of a link.
const SCALE: f64 = 60.0;

impl Render for Acrobot {
    const DELAY: u16 = 7;

    fn scene(&self) -> Scene {
        let [theta_1, theta_2, ..] = self.state();
        let hang = |[x, y]: [f64; 2], theta: f64| [x + SCALE * theta.sin(), y + SCALE * theta.cos()];
        let fixed = [MIDDLE, MIDDLE];
        let joint = hang(fixed, theta_1);
        let free = hang(joint, theta_1 + theta_2);
        let goal = MIDDLE - SCALE;
        let shapes = vec![
            (Shape::rectangle([0.0, goal - 1.0], [f64::from(SIZE), goal + 1.0]), HEIGHT),
            (Shape::Bar { from: fixed, to: joint, half_width: 6.0 }, FIRST),
            (Shape::Bar { from: joint, to: free, half_width: 6.0 }, SECOND),
            (Shape::Disc { centre: fixed, radius: 7.0 }, JOINT),
            (Shape::Disc { centre: joint, radius: 7.0 }, JOINT),
        ];
        Scene { width: SIZE, height: SIZE, colours: &COLOURS, shapes }
    }
}
