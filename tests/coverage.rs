//! The rulebooks as a map of the law: what `rules` and `coverage` say, and that each of their findings can be provoked.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{copy, zhuize};
use std::fs;
use std::path::{Path, PathBuf};

fn json(args: &[&str]) -> (u8, serde_json::Value) {
    let d = zhuize(args);
    (d.code, serde_json::from_str(&d.out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{}{}", d.out, d.err)))
}

/// A copy of the rules without their golden cases.
fn rules() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    for e in fs::read_dir("rules").unwrap() {
        let from = e.unwrap().path();
        let name = from.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('_') || name == "examples" {
            continue;
        }
        fs::create_dir_all(rules.join(&name)).unwrap();
        for f in fs::read_dir(&from).unwrap() {
            let f = f.unwrap().path();
            if f.is_file() {
                fs::copy(&f, rules.join(&name).join(f.file_name().unwrap())).unwrap();
            }
        }
    }
    (dir, rules)
}

fn change(file: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(file).unwrap();
    assert!(before.contains(from), "{}: no {from}", file.display());
    fs::write(file, before.replacen(from, to, 1)).unwrap();
}

/// Exit code and findings of `coverage`, as code and message; without cases every encoded provision lacks one.
fn findings(rules: &Path) -> (u8, Vec<(String, String)>) {
    let (code, v) = json(&["--rules", rules.to_str().unwrap(), "--lang", "en", "coverage", "--format", "json"]);
    let text = |f: &serde_json::Value, k: &str| f[k].as_str().unwrap_or_default().to_owned();
    let list = v["findings"].as_array().unwrap().iter().map(|f| (text(f, "code"), text(f, "message")));
    (code, list.filter(|(c, _)| c != "E0423").collect())
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

#[test]
fn every_finding_can_be_provoked() {
    let (_dir, rules) = rules();
    assert_eq!(findings(&rules).1, []);
    let head = "//@ cite 13.3\n//@ cite 13\n";
    let outline = "zz-injury/outline.csv";
    let ordinary = "!heavier(c, p, i), !lenient(c, p, i).\n\n";
    let cases = [
        ("zz-injury/ch13_exemption.dl", head, "", "E0416", "exempt"),
        ("zz-injury/ch13_exemption.dl", head, "//@ cite 13.33\n", "E0415", "13.33"),
        ("zz-injury/rulebook.dl", "//@ cite 7\nassessable", "//@ cite 77\nassessable", "E0424", "77"),
        (
            "zz-injury/rulebook.dl",
            "strikes(\"zz-injury\", \"8.4s2\"",
            "strikes(\"zz-injury\", \"8.4s9\"",
            "E0424",
            "8.4s9",
        ),
        (outline, "1,purpose,none,declaratory", "1,purpose,none,encoded", "E0421", "`1` is encoded"),
        (outline, "\n9,", "\n9x,", "E0415", "`9`"),
        ("common/rulebook.dl", ".decl manifest", ".decl nowhere(x: symbol)\n.decl manifest", "E0425", "nowhere"),
        ("common/disposition.dl", ordinary, "!heavier(c, p, i).\n\n", "E0426", "ordinary"),
        (
            "common/conclusions.dl",
            "//@ verdict case person instrument",
            "//@ verdict case persn instrument",
            "E0427",
            "persn",
        ),
    ];
    for (file, from, to, code, part) in cases {
        let path = rules.join(file);
        let before = fs::read_to_string(&path).unwrap();
        change(&path, from, to);
        let (exit, found) = findings(&rules);
        assert_eq!(exit, 1, "{code} {found:?}");
        assert!(found.iter().any(|(c, m)| c == code && m.contains(part)), "{code} {part}: {found:?}");
        fs::write(&path, before).unwrap();
    }
    // A provision that is computed and called declaratory.
    let path = rules.join(outline);
    let line = fs::read_to_string(&path).unwrap().lines().find(|l| l.starts_with("9,")).unwrap().to_owned();
    let mut cells: Vec<String> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line.as_bytes())
        .records()
        .next()
        .unwrap()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    (cells[3], cells[6]) = ("declaratory".to_owned(), "nothing".to_owned());
    let mut w = csv::Writer::from_writer(Vec::new());
    w.write_record(&cells).unwrap();
    let new = String::from_utf8(w.into_inner().unwrap()).unwrap();
    change(&path, &line, new.trim_end());
    let (exit, found) = findings(&rules);
    assert!(exit == 1 && found.iter().any(|(c, m)| c == "E0422" && m.contains("`9`")), "{found:?}");
}

#[test]
fn firings_are_the_rows_of_the_conclusions() {
    let (code, v) = json(&["coverage", "facts/demo", "--as-of", "2025-06-30", "--format", "json"]);
    assert_eq!(code, 0);
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("out");
    assert_eq!(zhuize(&["-q", "run", "facts/demo", "--as-of", "2025-06-30", "-o", dir.to_str().unwrap()]).code, 0);
    let mut rows = 0;
    for e in fs::read_dir(&dir).unwrap() {
        let path = e.unwrap().path();
        if path.extension().is_none_or(|x| x != "csv") {
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        let at = |n: &str| header.iter().position(|h| h == n);
        if let (Some(i), Some(b)) = (at("instrument"), at("basis")) {
            rows +=
                reader.records().filter(|r| r.as_ref().is_ok_and(|r| &r[i] == "zz-injury" && &r[b] == "8.1")).count();
        }
    }
    let fired = |i: &str, c: &str| {
        let list = v["provisions"].as_array().unwrap();
        list.iter().find(|p| p["instrument"] == i && p["cite"] == c).unwrap()["fired"].as_u64().unwrap()
    };
    assert!(rows > 0);
    assert_eq!(fired("zz-injury", "8.1"), rows as u64);
    assert_eq!(fired("zz-injury", "1"), 0);
}

#[test]
fn a_provision_shows_what_stands_behind_it() {
    let d = zhuize(&["--lang", "en", "rules", "show", "zz-injury", "8.4"]);
    assert_eq!(d.code, 0, "{}", d.err);
    for part in ["zz-injury 8.4 ", "zz-injury 8.4s2 ", "ch08_allocation.dl:", "A13", "t04_reviewer_overrode", "{v}"] {
        assert!(d.out.contains(part), "{part}\n{}", d.out);
    }
    assert!(!d.out.contains("zz-injury 8.5"));
    let (code, v) = json(&["rules", "show", "zz-injury", "15", "--format", "json"]);
    assert_eq!(code, 0);
    let list = v["provisions"].as_array().unwrap();
    let cites: Vec<&str> = list.iter().map(|p| p["cite"].as_str().unwrap()).collect();
    assert_eq!(cites, ["15", "15.1", "15.2", "15.3", "15.4", "15.5"]);
    let names: Vec<&str> = list[1]["options"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    // Asked for by the rules themselves, and by the helpers that put a case into a year and a kind.
    assert!(names.contains(&"recurrence_applies_to"), "{names:?}");
    assert!(names.contains(&"same_kind") && names.contains(&"year_anchor"), "{names:?}");
    let (_, all) = json(&["rules", "--format", "json"]);
    let all = all["instruments"].as_array().unwrap();
    assert_eq!(all.len(), 6);
    let yy = all.iter().find(|i| i["instrument"] == "yy-lost").unwrap();
    assert_eq!((yy["valid_to"].as_str(), yy["provisions"].as_u64()), (Some("2024-12-15"), Some(41)));
    let sum: u64 = ["encoded", "assessment", "declaratory"].iter().map(|s| yy["status"][s].as_u64().unwrap()).sum();
    assert_eq!(sum, 41);
}

#[test]
fn what_does_not_exist_is_a_usage_error_with_a_suggestion() {
    for (args, part) in [
        (["zz-injry", "8"], "`zz-injury`"),
        (["zz-injury", "8.42"], "`8.4`"),
        (["zz-injury", "99"], "99"),
        (["nothing-like-it", "8"], "zz-wrong"),
    ] {
        let d = zhuize(&["--lang", "en", "rules", "show", args[0], args[1]]);
        assert_eq!(d.code, 2, "{args:?}");
        assert!(d.err.contains(part) && d.err.contains("E0603") && d.out.is_empty(), "{args:?}: {}", d.err);
    }
}

#[test]
fn texts_are_compared_with_the_outline() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    copy(Path::new("rules/common"), &rules.join("common"));
    copy(Path::new("rules/_template"), &rules.join("my-measure"));
    let texts = dir.path().join("texts");
    fs::create_dir_all(&texts).unwrap();
    // Made up, to the outline of the template: 5.2 is missing, 9 is too many, heads of 5 and 6 are not in the outline.
    let text = "某局行政败诉案件追责办法（样例）\n第一条 甲\n第二条 乙\n第三条 丙\n第四条 丁\n第五条 戊：\n（一）己\n\n第六条 庚：\n- (一) 辛\n- (二) 壬\n第七条 癸\n第八条 子\n第九条 丑\n";
    fs::write(texts.join("其他.txt"), text).unwrap();
    let (rules, texts) = (rules.to_str().unwrap(), texts.to_str().unwrap());
    let (code, v) = json(&["--rules", rules, "coverage", "--statutes", texts, "--format", "json"]);
    assert_eq!(code, 1);
    let found: Vec<String> = v["statutes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            format!(
                "{} {} {}",
                d["cite"].as_str().unwrap(),
                d["only_in"].as_str().unwrap(),
                d["place"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        found,
        ["5 text 其他.txt:6", "5.2 outline my-measure/outline.csv:7", "6 text 其他.txt:9", "9 text 其他.txt:14"]
    );
    let d = zhuize(&["--rules", rules, "--lang", "en", "rules", "show", "my-measure", "6.2", "--statutes", texts]);
    assert!(d.code == 0 && d.out.contains("壬") && !d.out.contains("辛"), "{}", d.out);
}
