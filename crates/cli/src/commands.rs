//! The commands, one file each.

mod answer;
mod build;
mod certify;
mod check;
mod compile;
mod completions;
mod debug;
mod docs;
mod docs_reference;
mod explain;
mod export;
mod forget;
mod init;
mod load;
mod ls;
mod of_files;
mod query;
mod report;
mod run;
mod show;
mod snapshots;
mod test;
mod tune;
mod warehouse;

use crate::arguments::{Arguments, Command, Place, TablesArguments};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use std::path::PathBuf;
use tracklet_engine::config::Config;
use tracklet_engine::manifest::{Manifest, RecordedRules};
use tracklet_engine::publish::Snapshot;
use tracklet_engine::results::Results;
use tracklet_engine::tables::{InWarehouse, Tables};

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
        Command::Certify(arguments) => certify::certify(&arguments, log),
        Command::Show(arguments) => show::show(&arguments),
        Command::Query(arguments) => query::query(&arguments),
        Command::Ls(arguments) => ls::ls(&arguments),
        Command::Docs(arguments) => docs::docs(&arguments, log),
        Command::Export(arguments) => export::export(&arguments, log),
        Command::Report(arguments) => report::report(&arguments, log),
        Command::Tune(arguments) => tune::tune(&arguments, log),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Snapshots(arguments) => snapshots::snapshots(&arguments, log),
        Command::Completions(arguments) => completions::completions(arguments.shell),
        Command::DocsReference(arguments) => docs_reference::docs_reference(arguments.page),
    }
}

/// The folder of the tables. Without `--out` the configuration names it.
fn output_folder(place: &Place) -> Result<PathBuf, Failure> {
    match &place.out {
        Some(out) => Ok(out.clone()),
        None => Ok(Config::load_or_default(place.config.as_deref())?.output.dir),
    }
}

/// Does something with the tables that were asked for, wherever they are.
fn with_tables<T>(
    arguments: &TablesArguments,
    work: impl FnOnce(&dyn Tables, &Manifest, &RecordedRules) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let Some(target) = &arguments.target else {
        let (results, manifest, rules) = newest_run(&arguments.place)?;
        return work(&results, &manifest, &rules);
    };
    let config = arguments.place.config.as_deref();
    let place = warehouse::Place::new(Some(target), config, arguments.profiles_dir.as_deref())?;
    let client = place.connect()?;
    let tables = InWarehouse::new(&place.target, &*client, place.runtime()).map_err(Failure::new)?;
    let manifest = tables.manifest(&place.config).map_err(Failure::new)?;
    work(&tables, &manifest, &RecordedRules::from(&place.config.rules))
}

/// The tables of the newest run, with what it says about itself and its rules.
fn newest_run(place: &Place) -> Result<(Results, Manifest, RecordedRules), Failure> {
    let results = Results::open(&output_folder(place)?)?;
    let path = results.folder().to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let manifest = Snapshot { name, path, current: true }.manifest()?;
    let rules = match &manifest.rules {
        Some(rules) => rules.clone(),
        // The first manifests had none.
        None => RecordedRules::from(&Config::load_or_default(place.config.as_deref())?.rules),
    };
    Ok((results, manifest, rules))
}
