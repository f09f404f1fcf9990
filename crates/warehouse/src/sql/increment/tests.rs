use super::{Come, EXCHANGES, Facts, HASHES, Increment, STEPS, STEPS_OF_ERASURE};
use crate::sql::forgotten::Hashes;
use crate::sql::graph::{Graph, Model};
use crate::sql::render::{Materialized, Renderer, SourceTable};
use crate::sql::{Dialect, Names, package};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use tracklet_config::{Config, Source};
use tracklet_dialects::description::Format;
use tracklet_display::error::Hint;
use tracklet_kernel::subject::Subject;

fn renderer(dialect: Dialect, configuration: &str, materialize: Materialized) -> Renderer {
    let columns = ["id", "anonymous_id", "user_id", "event", "timestamp", "received_at"];
    let table = SourceTable::of_tracks("tracks", "tracks", columns.map(|name| dialect.own(name)));
    let config = Config::parse(configuration, std::path::Path::new("tracklet.toml")).unwrap();
    Renderer::new(dialect, &config, materialize, vec![table])
}

fn names(dialect: Dialect) -> Names {
    Names::new(dialect, None, dialect.spelled("s"))
}

fn unknown() -> Facts {
    Facts::unknown("SINCE".to_owned(), "EARLIEST".to_owned())
}

fn nothing_special() -> Facts {
    Facts { tracks_deleted: false, aliases_moved: false, ..unknown() }
}

#[test]
fn the_steps_are_the_files_and_each_is_made_from_those_before() {
    let files: BTreeSet<&str> = package::increments().map(package::File::name).collect();
    assert_eq!(files, STEPS.into_iter().chain(STEPS_OF_ERASURE).chain([HASHES]).collect());
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::View);
        let increment = Increment::new(&renderer, &names(dialect), "t1");
        let mut later: Vec<String> = STEPS.iter().map(|step| increment.names.relation(step)).collect();
        for step in STEPS {
            let own = later.remove(0);
            let statements = increment.step(step, &unknown()).unwrap().statements;
            assert!(statements[0].contains(&format!("table {own}")), "{}", statements[0]);
            for unmade in &later {
                assert!(!statements[0].contains(unmade), "{step} needs {unmade}");
            }
        }
    }
}

#[test]
fn every_table_is_exchanged_and_views_follow() {
    for materialize in [Materialized::View, Materialized::Table] {
        let renderer = renderer(Dialect::Postgres, "", materialize);
        let graph = Graph::new(&renderer, &names(Dialect::Postgres)).unwrap();
        let tables = graph.models().iter().filter(|model| {
            !model.is_staging() && model.rendered.options.materialized == Materialized::Table
        });
        let tables: Vec<&str> = tables.map(|model: &Model| model.name).collect();
        let known: BTreeSet<&str> = EXCHANGES.iter().map(|exchange| exchange.model).collect();
        assert!(tables.iter().all(|table| known.contains(table)), "{tables:?}");
        let increment = Increment::new(&renderer, &names(Dialect::Postgres), "t1");
        let statements = increment.exchange(&tables, &unknown()).unwrap();
        assert_eq!(statements.len(), 2 * tables.len());
        let (deletes, inserts) = statements.split_at(tables.len());
        assert!(deletes.iter().all(|statement| statement.starts_with("delete from \"s\".\"")));
        assert!(inserts.iter().all(|statement| statement.starts_with("insert into \"s\".\"")));
    }
}

#[test]
fn what_goes_is_asked_of_tables_that_still_have_it() {
    let renderer = renderer(Dialect::Postgres, "", Materialized::Table);
    let increment = Increment::new(&renderer, &names(Dialect::Postgres), "t1");
    let all: Vec<&str> = EXCHANGES.iter().map(|exchange| exchange.model).collect();
    let statements = increment.exchange(&all, &unknown()).unwrap();
    let place = |start: &str| statements.iter().position(|statement| statement.starts_with(start)).unwrap();
    let sessions = place("delete from \"s\".\"tracklet_session_facts\"");
    let looking = statements[..all.len()].iter().enumerate().filter(|(own, statement)| {
        *own != sessions && statement.contains("\"s\".\"tracklet_session_facts\"")
    });
    let looking: Vec<usize> = looking.map(|(own, _)| own).collect();
    assert_eq!(looking.len(), 2, "the tables that have a session's name alone");
    assert!(looking.iter().all(|own| *own < sessions));
    let facts = place("insert into \"s\".\"dbt_user_session_facts\"");
    assert!(place("insert into \"s\".\"tracklet_session_facts\"") < facts);
}

#[test]
fn facts_found_beforehand_are_literals_in_the_statements() {
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::View);
        let increment = Increment::new(&renderer, &names(dialect), "t1");
        let step = |name, facts: &Facts| increment.step(name, facts).unwrap().statements.remove(0);
        assert!(step("increment_window", &unknown()).contains(">= SINCE"));
        assert!(step("increment_incoming", &unknown()).contains("loaded_at >= SINCE"));
        assert!(step("increment_events", &unknown()).contains(">= EARLIEST"));
        assert!(increment.accounting(&unknown()).unwrap().contains(">= EARLIEST"));
        let events = increment.names.relation("tracklet_event_facts");
        for name in ["increment_pairs", "increment_restarts"] {
            assert!(step(name, &unknown()).contains(&events), "{name}");
            assert!(!step(name, &nothing_special()).contains(&events), "the history isn't read for {name}");
        }
    }
}

#[test]
fn partitions_are_looked_at_from_the_day_before_on() {
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::View);
        let increment = Increment::new(&renderer, &names(dialect), "t1");
        let window = |facts: &Facts| increment.step("increment_window", facts).unwrap().statements.remove(0);
        let facts = |time: Option<&str>| {
            let source = Source { partition_time: time.map(str::to_owned), ..Source::default() };
            Facts::before_looking(dialect, noon, &source)
        };
        assert!(!window(&facts(None)).contains("2026-02-28"));
        let day = dialect.time("2026-02-28T00:00:00Z".parse().unwrap());
        let (column, named) = if dialect == Dialect::BigQuery {
            // It is in no list of the table's columns, and quotes are not for it.
            ("_PARTITIONTIME".to_owned(), "_partitiontime")
        } else {
            (dialect.own_column("received_at"), "Received_At")
        };
        let with = window(&facts(Some(named)));
        assert!(with.contains(&format!("\n    and ({column} >= {day} or {column} is null)")), "{with}");
        // Rows of days that differ may be anywhere.
        let days = Facts { days: vec!["'2026-01-01'".to_owned()], ..facts(Some(named)) };
        assert!(!window(&days).contains(&day));
    }
}

// Only the first run that would have used it failed: the second.
#[test]
fn a_table_without_the_column_of_its_partitions_is_refused_before_the_first_run() {
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::View);
        let error = renderer.partition_queries("absent", "TIME").unwrap_err();
        assert!(error.to_string().starts_with("source table tracks has no column absent"), "{error}");
        assert!(error.hint().unwrap().contains("[source] partition_time"), "{error:?}");
        let queries = renderer.partition_queries("received_at", "TIME").unwrap();
        let column = dialect.own_column("received_at");
        let expected = format!("select count(*) as partitioned from tracks where {column} >= TIME and 1 = 0");
        assert_eq!(queries, [expected]);
    }
}

#[test]
fn kept_duplicates_displace_nothing() {
    let renderer = renderer(Dialect::Postgres, "dedupe = false", Materialized::View);
    let increment = Increment::new(&renderer, &names(Dialect::Postgres), "t1");
    let staged = increment.step("increment_staged", &nothing_special()).unwrap().statements.remove(0);
    assert!(!staged.contains("\"tracklet_staged\"") && !staged.contains("row_number"), "{staged}");
}

#[test]
fn the_steps_go_in_the_end() {
    let renderer = renderer(Dialect::Snowflake, "", Materialized::View);
    let increment = Increment::new(&renderer, &names(Dialect::Snowflake), "t1");
    let clean = increment.clean();
    assert_eq!(clean.len(), STEPS.len());
    assert_eq!(clean[7], "drop table if exists \"S\".\"TRACKLET_ASIDE_T1_INCREMENT_WINDOW\"");
}

#[test]
fn on_spark_each_table_changes_by_itself_and_a_merge_deletes() {
    let (dialect, materialize) = (Dialect::Spark, Materialized::Table);
    let renderer = renderer(dialect, "", materialize);
    let increment = Increment::new(&renderer, &names(dialect).in_format(Format::Delta), "t1");
    assert!(
        increment.step("increment_window", &unknown()).unwrap().statements[0].contains("\nusing delta\nas")
    );
    let all: Vec<&str> = EXCHANGES.iter().map(|exchange| exchange.model).collect();
    let statements = increment.exchange(&all, &unknown()).unwrap();
    assert_eq!(statements.len(), 2 * all.len());
    let published: Vec<String> = all.iter().map(|model| increment.names.relation(model)).collect();
    for (place, pair) in statements.chunks(2).enumerate() {
        let (own, model) = (&published[place], all[place]);
        assert!(
            pair[0].starts_with(&format!("merge into {own} as target\nusing (\n    select")),
            "{}",
            pair[0]
        );
        assert!(pair[0].ends_with("\nwhen matched then delete"), "{}", pair[0]);
        assert!(pair[1].starts_with(&format!("insert into {own}\n")), "{}", pair[1]);
        // A table may be read only before it changes, or, by what is made of it as it is then, after.
        let read = published.iter().enumerate().filter(|(other, relation)| {
            let mentions = |statement: &str| statement.contains(relation.as_str());
            *other != place && (mentions(&pair[0]) || mentions(&pair[1]))
        });
        for (other, relation) in read {
            let is_after = matches!(EXCHANGES[place].come, Come::ModelOfVisitors);
            assert_eq!(other < place, is_after, "{model} reads {relation}");
        }
    }
    let sessions = "merge into `s`.`tracklet_session_facts` as target\nusing (\n    select\n        affected_visitor_id,\n        \
                    restart_at\n    from `s`.`tracklet_aside_t1_increment_restarts`\n) as gone\non target.dbt_visitor_id = \
                    gone.affected_visitor_id\n    and target.session_start_at >= gone.restart_at\n    and \
                    target.session_start_at >= EARLIEST\nwhen matched then delete";
    assert!(statements.iter().any(|statement| statement == sessions), "{statements:#?}");
}

fn of_erasure() -> Facts {
    Facts::of_erasure("EARLIEST".to_owned())
}

fn hashes(dialect: Dialect) -> Hashes {
    let subjects = [Subject::Visitor("ann".to_owned()), Subject::AnonymousId("phone".to_owned())];
    Hashes::new(&names(dialect), "5a17", &subjects.into(), true)
}

#[test]
fn an_erasure_is_made_from_hashes_and_what_is_there() {
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::View);
        let increment = Increment::new(&renderer, &names(dialect), "t1");
        let first = increment.hashes(&hashes(dialect)).unwrap().statements;
        assert!(first[0].contains(&increment.names.relation("dbt_aliases_mapping")), "{}", first[0]);
        let staged = increment.step("forget_staged", &of_erasure()).unwrap().statements;
        let own = increment.names.relation("increment_staged");
        assert!(staged[0].contains(&format!("table {own}")), "{}", staged[0]);
        for step in STEPS_OF_ERASURE {
            for statement in increment.step(step, &of_erasure()).unwrap().statements {
                for unmade in ["increment_window", "increment_incoming"] {
                    assert!(!statement.contains(&increment.names.relation(unmade)), "{step} needs {unmade}");
                }
                assert!(!statement.contains("from tracks"), "{step} reads the source");
            }
        }
        let clean = increment.clean_erasure();
        assert!(clean.last().unwrap().contains(&increment.names.relation(HASHES)), "{clean:?}");
    }
}

#[test]
fn no_statement_of_an_erasure_has_an_id_in_it() {
    let all: Vec<&str> = EXCHANGES.iter().map(|exchange| exchange.model).collect();
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "", Materialized::Table);
        let increment = Increment::new(&renderer, &names(dialect), "t1");
        let mut statements = increment.hashes(&hashes(dialect)).unwrap().statements;
        for step in STEPS_OF_ERASURE {
            statements.extend(increment.step(step, &of_erasure()).unwrap().statements);
        }
        statements.extend(increment.exchange(&all, &of_erasure()).unwrap());
        statements.extend([increment.note(3, "d"), increment.accounting(&of_erasure()).unwrap()]);
        for statement in statements {
            assert!(!statement.contains("ann'") && !statement.contains("phone"), "{statement}");
        }
    }
}

#[test]
fn what_an_erasure_takes_from_the_rows_seen_does_not_come_again() {
    let renderer = renderer(Dialect::Postgres, "", Materialized::View);
    let increment = Increment::new(&renderer, &names(Dialect::Postgres), "t1");
    let exchange =
        |facts: &Facts| increment.exchange(&["tracklet_staged", "tracklet_rejects"], facts).unwrap();
    let [rejects_go, staged_go, _, staged_come] = exchange(&of_erasure()).try_into().unwrap();
    // Rejected rows may have no event id.
    assert!(rejects_go.contains("where coalesce(event_id, '') in ("), "{rejects_go}");
    assert!(staged_go.contains("where coalesce(event_id, '') in ("), "{staged_go}");
    assert!(staged_come.ends_with("where fate <> 3"), "{staged_come}");
    let of_increment = exchange(&unknown()).join("\n");
    assert!(
        !of_increment.contains("coalesce(event_id") && !of_increment.contains("fate <> 3"),
        "{of_increment}"
    );
}

#[test]
fn the_source_is_read_without_forgotten_people_wherever_it_is_read() {
    for dialect in Dialect::ALL {
        let forgotten = names(dialect).relation("tracklet_forgotten");
        let plain = renderer(dialect, "", Materialized::View);
        let forgetful = plain.clone().with_forgotten(Some(forgotten.clone()));
        for (renderer, forgets) in [(&plain, false), (&forgetful, true)] {
            let increment = Increment::new(renderer, &names(dialect), "t1");
            let window = increment.step("increment_window", &unknown()).unwrap().query;
            let days = Facts { days: vec!["'2026-01-01'".to_owned()], ..unknown() };
            let reads = [
                window,
                increment.step("increment_window", &days).unwrap().query,
                renderer.render("tracklet_staged", &names(dialect)).unwrap().sql,
                renderer.render("tracklet_audit", &names(dialect)).unwrap().sql,
            ];
            assert!(reads.iter().all(|read| read.contains("from tracks")), "{reads:?}");
            assert!(reads.iter().all(|read| read.contains(&forgotten) == forgets), "{reads:?}");
        }
    }
}
