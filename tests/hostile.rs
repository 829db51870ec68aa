//! Hostile input: rules and tables built to explode, names built to be run. A limit with its name, never a hang or an abort;
//! no output form passes on what a terminal, a page or a spreadsheet program would carry out.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{Done, zhuize};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Evaluates a program in a folder of its own, within a time that is generous and no hang.
fn eval(text: &str, more: &[&str]) -> Done {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.dl");
    fs::write(&path, text).unwrap();
    let mut args = vec!["--lang", "en", "eval", path.to_str().unwrap(), "-D", "-", "-F", dir.path().to_str().unwrap()];
    args.extend(more);
    let start = Instant::now();
    let d = zhuize(&args);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    d
}

#[test]
fn rules_that_explode() {
    let deep =
        |open: &str, middle: &str, close: &str, n: usize| format!("{}{middle}{}", open.repeat(n), close.repeat(n));
    let a = ".decl a(x: number)\n.output a\n";
    let s = ".decl a(x: symbol)\n.output a\n";
    let digits: String = (0..10).map(|i| format!("d({i}). ")).collect();
    let cross = format!(
        ".decl d(x: number)\n{digits}\n.decl c(p: number, q: number, r: number, s: number)\n.output c\n\
         c(p, q, r, s) :- d(p), d(q), d(r), d(s).\n"
    );
    let many = vec!["(a(x) ; a(x))"; 40].join(", ");
    let sum = vec!["1"; 100_000].join(" + ");
    let cases: Vec<(&str, String, &[&str], u8, &str)> = vec![
        ("brackets of a term", format!("{a}a({}).\n", deep("(", "1", ")", 10_000)), &[], 3, "E0751"),
        ("brackets of a body", format!("{a}a(x) :- {}.\n", deep("(", "a(x)", ")", 10_000)), &[], 3, "E0751"),
        ("signs", format!("{a}a({}1).\n", "-".repeat(10_000)), &[], 3, "E0751"),
        ("aggregates", format!("{a}a(x) :- x = {}.\n", deep("count : { x = ", "1", " }", 2_000)), &[], 3, "E0751"),
        ("a long sum", format!("{a}a({sum}).\n"), &[], 3, "E0751"),
        ("alternatives", format!("{a}a(1).\n.decl b(x: number)\n.output b\nb(x) :- {many}.\n"), &[], 3, "E0752"),
        ("a cross product", cross, &["--max-rows", "9999"], 5, "E0705"),
        ("counting", format!("{a}a(0).\na(x + 1) :- a(x).\n"), &["--max-rounds", "1000"], 5, "E0706"),
        ("counting rows", format!("{a}a(0).\na(x + 1) :- a(x).\n"), &["--max-rows", "1000"], 5, "E0705"),
        ("a range", format!("{a}a(x) :- x = range(0, 1000000000).\n"), &["--max-rows", "100000"], 5, "E0705"),
        (
            "a range twice",
            format!("{a}a(x) :- x = range(0, 100000000), y = range(0, 100000000), x = y.\n"),
            &["--max-rows", "100000"],
            5,
            "E0705",
        ),
        ("text that doubles", format!("{s}a(\"{}\").\na(cat(x, x)) :- a(x).\n", "甲".repeat(100)), &[], 5, "E0708"),
        (
            "bounds of a pattern",
            format!("{s}a(\"b\") :- match(\"((a{{1,1000}}){{1,1000}}){{1,1000}}\", \"aaaa\").\n"),
            &[],
            0,
            "W0204",
        ),
        (
            "brackets of a pattern",
            format!("{s}a(\"b\") :- match(\"{}\", \"aaaa\").\n", deep("(", "a", ")", 4_000)),
            &[],
            0,
            "W0204",
        ),
        // A pattern that makes others backtrack is decided at once.
        ("backtracking", format!("{s}a(\"b\") :- match(\"(a+)+$\", \"{}b\").\n", "a".repeat(100_000)), &[], 0, ""),
        (
            "20,000 columns",
            format!(
                ".decl a({})\n.output a\n",
                (0..20_000).map(|i| format!("c{i}: number")).collect::<Vec<_>>().join(", ")
            ),
            &[],
            0,
            "",
        ),
    ];
    for (name, program, more, exit, code) in cases {
        let d = eval(&program, more);
        assert_eq!(d.code, exit, "{name}: {}", d.err.chars().take(400).collect::<String>());
        assert!(d.err.contains(code), "{name}: {}", d.err.chars().take(400).collect::<String>());
        assert!(exit == 0 || d.out.is_empty(), "{name}: nothing is printed");
        assert!(d.err.len() < 60_000, "{name}: the message itself does not explode: {} bytes", d.err.len());
    }
}

/// Rules that go on for ever without giving a row, or nearly so: the clock ends them.
#[test]
fn rules_that_take_for_ever() {
    let d = |n: u32| format!(".decl d(x: number)\nd(x) :- x = range(0, {n}).\n.decl a(x: number)\n.output a\n");
    let cases = [
        ("a cross product of nothing", d(5000) + "a(x) :- d(x), d(y), d(z), x + y + z = 0 - 1.\n", "p.dl:5: E0711"),
        // A single row matches millions, none of which passes.
        (
            "a pair in a great many",
            d(2_000_000) + "a(x) :- d(x), d(y), (x band 1) + (y band 1) = 5.\n",
            "p.dl:5: E0711",
        ),
        ("counting", d(1) + "a(0).\na(x + 1) :- a(x).\n", "p.dl:6: E0711"),
    ];
    for (name, program, told) in cases {
        let start = Instant::now();
        let d = eval(&program, &["--max-seconds", "1"]);
        assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
        assert_eq!((d.code, d.out.as_str()), (5, ""), "{name}: {}", d.err);
        assert!(d.err.contains(told) && d.err.contains("not over after 1 seconds"), "{name}: {}", d.err);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.dl");
    fs::write(&path, d(5000) + "a(x) :- d(x), d(y), d(z), x + y + z = 0 - 1.\n").unwrap();
    for (lang, told) in [("en", "not over after 1 seconds"), ("zh", "1 秒后仍未结束")] {
        let args = ["--lang", lang, "query", "facts/demo", "--program", path.to_str().unwrap(), "--max-seconds", "1"];
        let d = zhuize(&args);
        assert_eq!((d.code, d.out.as_str()), (5, ""), "{}", d.err);
        assert!(d.err.contains("p.dl:5: E0711: ") && d.err.contains(told), "{}", d.err);
    }
}

/// Rows that outgrow the memory that the shell allows: stopped by name before the system does it.
#[cfg(target_os = "linux")]
#[test]
fn more_rows_than_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.dl");
    let e: String = (0..5).map(|i| format!(".decl e{i}(x: number)\ne{i}(x) :- x = range(0, 1000).\n")).collect();
    fs::write(
        &path,
        format!("{e}.decl a(p: number, q: number, r: number, s: number)\n.output a\na(p, q, r, s) :- e0(p), e1(q), e2(r), e3(s).\n"),
    )
    .unwrap();
    let line = "ulimit -v 1500000; exec $Z --lang en eval $P -j 1 -D $D/out";
    let mut c = std::process::Command::new("bash");
    c.args(["-c", line]).env("Z", env!("CARGO_BIN_EXE_zhuize")).env("P", &path).env("D", dir.path());
    let d = c.output().unwrap();
    let err = String::from_utf8_lossy(&d.stderr);
    assert_eq!(d.status.code(), Some(5), "{err}");
    assert!(err.contains("E0707") && err.contains("p.dl:"), "{err}");
    assert!(!dir.path().join("out/a.csv").exists());
}

const DEMO: &str = "facts/demo";

/// A copy of the demo casebase with one table replaced or another file added.
fn with(file: &str, bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for e in fs::read_dir(DEMO).unwrap() {
        let p = e.unwrap().path();
        fs::copy(&p, dir.path().join(p.file_name().unwrap())).unwrap();
    }
    if let Some(table) = file.split('.').next() {
        let _ = fs::remove_file(dir.path().join(format!("{table}.csv")));
    }
    fs::write(dir.path().join(file), bytes).unwrap();
    dir
}

fn run(facts: &Path) -> Done {
    let start = Instant::now();
    let d = zhuize(&["-q", "--lang", "en", "run", facts.to_str().unwrap(), "--as-of", "2025-06-30"]);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    d
}

#[test]
fn tables_that_explode() {
    let demo = |t: &str| fs::read_to_string(format!("{DEMO}/{t}.csv")).unwrap();
    // 64 MiB of nothing in a few kilobytes, and again inside.
    let pack = |bytes: &[u8]| {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        w.write_all(bytes).unwrap();
        w.finish().unwrap()
    };
    let bomb = pack(&vec![b'0'; 1 << 30]);
    assert!(bomb.len() < 2 << 20);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        for _ in 0..256 {
            zip.write_all(&[b' '; 1 << 20]).unwrap();
        }
    }
    let workbook = zip.finish().unwrap().into_inner();
    let wide = format!("{}\n", (0..100_000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(","));
    let same = format!("{}\n", vec!["person"; 50_000].join(","));
    let cell = demo("people").replacen("p001,", &format!("p001,{}", "甲".repeat(2_000_000)), 1);
    let quotes = format!("{}\"{}", demo("people"), "\"\"".repeat(1_000_000));
    let cases: Vec<(&str, &str, Vec<u8>, u8)> = vec![
        ("gzip", "people.csv.gz", bomb, 4),
        ("workbook", "people.xlsx", workbook, 4),
        ("100,000 columns", "people.csv", wide.into_bytes(), 4),
        ("one column 50,000 times", "people.csv", same.into_bytes(), 4),
        ("a name of 6 MB", "people.csv", cell.into_bytes(), 0),
        ("a quote that never ends", "people.csv", quotes.into_bytes(), 4),
        ("zeros", "people.csv", vec![0; 1 << 20], 4),
        ("one line end after another", "people.csv", [demo("people").as_bytes(), &vec![b'\n'; 1 << 20]].concat(), 0),
    ];
    for (name, file, bytes, exit) in cases {
        let dir = with(file, &bytes);
        let d = run(dir.path());
        let head: String = d.err.chars().take(600).collect();
        assert_eq!(d.code, exit, "{name}: {head}");
        assert!(exit == 0 || d.err.contains("E05") && d.err.contains("people"), "{name}: {head}");
        assert!(d.err.len() < 100_000, "{name}: the message itself does not explode: {} bytes", d.err.len());
    }
}

/// What a terminal, a page or a spreadsheet program might carry out.
const EVIL: &str = "=HYPERLINK(\"\"http://x\"\")<script>alert(1)</script>\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\u{9b}31m";

#[test]
fn names_that_would_be_run() {
    let people = fs::read_to_string(format!("{DEMO}/people.csv")).unwrap();
    let mut lines = people.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let name = header.iter().position(|h| *h == "name").unwrap();
    let mut text = header.join(",") + "\n";
    for l in lines {
        let mut f: Vec<String> = l.split(',').map(str::to_owned).collect();
        f[name] = format!("\"{EVIL}\"");
        text.push_str(&(f.join(",") + "\n"));
    }
    let dir = with("people.csv", text.as_bytes());
    let facts = dir.path().to_str().unwrap();
    let at = ["--as-of", "2025-06-30"];
    let ask = ["--case", "d61", "--person", "p176"];
    let mut forms: Vec<Vec<&str>> = vec![
        vec!["run", facts],
        vec!["why-not", facts, "liable(\"d61\",\"p177\",_,_,_)"],
        vec!["query", facts, "people(P,N), liable(C,P,_,_,_)"],
        vec!["query", facts, "people(P,N), liable(C,P,_,_,_)", "--format", "json"],
        vec!["stats", facts],
        vec!["patterns", facts],
        vec!["least-change", facts, "liable(\"d61\",\"p176\",_,_,_)", "--to", "false"],
        vec!["check", facts],
    ];
    for form in ["text", "narrative", "html", "svg", "dot", "mermaid", "graphml", "json"] {
        forms.push([&["why", facts][..], &ask, &["--format", form]].concat());
    }
    let mut told = 0;
    for lang in ["zh", "en"] {
        for form in &forms {
            let args: Vec<&str> = ["--lang", lang].iter().chain(form).chain(&at).copied().collect();
            let d = zhuize(&args);
            assert!(d.code <= 1, "{args:?}: {} {}", d.code, d.err);
            // JSON is read by machines and escapes what its standard tells it to.
            let json = form.last() == Some(&"json");
            let never = if json { &['\u{1b}', '\u{7}'][..] } else { &['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'] };
            for c in never.iter().copied() {
                assert!(!d.out.contains(c) && !d.err.contains(c), "{args:?}: {c:?} in {}", d.out);
            }
            let page = form.iter().any(|f| ["html", "svg", "graphml", "dot", "mermaid"].contains(f));
            assert!(!page || !d.out.contains("<script>alert"), "{args:?}");
            if form.contains(&"svg") || form.contains(&"graphml") {
                roxmltree::Document::parse(&d.out).unwrap_or_else(|e| panic!("{args:?}: {e}"));
            }
            if json {
                serde_json::from_str::<serde_json::Value>(&d.out).unwrap_or_else(|e| panic!("{args:?}: {e}"));
            }
            told += usize::from(d.out.contains("HYPERLINK"));
        }
    }
    assert!(told >= 4, "the name is shown, in {told} of the forms");
}

/// Codes and keys are shown in messages: as text.
#[test]
fn messages_that_would_be_run() {
    let rulings = fs::read_to_string(format!("{DEMO}/rulings.csv")).unwrap();
    let dir = with("rulings.csv", rulings.replacen("quashed", &format!("\"{EVIL}\""), 1).as_bytes());
    let d = run(dir.path());
    assert_eq!(d.code, 4);
    assert!(d.err.contains("E0526") && d.err.contains("HYPERLINK"), "{}", d.err);
    let header = rulings.replacen("case,", "case,\u{1b}[2J\u{202e},", 1);
    let odd = with("rulings.csv", header.as_bytes());
    let d2 = run(odd.path());
    let name = with("\u{1b}[2J\u{202e}people.csv", b"x\n");
    let d3 = zhuize(&["--lang", "en", "check", name.path().to_str().unwrap()]);
    let d4 = zhuize(&["why", DEMO, "liable(\"\u{1b}[2J\u{202e}\",_,_,_,_)", "--as-of", "2025-06-30"]);
    let d5 = zhuize(&["why", DEMO, "li\u{1b}[2J\u{202e}able(_)", "--as-of", "2025-06-30"]);
    let d6 = eval(".decl a(x: symbol)\n.output a\na(\u{1b}[2J\u{202e}x).\n", &[]);
    for (i, d) in [d, d2, d3, d4, d5, d6].iter().enumerate() {
        for c in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'] {
            assert!(!d.out.contains(c) && !d.err.contains(c), "{i}: {c:?} in {}{}", d.out, d.err);
        }
    }
}
