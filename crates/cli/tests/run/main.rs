//! `tracklet run` as its users meet it: real files in, snapshots out, and all that can go wrong between.

mod bytes;
mod codes;
mod incremental;
mod init;
mod publishing;
mod support;
