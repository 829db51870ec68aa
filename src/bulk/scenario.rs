//! Scenarios: facts added, removed, changed, read from atoms and files against the schema of a casebase.

use crate::engine::store::Database;
use crate::engine::value::{self, Word};
use crate::facts::codes::CodeLists;
use crate::facts::schema::{Kind, Schema, TableSchema};
use crate::lang::date;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Arg, Const, Prim, Program, RelId};
use crate::lang::query;
use crate::proof::demand::Change;
use crate::proof::least_change::Changeable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A scenario as people write it. All parts may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about; for readers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Another reference date, `2025-06-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Rows to add, as atoms; `_` is a blank cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Rows to take away, as atoms; open places match every value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Rows to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<Edit>,
    /// Options to set: name, value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
}

/// Rows that get other values in some columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The rows, as an atom; open places match every value.
    pub rows: String,
    /// Column and new value.
    pub to: BTreeMap<String, String>,
}

/// What is wrong with a scenario.
#[derive(Debug)]
pub enum Problem {
    /// An atom is not well formed: its text and what is wrong.
    Atom(String, Vec<Diagnostic>),
    /// Anything else: stable code, Chinese, English.
    Other(&'static str, String, String),
}

impl Scenario {
    /// Reads a scenario file (TOML).
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// Adds the parts of another.
    pub fn join(&mut self, other: Scenario) {
        self.title = self.title.take().or(other.title);
        self.as_of = other.as_of.or(self.as_of.take());
        self.add.extend(other.add);
        self.remove.extend(other.remove);
        self.change.extend(other.change);
        self.set.extend(other.set);
    }

    /// The changes of rows that the scenario makes to a casebase; the words of new values are interned in it.
    ///
    /// # Errors
    /// Everything that is wrong: atoms that are not well formed, relations that are no tables, rows that are not there,
    /// codes that do not exist.
    pub fn changes(
        &self,
        program: &Program,
        codes: &CodeLists,
        schema: &Schema,
        database: &mut Database,
    ) -> Result<Vec<Change>, Vec<Problem>> {
        let mut reader = Reader { program, codes, schema, database, problems: Vec::new(), changes: Vec::new() };
        self.remove.iter().for_each(|t| reader.remove(t));
        self.change.iter().for_each(|e| reader.edit(e));
        self.add.iter().for_each(|t| reader.add(t));
        if reader.problems.is_empty() { Ok(reader.changes) } else { Err(reader.problems) }
    }
}

/// What the annotations `changeable` allow to be changed.
pub fn changeable(schema: &Schema, program: &Program, database: &mut Database) -> Vec<Changeable> {
    let mut out = Vec::new();
    for t in &schema.tables {
        let columns: Vec<usize> = (0..t.columns.len()).filter(|c| t.columns[*c].changeable).collect();
        if columns.is_empty() {
            continue;
        }
        let whole = columns.len() == t.columns.len();
        let cell = |(c, column): (usize, &crate::facts::schema::ColumnSchema)| match &column.default {
            Some(d) => Some(database.symbols.intern(d)),
            None if column.must => None,
            None => Some(blank(program.rel(t.rel).columns[c].prim, database)),
        };
        let blank = t.columns.iter().enumerate().map(cell).collect();
        let refers = |c: usize| t.references.iter().any(|r| r.columns.contains(&c));
        let own = |(c, column): (usize, &crate::facts::schema::ColumnSchema)| {
            matches!(column.kind, Kind::Symbol | Kind::Number) && !refers(c)
        };
        let fresh = t.columns.iter().enumerate().map(own).collect();
        out.push(Changeable { rel: t.rel, columns: (!whole).then_some(columns), key: t.key.clone(), blank, fresh });
    }
    out
}

struct Reader<'a> {
    program: &'a Program,
    codes: &'a CodeLists,
    schema: &'a Schema,
    database: &'a mut Database,
    problems: Vec<Problem>,
    changes: Vec<Change>,
}

/// The word of a blank cell of a machine type.
fn blank(prim: Prim, database: &mut Database) -> Word {
    match prim {
        Prim::Symbol => database.symbols.intern(""),
        Prim::Number => value::from_number(date::BLANK),
        Prim::Unsigned => 0,
        Prim::Float => value::from_float(0.0),
    }
}

impl<'a> Reader<'a> {
    fn problem(&mut self, code: &'static str, zh: String, en: String) {
        self.problems.push(Problem::Other(code, zh, en));
    }

    /// An atom over a table of the casebase.
    fn atom(&mut self, text: &str) -> Option<(RelId, Vec<Arg>, &'a TableSchema)> {
        let goal = match query::parse_atom(self.program, text) {
            Ok(g) => g,
            Err(list) => {
                self.problems.push(Problem::Atom(text.to_owned(), list));
                return None;
            }
        };
        let Some(table) = self.schema.tables.iter().find(|t| t.rel == goal.rel) else {
            let name = self.program.rel(goal.rel).name.clone();
            let tables: Vec<&str> = self.schema.tables.iter().map(|t| t.name.as_str()).collect();
            let tables = tables.join(", ");
            self.problem(
                "E0611",
                format!("“{name}”不是所给事实的表，不能增删；可用的表：{tables}"),
                format!("`{name}` is no table of given facts and cannot be changed; the tables are {tables}"),
            );
            return None;
        };
        Some((goal.rel, goal.args, table))
    }

    /// Rows of the casebase that an atom matches; that there is none is a problem.
    fn matching(&mut self, text: &str) -> Vec<(RelId, Vec<Word>)> {
        let Some((rel, args, _)) = self.atom(text) else { return Vec::new() };
        let wanted: Vec<Option<Option<Word>>> =
            args.iter().map(|a| if let Arg::Const(c) = a { Some(self.database.known_word(c)) } else { None }).collect();
        let fits = |row: &[Word]| {
            let same = |(w, want): (&Word, &Option<Option<Word>>)| want.is_none_or(|want| want == Some(*w));
            row.iter().zip(&wanted).all(same)
        };
        let agree = |row: &[Word]| {
            (0..row.len()).all(|a| {
                (0..a)
                    .all(|b| !matches!((&args[a], &args[b]), (Arg::Var(x), Arg::Var(y)) if x == y) || row[a] == row[b])
            })
        };
        let table = self.database.table(rel);
        let found: Vec<_> = table.rows().filter(|r| fits(r) && agree(r)).map(|r| (rel, r.to_vec())).collect();
        if found.is_empty() {
            self.problem(
                "E0612",
                format!("案件库中没有这样的行：{text}；未知的列请写 _"),
                format!("no row of the casebase is {text}; write `_` for columns that are not known"),
            );
        }
        found
    }

    fn remove(&mut self, text: &str) {
        for (rel, row) in self.matching(text) {
            self.changes.push((rel, row, false));
        }
    }

    fn edit(&mut self, edit: &Edit) {
        let rows = self.matching(&edit.rows);
        let Some((rel, _)) = rows.first() else { return };
        let rel = *rel;
        let Some(table) = self.schema.tables.iter().find(|t| t.rel == rel) else { return };
        let mut to: Vec<(usize, Word)> = Vec::new();
        for (name, text) in &edit.to {
            let Some(c) = table.column(name) else {
                let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
                let columns = columns.join(", ");
                self.problem(
                    "E0613",
                    format!("表“{}”没有“{name}”列；其各列为：{columns}", table.name),
                    format!("`{}` has no column `{name}`; its columns are {columns}", table.name),
                );
                continue;
            };
            let prim = self.program.rel(rel).columns[c].prim;
            let constant = match (prim, &table.columns[c].kind) {
                (Prim::Symbol, _) => Some(Const::Symbol(text.as_str().into())),
                (Prim::Number, _) if text.is_empty() => Some(Const::Number(date::BLANK)),
                (Prim::Number, Kind::Date) => date::parse_iso(text).map(Const::Number),
                (Prim::Number, _) => text.parse().ok().map(Const::Number),
                (Prim::Unsigned, _) => text.parse().ok().map(Const::Unsigned),
                (Prim::Float, _) => text.parse().ok().map(Const::Float),
            };
            match constant {
                Some(constant) => to.extend(self.cell(table, c, &constant).map(|w| (c, w))),
                None => self.problem(
                    "E0614",
                    format!("“{text}”不能作为“{name}”列的值"),
                    format!("`{text}` is no value for the column `{name}`"),
                ),
            }
        }
        for (rel, row) in rows {
            let mut new = row.clone();
            to.iter().for_each(|(c, w)| new[*c] = *w);
            if new != row {
                self.changes.push((rel, row, false));
                self.changes.push((rel, new, true));
            }
        }
    }

    fn add(&mut self, text: &str) {
        let Some((rel, args, table)) = self.atom(text) else { return };
        let mut row = Vec::new();
        for (c, arg) in args.iter().enumerate() {
            let column = &table.columns[c];
            let word = match arg {
                Arg::Const(constant) => self.cell(table, c, constant),
                Arg::Var(_) | Arg::Wild => match &column.default {
                    Some(d) => Some(self.database.symbols.intern(d)),
                    None if column.must => {
                        self.problem(
                            "E0615",
                            format!("新增的行须填写“{}”列：{text}", column.name),
                            format!("a row that is added needs its column `{}`: {text}", column.name),
                        );
                        None
                    }
                    None => Some(blank(self.program.rel(rel).columns[c].prim, self.database)),
                },
            };
            row.extend(word);
        }
        if row.len() == args.len() {
            self.changes.push((rel, row, true));
        }
    }

    /// The word of a cell, if it may stand there.
    fn cell(&mut self, table: &TableSchema, c: usize, constant: &Const) -> Option<Word> {
        if let (Kind::Code(list), Const::Symbol(text)) = (&table.columns[c].kind, constant)
            && !text.is_empty()
            && self.codes.find(list, text).is_none_or(|code| code.derived)
        {
            let meant = self.codes.meant(list, text).map(|c| c.code.clone());
            let (zh, en) = match meant {
                Some(m) => (format!("；是否指“{m}”？"), format!("; did you mean `{m}`?")),
                None => (String::new(), String::new()),
            };
            self.problem(
                "E0616",
                format!("“{text}”不是“{list}”的代码{zh}"),
                format!("`{text}` is no code of `{list}`{en}"),
            );
            return None;
        }
        Some(self.database.word(constant))
    }
}
