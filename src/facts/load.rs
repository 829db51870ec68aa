//! A load from beginning to end: files to parts, parts to rows, keys and references, then the database.

use super::codes::CodeLists;
use super::decode::Text;
use super::defect::{Defect, Defects, Place, Problem};
use super::dict::{Copies, Dict};
use super::dimension;
use super::header;
use super::log::Log;
use super::origin::{Lines, Origins};
use super::part::{self, DaySet, Input, Part};
use super::record::Record;
use super::rows::{Interner, Rows, unmark};
use super::schema::{DimensionKind, Holidays, Schema};
use super::sources::{self, FileEntry, Found, Gathered, Sources};
use super::{check, date};
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::to_number;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::Program;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The day on which the question is asked, as a day number.
    pub as_of: i32,
    /// Leave out rows with defects, and rows that refer to them, instead of refusing the load.
    pub skip_bad_rows: bool,
    /// Keep the file and line of every row.
    pub origins: bool,
    /// How many defects of each kind and file are described; the rest is counted.
    pub limit: usize,
    /// Encoding of the files of the casebase; found out if `None`.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Bytes beyond which a packed file is not unpacked.
    pub unpacked: u64,
    /// The tables are a part of a casebase: what is needed of a whole one may be missing.
    pub part: bool,
    /// Check that references lead somewhere.
    pub references: bool,
    /// Give texts ids in the order of their bytes, those of the program's rules included: tables are then in the order in
    /// which they are written.
    pub ordered: bool,
    /// Bytes of files beyond which the text of a file goes when it has been read. What there is to report then needs a second
    /// reading.
    pub kept: u64,
    /// Bytes of a file that are worth a further thread.
    pub piece: usize,
}

/// Size of files of which all texts may well stay.
const KEPT: u64 = 64 << 20;

/// Size of a piece of a file that is read for itself.
const PIECE: usize = 1 << 20;

/// Largest size to which a packed file may grow, if nobody says otherwise.
const UNPACKED: u64 = 8 << 30;

impl LoadOptions {
    /// The usual options on that day.
    #[must_use]
    pub fn new(as_of: i32) -> Self {
        Self {
            as_of,
            skip_bad_rows: false,
            origins: true,
            limit: 20,
            encoding: None,
            unpacked: UNPACKED,
            part: false,
            references: true,
            ordered: false,
            kept: KEPT,
            piece: PIECE,
        }
    }
}

/// A row that was left out.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Name of the file.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// All that is wrong with it, at least one.
    pub reasons: Vec<Defect>,
    /// The row as written.
    pub raw: String,
}

/// A number of a case that a table writes in another form than the one in which it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// As it is held.
    pub value: String,
    /// As it is written.
    pub written: String,
    /// Name of the file.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
}

/// What a load gives.
#[derive(Debug)]
pub struct Loaded {
    /// The given facts and the dimensions. It holds sound rows only, and is fit for use only if there is no defect.
    pub database: Database,
    /// Where each row of `database` comes from.
    pub origins: Origins,
    /// What makes the data unfit for use. With `skip_bad_rows`, only what leaving out rows does not mend.
    pub defects: Defects,
    /// What a reader should look at.
    pub warnings: Defects,
    /// With `skip_bad_rows`: the rows left out, by file and line.
    pub rejected: Vec<Rejected>,
    /// The files.
    pub inventory: Vec<FileEntry>,
    /// Numbers of cases that stand in the tables in another form than the one they are held in: where each first appears.
    pub spellings: Vec<Spelling>,
    /// The schema that the annotations of the program declare.
    pub schema: Schema,
    /// What is wrong with these annotations.
    pub diagnostics: Vec<Diagnostic>,
    /// First and last day of the dimensions.
    pub days: (i32, i32),
    /// First and last day that the tables of the casebase mention.
    pub touched: Option<(i32, i32)>,
}

/// Loads the tables of a casebase. All defects are found in one pass; where the texts of large files were let go on the way, in
/// a second one, which reads them again.
#[must_use]
pub fn load(program: &Program, codes: &CodeLists, sources: &Sources, options: &LoadOptions) -> Loaded {
    let (schema, diagnostics) = Schema::of(program, codes);
    let job = Job { program, codes, schema: &schema, diagnostics: &diagnostics, roots: schema.roots(), options };
    let gather = || {
        let mut log = job.log();
        (sources::gather(sources, &schema, options, &mut log), log)
    };
    let (mut found, mut log) = gather();
    let size: usize = found.files.iter().map(|f| f.bytes.len()).sum();
    if size as u64 > options.kept && !options.skip_bad_rows {
        if let Some(loaded) = job.without_texts(found, log).and_then(|read| job.finish(read)) {
            return loaded;
        }
        (found, log) = gather();
    }
    let texts: Vec<_> = found.files.par_iter().map(|f| job.text(f)).collect();
    let read = job.with_texts(&found, &texts, log);
    job.finish(read).expect("there are texts to report from")
}

/// A load.
struct Job<'j> {
    program: &'j Program,
    codes: &'j CodeLists,
    schema: &'j Schema,
    diagnostics: &'j [Diagnostic],
    /// By table and column: the column of another table in which its values first stand.
    roots: Vec<Vec<Option<(usize, usize)>>>,
    options: &'j LoadOptions,
}

/// Files that have been read.
struct Read<'a> {
    /// By table.
    parts: Vec<Vec<Part<'a>>>,
    /// By file: name, and table.
    files: Vec<(Arc<str>, usize)>,
    inventory: Vec<FileEntry>,
    /// Tables of which rows may be missing.
    lost: Vec<bool>,
    /// The texts are there.
    texts: bool,
    log: Log,
}

/// For each column the dictionary of the column it refers to, if that is known.
type Seeds<'a> = Vec<Option<Arc<Dict<'a>>>>;

impl<'a> Read<'a> {
    fn new(job: &Job<'_>, found: &Found, texts: bool, log: Log) -> Self {
        Read {
            parts: job.schema.tables.iter().map(|_| Vec::new()).collect(),
            files: found.files.iter().map(|f| (f.name.clone(), f.table)).collect(),
            inventory: vec![FileEntry::default(); found.files.len()],
            lost: found.lost.clone(),
            texts,
            log,
        }
    }

    fn take(&mut self, i: usize, (entry, part): (FileEntry, Result<Part<'a>, Box<Defect>>), log: Log) {
        self.inventory[i] = entry;
        let table = self.files[i].1;
        match part {
            Ok(mut part) => {
                self.log.absorb(std::mem::replace(&mut part.log, log));
                self.lost[table] |= part.failed;
                self.parts[table].push(part);
            }
            Err(d) => {
                self.lost[table] = true;
                self.log.push(*d);
            }
        }
    }
}

impl Job<'_> {
    fn log(&self) -> Log {
        Log::new(self.options.limit, self.options.skip_bad_rows)
    }

    /// Files to parts, side by side; what follows takes them in order, so that the result does not depend on the threads.
    /// Tables that others refer to come first: their dictionaries help to read the others.
    fn waves(&self, files: &[Gathered]) -> [Vec<usize>; 2] {
        let referred = |t: usize| self.roots.iter().flatten().flatten().any(|(table, _)| *table == t);
        let (first, then) = (0..files.len()).partition(|i| referred(files[*i].table));
        [first, then]
    }

    fn seeds<'a>(&self, table: usize, parts: &[Vec<Part<'a>>]) -> Seeds<'a> {
        let seed = |root: &Option<(usize, usize)>| {
            let (table, column) = (*root)?;
            let given = parts[table].iter().find(|p| !p.input.shipped)?;
            given.dicts.get(column)?.clone()
        };
        self.roots[table].iter().map(seed).collect()
    }

    fn blank<'a>(&self, table: usize) -> Seeds<'a> {
        vec![None; self.schema.tables[table].columns.len()]
    }

    /// Reads a file as its table.
    fn file<'a>(
        &self,
        index: usize,
        file: &Gathered,
        text: &'a Result<Text<'_>, Box<Defect>>,
        seeds: Seeds<'a>,
    ) -> (FileEntry, Result<Part<'a>, Box<Defect>>) {
        let table = &self.schema.tables[file.table];
        let layout = |t: &Text<'_>| header::layout(&t.text, table, t.layout);
        let hashed = file.hashed();
        let mut entry = FileEntry {
            name: file.name.to_string(),
            table: table.name.clone(),
            bytes: hashed.bytes,
            hash: hashed.hash.clone(),
            rows: 0,
            encoding: text.as_ref().map_or("unknown", |t| t.encoding),
            form: text.as_ref().map_or("unknown", |t| layout(t).name()),
            packed: file.packed,
            conversions: Vec::new(),
            shipped: file.shipped,
        };
        let part = text.as_ref().map_err(Clone::clone).map(|text| {
            let input =
                Input { index, name: file.name.clone(), text: &text.text, layout: layout(text), shipped: file.shipped };
            let pieces = rayon::current_num_threads().min(text.text.len() / self.options.piece.max(1));
            part::read(input, table, self.codes, seeds, pieces, self.log())
        });
        if let Ok(part) = &part {
            entry.rows = part.lines.len();
            entry.conversions = part.conversions.clone();
        }
        (entry, part)
    }

    fn text<'f>(&self, f: &'f Gathered) -> Result<Text<'f>, Box<Defect>> {
        f.text(&self.schema.tables[f.table], self.options)
    }

    fn with_texts<'a>(&self, found: &'a Found, texts: &'a [Result<Text<'a>, Box<Defect>>], log: Log) -> Read<'a> {
        let mut read = Read::new(self, found, true, log);
        for (n, wave) in self.waves(&found.files).into_iter().enumerate() {
            let seeds = |table| if n == 0 { self.blank(table) } else { self.seeds(table, &read.parts) };
            let one = |i: &usize| self.file(*i, &found.files[*i], &texts[*i], seeds(found.files[*i].table));
            let done: Vec<_> = wave.par_iter().map(one).collect();
            wave.into_iter().zip(done).for_each(|(i, done)| read.take(i, done, self.log()));
        }
        read
    }

    /// Reads files of which the text goes as soon as it has been read. `None` when there is something to report.
    fn without_texts(&self, found: Found, log: Log) -> Option<Read<'static>> {
        let mut read = Read::new(self, &found, false, log);
        let [first, then] = self.waves(&found.files);
        let mut files: Vec<Option<Gathered>> = found.files.into_iter().map(Some).collect();
        let mut take = |wave: &[usize]| -> Vec<(usize, Gathered)> {
            wave.iter().filter_map(|i| Some((*i, files[*i].take()?))).collect()
        };
        let (first, then) = (take(&first), take(&then));
        let texts: Vec<_> = first.par_iter().map(|(_, f)| self.text(f)).collect();
        let root = |((i, f), text): (&(usize, Gathered), _)| (*i, self.file(*i, f, text, self.blank(f.table)));
        let roots = || -> Vec<_> { first.par_iter().zip(&texts).map(root).collect() };
        // The tables referred to are few: who has none of them to read hashes the others.
        let hash = || then.par_iter().for_each(|(_, f)| drop(f.hashed()));
        let (roots, ()) = rayon::join(roots, hash);
        let mut referred: Vec<Vec<Part<'_>>> = self.schema.tables.iter().map(|_| Vec::new()).collect();
        for (i, (entry, part)) in roots {
            // A defect is for those who have the texts.
            let part = part.ok()?;
            read.inventory[i] = entry;
            referred[read.files[i].1].push(part);
        }
        let dicts: Vec<_> = referred.iter().flatten().flat_map(|p| p.dicts.iter().flatten()).collect();
        let copies: Copies =
            dicts.into_par_iter().map(|d| (Arc::as_ptr(d).addr(), d.copy(&Copies::default()))).collect();
        let one = |(i, f): (usize, Gathered)| {
            let text = self.text(&f);
            let (entry, part) = self.file(i, &f, &text, self.seeds(f.table, &referred));
            (i, (entry, part.map(|p| p.without_text(&copies))))
        };
        let done: Vec<_> = then.into_par_iter().map(one).collect();
        for part in referred.into_iter().flatten() {
            let i = part.input.index;
            let entry = std::mem::take(&mut read.inventory[i]);
            read.take(i, (entry, Ok(part.without_text(&copies))), self.log());
        }
        done.into_iter().for_each(|(i, done)| read.take(i, done, self.log()));
        read.log.errors.is_empty().then_some(read)
    }

    /// Parts to the database. `None` when there is something to report from texts that are gone.
    fn finish(&self, read: Read<'_>) -> Option<Loaded> {
        let Job { program, codes, schema, options, .. } = self;
        let Read { mut parts, files, inventory, lost, texts, mut log } = read;
        // Symbols, one after the other in the order of the tables; then rows, side by side.
        let mut db = Database::new(program);
        if options.ordered {
            db.add_program_texts(program);
        }
        let mut interner = Interner::new(&mut db.symbols);
        let mut maps: Vec<Vec<_>> = parts.iter().map(|t| t.iter().map(|p| interner.part(p)).collect()).collect();
        if options.ordered {
            let ids = Arc::new(db.symbols.sort());
            let maps: Vec<&mut super::rows::Map> = maps.iter_mut().flatten().flatten().flatten().collect();
            maps.into_par_iter().for_each(|m| m.renumber(&ids));
        }
        let spellings = parts.iter().flatten().flat_map(spellings).collect();
        parts.iter_mut().flatten().for_each(|p| p.dicts.clear());
        let mut rows: Vec<Rows> = schema
            .tables
            .par_iter()
            .zip(parts.par_iter_mut())
            .zip(maps)
            .map(|((table, parts), maps)| Rows::of(table, parts.iter_mut().zip(maps).collect()))
            .collect();
        let references = options.references;
        let check = check::Check { program, codes, schema, parts: &parts, lost: &lost, references };
        let mut findings = self.log();
        check.run(&mut rows, &mut db.symbols, options.skip_bad_rows, &mut findings);
        let silent = findings.errors.is_empty() && findings.warnings.is_empty();
        if !(texts || silent) {
            return None;
        }
        log.absorb(findings);

        // Days: those of sound and unsound rows alike, for a day is a day.
        let holidays = schema.tables.iter().enumerate().find_map(|(i, t)| Some((i, t.holidays.as_ref()?)));
        let mut days = DaySet::new();
        for (i, parts) in parts.iter().enumerate() {
            if holidays.is_none_or(|(h, _)| h != i) {
                parts.iter().filter(|p| !p.input.shipped).for_each(|p| days.union(&p.days));
            }
        }
        let exceptions = holidays.map(|(i, h)| exceptions(h, &rows[i], &db.symbols)).unwrap_or_default();
        let counts_days = schema.dimensions.iter().any(|d| d.kind == DimensionKind::Calendar);
        if let Some((i, _)) = holidays.filter(|(i, _)| counts_days && !lost[*i]) {
            let touched = days.iter().chain([options.as_of]);
            let years = dimension::years_without(touched, &exceptions);
            if !years.is_empty() {
                let place = Place { file: Arc::from(schema.tables[i].file()), ..Place::default() };
                log.push(Defect::new(place, Problem::YearsWithoutHolidays { years }));
            }
        }
        let touched = days.iter().next().zip(days.iter().next_back());
        let range = dimension::range(schema, touched, options.as_of);

        let mut origins =
            Origins { relations: vec![Lines::default(); if options.origins { db.tables.len() } else { 0 }] };
        for ((table, rows), parts) in schema.tables.iter().zip(rows).zip(&parts) {
            let width = rows.width;
            let (data, lines) = rows.standing();
            db.tables[table.rel.index()] = Table::from_sorted(width, data);
            if options.origins {
                origins.relations[table.rel.index()] = trace(lines, parts);
            }
        }
        dimension::fill(schema, &mut db, range, options.as_of, &exceptions);

        let rejected = rejected(&log.rows, &files, &parts);
        let rank = |name: &str| files.iter().position(|f| &*f.0 == name).unwrap_or(usize::MAX);
        log.errors.sort(rank);
        log.warnings.sort(rank);
        Some(Loaded {
            database: db,
            origins,
            defects: log.errors,
            warnings: log.warnings,
            rejected,
            inventory,
            spellings,
            schema: (*schema).clone(),
            diagnostics: self.diagnostics.to_vec(),
            days: range,
            touched,
        })
    }
}

/// Days that are working days, or not, against the plain rule.
fn exceptions(h: &Holidays, rows: &Rows, symbols: &Symbols) -> BTreeMap<i32, bool> {
    let (off, work) = (symbols.get(&h.off), symbols.get(&h.work));
    let mut out = BTreeMap::new();
    for row in (0..rows.len()).filter(|i| rows.good(*i)).map(|i| rows.row(i)) {
        let (day, kind) = (to_number(row[h.date]), Some(row[h.kind]));
        if day >= date::FIRST && (kind == off || kind == work) {
            out.insert(day, kind == work);
        }
    }
    out
}

fn trace(lines: Vec<u32>, parts: &[Part<'_>]) -> Lines {
    let mut out = Lines::default();
    for p in parts {
        let name = p.input.name.clone();
        if p.input.shipped { out.shipped.push(name) } else { out.given = name }
    }
    if parts.iter().any(|p| !p.sources.is_empty()) {
        for (i, line) in lines.iter().enumerate() {
            let (shipped, line) = unmark(*line);
            let part = parts.iter().filter(|p| p.input.shipped == shipped.is_some()).nth(shipped.unwrap_or(0));
            let source = part.and_then(|p| {
                let at = p.sources.binary_search_by_key(&line, |s| s.0).ok()?;
                Some(p.sources[at].1.clone())
            });
            out.sources.extend(source.map(|s| (i as u32, s)));
        }
    }
    out.lines = lines;
    out
}

fn spellings<'p>(part: &'p Part<'_>) -> impl Iterator<Item = Spelling> + 'p {
    part.spellings.iter().filter_map(|(column, word, line, written)| {
        let value = part.dicts.get(*column)?.as_ref()?.text(*word).to_owned();
        Some(Spelling { value, written: written.clone(), file: part.input.name.clone(), line: *line })
    })
}

/// The rows left out, as written.
fn rejected(
    rows: &BTreeMap<(usize, u32), Vec<Defect>>,
    files: &[(Arc<str>, usize)],
    parts: &[Vec<Part<'_>>],
) -> Vec<Rejected> {
    let mut out = Vec::with_capacity(rows.len());
    let indexes: BTreeSet<usize> = rows.keys().map(|k| k.0).collect();
    for index in indexes {
        let part = parts[files[index].1].iter().find(|p| p.input.index == index);
        let Some(part) = part else { continue };
        let mut records = part.input.records();
        let mut record = Record::default();
        for ((_, line), reasons) in rows.range((index, 0)..(index + 1, 0)) {
            records.skip_to(*line);
            records.next(&mut record);
            let raw = records.raw(&record).into_owned();
            out.push(Rejected { file: part.input.name.clone(), line: *line, reasons: reasons.clone(), raw });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang;
    use crate::lang::program::SourceFile;

    #[test]
    fn texts_go_when_there_is_nothing_to_report() {
        let text = "//@ input\n//@ key node\n.decl nodes(node: symbol, title: symbol)\n.input nodes\n\
                    //@ input\n//@ ref from -> nodes.node\n.decl edge(from: symbol, to: number)\n.input edge\n";
        let program = lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let codes = CodeLists::default();
        let (schema, diagnostics) = Schema::of(&program, &codes);
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        let options = LoadOptions { kept: 0, ..LoadOptions::new(0) };
        let (diagnostics, roots) = (&diagnostics[..], schema.roots());
        let job = Job { program: &program, codes: &codes, schema: &schema, diagnostics, roots, options: &options };
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
        let sources = Sources { folder: Some(dir.path().to_owned()), shipped: Vec::new() };
        let lean = || {
            let mut log = job.log();
            let found = sources::gather(&sources, &schema, &options, &mut log);
            job.without_texts(found, log).and_then(|read| job.finish(read))
        };
        write("nodes.csv", "node,title\na,x\nb,a rather long title\n");
        write("edge.csv", "from,to\na,1\nb,2\n");
        let (loaded, whole) = (lean().expect("sound"), load(&program, &codes, &sources, &LoadOptions::new(0)));
        assert_eq!(loaded.database.tables, whole.database.tables);
        let texts = |l: &Loaded| {
            (0..l.database.symbols.len() as u32).map(|i| l.database.symbols.resolve(i).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&loaded), texts(&whole));
        assert_eq!(loaded.inventory, whole.inventory);
        // A defect of a cell, and one that shows when the texts are gone.
        for edge in ["from,to\na,one\n", "from,to\nc,1\n"] {
            write("edge.csv", edge);
            assert!(lean().is_none(), "{edge}");
            assert_eq!(load(&program, &codes, &sources, &options).defects.total(), 1);
        }
    }
}
