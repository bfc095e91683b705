//! Recordings: a GIF decodes to what was drawn, and the drawings show the state.

use relaxit_rl::environment::{Acrobot, CartPole, Environment, Taxi, TaxiState, TimeLimit};
use relaxit_rl::render::{Picture, Recording, Render, record};

/// Decodes a GIF, each frame drawn over those before it.
fn decode(file: &[u8]) -> (Vec<Vec<u8>>, Vec<u16>) {
    let mut decoder = gif::DecodeOptions::new().read_info(file).expect("a GIF");
    let palette: Vec<u8> = decoder.global_palette().expect("a palette").to_vec();
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let mut canvas = vec![0; width * height * 3];
    let (mut frames, mut delays) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        for (row, line) in frame.buffer.chunks_exact(usize::from(frame.width)).enumerate() {
            for (column, &index) in line.iter().enumerate() {
                let pixel = (usize::from(frame.top) + row) * width + usize::from(frame.left) + column;
                let colour = &palette[usize::from(index) * 3..][..3];
                canvas[pixel * 3..][..3].copy_from_slice(colour);
            }
        }
        frames.push(canvas.clone());
        delays.push(frame.delay);
    }
    (frames, delays)
}

fn check_recording(recording: &Recording) {
    let mut file = Vec::new();
    recording.write_gif(&mut file).expect("memory");
    let (frames, delays) = decode(&file);
    let drawn: Vec<Vec<u8>> = recording.scenes.iter().map(|scene| scene.draw().rgb()).collect();
    assert!(frames == drawn, "the frames are not what was drawn");
    let (last, others) = delays.split_last().expect("frames");
    assert!(others.iter().all(|&delay| delay == recording.delay) && *last == recording.delay + 100);

    let strip = recording.strip(3);
    let mut file = Vec::new();
    strip.write_gif(&mut file).expect("memory");
    assert!(decode(&file).0 == [strip.rgb()]);
    // The first and the last part are the start and the end.
    let (width, frame) = (usize::from(strip.width()) * 3, usize::from(strip.width()));
    let part = |i: usize| -> Vec<u8> {
        strip.rgb().chunks_exact(width).flat_map(|row| row[i * frame..(i + 1) * frame].to_vec()).collect()
    };
    assert!(part(0) == drawn[0] && part(2) == drawn[drawn.len() - 1]);
    assert_eq!(recording.strip(10_000).width(), recording.strip(recording.scenes.len()).width());
    assert!(recording.strip(1).rgb() == drawn[0]);
}

#[test]
fn recordings_decode_to_what_was_drawn() {
    let limited = TimeLimit::new(CartPole::new(), 9).expect("positive");
    check_recording(&record(&mut limited.clone(), 1, |seen, _| usize::from(seen[2] > 0.0)).expect("infallible"));
    let mut acrobot = TimeLimit::new(Acrobot::new(), 9).expect("positive");
    check_recording(&record(&mut acrobot, 1, |seen, _| if seen[5] > 0.0 { 2 } else { 0 }).expect("infallible"));
    let mut taxi = TimeLimit::new(Taxi::new(), 9).expect("positive");
    let first_allowed = |_: &[f32], mask: &[bool]| mask.iter().rposition(|&allowed| allowed).unwrap_or(0);
    check_recording(&record(&mut taxi, 1, first_allowed).expect("infallible"));
}

#[test]
fn a_recording_sums_rewards_and_starts_at_its_seed() {
    let mut taxi = TimeLimit::new(Taxi::new(), 7).expect("positive");
    let recording = record(&mut taxi, 3, |_, _| 5).expect("infallible");
    assert_eq!((recording.episode_return, recording.scenes.len()), (-70.0, 8));
    taxi.reset(3).expect("infallible");
    assert_eq!(recording.scenes[0], taxi.scene());
}

/// The pixels whose colour is exactly `colour`.
fn places(picture: &Picture, colour: [u8; 3]) -> Vec<[usize; 2]> {
    let width = usize::from(picture.width());
    let rgb = picture.rgb();
    let pixels = rgb.as_chunks::<3>().0.iter().enumerate().filter(|(_, pixel)| **pixel == colour);
    pixels.map(|(i, _)| [i % width, i / width]).collect()
}

fn mean(places: &[[usize; 2]]) -> [f64; 2] {
    let sum = |axis: usize| places.iter().map(|place| place[axis] as f64).sum::<f64>();
    [sum(0), sum(1)].map(|sum| sum / places.len() as f64)
}

#[test]
fn a_pole_leans_to_the_side_of_its_angle() {
    const POLE: [u8; 3] = [202, 152, 101];
    let lean = |theta| {
        let mut environment = CartPole::new();
        environment.set_state([0.5, 0.0, theta, 0.0]).expect("finite");
        mean(&places(&environment.scene().draw(), POLE))[0] - (200.0 + 0.5 * 400.0 / 6.8)
    };
    assert!(
        lean(0.2) > 5.0 && lean(-0.2) < -5.0 && lean(0.0).abs() < 1.0,
        "{} {} {}",
        lean(0.2),
        lean(-0.2),
        lean(0.0)
    );
}

#[test]
fn links_hang_down_and_stand_up() {
    const FIRST: [u8; 3] = [0, 150, 160];
    const SECOND: [u8; 3] = [90, 195, 200];
    let height = |theta_1, theta_2, colour| {
        let mut environment = Acrobot::new();
        environment.set_state([theta_1, theta_2, 0.0, 0.0]).expect("within the bounds");
        140.0 - mean(&places(&environment.scene().draw(), colour))[1]
    };
    let pi = std::f64::consts::PI;
    assert!(height(0.0, 0.0, SECOND) < height(0.0, 0.0, FIRST) && height(0.0, 0.0, FIRST) < -20.0);
    assert!(height(pi, 0.0, SECOND) > height(pi, 0.0, FIRST) && height(pi, 0.0, FIRST) > 20.0);
    assert!(height(0.0, pi, SECOND).abs() < height(0.0, 0.0, SECOND).abs() / 2.0);
}

#[test]
fn every_state_of_the_taxi_looks_different() {
    // The rows with the stops, where one thing may hide another.
    let states = (0..500).filter(|&state| [0, 4].contains(&TaxiState::from_index(state).row));
    let mut seen = std::collections::HashSet::new();
    let mut taxi = Taxi::new();
    for state in states {
        taxi.set_state(state).expect("below 500");
        assert!(seen.insert(taxi.scene().draw().rgb()), "{:?}", TaxiState::from_index(state));
    }
}
