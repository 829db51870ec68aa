//! The engine on programs built by hand in kernel form: negation first, then every literal against the naive evaluator.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use proptest::prelude::*;
use std::collections::BTreeSet;
use zhuize::engine::store::{Database, Table};
use zhuize::engine::{Limit, Options, evaluate, naive, value};
use zhuize::lang::program::*;

const SPAN: Span = Span { file: 0, start: 0, end: 0 };

fn relation(name: &str, arity: usize, kind: RelationKind) -> Relation {
    Relation {
        name: name.into(),
        columns: (0..arity).map(|i| Column { name: format!("c{i}"), ty: TypeId(1), prim: Prim::Number }).collect(),
        kind,
        notes: Notes::default(),
        span: SPAN,
        inputs: vec![],
        outputs: vec![],
        printsize: false,
        limitsize: None,
    }
}

fn compiled(text: &str) -> Program {
    zhuize::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program
}

fn program(arities: &[usize], rules: Vec<Rule>, strata: &[(&[u32], bool)]) -> Program {
    let mut p = Program {
        relations: arities
            .iter()
            .enumerate()
            .map(|(i, a)| relation(&format!("r{i}"), *a, RelationKind::Declared))
            .collect(),
        rules,
        clauses: vec![Clause { notes: Notes::default(), span: SPAN }],
        ..Program::default()
    };
    p.strata = strata
        .iter()
        .map(|(rels, recursive)| Stratum {
            relations: rels.iter().map(|r| RelId(*r)).collect(),
            rules: (0..p.rules.len() as u32)
                .map(RuleId)
                .filter(|r| rels.contains(&p.rules[r.index()].head.0))
                .collect(),
            recursive: *recursive,
        })
        .collect();
    p
}

fn rule(head: u32, args: Vec<Term>, body: Vec<Literal>) -> Rule {
    let vars = (0..12).map(|i| Var { name: format!("v{i}"), ty: TypeId(1), prim: Prim::Number }).collect();
    Rule { head: RelId(head), args, body, vars, clause: ClauseId(0), span: SPAN }
}

fn v(i: u32) -> Term {
    Term::Var(VarId(i))
}

fn n(i: i32) -> Term {
    Term::Const(Const::Number(i))
}

fn apply(op: Functor, args: Vec<Term>) -> Term {
    Term::Apply { op, prim: Prim::Number, args }
}

fn atom(rel: u32, args: &[Arg]) -> Atom {
    Atom { rel: RelId(rel), args: args.to_vec(), span: SPAN }
}

fn x(i: u32) -> Arg {
    Arg::Var(VarId(i))
}

fn compare(op: CmpOp, left: Term, right: Term) -> Literal {
    Literal::Compare { op, prim: Prim::Number, left, right, span: SPAN }
}

fn facts(p: &Program, tables: &[(usize, &[&[i32]])]) -> Database {
    let mut d = Database::new(p);
    for (rel, rows) in tables {
        let words = rows.iter().flat_map(|r| r.iter().map(|n| value::from_number(*n))).collect();
        d.tables[*rel] = Table::from_rows(p.relations[*rel].arity(), words);
    }
    d
}

fn rows(d: &Database, rel: usize) -> BTreeSet<Vec<i32>> {
    d.tables[rel].rows().map(|r| r.iter().map(|w| value::to_number(*w)).collect()).collect()
}

fn set(rows: &[&[i32]]) -> BTreeSet<Vec<i32>> {
    rows.iter().map(|r| r.to_vec()).collect()
}

#[test]
fn negation_keeps_what_is_absent() {
    // r2(x, y) :- r0(x, y), !r1(y).   r3(x) :- r0(x, _), !r0(_, x).
    let rules = vec![
        rule(2, vec![v(0), v(1)], vec![Literal::Atom(atom(0, &[x(0), x(1)])), Literal::Not(atom(1, &[x(1)]))]),
        rule(
            3,
            vec![v(0)],
            vec![Literal::Atom(atom(0, &[x(0), Arg::Wild])), Literal::Not(atom(0, &[Arg::Wild, x(0)]))],
        ),
    ];
    let p = program(&[2, 1, 2, 1], rules, &[(&[2], false), (&[3], false)]);
    let d = facts(&p, &[(0, &[&[1, 2], &[2, 3], &[3, 4]]), (1, &[&[2], &[9]])]);
    let (d, profile) = evaluate(&p, d, &Options::single()).unwrap();
    assert_eq!(rows(&d, 2), set(&[&[2, 3], &[3, 4]]));
    assert_eq!(rows(&d, 3), set(&[&[1]]));
    assert_eq!(profile.rules[0].rows_out, 2);
}

#[test]
fn an_atom_without_variables_decides_before_anything_is_read() {
    let text = ".decl big(x: number)\n.input big\n.decl go(x: number, y: number)\n.input go\n.decl on(x: number)\n\
        .decl out(x: number)\n.decl no(x: number)\n.decl any(x: number)\n.decl all()\n.decl each(x: number)\n\
        out(x) :- go(1, 2), big(x).\nno(x) :- go(2, 2), big(x).\nany(x) :- go(_, 3), big(x).\n\
        all() :- go(1, 2), go(3, _).\neach(x) :- all(), big(x).\n\
        on(x) :- big(x), x < 3.\non(x) :- on(7), big(x).\non(y) :- on(x), x < 7, y = x + 1.\n";
    let p = compiled(text);
    let rel = |name: &str| p.relation(name).unwrap().index();
    let big: Vec<[i32; 1]> = (0..40_000).map(|i| [i]).collect();
    let big: Vec<&[i32]> = big.iter().map(|r| &r[..]).collect();
    let given = facts(&p, &[(rel("big"), &big), (rel("go"), &[&[1, 2], &[2, 3], &[3, 1]])]);
    let (one, profile) = evaluate(&p, given.clone(), &Options::single()).unwrap();
    let (two, _) = evaluate(&p, given, &Options { threads: 2, ..Options::single() }).unwrap();
    for name in ["out", "any", "each", "on"] {
        assert_eq!((one.tables[rel(name)].len(), name), (big.len(), name));
        assert_eq!(one.tables[rel(name)], two.tables[rel(name)]);
    }
    assert!(one.tables[rel("no")].is_empty());
    let plan = |i: usize| profile.rules[i].plan.as_str();
    assert_eq!([plan(0), plan(1)], ["if go; scan big[0]", ""]);
    assert_eq!(profile.rules[0].rows_in, big.len());
}

#[test]
fn negation_of_an_empty_relation_keeps_everything() {
    let rules = vec![rule(2, vec![v(0)], vec![Literal::Atom(atom(0, &[x(0)])), Literal::Not(atom(1, &[x(0)]))])];
    let p = program(&[1, 1, 1], rules, &[(&[2], false)]);
    let (d, _) = evaluate(&p, facts(&p, &[(0, &[&[1], &[2]])]), &Options::single()).unwrap();
    assert_eq!(rows(&d, 2), set(&[&[1], &[2]]));
}

#[test]
fn a_fault_counts_only_where_everything_else_holds() {
    // r1(y) :- r0(x), y = 10 / x, x != 0.   The same without the last literal is an error that names the values.
    let divide = || compare(CmpOp::Eq, v(1), apply(Functor::Div, vec![n(10), v(0)]));
    let guard = compare(CmpOp::Ne, v(0), n(0));
    let body = vec![Literal::Atom(atom(0, &[x(0)])), divide(), guard];
    let p = program(&[1, 1], vec![rule(1, vec![v(1)], body)], &[(&[1], false)]);
    let d = facts(&p, &[(0, &[&[0], &[5]])]);
    let (done, _) = evaluate(&p, d.clone(), &Options::single()).unwrap();
    assert_eq!(rows(&done, 1), set(&[&[2]]));
    let body = vec![Literal::Atom(atom(0, &[x(0)])), divide()];
    let p = program(&[1, 1], vec![rule(1, vec![v(1)], body)], &[(&[1], false)]);
    let e = evaluate(&p, d, &Options::single()).unwrap_err();
    assert_eq!((e.code(), e.to_string().as_str()), ("E0702", "10 / 0 divides by zero"));
}

#[test]
fn counting_without_end_meets_a_limit() {
    let next = apply(Functor::Add, vec![v(0), n(1)]);
    let rules = vec![rule(0, vec![next], vec![Literal::Atom(atom(0, &[x(0)]))])];
    let p = program(&[1], rules, &[(&[0], true)]);
    let d = facts(&p, &[(0, &[&[0]])]);
    let few = Options { max_rows: 1000, ..Options::single() };
    let e = evaluate(&p, d.clone(), &few).unwrap_err();
    assert!(matches!(e, Limit::Rows { bound: 1000, .. }), "{e}");
    let short = Options { max_rounds: 500, ..Options::single() };
    let e = evaluate(&p, d, &short).unwrap_err();
    assert_eq!(e.code(), "E0706");
    let d = facts(&p, &[(0, &[&[i32::MAX - 3]])]);
    let e = evaluate(&p, d, &Options::single()).unwrap_err();
    assert_eq!(e.to_string(), "2147483647 + 1 does not fit the type number");
}

#[test]
fn bounds_are_exact_and_of_all_tables() {
    // r1(x) :- r0(x).  r2(x) :- r1(x).
    let copy = |to: u32, from: u32| rule(to, vec![v(0)], vec![Literal::Atom(atom(from, &[x(0)]))]);
    let p = program(&[1, 1, 1], vec![copy(1, 0), copy(2, 1)], &[(&[1], false), (&[2], false)]);
    let given: Vec<[i32; 1]> = (0..100).map(|i| [i]).collect();
    let given: Vec<&[i32]> = given.iter().map(|r| &r[..]).collect();
    let d = facts(&p, &[(0, &given)]);
    let code = |max_rows: usize, max_bytes: usize| {
        let options = Options { max_rows, max_bytes, ..Options::single() };
        evaluate(&p, d.clone(), &options).err().map(|e| e.code())
    };
    assert_eq!((code(100, usize::MAX), code(99, usize::MAX)), (None, Some("E0705")));
    // Three tables of 400 bytes; no rule by itself makes more than 400.
    let least = (0..1 << 16).find(|b| code(100, *b).is_none()).unwrap();
    assert!((1200..4800).contains(&least), "{least}");
    assert_eq!((code(100, least - 1), code(100, usize::MAX - 1)), (Some("E0707"), None));
}

#[test]
fn a_rule_stops_while_it_runs_when_it_makes_too_much() {
    // r1(x, y, z) :- r0(x), r0(y), r0(z) would make 27 thousand million rows.
    let body = (0..3).map(|i| Literal::Atom(atom(0, &[x(i)]))).collect();
    let p = program(&[1, 3], vec![rule(1, (0..3).map(v).collect(), body)], &[(&[1], false)]);
    let given: Vec<[i32; 1]> = (0..3000).map(|i| [i]).collect();
    let given: Vec<&[i32]> = given.iter().map(|r| &r[..]).collect();
    let d = facts(&p, &[(0, &given)]);
    for options in [Options::single(), Options { threads: 2, ..Options::default() }] {
        let rows = Options { max_rows: 1 << 20, ..options.clone() };
        assert_eq!(evaluate(&p, d.clone(), &rows).unwrap_err().code(), "E0705");
        let bytes = Options { max_bytes: 1 << 20, ..options };
        assert_eq!(evaluate(&p, d.clone(), &bytes).unwrap_err().code(), "E0707");
    }
}

#[test]
fn wide_rows_and_rows_without_columns() {
    // r1(all 20 columns reversed) :- r0(...).  r2() :- r1(1, ...).  r3() :- r2(), !r4().
    let all: Vec<Arg> = (0..20).map(x).collect();
    let mut p = program(
        &[20, 20, 0, 0, 0],
        vec![
            rule(1, (0..20).rev().map(v).collect(), vec![Literal::Atom(atom(0, &all))]),
            rule(
                2,
                vec![],
                vec![Literal::Atom(atom(1, &[vec![Arg::Const(Const::Number(19))], vec![Arg::Wild; 19]].concat()))],
            ),
            rule(3, vec![], vec![Literal::Atom(atom(2, &[])), Literal::Not(atom(4, &[]))]),
        ],
        &[(&[1], false), (&[2], false), (&[3], false)],
    );
    for r in &mut p.rules {
        r.vars = (0..20).map(|i| Var { name: format!("v{i}"), ty: TypeId(1), prim: Prim::Number }).collect();
    }
    let row: Vec<i32> = (0..20).collect();
    let (d, _) = evaluate(&p, facts(&p, &[(0, &[&row])]), &Options::single()).unwrap();
    assert_eq!(rows(&d, 1), set(&[&row.iter().rev().copied().collect::<Vec<_>>()]));
    assert_eq!((d.tables[2].len(), d.tables[3].len(), d.tables[4].len()), (1, 1, 0));
}

/// Random programs: r0..r3 given, r4..r7 derived (r5 and r6 together recursive), `$8` the body of an aggregate.
const ARITIES: [usize; 9] = [1, 2, 3, 2, 2, 2, 1, 3, 2];

/// The rows of relations of a program as text, by the naive evaluator and by the engine with one and two threads.
fn agreed(text: &str, given: &[(&str, Vec<Vec<i32>>)], want: &[(&str, &[&[i32]])]) {
    let p = compiled(text);
    let rel = |name: &str| p.relation(name).unwrap().index();
    let given: Vec<(usize, Vec<&[i32]>)> =
        given.iter().map(|(n, rows)| (rel(n), rows.iter().map(|r| &r[..]).collect())).collect();
    let given: Vec<(usize, &[&[i32]])> = given.iter().map(|(n, rows)| (*n, &rows[..])).collect();
    let d = facts(&p, &given);
    let all = [
        naive::evaluate(&p, d.clone()).unwrap(),
        evaluate(&p, d.clone(), &Options::single()).unwrap().0,
        evaluate(&p, d, &Options { threads: 2, ..Options::default() }).unwrap().0,
    ];
    for (name, rows_of) in want {
        all.iter().for_each(|d| assert_eq!(rows(d, rel(name)), set(rows_of), "{name}"));
    }
}

#[test]
fn constants_are_looked_for_in_large_relations() {
    let text = ".decl big(x: number, y: number)\n.input big\n.decl one(x: number)\none(1).\n.decl yes(x: number)\n\
        .decl no(x: number)\n.decl some(x: number)\n.decl last(x: number)\nyes(x) :- one(x), big(7, 8).\n\
        no(x) :- one(x), big(8, 7).\nsome(x) :- one(x), big(7, _).\nlast(x) :- one(x), big(9999, 10000).\n";
    let big = (0..10_000).map(|i| vec![i, i + 1]).collect();
    agreed(text, &[("big", big)], &[("yes", &[&[1]]), ("no", &[]), ("some", &[&[1]]), ("last", &[&[1]])]);
}

#[test]
fn tests_on_terms_of_two_atoms() {
    let text = ".decl a(x: number, y: number)\n.input a\n.decl b(y: number, z: number)\n.input b\n.decl other(x: number)\n\
        .decl same(x: number)\n.decl larger(x: number)\n.decl pair(x: number, z: number)\n\
        other(x) :- a(x, y), b(y, z), x + 1 != z * 2.\nsame(x) :- a(x, y), b(y, z), x + 1 = z * 2.\n\
        larger(x) :- a(x, y), b(y, z), z * 2 > x + 1.\npair(x, z) :- a(x, y), b(y, z), x != z, x + y != z + 1.\n";
    let a = vec![vec![1, 1], vec![3, 1], vec![5, 2], vec![2, 3]];
    let b = vec![vec![1, 1], vec![1, 3], vec![2, 3], vec![3, 9]];
    let want: &[(&str, &[&[i32]])] = &[
        ("other", &[&[1], &[2], &[3]]),
        ("same", &[&[1], &[5]]),
        ("larger", &[&[1], &[2], &[3]]),
        ("pair", &[&[1, 3], &[2, 9], &[3, 1], &[5, 3]]),
    ];
    agreed(text, &[("a", a), ("b", b)], want);
}

#[test]
fn faults_count_only_where_all_atoms_hold() {
    let text = ".decl a(x: number)\n.input a\n.decl b(x: number)\n.input b\n.decl c(x: number)\n.input c\n\
        .decl joined(y: number)\n.decl absent(x: number)\n.decl tested(x: number)\n.decl right(x: number)\n.decl ranged(y: number)\n\
        joined(y) :- a(x), y = 10 / x, b(x).\nabsent(x) :- a(x), 10 / x > 1, !c(x).\n\
        tested(x) :- a(x), 10 / x > 1, b(x).\nright(x) :- a(x), 1 < 10 / x, b(x).\n\
        ranged(y) :- a(x), y = range(10 / x, 4), b(x).\n";
    let [a, b, c] = [[0, 5], [5, 7], [0, 9]].map(|rows| rows.map(|x| vec![x]).to_vec());
    let want: &[(&str, &[&[i32]])] =
        &[("joined", &[&[2]]), ("absent", &[&[5]]), ("tested", &[&[5]]), ("right", &[&[5]]), ("ranged", &[&[2], &[3]])];
    agreed(text, &[("a", a), ("b", b), ("c", c)], want);
}

#[test]
fn faults_name_what_was_computed() {
    let fault = |term: &str| {
        let text = format!(
            ".decl a(x: number, s: symbol)\na(-2147483648, \"9x\").\n.decl r(x: number)\nr({term}) :- a(x, s).\n"
        );
        let p = compiled(&text);
        let d = Database::new(&p);
        let told = [naive::evaluate(&p, d.clone()).err(), evaluate(&p, d, &Options::single()).err()];
        let [Some(a), Some(b)] = told.map(|e| e.map(|e| e.to_string())) else { panic!("{term}") };
        assert_eq!(a, b);
        a
    };
    assert_eq!(fault("-x"), "-(-2147483648) does not fit the type number");
    assert_eq!(fault("x - 1"), "-2147483648 - 1 does not fit the type number");
    assert_eq!(fault("x % 0"), "-2147483648 % 0 divides by zero");
    assert_eq!(fault("2 ^ 40"), "2 ^ 40 does not fit the type number");
    assert_eq!(fault("x * x"), "-2147483648 * -2147483648 does not fit the type number");
    assert!(fault("to_number(s)").contains("9x"));
    assert_eq!(fault("to_number(to_unsigned(x))"), "to_unsigned(-2147483648) does not fit the type unsigned");
}

#[test]
fn aggregates_inside_recursion() {
    // Whoever is reached and has more than one way on, of which some end, passes it on.
    let text = ".decl e(x: number, y: number)\n.input e\n.decl shut(x: number)\n.input shut\n.decl reached(x: number)\n\
        .decl open_ways(x: number)\n.decl nested(x: number)\n.decl calm(x: number)\n.decl quiet(x: number)\n\
        reached(1).\nreached(y) :- reached(x), e(x, y), n = count : { e(x, _) }, n > 1.\n\
        open_ways(1).\nopen_ways(y) :- open_ways(x), e(x, y), n = count : { e(x, z), !shut(z) }, n > 1.\n\
        calm(1).\ncalm(y) :- calm(x), e(x, y), n = count : { e(_, x), shut(x) }, n = 0.\n\
        quiet(1).\nquiet(y) :- quiet(x), e(x, y), 0 = sum z : { e(x, z), shut(z) }.\n\
        nested(1).\nnested(y) :- nested(x), e(x, y), n = count : { e(x, z), m = count : { e(z, _) }, m > 0, !shut(z) }, n > 0.\n";
    let e = [[1, 2], [1, 3], [2, 4], [2, 5], [3, 6], [4, 7], [5, 7], [6, 7]].map(|r| r.to_vec()).to_vec();
    let want: &[(&str, &[&[i32]])] = &[
        ("reached", &[&[1], &[2], &[3], &[4], &[5]]),
        ("open_ways", &[&[1], &[2], &[3]]),
        ("nested", &[&[1], &[2], &[3], &[4], &[5], &[6]]),
    ];
    agreed(text, &[("e", e.clone()), ("shut", vec![vec![5]])], want);
    let want: &[(&str, &[&[i32]])] =
        &[("calm", &[&[1], &[2], &[3], &[4], &[5], &[6], &[7]]), ("quiet", &[&[1], &[2], &[3], &[6], &[7]])];
    agreed(text, &[("e", e.clone()), ("shut", vec![vec![5]])], want);
    let want: &[(&str, &[&[i32]])] = &[("calm", &[&[1], &[2], &[3], &[6], &[7]]), ("quiet", &[&[1]])];
    agreed(text, &[("e", e.clone()), ("shut", vec![vec![2]])], want);
    let want: &[(&str, &[&[i32]])] = &[("open_ways", &[&[1]]), ("nested", &[&[1], &[2], &[3], &[4], &[5]])];
    agreed(text, &[("e", e), ("shut", vec![vec![2], vec![6]])], want);
}

#[test]
fn a_profile_says_what_was_done() {
    let text = ".decl a(x: number, y: number)\n.input a\n.decl b(y: number)\n.input b\n.decl none(x: number)\n.input none\n\
        .decl p(x: number, y: number)\n.decl q(x: number)\n.decl r(x: number)\n.decl s(x: number)\n\
        p(x, y) :- a(x, y).\np(x, z) :- p(x, y), a(y, z).\nq(x) :- a(x, y), b(y), !b(x), x + 1 < y.\n\
        r(x) :- none(x), b(x).\ns(x) :- p(x, x).\n";
    let p = compiled(text);
    let a: Vec<[i32; 2]> = (0..50).map(|i| [i, i + 3]).collect();
    let a: Vec<&[i32]> = a.iter().map(|r| &r[..]).collect();
    let (_, profile) = evaluate(&p, facts(&p, &[(0, &a), (1, &[&[7], &[8]])]), &Options::single()).unwrap();
    let table = profile.table(&p);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("evaluation 0.") && lines[1].ends_with("rule"), "{table}");
    // Two lines a rule, the dearest first: milliseconds, runs, rows read and given.
    let rules: Vec<Vec<&str>> = lines[2..].chunks(2).map(|l| l[0].split_whitespace().collect()).take(4).collect();
    let times: Vec<f64> = rules.iter().map(|r| r[0].parse().unwrap()).collect();
    assert!(times.windows(2).all(|t| t[0] >= t[1]), "{table}");
    let mut names: Vec<&str> = rules.iter().map(|r| r[4]).collect();
    names.sort_unstable();
    assert_eq!(names, ["t.dl:11", "t.dl:12", "t.dl:13", "t.dl:15"], "{table}");
    assert!(lines.contains(&"rules skipped: 1"), "{table}");
    assert!(table.contains("recursion p: 17 rounds\n"), "{table}");
    let plan = |i: usize| profile.rules[i].plan.as_str();
    let plans = ["scan a[0]", "scan p[0] new; join a[1]", "scan a[0]; test; has b[1]; not b[1]", "", "scan p[0]; test"];
    assert_eq!([0, 1, 2, 3, 4].map(plan), plans);
}

#[test]
fn tables_of_another_program_are_refused() {
    let copy = |to: u32, from: u32| rule(to, vec![v(0)], vec![Literal::Atom(atom(from, &[x(0)]))]);
    let p = program(&[1, 1], vec![copy(1, 0)], &[(&[1], false)]);
    let code = |widths: &[usize]| {
        let tables = widths.iter().map(|w| Table::new(*w)).collect();
        evaluate(&p, Database { tables, ..Database::default() }, &Options::single()).err().map(|e| e.code())
    };
    assert_eq!(code(&[1, 1]), None);
    assert_eq!(code(&[1]), None);
    assert_eq!(code(&[2, 1]), Some("E0709"));
    assert_eq!(code(&[1, 1, 1]), Some("E0709"));
}

fn arg() -> impl Strategy<Value = Arg> {
    prop_oneof![6 => (0u32..4).prop_map(x), 1 => (0i32..4).prop_map(|c| Arg::Const(Const::Number(c))), 1 => Just(Arg::Wild)]
}

fn positive(below: u32) -> impl Strategy<Value = Literal> {
    (0..below).prop_flat_map(|r| {
        prop::collection::vec(arg(), ARITIES[r as usize]).prop_map(move |args| Literal::Atom(atom(r, &args)))
    })
}

/// A rule for `head` reading relations below `below` and denying relations below `lower`; made safe by dropping literals
/// whose variables nothing binds.
fn any_rule(head: u32, below: u32, lower: u32) -> impl Strategy<Value = Rule> {
    let denied =
        (0..lower).prop_flat_map(|r| prop::collection::vec(arg(), ARITIES[r as usize]).prop_map(move |a| atom(r, &a)));
    (
        prop::collection::vec(positive(below), 1..4),
        prop::option::of(denied),
        prop::option::of((0usize..6, 0u32..4, 0u32..5)),
        0usize..6,
        prop::collection::vec(0u32..6, ARITIES[head as usize]),
    )
        .prop_map(move |(mut body, denied, comparison, extra, outs)| {
            let mut bound: Vec<u32> = vec![];
            for l in &body {
                if let Literal::Atom(a) = l {
                    bound.extend(a.args.iter().filter_map(|a| if let Arg::Var(v) = a { Some(v.0) } else { None }));
                }
            }
            if let Some(mut a) = denied {
                for arg in &mut a.args {
                    if matches!(arg, Arg::Var(v) if !bound.contains(&v.0)) {
                        *arg = Arg::Wild;
                    }
                }
                body.insert(0, Literal::Not(a));
            }
            if let Some((op, a, b)) = comparison {
                let ops = [CmpOp::Eq, CmpOp::Ne, CmpOp::Lt, CmpOp::Le, CmpOp::Gt, CmpOp::Ge];
                let right = if b == 4 { n(2) } else { v(b) };
                if bound.contains(&a) && (b == 4 || bound.contains(&b)) {
                    body.insert(0, compare(ops[op], v(a), right));
                }
            }
            let some = bound.first().copied();
            match (extra, some) {
                (0, Some(a)) => {
                    let sum = apply(Functor::Mod, vec![apply(Functor::Add, vec![v(a), n(1)]), n(4)]);
                    body.insert(0, compare(CmpOp::Eq, v(4), sum));
                    bound.push(4);
                }
                (1, Some(a)) => {
                    body.push(Literal::Range {
                        var: VarId(4),
                        prim: Prim::Number,
                        from: n(0),
                        to: v(a),
                        step: None,
                        span: SPAN,
                    });
                    bound.push(4);
                }
                (2, Some(a)) if (5..8).contains(&head) => {
                    let op = [AggOp::Count, AggOp::Sum, AggOp::Min, AggOp::Max][a as usize];
                    body.insert(
                        0,
                        Literal::Aggregate {
                            op,
                            rel: RelId(8),
                            group: vec![x(a)],
                            value: (op != AggOp::Count).then_some(1),
                            prim: Prim::Number,
                            result: VarId(5),
                            span: SPAN,
                        },
                    );
                    bound.push(5);
                }
                _ => {}
            }
            let args = outs.into_iter().map(|o| if bound.contains(&o) { v(o) } else { n(o as i32 % 4) }).collect();
            rule(head, args, body)
        })
}

fn any_program() -> impl Strategy<Value = Program> {
    (
        prop::collection::vec(any_rule(4, 4, 4), 1..3),
        any_rule(8, 5, 5),
        prop::collection::vec(any_rule(5, 7, 5), 1..4),
        prop::collection::vec(any_rule(6, 7, 5), 1..3),
        prop::collection::vec(any_rule(7, 7, 7), 1..4),
    )
        .prop_map(|(a, b, c, d, e)| {
            let rules = [a, vec![b], c, d, e].concat();
            let mut p = program(&ARITIES, rules, &[(&[4], false), (&[8], false), (&[5, 6], true), (&[7], false)]);
            p.relations[8].kind = RelationKind::Aggregate;
            p
        })
}

fn any_facts() -> impl Strategy<Value = Vec<Vec<Vec<i32>>>> {
    (0..8usize)
        .map(|r| prop::collection::vec(prop::collection::vec(0i32..4, ARITIES[r]), 0..if r < 4 { 9 } else { 2 }))
        .collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_agrees_with_the_naive_evaluator(p in any_program(), given in any_facts()) {
        let mut d = Database::new(&p);
        for (i, t) in given.iter().enumerate() {
            d.tables[i] = Table::from_rows(ARITIES[i], t.iter().flatten().map(|n| value::from_number(*n)).collect());
        }
        let fast = evaluate(&p, d.clone(), &Options::single());
        let slow = naive::evaluate(&p, d);
        match (slow, fast) {
            (Ok(s), Ok((f, _))) => {
                for r in 0..ARITIES.len() {
                    prop_assert_eq!(rows(&f, r), rows(&s, r), "relation r{}", r);
                }
            }
            (s, f) => prop_assert!(false, "{:?} / {:?}", s.err(), f.err()),
        }
    }
}

#[test]
fn a_count_inside_recursion_waits_for_the_groups_of_its_round() {
    let text = ".decl c(x: number, y: number)\n.input c\n.decl a(x: number)\n.decl z(x: number, n: number)\na(1).\n\
        a(x + 1) :- a(x), x < 3.\nz(x, n) :- a(x), n = count : { c(x, _) }.\na(n + 10) :- z(_, n), n > 1, n < 9.\n";
    let c = vec![vec![1, 1], vec![2, 1], vec![2, 2], vec![3, 7], vec![12, 1]];
    let want: &[(&str, &[&[i32]])] =
        &[("a", &[&[1], &[2], &[3], &[12]]), ("z", &[&[1, 1], &[2, 2], &[3, 1], &[12, 1]])];
    agreed(text, &[("c", c)], want);
}
