//! A run whose facts and conclusions become a base.

use super::file::{self, Blocks, Cell, Column, Look, Part, Writer};
use super::store::{Kind, ORIGIN, by};
use super::{Layer, Lock, Manifest, Trouble, spelled};
use crate::bulk::{self, How, Next, Piece, Request, Run, Stage};
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::{Word, from_number};
use crate::facts::Origins;
use crate::lang::program::{Prim, Program, RelId, Relation};
use crate::rulebook::Rulebook;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

/// Blocks of some relations.
type Packed = Vec<(RelId, Part)>;

/// Relations whose conclusions are kept: what a run writes.
pub(super) fn outputs(program: &Program) -> impl Iterator<Item = RelId> + '_ {
    let all = program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty());
    all.map(|(i, _)| RelId(i as u32))
}

/// Tables of at most so many rows are read whole, unless told otherwise.
pub const SMALL: u64 = 2000;

/// Makes a base of a casebase in a folder, in place of the base that may stand there. A reader of the old base may go on with it
/// until its files are taken away. Tables of at most `small` rows are read whole by those who ask.
///
/// # Errors
/// Defects of the tables, contradictions, limits, what the disk says, and when somebody else changes the base.
pub fn pack(
    book: &Rulebook,
    request: &Request,
    dir: &Path,
    (shards, small): (usize, u64),
    watch: impl FnMut(Stage),
) -> Result<Manifest, Trouble> {
    let request = &Request { origins: true, ..request.clone() };
    let _lock = Lock::take(dir)?;
    // What cannot be read any more is replaced.
    let old = Manifest::read(dir).ok();
    let retired: Vec<String> = old.iter().flat_map(|m| &m.layers).map(|l| l.dir.clone()).collect();
    let generation = match &old {
        Some(old) => old.generation + 1,
        None => last_folder(dir) + 1,
    };
    let (mut layer, home) = Layer::begin(dir, generation)?;
    let program = &book.program;
    let mut open: BTreeMap<RelId, Writer> = BTreeMap::new();
    let mut failed = None;
    let columns = conclusion_columns(book);
    let put = |piece: &Piece<'_>| -> Packed {
        let here = outputs(program).filter(|r| piece.here[r.index()] && !piece.database.table(*r).is_empty());
        here.map(|r| (r, blocks(program, r, piece.database, &columns[r.index()]))).collect()
    };
    let mut write = |packed: Packed| -> Result<(), Trouble> {
        for (rel, blocks) in packed {
            let writer = match open.entry(rel) {
                Entry::Occupied(e) => e.into_mut(),
                Entry::Vacant(e) => {
                    let path = home.join(Kind::Conclusions.came(&program.rel(rel).name));
                    e.insert(Writer::create(&path, &columns[rel.index()])?)
                }
            };
            writer.add(blocks)?;
        }
        Ok(())
    };
    let take = |packed: Packed| match write(packed) {
        Ok(()) => Next::On,
        Err(e) => {
            failed = Some(e);
            Next::Stop
        }
    };
    let run = bulk::stream(book, request, &How { shards, patterns: None }, watch, &put, take)?;
    if let Some(e) = failed {
        return Err(e);
    }
    let here: Vec<bool> = run.taken.iter().map(|t| !t).collect();
    let keys = vec![None; here.len()];
    write(put(&Piece { database: &run.database, here: &here, keys: &keys }))?;
    for (rel, writer) in open {
        layer.files.insert(Kind::Conclusions.came(&program.rel(rel).name), writer.finish()?);
    }
    let mut manifest = Manifest {
        format: super::FORMAT,
        zhuize: env!("CARGO_PKG_VERSION").to_owned(),
        rulebook: book.hash(),
        as_of: crate::lang::date::iso(request.as_of),
        options: request.set.clone(),
        touched: run.loaded.touched,
        indexed: BTreeMap::new(),
        distinct: BTreeMap::new(),
        leading: BTreeMap::new(),
        small,
        generation,
        layers: Vec::new(),
        retired,
        check: String::new(),
    };
    facts(program, &run, &home, &mut manifest, &mut layer.files)?;
    manifest.layers.push(layer);
    manifest.write(dir)?;
    sweep(dir, &manifest);
    Ok(manifest)
}

/// The highest number of a layer's folder that is there.
fn last_folder(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_string_lossy().parse().ok()).max().unwrap_or(0)
}

/// Takes away folders that no manifest names: what stopped writers left, and what was replaced.
pub(super) fn sweep(dir: &Path, manifest: &Manifest) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let layer = name.len() >= 7 && name.bytes().all(|b| b.is_ascii_digit());
        if name.starts_with(".zhuize-") {
            // Who holds the lock is the only one who writes here.
            let _ = std::fs::remove_file(entry.path());
        }
        if layer && !manifest.layers.iter().any(|l| l.dir == name) && !manifest.retired.contains(&name) {
            // What cannot be removed now is removed next time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The rows of a relation of a finished database in the order of the file.
fn blocks(program: &Program, rel: RelId, db: &Database, columns: &[Column]) -> Part {
    let table = db.table(rel);
    let mut out = Blocks::new(columns);
    let cells = |i: usize| file::cells(columns, table.row(i), &db.symbols);
    if table.width() == 0 {
        (0..table.len()).for_each(|_| out.row(std::iter::empty()));
    } else if in_order(program, rel, table, &db.symbols) {
        (0..table.len()).for_each(|i| out.row(cells(i)));
    } else {
        let mut order: Vec<usize> = (0..table.len()).collect();
        order.sort_by(|a, b| {
            let pairs = cells(*a).zip(cells(*b));
            pairs.map(|(a, b)| file::order(a, b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        order.into_iter().for_each(|i| out.row(cells(i)));
    }
    out.take()
}

/// By relation: the columns of a file of conclusions. Those are coded whose texts the rulebook spells out.
fn conclusion_columns(book: &Rulebook) -> Vec<Vec<Column>> {
    let program = &book.program;
    let spelled = spelled::out(program, &book.codes);
    let columns = |(relation, spelled): (&Relation, Vec<bool>)| {
        let columns = file::columns(program, relation).into_iter().zip(spelled);
        columns.map(|(c, coded)| Column { coded, ..c }).collect()
    };
    program.relations.iter().zip(spelled).map(columns).collect()
}

/// Whether the first column of a table, sorted by words, is in the order of its texts.
fn in_order(program: &Program, rel: RelId, table: &Table, symbols: &Symbols) -> bool {
    let text = program.rel(rel).columns.first().is_some_and(|c| c.prim == Prim::Symbol);
    let ordered = symbols.ordered();
    !text || table.rows().all(|r| (r[0] as usize) < ordered)
}

/// Writes the given facts, and the orders of their rows by further columns.
fn facts(
    program: &Program,
    run: &Run,
    home: &Path,
    manifest: &mut Manifest,
    files: &mut BTreeMap<String, file::Entry>,
) -> Result<(), Trouble> {
    let (db, origins) = (&run.database, &run.loaded.origins);
    // What the command line says belongs to a question, not to the base.
    let tables = run.loaded.schema.tables.iter().map(|t| t.rel);
    let tables: Vec<RelId> = tables.filter(|r| !program.rel(*r).notes.has("hidden")).collect();
    let small = manifest.small;
    let one = |rel: &RelId| table(program, *rel, (db, origins), home, small, None);
    let done: Vec<_> = tables.par_iter().map(one).collect();
    for (rel, done) in tables.iter().zip(done) {
        let done = done?;
        let name = &program.rel(*rel).name;
        manifest.indexed.insert(name.clone(), done.indexed);
        manifest.distinct.insert(name.clone(), done.distinct);
        manifest.leading.insert(name.clone(), db.table(*rel).leading());
        files.extend(done.files);
    }
    Ok(())
}

/// Files of one table of facts, with what they say of it.
pub(super) struct Written {
    pub indexed: Vec<usize>,
    pub distinct: Vec<u64>,
    pub files: Vec<(String, file::Entry)>,
}

/// Columns of a file of facts with so many rows, and so many distinct values in each column.
fn fact_columns(program: &Program, rel: RelId, rows: usize, distinct: impl Iterator<Item = u64>) -> Vec<Column> {
    let mut columns = file::columns(program, program.rel(rel));
    columns.extend(ORIGIN.iter().map(|(n, l)| Column::plain(n, *l)));
    for (column, values) in columns.iter_mut().zip(distinct) {
        let few = values <= file::CODES_AT_MOST as u64 && values * 4 <= rows as u64;
        column.coded = column.look == Look::Text && rows > file::BLOCK && few;
    }
    columns
}

/// Distinct texts, as far as a coded column may have them.
#[derive(Default)]
struct Texts<'t> {
    seen: FxHashSet<&'t str>,
    last: Option<&'t str>,
}

impl<'t> Texts<'t> {
    fn meet(&mut self, text: &'t str) {
        if self.last != Some(text) && self.seen.len() <= file::CODES_AT_MOST {
            self.seen.insert(text);
        }
        self.last = Some(text);
    }

    fn count(&self) -> u64 {
        self.seen.len() as u64
    }
}

/// Values of a column beside the first from which on its order is worth keeping.
const MANY: u64 = 64;

/// Writes a table of facts; `indexed` are the columns by whose order its rows can be found, chosen here if `None`.
pub(super) fn table(
    program: &Program,
    rel: RelId,
    (db, origins): (&Database, &Origins),
    home: &Path,
    small: u64,
    indexed: Option<&[usize]>,
) -> Result<Written, Trouble> {
    let (relation, table) = (program.rel(rel), db.table(rel));
    let distinct: Vec<u64> = (0..table.width()).map(|c| values(table, c, db.symbols.len())).collect();
    let worth = |c: &usize| {
        relation.columns[*c].prim == Prim::Symbol && distinct[*c] > MANY.min(small) && table.len() as u64 > small
    };
    let indexed = indexed.map_or_else(|| (1..table.width()).filter(worth).collect(), <[usize]>::to_vec);
    let mut files = Vec::new();
    if table.is_empty() {
        return Ok(Written { indexed, distinct, files });
    }
    let origin = |i: usize| origins.of_row(rel, i);
    let (mut read_from, mut sources) = (Texts::default(), Texts::default());
    for i in 0..table.len() {
        let origin = origin(i);
        let of = origin.as_ref();
        read_from.meet(of.map_or("", |o| o.file));
        sources.meet(of.and_then(|o| o.source).unwrap_or(""));
    }
    // File, line, whether the rulebook brought it, source.
    let places = [read_from.count(), u64::MAX, u64::MAX, sources.count()];
    let columns = fact_columns(program, rel, table.len(), distinct.iter().copied().chain(places));
    let path = Kind::Facts.came(&relation.name);
    let mut writer = Writer::create(&home.join(&path), &columns)?;
    let mut blocks = Blocks::new(&columns);
    for (i, row) in table.rows().enumerate() {
        let origin = origin(i);
        let of = origin.as_ref();
        let line = |n: Option<u32>| Cell::Word(from_number(n.map_or(crate::lang::date::BLANK, |n| n as i32)));
        let place = [
            Cell::Text(of.map_or("", |o| o.file)),
            line(of.map(|o| o.line)),
            line(of.map(|o| u32::from(o.shipped))),
            Cell::Text(of.and_then(|o| o.source).unwrap_or("")),
        ];
        blocks.row(file::cells(&columns[..table.width()], row, &db.symbols).chain(place));
        if (i + 1) % (64 * file::BLOCK) == 0 {
            writer.add(blocks.take())?;
        }
    }
    writer.add(blocks.take())?;
    files.push((path, writer.finish()?));
    for c in &indexed {
        let path = by(&relation.name, &relation.columns[*c].name);
        let columns = [Column::plain("key", Look::Text), Column::plain("row", Look::Unsigned)];
        let mut order: Vec<u32> = (0..table.len() as u32).collect();
        let word = |i: u32| -> Word { table.row(i as usize)[*c] };
        let ordered = db.symbols.ordered();
        if order.iter().all(|i| (word(*i) as usize) < ordered) {
            order.par_sort_by_key(|i| word(*i));
        } else {
            order.sort_by(|a, b| db.symbols.compare(word(*a), word(*b)));
        }
        let mut writer = Writer::create(&home.join(&path), &columns)?;
        let mut blocks = Blocks::new(&columns);
        for (n, i) in order.into_iter().enumerate() {
            blocks.row([Cell::Text(db.symbols.resolve(word(i))), Cell::Word(i)].into_iter());
            if (n + 1) % (64 * file::BLOCK) == 0 {
                writer.add(blocks.take())?;
            }
        }
        writer.add(blocks.take())?;
        files.push((path, writer.finish()?));
    }
    Ok(Written { indexed, distinct, files })
}

/// Number of distinct values of a column.
fn values(table: &Table, column: usize, symbols: usize) -> u64 {
    let mut marks = vec![0u64; symbols / 64 + 1];
    let (mut n, mut last, mut others) = (0, None, FxHashSet::default());
    for row in table.rows() {
        let w = row[column];
        if last == Some(w) {
            continue;
        }
        last = Some(w);
        let (i, bit) = (w as usize / 64, 1u64 << (w % 64));
        match marks.get_mut(i) {
            Some(m) => {
                n += u64::from(*m & bit == 0);
                *m |= bit;
            }
            None => n += u64::from(others.insert(w)),
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn columns_with_few_texts_are_coded() {
        let text = ".decl r(a: symbol, b: symbol, c: symbol, n: number)\n.input r\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let coded = |rows: usize, distinct: [u64; 8]| -> Vec<bool> {
            fact_columns(&program, RelId(0), rows, distinct.into_iter()).iter().map(|c| c.coded).collect()
        };
        let few = [500_000, 65_536, 16, 4, 2, 9, 1, 65_537];
        assert_eq!(coded(1_000_000, few), [false, true, true, false, true, false, false, false]);
        let quarter = [2048, 513, 512, 4, 1, 9, 1, 1];
        assert_eq!(coded(2048, quarter), [false, false, true, false, true, false, false, true]);
        assert!(!coded(file::BLOCK, [1; 8]).contains(&true), "a file of one block has little to gain");
    }

    #[test]
    fn texts_are_counted_as_far_as_it_matters() {
        let count = |all: &[&str]| {
            let mut texts = Texts::default();
            all.iter().for_each(|t| texts.meet(t));
            texts.count()
        };
        assert_eq!(count(&["a", "a", "b", "a", ""]), 3);
        let many: Vec<String> = (0..70_000).map(|i| i.to_string()).collect();
        assert_eq!(count(&many.iter().map(String::as_str).collect::<Vec<_>>()), 65_537);
    }
}
