//! A base as what a load gives: the schema, the tables as far as they were fetched, and where their rows come from.

use super::Trouble;
use super::file;
use super::gather::{Part, Use, Wanted};
use super::store::{Base, Kind, Row};
use crate::bulk::{self, Prepared, Request};
use crate::engine::run::on_threads;
use crate::engine::store::{Database, Table};
use crate::engine::value::Word;
use crate::facts::{self, FileEntry, LoadOptions, Loaded, Origins, Sources, Standing, dimension};
use crate::lang::program::{Const, Program, RelId, TypeId};
use crate::proof::given::Source as _;
use crate::rulebook::Rulebook;
use crate::rulebook::names::{self, Names};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

impl Base {
    /// What a load of the casebase would give, as far as its rows were fetched. The day and the options are those of the
    /// request.
    ///
    /// # Errors
    /// When options are wrong, or a file is not as it was written.
    pub fn loaded(&self, book: &Rulebook, request: &Request) -> Result<Loaded, Trouble> {
        let program = &book.program;
        let sources = Sources { folder: None, shipped: bulk::shipped(book, &request.set) };
        let options = LoadOptions::new(request.as_of);
        let mut loaded = facts::load(program, &book.codes, &sources, &options);
        if loaded.defects.list().iter().any(|d| &*d.place.file == "option_set.csv") {
            return Err(bulk::Trouble::Defects(Box::new(loaded)).into());
        }
        loaded.defects = facts::defect::Defects::default();
        loaded.warnings = facts::defect::Defects::default();
        let mut kept = Vec::new();
        for i in 0..program.relations.len() {
            let rel = RelId(i as u32);
            if !self.holds(rel) {
                continue;
            }
            // Small tables are here before the question is asked, and the days off, by which dates are counted.
            if self.is_small(rel) || loaded.schema.tables.iter().any(|t| t.rel == rel && t.holidays.is_some()) {
                self.quietly(|| drop(self.pull(rel, &[], &[])));
            }
            kept.push((rel, self.resident(rel)));
        }
        self.name(program, &mut kept);
        // Ids in the order in which a load of the casebase meets the texts: table after table, column after column.
        let db = &mut loaded.database;
        let order = |rel: &RelId| loaded.schema.tables.iter().position(|t| t.rel == *rel).unwrap_or(usize::MAX);
        kept.sort_by_key(|(rel, _)| order(rel));
        for (rel, rows) in &mut kept {
            rows.sort_by_key(|r| (!r.place.shipped, r.place.line));
            for column in 0..program.rel(*rel).arity() {
                rows.iter().for_each(|r| {
                    db.word(&r.values[column]);
                });
            }
        }
        for (rel, rows) in kept {
            let (table, places) = sorted(program.rel(rel).arity(), rows, db);
            db.tables[rel.index()] = table;
            loaded.origins.place(rel, places);
        }
        loaded.days = dimension::refill(&loaded.schema, &mut loaded.database, self.manifest().touched, request.as_of);
        loaded.touched = self.manifest().touched;
        self.stands();
        match self.failure() {
            Some(e) => Err(e),
            None => Ok(loaded),
        }
    }
}

impl Base {
    /// Fetches the rows that hold the names of what stands in these rows, and of what stands in those.
    fn name(&self, program: &Program, kept: &mut [(RelId, Vec<Row>)]) {
        let named = names::all(program);
        let mut asked: FxHashSet<(RelId, Arc<str>)> = FxHashSet::default();
        loop {
            let mut wanted: Vec<(RelId, usize, Arc<str>)> = Vec::new();
            for (rel, rows) in kept.iter() {
                let columns = &program.rel(*rel).columns;
                let keys: Vec<_> =
                    columns.iter().map(|c| named[c.ty.index()].filter(|k| self.holds(k.table))).collect();
                for (value, key) in rows.iter().flat_map(|r| r.values.iter().zip(&keys)) {
                    if let (Const::Symbol(text), Some(Names { table, key, .. })) = (value, key)
                        && asked.insert((*table, Arc::clone(text)))
                    {
                        wanted.push((*table, *key, Arc::clone(text)));
                    }
                }
            }
            if wanted.is_empty() {
                return;
            }
            let touched: FxHashSet<RelId> = wanted.iter().map(|w| w.0).collect();
            for (table, column, text) in wanted {
                self.quietly(|| drop(self.pull(table, &[column], &[Const::Symbol(text)])));
            }
            for (rel, rows) in kept.iter_mut().filter(|k| touched.contains(&k.0)) {
                *rows = self.resident(*rel);
            }
        }
    }

    /// The tables that the engine needs for these relations, and no others. Names are not among them: see [`Base::naming`].
    ///
    /// # Errors
    /// When options are wrong, or a file is not as it was written.
    pub fn tables(&self, book: &Rulebook, request: &Request, wanted: &[RelId]) -> Result<Database, Trouble> {
        let program = &book.program;
        let mut db = self.loaded(book, request)?.database;
        let behind = self.behind(program, wanted);
        let all = (0..program.relations.len() as u32).map(RelId);
        let large = all.clone().filter(|r| self.holds(*r) && !self.is_small(*r) && behind[r.index()]);
        let (whole, parts): (Vec<RelId>, Vec<RelId>) = large.partition(|r| wanted.contains(r));
        on_threads(request.threads, || {
            for rel in whole {
                self.fill(program, rel, &mut db, None)?;
            }
            let here = all.clone().map(|r| self.holds(r) && !parts.contains(&r)).collect();
            self.fill_parts(program, &parts, &behind, here, &mut db)
        })??;
        Ok(db)
    }

    /// The tables by which the values of an answer are shown: small ones, and of the large ones that name something the rows
    /// of these values, given with their types.
    ///
    /// # Errors
    /// When options are wrong, or a file is not as it was written.
    pub fn naming<'v>(
        &self,
        book: &Rulebook,
        request: &Request,
        values: impl Iterator<Item = (TypeId, &'v Const)>,
    ) -> Result<Database, Trouble> {
        let program = &book.program;
        let named = names::all(program);
        let mut wanted: BTreeMap<RelId, (usize, usize, FxHashSet<&str>)> = BTreeMap::new();
        for (ty, value) in values {
            let large = |n: &Names| self.holds(n.table) && !self.is_small(n.table);
            if let (Some(n), Const::Symbol(text)) = (named[ty.index()].filter(large), value) {
                wanted.entry(n.table).or_insert_with(|| (n.key, n.name, FxHashSet::default())).2.insert(text);
            }
        }
        // A few are looked up, for many the table is gone through.
        wanted.retain(|rel, (column, _, texts)| {
            let few = texts.len() as u64 * file::BLOCK as u64 <= self.rows(*rel);
            if few {
                let mut texts: Vec<&str> = texts.drain().collect();
                texts.sort_unstable();
                let look = |t: &str| drop(self.pull(*rel, &[*column], &[Const::Symbol(t.into())]));
                texts.into_iter().for_each(|t| self.quietly(|| look(t)));
            }
            !few
        });
        let mut db = self.loaded(book, request)?.database;
        on_threads(request.threads, || {
            for (rel, (column, name, texts)) in wanted {
                let uses: Vec<Use> = (0..program.rel(rel).arity())
                    .map(|c| if c == column || c == name { Use::Any } else { Use::Unread })
                    .collect();
                let mut texts: Vec<&str> = texts.into_iter().collect();
                texts.sort_unstable();
                let joined = [(column, Wanted::texts(texts.into_iter(), &mut db.symbols))];
                self.fill(program, rel, &mut db, Some(Part { uses: &uses, joined: &joined }))?;
            }
            Ok::<(), Trouble>(())
        })??;
        Ok(db)
    }

    /// Puts of these relations what rules can match into their tables, by the threads of the current pool; others are `here`.
    pub(super) fn fill_parts(
        &self,
        program: &Program,
        parts: &[RelId],
        behind: &[bool],
        mut here: Vec<bool>,
        db: &mut Database,
    ) -> Result<(), Trouble> {
        for (rel, uses) in self.order(program, parts, behind) {
            let most = self.rows(rel) as usize / 2;
            let joined: Vec<(usize, Wanted)> =
                self.joins(program, rel, behind, &here).iter().filter_map(|j| j.wanted(db, most)).collect();
            self.fill(program, rel, db, Some(Part { uses: &uses, joined: &joined }))?;
            here[rel.index()] = true;
        }
        Ok(())
    }

    /// What a load of the casebase would give. Without origins the texts are in the order of their bytes, so that results are
    /// written as they come.
    fn whole(&self, book: &Rulebook, request: &Request) -> Result<Loaded, Trouble> {
        let program = &book.program;
        let held = (0..program.relations.len() as u32).map(RelId).filter(|r| self.kind(*r) == Some(Kind::Facts));
        let (small, large): (Vec<RelId>, Vec<RelId>) = held.partition(|r| self.is_small(*r));
        if request.origins {
            large.iter().for_each(|r| self.quietly(|| drop(self.pull(*r, &[], &[]))));
        }
        let mut loaded = self.loaded(book, request)?;
        let here = if request.origins { [small, large.clone()].concat() } else { small };
        let own = |rel: &RelId| {
            let shipped = |i: &usize| loaded.origins.of_row(*rel, *i).is_some_and(|o| o.shipped);
            (0..loaded.database.table(*rel).len()).filter(|i| !shipped(i)).count()
        };
        let mut stated: BTreeMap<RelId, usize> = here.iter().map(|rel| (*rel, own(rel))).collect();
        if !request.origins {
            let db = &mut loaded.database;
            on_threads(request.threads, || {
                for rel in large {
                    stated.insert(rel, self.fill(program, rel, db, None)?);
                }
                Ok::<(), Trouble>(())
            })??;
            db.add_program_texts(program);
            db.order_texts(program);
            // Those that were placed stand elsewhere now.
            loaded.origins = Origins::default();
        }
        let stated = stated.into_iter().filter(|(_, rows)| *rows > 0);
        loaded.inventory = stated.map(|(rel, rows)| self.entry(&program.rel(rel).name, rows)).collect();
        Ok(loaded)
    }

    /// A table as a file of the manifest: what its layers have come to.
    fn entry(&self, table: &str, rows: usize) -> FileEntry {
        let name = format!("{table}.arrow");
        let parts = self.manifest().layers.iter().flat_map(|l| {
            [Kind::Facts.came(table), Kind::Facts.went(table)].into_iter().filter_map(|path| l.files.get(&path))
        });
        let (mut bytes, mut hasher) = (0, blake3::Hasher::new());
        for part in parts {
            bytes += part.bytes;
            hasher.update(part.footer.as_bytes());
        }
        let hash = hasher.finalize().to_hex().to_string();
        FileEntry {
            name,
            table: table.to_owned(),
            bytes,
            hash,
            rows,
            encoding: "UTF-8",
            form: "arrow",
            ..FileEntry::default()
        }
    }
}

/// A base as the casebase of a run.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Prepared for Folder {
    fn load(&self, book: &Rulebook, request: &Request) -> Result<Loaded, bulk::Trouble> {
        let base = Base::open(&self.0, book, false);
        base.and_then(|b| b.whole(book, request)).map_err(|t| match t {
            Trouble::Run(t) => *t,
            t => bulk::Trouble::Prepared(t.unreadable()),
        })
    }
}

/// Rows as a table, with their places in its order.
fn sorted(width: usize, rows: Vec<Row>, db: &mut Database) -> (Table, Vec<Standing>) {
    let mut words: Vec<(Vec<Word>, Standing)> =
        rows.into_iter().map(|r| (r.values.iter().map(|v| db.word(v)).collect(), r.place)).collect();
    words.sort_by(|a, b| a.0.cmp(&b.0));
    words.dedup_by(|a, b| a.0 == b.0);
    if width == 0 {
        return (if words.is_empty() { Table::new(0) } else { Table::unit() }, Vec::new());
    }
    let mut data = Vec::with_capacity(words.len() * width);
    let mut places = Vec::with_capacity(words.len());
    for (row, place) in words {
        data.extend(row);
        places.push(place);
    }
    (Table::from_sorted(width, data), places)
}
