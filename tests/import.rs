//! Foreign tables through the shipped mappings: what comes through loads and runs, what does not is accounted for row by row.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn import(mapping: &str, source: &Path, out: &Path, more: &[&str]) -> common::Done {
    let mut args = vec!["--lang", "en", "import", mapping, source.to_str().unwrap(), "-o", out.to_str().unwrap()];
    args.extend(more);
    zhuize(&args)
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let all = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    all.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&p).unwrap())).collect()
}

/// Imports, checks and runs; gives what was printed and the files.
fn whole(name: &str) -> (String, BTreeMap<String, String>) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("facts");
    let mapping = format!("facts/mappings/{name}.toml");
    let source = format!("facts/samples/{name}.csv");
    let d = import(&mapping, Path::new(&source), &out, &[]);
    assert_eq!(d.code, 0, "{}{}", d.err, d.out);
    let facts = out.to_str().unwrap();
    let check = zhuize(&["--lang", "en", "check", facts, "--as-of", "2025-06-30"]);
    assert_eq!(check.code, 0, "{}", check.err);
    assert!(!check.err.contains("W0510"), "{}", check.err);
    let results = dir.path().join("results");
    let run = zhuize(&["run", facts, "--as-of", "2025-06-30", "-o", results.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    // The same from GBK, packed, and from several threads' worth of other forms of the same rows.
    let bytes = fs::read_to_string(&source).unwrap();
    let (gbk, _, unmapped) = encoding_rs::GB18030.encode(&bytes);
    assert!(!unmapped);
    let other = dir.path().join(format!("{name}.csv"));
    fs::write(&other, gbk).unwrap();
    let again = dir.path().join("again");
    assert_eq!(import(&mapping, &other, &again, &[]).code, 0);
    assert_eq!(files(&again), files(&out));
    // Nothing is lost: every line of the source is the source of a row, or handed back, or says what another line says.
    let strict = import(&mapping, Path::new(&source), &dir.path().join("strict"), &["--strict"]);
    assert_eq!(strict.code, 1, "{}", strict.out);
    assert!(!dir.path().join("strict").exists());
    (d.out, files(&out))
}

#[test]
fn published_judgments() {
    let (said, f) = whole("judgments");
    for want in [
        "Read judgments.csv: 4 rows",
        "cases.csv: 3 rows",
        "Not mapped to cases.act_kind (from 案由): 1 values in 1 cells",
        "土地征收  judgments.csv:4",
        "Not mapped to organizations.region (from 所属地区): 1 values in 1 cells",
        "Columns not used: 法院, 案件类型, 公开日期, 法律依据",
        "rows handed back: see unmapped.csv",
    ] {
        assert!(said.contains(want), "{want}\n{said}");
    }
    assert!(f["cases.csv"].contains("(2021)豫0105行初13号,甲诉市人社局工伤认定案（示例）,work_injury_recognition,human_resources_social_security,org-"), "{}", f["cases.csv"]);
    let rulings = &f["rulings.csv"];
    for want in [
        "(2021)豫0105行初13号,court,quashed,2021-09-08,2021-09-26,,",
        "(2021)豫0105行初13号,court,ordered_to_remake,2021-09-08,2021-09-26,,",
        "(2021)豫01行终77号,court,upheld,2021-11-17,2021-11-17,yes,",
        "(2020)豫0105行初5号,court,quashed,2020-06-30,2020-07-20,,",
    ] {
        assert!(rulings.contains(want), "{want}\n{rulings}");
    }
    assert!(f["grounds.csv"].contains("(2021)豫0105行初13号,procedural_violation"));
    assert_eq!(f["organizations.csv"].lines().count(), 3, "one row for one body: {}", f["organizations.csv"]);
    let lost = &f["unmapped.csv"];
    assert!(
        lost.contains("judgments.csv,4,cases,") && lost.contains("blank where a value must stand: act_kind, act_date"),
        "{lost}"
    );
    assert!(f["import.json"].contains("\"rows_handed_back\""));
    assert!(f["participants.csv"].lines().count() == 1 && f["conduct.csv"].lines().count() == 1);
}

#[test]
fn published_penalties() {
    let (said, f) = whole("penalties");
    assert!(said.contains("Not mapped to cases.act_date (from CF_JDRQ|处罚决定日期): 1 values in 1 cells\n       1  05/06/2021  penalties.csv:5"), "{said}");
    assert!(said.contains("114****00000000003K  penalties.csv:6"), "{said}");
    let cases = &f["cases.csv"];
    assert!(
        cases.contains("示应急罚(2021)7号,示例化工厂：未按规定培训,administrative_penalty,emergency_management,org-"),
        "{cases}"
    );
    assert_eq!(cases.lines().count(), 1 + 2, "{cases}");
    assert!(f["organizations.csv"].contains(",411303,emergency_management,"), "{}", f["organizations.csv"]);
    let lost = &f["unmapped.csv"];
    assert!(lost.contains("penalties.csv,6,cases,") && lost.contains("was not imported into organizations"), "{lost}");
    assert!(lost.contains("penalties.csv,5,cases,") && lost.contains("penalties.csv,6,organizations,"), "{lost}");
}

#[test]
fn several_rows_of_one_and_errors_of_a_mapping() {
    let dir = tempfile::tempdir().unwrap();
    let (mapping, source, out) = (dir.path().join("m.toml"), dir.path().join("s.tsv"), dir.path().join("out"));
    fs::write(
        &mapping,
        "[[table]]\nto = \"people\"\nwhen = { from = \"承办人\", regex = \".\" }\neach = { from = \"承办人\", split = \"[、,]\" }\n\
         [table.columns]\nperson = { from = [\"each\", \"单位\"], key = \"p\" }\nname = \"each\"\n\
         [[table]]\nto = \"compensation\"\nwhen = { from = \"万元\", regex = \".\" }\n[table.columns]\ncase = \"案号\"\n\
         amount = { from = \"万元\", times = 10000 }\npaid_date = \"日期\"\n",
    )
    .unwrap();
    fs::write(&source, "案号\t承办人\t单位\t万元\t日期\nc1\t甲、乙\tx\t1.25\t2021.3.5\nc2\t甲\tx\t\t\nc3\t甲\ty\t多\t2021-1-1\nc4\t\t\t\t\n").unwrap();
    let d = import(mapping.to_str().unwrap(), &source, &out, &[]);
    assert_eq!(d.code, 0, "{}", d.err);
    let f = files(&out);
    assert_eq!(f["people.csv"].lines().count(), 1 + 3, "{}", f["people.csv"]);
    assert!(f["compensation.csv"].contains("\nc1,12500,2021-03-05,s.tsv:2"), "{}", f["compensation.csv"]);
    assert!(
        f["unmapped.csv"].contains("s.tsv,4,compensation,") && f["unmapped.csv"].contains("s.tsv,5,,"),
        "{}",
        f["unmapped.csv"]
    );
    fs::write(&mapping, "[[table]]\nto = \"poeple\"\n").unwrap();
    let d = import(mapping.to_str().unwrap(), &source, &out, &[]);
    assert_eq!(d.code, 2);
    assert!(d.err.contains("[E0574] there is no table poeple; did you mean people?"), "{}", d.err);
    assert_eq!(import("facts/mappings/penalties.toml", &dir.path().join("none.csv"), &out, &[]).code, 4);
}
