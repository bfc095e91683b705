//! The examples end, and what they assert holds.

#[path = "../examples/01_relaxed_sample.rs"]
mod relaxed_sample;

#[path = "../examples/02_straight_through.rs"]
mod straight_through;

#[path = "../examples/03_estimators.rs"]
mod estimators;

#[path = "../examples/04_own_networks.rs"]
mod own_networks;

#[path = "../examples/05_black_box.rs"]
mod black_box;

#[path = "../examples/06_own_law_and_estimator.rs"]
mod own_law_and_estimator;

#[test]
fn the_examples_run() {
    relaxed_sample::main().unwrap();
    straight_through::main().unwrap();
    estimators::main().unwrap();
    own_networks::main().unwrap();
    black_box::main().unwrap();
    own_law_and_estimator::main();
}
