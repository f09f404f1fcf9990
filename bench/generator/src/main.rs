//! The command line of the generator: options in, files out, one JSON summary on stdout.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use tracklet_generator::{Options, generate};

fn main() -> ExitCode {
    let options = Options::parse();
    match generate(&options) {
        Ok(summary) => {
            println!("{}", summary.to_json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(reason) = cause {
                eprintln!("  caused by: {reason}");
                cause = reason.source();
            }
            if let Some(hint) = error.hint() {
                eprintln!("\nhint: {hint}");
            }
            ExitCode::from(2)
        }
    }
}
