//! Every key of `tracklet.toml`: the one place where they are written down.
//!
//! The parser refuses what is not here, `docs/configuration.md`, the JSON schema and the file that `tracklet init`
//! writes are made from it.

use super::{
    BOUNDARIES, EVENT_NAMES, FORMATS, IGNORED, LONGEST_FLOW, LONGEST_OVERLAP, LONGEST_TIMEOUT, PRESETS,
    TABLES, TIME_UNITS, TYPES,
};

/// A key of the configuration file, as the parser, the reference page and the schema know it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The table it stands in, `""` for the top of the file.
    pub section: &'static str,
    /// The key's name; [`ANY`] where the user chooses the names.
    pub name: &'static str,
    /// The values that the key takes, in words.
    pub value: &'static str,
    /// The values that the key takes, for the parser and the schema.
    pub takes: Takes,
    /// The default, as TOML or in words.
    pub default: &'static str,
    /// A line as it could stand in a file.
    pub example: &'static str,
    /// Whether the key changes what the tables say, and so belongs to the fingerprint.
    pub meaning: Meaning,
    /// The description of the key.
    pub about: &'static str,
}

/// Whether a key changes what the tables say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Another value may give other rows.
    Changes,
    /// The rows stay as they are.
    Keeps,
}

/// The type of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// True or false.
    Truth,
    /// A text that is not empty.
    Text,
    /// Such a text, or a list of them that may be empty.
    Texts,
    /// A text that may be empty, or a list of such.
    AnyTexts,
    /// Such a text, or a list of at least one.
    SomeTexts,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// One of a few words, or a list of texts that may be empty.
    WordOrTexts(&'static [&'static str]),
    /// A number from the least to the greatest, if there is one.
    Number(u64, Option<u64>),
    /// Minutes up to a greatest number, or a text with units.
    Duration(u64),
    /// One of a few words, or a list of at least one.
    Words(&'static [&'static str]),
    /// One of a few words, or a list of any number.
    AnyWords(&'static [&'static str]),
    /// A text, a list of at least one, or either under the key `number` of a table, or of a function that derives the column.
    Column,
    /// A table with one function of a column, and lists of texts under `of` and `at`.
    Folded,
}

/// The names of choices.
const fn words<T: Copy, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut place = 0;
    while place < N {
        words[place] = choices[place].0;
        place += 1;
    }
    words
}

const FORMAT_WORDS: &[&str] = &words(&FORMATS);
const EVENT_NAME_WORDS: &[&str] = &words(&EVENT_NAMES);
const TIME_UNIT_WORDS: &[&str] = &words(&TIME_UNITS);
const IGNORED_WORDS: &[&str] = &words(&IGNORED);
const TYPE_WORDS: &[&str] = &words(&TYPES);
const PRESET_WORDS: &[&str] = &words(&PRESETS);
const TABLE_WORDS: &[&str] = &words(&TABLES);
const BOUNDARY_WORDS: &[&str] = &words(&BOUNDARIES);

/// The name of a key in a section whose names the user chooses.
pub const ANY: &str = "<column>";

/// The canonical columns of a track, as `[source.columns]` names them.
pub use tracklet_kernel::registry::NAMES as CANONICAL_COLUMNS;

const fn column(
    name: &'static str,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        section: "source.columns",
        name,
        value: "a column's name",
        takes: Takes::Text,
        default,
        example,
        meaning: Meaning::Changes,
        about,
    }
}

/// All keys of the configuration, in the order of a usual file.
pub const KEYS: &[Key] = &[
    Key {
        section: "",
        name: "dedupe",
        value: "`true` or `false`",
        takes: Takes::Truth,
        default: "`true`",
        example: "dedupe = true",
        meaning: Meaning::Changes,
        about: "RudderStack delivers every event at least once. With `true` the rows of one event id become one, and \
                the others go to `tracklet_duplicates`; with `false` every row counts.",
    },
    Key {
        section: "",
        name: "profile",
        value: "a text",
        takes: Takes::Text,
        default: "the only profile of `profiles.yml`",
        example: "profile = \"shop\"",
        meaning: Meaning::Keeps,
        about: "The profile of dbt's `profiles.yml` in which a target is looked up that has no section `[targets.NAME]`. \
                The file is in `--profiles-dir`, `DBT_PROFILES_DIR`, the working folder or `~/.dbt`.",
    },
    Key {
        section: "source",
        name: "paths",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "none: the command line names them",
        example: "paths = [\"rudder-logs\"]",
        meaning: Meaning::Keeps,
        about: "Files, folders, globs or URLs (`s3://`, `gs://`, `az://`) to read when the command line names none. \
                A relative path starts at the folder of the configuration file.",
    },
    Key {
        section: "source",
        name: "types",
        value: "a list of `track`, `page`, `screen`, `group`, `identify` and `alias`",
        takes: Takes::Words(TYPE_WORDS),
        default: "`[\"track\"]`",
        example: "types = [\"track\", \"page\", \"screen\"]",
        meaning: Meaning::Changes,
        about: "The calls that are events. In raw JSON a call names its type; of tables a folder on the path that is called `tracks`, \
                `pages`, `screens`, `groups`, `identifies` or `aliases` says it, and other tables hold tracks. The event of a page \
                call is `page_view`, of a screen call `screen_view`, of others the name of the type. In a warehouse \
                the tables of these names beside those of tracks are read. With other types than tracks a run also writes \
                `tracklet_events` and `tracklet_sessions`.",
    },
    Key {
        section: "source",
        name: "tables",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`tracks` in the schema of the target",
        example: "tables = [\"rudder.tracks\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the track calls in a warehouse, as `table`, `schema.table` or \
                `database.schema.table`; several are put together, columns by name. A part with a dot or, on \
                Snowflake, in exact spelling stands in double quotes: `'\"my shop\".tracks'`.",
    },
    Key {
        section: "source",
        name: "format",
        value: "`json`, `csv` or `parquet`",
        takes: Takes::Word(FORMAT_WORDS),
        default: "by the ending of each file's name",
        example: "format = \"json\"",
        meaning: Meaning::Keeps,
        about: "What the files are, whatever they are called.",
    },
    Key {
        section: "source",
        name: "where",
        value: "an SQL expression",
        takes: Takes::Text,
        default: "none: every row",
        example: "where = \"context_ip <> '10.0.0.1'\"",
        meaning: Meaning::Changes,
        about: "Only rows for which this holds are read, the others are counted as skipped. It may use every column \
                of the source.",
    },
    Key {
        section: "source",
        name: "event_names",
        value: "`rudderstack`, `rudderstack_divided`, `blendo`, `segment` or `raw`",
        takes: Takes::Word(EVENT_NAME_WORDS),
        default: "`rudderstack`",
        example: "event_names = \"rudderstack\"",
        meaning: Meaning::Changes,
        about: "How names from raw JSON or `event_text` become the names a warehouse has (`Product Viewed` to \
                `product_viewed`). `rudderstack_divided` makes digits words of their own, as older destinations do; \
                `blendo` trims and lowers the case; `segment` names as Segment does; `raw` leaves them alone.",
    },
    Key {
        section: "source",
        name: "time_unit",
        value: "`seconds`, `milliseconds`, `microseconds` or `nanoseconds`",
        takes: Takes::Word(TIME_UNIT_WORDS),
        default: "none: a number is no time",
        example: "time_unit = \"milliseconds\"",
        meaning: Meaning::Changes,
        about: "What whole numbers in the place of times count, since 1970: typed columns of numbers, numbers in JSON, and \
                texts of digits. Texts and typed times are read as always. For files only: in a warehouse times have a type.",
    },
    Key {
        section: "source",
        name: "loaded_at",
        value: "a column's name",
        takes: Takes::Text,
        default: "the first that every source table has of `loaded_at`, `uuid_ts` and `received_at`",
        example: "loaded_at = \"uuid_ts\"",
        meaning: Meaning::Keeps,
        about: "The column of a warehouse's source tables that says when a row was loaded. A run looks for new rows among \
                those that were loaded since the last one.",
    },
    Key {
        section: "source",
        name: "partition_time",
        value: "a column's name",
        takes: Takes::Text,
        default: "none",
        example: "partition_time = \"_PARTITIONTIME\"",
        meaning: Meaning::Keeps,
        about: "The column of timestamps by which a warehouse's source tables are partitioned, where that is not `loaded_at`. A \
                run looks for new rows only in partitions from the day before the first load time that it asks for, and in the \
                one without a time; so no row may be in a partition earlier than the day before it was loaded. Every source \
                table must have the column. On BigQuery \
                `_PARTITIONTIME` for tables partitioned by ingestion time, as RudderStack makes them.",
    },
    Key {
        section: "source",
        name: "overlap",
        value: "minutes as a number, or a text such as `\"24h\"`",
        takes: Takes::Duration(LONGEST_OVERLAP),
        default: "`\"24h\"`",
        example: "overlap = \"48h\"",
        meaning: Meaning::Keeps,
        about: "How far before the last run a run looks for new rows. Load times are stamped before a load commits: a row \
                that became visible later than this after its time is only found by `--audit`.",
    },
    Key {
        section: "source.tables_of",
        name: "page",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`pages` beside each table of tracks, if it exists",
        example: "page = [\"web.pages\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the page calls in a warehouse, named as in `tables`. Only the types of `types` are read.",
    },
    Key {
        section: "source.tables_of",
        name: "screen",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`screens` beside each table of tracks, if it exists",
        example: "screen = [\"web.screens\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the screen calls in a warehouse, named as in `tables`.",
    },
    Key {
        section: "source.tables_of",
        name: "group",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`groups` beside each table of tracks, if it exists",
        example: "group = [\"web.groups\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the group calls in a warehouse, named as in `tables`.",
    },
    Key {
        section: "source.tables_of",
        name: "identify",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`identifies` beside each table of tracks, if it exists",
        example: "identify = [\"web.identifies\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the identify calls in a warehouse, named as in `tables`.",
    },
    Key {
        section: "source.tables_of",
        name: "alias",
        value: "a text or a list of texts",
        takes: Takes::Texts,
        default: "`aliases` beside each table of tracks, if it exists",
        example: "alias = [\"web.aliases\"]",
        meaning: Meaning::Keeps,
        about: "The tables that hold the alias calls in a warehouse, named as in `tables`.",
    },
    Key {
        section: "source.csv",
        name: "header",
        value: "`true` or `false`",
        takes: Takes::Truth,
        default: "`true`, with `columns` `false`",
        example: "header = true",
        meaning: Meaning::Changes,
        about: "Whether the first line of CSV files is a header. With `false` the key `columns` names the columns, and every line is \
                a row, but for a first line of these names.",
    },
    Key {
        section: "source.csv",
        name: "columns",
        value: "a list of texts",
        takes: Takes::SomeTexts,
        default: "none: the first line names them",
        example: "columns = [\"id\", \"anonymous_id\", \"user_id\", \"event\", \"timestamp\"]",
        meaning: Meaning::Changes,
        about: "The names of the columns of CSV files in their order, for files without a header; with `header = true` instead of \
                those that stand there.",
    },
    Key {
        section: "source.csv",
        name: "delimiter",
        value: "a character",
        takes: Takes::Text,
        default: "the one of `,`, tab, `;`, `|` and U+0001 that the first lines show",
        example: "delimiter = \"|\"",
        meaning: Meaning::Changes,
        about: "What stands between the fields of CSV files.",
    },
    Key {
        section: "source.csv",
        name: "quote",
        value: "a character, or `none`",
        takes: Takes::Text,
        default: "`\"`, or `'` where all fields of the first line or the ids of the first rows stand in it",
        example: "quote = \"none\"",
        meaning: Meaning::Changes,
        about: "What stands around fields of CSV files that hold delimiters or line ends.",
    },
    Key {
        section: "source.csv",
        name: "null",
        value: "a text or a list of texts",
        takes: Takes::AnyTexts,
        default: "`[\"\", \"\\\\N\"]`",
        example: "null = [\"\", \"\\\\N\", \"NULL\"]",
        meaning: Meaning::Changes,
        about: "Fields of CSV files that are no value: exactly these texts, in every column.",
    },
    column(
        "event_id",
        "`id`, or `messageId` in raw JSON",
        "event_id = \"message_id\"",
        "The id of the message, unique for every event. `from_row` stands for no column: ids are made of the rows, of which none is a \
         duplicate then.",
    ),
    column(
        "anonymous_id",
        "`anonymous_id`, or `anonymousId`",
        "anonymous_id = \"device\"",
        "The id of the device.",
    ),
    column(
        "user_id",
        "`user_id`, or `userId`",
        "user_id = \"customer\"",
        "The id of the user, set at login.",
    ),
    column(
        "event",
        "`event`, or `event_text` where there is no `event`",
        "event = \"name\"",
        "The name of the event.",
    ),
    column(
        "timestamp",
        "`timestamp` or `_timestamp`",
        "timestamp = \"original_timestamp\"",
        "When the event happened.",
    ),
    column(
        "received_at",
        "`received_at`, or `receivedAt`",
        "received_at = \"loaded_at\"",
        "When the event arrived. The column may be absent.",
    ),
    Key {
        section: "columns",
        name: "preset",
        value: "`web` or `mobile`",
        takes: Takes::Word(PRESET_WORDS),
        default: "none",
        example: "preset = \"web\"",
        meaning: Meaning::Changes,
        about: "A list of columns for what RudderStack's and Segment's libraries send. A column of the section that is called as one of \
                the list goes before it. `docs/events.md` has the lists.",
    },
    Key {
        section: "columns",
        name: ANY,
        value: "a column's name, a list of names, or a table such as `{ number = ... }` or `{ host = ... }` with either",
        takes: Takes::Column,
        default: "none: events bring no columns",
        example: "plan = \"context_traits_plan\"",
        meaning: Meaning::Changes,
        about: "A column of `tracklet_events`, and the column of the source that has its values; of a list the first that has a value. In \
                raw JSON a column is called as in the warehouse: `properties.cartValue` is `properties_cart_value`. Values are texts, \
                or with `number` decimal numbers with six digits behind the point. `host` of a URL, `is_bot`, `browser`, `os` and \
                `device_category` of a user agent are derived; the last two take the name of the operating system too: \
                `{ os = \"context_user_agent\", os_name = \"context_os_name\" }`. With the section a run also \
                writes `tracklet_events` and `tracklet_sessions`.",
    },
    Key {
        section: "identity",
        name: "ignore",
        value: "`usual`, `strict` or a list of texts",
        takes: Takes::WordOrTexts(IGNORED_WORDS),
        default: "`\"usual\"`",
        example: "ignore = [\"usual\", \"test\"]",
        meaning: Meaning::Changes,
        about: "Ids that stand for no id, of devices and of users: they are null. They are compared in lower case, \
                without spaces around them. `usual` is what programs write where there is no value: `null`, `(null)`, \
                `none`, `nan`, `undefined`, `n/a`, `\\N`, `[object Object]`, and UUIDs of zeros alone. `strict` has \
                `unknown`, `anonymous`, `guest`, `(not set)`, `true`, `false`, `-1` and texts of only `0` and `-` \
                besides. In a list the two words stand for all of theirs; an empty list ignores none.",
    },
    Key {
        section: "identity",
        name: "evidence",
        value: "a list of `track`, `page`, `screen`, `group`, `identify` and `alias`",
        takes: Takes::AnyWords(TYPE_WORDS),
        default: "`[]`",
        example: "evidence = [\"identify\"]",
        meaning: Meaning::Changes,
        about: "Calls that are no events and in no session, and only say which user a device has: a login that they alone tell of moves \
                events as one that an event tells of. None of them may be in `source.types`. With some a run also writes \
                `tracklet_events` and `tracklet_sessions`.",
    },
    Key {
        section: "sessions",
        name: "timeout",
        value: "minutes as a number, or a text such as `\"30m\"`, `\"1h30m\"`, `\"90s\"`, `\"500ms\"`",
        takes: Takes::Duration(LONGEST_TIMEOUT),
        default: "`30`",
        example: "timeout = 30",
        meaning: Meaning::Changes,
        about: "A visitor who is idle for longer opens a new session. Units are `d`, `h`, `m`, `s` and `ms`.",
    },
    Key {
        section: "sessions",
        name: "boundary",
        value: "`whole_minutes` or `exact`",
        takes: Takes::Word(BOUNDARY_WORDS),
        default: "`whole_minutes`",
        example: "boundary = \"whole_minutes\"",
        meaning: Meaning::Changes,
        about: "How idle time is compared with the timeout. `whole_minutes` cuts it to whole minutes first, so that \
                30 minutes and 59 seconds are not over 30, and takes whole minutes only; `exact` compares \
                microseconds.",
    },
    Key {
        section: "session.columns",
        name: ANY,
        value: "a table with one function of a column, such as `{ first = \"page_url\" }`, and `of` and `at` where they are wanted",
        takes: Takes::Folded,
        default: "none: sessions have no columns of their own",
        example: "views = { count = \"*\", of = [\"page\", \"screen\"] }",
        meaning: Meaning::Changes,
        about: "A column of `tracklet_sessions`: a function of a column of the session's events, one of `[columns]` or `event_id`, \
                `event_type`, `event`, `anonymous_id`, `user_id` and `timestamp`. `first` and `last` are its value on the first or last \
                event that has one, or that has a value in one of the columns `at`; `min` and `max` are of numbers and times, `sum` is of \
                numbers, `count` is how many events have a value (`\"*\"`: how many there are), `distinct` how many values differ, and \
                `any` whether a truth holds on some event. `of` names the types or the names of the events that are looked at. Where there \
                is nothing, counts and sums are 0, `any` is false and the others are null. With the section a run also writes \
                `tracklet_events` and `tracklet_sessions`.",
    },
    Key {
        section: "counts",
        name: ANY,
        value: "an event's name or a list of names",
        takes: Takes::SomeTexts,
        default: "`cnt_viewed_product = \"viewed_product\"`, `cnt_signup = \"signup\"`",
        example: "cnt_purchase = [\"order_completed\", \"order_paid\"]",
        meaning: Meaning::Changes,
        about: "A column of `dbt_session_track_facts` that counts a session's events with one of these names. A \
                `[counts]` section replaces the default columns. Names are those of the `event` column \
                (`product_viewed`, not `Product Viewed`). A column's name has letters, digits and underscores, at \
                most 63 of them.",
    },
    Key {
        section: "flow",
        name: "length",
        value: "a number from 1 to 100",
        takes: Takes::Number(1, Some(LONGEST_FLOW)),
        default: "`5`",
        example: "length = 5",
        meaning: Meaning::Changes,
        about: "How many events a row of `dbt_tracks_flow` shows, its own included: columns `event`, `event_2` to \
                `event_<length>`.",
    },
    Key {
        section: "output",
        name: "dir",
        value: "a folder",
        takes: Takes::Text,
        default: "`\"out\"`",
        example: "dir = \"out\"",
        meaning: Meaning::Keeps,
        about: "Where the tables go; `--out` goes before it. A relative path starts at the folder of the \
                configuration file.",
    },
    Key {
        section: "output",
        name: "keep",
        value: "a number, at least 1",
        takes: Takes::Number(1, None),
        default: "`3`",
        example: "keep = 3",
        meaning: Meaning::Keeps,
        about: "How many snapshots stay, the newest included, for `tracklet snapshots rollback`.",
    },
    Key {
        section: "output",
        name: "tables",
        value: "a table's name or a list of names",
        takes: Takes::Words(TABLE_WORDS),
        default: "all that the configuration has",
        example: "tables = [\"tracklet_sessions\", \"dbt_user_session_facts\"]",
        meaning: Meaning::Changes,
        about: "The tables that a run from files writes. What is left out is not encoded; what the next run needs of it stays in \
                the snapshot's state. With another list the tables are rebuilt, once, without reading files again. To name \
                `tracklet_events` or `tracklet_sessions` is to ask for them: they need neither `[columns]` nor `source.types`.",
    },
];

/// The names of all sections, in file order, the top of the file (`""`) first.
pub fn sections() -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        if !names.contains(&key.section) {
            names.push(key.section);
        }
    }
    names
}

/// The keys of one section, in file order.
pub fn keys_of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}
