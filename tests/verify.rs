//! Certificates of random programs verify; no change of them does, unless what they claim is still true of the facts they
//! list, which another evaluator decides.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[path = "verify/cases.rs"]
mod cases;
#[allow(dead_code)]
mod common;
#[path = "verify/mutate.rs"]
mod mutate;
mod random;

use mutate::{Change, additions, mutants};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use random::Shape;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use zhuize::engine::naive;
use zhuize::engine::store::{Database, Table};
use zhuize::engine::value::Word;
use zhuize::lang::program::{Arg, Const, Program, RelId, SourceFile, VarId};
use zhuize::proof::demand::Prover;
use zhuize::proof::derivation::derive;
use zhuize::proof::{Goal, Options};
use zhuize::report::certificate;
use zhuize::verify::{self, Certificate, Report, Slot, Store};

const SHAPE: Shape = Shape { derived: 4, rules: 3, facts: 6, rich: true };
const SMALL: Shape = Shape { derived: 3, rules: 2, facts: 4, rich: true };

fn config(default: u32) -> Config {
    Config {
        cases: random::cases(default),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 2000,
        ..Config::default()
    }
}

fn compile(text: &str) -> Program {
    let file = SourceFile { name: "program.dl".into(), text: Arc::from(text) };
    let compiled = zhuize::lang::compile(vec![file]);
    assert!(!compiled.has_errors(), "{text}\n{:#?}", compiled.diagnostics);
    compiled.program
}

/// A program whose facts come from outside, and these facts.
fn apart(text: &str) -> (Program, Vec<(RelId, Vec<Const>)>) {
    let whole = compile(text);
    let is_fact = |l: &&str| !l.contains(":-") && !l.starts_with('.') && !l.starts_with("//") && !l.is_empty();
    let mut rules: Vec<String> = text.lines().filter(|l| !is_fact(l)).map(str::to_owned).collect();
    let given: BTreeSet<RelId> = whole.facts.iter().map(|f| f.rel).collect();
    rules.extend(given.iter().map(|r| format!(".input {}", whole.rel(*r).name)));
    let program = compile(&rules.join("\n"));
    let rel = |r: RelId| program.relation(&whole.rel(r).name).unwrap();
    let facts = whole.facts.iter().map(|f| (rel(f.rel), f.values.clone())).collect();
    (program, facts)
}

fn database(program: &Program, facts: &[(RelId, Vec<Const>)]) -> Database {
    let mut db = Database::new(program);
    let mut rows: Vec<Vec<Word>> = vec![Vec::new(); program.relations.len()];
    for (rel, values) in facts {
        if values.is_empty() {
            db.tables[rel.index()] = Table::unit();
        }
        for v in values {
            let w = db.word(v);
            rows[rel.index()].push(w);
        }
    }
    for (i, data) in rows.into_iter().enumerate().filter(|(_, d)| !d.is_empty()) {
        db.tables[i] = Table::from_rows(program.relations[i].arity(), data);
    }
    db
}

fn open(program: &Program, rel: RelId) -> Goal {
    Goal { rel, args: (0..program.rel(rel).arity()).map(|i| Arg::Var(VarId(i as u32))).collect() }
}

fn certify(program: &Program, db: &Database, goal: &Goal) -> String {
    let options = Options { answers: 10_000, ..Options::default() };
    let mut prover = Prover::new(program, db.clone(), options.most_steps);
    let d = derive(&mut prover, goal, &options).expect("within limits");
    certificate::render(program, &d, &|_, _| Some("facts.csv:7".into()))
}

fn check(program: &Program, text: &str) -> Report {
    verify::verify(program, text, None, &verify::Options::default())
}

fn problems(report: &Report) -> String {
    report.problems.iter().map(|p| p.text(false)).collect::<Vec<_>>().join("\n")
}

/// Whether everything claimed is true of given facts, by the naive evaluator; `None` when it meets a limit.
fn truth(program: &Program, c: &Certificate, facts: &[(RelId, Vec<Const>)]) -> Option<bool> {
    let db = naive::evaluate(program, database(program, facts)).ok()?;
    Some(c.claims.iter().all(|(_, claim)| {
        let agrees = |row: &[Word]| {
            claim.slots.iter().enumerate().all(|(i, s)| match s {
                Slot::Value(v) => db.known_word(v) == Some(row[i]),
                Slot::Open => true,
                Slot::Same(k) => row[i] == row[*k],
            })
        };
        db.table(claim.rel).rows().any(agrees) == claim.holds
    }))
}

/// Whether the question has as many answers over given facts as the certificate says; `None` when it names none, or at a limit.
fn counted(program: &Program, c: &Certificate, facts: &[(RelId, Vec<Const>)]) -> Option<bool> {
    let q = c.question.as_ref()?;
    let db = naive::evaluate(program, database(program, facts)).ok()?;
    let agrees = |row: &&[Word]| {
        q.slots.iter().enumerate().all(|(i, s)| match s {
            Slot::Value(v) => db.known_word(v) == Some(row[i]),
            Slot::Open => true,
            Slot::Same(k) => row[i] == row[*k],
        })
    };
    Some(db.table(q.rel).rows().filter(agrees).count() == c.claims.len() + q.left_out)
}

fn listed(c: &Certificate) -> Vec<(RelId, Vec<Const>)> {
    c.given.iter().map(|(_, g)| (g.fact.rel, g.fact.values.clone())).collect()
}

/// Whether an accepted certificate tells the truth, of the facts it lists and, where it is accepted, of all facts.
fn sound(program: &Program, text: &str, facts: &[(RelId, Vec<Const>)]) -> Result<(), String> {
    let c = verify::read(program, text).0;
    if truth(program, &c, &listed(&c)) == Some(false) {
        return Err(format!("what it claims is not true of the facts listed:\n{text}"));
    }
    let mut base = store(program, facts);
    let report = verify::verify(program, text, Some(&mut base), &verify::Options::default());
    if report.valid() {
        if truth(program, &c, facts) == Some(false) {
            return Err(format!("what it claims is not true of all facts:\n{text}"));
        }
        if counted(program, &c, facts) == Some(false) {
            return Err(format!("there are other answers than it says:\n{text}"));
        }
        if let Some(f) = listed(&c).iter().find(|f| !facts.contains(f)) {
            return Err(format!("it lists {f:?}, which is no fact:\n{text}"));
        }
    }
    Ok(())
}

fn store(program: &Program, facts: &[(RelId, Vec<Const>)]) -> Store {
    let mut base = Store::new(program);
    for (rel, values) in facts {
        let cells: Vec<_> = values.iter().map(|v| base.cell(v)).collect();
        base.push(*rel, &cells);
    }
    base
}

/// Ids of facts that a step or the claim rests on.
fn used(tree: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for s in tree["steps"].as_array().unwrap() {
        for p in s["premises"].as_array().unwrap() {
            out.extend(p["fact"].as_str().map(str::to_owned));
            out.extend(p["aggregate"]["rows"].as_array().into_iter().flatten().map(|r| r.as_str().unwrap().to_owned()));
        }
    }
    for c in tree["claims"].as_array().unwrap() {
        out.extend(c["fact"].as_str().map(str::to_owned));
    }
    out
}

/// Whether a literal of a step's rule has `_`, so that more than one fact may stand for it.
fn wild(program: &Program, tree: &Value, step: &str, literal: &str) -> bool {
    let rule = &tree["steps"][step.parse::<usize>().unwrap()]["rule"];
    let stands = |n: &(String, u32)| rule["name"] == n.0.as_str() && rule["part"] == n.1;
    let i = program.rule_names().iter().position(stands).unwrap();
    let literal = &program.rules[i].body[literal.parse::<usize>().unwrap()];
    matches!(literal, zhuize::lang::program::Literal::Atom(a) if a.args.contains(&Arg::Wild))
}

/// Whether a change is one of those that leave a certificate a certificate, if of something else:
/// the order of lists that are sets, and of steps that do not rest on each other; the origin of a fact, which is a pointer for
/// readers (it is checked against a casebase); a listed fact that no step rests on, which is a statement about what was looked
/// at; what is said of further answers, which is checked against a casebase; or a value of a fact where every step has `_`, or another fact for a literal with `_`; fewer claims; another claim of absence. All of these must still be true of
/// the facts listed, and against a casebase, if accepted there, of the casebase: see `truth`.
fn harmless(program: &Program, tree: &Value, path: &str, change: Change) -> bool {
    let parts: Vec<&str> = path.split(['.', '[', ']']).filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        ["$", "rules" | "claims" | "given" | "steps", _] if change == Change::Swap => true,
        ["$", "steps", _, "premises", _, "aggregate", "rows", _] if change == Change::Swap => true,
        ["$", "steps", s, "premises", l, "fact"] => change == Change::Leaf && wild(program, tree, s, l),
        ["$", "steps", s, "premises", l] => change == Change::Swap && wild(program, tree, s, l),
        ["$", "given", _, "values", ..] => matches!(change, Change::Leaf | Change::Swap),
        ["$", "given", _, "origin"] => change == Change::Leaf || change == Change::Remove,
        ["$", "given", i, ..] => {
            let id = tree["given"][i.parse::<usize>().unwrap()]["id"].as_str().unwrap();
            !used(tree).contains(id)
        }
        ["$", "claims", _] => change == Change::Remove,
        ["$", "question"] => change == Change::Remove,
        ["$", "question", "values", ..] | ["$", "question", "left_out"] => {
            matches!(change, Change::Leaf | Change::Swap)
        }
        ["$", "claims", _, "values", ..] => matches!(change, Change::Leaf | Change::Swap),
        ["$", "claims", _, "relation"] => change == Change::Leaf,
        _ => false,
    }
}

/// Tries every change of a certificate.
fn refuses_changes(program: &Program, text: &str, facts: &[(RelId, Vec<Const>)]) -> Result<(), String> {
    let tree: Value = serde_json::from_str(text).unwrap();
    for m in mutants(&tree) {
        let changed = m.tree.to_string();
        if !check(program, &changed).valid() {
            continue;
        }
        if !harmless(program, &tree, &m.path, m.change) {
            return Err(format!("{} {:?} is accepted:\n{changed}", m.path, m.change));
        }
        sound(program, &changed, facts).map_err(|e| format!("{} {:?}: {e}", m.path, m.change))?;
    }
    for t in additions(&tree) {
        let changed = t.to_string();
        if check(program, &changed).valid() {
            sound(program, &changed, facts).map_err(|e| format!("a further fact: {e}"))?;
        }
    }
    Ok(())
}

/// A table by hand: terms with the values that they have; the engine, the naive evaluator, proofs and the verifier have to
/// say so too.
struct ByHand {
    text: String,
    want: BTreeSet<(usize, String, String)>,
}

impl ByHand {
    fn new(first: &str) -> Self {
        let declared = ".decl f(id: symbol, x: float)\n.decl n(id: symbol, x: number)\n.decl u(id: symbol, x: unsigned)\n\
                        .decl one()\none().\n";
        Self { text: format!("{declared}{first}\n"), want: BTreeSet::new() }
    }

    /// The same, and whether values that are there before lie in the range.
    fn within(&mut self, rel: usize, term: &str, values: &[&str]) {
        self.ask(rel, term, values);
        let name = ["f", "n", "u"][rel];
        self.text += &format!("{name}(\"in {term}\", x) :- {name}_there(x), x = {term}.\n");
        self.want.extend(values.iter().map(|v| (rel, format!("in {term}"), (*v).to_owned())));
    }

    /// A term of type 0 (float), 1 (number) or 2 (unsigned).
    fn ask(&mut self, rel: usize, term: &str, values: &[&str]) {
        self.text += &format!("{}(\"{term}\", x) :- one(), x = {term}.\n", ["f", "n", "u"][rel]);
        self.want.extend(values.iter().map(|v| (rel, term.to_owned(), (*v).to_owned())));
    }

    fn holds(self) {
        let (text, want) = (self.text, self.want);
        let (program, facts) = apart(&text);
        let db = database(&program, &facts);
        let rows = |all: &Database| -> BTreeSet<(usize, String, String)> {
            let shown = |rel: usize, row: &[Word]| {
                let prim = |c: usize| program.relations[rel].columns[c].prim;
                let value = |c: usize| zhuize::proof::graph::constant(prim(c), row[c], &all.symbols);
                let Const::Symbol(term) = value(0) else { panic!("a text") };
                let x = match value(1) {
                    Const::Number(x) => x.to_string(),
                    Const::Unsigned(x) => x.to_string(),
                    Const::Float(x) => x.to_string(),
                    Const::Symbol(x) => x.to_string(),
                };
                (rel, term.to_string(), x)
            };
            (0..3).flat_map(|rel| all.tables[rel].rows().map(move |row| shown(rel, row))).collect()
        };
        assert_eq!(rows(&naive::evaluate(&program, db.clone()).unwrap()), want);
        let single = zhuize::engine::Options::single();
        assert_eq!(rows(&zhuize::engine::evaluate(&program, db.clone(), &single).unwrap().0), want);
        let mut base = store(&program, &facts);
        for rel in 0..3 {
            let cert = certify(&program, &db, &open(&program, RelId(rel)));
            let report = verify::verify(&program, &cert, Some(&mut base), &verify::Options::default());
            let answers = want.iter().filter(|w| w.0 == rel as usize).count();
            assert!(report.valid() && report.counted == (answers > 0), "{cert}\n{}", problems(&report));
            // That there is none is a claim too.
            assert_eq!(verify::read(&program, &cert).0.claims.len(), answers.max(1));
        }
    }
}

#[test]
fn ranges_and_logic_of_every_type() {
    let mut there = String::from(".decl f_there(x: float)\n.decl n_there(x: number)\n.decl u_there(x: unsigned)\n");
    for i in -8..17 {
        there += &format!("f_there({:?}).\nn_there({i}).\nu_there({}).\n", f64::from(i) * 0.125, i + 8);
    }
    let mut t = ByHand::new(&there);
    t.within(0, "range(0.0, 1.0, 0.375)", &["0", "0.375", "0.75"]);
    t.within(0, "range(1.0, 0.0, -0.375)", &["1", "0.625", "0.25"]);
    t.within(0, "range(1.0, -1.0)", &["1", "0"]);
    t.within(0, "range(0.0, 1.0, -0.5)", &[]);
    t.within(0, "range(1.0, 0.0, 0.5)", &[]);
    t.within(0, "range(2.0, 2.0, 0.5)", &[]);
    t.within(0, "range(2.0, 3.0, 0.0)", &["2"]);
    t.within(1, "range(0, 7, 3)", &["0", "3", "6"]);
    t.within(1, "range(1, -6, -3)", &["1", "-2", "-5"]);
    t.within(1, "range(1, -1)", &["1", "0"]);
    t.within(1, "range(0, 7, -3)", &[]);
    t.within(1, "range(7, 0, 3)", &[]);
    t.within(1, "range(7, 8, 0)", &["7"]);
    t.within(1, "range(7, 7)", &[]);
    t.within(2, "range(to_unsigned(1), to_unsigned(8), to_unsigned(3))", &["1", "4", "7"]);
    t.within(2, "range(to_unsigned(2), to_unsigned(0))", &["2", "1"]);
    for (a, b) in [(0, 0), (0, 5), (6, 0), (6, 5)] {
        let (p, q) = (a != 0, b != 0);
        for (op, v) in [("land", p && q), ("lor", p || q), ("lxor", p != q)] {
            let v = if v { "1" } else { "0" };
            t.ask(1, &format!("{a} {op} {b}"), &[v]);
            t.ask(2, &format!("to_unsigned({a}) {op} to_unsigned({b})"), &[v]);
        }
    }
    for (a, v) in [("0", "1"), ("1", "0"), ("9", "0")] {
        t.ask(1, &format!("lnot {a}"), &[v]);
        t.ask(2, &format!("lnot to_unsigned({a})"), &[v]);
    }
    t.holds();
}

#[test]
fn bits_and_arithmetic_of_every_type() {
    let mut t = ByHand::new("");
    for (op, signed, unsigned) in [
        ("band", "8", "8"),
        ("bor", "14", "14"),
        ("bxor", "6", "6"),
        ("bshl", "12288", "12288"),
        ("bshr", "0", "0"),
        ("+", "22", "22"),
        ("-", "2", "2"),
        ("*", "120", "120"),
        ("/", "1", "1"),
        ("%", "2", "2"),
    ] {
        t.ask(1, &format!("12 {op} 10"), &[signed]);
        t.ask(2, &format!("to_unsigned(12) {op} to_unsigned(10)"), &[unsigned]);
    }
    t.ask(1, "bnot 5", &["-6"]);
    t.ask(2, "bnot to_unsigned(5)", &["4294967290"]);
    t.ask(1, "1 bshl 33", &["2"]);
    t.ask(2, "to_unsigned(1) bshl to_unsigned(33)", &["2"]);
    t.ask(1, "-8 bshr 1", &["-4"]);
    t.ask(1, "-8 bshru 28", &["15"]);
    t.ask(2, "to_unsigned(200) bshr to_unsigned(3)", &["25"]);
    t.ask(2, "to_unsigned(200) bshru to_unsigned(35)", &["25"]);
    t.ask(1, "-7 / 2", &["-3"]);
    t.ask(1, "-7 % 2", &["-1"]);
    t.ask(1, "(-2147483647 - 1) % (0 - 1)", &["0"]);
    t.ask(1, "3 ^ 4", &["81"]);
    t.ask(1, "5 ^ 0", &["1"]);
    t.ask(2, "to_unsigned(5) ^ to_unsigned(0)", &["1"]);
    t.ask(2, "to_unsigned(3) ^ to_unsigned(4)", &["81"]);
    for (base, exponent, v) in
        [("1", "-5", "1"), ("(0 - 1)", "-4", "1"), ("(0 - 1)", "-5", "-1"), ("7", "-1", "0"), ("(0 - 2)", "3", "-8")]
    {
        t.ask(1, &format!("{base} ^ ({exponent})"), &[v]);
    }
    t.ask(2, "-to_unsigned(0)", &["0"]);
    t.ask(0, "-(1.5)", &["-1.5"]);
    t.ask(0, "1.5 - 0.25 * 2.0", &["1"]);
    t.ask(0, "2.0 ^ 0.5 ^ 2.0", &["1.1892071"]);
    t.ask(1, "min(3, -4, 5)", &["-4"]);
    t.ask(1, "max(3, -4, 5)", &["5"]);
    t.ask(2, "max(to_unsigned(3), bnot to_unsigned(0))", &["4294967295"]);
    t.ask(0, "min(0.5, -0.5)", &["-0.5"]);
    t.holds();
}

#[test]
fn aggregates_of_every_type() {
    let mut t = ByHand::new(
        ".decl fs(x: float)\n.decl ns(x: number)\n.decl us(x: unsigned)\nfs(0.5).\nfs(-2.0).\nfs(4.5).\n\
         ns(3).\nns(-8).\nns(7).\nus(9).\nus(4000000000).\n",
    );
    for (rel, from, values) in
        [(0, "fs", ["3", "-2", "4.5"]), (1, "ns", ["2", "-8", "7"]), (2, "us", ["4000000009", "9", "4000000000"])]
    {
        for (op, v) in ["sum", "min", "max"].iter().zip(values) {
            t.ask(rel, &format!("{op} v : {{ {from}(v) }}"), &[v]);
        }
        t.ask(1, &format!("count : {{ {from}(_) }}"), &[if rel == 2 { "2" } else { "3" }]);
    }
    t.ask(0, "mean v : { fs(v) }", &["1"]);
    t.ask(1, "sum v : { ns(v), v > 9 }", &["0"]);
    t.ask(1, "max v : { ns(v), v > 9 }", &[]);
    t.ask(1, "sum v * 2 : { ns(v), v > 0 }", &["20"]);
    t.holds();
}

#[test]
fn arithmetic_modulo_two_to_the_32nd() {
    let mut t = ByHand::new(".pragma \"overflow\" \"wrap\"");
    t.ask(1, "2147483647 + 1", &["-2147483648"]);
    t.ask(1, "-2147483648 - 1", &["2147483647"]);
    t.ask(1, "-(-2147483648)", &["-2147483648"]);
    t.ask(1, "65536 * 65537", &["65536"]);
    t.ask(1, "-2147483648 / (0 - 1)", &["-2147483648"]);
    t.ask(1, "3 ^ 21", &["1870418611"]);
    t.ask(1, "7 ^ (-1)", &["0"]);
    t.ask(1, "to_number(bnot to_unsigned(0))", &["-1"]);
    t.ask(2, "to_unsigned(-2)", &["4294967294"]);
    t.ask(2, "to_unsigned(1) - to_unsigned(2)", &["4294967295"]);
    t.ask(2, "bnot to_unsigned(0) + to_unsigned(3)", &["2"]);
    t.ask(2, "-to_unsigned(1)", &["4294967295"]);
    t.ask(2, "to_unsigned(65536) * to_unsigned(65537)", &["65536"]);
    t.ask(2, "to_unsigned(3) ^ to_unsigned(21)", &["1870418611"]);
    t.ask(1, "7 / 2", &["3"]);
    t.ask(1, "-7 / 2", &["-3"]);
    t.ask(2, "to_unsigned(9) / to_unsigned(2)", &["4"]);
    t.ask(2, "to_unsigned(9) % to_unsigned(4)", &["1"]);
    t.holds();
}

#[test]
fn rows_of_an_input_relation_may_be_given_though_rules_conclude_it() {
    let program =
        compile(".decl e(x: number)\n.input e\ne(x + 1) :- e(x), x < 3.\n.decl d(x: number)\nd(x) :- e(x).\n");
    let facts: Vec<(RelId, Vec<Const>)> = [1, 7].map(|x| (RelId(0), vec![Const::Number(x)])).into();
    let cert = certify(&program, &database(&program, &facts), &open(&program, RelId(1)));
    let report = verify::verify(&program, &cert, Some(&mut store(&program, &facts)), &verify::Options::default());
    assert!(report.valid() && report.counted, "{cert}\n{}", problems(&report));
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn every_derived_tuple_of_every_program_has_a_certificate_that_verifies(
        bytes in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        let text = random::program(&bytes, &SHAPE);
        let (program, facts) = apart(&text);
        let db = database(&program, &facts);
        let Ok(all) = naive::evaluate(&program, db.clone()) else { return Ok(()) };
        let mut base = store(&program, &facts);
        for (i, r) in program.relations.iter().enumerate() {
            let rel = RelId(i as u32);
            // All rows at once, the first few by themselves, and one that is not there.
            let table = all.table(rel);
            let mut goals = vec![open(&program, rel)];
            for row in table.rows().take(3) {
                let value = |(w, c): (&Word, &zhuize::lang::program::Column)| {
                    Arg::Const(zhuize::proof::graph::constant(c.prim, *w, &all.symbols))
                };
                goals.push(Goal { rel, args: row.iter().zip(&r.columns).map(value).collect() });
            }
            if let Some(last) = goals.last().filter(|_| r.arity() > 1).cloned() {
                let mut other = last;
                other.args.swap(0, r.arity() - 1);
                // Of an aggregate inside recursion, a row by itself can only be asked for when its group is one.
                if r.columns[0].prim == r.columns[r.arity() - 1].prim && !program.open_aggregates()[i] {
                    goals.push(other);
                }
                let twice = (0..r.arity()).map(|c| {
                    if r.columns[c].prim == r.columns[0].prim { Arg::Var(VarId(0)) } else { Arg::Wild }
                });
                goals.push(Goal { rel, args: twice.collect() });
            }
            for goal in goals {
                let cert = certify(&program, &db, &goal);
                let report = verify::verify(&program, &cert, Some(&mut base), &verify::Options::default());
                prop_assert!(report.valid(), "{text}\n{cert}\n{}", problems(&report));
                let read = verify::read(&program, &cert).0;
                let holds = read.claims.iter().all(|(_, c)| c.holds);
                prop_assert_eq!((report.question.is_some(), report.counted), (holds, holds), "{}", cert);
                prop_assert!(counted(&program, &read, &facts) != Some(false), "{text}\n{cert}");
                prop_assert_eq!(truth(&program, &read, &listed(&read)), Some(true), "{}\n{}", text, cert);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn no_change_of_a_certificate_is_accepted(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
        let text = random::program(&bytes, &SMALL);
        let (program, facts) = apart(&text);
        let db = database(&program, &facts);
        let Ok(all) = naive::evaluate(&program, db.clone()) else { return Ok(()) };
        // The last relation rests on most of the others; one of its rows, or its absence.
        let rel = RelId(program.relations.iter().rposition(|r| !r.name.starts_with('$')).unwrap() as u32);
        let row = all.table(rel).rows().last();
        let value = |(w, c): (&Word, &zhuize::lang::program::Column)| {
            Arg::Const(zhuize::proof::graph::constant(c.prim, *w, &all.symbols))
        };
        let goal = match row {
            Some(row) => Goal { rel, args: row.iter().zip(&program.rel(rel).columns).map(value).collect() },
            None => open(&program, rel),
        };
        let cert = certify(&program, &db, &goal);
        if let Err(what) = refuses_changes(&program, &cert, &facts) {
            prop_assert!(false, "{}\n{}\n{}", text, cert, what);
        }
    }
}
