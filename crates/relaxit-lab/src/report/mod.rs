//! Pictures and curves. Nothing here trains: every figure can be drawn again from a run's files.

pub mod audit;
pub mod curve;
pub mod law;
pub mod picture;
pub mod toy;
