//! The commands, one file each.

#[cfg(feature = "analysis")]
mod analysis;
#[cfg(not(feature = "analysis"))]
#[path = "commands/without_analysis.rs"]
mod analysis;
mod answer;
mod build;
mod check;
mod compile;
mod completions;
mod debug;
mod docs_reference;
mod forget;
mod init;
mod load;
mod ls;
mod of_files;
mod run;
mod show;
mod snapshots;
mod test;
mod warehouse;

use crate::arguments::{Arguments, Command, FolderArguments};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use std::path::PathBuf;
use tracklet_config::Config;

/// Runs what was typed.
pub fn dispatch(arguments: Arguments, log: &Log) -> Outcome {
    match arguments.command {
        Command::Init(arguments) => init::init(&arguments, log),
        Command::Check(arguments) => check::check(&arguments),
        Command::Run(arguments) => run::run(&arguments, log),
        Command::Build(arguments) => build::build(&arguments, log),
        Command::Test(arguments) => test::test(&arguments, log),
        Command::Compile(arguments) => compile::compile(&arguments),
        Command::Load(arguments) => load::load(&arguments, log),
        Command::Debug(arguments) => debug::debug(&arguments),
        Command::Forget(arguments) => forget::forget(&arguments, log),
        Command::Certify(arguments) => analysis::certify(&arguments, log),
        Command::Show(arguments) => show::show(&arguments),
        Command::Query(arguments) => analysis::query(&arguments),
        Command::Ls(arguments) => ls::ls(&arguments),
        Command::Docs(arguments) => analysis::docs(&arguments, log),
        Command::Export(arguments) => analysis::export(&arguments, log),
        Command::Report(arguments) => analysis::report(&arguments, log),
        Command::Tune(arguments) => analysis::tune(&arguments, log),
        Command::Explain(arguments) => analysis::explain(&arguments),
        Command::Snapshots(arguments) => snapshots::snapshots(&arguments, log),
        Command::Completions(arguments) => completions::completions(arguments.shell),
        Command::DocsReference(arguments) => docs_reference::docs_reference(arguments.page),
    }
}

/// The folder of the tables. Without `--out` the configuration names it.
fn output_folder(place: &FolderArguments) -> Result<PathBuf, Failure> {
    match &place.out {
        Some(out) => Ok(out.clone()),
        None => Ok(Config::load_or_default(place.config.as_deref())?.output.dir),
    }
}
