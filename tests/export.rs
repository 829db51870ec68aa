//! Exports: another engine computes the same tuples. Here `zhuize eval` reads what is written for Soufflé; clingo and Soufflé
//! themselves are asked by tests/oracle.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn zhuize(args: &[&str]) -> (u8, String, String) {
    let d = common::zhuize(args);
    (d.code, d.out, d.err)
}

fn day(text: &str) -> String {
    zhuize::lang::date::parse_iso(text).map_or_else(|| text.to_owned(), |d| d.to_string())
}

/// Rows of `run -o` as the other engine writes them: dates as day numbers, blanks of dates and numbers as their number.
fn ours(path: &Path, forms: &[(String, String)]) -> BTreeSet<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let cell = |r: &csv::StringRecord, name: &str, form: &str| {
        let text = &r[header.iter().position(|h| h == name).unwrap()];
        match form {
            "date" | "number" if text.is_empty() => "-1000000".to_owned(),
            "date" => day(text),
            _ => text.to_owned(),
        }
    };
    let row = |r: csv::StringRecord| forms.iter().map(|(n, f)| cell(&r, n, f)).collect::<Vec<_>>().join("\t");
    reader.records().map(|r| row(r.unwrap())).collect()
}

#[test]
fn the_exported_rulebook_computes_the_same_tuples() {
    for (facts, more) in
        [("facts/demo", &[][..]), ("facts/public-cases", &["--option", "joint_failure=each", "--if-established"])]
    {
        let dir = tempfile::tempdir().unwrap();
        let at = |n: &str| dir.path().join(n).to_str().unwrap().to_owned();
        let (dl, lp, run, eval) = (at("dl"), at("lp"), at("run"), at("eval"));
        let question = |first: &[&'static str], rest: &[&str]| {
            let mut args: Vec<&str> = first.to_vec();
            args.extend([facts, "--as-of", "2025-06-30"]);
            args.extend(more);
            args.extend(rest);
            let (code, _, err) = zhuize(&args);
            assert_eq!(code, 0, "{args:?}: {err}");
        };
        question(&["-q", "export"], &["--to", "souffle", "-o", &dl]);
        question(&["-q", "export"], &["--to", "clingo", "-o", &lp]);
        question(&["-q", "run"], &["-o", &run]);
        fs::create_dir_all(&eval).unwrap();
        let program = format!("{dl}/rulebook.dl");
        let (code, _, err) = zhuize(&["-q", "eval", &program, "-F", &dl, "-D", &eval]);
        assert_eq!(code, 0, "{err}");
        let view: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(format!("{lp}/relations.json")).unwrap()).unwrap();
        assert!(fs::read(format!("{dl}/relations.json")).unwrap() == fs::read(format!("{lp}/relations.json")).unwrap());
        let mut rows = 0;
        for o in view["outputs"].as_array().unwrap() {
            let word = |v: &serde_json::Value, k: &str| v[k].as_str().unwrap().to_owned();
            let forms: Vec<(String, String)> =
                o["columns"].as_array().unwrap().iter().map(|c| (word(c, "name"), word(c, "form"))).collect();
            let file = word(o, "file");
            let want = ours(&Path::new(&run).join(&file), &forms);
            let text = fs::read_to_string(Path::new(&eval).join(&file)).unwrap();
            let got: BTreeSet<String> = text.lines().map(str::to_owned).collect();
            assert_eq!(want, got, "{file}");
            rows += want.len();
        }
        assert!(rows > 100, "{rows}");
    }
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts");
    fs::create_dir_all(&facts).unwrap();
    for e in fs::read_dir("facts/demo").unwrap() {
        let p = e.unwrap().path();
        if p.is_file() {
            fs::copy(&p, facts.join(p.file_name().unwrap())).unwrap();
        }
    }
    let people = fs::read_to_string(facts.join("people.csv")).unwrap();
    let row = people.lines().nth(1).unwrap().split_once(',').unwrap().0.to_owned();
    let with = |name: &str| {
        people.lines().skip(2).fold(format!("person,name,source\n{row},{name},\n"), |t, l| format!("{t}{l}\n"))
    };
    fs::write(facts.join("people.csv"), with("\"a\tb\"")).unwrap();
    let out = dir.path().join("out");
    let export = |to: &str| {
        zhuize(&[
            "--lang",
            "en",
            "export",
            facts.to_str().unwrap(),
            "--as-of",
            "2025-06-30",
            "--to",
            to,
            "-o",
            out.to_str().unwrap(),
        ])
    };
    let (code, _, err) = export("souffle");
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("E0605: people") && err.contains("column name") && err.contains("a\\tb"), "{err}");
    assert!(!out.exists());
    let (code, said, err) = export("clingo");
    assert_eq!(code, 0, "{err}");
    assert!(said.contains("Written to"));
    let names: BTreeSet<String> =
        fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["facts.lp", "program.lp", "relations.json"].map(str::to_owned).into());
    assert!(fs::read_to_string(out.join("facts.lp")).unwrap().contains("\"a\tb\""));
    assert_eq!(zhuize(&["export", "facts/demo", "--to", "prolog", "-o", "x"]).0, 2);
}
