//! `tracklet run` as its users meet it: real files in, snapshots out, and all that can go wrong between.

mod bytes;
mod codes;
mod exporting;
mod incremental;
mod init;
mod input;
mod memory;
mod publishing;
mod regressions;
mod support;
mod talk;
mod testing;
