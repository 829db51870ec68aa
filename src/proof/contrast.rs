//! Why here and not there: the proof of one conclusion laid beside what there is for another, down to the first points at
//! which they part.
//!
//! The proof of the first is followed from the top. At each step the same rule is looked for on the other side: if it holds
//! there too its premises are laid beside each other, if it does not, the values that satisfy most of it are, and what they
//! lack is where the two part. What agrees is folded.

use super::demand::Prover;
use super::graph::{Binding, Value};
use super::rank::Ranks;
use super::record::{FactId, Record};
use super::why_not::{self, Fate};
use super::{Goal, answers, pattern, typed};
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{CmpOp, Literal, RelId, RuleId};
use rustc_hash::FxHashMap;

/// How the two sides stand at a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A fact here; there a fact that follows by the same rule. Parts below it, if any.
    Alike {
        /// Values there.
        there: Vec<Value>,
    },
    /// A fact here; there it follows, but by another rule.
    OtherRule {
        /// Values there.
        there: Vec<Value>,
        /// The rules here and there; `None` for a given fact.
        rules: (Option<RuleId>, Option<RuleId>),
    },
    /// A fact here; there nothing of the pattern follows.
    Lacking {
        /// What was looked for there.
        there: Vec<Option<Value>>,
        /// Whether a rule could conclude it.
        derivable: bool,
    },
    /// Nothing here of what is there and stands in the way.
    Blocked {
        /// What holds there.
        there: Vec<Value>,
    },
    /// A test that holds here and fails there, with its values.
    Test {
        /// Operator.
        op: CmpOp,
        /// Left and right side here.
        here: (Value, Value),
        /// Left and right side there.
        there: (Value, Value),
    },
    /// An aggregate with another value there.
    Count {
        /// Value here.
        here: Option<Value>,
        /// Value there; `None` when it has none.
        there: Option<Value>,
    },
}

/// A point at which the two are compared.
#[derive(Clone, Debug)]
pub struct Point {
    /// Relation; that of the rule's head for tests and counts.
    pub rel: RelId,
    /// Values here; what is absent for [`Part::Blocked`].
    pub here: Vec<Option<Value>>,
    /// The rule by which it follows here, or in which the test stands.
    pub rule: Option<RuleId>,
    /// The variables of that rule here; empty for tests and counts.
    pub bindings: Vec<Binding>,
    /// How they stand.
    pub part: Part,
    /// Points below, by index.
    pub below: Vec<usize>,
    /// Whether the two part here or below.
    pub differs: bool,
}

/// Two conclusions laid beside each other.
#[derive(Clone, Debug, Default)]
pub struct Contrast {
    /// Points; the first is the conclusion itself. Empty when the first conclusion does not follow.
    pub points: Vec<Point>,
}

/// Deepest point followed.
const DEPTH: usize = 60;

struct Work {
    fact: FactId,
    there: Vec<Option<Word>>,
    point: usize,
    depth: usize,
}

struct Side<'a, 'p> {
    prover: &'a mut Prover<'p>,
    record: Record,
    /// Of the facts here; facts there are followed later and have none.
    ranks: Ranks,
    points: Vec<Point>,
    known: FxHashMap<(FactId, Vec<Option<Word>>), usize>,
    work: Vec<Work>,
}

/// Lays the first answer of one goal beside another goal.
///
/// # Errors
/// When a stated limit is met.
pub fn contrast(prover: &mut Prover<'_>, here: &Goal, there: &Goal) -> Result<Contrast, Limit> {
    let Some(first) = answers(prover, here)?.first().copied() else { return Ok(Contrast::default()) };
    let mut record = Record::default();
    let fact = record.fact(prover, here.rel, first);
    record.follow(prover, 1_000_000)?;
    let ranks = Ranks::of(&record, &|_| 0);
    let wanted = pattern(&there.args, prover.symbols());
    let mut side = Side { prover, record, ranks, points: Vec::new(), known: FxHashMap::default(), work: Vec::new() };
    side.point(fact, wanted, 0);
    while let Some(work) = side.work.pop() {
        side.compare(&work)?;
    }
    let mut points = side.points;
    // Points below were made after those above, save those met again: go on until nothing changes.
    loop {
        let changed: Vec<usize> = (0..points.len())
            .filter(|i| !points[*i].differs && points[*i].below.iter().any(|b| points[*b].differs))
            .collect();
        if changed.is_empty() {
            return Ok(Contrast { points });
        }
        changed.into_iter().for_each(|i| points[i].differs = true);
    }
}

impl Side<'_, '_> {
    fn values(&self, rel: RelId, row: &[Option<Word>]) -> Vec<Option<Value>> {
        typed::row(self.prover.program(), self.prover.text(), rel, row.iter().copied())
    }

    fn whole(&self, rel: RelId, row: &[Word]) -> Vec<Value> {
        let words: Vec<Option<Word>> = row.iter().map(|w| Some(*w)).collect();
        self.values(rel, &words).into_iter().flatten().collect()
    }

    /// A point for a fact here and what is looked for there; compared later.
    fn point(&mut self, fact: FactId, there: Vec<Option<Word>>, depth: usize) -> usize {
        if let Some(at) = self.known.get(&(fact, there.clone())) {
            return *at;
        }
        let f = &self.record.facts[fact.index()];
        let (rel, row) = (f.rel, f.row.clone());
        let here = self.whole(rel, &row).into_iter().map(Some).collect();
        let step = self.ranks.shortest[fact.index()].map(|i| &self.record.instances[i as usize]);
        let rule = step.map(|i| i.rule);
        let bindings =
            step.map_or_else(Vec::new, |i| typed::bindings(self.prover.program(), self.prover.text(), i.rule, &i.vars));
        let part = Part::Alike { there: Vec::new() };
        self.points.push(Point { rel, here, rule, bindings, part, below: Vec::new(), differs: false });
        let at = self.points.len() - 1;
        self.known.insert((fact, there.clone()), at);
        self.work.push(Work { fact, there, point: at, depth });
        at
    }

    fn leaf(&mut self, above: usize, rel: RelId, here: Vec<Option<Value>>, rule: RuleId, part: Part) {
        let (rule, bindings) = (Some(rule), Vec::new());
        self.points.push(Point { rel, here, rule, bindings, part, below: Vec::new(), differs: true });
        let at = self.points.len() - 1;
        self.points[above].below.push(at);
    }

    /// Row numbers that agree with a pattern.
    fn matching(&mut self, rel: RelId, wanted: &[Option<Word>]) -> Result<Vec<u32>, Limit> {
        let columns: Vec<usize> = (0..wanted.len()).filter(|c| wanted[*c].is_some()).collect();
        let key: Vec<Word> = wanted.iter().copied().flatten().collect();
        let mut rows = Vec::new();
        self.prover.matching(rel, &columns, &key, &mut rows)?;
        Ok(rows)
    }

    fn compare(&mut self, work: &Work) -> Result<(), Limit> {
        let fact = self.record.facts[work.fact.index()].clone();
        let rows = self.matching(fact.rel, &work.there)?;
        let mine = self.ranks.shortest[work.fact.index()];
        if rows.is_empty() {
            let derivable = !self.prover.rules_of(fact.rel).is_empty();
            self.points[work.point].part = Part::Lacking { there: self.values(fact.rel, &work.there), derivable };
            self.points[work.point].differs = true;
            if let Some(i) = mine.filter(|_| work.depth < DEPTH) {
                self.lacking(work, fact.rel, i)?;
            }
            return Ok(());
        }
        // The row there that follows by the same rule, if one does.
        let rule = mine.map(|i| self.record.instances[i as usize].rule);
        let mut other = None;
        let mut same = None;
        for number in rows.iter().take(16) {
            let id = self.record.fact(self.prover, fact.rel, *number);
            self.record.follow(self.prover, 1_000_000)?;
            let found = self.record.facts[id.index()].by.clone();
            if rule.is_none() && self.record.facts[id.index()].given {
                same = Some((id, None));
            }
            let by_rule = found.iter().copied().find(|i| Some(self.record.instances[*i as usize].rule) == rule);
            if let Some(i) = by_rule {
                same = Some((id, Some(i)));
            }
            if same.is_some() {
                break;
            }
            other.get_or_insert((id, found.first().copied()));
        }
        match (same, other) {
            (Some((id, theirs)), _) => {
                let there = self.whole(fact.rel, &self.record.facts[id.index()].row.clone());
                self.points[work.point].part = Part::Alike { there };
                if let (Some(a), Some(b)) = (mine, theirs)
                    && id != work.fact
                    && work.depth < DEPTH
                {
                    self.side_by_side(work, fact.rel, a, b)?;
                }
            }
            (None, Some((id, theirs))) => {
                let there = self.whole(fact.rel, &self.record.facts[id.index()].row.clone());
                let theirs = theirs.map(|i| self.record.instances[i as usize].rule);
                self.points[work.point].part = Part::OtherRule { there, rules: (rule, theirs) };
                self.points[work.point].differs = true;
                if let Some(i) = mine.filter(|_| work.depth < DEPTH) {
                    self.lacking(work, fact.rel, i)?;
                }
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// The premises of two instances of one rule.
    fn side_by_side(&mut self, work: &Work, rel: RelId, a: u32, b: u32) -> Result<(), Limit> {
        let (a, b) = (self.record.instances[a as usize].clone(), self.record.instances[b as usize].clone());
        let rule = self.prover.program().rule(a.rule);
        for (l, literal) in rule.body.iter().enumerate() {
            let of = |i: &super::record::Instance| i.premises.iter().find(|(at, _)| *at as usize == l).map(|(_, f)| *f);
            match literal {
                Literal::Atom(_) => {
                    if let (Some(x), Some(y)) = (of(&a), of(&b)) {
                        let row = self.record.facts[y.index()].row.iter().map(|w| Some(*w)).collect();
                        let at = self.point(x, row, work.depth + 1);
                        self.points[work.point].below.push(at);
                    }
                }
                Literal::Aggregate { result, prim, .. } => {
                    let (x, y) = (a.vars[result.index()], b.vars[result.index()]);
                    if x != y {
                        let ty = rule.vars[result.index()].ty;
                        let value = |w: Option<Word>, s: &Self| {
                            w.map(|w| Value { value: super::graph::constant(*prim, w, s.prover.text()), ty })
                        };
                        let part = Part::Count { here: value(x, self), there: value(y, self) };
                        self.leaf(work.point, rel, Vec::new(), a.rule, part);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the rule of an instance here lacks there.
    fn lacking(&mut self, work: &Work, rel: RelId, mine: u32) -> Result<(), Limit> {
        let instance = self.record.instances[mine as usize].clone();
        let program = self.prover.program();
        let rule = program.rule(instance.rule);
        let attempts = why_not::search_all(self.prover, rel, &work.there, 1, 2000, false)?.0;
        let Some(attempt) = attempts.into_iter().find(|a| a.rule == instance.rule) else { return Ok(()) };
        for (l, (fate, literal)) in attempt.fates.iter().zip(&rule.body).enumerate() {
            match (fate, literal) {
                (Fate::Missing(wanted), Literal::Atom(_)) => {
                    if let Some((_, f)) = instance.premises.iter().find(|(at, _)| *at as usize == l) {
                        let at = self.point(*f, wanted.clone(), work.depth + 1);
                        self.points[work.point].below.push(at);
                    }
                }
                (Fate::Blocked(row), Literal::Not(a)) => {
                    let there = self.prover.row(a.rel, *row).to_vec();
                    let there = self.whole(a.rel, &there);
                    let absent = why_not::pattern_of(&a.args, &instance.vars, self.prover);
                    let here = self.values(a.rel, &absent);
                    self.leaf(work.point, a.rel, here, instance.rule, Part::Blocked { there });
                }
                (Fate::Fails(x, y), Literal::Compare { op, prim, left, right, .. }) => {
                    let ty = typed::of_comparison(program, rule, *prim, left, right);
                    let mine = body::eval(left, &instance.vars, self.prover.symbols())
                        .and_then(|a| Ok((a, body::eval(right, &instance.vars, self.prover.symbols())?)));
                    let Ok((a, b)) = mine else { continue };
                    let value = |w| Value { value: super::graph::constant(*prim, w, self.prover.text()), ty };
                    let part = Part::Test { op: *op, here: (value(a), value(b)), there: (value(*x), value(*y)) };
                    self.leaf(work.point, rel, Vec::new(), instance.rule, part);
                }
                (Fate::Other(is), Literal::Aggregate { result, prim, .. }) => {
                    let ty = rule.vars[result.index()].ty;
                    let value = |w: Word| Value { value: super::graph::constant(*prim, w, self.prover.text()), ty };
                    let here = instance.vars[result.index()].map(value);
                    let part = Part::Count { here, there: is.map(value) };
                    self.leaf(work.point, rel, Vec::new(), instance.rule, part);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Database;
    use crate::lang::program::{Program, SourceFile};

    /// Points of each kind, and those at the last of all steps down.
    fn contrasted(facts: &str) -> (usize, usize, usize) {
        let mut text = String::from(
            ".decl next(m: number, n: number)\n.decl first(who: symbol)\n.decl second(who: symbol)\n\
             .decl up(who: symbol, n: number)\nup(w, 0) :- first(w).\nup(w, 0) :- second(w).\n\
             up(w, n) :- up(w, m), next(m, n).\n.input first, second\nfirst(\"a\").\n",
        );
        text += facts;
        (0..DEPTH).for_each(|m| text += &format!("next({m}, {}).\n", m + 1));
        let program: Program =
            crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let mut prover = Prover::new(&program, Database::new(&program), u64::MAX);
        let goal = |who: &str| -> Goal {
            crate::lang::query::parse_atom(&program, &format!("up(\"{who}\", {DEPTH})")).expect("an atom").into()
        };
        let found = contrast(&mut prover, &goal("a"), &goal("b")).expect("within limits");
        let of = |name: &str| {
            let rel = program.relation(name);
            found.points.iter().filter(|p| Some(p.rel) == rel).count()
        };
        (of("up"), of("first"), found.points.iter().filter(|p| p.differs).count())
    }

    #[test]
    fn points_end_at_a_depth() {
        // The last of so many steps is looked at, and nothing below it.
        let all = DEPTH + 1;
        assert_eq!(contrasted("first(\"b\").\n"), (all, 0, 0), "alike all the way");
        assert_eq!(contrasted("second(\"b\").\n"), (all, 0, all), "by another rule at the last");
        assert_eq!(contrasted(""), (all, 0, all), "lacking all the way");
    }
}
