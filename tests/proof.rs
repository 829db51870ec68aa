//! Explanations against exhaustive search on random programs, and on chains too deep for a call stack.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod random;

use proptest::prelude::*;
use random::{PLAIN, RICH, compile, config};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use zhuize::engine::naive;
use zhuize::engine::naive::body::{self, Source};
use zhuize::engine::store::Database;
use zhuize::lang::program::{Arg, Const, Literal, Program, RuleId, VarId};
use zhuize::proof::demand::Prover;
use zhuize::proof::graph::{Node, below};
use zhuize::proof::rank::Ranks;
use zhuize::proof::record::{FactId, Record};
use zhuize::proof::{Explanation, Goal, Options, explain, slice};

fn open_goal(program: &Program, name: &str) -> Goal {
    let rel = program.relation(name).expect("declared");
    Goal { rel, args: (0..program.rel(rel).arity()).map(|i| Arg::Var(VarId(i as u32))).collect() }
}

fn goal(program: &Program, name: &str, args: &[Option<Const>]) -> Goal {
    let rel = program.relation(name).expect("declared");
    let arg = |(i, a): (usize, &Option<Const>)| a.clone().map_or(Arg::Var(VarId(i as u32)), Arg::Const);
    Goal { rel, args: args.iter().enumerate().map(arg).collect() }
}

fn n(v: i32) -> Option<Const> {
    Some(Const::Number(v))
}

fn s(v: &str) -> Option<Const> {
    Some(Const::Symbol(v.into()))
}

fn run(text: &str, name: &str, args: &[Option<Const>], options: &Options) -> (Program, Explanation) {
    let program = compile(text);
    let goal = goal(&program, name, args);
    let e = explain(&program, &Database::new(&program), &goal, options).expect("within limits");
    (program, e)
}

fn all(program: &Program) -> Database {
    naive::evaluate(program, Database::new(program)).expect("within limits")
}

/// Every edge goes down: a topological order exists.
fn acyclic(e: &Explanation) -> bool {
    petgraph::algo::toposort(&e.graph, None).is_ok()
}

/// Every rule node below a fact has a child for each literal that must show one, and every fact is given or has a rule.
fn grounded(program: &Program, e: &Explanation) -> Result<(), String> {
    for i in e.graph.node_indices() {
        match &e.graph[i] {
            Node::Fact { given: false, folded: false, values, .. } if below(&e.graph, i).is_empty() => {
                return Err(format!("a derived fact without proof: {values:?}"));
            }
            Node::Rule { rule, .. } => {
                let atoms = program.rule(*rule).body.iter().filter(|l| matches!(l, Literal::Atom(_) | Literal::Not(_)));
                let shown = below(&e.graph, i);
                let shown = shown
                    .iter()
                    .filter(|(n, _)| matches!(e.graph[*n], Node::Fact { .. } | Node::Absent { .. }))
                    .count();
                if atoms.count() != shown {
                    return Err(format!("a rule shows {shown} of its atoms"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// All proofs of a fact as (height, size), over kept instances only, by plain recursion; `None` when there are too many.
/// With `least`, only those in which every part has its own least height.
fn enumerate(record: &Record, ranks: &Ranks, program: &Program, f: FactId, least: bool) -> Option<Vec<(u32, u128)>> {
    let fact = &record.facts[f.index()];
    let mut out: Vec<(u32, u128)> = fact.given.then_some((0, 1)).into_iter().collect();
    for i in &fact.by {
        if !ranks.kept[*i as usize] {
            continue;
        }
        let instance = &record.instances[*i as usize];
        let tests = program.rule(instance.rule).body.iter().filter(|l| !matches!(l, Literal::Atom(_))).count();
        let mut combined = vec![(0, 2 + tests as u128)];
        for (_, p) in &instance.premises {
            let ways = enumerate(record, ranks, program, *p, least)?;
            combined =
                combined.iter().flat_map(|(h, s)| ways.iter().map(move |(h2, s2)| ((*h).max(*h2), s + s2))).collect();
            if combined.len() > 3000 {
                return None;
            }
        }
        out.extend(combined.into_iter().map(|(h, s)| (h + 1, s)));
    }
    if least {
        let height = out.iter().map(|p| p.0).min()?;
        out.retain(|p| p.0 == height);
    }
    (out.len() <= 3000).then_some(out)
}

/// Least height of a proof in which no fact rests on itself, by search over all instances; `None` if there is none.
fn least_height(record: &Record, f: FactId, path: &mut Vec<FactId>, budget: &mut u32) -> Option<u32> {
    if record.facts[f.index()].given {
        return Some(0);
    }
    if path.contains(&f) || *budget == 0 {
        return None;
    }
    *budget -= 1;
    path.push(f);
    let mut best: Option<u32> = None;
    for i in &record.facts[f.index()].by {
        let mut height = Some(0);
        for (_, p) in &record.instances[*i as usize].premises {
            height = match (height, least_height(record, *p, path, budget)) {
                (Some(a), Some(b)) => Some(a.max(b)),
                _ => None,
            };
        }
        if let Some(h) = height {
            best = Some(best.map_or(h + 1, |b| b.min(h + 1)));
        }
    }
    path.pop();
    best
}

fn record_all<'p>(program: &'p Program, db: &Database) -> (Prover<'p>, Record) {
    let mut prover = Prover::new(program, Database::new(program), u64::MAX);
    let mut record = Record::default();
    for (i, rel) in program.relations.iter().enumerate() {
        if rel.name.starts_with('d') {
            let rel = zhuize::lang::program::RelId(i as u32);
            let mut rows = Vec::new();
            prover.matching(rel, &[], &[], &mut rows).expect("within limits");
            assert_eq!(rows.len(), db.tables[i].len());
            rows.into_iter().for_each(|r| {
                record.fact(&prover, rel, r);
            });
        }
    }
    record.follow(&mut prover, usize::MAX).expect("within limits");
    (prover, record)
}

fn every_fact_explains(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let db = all(&program);
    for (name, rows) in random::rows(&program, &db) {
        let e = explain(
            &program,
            &Database::new(&program),
            &open_goal(&program, &name),
            &Options { answers: usize::MAX, ..Options::default() },
        )
        .expect("within limits");
        prop_assert_eq!(e.answers.len(), rows.len(), "{} of\n{}", name, text);
        prop_assert!(acyclic(&e), "{}", text);
        if let Err(m) = grounded(&program, &e) {
            return Err(TestCaseError::fail(format!("{m} in\n{text}")));
        }
        for a in &e.answers {
            prop_assert!(a.proofs.number > 0);
        }
    }
    Ok(())
}

/// Each fact of the full run, asked about alone, follows from its slice alone; what does not follow has an absence.
fn slices_suffice(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let db = all(&program);
    for (i, rel) in program.relations.iter().enumerate().filter(|(_, r)| r.name.starts_with('d')) {
        let first = db.tables[i].rows().take(4).map(<[u32]>::to_vec);
        // A row that need not be there: the values of the last row, backwards where types allow.
        let mut rows: Vec<Vec<u32>> = first.collect();
        if let Some(mut odd) = rows.last().cloned()
            && rel.columns.windows(2).all(|c| c[0].prim == c[1].prim)
        {
            odd.reverse();
            rows.push(odd);
        }
        for row in rows {
            let args: Vec<Option<Const>> = rel
                .columns
                .iter()
                .zip(&row)
                .map(|(c, w)| Some(zhuize::proof::graph::constant(c.prim, *w, &db.symbols)))
                .collect();
            let goal = goal(&program, &rel.name, &args);
            let holds = db.tables[i].contains(&row);
            let part = slice(&program, &Database::new(&program), &goal, &Options::default()).expect("within limits");
            // Given facts of these programs stand in their text: run the rules over the slice without it.
            let bare = Program { facts: Vec::new(), ..program.clone() };
            let again = naive::evaluate(&bare, part).expect("within limits");
            let line = random::show_row(&program, i, &row, &db.symbols);
            let found = random::rows(&bare, &again).into_iter().any(|(n, rows)| n == rel.name && rows.contains(&line));
            prop_assert_eq!(found, holds, "{}({}) over its slice in\n{}", rel.name, line, text);
            let e = explain(&program, &Database::new(&program), &goal, &Options::default()).expect("within limits");
            prop_assert_eq!(e.answers.len(), usize::from(holds));
            prop_assert_eq!(e.absence.is_some(), !holds);
            prop_assert!(acyclic(&e), "{}", text);
        }
    }
    Ok(())
}

/// The recorded instances of a relation's rules are all matches of their bodies over everything that holds, each with the
/// head it gives.
fn instances_are_all_matches(
    program: &Program,
    prover: &mut Prover<'_>,
    record: &Record,
    text: &str,
) -> Result<(), TestCaseError> {
    let mut wanted: BTreeMap<(RuleId, Vec<u32>), usize> = BTreeMap::new();
    for (i, rule) in program.rules.iter().enumerate().filter(|(_, r)| program.rel(r.head).name.starts_with('d')) {
        body::enumerate(program, rule, &vec![None; rule.vars.len()], true, prover, &mut |m, source| {
            let head = rule.args.iter().map(|t| body::eval(t, m.vars, source.symbols()).expect("it was concluded"));
            *wanted.entry((RuleId(i as u32), head.collect())).or_default() += 1;
            Ok(ControlFlow::Continue(()))
        })
        .expect("within limits");
    }
    let mut found: BTreeMap<(RuleId, Vec<u32>), usize> = BTreeMap::new();
    for instance in &record.instances {
        let head = &record.facts[instance.head.index()];
        if program.rel(head.rel).name.starts_with('d') {
            *found.entry((instance.rule, head.row.to_vec())).or_default() += 1;
        }
    }
    prop_assert_eq!(found, wanted, "recorded against matched in\n{}", text);
    Ok(())
}

fn counts_are_exact(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let db = all(&program);
    let (mut prover, record) = record_all(&program, &db);
    instances_are_all_matches(&program, &mut prover, &record, text)?;
    let tests = |i: u32| {
        let rule = program.rule(record.instances[i as usize].rule);
        rule.body.iter().filter(|l| !matches!(l, Literal::Atom(_))).count()
    };
    let ranks = Ranks::of(&record, &tests);
    for i in 0..record.facts.len() {
        let f = FactId(i as u32);
        let level = ranks.level[i].expect("followed to its ground");
        for k in record.facts[i].by.iter().filter(|k| ranks.kept[**k as usize]) {
            for (_, p) in &record.instances[*k as usize].premises {
                prop_assert!(ranks.rank[p.index()] < ranks.rank[i], "edges go down in rank");
            }
        }
        let mut budget = 20_000;
        let least = least_height(&record, f, &mut Vec::new(), &mut budget);
        if budget > 0 {
            prop_assert_eq!(least, Some(level), "least height of {:?} in\n{}", record.facts[i], text);
        }
        if let Some(proofs) = enumerate(&record, &ranks, &program, f, false) {
            prop_assert_eq!(ranks.count[i].number, proofs.len() as u128, "number of proofs in\n{}", text);
            prop_assert_eq!(proofs.iter().map(|p| p.0).min(), Some(level));
            prop_assert!(proofs.contains(&(level, ranks.size[i])), "the shortest is one of them");
        }
        if let Some(least) = enumerate(&record, &ranks, &program, f, true) {
            prop_assert_eq!(least.iter().map(|p| p.1).min(), Some(ranks.size[i]), "smallest of the least in\n{}", text);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn every_derived_fact_of_a_random_program_explains(tape in prop::collection::vec(any::<u8>(), 0..300)) {
        every_fact_explains(&random::program(&tape, &RICH))?;
    }

    #[test]
    fn a_goal_follows_from_its_slice_alone(tape in prop::collection::vec(any::<u8>(), 0..300)) {
        slices_suffice(&random::program(&tape, &RICH))?;
    }

    #[test]
    fn shortest_and_count_agree_with_exhaustive_search(tape in prop::collection::vec(any::<u8>(), 0..200)) {
        counts_are_exact(&random::program(&tape, &PLAIN))?;
        counts_are_exact(&random::program(&tape, &RICH))?;
    }
}

const CHAIN: &str = ".decl edge(a: number, b: number)\n.decl path(a: number, b: number)\n";

fn chain(length: i32, rules: &str) -> String {
    let mut text = format!("{CHAIN}{rules}\n");
    for i in 0..length {
        text.push_str(&format!("edge({i}, {}).\n", i + 1));
    }
    text
}

#[test]
fn a_chain_of_ten_thousand_steps_explains() {
    for step in ["path(a, c) :- edge(a, b), path(b, c).", "path(a, c) :- path(a, b), edge(b, c)."] {
        let text = chain(10_000, &format!("path(a, b) :- edge(a, b).\n{step}"));
        let (program, e) = run(&text, "path", &[n(0), n(10_000)], &Options::default());
        assert_eq!(e.answers.len(), 1);
        assert_eq!(e.answers[0].levels, 10_000);
        assert_eq!(e.answers[0].proofs.number, 1);
        assert_eq!(e.facts_seen, 10_000);
        assert!(!e.gave_up);
        assert!(acyclic(&e));
        grounded(&program, &e).expect("complete");
        // All renderers come to an end without recursion.
        let words = zhuize::report::explain::words::Plain {
            program: &program,
            language: zhuize::report::explain::words::Language::En,
        };
        use zhuize::report::explain::{dot, json, svg, tree, view};
        let view = view::View::of(&e, &words, view::Detail::Full);
        let text = tree::render(&view, &tree::TreeOptions::default());
        assert_eq!(text.lines().filter(|l| l.contains("● edge(")).count(), 10_000);
        assert!(text.lines().all(|l| l.chars().count() < 160));
        assert!(dot::render(&view).lines().count() > 30_000);
        assert!(json::render(&e, &view).is_ok());
        assert!(svg::render(&view, &svg::SvgOptions::default()).contains("further nodes are not drawn"));
    }
}

#[test]
fn a_counter_of_ten_thousand_steps_explains() {
    let text = ".decl n(x: number)\nn(0).\nn(x + 1) :- n(x), x < 10000.";
    let (_, e) = run(text, "n", &[n(10_000)], &Options::default());
    assert_eq!(e.answers[0].levels, 10_000);
    let (_, e) = run(text, "n", &[n(10_001)], &Options::default());
    assert!(e.answers.is_empty() && e.absence.is_some());
}

#[test]
fn questions_that_breed_questions_come_to_an_end() {
    // Asked top-down, each answer would need the next number; from below there is nothing to do.
    let text = ".decl q(x: number)\n.decl p(x: number)\nq(1). q(2).\np(x) :- y = x + 1, p(y), q(x).\np(2) :- q(2).";
    let (_, e) = run(text, "p", &[n(1)], &Options::default());
    assert_eq!(e.answers.len(), 1);
    let text = ".decl p(x: number)\n.decl q(x: number)\nq(3).\np(x) :- q(x), !r(x).\n.decl r(x: number)\n\
                r(x) :- q(x), r(y), y = x + 1.";
    let (_, e) = run(text, "p", &[n(3)], &Options::default());
    assert_eq!(e.answers.len(), 1);
}

#[test]
fn the_shortest_proof_wins_whatever_the_order() {
    // The long way is found first and written first.
    let text = ".decl a(x: symbol)\n.decl b(x: symbol)\n.decl c(x: symbol)\n.decl g(x: symbol)\na(\"k\").\n\
                g(x) :- c(x).\nc(x) :- b(x).\nb(x) :- a(x).\ng(x) :- a(x), a(x).\ng(x) :- a(x).";
    let (program, e) = run(text, "g", &[s("k")], &Options::default());
    assert_eq!((e.answers[0].levels, e.answers[0].size), (1, 3));
    assert_eq!(e.answers[0].proofs.number, 3);
    let step = below(&e.graph, e.answers[0].node)[0].0;
    let Node::Rule { rule, .. } = &e.graph[step] else { panic!("a rule") };
    assert_eq!(program.place(program.rule(*rule).span), "random.dl:10");
    let (_, e) = run(text, "g", &[s("k")], &Options { alternatives: true, ..Options::default() });
    assert_eq!(below(&e.graph, e.answers[0].node).len(), 3);
}

#[test]
fn proofs_are_counted_exactly_beyond_64_bits() {
    // A ladder: each rung doubles the number of ways.
    let mut text = String::from(
        ".decl e(a: number, b: number, w: number)\n.decl p(a: number)\np(0).\np(b) :- p(a), e(a, b, _).\n",
    );
    for i in 0..100 {
        text.push_str(&format!("e({i}, {}, 0). e({i}, {}, 1).\n", i + 1, i + 1));
    }
    let (_, e) = run(&text, "p", &[n(100)], &Options::default());
    assert_eq!(e.answers[0].proofs.number, 1u128 << 100);
    assert!(e.answers[0].proofs.exact);
    for i in 100..200 {
        text.push_str(&format!("e({i}, {}, 0). e({i}, {}, 1).\n", i + 1, i + 1));
    }
    // And what rests on such a number is no more exact.
    text.push_str("e(200, 201, 0). e(201, 202, 0).");
    for rung in [200, 201, 202] {
        let (_, e) = run(&text, "p", &[n(rung)], &Options::default());
        assert_eq!(
            (e.answers[0].proofs.number, e.answers[0].proofs.exact),
            (u128::MAX, false),
            "more than 128 bits hold"
        );
    }
}

#[test]
fn circles_are_left_out_and_said() {
    let text = chain(3, "path(a, b) :- edge(a, b).\npath(a, c) :- path(a, b), path(b, c).\nedge(3, 0).");
    let (program, e) = run(&text, "path", &[n(0), n(0)], &Options { alternatives: true, ..Options::default() });
    assert_eq!(e.answers[0].levels, 3);
    assert!(e.circular > 0);
    assert!(acyclic(&e));
    grounded(&program, &e).expect("complete");
}

fn kinds(e: &Explanation) -> HashMap<&'static str, usize> {
    let mut out = HashMap::new();
    for node in e.graph.node_weights() {
        let name = match node {
            Node::Fact { given: true, .. } => "given",
            Node::Fact { .. } => "derived",
            Node::Rule { .. } => "rule",
            Node::Compare { holds: true, .. } => "test",
            Node::Compare { .. } => "failed test",
            Node::Range { .. } => "range",
            Node::Aggregate { .. } => "aggregate",
            Node::Absent { .. } => "absent",
            Node::Attempt { .. } => "attempt",
            Node::Unknown { .. } => "unknown",
        };
        *out.entry(name).or_insert(0) += 1;
    }
    out
}

const FAMILY: &str = "
.decl parent(a: symbol, b: symbol)
.decl age(a: symbol, n: number)
.decl away(a: symbol)
.decl old(a: symbol)
.decl heir(a: symbol, b: symbol)
.decl children(a: symbol, n: number)
parent(\"ann\", \"bob\"). parent(\"ann\", \"cid\"). parent(\"bob\", \"dan\").
age(\"ann\", 70). age(\"bob\", 40). age(\"cid\", 17). age(\"dan\", 20).
away(\"bob\").
old(x) :- age(x, n), n >= 18.
heir(x, y) :- parent(x, y), old(y), !away(y).
heir(x, y) :- parent(x, z), away(z), parent(z, y), old(y).
children(x, n) :- parent(x, _), n = count : { parent(x, _) }.
";

#[test]
fn a_proof_shows_tests_absences_and_contributing_rows() {
    let (_, e) = run(FAMILY, "heir", &[s("ann"), s("dan")], &Options::default());
    assert_eq!(kinds(&e)["test"], 1, "20 >= 18");
    let (_, e) = run(FAMILY, "heir", &[s("bob"), None], &Options::default());
    assert_eq!(kinds(&e)["absent"], 1);
    let (_, e) = run(FAMILY, "children", &[s("ann"), None], &Options::default());
    let aggregate = e.graph.node_indices().find(|i| matches!(e.graph[*i], Node::Aggregate { .. })).expect("one");
    assert_eq!(below(&e.graph, aggregate).len(), 2, "one for each child");
}

#[test]
fn what_does_not_follow_says_what_it_lacks() {
    // Too young: one comparison fails, by a nested absence.
    let (program, e) = run(FAMILY, "heir", &[s("ann"), s("cid")], &Options::default());
    assert!(e.answers.is_empty());
    let root = e.absence.expect("does not follow");
    let attempts = below(&e.graph, root);
    let Node::Attempt { rule, lacking, met, .. } = &e.graph[attempts[0].0] else { panic!("an attempt") };
    assert_eq!((*lacking, *met), (1, 2), "the first rule comes nearest");
    assert_eq!(program.place(program.rule(*rule).span), "random.dl:12");
    let nested = below(&e.graph, attempts[0].0)[0].0;
    assert!(matches!(&e.graph[nested], Node::Absent { derivable: true, .. }));
    let nearest = below(&e.graph, nested)[0].0;
    // The given row that brings the value stands with the test.
    let (test, row): (Vec<_>, Vec<_>) = below(&e.graph, nearest).into_iter().partition(|(_, l)| !l.holds);
    assert!(matches!(&e.graph[row[0].0], Node::Fact { given: true, .. }));
    let test = test[0].0;
    let Node::Compare { left, right, holds, .. } = &e.graph[test] else { panic!("a comparison") };
    assert_eq!((&left.value, &right.value, *holds), (&Const::Number(17), &Const::Number(18), false));
    // Away: a negated premise is blocked by a given fact.
    let (_, e) = run(FAMILY, "heir", &[s("ann"), s("bob")], &Options::default());
    let attempts = below(&e.graph, e.absence.expect("does not follow"));
    let blocked = attempts.iter().flat_map(|(a, _)| below(&e.graph, *a)).any(|(n, link)| {
        !link.holds && matches!(&e.graph[n], Node::Fact { given: true, values, .. } if values.len() == 1)
    });
    assert!(blocked, "by away(bob)");
    // Nobody of that name: the open variable of the goal stays open.
    let (_, e) = run(FAMILY, "heir", &[s("zoe"), None], &Options::default());
    assert!(kinds(&e)["absent"] >= 2);
}

#[test]
fn the_nearest_attempt_is_found_whatever_comes_first() {
    let nearest = |facts: &str, wanted: i32| {
        let text = format!(
            ".decl a(x: symbol, y: number)\n.decl b(y: number)\n.decl c(y: number)\n.decl g(x: symbol)\n\
             g(x) :- a(x, y), b(y), c(y).\n{facts}"
        );
        let (_, e) = run(&text, "g", &[s("k")], &Options::default());
        let attempt = below(&e.graph, e.absence.expect("does not follow"))[0].0;
        let Node::Attempt { lacking, bindings, .. } = &e.graph[attempt] else { panic!("an attempt") };
        assert_eq!(*lacking, 1, "{facts}");
        assert_eq!(bindings[1].value, n(wanted), "{facts}");
    };
    // The first row of a leads to two lacks, the second to one.
    nearest("a(\"k\", 1). a(\"k\", 2). b(2). c(7).", 2);
    // The only row of a leads to two lacks; with another row of a the rest would hold.
    nearest("a(\"k\", 1). b(2). c(2).", 2);
}

#[test]
fn the_absence_of_a_recursive_fact_is_examined_without_circles() {
    let text = chain(3, "path(a, b) :- edge(a, b).\npath(a, c) :- edge(a, b), path(b, c).\nedge(3, 0).");
    let (_, e) = run(&text, "path", &[n(0), n(9)], &Options { why_not_depth: 50, ..Options::default() });
    assert!(acyclic(&e));
    assert!(e.graph.node_weights().any(|n| matches!(n, Node::Absent { again: true, .. })));
}

#[test]
fn a_step_bound_changes_the_way_but_not_the_answer() {
    let text = chain(40, "path(a, b) :- edge(a, b).\npath(a, c) :- path(a, b), path(b, c).");
    let (_, e) = run(&text, "path", &[n(3), n(17)], &Options { most_steps: 10, ..Options::default() });
    let (_, f) = run(&text, "path", &[n(3), n(17)], &Options::default());
    assert!(e.gave_up && !f.gave_up);
    assert_eq!((e.answers[0].levels, e.answers[0].proofs), (f.answers[0].levels, f.answers[0].proofs));
}

#[test]
fn a_prover_that_gives_up_knows_what_changed() {
    let text = chain(20, "path(a, b) :- edge(a, b).\npath(a, c) :- path(a, b), path(b, c).");
    let program = compile(&text);
    let [edge, path] = ["edge", "path"].map(|r| program.relation(r).unwrap());
    let word = zhuize::engine::value::from_number;
    let holds = |changes: &[(i32, i32, bool)], most_steps: u64, to: i32| {
        let mut prover = Prover::new(&program, Database::new(&program), most_steps);
        let changes: Vec<_> = changes.iter().map(|(a, b, comes)| (edge, vec![word(*a), word(*b)], *comes)).collect();
        prover.change(&changes);
        let holds = prover.holds(path, &[word(0), word(to)]).unwrap();
        assert_eq!(prover.gave_up(), most_steps < u64::MAX);
        holds
    };
    for most_steps in [10, u64::MAX] {
        assert!(holds(&[], most_steps, 20));
        assert!(!holds(&[(5, 6, false)], most_steps, 20));
        assert!(holds(&[(20, 30, true)], most_steps, 30));
        assert!(holds(&[(5, 6, false), (5, 20, true)], most_steps, 20));
    }
}

#[test]
fn a_prover_that_gives_up_knows_rows_without_columns() {
    let text = chain(
        20,
        "path(a, b) :- edge(a, b).\npath(a, c) :- path(a, b), path(b, c).\n.decl open()\n.input open\n.decl go(a: number)\ngo(b) :- path(0, b), open().",
    );
    let program = compile(&text);
    let [open, go] = ["open", "go"].map(|r| program.relation(r).unwrap());
    let mut facts = Database::new(&program);
    facts.tables[open.index()] = zhuize::engine::store::Table::unit();
    for most_steps in [10, u64::MAX] {
        let mut prover = Prover::new(&program, facts.clone(), most_steps);
        let to = [zhuize::engine::value::from_number(7)];
        assert!(prover.holds(go, &to).unwrap());
        prover.change(&[(open, Vec::new(), false)]);
        assert!(!prover.holds(go, &to).unwrap());
        let mut prover = Prover::new(&program, Database::new(&program), most_steps);
        assert!(!prover.holds(go, &to).unwrap());
        prover.change(&[(open, Vec::new(), true)]);
        assert!(prover.holds(go, &to).unwrap());
        assert_eq!(prover.gave_up(), most_steps < u64::MAX);
    }
}

/// The order of premises follows from how many values a column of a conclusion can have, not from its type.
#[test]
fn a_question_about_one_case_looks_at_its_person() {
    let mut text = String::from(
        ".decl took_part(case: number, person: symbol)\n.input took_part\n\
         .decl marked(case: number, kind: symbol)\n.input marked\n\
         .decl of_kind(case: number, kind: symbol)\n.decl of_person(case: number, person: symbol)\n\
         .decl series(person: symbol, kind: symbol, case: number)\n.decl again(person: symbol, case: number)\n\
         of_kind(c, k) :- marked(c, k).\nof_person(c, p) :- took_part(c, p).\n\
         series(p, k, c) :- of_kind(c, k), of_person(c, p).\n\
         again(p, c) :- series(p, k, c), series(p, k, d), d < c.\n",
    );
    for c in 0..3000 {
        text.push_str(&format!("took_part({c}, \"p{}\"). marked({c}, \"k{}\").\n", c % 700, c % 3));
    }
    let (_, e) = run(&text, "again", &[None, n(2107)], &Options::default());
    assert_eq!(e.answers.len(), 1);
    assert!(e.facts_seen < 60, "{} facts looked at", e.facts_seen);
}
