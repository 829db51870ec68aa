//! Every step of a certificate, then what its negated premises and aggregates rest on.

use super::Options;
use super::complete::{Query, answers_of, show, show_fact};
use super::problem::{Both, Kind, Problem, both, data};
use super::read::{Certificate, Claim, Fact, Premise, RuleRef, Slot, Step};
use super::solve::Row;
use super::store::{Cell, Store};
use super::term::{self, Range};
use crate::lang::program::{Arg, Const, Literal, Program, RelId, Rule, Term, VarId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is claimed, as people write it, and whether it is to hold.
    pub claims: Vec<(String, bool)>,
    /// Facts listed as given.
    pub given: usize,
    /// Steps.
    pub steps: usize,
    /// Patterns of negated premises and claims of absence.
    pub absences: usize,
    /// Groups of aggregates.
    pub aggregates: usize,
    /// The question that the claims answer and the number of answers left out, where the certificate says so.
    pub question: Option<(String, usize)>,
    /// Whether the answers of the question were counted over a casebase.
    pub counted: bool,
    /// Number of rows of the casebase, if there was one.
    pub base: Option<usize>,
    /// Everything that is wrong; the certificate is valid when there is nothing.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether the certificate is valid.
    #[must_use]
    pub fn valid(&self) -> bool {
        self.problems.is_empty()
    }
}

pub(super) struct Checker<'p, 'c> {
    pub(super) program: &'p Program,
    certificate: &'c Certificate,
    names: Vec<(String, u32)>,
    slice: Store,
    pub(super) facts: Vec<(RelId, Row, &'c Fact)>,
    ids: HashMap<&'c str, usize>,
    rows: HashSet<(RelId, Row)>,
    used: Vec<bool>,
    queries: Vec<Query<'c>>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn check(
    program: &Program,
    certificate: &Certificate,
    problems: Vec<Problem>,
    base: Option<&mut Store>,
    options: &Options,
) -> Report {
    let mut c = Checker {
        program,
        certificate,
        names: program.rule_names(),
        slice: Store::new(program),
        facts: Vec::new(),
        ids: HashMap::new(),
        rows: HashSet::new(),
        used: Vec::new(),
        queries: Vec::new(),
        problems,
    };
    c.files();
    c.givens();
    for (at, step) in &certificate.steps {
        c.step(at, step);
    }
    c.claims();
    for (i, (at, step)) in certificate.steps.iter().enumerate() {
        if !c.ids.get(step.id.as_str()).is_some_and(|n| c.used[*n]) {
            let found = data(show_fact(program, step.fact.rel, &step.fact.values));
            let later = certificate.steps.len() - i - 1;
            let expected = both(
                format!("其后 {later} 步或主张用到它"),
                format!("one of the {later} later steps, or the claim, to rest on it"),
            );
            c.add(Kind::Idle, at, found, expected);
        }
    }
    let queries = std::mem::take(&mut c.queries);
    let mut slice = std::mem::replace(&mut c.slice, Store::new(&Program::default()));
    c.compute(&queries, &mut slice, options, false);
    let rows = base.as_ref().map(|b| b.size());
    let mut counted = false;
    if let Some(base) = base
        && c.problems.is_empty()
    {
        for (at, g) in &certificate.given {
            let cells: Vec<Option<Cell>> = g.fact.values.iter().map(|v| Some(base.cell(v))).collect();
            if base.matching(g.fact.rel, &cells).is_empty() {
                let found = data(show_fact(program, g.fact.rel, &g.fact.values));
                c.add(Kind::NotInBase, at, found, both("案件库中的一行", "a row of the casebase"));
            }
        }
        c.compute(&queries, base, options, true);
        counted = c.count(base, options);
    }
    let absences = queries.iter().filter(|q| matches!(q, Query::Absent { .. })).count();
    Report {
        claims: certificate.claims.iter().map(|(_, c)| (show(program, c.rel, &c.slots), c.holds)).collect(),
        given: certificate.given.len(),
        steps: certificate.steps.len(),
        absences,
        aggregates: queries.len() - absences,
        question: certificate.question.as_ref().map(|q| (show(program, q.rel, &q.slots), q.left_out)),
        counted,
        base: rows,
        problems: c.problems,
    }
}

impl<'c> Checker<'_, 'c> {
    pub(super) fn add(&mut self, kind: Kind, at: &str, found: Both, expected: Both) {
        self.problems.push(Problem { kind, at: at.to_owned(), found, expected });
    }

    /// The rule files are exactly those of the certificate.
    fn files(&mut self) {
        let none = || both("没有", "none");
        let is: Vec<(&str, String)> = self
            .program
            .files
            .iter()
            .map(|f| (f.name.as_str(), blake3::hash(f.text.as_bytes()).to_hex().to_string()))
            .collect();
        let mut seen = HashSet::new();
        for (i, (file, hash)) in self.certificate.rules.iter().enumerate() {
            let at = format!("rules[{i}]");
            if !seen.insert(file.as_str()) {
                self.add(Kind::Twice, &at, data(file), both("一次", "once"));
            }
            match is.iter().find(|f| f.0 == file) {
                None => self.add(Kind::RuleFile, &at, data(format!("{file} {hash}")), none()),
                Some(f) if f.1 != *hash => {
                    self.add(Kind::RuleFile, &at, data(format!("{file} {hash}")), data(format!("{file} {}", f.1)));
                }
                Some(_) => {}
            }
        }
        for (file, hash) in is.iter().filter(|f| !seen.contains(f.0)) {
            self.add(Kind::RuleFile, "rules", none(), data(format!("{file} {hash}")));
        }
    }

    /// A fact takes its place among those that premises may name.
    fn list(&mut self, at: &str, id: &'c str, fact: &'c Fact) {
        let row: Row = fact.values.iter().map(|v| self.slice.cell(v)).collect();
        let number = self.facts.len();
        if self.ids.insert(id, number).is_some() {
            self.add(Kind::Twice, &format!("{at}.id"), data(format!("{id:?}")), both("一次", "once"));
        }
        if !self.rows.insert((fact.rel, row.clone())) {
            let found = data(show_fact(self.program, fact.rel, &fact.values));
            self.add(Kind::Twice, at, found, both("一次", "once"));
        }
        self.facts.push((fact.rel, row, fact));
        self.used.push(false);
    }

    fn givens(&mut self) {
        let certificate = self.certificate;
        let of_text: HashSet<(RelId, Vec<Cell>)> =
            self.program.facts.iter().map(|f| (f.rel, f.values.iter().map(|v| self.slice.cell(v)).collect())).collect();
        let concluded: HashSet<RelId> = self.program.rules.iter().map(|r| r.head).collect();
        for (at, g) in &certificate.given {
            self.list(at, &g.id, &g.fact);
            let row = self.facts[self.facts.len() - 1].1.clone();
            let rel = self.program.rel(g.fact.rel);
            let outside = !rel.inputs.is_empty() || rel.notes.has("input") || rel.notes.has("dimension");
            let text = of_text.contains(&(g.fact.rel, row.to_vec()));
            if concluded.contains(&g.fact.rel) && !outside && !text {
                let found = data(show_fact(self.program, g.fact.rel, &g.fact.values));
                let expected =
                    both("输入关系的行或规则文本中的事实", "a row of an input relation, or a fact of the rules");
                self.add(Kind::NotGivable, at, found, expected);
            }
            if !text {
                self.slice.push(g.fact.rel, &row);
            }
        }
    }

    fn claims(&mut self) {
        let certificate = self.certificate;
        let mut seen: Vec<&Claim> = Vec::new();
        for (at, claim) in &certificate.claims {
            let shown = data(show(self.program, claim.rel, &claim.slots));
            if seen.iter().any(|c| c.rel == claim.rel && c.slots == claim.slots) {
                self.add(Kind::Twice, at, shown.clone(), both("一次", "once"));
            }
            seen.push(claim);
            self.answers(at, claim);
            if !claim.holds {
                self.queries.push(Query::Absent { at, rel: claim.rel, slots: claim.slots.clone() });
                continue;
            }
            let Some(n) = claim.fact.as_ref().and_then(|id| self.ids.get(id.as_str()).copied()) else {
                let expected = both("给定事实或某一步的 id", "the id of a given fact or of a step");
                self.add(
                    Kind::Claim,
                    &format!("{at}.fact"),
                    data(format!("{:?}", claim.fact.as_deref().unwrap_or(""))),
                    expected,
                );
                continue;
            };
            self.used[n] = true;
            let (rel, _, fact) = self.facts[n];
            let is = fact.values.iter().zip(&claim.slots).all(|(v, s)| *s == Slot::Value(v.clone()));
            if rel != claim.rel || !is {
                self.add(Kind::Claim, at, shown, data(show_fact(self.program, rel, &fact.values)));
            }
        }
    }

    /// A claim is an answer of the question, where there is one.
    fn answers(&mut self, at: &str, claim: &Claim) {
        let Some(q) = &self.certificate.question else { return };
        let fits = |(i, slot): (usize, &Slot)| match slot {
            Slot::Open => true,
            Slot::Same(c) => claim.slots[i] == claim.slots[*c],
            value => claim.slots[i] == *value,
        };
        if !claim.holds || claim.rel != q.rel || !q.slots.iter().enumerate().all(fits) {
            let (found, expected) = (show(self.program, claim.rel, &claim.slots), show(self.program, q.rel, &q.slots));
            self.add(Kind::Question, at, data(found), data(expected));
        }
    }

    /// Counts the answers of the question over a casebase; whether they could be counted.
    fn count(&mut self, base: &mut Store, options: &Options) -> bool {
        let Some(q) = self.certificate.question.as_ref().filter(|_| self.problems.is_empty()) else { return false };
        let claimed = self.certificate.claims.len();
        let Some(are) = answers_of(self.program, q, base, options) else { return false };
        if are != claimed + q.left_out {
            let line = |n: usize| both(format!("{n} 个答案"), format!("{n} answers"));
            self.add(Kind::LeftOut, "question.left_out", line(claimed + q.left_out), line(are));
        }
        true
    }

    /// The rule that a step names.
    fn rule(&mut self, at: &str, named: &RuleRef) -> Option<usize> {
        let program = self.program;
        let at = format!("{at}.rule");
        let stands = |i: &usize| {
            let rule = &program.rules[*i];
            self.names[*i].0 == named.name
                && i64::from(self.names[*i].1) == named.part
                && program.place(rule.span) == named.place
        };
        let candidates: Vec<usize> = (0..program.rules.len()).filter(stands).collect();
        let Some(first) = candidates.first().copied() else {
            let found = data(format!("{} ({}, {})", named.name, named.place, named.part));
            let near: Vec<String> = (0..program.rules.len())
                .filter(|i| self.names[*i].0 == named.name || program.place(program.rules[*i].span) == named.place)
                .take(4)
                .map(|i| {
                    let (name, part) = &self.names[i];
                    format!("{name} ({}, {part})", program.place(program.rules[i].span))
                })
                .collect();
            let expected = if near.is_empty() {
                both("程序中的一条规则", "a rule of the program")
            } else {
                data(near.join(" | "))
            };
            self.add(Kind::Rule, &at, found, expected);
            return None;
        };
        // The text of the clause names the rule beyond doubt, also where two stand on one line.
        let hash = |i: usize| blake3::hash(program.clause_text(&program.rules[i]).as_bytes()).to_hex().to_string();
        let same = candidates.iter().find(|i| hash(**i) == named.clause);
        if same.is_none() {
            let expected = data(hash(first));
            self.add(Kind::Clause, &at, data(&named.clause), expected);
        }
        same.copied()
    }

    fn step(&mut self, at: &'c str, step: &'c Step) {
        if let Some(i) = self.rule(at, &step.rule) {
            let rule = &self.program.rules[i];
            if let Some(vars) = self.bindings(at, rule, step) {
                self.head(at, rule, step, &vars);
                self.body(at, rule, step, &vars);
            }
        }
        self.list(at, &step.id, &step.fact);
    }

    fn bindings(&mut self, at: &str, rule: &Rule, step: &Step) -> Option<Vec<Const>> {
        let at = format!("{at}.bindings");
        let before = self.problems.len();
        let names: Vec<&str> = rule.vars.iter().map(|v| v.name.as_str()).collect();
        let mut vars: Vec<Option<Const>> = vec![None; names.len()];
        for (name, value) in &step.bindings {
            let Some(v) = names.iter().position(|n| n == name) else {
                self.add(Kind::Binding, &at, data(name), data(names.join(", ")));
                continue;
            };
            if vars[v].is_some() {
                self.add(
                    Kind::Binding,
                    &at,
                    both(format!("{name} 两次"), format!("{name} twice")),
                    both("一次", "once"),
                );
            }
            if term::prim(value) != rule.vars[v].prim {
                let found = data(format!("{name} = {}", term::show(value)));
                self.add(Kind::Binding, &at, found, data(crate::lang::prim_name(rule.vars[v].prim)));
            }
            vars[v] = Some(value.clone());
        }
        for (name, value) in names.iter().zip(&vars) {
            if value.is_none() {
                let found = both(format!("没有 {name}"), format!("no {name}"));
                self.add(Kind::Binding, &at, found, data(names.join(", ")));
            }
        }
        if self.problems.len() > before { None } else { vars.into_iter().collect() }
    }

    fn value(&mut self, at: &str, t: &Term, vars: &[Const]) -> Option<Const> {
        match term::eval(t, &|v: VarId| vars.get(v.index()).cloned()) {
            Ok(c) => Some(c),
            Err(e) => {
                self.add(Kind::NoValue, at, data(e.0), both("一个值", "a value"));
                None
            }
        }
    }

    fn head(&mut self, at: &str, rule: &Rule, step: &Step, vars: &[Const]) {
        let found = data(show_fact(self.program, step.fact.rel, &step.fact.values));
        if rule.head != step.fact.rel {
            self.add(Kind::Head, at, found, data(&self.program.rel(rule.head).name));
            return;
        }
        let mut values = Vec::with_capacity(rule.args.len());
        for t in &rule.args {
            match self.value(at, t, vars) {
                Some(c) => values.push(c),
                None => return,
            }
        }
        if values != step.fact.values {
            self.add(Kind::Head, at, found, data(show_fact(self.program, rule.head, &values)));
        }
    }

    fn body(&mut self, at: &'c str, rule: &Rule, step: &'c Step, vars: &[Const]) {
        if step.premises.len() != rule.body.len() {
            let n = |n: usize| both(format!("{n} 项前提"), format!("{n} premises"));
            self.add(Kind::Premises, at, n(step.premises.len()), n(rule.body.len()));
            return;
        }
        for (i, (literal, premise)) in rule.body.iter().zip(&step.premises).enumerate() {
            let Some(premise) = premise else { continue };
            self.premise(at, i, literal, premise, vars);
        }
    }

    fn premise(&mut self, step: &'c str, i: usize, literal: &Literal, premise: &'c Premise, vars: &[Const]) {
        let at = format!("{step}.premises[{i}]");
        match (literal, premise) {
            (Literal::Atom(atom), Premise::Fact(id)) => {
                let Some(n) = self.earlier(&at, id) else { return };
                let (rel, _, fact) = self.facts[n];
                let wanted = slots(&atom.args, vars);
                let agrees = rel == atom.rel
                    && fact
                        .values
                        .iter()
                        .zip(&wanted)
                        .all(|(v, s)| matches!(s, Slot::Open) || *s == Slot::Value(v.clone()));
                if !agrees {
                    let found = data(show_fact(self.program, rel, &fact.values));
                    self.add(Kind::Premise, &at, found, data(show(self.program, atom.rel, &wanted)));
                }
            }
            (Literal::Not(atom), Premise::Absent(rel, pattern)) => {
                let wanted = slots(&atom.args, vars);
                if *rel != atom.rel || *pattern != wanted {
                    let found = data(show(self.program, *rel, pattern));
                    self.add(Kind::Premise, &at, found, data(show(self.program, atom.rel, &wanted)));
                }
                // Looked into all the same: what the rule needs, not what is said.
                self.queries.push(Query::Absent { at: step, rel: atom.rel, slots: wanted });
            }
            (Literal::Compare { op, left, right, .. }, Premise::Compare(sign, a, b)) => {
                let (Some(x), Some(y)) = (self.value(&at, left, vars), self.value(&at, right, vars)) else { return };
                let line = |s: &str, a: &Const, b: &Const| data(format!("{} {s} {}", term::show(a), term::show(b)));
                let is = op.sign();
                if sign != is || *a != x || *b != y {
                    self.add(Kind::Premise, &at, line(sign, a, b), line(is, &x, &y));
                }
                match term::compare(*op, &x, &y) {
                    Some(true) => {}
                    Some(false) => self.add(Kind::Test, &at, line(is, &x, &y), both("成立", "one that holds")),
                    None => self.add(Kind::NoValue, &at, line(is, &x, &y), both("一个值", "a value")),
                }
            }
            (Literal::Range { var, from, to, step, .. }, Premise::Range(v, a, b, s)) => {
                let (Some(x), Some(y)) = (self.value(&at, from, vars), self.value(&at, to, vars)) else { return };
                let z = match step {
                    None => None,
                    Some(t) => match self.value(&at, t, vars) {
                        None => return,
                        z => z,
                    },
                };
                let is = &vars[var.index()];
                let line = |v: &Const, a: &Const, b: &Const, s: &Option<Const>| {
                    let step = s.as_ref().map(|s| format!(", {}", term::show(s))).unwrap_or_default();
                    data(format!("{} = range({}, {}{step})", term::show(v), term::show(a), term::show(b)))
                };
                if v != is || *a != x || *b != y || *s != z {
                    self.add(Kind::Premise, &at, line(v, a, b, s), line(is, &x, &y, &z));
                }
                if !Range::new(&x, &y, z.as_ref()).contains(is) {
                    self.add(Kind::Test, &at, line(is, &x, &y, &z), both("成立", "one that holds"));
                }
            }
            (Literal::Aggregate { .. }, Premise::Aggregate(op, group, rows, result)) => {
                self.aggregate(at, literal, (op, group, rows, result), vars);
            }
            (literal, premise) => {
                let name = |l: &Literal| match l {
                    Literal::Atom(_) => "fact",
                    Literal::Not(_) => "absent",
                    Literal::Compare { .. } => "compare",
                    Literal::Range { .. } => "range",
                    Literal::Aggregate { .. } => "aggregate",
                };
                let found = match premise {
                    Premise::Fact(_) => "fact",
                    Premise::Absent(..) => "absent",
                    Premise::Compare(..) => "compare",
                    Premise::Range(..) => "range",
                    Premise::Aggregate(..) => "aggregate",
                };
                self.add(Kind::Premises, &at, data(found), data(name(literal)));
            }
        }
    }

    /// The number of a fact that stands before the step, by its id.
    fn earlier(&mut self, at: &str, id: &str) -> Option<usize> {
        let found = self.ids.get(id).copied();
        match found {
            Some(n) => self.used[n] = true,
            None => {
                let expected = both("先前列出的事实的 id", "the id of a fact listed before");
                self.add(Kind::Order, at, data(format!("{id:?}")), expected);
            }
        }
        found
    }

    fn aggregate(
        &mut self,
        at: String,
        literal: &Literal,
        (word, group, ids, result): (&str, &[Const], &[String], &Const),
        vars: &[Const],
    ) {
        let Literal::Aggregate { op, rel, group: args, value, result: var, .. } = literal else { return };
        let wanted: Vec<Const> =
            slots(args, vars).into_iter().filter_map(|s| if let Slot::Value(c) = s { Some(c) } else { None }).collect();
        let line = |op: &str, group: &[Const]| {
            let shown: Vec<String> = group.iter().map(term::show).collect();
            data(format!("{op} [{}]", shown.join(", ")))
        };
        if word != op.word() || group != wanted {
            self.add(Kind::Premise, &at, line(word, group), line(op.word(), &wanted));
        }
        let is = &vars[var.index()];
        if result != is {
            self.add(Kind::Premise, &at, data(term::show(result)), data(term::show(is)));
        }
        let mut rows = Vec::with_capacity(ids.len());
        let mut seen = BTreeSet::new();
        for id in ids {
            let Some(n) = self.earlier(&at, id) else { continue };
            if !seen.insert(n) {
                self.add(Kind::Twice, &at, data(format!("{id:?}")), both("一次", "once"));
                continue;
            }
            rows.push(n);
        }
        let values: Vec<Const> = rows
            .iter()
            .map(|n| value.and_then(|c| self.facts[*n].2.values.get(c).cloned()).unwrap_or(Const::Number(0)))
            .collect();
        let prim = value.map_or(crate::lang::program::Prim::Number, |c| self.program.rel(*rel).columns[c].prim);
        match term::fold(*op, prim, &values) {
            Ok(Some(c)) if c == *is => {}
            Ok(c) => {
                let expected = c.map_or_else(|| both("无值", "no value"), |c| data(term::show(&c)));
                self.add(Kind::Total, &at, data(term::show(is)), expected);
            }
            Err(e) => self.add(Kind::NoValue, &at, data(e.0), both("一个值", "a value")),
        }
        self.queries.push(Query::Group { at, rel: *rel, group: wanted, rows });
    }
}

/// What an atom asks for under values of all variables.
fn slots(args: &[Arg], vars: &[Const]) -> Vec<Slot> {
    args.iter()
        .map(|arg| match arg {
            Arg::Var(v) => Slot::Value(vars[v.index()].clone()),
            Arg::Const(Const::Float(f)) => Slot::Value(Const::Float(term::plain(*f))),
            Arg::Const(c) => Slot::Value(c.clone()),
            Arg::Wild => Slot::Open,
        })
        .collect()
}
