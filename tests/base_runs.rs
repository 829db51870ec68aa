//! What runs over a casebase runs over a prepared one, and gives the same.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{demo, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

const DAY: &str = "2025-06-30";

fn zhuize(args: &[&str]) -> Output {
    common::process(args).output().unwrap()
}

#[test]
fn what_runs_over_a_casebase_runs_over_a_base() {
    let place = tempfile::tempdir().unwrap();
    let small = place.path().join("small");
    let (demo, out) = (demo(), small.to_str().unwrap().to_owned());
    let facts = demo.to_str().unwrap().to_owned();
    let base = place.path().join("base").to_str().unwrap().to_owned();
    assert!(zhuize(&["-q", "pack", &facts, "--as-of", DAY, "-o", &out]).status.success());
    // The same with nothing that is read whole.
    let large = ["-q", "pack", &facts, "--as-of", DAY, "-o", &base, "--whole-below", "0"];
    assert!(zhuize(&large).status.success());
    let commands: &[&[&str]] = &[
        &["run", "--patterns", "-o", "OUT"],
        &["run", "--shards", "5", "--option", "one_year=calendar", "-o", "OUT"],
        &["stats"],
        &["stats", "--format", "json", "--option", "same_kind=act_kind"],
        &["patterns"],
        &["check"],
        &["coverage"],
        &["export", "--to", "clingo", "-o", "OUT"],
        &["contrast", "--similar", "disposition(\"d01\",\"p001\",_,_)"],
        // Of a relation only what the rules of the question read is taken from a base.
        &["query", "liable(C,P,\"zz-injury\",B,_), participants(C,P,\"approver\",O,_), count by O"],
        &["query", "participants(C,P,\"approver\",_,_), !participants(C,_,\"handler\",_,_)"],
        &["query", "participants(C,P,\"approver\",_,_), participants(C,P,\"reviewer\",_,_)"],
        &["query", "participants(C,_,\"approver\",\"sj-gs\",_), count"],
        &["query", "participants(C,_,\"approver\",O,_), participants(C,_,R,\"sj-gs\",_), count by O, R"],
        &["query", "liable(_,P,_,_,_), count by P, limit 7"],
        &["query", "participants(C,_,\"principal_head\",_,_), liable(C,_,\"zz-injury\",_,_)"],
        &["query", "participants(C,_,\"approver\",\"nowhere\",_), liable(C,_,\"zz-injury\",_,_)"],
    ];
    for command in commands {
        let told = |casebase: &str, n: usize| {
            let out = place.path().join(format!("out{n}"));
            let out = out.to_str().unwrap();
            let mut args = vec![command[0], casebase];
            args.extend(command[1..].iter().map(|a| if *a == "OUT" { out } else { a }));
            args.extend(["--as-of", DAY]);
            let done = zhuize(&args);
            let said = [&done.stdout, &done.stderr].map(|b| text(b).replace(casebase, "CASES").replace(out, "OUT"));
            let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
            let entries = fs::read_dir(out).into_iter().flatten().map(|e| e.unwrap());
            for entry in entries.filter(|e| e.file_name() != "manifest.json") {
                files.insert(entry.file_name().into(), fs::read(entry.path()).unwrap());
            }
            let _ = fs::remove_dir_all(out).or_else(|_| fs::remove_file(out));
            (done.status.code(), said, files)
        };
        let want = told(&facts, 0);
        assert_eq!(want.0, Some(0), "{command:?}: {:?}", want.1);
        for base in [&out, &base] {
            let here = told(base, 1);
            assert_eq!((here.0, &here.1), (want.0, &want.1), "{command:?}");
            assert!(here.2 == want.2, "{command:?}: other files");
        }
    }
    // The day of the base holds where no other is named.
    let stats = |more: &[&str]| text(&zhuize(&[&["stats", &out], more].concat()).stdout);
    assert_eq!(stats(&[]), stats(&["--as-of", DAY]));
    // After a change it is the changed casebase, and what was derived before does not count.
    assert!(zhuize(&["-q", "update", &out, "--withdraw", "d61"]).status.success());
    let rows = |command: &[&str]| text(&zhuize(command).stdout).lines().filter(|l| l.contains("(d61)")).count();
    let (results, asked) = (place.path().join("results"), "disposition(C,P,I,S)");
    assert!(zhuize(&["-q", "run", &out, "-o", results.to_str().unwrap()]).status.success());
    assert!(!fs::read_to_string(results.join("disposition.csv")).unwrap().contains("d61,"));
    assert_eq!(rows(&["query", &out, asked]), 0);
    let manifest = results.join("manifest.json");
    let again = || zhuize(&["rerun", manifest.to_str().unwrap()]);
    assert!(again().status.success(), "{}", text(&again().stdout));
    assert!(zhuize(&["-q", "update", &out, "--withdraw", "d60"]).status.success());
    assert!(!again().status.success());
    let manifest = small.join("base.json");
    fs::write(&manifest, &fs::read(&manifest).unwrap()[9..]).unwrap();
    for command in ["run", "stats", "check"] {
        let done = zhuize(&[command, &out]);
        assert_eq!((done.status.code(), &text(&done.stderr)[..5]), (Some(4), "E0581"), "{command}");
    }
}
