//! The join engine: the only file that names datafrog.
//!
//! One step of a rule is one `Relation::from_leapjoin` over a chunk of rows. The source relation holds row numbers, not
//! rows: the rows lie flat beside it, so one kernel serves every width. Tests that need only the row come first, one test
//! after the other over the numbers that are left, so that datafrog is given no row in vain; a step that joins nothing is
//! then done. [`Leap`] implements datafrog's public `Leapers` for the rest: one extension by prefix search in a sorted
//! index with a galloping cursor, and tests that need the row found (short-circuiting, which tuples of datafrog's own
//! leapers do not).
//! Proposed values are references to the first column of index rows; the place of the row is recovered from the address.
//! The result is emitted by the closure into a flat vector, and the `Relation<()>` that datafrog builds costs nothing.
//!
//! `Relation::from_antijoin` of datafrog 2.0.1 returns the empty relation whatever it is given; negation here is a test,
//! and nothing calls that function.

use super::expr::{Compare, Expr, View};
use super::functor::Fault;
use super::limit::Deadline;
use super::seek::Segment;
use super::symbol::Symbols;
use super::value::Word;
use crate::lang::program::Span;
use datafrog::{Leapers, Relation};
use std::cell::RefCell;

/// Rows per call of datafrog: small enough for the caches, large enough that the call does not count.
pub const CHUNK: usize = 1024;

/// One word of a search key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A place of the row.
    Place(usize),
    /// A constant.
    Const(Word),
}

impl Key {
    #[inline]
    fn word(self, view: View<'_>) -> Word {
        match self {
            Self::Place(p) => view.at(p),
            Self::Const(w) => w,
        }
    }
}

/// A sorted index to search by prefix.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    /// Sorted copies; more than one while a recursive stratum fills the relation.
    pub segments: Vec<Segment<'a>>,
    /// Words per row.
    pub width: usize,
    /// What the first columns must equal.
    pub keys: Vec<Key>,
    /// First of its cursors in [`State`], one per segment.
    pub cursor: usize,
}

/// A test of a row.
#[derive(Clone, Debug)]
pub enum Test<'a> {
    /// Two words stand in this order: the common case of a comparison.
    Words {
        /// One word.
        left: Key,
        /// The other.
        right: Key,
        /// Which orders of the two will do.
        orders: Orders,
    },
    /// Any other comparison.
    Compare(Compare),
    /// Some row of the index has the key, or none has if `negated`.
    Has {
        /// Where to look.
        probe: Probe<'a>,
        /// Whether there must be none.
        negated: bool,
    },
}

/// Orders of two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The left one is less.
    pub less: bool,
    /// They are equal.
    pub equal: bool,
    /// The left one is greater.
    pub greater: bool,
}

impl Orders {
    #[inline]
    fn hold(self, a: Word, b: Word) -> bool {
        (self.less & (a < b)) | (self.equal & (a == b)) | (self.greater & (a > b))
    }
}

/// One step.
#[derive(Clone, Debug)]
pub struct Join<'a> {
    /// Tests before the extension.
    pub pre: Vec<Test<'a>>,
    /// The extension, if any.
    pub extend: Option<Probe<'a>>,
    /// Whether one row found is enough (nothing of it is kept).
    pub once: bool,
    /// Tests that need the row found.
    pub post: Vec<Test<'a>>,
    /// What a resulting row consists of.
    pub out: Vec<Expr>,
    /// Where to report a fault in `out`.
    pub span: Span,
}

/// What a thread keeps between chunks: the places of the last hits, a buffer for keys, and how long it may go on.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Cursors of all probes of a plan.
    pub cursors: Vec<usize>,
    key: Vec<Word>,
    until: Option<Deadline>,
    /// Rows found since somebody looked at the clock.
    work: usize,
    late: bool,
}

/// Rows found between two looks at the clock.
const LOOK: usize = 1 << 22;

impl State {
    /// For a plan with so many cursors.
    #[must_use]
    pub fn new(cursors: usize, until: Option<Deadline>) -> Self {
        Self { cursors: vec![0; cursors], until, ..Self::default() }
    }

    /// Counts rows found; tells whether it is too late for more.
    #[inline]
    fn late(&mut self, rows: usize) -> bool {
        self.work += rows;
        if self.work > LOOK {
            self.work = 0;
            self.late = self.until.is_some_and(Deadline::passed);
        }
        self.late
    }
}

/// A fault with the place of its literal.
pub type Stop = (Fault, Span);

struct Shared<'s> {
    input: &'s [Word],
    width: usize,
    symbols: &'s Symbols,
    stop: RefCell<Option<Stop>>,
}

impl Shared<'_> {
    #[inline]
    fn row(&self, i: u32) -> &[Word] {
        let at = i as usize * self.width;
        &self.input[at..at + self.width]
    }

    #[cold]
    fn fail(&self, fault: Fault, span: Span) {
        self.stop.borrow_mut().get_or_insert((fault, span));
    }
}

struct Leap<'s, 'leap> {
    join: &'s Join<'leap>,
    probe: &'s Probe<'leap>,
    shared: &'s Shared<'s>,
    state: &'s mut State,
    segment: usize,
    range: (usize, usize),
}

fn search(probe: &Probe<'_>, segment: usize, view: View<'_>, state: &mut State) -> (usize, usize) {
    let word = |k: &Key| k.word(view);
    let cursor = &mut state.cursors[probe.cursor + segment];
    let segment = probe.segments[segment];
    match probe.keys.as_slice() {
        [] => (0, segment.data.len() / probe.width),
        [a] => segment.range(probe.width, &[word(a)], cursor),
        [a, b] => segment.range(probe.width, &[word(a), word(b)], cursor),
        keys => {
            state.key.clear();
            state.key.extend(keys.iter().map(word));
            segment.range(probe.width, &state.key, cursor)
        }
    }
}

/// Whether some row has the key of the probe.
fn has(probe: &Probe<'_>, view: View<'_>, state: &mut State) -> bool {
    (0..probe.segments.len()).any(|s| {
        let (from, to) = search(probe, s, view, state);
        from < to
    })
}

impl Shared<'_> {
    #[inline]
    fn passes(&self, test: &Test<'_>, view: View<'_>, state: &mut State) -> bool {
        match test {
            Test::Words { left, right, orders } => orders.hold(left.word(view), right.word(view)),
            Test::Compare(c) => c.holds(view, self.symbols).unwrap_or_else(|fault| {
                self.fail(fault, c.span);
                false
            }),
            Test::Has { probe, negated } => has(probe, view, state) != *negated,
        }
    }

    /// Leaves the numbers of the rows that pass.
    fn sift(&self, test: &Test<'_>, state: &mut State, numbers: &mut Vec<u32>) {
        let (input, width) = (self.input, self.width);
        let view = |i: u32| View { row: self.row(i), found: &[] };
        match test {
            Test::Words { left: Key::Place(p), right: Key::Const(w), orders } => {
                keep(numbers, |i| orders.hold(input[i as usize * width + p], *w));
            }
            Test::Words { left, right, orders } => {
                keep(numbers, |i| orders.hold(left.word(view(i)), right.word(view(i))));
            }
            Test::Has { probe, negated } => match (probe.segments.as_slice(), probe.keys.as_slice()) {
                ([], _) => keep(numbers, |_| *negated),
                ([rows], [Key::Place(p)]) => {
                    let cursor = &mut state.cursors[probe.cursor];
                    keep(numbers, |i| rows.has(probe.width, &[input[i as usize * width + p]], cursor) != *negated);
                }
                ([rows], [Key::Place(p), Key::Place(q)]) => {
                    let cursor = &mut state.cursors[probe.cursor];
                    keep(numbers, |i| {
                        let at = i as usize * width;
                        rows.has(probe.width, &[input[at + p], input[at + q]], cursor) != *negated
                    });
                }
                _ => keep(numbers, |i| has(probe, view(i), state) != *negated),
            },
            Test::Compare(_) => keep(numbers, |i| self.passes(test, view(i), state)),
        }
    }
}

/// Keeps some numbers, without a branch on which.
#[inline]
fn keep(numbers: &mut Vec<u32>, mut wanted: impl FnMut(u32) -> bool) {
    let mut kept = 0;
    for at in 0..numbers.len() {
        let i = numbers[at];
        numbers[kept] = i;
        kept += usize::from(wanted(i));
    }
    numbers.truncate(kept);
}

impl<'leap> Leapers<'leap, u32, Word> for Leap<'_, 'leap> {
    fn for_each_count(&mut self, tuple: &u32, mut op: impl FnMut(usize, usize)) {
        let view = View { row: self.shared.row(*tuple), found: &[] };
        self.range = search(self.probe, self.segment, view, self.state);
        let found = self.range.1 - self.range.0;
        // A thousand rows may each find millions that no test lets through; whoever gave the rows tells that it is late.
        op(0, if self.state.late(found) { 0 } else { found });
    }

    fn propose(&mut self, tuple: &u32, _: usize, values: &mut Vec<&'leap Word>) {
        let join = self.join;
        let data: &'leap [Word] = self.probe.segments[self.segment].data;
        let w = self.probe.width;
        let (from, to) = self.range;
        if join.once && !join.post.is_empty() {
            let row = self.shared.row(*tuple);
            values.extend(
                (from..to).find(|i| self.passes(View { row, found: &data[i * w..(i + 1) * w] })).map(|i| &data[i * w]),
            );
        } else {
            let to = if join.once { from + 1 } else { to };
            values.extend((from..to).map(|i| &data[i * w]));
        }
    }

    fn intersect(&mut self, tuple: &u32, _: usize, values: &mut Vec<&'leap Word>) {
        if !self.join.once && !self.join.post.is_empty() {
            let row = self.shared.row(*tuple);
            let data = self.probe.segments[self.segment].data;
            values.retain(|v| self.passes(View { row, found: found_row(data, self.probe.width, v) }));
        }
    }
}

impl Leap<'_, '_> {
    /// Whether a row with what was found passes the tests that need both.
    #[inline]
    fn passes(&mut self, view: View<'_>) -> bool {
        let Self { join, shared, state, .. } = self;
        join.post.iter().all(|t| shared.passes(t, view, state))
    }
}

/// The index row whose first column is at this address.
#[inline]
fn found_row<'a>(data: &'a [Word], width: usize, first: &Word) -> &'a [Word] {
    let at = (std::ptr::from_ref(first) as usize - data.as_ptr() as usize) / size_of::<Word>();
    &data[at..at + width]
}

/// A source relation of row numbers, whose memory is used again.
pub struct Numbers(Relation<u32>);

impl Default for Numbers {
    fn default() -> Self {
        Self(Relation { elements: Vec::with_capacity(CHUNK) })
    }
}

impl Join<'_> {
    /// Runs the step over rows of `width` words (at most [`CHUNK`] rows) and appends what it gives to `out`.
    ///
    /// # Errors
    /// The first fault of a functor.
    pub fn run(
        &self,
        input: &[Word],
        width: usize,
        symbols: &Symbols,
        state: &mut State,
        numbers: &mut Numbers,
        out: &mut Vec<Word>,
    ) -> Result<(), Stop> {
        let n = input.len() / width;
        debug_assert!(n <= CHUNK);
        let shared = Shared { input, width, symbols, stop: RefCell::new(None) };
        let copy: Option<Vec<usize>> =
            self.out.iter().map(|e| if let Expr::Place(p) = e { Some(*p) } else { None }).collect();
        let left = &mut numbers.0.elements;
        left.clear();
        left.extend(0..n as u32);
        for test in &self.pre {
            shared.sift(test, state, left);
        }
        let Some(probe) = &self.extend else {
            match &copy {
                Some(places) if places.iter().copied().eq(0..width) => {
                    left.iter().for_each(|i| out.extend_from_slice(shared.row(*i)));
                }
                Some(places) => {
                    out.reserve(left.len() * places.len());
                    for i in left.iter() {
                        let row = shared.row(*i);
                        out.extend(places.iter().map(|p| row[*p]));
                    }
                }
                None => {
                    let view = |i: u32| View { row: shared.row(i), found: &[] };
                    left.iter().for_each(|i| emit(&self.out, view(*i), &shared, self.span, out));
                }
            }
            return shared.stop.into_inner().map_or(Ok(()), Err);
        };
        let mut give = |view: View<'_>| match &copy {
            Some(places) => out.extend(places.iter().map(|p| view.at(*p))),
            None => emit(&self.out, view, &shared, self.span, out),
        };
        for (segment, Segment { data, .. }) in probe.segments.iter().enumerate() {
            let leap = Leap { join: self, probe, shared: &shared, state, segment, range: (0, 0) };
            let _: Relation<()> = Relation::from_leapjoin(&numbers.0, leap, |i, v| {
                give(View { row: shared.row(*i), found: found_row(data, probe.width, v) });
            });
        }
        shared.stop.into_inner().map_or(Ok(()), Err)
    }
}

fn emit(exprs: &[Expr], view: View<'_>, shared: &Shared<'_>, span: Span, out: &mut Vec<Word>) {
    let start = out.len();
    for e in exprs {
        match e.eval(view, shared.symbols) {
            Ok(w) => out.push(w),
            Err(fault) => {
                out.truncate(start);
                return shared.fail(fault, span);
            }
        }
    }
}
