//! `tracklet`: the command line.
//!
//! `arguments` is what can be typed, `commands` has one file per command, and each command is a function that
//! returns a [`status::Status`]. What the tables mean is not known here.

mod arguments;
mod commands;
mod examine;
mod failure;
mod interrupt;
mod logging;
mod memory;
mod progress;
mod reference;
mod status;
mod summary;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator;

/// `mi_option_purge_delay`, which `libmimalloc_sys` has no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Milliseconds until free memory goes back to the system.
const USUAL_DELAY: std::ffi::c_long = 200;
/// The same under a limit of memory.
const LIMITED_DELAY: std::ffi::c_long = 10;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What one step of a run gives free the next one takes: going back to the system and having it cleared again costs time,
    // so it stays for a while. Under a limit of memory it goes back soon: what is free must not count.
    let is_limited = matches!(&arguments.command, Command::Run(run) if run.memory_limit.is_some());
    let delay = if is_limited { LIMITED_DELAY } else { USUAL_DELAY };
    // SAFETY: no other thread runs yet, and the option is a number in a table of the allocator.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, delay) };
    let log = logging::start(&arguments.global);
    tracklet_native::read::silence_caught_panics();
    match commands::dispatch(arguments, &log) {
        Ok(status) => status.into(),
        Err(failure) => failure.report(&log).into(),
    }
}

#[cfg(test)]
mod tests {
    /// The options around this one have other defaults: the number is the right one.
    #[test]
    fn the_option_is_the_one_meant() {
        // SAFETY: reads a number in a table of the allocator.
        let milliseconds = unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
        assert_eq!(milliseconds, 1000);
    }
}
