//! Whether conclusions that exclude each other can be drawn together.
//!
//! Rules defeat each other by negation, and strata order every defeat: an exception is always settled before what it
//! defeats. What strata do not order are two exceptions whose effects meet in one verdict. A relation annotated
//! `//@ verdict key...` has one row for each key; two of its rules that say different things are *ordered* when one of them
//! tests by negation something that the other needs, for then they never hold for the same key. What a rule needs is every
//! literal of its body and, for each relation it reads, what all rules of that relation need in turn. This is a sound test:
//! a pair that passes cannot meet. A pair that does not pass is reported.
//!
//! One assumption: a constant in a key column (such as `-` for nobody) is not a value of the casebase in that column.

use crate::lang::program::{Arg, Const, Literal, Program, RelId, Rule, RuleId, Term, VarId};
use std::collections::{BTreeMap, BTreeSet};

/// An argument, seen from the head.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// Equal to that column of the head.
    Column(usize),
    /// A text constant.
    Text(String),
    /// Another constant.
    Other(String),
    /// Some value (positive) or every value (negative).
    Any,
}

/// A literal that must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    positive: bool,
    rel: RelId,
    args: Vec<Seen>,
}

fn constant(c: &Const) -> Seen {
    match c {
        Const::Symbol(s) => Seen::Text(s.to_string()),
        other => Seen::Other(format!("{other:?}")),
    }
}

struct Needs<'a> {
    program: &'a Program,
    rules: BTreeMap<RelId, Vec<usize>>,
    given: BTreeSet<RelId>,
    known: BTreeMap<RelId, BTreeSet<Need>>,
    open: BTreeSet<RelId>,
}

impl<'a> Needs<'a> {
    fn new(program: &'a Program) -> Self {
        let mut rules: BTreeMap<RelId, Vec<usize>> = BTreeMap::new();
        for (i, r) in program.rules.iter().enumerate() {
            rules.entry(r.head).or_default().push(i);
        }
        // Rows that come from elsewhere need nothing.
        let mut given: BTreeSet<RelId> = program.facts.iter().map(|f| f.rel).collect();
        for (i, r) in program.relations.iter().enumerate() {
            if !r.inputs.is_empty() || r.notes.has("input") || r.notes.has("dimension") {
                given.insert(RelId(i as u32));
            }
        }
        Self { program, rules, given, known: BTreeMap::new(), open: BTreeSet::new() }
    }

    /// What every rule of a relation needs.
    fn relation(&mut self, rel: RelId) -> BTreeSet<Need> {
        if let Some(n) = self.known.get(&rel) {
            return n.clone();
        }
        if self.given.contains(&rel) || !self.open.insert(rel) {
            return BTreeSet::new();
        }
        let list = self.rules.get(&rel).cloned().unwrap_or_default();
        let mut all: Option<BTreeSet<Need>> = None;
        for r in list {
            let needs = self.rule(r);
            all = Some(match all {
                None => needs,
                Some(a) => a.intersection(&needs).cloned().collect(),
            });
        }
        self.open.remove(&rel);
        let all = all.unwrap_or_default();
        // Within a recursion the answer may be short of something, which can only make a pair be reported.
        self.known.insert(rel, all.clone());
        all
    }

    /// What a rule needs.
    fn rule(&mut self, index: usize) -> BTreeSet<Need> {
        let rule: &Rule = &self.program.rules[index];
        let mut out = BTreeSet::new();
        for l in &rule.body {
            let (positive, atom) = match l {
                Literal::Atom(a) => (true, a),
                Literal::Not(a) => (false, a),
                Literal::Compare { .. } | Literal::Range { .. } | Literal::Aggregate { .. } => continue,
            };
            let Some(args) = atom.args.iter().map(|a| see(rule, a, positive)).collect::<Option<Vec<_>>>() else {
                continue;
            };
            if positive {
                for n in self.relation(atom.rel) {
                    if let Some(n) = through(&n, &args) {
                        out.extend(both(rule, n));
                    }
                }
            }
            let need = Need { positive, rel: atom.rel, args };
            if !positive {
                for n in self.denied(&need) {
                    out.extend(both(rule, n));
                }
            }
            out.extend(both(rule, need));
        }
        out
    }

    /// What does not hold because a relation does not: the only atom of each of its rules, in turn.
    fn denied(&self, need: &Need) -> Vec<Need> {
        let (mut out, mut todo) = (Vec::new(), vec![need.clone()]);
        while let Some(n) = todo.pop() {
            for index in self.rules.get(&n.rel).into_iter().flatten() {
                let rule = &self.program.rules[*index];
                let [Literal::Atom(atom)] = &rule.body[..] else { continue };
                if let Some(below) = deny(rule, &n, &atom.args) {
                    let below = Need { positive: false, rel: atom.rel, args: below };
                    if !out.contains(&below) {
                        out.push(below.clone());
                        todo.push(below);
                    }
                }
            }
        }
        out
    }
}

/// An argument as the head sees it; `None` for a variable that a negative literal takes from elsewhere in the body.
fn see(rule: &Rule, arg: &Arg, positive: bool) -> Option<Seen> {
    match arg {
        Arg::Const(c) => Some(constant(c)),
        Arg::Wild => Some(Seen::Any),
        Arg::Var(v) => match column(rule, *v) {
            Some(i) => Some(Seen::Column(i)),
            None => positive.then_some(Seen::Any),
        },
    }
}

fn column(rule: &Rule, v: VarId) -> Option<usize> {
    rule.args.iter().position(|t| *t == Term::Var(v))
}

/// The arguments of a rule's only atom that are excluded where `n` excludes its head; `None` if nothing can be said.
fn deny(rule: &Rule, n: &Need, atom: &[Arg]) -> Option<Vec<Seen>> {
    // Which value each variable of the head has where the head is excluded.
    let mut values: BTreeMap<VarId, &Seen> = BTreeMap::new();
    for (term, seen) in rule.args.iter().zip(&n.args) {
        match term {
            Term::Const(c) if *seen == Seen::Any || constant(c) == *seen => {}
            // A head column that must be anything may be this; one that is named twice says too little.
            Term::Var(v) if values.insert(*v, seen).is_none() => {}
            _ => return None,
        }
    }
    let value = |a: &Arg| match a {
        Arg::Const(c) => constant(c),
        Arg::Wild => Seen::Any,
        Arg::Var(v) => values.get(v).map_or(Seen::Any, |s| (*s).clone()),
    };
    // A variable that stands twice in the atom and is not fixed asks for equal values: nothing is said of such rules.
    let free = |v: &VarId| values.get(v).is_none_or(|s| **s == Seen::Any);
    let vars: Vec<&VarId> = atom.iter().filter_map(|a| if let Arg::Var(v) = a { Some(v) } else { None }).collect();
    let twice = vars.iter().enumerate().any(|(i, v)| free(v) && vars[..i].contains(v));
    (!twice).then(|| atom.iter().map(value).collect())
}

/// A need of a relation, seen through an atom of that relation.
fn through(n: &Need, args: &[Seen]) -> Option<Need> {
    let mut out = n.clone();
    for a in &mut out.args {
        if let Seen::Column(i) = a {
            let seen = args[*i].clone();
            if seen == Seen::Any && !n.positive {
                return None;
            }
            *a = seen;
        }
    }
    Some(out)
}

/// The need, and the need with constants of the head put as columns.
fn both(rule: &Rule, n: Need) -> Vec<Need> {
    let mut other = n.clone();
    for a in &mut other.args {
        let at = rule.args.iter().position(|t| matches!(t, Term::Const(c) if constant(c) == *a));
        if let Some(i) = at {
            *a = Seen::Column(i);
        }
    }
    if other == n { vec![n] } else { vec![n, other] }
}

/// Whether the two needs cannot both be met for one key.
fn clash(a: &Need, b: &Need, keys: &[usize]) -> bool {
    let (p, n) = if a.positive { (a, b) } else { (b, a) };
    let key = |s: &Seen| !matches!(s, Seen::Column(i) if !keys.contains(i));
    p.rel == n.rel
        && p.positive
        && !n.positive
        && p.args.iter().zip(&n.args).all(|(p, n)| *n == Seen::Any || (p == n && key(n)))
}

/// Two rules of a verdict with nothing to order them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unordered {
    /// The verdict.
    pub relation: RelId,
    /// The rules.
    pub rules: (RuleId, RuleId),
}

/// Pairs of rules of verdicts that may say different things about one key; and keys that name no column.
pub(super) fn unordered(program: &Program) -> (Vec<Unordered>, Vec<(RelId, String)>) {
    let (mut pairs, mut bad) = (Vec::new(), Vec::new());
    let mut needs = Needs::new(program);
    for (i, relation) in program.relations.iter().enumerate() {
        let rel = RelId(i as u32);
        let Some(note) = relation.notes.get("verdict") else { continue };
        let mut keys = Vec::new();
        for word in note.split_whitespace() {
            match relation.columns.iter().position(|c| c.name == word) {
                Some(k) => keys.push(k),
                None => bad.push((rel, word.to_owned())),
            }
        }
        let rules = needs.rules.get(&rel).cloned().unwrap_or_default();
        let found: Vec<BTreeSet<Need>> = rules.iter().map(|r| needs.rule(*r)).collect();
        for (x, a) in rules.iter().enumerate() {
            for (y, b) in rules.iter().enumerate().skip(x + 1) {
                let (ra, rb) = (&program.rules[*a], &program.rules[*b]);
                let apart = keys.iter().any(|k| match (&ra.args[*k], &rb.args[*k]) {
                    (Term::Const(c), Term::Const(d)) => c != d,
                    (Term::Const(_), _) | (_, Term::Const(_)) => true,
                    _ => false,
                });
                let same = (0..relation.arity())
                    .filter(|c| !keys.contains(c))
                    .all(|c| matches!((&ra.args[c], &rb.args[c]), (Term::Const(p), Term::Const(q)) if p == q));
                if !apart && !same && !found[x].iter().any(|n| found[y].iter().any(|m| clash(n, m, &keys))) {
                    pairs.push(Unordered { relation: rel, rules: (RuleId(*a as u32), RuleId(*b as u32)) });
                }
            }
        }
    }
    (pairs, bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    fn count(text: &str) -> usize {
        let source = SourceFile { name: "x.dl".into(), text: text.into() };
        let c = crate::lang::compile(vec![source]);
        assert!(!c.has_errors(), "{:?}", c.diagnostics);
        unordered(&c.program).0.len()
    }

    const DECLS: &str = "//@ input\n.decl sun(day: symbol)\n//@ input\n.decl rain(day: symbol, mm: number)\n.decl wet(day: symbol)\nwet(d) :- rain(d, m), m > 5.\n\
        .decl dry(day: symbol)\ndry(d) :- sun(d), !wet(d).\n//@ verdict day\n.decl plan(day: symbol, what: symbol)\n.output plan\n";

    #[test]
    fn order_is_found_directly_and_through_helpers() {
        assert_eq!(count(&format!("{DECLS}plan(d, \"walk\") :- sun(d), !wet(d).\nplan(d, \"read\") :- wet(d).\n")), 0);
        assert_eq!(count(&format!("{DECLS}plan(d, \"walk\") :- dry(d).\nplan(d, \"read\") :- wet(d), sun(d).\n")), 0);
        // Nothing orders sun and rain.
        assert_eq!(count(&format!("{DECLS}plan(d, \"walk\") :- sun(d).\nplan(d, \"read\") :- wet(d).\n")), 1);
        // The test concerns another day.
        assert_eq!(
            count(&format!("{DECLS}plan(d, \"walk\") :- sun(d), sun(e), !wet(e).\nplan(d, \"read\") :- wet(d).\n")),
            1
        );
        // A second way to be dry that does not test rain undoes the order.
        assert_eq!(
            count(&format!("{DECLS}dry(d) :- sun(d).\nplan(d, \"walk\") :- dry(d).\nplan(d, \"read\") :- wet(d).\n")),
            1
        );
        // Same thing said twice, and keys apart.
        assert_eq!(count(&format!("{DECLS}plan(d, \"walk\") :- sun(d).\nplan(d, \"walk\") :- wet(d).\n")), 0);
        assert_eq!(count(&format!("{DECLS}plan(\"a\", \"x\") :- sun(\"a\").\nplan(\"b\", \"y\") :- wet(\"b\").\n")), 0);
        // What is not outdoors is neither dry nor, through it, sunny.
        let out = format!(
            "{DECLS}.decl fine(day: symbol)\nfine(d) :- sun(d).\n.decl out(day: symbol)\nout(d) :- fine(d).\nout(d) :- rain(d, 1).\n"
        );
        assert_eq!(count(&format!("{out}plan(d, \"walk\") :- sun(d).\nplan(d, \"read\") :- wet(d), !out(d).\n")), 0);
        assert_eq!(
            count(&format!("{out}plan(d, \"walk\") :- rain(d, 1).\nplan(d, \"read\") :- wet(d), !out(d).\n")),
            0
        );
        assert_eq!(
            count(&format!("{out}plan(d, \"walk\") :- rain(d, 2).\nplan(d, \"read\") :- wet(d), !out(d).\n")),
            1
        );
        // No rain at all, or no rain of that amount: the first excludes every rain, the second one only.
        assert_eq!(
            count(&format!("{DECLS}plan(d, \"walk\") :- sun(d), !rain(d, _).\nplan(d, \"read\") :- rain(d, 3).\n")),
            0
        );
        assert_eq!(
            count(&format!("{DECLS}plan(d, \"walk\") :- sun(d), !rain(d, 4).\nplan(d, \"read\") :- rain(d, 3).\n")),
            1
        );
    }
}
