//! The SQL without running it.

use super::run::since;
use super::{Job, WarehouseError, assumed_sources, chosen};
use crate::sql::graph::{Graph, Model};
use crate::sql::increment::{Facts, Increment, STEPS};
use crate::sql::invariants::{Staged, contradictions};
use crate::sql::plan::Plan;
use crate::sql::render::Materialized;
use crate::sql::script::{increment_script, script};
use crate::sql::{Renderer, package};
use crate::targets::Target;
use chrono::DateTime;
use tracklet_config::Config;

/// What stands for a run's own name.
const TOKEN: &str = "new";

/// The whole script of a run, made without a connection: with the columns that RudderStack gives its tables.
///
/// # Errors
/// [`WarehouseError`] of the configuration alone.
pub fn whole(
    target: &Target,
    config: &Config,
    select: &[String],
    exclude: &[String],
) -> Result<String, WarehouseError> {
    let renderer = unconnected(target, config)?;
    let chosen = chosen(&renderer, target, select, exclude)?;
    let plan = Plan::new(&renderer, &target.names, &chosen, TOKEN)?;
    let notes = [
        "Made without a connection: the source tables are taken to have RudderStack's columns. A run looks up those that"
            .to_owned(),
        "exist (`tracklet run --dry-run` shows them) and adds a row to tracklet_runs.".to_owned(),
    ];
    Ok(script(&plan, target.publishing, &notes))
}

/// The script of a run that takes the new rows alone, made without a connection.
///
/// # Errors
/// [`WarehouseError`] of the configuration alone.
pub fn increment(target: &Target, config: &Config) -> Result<String, WarehouseError> {
    let renderer = unconnected(target, config)?;
    let notes = [
        "Made without a connection: the times are the earliest there are. A run finds out from when on something changes,"
            .to_owned(),
        "writes that into the statements, and adds a row to tracklet_runs.".to_owned(),
        load_time_note(config),
    ];
    let facts = Facts::before_looking(target.dialect, DateTime::UNIX_EPOCH, &config.source);
    increment_of(&renderer, target, &facts, &notes)
}

/// By which column the script finds new rows. Rows that the tables already have under another load time would count as
/// duplicates, so somebody who runs the script by hand must know.
fn load_time_note(config: &Config) -> String {
    match &config.source.loaded_at {
        Some(column) => format!("New rows are found by {column}."),
        None => "New rows are found by received_at. A run takes loaded_at or uuid_ts if the source tables have it; \
                 source.loaded_at names it here."
            .to_owned(),
    }
}

fn increment_of(
    renderer: &Renderer,
    target: &Target,
    facts: &Facts,
    notes: &[String],
) -> Result<String, WarehouseError> {
    let (dialect, names) = (target.dialect, &target.names);
    let graph = Graph::new(renderer, names)?;
    let is_kept =
        |model: &&Model| !model.is_staging() && model.rendered.options.materialized == Materialized::Table;
    let kept: Vec<&str> = graph.models().iter().filter(is_kept).map(|model| model.name).collect();
    let increment = Increment::new(renderer, names, TOKEN);
    Ok(increment_script(&increment, dialect, &kept, facts, notes)?)
}

/// The name under which [`one`] knows the query for what contradicts the invariants.
const INVARIANTS: &str = "invariants";

/// The query of one model, analysis or singular data test, or of the invariants (`invariants`), as it reads the published tables.
///
/// # Errors
/// As [`whole`].
pub fn one(target: &Target, config: &Config, name: &str) -> Result<String, WarehouseError> {
    let renderer = unconnected(target, config)?;
    if name == INVARIANTS {
        let graph = Graph::new(&renderer, &target.names)?;
        let is_there = |name: &str| graph.get(name).is_some();
        let query = contradictions(&renderer, &target.names, Staged::Whole, is_there)?;
        return Ok(query.unwrap_or_default() + "\n");
    }
    Ok(renderer.render(name, &target.names)?.sql)
}

/// The names that [`one`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    package::models().chain(package::analyses()).chain(package::singular_tests()).map(package::File::name)
}

fn unconnected(target: &Target, config: &Config) -> Result<Renderer, WarehouseError> {
    let sources = assumed_sources(target, config)?;
    Ok(Renderer::new(target.dialect, config, target.materialize, sources))
}

/// A statement of a run with the bytes that it would scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// The model.
    pub model: &'static str,
    /// Bytes, where the warehouse tells them for a table that is not made yet.
    pub bytes: Option<u64>,
}

/// The script of a run with the source tables' own columns, and what each model would scan.
///
/// # Errors
/// [`WarehouseError`].
pub async fn dry_run(job: &Job<'_>) -> Result<(String, Vec<Estimate>), WarehouseError> {
    let renderer = job.renderer().await?;
    let plan = Plan::new(&renderer, &job.target.names, &job.chosen(&renderer)?, TOKEN)?;
    if let Some(since) = since(job, &renderer, &plan).await? {
        let notes = [
            "Nothing of this was run. Times in 1970 stand for those that a run finds out: from when on something changes."
                .to_owned(),
        ];
        // Of the steps the first alone reads nothing that a run would have to make.
        let facts = Facts::before_looking(job.target.dialect, since, &job.config.source);
        let window = Increment::new(&renderer, &job.target.names, TOKEN).step(STEPS[0], &facts)?;
        let bytes = job.warehouse.estimate(&window.query).await.ok().flatten();
        let estimates = vec![Estimate { model: window.name, bytes }];
        return Ok((increment_of(&renderer, job.target, &facts, &notes)?, estimates));
    }
    let mut estimates = Vec::new();
    for model in plan.models.iter().filter(|model| !model.statements.is_empty()) {
        // What reads a table that this run would only make can't be asked.
        let bytes = job.warehouse.estimate(&model.query).await.ok().flatten();
        estimates.push(Estimate { model: model.name, bytes });
    }
    Ok((script(&plan, job.target.publishing, &["Nothing of this was run.".to_owned()]), estimates))
}

#[cfg(test)]
mod tests {
    use super::{increment, whole};
    use crate::targets::Target;
    use std::path::Path;
    use tracklet_config::Config;

    // Columns of the source besides the canonical ones were taken to be absent.
    #[test]
    fn load_times_and_partitions_need_no_connection() {
        let text = "[source]\nloaded_at = \"uuid_ts\"\npartition_time = \"day\"\n\
                    [targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";
        let config = Config::parse(text, Path::new("tracklet.toml")).unwrap();
        let target = Target::resolve(&config, None, None).unwrap();
        assert!(whole(&target, &config, &[], &[]).unwrap().contains("cast(\"uuid_ts\" as"));
        let script = increment(&target, &config).unwrap();
        assert!(script.contains("and (\"day\" >= cast('1969-12-31 00:00:00"), "{script}");
        assert!(script.contains("-- New rows are found by uuid_ts.\n"), "{script}");
        // A script that looks at another load time than the runs before it finds all rows again: duplicates of themselves.
        let unnamed =
            Config::parse(&text.replace("loaded_at = \"uuid_ts\"\n", ""), Path::new("tracklet.toml"))
                .unwrap();
        let script = increment(&target, &unnamed).unwrap();
        assert!(
            script.contains("-- New rows are found by received_at. A run takes loaded_at or uuid_ts"),
            "{script}"
        );
    }
}
