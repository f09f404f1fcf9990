//! The data tests on the Parquet tables of a run.
//!
//! The queries are those of a warehouse, in the SQL of PostgreSQL, which the query engine reads. What differs is said here:
//! the tables that only a warehouse has, and what only the manifest of a run knows.

use crate::Queries;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tracklet_config::{Config, RecordedColumn};
use tracklet_display::error::AnyError;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::rules::{Count, Duplicates, Rules};
use tracklet_kernel::tables::Table;
use tracklet_native::disk::RealDisk;
use tracklet_native::increment::damaged_files;
use tracklet_native::manifest::{Manifest, RecordedRules};
use tracklet_warehouse::sql::data_tests::{DataTest, Severity, column_test, data_tests};
use tracklet_warehouse::sql::graph::Graph;
use tracklet_warehouse::sql::render::Materialized;
use tracklet_warehouse::sql::schema::{AcceptedValues, ColumnTest, WithArguments};
use tracklet_warehouse::sql::select::{SelectError, select};
use tracklet_warehouse::sql::{Dialect, Names, RenderError, Renderer, SourceTable};
use tracklet_warehouse::testing::user::{self, UserTest};
use tracklet_warehouse::testing::{CheckResult, TestError, keep};

/// The schema in which the query engine finds the tables.
const SCHEMA: &str = "public";

/// Where it reads otherwise than PostgreSQL. Times are microseconds inside.
const MACROS: &str = "\
    {% macro postgres__microseconds_between(earlier, later) %}cast({{ later }} as bigint) - cast({{ earlier }} as bigint){% endmacro %}\
    {% macro postgres__text_literal(value) %}'{{ value | replace(\"'\", \"''\") }}'{% endmacro %}";

/// The table of a run that has the rows of one that only a warehouse has.
const STAND_INS: [(&str, &str); 3] = [
    ("tracklet_tracks", "dbt_mapped_tracks"),
    ("tracklet_event_facts", "dbt_mapped_tracks"),
    ("tracklet_session_facts", "dbt_session_tracks"),
];

/// The test that reads no table, but all bytes of all files.
const FILES_AS_WRITTEN: &str = "files_are_as_written";

/// Queries that are put otherwise here: by the manifest, and by the narrow tables.
const PUT_OTHERWISE: [&str; 2] = ["every_row_ends_in_one_place", "tracks_are_in_their_session"];

/// The test that a duplicate has the id of an event: it may have that of evidence, which no table has.
const OF_DUPLICATES: &str = "duplicates_have_a_kept_row";

/// Why no test could be chosen.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// A test of the package can't be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A word chooses nothing.
    #[error(transparent)]
    Select(#[from] SelectError),
}

impl tracklet_display::error::Hint for NativeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Render(error) => error.hint(),
            Self::Select(error) => error.hint(),
        }
    }
}

/// Runs the tests of the chosen models and the user's own, one after the other; `checked` hears of each as it ends. Those of the package
/// that read a table which is left out are not run.
///
/// # Errors
/// [`NativeError`] when they can't be run at all; a test that fails by itself is a result.
/// # Cost
/// A query a test; rows that are found go to files as they come.
pub fn test(
    results: &Queries,
    manifest: &Manifest,
    rules: &RecordedRules,
    own: &[UserTest],
    (selected, excluded): (&[String], &[String]),
    checked: &mut dyn FnMut(&CheckResult),
) -> Result<Vec<CheckResult>, NativeError> {
    let (renderer, names) = renderer(rules);
    let graph = Graph::new(&renderer, &names)?;
    let chosen = select(&graph, selected, excluded)?;
    let of_package = of_package(&renderer, &names, manifest)?;
    let is_written = |name: &String| {
        let stand_in = STAND_INS.iter().find(|(model, _)| model == name).map(|(_, table)| *table);
        let table = stand_in.unwrap_or(name.as_str());
        rules.left_out.iter().all(|left_out| left_out != table)
    };
    let of_package = of_package
        .into_iter()
        .filter(|test| test.models.iter().any(|name| chosen.contains(name.as_str())))
        .filter(|test| test.models.iter().all(is_written));
    let (own, broken) = user::rendered(own, &renderer, &names);
    let has_choice = !selected.is_empty() || !excluded.is_empty();
    let own = own.into_iter().filter(|test| user::is_chosen(test, &chosen, has_choice));
    let mut done = Vec::new();
    for test in of_package.chain(own) {
        let clock = Instant::now();
        let found = found(results, &test);
        let result = CheckResult::new(test, found, clock.elapsed());
        checked(&result);
        done.push(result);
    }
    if !has_choice {
        let clock = Instant::now();
        let found = damaged(results.folder(), manifest);
        let of_files = singular(FILES_AS_WRITTEN, &[], String::new());
        let result = CheckResult::new(of_files, found, clock.elapsed());
        checked(&result);
        done.push(result);
    }
    for result in broken {
        checked(&result);
        done.push(result);
    }
    done.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(done)
}

fn found(results: &Queries, test: &DataTest) -> Result<Option<keep::Kept>, TestError> {
    let rows = results.query(&test.sql).map_err(|error| TestError::Tables(AnyError::new(error)))?;
    keep::keep(&test.name, rows)
}

/// The files of the snapshot whose bytes are not those that were written.
fn damaged(folder: &Path, manifest: &Manifest) -> Result<Option<keep::Kept>, TestError> {
    let found = damaged_files(&RealDisk, folder, manifest)
        .map_err(|error| TestError::Tables(AnyError::new(error)))?;
    let column = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let (files, what): (Vec<String>, Vec<String>) = found.into_iter().unzip();
    let batch = RecordBatch::try_from_iter([("file", column(files)), ("damage", column(what))]);
    keep::keep(
        FILES_AS_WRITTEN,
        [Ok::<_, tracklet_native::results::ResultsError>(batch.expect("as many texts in both columns"))]
            .into_iter(),
    )
}

/// A renderer for the rules that the tables were made by, whatever the configuration says now.
fn renderer(rules: &RecordedRules) -> (Renderer, Names) {
    let config = Config {
        rules: Rules {
            timeout: rules.timeout(),
            duplicates: if rules.dedupe { Duplicates::Drop } else { Duplicates::Keep },
            counts: rules
                .counts
                .iter()
                .map(|(column, events)| Count { column: column.clone(), events: events.clone() })
                .collect(),
            flow_length: rules.flow_length,
            carried: rules.carried.iter().map(RecordedColumn::spec).collect(),
            events: rules.events,
            ..Rules::default()
        },
        ..Config::default()
    };
    let columns = ["id", "anonymous_id", "user_id", "event", "timestamp"];
    let source = SourceTable::of_tracks("tracks", "tracks", columns);
    let renderer =
        Renderer::new(Dialect::Postgres, &config, Materialized::View, vec![source]).with_macros(MACROS);
    let stand_ins: BTreeMap<String, String> =
        STAND_INS.iter().map(|(name, table)| ((*name).to_owned(), (*table).to_owned())).collect();
    let names = Names::new(Dialect::Postgres, None, SCHEMA.to_owned()).with_staging_names(stand_ins);
    (renderer, names)
}

/// The package's tests that apply to the tables of a run.
fn of_package(renderer: &Renderer, names: &Names, manifest: &Manifest) -> Result<Vec<DataTest>, RenderError> {
    let is_table = |name: &str| Table::ALWAYS.iter().any(|table| table.name() == name);
    let mut tests = data_tests(renderer, names)?;
    tests.retain(|test| match &test.of_column {
        Some(model) => is_table(model),
        None if test.name == OF_DUPLICATES => manifest.rows.evidence == 0,
        None => !PUT_OTHERWISE.contains(&test.name.as_str()),
    });
    let reasons = accepted_reasons(names);
    for test in &mut tests {
        if test.name == reasons.name {
            *test = reasons.clone();
        }
    }
    tests.extend([all_rows(names, manifest), as_counted(names, manifest), sessions_of_tracks(names)]);
    Ok(tests)
}

/// Files can be unreadable, and have times that are none.
fn accepted_reasons(names: &Names) -> DataTest {
    let values = Reason::ALL.map(|reason| reason.as_str().into()).to_vec();
    let accepted =
        ColumnTest::AcceptedValues(WithArguments { arguments: AcceptedValues { values, quote: true } });
    column_test(names, Table::Rejects.name(), "reason", &accepted)
}

fn singular(name: &str, models: &[Table], sql: String) -> DataTest {
    DataTest {
        name: name.to_owned(),
        of_column: None,
        models: models.iter().map(|table| table.name().to_owned()).collect::<BTreeSet<_>>(),
        sql,
        severity: Severity::Error,
    }
}

/// rows read = sessionized + evidence + duplicates + rejected.
fn all_rows(names: &Names, manifest: &Manifest) -> DataTest {
    let tables = [Table::MappedTracks, Table::Duplicates, Table::Rejects];
    let count = |table: Table| format!("(select count(*) from {})", names.relation(table.name()));
    let [sessionized, duplicates, rejected] = tables.map(count);
    let (read, evidence) = (manifest.rows.read, manifest.rows.evidence);
    singular(
        PUT_OTHERWISE[0],
        &tables,
        format!(
            "select rows_read, sessionized, evidence, duplicates, rejected from (select cast({read} as bigint) as rows_read, \
             {sessionized} as sessionized, cast({evidence} as bigint) as evidence, {duplicates} as duplicates, \
             {rejected} as rejected) as counted \
             where rows_read <> sessionized + evidence + duplicates + rejected"
        ),
    )
}

/// Every table has the rows that the manifest says.
fn as_counted(names: &Names, manifest: &Manifest) -> DataTest {
    let tables: Vec<Table> = Table::ALWAYS
        .into_iter()
        .chain(Table::OF_EVENTS)
        .filter(|table| manifest.tables.contains_key(table.name()))
        .collect();
    let counts: Vec<String> = tables
        .iter()
        .map(|table| {
            format!(
                "select '{name}' as table_name, cast({} as bigint) as rows_written, count(*) as rows_found from {}",
                manifest.tables[table.name()],
                names.relation(table.name()),
                name = table.name(),
            )
        })
        .collect();
    let counts = if counts.is_empty() {
        "select '' as table_name, 0 as rows_written, 0 as rows_found".to_owned()
    } else {
        counts.join(" union all ")
    };
    singular(
        "tables_are_as_written",
        &tables,
        format!(
            "select table_name, rows_written, rows_found from ({counts}) as counted where rows_written <> rows_found"
        ),
    )
}

/// Invariant 5: the session of every track is there, is of its visitor, and starts with its first track.
fn sessions_of_tracks(names: &Names) -> DataTest {
    let tables = [Table::TrackFacts, Table::SessionTracks];
    let [tracks, sessions] = tables.map(|table| names.relation(table.name()));
    singular(
        PUT_OTHERWISE[1],
        &tables,
        format!(
            "select tracks.event_id, tracks.dbt_visitor_id, tracks.session_id, sessions.session_start_at \
             from {tracks} as tracks left join {sessions} as sessions on sessions.session_id = tracks.session_id \
             where sessions.session_id is null or sessions.dbt_visitor_id <> tracks.dbt_visitor_id \
             or (tracks.track_sequence_number = 1 and tracks.\"timestamp\" <> sessions.session_start_at)"
        ),
    )
}
