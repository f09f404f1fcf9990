use super::{Change, Existing, Plan, Step};
use crate::sql::graph::Graph;
use crate::sql::render::{Materialized, Renderer, SourceTable};
use crate::sql::runs::{Accounting, Cursor, RunDetail, RunRow};
use crate::sql::select::select;
use crate::sql::{Dialect, Names};
use std::collections::{BTreeMap, BTreeSet};
use tracklet_config::Config;
use tracklet_dialects::Kind;
use tracklet_dialects::description::{FORMATS, Format, PUBLISHINGS, Publishing};

fn plan(dialect: Dialect, selected: &str) -> Plan {
    plan_in(&Names::new(dialect, None, "s".to_owned()), selected)
}

fn plan_in(names: &Names, selected: &str) -> Plan {
    let table = SourceTable::of_tracks("tracks", "tracks", ["id", "timestamp"]);
    let renderer = Renderer::new(names.dialect(), &Config::default(), Materialized::View, vec![table]);
    let graph = Graph::new(&renderer, names).unwrap();
    let words: Vec<String> = selected.split_whitespace().map(ToOwned::to_owned).collect();
    Plan::new(&renderer, names, &select(&graph, &words, &[]).unwrap(), "t1").unwrap()
}

// Version 0.1 had tables of these names, at which views looked: dropped first, they ended each run on PostgreSQL.
#[test]
fn what_the_configuration_has_no_more_goes_and_views_go_before_tables() {
    let mut existing = filled();
    existing.kinds.extend([("tracklet_events", Kind::Table), ("tracklet_sessions", Kind::View)]);
    for dialect in Dialect::ALL {
        let plan = plan(dialect, "");
        for (_, publishing) in PUBLISHINGS {
            let steps = plan.publish(publishing, &existing, vec!["note".to_owned()]);
            let statements: Vec<&String> = steps
                .iter()
                .flat_map(|step| match step {
                    Step::Alone(statement) => std::slice::from_ref(statement),
                    Step::Together(statements) => statements,
                })
                .collect();
            let drops: Vec<&str> = statements
                .iter()
                .filter(|made| made.starts_with("drop "))
                .map(|made| made.as_str())
                .collect();
            let table = format!("drop table {}", plan.published().relation("tracklet_events"));
            let view = format!("drop view {}", plan.published().relation("tracklet_sessions"));
            assert!(
                drops.contains(&table.as_str()) && drops.contains(&view.as_str()),
                "{publishing:?} {drops:?}"
            );
            if let [Step::Together(_)] = steps.as_slice() {
                let first_table = drops.iter().position(|made| made.starts_with("drop table"));
                let last_view = drops.iter().rposition(|made| made.starts_with("drop view"));
                assert!(last_view < first_table, "{publishing:?} {drops:?}");
            } else {
                assert_eq!(statements[statements.len() - 2..], [&view, &table], "{publishing:?}");
            }
        }
        // A run of some models leaves the others alone.
        let some = plan_in(&Names::new(dialect, None, "s".to_owned()), "tracklet_rejects");
        let steps = some.publish(Publishing::Swap, &existing, Vec::new());
        assert!(!format!("{steps:?}").to_lowercase().contains("tracklet_events"), "{steps:?}");
    }
}

/// A schema that an earlier run has filled.
fn filled() -> Existing {
    let tables = [
        "dbt_aliases_mapping",
        "tracklet_staged",
        "tracklet_pairs",
        "tracklet_event_facts",
        "tracklet_session_facts",
        "tracklet_rejects",
        "tracklet_duplicates",
    ];
    let views = [
        "dbt_mapped_tracks",
        "dbt_session_duration",
        "dbt_session_track_facts",
        "dbt_session_tracks",
        "dbt_track_facts",
        "dbt_tracks_flow",
        "dbt_user_session_facts",
    ];
    let kinds: BTreeMap<_, _> = tables
        .map(|name| (name, Kind::Table))
        .into_iter()
        .chain(views.map(|name| (name, Kind::View)))
        .collect();
    Existing { kinds, ..Existing::default() }
}

fn together(steps: &[Step]) -> &[String] {
    let [Step::Together(statements)] = steps else { panic!("one transaction: {steps:?}") };
    statements
}

fn first_words(statements: &[String]) -> Vec<String> {
    statements.iter().map(|statement| statement.lines().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn staging_tables_are_made_from_staging_tables() {
    let plan = plan(Dialect::Postgres, "");
    let events = plan.models.iter().find(|model| model.name == "tracklet_event_facts").unwrap();
    assert!(
        events.statements[0]
            .starts_with("create table \"s\".\"tracklet_aside_t1_tracklet_event_facts\"\nas\n")
    );
    assert!(
        events.query.contains("from \"s\".\"tracklet_aside_t1_tracklet_tracks\" as tracks"),
        "{}",
        events.query
    );
    assert_eq!(
        events.statements[1],
        "create index on \"s\".\"tracklet_aside_t1_tracklet_event_facts\" (\"dbt_visitor_id\", \"timestamp\")"
    );
    assert_eq!(
        events.statements[2],
        "analyze \"s\".\"tracklet_aside_t1_tracklet_event_facts\" (\"dbt_visitor_id\", \"session_sequence_number\")"
    );
    assert_eq!(events.needs, BTreeSet::from(["tracklet_tracks", "dbt_aliases_mapping"]));
    let view = plan.models.iter().find(|model| model.name == "dbt_track_facts").unwrap();
    assert!(view.statements.is_empty());
    assert!(view.query.ends_with("from \"s\".\"tracklet_event_facts\"\n"), "{}", view.query);
}

#[test]
fn a_swap_is_one_transaction_that_drops_what_is_there() {
    let plan = plan(Dialect::Postgres, "");
    let steps = plan.publish(Publishing::Swap, &Existing::default(), vec!["record".to_owned()]);
    let words = first_words(together(&steps));
    assert_eq!(words[0], "record");
    assert!(!words.iter().any(|line| line.starts_with("drop")), "{words:?}");
    let steps = plan.publish(Publishing::Swap, &filled(), Vec::new());
    let words = first_words(together(&steps));
    assert_eq!(words[0], "drop view \"s\".\"dbt_mapped_tracks\"");
    let dropped = words.iter().position(|line| line == "drop table \"s\".\"tracklet_event_facts\"").unwrap();
    let renamed =
        "alter table \"s\".\"tracklet_aside_t1_tracklet_event_facts\" rename to \"tracklet_event_facts\"";
    assert!(words.iter().skip(dropped).any(|line| line == renamed), "{words:?}");
    assert_eq!(words.last().unwrap(), "create view \"s\".\"dbt_user_session_facts\" as");
    assert_eq!(
        plan.clean(Publishing::Swap),
        ["drop view if exists \"s\".\"tracklet_aside_t1_tracklet_tracks\""]
    );
}

#[test]
fn views_over_a_table_that_changes_are_made_again_even_when_not_selected() {
    let plan = plan(Dialect::Postgres, "tracklet_session_facts");
    let names: Vec<&str> = plan.models.iter().map(|model| model.name).collect();
    assert_eq!(names, ["tracklet_session_facts"]);
    let words = first_words(together(&plan.publish(Publishing::Swap, &filled(), Vec::new())));
    let made = words.iter().filter(|line| line.starts_with("create view")).count();
    assert_eq!(made, 4, "{words:?}");
    assert!(plan.models[0].query.contains("from \"s\".\"tracklet_event_facts\""), "{}", plan.models[0].query);
}

#[test]
fn rows_make_what_is_missing_and_then_change_all_at_once() {
    let plan = plan(Dialect::Snowflake, "");
    let steps = plan.publish(Publishing::Rows, &Existing::default(), vec!["record".to_owned()]);
    let Some(Step::Together(statements)) = steps.last() else { panic!() };
    let words = first_words(statements);
    assert_eq!(words[0], "record", "what makes another run wait comes before the rows");
    assert_eq!(words.iter().filter(|line| line.starts_with("delete from")).count(), 7);
    assert_eq!(words.iter().filter(|line| line.starts_with("insert into")).count(), 7);
    assert_eq!(steps.len(), 1 + 7 + 7);
    let again = plan.publish(Publishing::Rows, &filled(), Vec::new());
    assert_eq!(together(&again).len(), 14);
    assert!(
        plan.clean(Publishing::Rows)
            .contains(&"drop table if exists \"s\".\"TRACKLET_ASIDE_T1_TRACKLET_EVENT_FACTS\"".to_owned())
    );
}

/// A schema whose table of events lacks a column.
fn changed() -> Existing {
    let change = Change {
        columns: vec![("event_id".to_owned(), true), ("event_5".to_owned(), false)],
        removed: Vec::new(),
    };
    Existing {
        changed: BTreeMap::from([("tracklet_event_facts", change)]),
        views_may_differ: true,
        ..filled()
    }
}

#[test]
fn nothing_that_readers_see_is_away_where_ddl_commits_by_itself() {
    for dialect in Dialect::ALL.into_iter().filter(|dialect| !dialect.takes_back_ddl()) {
        let plan = plan(dialect, "");
        for publishing in FORMATS.iter().flat_map(|(_, format)| dialect.publishings(*format)) {
            for step in plan.publish(*publishing, &changed(), vec!["record".to_owned()]) {
                let Step::Alone(statement) = step else { continue };
                let first = statement.lines().next().unwrap();
                // Spark can't replace a table of files: those are renamed.
                let may_drop = *publishing == Publishing::Rename && first.starts_with("drop table");
                assert!(may_drop || !first.starts_with("drop"), "{dialect:?}, {publishing:?}: {first}");
                assert!(!first.starts_with("create view"), "{dialect:?}, {publishing:?}: {first}");
            }
        }
    }
}

#[test]
fn a_table_that_gets_a_column_keeps_its_rows_until_all_change() {
    let plan = plan(Dialect::BigQuery, "");
    let steps = plan.publish(Publishing::Rows, &changed(), Vec::new());
    let Step::Alone(first) = &steps[0] else { panic!() };
    assert!(first.starts_with("create or replace table `s`.`tracklet_event_facts`\npartition by"), "{first}");
    assert!(
        first.ends_with(
            "as\nselect\n    `event_id`,\n    `event_5`\nfrom `s`.`tracklet_aside_t1_tracklet_event_facts`\nwhere false\n\
             union all\nselect\n    `event_id`,\n    null\nfrom `s`.`tracklet_event_facts`"
        ),
        "{first}"
    );
    let Step::Alone(second) = &steps[1] else { panic!() };
    assert!(second.starts_with("create or replace view `s`.`dbt_mapped_tracks` as\n"), "{second}");
    let Some(Step::Together(statements)) = steps.last() else { panic!() };
    assert_eq!(statements.len(), 14);
}

#[test]
fn a_column_goes_when_no_view_looks_at_it_any_more() {
    let plan = plan(Dialect::Snowflake, "");
    let steps_of = |columns: Vec<(String, bool)>| {
        let mut existing = changed();
        let change = Change { columns, removed: vec!["EVENT_6".to_owned()] };
        existing.changed.insert("tracklet_event_facts", change);
        let steps = plan.publish(Publishing::Rows, &existing, Vec::new());
        let alone = steps.into_iter().filter_map(|step| match step {
            Step::Alone(statement) => Some(statement),
            Step::Together(_) => None,
        });
        alone.collect::<Vec<_>>()
    };
    let is_table = |statement: &&String| statement.starts_with("create or replace table");
    let removing = steps_of(vec![("EVENT_ID".to_owned(), true)]);
    assert_eq!(removing.iter().filter(is_table).count(), 1);
    assert!(!removing.last().unwrap().contains("EVENT_6"), "{removing:?}");
    let both = steps_of(vec![("EVENT_ID".to_owned(), true), ("CNT".to_owned(), false)]);
    assert!(
        both[0].contains("null as \"EVENT_6\"") && both[0].contains("null,\n    \"EVENT_6\""),
        "{}",
        both[0]
    );
    assert!(both[1..both.len() - 1].iter().all(|statement| statement.starts_with("create or replace view")));
    assert!(is_table(&both.last().unwrap()) && !both.last().unwrap().contains("EVENT_6"));
}

#[test]
fn a_view_where_a_table_was_takes_its_place() {
    let plan = plan(Dialect::BigQuery, "");
    let mut existing = filled();
    existing.kinds.insert("dbt_track_facts", Kind::Table);
    let steps = plan.publish(Publishing::Rows, &existing, Vec::new());
    assert_eq!(steps[0], Step::Alone("drop table `s`.`dbt_track_facts`".to_owned()));
    let Step::Alone(second) = &steps[1] else { panic!() };
    assert!(second.starts_with("create or replace view `s`.`dbt_track_facts` as\n"), "{second}");
}

#[test]
fn rows_are_exchanged_with_all_ddl_where_it_is_taken_back() {
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.takes_back_ddl()) {
        let plan = plan(dialect, "");
        let steps = plan.publish(Publishing::Rows, &changed(), vec!["record".to_owned()]);
        let words = first_words(together(&steps));
        assert_eq!(words[..2], ["record", "drop view \"s\".\"dbt_mapped_tracks\""]);
        assert_eq!(words.iter().filter(|line| line.starts_with("create view")).count(), 7);
        assert!(words.last().unwrap().starts_with("insert into"));
    }
}

#[test]
fn the_turn_is_taken_before_all_else_that_a_transaction_does() {
    let row = RunRow {
        run_id: "r1".to_owned(),
        sequence_number: Some(1),
        status: "published",
        started_at: chrono::DateTime::UNIX_EPOCH,
        finished_at: chrono::DateTime::UNIX_EPOCH,
        config_fingerprint: "f".to_owned(),
        models: "m".to_owned(),
        mode: Some(RunDetail::incremental(1)),
        cursor: Cursor::default(),
        accounting: Accounting::default(),
        message: None,
        sql_digest: "d".to_owned(),
        forgotten_digest: None,
    };
    let starts = |dialect: Dialect, publishing| {
        let plan = plan(dialect, "");
        let steps = plan.publish(publishing, &filled(), plan.record(publishing, &row, Some(2)));
        let words = first_words(together(&steps));
        [words[0].clone(), words[1].clone(), words[2].split(' ').next().unwrap().to_owned()]
    };
    assert_eq!(
        starts(Dialect::BigQuery, Publishing::Rows),
        ["update `s`.`tracklet_turn`", "insert into `s`.`tracklet_runs` (", "select"]
    );
    assert_eq!(
        starts(Dialect::Redshift, Publishing::Swap),
        ["lock \"s\".\"tracklet_runs\"", "insert into \"s\".\"tracklet_runs\" (", "select"]
    );
    let replaced = plan(Dialect::BigQuery, "").record(Publishing::Replace, &row, None);
    assert_eq!(replaced.len(), 2, "nothing waits outside a transaction");
}

#[test]
fn replaced_tables_keep_their_layout() {
    let plan = plan(Dialect::BigQuery, "tracklet_session_facts");
    let steps = plan.publish(Publishing::Replace, &filled(), Vec::new());
    let Step::Alone(first) = &steps[0] else { panic!() };
    assert!(
        first.starts_with("create or replace table `s`.`tracklet_session_facts`\npartition by"),
        "{first}"
    );
    assert!(first.ends_with("select *\nfrom `s`.`tracklet_aside_t1_tracklet_session_facts`"), "{first}");
}

#[test]
fn renamed_tables_are_named_with_their_schema_on_spark() {
    let plan = plan(Dialect::Spark, "tracklet_session_facts");
    let steps = plan.publish(Publishing::Rename, &filled(), Vec::new());
    assert_eq!(steps[0], Step::Alone("drop table `s`.`tracklet_session_facts`".to_owned()));
    assert_eq!(
        steps[1],
        Step::Alone(
            "alter table `s`.`tracklet_aside_t1_tracklet_session_facts` rename to `s`.`tracklet_session_facts`"
                .to_owned()
        )
    );
}

#[test]
fn delta_tables_are_replaced_and_others_dropped_before() {
    let names = Names::new(Dialect::Spark, None, "s".to_owned()).in_format(Format::Delta);
    let plan = plan_in(&names, "tracklet_session_facts");
    let made = |existing: &Existing| plan.publish(Publishing::Replace, existing, Vec::new());
    let replaced = Step::Alone(
        "create or replace table `s`.`tracklet_session_facts`\nusing delta\nas\nselect *\n\
         from `s`.`tracklet_aside_t1_tracklet_session_facts`"
            .to_owned(),
    );
    assert_eq!(made(&filled())[0], replaced);
    let of_parquet = Existing { of_other_format: BTreeSet::from(["tracklet_session_facts"]), ..filled() };
    assert_eq!(
        made(&of_parquet)[..2],
        [Step::Alone("drop table `s`.`tracklet_session_facts`".to_owned()), replaced]
    );
    let making =
        &plan.models.iter().find(|model| model.name == "tracklet_session_facts").unwrap().statements[0];
    assert!(making.contains("\nusing delta\nas"), "{making}");
}

#[test]
fn what_dbt_has_made_is_replaced() {
    let plan = plan(Dialect::Postgres, "");
    let mut existing = filled();
    existing.kinds.insert("tracklet_tracks", Kind::View);
    let steps = plan.publish(Publishing::Swap, &existing, Vec::new());
    let statements = first_words(together(&steps));
    let place = |words: &str| statements.iter().position(|statement| statement == words).unwrap();
    let view = place("drop view \"s\".\"tracklet_tracks\"");
    assert!(view < place("drop table \"s\".\"tracklet_staged\""));
    assert!(view < place("create view \"s\".\"tracklet_tracks\" as"));
    // Where nobody has made it nobody gets it.
    let steps = plan.publish(Publishing::Swap, &filled(), Vec::new());
    assert!(!together(&steps).iter().any(|statement| statement.contains("tracklet_tracks")));
}
