//! Evaluation shard by shard: each shard is small enough for the caches, one thread has it to itself, and what it derives
//! is handed on and forgotten, so that memory does not grow with the number of conclusions.
//!
//! The result is that of [`evaluate`](super::evaluate): see [`partition`](super::partition) for why. Shards are ranges of
//! keys; what they give is taken in the order of the shards, whatever the number of threads.

use super::index::Common;
use super::limit::{Limit, Options};
use super::packed::{self, Block, Packer, Shelves};
use super::partition::{Partition, Place};
use super::profile::{Givers, Profile};
use super::rows;
use super::run::{needed_by, on_threads};
use super::store::{Database, Table};
use super::symbol::Symbols;
use super::unread::Read;
use super::value::Word;
use crate::lang::program::{Prim, Program, RelId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Rows of given facts that a shard has, about.
pub const ROWS: usize = 200_000;

/// Number of shards that suit tables of so many rows.
#[must_use]
pub fn suitable(rows: usize) -> usize {
    rows.div_ceil(ROWS).max(1)
}

/// By relation, which rules gave its rows.
pub type Every = BTreeMap<RelId, Arc<Givers>>;

/// What becomes of the conclusions of a shard.
pub trait Sink: Sync {
    /// What is kept of a shard.
    type Piece: Send;

    /// Takes from a finished shard what is wanted: rows of parted relations; whole ones come with the result. Runs on the
    /// thread of the shard, which lends its tables. `givers` are those wanted.
    fn piece(&self, shard: &mut Database, givers: &Every) -> Self::Piece;
}

/// Evaluates a program in so many shards. Pieces are given to `take` in the order of the shards; it can end the run, and
/// then the result is not complete. The result holds the given facts and all rows of whole and of gathered relations.
///
/// # Errors
/// When a stated limit is met, in the first shard that meets one.
pub fn evaluate<S: Sink>(
    program: &Program,
    mut database: Database,
    partition: &Partition,
    shards: usize,
    options: &Options,
    sink: &S,
    mut take: impl FnMut(S::Piece) -> ControlFlow<()>,
) -> Result<(Database, Profile), Limit> {
    let start = Instant::now();
    let read = Some(Arc::new(Read::of(program, options.wanted.as_deref())));
    let options = &Options { read, ..options.clone() };
    if !options.complete {
        database.add_program_facts(program);
    }
    database.add_program_texts(program);
    let bounds = bounds(&database, partition, shards);
    let budget = AtomicUsize::new(options.kept_bytes);
    let mut kept: Vec<Mutex<Kept>> = bounds.iter().map(|_| Mutex::default()).collect();
    let mut keeping: Vec<bool> = vec![false; program.relations.len()];
    let mut profile = Profile::new(program);
    let last = partition.passes() - 1;
    let wanted = super::needed(program, options.wanted.as_deref());
    for pass in 0..=last {
        let between = mask(program, partition, &wanted, |p| p == Place::Between(pass));
        if between.iter().any(|r| *r) {
            database.symbols = database.symbols.own();
            let part = Options { rules: Some(Arc::new(between)), complete: true, ..options.clone() };
            let (after, spent) = super::evaluate(program, database, &part)?;
            database = after;
            profile.merge(spent);
        }
        let here = |p: Place| matches!(p, Place::Shard(from) if from <= pass) || p == Place::Emit(pass);
        let mut rules = mask(program, partition, &wanted, here);
        let gathered: Vec<RelId> = partition.gathered[pass].iter().copied().collect();
        if pass < last {
            let needed = needed_by(program, &gathered, |r| rules[r.index()]);
            rules.iter_mut().zip(&program.rules).for_each(|(runs, r)| *runs &= needed[r.head.index()]);
        }
        if pass < last && !rules.iter().any(|r| *r) {
            continue;
        }
        let symbols = database.symbols.share();
        let given = std::mem::take(&mut database.tables);
        let also = options.givers.as_deref().filter(|_| pass == last).map_or(&[][..], Vec::as_slice);
        let split = Split::new(program, &given, partition, &bounds, &rules, also, pass);
        let common = Arc::new(split.common(program, &rules));
        let fresh = program.rules.iter().zip(&rules).map(|(r, runs)| *runs && !keeping[r.head.index()]).collect();
        let (complete, keep) = worth_keeping(program, partition, &rules, options.wanted.as_deref(), pass);
        let part = Options { threads: 1, complete: true, common: Some(common.clone()), ..options.clone() };
        let part = [rules, fresh].map(|rules| Options { rules: Some(Arc::new(rules)), ..part.clone() });
        let work = |shard: usize| -> Result<(Output<S::Piece>, Profile), Limit> {
            let mut given = split.shard(shard, &symbols, &common);
            let known = std::mem::take(&mut *kept[shard].lock().unwrap_or_else(PoisonError::into_inner));
            let part = &part[usize::from(!known.tables.bytes().is_empty())];
            packed::tables(known.tables.bytes()).for_each(|(i, t)| given.tables[i] = t);
            drop(known.tables);
            let (mut done, mut spent) = super::evaluate(program, given, part)?;
            let mut givers = known.givers;
            givers.extend(std::mem::take(&mut spent.givers));
            for (i, _) in also.iter().enumerate().filter(|(i, also)| **also && common.has(*i)) {
                done.tables[i] = split.given[i].clone();
            }
            let piece = (pass == last).then(|| sink.piece(&mut done, &givers));
            let rows = gathered.iter().map(|r| done.tables[r.index()].clone()).collect();
            let mut block = Vec::new();
            // Nobody packs what finds no room.
            if pass < last && budget.load(Ordering::Relaxed) > 0 {
                let mut packer = Packer::default();
                keep.iter().for_each(|i| packer.put(*i, &done.tables[*i]));
                block = packer.block();
                givers.retain(|rel, _| keep.binary_search(&rel.index()).is_ok());
                let size = block.len() + givers.values().map(|g| g.bytes()).sum::<usize>();
                let room = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |b| b.checked_sub(size));
                if room.is_err() {
                    block = Vec::new();
                    budget.store(0, Ordering::Relaxed);
                }
            }
            if block.is_empty() {
                givers = Every::new();
            }
            Ok((Output { piece, rows, block, givers, symbols: done.symbols }, spent))
        };
        let (mut shelves, mut all_givers) = (Shelves::default(), Vec::with_capacity(kept.len()));
        let mut rows: Vec<Runs> = vec![Runs::default(); gathered.len()];
        let mut found = Symbols::over(&symbols);
        let mut units = Vec::new();
        let mut failed = None;
        let ended = in_order(bounds.len(), options.threads, work, |output| match output {
            Err(limit) => {
                failed = Some(limit);
                ControlFlow::Break(())
            }
            Ok((output, spent)) => {
                profile.merge(spent);
                for ((table, rel), rows) in output.rows.into_iter().zip(&gathered).zip(&mut rows) {
                    if table.width() == 0 && !table.is_empty() {
                        units.push(*rel);
                    }
                    let width = table.width();
                    let mut set = translate(program, *rel, table, &output.symbols, symbols.len(), &mut found);
                    if output.symbols.len() > symbols.len() {
                        rows::normalise(width.max(1), &mut set);
                    }
                    rows.push(&set);
                }
                let (mut block, mut givers) = (output.block, output.givers);
                if output.symbols.len() > symbols.len() {
                    let mut packer = Packer::default();
                    for (i, table) in packed::tables(&block) {
                        let (width, rel) = (table.width(), RelId(i as u32));
                        if width == 0 {
                            packer.put(i, &table);
                            continue;
                        }
                        let rows = translate(program, rel, table, &output.symbols, symbols.len(), &mut found);
                        // Other numbers, another order.
                        if let Some(g) = givers.get_mut(&rel) {
                            Arc::make_mut(g).sort(width, &rows);
                        }
                        packer.put(i, &Table::from_rows(width, rows));
                    }
                    block = packer.block();
                }
                shelves.put(&block);
                all_givers.push(givers);
                output.piece.map_or(ControlFlow::Continue(()), &mut take)
            }
        });
        if let Some(limit) = failed {
            return Err(limit);
        }
        drop(split);
        drop(symbols);
        database.tables = given;
        if pass < last && ended.is_continue() {
            // What a shard did not keep in this pass it finds anew in the next one.
            let both = shelves.blocks().into_iter().zip(all_givers);
            kept = both.map(|(tables, givers)| Mutex::new(Kept { tables, givers })).collect();
            keeping = vec![false; program.relations.len()];
            complete.iter().for_each(|r| keeping[r.index()] = true);
            budget.store(options.kept_bytes, Ordering::Relaxed);
        }
        units.into_iter().for_each(|r| database.tables[r.index()] = Table::unit());
        on_threads(options.threads, || {
            for (rel, sets) in gathered.iter().zip(rows) {
                let table = &mut database.tables[rel.index()];
                let width = table.width();
                if width > 0 {
                    let own = std::mem::replace(table, Table::new(width)).into_data();
                    let all: Vec<&[Word]> = sets.sets().chain([&own[..]]).collect();
                    let pieces = rows::union_parallel(width, &all);
                    drop((sets, own));
                    *table = Table::from_sorted(width, rows::joined(pieces));
                }
            }
        })?;
        database.symbols = found;
        if ended.is_break() {
            break;
        }
    }
    database.symbols = database.symbols.own();
    profile.time = start.elapsed();
    Ok((database, profile))
}

/// Parted relations that are complete after a pass; and those of them that are worth keeping: read by rules that have not run
/// yet, or wanted in the end.
fn worth_keeping(
    program: &Program,
    partition: &Partition,
    rules: &[bool],
    wanted: Option<&[RelId]>,
    pass: usize,
) -> (BTreeSet<RelId>, Vec<usize>) {
    let mut found: BTreeSet<RelId> = BTreeSet::new();
    let mut partly: BTreeSet<RelId> = BTreeSet::new();
    for ((rule, place), runs) in program.rules.iter().zip(&partition.places).zip(rules) {
        match place {
            Place::Shard(_) if *runs => drop(found.insert(rule.head)),
            Place::Shard(_) => drop(partly.insert(rule.head)),
            _ => {}
        }
    }
    found.retain(|r| !partly.contains(r) && partition.levels[r.index()] <= pass);
    let mut needed: BTreeSet<RelId> = BTreeSet::new();
    for rule in program.rules.iter().filter(|r| !found.contains(&r.head)) {
        needed.extend(rule.reads());
    }
    let asked = |r: &RelId| needed.contains(r) || wanted.is_none_or(|w| w.contains(r));
    let keep = found.iter().filter(|r| asked(r)).map(|r| r.index()).collect();
    (found, keep)
}

/// What a shard keeps for the next pass.
#[derive(Debug, Default)]
struct Kept {
    /// Tables with their relations.
    tables: Block,
    /// What is known of their rows.
    givers: Every,
}

struct Output<P> {
    piece: Option<P>,
    block: Vec<u8>,
    givers: Every,
    rows: Vec<Table>,
    symbols: Symbols,
}

/// Sets of sorted rows one behind the other.
#[derive(Clone, Debug, Default)]
struct Runs {
    data: Vec<Word>,
    ends: Vec<usize>,
}

impl Runs {
    fn push(&mut self, set: &[Word]) {
        self.data.extend_from_slice(set);
        self.ends.push(self.data.len());
    }

    fn sets(&self) -> impl Iterator<Item = &[Word]> {
        let from = std::iter::once(0).chain(self.ends.iter().copied());
        from.zip(&self.ends).map(|(from, to)| &self.data[from..*to])
    }
}

/// First keys of the shards but the first, in order; and a last `None`.
type Bounds = Vec<(Word, Option<Word>)>;

/// Ranges of keys that hold about as many rows each of the largest parted table.
fn bounds(database: &Database, partition: &Partition, shards: usize) -> Bounds {
    let parted = database.tables.iter().zip(&partition.columns).filter(|(_, c)| **c == Some(0)).map(|(t, _)| t);
    let mut cuts: Vec<Word> = Vec::new();
    if let Some(table) = parted.max_by_key(|t| t.len()).filter(|t| !t.is_empty()) {
        cuts.extend((1..shards).map(|i| table.row(table.len() * i / shards)[0]));
        cuts.dedup();
        cuts.retain(|c| *c > 0);
    }
    let firsts = std::iter::once(0).chain(cuts.iter().copied());
    firsts.zip(cuts.iter().copied().map(Some).chain([None])).collect()
}

fn mask(program: &Program, partition: &Partition, wanted: &[bool], here: impl Fn(Place) -> bool) -> Vec<bool> {
    let rules = program.rules.iter().zip(&partition.places);
    rules.map(|(r, p)| wanted[r.head.index()] && here(*p)).collect()
}

/// What the shards of a pass are made of.
struct Split<'a> {
    given: &'a [Table],
    partition: &'a Partition,
    bounds: &'a Bounds,
    /// By relation: whether a shard needs it.
    needed: Vec<bool>,
    /// Rows by shard of parted relations whose key is not the first column.
    sorted: BTreeMap<usize, Vec<Table>>,
}

impl<'a> Split<'a> {
    fn new(
        program: &Program,
        given: &'a [Table],
        partition: &'a Partition,
        bounds: &'a Bounds,
        rules: &[bool],
        also: &[bool],
        pass: usize,
    ) -> Self {
        // A parted relation goes along even if no rule reads it: its rows may be wanted.
        let mut needed: Vec<bool> = partition.columns.iter().map(Option::is_some).collect();
        for (rule, _) in program.rules.iter().zip(rules).filter(|(_, runs)| **runs) {
            rule.reads().for_each(|r| needed[r.index()] |= partition.levels[r.index()] <= pass);
        }
        for (i, _) in also.iter().enumerate().filter(|(_, also)| **also) {
            needed[i] |= partition.levels[i] <= pass;
        }
        let mut sorted = BTreeMap::new();
        for (i, column) in partition.columns.iter().enumerate() {
            let Some(column) = column.filter(|c| *c > 0) else { continue };
            let table = &given[i];
            let mut rows: Vec<Vec<Word>> = vec![Vec::new(); bounds.len()];
            for row in table.rows() {
                rows[bounds.partition_point(|(from, _)| *from <= row[column]) - 1].extend_from_slice(row);
            }
            sorted.insert(i, rows.into_iter().map(|r| Table::from_sorted(table.width(), r)).collect());
        }
        Self { given, partition, bounds, needed, sorted }
    }

    /// Whole relations that no rule adds to in a shard.
    fn common(&self, program: &Program, rules: &[bool]) -> Common {
        let mut reads = self.needed.clone();
        for (rule, _) in program.rules.iter().zip(rules).filter(|(_, runs)| **runs) {
            reads[rule.head.index()] = false;
        }
        let whole = |(i, t): (usize, &'a Table)| (self.partition.columns[i].is_none() && reads[i]).then_some(t);
        Common::of(self.given.iter().enumerate().map(whole))
    }

    fn shard(&self, shard: usize, symbols: &Arc<Symbols>, common: &Common) -> Database {
        let (from, to) = self.bounds[shard];
        let table = |(i, t): (usize, &Table)| match self.partition.columns[i] {
            _ if !self.needed[i] || common.has(i) => Table::new(t.width()),
            None => t.clone(),
            Some(0) => t.between(from, to),
            Some(_) => self.sorted[&i][shard].clone(),
        };
        Database { symbols: Symbols::over(symbols), tables: self.given.iter().enumerate().map(table).collect() }
    }
}

/// The rows of a shard's table, with the texts that the shard made put into the common symbols: then they may not be sorted.
pub(crate) fn translate(
    program: &Program,
    rel: RelId,
    table: Table,
    own: &Symbols,
    known: usize,
    common: &mut Symbols,
) -> Vec<Word> {
    let width = table.width();
    let mut rows = table.into_data();
    if own.len() == known {
        return rows;
    }
    for (c, column) in program.rel(rel).columns.iter().enumerate() {
        if column.prim == Prim::Symbol {
            for w in rows.iter_mut().skip(c).step_by(width) {
                if *w as usize >= known {
                    *w = common.intern(own.resolve(*w));
                }
            }
        }
    }
    rows
}

/// Does `n` pieces of work on so many threads (0: as many as the machine has) and takes the results in order. Nobody runs
/// further ahead of what is taken than twice the number of threads.
pub(crate) fn in_order<T: Send>(
    n: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        t => t,
    };
    if threads == 1 || n == 1 {
        for i in 0..n {
            take(work(i))?;
        }
        return ControlFlow::Continue(());
    }
    struct Shared<T> {
        done: BTreeMap<usize, std::thread::Result<T>>,
        taken: usize,
    }
    let next = AtomicUsize::new(0);
    let shared = Mutex::new(Shared { done: BTreeMap::new(), taken: 0 });
    let changed = Condvar::new();
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(n) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return;
                    }
                    let mut s = lock();
                    while i >= s.taken.saturating_add(2 * threads) {
                        s = changed.wait(s).unwrap_or_else(PoisonError::into_inner);
                    }
                    if s.taken >= n {
                        return;
                    }
                    drop(s);
                    let result = catch_unwind(AssertUnwindSafe(|| work(i)));
                    lock().done.insert(i, result);
                    changed.notify_all();
                }
            });
        }
        for i in 0..n {
            let mut s = lock();
            let result = loop {
                match s.done.remove(&i) {
                    Some(r) => break r,
                    None => s = changed.wait(s).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(s);
            let went = match result {
                Ok(result) => take(result),
                Err(panic) => {
                    lock().taken = n;
                    changed.notify_all();
                    resume_unwind(panic)
                }
            };
            let mut s = lock();
            s.taken = if went.is_break() { n } else { i + 1 };
            drop(s);
            changed.notify_all();
            went?;
        }
        ControlFlow::Continue(())
    })
}
