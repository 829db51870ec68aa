//! House rules as tests: imports go one way, the engine knows no law, datafrog stays in its place, nothing is `unsafe`, files stay
//! small, tests are not switched off.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::fs;
use std::path::{Path, PathBuf};

/// Room and what it may import (beside itself).
const ROOMS: &[(&str, &[&str])] = &[
    ("lang", &[]),
    ("engine", &["lang"]),
    ("proof", &["lang", "engine"]),
    ("facts", &["lang", "engine"]),
    ("rulebook", &["lang", "facts"]),
    ("bulk", &["lang", "engine", "proof", "facts", "rulebook"]),
    ("base", &["lang", "engine", "proof", "facts", "rulebook", "bulk"]),
    ("query", &["lang", "engine", "proof", "facts", "rulebook"]),
    ("report", &["lang", "engine", "proof", "facts", "rulebook", "bulk", "query"]),
    ("verify", &["lang"]),
    ("cli", &["lang", "engine", "proof", "facts", "rulebook", "bulk", "base", "query", "report", "verify"]),
];

/// Words of the law that may not occur in the rooms below, whole or as a beginning.
const LAW: &[&str] = &["article", "liable", "liability", "exempt", "statute", "sanction", "accountab"];

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(d) = todo.pop() {
        let Ok(entries) = fs::read_dir(&d) else { continue };
        for e in entries {
            let p = e.unwrap().path();
            if p.is_dir() {
                todo.push(p);
            } else if p.extension().is_some_and(|x| x == "rs") {
                out.push(p);
            }
        }
    }
    out.sort();
    out
}

fn lines(path: &Path) -> Vec<(usize, String)> {
    fs::read_to_string(path).unwrap().lines().enumerate().map(|(i, l)| (i + 1, l.to_owned())).collect()
}

fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

#[test]
fn imports_go_one_way() {
    let mut bad = Vec::new();
    for (room, may) in ROOMS {
        for file in rust_files(&Path::new("src").join(room)) {
            for (n, line) in lines(&file) {
                for (other, _) in ROOMS {
                    let named = [format!("crate::{other}::"), format!("crate::{other};"), format!("crate::{{{other}")];
                    if other != room && !may.contains(other) && named.iter().any(|x| code(&line).contains(x)) {
                        bad.push(format!("{}:{n}: `{room}` imports `{other}`", file.display()));
                    }
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn rooms_are_the_folders() {
    let mut folders: Vec<String> = fs::read_dir("src")
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let mut rooms: Vec<String> = ROOMS.iter().map(|(r, _)| (*r).to_owned()).collect();
    rooms.sort();
    assert_eq!(folders, rooms);
}

#[test]
fn the_verifier_shares_nothing_but_the_language() {
    let may = ["std", "serde", "serde_json", "blake3", "regex", "super", "self"];
    let crate_rooms = ["lang"];
    let mut bad = Vec::new();
    let files = rust_files(Path::new("src/verify"));
    assert!(files.len() > 5, "the room is there");
    for file in files {
        for (n, line) in lines(&file) {
            let code = code(&line);
            // Every path, in an import or in the text: what stands before the first `::` of it.
            for (i, _) in code.match_indices("::") {
                let word: String = code[..i].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let word: String = word.chars().rev().collect();
                let before = &code[..i - word.len()];
                let lower = word.chars().next().is_some_and(char::is_lowercase);
                if !lower || before.ends_with("::") || code[i + 2..].starts_with('<') {
                    continue;
                }
                let next: String = code[i + 2..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let local = [
                    "complete", "usize", "term", "date", "fmt", "problem", "read", "check", "store", "i32", "i64",
                    "u32", "f32", "f64",
                ];
                let fine = match word.as_str() {
                    "crate" => crate_rooms.contains(&next.as_str()),
                    w => may.contains(&w) || local.contains(&w),
                };
                if !fine {
                    bad.push(format!("{}:{n}: {}", file.display(), line.trim()));
                }
            }
            if code.contains("crate::{") || code.contains("extern crate") {
                bad.push(format!("{}:{n}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Names of the relations that the common rules declare.
fn relations() -> Vec<String> {
    let mut names = Vec::new();
    for e in fs::read_dir("rules/common").unwrap() {
        let p = e.unwrap().path();
        if p.extension().is_some_and(|x| x == "dl") {
            for (_, l) in lines(&p) {
                names.extend(l.strip_prefix(".decl ").and_then(|r| r.split('(').next()).map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn engine_rooms_know_no_law() {
    let names = relations();
    assert!(names.len() > 60, "the names come from rules/common: {}", names.len());
    let mut bad = Vec::new();
    for room in ["lang", "engine", "proof", "facts"] {
        for file in rust_files(&Path::new("src").join(room)) {
            for (n, line) in lines(&file) {
                let lower = line.to_lowercase();
                let word = LAW.iter().find(|w| {
                    lower.match_indices(**w).any(|(i, _)| !lower[..i].ends_with(|c: char| c.is_alphanumeric()))
                });
                // A relation's name in quotes would tie the room to a rulebook; one-letter names say nothing.
                let quoted = names.iter().find(|w| w.len() > 3 && lower.contains(&format!("\"{w}\"")));
                if word.is_some() || quoted.is_some_and(|q| !["calendar", "severity", "warning"].contains(&q.as_str()))
                {
                    bad.push(format!("{}:{n}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn datafrog_is_named_in_one_place() {
    for f in rust_files(Path::new("src")) {
        for (n, l) in lines(&f) {
            let home = f.starts_with("src/engine/frog") || f == Path::new("src/engine/frog.rs");
            assert!(home || !code(&l).contains("datafrog::"), "{}:{n}: datafrog outside engine/frog", f.display());
            assert!(!code(&l).contains("from_antijoin"), "{}:{n}: it returns the empty relation", f.display());
        }
    }
}

#[test]
fn nothing_is_unsafe() {
    let forbidden = fs::read_to_string("Cargo.toml").unwrap().contains("unsafe_code = \"forbid\"");
    assert!(forbidden, "the compiler refuses it in every file of the library and the command");
}

#[test]
fn files_stay_small() {
    let mut bad = Vec::new();
    for f in ["src", "tests", "benches"].iter().flat_map(|d| rust_files(Path::new(d))) {
        let n = lines(&f).len();
        if n > 600 {
            bad.push(format!("{}: {n} lines", f.display()));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(lines(Path::new("src/main.rs")).len() <= 40);
}

#[test]
fn nothing_is_switched_off() {
    let ignore = concat!("#[", "ignore");
    for f in rust_files(Path::new("src")).into_iter().chain(rust_files(Path::new("tests"))) {
        for (n, l) in lines(&f) {
            assert!(!l.trim_start().starts_with(ignore), "{}:{n}", f.display());
        }
    }
}
