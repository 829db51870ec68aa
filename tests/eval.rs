//! `zhuize eval` by its files: each folder of `tests/eval` is a program with what it reads and all that it writes.
//!
//! `program.dl`, `facts/`, `stdin` and `args` (one a line) are given; `out/` holds every file written, `stdout` and `stderr` what
//! is printed, `code` the exit code if it is not 0. `UPDATE_GOLDEN=1` writes the answers anew.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeMap::new() };
    let paths = entries.map(|e| e.unwrap().path());
    paths.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&p).unwrap())).collect()
}

/// All that a run leaves behind, by name.
fn run(case: &Path) -> BTreeMap<String, Vec<u8>> {
    let out = tempfile::tempdir().unwrap();
    let text = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhuize"));
    // Relative names, so that messages do not name this machine's folders.
    command.current_dir(case).args(["--lang", "en", "eval", "program.dl", "-F", "facts"]).args(text("args").lines());
    if !text("args").lines().any(|a| a == "-D") {
        command.arg("-D").arg(out.path());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(text("stdin").as_bytes());
    let done = child.wait_with_output().unwrap();
    let mut found: BTreeMap<String, Vec<u8>> =
        files(out.path()).into_iter().map(|(name, bytes)| (format!("out/{name}"), bytes)).collect();
    let mut printed = |name: &str, bytes: Vec<u8>| {
        if !bytes.is_empty() {
            found.insert(name.to_owned(), bytes);
        }
    };
    printed("stdout", done.stdout);
    printed("stderr", done.stderr);
    match done.status.code() {
        Some(0) => {}
        code => printed("code", format!("{}\n", code.unwrap_or(-1)).into_bytes()),
    }
    found
}

fn expected(case: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut want: BTreeMap<String, Vec<u8>> =
        files(&case.join("out")).into_iter().map(|(name, bytes)| (format!("out/{name}"), bytes)).collect();
    for name in ["stdout", "stderr", "code"] {
        if let Ok(bytes) = fs::read(case.join(name)) {
            want.insert(name.to_owned(), bytes);
        }
    }
    want
}

#[test]
fn programs_read_and_write_files_as_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    let mut wrong = Vec::new();
    for case in &cases {
        let (found, want) = (run(case), expected(case));
        if found == want {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            want.keys().for_each(|name| fs::remove_file(case.join(name)).unwrap());
            for (name, bytes) in &found {
                let path = case.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            continue;
        }
        let names: std::collections::BTreeSet<&String> = found.keys().chain(want.keys()).collect();
        for name in names.into_iter().filter(|n| found.get(*n) != want.get(*n)) {
            let shown = |m: &BTreeMap<String, Vec<u8>>| {
                m.get(name).map_or("(nothing)".into(), |b| String::from_utf8_lossy(b).into_owned())
            };
            wrong.push(format!(
                "{}/{name}\n--- expected\n{}\n--- found\n{}",
                case.display(),
                shown(&want),
                shown(&found)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(cases.len() >= 8, "only {} cases", cases.len());
}
