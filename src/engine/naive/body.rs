//! All ways in which the body of a rule holds, by nested loops.
//!
//! The enumerator is used wherever trust matters more than speed: by the naive evaluator and by the room that explains.

use crate::engine::functor::{self, Fault};
use crate::engine::limit::Limit;
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::lang::program::{AggOp, Arg, CmpOp, Literal, Prim, Program, RelId, Rule, Span, Term, VarId};
use std::ops::ControlFlow;

/// Where the enumerator finds rows.
pub trait Source {
    /// Numbers of the rows of a relation with those values in those columns (ascending); the answer must be complete.
    ///
    /// # Errors
    /// When a source that computes its rows meets a limit.
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit>;
    /// A row by its number.
    fn row(&self, rel: RelId, number: u32) -> &[Word];
    /// Roughly how many rows agree with a key of those columns.
    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64;
    /// What to do when a functor has no value: fail, or (by answering `Ok`) take the literal as not holding.
    ///
    /// # Errors
    /// The limit itself, unless the source goes on.
    fn fault(&mut self, limit: Limit) -> Result<(), Limit> {
        Err(limit)
    }
    /// The symbol table.
    fn symbols(&mut self) -> &mut Symbols;
}

/// A complete or partial match of a body.
#[derive(Debug)]
pub struct Match<'a> {
    /// Value of every variable; `None` where the order of evaluation has not bound it.
    pub vars: &'a [Option<Word>],
    /// Number of the row matched by each positive atom of the body; `None` for other literals.
    pub rows: &'a [Option<u32>],
}

/// What is done with a match; `Break` ends the enumeration.
pub type Found<'f> = dyn FnMut(&Match<'_>, &mut dyn Source) -> Result<ControlFlow<()>, Limit> + 'f;

/// Columns of an atom that are bound when the variables in `bound` are.
#[must_use]
pub fn bound_columns(args: &[Arg], bound: &[bool]) -> Vec<usize> {
    (0..args.len())
        .filter(|i| match &args[*i] {
            Arg::Var(v) => bound[v.index()],
            Arg::Const(_) => true,
            Arg::Wild => false,
        })
        .collect()
}

/// Whether all variables of a term are bound.
#[must_use]
pub fn evaluable(term: &Term, bound: &[bool]) -> bool {
    match term {
        Term::Var(v) => bound[v.index()],
        Term::Const(_) => true,
        Term::Apply { args, .. } => args.iter().all(|t| evaluable(t, bound)),
    }
}

fn applies(term: &Term) -> bool {
    matches!(term, Term::Apply { .. })
}

fn free_var(term: &Term, bound: &[bool]) -> Option<VarId> {
    match term {
        Term::Var(v) if !bound[v.index()] => Some(*v),
        _ => None,
    }
}

/// Whether a literal other than a positive atom can be decided once the variables in `bound` are.
#[must_use]
pub fn ready(literal: &Literal, bound: &[bool]) -> bool {
    match literal {
        Literal::Atom(_) => true,
        Literal::Not(a) => vars_bound(&a.args, bound),
        Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
            match (evaluable(left, bound), evaluable(right, bound)) {
                (true, true) => true,
                (true, false) => free_var(right, bound).is_some(),
                (false, true) => free_var(left, bound).is_some(),
                (false, false) => false,
            }
        }
        Literal::Compare { left, right, .. } => evaluable(left, bound) && evaluable(right, bound),
        Literal::Range { from, to, step, .. } => {
            evaluable(from, bound) && evaluable(to, bound) && step.as_ref().is_none_or(|s| evaluable(s, bound))
        }
        Literal::Aggregate { group, .. } => vars_bound(group, bound),
    }
}

fn vars_bound(args: &[Arg], bound: &[bool]) -> bool {
    args.iter().all(|a| !matches!(a, Arg::Var(v) if !bound[v.index()]))
}

/// Marks the variables that a literal binds.
pub fn bind(literal: &Literal, bound: &mut [bool]) {
    match literal {
        Literal::Atom(a) => {
            for arg in &a.args {
                if let Arg::Var(v) = arg {
                    bound[v.index()] = true;
                }
            }
        }
        Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
            for t in [left, right] {
                if let Term::Var(v) = t {
                    bound[v.index()] = true;
                }
            }
        }
        Literal::Range { var, .. } => bound[var.index()] = true,
        Literal::Aggregate { result, .. } => bound[result.index()] = true,
        Literal::Compare { .. } | Literal::Not(_) => {}
    }
}

/// What a literal costs at this point: tests that cannot fault, tests by functor, absences, assignments, bound atoms,
/// aggregates, ranges and open atoms, in this order; among atoms the least fan-out.
fn cost(literal: &Literal, bound: &[bool], source: &mut dyn Source) -> (u8, f64) {
    match literal {
        Literal::Compare { left, right, .. } => {
            let test = evaluable(left, bound) && evaluable(right, bound);
            match (test, applies(left) || applies(right)) {
                (true, false) => (0, 0.0),
                (false, false) => (1, 0.0),
                (true, true) => (3, 0.0),
                (false, true) => (4, 0.0),
            }
        }
        Literal::Not(_) => (2, 0.0),
        Literal::Atom(a) => {
            let columns = bound_columns(&a.args, bound);
            if columns.len() == a.args.len() { (2, 0.0) } else { (5, source.fan_out(a.rel, &columns)) }
        }
        Literal::Aggregate { .. } => (5, 1.0),
        Literal::Range { .. } => (5, 16.0),
    }
}

/// An order in which every literal finds what it needs, cheapest next.
#[must_use]
pub fn order(rule: &Rule, given: &[bool], source: &mut dyn Source) -> Vec<usize> {
    let mut bound = given.to_vec();
    let mut left: Vec<usize> = (0..rule.body.len()).collect();
    let mut out = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let mut best: Option<(usize, (u8, f64))> = None;
        for (at, i) in left.iter().enumerate() {
            if !ready(&rule.body[*i], &bound) {
                continue;
            }
            let c = cost(&rule.body[*i], &bound, source);
            if best.as_ref().is_none_or(|(_, b)| c.0 < b.0 || (c.0 == b.0 && c.1 < b.1)) {
                best = Some((at, c));
            }
        }
        // A checked rule always has a next literal; of an unchecked one the rest is left out and `enumerate` refuses it.
        let Some((at, _)) = best else { break };
        let i = left.remove(at);
        bind(&rule.body[i], &mut bound);
        out.push(i);
    }
    out
}

/// Value of a term whose variables are bound.
///
/// # Errors
/// When a functor has no value.
pub fn eval(term: &Term, vars: &[Option<Word>], symbols: &mut Symbols) -> Result<Word, Fault> {
    match term {
        Term::Var(v) => vars[v.index()].ok_or_else(|| Fault::Undefined { operation: "an unbound variable".into() }),
        Term::Const(c) => Ok(symbols.word(c)),
        Term::Apply { op, prim, args } => {
            let words = args.iter().map(|t| eval(t, vars, symbols)).collect::<Result<Vec<_>, _>>()?;
            functor::apply(*op, *prim, &words, symbols)
        }
    }
}

/// The bound columns of arguments and their values.
#[must_use]
pub fn key_of(args: &[Arg], vars: &[Option<Word>], symbols: &mut Symbols) -> (Vec<usize>, Vec<Word>) {
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for (i, arg) in args.iter().enumerate() {
        let word = match arg {
            Arg::Var(v) => vars[v.index()],
            Arg::Const(c) => Some(symbols.word(c)),
            Arg::Wild => None,
        };
        if let Some(w) = word {
            columns.push(i);
            key.push(w);
        }
    }
    (columns, key)
}

/// The values of `range(from, to, step)`.
#[must_use]
pub fn range(prim: Prim, from: Word, to: Word, step: Option<Word>) -> Vec<Word> {
    let mut out = Vec::new();
    if prim == Prim::Float {
        let (from, to) = (value::to_float(from), value::to_float(to));
        let step = step.map_or(if from <= to { 1.0 } else { -1.0 }, value::to_float);
        let mut x = from;
        while (step > 0.0 && x < to) || (step < 0.0 && to < x) {
            out.push(value::from_float(x));
            if x + step == x {
                break;
            }
            x += step;
        }
        if step == 0.0 && from != to {
            out.push(value::from_float(from));
        }
        return out;
    }
    let whole = |w: Word| if prim == Prim::Number { i64::from(value::to_number(w)) } else { i64::from(w) };
    let back = |n: i64| if prim == Prim::Number { value::from_number(n as i32) } else { n as u32 };
    let (from, to) = (whole(from), whole(to));
    let step = step.map_or(if from <= to { 1 } else { -1 }, whole);
    let mut x = from;
    while (step > 0 && x < to) || (step < 0 && to < x) {
        out.push(back(x));
        x += step;
    }
    if step == 0 && from != to {
        out.push(back(from));
    }
    out
}

/// Value of an aggregate over the values of its matches, in any order; `None` when `min`, `max` or `mean` has none.
///
/// # Errors
/// When a sum does not fit.
pub fn fold(op: AggOp, prim: Prim, values: &[Word], symbols: &Symbols) -> Result<Option<Word>, Fault> {
    let whole = |w: &Word| match prim {
        Prim::Number => i64::from(value::to_number(*w)),
        _ => i64::from(*w),
    };
    let overflow = |op: &str| Fault::Overflow {
        expression: format!("{op} of {} values", values.len()),
        prim: crate::lang::prim_name(prim),
    };
    let floats = || {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().map(|w| f64::from(value::to_float(w))).sum::<f64>()
    };
    Ok(match op {
        AggOp::Count => Some(i32::try_from(values.len()).map(value::from_number).map_err(|_| overflow("count"))?),
        AggOp::WrapSum if prim != Prim::Float => {
            let low = values.iter().fold(0u32, |sum, w| sum.wrapping_add(whole(w) as u32));
            Some(if prim == Prim::Number { value::from_number(low as i32) } else { low })
        }
        AggOp::Sum | AggOp::WrapSum => Some(match prim {
            Prim::Float => value::from_float(floats() as f32),
            Prim::Number => {
                let sum: i64 = values.iter().map(whole).sum();
                i32::try_from(sum).map(value::from_number).map_err(|_| overflow("sum"))?
            }
            _ => u32::try_from(values.iter().map(whole).sum::<i64>()).map_err(|_| overflow("sum"))?,
        }),
        AggOp::Min => values.iter().copied().min_by(|a, b| functor::order(prim, *a, *b, symbols)),
        AggOp::Max => values.iter().copied().max_by(|a, b| functor::order(prim, *a, *b, symbols)),
        AggOp::Mean if values.is_empty() => None,
        AggOp::Mean => {
            let sum = if prim == Prim::Float { floats() } else { values.iter().map(whole).sum::<i64>() as f64 };
            Some(value::from_float((sum / values.len() as f64) as f32))
        }
    })
}

/// Value of an aggregate literal for a group, with the numbers of the rows that contribute.
///
/// # Errors
/// When the source meets a limit or a sum does not fit.
pub fn aggregate(
    program: &Program,
    literal: &Literal,
    vars: &[Option<Word>],
    source: &mut dyn Source,
) -> Result<(Option<Word>, Vec<u32>), Limit> {
    let Literal::Aggregate { op, rel, group, value, prim, span, .. } = literal else {
        return Ok((None, Vec::new()));
    };
    let (columns, key) = key_of(group, vars, source.symbols());
    let mut rows = Vec::new();
    source.matching(*rel, &columns, &key, &mut rows)?;
    let at = value.unwrap_or(0);
    let values: Vec<Word> = match value {
        Some(_) => rows.iter().map(|r| source.row(*rel, *r)[at]).collect(),
        None => vec![0; rows.len()],
    };
    let of = value.map_or(*prim, |c| program.rel(*rel).columns[c].prim);
    let word = fold(*op, of, &values, source.symbols()).map_err(|f| Limit::fault(program, *span, f))?;
    Ok((word, rows))
}

struct Run<'a> {
    program: &'a Program,
    rule: &'a Rule,
    order: &'a [usize],
    source: &'a mut dyn Source,
    every: bool,
    vars: Vec<Option<Word>>,
    rows: Vec<Option<u32>>,
    found: &'a mut Found<'a>,
}

/// Calls `found` with every match of the body of a rule that agrees with `given`. With `every`, matches that differ only
/// in rows behind `_` are told apart; without, one of them is enough.
///
/// # Errors
/// When a functor has no value, the source meets a limit, or `found` does.
pub fn enumerate(
    program: &Program,
    rule: &Rule,
    given: &[Option<Word>],
    every: bool,
    source: &mut dyn Source,
    found: &mut Found<'_>,
) -> Result<(), Limit> {
    let bound: Vec<bool> = given.iter().map(Option::is_some).collect();
    let order = order(rule, &bound, source);
    if order.len() < rule.body.len() {
        return Err(Limit::Internal { what: format!("the rule at {} is not safe", program.place(rule.span)) });
    }
    let rows = vec![None; rule.body.len()];
    let mut run = Run { program, rule, order: &order, source, every, vars: given.to_vec(), rows, found };
    run.step(0).map(|_| ())
}

impl Run<'_> {
    fn step(&mut self, depth: usize) -> Result<ControlFlow<()>, Limit> {
        let Some(i) = self.order.get(depth).copied() else {
            return (self.found)(&Match { vars: &self.vars, rows: &self.rows }, self.source);
        };
        let rule = self.rule;
        match &rule.body[i] {
            Literal::Atom(atom) => {
                let (columns, key) = key_of(&atom.args, &self.vars, self.source.symbols());
                let mut rows = Vec::new();
                self.source.matching(atom.rel, &columns, &key, &mut rows)?;
                let fresh: Vec<(usize, VarId)> = (0..atom.args.len())
                    .filter_map(|c| match atom.args[c] {
                        Arg::Var(v) if self.vars[v.index()].is_none() => Some((c, v)),
                        _ => None,
                    })
                    .collect();
                let mut flow = ControlFlow::Continue(());
                for r in rows {
                    if self.take(atom.rel, r, &fresh) {
                        self.rows[i] = Some(r);
                        flow = self.step(depth + 1)?;
                    }
                    for (_, v) in &fresh {
                        self.vars[v.index()] = None;
                    }
                    if flow.is_break() || (fresh.is_empty() && !self.every) {
                        break;
                    }
                }
                self.rows[i] = None;
                Ok(flow)
            }
            Literal::Not(atom) => {
                let (columns, key) = key_of(&atom.args, &self.vars, self.source.symbols());
                let mut rows = Vec::new();
                self.source.matching(atom.rel, &columns, &key, &mut rows)?;
                if rows.is_empty() { self.step(depth + 1) } else { Ok(ControlFlow::Continue(())) }
            }
            Literal::Compare { op, prim, left, right, span } => {
                let bound: Vec<bool> = self.vars.iter().map(Option::is_some).collect();
                let target = if *op == CmpOp::Eq { free_var(left, &bound).or(free_var(right, &bound)) } else { None };
                if let Some(v) = target {
                    let term = if matches!(left, Term::Var(l) if *l == v) { right } else { left };
                    let word = eval(term, &self.vars, self.source.symbols());
                    return match self.valued(word, *span)? {
                        Some(word) => self.with(v, word, depth),
                        None => Ok(ControlFlow::Continue(())),
                    };
                }
                let a = eval(left, &self.vars, self.source.symbols());
                let b = eval(right, &self.vars, self.source.symbols());
                let holds = a.and_then(|a| functor::compare(*op, *prim, a, b?, self.source.symbols()));
                if self.valued(holds, *span)? == Some(true) {
                    self.step(depth + 1)
                } else {
                    Ok(ControlFlow::Continue(()))
                }
            }
            Literal::Range { var, prim, from, to, step, span } => {
                let mut value = |t| eval(t, &self.vars, self.source.symbols());
                let ends = (|| Ok((value(from)?, value(to)?, step.as_ref().map(&mut value).transpose()?)))();
                let Some((a, b, s)) = self.valued(ends, *span)? else { return Ok(ControlFlow::Continue(())) };
                for word in range(*prim, a, b, s) {
                    if self.with(*var, word, depth)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            literal @ Literal::Aggregate { result, .. } => {
                match aggregate(self.program, literal, &self.vars, self.source) {
                    Ok((Some(word), _)) => self.with(*result, word, depth),
                    Ok((None, _)) => Ok(ControlFlow::Continue(())),
                    Err(l @ Limit::Fault { .. }) => self.source.fault(l).map(|()| ControlFlow::Continue(())),
                    Err(l) => Err(l),
                }
            }
        }
    }

    /// A value, or what the source makes of its absence.
    fn valued<T>(&mut self, value: Result<T, Fault>, span: Span) -> Result<Option<T>, Limit> {
        match value {
            Ok(v) => Ok(Some(v)),
            Err(f) => self.source.fault(Limit::fault(self.program, span, f)).map(|()| None),
        }
    }

    /// Binds the variables of a row that are not bound; false when the row gives one variable two values.
    fn take(&mut self, rel: RelId, row: u32, fresh: &[(usize, VarId)]) -> bool {
        let row = self.source.row(rel, row);
        fresh.iter().all(|(c, v)| {
            let slot = &mut self.vars[v.index()];
            match slot {
                Some(w) => *w == row[*c],
                None => {
                    *slot = Some(row[*c]);
                    true
                }
            }
        })
    }

    /// Goes on with a variable bound to a word, or checks it when it is bound.
    fn with(&mut self, v: VarId, word: Word, depth: usize) -> Result<ControlFlow<()>, Limit> {
        match self.vars[v.index()] {
            Some(w) if w == word => self.step(depth + 1),
            Some(_) => Ok(ControlFlow::Continue(())),
            None => {
                self.vars[v.index()] = Some(word);
                let flow = self.step(depth + 1);
                self.vars[v.index()] = None;
                flow
            }
        }
    }
}
