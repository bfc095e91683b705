//! In a process of its own, because a pool of threads is for the whole process.

use relaxit::noise::{Base, Noise};

/// A program may draw before it says how many threads there are to be.
#[test]
fn a_small_draw_starts_no_threads() {
    Noise::seeded(0).fill(Base::Normal, &mut [0.0; 10]);
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool yet");
}
