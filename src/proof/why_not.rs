//! Why a fact does not follow: for each rule that could conclude it, the values that satisfy most of its body, and what
//! each literal that fails would have needed.
//!
//! "Does not follow" is all that is claimed: nothing here says that a fact is false.

use super::demand::Prover;
use super::unify::unify;
use crate::engine::functor;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Atom, CmpOp, Literal, RelId, Rule, RuleId, Term, VarId};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// How a literal fares in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It holds; with the row, when it is a positive atom.
    Met(Option<u32>),
    /// No row agrees with the pattern.
    Missing(Vec<Option<Word>>),
    /// A comparison that fails, with both values.
    Fails(Word, Word),
    /// A negated premise whose row, by number, is there.
    Blocked(u32),
    /// A range or an aggregate that gives another value than wanted; `None` when it gives none.
    Other(Option<Word>),
    /// Not decided, as a value it needs is not known.
    Unknown,
    /// A negated premise that is not decided, as a value it needs is not known: nothing is lacking yet.
    Open,
}

impl Fate {
    fn weight(&self) -> u32 {
        match self {
            Self::Met(_) => 0,
            Self::Open => 1,
            Self::Missing(_) => 10,
            Self::Fails(..) | Self::Other(_) => 11,
            Self::Blocked(_) => 12,
            Self::Unknown => 13,
        }
    }
}

/// The nearest that a rule comes to concluding something.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The rule.
    pub rule: RuleId,
    /// Value of each variable.
    pub vars: Vec<Option<Word>>,
    /// By literal of the body.
    pub fates: Vec<Fate>,
    /// A head column whose computed value differs from the wanted one: column, value, wanted.
    pub head: Option<(usize, Word, Word)>,
    /// Number of missing rows that only the program's own text could state: facts never bring them.
    pub fixed: u32,
    /// What it would take.
    pub price: Price,
}

impl Attempt {
    /// Number of literals that do not hold.
    #[must_use]
    pub fn lacking(&self) -> usize {
        self.fates.iter().filter(|f| !matches!(f, Fate::Met(_) | Fate::Open)).count() + usize::from(self.head.is_some())
    }

    fn weight(&self) -> u32 {
        // Of two ways the one that facts could bring is nearer.
        let head = if self.head.is_some() { 11 } else { 0 };
        self.fates.iter().map(Fate::weight).sum::<u32>() + head + 2 * self.fixed
    }
}

/// Most rows of a premise that are tried one by one.
const BRANCHES: usize = 64;
/// A premise that agrees with more rows than this is not tried while nothing narrows it.
const TOO_WIDE: f64 = 4096.0;
/// Most literals looked at for one rule.
const BUDGET: usize = 2000;

/// The attempts of all rules that could conclude a row of that pattern, at most `each` of a rule (which then differ in
/// what they would conclude), cheapest first: see [`Costs`]. `above` are the absences that this one is looked at for: what
/// leads back to one of them is no way to it.
///
/// # Errors
/// When the prover meets a limit.
pub fn attempts(
    prover: &mut Prover<'_>,
    costs: &mut Costs,
    rel: RelId,
    pattern: &[Option<Word>],
    each: usize,
    above: Vec<Missing>,
) -> Result<Vec<Attempt>, Limit> {
    let mut found = Vec::new();
    costs.open = above;
    costs.open.push((rel, pattern.to_vec()));
    for mut attempt in search_all(prover, rel, pattern, each, BUDGET, false)?.0 {
        attempt.price = costs.attempt(prover, &attempt, LOOKAHEAD)?;
        found.push(attempt);
    }
    let rank = |a: &Attempt| (a.price, a.weight(), a.rule);
    found.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.vars.cmp(&b.vars)));
    Ok(found)
}

/// What an attempt would take, and what speaks for it: the smaller, the nearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    /// What is lacking: see [`Costs`].
    pub lacks: u32,
    /// Literals that hold, here and in the cheapest rules for what is missing; more is nearer.
    pub held: Reverse<u32>,
}

impl Price {
    const fn new(lacks: u32, held: u32) -> Self {
        Self { lacks, held: Reverse(held) }
    }

    fn plus(self, other: Self) -> Self {
        Self::new(self.lacks + other.lacks, self.held.0 + other.held.0)
    }
}

/// At most `keep` attempts of each rule, `every` one or those that lack no more than the nearest; and whether a bound was met, so
/// that some may have been left out.
pub(super) fn search_all(
    prover: &mut Prover<'_>,
    rel: RelId,
    pattern: &[Option<Word>],
    keep: usize,
    budget: usize,
    every: bool,
) -> Result<(Vec<Attempt>, bool), Limit> {
    let program = prover.program();
    let (mut out, mut cut) = (Vec::new(), false);
    for id in prover.rules_of(rel).to_vec() {
        let rule = program.rule(id);
        let Some(vars) = unify(rule, pattern, prover.symbols()) else { continue };
        let fates = vec![None; rule.body.len()];
        let mut search = Search {
            prover,
            id,
            rule,
            pattern,
            vars,
            fates,
            best: Vec::new(),
            keep,
            every,
            budget,
            untried: false,
            cut: false,
        };
        search.step(0)?;
        cut |= search.untried || search.cut;
        let mut best = search.best;
        // Of one rule, what lacks more than its nearest says nothing new to who asks why.
        let least = best.first().map_or(0, Attempt::lacking);
        best.retain(|a| every || a.lacking() <= least);
        out.append(&mut best);
    }
    Ok((out, cut))
}

/// How many derived premises deep the price of a missing premise is looked up.
const LOOKAHEAD: usize = 4;
/// Literals looked at for one rule when only its price is asked.
const PRICE_BUDGET: usize = 200;
/// Price of what cannot be had by changing the facts: a row of the program's own text, a test that fails.
const FIXED: u32 = 6;
/// Price of what would rest on itself: what nothing can pay.
const CIRCLE: Price = Price::new(FIXED * 4, 0);
/// Price of a given row that no inquiry could change.
const GIVEN: u32 = 3;

/// A pattern of which no row is there.
pub type Missing = (RelId, Vec<Option<Word>>);

/// What it would take to make up for what is lacking: 1 for a row of a relation annotated `changeable`, more for other rows,
/// most for what facts cannot change; a derived premise costs what its cheapest rule lacks. A guide for order, no more.
#[derive(Debug, Default)]
pub struct Costs {
    /// What is being made up for.
    open: Vec<Missing>,
    known: FxHashMap<(RelId, Vec<Option<Word>>, usize), Price>,
}

impl Costs {
    fn attempt(&mut self, prover: &mut Prover<'_>, attempt: &Attempt, depth: usize) -> Result<Price, Limit> {
        let rule = prover.program().rule(attempt.rule);
        let mut sum = Price::new(if attempt.head.is_some() { FIXED } else { 0 }, 0);
        for (fate, literal) in attempt.fates.iter().zip(&rule.body) {
            sum = sum.plus(match (fate, literal) {
                (Fate::Met(_), _) => Price::new(0, 1),
                (Fate::Open, _) => Price::default(),
                (Fate::Missing(pattern), Literal::Atom(a)) => self.missing(prover, a.rel, pattern, depth)?,
                (Fate::Blocked(_), _) => Price::new(GIVEN, 0),
                (Fate::Unknown | Fate::Missing(_), _) => Price::new(1, 0),
                (Fate::Fails(..) | Fate::Other(_), _) => Price::new(FIXED, 0),
            });
        }
        Ok(sum)
    }

    fn missing(
        &mut self,
        prover: &mut Prover<'_>,
        rel: RelId,
        pattern: &[Option<Word>],
        depth: usize,
    ) -> Result<Price, Limit> {
        let relation = prover.program().rel(rel);
        // `lack NAME PRICE`
        if let Some(price) = relation.notes.get("lack").and_then(|l| l.split_whitespace().nth(1)?.parse().ok()) {
            return Ok(Price::new(price, 0));
        }
        if prover.rules_of(rel).is_empty() {
            let lacks = match (relation.notes.has("changeable"), relation.inputs.is_empty()) {
                (true, _) => 1,
                (false, false) => GIVEN,
                (false, true) => FIXED,
            };
            return Ok(Price::new(lacks, 0));
        }
        if depth == 0 {
            return Ok(Price::new(GIVEN, 0));
        }
        if self.open.iter().any(|(r, p)| *r == rel && p == pattern) {
            return Ok(CIRCLE);
        }
        let key = (rel, pattern.to_vec(), depth);
        if let Some(price) = self.known.get(&key) {
            return Ok(*price);
        }
        let mut least = CIRCLE;
        self.open.push((rel, pattern.to_vec()));
        for attempt in search_all(prover, rel, pattern, 1, PRICE_BUDGET, false)?.0 {
            least = least.min(self.attempt(prover, &attempt, depth - 1)?);
        }
        self.open.pop();
        least.lacks = least.lacks.max(1);
        self.known.insert(key, least);
        Ok(least)
    }
}

struct Search<'a, 'p> {
    prover: &'a mut Prover<'p>,
    id: RuleId,
    rule: &'p Rule,
    pattern: &'a [Option<Word>],
    vars: Vec<Option<Word>>,
    fates: Vec<Option<Fate>>,
    /// The nearest so far, nearest first, at most `keep`; no two would conclude the same row.
    best: Vec<Attempt>,
    keep: usize,
    /// Attempts that would conclude the same row by other values are kept beside each other.
    every: bool,
    budget: usize,
    /// Some premise agrees with more rows than were tried.
    untried: bool,
    /// Attempts were left out because there were enough, or the budget was spent.
    cut: bool,
}

impl Search<'_, '_> {
    /// The next open literal that can be decided: tests before atoms, then the atom with least fan-out.
    fn next(&mut self) -> Option<usize> {
        let bound: Vec<bool> = self.vars.iter().map(Option::is_some).collect();
        let mut best: Option<(f64, usize)> = None;
        for (i, literal) in self.rule.body.iter().enumerate() {
            if self.fates[i].is_some() || !body::ready(literal, &bound) {
                continue;
            }
            let cost = match literal {
                Literal::Atom(a) => self.prover.fan_out(a.rel, &body::bound_columns(&a.args, &bound)).max(1.0),
                // A row that says what the value has to be is looked for first, so that the value can be what is lacking.
                Literal::Aggregate { result, .. } if self.named(*result) => TOO_WIDE,
                Literal::Aggregate { .. } | Literal::Range { .. } => 0.5,
                Literal::Not(_) | Literal::Compare { .. } => 0.0,
            };
            if cost <= TOO_WIDE && best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, i));
            }
        }
        best.map(|(_, i)| i)
    }

    /// Whether a variable without value, or one that has to be the same, stands in an undecided premise.
    fn named(&self, var: VarId) -> bool {
        let open = || self.fates.iter().zip(&self.rule.body).filter(|(fate, _)| fate.is_none()).map(|(_, l)| l);
        let same = open().filter_map(|l| match l {
            Literal::Compare { op: CmpOp::Eq, left: Term::Var(a), right: Term::Var(b), .. } if *a == var => Some(*b),
            Literal::Compare { op: CmpOp::Eq, left: Term::Var(a), right: Term::Var(b), .. } if *b == var => Some(*a),
            _ => None,
        });
        let has = |v: VarId| open().any(|l| matches!(l, Literal::Atom(a) if a.args.contains(&Arg::Var(v))));
        self.vars[var.index()].is_none() && same.chain([var]).any(|v| self.vars[v.index()].is_none() && has(v))
    }

    fn worse(&self, lacking: usize) -> bool {
        // With one to keep, as good is not better; with several, others may conclude another row.
        let Some(last) = self.best.last().filter(|_| self.best.len() >= self.keep) else { return false };
        if self.keep == 1 { lacking >= last.lacking() } else { lacking > last.lacking() }
    }

    fn step(&mut self, lacking: usize) -> Result<(), Limit> {
        if self.worse(lacking) || (self.budget == 0 && !self.best.is_empty()) {
            self.cut = true;
            return Ok(());
        }
        self.budget = self.budget.saturating_sub(1);
        let Some(i) = self.next() else { return self.finish() };
        let rule = self.rule;
        match &rule.body[i] {
            Literal::Atom(atom) => {
                let (columns, key) = body::key_of(&atom.args, &self.vars, self.prover.symbols());
                let mut rows = Vec::new();
                self.prover.matching(atom.rel, &columns, &key, &mut rows)?;
                let before = self.vars.clone();
                self.untried |= rows.len() > BRANCHES;
                for number in rows.into_iter().take(BRANCHES) {
                    let row: Vec<Word> = self.prover.row(atom.rel, number).to_vec();
                    if agree(&atom.args, &row, &mut self.vars) {
                        self.fates[i] = Some(Fate::Met(Some(number)));
                        self.step(lacking)?;
                    }
                    self.vars.clone_from(&before);
                }
                // Or the premise is what is missing, and others say which row it would have to be.
                self.fates[i] = Some(Fate::Missing(Vec::new()));
                self.step(lacking + 1)?;
                self.fates[i] = None;
                Ok(())
            }
            Literal::Not(atom) => {
                let (columns, key) = body::key_of(&atom.args, &self.vars, self.prover.symbols());
                let mut rows = Vec::new();
                self.prover.matching(atom.rel, &columns, &key, &mut rows)?;
                let fate = rows.first().map_or(Fate::Met(None), |r| Fate::Blocked(*r));
                self.go_on(i, fate, lacking)
            }
            Literal::Compare { op, prim, left, right, .. } => {
                let free = |s: &Self, t: &Term| match t {
                    Term::Var(v) if s.vars[v.index()].is_none() => Some(*v),
                    _ => None,
                };
                let target = free(self, left).map(|v| (v, right)).or_else(|| free(self, right).map(|v| (v, left)));
                if let (CmpOp::Eq, Some((v, term))) = (op, target) {
                    let Ok(word) = body::eval(term, &self.vars, self.prover.symbols()) else {
                        return self.go_on(i, Fate::Unknown, lacking);
                    };
                    self.vars[v.index()] = Some(word);
                    self.go_on(i, Fate::Met(None), lacking)?;
                    self.vars[v.index()] = None;
                    return Ok(());
                }
                let a = body::eval(left, &self.vars, self.prover.symbols());
                let b = body::eval(right, &self.vars, self.prover.symbols());
                let fate = match (a, b) {
                    (Ok(a), Ok(b)) => match functor::compare(*op, *prim, a, b, self.prover.symbols()) {
                        Ok(true) => Fate::Met(None),
                        Ok(false) => Fate::Fails(a, b),
                        Err(_) => Fate::Unknown,
                    },
                    _ => Fate::Unknown,
                };
                self.go_on(i, fate, lacking)
            }
            Literal::Range { var, prim, from, to, step, .. } => {
                let (vars, symbols) = (&self.vars, self.prover.symbols());
                let mut value = |t| body::eval(t, vars, symbols);
                let ends =
                    (|| Ok::<_, functor::Fault>((value(from)?, value(to)?, step.as_ref().map(value).transpose()?)))();
                let Ok((a, b, s)) = ends else { return self.go_on(i, Fate::Unknown, lacking) };
                let values = body::range(*prim, a, b, s);
                if let Some(w) = self.vars[var.index()] {
                    let fate = if values.contains(&w) { Fate::Met(None) } else { Fate::Other(None) };
                    return self.go_on(i, fate, lacking);
                }
                self.untried |= values.len() > BRANCHES;
                for w in values.into_iter().take(BRANCHES) {
                    self.vars[var.index()] = Some(w);
                    self.go_on(i, Fate::Met(None), lacking)?;
                    self.vars[var.index()] = None;
                }
                self.go_on(i, Fate::Other(None), lacking)
            }
            literal @ Literal::Aggregate { result, .. } => {
                let program = self.prover.program();
                let word = match body::aggregate(program, literal, &self.vars, self.prover) {
                    Ok((word, _)) => word,
                    Err(Limit::Fault { .. }) => return self.go_on(i, Fate::Unknown, lacking),
                    Err(l) => return Err(l),
                };
                let before = self.vars[result.index()];
                let fate = match (word, before) {
                    (Some(w), Some(b)) if w != b => Fate::Other(Some(w)),
                    (Some(_), _) => Fate::Met(None),
                    (None, _) => Fate::Other(None),
                };
                self.vars[result.index()] = before.or(word);
                self.go_on(i, fate, lacking)?;
                self.vars[result.index()] = before;
                Ok(())
            }
        }
    }

    fn go_on(&mut self, i: usize, fate: Fate, lacking: usize) -> Result<(), Limit> {
        let more = usize::from(!matches!(fate, Fate::Met(_)));
        self.fates[i] = Some(fate);
        self.step(lacking + more)?;
        self.fates[i] = None;
        Ok(())
    }

    /// A premise that was taken to be missing, looked up again now that others have bound its variables: what is there is
    /// never called missing.
    fn missing(&mut self, atom: &Atom) -> Result<Fate, Limit> {
        let (columns, key) = body::key_of(&atom.args, &self.vars, self.prover.symbols());
        if self.prover.fan_out(atom.rel, &columns) > TOO_WIDE {
            return Ok(Fate::Unknown);
        }
        let mut rows = Vec::new();
        self.prover.matching(atom.rel, &columns, &key, &mut rows)?;
        for number in rows {
            let row: Vec<Word> = self.prover.row(atom.rel, number).to_vec();
            if agree(&atom.args, &row, &mut self.vars.clone()) {
                return Ok(Fate::Met(Some(number)));
            }
        }
        Ok(Fate::Missing(pattern_of(&atom.args, &self.vars, self.prover)))
    }

    /// Every literal has its fate, or cannot be decided: the attempt is kept when it lacks less than the best so far.
    fn finish(&mut self) -> Result<(), Limit> {
        let mut fates: Vec<Fate> = Vec::with_capacity(self.fates.len());
        for i in 0..self.fates.len() {
            fates.push(match (&self.fates[i], &self.rule.body[i]) {
                (Some(Fate::Missing(_)), Literal::Atom(a)) => match self.missing(a)? {
                    // It is there: with its values the attempt was made before, and says what they come to.
                    Fate::Met(_) if !self.untried && !self.every => return Ok(()),
                    fate => fate,
                },
                (None, Literal::Atom(a)) => self.missing(a)?,
                (Some(fate), _) => fate.clone(),
                (None, Literal::Not(_)) => Fate::Open,
                (None, _) => Fate::Unknown,
            });
        }
        let program = self.prover.program();
        let fixed = |(fate, literal): (&Fate, &Literal)| {
            let rel = literal.relation().filter(|_| matches!(fate, Fate::Missing(_)))?;
            (self.prover.rules_of(rel).is_empty() && program.rel(rel).inputs.is_empty()).then_some(())
        };
        let fixed = fates.iter().zip(&self.rule.body).filter_map(fixed).count() as u32;
        let price = Price::default();
        let mut attempt = Attempt { rule: self.id, vars: self.vars.clone(), fates, head: None, fixed, price };
        for (c, (term, want)) in self.rule.args.iter().zip(self.pattern).enumerate() {
            if let (Some(want), Ok(is)) = (want, body::eval(term, &self.vars, self.prover.symbols()))
                && is != *want
            {
                attempt.head.get_or_insert((c, is, *want));
            }
        }
        let rank = |a: &Attempt| (a.lacking(), a.weight());
        let heads = |a: &Attempt, s: &mut Self| -> Vec<Option<Word>> {
            let terms = &s.rule.args;
            terms.iter().map(|t| body::eval(t, &a.vars, s.prover.symbols()).ok()).collect()
        };
        let head = heads(&attempt, self);
        for at in 0..self.best.len() {
            let other = self.best[at].clone();
            let same = if self.every { other.vars == attempt.vars } else { heads(&other, self) == head };
            if self.keep > 1 && same {
                if rank(&attempt) >= rank(&self.best[at]) {
                    return Ok(());
                }
                self.best.remove(at);
                break;
            }
        }
        let at = self.best.partition_point(|b| rank(b) <= rank(&attempt));
        self.best.insert(at, attempt);
        self.cut |= self.best.len() > self.keep;
        self.best.truncate(self.keep);
        Ok(())
    }
}

/// Binds the variables of the arguments to a row; false (with some perhaps bound) when they do not agree.
fn agree(args: &[Arg], row: &[Word], vars: &mut [Option<Word>]) -> bool {
    args.iter().zip(row).all(|(arg, word)| match arg {
        Arg::Var(v) => *vars[v.index()].get_or_insert(*word) == *word,
        _ => true,
    })
}

/// What is known of the row that an atom asks for.
#[must_use]
pub fn pattern_of(args: &[Arg], vars: &[Option<Word>], prover: &mut Prover<'_>) -> Vec<Option<Word>> {
    let (columns, key) = body::key_of(args, vars, prover.symbols());
    let mut out = vec![None; args.len()];
    for (c, k) in columns.into_iter().zip(key) {
        out[c] = Some(k);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Database;
    use crate::lang::program::SourceFile;

    #[test]
    fn it_is_said_that_attempts_may_have_been_left_out() {
        let searched = |rows: usize, keep: usize, budget: usize| {
            let mut text = String::from(
                ".decl q(x: number, y: number)\n.decl r(y: number)\n.input r\n.decl h(x: number)\n\
                 h(x) :- q(x, y), r(y).\n",
            );
            (0..rows).for_each(|y| text += &format!("q(1, {y}).\n"));
            let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
            let mut prover = Prover::new(&program, Database::new(&program), u64::MAX);
            let h = program.relation("h").expect("declared");
            let (found, cut) =
                search_all(&mut prover, h, &[Some(crate::engine::value::from_number(1))], keep, budget, true)
                    .expect("within limits");
            (found.len(), cut)
        };
        let (few, many) = (BRANCHES / 2, BRANCHES * 2);
        assert_eq!(searched(few, 1000, 100_000), (few + 1, false), "r is missing of each, or q and r");
        assert_eq!(searched(few, 3, 100_000), (3, true), "more than are kept");
        assert!(searched(few, 1000, 10).1, "the budget is spent");
        assert_eq!(searched(many, 1000, 100_000), (BRANCHES + 1, true), "not every row is tried");
    }
}
