//! The options, each with what it means for the rows.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgGroup, Args, Parser, ValueEnum};

use crate::arrivals::Fault;
use crate::error::GeneratorError;

/// The most tracks one visitor can have: they are numbered in 30 bits of an event's key.
pub const TRACKS_OF_A_VISITOR: u64 = 1 << 30;

/// Generate RudderStack-like tracks. The same seed and options give the same bytes.
#[derive(Debug, Clone, Parser)]
#[command(version, group(ArgGroup::new("cut").args(["files", "rows_per_file", "hours_per_file"])))]
pub struct Options {
    /// What happens.
    #[command(flatten)]
    pub traffic: Traffic,

    /// Files to write.
    #[arg(long, value_enum, default_value_t = GeneratorFormat::Parquet)]
    pub format: GeneratorFormat,

    /// Folder to write to: Parquet files go into it, raw lines into its `rudder-logs`. Must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Cut the rows into this many files of about equal size.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub files: Option<u64>,

    /// Cut a file after so many rows [default: 1000000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rows_per_file: Option<u64>,

    /// One file per so many hours of arrival, as the uploader of a real source does.
    #[arg(long, alias = "hours-as-files", value_name = "H", num_args = 0..=1, default_missing_value = "1",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub hours_per_file: Option<u32>,

    /// Message, device and user ids.
    #[arg(long, value_enum, default_value_t = IdStyle::Uuid)]
    pub ids: IdStyle,

    /// How much a raw line says beside the canonical fields.
    #[arg(long, value_enum, default_value_t = Context::Full)]
    pub context: Context,

    /// Raw lines to add that cannot become tracks, going round through the faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub bad_lines: u64,

    /// Which faults they have.
    #[arg(long, value_enum, default_value_t = Faults::All)]
    pub faults: Faults,

    /// Threads that write; changes no byte [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: Option<u32>,
}

/// Which events happen and when they arrive, whatever they are written as.
#[derive(Debug, Clone, Args)]
pub struct Traffic {
    /// Distinct tracks; with `--calls all`, distinct events: tracks, page and screen calls together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub tracks: u64,

    /// Another seed gives other data of the same shape.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Share of the tracks that are delivered twice, as rows beyond --tracks.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub duplicates: f64,

    /// Share of the tracks that arrive one hour to seven days after they happened.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub late: f64,

    /// Share of all tracks that one visitor makes (a kiosk, a monitor).
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub hot_visitor: f64,

    /// Share of the visitors that have a user id, known in half of their sessions.
    #[arg(long, value_name = "SHARE", default_value_t = 0.6, value_parser = share)]
    pub known_visitors: f64,

    /// Page and identify calls for each track, as raw lines beyond --tracks.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub other_types: f64,

    /// Which calls happen.
    #[arg(long, value_enum, default_value_t = Calls::Tracks)]
    pub calls: Calls,

    /// Share of the events that are page calls, with `--calls all`. At most 0.85, for the other devices are apps.
    #[arg(long, value_name = "SHARE", default_value_t = 0.6, value_parser = share)]
    pub page_views: f64,

    /// Days over which sessions start.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,

    /// The first of them, in UTC.
    #[arg(long, value_name = "DATE", default_value = "2026-01-01")]
    pub start: NaiveDate,
}

/// Which calls happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Calls {
    /// Tracks; others only by `--other-types`.
    #[default]
    Tracks,
    /// Tracks, page, screen and identify calls with the context of SDKs. As Parquet, a table each: `tracks/`, `pages/`, `screens/` and `identifies/`.
    All,
}

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GeneratorFormat {
    /// The `tracks` table as a warehouse exports it.
    Parquet,
    /// Raw lines as a real source uploads them to object storage, gzip.
    RudderLogs,
}

/// Which faults damaged lines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Faults {
    /// Lines that can't be read, and lines with values that no track can have.
    All,
    /// Only whole lines with values that no track can have.
    Values,
}

impl Faults {
    /// The faults, in the order in which they are gone through.
    pub fn list(self) -> &'static [Fault] {
        const VALUES: [Fault; 5] =
            [Fault::NoIds, Fault::BadTimestamp, Fault::NoMessageId, Fault::NoTimestamp, Fault::FarFuture];
        match self {
            Self::All => &Fault::ALL,
            Self::Values => &VALUES,
        }
    }
}

/// How ids look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdStyle {
    /// 36 characters, and short user ids.
    Uuid,
    /// 27 characters of base 62 that begin with the time, and user ids of about 60 characters.
    Ksuid,
}

/// How much a raw line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Context {
    /// Page, campaign, device, traits, properties: about 1.2 KB.
    Full,
    /// Library, session and page path only.
    Small,
}

impl Traffic {
    /// Midnight UTC of the first day, in milliseconds since 1970.
    pub fn start_ms(&self) -> i64 {
        self.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
    }

    /// Tracks of the one visitor that stands out, 0 if none does.
    pub fn hot_tracks(&self) -> u64 {
        (self.tracks as f64 * self.hot_visitor) as u64
    }
}

impl Options {
    /// Checks what the types and the parser cannot.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn check(&self) -> Result<(), GeneratorError> {
        if self.traffic.calls == Calls::All {
            let of_tracks = [
                (self.bad_lines > 0, "--bad-lines"),
                (self.traffic.other_types > 0.0, "--other-types"),
                (self.context == Context::Small, "--context small"),
                (self.format == GeneratorFormat::Parquet && self.files.is_some(), "--files"),
            ];
            if let Some((_, option)) = of_tracks.into_iter().find(|(is_set, _)| *is_set) {
                return Err(GeneratorError::NotForAllCalls { option });
            }
        }
        if self.format == GeneratorFormat::Parquet {
            let raw_only =
                [(self.bad_lines > 0, "--bad-lines"), (self.traffic.other_types > 0.0, "--other-types")];
            if let Some((_, option)) = raw_only.into_iter().find(|(set, _)| *set) {
                return Err(GeneratorError::NotForParquet { option });
            }
        }
        let tracks = self.traffic.hot_tracks();
        if tracks > TRACKS_OF_A_VISITOR {
            return Err(GeneratorError::HotVisitorTooLarge { tracks, limit: TRACKS_OF_A_VISITOR });
        }
        if self.bad_lines > self.traffic.tracks {
            return Err(GeneratorError::TooManyBadLines {
                bad_lines: self.bad_lines,
                tracks: self.traffic.tracks,
            });
        }
        Ok(())
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1, such as 0.02".to_owned()),
    }
}
