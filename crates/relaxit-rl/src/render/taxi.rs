//! Taxi, drawn.

use super::{Colour, Render, Scene, Shape};
use crate::environment::taxi::{OPEN_EAST, STOPS};
use crate::environment::{Taxi, TaxiState};

const COLOURS: [Colour; 9] = [
    [245, 245, 240],
    [40, 44, 52],
    [220, 70, 60],
    [60, 170, 90],
    [240, 220, 120],
    [70, 110, 210],
    [250, 190, 20],
    [150, 60, 160],
    [215, 215, 210],
];
const WALL: usize = 1;
const FIRST_STOP: usize = 2;
const TAXI: usize = 6;
const PASSENGER: usize = 7;
const GRID: usize = 8;
const SIZE: u16 = 270;
const CELL: f64 = 50.0;
const MARGIN: f64 = 10.0;

impl Render for Taxi {
    const DELAY: u16 = 25;

    fn scene(&self) -> Scene {
        let mut shapes = town();
        let TaxiState { row, column, passenger, destination } = TaxiState::from_index(self.state());
        // The destination is a stop with a frame, the waiting passenger a disc in the corner of another.
        let stop = centre(STOPS[destination]);
        shapes.extend([(square(stop, 21.0), PASSENGER), (square(stop, 16.0), FIRST_STOP + destination)]);
        let here = centre([row, column]);
        let body = |half: [f64; 2]| {
            Shape::rectangle([here[0] - half[0], here[1] - half[1]], [here[0] + half[0], here[1] + half[1]])
        };
        shapes.extend([(body([15.0, 9.0]), WALL), (body([13.5, 7.5]), TAXI)]);
        let seat = STOPS.get(passenger).map_or(here, |&stop| {
            let [x, y] = centre(stop);
            [x - 13.0, y - 13.0]
        });
        shapes.extend([
            (Shape::Disc { centre: seat, radius: 6.5 }, WALL),
            (Shape::Disc { centre: seat, radius: 5.0 }, PASSENGER),
        ]);
        Scene { width: SIZE, height: SIZE, colours: &COLOURS, shapes }
    }
}

/// The middle of a cell, `[row, column]`.
fn centre([row, column]: [usize; 2]) -> [f64; 2] {
    [column, row].map(|i| MARGIN + CELL * (i as f64 + 0.5))
}

fn square([x, y]: [f64; 2], half: f64) -> Shape {
    Shape::rectangle([x - half, y - half], [x + half, y + half])
}

/// Grid, stops and walls.
fn town() -> Vec<(Shape, usize)> {
    let end = f64::from(SIZE) - MARGIN;
    let line = |from: [f64; 2], to: [f64; 2], half_width| Shape::Bar { from, to, half_width };
    let mut shapes = Vec::new();
    for i in 1..5 {
        let at = MARGIN + CELL * f64::from(i);
        shapes.push((line([MARGIN, at], [end, at], 0.5), GRID));
        shapes.push((line([at, MARGIN], [at, end], 0.5), GRID));
    }
    shapes.extend(STOPS.iter().enumerate().map(|(i, &stop)| (square(centre(stop), 21.0), FIRST_STOP + i)));
    for (row, open) in OPEN_EAST.iter().enumerate() {
        for column in (0..open.len()).filter(|&column| !open[column]) {
            let [x, y] = centre([row, column]);
            shapes.push((line([x + CELL / 2.0, y - CELL / 2.0], [x + CELL / 2.0, y + CELL / 2.0], 2.5), WALL));
        }
    }
    for (from, to) in [
        ([MARGIN, MARGIN], [end, MARGIN]),
        ([MARGIN, end], [end, end]),
        ([MARGIN, MARGIN], [MARGIN, end]),
        ([end, MARGIN], [end, end]),
    ] {
        shapes.push((line(from, to, 2.5), WALL));
    }
    shapes
}
