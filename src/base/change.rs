//! Cases added, corrected and withdrawn: only what depends on them is worked out again.
//!
//! Going forward from the rows that come and go finds every conclusion that comes or goes (see [`forward`]). Both become a
//! new layer, and the base is what it was or what it is to be.

use super::file::{self, Blocks, Entry, Writer};
use super::store::{Base, Kind, Row};
use super::{Layer, Lock, Manifest, Trouble, forward, merge, pack};
use crate::bulk;
use crate::engine::store::{Database, Table};
use crate::engine::value::Word;
use crate::engine::{self, partition};
use crate::facts::schema::Schema;
use crate::facts::{self, LoadOptions, Loaded, Origins, Sources, Standing};
use crate::lang::date;
use crate::lang::program::{Const, Program, RelId};
use crate::proof;
use crate::proof::given::Source;
use crate::rulebook::Rulebook;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Folder of tables: cases that are new or given anew, each with all its rows; rows of other tables that are new or have
    /// the key of a row that they replace.
    pub folder: Option<PathBuf>,
    /// Cases that are withdrawn with all their rows.
    pub withdrawn: Vec<String>,
    /// Encoding of the tables; found out if `None`.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Threads to use; 0 for all.
    pub threads: usize,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The base as it is now.
    pub manifest: Manifest,
    /// Rows of facts that came and went.
    pub facts: (usize, usize),
    /// Conclusions that came and went.
    pub conclusions: (usize, usize),
}

/// Rows by relation, each once, in order of what they show.
pub(super) type Rows = BTreeMap<RelId, Vec<Row>>;

/// Adds, corrects and withdraws cases of a base.
///
/// # Errors
/// Defects of the tables, contradictions, changes that do not fit, limits, what the disk says, and when somebody else
/// changes the base.
pub fn change(book: &Rulebook, dir: &Path, changes: &Changes) -> Result<Changed, Trouble> {
    let _lock = Lock::take(dir)?;
    engine::on_threads(changes.threads, || held(book, dir, changes))?
}

/// The same, on the threads of the present pool, for who holds the lock.
fn held(book: &Rulebook, dir: &Path, changes: &Changes) -> Result<Changed, Trouble> {
    let base = Base::open(dir, book, false)?;
    let program = &book.program;
    let reader = Reader::new(book, &base)?;
    let (came, went, touched) = reader.read(changes)?;
    let mut manifest = base.manifest().clone();
    manifest.touched = match (manifest.touched, touched) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    if came.is_empty() && went.is_empty() {
        return Ok(Changed { manifest, facts: (0, 0), conclusions: (0, 0) });
    }
    let base = Arc::new(base.touching(program, manifest.touched));
    let (gained, lost) = forward::conclusions(book, &base, (&came, &went))?;
    let count = |rows: &Rows| rows.values().map(Vec::len).sum::<usize>();
    manifest.generation += 1;
    let (mut layer, home) = Layer::begin(dir, manifest.generation)?;
    layer.files = write_facts(program, &came, &home, &manifest)?;
    layer.files.extend(write_plain(program, &went, &home, |n| Kind::Facts.went(n))?);
    layer.files.extend(write_plain(program, &gained, &home, |n| Kind::Conclusions.came(n))?);
    layer.files.extend(write_plain(program, &lost, &home, |n| Kind::Conclusions.went(n))?);
    manifest.layers.push(layer);
    manifest.retired.clear();
    merge::if_many(program, dir, &mut manifest)?;
    manifest.write(dir)?;
    pack::sweep(dir, &manifest);
    let (facts, conclusions) = ((count(&came), count(&went)), (count(&gained), count(&lost)));
    Ok(Changed { manifest, facts, conclusions })
}

/// Reads changes against a base.
struct Reader<'a> {
    book: &'a Rulebook,
    base: &'a Base,
    schema: Schema,
    /// By relation: the column of the key by which cases are told apart.
    keys: Vec<Option<usize>>,
    /// The table that holds each case once.
    cases: RelId,
}

impl<'a> Reader<'a> {
    fn new(book: &'a Rulebook, base: &'a Base) -> Result<Self, Trouble> {
        let program = &book.program;
        let (schema, _) = Schema::of(program, &book.codes);
        let rows: Vec<usize> = (0..program.relations.len()).map(|i| base.rows(RelId(i as u32)) as usize).collect();
        let tables = || schema.tables.iter().filter(|t| base.holds(t.rel));
        let alone = |t: &&facts::schema::TableSchema| t.key == [0] && t.needed;
        // The key is that by which the program falls apart; of a small casebase that of the table most others refer to.
        let key = partition::choose(program, &rows).map(|p| p.key);
        let referred = |t: &&facts::schema::TableSchema| {
            tables().flat_map(|o| &o.references).filter(|r| r.target == t.rel).count()
        };
        let cases = match key {
            Some(key) => tables().filter(alone).find(|t| program.rel(t.rel).columns[0].ty == key),
            None => tables().filter(alone).max_by_key(referred),
        };
        let Some(cases) = cases.map(|t| t.rel) else {
            return Err(Trouble::Unfit(
                "E0586",
                "规则库没有以案件为键的表，案件库不能逐案更改；请用 pack 重新制作".to_owned(),
                "the rulebook has no table with a row for each case, so cases cannot be changed one by one; pack again"
                    .to_owned(),
            ));
        };
        let key = program.rel(cases).columns[0].ty;
        let keys = program.relations.iter().map(|r| r.columns.iter().position(|c| c.ty == key)).collect();
        Ok(Self { book, base, schema, keys, cases })
    }

    fn load(&self, changes: &Changes, references: bool, known: &[(String, Arc<str>)]) -> Result<Loaded, Trouble> {
        let mut shipped = bulk::shipped(self.book, &[]);
        shipped.extend_from_slice(known);
        let sources = Sources { folder: changes.folder.clone(), shipped };
        let as_of = date::parse_iso(&self.base.manifest().as_of).unwrap_or_default();
        let encoding = changes.encoding;
        let options = LoadOptions { part: true, references, encoding, ..LoadOptions::new(as_of) };
        let loaded = facts::load(&self.book.program, &self.book.codes, &sources, &options);
        if loaded.defects.is_empty() { Ok(loaded) } else { Err(bulk::Trouble::Defects(Box::new(loaded)).into()) }
    }

    /// Rows that come, rows that go, and the days that the new tables mention.
    #[expect(clippy::type_complexity, reason = "three parts of one answer")]
    fn read(&self, changes: &Changes) -> Result<(Rows, Rows, Option<(i32, i32)>), Trouble> {
        let mut new: Rows = BTreeMap::new();
        let mut touched = None;
        if changes.folder.is_some() {
            let first = self.load(changes, false, &[])?;
            let known = self.referred(&self.given(&first))?;
            let loaded = self.load(changes, true, &known)?;
            touched = loaded.touched;
            new = self.given(&loaded);
        }
        let anew: BTreeSet<&str> =
            new.get(&self.cases).into_iter().flatten().filter_map(|r| text(&r.values[0])).collect();
        let held = |t: &str| facts::normal::of_type(self.program(), self.case_type(), t).into_owned();
        let withdrawn: BTreeSet<String> = changes.withdrawn.iter().map(|t| held(t)).collect();
        if let Some(both) = withdrawn.iter().find(|w| anew.contains(w.as_str())) {
            return Err(Trouble::Unfit(
                "E0587",
                format!("案件“{both}”既在表中给出，又要撤回"),
                format!("the case `{both}` is given and withdrawn at once"),
            ));
        }
        self.fetch(anew.iter().copied().chain(withdrawn.iter().map(String::as_str)))?;
        for w in &withdrawn {
            if self.of_case(self.cases, w)?.is_empty() {
                return Err(Trouble::Unfit(
                    "E0587",
                    format!("案件库中没有要撤回的案件“{w}”"),
                    format!("the case `{w}`, which is to be withdrawn, is not in the base"),
                ));
            }
        }
        let mut went: Rows = BTreeMap::new();
        for table in self.schema.tables.iter().filter(|t| self.base.holds(t.rel)) {
            let rel = table.rel;
            let gone = went.entry(rel).or_default();
            if let Some(column) = self.keys[rel.index()] {
                for row in new.get(&rel).into_iter().flatten() {
                    self.belongs(row, &row.values[column], &anew)?;
                }
                for case in anew.iter().copied().chain(withdrawn.iter().map(String::as_str)) {
                    gone.extend(self.of_case(rel, case)?);
                }
            }
            for row in new.get(&rel).into_iter().flatten().filter(|_| !table.key.is_empty()) {
                self.replaced(table, row, gone)?;
            }
        }
        settle(&mut new, &mut went, |rel, row| self.base.has(Kind::Facts, rel, row))?;
        Ok((new, went, touched))
    }

    fn program(&self) -> &Program {
        &self.book.program
    }

    fn case_type(&self) -> crate::lang::program::TypeId {
        self.program().rel(self.cases).columns[0].ty
    }

    /// The rows of a load that its folder gives.
    fn given(&self, loaded: &Loaded) -> Rows {
        let mut out: Rows = BTreeMap::new();
        for table in self.schema.tables.iter().filter(|t| self.base.holds(t.rel)) {
            for (i, row) in loaded.database.table(table.rel).rows().enumerate() {
                let Some(o) = loaded.origins.of_row(table.rel, i).filter(|o| !o.shipped) else { continue };
                let place = Standing {
                    file: Arc::from(o.file),
                    line: o.line,
                    shipped: false,
                    source: Arc::from(o.source.unwrap_or("")),
                };
                let columns = &self.program().rel(table.rel).columns;
                let symbols = &loaded.database.symbols;
                let value =
                    |(w, c): (&Word, &crate::lang::program::Column)| proof::graph::constant(c.prim, *w, symbols);
                out.entry(table.rel)
                    .or_default()
                    .push(Row { values: row.iter().zip(columns).map(value).collect(), place });
            }
        }
        out
    }

    /// The rows of the base that new rows refer to, and those that these refer to, as tables that come with the rules. A row of
    /// the base with the key of a new one is not among them.
    fn referred(&self, new: &Rows) -> Result<Vec<(String, Arc<str>)>, Trouble> {
        let mut found: BTreeMap<RelId, BTreeMap<String, Row>> = BTreeMap::new();
        let mut todo: Vec<(RelId, Row)> =
            new.iter().flat_map(|(r, rows)| rows.iter().map(|row| (*r, row.clone()))).collect();
        let mut asked: BTreeSet<(RelId, usize, String)> = BTreeSet::new();
        while let Some((rel, row)) = todo.pop() {
            let Some(table) = self.schema.tables.iter().find(|t| t.rel == rel) else { continue };
            for r in table.references.iter().filter(|r| self.base.holds(r.target)) {
                // Rows of a case that is given anew refer to each other.
                if self.keys[r.target.index()].is_some() {
                    continue;
                }
                for (from, to) in r.columns.iter().zip(&r.target_columns) {
                    let value = &row.values[*from];
                    let Some(t) = text(value).filter(|t| !t.is_empty()) else { continue };
                    if !asked.insert((r.target, *to, t.to_owned())) {
                        continue;
                    }
                    for hit in self.matching(r.target, *to, value)? {
                        let key = format!("{:?}", hit.values);
                        if !hit.place.shipped && found.entry(r.target).or_default().insert(key, hit.clone()).is_none() {
                            todo.push((r.target, hit));
                        }
                    }
                }
            }
        }
        Ok(found.into_iter().map(|(rel, rows)| self.as_table(rel, rows.values())).collect())
    }

    /// Rows of the base with a value in a column.
    fn matching(&self, rel: RelId, column: usize, value: &Const) -> Result<Vec<Row>, Trouble> {
        let (_, rows) = self.base.pull(rel, &[column], std::slice::from_ref(value));
        if let Some(e) = self.base.failure() {
            return Err(e);
        }
        Ok(rows.iter().filter(|r| r.values[column] == *value).cloned().collect())
    }

    /// Reads what the base has of these cases, side by side.
    fn fetch<'c>(&self, cases: impl Iterator<Item = &'c str>) -> Result<(), Trouble> {
        let cases: Vec<Const> = cases.map(|c| Const::Symbol(c.into())).collect();
        let tables = self.schema.tables.iter().filter(|t| self.base.holds(t.rel));
        let columns: Vec<(RelId, usize)> = tables.filter_map(|t| Some((t.rel, self.keys[t.rel.index()]?))).collect();
        columns.par_iter().for_each(|(rel, column)| {
            cases.par_iter().for_each(|case| {
                self.base.pull(*rel, &[*column], std::slice::from_ref(case));
            });
        });
        self.base.failure().map_or(Ok(()), Err)
    }

    fn of_case(&self, rel: RelId, case: &str) -> Result<Vec<Row>, Trouble> {
        let Some(column) = self.keys[rel.index()] else { return Ok(Vec::new()) };
        self.matching(rel, column, &Const::Symbol(case.into()))
    }

    /// Rows as the text of a table.
    fn as_table<'r>(&self, rel: RelId, rows: impl Iterator<Item = &'r Row>) -> (String, Arc<str>) {
        let relation = self.program().rel(rel);
        let looks = file::columns(self.program(), relation);
        let mut out = csv::Writer::from_writer(Vec::new());
        let lines = std::iter::once(looks.iter().map(|c| c.name.clone()).collect::<Vec<_>>())
            .chain(rows.map(|r| r.values.iter().zip(&looks).map(|(v, c)| file::cell(v).show(c.look)).collect()));
        for line in lines {
            out.write_record(&line).expect("a vector takes every record");
        }
        let bytes = out.into_inner().expect("a vector takes every record");
        (format!("{}.csv", relation.name), Arc::from(String::from_utf8_lossy(&bytes).as_ref()))
    }

    /// A row about a case is given with its case.
    fn belongs(&self, row: &Row, case: &Const, anew: &BTreeSet<&str>) -> Result<(), Trouble> {
        match text(case) {
            Some(c) if !c.is_empty() && !anew.contains(c) => {
                let (file, line) = (&row.place.file, row.place.line);
                let cases = &self.program().rel(self.cases).name;
                Err(Trouble::Unfit(
                    "E0588",
                    format!("{file}:{line}：案件“{c}”不在更改的 {cases} 表中；更改一案须给出该案的全部行"),
                    format!(
                        "{file}:{line}: the case `{c}` is not in the table {cases} of the changes: a case is changed by giving all its rows"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The row of the base with the key of a new row goes, unless it belongs to a case that stays as it is.
    fn replaced(&self, table: &facts::schema::TableSchema, row: &Row, gone: &mut Vec<Row>) -> Result<(), Trouble> {
        let Some(first) = table.key.first() else { return Ok(()) };
        let same = |r: &&Row| table.key.iter().all(|c| r.values[*c] == row.values[*c]);
        let hits = self.matching(table.rel, *first, &row.values[*first])?;
        for hit in hits.iter().filter(same).filter(|h| !gone.contains(h)).cloned().collect::<Vec<_>>() {
            if self.keys[table.rel.index()].is_some() {
                let (file, line, name) = (&row.place.file, row.place.line, &table.name);
                let (other, there) = (&hit.place.file, hit.place.line);
                return Err(Trouble::Unfit(
                    "E0589",
                    format!("{file}:{line}：{name} 表的键与另一案已有的行（{other}:{there}）相同"),
                    format!(
                        "{file}:{line}: the key of this row of {name} is that of a row of another case ({other}:{there})"
                    ),
                ));
            }
            gone.push(hit);
        }
        Ok(())
    }
}

fn text(value: &Const) -> Option<&str> {
    match value {
        Const::Symbol(s) => Some(s),
        _ => None,
    }
}

/// Order of rows by what they show, texts by their bytes.
pub(super) fn order(a: &Row, b: &Row) -> std::cmp::Ordering {
    let pairs = a.values.iter().zip(&b.values);
    let mut steps = pairs.map(|(a, b)| file::order(file::cell(a), file::cell(b)));
    steps.find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// Leaves rows that come and go out, rows that come and are there, and empty lists; puts the rest in order.
fn settle(
    came: &mut Rows,
    went: &mut Rows,
    there: impl Fn(RelId, &[Const]) -> Result<bool, Trouble>,
) -> Result<(), Trouble> {
    for rows in came.values_mut().chain(went.values_mut()) {
        rows.sort_by(order);
        rows.dedup_by(|a, b| a.values == b.values);
    }
    for (rel, rows) in came.iter_mut() {
        let gone = went.entry(*rel).or_default();
        let mut kept = Vec::new();
        for row in rows.drain(..) {
            match gone.binary_search_by(|g| order(g, &row)) {
                Ok(i) => drop(gone.remove(i)),
                Err(_) if there(*rel, &row.values)? => {}
                Err(_) => kept.push(row),
            }
        }
        *rows = kept;
    }
    came.retain(|_, rows| !rows.is_empty());
    went.retain(|_, rows| !rows.is_empty());
    Ok(())
}

/// Files of a layer, by their paths in it.
pub(super) type Files = BTreeMap<String, Entry>;

/// Writes rows of facts that came, with the orders of their columns, table beside table.
pub(super) fn write_facts(program: &Program, rows: &Rows, home: &Path, manifest: &Manifest) -> Result<Files, Trouble> {
    let one = |(rel, rows): (&RelId, &Vec<Row>)| {
        let mut db = Database::new(program);
        let mut words: Vec<(Vec<Word>, Standing)> = Vec::new();
        for v in rows.iter().flat_map(|r| &r.values) {
            db.word(v);
        }
        db.symbols.sort();
        for row in rows {
            words.push((row.values.iter().map(|v| db.word(v)).collect(), row.place.clone()));
        }
        words.sort_by(|a, b| a.0.cmp(&b.0));
        let width = program.rel(*rel).arity();
        let mut origins = Origins::default();
        db.tables[rel.index()] = match width {
            0 => Table::unit(),
            _ => Table::from_sorted(width, words.iter().flat_map(|w| w.0.iter().copied()).collect()),
        };
        origins.place(*rel, words.into_iter().map(|w| w.1).collect());
        let indexed = manifest.indexed.get(&program.rel(*rel).name).map_or(&[][..], Vec::as_slice);
        Ok(pack::table(program, *rel, (&db, &origins), home, manifest.small, Some(indexed))?.files)
    };
    let files = rows.par_iter().map(one).collect::<Result<Vec<_>, Trouble>>()?;
    Ok(files.into_iter().flatten().collect())
}

/// Writes rows without the places they come from, table beside table; they are in order.
pub(super) fn write_plain(
    program: &Program,
    rows: &Rows,
    home: &Path,
    path: impl Fn(&str) -> String + Sync,
) -> Result<Files, Trouble> {
    let one = |(rel, rows): (&RelId, &Vec<Row>)| {
        let relation = program.rel(*rel);
        let columns = file::columns(program, relation);
        let path = path(&relation.name);
        let mut writer = Writer::create(&home.join(&path), &columns)?;
        let mut blocks = Blocks::new(&columns);
        for row in rows {
            blocks.row(row.values.iter().map(file::cell));
        }
        writer.add(blocks.take())?;
        Ok((path, writer.finish()?))
    };
    rows.par_iter().filter(|(_, rows)| !rows.is_empty()).map(one).collect()
}
