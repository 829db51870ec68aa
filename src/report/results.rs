//! The tables of conclusions, written piece by piece while they are derived, and the tally of a run.

use super::columnar::{self, Batch, Writer};
use super::staging::{Open, Staging, Written};
use super::summary::Tally;
use super::table::{self, Sheet};
use crate::bulk::{Next, Piece, Run};
use crate::lang::program::{Program, RelId, Relation};
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::{PoisonError, RwLock};

/// A piece of a run as text: what is kept of its conclusions.
#[derive(Debug, Default)]
pub struct Lines {
    marking: BTreeSet<RelId>,
    tables: Vec<(RelId, Rows)>,
    tally: Tally,
}

/// In what form the tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Not at all.
    None,
    /// As CSV; `safe`: with an apostrophe before what a spreadsheet program would take for a formula.
    Csv {
        /// See there.
        safe: bool,
    },
    /// As Parquet.
    Parquet,
}

impl Tables {
    /// The file of a relation.
    #[must_use]
    pub fn file(self, relation: &Relation) -> String {
        let name = table::file_name(relation);
        if self != Self::Parquet {
            return name;
        }
        format!("{}.parquet", name.strip_suffix(".csv").unwrap_or(&name))
    }

    /// The files that the relations of a program have in the other form: an earlier run may have left them.
    #[must_use]
    pub fn others(self, program: &Program) -> Vec<String> {
        let other = if self == Self::Parquet { Self::Csv { safe: false } } else { Self::Parquet };
        program.relations.iter().filter(|r| !r.outputs.is_empty()).map(|r| other.file(r)).collect()
    }
}

/// Rows of a piece as they are written.
#[derive(Debug)]
enum Rows {
    Text(usize, Vec<u8>),
    Cells(Batch),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Text(rows, _) => *rows,
            Self::Cells(batch) => batch.len(),
        }
    }
}

/// A file in the making.
#[derive(Debug)]
enum Sink {
    Text(Box<Open>),
    Cells(Box<Writer<Open>>),
}

impl Sink {
    fn put(&mut self, rows: &Rows) -> io::Result<()> {
        match (self, rows) {
            (Self::Text(file), Rows::Text(_, text)) => file.write_all(text),
            (Self::Cells(file), Rows::Cells(batch)) => file.put(batch),
            _ => Ok(()),
        }
    }
}

/// What puts pieces in words, on the threads that derive them.
#[derive(Debug)]
pub struct Scribe<'a> {
    program: &'a Program,
    form: Tables,
    /// Relations that mark others: their columns stand in the header lines.
    marking: RwLock<BTreeSet<RelId>>,
}

impl<'a> Scribe<'a> {
    /// A form of tables, or of the tally alone.
    #[must_use]
    pub fn new(program: &'a Program, form: Tables) -> Self {
        Self { program, form, marking: RwLock::new(BTreeSet::new()) }
    }

    fn outputs(&self) -> impl Iterator<Item = RelId> + '_ {
        let all = self
            .program
            .relations
            .iter()
            .enumerate()
            .filter(|(_, r)| self.form != Tables::None && !r.outputs.is_empty());
        all.map(|(i, _)| RelId(i as u32))
    }

    fn marking(&self) -> BTreeSet<RelId> {
        self.marking.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of a piece. Nothing but the marking relations if they are not those that the header lines know.
    #[must_use]
    pub fn lines(&self, piece: &Piece<'_>) -> Lines {
        let (db, known) = (piece.database, self.marking());
        let mut marking = table::marking(self.program, db);
        marking.retain(|r| piece.here[r.index()]);
        if !marking.is_subset(&known) {
            return Lines { marking, ..Lines::default() };
        }
        let mut tables = Vec::new();
        for rel in self.outputs().filter(|r| piece.here[r.index()] && !db.table(*r).is_empty()) {
            let marks = table::marks(self.program, db, &known, rel);
            let table = db.table(rel);
            let rows = if let Tables::Csv { safe } = self.form {
                let mut text = Vec::new();
                Sheet::new(self.program, rel, safe).rows(table, &db.symbols, None, &marks, &mut text);
                Rows::Text(table.len(), text)
            } else {
                Rows::Cells(columnar::rows(self.program, rel, table, &db.symbols, &marks))
            };
            tables.push((rel, rows));
        }
        Lines { marking, tables, tally: Tally::of(self.program, db, piece.here, piece.keys) }
    }
}

/// Finished files with their rows, in the folder that is not in place yet.
pub type Files = (Staging, Vec<(Written, usize)>);

/// The files in the making.
#[derive(Debug)]
pub struct Results<'f, 'a> {
    form: &'f Scribe<'a>,
    staging: Option<Staging>,
    open: Vec<(RelId, usize, Sink)>,
    tally: Tally,
    failed: Option<io::Error>,
}

impl<'f, 'a> Results<'f, 'a> {
    /// Results that go to a folder, or are only counted.
    #[must_use]
    pub fn new(form: &'f Scribe<'a>, staging: Option<Staging>) -> Self {
        Self { form, staging, open: Vec::new(), tally: Tally::default(), failed: None }
    }

    /// Takes the next piece.
    pub fn take(&mut self, lines: Lines) -> Next {
        let known = self.form.marking();
        if !lines.marking.is_subset(&known) {
            // A column comes in that the lines so far lack.
            self.form.marking.write().unwrap_or_else(PoisonError::into_inner).extend(lines.marking);
            self.open.clear();
            self.tally = Tally::default();
            return Next::Again;
        }
        self.tally.merge(lines.tally);
        match lines.tables.into_iter().try_for_each(|(rel, rows)| self.write(rel, Some(&rows))) {
            Ok(()) => Next::On,
            Err(e) => {
                self.failed = Some(e);
                Next::Stop
            }
        }
    }

    fn write(&mut self, rel: RelId, rows: Option<&Rows>) -> io::Result<()> {
        let Some(staging) = &self.staging else { return Ok(()) };
        let at = match self.open.iter().position(|o| o.0 == rel) {
            Some(at) => at,
            None => {
                let program = self.form.program;
                let mut file = staging.open(&self.form.form.file(program.rel(rel)))?;
                let known = self.form.marking();
                let names = table::mark_names(program, &known, rel).into_iter();
                let sink = if self.form.form == Tables::Parquet {
                    Sink::Cells(Box::new(Writer::new(file, columnar::columns(program, rel, names))?))
                } else {
                    let mut head = Vec::new();
                    Sheet::new(program, rel, false).header(names, &mut head);
                    file.write_all(&head)?;
                    Sink::Text(Box::new(file))
                };
                self.open.push((rel, 0, sink));
                self.open.len() - 1
            }
        };
        let (_, count, file) = &mut self.open[at];
        let Some(rows) = rows else { return Ok(()) };
        *count += rows.len();
        file.put(rows)
    }

    /// Writes what did not come in pieces, and ends all files: those of all relations in their order, with their rows.
    ///
    /// # Errors
    /// What the disk says, now or before.
    pub fn finish(mut self, run: &Run) -> io::Result<(Option<Files>, Tally)> {
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        let here: Vec<bool> = run.taken.iter().map(|t| !t).collect();
        let keys = vec![None; here.len()];
        let rest = Piece { database: &run.database, here: &here, keys: &keys };
        let marking = table::marking(self.form.program, &run.database);
        self.form.marking.write().unwrap_or_else(PoisonError::into_inner).extend(marking);
        let lines = self.form.lines(&rest);
        self.tally.merge(lines.tally);
        for (rel, rows) in lines.tables {
            self.write(rel, Some(&rows))?;
        }
        for rel in self.form.outputs().collect::<Vec<_>>() {
            self.write(rel, None)?;
        }
        let mut written = Vec::new();
        if let Some(staging) = &mut self.staging {
            self.open.sort_by_key(|o| o.0);
            for (_, rows, file) in self.open {
                let file = match file {
                    Sink::Text(file) => *file,
                    Sink::Cells(file) => file.finish()?,
                };
                written.push((staging.close(file)?, rows));
            }
        }
        Ok((self.staging.map(|s| (s, written)), self.tally))
    }
}
