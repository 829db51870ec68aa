//! Random stratified programs with their facts, as text. A tape of bytes makes every choice, so that a shorter tape or
//! smaller bytes give a simpler program: proptest shrinks the tape.

#![allow(dead_code)]

use proptest::test_runner::{Config, FileFailurePersistence};
use std::fmt::Write as _;
use std::sync::Arc;
use zhuize::engine::functor;
use zhuize::engine::store::Database;
use zhuize::engine::symbol::Symbols;
use zhuize::lang::program::{Program, Relation, SourceFile};

/// A tape of that length. A plain linear generator: tapes need only vary.
pub fn tape(seed: u64, length: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Reads choices off a tape; beyond its end every choice is the first.
pub struct Tape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tape<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn byte(&mut self) -> usize {
        let b = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(b)
    }

    fn below(&mut self, n: usize) -> usize {
        self.byte() % n.max(1)
    }

    /// True in `n` of 16 cases, false when the tape is at its end.
    fn chance(&mut self, n: usize) -> bool {
        self.byte() % 16 >= 16 - n
    }
}

/// What a generator may use.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Most derived relations.
    pub derived: usize,
    /// Most rules of each.
    pub rules: usize,
    /// Most facts of each given relation.
    pub facts: usize,
    /// Negation, aggregates, functors and ranges besides plain recursion.
    pub rich: bool,
}

#[derive(Clone)]
struct Rel {
    name: String,
    types: Vec<char>,
    group: usize,
}

const TYPES: [(char, &str); 4] = [('n', "number"), ('s', "symbol"), ('u', "unsigned"), ('f', "float")];

fn constant(t: &mut Tape<'_>, ty: char) -> String {
    match ty {
        'n' => ["0", "1", "2", "3", "-1"][t.below(5)].to_owned(),
        's' => ["\"a\"", "\"b\"", "\"中\"", "\"\""][t.below(4)].to_owned(),
        'u' => ["0u", "1u", "2u"][t.below(3)].to_owned(),
        _ => ["0.0", "0.5", "1.5", "-0.5"][t.below(4)].to_owned(),
    }
}

fn variable(t: &mut Tape<'_>, ty: char) -> String {
    format!("{ty}{}", t.below(3))
}

struct Body {
    literals: Vec<String>,
    bound: Vec<String>,
    /// Guards for values made by functors, so that recursion ends.
    guards: Vec<String>,
    fresh: usize,
}

impl Body {
    fn of_type(&self, ty: char) -> Vec<&String> {
        self.bound.iter().filter(|v| v.starts_with(ty)).collect()
    }

    fn known(&self, t: &mut Tape<'_>, ty: char) -> String {
        let vars = self.of_type(ty);
        if vars.is_empty() || t.chance(3) { constant(t, ty) } else { vars[t.below(vars.len())].clone() }
    }

    fn positive(&mut self, t: &mut Tape<'_>, rel: &Rel) {
        let mut args = Vec::new();
        for ty in &rel.types {
            let arg = match t.below(12) {
                10 => "_".to_owned(),
                11 => constant(t, *ty),
                _ => variable(t, *ty),
            };
            args.push(arg);
        }
        for a in &args {
            if a.starts_with(['n', 's', 'u', 'f']) && !self.bound.contains(a) {
                self.bound.push(a.clone());
            }
        }
        self.literals.push(format!("{}({})", rel.name, args.join(", ")));
    }

    fn negative(&mut self, t: &mut Tape<'_>, rel: &Rel) {
        let args: Vec<String> =
            rel.types.iter().map(|ty| if t.chance(3) { "_".to_owned() } else { self.known(t, *ty) }).collect();
        self.literals.push(format!("!{}({})", rel.name, args.join(", ")));
    }

    fn fresh(&mut self, ty: char) -> String {
        self.fresh += 1;
        format!("{ty}w{}", self.fresh)
    }

    fn compare(&mut self, t: &mut Tape<'_>) {
        let Some(v) = self.any(t) else { return };
        let ty = v.chars().next().unwrap_or('n');
        let other = self.known(t, ty);
        let op = ["!=", "<", "<=", ">", ">=", "="][t.below(6)];
        if ty == 's' && t.chance(6) {
            let word = ["contains", "match", "!contains", "!match"][t.below(4)];
            let pattern = if word.ends_with("match") { "\"a.*|中\"".to_owned() } else { other };
            self.literals.push(format!("{word}({pattern}, {v})"));
        } else {
            self.literals.push(format!("{v} {op} {other}"));
        }
    }

    fn any(&self, t: &mut Tape<'_>) -> Option<String> {
        if self.bound.is_empty() { None } else { Some(self.bound[t.below(self.bound.len())].clone()) }
    }

    fn compute(&mut self, t: &mut Tape<'_>) {
        let ty = ['n', 's', 'u', 'f', 'n'][t.below(5)];
        let (a, b) = (self.known(t, ty), self.known(t, ty));
        let w = self.fresh(ty);
        let (term, guards) = match ty {
            'n' => {
                let term = match t.below(10) {
                    0 => format!("{a} + 1"),
                    1 => format!("{a} + {b}"),
                    2 => format!("{a} - {b}"),
                    3 => format!("{a} * {b}"),
                    4 => format!("{a} / 2"),
                    5 => format!("{a} % 3"),
                    6 => format!("min({a}, {b})"),
                    7 => format!("max({a}, {b}, 1)"),
                    8 => format!("-{a}").replace("--", ""),
                    _ => format!("to_number(to_string({a})) bxor 1"),
                };
                (term, vec![format!("{w} < 9"), format!("{w} > -9")])
            }
            's' => {
                let term = match t.below(4) {
                    0 => format!("cat({a}, {b})"),
                    1 => format!("substr({a}, 0, 1)"),
                    2 => format!("to_string(strlen({a}))"),
                    _ => format!("min({a}, {b})"),
                };
                (term, vec![format!("strlen({w}) < 4")])
            }
            'u' => {
                let term = match t.below(3) {
                    0 => format!("{a} + 1u"),
                    1 => format!("max({a}, {b})"),
                    _ => format!("{a} band {b}"),
                };
                (term, vec![format!("{w} < 9u")])
            }
            _ => {
                let term = match t.below(3) {
                    0 => format!("{a} + 0.5"),
                    1 => format!("{a} - {b}"),
                    _ => format!("min({a}, {b})"),
                };
                (term, vec![format!("{w} < 4.0"), format!("{w} > -4.0")])
            }
        };
        self.literals.push(if t.chance(8) { format!("{w} = {term}") } else { format!("{term} = {w}") });
        self.guards.extend(guards);
        self.bound.push(w);
    }

    fn range(&mut self, t: &mut Tape<'_>) {
        let w = self.fresh('n');
        let (from, to) = (near(&self.known(t, 'n')), near(&self.known(t, 'n')));
        let step = ["", ", 2", ", -1"][t.below(3)];
        self.literals.push(format!("{w} = range({from}, {to}{step})"));
        self.guards.extend([format!("{w} < 9"), format!("{w} > -9")]);
        self.bound.push(w);
    }

    fn aggregate(&mut self, t: &mut Tape<'_>, rel: &Rel) {
        // Inner variables have names of their own; outer ones inside make the group.
        let mut inner: Vec<String> = Vec::new();
        let mut args = Vec::new();
        for (i, ty) in rel.types.iter().enumerate() {
            let outer = self.of_type(*ty);
            let arg = if !outer.is_empty() && t.chance(8) {
                outer[t.below(outer.len())].clone()
            } else {
                let v = format!("{ty}in{i}x{}", self.fresh);
                inner.push(v.clone());
                v
            };
            args.push(arg);
        }
        let mut atom = format!("{}({})", rel.name, args.join(", "));
        let number = inner.iter().find(|v| v.starts_with('n'));
        // What only the rule around it binds: inside recursion the groups are not known beforehand.
        if let (Some(v), true) = (number, t.chance(4)) {
            let bound = self.known(t, 'n');
            atom = format!("{atom}, {v} <= {bound}");
        } else if t.chance(2) {
            let r = self.fresh('n');
            let to = near(&self.known(t, 'n'));
            atom = format!("{r} = range(0, {to}), {atom}");
        }
        let numeric: Vec<&String> = inner.iter().filter(|v| !v.starts_with('s')).collect();
        let op = t.below(5);
        if op == 0 || numeric.is_empty() {
            let w = self.fresh('n');
            self.literals.push(format!("{w} = count : {{ {atom} }}"));
            self.bound.push(w);
            return;
        }
        let v = numeric[t.below(numeric.len())].clone();
        let ty = if op == 4 { 'f' } else { v.chars().next().unwrap_or('n') };
        let w = self.fresh(ty);
        let witness = inner.iter().find(|i| **i != v && (op == 2 || op == 3)).cloned();
        let name = ["count", "sum", "min", "max", "mean"][op];
        let value = if op == 4 && !v.starts_with('f') { format!("to_float({v})") } else { v };
        self.literals.push(format!("{w} = {name} {value} : {{ {atom} }}"));
        self.guards.push(match ty {
            'n' => format!("{w} < 99"),
            'u' => format!("{w} < 99u"),
            _ => format!("{w} < 99.0"),
        });
        self.bound.push(w);
        if let (Some(witness), true) = (witness, t.chance(8)) {
            // Only a variable that stands outside is one.
            self.guards.push(format!("{witness} <= {witness}"));
            self.bound.push(witness);
        }
    }
}

/// A bound of a range that cannot be far away.
fn near(value: &str) -> String {
    format!("min(max({value}, -9), 9)")
}

/// A program with its facts.
pub fn program(bytes: &[u8], shape: &Shape) -> String {
    let t = &mut Tape::new(bytes);
    let mut rels: Vec<Rel> = Vec::new();
    let mut out = String::new();
    let wrap = shape.rich && t.chance(3);
    if wrap {
        out.push_str(".pragma \"overflow\" \"wrap\"\n");
    }
    let declare = |t: &mut Tape<'_>, name: String, group: usize| {
        let arity = [2, 1, 3, 0, 2, 4, 5, 1][t.below(8)];
        let types = (0..arity).map(|_| TYPES[[0, 0, 1, 0, 1, 2, 3][t.below(7)]].0).collect();
        Rel { name, types, group }
    };
    let given = 2 + t.below(2);
    for i in 0..given {
        let rel = declare(t, format!("e{i}"), 0);
        let rows = 1 + t.below(shape.facts);
        write_decl(&mut out, &rel);
        for _ in 0..rows {
            let large = |t: &mut Tape<'_>, ty| match ty {
                'n' if wrap && t.chance(6) => "2147483647".to_owned(),
                'u' if wrap && t.chance(6) => "4294967295u".to_owned(),
                _ => constant(t, ty),
            };
            let values: Vec<String> = rel.types.iter().map(|ty| large(t, *ty)).collect();
            let _ = writeln!(out, "{}({}).", rel.name, values.join(", "));
        }
        rels.push(rel);
    }
    let derived = 1 + t.below(shape.derived);
    let mut group = 1;
    for i in 0..derived {
        if i > 0 && !t.chance(5) {
            group += 1;
        }
        let rel = declare(t, format!("d{i}"), group);
        write_decl(&mut out, &rel);
        rels.push(rel);
    }
    for rel in &rels[given..] {
        for _ in 0..1 + t.below(shape.rules) {
            rule(t, rel, &rels, shape, &mut out);
        }
    }
    out
}

fn write_decl(out: &mut String, rel: &Rel) {
    let named = |ty: &char| TYPES.iter().find(|x| x.0 == *ty).map_or("number", |x| x.1);
    let columns: Vec<String> = rel.types.iter().enumerate().map(|(i, ty)| format!("c{i}: {}", named(ty))).collect();
    let _ = writeln!(out, ".decl {}({})", rel.name, columns.join(", "));
}

fn rule(t: &mut Tape<'_>, head: &Rel, rels: &[Rel], shape: &Shape, out: &mut String) {
    let mut body = Body { literals: vec![], bound: vec![], guards: vec![], fresh: 0 };
    let readable: Vec<&Rel> = rels.iter().filter(|r| r.group <= head.group).collect();
    let lower: Vec<&Rel> = rels.iter().filter(|r| r.group < head.group).collect();
    for i in 0..1 + t.below(3) {
        // The first atom is mostly a given relation, so that something follows.
        let from = if i == 0 && !t.chance(4) { &lower } else { &readable };
        let rel = from[t.below(from.len())];
        body.positive(t, rel);
    }
    for _ in 0..t.below(4) {
        let below = lower[t.below(lower.len())];
        match t.below(if shape.rich { 8 } else { 1 }) {
            0 | 1 => body.compare(t),
            2 | 3 => body.negative(t, below),
            4 => body.compute(t),
            5 => body.range(t),
            6 => body.aggregate(t, below),
            _ => body.compute(t),
        }
    }
    let mut args = Vec::new();
    for ty in &head.types {
        let arg = body.known(t, *ty);
        // A functor in the head; its argument is guarded so that recursion ends.
        if shape.rich && *ty == 'n' && arg.starts_with('n') && t.chance(2) {
            body.guards.extend([format!("{arg} < 5"), format!("{arg} > -9")]);
            args.push([format!("{arg} + 1"), format!("{arg} * {arg} % 4"), format!("3 - {arg}")][t.below(3)].clone());
        } else {
            args.push(arg);
        }
    }
    // Order of literals must not matter: move one.
    if body.literals.len() > 1 && t.chance(8) {
        let last = body.literals.len() - 1;
        body.literals.swap(0, last);
    }
    body.literals.extend(body.guards);
    let _ = writeln!(out, "{}({}) :- {}.", head.name, args.join(", "), body.literals.join(", "));
}

/// Compiles text that must be right.
pub fn compile(text: &str) -> Program {
    let file = SourceFile { name: "random.dl".into(), text: Arc::from(text) };
    let compiled = zhuize::lang::compile(vec![file]);
    assert!(!compiled.has_errors(), "{text}\n{:#?}", compiled.diagnostics);
    compiled.program
}

/// Rows of every declared relation as text, sorted.
pub fn rows(program: &Program, db: &Database) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    for (rel, table) in program.relations.iter().zip(&db.tables) {
        if rel.name.starts_with('$') {
            continue;
        }
        let mut lines: Vec<String> = table.rows().map(|r| show(rel, r, &db.symbols)).collect();
        lines.sort();
        out.push((rel.name.clone(), lines));
    }
    out
}

fn show(rel: &Relation, row: &[u32], symbols: &Symbols) -> String {
    let cells = rel.columns.iter().zip(row).map(|(c, w)| functor::show(c.prim, *w, symbols));
    cells.collect::<Vec<_>>().join(",")
}

/// A row of a relation (by its place in the program) as text.
pub fn show_row(program: &Program, rel: usize, row: &[u32], symbols: &Symbols) -> String {
    show(&program.relations[rel], row, symbols)
}

/// How many cases to run: `ZHUIZE_CASES`, else the default.
pub fn cases(default: u32) -> u32 {
    std::env::var("ZHUIZE_CASES").ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Settings of property tests: so many programs, failures kept beside the test.
pub fn config(default: u32) -> Config {
    Config {
        cases: cases(default),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 4000,
        ..Config::default()
    }
}

/// Programs with everything, and with plain recursion only.
pub const RICH: Shape = Shape { derived: 4, rules: 3, facts: 6, rich: true };
pub const PLAIN: Shape = Shape { derived: 3, rules: 3, facts: 5, rich: false };
