//! Plans of many runs, and the workers that carry them out, on one machine or on many that share a directory.
//!
//! ```text
//! FOLDER/NAME/           the run directory of one job; it is done when it has a summary.json
//!        NAME.log        what its attempts said
//!        NAME.job        the arguments that it was started with
//!        NAME.claim-N    who runs it; the largest N counts
//!        NAME.failed     what went wrong the last time
//! ```
//!
//! Workers know nothing of each other but these files.

pub mod claim;
pub mod collect;
pub mod plan;
pub mod state;
pub mod worker;
