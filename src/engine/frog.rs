//! The join engine: the only file that names datafrog.
//!
//! One step of a rule is one `Relation::from_leapjoin` over a chunk of rows. The source relation holds row numbers, not
//! rows: the rows lie flat beside it, so one kernel serves every width. [`Leap`] implements datafrog's public `Leapers`
//! and does the whole step: tests that need only the row (short-circuiting, which tuples of datafrog's own leapers do
//! not), one extension by prefix search in a sorted index with a galloping cursor, and tests that need the row found.
//! Proposed values are references to the first column of index rows; the place of the row is recovered from the address.
//! The result is emitted by the closure into a flat vector, and the `Relation<()>` that datafrog builds costs nothing.
//!
//! `Relation::from_antijoin` of datafrog 2.0.1 returns the empty relation whatever it is given; negation here is a test
//! inside [`Leap`], and nothing calls that function.

use super::expr::{Compare, Expr, View};
use super::functor::Fault;
use super::rows::prefix_range;
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
    pub segments: Vec<&'a [Word]>,
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
    /// Two words are equal, or differ if `negated`: the common case of a comparison.
    Same {
        /// One word.
        left: Key,
        /// The other.
        right: Key,
        /// Whether they must differ.
        negated: bool,
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

/// What a thread keeps between chunks: the places of the last hits, and a buffer for keys.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Cursors of all probes of a plan.
    pub cursors: Vec<usize>,
    key: Vec<Word>,
}

impl State {
    /// For a plan with so many cursors.
    #[must_use]
    pub fn new(cursors: usize) -> Self {
        Self { cursors: vec![0; cursors], key: Vec::new() }
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
    shared: &'s Shared<'s>,
    state: &'s mut State,
    segment: usize,
    range: (usize, usize),
}

/// What a step without extension proposes: once, nothing in particular.
static NOTHING: Word = 0;

fn search(probe: &Probe<'_>, segment: usize, view: View<'_>, state: &mut State) -> (usize, usize) {
    let word = |k: &Key| k.word(view);
    let cursor = &mut state.cursors[probe.cursor + segment];
    let data = probe.segments[segment];
    match probe.keys.as_slice() {
        [] => (0, data.len() / probe.width),
        [a] => prefix_range(probe.width, data, &[word(a)], cursor),
        [a, b] => prefix_range(probe.width, data, &[word(a), word(b)], cursor),
        keys => {
            state.key.clear();
            state.key.extend(keys.iter().map(word));
            prefix_range(probe.width, data, &state.key, cursor)
        }
    }
}

impl Leap<'_, '_> {
    #[inline]
    fn passes(&mut self, tests: &[Test<'_>], view: View<'_>) -> bool {
        tests.iter().all(|t| match t {
            Test::Same { left, right, negated } => (left.word(view) == right.word(view)) != *negated,
            Test::Compare(c) => match c.holds(view, self.shared.symbols) {
                Ok(b) => b,
                Err(fault) => {
                    self.shared.fail(fault, c.span);
                    false
                }
            },
            Test::Has { probe, negated } => {
                let found = (0..probe.segments.len()).any(|s| {
                    let (from, to) = search(probe, s, view, self.state);
                    from < to
                });
                found != *negated
            }
        })
    }
}

impl<'leap> Leapers<'leap, u32, Word> for Leap<'_, 'leap> {
    fn for_each_count(&mut self, tuple: &u32, mut op: impl FnMut(usize, usize)) {
        let view = View { row: self.shared.row(*tuple), found: &[] };
        let join = self.join;
        if !self.passes(&join.pre, view) {
            return op(0, 0);
        }
        match &join.extend {
            None => op(0, 1),
            Some(probe) => {
                self.range = search(probe, self.segment, view, self.state);
                op(0, self.range.1 - self.range.0);
            }
        }
    }

    fn propose(&mut self, tuple: &u32, _: usize, values: &mut Vec<&'leap Word>) {
        let join = self.join;
        let Some(probe) = &join.extend else { return values.push(&NOTHING) };
        let data: &'leap [Word] = probe.segments[self.segment];
        let w = probe.width;
        let (from, to) = self.range;
        if join.once && !join.post.is_empty() {
            let row = self.shared.row(*tuple);
            values.extend(
                (from..to)
                    .find(|i| self.passes(&join.post, View { row, found: &data[i * w..(i + 1) * w] }))
                    .map(|i| &data[i * w]),
            );
        } else {
            let to = if join.once { from + 1 } else { to };
            values.extend((from..to).map(|i| &data[i * w]));
        }
    }

    fn intersect(&mut self, tuple: &u32, _: usize, values: &mut Vec<&'leap Word>) {
        let join = self.join;
        if let (Some(probe), false) = (&join.extend, join.once || join.post.is_empty()) {
            let row = self.shared.row(*tuple);
            let data = probe.segments[self.segment];
            values.retain(|v| self.passes(&join.post, View { row, found: found_row(data, probe.width, v) }));
        }
    }
}

/// The index row whose first column is at this address.
#[inline]
fn found_row<'a>(data: &'a [Word], width: usize, first: &Word) -> &'a [Word] {
    let at = (std::ptr::from_ref(first) as usize - data.as_ptr() as usize) / size_of::<Word>();
    &data[at..at + width]
}

/// A source relation of row numbers, made once per thread.
pub struct Numbers(Relation<u32>);

impl Default for Numbers {
    fn default() -> Self {
        Self(Relation { elements: (0..CHUNK as u32).collect() })
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
        if numbers.0.elements.len() != n {
            numbers.0 = Relation { elements: (0..n as u32).collect() };
        }
        for segment in 0..self.extend.as_ref().map_or(1, |p| p.segments.len()) {
            let leap = Leap { join: self, shared: &shared, state, segment, range: (0, 0) };
            let index = self.extend.as_ref().map(|p| (p.segments[segment], p.width));
            let _: Relation<()> = Relation::from_leapjoin(&numbers.0, leap, |i, v| {
                let row = shared.row(*i);
                let found = index.map_or(&[][..], |(data, w)| found_row(data, w, v));
                let view = View { row, found };
                match &copy {
                    Some(places) => out.extend(places.iter().map(|p| view.at(*p))),
                    None => emit(&self.out, view, &shared, self.span, out),
                }
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
