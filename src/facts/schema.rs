//! The schema of the tables of a casebase, as the annotations of a program declare it.
//!
//! [`Schema::of`] reads it; [`super::annotate`] says how each annotation is written and what is wrong with it.

use super::annotate;
use super::codes::CodeLists;
use super::normal::Matching;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{Prim, Program, RelId};

/// What the cells of a column hold.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Text that names something.
    Symbol,
    /// A code of that list.
    Code(String),
    /// Text of that form.
    Pattern(regex::Regex),
    /// Free text, kept as it is.
    Plain,
    /// A whole number.
    Number,
    /// A whole number from 0.
    Unsigned,
    /// A number with a fraction.
    Float,
    /// A day.
    Date,
}

impl Kind {
    /// Whether the value is text of the symbol table.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Kind::Symbol | Kind::Code(_) | Kind::Pattern(_) | Kind::Plain)
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct ColumnSchema {
    /// Name in the header.
    pub name: String,
    /// Label in Chinese, if declared.
    pub zh: Option<String>,
    /// Label in English, if declared.
    pub en: Option<String>,
    /// Further words for it in a header, beside the labels.
    pub aliases: Vec<String>,
    /// What people must know to fill it in, beyond its label, in Chinese and English; may be blank.
    pub hint: (String, String),
    /// What its cells hold.
    pub kind: Kind,
    /// What counts as the same value, beside width.
    pub matching: Option<Matching>,
    /// Never blank.
    pub must: bool,
    /// What a blank cell means.
    pub default: Option<String>,
    /// Whether an appeal or inquiry could change it.
    pub changeable: bool,
}

impl ColumnSchema {
    /// What a header may call it: its name, its labels, its further words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let labels = [Some(&self.name), self.zh.as_ref(), self.en.as_ref()];
        labels.into_iter().flatten().chain(&self.aliases).map(String::as_str)
    }
}

/// The values of `columns` stand in the columns `target_columns` of a row of `target`; a row whose first column is blank passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Columns of this table.
    pub columns: Vec<usize>,
    /// The relation referred to.
    pub target: RelId,
    /// Its columns, one for each of `columns`.
    pub target_columns: Vec<usize>,
}

/// The table that says which days differ from the plain rule of Monday to Friday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holidays {
    /// Column of the day.
    pub date: usize,
    /// Column that says what the day is.
    pub kind: usize,
    /// Value for a day off.
    pub off: String,
    /// Value for a day on which people work although it is a weekend.
    pub work: String,
}

/// A table of a casebase.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// Its relation.
    pub rel: RelId,
    /// Name of the relation; the file is `<name>.csv`.
    pub name: String,
    /// Label in Chinese, if declared.
    pub zh: Option<String>,
    /// Label in English, if declared.
    pub en: Option<String>,
    /// The file must be there.
    pub needed: bool,
    /// Columns in the order of the declaration.
    pub columns: Vec<ColumnSchema>,
    /// Columns on which no two rows agree; empty if nothing is said.
    pub key: Vec<usize>,
    /// References.
    pub references: Vec<Reference>,
    /// Pairs of dates, the first not after the second.
    pub orders: Vec<(usize, usize)>,
    /// Set if this table holds the days off.
    pub holidays: Option<Holidays>,
}

impl TableSchema {
    /// Index of a column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// Name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.csv", self.name)
    }
}

/// What a dimension relation is filled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionKind {
    /// One row a day: day, year, month, day of month, weekday, working, number of working days so far, next working day.
    Calendar,
    /// For each day and number of months: day, months, day so many months later.
    AddMonths(Vec<i32>),
    /// The day on which the question is asked.
    ReferenceDate,
}

/// A relation that the loader fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The relation.
    pub rel: RelId,
    /// With what.
    pub kind: DimensionKind,
}

/// The tables and dimensions of a program, in the order of its declarations.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Tables of the casebase.
    pub tables: Vec<TableSchema>,
    /// Relations filled by the loader.
    pub dimensions: Vec<Dimension>,
}

impl Schema {
    /// Reads the annotations of a program. What is wrong with them (codes `E0420` to `E0439`) is left out of the schema,
    /// so that the rest can be used to find more.
    #[must_use]
    pub fn of(program: &Program, codes: &CodeLists) -> (Schema, Vec<Diagnostic>) {
        annotate::read(program, codes)
    }

    /// The given relations of a program that no annotation describes: those with `.input` and those with facts in the text.
    /// Every cell is needed and every row may be changed.
    #[must_use]
    pub fn plain(program: &Program) -> Schema {
        let derived = |rel: RelId| program.rules.iter().any(|r| r.head == rel);
        let stated = |rel: RelId| program.facts.iter().any(|f| f.rel == rel);
        let column = |c: &crate::lang::program::Column| ColumnSchema {
            name: c.name.clone(),
            zh: None,
            en: None,
            aliases: Vec::new(),
            hint: Default::default(),
            kind: match c.prim {
                Prim::Symbol => Kind::Symbol,
                Prim::Number if program.types[c.ty.index()].date => Kind::Date,
                Prim::Number => Kind::Number,
                Prim::Unsigned => Kind::Unsigned,
                Prim::Float => Kind::Float,
            },
            matching: None,
            must: true,
            default: None,
            changeable: true,
        };
        let table = |(i, r): (usize, &crate::lang::program::Relation)| {
            let rel = RelId(i as u32);
            let given = !r.name.starts_with('$') && (!r.inputs.is_empty() || stated(rel) || !derived(rel));
            given.then(|| TableSchema {
                rel,
                name: r.name.clone(),
                zh: None,
                en: None,
                needed: false,
                columns: r.columns.iter().map(column).collect(),
                key: Vec::new(),
                references: Vec::new(),
                orders: Vec::new(),
                holidays: None,
            })
        };
        let tables = program.relations.iter().enumerate().filter_map(table).collect();
        Schema { tables, dimensions: Vec::new() }
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableSchema> {
        self.tables.iter().find(|t| t.name == name)
    }

    /// For each column of each table the column (table, column) whose values its own values are taken from: along
    /// references, to a column that refers no further. `None` for columns that refer to nothing, and in a circle.
    pub(super) fn roots(&self) -> Vec<Vec<Option<(usize, usize)>>> {
        let next = |(table, column): (usize, usize)| -> Option<(usize, usize)> {
            let t = &self.tables[table];
            let named = matches!(t.columns[column].kind, Kind::Symbol);
            t.references.iter().filter(|_| named).find_map(|r| {
                let at = r.columns.iter().position(|c| *c == column)?;
                let target = self.tables.iter().position(|t| t.rel == r.target)?;
                Some((target, r.target_columns[at]))
            })
        };
        let root = |start: (usize, usize)| {
            let mut at = next(start)?;
            for _ in 0..self.tables.len() {
                match next(at) {
                    Some(further) => at = further,
                    None => return Some(at).filter(|r| matches!(self.tables[r.0].columns[r.1].kind, Kind::Symbol)),
                }
            }
            None
        };
        let columns = |i: usize| (0..self.tables[i].columns.len()).map(move |c| (i, c));
        (0..self.tables.len()).map(|i| columns(i).map(root).collect()).collect()
    }

    /// The table of that relation.
    #[must_use]
    pub fn table_of(&self, rel: RelId) -> Option<&TableSchema> {
        self.tables.iter().find(|t| t.rel == rel)
    }
}
