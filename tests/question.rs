//! Questions beyond why and why not, against brute force on random programs: all proofs, supports, what if.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod random;

use proptest::prelude::*;
use random::{PLAIN, RICH, Shape, compile, config};
use std::collections::BTreeSet;
use zhuize::engine::naive;
use zhuize::engine::naive::body::Source;
use zhuize::engine::store::{Database, Table};
use zhuize::engine::value;
use zhuize::facts::schema::Schema;
use zhuize::lang::program::{Const, Literal, Prim, Program, RelId};
use zhuize::proof::Goal;
use zhuize::proof::demand::{Change, Prover};
use zhuize::proof::least_change::{Bounds, Changeable, least_change};
use zhuize::proof::proofs::{Smallest, supports};
use zhuize::proof::rank::Ranks;
use zhuize::proof::record::{FactId, Record};
use zhuize::proof::what_if;

/// The program without its facts, and these as given facts.
fn split(text: &str) -> (Program, Database) {
    let program = compile(text);
    let mut facts = Database::new(&program);
    facts.add_program_facts(&program);
    (Program { facts: Vec::new(), ..program }, facts)
}

fn derived(program: &Program) -> impl Iterator<Item = RelId> + '_ {
    (0..program.relations.len()).map(|i| RelId(i as u32)).filter(|r| program.rel(*r).name.starts_with('d'))
}

fn record_all(prover: &mut Prover<'_>, most: usize) -> (Record, Vec<FactId>) {
    let mut record = Record::default();
    let mut asked = Vec::new();
    for rel in derived(prover.program()).collect::<Vec<_>>() {
        let mut rows = Vec::new();
        prover.matching(rel, &[], &[], &mut rows).expect("within limits");
        rows.into_iter().take(most).for_each(|r| asked.push(record.fact(prover, rel, r)));
    }
    record.follow(prover, usize::MAX).expect("within limits");
    (record, asked)
}

/// Sizes of all proofs of a fact over kept instances, by plain recursion; `None` when there are too many.
fn sizes(record: &Record, ranks: &Ranks, tests: &dyn Fn(u32) -> usize, f: FactId) -> Option<Vec<u128>> {
    let fact = &record.facts[f.index()];
    let mut out: Vec<u128> = fact.given.then_some(1).into_iter().collect();
    for i in fact.by.iter().filter(|i| ranks.kept[**i as usize]) {
        let mut combined = vec![2 + tests(*i) as u128];
        for (_, p) in &record.instances[*i as usize].premises {
            let ways = sizes(record, ranks, tests, *p)?;
            combined = combined.iter().flat_map(|s| ways.iter().map(move |w| s + w)).collect();
            if combined.len() > 2000 {
                return None;
            }
        }
        out.extend(combined);
    }
    (out.len() <= 2000).then_some(out)
}

fn proofs_are_the_smallest(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let mut prover = Prover::new(&program, Database::new(&program), u64::MAX);
    let (record, _) = record_all(&mut prover, usize::MAX);
    let tests = |i: u32| {
        let rule = program.rule(record.instances[i as usize].rule);
        rule.body.iter().filter(|l| !matches!(l, Literal::Atom(_))).count()
    };
    let ranks = Ranks::of(&record, &tests);
    let smallest = Smallest::of(&record, &ranks, 7, &tests);
    for f in (0..record.facts.len() as u32).map(FactId) {
        let Some(mut all) = sizes(&record, &ranks, &tests, f) else { continue };
        all.sort_unstable();
        all.truncate(7);
        let found: Vec<u128> = smallest.get(f).iter().map(|d| d.size).collect();
        prop_assert_eq!(found, all, "in\n{}", text);
        let distinct: BTreeSet<_> = smallest.get(f).iter().map(|d| (d.instance, &d.premises)).collect();
        prop_assert_eq!(distinct.len(), smallest.get(f).len(), "each proof once in\n{}", text);
    }
    Ok(())
}

/// What follows by the recorded instances from some of the given facts.
fn closure(record: &Record, from: u32, given: &[usize]) -> Vec<bool> {
    let mut holds = vec![false; record.facts.len()];
    given.iter().enumerate().for_each(|(bit, f)| holds[*f] = from >> bit & 1 == 1);
    loop {
        let next = record
            .instances
            .iter()
            .find(|i| !holds[i.head.index()] && i.premises.iter().all(|(_, p)| holds[p.index()]));
        match next {
            Some(i) => holds[i.head.index()] = true,
            None => return holds,
        }
    }
}

fn supports_are_minimal_and_all(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let mut prover = Prover::new(&program, Database::new(&program), u64::MAX);
    let (record, asked) = record_all(&mut prover, 3);
    let given: Vec<usize> = (0..record.facts.len()).filter(|f| record.facts[*f].given).collect();
    if given.len() > 9 {
        return Ok(());
    }
    let closures: Vec<Vec<bool>> = (0..1u32 << given.len()).map(|s| closure(&record, s, &given)).collect();
    for goal in asked {
        let enough = |s: u32| closures[s as usize][goal.index()];
        let minimal = |s: u32| enough(s) && (0..given.len()).all(|b| s >> b & 1 == 0 || !enough(s & !(1 << b)));
        let facts = |s: u32| -> Vec<FactId> {
            (0..given.len()).filter(|b| s >> b & 1 == 1).map(|b| FactId(given[b] as u32)).collect()
        };
        let wanted: BTreeSet<Vec<FactId>> = (0..1u32 << given.len()).filter(|s| minimal(*s)).map(facts).collect();
        let found = supports(&record, goal, &|_| false, 100_000);
        prop_assert!(!found.cut);
        prop_assert_eq!(found.sets.iter().cloned().collect::<BTreeSet<_>>(), wanted, "in\n{}", text);
        let bounded = supports(&record, goal, &|_| false, 1);
        prop_assert!(bounded.sets.len() <= 1 && (bounded.cut || found.sets.len() <= 1));
    }
    Ok(())
}

/// Some rows removed and some added, chosen by the bytes.
fn changes(program: &Program, facts: &Database, tape: &[u8]) -> Vec<Change> {
    let given: Vec<usize> = (0..program.relations.len()).filter(|i| !facts.tables[*i].is_empty()).collect();
    let mut out: Vec<Change> = Vec::new();
    for b in tape.chunks(3).filter(|_| !given.is_empty()) {
        let rel = given[usize::from(b[0]) % given.len()];
        let table = &facts.tables[rel];
        let mut row = table.row(usize::from(b.get(1).copied().unwrap_or(0)) % table.len()).to_vec();
        let add = b[0] % 2 == 1;
        if add && !row.is_empty() {
            // Another value of the same column.
            let c = usize::from(b.get(2).copied().unwrap_or(0)) % row.len();
            row[c] = table.row(usize::from(b.get(2).copied().unwrap_or(0)) % table.len())[c];
        }
        if add == table.contains(&row) || out.iter().any(|c| c.0.index() == rel && c.1 == row) {
            continue;
        }
        out.push((RelId(rel as u32), row, add));
    }
    out
}

fn what_if_is_a_second_run(text: &str, tape: &[u8]) -> Result<(), TestCaseError> {
    let (program, facts) = split(text);
    let changes = changes(&program, &facts, tape);
    let mut changed = facts.clone();
    for (rel, row, add) in &changes {
        let t = &mut changed.tables[rel.index()];
        let mut rows: Vec<Vec<u32>> = t.rows().map(<[u32]>::to_vec).collect();
        if *add {
            rows.push(row.clone())
        } else {
            rows.retain(|r| r != row)
        }
        let unit = row.is_empty() && !rows.is_empty();
        *t = if unit { Table::unit() } else { Table::from_rows(row.len(), rows.concat()) };
    }
    let (Ok(old), Ok(new)) = (naive::evaluate(&program, facts.clone()), naive::evaluate(&program, changed)) else {
        return Ok(());
    };
    let list = |db: &Database| -> BTreeSet<String> {
        let all = random::rows(&program, db).into_iter();
        all.flat_map(|(n, rows)| rows.into_iter().map(move |r| format!("{n}({r})"))).collect()
    };
    let (old, new) = (list(&old), list(&new));
    let mut before = Prover::new(&program, facts, u64::MAX);
    let mut after = before.fork();
    after.change(&changes);
    let rows: Vec<_> = changes.iter().map(|(r, row, _)| (*r, row.clone())).collect();
    let outcome = what_if::outcome(&mut before, &mut after, &rows).expect("within limits");
    let mut found: (BTreeSet<String>, BTreeSet<String>) = Default::default();
    for f in &outcome.flips {
        let r = program.rel(f.rel);
        if r.name.starts_with('$') {
            continue;
        }
        let mut db = Database::new(&program);
        let row: Vec<u32> = f.values.iter().map(|v| db.word(&v.value)).collect();
        let text = format!("{}({})", r.name, random::show_row(&program, f.rel.index(), &row, &db.symbols));
        if f.gained { &mut found.0 } else { &mut found.1 }.insert(text);
    }
    prop_assert_eq!(&found.0, &new.difference(&old).cloned().collect(), "gained in\n{}\nby {:?}", text, changes);
    prop_assert_eq!(&found.1, &old.difference(&new).cloned().collect(), "lost in\n{}\nby {:?}", text, changes);
    for (rel, _) in &outcome.kept {
        prop_assert!(!program.rel(*rel).name.is_empty());
    }
    Ok(())
}

/// Whether a goal's relation has a row, after edits.
fn holds_after(program: &Program, facts: &Database, row: &[u32], rel: RelId, edits: &[&Change]) -> Option<bool> {
    let mut changed = facts.clone();
    for (rel, row, add) in edits {
        let t = &mut changed.tables[rel.index()];
        let mut rows: Vec<Vec<u32>> = t.rows().map(<[u32]>::to_vec).collect();
        if *add {
            rows.push(row.clone())
        } else {
            rows.retain(|r| r != row)
        }
        *t = Table::from_rows(row.len(), rows.concat());
    }
    naive::evaluate(program, changed).ok().map(|db| db.table(rel).contains(row))
}

/// `plain`: programs of joins alone, for which nothing may be missed.
fn least_change_is_brute_force(text: &str, plain: bool) -> Result<(), TestCaseError> {
    let (program, facts) = split(text);
    let numbers = |(r, t): (&zhuize::lang::program::Relation, &Table)| -> Vec<i32> {
        let columns = r.columns.iter().enumerate().filter(|(_, c)| c.prim == Prim::Number);
        columns.flat_map(|(c, _)| t.rows().map(move |row| value::to_number(row[c]))).collect()
    };
    let largest = program.relations.iter().zip(&facts.tables).flat_map(numbers).max();
    let next = largest.map_or(Some(1), |n| n.checked_add(1)).map(|n| value::from_number(n.max(1)));
    let Ok(full) = naive::evaluate(&program, facts.clone()) else { return Ok(()) };
    let mut symbols = full.symbols.clone();
    let new = symbols.intern("new-1");
    let facts = Database { symbols: full.symbols.clone(), ..facts };
    let wide = Database { symbols: symbols.clone(), ..facts.clone() };
    // All edits of one row over the values that occur and one of each type that does not.
    let mut edits: Vec<Change> = Vec::new();
    let mut changeable = Vec::new();
    for (i, table) in facts.tables.iter().enumerate() {
        let rel = RelId(i as u32);
        if table.is_empty() || table.width() == 0 || table.width() > 2 || program.rules.iter().any(|r| r.head == rel) {
            continue;
        }
        let (blank, fresh) = (vec![None; table.width()], vec![true; table.width()]);
        changeable.push(Changeable { rel, columns: None, key: Vec::new(), blank, fresh });
        edits.extend(table.rows().map(|r| (rel, r.to_vec(), false)));
        let mut rows: Vec<Vec<u32>> = vec![Vec::new()];
        for c in &program.rel(rel).columns {
            let mut domain = BTreeSet::new();
            match c.prim {
                Prim::Symbol => drop(domain.insert(new)),
                Prim::Number => domain.extend(next),
                Prim::Unsigned | Prim::Float => {}
            }
            for (r, t) in program.relations.iter().zip(&full.tables) {
                for (k, _) in r.columns.iter().enumerate().filter(|(_, d)| d.prim == c.prim) {
                    domain.extend(t.rows().map(|row| row[k]));
                }
            }
            rows = rows.iter().flat_map(|r| domain.iter().map(move |d| [r.as_slice(), &[*d]].concat())).collect();
        }
        edits.extend(rows.into_iter().filter(|r| !table.contains(r)).map(|r| (rel, r, true)));
    }
    if edits.len() > 60 {
        return Ok(());
    }
    let mut prover = Prover::new(&program, facts.clone(), u64::MAX);
    for rel in derived(&program) {
        let table = full.table(rel);
        let columns = &program.rel(rel).columns;
        let mut rows: Vec<Vec<u32>> = table.rows().take(2).map(<[u32]>::to_vec).collect();
        if let Some(mut odd) = rows.last().cloned()
            && columns.windows(2).all(|c| c[0].prim == c[1].prim)
        {
            odd.reverse();
            rows.push(odd);
        }
        for row in rows {
            let to = !table.contains(&row);
            let wanted = |set: &[&Change]| holds_after(&program, &wide, &row, rel, set) == Some(to);
            let single: Vec<usize> = (0..edits.len()).filter(|i| wanted(&[&edits[*i]])).collect();
            let mut pairs = Vec::new();
            for a in 0..edits.len() {
                for b in a + 1..edits.len() {
                    if !single.contains(&a) && !single.contains(&b) && wanted(&[&edits[a], &edits[b]]) {
                        pairs.push((a, b));
                    }
                }
            }
            let args = columns.iter().zip(&row).map(|(c, w)| {
                zhuize::lang::program::Arg::Const(zhuize::proof::graph::constant(c.prim, *w, &full.symbols))
            });
            let goal = Goal { rel, args: args.collect() };
            let bounds = Bounds { cost: 2, states: 100_000 };
            let found = least_change(&mut prover, &goal, to, &changeable, &bounds).expect("within limits");
            prop_assert!(!found.already && !found.cut);
            let mut db = Database { symbols: symbols.clone(), ..Database::default() };
            let mut ours: Vec<Vec<Change>> = Vec::new();
            for set in &found.sets {
                let mut plain = Vec::new();
                for e in set {
                    prop_assert!(e.old.is_some() != e.new.is_some(), "without keys rows come or go");
                    let values = e.old.as_ref().or(e.new.as_ref()).expect("one of them");
                    plain.push((e.rel, values.iter().map(|v| db.word(&v.value)).collect(), e.new.is_some()));
                }
                prop_assert!(wanted(&plain.iter().collect::<Vec<_>>()), "replayed: {:?} in\n{}", plain, text);
                for one in plain.iter().filter(|_| plain.len() == 2) {
                    prop_assert!(!wanted(&[one]), "minimal: {:?} in\n{}", plain, text);
                }
                ours.push(plain);
            }
            let least = ours.iter().map(Vec::len).min();
            let wanted = if !single.is_empty() { Some(1) } else { (!pairs.is_empty()).then_some(2) };
            // Values that only the rules name are not among those of the brute force.
            let as_good = wanted.is_none_or(|w| least.is_some_and(|l| l <= w));
            if found.open {
                prop_assert!(as_good || !plain, "{:?} but {:?} of {:?} to {} in\n{}", least, wanted, goal, to, text);
                continue;
            }
            // All removals; and whether one or two edits are the least.
            for i in &single {
                if !edits[*i].2 {
                    prop_assert!(
                        ours.contains(&vec![edits[*i].clone()]),
                        "{:?} missed for {:?} to {}: {:?} in\n{}",
                        edits[*i],
                        goal,
                        to,
                        found,
                        text
                    );
                }
            }
            for (a, b) in &pairs {
                if !edits[*a].2 && !edits[*b].2 {
                    let both = |set: &Vec<Change>| set.contains(&edits[*a]) && set.contains(&edits[*b]);
                    prop_assert!(ours.iter().any(both), "{:?} {:?} missed in\n{}", edits[*a], edits[*b], text);
                }
            }
            prop_assert!(as_good, "{:?} but {:?} of {:?} to {} in\n{}", least, wanted, goal, to, text);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn the_smallest_proofs_agree_with_enumeration(tape in prop::collection::vec(any::<u8>(), 0..200)) {
        proofs_are_the_smallest(&random::program(&tape, &PLAIN))?;
        proofs_are_the_smallest(&random::program(&tape, &RICH))?;
    }

    #[test]
    fn supports_agree_with_all_subsets(tape in prop::collection::vec(any::<u8>(), 0..200)) {
        supports_are_minimal_and_all(&random::program(&tape, &PLAIN))?;
        supports_are_minimal_and_all(&random::program(&tape, &RICH))?;
    }

    #[test]
    fn what_if_equals_running_again(
        tape in prop::collection::vec(any::<u8>(), 0..300),
        change in prop::collection::vec(any::<u8>(), 3..12),
    ) {
        what_if_is_a_second_run(&random::program(&tape, &RICH), &change)?;
    }

    #[test]
    fn least_change_agrees_with_brute_force(tape in prop::collection::vec(any::<u8>(), 0..120)) {
        let small = Shape { derived: 2, rules: 2, facts: 2, rich: false };
        least_change_is_brute_force(&random::program(&tape, &small), true)?;
        least_change_is_brute_force(&random::program(&tape, &Shape { rich: true, ..small }), false)?;
    }
}

/// The least changes over a text as sets of rows added, and the values made up for them.
fn added(text: &str, atom: &str, cost: usize) -> (BTreeSet<BTreeSet<String>>, Vec<String>) {
    let (program, mut facts) = split(text);
    let schema = Schema::plain(&program);
    let changeable = zhuize::bulk::scenario::changeable(&schema, &program, &mut facts);
    let goal = zhuize::lang::query::parse_atom(&program, atom).expect("an atom").into();
    let mut prover = Prover::new(&program, facts, u64::MAX);
    let bounds = Bounds { cost, states: 10_000 };
    let found = least_change(&mut prover, &goal, true, &changeable, &bounds).expect("within limits");
    let show = |c: &Const| match c {
        Const::Symbol(s) => s.to_string(),
        Const::Number(n) => n.to_string(),
        other => format!("{other:?}"),
    };
    let row = |e: &zhuize::proof::least_change::PlainEdit| {
        let values: Vec<String> = e.new.iter().flatten().map(|v| show(&v.value)).collect();
        format!("{}({})", program.rel(e.rel).name, values.join(","))
    };
    let sets = found.sets.iter().map(|s| s.iter().map(row).collect()).collect();
    (sets, found.fresh.iter().map(show).collect())
}

fn sets(of: &[&[&str]]) -> BTreeSet<BTreeSet<String>> {
    of.iter().map(|s| s.iter().map(|r| (*r).to_owned()).collect()).collect()
}

#[test]
fn one_new_value_stands_in_several_new_rows() {
    let text = ".decl order(who: symbol, id: symbol)
        .decl seal(id: symbol, n: number)
        .decl filed(id: symbol, n: number)
        .decl void(id: symbol)
        .decl good(who: symbol)
        good(w) :- order(w, i), seal(i, n), filed(i, n), !void(i).";
    let three: &[&str] = &["order(ann,new-1)", "seal(new-1,1)", "filed(new-1,1)"];
    assert_eq!(added(text, "good(\"ann\")", 3), (sets(&[three]), vec!["new-1".to_owned(), "1".to_owned()]));
    assert_eq!(added(text, "good(\"ann\")", 2), (BTreeSet::new(), Vec::new()));
    // The only order on file is void, and a number on file does.
    let more = format!("{text} order(\"bob\", \"new-1\"). void(\"new-1\"). seal(\"x\", 7).");
    let three: &[&str] = &["order(ann,new-2)", "seal(new-2,7)", "filed(new-2,7)"];
    let two: &[&str] = &["order(ann,x)", "filed(x,7)"];
    let (found, made_up) = added(&more, "good(\"ann\")", 3);
    assert!(found.contains(&sets(&[two]).pop_first().unwrap()), "{found:?}");
    assert!(found.contains(&sets(&[three]).pop_first().unwrap()), "{found:?}");
    assert_eq!(made_up, ["new-2", "8"]);
}

#[test]
fn a_value_that_stands_twice_in_a_row_is_the_same_twice() {
    let text = ".decl e(a: symbol, b: symbol) .decl p(a: symbol) .decl q(w: symbol) .decl w(x: symbol)
        q(w) :- w(w), e(x, x), p(x). w(\"a\").";
    assert_eq!(added(text, "q(\"a\")", 2).0, sets(&[&["e(new-1,new-1)", "p(new-1)"]]));
}

#[test]
fn as_many_supports_as_are_asked_for_are_all() {
    let (program, facts) = split(
        ".decl e(x: number, y: number)\n.decl dr(x: number)\ne(1, 2). e(1, 3). e(1, 4). e(2, 5). e(3, 5). e(4, 5).
        dr(z) :- e(x, y), e(y, z), x = 1.",
    );
    let mut prover = Prover::new(&program, facts, u64::MAX);
    let (record, all) = record_all(&mut prover, 1000);
    let goal = all.into_iter().find(|f| record.facts[f.index()].rel == RelId(1)).expect("one row");
    let found = |most: usize| {
        let s = supports(&record, goal, &|_| false, most);
        (s.sets.len(), s.cut)
    };
    assert_eq!([4, 3, 2].map(found), [(3, false), (3, false), (2, true)]);
}

#[test]
fn what_the_bounds_of_the_search_leave_out_is_said() {
    let text = ".decl seat(who: symbol, at: number) .decl x(at: number) .decl y(at: number)
        .decl a(at: number) .decl b(at: number) .decl c(at: number) .decl d(at: number) .decl good(who: symbol)
        a(v) :- x(v). b(v) :- x(v). c(v) :- x(v). d(v) :- x(v). a(v) :- y(v). b(v) :- y(v).
        good(w) :- seat(w, v), a(v), b(v), c(v), d(v).
        seat(\"ann\", 1). seat(\"ann\", 2). y(1).";
    let (found, _) = added(text, "good(\"ann\")", 1);
    assert_eq!(found, sets(&[&["x(1)"], &["x(2)"]]));
}

#[test]
fn a_row_takes_the_place_of_the_one_with_its_key() {
    let text = ".decl colour(who: symbol, is: symbol, since: number) .decl good(who: symbol)
        good(w) :- colour(w, \"blue\", _). colour(\"ann\", \"red\", 7).";
    let (program, facts) = split(text);
    let ask = |who: &str, key: &[usize], columns: Option<Vec<usize>>| {
        let goal = zhuize::lang::query::parse_atom(&program, &format!("good(\"{who}\")")).expect("an atom").into();
        let of = Changeable { rel: RelId(0), columns, key: key.into(), blank: vec![None; 3], fresh: vec![true; 3] };
        let mut prover = Prover::new(&program, facts.clone(), u64::MAX);
        let found =
            least_change(&mut prover, &goal, true, &[of], &Bounds { cost: 1, states: 1000 }).expect("in limits");
        let show = |row: &Option<Vec<zhuize::proof::graph::Value>>| {
            row.iter().flatten().map(|v| format!("{:?}", v.value)).collect::<Vec<_>>().join(" ")
        };
        found.sets.iter().map(|s| format!("{} to {}", show(&s[0].old), show(&s[0].new))).collect::<Vec<_>>()
    };
    let turns = "Symbol(\"ann\") Symbol(\"red\") Number(7) to Symbol(\"ann\") Symbol(\"blue\") Number(7)";
    let comes = " to Symbol(\"ann\") Symbol(\"blue\") Number(7)";
    assert_eq!(ask("ann", &[0], None), [turns]);
    assert_eq!(ask("ann", &[0], Some(vec![1])), [turns]);
    assert_eq!(ask("ann", &[0], Some(vec![2])), [""; 0]);
    assert_eq!(ask("ann", &[], None), [comes]);
    assert_eq!(ask("ann", &[0, 1], None), [comes]);
    // As far as the key is known it may be that of another.
    assert_eq!(ask("ann", &[0, 2], None), [comes]);
    // Nobody's row is put there where only a cell may change.
    assert_eq!(ask("cat", &[0], Some(vec![1])), [""; 0]);
}

mod contrasted {
    use super::{Prover, compile, split};
    use zhuize::lang::query::parse_atom;
    use zhuize::proof::contrast::{Contrast, Part, contrast};

    const TEXT: &str = ".decl parent(a: symbol, b: symbol)
        .decl age(who: symbol, n: number)
        .decl away(who: symbol)
        .decl will(who: symbol, heir: symbol)
        .decl adult(who: symbol)
        .decl heir(a: symbol, b: symbol)
        .decl children(a: symbol, n: number)
        .decl large(a: symbol)
        adult(x) :- age(x, n), n >= 18.
        heir(a, b) :- parent(a, b), adult(b), !away(b).
        heir(a, b) :- will(a, b).
        children(a, n) :- parent(a, _), n = count : { parent(a, _) }.
        large(a) :- children(a, n), n > 1.
        parent(\"ann\", \"bob\"). parent(\"ann\", \"cid\"). parent(\"ann\", \"dan\"). parent(\"eve\", \"fay\").
        age(\"bob\", 30). age(\"cid\", 17). age(\"dan\", 40). age(\"fay\", 20).
        away(\"dan\"). will(\"eve\", \"gil\").";

    fn lay(here: &str, there: &str) -> Contrast {
        let program = compile(TEXT);
        let (bare, facts) = split(TEXT);
        let goal = |t: &str| parse_atom(&program, t).expect("an atom").into();
        let mut prover = Prover::new(&bare, facts, u64::MAX);
        contrast(&mut prover, &goal(here), &goal(there)).expect("within limits")
    }

    /// Parts of the points at which the two part first.
    fn ends(c: &Contrast) -> Vec<&Part> {
        let end = |p: &&zhuize::proof::contrast::Point| p.differs && !p.below.iter().any(|b| c.points[*b].differs);
        c.points.iter().filter(end).map(|p| &p.part).collect()
    }

    #[test]
    fn a_test_that_fails_there_is_where_they_part() {
        let c = lay("heir(\"ann\", \"bob\")", "heir(\"ann\", \"cid\")");
        assert!(matches!(ends(&c)[..], [Part::Test { .. }]), "{:?}", ends(&c));
    }

    #[test]
    fn a_fact_in_the_way_there_is_where_they_part() {
        let c = lay("heir(\"ann\", \"bob\")", "heir(\"ann\", \"dan\")");
        assert!(matches!(ends(&c)[..], [Part::Blocked { .. }]), "{:?}", ends(&c));
    }

    #[test]
    fn a_missing_row_there_is_where_they_part() {
        let c = lay("heir(\"eve\", \"gil\")", "heir(\"eve\", \"zoe\")");
        assert!(matches!(ends(&c)[..], [Part::Lacking { derivable: false, .. }]), "{:?}", ends(&c));
    }

    #[test]
    fn two_rules_are_told_apart() {
        let c = lay("heir(\"eve\", \"gil\")", "heir(\"ann\", \"bob\")");
        assert!(matches!(c.points[0].part, Part::OtherRule { .. }));
        assert!(c.points[0].differs);
    }

    #[test]
    fn counts_are_told_apart_and_what_agrees_is_no_difference() {
        let c = lay("large(\"ann\")", "large(\"eve\")");
        assert!(matches!(ends(&c)[..], [Part::Test { .. }]), "{:?}", ends(&c));
        let c = lay("children(\"ann\", N)", "children(\"eve\", N)");
        assert!(ends(&c).iter().any(|p| matches!(p, Part::Count { .. })), "{:?}", ends(&c));
        let c = lay("heir(\"ann\", \"bob\")", "heir(\"eve\", \"fay\")");
        assert!(ends(&c).is_empty() && !c.points[0].differs);
        assert!(lay("heir(\"zoe\", \"bob\")", "heir(\"eve\", \"fay\")").points.is_empty());
    }
}
