//! A table's Parquet file, as a warehouse exports it: the columns of RudderStack's tables, and each column that is not set anywhere as nulls.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::details::{Detailed, Details, referring_domain};
use super::site::{Campaign, SitePage};
use crate::arrivals::{ArrivingRow, Call};
use crate::error::GeneratorError;
use crate::ids::Id;
use crate::parquet_file::ParquetOutput;

/// A table of calls of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Of tracks.
    Tracks,
    /// Of page calls.
    Pages,
    /// Of screen calls.
    Screens,
    /// Of identify calls.
    Identifies,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tracks, Self::Pages, Self::Screens, Self::Identifies];

    /// The table of such calls.
    pub fn of(call: Call) -> Self {
        match call {
            Call::Track | Call::Damaged(_) => Self::Tracks,
            Call::Page => Self::Pages,
            Call::Screen => Self::Screens,
            Call::Identify => Self::Identifies,
        }
    }

    /// What the warehouse calls it, and its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Pages => "pages",
            Self::Screens => "screens",
            Self::Identifies => "identifies",
        }
    }
}

/// How a column's value is found.
enum TableValue {
    Text(fn(&Details) -> Option<&str>),
    /// One that must be put together first.
    Made(fn(&Details) -> Option<String>),
    Number(fn(&Details) -> Option<i64>),
    Truth(fn(&Details) -> Option<bool>),
    /// Milliseconds since 1970.
    Time(fn(&Details) -> i64),
}

type TableColumn = (&'static str, TableValue);

fn set(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A text of the page; the warehouse has no empty ones.
macro_rules! page {
    ($field:ident) => {
        TableValue::Text(|call| set(&call.page.as_ref()?.$field))
    };
}

macro_rules! campaign {
    ($field:ident) => {
        TableValue::Text(|call| {
            let SitePage { campaign: Campaign { $field, .. }, .. } = call.page.as_ref()?;
            *$field
        })
    };
}

macro_rules! device {
    ($field:ident) => {
        TableValue::Text(|call| Some(call.device.as_ref()?.$field))
    };
}

fn shared_columns() -> Vec<TableColumn> {
    vec![
        ("id", TableValue::Text(|call| Some(call.id.as_str()))),
        ("anonymous_id", TableValue::Text(|call| Some(call.anonymous_id.as_str()))),
        ("user_id", TableValue::Text(|call| call.user_id.as_ref().map(Id::as_str))),
        ("timestamp", TableValue::Time(|call| call.timestamp)),
        ("received_at", TableValue::Time(|call| call.received_at)),
        ("sent_at", TableValue::Time(|call| call.sent_at)),
        ("original_timestamp", TableValue::Time(|call| call.original_timestamp)),
        ("channel", TableValue::Text(|call| Some(call.sender.channel))),
        ("context_app_name", TableValue::Text(|call| Some(call.sender.app?.0))),
        ("context_app_namespace", TableValue::Text(|call| Some(call.sender.app?.1))),
        ("context_app_version", device!(app_version)),
        ("context_campaign_source", campaign!(source)),
        ("context_campaign_medium", campaign!(medium)),
        ("context_campaign_name", campaign!(name)),
        ("context_campaign_term", campaign!(term)),
        ("context_campaign_content", campaign!(content)),
        ("context_device_manufacturer", TableValue::Text(|call| Some(call.device?.phone?[0]))),
        ("context_device_model", TableValue::Text(|call| Some(call.device?.phone?[1]))),
        ("context_device_type", TableValue::Text(|call| call.device?.phone.and(call.sender.system))),
        ("context_geo_city", device!(city)),
        ("context_geo_country", device!(country)),
        ("context_ip", TableValue::Text(|call| Some(&call.ip))),
        ("context_library_name", TableValue::Text(|call| Some(call.sender.library))),
        ("context_library_version", TableValue::Text(|call| Some(call.sender.library_version))),
        ("context_locale", device!(locale)),
        ("context_network_carrier", TableValue::Text(|call| call.device?.carrier)),
        ("context_os_name", TableValue::Text(|call| call.sender.system)),
        ("context_os_version", TableValue::Text(|call| Some(call.device?.phone?[2]))),
        ("context_page_url", page!(url)),
        ("context_page_path", page!(path)),
        ("context_page_title", page!(title)),
        ("context_page_search", page!(search)),
        ("context_page_referrer", page!(referrer)),
        (
            "context_page_referring_domain",
            TableValue::Text(|call| set(referring_domain(&call.page.as_ref()?.referrer))),
        ),
        ("context_page_initial_referrer", page!(initial_referrer)),
        ("context_screen_width", TableValue::Number(|call| Some(call.device?.screen.0))),
        ("context_screen_height", TableValue::Number(|call| Some(call.device?.screen.1))),
        ("context_session_id", TableValue::Number(|call| call.session_id)),
        ("context_session_start", TableValue::Truth(|call| call.starts_session.then_some(true))),
        ("context_timezone", device!(time_zone)),
        ("context_traits_email", TableValue::Made(Details::email)),
        ("context_user_agent", TableValue::Text(|call| call.device?.user_agent)),
    ]
}

fn own_columns(table: Table) -> Vec<TableColumn> {
    match table {
        Table::Tracks => vec![
            ("event", TableValue::Text(|call| Some(call.event))),
            ("event_text", TableValue::Text(|call| Some(call.event_text))),
        ],
        Table::Pages => vec![
            ("name", page!(name)),
            ("category", page!(category)),
            ("url", page!(url)),
            ("path", page!(path)),
            ("title", page!(title)),
            ("search", page!(search)),
            ("referrer", page!(referrer)),
        ],
        Table::Screens => vec![("name", TableValue::Text(|call| call.screen))],
        Table::Identifies => vec![
            ("email", TableValue::Made(Details::email)),
            ("plan", TableValue::Text(|call| call.user_id.is_some().then_some("standard"))),
        ],
    }
}

/// A column's values until they are a batch.
enum Builder {
    Text(StringBuilder),
    Number(Int64Builder),
    Truth(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Builder {
    fn of(value: &TableValue, rows: usize) -> Self {
        match value {
            TableValue::Text(_) | TableValue::Made(_) => {
                Self::Text(StringBuilder::with_capacity(rows, rows * 16))
            }
            TableValue::Number(_) => Self::Number(Int64Builder::with_capacity(rows)),
            TableValue::Truth(_) => Self::Truth(BooleanBuilder::with_capacity(rows)),
            TableValue::Time(_) => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
        }
    }

    fn push(&mut self, value: &TableValue, call: &Details) {
        match (self, value) {
            (Self::Text(builder), TableValue::Text(of)) => builder.append_option(of(call)),
            (Self::Text(builder), TableValue::Made(of)) => builder.append_option(of(call)),
            (Self::Number(builder), TableValue::Number(of)) => builder.append_option(of(call)),
            (Self::Truth(builder), TableValue::Truth(of)) => builder.append_option(of(call)),
            (Self::Time(builder), TableValue::Time(of)) => builder.append_value(of(call) * 1000),
            _ => unreachable!("a builder is made for its column"),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Truth(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
        }
    }
}

fn schema(columns: &[TableColumn]) -> SchemaRef {
    let field = |(name, value): &TableColumn| {
        let data_type = match value {
            TableValue::Text(_) | TableValue::Made(_) => DataType::Utf8,
            TableValue::Number(_) => DataType::Int64,
            TableValue::Truth(_) => DataType::Boolean,
            TableValue::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        Field::new(*name, data_type, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// A Parquet file of a table that is being written.
pub struct TableFile {
    columns: Vec<TableColumn>,
    output: ParquetOutput,
    detailed: Detailed,
}

impl TableFile {
    /// Makes the file and its folder.
    ///
    /// # Errors
    /// The path of what cannot be made.
    pub fn create(path: PathBuf, table: Table, detailed: Detailed) -> Result<Self, GeneratorError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| GeneratorError::Folder { path: folder.to_path_buf(), source })?;
        }
        let mut columns = shared_columns();
        columns.extend(own_columns(table));
        let output = ParquetOutput::create(path, schema(&columns))?;
        Ok(Self { columns, output, detailed })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn write(&mut self, rows: &[ArrivingRow]) -> Result<(), GeneratorError> {
        let mut builders: Vec<Builder> =
            self.columns.iter().map(|(_, value)| Builder::of(value, rows.len())).collect();
        for row in rows {
            let call = self.detailed.of(row);
            for (builder, (_, value)) in builders.iter_mut().zip(&self.columns) {
                builder.push(value, &call);
            }
        }
        self.output.write(builders.into_iter().map(Builder::finish).collect())
    }

    /// Writes the footer; returns the bytes of the whole file.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn close(self) -> Result<u64, GeneratorError> {
        self.output.close()
    }
}
