//! The end of a run: its tables are shown to readers.

use super::{Plan, Planned, View, drop};
use crate::sql::{forgotten, runs};
use std::collections::{BTreeMap, BTreeSet};
use tracklet_dialects::Kind;
use tracklet_dialects::description::{Publishing, Stay};

/// Statements that take effect alone, or together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One statement.
    Alone(String),
    /// All or nothing.
    Together(Vec<String>),
}

/// What is known of the schema when a run publishes.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// The models that are there.
    pub kinds: BTreeMap<&'static str, Kind>,
    /// Tables whose columns are no longer those of the model.
    pub changed: BTreeMap<&'static str, Change>,
    /// Tables that are there in another format than the one that they are to have.
    pub of_other_format: BTreeSet<&'static str>,
    /// Whether views that are there may say something else than now.
    pub views_may_differ: bool,
}

/// The columns of a table that change, as the warehouse spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The columns that the table gets, in order, and whether it has them already, of the same type.
    pub columns: Vec<(String, bool)>,
    /// The columns that the table has and will not have.
    pub removed: Vec<String>,
}

impl Change {
    fn adds(&self) -> bool {
        self.columns.iter().any(|(_, is_there)| !is_there)
    }
}

impl Plan {
    /// The statements that show the tables to readers. `record` are those of [`Self::record`].
    pub fn publish(&self, publishing: Publishing, existing: &Existing, record: Vec<String>) -> Vec<Step> {
        match publishing {
            Publishing::Swap => vec![Step::Together(self.swap(existing, record))],
            Publishing::Rows if self.published.dialect().takes_back_ddl() => {
                vec![Step::Together(self.rows_at_once(existing, record))]
            }
            Publishing::Rows => self.rows(existing, record),
            Publishing::Replace => self.replace(existing, record),
            Publishing::Rename => self.rename(existing, record),
        }
    }

    /// The statements that note the run and fail if another has published since this one began. In a transaction they
    /// come first: a run at the same time waits there, or is refused there or at its end.
    ///
    /// `list_rows` is how many rows the list of forgotten ids had when the run read it.
    pub fn record(&self, publishing: Publishing, row: &runs::RunRow, list_rows: Option<u64>) -> Vec<String> {
        let names = &self.published;
        let is_transaction = publishing.is_transaction();
        let turn = is_transaction.then(|| runs::take_turn(names, &row.run_id)).flatten();
        let check = row.sequence_number.map(|number| runs::check(names, number));
        let list = list_rows.map(|rows| forgotten::check(names, rows));
        turn.into_iter().chain([runs::insert(names, row)]).chain(check).chain(list).collect()
    }

    fn swap(&self, existing: &Existing, record: Vec<String>) -> Vec<String> {
        let mut together = record;
        let views = self.views_to_make(existing);
        let tables = self.tables().map(|table| table.name);
        together.extend(
            self.drop_all(self.disabled.iter().copied().chain(views.iter().copied()).chain(tables), existing),
        );
        together.extend(self.tables().map(|table| self.rename_staging(table.name)));
        for view in &views {
            together.push(self.create_view(view, Stay::Published));
        }
        together
    }

    /// New rows in the tables that are there, where DDL is taken back with its transaction.
    fn rows_at_once(&self, existing: &Existing, record: Vec<String>) -> Vec<String> {
        let mut together = record;
        let dialect = self.published.dialect();
        let (new, views) = self.to_remake(existing);
        let tables = new.iter().map(|table| table.name);
        together.extend(
            self.drop_all(self.disabled.iter().copied().chain(views.iter().copied()).chain(tables), existing),
        );
        for table in &new {
            together.push(self.create_empty(table));
            together.extend(dialect.create_indexes(&self.published.relation(table.name), &table.options));
        }
        together.extend(views.iter().map(|name| self.create_view(name, Stay::Published)));
        together.extend(self.exchange_rows());
        together
    }

    /// New rows in the tables that are there, where each DDL statement commits by itself: until the transaction at the
    /// end readers keep the old rows, whatever is made before it. No view is ever without a column that it looks at: new
    /// ones come before the views, old ones go after them.
    fn rows(&self, existing: &Existing, record: Vec<String>) -> Vec<Step> {
        let mut steps: Vec<String> = Vec::new();
        let (new, views) = self.to_remake(existing);
        for table in &new {
            match existing.changed.get(table.name) {
                Some(change) if change.adds() => {
                    steps.push(self.replace_table(table, &self.old_rows(table, change, &change.removed)));
                }
                Some(_) => {}
                None => {
                    steps.extend(self.drop(table.name, existing));
                    steps.push(self.create_empty(table));
                }
            }
        }
        for name in views {
            steps.extend(self.replace_view(name, existing));
        }
        for table in new {
            match existing.changed.get(table.name) {
                Some(change) if !change.removed.is_empty() || !change.adds() => {
                    steps.push(self.replace_table(table, &self.old_rows(table, change, &[])));
                }
                _ => {}
            }
        }
        let together = record.into_iter().chain(self.exchange_rows()).collect();
        let dropped = self.drop_all(self.disabled.iter().copied(), existing).into_iter().map(Step::Alone);
        steps.into_iter().map(Step::Alone).chain([Step::Together(together)]).chain(dropped).collect()
    }

    fn replace(&self, existing: &Existing, record: Vec<String>) -> Vec<Step> {
        let mut steps = record;
        for table in self.tables() {
            // Only a Delta table can be replaced by one.
            let is_other = existing.of_other_format.contains(table.name);
            if is_other || existing.kinds.get(table.name) == Some(&Kind::View) {
                steps.extend(self.drop(table.name, existing));
            }
            let query = format!("select *\nfrom {}", self.building.relation(table.name));
            steps.push(self.replace_table(table, &query));
        }
        for view in self.views_to_make(existing) {
            steps.extend(self.replace_view(view, existing));
        }
        steps.extend(self.drop_all(self.disabled.iter().copied(), existing));
        steps.into_iter().map(Step::Alone).collect()
    }

    fn rename(&self, existing: &Existing, record: Vec<String>) -> Vec<Step> {
        let mut steps = record;
        for table in self.tables() {
            steps.extend(self.drop(table.name, existing));
            steps.push(self.rename_staging(table.name));
        }
        for view in self.views_to_make(existing) {
            steps.extend(self.replace_view(view, existing));
        }
        steps.extend(self.drop_all(self.disabled.iter().copied(), existing));
        steps.into_iter().map(Step::Alone).collect()
    }

    /// The tables that readers get.
    fn tables(&self) -> impl Iterator<Item = &Planned> {
        self.kept().filter(|model| model.kind == Kind::Table)
    }

    /// The views that readers get, and those that are there and look at a table that changes.
    fn views_to_make(&self, existing: &Existing) -> Vec<&'static str> {
        let tables: BTreeSet<&str> = self.tables().map(|table| table.name).collect();
        let selected: BTreeSet<&str> = self.kept().map(|model| model.name).collect();
        let is_there = |name: &str| existing.kinds.get(name) == Some(&Kind::View);
        self.views
            .iter()
            .filter(|(name, view)| {
                let looks_at = view.refs.iter().any(|table| tables.contains(table));
                selected.contains(**name) || (is_there(name) && looks_at)
            })
            .map(|(name, _)| *name)
            .collect()
    }

    /// The tables that can't stay as they are when rows are exchanged, and the views that have to be made with them.
    fn to_remake(&self, existing: &Existing) -> (Vec<&Planned>, Vec<&'static str>) {
        let stays = |name: &&'static str| {
            existing.kinds.get(name) == Some(&Kind::Table) && !existing.changed.contains_key(name)
        };
        let new: Vec<&Planned> = self.tables().filter(|table| !stays(&table.name)).collect();
        let is_bound = |view: &View| new.iter().any(|table| view.refs.contains(table.name));
        let needs = |name: &&'static str| {
            let is_there = existing.kinds.get(name) == Some(&Kind::View);
            !is_there || existing.views_may_differ || is_bound(&self.views[name])
        };
        let views = self.views_to_make(existing).into_iter().filter(needs).collect();
        (new, views)
    }

    fn drop(&self, name: &'static str, existing: &Existing) -> Option<String> {
        let relation = self.published.relation(name);
        existing.kinds.get(name).map(|kind| drop(*kind, &relation))
    }

    /// Drops those of these models that are there: views before what they may look at.
    fn drop_all(&self, names: impl Iterator<Item = &'static str>, existing: &Existing) -> Vec<String> {
        let mut there: Vec<(Kind, &'static str)> =
            names.filter_map(|name| Some((*existing.kinds.get(name)?, name))).collect();
        there.sort_by_key(|(kind, _)| *kind != Kind::View);
        there.into_iter().map(|(kind, name)| drop(kind, &self.published.relation(name))).collect()
    }

    fn rename_staging(&self, name: &str) -> String {
        self.published.dialect().rename(&self.building.relation(name), &self.published.table(name))
    }

    /// The rows of every table are deleted, and those of its staging table inserted.
    fn exchange_rows(&self) -> Vec<String> {
        let delete = |table: &Planned| {
            let relation = self.published.relation(table.name);
            format!("delete from {relation}\nwhere true")
        };
        let insert = |table: &Planned| {
            let (relation, staging_name) =
                (self.published.relation(table.name), self.building.relation(table.name));
            format!("insert into {relation}\nselect *\nfrom {staging_name}")
        };
        self.tables().map(delete).chain(self.tables().map(insert)).collect()
    }

    fn create_empty(&self, table: &Planned) -> String {
        let query = format!("select *\nfrom {}\nwhere false", self.building.relation(table.name));
        self.create_table(table, Stay::Published, &query)
    }

    fn replace_table(&self, table: &Planned, query: &str) -> String {
        self.create_table(table, Stay::Replacing, query)
    }

    fn create_table(&self, table: &Planned, stay: Stay, query: &str) -> String {
        let relation = self.published.relation(table.name);
        let names = &self.published;
        names.dialect().create_table_as(&relation, names.format(), &table.options, stay, query)
    }

    /// A query for the rows that a table has, with the columns that it gets, null in those that are new, and some that
    /// it will lose.
    fn old_rows(&self, table: &Planned, change: &Change, still: &[String]) -> String {
        let dialect = self.published.dialect();
        let or_null =
            |is_there: bool, name: &str| if is_there { dialect.quoted(name) } else { "null".to_owned() };
        // A query for no row of the staging table gives the names and the types.
        let new = change.columns.iter().map(|(name, _)| dialect.quoted(name));
        let new = new.chain(still.iter().map(|name| format!("null as {}", dialect.quoted(name))));
        let old = change.columns.iter().map(|(name, is_there)| or_null(*is_there, name));
        let old = old.chain(still.iter().map(|name| dialect.quoted(name)));
        format!(
            "select\n    {}\nfrom {}\nwhere false\nunion all\nselect\n    {}\nfrom {}",
            new.collect::<Vec<_>>().join(",\n    "),
            self.building.relation(table.name),
            old.collect::<Vec<_>>().join(",\n    "),
            self.published.relation(table.name)
        )
    }

    fn create_view(&self, name: &str, stay: Stay) -> String {
        let relation = self.published.relation(name);
        self.published.dialect().create_view(&relation, stay, &self.views[name].query)
    }

    /// A view in the place of one that is there, or of none, in one statement: no reader misses it.
    fn replace_view(&self, name: &'static str, existing: &Existing) -> Vec<String> {
        let drop_table = self.drop(name, existing).filter(|_| existing.kinds.get(name) == Some(&Kind::Table));
        drop_table.into_iter().chain([self.create_view(name, Stay::Replacing)]).collect()
    }
}
