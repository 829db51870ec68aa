//! The tables of a run as the engine sees them: batches of sorted rows, permuted copies of them made when a plan first
//! probes them, and the figures a planner asks for.
//!
//! A relation that is complete has one batch. A relation that a recursive stratum is filling has several: stable batches
//! of falling size (merged as datafrog's `Variable` merges its own), and last the rows found in the round before.

use super::rows;
use super::seek::{Copy, Segment};
use super::store::{Database, Table};
use super::symbol::Symbols;
use super::value::Word;
use crate::lang::program::{Program, RelId};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which rows of a relation a literal reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// All rows.
    All,
    /// Rows found before the last round.
    Stable,
    /// Rows found in the last round.
    Recent,
}

#[derive(Clone, Debug, Default)]
struct Batch {
    /// One sorted copy per permutation of the relation, if it was asked for; the first is the natural order.
    copies: Vec<Option<Arc<Copy>>>,
    rows: usize,
}

/// One relation.
#[derive(Clone, Debug)]
pub struct Rel {
    /// Words per row: the number of columns, but 1 for a relation without columns, whose one row is then a 0.
    width: usize,
    nullary: bool,
    batches: Vec<Batch>,
    recent: bool,
    perms: Vec<Vec<usize>>,
    columns: Vec<Option<Column>>,
}

/// What is known of a column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Number of distinct values (an estimate if `counts` is absent).
    pub distinct: usize,
    /// Number of rows when it was counted.
    pub of: usize,
    /// Rows per value, for columns of few values; sorted by value.
    pub counts: Option<Vec<(Word, u32)>>,
}

impl Rel {
    fn new(table: Table) -> Self {
        let (width, nullary) = (table.width().max(1), table.width() == 0);
        let mut rel = Self {
            width,
            nullary,
            batches: Vec::new(),
            recent: false,
            perms: vec![(0..width).collect()],
            columns: vec![None; width],
        };
        if !table.is_empty() {
            rel.push(if nullary { vec![0] } else { table.into_data() });
        }
        rel
    }

    /// Words per row, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    fn picked(&self, version: Version) -> &[Batch] {
        let last = self.batches.len() - usize::from(self.recent);
        match version {
            Version::All => &self.batches,
            Version::Stable => &self.batches[..last],
            Version::Recent => &self.batches[last..],
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self, version: Version) -> usize {
        self.picked(version).iter().map(|b| b.rows).sum()
    }

    /// Column order of a permutation.
    #[must_use]
    pub fn perm(&self, id: usize) -> &[usize] {
        &self.perms[id]
    }

    /// The permutation that has these columns first, in some order, if one exists.
    #[must_use]
    pub fn known(&self, columns: &[usize]) -> Option<usize> {
        self.perms.iter().position(|p| p[..columns.len()].iter().all(|c| columns.contains(c)))
    }

    /// The permutation that has these columns first, new if none exists; its copies are not made yet.
    pub fn permutation(&mut self, columns: &[usize]) -> usize {
        self.known(columns).unwrap_or_else(|| {
            let mut perm = columns.to_vec();
            perm.sort_unstable();
            perm.extend((0..self.width).filter(|c| !columns.contains(c)));
            self.perms.push(perm);
            self.perms.len() - 1
        })
    }

    /// Makes the copies of a permutation that are missing; tells how many rows were copied.
    pub fn build(&mut self, id: usize) -> usize {
        let Self { width, batches, perms, .. } = self;
        let perm = &perms[id];
        let mut copied = 0;
        for b in batches {
            if b.copies.len() <= id {
                b.copies.resize(id + 1, None);
            }
            if let (None, Some(natural)) = (&b.copies[id], &b.copies[0]) {
                let copy = rows::permuted(*width, natural.data(), perm, key_length(perm));
                b.copies[id] = Some(Arc::new(copy.into()));
                copied += b.rows;
            }
        }
        copied
    }

    /// The sorted copies of a permutation that is built.
    pub fn segments(&self, version: Version, id: usize) -> impl Iterator<Item = &[Word]> + '_ {
        self.picked(version).iter().filter_map(move |b| b.copies.get(id)?.as_deref().map(Copy::data))
    }

    /// The same, to be searched more than once.
    pub fn searched(&self, version: Version, id: usize) -> impl Iterator<Item = Segment<'_>> + '_ {
        let width = self.width;
        self.picked(version).iter().filter_map(move |b| b.copies.get(id)?.as_deref().map(|c| c.segment(width)))
    }

    fn push(&mut self, data: Vec<Word>) {
        let rows = data.len() / self.width;
        self.batches.push(Batch { copies: vec![Some(Arc::new(data.into()))], rows });
    }

    /// Ends a round: the rows of the last round become stable, and those of `new` that are not known yet become recent.
    /// `new` is sorted and distinct. Tells how many are new.
    pub fn advance(&mut self, mut new: Vec<Word>) -> usize {
        self.settle();
        for old in self.segments(Version::All, 0) {
            rows::subtract(self.width, &mut new, old);
        }
        let found = new.len() / self.width;
        if found > 0 {
            self.push(new);
            self.recent = true;
        }
        found
    }

    /// Makes the recent rows stable, and merges batches so that each is more than twice as large as the next.
    pub fn settle(&mut self) {
        if !std::mem::take(&mut self.recent) {
            return;
        }
        while let [.., a, b] = self.batches.as_slice()
            && a.rows <= 2 * b.rows
        {
            let merged = self.merged(a, b);
            self.batches.truncate(self.batches.len() - 2);
            self.batches.push(merged);
        }
    }

    fn merged(&self, a: &Batch, b: &Batch) -> Batch {
        let copies = (0..a.copies.len().min(b.copies.len()))
            .map(|i| match (&a.copies[i], &b.copies[i]) {
                (Some(x), Some(y)) => Some(Arc::new(rows::union(self.width, x.data(), y.data()).into())),
                _ => None,
            })
            .collect();
        Batch { copies, rows: a.rows + b.rows }
    }

    /// Replaces everything by one batch of sorted, distinct rows.
    pub fn replace(&mut self, data: Vec<Word>) {
        self.batches.clear();
        self.recent = false;
        self.columns = vec![None; self.width];
        if !data.is_empty() {
            self.push(data);
        }
    }

    /// Puts all batches into one.
    pub fn complete(&mut self) {
        self.recent = false;
        self.columns = vec![None; self.width];
        if self.batches.len() > 1 {
            let data = self.take();
            self.replace(data);
        }
    }

    /// Takes the rows out, in natural order.
    pub fn take(&mut self) -> Vec<Word> {
        let mut sets = Vec::new();
        for b in std::mem::take(&mut self.batches) {
            if let Some(Some(natural)) = b.copies.into_iter().next() {
                sets.push(Arc::try_unwrap(natural).map_or_else(|shared| shared.data().to_vec(), Copy::into_data));
            }
        }
        self.recent = false;
        rows::union_all(self.width, sets)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.batches.iter().flat_map(|b| b.copies.iter().flatten()).map(|c| c.bytes()).sum()
    }

    /// Figures of a column; counted when first asked for, and again when the relation has doubled since.
    pub fn column(&mut self, c: usize) -> &Column {
        if self.stale(c) {
            self.columns[c] = Some(self.count(c));
        }
        self.columns[c].as_ref().expect("filled in the line above")
    }

    fn stale(&self, c: usize) -> bool {
        self.columns[c].as_ref().is_none_or(|f| self.rows(Version::All) > 2 * f.of + 16)
    }

    fn count(&self, c: usize) -> Column {
        let rows = self.rows(Version::All);
        let (mut low, mut high) = (Word::MAX, 0);
        for s in self.segments(Version::All, 0) {
            for row in s.chunks_exact(self.width) {
                low = low.min(row[c]);
                high = high.max(row[c]);
            }
        }
        let span = high.saturating_sub(low) as usize;
        if rows == 0 {
            return Column { distinct: 0, of: rows, counts: Some(Vec::new()) };
        }
        if span > SPAN.max(8 * rows) {
            return self.sample(c, rows);
        }
        let mut counts = vec![0u32; span + 1];
        for s in self.segments(Version::All, 0) {
            s.chunks_exact(self.width).for_each(|row| counts[(row[c] - low) as usize] += 1);
        }
        let distinct = counts.iter().filter(|n| **n > 0).count();
        let listed = (distinct <= FEW)
            .then(|| counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (low + i as Word, *n)).collect());
        Column { distinct, of: rows, counts: listed }
    }

    fn sample(&self, c: usize, rows: usize) -> Column {
        let step = rows.div_ceil(SAMPLE);
        let mut seen: Vec<Word> =
            self.segments(Version::All, 0).flat_map(|s| s.iter().skip(c).step_by(self.width * step).copied()).collect();
        let taken = seen.len().max(1);
        seen.sort_unstable();
        seen.dedup();
        // A column that repeats inside the sample has few values; one that does not has about as many as rows.
        let distinct = if seen.len() * 2 < taken { seen.len() } else { seen.len() * rows / taken };
        Column { distinct: distinct.clamp(1, rows), of: rows, counts: None }
    }
}

/// Columns of up to this many distinct values keep the number of rows per value.
const FEW: usize = 4096;
/// Ranges of values up to this size are counted in an array.
const SPAN: usize = 1 << 16;
/// Rows looked at for an estimate.
const SAMPLE: usize = 1 << 14;

/// Number of columns before the longest ascending tail: that tail keeps the natural order, only these are sort keys.
fn key_length(perm: &[usize]) -> usize {
    let tail = (1..perm.len()).rev().take_while(|i| perm[i - 1] < perm[*i]).count();
    perm.len().saturating_sub(tail + 1)
}

/// What several runs over parts of the same tables have in common: relations that they only read, with the copies that any
/// of them made, and how many values the columns of the others have in one of them.
#[derive(Debug)]
pub struct Common {
    rels: Vec<Option<Mutex<Rel>>>,
    /// By relation and column: rows, distinct values.
    counted: Mutex<FxHashMap<(RelId, usize), (usize, usize)>>,
}

impl Common {
    /// Takes a copy of each of these tables.
    #[must_use]
    pub fn of<'t>(tables: impl Iterator<Item = Option<&'t Table>>) -> Self {
        let rels = tables.map(|t| t.map(|t| Mutex::new(Rel::new(t.clone())))).collect();
        Self { rels, counted: Mutex::default() }
    }

    /// Whether a relation is among them.
    #[must_use]
    pub fn has(&self, rel: usize) -> bool {
        self.rels.get(rel).is_some_and(Option::is_some)
    }

    /// A relation with all copies made so far, which are shared.
    fn get(&self, rel: usize) -> Option<Rel> {
        let there = self.rels.get(rel)?.as_ref()?;
        Some(there.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Keeps the copies that a run made.
    fn learn(&self, rels: &[Rel]) {
        for (known, rel) in self.rels.iter().zip(rels) {
            let Some(known) = known else { continue };
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if rel.perms.len() > known.perms.len() {
                *known = rel.clone();
            }
        }
    }
}

impl Common {
    fn counted(&self) -> MutexGuard<'_, FxHashMap<(RelId, usize), (usize, usize)>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Distinct values of a column in a part with about as many rows, if one was counted.
    fn distinct(&self, rel: RelId, column: usize, rows: usize) -> Option<usize> {
        let (of, distinct) = *self.counted().get(&(rel, column))?;
        (rows <= 2 * of && of <= 2 * rows).then(|| distinct.min(rows))
    }
}

/// All relations of a run.
pub struct Store {
    /// Interned text.
    pub symbols: Symbols,
    /// One per relation of the program.
    pub rels: Vec<Rel>,
    /// What was built: relation, key columns, rows, time.
    pub built: Vec<(RelId, Vec<usize>, usize, Duration)>,
    /// What runs over other parts counted. Which of them come first is chance: a plan may depend on it, what it gives does not.
    alike: Option<Arc<Common>>,
}

impl Store {
    /// Takes a database over.
    #[must_use]
    pub fn new(program: &Program, database: Database, common: Option<&Arc<Common>>) -> Self {
        let Database { symbols, tables } = database;
        let rel = |(i, table)| common.and_then(|c| c.get(i)).unwrap_or_else(|| Rel::new(table));
        let mut rels: Vec<Rel> = tables.into_iter().enumerate().map(rel).collect();
        rels.extend(program.relations.iter().skip(rels.len()).map(|r| Rel::new(Table::new(r.arity()))));
        Self { symbols, rels, built: Vec::new(), alike: common.cloned() }
    }

    /// Gives the database back, without the relations that others have too.
    #[must_use]
    pub fn into_database(mut self, common: Option<&Common>) -> Database {
        if let Some(common) = common {
            common.learn(&self.rels);
        }
        let tables = self
            .rels
            .iter_mut()
            .enumerate()
            .map(|(i, r)| match (r.nullary, r.rows(Version::All)) {
                _ if common.is_some_and(|c| c.has(i)) => Table::new(if r.nullary { 0 } else { r.width }),
                (true, 0) => Table::new(0),
                (true, _) => Table::unit(),
                _ => Table::from_sorted(r.width, r.take()),
            })
            .collect();
        Database { symbols: self.symbols, tables }
    }

    /// From here on only what is counted here decides on plans.
    pub fn count_alone(&mut self) {
        self.alike = None;
    }

    /// About how many distinct values a column has, at least 1.
    pub fn distinct(&mut self, id: RelId, column: usize) -> usize {
        let rel = &mut self.rels[id.index()];
        let Some(common) = self.alike.as_ref().filter(|_| rel.stale(column)) else {
            return rel.column(column).distinct.max(1);
        };
        let rows = rel.rows(Version::All);
        let known = common.distinct(id, column, rows).unwrap_or_else(|| {
            let distinct = rel.column(column).distinct;
            common.counted().insert((id, column), (rows, distinct));
            distinct
        });
        known.max(1)
    }

    /// A relation.
    #[must_use]
    pub fn rel(&self, id: RelId) -> &Rel {
        &self.rels[id.index()]
    }

    /// The permutation with these columns first, built.
    pub fn index(&mut self, id: RelId, columns: &[usize]) -> usize {
        let rel = &mut self.rels[id.index()];
        let perm = rel.permutation(columns);
        let start = Instant::now();
        let copied = rel.build(perm);
        if copied > 0 {
            self.built.push((id, columns.to_vec(), copied, start.elapsed()));
        }
        perm
    }
}
