//! Runs are directories: configuration, metrics, checkpoints, summary, pictures.
//!
//! ```text
//! DIR/config.toml         the resolved configuration, written first
//!     metrics.jsonl       one line for each evaluation; no clock in it, so that equal runs give equal files
//!     checkpoint/epoch-N/ model.bpk, optimizer.bpk, state.json of the newest checkpoint
//!     summary.json        written last, with the machine
//!     events.out.tfevents.SECONDS.relaxit.SESSION
//!                         on request: the metrics for TensorBoard, with the clock's times; a file for each session
//! ```
//!
//! A run of many seeds has a directory `seed-N` like that for each, with a [`Snapshot`] `checkpoint/phase-N`.

mod atomic;
mod checkpoint;
mod directory;
mod machine;
mod snapshot;
mod tensorboard;

pub use self::atomic::write_atomically;
pub use self::checkpoint::{Checkpoint, TrainingState};
pub use self::directory::RunDirectory;
pub use self::machine::Machine;
pub use self::snapshot::Snapshot;

/// The version that wrote a run; another version's runs are not continued.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes as lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
