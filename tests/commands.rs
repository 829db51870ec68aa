//! The commands that ask further: why-not, what-if, least-change, contrast, patterns, all proofs, supports.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn zhuize(lang: &str, args: &[&str]) -> (u8, String, String) {
    let done = common::zhuize(&[&["--lang", lang], args].concat());
    (done.code, done.out, done.err)
}

fn ok(args: &[&str]) -> String {
    let (code, out, err) = zhuize("en", args);
    assert_eq!(code, 0, "{args:?}\n{err}");
    out
}

fn json(args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.extend(["--format", "json"]);
    serde_json::from_str(&ok(&all)).unwrap()
}

const DAY: [&str; 2] = ["--as-of", "2025-06-30"];

fn golden(instrument: &str, case: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("rules").join(instrument).join("cases").join(case).join("facts").display().to_string()
}

/// The rows of an array of facts, as `relation(value,...)`.
fn rows(v: &Value) -> Vec<String> {
    let one = |f: &Value| {
        let values: Vec<&str> = f["values"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        format!("{}({})", f["relation"].as_str().unwrap(), values.join(","))
    };
    v.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn why_not_names_the_missing_link_first_and_its_kind() {
    let facts = golden("zz-injury", "t02_missing_link");
    let answer = json(&["why-not", &facts, "liable(\"c1\",P,\"zz-injury\",_,_)", DAY[0], DAY[1]]);
    assert_eq!(answer["holds"], false);
    let nodes = answer["nodes"].as_array().unwrap();
    let first = nodes.iter().find(|n| n["kind"] == "attempt").unwrap();
    assert!(first["cost"].as_u64().unwrap() >= 1);
    let kinds: Vec<&str> = nodes.iter().filter_map(|n| n["lack"].as_str()).collect();
    assert!(kinds.contains(&"absent") && kinds.contains(&"not_derived"), "{kinds:?}");
    let text = ok(&["why-not", &facts, "liable(\"c1\",P,\"zz-injury\",_,_)", DAY[0], DAY[1]]);
    let missed = text.find("failed to detect an error").expect("the approver did not miss anything");
    let further = text.find("decided without approval").unwrap_or(usize::MAX);
    assert!(missed < further, "what the scenario turns on comes first\n{text}");
}

#[test]
fn an_allegation_is_on_file_but_does_not_count() {
    let facts = golden("zz-injury", "o_alleged");
    let question = "k(\"c1\",\"h1\",\"deviated_from_approval\")";
    let off = ["--option", "include_alleged=no"];
    let answer = json(&["why-not", &facts, question, DAY[0], DAY[1], off[0], off[1]]);
    let kinds: Vec<&str> = answer["nodes"].as_array().unwrap().iter().filter_map(|n| n["lack"].as_str()).collect();
    assert!(kinds.contains(&"not_established"), "{kinds:?}");
    let (_, zh, _) = zhuize("zh", &["why-not", &facts, question, DAY[0], DAY[1], off[0], off[1]]);
    assert!(zh.contains("conduct.csv:2"), "the row is named\n{zh}");
}

#[test]
fn why_and_why_not_point_to_each_other() {
    let facts = golden("zz-injury", "t02_missing_link");
    let (_, out, _) = zhuize("en", &["why", &facts, "liable(\"c1\",_,_,_,_)", DAY[0], DAY[1]]);
    assert!(out.contains("`why-not` asks further"), "{out}");
    let (_, out, _) = zhuize("en", &["why-not", &facts, "unallocated(\"c1\",\"zz-injury\",_)", DAY[0], DAY[1]]);
    assert!(out.contains("ask it with `why`"), "{out}");
}

#[test]
fn what_if_agrees_with_a_run_over_the_changed_casebase() {
    let place = tempfile::tempdir().unwrap();
    let changed = place.path().join("changed");
    fs::create_dir(&changed).unwrap();
    for file in fs::read_dir("facts/demo").unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let keep = |l: &&str| !(path.ends_with("conduct.csv") && l.starts_with("d13,p036,"));
        let lines: Vec<&str> = text.lines().filter(keep).collect();
        fs::write(changed.join(path.file_name().unwrap()), lines.join("\n") + "\n").unwrap();
    }
    let tables = |facts: &str, out: &str| -> Vec<String> {
        let dir = place.path().join(out);
        ok(&["run", facts, "-o", dir.to_str().unwrap(), DAY[0], DAY[1]]);
        let mut all = Vec::new();
        let mut files: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for f in files.iter().filter(|f| f.extension().is_some_and(|e| e == "csv")) {
            let name = f.file_stem().unwrap().to_str().unwrap();
            let mut reader = csv::Reader::from_path(f).unwrap();
            for r in reader.records() {
                let r: Vec<String> = r.unwrap().iter().map(str::to_owned).collect();
                all.push(format!("{name}({})", r.join(",")));
            }
        }
        all
    };
    let before = tables("facts/demo", "a");
    let after = tables(changed.to_str().unwrap(), "b");
    let answer = json(&["what-if", "facts/demo", "--remove", "conduct(\"d13\",\"p036\",_,_,_,_)", DAY[0], DAY[1]]);
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        let mut out: Vec<String> = a.iter().filter(|r| !b.contains(r)).cloned().collect();
        out.sort();
        out
    };
    let sorted = |v: &Value| {
        let mut out = rows(v);
        out.sort();
        out
    };
    let (gained, lost) = (only(&after, &before), only(&before, &after));
    assert!(!gained.is_empty() && !lost.is_empty());
    assert_eq!(sorted(&answer["gained"]), gained);
    assert_eq!(sorted(&answer["lost"]), lost);
}

#[test]
fn a_scenario_is_a_file_that_can_be_asked_again() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("scenario.toml").display().to_string();
    let change = ["--change", "participants(\"d13\",\"p036\",_,_,_)", "fault=none"];
    let first = [
        &["what-if", "facts/demo", "--set", "joint_failure=each", "--then-as-of", "2024-01-01", "--save", &file],
        &change[..],
        &DAY[..],
        &["--about", "disposition(\"d13\",_,_,_)"],
    ]
    .concat();
    let again = ["what-if", "facts/demo", "--scenario", &file, DAY[0], DAY[1], "--about", "disposition(\"d13\",_,_,_)"];
    assert_eq!(ok(&first), ok(&again));
    assert!(fs::read_to_string(&file).unwrap().contains("as_of = \"2024-01-01\""));
}

#[test]
fn a_reading_changes_what_follows_in_the_whole_casebase() {
    let facts = golden("zz-injury", "t02_missing_link");
    let answer = json(&["what-if", &facts, "--set", "joint_failure=each", DAY[0], DAY[1]]);
    assert!(rows(&answer["gained"]).iter().any(|r| r.starts_with("liable(c1,")), "{answer}");
    assert!(rows(&answer["lost"]).iter().any(|r| r.starts_with("unallocated(c1,")), "{answer}");
}

#[test]
fn what_is_wrong_with_a_scenario_is_said_all_at_once() {
    let bad = [
        "what-if",
        "facts/demo",
        "--add",
        "liable(\"d13\",\"p036\",\"zz-injury\",\"8.1\",\"sole\")",
        "--add",
        "grounds(\"d13\",\"procedural_violatio\",_)",
        "--add",
        "conduct(\"d13\",_,\"falsification\",_,_,_)",
        "--remove",
        "conduct(\"nobody\",_,_,_,_,_)",
        "--change",
        "participants(\"d13\",\"p036\",_,_,_)",
        "guilt=none",
    ];
    let (code, out, err) = zhuize("en", &bad);
    assert_eq!((code, out.as_str()), (2, ""));
    for code in ["E0611", "E0612", "E0613", "E0615", "E0616", "E0610"] {
        assert!(err.contains(code), "{code} in\n{err}");
    }
    let (code, _, err) = zhuize("zh", &["what-if", "facts/demo"]);
    assert_eq!(code, 2);
    assert!(err.contains("E0622"), "{err}");
}

#[test]
fn least_changes_are_minimal_and_said_to_be_complete_or_not() {
    let facts = golden("zz-injury", "t02_missing_link");
    let question = "liable(\"c1\",P,\"zz-injury\",_,_)";
    let answer = json(&["least-change", &facts, question, "--to", "true", DAY[0], DAY[1]]);
    let sets: Vec<Vec<String>> = answer["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s.as_array().unwrap().iter().map(|e| rows(&Value::Array(vec![e["add"].clone()]))[0].clone()).collect())
        .collect();
    let wanted = "conduct(c1,a1,failed_to_detect_error,,,established)".to_owned();
    assert!(sets.contains(&vec![wanted.clone()]), "{sets:?}");
    for (i, a) in sets.iter().enumerate() {
        for (k, b) in sets.iter().enumerate() {
            assert!(i == k || !a.iter().all(|e| b.contains(e)), "{a:?} within {b:?}");
        }
    }
    let cut = ok(&["least-change", &facts, question, "--to", "true", "--states", "1", DAY[0], DAY[1]]);
    assert!(cut.contains("Cut at"), "{cut}");
    let (_, already, _) = zhuize("zh", &["least-change", &facts, question, "--to", "false", DAY[0], DAY[1]]);
    assert_eq!(already, "所问结论本来就不成立。\n");
}

#[test]
fn a_value_that_may_change_is_taken_away_or_given() {
    let facts = golden("yy-lost", "consequences");
    let ask = |person: &str, force: &str, to: &str| {
        let question = format!("recourse(\"a\",\"{person}\",\"yy-lost\",_,{force},_)");
        ok(&["least-change", &facts, &question, "--to", to, DAY[0], DAY[1]])
    };
    let taken = ask("p1", "_", "false");
    assert!(taken.contains("(fault intent → (blank))"), "{taken}");
    assert!(!taken.contains("(blank) → (blank)"), "{taken}");
    let given = ask("p4", "\"shall\"", "true");
    assert!(given.contains("(fault (blank) → intent)"), "{given}");
}

#[test]
fn a_contrast_ends_where_the_two_part() {
    let similar =
        json(&["contrast", "facts/demo", "disposition(\"d13\",\"p036\",\"zz-injury\",_)", "--similar", DAY[0], DAY[1]]);
    assert_eq!(similar["comparable"], true);
    assert!(!similar["parts"].as_array().unwrap().is_empty());
    let same = ok(&[
        "contrast",
        "facts/demo",
        "disposition(\"d13\",\"p036\",\"zz-injury\",_)",
        "disposition(\"d13\",\"p036\",\"zz-injury\",_)",
        DAY[0],
        DAY[1],
    ]);
    assert!(same.contains("do not part"), "{same}");
    let (code, _, err) = zhuize("en", &["contrast", "facts/demo", "liable(_,_,_,_,_)", "exempt(_,_,_,_,_)"]);
    assert_eq!(code, 2);
    assert!(err.contains("E0624"), "{err}");
}

#[test]
fn patterns_count_every_final_state_whatever_the_threads() {
    let place = tempfile::tempdir().unwrap();
    let run = |threads: &str, shards: &str| {
        let dir = place.path().join(format!("{threads}-{shards}"));
        let out = dir.to_str().unwrap();
        let how = ["--threads", threads, "--shards", shards];
        ok(&[&["run", "facts/demo", "--patterns", "-o", out, DAY[0], DAY[1]], &how[..]].concat());
        (
            fs::read_to_string(dir.join("patterns.csv")).unwrap(),
            fs::read_to_string(dir.join("disposition.csv")).unwrap(),
        )
    };
    let (one, states) = run("1", "1");
    for (threads, shards) in [("2", "1"), ("1", "4"), ("2", "9")] {
        assert_eq!(one, run(threads, shards).0, "{threads} threads, {shards} shards");
    }
    let mut reader = csv::Reader::from_reader(one.as_bytes());
    let patterns: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let total: usize = patterns.iter().map(|r| r[1].parse::<usize>().unwrap()).sum();
    assert_eq!(total, states.lines().count() - 1);
    // Drilling down gives as many conclusions as the table says, each in that state.
    let rare = patterns.iter().rfind(|p| &p[1] == "2").expect("a pattern of two");
    let list = ok(&["patterns", "facts/demo", "--pattern", &rare[0], DAY[0], DAY[1]]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(!ok(&["patterns", "facts/demo", DAY[0], DAY[1]]).is_empty());
}

#[test]
fn all_proofs_are_counted_and_supports_are_enough() {
    let question =
        ["why", "facts/demo", "--case", "d13", "--person", "p036", "--instrument", "zz-injury", DAY[0], DAY[1]];
    let all = json(&[&question[..], &["--all", "3"]].concat());
    let answers = all["answers"].as_array().unwrap();
    let counted: usize = answers[0]["proofs"].as_str().unwrap().parse().unwrap();
    assert_eq!(answers.len(), counted.min(3));
    let sizes: Vec<u64> = answers.iter().map(|a| a["size"].as_str().unwrap().parse().unwrap()).collect();
    assert!(sizes.is_sorted());
    let supports = json(&[&question[..], &["--supports"]].concat());
    let set = rows(&supports["answers"][0]["supports"][0]);
    assert!(set.iter().any(|r| r.starts_with("conduct(d13,p036,")), "{set:?}");
    let (_, none, _) = zhuize("en", &["why", "facts/demo", "liable(\"nobody\",_,_,_,_)", "--supports"]);
    assert!(none.contains("why-not"), "{none}");
}

#[test]
fn what_is_wrong_with_a_rule_is_said_in_chinese_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.dl");
    std::fs::write(&path, ".decl a(x: number)\n.decl b(x: number)\na(1).\nb(y) :- a(x).\nb(x) :- a(x), c(x).\n")
        .unwrap();
    let file = path.to_str().unwrap();
    let (code, _, err) = zhuize("zh", &["eval", file]);
    assert_eq!(code, 3);
    assert!(err.contains("  = note: 变量没有取值来源\n"), "{err}");
    assert!(err.contains("  = note: 未声明的关系\n"), "{err}");
    assert!(err.contains("2 处错误，1 处警告\n") || err.contains("2 处错误\n"), "{err}");
    let (_, _, err) = zhuize("en", &["eval", file]);
    assert!(err.contains("2 errors") && !err.contains("处错误") && !err.contains("变量"), "{err}");
}
