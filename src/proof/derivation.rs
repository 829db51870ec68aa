//! The shortest proofs of the answers of a goal as a list of steps, premises first, with every given fact looked at: all
//! that somebody needs who wants to check the answers without trusting this crate's evaluators.

use super::demand::Prover;
use super::graph::constant;
use super::rank::Ranks;
use super::record::{FactId, Instance, Record};
use super::{Goal, Options, answers};
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Const, Literal, Prim, RelId, RuleId, Term};
use std::collections::BTreeMap;

/// A fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Relation.
    pub rel: RelId,
    /// Values, one per column.
    pub values: Vec<Const>,
}

/// What a literal of a body rests on; facts by number in [`Derivation::fact`].
#[derive(Clone, Debug, PartialEq)]
pub enum Premise {
    /// A fact.
    Fact(usize),
    /// No row of this pattern; `None` for any value.
    Absent {
        /// Relation.
        rel: RelId,
        /// One entry per column.
        pattern: Vec<Option<Const>>,
    },
    /// The two values of a comparison.
    Compare {
        /// Left side.
        left: Const,
        /// Right side.
        right: Const,
    },
    /// A value in a range.
    Range {
        /// The value.
        value: Const,
        /// First value.
        from: Const,
        /// End, excluded.
        to: Const,
        /// Step, where the rule has one.
        step: Option<Const>,
    },
    /// An aggregate.
    Aggregate {
        /// What the first columns of its relation equal.
        group: Vec<Const>,
        /// The contributing rows, all of them.
        rows: Vec<usize>,
        /// Its value.
        result: Const,
    },
}

/// A rule applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it concludes.
    pub head: Row,
    /// The rule.
    pub rule: RuleId,
    /// Value of each variable of the rule.
    pub vars: Vec<Const>,
    /// One premise per literal of the body.
    pub premises: Vec<Premise>,
}

/// Proofs of answers, or the facts from which there is none.
#[derive(Clone, Debug)]
pub struct Derivation {
    /// What was asked.
    pub goal: Goal,
    /// Every given fact looked at, by relation, then by values.
    pub given: Vec<Row>,
    /// Steps; the premises of each stand before it.
    pub steps: Vec<Step>,
    /// The answers by number, in order of their values; none when the goal does not follow.
    pub answers: Vec<usize>,
    /// Answers beyond the bound of the options.
    pub more_answers: usize,
}

impl Derivation {
    /// The fact of a number: given facts first, then what the steps conclude.
    #[must_use]
    pub fn fact(&self, number: usize) -> &Row {
        self.given.get(number).unwrap_or_else(|| &self.steps[number - self.given.len()].head)
    }
}

/// Order of values of one type: text by its characters, the rest by size.
fn order(a: &Const, b: &Const) -> std::cmp::Ordering {
    match (a, b) {
        (Const::Symbol(a), Const::Symbol(b)) => a.cmp(b),
        (Const::Number(a), Const::Number(b)) => a.cmp(b),
        (Const::Unsigned(a), Const::Unsigned(b)) => a.cmp(b),
        (Const::Float(a), Const::Float(b)) => a.total_cmp(b),
        _ => std::cmp::Ordering::Equal,
    }
}

fn order_rows(a: &Row, b: &Row) -> std::cmp::Ordering {
    let values = || a.values.iter().zip(&b.values).map(|(a, b)| order(a, b)).find(|o| o.is_ne());
    a.rel.cmp(&b.rel).then_with(|| values().unwrap_or(std::cmp::Ordering::Equal))
}

/// Proves the answers of a goal, or finds the given facts that show that there is none.
///
/// # Errors
/// When a stated limit is met.
pub fn derive(prover: &mut Prover<'_>, goal: &Goal, options: &Options) -> Result<Derivation, Limit> {
    let program = prover.program();
    let found = answers(prover, goal)?;
    let mut record = Record::default();
    let wanted: Vec<FactId> = found.iter().take(options.answers).map(|n| record.fact(prover, goal.rel, *n)).collect();
    record.follow(prover, options.most_instances)?;
    let tests = |i: u32| super::build::tests(program, record.instances[i as usize].rule);
    let ranks = Ranks::of(&record, &tests);
    // Which facts the shortest proofs pass through.
    let mut used = vec![false; record.facts.len()];
    let mut open = wanted.clone();
    let mut derived: Vec<(u32, FactId, u32)> = Vec::new();
    while let Some(f) = open.pop() {
        if std::mem::replace(&mut used[f.index()], true) || record.facts[f.index()].given {
            continue;
        }
        let (Some(level), Some(step)) = (ranks.level[f.index()], ranks.shortest[f.index()]) else {
            let what = match record.truncated {
                true => "the bound on recorded rule instances was met before a proof was complete".to_owned(),
                false => format!("an answer of `{}` has no proof", program.rel(record.facts[f.index()].rel).name),
            };
            return Err(Limit::Internal { what });
        };
        derived.push((level, f, step));
        open.extend(record.instances[step as usize].premises.iter().map(|p| p.1));
    }
    let row = |prover: &Prover<'_>, rel: RelId, words: &[Word]| Row {
        rel,
        values: program.rel(rel).columns.iter().zip(words).map(|(c, w)| constant(c.prim, *w, prover.text())).collect(),
    };
    // Premises of negated literals and aggregates were read while the record was made: the slice is complete now.
    let slice = prover.slice();
    let mut given: Vec<Row> = Vec::new();
    for (i, table) in slice.tables.iter().enumerate() {
        given.extend(table.rows().map(|r| row(prover, RelId(i as u32), r)));
    }
    given.sort_by(order_rows);
    let mut heads: Vec<(u32, Row, FactId, u32)> = derived
        .into_iter()
        .map(|(level, f, step)| {
            let fact = &record.facts[f.index()];
            (level, row(prover, fact.rel, &fact.row), f, step)
        })
        .collect();
    heads.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order_rows(&a.1, &b.1)));
    let mut number: BTreeMap<FactId, usize> = BTreeMap::new();
    for f in (0..record.facts.len() as u32).map(FactId) {
        let fact = &record.facts[f.index()];
        if fact.given && used[f.index()] {
            let sought = row(prover, fact.rel, &fact.row);
            let at = given.binary_search_by(|g| order_rows(g, &sought));
            let missing = || Limit::Internal { what: "a given fact of a proof is not in its slice".into() };
            number.insert(f, at.map_err(|_| missing())?);
        }
    }
    for (i, h) in heads.iter().enumerate() {
        number.insert(h.2, given.len() + i);
    }
    let mut steps = Vec::with_capacity(heads.len());
    for (_, head, _, i) in heads {
        let instance = &record.instances[i as usize];
        let rule = program.rule(instance.rule);
        let vars = rule.vars.iter().zip(&instance.vars).map(|(var, word)| {
            let unbound =
                || Limit::Internal { what: format!("a variable of the rule at {} is open", program.place(rule.span)) };
            word.map(|w| constant(var.prim, w, prover.text())).ok_or_else(unbound)
        });
        let vars = vars.collect::<Result<Vec<_>, _>>()?;
        let premises = (0..rule.body.len()).map(|l| premise(prover, instance, l, &number));
        let premises = premises.collect::<Result<Vec<_>, _>>()?;
        steps.push(Step { head, rule: instance.rule, vars, premises });
    }
    let mut out = Derivation {
        goal: goal.clone(),
        given,
        steps,
        answers: wanted.iter().filter_map(|f| number.get(f).copied()).collect(),
        more_answers: found.len().saturating_sub(options.answers),
    };
    let mut answers = std::mem::take(&mut out.answers);
    answers.sort_by(|a, b| order_rows(out.fact(*a), out.fact(*b)));
    out.answers = answers;
    Ok(out)
}

fn premise(
    prover: &mut Prover<'_>,
    instance: &Instance,
    literal: usize,
    number: &BTreeMap<FactId, usize>,
) -> Result<Premise, Limit> {
    let program = prover.program();
    let rule = program.rule(instance.rule);
    let incomplete =
        || Limit::Internal { what: format!("a step of the rule at {} is incomplete", program.place(rule.span)) };
    let mut facts = instance.premises.iter().filter(|p| p.0 as usize == literal).map(|p| number.get(&p.1).copied());
    let value = |prover: &mut Prover<'_>, term: &Term, prim: Prim| {
        let word = body::eval(term, &instance.vars, prover.symbols());
        word.map(|w| constant(prim, w, prover.text())).map_err(|f| Limit::fault(program, rule.span, f))
    };
    Ok(match &rule.body[literal] {
        Literal::Atom(_) => Premise::Fact(facts.next().flatten().ok_or_else(incomplete)?),
        Literal::Not(atom) => {
            let mut pattern = Vec::with_capacity(atom.args.len());
            for (arg, column) in atom.args.iter().zip(&program.rel(atom.rel).columns) {
                pattern.push(match arg {
                    Arg::Var(v) => {
                        let word = instance.vars[v.index()].ok_or_else(incomplete)?;
                        Some(constant(column.prim, word, prover.text()))
                    }
                    Arg::Const(c) => Some(c.clone()),
                    Arg::Wild => None,
                });
            }
            Premise::Absent { rel: atom.rel, pattern }
        }
        Literal::Compare { prim, left, right, .. } => {
            Premise::Compare { left: value(prover, left, *prim)?, right: value(prover, right, *prim)? }
        }
        Literal::Range { var, prim, from, to, step, .. } => Premise::Range {
            value: value(prover, &Term::Var(*var), *prim)?,
            from: value(prover, from, *prim)?,
            to: value(prover, to, *prim)?,
            step: step.as_ref().map(|s| value(prover, s, *prim)).transpose()?,
        },
        Literal::Aggregate { rel, group, prim, result, .. } => {
            let mut rows = facts.map(|f| f.ok_or_else(incomplete)).collect::<Result<Vec<_>, _>>()?;
            rows.sort_unstable();
            let columns = &program.rel(*rel).columns;
            let group = group.iter().zip(columns).map(|(arg, column)| match arg {
                Arg::Var(v) => value(prover, &Term::Var(*v), column.prim),
                Arg::Const(c) => Ok(c.clone()),
                Arg::Wild => Err(incomplete()),
            });
            let group = group.collect::<Result<Vec<_>, _>>()?;
            Premise::Aggregate { group, rows, result: value(prover, &Term::Var(*result), *prim)? }
        }
    })
}
