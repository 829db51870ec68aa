//! Runs a plan: chunks of source rows go through all steps while they are in the caches.

use super::expr::{Compare, Expr, View};
use super::frog::{CHUNK, Join, Key, Numbers, Orders, Probe, State, Stop, Test};
use super::index::{Rel, Version};
use super::limit::Deadline;
use super::plan::{Check, Maker, Plan, Seek, Step};
use super::rows::{self, Repeats};
use super::rule::{Prepared, aggregate};
use super::symbol::Symbols;
use super::value::{self, Word};
use crate::lang::program::{AggOp, CmpOp, Prim, Program, RelId, Span};
use rayon::prelude::*;

/// Bounds on the rows a rule may give.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most rows of the head.
    pub rows: usize,
    /// Most bytes of the head's rows.
    pub bytes: usize,
    /// When it must be done.
    pub until: Option<Deadline>,
}

/// Why a rule stopped.
pub enum Halt {
    /// A functor has no value.
    Fault(Stop),
    /// More rows than allowed.
    Rows,
    /// More bytes than allowed.
    Bytes,
    /// The deadline has passed.
    Time(Deadline),
}

impl From<Stop> for Halt {
    fn from(s: Stop) -> Self {
        Self::Fault(s)
    }
}

enum Ready<'a> {
    Join(Join<'a>),
    Term { expr: &'a Expr, out: &'a [Expr], span: Span },
    Range { prim: Prim, bounds: &'a [Expr], out: &'a [Expr], span: Span },
    Look { table: Vec<Word>, group: &'a [Key], default: Option<Word>, out: &'a [Expr] },
}

impl Ready<'_> {
    fn width(&self) -> usize {
        match self {
            Self::Join(j) => j.out.len(),
            Self::Term { out, .. } | Self::Range { out, .. } | Self::Look { out, .. } => out.len(),
        }
    }
}

fn probe<'a>(seek: &Seek, rels: &'a [Rel], cursors: &mut usize) -> Probe<'a> {
    let rel = &rels[seek.rel.index()];
    let segments: Vec<_> = rel.searched(seek.version, seek.perm).collect();
    let cursor = *cursors;
    *cursors += segments.len();
    Probe { segments, width: rel.width(), keys: seek.keys.clone(), cursor }
}

fn tests<'a>(checks: &[Check], rels: &'a [Rel], cursors: &mut usize) -> Vec<Test<'a>> {
    checks
        .iter()
        .map(|c| match c {
            Check::Compare(c) => match (orders(c), leaf(&c.left), leaf(&c.right)) {
                (Some(orders), Some(left), Some(right)) => Test::Words { left, right, orders },
                _ => Test::Compare(c.clone()),
            },
            Check::Has { seek, negated } => Test::Has { probe: probe(seek, rels, cursors), negated: *negated },
        })
        .collect()
}

/// Which orders of two words a comparison allows; the order of words is that of the values, except of texts.
fn orders(c: &Compare) -> Option<Orders> {
    let (less, equal, greater) = match (c.op, c.prim) {
        (CmpOp::Eq, _) => (false, true, false),
        (CmpOp::Ne, _) => (true, false, true),
        (_, Prim::Symbol) => return None,
        (CmpOp::Lt, _) => (true, false, false),
        (CmpOp::Le, _) => (true, true, false),
        (CmpOp::Gt, _) => (false, false, true),
        (CmpOp::Ge, _) => (false, true, true),
        (CmpOp::Match | CmpOp::NotMatch | CmpOp::Contains | CmpOp::NotContains, _) => return None,
    };
    Some(Orders { less, equal, greater })
}

fn leaf(e: &Expr) -> Option<Key> {
    match e {
        Expr::Place(p) => Some(Key::Place(*p)),
        Expr::Const(w) => Some(Key::Const(*w)),
        Expr::Apply { .. } => None,
    }
}

/// The aggregate of every group of a relation: group columns, then the value; sorted.
fn grouped(
    program: &Program,
    rel: RelId,
    rels: &[Rel],
    maker: (AggOp, Prim, usize, Option<usize>),
    span: Span,
    symbols: &Symbols,
) -> Result<Vec<Word>, Stop> {
    let (op, prim, keys, column) = maker;
    let width = rels[rel.index()].width();
    let of = column.map_or(Prim::Number, |c| program.rel(rel).columns[c].prim);
    let mut out = Vec::new();
    // A relation of a lower stratum is complete and has one segment at most; one that lists groups in recursion may have more.
    let segments: Vec<&[Word]> = rels[rel.index()].segments(Version::All, 0).collect();
    let merged;
    let data: &[Word] = match segments.as_slice() {
        [] => &[],
        [one] => one,
        many => {
            merged = rows::union_all(width, many.iter().map(|s| s.to_vec()).collect());
            &merged
        }
    };
    let n = data.len() / width;
    let mut start = 0;
    for i in 1..=n {
        if i < n && data[i * width..i * width + keys] == data[start * width..start * width + keys] {
            continue;
        }
        let words = (start..i).map(|r| data[r * width + column.unwrap_or(0)]);
        let value = aggregate(op, prim, of, words, symbols).map_err(|f| (f, span))?;
        out.extend_from_slice(&data[start * width..start * width + keys]);
        out.extend(value);
        start = i;
    }
    Ok(out)
}

/// What a thread needs to run a plan.
struct Pipe<'a> {
    steps: &'a [Ready<'a>],
    buffers: Vec<Vec<Word>>,
    state: State,
    numbers: Numbers,
    sink: Vec<Word>,
    /// By step: rows that it takes at a time.
    sizes: Vec<usize>,
    compact_at: usize,
    bounds: Bounds,
    repeats: Repeats,
}

enum Text<'a> {
    Shared(&'a Symbols),
    Own(&'a mut Symbols),
}

impl Text<'_> {
    fn get(&self) -> &Symbols {
        match self {
            Self::Shared(s) => s,
            Self::Own(s) => s,
        }
    }
}

/// Words that a step gives at a time, if it can.
const PORTION: usize = 1 << 22;
/// Parts of the rows of a step for each thread, if they are many.
const PARTS: usize = 16;
/// Rows that a step takes before it is known how much it gives.
const FIRST: usize = 16;
/// Words of output between two looks at the bounds.
const COMPACT: usize = 1 << 26;

impl<'a> Pipe<'a> {
    fn new(steps: &'a [Ready<'a>], cursors: usize, bounds: Bounds) -> Self {
        let state = State::new(cursors, bounds.until);
        let buffers = vec![Vec::new(); steps.len()];
        let sizes = vec![FIRST; steps.len()];
        let numbers = Numbers::default();
        let (sink, repeats) = (Vec::new(), Repeats::default());
        Self { steps, buffers, state, numbers, sink, sizes, compact_at: COMPACT, bounds, repeats }
    }

    fn push(&mut self, stage: usize, width: usize, input: &[Word], text: &mut Text<'_>) -> Result<(), Halt> {
        let steps = self.steps;
        let last = stage + 1 == steps.len();
        let mut rest = input;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at((self.sizes[stage] * width).min(rest.len()));
            rest = later;
            let mut out = if last { std::mem::take(&mut self.sink) } else { std::mem::take(&mut self.buffers[stage]) };
            if !last {
                out.clear();
            }
            let before = out.len();
            let ran = self.step(&steps[stage], width, chunk, text, &mut out);
            // Behind the step, for one that found it late has left rows out.
            if let Some(until) = self.bounds.until.filter(|u| u.passed()) {
                return Err(Halt::Time(until));
            }
            self.resize(stage, chunk.len() / width, out.len() - before);
            if last {
                ran?;
                self.repeats.drop_from(&mut out, before, steps[stage].width());
                self.sink = out;
                self.check(steps[stage].width())?;
            } else {
                ran?;
                let next = self.push(stage + 1, steps[stage].width(), &out, text);
                self.buffers[stage] = out;
                next?;
            }
        }
        Ok(())
    }

    /// How many rows the step takes next: fewer after it gave much, so that rows which each match a whole relation do not
    /// fill the memory before anybody looks.
    fn resize(&mut self, stage: usize, rows: usize, given: usize) {
        let size = &mut self.sizes[stage];
        if given > PORTION {
            *size = (rows.saturating_mul(PORTION) / given).max(1);
        } else if given.saturating_mul(4) < PORTION {
            *size = (*size * 2).min(CHUNK);
        }
    }

    fn check(&mut self, width: usize) -> Result<(), Halt> {
        if self.sink.len() < self.compact_at.min(self.bounds.rows.saturating_mul(width).saturating_add(1)) {
            return Ok(());
        }
        rows::normalise(width, &mut self.sink);
        if self.sink.len() / width > self.bounds.rows {
            return Err(Halt::Rows);
        }
        if self.sink.len() * size_of::<Word>() > self.bounds.bytes {
            return Err(Halt::Bytes);
        }
        self.compact_at = COMPACT.max(2 * self.sink.len());
        Ok(())
    }

    fn step(
        &mut self,
        step: &Ready<'_>,
        width: usize,
        input: &[Word],
        text: &mut Text<'_>,
        out: &mut Vec<Word>,
    ) -> Result<(), Halt> {
        match step {
            Ready::Join(j) => Ok(j.run(input, width, text.get(), &mut self.state, &mut self.numbers, out)?),
            Ready::Term { expr, out: places, span } => {
                for row in input.chunks_exact(width) {
                    let view = View { row, found: &[] };
                    let word = match text {
                        Text::Own(s) => expr.eval_interning(view, s),
                        Text::Shared(s) => expr.eval(view, s),
                    };
                    let word = word.map_err(|f| Halt::from((f, *span)))?;
                    emit(places, View { row, found: &[word] }, text.get(), out);
                }
                Ok(())
            }
            Ready::Range { prim, bounds, out: places, span } => {
                for row in input.chunks_exact(width) {
                    let view = View { row, found: &[] };
                    let mut words = Vec::with_capacity(3);
                    for b in *bounds {
                        words.push(b.eval(view, text.get()).map_err(|f| Halt::from((f, *span)))?);
                    }
                    // One row may give a range of any length: each value is counted.
                    let (mut left, least) = (self.bounds.rows, out.len());
                    each_in_range(*prim, &words, |w| {
                        emit(places, View { row, found: &[w] }, text.get(), out);
                        let bytes = (out.len() - least) * size_of::<Word>();
                        match (left.checked_sub(1), bytes > self.bounds.bytes) {
                            (None, _) => return Err(Halt::Rows),
                            (_, true) => return Err(Halt::Bytes),
                            (Some(n), _) => left = n,
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            }
            Ready::Look { table, group, default, out: places } => {
                let mut cursor = 0;
                let mut key = Vec::new();
                for row in input.chunks_exact(width) {
                    let view = View { row, found: &[] };
                    key.clear();
                    key.extend(group.iter().map(|k| match k {
                        Key::Place(p) => view.at(*p),
                        Key::Const(w) => *w,
                    }));
                    let (from, to) = rows::prefix_range(group.len() + 1, table, &key, &mut cursor);
                    let word = if from < to { Some(table[from * (group.len() + 1) + group.len()]) } else { *default };
                    if let Some(w) = word {
                        emit(places, View { row, found: &[w] }, text.get(), out);
                    }
                }
                Ok(())
            }
        }
    }
}

/// Appends a row of places (steps that make values copy, they compute nothing else).
fn emit(places: &[Expr], view: View<'_>, symbols: &Symbols, out: &mut Vec<Word>) {
    out.extend(places.iter().filter_map(|e| e.eval(view, symbols).ok()));
}

/// Calls `f` with the values from `words[0]` to, but without, `words[1]` by step `words[2]`; by default 1 or -1.
fn each_in_range<E>(prim: Prim, words: &[Word], mut f: impl FnMut(Word) -> Result<(), E>) -> Result<(), E> {
    let step = words.get(2).copied();
    if prim == Prim::Float {
        let (from, to) = (value::to_float(words[0]), value::to_float(words[1]));
        let step = step.map_or(if from <= to { 1.0 } else { -1.0 }, value::to_float);
        let mut x = from;
        while (step > 0.0 && x < to) || (step < 0.0 && to < x) {
            f(value::from_float(x))?;
            if x + step == x {
                break;
            }
            x += step;
        }
        if step == 0.0 && from != to {
            f(words[0])?;
        }
        return Ok(());
    }
    let whole = |w: Word| if prim == Prim::Number { i64::from(value::to_number(w)) } else { i64::from(w) };
    let (from, to) = (whole(words[0]), whole(words[1]));
    let step = step.map_or(if from <= to { 1 } else { -1 }, whole);
    let mut x = from;
    while (step > 0 && x < to) || (step < 0 && to < x) {
        f(if prim == Prim::Number { value::from_number(x as i32) } else { x as u32 })?;
        x += step;
    }
    if step == 0 && from != to {
        f(words[0])?;
    }
    Ok(())
}

/// Rows sorted and distinct, in no more memory than they take.
fn finished(width: usize, mut rows: Vec<Word>) -> Vec<Word> {
    rows::normalise(width, &mut rows);
    if rows.len() < rows.capacity() / 2 {
        rows.shrink_to_fit();
    }
    rows
}

/// What a run of a rule gives.
pub struct Given {
    /// Head rows, sorted and distinct.
    pub rows: Vec<Word>,
    /// Source rows.
    pub read: usize,
}

/// Runs a plan over the tables.
///
/// # Errors
/// A fault of a functor or a bound that is met.
pub fn run(
    program: &Program,
    rule: &Prepared,
    plan: &Plan,
    rels: &[Rel],
    symbols: &mut Symbols,
    threads: usize,
    bounds: Bounds,
) -> Result<Given, Halt> {
    let mut cursors = 0;
    let mut steps = Vec::new();
    for s in &plan.steps {
        steps.push(match s {
            Step::Join { pre, extend, once, post, out } => Ready::Join(Join {
                pre: tests(pre, rels, &mut cursors),
                extend: extend.as_ref().map(|e| probe(e, rels, &mut cursors)),
                once: *once,
                post: tests(post, rels, &mut cursors),
                out: out.clone(),
                span: rule.span,
            }),
            Step::Make { maker: Maker::Term(expr), out, span } => Ready::Term { expr, out, span: *span },
            Step::Make { maker: Maker::Range(prim, bounds), out, span } => {
                Ready::Range { prim: *prim, bounds, out, span: *span }
            }
            Step::Make { maker: Maker::Aggregate { op, rel, group, value, prim }, out, span } => {
                let table = grouped(program, *rel, rels, (*op, *prim, group.len(), *value), *span, symbols)?;
                let default = match op {
                    AggOp::Count | AggOp::Sum | AggOp::WrapSum => Some(match prim {
                        Prim::Unsigned => 0,
                        Prim::Float => value::from_float(0.0),
                        _ => value::from_number(0),
                    }),
                    _ => None,
                };
                Ready::Look { table, group, default, out }
            }
        });
    }
    let width = plan.steps.last().map_or(1, |s| match s {
        Step::Join { out, .. } | Step::Make { out, .. } => out.len(),
    });
    let mut inputs: Vec<(&[Word], usize)> = Vec::new();
    let unit = [0];
    match &plan.source {
        None => inputs.push((&unit, 1)),
        Some(seek) => {
            let rel = &rels[seek.rel.index()];
            let key: Vec<Word> = seek.keys.iter().map(|k| if let Key::Const(w) = k { *w } else { 0 }).collect();
            let w = rel.width();
            for data in rel.segments(seek.version, seek.perm) {
                let (from, to) = rows::prefix_range(w, data, &key, &mut 0);
                inputs.push((&data[from * w..to * w], w));
            }
        }
    }
    let read: usize = inputs.iter().map(|(d, w)| d.len() / w).sum();
    let width = width.max(1);
    if plan.interns || threads < 2 || read < rows::ALONE {
        let mut pipe = Pipe::new(&steps, cursors, bounds);
        let mut text = if plan.interns { Text::Own(symbols) } else { Text::Shared(symbols) };
        for (data, w) in inputs {
            pipe.push(0, w, data, &mut text)?;
        }
        return Ok(Given { rows: finished(width, pipe.sink), read });
    }
    // Rows that give much may lie together: whoever is done early takes of the rest.
    let parts = threads * PARTS;
    let pieces: Vec<(&[Word], usize)> = inputs
        .into_iter()
        .flat_map(|(data, w)| {
            let size = (data.len() / w).div_ceil(parts).max(CHUNK) * w;
            data.chunks(size).map(move |c| (c, w))
        })
        .collect();
    let shared: &Symbols = symbols;
    let found: Vec<Result<Vec<Word>, Halt>> = pieces
        .into_par_iter()
        .map(|(data, w)| {
            let mut pipe = Pipe::new(&steps, cursors, bounds);
            pipe.push(0, w, data, &mut Text::Shared(shared))?;
            Ok(finished(width, pipe.sink))
        })
        .collect();
    let sets = found.into_iter().collect::<Result<Vec<_>, Halt>>()?;
    let slices: Vec<&[Word]> = sets.iter().map(Vec::as_slice).collect();
    let pieces = rows::union_parallel(width, &slices);
    drop(sets);
    Ok(Given { rows: rows::joined(pieces), read })
}
