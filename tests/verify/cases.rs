//! Certificates that lie about, with what is said of them; a long chain; the rulebooks.

use super::{certify, check, compile, database, problems};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use zhuize::engine::store::Database;
use zhuize::lang::program::{Arg, Const, Program, RelId};
use zhuize::lang::query::parse_atom;
use zhuize::proof::Goal;
use zhuize::verify::Kind;

fn families() -> (Program, Database) {
    let program = compile(&fs::read_to_string("tests/verify/program.dl").unwrap());
    let facts = [
        ("today", vec!["2025-06-30"]),
        ("parent", vec!["ann", "bob"]),
        ("parent", vec!["ann", "cid"]),
        ("parent", vec!["ann", "eve"]),
        ("parent", vec!["bob", "dan"]),
        ("parent", vec!["bob", "fay"]),
        ("away", vec!["bob"]),
        ("born", vec!["ann", "1950-01-31"]),
        ("born", vec!["bob", "1970-03-01"]),
        ("born", vec!["cid", "1972-02-29"]),
        ("born", vec!["dan", "1999-12-31"]),
        ("born", vec!["eve", "2007-07-01"]),
        ("born", vec!["fay", "2015-05-05"]),
    ];
    let value = |v: &str| zhuize::lang::date::parse_iso(v).map_or(Const::Symbol(v.into()), Const::Number);
    let rows: Vec<(RelId, Vec<Const>)> =
        facts.iter().map(|(r, vs)| (program.relation(r).unwrap(), vs.iter().map(|v| value(v)).collect())).collect();
    let db = database(&program, &rows);
    (program, db)
}

/// Recorded certificates: name and what is asked.
const GOOD: &[(&str, &str)] = &[
    ("heirs", "heirs(ann,N)"),
    ("share", "share(X,1,_,_)"),
    ("last", "last(X)"),
    ("absent", "heir(_,bob)"),
    ("absent-twice", "parent(X,X)"),
    ("given", "born(_,1972-02-29)"),
];

fn update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

#[test]
fn recorded_certificates_are_written_and_verify() {
    let (program, db) = families();
    for (name, atom) in GOOD {
        let goal: Goal = parse_atom(&program, atom).unwrap().into();
        let text = certify(&program, &db, &goal);
        let path = PathBuf::from(format!("tests/verify/good/{name}.json"));
        if update() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}");
        let report = check(&program, &text);
        assert!(report.valid(), "{name}: {}", problems(&report));
    }
    let files = fs::read_dir("tests/verify/good").unwrap().count();
    assert_eq!(files, GOOD.len());
}

fn walk(folder: &str) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    out.retain(|p| p.extension().is_some_and(|x| x == "json"));
    out.sort();
    out
}

#[test]
fn what_lies_is_refused_for_the_reason_recorded() {
    let (program, _) = families();
    let mut kinds = BTreeSet::new();
    for path in walk("tests/verify/bad") {
        let report = check(&program, &fs::read_to_string(&path).unwrap());
        assert!(!report.valid(), "{} is accepted", path.display());
        kinds.extend(report.problems.iter().map(|p| p.kind));
        let said: String = [false, true]
            .iter()
            .flat_map(|zh| report.problems.iter().map(|p| p.text(*zh) + "\n").collect::<Vec<_>>())
            .collect();
        let recorded = path.with_extension("txt");
        if update() {
            fs::write(&recorded, &said).unwrap();
        }
        assert_eq!(fs::read_to_string(&recorded).unwrap(), said, "{}", path.display());
    }
    // Those that need a casebase, or too much work, have tests of their own.
    let elsewhere = [Kind::NotInBase, Kind::PresentInBase, Kind::RowsInBase, Kind::Origin, Kind::Limit, Kind::LeftOut];
    let missing: Vec<&Kind> = Kind::ALL.iter().filter(|k| !kinds.contains(k) && !elsewhere.contains(k)).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
}

#[test]
fn facts_left_out_are_found_in_the_casebase() {
    let (program, db) = families();
    let all: Vec<(RelId, Vec<Const>)> = (0..program.relations.len())
        .flat_map(|r| {
            let rel = RelId(r as u32);
            let columns = &program.rel(rel).columns;
            let row = |row: &[u32]| {
                let cells = columns.iter().zip(row);
                (rel, cells.map(|(c, w)| zhuize::proof::graph::constant(c.prim, *w, &db.symbols)).collect())
            };
            db.tables[r].rows().map(row).collect::<Vec<_>>()
        })
        .collect();
    let certificate = |facts: &[(RelId, Vec<Const>)], atom: &str| {
        let goal: Goal = parse_atom(&program, atom).unwrap().into();
        certify(&program, &database(&program, facts), &goal)
    };
    let against = |text: &str, facts: &[(RelId, Vec<Const>)], most_steps: u64| {
        let mut base = super::store(&program, facts);
        let report = zhuize::verify::verify(&program, text, Some(&mut base), &zhuize::verify::Options { most_steps });
        report.problems.iter().map(|p| p.kind).collect::<BTreeSet<_>>()
    };
    let without = |name: &str, first: &str| {
        let rel = program.relation(name).unwrap();
        let gone = |f: &(RelId, Vec<Const>)| f.0 == rel && f.1[0] == Const::Symbol(first.into());
        all.iter().filter(|f| !gone(f)).cloned().collect::<Vec<_>>()
    };
    let whole = certificate(&all, "heirs(ann,_)");
    assert_eq!(against(&whole, &all, 10_000), BTreeSet::new());
    assert_eq!(against(&whole, &all, 5), BTreeSet::from([Kind::Limit]));
    // A certificate made from fewer facts is right by itself, and is found out.
    let text = certificate(&without("away", "bob"), "heir(ann,bob)");
    assert!(check(&program, &text).valid());
    assert_eq!(against(&text, &all, 10_000), BTreeSet::from([Kind::PresentInBase]));
    let text = certificate(&without("born", "cid"), "heirs(ann,_)");
    assert_eq!(against(&text, &all, 10_000), BTreeSet::from([Kind::RowsInBase]));
    let text = certificate(&without("born", "cid"), "heir(ann,cid)");
    assert_eq!(against(&text, &all, 10_000), BTreeSet::from([Kind::PresentInBase]));
    // Answers that nothing else rests on are missed by counting.
    let text = certificate(&without("born", "cid"), "heir(ann,N)");
    assert!(check(&program, &text).valid());
    assert_eq!(against(&text, &all, 10_000), BTreeSet::from([Kind::LeftOut]));
    let told = text.replacen("\"left_out\":0", "\"left_out\":1", 1);
    assert_ne!(told, text);
    assert_eq!(against(&told, &all, 10_000), BTreeSet::new());
    // And one that lists what is no fact.
    assert_eq!(against(&whole, &without("born", "dan"), 10_000), BTreeSet::from([Kind::NotInBase, Kind::RowsInBase]));
}

#[test]
fn ten_thousand_levels_are_checked_on_a_small_stack() {
    let n = 10_000;
    let mut text = String::from(
        ".decl edge(a: number, b: number)\n.decl path(a: number, b: number)\n.decl apart(a: number, b: number)\n\
         path(a, b) :- edge(a, b).\npath(a, c) :- edge(a, b), path(b, c).\n\
         apart(a, b) :- edge(a, _), edge(b, _), !path(a, b).\n",
    );
    for i in 0..n {
        text.push_str(&format!("edge({i}, {}).\n", i + 1));
    }
    let work = move || {
        let program = compile(&text);
        let db = Database::new(&program);
        // A proof of all levels, an absence that has to look at all of them, and a proof that rests on such an absence.
        for (name, a, b) in [("path", 0, n), ("path", 0, n + 5), ("apart", 1, 0)] {
            let args = vec![Arg::Const(Const::Number(a)), Arg::Const(Const::Number(b))];
            let goal = Goal { rel: program.relation(name).unwrap(), args };
            let report = check(&program, &certify(&program, &db, &goal));
            assert!(report.valid(), "{}", problems(&report));
            assert!(report.steps >= 1 || !report.claims[0].1);
        }
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap();
}

/// All output rows of the casebases of every instrument, a few of each kind, against the casebase and without it.
#[test]
fn conclusions_of_all_instruments_have_certificates_that_verify() {
    use super::common::zhuize;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.json");
    let file = file.to_str().unwrap();
    let mut seen = BTreeSet::new();
    let mut casebases = vec![PathBuf::from("facts/demo")];
    for i in ["zz-injury", "zz-wrong", "wl-em", "yy-lost", "cf-fault", "cf-interf"] {
        let mut cases: Vec<PathBuf> =
            fs::read_dir(format!("rules/{i}/cases")).unwrap().map(|e| e.unwrap().path()).collect();
        cases.sort();
        casebases.extend(cases.into_iter().filter(|c| !c.join("args").exists()).map(|c| c.join("facts")).take(2));
    }
    let mut checked = 0;
    for facts in &casebases {
        let facts = facts.to_str().unwrap();
        let out = dir.path().join("out");
        let day = ["--as-of", "2025-06-30"];
        assert_eq!(zhuize(&["--quiet", "run", facts, day[0], day[1], "-o", out.to_str().unwrap()]).code, 0, "{facts}");
        for (relation, row) in rows(&out) {
            let Some(instrument) = row.iter().find(|(name, _)| name == "instrument").map(|(_, v)| v.clone()) else {
                continue;
            };
            if !seen.insert((relation.clone(), instrument)) {
                continue;
            }
            let cells: Vec<String> =
                row.iter().map(|(_, v)| if v.is_empty() { "_".to_owned() } else { format!("{v:?}") }).collect();
            let atom = format!("{relation}({})", cells.join(","));
            let done = zhuize(&["why", facts, &atom, day[0], day[1], "--certificate", file]);
            assert_eq!(done.code, 0, "{atom}: {}", done.err);
            for against in [&["verify", file][..], &["verify", file, "--facts", facts]] {
                let verdict = zhuize(against);
                assert_eq!(verdict.code, 0, "{facts} {atom}\n{}{}", verdict.out, verdict.err);
            }
            checked += 1;
        }
        fs::remove_dir_all(&out).unwrap();
    }
    let instruments: BTreeSet<&String> = seen.iter().map(|s| &s.1).collect();
    assert!(instruments.len() >= 6 && checked >= 30, "{checked} over {instruments:?}");
}

/// First rows of every table that a run wrote: relation, then column and value.
fn rows(out: &Path) -> Vec<(String, Vec<(String, String)>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(out).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|x| x == "csv"));
    files.sort();
    let mut list = Vec::new();
    let book = zhuize::rulebook::Rulebook::load(&zhuize::rulebook::RuleTree::embedded()).rulebook.unwrap();
    for f in files {
        let relation = f.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(rel) = book.program.relation(&relation) else { continue };
        let arity = book.program.rel(rel).arity();
        let mut reader = csv::Reader::from_path(&f).unwrap();
        let header = reader.headers().unwrap().clone();
        for record in reader.records().map(Result::unwrap) {
            let cells: Vec<(String, String)> =
                header.iter().zip(&record).map(|(h, v)| (h.to_owned(), v.to_owned())).collect();
            let named = |c: &zhuize::lang::program::Column| cells.iter().find(|(h, _)| *h == c.name).cloned();
            let row: Vec<_> = book.program.rel(rel).columns.iter().filter_map(named).collect();
            if row.len() == arity {
                list.push((relation.clone(), row));
            }
        }
    }
    list
}

#[test]
fn the_command_says_what_it_guarantees() {
    use super::common::zhuize;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("证书 c.json");
    let path = file.to_str().unwrap();
    let day = ["--as-of", "2025-06-30", "--certificate", path];
    let asked = [&["--lang", "en", "why", "facts/demo", "liable(\"d05\",P,_,_,_)"][..], &day].concat();
    assert_eq!(zhuize(&asked).code, 0);
    let first = fs::read(&file).unwrap();
    assert_eq!(zhuize(&asked).code, 0);
    assert_eq!(fs::read(&file).unwrap(), first, "same bytes");
    let verdict = zhuize(&["--lang", "en", "verify", path]);
    assert!(verdict.code == 0 && verdict.out.contains("Valid relative to the"), "{}", verdict.out);
    let verdict = zhuize(&["--lang", "zh", "verify", path, "--facts", "facts/demo", "--format", "json"]);
    let view: Value = serde_json::from_str(&verdict.out).unwrap();
    assert_eq!(
        (&view["valid"], &view["relative_to"], &view["as_of"]),
        (&true.into(), &"casebase".into(), &"2025-06-30".into())
    );
    // Another day, another line of the file, other rules.
    let late = zhuize(&["--lang", "en", "verify", path, "--facts", "facts/demo", "--as-of", "2025-07-01"]);
    assert_eq!(late.code, 1, "{}", late.out);
    let text = String::from_utf8(first).unwrap();
    let line = text.replacen("cases.csv:", "cases.csv:9", 1);
    assert_ne!(line, text);
    fs::write(&file, line).unwrap();
    let moved = zhuize(&["--lang", "en", "verify", path, "--facts", "facts/demo"]);
    assert!(moved.code == 1 && moved.out.contains("E0826"), "{}", moved.out);
    fs::write(&file, text).unwrap();
    let other = zhuize(&["--lang", "zh", "verify", path, "--program", "tests/verify/program.dl"]);
    assert!(other.code == 1 && other.out.contains("E0804"), "{}", other.out);
    assert_eq!(zhuize(&["verify", "no-such-file.json"]).code, 4);
}
