//! A warehouse as the configuration names it, and how it is connected to.

use super::profiles::{self, ProfileError};
use crate::connection::{Connect, TargetError, Warehouse};
use crate::sql::render::Materialized;
use crate::sql::{Dialect, Names};
use serde_json::{Map, Value};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use tracklet_config::{Config, TargetSection};
use tracklet_dialects::description::{FORMATS, Format, PUBLISHINGS, Publishing};
use tracklet_dialects::target_keys::{TargetValue, target_keys};
use tracklet_display::error::{Hint, listed, nearest};

/// A warehouse and how the tables are kept there.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the configuration calls it.
    pub name: String,
    /// The dialect of SQL that the target speaks.
    pub dialect: Dialect,
    /// Where the tables go.
    pub names: Names,
    /// How the tables over the physical ones are kept.
    pub materialize: Materialized,
    /// How readers get new tables.
    pub publishing: Publishing,
    /// How many models are made side by side.
    pub threads: NonZeroUsize,
    client: Client,
}

/// The client that speaks to a target.
#[derive(Debug, Clone)]
enum Client {
    /// The settings with which it connects.
    Built(Arc<dyn Connect>),
    /// The program was built without it.
    NotBuilt,
    /// There is none: the target is only a dialect.
    None,
}

/// Why there is no such target.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// None is named, and there is not just one.
    #[error("which target? tracklet.toml has {}", listed(known.iter().map(String::as_str)))]
    Several {
        /// Those that there are.
        known: Vec<String>,
    },
    /// Neither the configuration file nor a profile has the target.
    #[error("there is no target `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What was meant.
        near: Option<String>,
        /// Those that there are.
        known: Vec<String>,
        /// Why no profile has it.
        source: Box<ProfileError>,
    },
    /// The profile can't be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A field is missing or wrong.
    #[error("the target `{target}`: {message}")]
    Field {
        /// The target.
        target: String,
        /// What is wrong.
        message: String,
    },
    /// A word that is not one of a few.
    #[error("`{field}` of the target `{target}` can't be `{value}`")]
    NotAChoice {
        /// The target.
        target: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What could.
        choices: Vec<&'static str>,
    },
}

impl Hint for ResolveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Several { known } if known.is_empty() => Some(
                "write a section [targets.NAME] into tracklet.toml: see docs/configuration.md".to_owned(),
            ),
            Self::Several { .. } => Some("name one with --target NAME".to_owned()),
            Self::Unknown { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::Unknown { near: None, known, .. } if known.is_empty() => Some(
                "write a section [targets.NAME] into tracklet.toml: see docs/configuration.md".to_owned(),
            ),
            Self::Unknown { near: None, known, .. } => {
                Some(format!("tracklet.toml has {}", listed(known.iter().map(String::as_str))))
            }
            Self::Profile(error) => error.hint(),
            Self::Field { .. } => None,
            Self::NotAChoice { choices, .. } => {
                Some(format!("it can be {}", listed(choices.iter().copied())))
            }
        }
    }
}

impl Target {
    /// The target called `name`: a section of the configuration, else of dbt's `profiles.yml`. Without a name the only
    /// section there is, else the profile's own.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn resolve(
        config: &Config,
        name: Option<&str>,
        profiles_dir: Option<&Path>,
    ) -> Result<Self, ResolveError> {
        let section = match (name, config.targets.as_slice()) {
            (Some(name), sections) => sections.iter().find(|section| section.name == name),
            (None, [only]) => Some(only),
            (None, []) => None,
            (None, several) => {
                let known = several.iter().map(|section| section.name.clone()).collect();
                return Err(ResolveError::Several { known });
            }
        };
        if let Some(section) = section {
            return Self::from_section(section);
        }
        let from_profile = profiles::find(profiles_dir)
            .and_then(|path| profiles::read(&path, config.profile.as_deref(), name));
        let (name, fields) = from_profile.map_err(|source| match name {
            Some(name) => ResolveError::Unknown {
                name: name.to_owned(),
                near: nearest(name, config.targets.iter().map(|section| section.name.as_str()))
                    .map(ToOwned::to_owned),
                known: config.targets.iter().map(|section| section.name.clone()).collect(),
                source: Box::new(source),
            },
            None if matches!(source, ProfileError::NoFile { .. }) => {
                ResolveError::Several { known: Vec::new() }
            }
            None => ResolveError::Profile(source),
        })?;
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
        let dialect = Dialect::from_adapter(kind).ok_or_else(|| ResolveError::NotAChoice {
            target: name.clone(),
            field: "type",
            value: kind.to_owned(),
            choices: Dialect::ALL.map(Dialect::name).to_vec(),
        })?;
        Self::from_section(&TargetSection { name, dialect, fields })
    }

    /// No warehouse, only its kind: for SQL that nobody runs. The schema is called `sessions`.
    pub fn of_dialect(dialect: Dialect) -> Self {
        Self {
            name: dialect.name().to_owned(),
            dialect,
            names: Names::new(dialect, None, dialect.spelled("sessions")),
            materialize: Materialized::View,
            publishing: dialect.publishing(Format::default()),
            threads: NonZeroUsize::MIN,
            client: Client::None,
        }
    }

    /// This target with another schema, whose name is plain.
    #[must_use]
    pub fn in_schema(&self, schema: &str) -> Self {
        let database = self.names.database().map(ToOwned::to_owned);
        let names = Names::new(self.dialect, database, self.dialect.spelled(schema));
        let names = names.in_format(self.names.format());
        Self { names, ..self.clone() }
    }

    fn from_section(section: &TargetSection) -> Result<Self, ResolveError> {
        let TargetSection { name, dialect, fields } = section;
        let mut fields = profiles::filled(name, *dialect, fields)?;
        check_words(name, *dialect, &mut fields)?;
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        let missing = |field: &str| ResolveError::Field {
            target: name.clone(),
            message: format!("`{field}` is missing"),
        };
        let target = dialect.target_type();
        let first_of = |keys: &[&str]| keys.iter().find_map(|key| text(key));
        let schema = first_of(target.schema).ok_or_else(|| missing(target.schema[0]))?;
        let database = first_of(target.database);
        let spelled = |name: &str| dialect.spelled(name);
        let format = match text("format") {
            None => Format::default(),
            Some(word) => {
                FORMATS.into_iter().find(|(name, _)| *name == word).map(|(_, format)| format).ok_or_else(
                    || ResolveError::NotAChoice {
                        target: name.clone(),
                        field: "format",
                        value: word.to_owned(),
                        choices: FORMATS.iter().map(|(name, _)| *name).collect(),
                    },
                )?
            }
        };
        let names = Names::new(*dialect, database.map(spelled), spelled(schema)).in_format(format);
        let publishing = match text("publish") {
            None => dialect.publishing(format),
            Some(word) => {
                let known = PUBLISHINGS
                    .iter()
                    .filter(|(_, publishing)| dialect.publishings(format).contains(publishing));
                let publishing =
                    known.clone().find(|(name, _)| *name == word).map(|(_, publishing)| *publishing);
                publishing.ok_or_else(|| ResolveError::NotAChoice {
                    target: name.clone(),
                    field: "publish",
                    value: word.to_owned(),
                    choices: known.map(|(name, _)| *name).collect(),
                })?
            }
        };
        let materialize = match text("materialize") {
            None | Some("view") => Materialized::View,
            Some("table") => Materialized::Table,
            Some(word) => {
                return Err(ResolveError::NotAChoice {
                    target: name.clone(),
                    field: "materialize",
                    value: word.to_owned(),
                    choices: vec!["view", "table"],
                });
            }
        };
        let threads =
            fields.get("threads").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        Ok(Self {
            name: name.clone(),
            dialect: *dialect,
            names,
            materialize,
            publishing,
            threads: threads.and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::new(4).expect("4 is not 0")),
            client: client(name, *dialect, &fields)?,
        })
    }

    /// Whether tables change one by one and later runs still build on them, so that a run notes beforehand that it does.
    pub fn is_noted_beforehand(&self) -> bool {
        self.names.format() == Format::Delta
    }

    /// Connects.
    ///
    /// # Errors
    /// [`TargetError`] of the client.
    pub async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        match &self.client {
            Client::Built(settings) => settings.connect().await,
            Client::None => Err(TargetError::Settings {
                message: "a dialect alone can't be connected to".to_owned(),
                hint: Some("name a target with --target".to_owned()),
            }),
            Client::NotBuilt => Err(TargetError::Settings {
                message: format!("this program was built without a client for {}", self.dialect.name()),
                hint: Some(format!(
                    "build it with `--features {}`, or with `full` for everything",
                    self.dialect.target_type().feature
                )),
            }),
        }
    }
}

/// Spells the words among the fields as their lists have them.
///
/// # Errors
/// [`ResolveError::NotAChoice`] of a field with another word.
fn check_words(name: &str, dialect: Dialect, fields: &mut Map<String, Value>) -> Result<(), ResolveError> {
    for key in target_keys(dialect) {
        let TargetValue::Word(choices) = key.value else { continue };
        let Some(Value::String(word)) = fields.get_mut(key.name) else { continue };
        let known = choices.iter().find(|choice| choice.eq_ignore_ascii_case(word));
        let known = known.ok_or_else(|| ResolveError::NotAChoice {
            target: name.to_owned(),
            field: key.name,
            value: word.clone(),
            choices: choices.to_vec(),
        })?;
        (*known).clone_into(word);
    }
    Ok(())
}

/// The client of the target `name`, from its fields.
fn client(name: &str, dialect: Dialect, fields: &Map<String, Value>) -> Result<Client, ResolveError> {
    let Some(settings) = crate::clients::settings_of(dialect) else { return Ok(Client::NotBuilt) };
    settings(fields)
        .map(Client::Built)
        .map_err(|error| ResolveError::Field { target: name.to_owned(), message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{ResolveError, Target};
    use std::path::Path;
    use tracklet_config::Config;
    use tracklet_dialects::description::{Format, Publishing};
    use tracklet_display::error::Hint;

    fn resolve(text: &str, name: Option<&str>) -> Result<Target, ResolveError> {
        let config = Config::parse(text, Path::new("tracklet.toml")).unwrap();
        Target::resolve(&config, name, Some(Path::new("/nowhere")))
    }

    const PG: &str =
        "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"My s\"\n";

    #[test]
    fn the_only_target_needs_no_name() {
        let target = resolve(PG, None).unwrap();
        assert_eq!((target.name.as_str(), target.names.schema()), ("pg", "My s"));
        assert_eq!(target.publishing, Publishing::Swap);
        assert_eq!(target.threads.get(), 4);
    }

    #[test]
    fn what_is_missing_or_wrong_is_reported() {
        let refusal_of = |text: &str, name| resolve(text, name).unwrap_err();
        assert_eq!(refusal_of(PG, Some("gp")).to_string(), "there is no target `gp`");
        assert_eq!(refusal_of(PG, Some("pq")).hint().as_deref(), Some("did you mean `pg`?"));
        assert_eq!(refusal_of(PG, Some("warehouse")).hint().as_deref(), Some("tracklet.toml has `pg`"));
        assert_eq!(
            refusal_of(&PG.replace("user = \"u\"\n", ""), None).to_string(),
            "the target `pg`: missing field `user`"
        );
        let wrong = refusal_of(&format!("{PG}publish = \"replace\"\n"), None);
        assert_eq!(wrong.to_string(), "`publish` of the target `pg` can't be `replace`");
        assert_eq!(wrong.hint().as_deref(), Some("it can be `swap` and `rows`"));
        assert!(matches!(refusal_of("", None), ResolveError::Several { .. }));
    }

    #[test]
    fn a_word_of_a_list_is_read_in_any_case_and_another_is_refused_with_the_list() {
        use tracklet_dialects::Dialect;
        use tracklet_dialects::target_keys::{TargetValue, needed, target_keys};
        for dialect in Dialect::ALL {
            let line = |name: &str| target_keys(dialect).find(|key| key.name == name).unwrap().example;
            let lines: Vec<&str> = needed(dialect).iter().map(|name| line(name)).collect();
            let target = format!("[targets.t]\ntype = \"{}\"\n{}\n", dialect.name(), lines.join("\n"));
            for key in target_keys(dialect) {
                let TargetValue::Word(words) = key.value else { continue };
                let with = |word: &str| resolve(&format!("{target}{} = \"{word}\"\n", key.name), None);
                for word in words {
                    with(word).unwrap();
                    with(&word.to_uppercase()).unwrap();
                }
                let wrong = with("x").unwrap_err();
                assert_eq!(wrong.to_string(), format!("`{}` of the target `t` can't be `x`", key.name));
                assert!(wrong.hint().unwrap().contains(words[0]), "{wrong:?}");
            }
        }
    }

    #[test]
    fn the_format_says_how_spark_publishes() {
        let lake = "[targets.lake]\ntype = \"spark\"\nremote = \"sc://h\"\nschema = \"s\"\n";
        let target = |more: &str| resolve(&format!("{lake}{more}"), None);
        let of = |more: &str| target(more).map(|target| (target.names.format(), target.publishing)).unwrap();
        assert_eq!(of(""), (Format::Parquet, Publishing::Rename));
        assert_eq!(of("format = \"delta\"\n"), (Format::Delta, Publishing::Replace));
        assert_eq!(of("format = \"delta\"\npublish = \"replace\"\n"), (Format::Delta, Publishing::Replace));
        assert!(target("format = \"delta\"\n").unwrap().in_schema("t").is_noted_beforehand());
        let refusal_of = |more: &str| target(more).unwrap_err().hint().unwrap();
        assert_eq!(refusal_of("publish = \"replace\"\n"), "it can be `rename`");
        assert_eq!(refusal_of("format = \"orc\"\n"), "it can be `parquet` and `delta`");
    }

    #[test]
    fn the_password_does_not_show() {
        let text = format!("{PG}password = \"{{{{ env_var('NO_SUCH', 'hunter2') }}}}\"\n");
        let shown = format!("{:?}", resolve(&text, None).unwrap());
        assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_target_needs_what_the_list_says_and_no_more() {
        use tracklet_dialects::Dialect;
        use tracklet_dialects::target_keys::{needed, target_keys};
        for dialect in Dialect::ALL {
            let kind = dialect.name();
            let line =
                |key: &str| target_keys(dialect).find(|known| known.name == key).unwrap().example.to_owned();
            let config = |left_out: Option<&str>| {
                let keys = needed(dialect).iter().filter(|key| Some(**key) != left_out);
                let lines: Vec<String> = keys.map(|key| line(key)).collect();
                let text = format!("[targets.t]\ntype = \"{kind}\"\n{}", lines.join("\n"));
                Config::parse(&text, Path::new("tracklet.toml")).unwrap()
            };
            let resolved = |left_out| Target::resolve(&config(left_out), Some("t"), None);
            if let Err(error) = resolved(None) {
                panic!("{kind}: {error}");
            }
            for key in needed(dialect) {
                // Snowflake's client says so only when it connects.
                let is_said_later = kind == "snowflake" && *key != "schema";
                assert_eq!(resolved(Some(key)).is_err(), !is_said_later, "{kind} without {key}");
            }
        }
    }
}
