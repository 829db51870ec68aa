//! What must not matter does not: names, the order of rules, literals and facts, repetition, files, threads, rows that no rule
//! can see. Random programs are changed in each of these ways and must give the same rows; casebases whose rows stand in
//! another order must give the same bytes. `ZHUIZE_CASES=100000 cargo test --release --test metamorphic` runs longer.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[allow(dead_code)]
mod common;
#[path = "common/dice.rs"]
mod dice;
mod random;

use dice::Dice;
use proptest::prelude::*;
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use zhuize::engine::store::Database;
use zhuize::engine::{Limit, Options, evaluate};
use zhuize::lang::program::{Program, SourceFile};

fn shuffle<T>(dice: &mut Dice, list: &mut [T]) {
    for i in (1..list.len()).rev() {
        list.swap(i, dice.below(i + 1));
    }
}

fn compile(files: &[String]) -> Program {
    let source = |(i, text): (usize, &String)| SourceFile { name: format!("{i}.dl"), text: text.as_str().into() };
    let compiled = zhuize::lang::compile(files.iter().enumerate().map(source).collect());
    assert!(!compiled.has_errors(), "{}\n{:#?}", files.join("\n----\n"), compiled.diagnostics);
    compiled.program
}

type Rows = BTreeMap<String, Vec<String>>;

/// Rows of every relation; `None` when a functor has no value, which another order may meet or not.
fn rows(files: &[String], threads: usize) -> Result<Option<Rows>, TestCaseError> {
    let program = compile(files);
    let options = Options { threads, ..Options::default() };
    match evaluate(&program, Database::new(&program), &options) {
        Ok((db, _)) => Ok(Some(random::rows(&program, &db).into_iter().collect())),
        Err(Limit::Fault { .. }) => Ok(None),
        Err(e) => Err(TestCaseError::fail(format!("{e:?} in\n{}", files.join("\n----\n")))),
    }
}

/// A body at its commas, but not those inside parentheses, braces or quotes.
fn literals(body: &str) -> Vec<String> {
    let (mut out, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for c in body.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                out.push(String::new());
                continue;
            }
            _ => {}
        }
        out.last_mut().unwrap().push(c);
    }
    out.into_iter().map(|l| l.trim().to_owned()).collect()
}

/// The ways in which a program is changed, with what its relations are called then.
fn variants(text: &str, dice: &mut Dice) -> Vec<(&'static str, Vec<String>, &'static str)> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let whole = |lines: &[String]| vec![lines.join("\n")];
    let (mut decls, mut clauses): (Vec<String>, Vec<String>) = lines.iter().cloned().partition(|l| l.starts_with('.'));
    let mut out = Vec::new();

    let relation = Regex::new(r"\b([ed]\d+)\(").unwrap();
    let variable = Regex::new(r"\b([nsuf](?:\d+|w\d+|in\d+x\d+))\b").unwrap();
    let renamed = variable.replace_all(text, "Other_${1}_").into_owned();
    out.push(("variables have other names", vec![renamed], ""));
    out.push(("relations have other names", vec![relation.replace_all(text, "zz_$1(").into_owned()], "zz_"));

    shuffle(dice, &mut decls);
    shuffle(dice, &mut clauses);
    let shuffled: Vec<String> = clauses.iter().chain(&decls).cloned().collect();
    out.push(("clauses and declarations stand in another order", whole(&shuffled), ""));

    let turned: Vec<String> = lines
        .iter()
        .map(|l| match l.strip_suffix('.').and_then(|l| l.split_once(" :- ")) {
            Some((head, body)) => {
                let mut list = literals(body);
                shuffle(dice, &mut list);
                format!("{head} :- {}.", list.join(", "))
            }
            None => l.clone(),
        })
        .collect();
    out.push(("literals stand in another order", whole(&turned), ""));

    let twice: Vec<String> = lines.iter().chain(&clauses).cloned().collect();
    out.push(("every fact and rule stands twice", whole(&twice), ""));

    let mut files = vec![String::new(); 3];
    for l in &lines {
        let _ = writeln!(files[dice.below(3)], "{l}");
    }
    out.push(("the program is split over files", files, ""));

    let mut unseen = String::from(".decl unseen(a: symbol, b: number)\n");
    for (i, word) in ["zz", "中外", "0", "b"].iter().enumerate() {
        let _ = writeln!(unseen, "unseen(\"{word}\", {i}).");
    }
    out.push(("rows that no rule can see", vec![unseen, text.to_owned()], ""));
    out
}

fn holds(text: &str, seed: u64) -> Result<(), TestCaseError> {
    let Some(want) = rows(&[text.to_owned()], 1)? else { return Ok(()) };
    for threads in [2, 5] {
        if let Some(got) = rows(&[text.to_owned()], threads)? {
            prop_assert_eq!(&want, &got, "{} threads\n{}", threads, text);
        }
    }
    for (what, files, prefix) in variants(text, &mut Dice(seed | 1)) {
        let Some(got) = rows(&files, 2)? else { continue };
        let named = |(k, v): (String, Vec<String>)| k.strip_prefix(prefix).map(|k| (k.to_owned(), v.clone()));
        let mut got: Rows = got.into_iter().filter_map(named).collect();
        got.remove("unseen");
        prop_assert_eq!(&want, &got, "{}:\n{}\n---- as\n{}", what, text, files.join("\n----\n"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(random::config(250))]

    #[test]
    fn what_must_not_matter_does_not(tape in prop::collection::vec(any::<u8>(), 0..300), seed in any::<u64>()) {
        holds(&random::program(&tape, &random::RICH), seed)?;
        holds(&random::program(&tape, &random::PLAIN), seed)?;
    }
}

/// The test would prove nothing if the changes changed nothing.
#[test]
fn every_change_changes_the_text() {
    let text =
        ".decl e0(c0: number)\ne0(1).\ne0(2).\n.decl d0(c0: number)\nd0(n0) :- e0(n0), n0 > 1, n0 < 3, !e0(7).\n";
    let all = variants(text, &mut Dice(5));
    assert_eq!(all.len(), 7);
    for (what, files, prefix) in &all {
        assert_ne!(files.join(""), text, "{what}");
        let got = rows(files, 1).unwrap().unwrap();
        assert_eq!(got[&format!("{prefix}d0")], ["2"], "{what}");
    }
    assert!(all[0].1[0].contains("Other_n0_") && all[1].1[0].contains("zz_d0("));
}

/// The results of a run, by name.
fn run(facts: &Path, threads: &str) -> BTreeMap<String, String> {
    let out = tempfile::tempdir().unwrap();
    let (facts, to) = (facts.display().to_string(), out.path().join("out").display().to_string());
    let done = common::zhuize(&["-q", "run", &facts, "--as-of", "2025-06-30", "--threads", threads, "-o", &to]);
    assert!(done.code == 0, "{}", done.err);
    let files = fs::read_dir(out.path().join("out")).unwrap().map(|e| e.unwrap().path());
    let csv = files.filter(|p| p.extension().is_some_and(|e| e == "csv"));
    csv.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&p).unwrap())).collect()
}

#[test]
fn the_order_of_rows_and_the_threads_do_not_matter_to_a_casebase() {
    for name in ["facts/public-cases", "facts/demo"] {
        let want = run(Path::new(name), "1");
        assert!(want.values().any(|t| t.lines().count() > 3), "{name} concludes something");
        assert_eq!(want, run(Path::new(name), "3"), "{name} with three threads");
        for seed in 1..4 {
            let place = tempfile::tempdir().unwrap();
            let mut dice = Dice(seed);
            for file in fs::read_dir(name).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()) {
                let to = place.path().join(file.file_name().unwrap());
                let text = fs::read_to_string(&file).unwrap();
                // A record with line ends inside would be torn.
                if file.extension().is_some_and(|e| e == "csv") && !text.contains('"') {
                    let mut lines: Vec<&str> = text.lines().collect();
                    if lines.len() > 2 {
                        shuffle(&mut dice, &mut lines[1..]);
                    }
                    fs::write(to, lines.join("\n") + "\n").unwrap();
                } else {
                    fs::write(to, text).unwrap();
                }
            }
            assert_eq!(want, run(place.path(), "2"), "{name} with its rows in another order");
        }
    }
}
