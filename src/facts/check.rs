//! Keys and references over the rows of all tables, and, when bad rows are left out, the rows that fall with them.

use super::codes::CodeLists;
use super::date;
use super::defect::{Choice, Defect, Place, Problem};
use super::log::Log;
use super::nearest::{meant_name, nearest};
use super::part::Part;
use super::record::{Record, Records};
use super::refs::Index;
use super::rows::{Clash, Rows, unmark};
use super::schema::{Kind, Reference, Schema, TableSchema};
use super::value;
use crate::engine::store::Database;
use crate::engine::symbol::Symbols;
use crate::engine::value::{Word, to_float, to_number};
use crate::lang::program::{Prim, Program};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Suggestions for references that lead nowhere cost a walk over the whole table; after that many the reader has the idea.
const SUGGESTIONS: usize = 100;
/// Tables with more rows than that are not searched for suggestions.
const SEARCHED: usize = 20_000;

pub(super) struct Check<'a, 'p> {
    pub program: &'a Program,
    pub codes: &'a CodeLists,
    pub schema: &'a Schema,
    pub parts: &'a [Vec<Part<'p>>],
    /// Tables of which rows may be missing: nothing is said of references to them.
    pub lost: &'a [bool],
    /// Whether references have to lead somewhere.
    pub references: bool,
}

/// Something found about a row.
struct Finding {
    /// Line with the mark of shipped rows; findings are reported in its order.
    line: u32,
    row: usize,
    what: What,
}

enum What {
    Clash(Clash),
    /// The reference of that number leads nowhere.
    Dangling(usize),
    /// The reference of that number leads to a row that is left out, on that line.
    Falls(usize, u32),
}

impl Check<'_, '_> {
    pub fn run(&self, rows: &mut [Rows], symbols: &mut Symbols, skip: bool, log: &mut Log) {
        let (tables, lost) = (&self.schema.tables, self.lost);
        let clashes = |((t, lost), r): ((&TableSchema, &bool), &mut Rows)| -> Vec<Finding> {
            let clashes = r.clashes(&t.key, skip);
            let what = |c: Clash| Finding { line: r.lines[c.row], row: c.row, what: What::Clash(c) };
            // Without a key equal rows are one row. Of a table with missing columns or rows nothing can be said.
            let silent = t.key.is_empty() || *lost;
            if silent { Vec::new() } else { clashes.into_iter().map(what).collect() }
        };
        let mut findings: Vec<Vec<Finding>> =
            tables.par_iter().zip(lost.par_iter()).zip(rows.par_iter_mut()).map(clashes).collect();
        let facts = self.text_facts(symbols);
        let references = tables.iter().enumerate().filter(|_| self.references);
        let references: Vec<_> =
            references.flat_map(|(i, t)| t.references.iter().enumerate().map(move |(n, r)| (i, n, r))).collect();
        let (texts, all) = (symbols.len(), &*rows);
        let found = |(i, n, reference): (usize, usize, &Reference)| {
            let mut found = Vec::new();
            self.dangling(i, n, reference, all, &facts, texts, &mut found);
            (i, found)
        };
        let mut dangling: Vec<Vec<Finding>> = tables.iter().map(|_| Vec::new()).collect();
        let all_found: Vec<(usize, Vec<Finding>)> = references.into_par_iter().map(found).collect();
        all_found.into_iter().for_each(|(i, mut found)| dangling[i].append(&mut found));
        let mut budget = SUGGESTIONS;
        for (i, mut more) in dangling.into_iter().enumerate() {
            findings[i].append(&mut more);
            let mut found = std::mem::take(&mut findings[i]);
            found.iter().for_each(|f| {
                rows[i].reject(f.row);
            });
            self.drop_consequences(i, &mut found);
            self.report(i, found, rows, symbols, &mut budget, log);
        }
        if skip {
            self.cascade(rows, &facts, symbols, log);
        }
    }

    /// A value that leads nowhere makes every pair it is part of lead nowhere: the pair is not worth a second report.
    fn drop_consequences(&self, table: usize, found: &mut Vec<Finding>) {
        let references = &self.schema.tables[table].references;
        let mut single: BTreeSet<(usize, usize)> = BTreeSet::new();
        for f in found.iter() {
            if let What::Dangling(n) = f.what
                && let &[c] = &references[n].columns[..]
            {
                single.insert((f.row, c));
            }
        }
        found.retain(|f| match f.what {
            What::Dangling(n) if references[n].columns.len() > 1 => {
                !references[n].columns.iter().any(|c| single.contains(&(f.row, *c)))
            }
            _ => true,
        });
    }

    /// Values of the facts of the text, by relation.
    fn text_facts(&self, symbols: &mut Symbols) -> BTreeMap<u32, Vec<Vec<Word>>> {
        let targets: BTreeSet<u32> =
            self.schema.tables.iter().flat_map(|t| t.references.iter().map(|r| r.target.0)).collect();
        let mut db = Database { symbols: std::mem::take(symbols), tables: Vec::new() };
        let mut out: BTreeMap<u32, Vec<Vec<Word>>> = BTreeMap::new();
        for f in self.program.facts.iter().filter(|f| targets.contains(&f.rel.0)) {
            let row = f.values.iter().map(|v| db.word(v)).collect();
            out.entry(f.rel.0).or_default().push(row);
        }
        *symbols = db.symbols;
        out
    }

    fn index<'r>(
        &self,
        reference: &Reference,
        rows: &'r [Rows],
        facts: &BTreeMap<u32, Vec<Vec<Word>>>,
        symbols: usize,
        good_only: bool,
    ) -> Index<'r> {
        let target = self.schema.tables.iter().position(|t| t.rel == reference.target).map(|i| &rows[i]);
        let project = |f: &Vec<Word>| reference.target_columns.iter().map(|c| f[*c]).collect();
        let extra: Vec<Vec<Word>> = facts.get(&reference.target.0).into_iter().flatten().map(project).collect();
        let there = self.program.rel(reference.target);
        let text = matches!(&reference.target_columns[..], [c] if there.columns[*c].prim == Prim::Symbol);
        let keep = |i: usize| target.is_some_and(|t| if good_only { t.good(i) } else { t.there(i) });
        let all = target.is_none_or(|t| (0..t.len()).all(keep));
        Index::new(reference, target, &extra, text.then_some(symbols), keep, all)
    }

    #[allow(clippy::too_many_arguments)]
    fn dangling(
        &self,
        i: usize,
        n: usize,
        reference: &Reference,
        rows: &[Rows],
        facts: &BTreeMap<u32, Vec<Vec<Word>>>,
        symbols: usize,
        found: &mut Vec<Finding>,
    ) {
        let target = self.schema.tables.iter().position(|t| t.rel == reference.target);
        if target.is_some_and(|t| self.lost[t]) {
            return;
        }
        let index = self.index(reference, rows, facts, symbols, false);
        let mut cursor = index.cursor();
        let mut tuple = vec![0; reference.columns.len()];
        let blank = self.blank(&self.schema.tables[i], reference);
        let r = &rows[i];
        for row in (0..r.len()).filter(|row| r.there(*row)) {
            let words = r.row(row);
            tuple.iter_mut().zip(&reference.columns).for_each(|(t, c)| *t = words[*c]);
            if Some(tuple[0]) != blank && !cursor.has(&tuple) {
                found.push(Finding { line: r.lines[row], row, what: What::Dangling(n) });
            }
        }
    }

    /// The blank of the first column of a reference: such a row refers to nothing.
    fn blank(&self, t: &TableSchema, reference: &Reference) -> Option<Word> {
        value::blank(&t.columns[reference.columns[0]].kind)
    }

    /// Rows that refer only to rows left out are left out too, until there are no more.
    fn cascade(&self, rows: &mut [Rows], facts: &BTreeMap<u32, Vec<Vec<Word>>>, symbols: &Symbols, log: &mut Log) {
        let mut fresh: Vec<bool> = rows.iter().map(Rows::any_bad).collect();
        while fresh.iter().any(|f| *f) {
            let mut next = vec![false; rows.len()];
            for (i, t) in self.schema.tables.iter().enumerate() {
                let mut found: Vec<Finding> = Vec::new();
                for (n, reference) in t.references.iter().enumerate() {
                    let target = self.schema.tables.iter().position(|t| t.rel == reference.target);
                    if let Some(target) = target.filter(|t| fresh[*t] && !self.lost[*t]) {
                        self.falling(i, n, reference, target, rows, facts, symbols.len(), &mut found);
                    }
                }
                next[i] |= !found.is_empty();
                found.iter().for_each(|f| {
                    rows[i].reject(f.row);
                });
                self.report(i, found, rows, symbols, &mut 0, log);
            }
            fresh = next;
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn falling(
        &self,
        i: usize,
        n: usize,
        reference: &Reference,
        target: usize,
        rows: &[Rows],
        facts: &BTreeMap<u32, Vec<Vec<Word>>>,
        symbols: usize,
        found: &mut Vec<Finding>,
    ) {
        let (r, t) = (&rows[i], &rows[target]);
        let mut bad: BTreeMap<Vec<Word>, u32> = BTreeMap::new();
        for row in (0..t.len()).filter(|row| t.there(*row) && !t.good(*row)) {
            let tuple = reference.target_columns.iter().map(|c| t.row(row)[*c]).collect();
            let line = bad.entry(tuple).or_insert(t.lines[row]);
            *line = t.lines[row].min(*line);
        }
        let index = self.index(reference, rows, facts, symbols, true);
        let mut cursor = index.cursor();
        let blank = self.blank(&self.schema.tables[i], reference);
        for row in (0..r.len()).filter(|row| r.good(*row)) {
            let tuple: Vec<Word> = reference.columns.iter().map(|c| r.row(row)[*c]).collect();
            if Some(tuple[0]) == blank || cursor.has(&tuple) {
                continue;
            }
            if let Some(line) = bad.get(&tuple) {
                found.push(Finding { line: r.lines[row], row, what: What::Falls(n, *line) });
            }
        }
    }

    fn show(&self, t: &TableSchema, column: usize, word: Word, symbols: &Symbols) -> String {
        match t.columns[column].kind {
            Kind::Date => date::iso(to_number(word)),
            Kind::Number if to_number(word) == date::BLANK => String::new(),
            Kind::Number => to_number(word).to_string(),
            Kind::Unsigned => word.to_string(),
            Kind::Float => to_float(word).to_string(),
            _ => symbols.resolve(word).to_owned(),
        }
    }

    fn file(&self, table: usize, line: u32) -> Option<&Part<'_>> {
        let (shipped, _) = unmark(line);
        self.parts[table].iter().filter(|p| p.input.shipped == shipped.is_some()).nth(shipped.unwrap_or(0))
    }

    /// Describes findings about rows of one table, with the place of the value in the file.
    fn report(
        &self,
        table: usize,
        mut found: Vec<Finding>,
        rows: &[Rows],
        symbols: &Symbols,
        budget: &mut usize,
        log: &mut Log,
    ) {
        let t = &self.schema.tables[table];
        let r = &rows[table];
        // Shipped lines come last, so each file is gone through once from beginning to end.
        found.sort_by_key(|f| f.line);
        let mut place = Placer { of: None };
        for f in found {
            let Some(part) = self.file(table, f.line) else { continue };
            let name = &part.input.name;
            let values = |columns: &[usize]| -> Vec<String> {
                columns.iter().map(|c| self.show(t, *c, r.row(f.row)[*c], symbols)).collect()
            };
            let names = |columns: &[usize]| columns.iter().map(|c| t.columns[*c].name.clone()).collect::<Vec<_>>();
            let line = |l: u32| unmark(l).1;
            let (problem, column, value) = match &f.what {
                What::Clash(c) if c.same => (Problem::DuplicateRow { line: line(r.lines[c.with]) }, None, None),
                What::Clash(c) => {
                    let problem = Problem::DuplicateKey { columns: names(&t.key), line: line(r.lines[c.with]) };
                    (problem, t.key.first(), Some(values(&t.key).join(", ")))
                }
                What::Dangling(n) => {
                    let reference = &t.references[*n];
                    let there = self.program.rel(reference.target);
                    let columns = reference.target_columns.iter().map(|c| there.columns[*c].name.clone()).collect();
                    let file = self.schema.table_of(reference.target).map(TableSchema::file);
                    let problem = Problem::Dangling { table: file.unwrap_or_else(|| there.name.clone()), columns };
                    (problem, reference.columns.first(), Some(values(&reference.columns).join(", ")))
                }
                What::Falls(n, at) => {
                    let reference = &t.references[*n];
                    let target = self.schema.tables.iter().position(|t| t.rel == reference.target);
                    let file = target.and_then(|t| self.file(t, *at)).map(|p| p.input.name.clone());
                    let problem = Problem::RefersToRejected { file: file.unwrap_or_default(), line: line(*at) };
                    (problem, reference.columns.first(), Some(values(&reference.columns).join(", ")))
                }
            };
            let wanted = log.wants(name, &problem);
            let field = column.and_then(|c| part.fields[*c].map(|f| (f, t.columns[*c].name.as_str())));
            let at = if wanted { place.find(part, line(f.line), field) } else { Place::default() };
            let near = match &f.what {
                What::Dangling(n) if wanted && *budget > 0 => {
                    *budget -= 1;
                    self.near(&t.references[*n], value.as_deref().unwrap_or(""), rows, symbols)
                }
                _ => None,
            };
            log.add(Some((part.input.index, line(f.line))), name, problem, |p| Defect {
                value,
                nearest: near,
                ..Defect::new(at, p)
            });
        }
    }

    /// The value of the table referred to that was probably meant.
    fn near(&self, reference: &Reference, text: &str, rows: &[Rows], symbols: &Symbols) -> Option<Choice> {
        let &[column] = &reference.target_columns[..] else { return None };
        if self.program.rel(reference.target).columns[column].prim != Prim::Symbol {
            return None;
        }
        let Some(target) = self.schema.tables.iter().position(|t| t.rel == reference.target) else {
            let facts = self.program.facts.iter().filter(|f| f.rel == reference.target);
            let texts = facts.filter_map(|f| match &f.values[column] {
                crate::lang::program::Const::Symbol(s) => Some(&**s),
                _ => None,
            });
            return nearest(text, texts).map(Choice::plain);
        };
        let r = &rows[target];
        if r.len() > SEARCHED {
            return None;
        }
        let texts = (0..r.len()).filter(|i| r.there(*i)).map(|i| symbols.resolve(r.row(i)[column]));
        let near = Choice::plain(meant_name(text, texts)?);
        let list = match &self.schema.tables[target].columns[column].kind {
            Kind::Code(list) => self.codes.find(list, &near.text),
            _ => None,
        };
        Some(list.map_or(near.clone(), |c| Choice { zh: c.zh.clone(), en: c.en.clone(), ..near }))
    }
}

/// Finds the places of values again, going once through a file.
struct Placer<'a> {
    of: Option<(usize, Records<'a>, Record)>,
}

impl<'a> Placer<'a> {
    /// Place of a field of the row on that line; lines of one file come in order.
    fn find(&mut self, part: &Part<'a>, line: u32, field: Option<(usize, &str)>) -> Place {
        let index = part.input.index;
        if self.of.as_ref().is_none_or(|(i, ..)| *i != index) {
            self.of = Some((index, part.input.records(), Record::default()));
        }
        let mut place = part.input.place(line);
        let Some((_, records, record)) = &mut self.of else { return place };
        if record.line != line {
            records.skip_to(line);
            records.next(record);
        }
        if let Some((f, name)) = field {
            place.field = f as u32 + 1;
            place.column = name.into();
            if let Some(s) = record.fields.get(f) {
                (place.line, place.character) = part.input.position(records, record, s.start);
            }
        }
        place
    }
}
