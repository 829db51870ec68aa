//! Tables that contradict themselves: every relation marked `constraint` refuses the row that it is there for, at its line,
//! and leaves its lawful neighbour alone.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use std::fs;
use std::path::Path;

const DEMO: &str = "facts/demo";

/// Relation, table, a row that contradicts, a row that does not.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("contradictory_fault", "participants", "d03,p007,reviewer,sj-gs,none,x", "d03,p007,reviewer,sj-gs,intent,x"),
    (
        "contradictory_assessment",
        "assessments",
        "d08,p022,zz-injury,7,not_responsible,,x,x",
        "d08,p022,zz-injury,8.1,not_responsible,,x,x",
    ),
    (
        "contradictory_assessment",
        "assessments",
        "d30,p088,zz-injury,13.1,exemption_granted,,x,x\nd30,p088,zz-injury,13.1,exemption_refused,,x,x",
        "d30,p088,zz-injury,13.1,exemption_granted,,x,x\nd30,p088,zz-injury,13.2,exemption_refused,,x,x",
    ),
    (
        "contradictory_assessment",
        "assessments",
        "d30,p088,zz-injury,14.1,mitigation_granted,,x,x\nd30,p088,zz-injury,14.1,mitigation_refused,,x,x",
        "d30,p088,zz-injury,14.1,mitigation_granted,,x,x\nd30,p088,zz-injury,14.2,mitigation_refused,,x,x",
    ),
    (
        "assessment_without_person",
        "assessments",
        "d30,,zz-injury,13.1,exemption_granted,,x,x",
        "d30,,zz-injury,13.1,displaced_by_superior_rule,,x,x",
    ),
    (
        "recognised_for_person",
        "assessments",
        "d30,p088,zz-injury,6p1.7,recognized,,x,x",
        "d30,p088,zz-injury,13.5,recognized,,x,x",
    ),
    (
        "continued_without_date",
        "circumstances",
        "d30,,act_continued_until,,,x",
        "d30,,act_continued_until,2024-01-05,,x",
    ),
];

fn with(table: &str, rows: &str) -> common::Done {
    let dir = tempfile::tempdir().unwrap();
    for e in fs::read_dir(DEMO).unwrap() {
        let p = e.unwrap().path();
        fs::copy(&p, dir.path().join(p.file_name().unwrap())).unwrap();
    }
    let path = dir.path().join(format!("{table}.csv"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{rows}\n")).unwrap();
    zhuize(&["-q", "--lang", "en", "run", dir.path().to_str().unwrap(), "--as-of", "2025-06-30"])
}

#[test]
fn every_constraint_refuses_its_row() {
    for (relation, table, bad, good) in ROWS {
        let d = with(table, bad);
        assert_eq!((d.code, d.out.as_str()), (4, ""), "{relation}: {bad}\n{}", d.err);
        let last = fs::read_to_string(format!("{DEMO}/{table}.csv")).unwrap().lines().count() + bad.lines().count();
        assert!(d.err.contains("E0560") && d.err.contains(&format!("[{relation}]")), "{relation}: {}", d.err);
        assert!(d.err.contains(&format!("{table}.csv:{last}")), "{relation}, line {last}: {}", d.err);
        let d = with(table, good);
        assert_eq!(d.code, 0, "{relation}: {good}\n{}", d.err);
    }
    // None is forgotten here; the options' own stands in tests/cli.rs.
    let text = fs::read_to_string("rules/common/constraints.dl").unwrap();
    let mut declared = 0;
    for (i, line) in text.lines().enumerate() {
        if line == "//@ constraint" {
            let decl = text.lines().skip(i).find_map(|l| l.strip_prefix(".decl ")).unwrap();
            let name = decl.split('(').next().unwrap();
            assert!(name == "contradictory_option" || ROWS.iter().any(|r| r.0 == name), "{name} has no row here");
            declared += 1;
        }
    }
    assert!(declared > 5, "{declared}");
}

/// The tables of the demo casebase with the rows of these cases alone.
fn of_cases(dir: &Path, cases: &[&str]) {
    for e in fs::read_dir(DEMO).unwrap() {
        let path = e.unwrap().path();
        let Ok(mut file) = csv::Reader::from_path(&path) else { continue };
        let head = file.headers().unwrap().clone();
        let Some(at) = head.iter().position(|h| h == "case") else { continue };
        let mut out = csv::Writer::from_path(dir.join(path.file_name().unwrap())).unwrap();
        out.write_record(&head).unwrap();
        for row in file.records().map(|r| r.unwrap()).filter(|r| cases.contains(&&r[at])) {
            out.write_record(&row).unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn a_change_that_contradicts_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (base, more) = (place.path().join("base"), place.path().join("more"));
    let (dir, changes) = (base.to_str().unwrap(), more.to_str().unwrap());
    let packed = zhuize(&["-q", "pack", DEMO, "-o", dir, "--as-of", "2025-06-30"]);
    assert_eq!(packed.code, 0, "{}", packed.err);
    fs::create_dir(&more).unwrap();
    of_cases(&more, &["d03", "d08", "d30"]);
    let add = |table: &str, rows: &str| {
        let path = more.join(format!("{table}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{rows}\n")).unwrap();
        text.lines().count() + rows.lines().count()
    };
    let bad: Vec<_> = [0, 1, 4].map(|i| ROWS[i]).iter().map(|(r, t, bad, _)| (*r, *t, add(t, bad))).collect();
    let manifest = fs::read(base.join("base.json")).unwrap();
    let update = |threads: &str| zhuize(&["-q", "--lang", "en", "update", dir, changes, "--threads", threads]);
    let refused = update("1");
    assert_eq!((refused.code, refused.out.as_str()), (4, ""), "{}", refused.err);
    for (relation, table, line) in bad {
        let place = format!("{table}.csv:{line}");
        assert!(refused.err.contains(relation) && refused.err.contains(&place), "{relation}: {place}\n{}", refused.err);
    }
    assert_eq!(update("3").err, refused.err, "whoever finds it");
    assert_eq!(fs::read(base.join("base.json")).unwrap(), manifest, "nothing changed");
}
