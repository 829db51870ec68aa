//! Folders with an expected outcome.

use libtest_mimic::{Failed, Trial};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhuize::engine::value::to_number;
use zhuize::facts::codes::{Code, CodeLists};
use zhuize::facts::{Lang, LoadOptions, Loaded, Sources, date, load};
use zhuize::lang::program::{Prim, Program, RelId, SourceFile};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts")
}

pub fn trials() -> Vec<Trial> {
    let mut out = Vec::new();
    for kind in ["bad", "good"] {
        let mut dirs: Vec<PathBuf> = std::fs::read_dir(root().join(kind))
            .expect("folder of cases")
            .map(|e| e.expect("entry").path())
            .filter(|p| p.is_dir())
            .collect();
        dirs.sort();
        assert!(!dirs.is_empty());
        for dir in dirs {
            let name = format!("{kind}/{}", dir.file_name().expect("name").to_string_lossy());
            out.push(Trial::test(name, move || check(&dir, kind == "bad")));
        }
    }
    out
}

pub fn compile(name: &str, text: &str) -> Program {
    let source = SourceFile { name: name.into(), text: Arc::from(text) };
    let compiled = zhuize::lang::compile(vec![source]);
    let errors: Vec<_> =
        compiled.diagnostics.iter().filter(|d| d.severity == zhuize::lang::diagnostic::Severity::Error).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
    compiled.program
}

pub fn codes(path: &Path) -> CodeLists {
    let mut lists = CodeLists::default();
    let Ok(mut reader) = csv::Reader::from_path(path) else { return lists };
    for r in reader.records() {
        let r = r.expect("code");
        lists.add(&r[0], Code { derived: &r[4] == "yes", ..Code::new(&r[1], &r[2], &r[3]) });
    }
    lists
}

fn check(dir: &Path, bad: bool) -> Result<(), Failed> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name));
    let program = compile("schema.dl", &read("schema.dl")?);
    let codes = codes(&dir.join("codes.csv"));
    let mut sources = Sources { folder: Some(dir.join("tables")), shipped: Vec::new() };
    if let Ok(entries) = std::fs::read_dir(dir.join("shipped")) {
        let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
        paths.sort();
        for p in paths {
            let name = format!("shipped/{}", p.file_name().expect("name").to_string_lossy());
            sources.shipped.push((name, Arc::from(std::fs::read_to_string(p)?)));
        }
    }
    let mut options = LoadOptions::new(0);
    let mut show_days = false;
    for line in read("options.txt").unwrap_or_default().lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("as_of", day) => options.as_of = date::parse(day.as_bytes()).expect("a day"),
            ("skip", _) => options.skip_bad_rows = true,
            ("limit", n) => options.limit = n.parse()?,
            ("days", _) => show_days = true,
            ("unpacked", n) => options.unpacked = n.parse()?,
            ("encoding", n) => options.encoding = encoding_rs::Encoding::for_label(n.as_bytes()),
            other => return Err(format!("option {other:?}").into()),
        }
    }
    let mut failed = String::new();
    // With the texts kept to the end and files read in one piece; let go when they have been read, and files in pieces.
    for (kept, piece) in [(options.kept, options.piece), (0, options.piece), (0, 1), (options.kept, 1)] {
        (options.kept, options.piece) = (kept, piece);
        let loaded = load(&program, &codes, &sources, &options);
        let silent = loaded.defects.is_empty()
            && loaded.warnings.is_empty()
            && loaded.rejected.is_empty()
            && loaded.diagnostics.is_empty();
        if bad == silent {
            let said = say(&program, &loaded, Lang::En, show_days);
            return Err(format!("a bad case says something, a good one nothing; here:\n{said}").into());
        }
        for (name, lang) in [("expect.en.txt", Lang::En), ("expect.zh.txt", Lang::Zh)] {
            // Paths of this machine do not belong into expectations.
            let text = say(&program, &loaded, lang, show_days).replace(&*dir.to_string_lossy(), "…");
            let path = dir.join(name);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &text)?;
            }
            let want = std::fs::read_to_string(&path).unwrap_or_default();
            if want != text {
                write!(failed, "{name} differs; found:\n{text}\nexpected:\n{want}\n")?;
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.into()) }
}

fn cell(program: &Program, loaded: &Loaded, rel: RelId, column: usize, word: u32) -> String {
    let c = &program.rel(rel).columns[column];
    match c.prim {
        Prim::Symbol => loaded.database.symbols.resolve(word).to_owned(),
        Prim::Number if program.types[c.ty.index()].date => date::iso(to_number(word)),
        Prim::Number if to_number(word) == date::BLANK => String::new(),
        Prim::Number => to_number(word).to_string(),
        Prim::Unsigned => word.to_string(),
        Prim::Float => zhuize::engine::value::to_float(word).to_string(),
    }
}

/// All that a load says, in one language; facts that have no language in the English text only.
fn say(program: &Program, loaded: &Loaded, lang: Lang, show_days: bool) -> String {
    let mut out = String::new();
    let mut part = |title: &str, text: String| {
        if !text.is_empty() {
            write!(out, "== {title}\n{text}").expect("text");
        }
    };
    if lang == Lang::En {
        let mut text = String::new();
        for d in &loaded.diagnostics {
            let place = d.primary.as_ref().map(|l| program.place(l.span)).unwrap_or_default();
            writeln!(text, "{place}: [{}] {}", d.code, d.message).expect("text");
            d.related.iter().for_each(|r| writeln!(text, "  {}: {}", program.place(r.span), r.text).expect("text"));
            d.notes.iter().for_each(|n| writeln!(text, "  note: {n}").expect("text"));
            d.help.iter().for_each(|h| writeln!(text, "  help: {h}").expect("text"));
        }
        part("schema", text);
    }
    part("defects", loaded.defects.render(lang));
    part("warnings", loaded.warnings.render(lang));
    let mut text = String::new();
    for r in &loaded.rejected {
        writeln!(text, "{}:{} {:?}", r.file, r.line, r.raw).expect("text");
        r.reasons.iter().for_each(|d| writeln!(text, "  {}", d.render(lang)).expect("text"));
    }
    part("rejected", text);
    if lang == Lang::Zh {
        return out;
    }
    for (i, r) in program.relations.iter().enumerate() {
        let rel = RelId(i as u32);
        let dimension = loaded.schema.dimensions.iter().any(|d| d.rel == rel);
        if dimension && !show_days {
            continue;
        }
        let mut lines = Vec::new();
        for (n, row) in loaded.database.table(rel).rows().enumerate() {
            let cells: Vec<String> = row.iter().enumerate().map(|(c, w)| cell(program, loaded, rel, c, *w)).collect();
            let mut line = cells.join("|").replace('\n', "\\n");
            if let Some(o) = loaded.origins.of_row(rel, n) {
                assert_eq!(loaded.origins.of(&loaded.database, rel, row), Some(o));
                write!(line, "  <- {}:{}", o.file, o.line).expect("text");
                o.source.iter().for_each(|s| write!(line, " ({s})").expect("text"));
            }
            lines.push(line + "\n");
        }
        lines.sort();
        part(&r.name, lines.concat());
    }
    let mut text = String::new();
    for f in &loaded.inventory {
        let packed = if f.packed { " gz" } else { "" };
        writeln!(text, "{} {} {} rows, {} bytes, {} {}{packed}", f.name, f.table, f.rows, f.bytes, f.encoding, f.form)
            .expect("text");
        assert_eq!(f.hash.len(), 64);
    }
    part("files", text);
    out
}
