//! Evaluation shard by shard against evaluation at once, on random programs, by every type as the key.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod random;

use proptest::prelude::*;
use random::{Shape, compile, config, rows};
use std::ops::ControlFlow;
use std::sync::Arc;
use zhuize::engine::partition::{self, Partition, Place};
use zhuize::engine::shards::{self, Every, Sink};
use zhuize::engine::store::Database;
use zhuize::engine::{Options, evaluate};
use zhuize::lang::program::{Program, RelId, TypeId};

type Rows = Vec<(String, Vec<String>)>;

struct All<'a>(&'a Program);

impl Sink for All<'_> {
    type Piece = Rows;

    fn piece(&self, shard: &mut Database, givers: &Every) -> Rows {
        for (rel, givers) in givers {
            let table = shard.table(*rel);
            let whole = table.len() * givers.rules.len().div_ceil(8);
            assert!(givers.bytes() == 0 || givers.bytes() == whole, "{}", self.0.rel(*rel).name);
            assert!(givers.rules.iter().all(|r| self.0.rule(*r).head == *rel));
        }
        rows(self.0, shard)
    }
}

/// The rows of all declared relations, found in so many shards; only those of one may be wanted.
fn in_shards(
    program: &Program,
    partition: &Partition,
    (n, threads): (usize, usize),
    wanted: Option<RelId>,
) -> Option<Rows> {
    // Some shards may keep what they find for the next pass, all, or none.
    let kept_bytes = [0, 60, 1 << 20][(n + threads) % 3];
    let givers = wanted.is_none().then(|| Arc::new(vec![true; program.relations.len()]));
    let wanted = wanted.map(|r| vec![r]);
    let options = Options { threads, kept_bytes, givers, wanted, ..Options::default() };
    let mut pieces = Vec::new();
    let done = shards::evaluate(program, Database::new(program), partition, n, &options, &All(program), |p| {
        pieces.push(p);
        ControlFlow::Continue(())
    });
    let (whole, _) = done.ok()?;
    let mut all = rows(program, &whole);
    for (name, lines) in &mut all {
        let rel = program.relation(name).unwrap();
        if partition.columns[rel.index()].is_some() {
            lines.clear();
            for piece in &pieces {
                lines.extend(piece.iter().find(|r| r.0 == *name).unwrap().1.iter().cloned());
            }
            lines.sort();
        }
    }
    Some(all)
}

/// How many rules run in shards, with more than one pass.
fn agree(text: &str) -> Result<[usize; 2], TestCaseError> {
    let program = compile(text);
    let Ok((at_once, _)) = evaluate(&program, Database::new(&program), &Options::single()) else { return Ok([0, 0]) };
    let want = rows(&program, &at_once);
    let mut seen = [0, 0];
    for key in [TypeId(0), TypeId(1)] {
        let partition = partition::by_key(&program, key);
        seen[0] += partition.places.iter().filter(|p| matches!(p, Place::Shard(_))).count();
        seen[1] += usize::from(partition.passes() > 1);
        for (n, threads) in [(1, 1), (2, 1), (3, 2), (50, 2)] {
            // A functor without value can be met earlier where rules run in another order.
            let Some(got) = in_shards(&program, &partition, (n, threads), None) else { continue };
            for (a, b) in want.iter().zip(&got) {
                prop_assert_eq!(
                    a,
                    b,
                    "key {:?}, {} shards, {} threads, {:#?} in\n{}",
                    key,
                    n,
                    threads,
                    &partition,
                    text
                );
            }
            let last = want.last().and_then(|(name, _)| program.relation(name));
            let only = last.and_then(|last| in_shards(&program, &partition, (n, threads), Some(last)));
            if let Some(only) = only {
                prop_assert_eq!(want.last(), only.last(), "{} shards, {:#?} in\n{}", n, &partition, text);
            }
        }
    }
    Ok(seen)
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn shards_equal_one_run_on_rich_programs(tape in prop::collection::vec(any::<u8>(), 0..400)) {
        agree(&random::program(&tape, &Shape { derived: 6, rules: 3, facts: 10, rich: true }))?;
    }

    #[test]
    fn shards_equal_one_run_on_recursive_programs(tape in prop::collection::vec(any::<u8>(), 0..300)) {
        agree(&random::program(&tape, &Shape { derived: 4, rules: 4, facts: 14, rich: false }))?;
    }
}

/// A program of every kind of rule, by a key of its own.
#[test]
fn every_place_of_a_rule() {
    let text = "
        .type Key <: symbol
        .decl given(k: Key, w: symbol, n: number)
        given(\"a\", \"x\", 1). given(\"b\", \"x\", 2). given(\"c\", \"y\", 3). given(\"d\", \"z\", 3). given(\"e\", \"z\", 9).
        .decl whole(w: symbol) whole(\"x\"). whole(\"z\").
        .decl late(w: symbol, k: Key) late(\"q\", \"e\"). late(\"p\", \"a\").
        .decl local(k: Key, w: symbol) local(k, w) :- given(k, w, _), whole(w).
        .decl made(k: Key, t: symbol) made(k, cat(\"to \", w)) :- local(k, w), !late(_, k).
        .decl told(t: symbol) told(t) :- made(k, t), given(k, _, _).
        .decl twice(w: symbol) twice(w) :- given(k, w, _), given(l, w, _), k != l.
        .decl both(k: Key, l: Key) both(k, l) :- local(k, w), local(l, w), k < l.
        .decl most(k: Key, n: number) most(k, n) :- given(k, _, _), n = count : { both(k, _) }.
        .decl rest(k: Key) rest(k) :- given(k, w, _), !twice(w), !told(cat(\"to \", w)).
        .decl down(k: Key, n: number) down(k, n) :- given(k, _, n). down(k, n - 1) :- down(k, n), n > 0, most(k, _).
        .decl total(n: number) total(n) :- n = sum m : { down(_, m) }.
        .decl last(k: Key) last(k) :- down(k, n), total(m), n * 5 < m, late(w, k), w != \"\".
    ";
    let seen = agree(text).unwrap();
    assert!(seen[0] > 0);
    let program = compile(text);
    let key = program.types.iter().position(|t| t.name == "Key").map(|i| TypeId(i as u32)).unwrap();
    let partition = partition::by_key(&program, key);
    let count = |f: fn(&Place) -> bool| partition.places.iter().filter(|p| f(p)).count();
    let places = [
        count(|p| matches!(p, Place::Shard(_))),
        count(|p| matches!(p, Place::Emit(_))),
        count(|p| matches!(p, Place::Between(_))),
    ];
    assert!(places.iter().all(|n| *n > 0), "{places:?}");
    assert_eq!(partition.passes(), 3, "{partition:#?}");
    let want = rows(&program, &evaluate(&program, Database::new(&program), &Options::single()).unwrap().0);
    assert!(want.iter().all(|(_, lines)| !lines.is_empty()), "{want:#?}");
    for n in 1..8 {
        for threads in [1, 2, 3] {
            assert_eq!(
                in_shards(&program, &partition, (n, threads), None).unwrap(),
                want,
                "{n} shards, {threads} threads"
            );
        }
    }
}

/// Random programs must reach the shards, else they prove nothing.
#[test]
fn random_programs_part() {
    let mut seen = [0, 0];
    for seed in 0..60u64 {
        let got =
            agree(&random::program(&random::tape(seed, 300), &Shape { derived: 6, rules: 3, facts: 10, rich: true }))
                .unwrap();
        seen = [seen[0] + got[0], seen[1] + got[1]];
    }
    assert!(seen[0] > 50 && seen[1] > 20, "{seen:?}");
}

/// The built-in rulebook parts by its cases, in few passes.
#[test]
fn the_rulebook_parts() {
    let book = zhuize::rulebook::Rulebook::load(&zhuize::rulebook::RuleTree::embedded()).rulebook.unwrap();
    let program = &book.program;
    let rows: Vec<usize> = program.relations.iter().map(|r| usize::from(!r.inputs.is_empty())).collect();
    let partition = partition::choose(program, &rows).unwrap();
    assert_eq!(program.types[partition.key.index()].name, "Case");
    let mut lines = Vec::new();
    for (rule, &place) in program.rules.iter().zip(&partition.places) {
        let whole = rule.body.iter().all(|l| match l {
            zhuize::lang::program::Literal::Atom(a) => partition.columns[a.rel.index()].is_none(),
            _ => true,
        });
        let expected = matches!(place, Place::Shard(_)) || whole && place == Place::Between(0);
        if !expected {
            lines.push(format!("{place:?} {} {}", program.place(rule.span), program.rel(rule.head).name));
        }
    }
    assert!(
        partition.passes() <= 3,
        "{} passes\n{}\n{:?}",
        partition.passes(),
        lines.join("\n"),
        partition
            .gathered
            .iter()
            .map(|g| g.iter().map(|r| &program.rel(*r).name).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    );
}

/// Texts that functors make get other numbers in other shards, and come together between the passes.
#[test]
fn texts_made_in_several_shards() {
    let mut text = String::from(
        ".type Key <: symbol
        .decl given(k: Key, w: symbol)
        .decl made(k: Key, t: symbol) made(k, cat(w, \"!\")) :- given(k, w).
        .decl told(t: symbol) told(t) :- made(_, t).
        .decl pairs(t: symbol, u: symbol) pairs(t, u) :- made(k, t), made(k, u), t != u.
        .decl known(t: symbol, n: number) known(t, n) :- told(t), n = count : { pairs(t, _) }.
        .decl back(k: Key, t: symbol, n: number) back(k, t, n) :- made(k, t), known(t, n), pairs(t, _).
        .decl again(t: symbol, n: number) again(cat(t, \"?\"), n) :- back(_, t, n), n > 3.
        .decl end(k: Key, t: symbol) end(k, t) :- given(k, w), again(t, _), t = cat(w, \"!?\").\n",
    );
    for k in 0..24 {
        for w in 0..4 {
            text += &format!("given(\"k{k}\", \"w{}\").\n", (k * 7 + w * 5 + k * w) % 17);
        }
    }
    let program = compile(&text);
    let key = program.types.iter().position(|t| t.name == "Key").map(|i| TypeId(i as u32)).unwrap();
    let partition = partition::by_key(&program, key);
    assert!(partition.passes() > 1, "{partition:#?}");
    let want = rows(&program, &evaluate(&program, Database::new(&program), &Options::single()).unwrap().0);
    assert!(want.iter().all(|(_, lines)| !lines.is_empty()), "{want:#?}");
    for n in [1, 2, 3, 5, 11, 24] {
        for threads in [1, 2] {
            let got = in_shards(&program, &partition, (n, threads), None).unwrap();
            assert_eq!(got, want, "{n} shards, {threads} threads");
        }
    }
}

#[test]
fn the_key_is_what_most_rows_part_by() {
    let text = |first: &str, second: &str, more: &str| {
        format!(
            ".type {first} <: symbol\n.type {second} <: symbol\n.decl a(x: Case, y: Person)\n.input a\n\
             .decl b(y: Person)\n.input b\n.decl c(x: Case)\nc(x) :- a(x, _).\n.decl d(y: Person)\nd(y) :- b(y).\n{more}"
        )
    };
    let chosen = |text: &str, rows: [usize; 2]| {
        let program = compile(text);
        let mut all = vec![0; program.relations.len()];
        all[..2].copy_from_slice(&rows);
        partition::choose(&program, &all).map(|p| program.types[p.key.index()].name.clone())
    };
    for (first, second) in [("Case", "Person"), ("Person", "Case")] {
        let plain = text(first, second, "");
        assert_eq!(chosen(&plain, [10, 5]).as_deref(), Some("Person"));
        for term in
            ["ord(y) > 2", "2 < ord(y)", "_ = range(ord(y), 3)", "_ = range(0, ord(y))", "_ = range(0, 9, 1 + ord(y))"]
        {
            let more = format!(".decl e(x: Case)\ne(x) :- a(x, y), {term}.\n");
            assert_eq!(chosen(&text(first, second, &more), [10, 5]), None, "{term}");
        }
        let more = ".decl e(x: Case, n: number)\ne(x, 1 + ord(y)) :- a(x, y).\n";
        assert_eq!(chosen(&text(first, second, more), [10, 5]), None);
    }
    // A key that a functor makes may belong to another shard.
    let text = ".type Case <: symbol\n.decl g(x: Case)\n.input g\n.decl h(x: Case)\nh(x) :- g(x).\n";
    assert_eq!(chosen(text, [8, 0]).as_deref(), Some("Case"));
    assert_eq!(chosen(&format!("{text}h(as(cat(x, \"!\"), Case)) :- g(x).\n"), [8, 0]), None);
    assert_eq!(chosen(&format!("{text}h(y) :- g(x), y = as(cat(x, \"!\"), Case).\n"), [8, 0]), None);
}
