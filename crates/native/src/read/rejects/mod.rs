//! Rows that did not become tracks.

mod memory;
mod merged;
mod packed;
mod segment;
#[cfg(test)]
mod tests;

pub(crate) use memory::{REJECT_GROUP_BYTES, RejectMemory};
pub(crate) use merged::FoundReject;
pub use packed::Rejects;
pub(crate) use packed::RejectsBuilder;
pub(crate) use segment::{Head, Texts};
pub(crate) use tracklet_kernel::reject::TEXTS;

pub use tracklet_kernel::reject::Reject;
pub(super) use tracklet_kernel::reject::{RAW_BYTES, RawColumns};
