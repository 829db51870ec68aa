//! The command line as users meet it: exit codes, messages, outputs whole or not at all, same bytes whatever the threads.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A copy of a casebase with one file changed.
fn changed(from: &str, file: &str, change: impl Fn(String) -> Vec<u8>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for e in fs::read_dir(from).unwrap() {
        let p = e.unwrap().path();
        if p.is_file() {
            fs::copy(&p, dir.path().join(p.file_name().unwrap())).unwrap();
        }
    }
    let path = dir.path().join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, change(text)).unwrap();
    dir
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().to_string_lossy().into_owned(), fs::read(e.path()).unwrap()))
        .collect();
    out.sort();
    out
}

const DEMO: &str = "facts/demo";

#[test]
fn usage_errors_are_2() {
    for args in [
        &["run"][..],
        &["fly"],
        &["run", DEMO, "--as-of", "2023-02-30"],
        &["run", DEMO, "--option", "nonsense"],
        &["run", DEMO, "--skip-bad-rows"],
        &["why", DEMO],
        &["why", DEMO, "lible(\"c1\",_)"],
        &["why", DEMO, "liable(\"c1\",_)"],
    ] {
        let d = zhuize(args);
        assert_eq!(d.code, 2, "{args:?}\n{}", d.err);
        assert!(!d.err.is_empty(), "{args:?}");
        assert!(d.out.is_empty(), "{args:?}");
    }
    let d = zhuize(&["why", DEMO, "lible(\"c1\",_,_,_,_)"]);
    assert!(d.err.contains("did you mean `liable`"), "{}", d.err);
    assert_eq!(zhuize(&["--help"]).code, 0);
    assert_eq!(zhuize(&["--version"]).code, 0);
}

#[test]
fn wrong_rules_are_3() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    let with = |text: &[u8]| {
        fs::create_dir_all(rules.join("x")).unwrap();
        fs::write(rules.join("x/a.dl"), text).unwrap();
        zhuize(&["--rules", rules.to_str().unwrap(), "check"])
    };
    assert_eq!(zhuize(&["--rules", dir.path().join("none").to_str().unwrap(), "check"]).code, 3);
    let d = with(b".decl a(x: symbol)\na(\"\xff\").\n");
    assert_eq!(d.code, 3);
    assert!(d.err.contains("E0403") && d.err.contains("x/a.dl:2:4"), "{}", d.err);
    let d = with("// 注释\n.decl a(x: symbol)\n.decl b(x: number)\na(\"承办\").\nb(y) :- a(y).\n".as_bytes());
    assert_eq!(d.code, 3);
    assert!(d.err.contains("x/a.dl:5"), "{}", d.err);
    // A warning in any program, an error in a rulebook.
    let d = with(b".decl a(x: symbol)\na(\"b\").\n.decl b(x: symbol)\nb(y) :- a(y), match(\"[\", y).\n");
    assert_eq!(d.code, 3);
    assert!(d.err.contains("W0204") && d.err.contains("x/a.dl:4"), "{}", d.err);
    // Arity 20 is nothing special.
    let columns: Vec<String> = (0..20).map(|i| format!("c{i}: number")).collect();
    let vars: Vec<String> = (0..20).map(|i| format!("v{i}")).collect();
    let (columns, vars) = (columns.join(", "), vars.join(", "));
    let wide = format!(
        ".decl a({columns})\n.decl b({columns})\n.output b\na({}1).\nb({vars}) :- a({vars}).\n",
        "1, ".repeat(19)
    );
    let d = with(wide.as_bytes());
    assert_eq!(d.code, 0, "{}", d.err);
}

#[test]
fn wrong_data_are_4_and_leave_nothing_behind() {
    let at = "2025-06-30";
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("结果");
    let run = |dir: &Path| {
        zhuize(&["--lang", "en", "run", dir.to_str().unwrap(), "--as-of", at, "-o", out.to_str().unwrap()])
    };
    let nowhere = place.path().join("nowhere");
    let d = run(&nowhere);
    assert_eq!(d.code, 4, "{}", d.err);
    assert!(d.err.contains("E0501"), "{}", d.err);
    type Change = Box<dyn Fn(String) -> Vec<u8>>;
    let append = |row: &'static str| -> Change { Box::new(move |t| format!("{t}{row}\n").into_bytes()) };
    let cases: Vec<(&str, Change, &str)> = vec![
        ("cases.csv", Box::new(|_| Vec::new()), "E0505"),
        ("conduct.csv", append("nosuch,nobody,wrong_opinion,,,,x"), "E0542"),
        (
            "people.csv",
            Box::new(|t| {
                let row = t.lines().nth(1).unwrap().to_owned();
                format!("{t}{row}\n").into_bytes()
            }),
            "E0541",
        ),
        ("rulings.csv", Box::new(|t| t.replacen("quashed", "quased", 1).into_bytes()), "E0526"),
        (
            "rulings.csv",
            Box::new(|t| {
                let (h, rest) = t.split_once('\n').unwrap();
                let mut f: Vec<&str> = rest.lines().next().unwrap().split(',').collect();
                f[3] = "2023-02-30";
                format!("{h}\n{}\n", f.join(",")).into_bytes()
            }),
            "E0524",
        ),
        ("options.csv", Box::new(|_| b"option,value\njoint_failure,sometimes\n".to_vec()), "E0542"),
        ("options.csv", Box::new(|_| b"option,value\njoint_failure,each\njoint_failure,all\n".to_vec()), "E0560"),
    ];
    for (file, change, code) in cases {
        let dir = changed(DEMO, file, change);
        let d = run(dir.path());
        assert_eq!(d.code, 4, "{file} {code}\n{}", d.err);
        assert!(d.err.contains(code) && d.err.contains(file), "{file} {code}\n{}", d.err);
        assert!(!out.exists(), "{file}: no partial output");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{file}: nothing left behind");
    }
}

#[test]
fn rows_left_out_are_written_down() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let dir = changed(DEMO, "rulings.csv", |t| t.replacen("quashed", "quased", 1).into_bytes());
    let args = [
        "--lang",
        "zh",
        "run",
        dir.path().to_str().unwrap(),
        "--as-of",
        "2025-06-30",
        "--skip-bad-rows",
        "-o",
        out.to_str().unwrap(),
    ];
    let d = zhuize(&args);
    assert_eq!(d.code, 0, "{}", d.err);
    let rejected = fs::read_to_string(out.join("rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 2, "{rejected}");
    assert!(
        rejected.contains("rulings.csv") && rejected.contains("quased") && rejected.contains("E0526"),
        "{rejected}"
    );
    assert!(d.out.contains("略过有错的行 1 行"), "{}", d.out);
    // A sound run into the same folder takes the file away.
    let d = zhuize(&["run", DEMO, "--as-of", "2025-06-30", "-o", out.to_str().unwrap()]);
    assert_eq!(d.code, 0, "{}", d.err);
    assert!(!out.join("rejected.csv").exists());
}

#[test]
fn same_bytes_whatever_the_form_of_the_files_and_the_threads() {
    let place = tempfile::tempdir().unwrap();
    let run = |facts: &str, name: &str, threads: &str| {
        let out = place.path().join(name);
        let d =
            zhuize(&["-q", "run", facts, "--as-of", "2025-06-30", "--threads", threads, "-o", out.to_str().unwrap()]);
        assert_eq!(d.code, 0, "{}", d.err);
        let mut all = files(&out);
        all.retain(|(n, _)| n != "manifest.json");
        all
    };
    let first = run(DEMO, "a", "1");
    assert!(first.len() > 20);
    assert_eq!(first, run(DEMO, "b", "2"));
    // Byte order mark, CRLF, columns in another order, a quoted newline in a column that no rule reads.
    let dir = changed(DEMO, "people.csv", |t| {
        let mut out = String::from("\u{feff}");
        for (i, line) in t.lines().enumerate() {
            let (person, rest) = line.split_once(',').unwrap();
            let name = rest.split(',').next().unwrap();
            let note = if i == 0 { "source".to_owned() } else { "\"第一行\r\n第二行\"".to_owned() };
            out.push_str(&format!("{name},{note},{person}\r\n"));
        }
        out.into_bytes()
    });
    assert_eq!(first, run(dir.path().to_str().unwrap(), "c", "2"));
}

#[test]
fn a_broken_pipe_is_not_an_error() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let args: Vec<OsString> = ["zhuize", "run", DEMO, "--as-of", "2025-06-30"].iter().map(OsString::from).collect();
    assert_eq!(zhuize::cli::main(&args, &mut Broken, &mut Vec::new()), 0);
}

#[test]
fn the_output_path_may_not_be_a_file() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("f");
    fs::write(&file, "mine").unwrap();
    let d = zhuize(&["-q", "run", DEMO, "--as-of", "2025-06-30", "-o", file.to_str().unwrap()]);
    assert_eq!(d.code, 5, "{}", d.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn templates_have_the_columns_of_the_schema() {
    let text: String = fs::read_to_string("rules/common/tables.dl").unwrap();
    let mut tables = 0;
    let mut notes = Vec::new();
    for line in text.lines() {
        if let Some(note) = line.strip_prefix("//@ ") {
            notes.push(note.to_owned());
        } else if let Some(decl) = line.strip_prefix(".decl ") {
            let (name, columns) = decl.split_once('(').unwrap();
            let input = notes.iter().any(|n| n == "input") && !notes.iter().any(|n| n == "hidden");
            notes.clear();
            if !input {
                continue;
            }
            tables += 1;
            let mut header: Vec<&str> =
                columns.trim_end_matches(')').split(',').map(|c| c.split(':').next().unwrap().trim()).collect();
            header.push("source");
            let path = format!("facts/templates/{name}.csv");
            assert_eq!(fs::read_to_string(&path).unwrap(), header.join(",") + "\n", "{path}");
        }
    }
    assert_eq!(tables, 17);
}

#[test]
fn numbers_of_cases_match_however_they_are_written() {
    let dir = tempfile::tempdir().unwrap();
    for e in fs::read_dir(DEMO).unwrap() {
        let p = e.unwrap().path();
        if p.extension().is_some_and(|x| x == "csv") {
            let cases = p.file_name().unwrap() == "cases.csv";
            let number = if cases { "（2018）豫01行终0123号" } else { "〔2018〕豫01行终123号" };
            let text = fs::read_to_string(&p).unwrap();
            let text: Vec<String> = text.lines().map(|l| l.replace("d01,", &format!("{number},"))).collect();
            fs::write(dir.path().join(p.file_name().unwrap()), text.join("\n")).unwrap();
        }
    }
    let facts = dir.path().to_str().unwrap();
    let out = dir.path().join("out");
    let d = zhuize(&["run", facts, "--as-of", "2025-06-30", "-o", out.to_str().unwrap()]);
    assert_eq!(d.code, 0, "{}", d.err);
    let spellings = fs::read_to_string(out.join("spellings.csv")).unwrap();
    assert_eq!(spellings, "value,written,file,line\n(2018)豫01行终123号,（2018）豫01行终0123号,cases.csv,2\n");
    let liable = fs::read_to_string(out.join("liable.csv")).unwrap();
    assert!(liable.contains("(2018)豫01行终123号,p001"), "{liable}");
    let ask = |case: &str| {
        zhuize(&["--lang", "zh", "why", facts, "--case", case, "--person", "p001", "--as-of", "2025-06-30"])
    };
    let (a, b) = (ask("(2018)豫01行终123号"), ask("［2018］豫01行终00123号"));
    assert_eq!((a.code, &a.out), (0, &b.out), "{}{}", a.err, b.err);
    assert!(a.out.contains("（p001）"), "{}", a.out);
}
