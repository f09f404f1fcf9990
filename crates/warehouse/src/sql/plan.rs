//! From the models to the statements of a run: make staging tables, then show them to readers.

mod publish;

pub use publish::{Change, Existing, Step};

use super::graph::{Graph, Model};
use super::render::{Materialized, ModelOptions};
use super::{Names, RenderError, Rendered, Renderer};
use std::collections::{BTreeMap, BTreeSet};
use tracklet_dialects::Kind;
use tracklet_dialects::description::{ColumnType, Publishing, Stay};

/// How the names of all staging tables start.
pub const STAGING_PREFIX: &str = "tracklet_aside_";

/// The start of the names of tables that were not published because they contradict each other.
const FAILED_PREFIX: &str = "tracklet_failed_";

/// What the table of a model or a step is called once it has failed.
pub fn failed(name: &str) -> String {
    format!("{FAILED_PREFIX}{name}")
}

/// Hexadecimal digits of the digest of the models' SQL.
const DIGITS: usize = 32;

/// The name of a model's staging table in the run `token`: `tracklet_aside_<token>_<model>`.
pub fn staging_name(token: &str, model: &str) -> String {
    format!("{STAGING_PREFIX}{token}_{model}")
}

/// A model that a run makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The model.
    pub name: &'static str,
    /// Table or view.
    pub kind: Kind,
    /// Whether the table is dropped at the end of the run.
    pub is_staging: bool,
    /// The models of the run that this one is made from.
    pub needs: BTreeSet<&'static str>,
    /// The query alone.
    pub query: String,
    /// What makes it, one after the other; none for a view that is made when the run publishes.
    pub statements: Vec<String>,
    options: ModelOptions,
}

impl Planned {
    /// A staging table that belongs to no model, called as `names` says, from what was made before it.
    pub(super) fn step(name: &'static str, names: &Names, rendered: Rendered) -> Self {
        let statements = making(names, &names.relation(name), &rendered);
        let Rendered { sql: query, options, .. } = rendered;
        Self { name, kind: Kind::Table, is_staging: true, needs: BTreeSet::new(), query, statements, options }
    }
}

/// All that a run does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The models to make, each after those that it needs.
    pub models: Vec<Planned>,
    building: Names,
    published: Names,
    /// Every view of the package, selected or not, as readers would see it.
    views: BTreeMap<&'static str, View>,
    /// The models of the package that the configuration does not have.
    disabled: Vec<&'static str>,
    /// Whether calls of some types are evidence.
    has_evidence: bool,
    digest: String,
}

#[derive(Debug, Clone)]
struct View {
    query: String,
    refs: BTreeSet<&'static str>,
}

impl Plan {
    /// A run that makes `wanted`, its staging tables under names with `token`.
    ///
    /// # Errors
    /// [`RenderError`] of the first model that can't be rendered.
    pub fn new(
        renderer: &Renderer,
        names: &Names,
        wanted: &BTreeSet<&'static str>,
        token: &str,
    ) -> Result<Self, RenderError> {
        let published = Graph::new(renderer, names)?;
        let made = published.with_staging_names(wanted);
        let is_staged = |model: &Model| model.is_staging() || is_table(model);
        let staging = published
            .models()
            .iter()
            .filter(|model| made.contains(model.name) && is_staged(model))
            .map(|model| (model.name.to_owned(), staging_name(token, model.name)))
            .collect();
        let building_names = names.with_staging_names(staging);
        let building = Graph::new(renderer, &building_names)?;
        let models = building.models().iter().filter(|model| made.contains(model.name));
        let models =
            models.map(|model| planned(model, &building, &published, &building_names, &made)).collect();
        // Those needed only while a run lasts too: dbt keeps them.
        let views = published.models().iter().filter(|model| !is_table(model));
        let views = views.map(|model| {
            let refs = published.parents(model.name);
            (model.name, View { query: model.rendered.sql.clone(), refs })
        });
        // A run of some models alone leaves the others as they are.
        let are_all = published.models().iter().all(|model| made.contains(model.name));
        let disabled = super::package::models().map(super::package::File::name);
        let disabled = disabled.filter(|name| are_all && published.get(name).is_none()).collect();
        Ok(Self {
            models,
            disabled,
            has_evidence: renderer.has_evidence(),
            building: building_names,
            published: names.clone(),
            views: views.collect(),
            digest: digest(renderer, names)?,
        })
    }

    /// A digest of the SQL of all models, chosen or not: tables that were made by the same SQL mean the same.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the models are called while they are made.
    pub fn building(&self) -> &Names {
        &self.building
    }

    /// What the models are called for readers.
    pub fn published(&self) -> &Names {
        &self.published
    }

    /// What the models are called when the run has published, and its staging tables still exist.
    pub fn checking(&self) -> Names {
        let staging = self.models.iter().filter(|model| model.is_staging);
        let table = |model: &Planned| self.building.table(model.name).table.to_lowercase();
        self.published
            .with_staging_names(staging.map(|model| (model.name.to_owned(), table(model))).collect())
    }

    /// The models that readers get.
    pub fn kept(&self) -> impl Iterator<Item = &Planned> {
        self.models.iter().filter(|model| !model.is_staging)
    }

    /// The names of the kept tables, as the table of runs has them.
    pub fn kept_names(&self) -> String {
        self.kept().map(|model| model.name).collect::<Vec<_>>().join(" ")
    }

    /// The statements that take away what was made only for the run, the last made first.
    pub fn clean(&self, publishing: Publishing) -> Vec<String> {
        let renamed = matches!(publishing, Publishing::Swap | Publishing::Rename);
        let left = self
            .models
            .iter()
            .rev()
            .filter(|model| model.is_staging || (model.kind == Kind::Table && !renamed));
        left.map(|model| drop_if_there(model.kind, &self.building.relation(model.name))).collect()
    }
}

/// Who is forgotten is noted elsewhere: the first of them adds to every query, and changes no meaning.
fn digest(renderer: &Renderer, names: &Names) -> Result<String, RenderError> {
    let mut hasher = blake3::Hasher::new();
    for model in Graph::new(&renderer.clone().with_forgotten(None), names)?.models() {
        let Rendered { sql, options, .. } = &model.rendered;
        for text in [model.name, sql, &format!("{options:?}")] {
            hasher.update(text.as_bytes()).update(&[0]);
        }
    }
    Ok(hasher.finalize().to_hex()[..DIGITS].to_owned())
}

fn is_table(model: &Model) -> bool {
    model.rendered.options.materialized == Materialized::Table
}

fn planned(
    model: &Model,
    building: &Graph,
    published: &Graph,
    names: &Names,
    made: &BTreeSet<&'static str>,
) -> Planned {
    let dialect = names.dialect();
    let (options, is_staging) = (&model.rendered.options, model.is_staging());
    let relation = names.relation(model.name);
    let (kind, statements) = if is_table(model) {
        (Kind::Table, making(names, &relation, &model.rendered))
    } else if is_staging {
        (Kind::View, vec![dialect.create_view(&relation, Stay::Staging, &model.rendered.sql)])
    } else {
        (Kind::View, Vec::new())
    };
    // A view that is made at the end shows the published tables.
    let query = match published.get(model.name) {
        Some(shown) if statements.is_empty() => shown.rendered.sql.clone(),
        _ => model.rendered.sql.clone(),
    };
    Planned {
        name: model.name,
        kind,
        is_staging,
        needs: building.parents(model.name).intersection(made).copied().collect(),
        query,
        statements,
        options: options.clone(),
    }
}

/// The statements that make a staging table.
fn making(names: &Names, relation: &str, rendered: &Rendered) -> Vec<String> {
    let (dialect, options) = (names.dialect(), &rendered.options);
    let made = dialect.create_table_as(relation, names.format(), options, Stay::Staging, &rendered.sql);
    let after = Some(options.post_hook.trim()).filter(|hook| !hook.is_empty()).map(ToOwned::to_owned);
    [made].into_iter().chain(dialect.create_indexes(relation, options)).chain(after).collect()
}

/// The statement that drops a table or view that is there.
fn drop(kind: Kind, relation: &str) -> String {
    match kind {
        Kind::Table => format!("drop table {relation}"),
        Kind::View => format!("drop view {relation}"),
    }
}

/// The statement that drops a table or view if it is there.
pub fn drop_if_there(kind: Kind, relation: &str) -> String {
    match kind {
        Kind::Table => format!("drop table if exists {relation}"),
        Kind::View => format!("drop view if exists {relation}"),
    }
}

/// The statement that makes the schema if it is not there.
pub fn create_schema(names: &Names) -> String {
    format!("create schema if not exists {}", names.quoted_schema())
}

/// What counts the evidence of `tracklet_staged`.
const IS_EVIDENCE: &str = "count(case when fate = 4 then 1 end)";

/// A query for where the rows went, over the staging tables that the run has made. Its columns are `rows_read`,
/// `sessionized`, `duplicates`, `rejected`, `sessions`, `visitors` and `evidence`; null for what the run does not make.
pub fn accounting(plan: &Plan) -> String {
    let from = |what: &str, model: &'static str| {
        if plan.models.iter().any(|made| made.name == model) {
            format!("(select {what} from {})", plan.building.relation(model))
        } else {
            format!("cast(null as {})", plan.published.dialect().type_name(ColumnType::Integer))
        }
    };
    let columns = [
        ("rows_read", from("count(*)", "tracklet_staged")),
        ("sessionized", from("count(*)", "tracklet_event_facts")),
        ("duplicates", from("count(*)", "tracklet_duplicates")),
        ("rejected", from("count(*)", "tracklet_rejects")),
        ("sessions", from("count(*)", "tracklet_session_facts")),
        ("visitors", from("count(distinct dbt_visitor_id)", "tracklet_session_facts")),
        // Where no type is evidence, the table is not read for it.
        ("evidence", if plan.has_evidence { from(IS_EVIDENCE, "tracklet_staged") } else { "0".to_owned() }),
    ];
    let columns: Vec<String> =
        columns.into_iter().map(|(name, value)| format!("    {value} as {name}")).collect();
    format!("select\n{}", columns.join(",\n"))
}

#[cfg(test)]
mod tests;
