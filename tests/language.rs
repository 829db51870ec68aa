//! The language reference: every example of `docs/language.md` is run and prints what stands behind it, both evaluators
//! agree on it, and every row of it is explained and certified.
//!
//! A block `dl` is a program, a block `facts NAME` before it a file of facts; the block `out` behind it is what `eval`
//! prints, or `err` what it says when it refuses. `UPDATE_GOLDEN=1` writes the answers anew.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[allow(dead_code)]
mod common;
mod random;

use common::zhuize;
use std::fs;
use std::path::Path;
use zhuize::engine::store::Database;
use zhuize::engine::{Options, evaluate, naive};
use zhuize::facts::tsv;
use zhuize::lang::program::{Arg, Program, RelId, SourceFile, VarId};
use zhuize::proof::demand::Prover;
use zhuize::proof::derivation::derive;
use zhuize::proof::graph::{Node, below};
use zhuize::proof::{Goal, explain};
use zhuize::report::certificate;
use zhuize::verify;

const PAGE: &str = "docs/language.md";

#[derive(Debug)]
struct Block {
    /// Line of its fence, from 0.
    line: usize,
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut open = false;
    for (n, line) in page.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            open = !open;
            if open {
                out.push(Block { line: n, info: info.trim().to_owned(), text: String::new() });
            }
        } else if open {
            let text = &mut out.last_mut().unwrap().text;
            text.push_str(line);
            text.push('\n');
        }
    }
    assert!(!open, "a block is never closed");
    out
}

/// What `eval` prints, or says when it refuses; and whether it refuses.
fn run(dir: &Path, program: &str) -> (String, bool) {
    fs::write(dir.join("example.dl"), program).unwrap();
    let path = dir.join("example.dl").display().to_string();
    let done = zhuize(&["--lang", "en", "-q", "eval", &path, "-F", &dir.display().to_string(), "-D", "-", "-j", "1"]);
    let home = format!("{}/", dir.display());
    if done.code == 0 { (done.out, false) } else { (done.err.replace(&home, ""), true) }
}

fn compile(text: &str) -> Program {
    let c = zhuize::lang::compile(vec![SourceFile { name: "example.dl".into(), text: text.into() }]);
    assert!(!c.has_errors(), "{text}\n{:#?}", c.diagnostics);
    c.program
}

/// Every evaluator gives the same rows, and every row has a proof that holds.
fn trusted(place: &str, dir: &Path, text: &str) {
    let program = compile(text);
    let all = vec![true; program.relations.len()];
    let given = tsv::load(&program, &all, dir, false, &mut std::io::empty()).unwrap();
    let slow = naive::evaluate(&program, given.clone()).unwrap();
    let want = random::rows(&program, &slow);
    for threads in [1, 2] {
        let options = Options { threads, ..Options::default() };
        let (fast, _) = evaluate(&program, given.clone(), &options).unwrap();
        assert_eq!(want, random::rows(&program, &fast), "{place}: naive against the engine with {threads} threads");
    }
    for rel in (0..program.relations.len()).map(|i| RelId(i as u32)) {
        let relation = program.rel(rel);
        // Numbers of texts mean something within one run only.
        if relation.outputs.is_empty() || text.contains("ord(") {
            continue;
        }
        let rows = slow.table(rel).len();
        let goal = Goal { rel, args: (0..relation.arity()).map(|i| Arg::Var(VarId(i as u32))).collect() };
        let options = zhuize::proof::Options { answers: 1000, ..zhuize::proof::Options::default() };
        let e = explain(&program, &given, &goal, &options).unwrap();
        assert_eq!(e.answers.len(), rows, "{place}: answers about {} by demand", relation.name);
        assert!(petgraph::algo::toposort(&e.graph, None).is_ok(), "{place}: an explanation in a circle");
        for i in e.graph.node_indices() {
            let bare = matches!(&e.graph[i], Node::Fact { given: false, folded: false, .. });
            assert!(!bare || !below(&e.graph, i).is_empty(), "{place}: a row of {} without proof", relation.name);
        }
        certified(place, &program, &given, &goal, rows);
    }
}

fn certified(place: &str, program: &Program, given: &Database, goal: &Goal, rows: usize) {
    let options = zhuize::proof::Options { answers: 1000, ..zhuize::proof::Options::default() };
    let mut prover = Prover::new(program, given.clone(), options.most_steps);
    let d = derive(&mut prover, goal, &options).unwrap();
    let text = certificate::render(program, &d, &|_, _| Some("facts.csv:1".into()));
    let report = verify::verify(program, &text, None, &verify::Options::default());
    let problems: Vec<String> = report.problems.iter().map(|p| p.text(false)).collect();
    assert!(report.valid() || rows == 0, "{place}: the certificate does not verify:\n{}\n{text}", problems.join("\n"));
}

#[test]
fn every_example_of_the_reference_does_what_it_says() {
    let page = fs::read_to_string(PAGE).unwrap();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let list = blocks(&page);
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let mut shift = 0isize;
    let (mut examples, mut wrong) = (0, Vec::new());
    for (i, b) in list.iter().enumerate().filter(|(_, b)| b.info == "dl") {
        let place = format!("{PAGE}:{}", b.line + 1);
        let dir = tempfile::tempdir().unwrap();
        for facts in list[..i].iter().rev().take_while(|b| b.info.starts_with("facts ")) {
            fs::write(dir.path().join(&facts.info["facts ".len()..]), &facts.text).unwrap();
        }
        let answer = list.get(i + 1).filter(|a| a.info == "out" || a.info == "err");
        let answer = answer.unwrap_or_else(|| panic!("{place}: no `out` or `err` behind the example"));
        let (text, refused) = run(dir.path(), &b.text);
        assert_eq!(refused, answer.info == "err", "{place}: {text}");
        examples += 1;
        if text != answer.text {
            wrong.push(format!("{place}:\n--- expected\n{}--- found\n{text}", answer.text));
            let from = (answer.line as isize + 1 + shift) as usize;
            let old = answer.text.lines().count();
            let new: Vec<String> = text.lines().map(str::to_owned).collect();
            shift += new.len() as isize - old as isize;
            lines.splice(from..from + old, new);
        }
        if !refused {
            trusted(&place, dir.path(), &b.text);
        }
    }
    if update {
        fs::write(PAGE, lines.join("\n") + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    assert!(examples > 25, "only {examples} examples");
}

/// Every word of the language has a place in the reference.
#[test]
fn every_keyword_and_code_is_named() {
    let page = fs::read_to_string(PAGE).unwrap();
    let words = [
        ".decl",
        ".type",
        ".input",
        ".output",
        ".printsize",
        ".limitsize",
        ".pragma",
        ".plan",
        "symbol",
        "number",
        "unsigned",
        "float",
        "count",
        "sum",
        "min",
        "max",
        "mean",
        "cat",
        "strlen",
        "substr",
        "ord",
        "to_number",
        "to_unsigned",
        "to_float",
        "to_string",
        "itof",
        "itou",
        "ftoi",
        "ftou",
        "utoi",
        "utof",
        "range",
        "match",
        "contains",
        "as(",
        "true",
        "false",
        "band",
        "bor",
        "bxor",
        "bnot",
        "bshl",
        "bshr",
        "bshru",
        "land",
        "lor",
        "lxor",
        "lnot",
        "//@",
    ];
    let missing: Vec<&str> = words.into_iter().filter(|w| !page.contains(w)).collect();
    assert!(missing.is_empty(), "the reference does not name {missing:?}");
    let codes: Vec<&str> = zhuize::lang::codes::ALL.iter().map(|(c, _)| *c).filter(|c| !page.contains(c)).collect();
    assert!(codes.is_empty(), "the reference does not name {codes:?}");
}
