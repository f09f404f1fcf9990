//! What a run has to know before it decides, queried in the warehouse.

use super::plan::{self, BuildPlan, Exchange, Known, SchemaState};
use crate::forgotten::{List, Standing};
use crate::housekeeping::{self, kinds, tables};
use crate::row::ResultRow;
use crate::sql::Renderer;
use crate::sql::plan::Plan;
use crate::sql::runs::Latest;
use crate::targets::Kind;
use crate::{Job, WarehouseError, partitions};
use chrono::{DateTime, Utc};
use tracklet_config::USUAL_OVERLAP;
use tracklet_dialects::description::Publishing;

/// What a run of all that is known and of the tables in the schema does.
///
/// # Errors
/// [`WarehouseError`] where the warehouse does not answer, or `source.partition_time` names no column of time.
pub(super) async fn decide(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
    latest: &Latest,
    forgotten: Standing,
) -> Result<BuildPlan, WarehouseError> {
    partitions::check(job.warehouse, job.target, job.config, renderer).await?;
    let (cursor_column, texts) = (cursor_column(job, renderer)?, KnownTexts::of(job, plan));
    let known = known(job, plan, latest, forgotten, &texts, cursor_column.as_deref());
    let decided = BuildPlan::before_looking(&known);
    if let BuildPlan::Full { .. } = decided {
        return Ok(decided);
    }
    Ok(decided.after_looking(&known, &schema(job, plan).await?))
}

/// The earliest load time that a run would look at if it were made now; none if it would take all rows.
pub(crate) async fn since(
    job: &Job<'_>,
    renderer: &Renderer,
    plan: &Plan,
) -> Result<Option<DateTime<Utc>>, WarehouseError> {
    // A table of runs that does not exist, or is of an earlier version, is left alone: the run that changes it takes all rows.
    if !housekeeping::lacking(job).await?.is_empty() {
        return Ok(None);
    }
    let latest = housekeeping::latest(job).await?;
    let forgotten = List::read(job).await?.standing(job, &latest)?;
    match decide(job, renderer, plan, &latest, forgotten).await? {
        BuildPlan::Full { .. } => Ok(None),
        BuildPlan::Increment(window) => Ok(Some(window.since)),
    }
}

/// Why an erasure can't exchange rows of the tables, whatever the source has; none if it can.
pub(crate) async fn reason_to_rebuild(
    job: &Job<'_>,
    plan: &Plan,
    latest: &Latest,
    forgotten: Standing,
) -> Result<Option<String>, WarehouseError> {
    let texts = KnownTexts::of(job, plan);
    let known = known(job, plan, latest, forgotten, &texts, None);
    if let Some(reason) = plan::reason_to_rebuild(&known, None) {
        return Ok(Some(reason));
    }
    Ok(plan::reason_to_rebuild(&known, Some(&schema(job, plan).await?)))
}

/// Texts that [`Known`] refers to.
struct KnownTexts {
    config_fingerprint: String,
    models: String,
}

impl KnownTexts {
    fn of(job: &Job<'_>, plan: &Plan) -> Self {
        Self { config_fingerprint: job.config.fingerprint(), models: plan.kept_names() }
    }
}

fn known<'a>(
    job: &Job<'_>,
    plan: &'a Plan,
    latest: &'a Latest,
    forgotten: Standing,
    texts: &'a KnownTexts,
    cursor_column: Option<&'a str>,
) -> Known<'a> {
    let target = job.target;
    let is_together = matches!(target.publishing, Publishing::Swap | Publishing::Rows);
    let exchange = if is_together && job.warehouse.is_transactional() {
        Exchange::Together
    } else if target.is_noted_beforehand() {
        Exchange::OneByOne
    } else {
        Exchange::Impossible
    };
    Known {
        latest,
        forgotten,
        refresh: job.refresh,
        are_all_chosen: job.select.is_empty() && job.exclude.is_empty(),
        fixed_rows: target.dialect.fixed_rows(target.names.format()),
        exchange,
        config_fingerprint: &texts.config_fingerprint,
        sql_digest: plan.digest(),
        models: &texts.models,
        cursor_column,
        overlap: job.config.source.overlap.unwrap_or(USUAL_OVERLAP).get(),
    }
}

/// The column of every source table that says when a row was loaded, with the table's name.
fn cursor_column(job: &Job<'_>, renderer: &Renderer) -> Result<Option<String>, WarehouseError> {
    let each = "{% for table in source_tables() %}{{ loaded_at(table) }}\n{% endfor %}";
    let columns = renderer.render_text("the load time", each, &job.target.names)?.sql;
    let sources = renderer.sources().iter().zip(columns.lines());
    let named: Option<Vec<String>> = sources
        .map(|(table, column)| (column != "null").then(|| format!("{}.{column}", table.relation)))
        .collect();
    Ok(named.map(|named| named.join(", ")))
}

/// What the tables of the schema are. What follows the first that does not fit is not asked for.
async fn schema(job: &Job<'_>, plan: &Plan) -> Result<SchemaState, WarehouseError> {
    let there = kinds(job, &tables(job).await?);
    if let Some(model) = plan.kept().find(|model| there.get(model.name) != Some(&model.kind)) {
        return Ok(SchemaState { missing: Some((model.kind, model.name)), ..SchemaState::default() });
    }
    if job.target.is_noted_beforehand() {
        for model in plan.kept().filter(|model| model.kind == Kind::Table) {
            if !housekeeping::is_of_format(job, &plan.published().table(model.name)).await? {
                let format = job.target.names.format().name();
                return Ok(SchemaState {
                    of_other_format: Some((model.name, format)),
                    ..SchemaState::default()
                });
            }
        }
    }
    let staged = plan.published().relation("tracklet_staged");
    let query = format!(
        "select count(*) as rows_there\nfrom (\n    select event_id\n    from {staged}\n    limit 1\n) as one"
    );
    let row = ResultRow::first(job, "look at what earlier runs have read", &query).await?;
    let is_staged_empty = row.and_then(|row| row.integer(0)).unwrap_or(0) == 0;
    Ok(SchemaState { is_staged_empty, ..SchemaState::default() })
}
