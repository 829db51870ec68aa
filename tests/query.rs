//! Questions: goldens under `tests/query/NAME/`, a comparison with the tables of `run`, and both ways of evaluation.
//!
//! `question.txt`: the casebase on the first line, further arguments on lines that begin with `--`, then the question.
//! `expected.zh.txt`, `expected.en.txt`: what is printed, errors below a line `---`. `UPDATE_GOLDEN=1` records them.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const DAY: &str = "2025-01-01";

fn ask(facts: &str, lang: &str, more: &[&str], question: &str) -> common::Done {
    let mut args = vec!["--lang", lang, "query", facts, "--as-of", DAY];
    args.extend(more);
    if !question.is_empty() {
        args.push(question);
    }
    zhuize(&args)
}

fn csv(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn goldens() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut dirs: Vec<_> = fs::read_dir("tests/query").unwrap().map(|e| e.unwrap().path()).collect();
    dirs.sort();
    assert!(dirs.len() >= 25, "the questions are there: {}", dirs.len());
    let mut bad = Vec::new();
    for dir in dirs {
        let text = fs::read_to_string(dir.join("question.txt")).unwrap();
        let (facts, rest) = text.split_once('\n').unwrap();
        let options: Vec<&str> = rest.lines().filter(|l| l.starts_with("--")).flat_map(|l| l.splitn(2, ' ')).collect();
        let lines: Vec<&str> = rest.lines().filter(|l| !l.starts_with("--")).collect();
        for lang in ["zh", "en"] {
            let mut more = vec!["--threads", "1"];
            more.extend(&options);
            let one = ask(facts, lang, &more, lines.join("\n").trim());
            more[1] = "2";
            let two = ask(facts, lang, &more, lines.join("\n").trim());
            assert_eq!((&one.out, &one.err), (&two.out, &two.err), "{}: threads change nothing", dir.display());
            let found = format!("{}---\n{}", one.out, one.err);
            let path = dir.join(format!("expected.{lang}.txt"));
            if update {
                fs::write(&path, &found).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != found {
                bad.push(format!("{}:\n{found}", path.display()));
            }
            let refused = dir.file_name().unwrap().to_string_lossy().starts_with("bad_");
            assert_eq!(one.code, if refused { 2 } else { 0 }, "{}: {}", dir.display(), one.err);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Rows of an output of `run`, grouped by some of its columns and counted.
fn counted(rows: &[Vec<String>], by: &[usize]) -> BTreeMap<Vec<String>, usize> {
    let mut out = BTreeMap::new();
    for r in rows {
        *out.entry(by.iter().map(|c| r[*c].clone()).collect()).or_default() += 1;
    }
    out
}

#[test]
fn counts_are_those_of_the_tables_of_a_run() {
    for facts in ["facts/demo", "facts/public-cases"] {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().to_str().unwrap();
        let done = zhuize(&["run", facts, "--as-of", DAY, "-o", to]);
        assert_eq!(done.code, 0, "{}", done.err);
        let mut seen = 0;
        for e in fs::read_dir(dir.path()).unwrap() {
            let path = e.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.extension().is_none_or(|x| x != "csv") || name == "interference" || name == "spellings" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let header: Vec<&str> = text.lines().next().unwrap().split(',').filter(|h| *h != "hypothetical").collect();
            let rows = csv(&text);
            let names: Vec<String> = (0..header.len()).map(|i| format!("V{i}")).collect();
            let atom = format!("{name}({})", names.join(","));
            for by in (0..header.len()).map(|c| vec![c]).chain([vec![0, header.len() - 1]]) {
                let list: Vec<&str> = by.iter().map(|c| names[*c].as_str()).collect();
                let question = format!("{atom}, count by {}", list.join(", "));
                let done = ask(facts, "en", &["--format", "csv"], &question);
                assert_eq!(done.code, 0, "{question}: {}", done.err);
                let mut by = by.clone();
                by.dedup();
                let got: BTreeMap<Vec<String>, usize> = csv(&done.out)
                    .into_iter()
                    .map(|mut r| {
                        let n = r.pop().unwrap().parse().unwrap();
                        (r, n)
                    })
                    .collect();
                assert_eq!(got, counted(&rows, &by), "{facts}: {question}");
                seen += got.len();
            }
        }
        assert!(seen > 100, "{facts}: {seen} groups");
    }
}

#[test]
fn by_demand_and_by_the_engine_are_one() {
    use zhuize::facts::Lang;
    use zhuize::query::{self, Mode};
    use zhuize::rulebook::{RuleTree, Rulebook};
    let questions = [
        "liable(d01,P,I,B,G)",
        "disposition(C,p130,I,S), count C by S, I",
        "liable(C,P,_,_,_), participants(C,P,\"approver\",O,_), cases(case=C, nominal_org=ly), count P by O",
        "allocated(d30,P,I,_,_), !liable(d30,P,I,_,_)",
        "cases(case=C, act_date=D, nominal_org=sj), Y = year(D), M = month(D), min D by Y, M",
        "disposition(nosuch,P,I,S), count",
    ];
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.unwrap();
    let named: Vec<(&str, &str)> = questions.iter().map(|q| ("q", *q)).collect();
    let compiled = query::compile(&book, None, &named, Lang::En);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    let book = Rulebook { program: compiled.program, ..book };
    let request = zhuize::bulk::Request::new("facts/demo", zhuize::lang::date::parse_iso(DAY).unwrap());
    let given = zhuize::bulk::load(&book, &request).unwrap().database;
    let all = |mode| {
        query::answer::answer(
            &book.program,
            &book.codes,
            query::answer::Given { database: given.clone(), far: None, done: Vec::new() },
            &compiled.asked,
            mode,
            &zhuize::engine::limit::Options::single(),
        )
        .unwrap()
    };
    let (demand, engine) = (all(Mode::Demand), all(Mode::Engine));
    assert!(compiled.asked.iter().all(|a| a.named), "each names something");
    assert_eq!(demand, engine);
    let (last, others) = engine.split_last().unwrap();
    assert!(others.iter().all(|a| !a.rows.is_empty()), "{engine:?}");
    assert_eq!(last.rows.len(), 1, "a count of nothing is nought");
}

#[test]
fn years_and_months_are_those_of_the_calendar() {
    for facts in ["facts/demo", "facts/public-cases"] {
        let done = ask(facts, "en", &["--format", "csv"], "cases(case=C, act_date=D), Y = year(D), M = month(D)");
        let rows = csv(&done.out);
        assert!(rows.len() > 5, "{}", done.err);
        for r in rows {
            let month: u32 = r[3].parse().unwrap();
            assert_eq!(r[1][..7], format!("{}-{month:02}", r[2]), "{r:?}");
        }
    }
}

#[test]
fn results_go_to_files_and_are_data() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("结果.json");
    let question = "disposition(C,P,I,S), count by S order by count desc limit 2";
    let done = ask("facts/demo", "zh", &["--format", "json", "-o", path.to_str().unwrap()], question);
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    let view: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let result = &view["results"][0];
    assert_eq!(result["rows"].as_array().unwrap().len(), 2);
    assert!(result["total"].as_u64().unwrap() > 2);
    assert_eq!(result["columns"][0]["label"], "状态");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn charts_in_every_form() {
    for lang in ["zh", "en"] {
        let stats = |more: &[&str]| {
            let mut args = vec!["--lang", lang, "stats", "facts/demo", "--as-of", DAY];
            args.extend(more);
            let done = zhuize(&args);
            assert_eq!(done.code, 0, "{}", done.err);
            done.out
        };
        let text = stats(&["--width", "72"]);
        for line in text.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 72, "{line}");
        }
        assert_eq!(text, stats(&["--width", "72", "--threads", "2"]));
        let view: serde_json::Value = serde_json::from_str(&stats(&["--format", "json"])).unwrap();
        let charts = view["charts"].as_array().unwrap();
        assert!(charts.len() >= 9);
        let bars: usize = charts.iter().map(|c| c["bars"].as_array().unwrap().len()).sum();
        assert!(bars > 30, "{bars}");
        assert_eq!(csv(&stats(&["--format", "csv"])).len(), bars);
        let svg = stats(&["--format", "svg"]);
        let tree = roxmltree::Document::parse(&svg).unwrap();
        assert_eq!(tree.descendants().filter(|n| n.has_tag_name("rect")).count(), bars + 1);
        assert!(!svg.contains("href"), "the picture needs nothing else");
        let golden = Path::new("tests").join(format!("query-stats.{lang}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&golden).unwrap(), text);
    }
}
