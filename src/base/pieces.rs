//! Questions over whole tables, piece by piece along the order of a key.
//!
//! The tables of a base lie in the order of their first columns. Where that is a key, and a rule brings together only rows
//! with the same one, it finds among the rows of a range of keys what it finds of these keys at all. So ranges are read and
//! evaluated side by side, each small enough for the caches of a thread, and only what is found is kept; of a relation that
//! is only counted, the counts.

use super::Trouble;
use super::file::{Cell, Table as File};
use super::gather::{Join, Pick, Use, Wanted};
use super::scan::{Scan, Scanned};
use super::store::{Base, Gone, Kind};
use crate::bulk::Request;
use crate::engine::index::Common;
use crate::engine::limit::{Limit, Options};
use crate::engine::run::on_threads;
use crate::engine::shards::{in_order, translate};
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::tally::{Groups, Tally};
use crate::engine::unread::Read;
use crate::engine::value::Word;
use crate::engine::{self, rows};
use crate::lang::program::{Arg, Atom, Const, Literal, Prim, Program, RelId, Rule, Term, VarId};
use crate::proof::given::Source as _;
use crate::rulebook::Rulebook;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Blocks of the longest table in a piece, at most.
const PIECE: usize = 32;
/// Pieces of a casebase that is not large.
const PIECES: usize = 8;

/// What was found of a question.
#[derive(Debug)]
pub struct Found {
    /// All other tables that the question needs, the rows that were found, and the facts of the program's text.
    pub database: Database,
    /// The relations of which all rows were found.
    pub done: Vec<RelId>,
    /// Rules whose answers were counted where the rows of their table lie.
    pub scanned: usize,
}

/// How the rules behind a question fall apart.
struct Cut {
    /// By relation: whether its rows are dealt out to the pieces.
    parted: Vec<bool>,
    /// By rule: whether it runs in the pieces.
    rules: Vec<bool>,
    /// The relations that these rules find, each with the column in which its rows have their key, if all have it there.
    heads: Vec<(RelId, Option<usize>)>,
}

/// The variable that stands for the key of all parted rows which a rule brings together, if any does; `None` when rows with
/// different keys may come together, or none.
fn key(rule: &Rule, parted: &[bool]) -> Option<Option<VarId>> {
    let of = |l: &Literal| l.relation().is_some_and(|r| parted[r.index()]);
    let first = |a: &Atom| if let Some(Arg::Var(v)) = a.args.first() { Some(*v) } else { None };
    let mut keys = Vec::new();
    let mut positive = false;
    for literal in rule.body.iter().filter(|l| of(l)) {
        let (Literal::Atom(a) | Literal::Not(a)) = literal else { return None };
        positive |= matches!(literal, Literal::Atom(_));
        keys.push(first(a));
    }
    let same = keys.iter().all(|k| k.is_some() && *k == keys[0]);
    (positive && (same || keys.len() == 1)).then(|| keys[0])
}

impl Cut {
    /// How the rules for the relations behind the wanted ones fall apart, as far as they are not settled.
    fn of(base: &Base, program: &Program, wanted: &[RelId], behind: &[bool]) -> Option<Self> {
        let runs = |r: &Rule| behind[r.head.index()] && !base.settles(r.head);
        let rules = || program.rules.iter().filter(|r| runs(r));
        let made = |rel: RelId| rules().any(|r| r.head == rel) || program.facts.iter().any(|f| f.rel == rel);
        let mut large: Vec<RelId> =
            rules().flat_map(Rule::reads).filter(|r| base.holds(*r) && !base.is_small(*r)).collect();
        large.sort_unstable();
        large.dedup();
        let key_type = |rel: RelId| program.rel(rel).columns.first().filter(|c| c.prim == Prim::Symbol).map(|c| c.ty);
        let keyed = large.iter().copied().filter(|r| key_type(*r).is_some());
        let ty = key_type(keyed.max_by_key(|r| (base.rows(*r), std::cmp::Reverse(*r)))?);
        let mut parted = vec![false; program.relations.len()];
        for rel in large.into_iter().filter(|r| key_type(*r) == ty) {
            if made(rel) || wanted.contains(&rel) {
                return None;
            }
            parted[rel.index()] = true;
        }
        let here: Vec<bool> =
            program.rules.iter().map(|r| runs(r) && r.reads().any(|rel| parted[rel.index()])).collect();
        let mut heads: Vec<(RelId, Option<usize>)> = Vec::new();
        for (rule, _) in program.rules.iter().zip(&here).filter(|(_, here)| **here) {
            let key = key(rule, &parted)?;
            if rule.reads().any(|rel| rules().any(|r| r.head == rel)) {
                return None;
            }
            let column = key.and_then(|v| rule.args.iter().position(|t| *t == Term::Var(v)));
            match heads.iter_mut().find(|h| h.0 == rule.head) {
                Some(known) => known.1 = known.1.filter(|c| Some(*c) == column),
                None => heads.push((rule.head, column)),
            }
        }
        // All rules for a relation run here, or none.
        let whole = |(rel, _): &(RelId, Option<usize>)| {
            program.rules.iter().zip(&here).all(|(r, here)| *here || !runs(r) || r.head != *rel)
                && !program.facts.iter().any(|f| f.rel == *rel)
        };
        heads.iter().all(whole).then_some(Self { parted, rules: here, heads })
    }
}

/// A parted relation: how its columns are used, what those before it say of them, and its files with the rows that later
/// layers took away.
struct Source<'p> {
    rel: RelId,
    uses: Vec<Use>,
    joins: Vec<Join<'p>>,
    files: Vec<(Arc<File>, Gone)>,
    /// Rows of it in a piece of which fewer are worth looking for than going through all.
    most: usize,
}

/// What all pieces have in common.
struct Work<'a> {
    program: &'a Program,
    sources: Vec<Source<'a>>,
    /// Keys at which pieces begin, but the first.
    bounds: Vec<String>,
    symbols: Arc<Symbols>,
    options: Options,
    /// Relations whose rows are kept.
    kept: Vec<RelId>,
    /// Aggregates over relations whose rows are not, with the column of their key.
    tallies: Vec<(&'a Tally, usize)>,
    /// Rules that are gone through without the engine, for further aggregates.
    scans: Vec<Scan<'a>>,
}

/// What was found in a piece.
struct Output {
    symbols: Symbols,
    rows: Vec<Table>,
    /// Of all aggregates, those of scans last.
    groups: Vec<Groups>,
    /// Texts of the rules that some row holds.
    met: Vec<Const>,
}

/// Keys from one up to another, which is excluded.
pub(super) type Keys<'k> = (Option<&'k str>, Option<&'k str>);

impl Work<'_> {
    /// What a piece gives; nothing if the engine has to find out whether a term without value is asked for.
    fn piece(&self, keys: Keys<'_>) -> Result<Option<Output>, Trouble> {
        let program = self.program;
        let empty = program.relations.iter().map(|r| Table::new(r.arity())).collect();
        let mut part = Database { symbols: Symbols::over(&self.symbols), tables: empty };
        let mut met = Vec::new();
        for source in &self.sources {
            let relation = program.rel(source.rel);
            let joined: Vec<(usize, Wanted)> =
                source.joins.iter().filter_map(|j| j.wanted(&part, source.most)).collect();
            let pick = Pick::new(relation, Some(&source.uses), &joined, false);
            let mut rows: Vec<Word> = Vec::new();
            // With nothing there is nothing to join.
            let files = if joined.iter().any(|(_, w)| w.is_empty()) { &[][..] } else { &source.files[..] };
            for (file, gone) in files {
                let mut seen = pick.seen();
                // Rows that went are known by all that they say.
                let read = |c: &usize| *c == 0 || !gone.is_empty() || !matches!(source.uses[*c], Use::Unread);
                let columns = file.columns((0..relation.arity()).filter(read).collect());
                for b in file.range(keys) {
                    let block = file.some(b, &columns)?;
                    let from = keys.0.map_or(0, |k| block.lower(Cell::Text(k)));
                    let to = keys.1.map_or(block.len(), |k| block.lower(Cell::Text(k)));
                    let mut taken: Vec<usize> = gone.standing(&block).filter(|r| (from..to).contains(r)).collect();
                    pick.keep(&block, &mut taken, &part.symbols, &mut seen);
                    pick.words(&block, &taken, &mut part.symbols, &mut seen, &mut rows);
                }
                for value in seen.met.into_iter().map(|m| pick.value(m)) {
                    if !met.contains(value) {
                        met.push(value.clone());
                    }
                }
            }
            part.tables[source.rel.index()] = Table::from_rows(relation.arity(), rows);
        }
        let mut scanned = Vec::new();
        for scan in &self.scans {
            if let Some(until) = self.options.until.filter(|u| u.passed()) {
                return Err(scan.late(until).into());
            }
            match scan.piece(keys, &mut part.symbols)? {
                Scanned::Counted(groups, values) => {
                    scanned.push(groups);
                    met.extend(values.into_iter().filter(|v| !met.contains(v)).collect::<Vec<_>>());
                }
                Scanned::Fault => return Ok(None),
            }
        }
        let mut done = match self.sources.is_empty() {
            true => part,
            false => engine::evaluate(program, part, &self.options)?.0,
        };
        let rows = self.kept.iter().map(|r| std::mem::take(&mut done.tables[r.index()])).collect();
        let mut groups: Vec<Groups> =
            self.tallies.iter().map(|(t, key)| t.part(program, done.table(t.answers), *key)).collect();
        groups.extend(scanned);
        Ok(Some(Output { symbols: done.symbols, rows, groups, met }))
    }

    /// What was found of a relation stays within the bounds of a run.
    fn bound(&self, rel: RelId, rows: &mut Vec<Word>) -> Result<(), Limit> {
        let relation = self.program.rel(rel);
        let width = relation.arity().max(1);
        let (most, bytes) = (self.options.max_rows, self.options.max_bytes);
        let large = |rows: &[Word]| (rows.len() / width > most, size_of_val(rows) > bytes);
        if large(rows) == (false, false) {
            return Ok(());
        }
        // Pieces may have found the same.
        rows::normalise(width, rows);
        let (span, place) = (relation.span, self.program.place(relation.span));
        match large(rows) {
            (true, _) => Err(Limit::Rows { relation: relation.name.clone(), bound: most, span, place }),
            (_, true) => Err(Limit::Memory { bound: bytes, span, place }),
            _ => Ok(()),
        }
    }

    /// Runs all pieces, and puts what they found into a database.
    fn all(&self, db: &mut Database, threads: usize) -> Result<Option<Vec<RelId>>, Trouble> {
        let program = self.program;
        let at = |i: usize| self.bounds.get(i).map(String::as_str);
        let work = |i: usize| self.piece((i.checked_sub(1).and_then(at), at(i)));
        let mut rows: Vec<Vec<Word>> = vec![Vec::new(); self.kept.len()];
        let tallies: Vec<&Tally> = self.tallies.iter().map(|t| t.0).chain(self.scans.iter().map(|s| s.tally)).collect();
        let mut groups: Vec<Groups> = vec![Groups::default(); tallies.len()];
        let mut failed = None;
        let known = self.symbols.len();
        let _ = in_order(self.bounds.len() + 1, threads, work, |found| {
            let found = match found {
                Ok(Some(found)) => found,
                other => {
                    failed = Some(other.map(|_| ()));
                    return ControlFlow::Break(());
                }
            };
            for ((rel, table), rows) in self.kept.iter().zip(found.rows).zip(&mut rows) {
                if table.width() == 0 && !table.is_empty() {
                    db.tables[rel.index()] = Table::unit();
                }
                rows.extend(translate(program, *rel, table, &found.symbols, known, &mut db.symbols));
                if let Err(limit) = self.bound(*rel, rows) {
                    failed = Some(Err(limit.into()));
                    return ControlFlow::Break(());
                }
            }
            for ((tally, part), all) in tallies.iter().zip(found.groups).zip(&mut groups) {
                let columns = &program.rel(tally.answers).columns;
                tally.add(all, part, |c, w| match columns[c].prim {
                    Prim::Symbol if w as usize >= known => db.symbols.intern(found.symbols.resolve(w)),
                    _ => w,
                });
            }
            for value in &found.met {
                db.word(value);
            }
            ControlFlow::Continue(())
        });
        if let Some(failed) = failed {
            return failed.map(|()| None);
        }
        let mut done = self.kept.clone();
        for (rel, rows) in self.kept.iter().zip(rows) {
            if program.rel(*rel).arity() > 0 {
                db.tables[rel.index()] = Table::from_rows(program.rel(*rel).arity(), rows);
            }
        }
        for (tally, groups) in tallies.into_iter().zip(groups) {
            let Some(rows) = tally.rows(groups) else { return Ok(None) };
            db.tables[tally.into.index()] = Table::from_rows(program.rel(tally.into).arity(), rows);
            done.push(tally.into);
        }
        Ok(Some(done))
    }
}

impl Base {
    /// The rows of what rules find directly in large tables, and all other tables, behind these relations; of the rows of a
    /// tally only what it makes of them. `None` when the rules do not fall apart by a key, or when there is no room for a
    /// number.
    ///
    /// # Errors
    /// When options are wrong, a limit is met, or a file is not as it was written.
    pub fn found(
        &self,
        book: &Rulebook,
        request: &Request,
        wanted: &[RelId],
        tallies: &[&Tally],
        options: &Options,
    ) -> Result<Option<Found>, Trouble> {
        let program = &book.program;
        let behind = self.behind(program, wanted);
        let Some(cut) = Cut::of(self, program, wanted, &behind) else { return Ok(None) };
        let mut db = self.loaded(book, request)?.database;
        let reads = |rel: RelId| {
            let here = program.rules.iter().zip(&cut.rules).filter(|(_, here)| **here);
            here.flat_map(|(r, _)| r.reads()).any(|r| r == rel)
        };
        let all = || (0..program.relations.len() as u32).map(RelId);
        let large = all().filter(|r| behind[r.index()] && self.holds(*r) && !self.is_small(*r));
        let (parted, whole): (Vec<RelId>, Vec<RelId>) = large.partition(|r| cut.parted[r.index()]);
        let here = all().map(|r| self.holds(r) && self.is_small(r)).collect();
        on_threads(request.threads, || self.fill_parts(program, &whole, &behind, here, &mut db))??;
        db.add_program_facts(program);
        db.add_program_texts(program);
        let symbols = db.symbols.share();
        let kept_whole = all().map(|r| (!cut.parted[r.index()] && reads(r)).then(|| db.table(r)));
        let common = Arc::new(Common::of(kept_whole));
        let tallied = |(rel, key): &(RelId, Option<usize>)| {
            let tally = tallies.iter().find(|t| t.answers == *rel && t.adds_up(program));
            tally.copied().zip(*key)
        };
        let mut scans = Vec::new();
        for (tally, key) in cut.heads.iter().filter_map(tallied) {
            scans.extend(Scan::of(self, program, tally, key)?);
        }
        let scanned = |rel: RelId| scans.iter().any(|s| s.tally.answers == rel);
        // What is scanned needs no engine.
        let run: Vec<bool> = program.rules.iter().zip(&cut.rules).map(|(r, here)| *here && !scanned(r.head)).collect();
        let behind: Vec<bool> = all().map(|r| behind[r.index()] && !scanned(r)).collect();
        let (counted, kept): (Vec<&(RelId, Option<usize>)>, Vec<_>) =
            cut.heads.iter().filter(|h| !scanned(h.0)).partition(|h| tallied(h).is_some());
        let heads: Vec<RelId> = counted.iter().chain(&kept).map(|h| h.0).collect();
        let options = Options {
            threads: 1,
            complete: true,
            read: Some(Arc::new(Read::of(program, Some(&heads)))),
            wanted: Some(heads),
            rules: Some(Arc::new(run.clone())),
            common: Some(common),
            ..options.clone()
        };
        let runs = |rel: &RelId| {
            let mut rules = program.rules.iter().zip(&run).filter(|(_, run)| **run);
            rules.any(|(r, _)| r.reads().any(|read| read == *rel))
        };
        let parted: Vec<RelId> = parted.into_iter().filter(runs).collect();
        let mut before = vec![false; program.relations.len()];
        let source = |(rel, uses): (RelId, Vec<Use>)| -> Result<Source<'_>, Trouble> {
            let files = self.layers(self.kind(rel).unwrap_or(Kind::Facts), rel)?;
            let joins = self.joins(program, rel, &behind, &before);
            before[rel.index()] = true;
            Ok(Source { rel, uses, joins, files, most: 0 })
        };
        let mut sources =
            self.order(program, &parted, &behind).into_iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let first = sources.iter().flat_map(|s| s.files.first()).chain(scans.iter().flat_map(Scan::first));
        let longest = first.map(|(f, _)| f).max_by_key(|f| f.blocks());
        let mut bounds: Vec<String> = longest.map_or_else(Vec::new, |f| {
            let step = (f.blocks() / PIECES).clamp(1, PIECE);
            (step..f.blocks()).step_by(step).map(|b| f.fence(b).to_owned()).collect()
        });
        for s in &mut sources {
            s.most = self.rows(s.rel) as usize / (bounds.len() + 1) / 2;
        }
        bounds.dedup();
        let work = Work {
            program,
            sources,
            bounds,
            symbols,
            options,
            kept: kept.iter().map(|h| h.0).collect(),
            tallies: counted.into_iter().filter_map(tallied).collect(),
            scans,
        };
        let (done, scanned) = (work.all(&mut db, request.threads)?, work.scans.len());
        drop(work);
        db.symbols = db.symbols.own();
        Ok(done.map(|done| Found { database: db, done, scanned }))
    }
}
