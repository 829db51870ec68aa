//! The mutants of a program, and the part of it that each of them can change.

use std::collections::HashMap;
use zhuize::lang::date;
use zhuize::lang::program::{Arg, Atom, Const, Fact, Literal, Program, RelId, Rule, RuleId, Span, Stratum, Term};
use zhuize::rulebook::{RuleTree, Rulebook};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Rule,
    Negation,
    Number,
    Blank,
    Fact,
    FactNumber,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Rule, Kind::Negation, Kind::Number, Kind::Blank, Kind::Fact, Kind::FactNumber];

    pub fn title(self) -> &'static str {
        match self {
            Kind::Rule => "rule left out",
            Kind::Negation => "negation removed",
            Kind::Number => "number of a rule ±1",
            Kind::Blank => "test of a blank",
            Kind::Fact => "fact left out",
            Kind::FactNumber => "number of a fact ±1",
        }
    }
}

/// What is changed.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Left out.
    Out,
    /// Literal of the body left out.
    Literal(usize),
    /// The n-th number, by how much.
    Shift(usize, i32),
}

/// A rule or a fact, by index.
#[derive(Clone, Copy, Debug)]
enum At {
    Rule(usize),
    Fact(usize),
}

pub struct Mutant {
    /// Stable: rulebook, rule, what is changed.
    pub name: String,
    pub rulebook: String,
    pub kind: Kind,
    pub place: String,
    pub text: String,
    /// It forgets that a superior rule may displace a provision: which (`instrument cite`), if the rule names it.
    pub forgets: Option<Option<String>>,
    at: At,
    change: Change,
}

/// A changed part of a program.
pub struct Changed {
    /// Rules and facts of the relations that can change, over the relations of the whole.
    pub program: Program,
    /// By relation: whether it can change.
    pub reach: Vec<bool>,
    /// By relation: whether a rule of the part reads it.
    pub read: Vec<bool>,
}

pub struct Law {
    /// The whole program with its annotations.
    pub program: Program,
    pub mutants: Vec<Mutant>,
    /// Types and relations only, without annotations.
    bare: Program,
    /// By relation: itself and all that depends on it.
    reach: HashMap<RelId, Vec<bool>>,
}

/// Calls for every number of a rule, in order.
fn numbers(rule: &mut Rule, each: &mut dyn FnMut(&mut i32)) {
    fn of_const(c: &mut Const, each: &mut dyn FnMut(&mut i32)) {
        if let Const::Number(n) = c {
            each(n);
        }
    }
    fn of_term(t: &mut Term, each: &mut dyn FnMut(&mut i32)) {
        match t {
            Term::Var(_) => {}
            Term::Const(c) => of_const(c, each),
            Term::Apply { args, .. } => args.iter_mut().for_each(|a| of_term(a, each)),
        }
    }
    fn of_args(args: &mut [Arg], each: &mut dyn FnMut(&mut i32)) {
        for a in args {
            if let Arg::Const(c) = a {
                of_const(c, each);
            }
        }
    }
    rule.args.iter_mut().for_each(|t| of_term(t, each));
    for l in &mut rule.body {
        match l {
            Literal::Atom(a) | Literal::Not(a) => of_args(&mut a.args, each),
            Literal::Compare { left, right, .. } => [left, right].into_iter().for_each(|t| of_term(t, each)),
            Literal::Range { from, to, step, .. } => {
                [Some(from), Some(to), step.as_mut()].into_iter().flatten().for_each(|t| of_term(t, each));
            }
            Literal::Aggregate { group, .. } => of_args(group, each),
        }
    }
}

fn reads(rule: &Rule) -> impl Iterator<Item = RelId> + '_ {
    rule.body.iter().filter_map(|l| match l {
        Literal::Atom(a) | Literal::Not(a) => Some(a.rel),
        Literal::Aggregate { rel, .. } => Some(*rel),
        _ => None,
    })
}

/// A relation and all that depends on it.
fn reach(program: &Program, from: RelId) -> Vec<bool> {
    let mut reach = vec![false; program.relations.len()];
    reach[from.index()] = true;
    let mut grown = true;
    while grown {
        grown = false;
        for r in &program.rules {
            if !reach[r.head.index()] && reads(r).any(|b| reach[b.index()]) {
                reach[r.head.index()] = true;
                grown = true;
            }
        }
    }
    reach
}

/// Folder of the file of a span.
fn rulebook(program: &Program, span: Span) -> String {
    program.files[span.file as usize].name.split('/').next().unwrap_or_default().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_rules(program: &Program, out: &mut Vec<Mutant>) {
    let names = program.rule_names();
    let mut parts: HashMap<&str, u32> = HashMap::new();
    names.iter().for_each(|(n, p)| parts.entry(n).and_modify(|m| *m = (*m).max(*p)).or_insert(*p).clone_from(p));
    for (i, rule) in program.rules.iter().enumerate() {
        let (name, part) = &names[i];
        let book = rulebook(program, rule.span);
        let own = if parts[name.as_str()] > 1 { format!("{name}/{part}") } else { name.clone() };
        let mut push = |kind, what: String, change, forgets| {
            let text = one_line(program.clause_text(rule));
            let name = format!("{book} {own} {what}");
            let place = program.place(rule.span);
            out.push(Mutant { name, rulebook: book.clone(), kind, place, text, forgets, at: At::Rule(i), change });
        };
        push(Kind::Rule, "out".into(), Change::Out, None);
        let mut n = 0;
        for (at, l) in rule.body.iter().enumerate() {
            if let Literal::Not(a) = l {
                n += 1;
                let what = format!("without !{} ({n})", program.rel(a.rel).name);
                let forgets = (program.rel(a.rel).name == "off").then(|| provision(a));
                push(Kind::Negation, what, Change::Literal(at), forgets);
            }
        }
        let mut all = Vec::new();
        numbers(&mut rule.clone(), &mut |n| all.push(*n));
        for (at, n) in all.into_iter().enumerate() {
            let shown = |by: i32| format!("number {} {n}{by:+}", at + 1);
            if n == date::BLANK {
                push(Kind::Blank, shown(1), Change::Shift(at, 1), None);
            } else {
                push(Kind::Number, shown(1), Change::Shift(at, 1), None);
                push(Kind::Number, shown(-1), Change::Shift(at, -1), None);
            }
        }
    }
}

fn of_facts(program: &Program, out: &mut Vec<Mutant>) {
    for (i, fact) in program.facts.iter().enumerate() {
        let book = rulebook(program, fact.span);
        let shown: Vec<String> = fact.values.iter().map(shown).collect();
        let own = format!("{}({})", program.rel(fact.rel).name, shown.join(","));
        let mut push = |kind, what: String, change| {
            let name = format!("{book} {own} {what}");
            let place = program.place(fact.span);
            out.push(Mutant {
                name,
                rulebook: book.clone(),
                kind,
                place,
                text: own.clone(),
                forgets: None,
                at: At::Fact(i),
                change,
            });
        };
        push(Kind::Fact, "out".into(), Change::Out);
        for (at, v) in fact.values.iter().enumerate() {
            if let Const::Number(n) = v
                && *n != date::BLANK
            {
                push(Kind::FactNumber, format!("number {} {n}+1", at + 1), Change::Shift(at, 1));
                push(Kind::FactNumber, format!("number {} {n}-1", at + 1), Change::Shift(at, -1));
            }
        }
    }
}

/// `instrument cite` of an atom over case, instrument, cite, if both are constants.
fn provision(a: &Atom) -> Option<String> {
    match &a.args[..] {
        [_, Arg::Const(i), Arg::Const(b)] => Some(format!("{} {}", shown(i), shown(b))),
        _ => None,
    }
}

pub fn shown(c: &Const) -> String {
    match c {
        Const::Symbol(s) => s.to_string(),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => n.to_string(),
        Const::Float(n) => n.to_string(),
    }
}

impl Law {
    pub fn new() -> Self {
        let loaded = Rulebook::load(&RuleTree::embedded());
        let program = loaded.rulebook.expect("the built-in rules are sound").program;
        let mut bare =
            Program { types: program.types.clone(), relations: program.relations.clone(), ..Program::default() };
        bare.types.iter_mut().for_each(|t| t.notes.0.clear());
        bare.relations.iter_mut().for_each(|r| r.notes.0.clear());
        let mut mutants = Vec::new();
        of_rules(&program, &mut mutants);
        of_facts(&program, &mut mutants);
        let heads = program.rules.iter().map(|r| r.head).chain(program.facts.iter().map(|f| f.rel));
        let mut all = HashMap::new();
        for h in heads {
            all.entry(h).or_insert_with(|| reach(&program, h));
        }
        Self { program, mutants, bare, reach: all }
    }

    /// The part of the program that a mutant can change, changed.
    pub fn changed(&self, m: &Mutant) -> Changed {
        let head = match m.at {
            At::Rule(i) => self.program.rules[i].head,
            At::Fact(i) => self.program.facts[i].rel,
        };
        let reach = self.reach[&head].clone();
        let mut program = self.bare.clone();
        let mut read = vec![false; reach.len()];
        let mut ids: HashMap<RuleId, RuleId> = HashMap::new();
        for (i, r) in self.program.rules.iter().enumerate() {
            let mine = matches!(m.at, At::Rule(j) if i == j);
            if !reach[r.head.index()] || mine && matches!(m.change, Change::Out) {
                continue;
            }
            let mut rule = r.clone();
            match m.change {
                Change::Literal(at) if mine => drop(rule.body.remove(at)),
                Change::Shift(at, by) if mine => {
                    let mut n = 0;
                    numbers(&mut rule, &mut |v| {
                        *v += if n == at { by } else { 0 };
                        n += 1;
                    });
                }
                _ => {}
            }
            ids.insert(RuleId(i as u32), RuleId(program.rules.len() as u32));
            reads(&rule).for_each(|b| read[b.index()] = true);
            program.rules.push(rule);
        }
        for (i, f) in self.program.facts.iter().enumerate() {
            let mine = matches!(m.at, At::Fact(j) if i == j);
            match m.change {
                _ if !reach[f.rel.index()] => {}
                Change::Out if mine => {}
                Change::Shift(at, by) if mine => program.facts.push(shifted(f, at, by)),
                _ => program.facts.push(f.clone()),
            }
        }
        for s in &self.program.strata {
            if s.relations.iter().any(|r| reach[r.index()]) {
                let rules = s.rules.iter().filter_map(|r| ids.get(r).copied()).collect();
                program.strata.push(Stratum { rules, ..s.clone() });
            }
        }
        Changed { program, reach, read }
    }
}

fn shifted(f: &Fact, at: usize, by: i32) -> Fact {
    let mut f = f.clone();
    if let Const::Number(n) = &mut f.values[at] {
        *n += by;
    }
    f
}
