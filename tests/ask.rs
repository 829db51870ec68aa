//! Questions about programs of the rule language: every folder of `tests/ask` has a `program.dl`, mostly a folder `facts`, and
//! `commands`, one a line (`{p}`, `{f}` and `{t}` stand for the program, the facts and a file of the test's own). What they
//! print, with exit codes, is recorded in `expected.txt`; `UPDATE_GOLDEN=1` records it anew: read the difference.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};

/// Words of a line; single quotes hold a word together.
fn words(line: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let (mut quoted, mut open) = (false, false);
    for c in line.chars() {
        match c {
            '\'' => {
                (quoted, open) = (
                    !quoted,
                    if open {
                        true
                    } else {
                        out.push(String::new());
                        true
                    },
                )
            }
            ' ' if !quoted => open = false,
            c => {
                if !open {
                    out.push(String::new());
                    open = true;
                }
                out.last_mut().unwrap().push(c);
            }
        }
    }
    out
}

fn check(folder: &Path) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let certificate = place.path().join("certificate.json").display().to_string();
    let at = |name: &str| folder.join(name).display().to_string();
    let mut got = String::new();
    for line in fs::read_to_string(folder.join("commands"))?.lines() {
        let filled = line.replace("{p}", &at("program.dl")).replace("{f}", &at("facts")).replace("{t}", &certificate);
        let mut args = words(&filled);
        if !line.starts_with("--lang") {
            args.splice(0..0, ["--lang".to_owned(), "en".to_owned()]);
        }
        let done = common::zhuize(&args.iter().map(String::as_str).collect::<Vec<_>>());
        got.push_str(&format!("$ {line}\n{}{}", done.out, done.err));
        if done.code != 0 {
            got.push_str(&format!("(exit code {})\n", done.code));
        }
        got.push('\n');
    }
    let path = folder.join("expected.txt");
    let want = fs::read_to_string(&path).unwrap_or_default();
    if want == got {
        return Ok(());
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &got)?;
        return Ok(());
    }
    let at = want.lines().zip(got.lines()).position(|(a, b)| a != b);
    let at = at.unwrap_or_else(|| want.lines().count().min(got.lines().count()));
    let show = |t: &str| t.lines().nth(at).unwrap_or("(end)").to_owned();
    Err(format!("{}:{}\n- {}\n+ {}", path.display(), at + 1, show(&want), show(&got)).into())
}

fn main() {
    let args = Arguments::from_args();
    let mut folders: Vec<PathBuf> = fs::read_dir("tests/ask").unwrap().map(|e| e.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 6, "only {} programs", folders.len());
    let trials = folders.into_iter().map(|f| Trial::test(f.display().to_string(), move || check(&f)));
    libtest_mimic::run(&args, trials.collect()).exit();
}
