//! The rulebooks as a map of the law: what `rules` and `coverage` say, and that each of their findings can be provoked.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

struct Done {
    code: u8,
    out: String,
    err: String,
}

fn zhuize(args: &[&str]) -> Done {
    let args: Vec<OsString> = std::iter::once("zhuize").chain(args.iter().copied()).map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = zhuize::cli::main(&args, &mut out, &mut err);
    Done { code, out: String::from_utf8_lossy(&out).into_owned(), err: String::from_utf8_lossy(&err).into_owned() }
}

fn json(args: &[&str]) -> (u8, serde_json::Value) {
    let d = zhuize(args);
    (d.code, serde_json::from_str(&d.out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{}{}", d.out, d.err)))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for e in fs::read_dir(from).unwrap() {
        let p = e.unwrap().path();
        let target = to.join(p.file_name().unwrap());
        if p.is_dir() {
            copy(&p, &target);
        } else {
            fs::copy(&p, &target).unwrap();
        }
    }
}

/// A rules folder of `common` and the template instrument, with its cases.
fn small() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    copy(Path::new("rules/common"), &rules.join("common"));
    copy(Path::new("rules/_template"), &rules.join("my-measure"));
    (dir, rules)
}

fn change(file: &Path, f: impl FnOnce(String) -> String) {
    let before = fs::read_to_string(file).unwrap();
    let after = f(before.clone());
    assert_ne!(before, after, "{} was not changed", file.display());
    fs::write(file, after).unwrap();
}

fn codes(rules: &Path) -> (u8, Vec<String>) {
    let (code, v) = json(&["--rules", rules.to_str().unwrap(), "--lang", "en", "coverage", "--format", "json"]);
    let list = v["findings"].as_array().unwrap();
    (code, list.iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn the_rulebooks_leave_nothing_out() {
    let d = zhuize(&["--lang", "en", "coverage"]);
    assert_eq!(d.code, 0, "{}{}", d.out, d.err);
    let (code, v) = json(&["coverage", "--format", "json"]);
    assert_eq!(code, 0);
    let provisions = v["provisions"].as_array().unwrap();
    assert!(provisions.len() >= 359, "{}", provisions.len());
    assert!(provisions.iter().all(|p| p["status"] != "encoded" || p["cases"].as_u64().unwrap() > 0));
}
