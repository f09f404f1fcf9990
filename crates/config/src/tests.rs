use super::{
    Columns, Config, ConfigError, CsvOptions, DurationError, Format, Problem, Quote, json_schema, keys,
    reference,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use tracklet_dialects::Dialect;
use tracklet_display::error::Hint;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::registry::CarriedType;
use tracklet_kernel::rules::{Count, Duplicates, Rules, Timeout};
use tracklet_kernel::tables::Table;
use tracklet_kernel::time::Unit;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("tracklet.toml"))
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = good("");
    assert_eq!(config, Config::default());
    assert_eq!(config.rules(), Rules::default());
    assert_eq!(config.output.dir, Path::new("out"));
    assert_eq!(config.output.keep.get(), 3);
    assert_eq!(config.source.event_names, EventNames::RudderStack);
}

#[test]
fn every_key_is_read() {
    let config = good(
        r#"
        dedupe = false
        [source]
        paths = ["logs", "s3://bucket/x"]
        tables = ["rudder.tracks", "'my shop'.tracks"]
        tables_of = { page = ["web.pages", "app.pages"], group = "rudder._groups", alias = [] }
        where = "channel = 'web'"
        loaded_at = "stored_at"
        partition_time = "_PARTITIONTIME"
        overlap = "2d"
        event_names = "blendo"
        time_unit = "milliseconds"
        format = "csv"
        [source.csv]
        header = false
        columns = ["message", "device", "at"]
        delimiter = "\t"
        quote = "'"
        null = ["", "NULL"]
        [source.columns]
        event_id = "message"
        anonymous_id = "device"
        user_id = "customer"
        event = "name"
        timestamp = "at"
        received_at = "arrived"
        [identity]
        ignore = ["Usual", " Test "]
        [sessions]
        timeout = "90s"
        boundary = "exact"
        [counts]
        purchases = ["paid", "bought"]
        cnt_signup = "signup"
        [flow]
        length = 9
        [output]
        dir = "tables"
        keep = 1
        tables = ["dbt_aliases_mapping", "dbt_mapped_tracks", "dbt_session_tracks", "dbt_track_facts", "dbt_session_track_facts", "dbt_user_session_facts", "dbt_session_duration", "dbt_tracks_flow", "tracklet_duplicates"]
        "#,
    );
    let own = |name: &str| Some(name.to_owned());
    assert_eq!(
        config.source,
        super::Source {
            paths: vec!["logs".to_owned(), "s3://bucket/x".to_owned()],
            types: EventTypes::default(),
            tables: vec!["rudder.tracks".to_owned(), "'my shop'.tracks".to_owned()],
            tables_of: vec![
                (EventType::Page, vec!["web.pages".to_owned(), "app.pages".to_owned()]),
                (EventType::Group, vec!["rudder._groups".to_owned()]),
            ],
            format: Some(Format::Csv),
            filter: own("channel = 'web'"),
            loaded_at: own("stored_at"),
            partition_time: own("_PARTITIONTIME"),
            overlap: NonZeroU64::new(2 * 86_400_000_000),
            event_names: EventNames::Blendo,
            time_unit: Some(Unit::Milliseconds),
            csv: CsvOptions {
                null: vec![String::new(), "NULL".to_owned()],
                delimiter: Some(b'\t'),
                quote: Quote::Byte(b'\''),
                header: false,
                columns: Some(["message", "device", "at"].map(str::to_owned).to_vec()),
            },
            columns: Columns {
                event_id: own("message"),
                anonymous_id: own("device"),
                user_id: own("customer"),
                event: own("name"),
                timestamp: own("at"),
                received_at: own("arrived"),
            },
        }
    );
    assert_eq!(config.identity.ignore.entries(), ["usual", "test"]);
    assert_eq!(
        config.rules,
        Rules {
            timeout: Timeout::Exact(NonZeroU64::new(90_000_000).unwrap()),
            duplicates: Duplicates::Keep,
            // In the file's order, not the alphabet's.
            counts: vec![Count::new("purchases", ["paid", "bought"]), Count::new("cnt_signup", ["signup"])],
            flow_length: 9,
            left_out: [Table::Rejects].into(),
            ..Rules::default()
        }
    );
    let tables = Table::ALWAYS.into_iter().filter(|table| *table != Table::Rejects).collect();
    let dir = PathBuf::from("tables");
    assert_eq!(config.output, super::Output { dir, keep: NonZeroUsize::MIN, tables: Some(tables) });
}

#[test]
fn timeouts() {
    let minutes = |number| Timeout::WholeMinutes(NonZeroU64::new(number).unwrap());
    let exact = |micros| Timeout::Exact(NonZeroU64::new(micros).unwrap());
    let cases = [
        ("", minutes(30)),
        ("timeout = 45", minutes(45)),
        ("timeout = 0x1e", minutes(30)),
        ("timeout = \"1h30m\"", minutes(90)),
        ("timeout = \"120s\"", minutes(2)),
        ("boundary = \"exact\"", exact(1_800_000_000)),
        ("timeout = 5\nboundary = \"exact\"", exact(300_000_000)),
        ("timeout = \"500ms\"\nboundary = \"exact\"", exact(500_000)),
    ];
    for (lines, timeout) in cases {
        assert_eq!(good(&format!("[sessions]\n{lines}")).rules.timeout, timeout, "{lines}");
    }
}

#[test]
fn evidence_asks_for_the_tables_of_events() {
    let config = good("[identity]\nevidence = [\"identify\", \"alias\", \"identify\"]");
    assert_eq!(config.identity.evidence.iter().collect::<Vec<_>>(), [EventType::Identify, EventType::Alias]);
    assert_eq!(config.source.types, EventTypes::default());
    let read: Vec<EventType> = config.types_read().iter().collect();
    assert_eq!(read, [EventType::Track, EventType::Identify, EventType::Alias]);
    assert_eq!((config.rules.events, config.events_asked_by()), (true, Some("identity.evidence")));
    assert_eq!(
        (config.rules.evidence, config.gate().evidence),
        (config.identity.evidence, config.identity.evidence)
    );
    assert_eq!(config.rules.carried.len(), 1);
    let without = good("[identity]\nevidence = []");
    assert_eq!((without.rules.events, without.events_asked_by()), (false, None));
}

#[test]
fn columns_of_events_are_those_of_the_preset_and_then_the_files_own() {
    let config = good(
        "[source]\ntypes = [\"page\", \"track\"]\n[columns]\nzone = \"context_timezone\"\npreset = \"web\"\n\
         Locale = [\"a\", \"b\"]\nrevenue = { number = [\"revenue\", \"total\"] }",
    );
    assert_eq!(config.source.types.iter().collect::<Vec<_>>(), [EventType::Track, EventType::Page]);
    let names: Vec<&str> = config.columns.iter().map(|column| column.spec.name.as_str()).collect();
    assert_eq!(names[..2], ["page_url", "page_path"]);
    let derived = ["page_host", "referrer_host", "is_bot", "browser", "os", "device_category"];
    assert_eq!(names[16..19], ["Locale", "country", "context_session_id"]);
    assert_eq!(names[19..], [&derived[..], &["zone", "revenue"]].concat());
    let of = |name: &str, event_type| -> Vec<&str> {
        let column = config.columns.iter().find(|column| column.spec.name == name).unwrap();
        column.sources_of(event_type).collect()
    };
    assert_eq!(of("page_url", EventType::Page), ["properties_url", "url", "context_page_url"]);
    assert_eq!(of("page_url", EventType::Track), ["context_page_url"]);
    assert_eq!(of("Locale", EventType::Track), ["a", "b"]);
    assert_eq!(config.columns[26].spec.carried_type, CarriedType::Number);
    assert_eq!(config.columns[3].spec.no_value, ["$direct"]);
    assert!(config.rules.events && config.rules.carried.len() == 28);
    assert_eq!(config.rules.carried[0].name, "event_type");
    assert_eq!(config.rules.event_columns().len(), 27);
    let mobile = good("[columns]\npreset = \"mobile\"");
    assert_eq!(mobile.columns.len(), good("[columns]\npreset = \"web\"").columns.len() + 4);
    assert!(!Config::default().rules.events && good("[columns]").rules.events);
}

/// The names of the texts that a column is derived from, in the order in which they decide.
fn inputs_of<'a>(config: &'a Config, name: &str) -> Vec<&'a str> {
    let column = config.columns.iter().find(|column| column.spec.name == name).unwrap();
    column.spec.derived.iter().flat_map(|derived| &derived.inputs).map(|input| input.name.as_str()).collect()
}

#[test]
fn what_a_column_is_derived_from_is_read_once() {
    let config = good("[columns]\npreset = \"web\"");
    assert_eq!(config.inputs, []);
    assert_eq!(inputs_of(&config, "page_host"), ["page_url"]);
    assert_eq!(inputs_of(&config, "os"), ["os_name", "user_agent"]);
    assert_eq!(inputs_of(&config, "device_category"), ["os_name", "user_agent", "os_name"]);

    // A column of the file's own in the place of one of the preset has a say in what is derived from it.
    let own = good("[columns]\npreset = \"web\"\nPage_Url = \"link\"\nuser_agent = { number = \"n\" }");
    assert_eq!(inputs_of(&own, "page_host"), ["Page_Url"]);
    let read: Vec<&str> = own.inputs.iter().map(|input| input.spec.name.as_str()).collect();
    assert_eq!((read, inputs_of(&own, "browser")), (vec!["is_bot"], vec!["is_bot"]));

    let config = good(
        "[columns]\nagent = [\"ua\", \"b\"]\nbrowser = { browser = \"ua\" }\nis_bot = { is_bot = [\"ua\", \"b\"] }\n\
         os = { os_name = \"name\", os = \"ua\" }\ndevice = { device_category = \"c\" }",
    );
    assert_eq!(inputs_of(&config, "is_bot"), ["agent"]);
    assert_eq!(inputs_of(&config, "browser"), ["browser"]);
    assert_eq!(inputs_of(&config, "os"), ["os.os_name", "browser"]);
    assert_eq!(inputs_of(&config, "device"), ["device"]);
    let read: Vec<&str> = config.columns_read().map(|column| column.spec.name.as_str()).collect();
    assert_eq!(read, ["agent", "browser", "os.os_name", "device"]);
    assert_eq!(config.columns[2].spec.carried_type, CarriedType::Truth);
}

#[test]
fn tables_that_are_not_named_are_left_out_and_events_can_be_asked_for_by_their_table() {
    let config = good("[output]\ntables = \"tracklet_sessions\"");
    assert!(config.rules.events);
    assert_eq!(config.events_asked_by(), Some("output.tables"));
    assert_eq!(Table::all(&config.rules).collect::<Vec<_>>(), [Table::Sessions]);
    assert_eq!(config.rules.left_out.len(), 11);

    let config = good("[output]\ntables = [\"dbt_track_facts\", \"tracklet_rejects\"]");
    assert!(!config.rules.events && config.events_asked_by().is_none());
    assert_eq!(Table::all(&config.rules).collect::<Vec<_>>(), [Table::TrackFacts, Table::Rejects]);
    let all: Vec<String> = Table::ALWAYS.iter().map(|table| format!("{:?}", table.name())).collect();
    let all = good(&format!("[output]\ntables = [{}]", all.join(", ")));
    assert_eq!(all.fingerprint(), Config::default().fingerprint());
    assert_eq!(all.source_fingerprint(), config.source_fingerprint());
}

#[test]
fn an_empty_counts_section_has_no_count_columns() {
    assert_eq!(good("[counts]").rules.counts, []);
    assert_eq!(good("[flow]").rules.counts.len(), 2);
}

/// Text, message with its place, hint (`""` for none).
const WRONG: &[(&str, &str, &str)] = &[
    ("[sessions]\ntimout = 30", "2:1: unknown key `sessions.timout`", "did you mean `timeout`?"),
    ("sesions = 3", "1:1: unknown key `sesions`", "did you mean `sessions`?"),
    (
        "[source]\n[source.colums]\nevent = \"e\"",
        "2:9: unknown key `source.colums`",
        "did you mean `columns`?",
    ),
    (
        "[source.columns]\nmessage = \"m\"",
        "2:1: unknown key `source.columns.message`",
        "[source.columns] can hold `event_id`, `anonymous_id`, `user_id`, `event`, `timestamp` and `received_at`",
    ),
    ("[identity]\nignore = \"usal\"", "2:10: `identity.ignore` can't be `usal`", "did you mean `usual`?"),
    (
        "[identity]\nignore = [\"test\", 3]",
        "2:19: `identity.ignore` must be a text or a list of texts, not `3`",
        "for example: ignore = [\"usual\", \"test\"]",
    ),
    ("timeout = 30", "1:1: unknown key `timeout`", "`timeout` belongs in [sessions]"),
    (
        "[source.csv]\nheader = false",
        "2:10: `source.csv.header` is false, and `source.csv.columns` names no columns",
        "name them in their order: columns = [\"id\", \"anonymous_id\", \"timestamp\"]",
    ),
    (
        "[source.csv]\nquote = \"|\"\ndelimiter = \"|\"",
        "2:9: `source.csv.quote` and `source.csv.delimiter` are the same character",
        "set `quote` to another character, or to \"none\" where fields stand in no quotes; by default it is `\"`",
    ),
    (
        "[source.csv]\ndelimiter = '\"'",
        "2:13: `source.csv.quote` and `source.csv.delimiter` are the same character",
        "set `quote` to another character, or to \"none\" where fields stand in no quotes; by default it is `\"`",
    ),
    (
        "[source.csv]\ndelimiter = \"é\"",
        "2:13: `source.csv.delimiter` is one ASCII character, not `é`",
        "for example: delimiter = \"|\", or quote = \"'\"; a tab is \"\\t\"",
    ),
    (
        "[source.csv]\nheader = false\ncolumns = []",
        "3:11: `source.csv.header` is false, and `source.csv.columns` names no columns",
        "name them in their order: columns = [\"id\", \"anonymous_id\", \"timestamp\"]",
    ),
    (
        "[source.csv]\ndelimiter = \"||\"",
        "2:13: `source.csv.delimiter` is one ASCII character, not `||`",
        "for example: delimiter = \"|\", or quote = \"'\"; a tab is \"\\t\"",
    ),
    (
        "[flow]\ndedupe = true",
        "2:1: unknown key `flow.dedupe`",
        "`dedupe` stands at the top of the file, before any section",
    ),
    (
        "zzz = 1",
        "1:1: unknown key `zzz`",
        "the file can hold `dedupe`, `profile`, `source`, `columns`, `identity`, `sessions`, `counts`, `flow`, `output` and `targets`",
    ),
    ("dedupe = yes", "1:10: this is not TOML: string values must be quoted, expected literal string", ""),
    ("dedupe = true\ndedupe = true", "2:1: this is not TOML: duplicate key", ""),
    (
        "dedupe = \"true\"",
        "1:10: `dedupe` must be `true` or `false`, not `\"true\"`",
        "for example: dedupe = true",
    ),
    ("source = 1", "1:10: `source` must be a section, not `1`", ""),
    (
        "[sessions]\n  timeout = \"30\"",
        "2:13: `sessions.timeout` can't be `30`: it has no unit",
        "a number alone is minutes and stands without quotes: 30",
    ),
    (
        "[sessions]\ntimeout = \"30 min\"",
        "2:11: `sessions.timeout` can't be `30 min`: it is not a duration",
        "write minutes as a number, or a text such as \"30m\", \"1h30m\", \"90s\" or \"500ms\"",
    ),
    (
        "[sessions]\ntimeout = \"0s\"",
        "2:11: `sessions.timeout` can't be `0s`: it must be more than 0",
        "write minutes as a number, or a text such as \"30m\", \"1h30m\", \"90s\" or \"500ms\"",
    ),
    (
        "[sessions]\ntimeout = 0",
        "2:11: `sessions.timeout` must be a number from 1 to 153722867280, not `0`",
        "",
    ),
    (
        "[sessions]\ntimeout = -5",
        "2:11: `sessions.timeout` must be a number from 1 to 153722867280, not `-5`",
        "",
    ),
    (
        "[sessions]\ntimeout = 1.5",
        "2:11: `sessions.timeout` must be a number, not `1.5`",
        "for example: timeout = 30",
    ),
    (
        "[sessions]\ntimeout = \"90s\"",
        "2:11: `sessions.timeout` of `\"90s\"` is not a number of whole minutes",
        "round it to minutes, or set [sessions] boundary = \"exact\" to compare microseconds",
    ),
    (
        "[sessions]\nboundary = \"exactly\"",
        "2:12: `sessions.boundary` can't be `exactly`",
        "did you mean `exact`?",
    ),
    (
        "[source]\nevent_names = \"snake\"",
        "2:15: `source.event_names` can't be `snake`",
        "it can be one of `rudderstack`, `rudderstack_divided`, `blendo`, `segment` and `raw`",
    ),
    ("[source]\nformat = \"jsno\"", "2:10: `source.format` can't be `jsno`", "did you mean `json`?"),
    ("[source]\nwhere = \"\"", "2:9: `source.where` is empty", "leave the key out to have its default"),
    (
        "[source]\npaths = [\"a\",\n  7]",
        "3:3: `source.paths` must be a text or a list of texts, not `7`",
        "for example: paths = [\"rudder-logs\"]",
    ),
    (
        "[source]\ntypes = [\"track\", \"pages\"]",
        "2:19: `source.types` can't be `pages`",
        "did you mean `page`?",
    ),
    (
        "[identity]\nevidence = [\"identfy\"]",
        "2:13: `identity.evidence` can't be `identfy`",
        "did you mean `identify`?",
    ),
    (
        "[identity]\nevidence = [3]",
        "2:13: `identity.evidence` must be a text or a list of texts, not `3`",
        "for example: evidence = [\"identify\"]",
    ),
    (
        "[identity]\nevidence = [\"identify\", \"page\"]\n[source]\ntypes = [\"track\", \"page\"]",
        "2:12: `identity.evidence` has `page`, whose calls are events",
        "events say which user a device has, too: leave `page` out of `identity.evidence`, or out of `source.types`",
    ),
    (
        "[identity]\nevidence = \"track\"",
        "2:12: `identity.evidence` has `track`, whose calls are events",
        "events say which user a device has, too: leave `track` out of `identity.evidence`, or out of `source.types`",
    ),
    (
        "dedupe = false\n[identity]\nevidence = \"identify\"",
        "1:10: `dedupe` is false, and `identity.evidence` asks for sessions that are known by the id of their first event",
        "leave `dedupe` out, so that duplicates are dropped, or leave `identity.evidence` out",
    ),
    (
        "[source]\ntypes = []",
        "2:9: `source.types` names no type",
        "for example: types = [\"track\", \"page\"]",
    ),
    (
        "[output]\ntables = [\"dbt_track_facts\", \"tracklet_session\"]",
        "2:30: `output.tables` can't be `tracklet_session`",
        "did you mean `tracklet_sessions`?",
    ),
    ("[output]\ntables = []", "2:10: `output.tables` names no table", "leave `tables` out to write all"),
    (
        "dedupe = false\n[output]\ntables = \"tracklet_sessions\"",
        "1:10: `dedupe` is false, and `output.tables` asks for sessions that are known by the id of their first event",
        "leave `dedupe` out, so that duplicates are dropped, or leave `output.tables` out",
    ),
    ("[columns]\npreset = \"wbe\"", "2:10: `columns.preset` can't be `wbe`", "did you mean `web`?"),
    (
        "[columns]\nEvent = \"name\"",
        "2:1: the column `columns.Event` has the name of the column `event` of `tracklet_events`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[columns]\nevent_12 = \"name\"",
        "2:1: the column `columns.event_12` has the name of the column `event_12` of `dbt_tracks_flow`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[columns]\nReceived_At = \"receivedAt\"",
        "2:1: the column `columns.Received_At` has the name of the column `received_at` of `tracklet_duplicates`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[columns]\nevent_text = \"name\"",
        "2:1: the column `columns.event_text` has the name of the column `event_text` of `tracks`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[session.columns]\nx = { first = \"evnt\" }",
        "2:15: `session.columns.x` takes the column `evnt`, which events do not have",
        "did you mean `event`?",
    ),
    (
        "[session.columns]\nx = { last = \"event\", at = [\"page_url\"] }",
        "2:28: `session.columns.x` takes the column `page_url`, which events do not have",
        "add it to [columns]; events have `event_id`, `anonymous_id`, `user_id`, `event`, `timestamp` and `event_type`",
    ),
    (
        "[session.columns]\nx = { first = \"*\" }",
        "2:15: `session.columns.x` takes the column `*`, which events do not have",
        "add it to [columns]; events have `event_id`, `anonymous_id`, `user_id`, `event`, `timestamp` and `event_type`",
    ),
    (
        "[columns]\nprice = \"price\"\n[session.columns]\nx = { sum = \"Price\" }",
        "4:13: `session.columns.x` takes the sum of `price`, which holds texts",
        "sum is of numbers: `{ number = ... }` in [columns] makes a column one",
    ),
    (
        "[session.columns]\nx = { any = \"timestamp\" }",
        "2:13: `session.columns.x` takes the any of `timestamp`, which holds times",
        "any is of truths such as `is_bot`",
    ),
    (
        "[session.columns]\nx = { min = \"event\" }",
        "2:13: `session.columns.x` takes the min of `event`, which holds texts",
        "min is of numbers and times",
    ),
    (
        "[session.columns]\nx = { count = \"event\", at = \"event_id\" }",
        "2:24: `session.columns.x` has `at`, and count picks no event",
        "`at` stands beside `first` and `last`; `of` says which events are looked at",
    ),
    (
        "[session.columns]\nx = { count = \"*\", of = [] }",
        "2:25: `session.columns.x` has an empty list under `of`",
        "leave `of` out, or name at least one",
    ),
    (
        "[session.columns]\nx = { first = \"event\", last = \"event\" }",
        "2:5: `session.columns.x` must be a table with one of `first`, `last`, `min`, `max`, `sum`, `count`, `distinct` and `any`, and beside it nothing but `of` and `at`, not `{ first = \"event\", last = \"event\" }`",
        "",
    ),
    (
        "[session.columns]\nx = { frist = \"event\" }",
        "2:5: `session.columns.x` must be a table with one of `first`, `last`, `min`, `max`, `sum`, `count`, `distinct` and `any`, and beside it nothing but `of` and `at`, not `{ frist = \"event\" }`",
        "",
    ),
    (
        "[session.columns]\nx = { first = \"event\", off = \"page\" }",
        "2:5: `session.columns.x` must be a table with one of `first`, `last`, `min`, `max`, `sum`, `count`, `distinct` and `any`, and beside it nothing but `of` and `at`, not `{ first = \"event\", off = \"page\" }`",
        "",
    ),
    (
        "[session.columns]\nx = \"event\"",
        "2:5: `session.columns.x` must be a table with one of `first`, `last`, `min`, `max`, `sum`, `count`, `distinct` and `any`, and beside it nothing but `of` and `at`, not `\"event\"`",
        "",
    ),
    (
        "[session.columns]\nx = { first = [\"event\"] }",
        "2:15: `session.columns.x` must be a text, not `[\"event\"]`",
        "",
    ),
    (
        "[session.columns]\nSession_Start_At = { first = \"event\" }",
        "2:1: the column `session.columns.Session_Start_At` has the name of the column `session_start_at` of `tracklet_sessions`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[counts]\nbuys = \"bought\"\n[session.columns]\nBuys = { count = \"*\", of = \"bought\" }",
        "4:1: the column `session.columns.Buys` has the name of the column `counts.buys`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "dedupe = false\n[session.columns]\nx = { count = \"*\" }",
        "1:10: `dedupe` is false, and `session.columns` asks for sessions that are known by the id of their first event",
        "leave `dedupe` out, so that duplicates are dropped, or leave `session.columns` out",
    ),
    ("[columns]\nPreset = \"web\"", "2:1: unknown key `columns.Preset`", "did you mean `preset`?"),
    (
        "[source]\ntypes = \"page\"\n[counts]\nEvents = \"x\"",
        "4:1: the column `counts.Events` has the name of the column `events` of `tracklet_sessions`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[columns]\nplan = \"a\"\nPlan = \"b\"",
        "3:1: the column `columns.Plan` has the name of the column `plan`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[columns]\n\"my-plan\" = \"plan\"",
        "2:1: `my-plan` is no name for a column",
        "use letters, digits and underscores, at most 63 of them and no digit first",
    ),
    (
        "[columns]\nplan = []",
        "2:8: the column `plan` of `[columns]` names no column of the source",
        "for example: plan = \"properties_plan\"",
    ),
    (
        "[columns]\nrevenue = { numbr = \"revenue\" }",
        "2:11: `columns.revenue` must be a column's name, a list of names, or one of `{ number = ... }`, `{ host = ... }`, `{ is_bot = ... }`, `{ browser = ... }`, `{ os = ..., os_name = ... }` and `{ device_category = ..., os_name = ... }`, not `{ numbr = \"revenue\" }`",
        "",
    ),
    (
        "[columns]\nweb = { browser = \"a\", os_name = \"b\" }",
        "2:7: `columns.web` must be a column's name, a list of names, or one of `{ number = ... }`, `{ host = ... }`, `{ is_bot = ... }`, `{ browser = ... }`, `{ os = ..., os_name = ... }` and `{ device_category = ..., os_name = ... }`, not `{ browser = \"a\", os_name = \"b\" }`",
        "",
    ),
    (
        "[columns]\nweb = { browser = \"a\", os = \"b\" }",
        "2:7: `columns.web` must be a column's name, a list of names, or one of `{ number = ... }`, `{ host = ... }`, `{ is_bot = ... }`, `{ browser = ... }`, `{ os = ..., os_name = ... }` and `{ device_category = ..., os_name = ... }`, not `{ browser = \"a\", os = \"b\" }`",
        "",
    ),
    (
        "[columns]\nhost = { host = [] }",
        "2:17: the column `host` of `[columns]` names no column of the source",
        "for example: host = \"properties_host\"",
    ),
    (
        "[columns]\nrevenue = { number = 3 }",
        "2:22: `columns.revenue` must be a text or a list of texts, not `3`",
        "",
    ),
    (
        "dedupe = false\n[columns]\nplan = \"plan\"",
        "1:10: `dedupe` is false, and `columns` asks for sessions that are known by the id of their first event",
        "leave `dedupe` out, so that duplicates are dropped, or leave `columns` out",
    ),
    (
        "dedupe = false\n[source]\ntypes = \"page\"",
        "1:10: `dedupe` is false, and `source.types` asks for sessions that are known by the id of their first event",
        "leave `dedupe` out, so that duplicates are dropped, or leave `source.types` out",
    ),
    ("[flow]\nlength = 0", "2:10: `flow.length` must be a number from 1 to 100, not `0`", ""),
    ("[flow]\nlength = 101", "2:10: `flow.length` must be a number from 1 to 100, not `101`", ""),
    ("[output]\nkeep = 0", "2:8: `output.keep` must be a number of at least 1, not `0`", ""),
    (
        "[counts]\n\"cnt-x\" = \"x\"",
        "2:1: `cnt-x` is no name for a column",
        "use letters, digits and underscores, at most 63 of them and no digit first",
    ),
    (
        "[source]\npartition_time = \"true) or (day\"",
        "2:18: `source.partition_time` is the name of one column, not `true) or (day`",
        "write letters, digits and underscores, without quotes, dots or functions: partition_time = \"_PARTITIONTIME\"",
    ),
    (
        "[source]\npartition_time = \"t.day\"",
        "2:18: `source.partition_time` is the name of one column, not `t.day`",
        "write letters, digits and underscores, without quotes, dots or functions: partition_time = \"_PARTITIONTIME\"",
    ),
    (
        "[counts]\n1st = \"x\"",
        "2:1: `1st` is no name for a column",
        "use letters, digits and underscores, at most 63 of them and no digit first",
    ),
    (
        "[counts]\nNum_PVs = \"x\"",
        "2:1: the column `counts.Num_PVs` has the name of the column `num_pvs` of `dbt_session_track_facts`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[counts]\ncnt_a = \"x\"\nCNT_A = \"y\"",
        "3:1: the column `counts.CNT_A` has the name of the column `cnt_a`",
        "names of columns are compared without regard to case: choose another name",
    ),
    (
        "[counts]\ncnt_a = []",
        "2:9: the count column `cnt_a` lists no event",
        "for example: cnt_a = [\"order_completed\"]",
    ),
    ("[counts]\ncnt_a = 3", "2:9: `counts.cnt_a` must be a text or a list of texts, not `3`", ""),
    (
        "\u{feff}# caf\u{e9}\n[flow] # \u{1f600}\nlength = \"five\"",
        "3:10: `flow.length` must be a number, not `\"five\"`",
        "for example: length = 5",
    ),
];

#[test]
fn wrong_files_say_what_where_and_how() {
    for (text, message, hint) in WRONG {
        let error = parse(text).expect_err(text);
        assert_eq!(error.to_string(), format!("tracklet.toml:{message}"), "{text}");
        assert_eq!(error.hint().unwrap_or_default(), *hint, "{text}");
    }
}

#[test]
fn a_column_may_have_63_characters() {
    let longest = "c".repeat(63);
    assert_eq!(good(&format!("[counts]\n{longest} = \"x\"")).rules.counts[0].column, longest);
    assert!(parse(&format!("[counts]\n{longest}c = \"x\"")).is_err());
}

#[test]
fn paths_of_a_file_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracklet.toml");
    std::fs::write(&file, "[source]\npaths = [\"logs\", \"/abs\", \"gs://b/c\"]\n[output]\ndir = \"o\"")
        .unwrap();
    let config = Config::load(&file).unwrap();
    let logs = folder.path().join("logs").to_str().unwrap().to_owned();
    assert_eq!(config.source.paths, [logs, "/abs".to_owned(), "gs://b/c".to_owned()]);
    assert_eq!(config.output.dir, folder.path().join("o"));

    let error = Config::load(&folder.path().join("none.toml")).unwrap_err();
    assert!(error.to_string().ends_with("none.toml`"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(error.hint().as_deref(), Some("`tracklet init` writes one"));
}

#[test]
fn the_fingerprint_sees_meaning_only() {
    let default = Config::default().fingerprint();
    assert_eq!(default.len(), 64);
    let same = [
        "# a comment",
        "dedupe = true",
        "[sessions]\ntimeout = \"30m\"",
        "[counts]\ncnt_viewed_product = [\"viewed_product\", \"viewed_product\"]\ncnt_signup = \"signup\"",
        "[source]\npaths = [\"x\"]\nformat = \"csv\"",
        "[identity]\nignore = \"usual\"",
        "[identity]\nevidence = []",
        "[identity]\nignore = [\"NULL\", \"usual\"]",
        "[output]\ndir = \"x\"\nkeep = 9",
    ];
    for text in same {
        assert_eq!(good(text).fingerprint(), default, "{text}");
    }
    let other = [
        "dedupe = false",
        "[sessions]\ntimeout = 31",
        "[sessions]\nboundary = \"exact\"",
        "[counts]",
        "[counts]\ncnt_signup = \"signup\"\ncnt_viewed_product = \"viewed_product\"",
        "[counts]\ncnt_viewed_product = \"viewed_product\"\ncnt_signup = \"sign_up\"",
        "[flow]\nlength = 4",
        "[source]\nwhere = \"true\"",
        "[source]\nevent_names = \"raw\"",
        "[identity]\nignore = \"strict\"",
        "[identity]\nignore = []",
        "[identity]\nignore = [\"usual\", \"test\"]",
        "[source]\ntypes = [\"track\", \"page\"]",
        "[source]\ntypes = \"page\"",
        "[identity]\nevidence = [\"identify\"]",
        "[identity]\nevidence = [\"identify\", \"alias\"]",
        "[source]\ntypes = [\"track\", \"identify\"]",
        "[columns]",
        "[columns]\npreset = \"web\"",
        "[columns]\npreset = \"mobile\"",
        "[output]\ntables = \"dbt_track_facts\"",
        "[output]\ntables = \"dbt_session_tracks\"",
        "[columns]\nrevenue = { host = \"revenue\" }",
        "[columns]\nrevenue = { browser = \"revenue\" }",
        "[columns]\nrevenue = { os = \"revenue\" }",
        "[columns]\nrevenue = { os = \"revenue\", os_name = \"name\" }",
        "[columns]\nplan = \"plan\"",
        "[columns]\nplan = [\"plan\", \"tier\"]",
        "[columns]\nplan = { number = \"plan\" }",
        "[columns]\nlevel = \"plan\"",
        "[session.columns]\nx = { first = \"event\" }",
        "[session.columns]\ny = { first = \"event\" }",
        "[session.columns]\nx = { last = \"event\" }",
        "[session.columns]\nx = { first = \"user_id\" }",
        "[session.columns]\nx = { first = \"event\", at = \"user_id\" }",
        "[session.columns]\nx = { first = \"event\", of = \"page\" }",
        "[session.columns]\nx = { first = \"event\", of = \"pages\" }",
        "[session.columns]\nx = { first = \"event\", of = [\"page\", \"pages\"] }",
        "[source.columns]\nevent = \"x\"",
        "[source.columns]\nuser_id = \"x\"",
    ];
    let mut seen = vec![default];
    for text in other {
        let fingerprint = good(text).fingerprint();
        assert!(!seen.contains(&fingerprint), "{text}");
        seen.push(fingerprint);
    }
    let upper = good("[source.columns]\nevent = \"X\"");
    assert_eq!(upper.fingerprint(), good("[source.columns]\nevent = \"x\"").fingerprint());
}

#[test]
fn every_example_and_the_whole_sample_are_valid() {
    let sample = reference();
    let sample = sample.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = good(sample);
    assert_eq!(config.rules.flow_length, 5);
    for key in keys::KEYS {
        good(&if key.section.is_empty() {
            key.example.to_owned()
        } else {
            format!("[{}]\n{}", key.section, key.example)
        });
        assert!(sample.contains(key.example), "{}", key.example);
    }
}

/// What only the parser can know: a schema sees each value by itself.
fn is_beyond_a_schema(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::EvidenceIsEvent { .. }
            | Problem::EvidenceOfRows
            | Problem::NoEventColumn { .. }
            | Problem::WrongFold { .. }
            | Problem::Syntax(_)
            | Problem::PartMinutes { .. }
            | Problem::TakenColumn {
                other: super::TakenBy::Other(_) | super::TakenBy::Table(_, "tracklet_sessions"),
                ..
            }
            | Problem::Duration { problem: DurationError::TooLong, .. }
            | Problem::NoColumns
            | Problem::SameCharacter
            | Problem::NoCharacter { .. }
            | Problem::NotOneColumn { .. }
            | Problem::NoSessionKey { .. }
    )
}

#[test]
fn the_json_schema_takes_what_the_parser_takes() {
    let Ok(python) = std::env::var("TRACKLET_TEST_PYTHON") else {
        assert!(std::env::var("TRACKLET_REQUIRE_ALL").is_err(), "TRACKLET_TEST_PYTHON is not set");
        println!("skipped: TRACKLET_TEST_PYTHON is not set");
        return;
    };
    let of_targets = [
        format!("{WHOLE_TARGET}prot = 1"),
        format!("{WHOLE_TARGET}port = -1"),
        format!("{WHOLE_TARGET}port = \"{{{{ env_var('PORT') }}}}\""),
        format!("{WHOLE_TARGET}password = \"hunter2\""),
        format!("{WHOLE_TARGET}password = \"{{{{ env_var('P') }}}}\""),
        format!("{WHOLE_TARGET}threads = 2\nmaterialize = \"table\"\npublish = \"rows\""),
        WHOLE_TARGET.replace("postgres", "postgrs"),
        WHOLE_TARGET.replace("type", "schem"),
        "targets = 1".to_owned(),
        "[targets.b]\ntype = \"bigquery\"\ndataset = \"d\"\nlabels = { a = \"b\" }\nscopes = [\"s\"]"
            .to_owned(),
        "[targets.b]\ntype = \"bigquery\"\ndataset = \"d\"\nlabels = { a = 1 }".to_owned(),
        "[targets.s]\ntype = \"snowflake\"\naccount = \"a\"\nuser = \"u\"\nschema = \"s\"".to_owned(),
        "[targets.s]\ntype = \"spark\"\nremote = \"sc://h\"\nschema = \"s\"".to_owned(),
        "[targets.s]\ntype = \"spark\"\nremote = \"sc://h\"\nschema = \"s\"\nhost = \"h\"".to_owned(),
    ];
    let of_keys = keys::KEYS.iter().map(|key| match key.section {
        "" => key.example.to_owned(),
        section => format!("[{section}]\n{}", key.example),
    });
    let durations =
        ["1h30m", "90s", "0h1s", "1d1h1m1s1ms", "500ms", "0m", "30m1h", "1m1m", "", "1.5h", "30 m"];
    let durations = durations.map(|text| format!("[sessions]\nboundary = \"exact\"\ntimeout = \"{text}\""));
    let sample = reference().split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let wrong = WRONG.iter().map(|(text, ..)| (*text).to_owned());
    let texts =
        of_targets.into_iter().chain(of_keys).chain(durations).chain([sample, String::new()]).chain(wrong);
    let mut examples = Vec::new();
    for text in texts {
        let (_, problems) = Config::parse_all(&text, Path::new("tracklet.toml"));
        let problem = |error: &ConfigError| match error {
            ConfigError::Wrong { problem, .. } => !is_beyond_a_schema(problem),
            ConfigError::Unreadable { .. } => true,
        };
        if let Ok(table) = text.trim_start_matches('\u{feff}').parse::<toml::Table>()
            && (problems.is_empty() || problems.iter().any(problem))
        {
            examples.push(serde_json::json!({ "text": text, "value": table, "good": problems.is_empty() }));
        }
    }
    let is_good = |example: &&serde_json::Value| example["good"] == true;
    assert!(examples.iter().filter(is_good).count() > 20 && examples.len() > 60, "{}", examples.len());
    let judge = "import json, sys, jsonschema\n\
                 given = json.load(sys.stdin)\n\
                 jsonschema.Draft7Validator.check_schema(given['schema'])\n\
                 validator = jsonschema.Draft7Validator(given['schema'])\n\
                 for example in given['examples']:\n    \
                     if validator.is_valid(example['value']) != example['good']: print(example['good'], repr(example['text']))\n";
    let given = serde_json::json!({ "schema": json_schema(), "examples": examples });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("given.json");
    std::fs::write(&file, given.to_string()).unwrap();
    let mut command = std::process::Command::new(python);
    command.args(["-c", judge]).stdin(std::fs::File::open(&file).unwrap());
    let output = command.output().expect("TRACKLET_TEST_PYTHON runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "", "the schema says otherwise");
}

/// Secrets are not repeated, whatever stands in their place.
#[test]
fn a_secret_that_is_a_number_is_not_printed() {
    let error = parse(&format!("{TARGET}password = 123456")).unwrap_err();
    assert_eq!(error.to_string(), "tracklet.toml:3:1: `password` must not stand in this file");
}

const WHOLE_TARGET: &str =
    "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";

const TARGET: &str = "[targets.pg]\ntype = \"postgres\"\n";

#[test]
fn targets_have_the_fields_of_their_type() {
    let config = good(&format!(
        "{TARGET}port = 5433\npassword = \"{{{{ env_var('P') }}}}\"\n[targets.\"my bq\"]\ntype = \"bigquery\"\nlabels = {{ a = \"b\" }}"
    ));
    let [pg, bq] = config.targets.as_slice() else { panic!("{:?}", config.targets) };
    assert_eq!((pg.name.as_str(), pg.dialect), ("pg", Dialect::Postgres));
    assert_eq!(pg.fields["port"], 5433);
    assert_eq!((bq.name.as_str(), &bq.fields["labels"]["a"]), ("my bq", &serde_json::json!("b")));
    assert_eq!(config.fingerprint(), Config::default().fingerprint());
}

#[test]
fn a_target_with_something_wrong_is_refused_at_its_place() {
    let refused = |text: &str| {
        let error = parse(text).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    let (message, hint) = refused(&format!("{TARGET}prot = 1"));
    assert_eq!(message, "tracklet.toml:3:1: unknown key `targets.pg.prot`");
    assert_eq!(hint, "did you mean `port`?");
    let (message, hint) = refused(&format!("{TARGET}password = \"hunter2\""));
    assert_eq!(message, "tracklet.toml:3:1: `password` must not stand in this file");
    assert!(hint.contains("env_var"), "{hint}");
    let (message, hint) = refused("[targets.pg]\ntype = \"postgrs\"");
    assert_eq!(message, "tracklet.toml:2:8: `targets.pg.type` can't be `postgrs`");
    assert_eq!(hint, "did you mean `postgres`?");
    assert_eq!(refused("[targets.pg]\nport = 1").0, "tracklet.toml:1:10: the target `pg` has no `type`");
    assert_eq!(
        refused(&format!("{TARGET}port = \"x\"")).0,
        "tracklet.toml:3:8: `targets.pg.port` must be a number, not `\"x\"`"
    );
    assert_eq!(refused("targets = 1").0, "tracklet.toml:1:11: `targets` must be a section, not `1`");
    assert_eq!(refused("[target.pg]\ntype = \"postgres\"").1, "did you mean `targets`?");
}
