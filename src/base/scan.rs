//! Rules over one table of whose answers only counts are wanted: they are counted where they lie.
//!
//! Rows of a table differ, so each is an answer of its own where a rule names all columns; then nothing is read but what the
//! counts are by, what they are of, and what tests look at. Where a rule leaves columns open, rows with one key, which stand
//! together, are laid beside each other. Nothing is joined, sorted or made distinct, and few texts become words.

use super::Trouble;
use super::file::{Block, Cell, Columns, Table as File, order};
use super::gather::{Pick, Use};
use super::pieces::Keys;
use super::store::{Base, Gone, Kind};
use crate::engine::functor;
use crate::engine::limit::{Deadline, Limit};
use crate::engine::naive::body;
use crate::engine::symbol::Symbols;
use crate::engine::tally::{Groups, Tally};
use crate::engine::value::Word;
use crate::lang::program::{AggOp, Arg, CmpOp, Const, Literal, Prim, Program, RelId, Relation, Rule, Term, VarId};
use arrow_array::Array as _;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use rustc_hash::FxBuildHasher;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Values that tests look at for each of which it is kept what comes of them.
const KNOWN: usize = 1 << 16;
/// Combinations of texts for which there is a place each.
const CODED: usize = 1 << 16;

/// A rule over one table, and the aggregates over its answers.
pub(super) struct Scan<'p> {
    program: &'p Program,
    /// The table.
    pub rel: RelId,
    pub tally: &'p Tally,
    /// The column of its answers that is the key.
    key: usize,
    rule: &'p Rule,
    relation: &'p Relation,
    /// The files of the table, with the rows that later layers took away.
    files: Vec<(Arc<File>, Gone)>,
    /// By column of the table.
    uses: Vec<Use>,
    /// Columns of the table that tell answers apart, where two rows may give the same one.
    apart: Option<Vec<usize>>,
    /// Some aggregate counts the values of the key.
    keyed: bool,
    /// Tests, each of which can be decided after those before it, and the variables of the table at which they look.
    tests: Vec<&'p Literal>,
    looked: Vec<VarId>,
    /// What is known of tests goes from piece to piece, if no text is among it: those have other words in each.
    passed: Option<Mutex<Vec<Known>>>,
    /// By variable: its column in the table.
    columns: Vec<Option<usize>>,
    /// By column of the answers: the variable.
    shown: Vec<VarId>,
}

/// What a piece of a table gives.
pub(super) enum Scanned {
    /// Counts, and the values of the rules that some row holds.
    Counted(Groups, Vec<Const>),
    /// Some term had no value: the engine may find that it is not asked for.
    Fault,
}

/// Counts by the texts of coded columns.
struct Coded {
    /// The columns, each with the number of its texts.
    columns: Vec<(usize, usize)>,
    counts: Vec<u64>,
}

impl Coded {
    /// Counts rows of a block.
    fn count(&mut self, block: &Block, rows: impl Iterator<Item = usize>) {
        let codes: Vec<(&[u16], usize)> =
            self.columns.iter().filter_map(|(c, texts)| Some((block.codes(*c)?, *texts))).collect();
        match codes[..] {
            [(codes, _)] => rows.for_each(|r| self.counts[usize::from(codes[r])] += 1),
            _ => rows.for_each(|r| {
                let at = codes.iter().fold(0, |at, (codes, texts)| at * texts + usize::from(codes[r]));
                self.counts[at] += 1;
            }),
        }
    }
}

/// Values of all variables that tests bind or look at, if all hold, by those that were looked at.
type Known = HashMap<Vec<Word>, Option<Box<[Option<Word>]>>, FxBuildHasher>;

/// What is counted of a piece.
#[derive(Default)]
struct State {
    groups: Groups,
    known: Known,
    /// Room for the values at which tests look.
    looked: Vec<Word>,
}

fn variables(term: &Term, out: &mut Vec<VarId>) {
    match term {
        Term::Var(v) => out.push(*v),
        Term::Const(_) => {}
        Term::Apply { args, .. } => args.iter().for_each(|t| variables(t, out)),
    }
}

impl<'p> Scan<'p> {
    /// The one rule for the answers of a tally, if it can be gone through so; `key` is the column of the key in the answers.
    ///
    /// # Errors
    /// When a file is not as it was written.
    pub fn of(base: &Base, program: &'p Program, tally: &'p Tally, key: usize) -> Result<Option<Self>, Trouble> {
        let Some(mut scan) = Self::of_rule(base, program, tally, key) else { return Ok(None) };
        scan.files = base.layers(base.kind(scan.rel).unwrap_or(Kind::Facts), scan.rel)?;
        // Rows of several layers may give one answer.
        let together = scan.apart.is_some() || scan.keyed;
        Ok((scan.files.len() == 1 || !together).then_some(scan))
    }

    /// The same, without files.
    fn of_rule(base: &Base, program: &'p Program, tally: &'p Tally, key: usize) -> Option<Self> {
        let mut rules = program.rules.iter().filter(|r| r.head == tally.answers);
        let (Some(rule), None) = (rules.next(), rules.next()) else { return None };
        let mut atoms = rule.body.iter().filter(|l| !matches!(l, Literal::Compare { .. }));
        let (Some(Literal::Atom(atom)), None) = (atoms.next(), atoms.next()) else { return None };
        let mut columns = vec![None; rule.vars.len()];
        for (c, arg) in atom.args.iter().enumerate() {
            if let Arg::Var(v) = arg
                && columns[v.index()].replace(c).is_some()
            {
                return None;
            }
        }
        let shown: Vec<VarId> =
            rule.args.iter().map(|t| if let Term::Var(v) = t { Some(*v) } else { None }).collect::<Option<_>>()?;
        if columns[shown[key].index()] != Some(0) {
            return None;
        }
        let mut bound: Vec<bool> = columns.iter().map(Option::is_some).collect();
        let mut left: Vec<&Literal> = rule.body.iter().filter(|l| matches!(l, Literal::Compare { .. })).collect();
        let mut tests = Vec::new();
        let mut read = Vec::new();
        while !left.is_empty() {
            let test = left.remove(left.iter().position(|l| body::ready(l, &bound))?);
            if let Literal::Compare { left, right, .. } = test {
                [left, right].into_iter().for_each(|t| variables(t, &mut read));
            }
            read.iter().for_each(|v| bound[v.index()] = true);
            tests.push(test);
        }
        read.sort_unstable();
        read.dedup();
        let passed = read.iter().all(|v| rule.vars[v.index()].prim != Prim::Symbol).then(Mutex::default);
        let looked: Vec<VarId> = read.into_iter().filter(|v| columns[v.index()].is_some()).collect();
        let keyed = tally.of.iter().any(|(_, of)| *of == Some(key));
        let others = tally.of.iter().filter_map(|(_, of)| *of).filter(|c| *c != key);
        let needed: Vec<VarId> =
            tally.by.iter().copied().chain(others).map(|c| shown[c]).chain(looked.iter().copied()).collect();
        let of = |arg: &Arg| match arg {
            Arg::Const(c) => Use::One(vec![c.clone()]),
            Arg::Var(v) if needed.contains(v) => Use::Any,
            _ => Use::Unread,
        };
        // No two given rows have one key.
        let told = |name: &str| {
            let at = program.rel(atom.rel).columns.iter().position(|c| c.name == name);
            at.is_some_and(|c| atom.args[c] != Arg::Wild)
        };
        let key_of = |note: &str| base.kind(atom.rel) == Some(Kind::Facts) && note.split_whitespace().all(told);
        let by_key = program.rel(atom.rel).notes.get("key").is_some_and(key_of);
        let open = !by_key && atom.args.contains(&Arg::Wild);
        let named = |(c, arg): (usize, &Arg)| matches!(arg, Arg::Var(_)).then_some(c);
        Some(Self {
            program,
            rel: atom.rel,
            tally,
            key,
            rule,
            relation: program.rel(atom.rel),
            files: Vec::new(),
            uses: atom.args.iter().map(of).collect(),
            apart: open.then(|| atom.args.iter().enumerate().filter_map(named).collect()),
            keyed,
            tests,
            looked,
            passed,
            columns,
            shown,
        })
    }

    /// That the time is over.
    pub fn late(&self, until: Deadline) -> Limit {
        let span = self.rule.span;
        Limit::Time { seconds: until.seconds(), span, place: self.program.place(span) }
    }

    /// The first of the files.
    pub fn first(&self) -> Option<&(Arc<File>, Gone)> {
        self.files.first()
    }

    /// Columns that are read: what is used, all where rows went, which are known by all that they say, and those by which
    /// rows are laid beside each other.
    fn read(&self, file: &File, gone: &Gone, first: bool) -> Columns {
        let apart = |c: usize| self.apart.as_ref().is_some_and(|a| a.contains(&c));
        let read =
            |c: &usize| (first && *c == 0) || !gone.is_empty() || !matches!(self.uses[*c], Use::Unread) || apart(*c);
        file.columns((0..self.relation.arity()).filter(read).collect())
    }

    /// The counts by texts of coded columns, if that is all that is asked of a file.
    fn coded(&self, file: &File) -> Result<Option<Coded>, Trouble> {
        let rows = |(op, of): &(AggOp, Option<usize>)| *op == AggOp::Count && of.is_none();
        if self.apart.is_some() || !self.tests.is_empty() || !self.tally.of.iter().all(rows) {
            return Ok(None);
        }
        let texts = file.texts()?;
        let (mut columns, mut all) = (Vec::new(), 1);
        for c in &self.tally.by {
            let column = self.columns[self.shown[*c].index()];
            let Some((column, texts)) = column.and_then(|c| Some((c, texts[c].as_ref()?.len()))) else {
                return Ok(None);
            };
            columns.push((column, texts));
            all *= texts;
            if all > CODED {
                return Ok(None);
            }
        }
        Ok(Some(Coded { columns, counts: vec![0; all] }))
    }

    /// Counts the answers with keys from one up to another.
    pub fn piece(&self, keys: Keys<'_>, symbols: &mut Symbols) -> Result<Scanned, Trouble> {
        let pick = Pick::new(self.relation, Some(&self.uses), &[], false);
        let lock = |k: &Mutex<Vec<Known>>| k.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let known = self.passed.as_ref().and_then(lock).unwrap_or_default();
        let mut state = State { known, ..State::default() };
        let mut met: Vec<Const> = Vec::new();
        for (file, gone) in &self.files {
            let mut seen = pick.seen();
            let together = self.apart.is_some() || self.keyed;
            let mut coded = self.coded(file)?;
            let (within, across) = (self.read(file, gone, together), self.read(file, gone, true));
            let mut blocks: Vec<Block> = Vec::new();
            let mut rows: Vec<(u32, u32)> = Vec::new();
            let mut words: Vec<Word> = Vec::new();
            for b in file.range(keys) {
                let inside = file.inside(b, keys);
                let block = file.some(b, if inside { &within } else { &across })?;
                let from = keys.0.filter(|_| !inside).map_or(0, |k| block.lower(Cell::Text(k)));
                let to = keys.1.filter(|_| !inside).map_or(block.len(), |k| block.lower(Cell::Text(k)));
                if let Some(coded) = coded.as_mut().filter(|_| gone.is_empty() && pick.takes_all()) {
                    coded.count(&block, from..to);
                    continue;
                }
                let mut taken: Vec<usize> = gone.standing(&block).filter(|r| (from..to).contains(r)).collect();
                pick.keep(&block, &mut taken, symbols, &mut seen);
                if let Some(coded) = &mut coded {
                    coded.count(&block, taken.into_iter());
                    continue;
                }
                pick.words(&block, &taken, symbols, &mut seen, &mut words);
                if together {
                    rows.extend(taken.iter().map(|r| (blocks.len() as u32, *r as u32)));
                    blocks.push(block);
                    continue;
                }
                for row in words.chunks_exact(self.relation.arity()) {
                    if !self.answer(row, symbols, &mut state, |_| false) {
                        return Ok(Scanned::Fault);
                    }
                }
                words.clear();
            }
            if !self.runs(&blocks, &rows, &words, symbols, &mut state) {
                return Ok(Scanned::Fault);
            }
            if let Some(coded) = coded {
                let texts = file.texts()?;
                for (mut at, n) in coded.counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                    let mut group = Vec::with_capacity(coded.columns.len());
                    for (column, all) in coded.columns.iter().rev() {
                        let text = texts[*column].as_ref().map_or("", |t| t.value(at % all));
                        group.push(symbols.intern(text));
                        at /= all;
                    }
                    group.reverse();
                    self.tally.answers(&mut state.groups, &group, n);
                }
            }
            for value in seen.met.into_iter().map(|m| pick.value(m)) {
                if !met.contains(value) {
                    met.push(value.clone());
                }
            }
        }
        if let Some(passed) = &self.passed {
            passed.lock().unwrap_or_else(PoisonError::into_inner).push(state.known);
        }
        Ok(Scanned::Counted(state.groups, met))
    }

    /// Counts the answers of rows that stand together with those that have their key. False if some term has no value.
    fn runs(
        &self,
        blocks: &[Block],
        rows: &[(u32, u32)],
        words: &[Word],
        symbols: &mut Symbols,
        state: &mut State,
    ) -> bool {
        let cell = |i: usize, c: usize| blocks[rows[i].0 as usize].get(rows[i].1 as usize, c);
        let by = |a: usize, b: usize, apart: &[usize]| {
            let mut all = apart.iter().map(|c| order(cell(a, *c), cell(b, *c)));
            all.find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        let width = self.relation.arity();
        let mut run: Vec<usize> = Vec::new();
        let mut from = 0;
        while from < rows.len() {
            let mut to = from + 1;
            while to < rows.len() && cell(to, 0) == cell(from, 0) {
                to += 1;
            }
            run.clear();
            run.extend(from..to);
            // Rows lie in the order of their columns: seldom is there anything to do.
            if let Some(apart) = &self.apart
                && !(from + 1..to).all(|i| by(i - 1, i, apart).is_lt())
            {
                run.sort_by(|a, b| by(*a, *b, apart));
                run.dedup_by(|a, b| by(*a, *b, apart).is_eq());
            }
            let blank = cell(from, 0) == Cell::Text("");
            let mut met: Vec<Vec<Word>> = Vec::new();
            for i in &run {
                let first = |group: &[Word]| {
                    let first = !blank && !met.iter().any(|m| m == group);
                    if first && run.len() > 1 {
                        met.push(group.to_vec());
                    }
                    first
                };
                if !self.answer(&words[i * width..(i + 1) * width], symbols, state, first) {
                    return false;
                }
            }
            from = to;
        }
        true
    }

    /// Counts the answer of a row, if tests hold. False if some term has no value.
    fn answer(
        &self,
        row: &[Word],
        symbols: &mut Symbols,
        state: &mut State,
        first: impl FnOnce(&[Word]) -> bool,
    ) -> bool {
        let of_table = |v: VarId| self.columns[v.index()].map(|c| row[c]);
        let State { groups, known, looked } = state;
        let mut decided = None;
        if !self.tests.is_empty() {
            looked.clear();
            looked.extend(self.looked.iter().filter_map(|v| of_table(*v)));
            if known.len() > KNOWN {
                known.clear();
            }
            let found = match known.entry_ref(&looked[..]) {
                EntryRef::Occupied(known) => known.into_mut(),
                EntryRef::Vacant(new) => match self.decide(looked, symbols) {
                    Ok(found) => new.insert(found),
                    Err(_) => return false,
                },
            };
            match found {
                Some(vars) => decided = Some(&*vars),
                None => return true,
            }
        }
        let word = |c: usize| {
            let v = self.shown[c];
            of_table(v).or_else(|| decided?[v.index()]).unwrap_or_default()
        };
        self.tally.answer(self.program, groups, Some(self.key), first, word);
        true
    }

    /// The values of variables under which all tests hold, if they do, given what they look at.
    fn decide(&self, looked: &[Word], symbols: &mut Symbols) -> Result<Option<Box<[Option<Word>]>>, functor::Fault> {
        let mut vars = vec![None; self.rule.vars.len()];
        self.looked.iter().zip(looked).for_each(|(v, w)| vars[v.index()] = Some(*w));
        for test in &self.tests {
            let Literal::Compare { op, prim, left, right, .. } = test else { continue };
            let free = |t: &Term| match t {
                Term::Var(v) if vars[v.index()].is_none() => Some(*v),
                _ => None,
            };
            if let (CmpOp::Eq, Some((v, term))) =
                (op, free(left).map(|v| (v, right)).or_else(|| free(right).map(|v| (v, left))))
            {
                vars[v.index()] = Some(body::eval(term, &vars, symbols)?);
                continue;
            }
            let (a, b) = (body::eval(left, &vars, symbols)?, body::eval(right, &vars, symbols)?);
            if !functor::compare(*op, *prim, a, b, symbols)? {
                return Ok(None);
            }
        }
        Ok(Some(vars.into()))
    }
}
