//! Columns that events bring along: `[columns]`, and the lists of it that have a name.

use crate::function::Function;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{CarriedSpec, CarriedType};

/// A column of `tracklet_events`, and the source's columns that have its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventColumn {
    /// The column's name and type, and the texts that are no value.
    pub spec: CarriedSpec,
    /// The source's columns: the first that has a value counts.
    pub sources: Vec<ColumnSource>,
    /// The text and function that the values are derived from; such a column has no sources.
    pub derived: Option<DerivedFrom>,
    /// Whether the column is of a preset: nobody said that the source has it.
    pub is_of_preset: bool,
    /// The column of the table that it is read for, where it is none itself.
    pub read_for: Option<String>,
}

/// The text that a column is derived from, and the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedFrom {
    /// How.
    pub function: Function,
    /// The source's columns with the URL or the user agent: the first that has a value counts.
    pub of: Vec<ColumnSource>,
    /// Texts of these that are no value.
    pub no_value: Vec<String>,
    /// The source's columns with the name of the operating system, where an SDK says it.
    pub os_name: Vec<ColumnSource>,
}

impl DerivedFrom {
    /// The function of these columns of the source.
    pub(super) fn new(function: Function, of: Vec<ColumnSource>, os_name: Vec<ColumnSource>) -> Self {
        Self { function, of, no_value: Vec::new(), os_name }
    }
}

impl EventColumn {
    /// A column that is derived.
    pub(super) fn derived(name: &str, from: DerivedFrom) -> Self {
        let spec = CarriedSpec::new(name, from.function.carried_type());
        Self { spec, sources: Vec::new(), derived: Some(from), is_of_preset: false, read_for: None }
    }

    /// The names of the source's columns for events of a type, the first that counts first.
    pub fn sources_of(&self, event_type: EventType) -> impl Iterator<Item = &str> {
        let is_of = move |source: &&ColumnSource| source.of.is_none_or(|of| of == event_type);
        self.sources.iter().filter(is_of).map(|source| source.name.as_str())
    }
}

/// A column of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSource {
    /// The column's name, as a warehouse has it.
    pub name: String,
    /// The only type of events that it is read of; `None` is every type.
    pub of: Option<EventType>,
}

impl ColumnSource {
    /// A column that is read of events of every type.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), of: None }
    }
}

/// A list of columns that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// What RudderStack's and Segment's libraries for web sites send.
    Web,
    /// What those for apps send.
    Mobile,
}

/// Every preset with its name in the file.
pub const PRESETS: [(&str, Preset); 2] = [("web", Preset::Web), ("mobile", Preset::Mobile)];

/// What calls of the SDK for JavaScript name where there is no referrer.
const NO_REFERRER: &str = "$direct";

/// Columns of every event, and what of a page call goes before.
const OF_PAGES: [(&str, &[&str], Option<&str>); 5] = [
    ("page_url", &["properties_url", "url"], Some("context_page_url")),
    ("page_path", &["properties_path", "path"], Some("context_page_path")),
    ("page_title", &["properties_title", "title"], Some("context_page_title")),
    ("page_referrer", &["properties_referrer", "referrer"], Some("context_page_referrer")),
    ("page_name", &["name", "properties_name"], None),
];

/// Columns of every event.
const OF_CONTEXT: [(&str, &str); 14] = [
    ("utm_source", "context_campaign_source"),
    ("utm_medium", "context_campaign_medium"),
    ("utm_campaign", "context_campaign_name"),
    ("utm_term", "context_campaign_term"),
    ("utm_content", "context_campaign_content"),
    ("user_agent", "context_user_agent"),
    ("os_name", "context_os_name"),
    ("os_version", "context_os_version"),
    ("device_type", "context_device_type"),
    ("app_name", "context_app_name"),
    ("app_version", "context_app_version"),
    ("locale", "context_locale"),
    ("country", "context_geo_country"),
    ("context_session_id", "context_session_id"),
];

/// What apps have besides.
const OF_DEVICES: [(&str, &str); 3] = [
    ("device_model", "context_device_model"),
    ("device_manufacturer", "context_device_manufacturer"),
    ("network_carrier", "context_network_carrier"),
];

/// Columns that are derived from those above: from which, and with or without the name of the operating system.
const DERIVED: [(&str, Function, &str, Option<&str>); 6] = [
    ("page_host", Function::Host, "page_url", None),
    ("referrer_host", Function::Host, "page_referrer", None),
    ("is_bot", Function::IsBot, "user_agent", None),
    ("browser", Function::Browser, "user_agent", None),
    ("os", Function::Os, "user_agent", Some("os_name")),
    ("device_category", Function::DeviceCategory, "user_agent", Some("os_name")),
];

/// Makes the columns that a preset derives follow those that they are derived from, which the file may have replaced.
pub(super) fn follow(columns: &mut [EventColumn]) {
    for (name, _, of, os_name) in DERIVED {
        let column = |name: &str| columns.iter().find(|column| column.spec.name.eq_ignore_ascii_case(name));
        let sources = |name: &str| column(name).map(|column| column.sources.clone()).unwrap_or_default();
        let no_value = column(of).map(|column| column.spec.no_value.clone()).unwrap_or_default();
        let (of, os_name) = (sources(of), os_name.map(sources).unwrap_or_default());
        let is_it = |column: &&mut EventColumn| column.is_of_preset && column.spec.name == name;
        if let Some(derived) = columns.iter_mut().find(is_it).and_then(|column| column.derived.as_mut()) {
            *derived = DerivedFrom { function: derived.function, of, no_value, os_name };
        }
    }
}

impl Preset {
    /// The preset's columns, in the order of the table. Those that are derived are so from nothing yet; the parser makes them follow the columns of the file.
    pub fn columns(self) -> Vec<EventColumn> {
        let own = |of, names: &[&str]| -> Vec<ColumnSource> {
            names.iter().map(|name| ColumnSource { name: (*name).to_owned(), of: Some(of) }).collect()
        };
        let column = |name: &str, sources| EventColumn {
            spec: CarriedSpec {
                no_value: if name == "page_referrer" { vec![NO_REFERRER.to_owned()] } else { Vec::new() },
                ..CarriedSpec::new(name, CarriedType::Text)
            },
            sources,
            derived: None,
            is_of_preset: true,
            read_for: None,
        };
        let of_pages = OF_PAGES.iter().map(|(name, of_page, of_all)| {
            let of_all = of_all.map(ColumnSource::new);
            column(name, own(EventType::Page, of_page).into_iter().chain(of_all).collect())
        });
        let of_context = |(name, source): &(&str, &str)| column(name, vec![ColumnSource::new(source)]);
        let mut columns: Vec<EventColumn> = of_pages.chain(OF_CONTEXT.iter().map(of_context)).collect();
        if self == Self::Mobile {
            columns.push(column("screen_name", own(EventType::Screen, &["name", "properties_name"])));
            columns.extend(OF_DEVICES.iter().map(of_context));
        }
        columns.extend(DERIVED.into_iter().map(|(name, function, ..)| EventColumn {
            is_of_preset: true,
            ..EventColumn::derived(name, DerivedFrom::new(function, Vec::new(), Vec::new()))
        }));
        columns
    }
}
