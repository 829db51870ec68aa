//! `zhuize rerun`: a manifest proves that the same rules and tables give the same bytes at another place, and says what
//! differs when they do not.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{Done, copy, zhuize};
use std::fs;
use std::path::{Path, PathBuf};

const DEMO: &str = "facts/demo";

/// A casebase and the results of a run over it, in a folder of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new(more: &[&str]) -> Self {
        let p = Self(tempfile::tempdir().unwrap());
        copy(Path::new(DEMO), &p.facts());
        let (facts, out) = (p.facts(), p.0.path().join("结果 1"));
        let mut args = vec!["-q", "--lang", "en", "run", facts.to_str().unwrap(), "--as-of", "2025-06-30", "-o"];
        args.push(out.to_str().unwrap());
        args.extend(more);
        let d = zhuize(&args);
        assert_eq!(d.code, 0, "{}", d.err);
        p
    }

    fn facts(&self) -> PathBuf {
        self.0.path().join("案件 库")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join("结果 1").join(name)
    }

    fn again(&self, more: &[&str]) -> Done {
        let manifest = self.out("manifest.json");
        let mut args = vec!["--lang", "en", "rerun", manifest.to_str().unwrap()];
        args.extend(more);
        zhuize(&args)
    }

    fn change(path: &Path, change: impl Fn(String) -> String) {
        let text = fs::read_to_string(path).unwrap();
        let new = change(text.clone());
        assert_ne!(text, new, "{}", path.display());
        fs::write(path, new).unwrap();
    }
}

#[test]
fn the_same_bytes_at_another_place() {
    let (a, b) = (Place::new(&["--xlsx", "--patterns"]), Place::new(&["--threads", "2", "--xlsx", "--patterns"]));
    let manifest = fs::read_to_string(a.out("manifest.json")).unwrap();
    assert_eq!(manifest, fs::read_to_string(b.out("manifest.json")).unwrap());
    assert!(!manifest.contains(a.0.path().to_str().unwrap()), "{manifest}");
    let d = a.again(&[]);
    assert_eq!((d.code, d.err.as_str()), (0, ""), "{}", d.out);
    assert!(d.out.starts_with("The same: ") && d.out.contains("still beside the manifest"), "{}", d.out);
    // The manifest alone, in another folder; the casebase under another name.
    let elsewhere = tempfile::tempdir().unwrap();
    let alone = elsewhere.path().join("m.json");
    fs::write(&alone, &manifest).unwrap();
    let d = zhuize(&["rerun", alone.to_str().unwrap()]);
    assert!(d.code == 2 && d.err.contains("E0651") && d.err.contains("案件 库"), "{}", d.err);
    let kept = elsewhere.path().join("kept");
    let facts = b.facts();
    let moved = ["rerun", alone.to_str().unwrap(), "--facts", facts.to_str().unwrap(), "-o", kept.to_str().unwrap()];
    let d = zhuize(&moved);
    assert_eq!(d.code, 0, "{}{}", d.out, d.err);
    assert_eq!(fs::read(kept.join("liable.csv")).unwrap(), fs::read(a.out("liable.csv")).unwrap());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn options_are_of_the_manifest() {
    let p = Place::new(&["--if-established", "--assume-scope", "zz-injury", "--safe-csv"]);
    let d = p.again(&[]);
    assert_eq!(d.code, 0, "{}{}", d.out, d.err);
    Place::change(&p.out("manifest.json"), |t| t.replacen("2025-06-30", "2019-06-30", 1));
    let d = p.again(&[]);
    assert_eq!(d.code, 1, "another day gives other results: {}", d.out);
    assert!(d.out.contains("output ") && !d.out.contains("input "), "{}", d.out);
}

#[test]
fn one_byte_of_a_table() {
    let p = Place::new(&[]);
    Place::change(&p.facts().join("rulings.csv"), |t| t.replacen("quashed", "quashed ", 1));
    let d = p.again(&[]);
    assert_eq!(d.code, 1, "{}", d.out);
    assert!(d.out.contains("input rulings.csv: ") && !d.out.contains("output "), "{}", d.out);
    Place::change(&p.facts().join("rulings.csv"), |t| t.replacen("quashed ", "quashee", 1));
    let d = p.again(&[]);
    assert_eq!(d.code, 1, "{}", d.out);
    assert!(d.out.contains("input rulings.csv: ") && d.err.contains("E0526"), "{}{}", d.out, d.err);
    fs::copy(format!("{DEMO}/rulings.csv"), p.facts().join("rulings.csv")).unwrap();
    fs::remove_file(p.facts().join("circumstances.csv")).unwrap();
    let d = p.again(&[]);
    assert!(d.code == 1 && d.out.contains("input circumstances.csv: not there now"), "{}", d.out);
    assert!(d.out.contains("output liable.csv: ") && d.out.contains("\n  - "), "{}", d.out);
}

#[test]
fn one_byte_of_a_result() {
    let p = Place::new(&[]);
    Place::change(&p.out("liable.csv"), |t| t.replacen('1', "2", 1));
    let d = p.again(&[]);
    assert_eq!(d.code, 1, "{}", d.out);
    assert!(d.out.starts_with("file beside the manifest liable.csv: changed"), "{}", d.out);
    assert_eq!(d.out.lines().count(), 1, "{}", d.out);
    // The hash in the manifest itself.
    let p = Place::new(&[]);
    Place::change(&p.out("manifest.json"), |t| {
        let at = t.rfind("blake3").unwrap();
        format!("{}{}", &t[..at], t[at..].replacen(|c: char| c.is_ascii_digit() && c != '3', "3", 1))
    });
    let d = p.again(&[]);
    assert!(d.code == 1 && d.out.contains("output ") && d.out.contains("changed since"), "{}", d.out);
    // Something else that the manifest says.
    let p = Place::new(&[]);
    Place::change(&p.out("manifest.json"), |t| t.replacen("\"rejected_rows\": 0", "\"rejected_rows\": 1", 1));
    let d = p.again(&[]);
    assert!(d.code == 1 && d.out == "manifest rejected_rows: says something else\n", "{}", d.out);
}

#[test]
fn one_byte_of_the_rules() {
    let p = Place::new(&[]);
    let rules = p.0.path().join("rules");
    copy(Path::new("rules"), &rules);
    let with = |p: &Place| {
        let manifest = p.out("manifest.json");
        zhuize(&["--lang", "en", "--rules", rules.to_str().unwrap(), "rerun", manifest.to_str().unwrap()])
    };
    let d = with(&p);
    assert_eq!(d.code, 0, "the same rules from a folder: {}{}", d.out, d.err);
    Place::change(&rules.join("common/deadline.dl"), |t| format!("{t}\n"));
    let d = with(&p);
    assert_eq!(d.code, 1);
    assert!(d.out.starts_with("rules common/deadline.dl: ") && d.out.lines().count() == 1, "{}", d.out);
    assert!(d.err.contains("--rules DIR"), "{}", d.err);
}

#[test]
fn what_is_no_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manifest.json");
    for text in ["", "{}", "[1]", "{\"program\": \"other\"}"] {
        fs::write(&path, text).unwrap();
        let d = zhuize(&["--lang", "en", "rerun", path.to_str().unwrap()]);
        assert!(d.code == 4 && d.err.contains("E0650") && d.out.is_empty(), "{text}: {}", d.err);
    }
    let d = zhuize(&["rerun", dir.path().join("none").to_str().unwrap()]);
    assert!(d.code == 4 && d.err.contains("E0650"), "{}", d.err);
    // A later layout is not guessed at.
    let p = Place::new(&[]);
    Place::change(&p.out("manifest.json"), |t| t.replacen("\"format\": 2", "\"format\": 3", 1));
    let d = p.again(&[]);
    assert!(d.code == 4 && d.err.contains("E0650") && d.err.contains("format 3"), "{}", d.err);
    // An earlier one says less, and is read.
    Place::change(&p.out("manifest.json"), |t| {
        let mut m: serde_json::Value = serde_json::from_str(&t).unwrap();
        let m = m.as_object_mut().unwrap();
        m.insert("format".into(), 1.into());
        m.retain(|k, _| !["facts", "form"].contains(&k.as_str()));
        serde_json::to_string(m).unwrap()
    });
    let facts = p.facts();
    let d = p.again(&["--facts", facts.to_str().unwrap()]);
    assert_eq!(d.code, 0, "{}{}", d.out, d.err);
}

#[test]
fn a_name_in_the_manifest_leads_nowhere_else() {
    let p = Place::new(&[]);
    let own = fs::read(p.out("liable.csv")).unwrap();
    fs::write(p.0.path().join("liable.csv"), own).unwrap();
    Place::change(&p.out("manifest.json"), |t| t.replacen("\"liable.csv\"", "\"../liable.csv\"", 1));
    Place::change(&p.out("manifest.json"), |t| t.replacen("\"version\": \"", "\"version\": \"\\u001b[2J", 1));
    let d = p.again(&[]);
    assert_eq!(d.code, 1);
    assert!(d.out.contains("output ../liable.csv: not written now"), "{}", d.out);
    assert!(!d.out.contains('\u{1b}'), "{}", d.out);
}
