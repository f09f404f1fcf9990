//! `tracklet completions`

use crate::arguments::Arguments;
use crate::failure::Outcome;
use crate::status::Status;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

pub fn completions(shell: Shell) -> Outcome {
    // Through memory: the generator would panic on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "tracklet", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Status::Done)
}
