//! `tracklet run` as its users meet it: real files in, snapshots out, and all that can go wrong between.

mod bytes;
mod choosing;
mod codes;
mod events;
mod evidence;
mod exporting;
mod hostile;
mod hostile_memory;
mod incremental;
mod init;
mod input;
mod interrupting;
mod memory;
mod moving;
mod objects;
mod publishing;
mod readers;
mod regressions;
mod support;
mod talk;
mod testing;
