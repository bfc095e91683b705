//! Training agents: many seeds of one configuration, and what they say together.

pub mod audit;
pub mod config;
pub mod finished;
pub mod statistics;
pub mod summary;
pub mod train;
