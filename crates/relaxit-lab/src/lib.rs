//! Experiments with relaxit: what the command `relaxit` runs.
//!
//! Data flows one way: [`args`] → [`commands`] → training ([`vae`] on the data of [`mnist`], [`rl`] in environments,
//! [`toy`]) in a directory ([`run`]) → pictures and curves ([`report`]). [`laws`] is the table of laws that can be drawn
//! from and checked, [`estimators`] that of gradient estimators, which [`audit`] tries and [`toy`] trains with. Only
//! [`printer`] writes to the terminal.

pub mod ahead;
pub mod args;
pub mod audit;
pub mod commands;
pub mod device;
pub mod estimators;
pub mod figure;
pub mod laws;
pub mod mnist;
pub mod printer;
pub mod report;
pub mod rl;
pub mod run;
pub mod sweep;
pub mod toy;
pub mod usage;
pub mod vae;
