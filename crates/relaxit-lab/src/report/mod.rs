//! Pictures and curves. Nothing here trains: every figure can be drawn again from a run's files.

pub mod audit;
pub mod curve;
mod drawing;
pub mod laplace_bridge;
pub mod law;
pub mod page;
pub mod picture;
pub mod student;
pub mod toy;
pub mod two_temperatures;
