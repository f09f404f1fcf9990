//! The package's files as SQL for one dialect and one configuration.

use super::refusal::in_own_words;
use super::variables::{Carried, carried, variables};
use super::{Dialect, Names, package};
use minijinja::value::{Kwargs, Object, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use tracklet_config::Config;
pub use tracklet_dialects::model::{Materialized, ModelOptions, Partition};
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::from_row::FROM_ROW;
use tracklet_kernel::registry::EVENT_ID;

/// A table that holds calls of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceTable {
    /// The type of its calls, as `event_type` has it.
    pub event_type: &'static str,
    /// Whether they are evidence, which carries nothing but its type.
    pub is_evidence: bool,
    /// The quoted name of the table.
    pub relation: String,
    /// The name of the table for people, and for `source_file` of rejected rows.
    pub name: String,
    /// The columns of the table, as the warehouse spells them.
    pub columns: Vec<String>,
    /// The type of each of them, in the warehouse's words; one that is not here holds texts.
    pub types: BTreeMap<String, String>,
}

impl SourceTable {
    /// A table of tracks whose columns hold texts, or times where the models take times.
    pub fn of_tracks(
        relation: &str,
        name: &str,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            event_type: EventType::Track.name(),
            is_evidence: false,
            relation: relation.to_owned(),
            name: name.to_owned(),
            columns: columns.into_iter().map(Into::into).collect(),
            types: BTreeMap::new(),
        }
    }
}

/// The tag of models that are needed only while a run lasts.
pub const STAGING_TAG: &str = "aside";

/// A file of the package as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One query, with a line feed at its end.
    pub sql: String,
    /// What its `config(..)` says.
    pub options: ModelOptions,
    /// The models that it refers to, in order of appearance, each once.
    pub refs: Vec<String>,
}

/// A file could not be made SQL.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no such model, analysis or test.
    #[error("there is no model `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What is there that it may have meant.
        nearest: Option<String>,
    },
    /// The model refuses the configuration or the source tables.
    #[error("{message}")]
    Refused {
        /// The model.
        model: String,
        /// Its words, with the names that tracklet.toml has for things.
        message: String,
        /// What helps.
        hint: Option<String>,
    },
    /// The file is not what the renderer understands.
    #[error("`{model}` can't be rendered")]
    Template {
        /// The model.
        model: String,
        /// Why.
        source: Error,
    },
}

impl Hint for RenderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { nearest: None, .. } => {
                Some("`tracklet compile` without a name shows all".to_owned())
            }
            Self::Refused { hint, .. } => hint.clone(),
            Self::Template { .. } => None,
        }
    }
}

/// Renders the files of the package for one dialect, configuration and set of source tables.
#[derive(Debug, Clone)]
pub struct Renderer {
    dialect: Dialect,
    variables: serde_json::Map<String, serde_json::Value>,
    carried: Carried,
    sources: Vec<SourceTable>,
    forgotten: Option<String>,
    macros: Macros,
}

/// The macros that a file of the package can call.
#[derive(Debug, Clone)]
enum Macros {
    /// The macros of the package, as [`parsed`] has them.
    Package,
    /// The macros of the package and others after them, parsed with each file.
    Replaced(Arc<str>),
}

/// The text of the package's macros. Macros look each other up in the scope that the first of them opens: all stand in one
/// text, and one that does nothing else comes before them.
static PACKAGE_MACROS: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::from("{% macro scope_of_all_macros() %}{{ adapter }}{% endmacro %}");
    text.extend(package::macros());
    text
});

/// An environment with the package's macros as a template, which a run parses once for its some forty files.
fn parsed() -> Result<Environment<'static>, Error> {
    static PARSED: OnceLock<Environment<'static>> = OnceLock::new();
    if let Some(environment) = PARSED.get() {
        return Ok(environment.clone());
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.add_template("macros", &PACKAGE_MACROS)?;
    Ok(PARSED.get_or_init(|| environment).clone())
}

impl Renderer {
    /// A renderer. `materialize` is how the tables over the physical ones are kept.
    pub fn new(
        dialect: Dialect,
        config: &Config,
        materialize: Materialized,
        sources: Vec<SourceTable>,
    ) -> Self {
        Self {
            dialect,
            variables: variables(config, materialize),
            carried: carried(config),
            sources,
            forgotten: None,
            macros: Macros::Package,
        }
    }

    /// The renderer with macros that take the place of the package's.
    #[must_use]
    pub fn with_macros(self, macros: &str) -> Self {
        let package = match &self.macros {
            Macros::Package => PACKAGE_MACROS.as_str(),
            Macros::Replaced(text) => text,
        };
        Self { macros: Macros::Replaced(format!("{package}{macros}").into()), ..self }
    }

    /// The renderer, leaving out the source's rows of people whom `table`, a quoted name, has forgotten.
    #[must_use]
    pub fn with_forgotten(self, table: Option<String>) -> Self {
        Self { forgotten: table, ..self }
    }

    /// Whether calls of some types are evidence.
    pub fn has_evidence(&self) -> bool {
        let types = self.variables.get("tracklet_evidence").and_then(serde_json::Value::as_array);
        types.is_some_and(|types| !types.is_empty())
    }

    /// Whether event ids are made of the rows.
    pub fn makes_ids(&self) -> bool {
        let columns = self.variables.get("tracklet_columns");
        columns.and_then(|columns| columns.get(EVENT_ID.name)).is_some_and(|own| own == FROM_ROW)
    }

    /// Whether rows of forgotten people are left out.
    pub fn forgets(&self) -> bool {
        self.forgotten.is_some()
    }

    /// The dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The source tables.
    pub fn sources(&self) -> &[SourceTable] {
        &self.sources
    }

    /// The SQL of a model, analysis or singular test, with what it refers to called as `names` says.
    ///
    /// # Errors
    /// [`RenderError`], each of its kinds.
    pub fn render(&self, name: &str, names: &Names) -> Result<Rendered, RenderError> {
        let file = package::query(name).ok_or_else(|| RenderError::Unknown {
            name: name.to_owned(),
            nearest: tracklet_display::error::nearest(name, package::models().map(package::File::name))
                .map(ToOwned::to_owned),
        })?;
        self.render_text(name, file.text, names)
    }

    /// Whether the configuration has a model: some are there for events of every type alone.
    ///
    /// # Errors
    /// [`RenderError`] of a model that can't be rendered.
    pub fn is_enabled(&self, model: &str, names: &Names) -> Result<bool, RenderError> {
        Ok(self.render(model, names)?.options.enabled != Some(false))
    }

    /// The SQL of a text of an increment, which may use `values`.
    ///
    /// # Errors
    /// [`RenderError::Template`] and [`RenderError::Refused`].
    pub(super) fn render_step(
        &self,
        name: &str,
        text: &str,
        values: &impl Serialize,
        names: &Names,
    ) -> Result<Rendered, RenderError> {
        self.render_with(name, text, names, value(values))
    }

    /// The text that an expression of the package's macros gives, such as `identifier('a')`.
    ///
    /// # Errors
    /// [`RenderError::Template`] and [`RenderError::Refused`].
    pub fn expression(&self, expression: &str) -> Result<String, RenderError> {
        let names = Names::new(self.dialect, None, "sessions".to_owned());
        let rendered = self.render_text("an expression", &format!("{{{{ {expression} }}}}"), &names)?;
        Ok(rendered.sql.trim_end_matches('\n').to_owned())
    }

    /// For every source table a query without rows that compares its column `partition_time` with `time`, a literal.
    ///
    /// # Errors
    /// [`RenderError::Refused`] for a table without the column.
    pub fn partition_queries(&self, partition_time: &str, time: &str) -> Result<Vec<String>, RenderError> {
        let each = "{% for table in source_tables() %}select count(*) as partitioned from {{ table.relation }} where \
                    {{ partition_column(table, column) }} >= {{ time }} and 1 = 0\n{% endfor %}";
        let values = std::collections::BTreeMap::from([("column", partition_time), ("time", time)]);
        let names = Names::new(self.dialect, None, "sessions".to_owned());
        let rendered = self.render_with("the partitions", each, &names, value(values))?;
        Ok(rendered.sql.lines().map(ToOwned::to_owned).collect())
    }

    /// The SQL of a query that is not the package's own.
    ///
    /// # Errors
    /// [`RenderError::Template`] and [`RenderError::Refused`].
    pub fn render_text(&self, name: &str, text: &str, names: &Names) -> Result<Rendered, RenderError> {
        self.render_with(name, text, names, Value::UNDEFINED)
    }

    fn render_with(
        &self,
        name: &str,
        text: &str,
        names: &Names,
        values: Value,
    ) -> Result<Rendered, RenderError> {
        let noted = Arc::new(Mutex::new(Noted::default()));
        let template = |source| RenderError::Template { model: name.to_owned(), source };
        let environment = self.environment(name, names, &noted).map_err(template)?;
        let macros = match &self.macros {
            Macros::Package => "{% include 'macros' %}",
            Macros::Replaced(text) => text,
        };
        let result = environment.render_named_str(name, &format!("{macros}{text}"), values);
        let noted = std::mem::take(&mut *lock(&noted));
        let sql = match (result, noted.refused) {
            (_, Some(message)) => {
                let (message, hint) = in_own_words(&message);
                return Err(RenderError::Refused { model: name.to_owned(), message, hint });
            }
            (Err(source), None) => return Err(template(source)),
            (Ok(sql), None) => sql,
        };
        let options = serde_json::from_value(serde_json::Value::Object(noted.config))
            .map_err(|error| template(Error::new(ErrorKind::BadSerialization, error.to_string())))?;
        Ok(Rendered { sql: format!("{}\n", sql.trim()), options, refs: noted.refs })
    }

    /// The names that dbt gives a model.
    fn environment(
        &self,
        name: &str,
        names: &Names,
        noted: &Arc<Mutex<Noted>>,
    ) -> Result<Environment<'static>, Error> {
        let mut environment = parsed()?;
        environment.add_global("this", names.relation(name));
        environment.add_global(
            "target",
            value(serde_json::json!({
                "type": self.dialect.name(),
                "schema": names.schema(),
                "database": names.database(),
            })),
        );
        environment.add_global("execute", true);
        environment.add_global("adapter", Value::from_object(Adapter(self.dialect)));
        environment.add_global("exceptions", Value::from_object(Exceptions(Arc::clone(noted))));

        let (of_ref, names) = (Arc::clone(noted), names.clone());
        environment.add_function("ref", move |model: String| {
            let relation = names.relation(&model);
            let mut noted = lock(&of_ref);
            if !noted.refs.contains(&model) {
                noted.refs.push(model);
            }
            relation
        });
        let of_config = Arc::clone(noted);
        environment.add_function("config", move |options: Kwargs| -> Result<&'static str, Error> {
            for key in options.args() {
                let given: Value = options.get(key)?;
                if matches!(given.kind(), ValueKind::None | ValueKind::Undefined) {
                    continue;
                }
                let given = serde_json::to_value(&given)
                    .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
                lock(&of_config).config.insert(key.to_owned(), given);
            }
            Ok("")
        });
        let variables = value(&self.variables);
        environment.add_function("var", move |variable: String| -> Result<Value, Error> {
            variables.get_attr(&variable).ok().filter(|value| !value.is_undefined()).ok_or_else(|| {
                Error::new(ErrorKind::UndefinedError, format!("there is no variable {variable}"))
            })
        });
        let sources = value(&self.sources);
        environment.add_function("source_tables", move || sources.clone());
        let carried = value(&self.carried.columns);
        environment.add_function("carried_columns", move || carried.clone());
        let derived_texts = value(&self.carried.derived_texts);
        environment.add_function("derived_texts", move || derived_texts.clone());
        let forgotten = value(&self.forgotten);
        environment.add_function("forgotten_table", move || forgotten.clone());
        environment.add_function("partition_by_month", |column: String| {
            value(serde_json::json!({ "month": column }))
        });
        environment.add_function("indexed_by", |columns: Vec<Vec<String>>| value(columns));
        environment.add_function("partition_by_number", |column: String, values: u32| {
            value(serde_json::json!({ "number": column, "values": values }))
        });
        Ok(environment)
    }
}

/// A value for templates.
fn value<T: Serialize>(value: T) -> Value {
    Value::from(Serde(value))
}

/// What a file says while it is rendered.
#[derive(Debug, Default)]
struct Noted {
    config: serde_json::Map<String, serde_json::Value>,
    refs: Vec<String>,
    refused: Option<String>,
}

fn lock(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// dbt's `adapter`.
#[derive(Debug)]
struct Adapter(Dialect);

impl Object for Adapter {
    /// `dispatch(name, package)` is the macro of that name for the dialect.
    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        if method != "dispatch" {
            return Err(Error::new(ErrorKind::UnknownMethod, format!("adapter.{method} needs dbt itself")));
        }
        let name = arguments.first().and_then(Value::as_str).unwrap_or_default();
        self.0
            .prefixes()
            .into_iter()
            .find_map(|prefix| {
                state.lookup(&format!("{prefix}__{name}")).filter(|found| !found.is_undefined())
            })
            .ok_or_else(|| {
                let message = format!("there is no macro {name} for {}", self.0.name());
                Error::new(ErrorKind::UnknownFunction, message)
            })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("adapter")
    }
}

/// dbt's `exceptions`.
#[derive(Debug)]
struct Exceptions(Arc<Mutex<Noted>>);

impl Object for Exceptions {
    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let message = arguments.first().map(ToString::to_string).unwrap_or_default();
        if method == "raise_compiler_error" {
            lock(&self.0).refused = Some(message.clone());
        }
        Err(Error::new(ErrorKind::InvalidOperation, message))
    }
}

#[cfg(test)]
mod tests;
