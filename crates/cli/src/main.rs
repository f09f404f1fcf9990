//! `tracklet`: the command line.
//!
//! `arguments` is what can be typed, `commands` has one file per command, and each command is a function that
//! returns a [`status::Status`]. What the tables mean is not known here.

mod arguments;
mod commands;
mod failure;
mod logging;
mod progress;
mod reference;
mod status;
mod summary;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = logging::start(&arguments.global);
    match commands::dispatch(arguments, &log) {
        Ok(status) => status.into(),
        Err(failure) => failure.report(&log).into(),
    }
}
