//! What runs over a casebase runs over a prepared one, and gives the same.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{demo, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use zhuize::base::Base;
use zhuize::bulk::Request;
use zhuize::engine::Options;
use zhuize::query;
use zhuize::rulebook::{RuleTree, Rulebook};

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
    let rules = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // What is written besides is no conclusion of the base, nor is anything once rules or facts say more than the rulebook's.
    let inner = rules(
        "inner.dl",
        ".output is_liable\n.decl two(case: Case)\n.output two\ntwo(C) :- liable(C, P, _, _, _), liable(C, Q, _, _, _), P < Q.\n",
    );
    let fact = rules("fact.dl", "participants(\"d01\", \"p130\", \"reviewer\", \"sj\", \"none\").\n");
    let rule = rules(
        "rule.dl",
        "liable(C, P, \"zz-injury\", \"zz-injury 99\", \"primary\") :- participants(C, P, \"reviewer\", _, _).\n",
    );
    let commands: &[&[&str]] = &[
        &["query", "--program", "tests/query-rules.dl"],
        &["query", "--program", &inner],
        &["query", "--program", &inner, "two(C)"],
        &["query", "--program", &fact, "liable(\"d01\",P,_,_,_)"],
        &["query", "--program", &fact, "liable(_,P,_,_,_), count by P"],
        &["query", "--program", &rule, "liable(_,P,_,B,_), count by P, B"],
        &["query", "--program", &rule, "liable(\"d01\",P,_,B,_)"],
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

#[test]
fn a_table_of_many_blocks_is_read_by_threads() {
    let place = tempfile::tempdir().unwrap();
    let facts = place.path().join("facts");
    fs::create_dir(&facts).unwrap();
    let cases = |skip: &dyn Fn(u32) -> bool| {
        let mut cases = String::from("case,title,act_kind,domain,nominal_org,implementing_org,act_date\n");
        let mut people = String::from("case,person,role,org,fault\n");
        for i in (0..20_000).filter(|i| !skip(*i)) {
            let day = format!("2021-{:02}-{:02}", 1 + i % 11, 1 + i % 28);
            cases += &format!("c{i},,administrative_penalty,work_safety,o{},,{day}\n", i % 7);
            for (k, role) in ["handler", "approver"].iter().enumerate() {
                people += &format!("c{i},p{},{role},o{},\n", (i * 13 + k as u32 * 5) % 900, i % 7);
            }
        }
        fs::write(facts.join("cases.csv"), cases).unwrap();
        fs::write(facts.join("participants.csv"), people).unwrap();
    };
    cases(&|_| false);
    let people: String = (0..900).map(|i| format!("p{i},甲{i}\n")).collect();
    fs::write(facts.join("people.csv"), format!("person,name\n{people}")).unwrap();
    let orgs: String =
        (0..7).map(|i| format!("o{i},局{i},government_department,prefecture_city,,410100,,,\n")).collect();
    fs::write(
        facts.join("organizations.csv"),
        format!("org,name,kind,level,parent,region,domain,vertical_leadership,superior_dept\n{orgs}"),
    )
    .unwrap();
    fs::write(facts.join("conduct.csv"), "case,person,conduct,against,date,finding\n").unwrap();
    fs::write(facts.join("rulings.csv"), "case,forum,result,decided,effective_date,final\n").unwrap();
    let (facts, base) = (facts.to_str().unwrap(), place.path().join("base").to_str().unwrap().to_owned());
    let done = zhuize(&["-q", "pack", facts, "--as-of", DAY, "-o", &base, "--whole-below", "0"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // Rules that read a table each in a way of its own.
    let more = place.path().join("more.dl");
    let theirs = "cases(C, _, _, _, \"o3\", _, _, _, _, _, _, _)";
    let rules = format!(
        ".decl either(case: Case, person: Person)\n.output either\n\
         either(C, P) :- {theirs}, participants(C, P, \"handler\", _, _).\n\
         either(C, P) :- people(P, \"甲7\"), participants(C, P, _, _, _).\n\
         .decl both(case: Case, person: Person)\n.output both\n\
         both(C, P) :- {theirs}, people(P, \"甲7\"), participants(C, P, _, _, _).\n\
         .decl counted(case: Case, n: number)\n.output counted\n\
         counted(C, N) :- {theirs}, C < \"c11\", N = count : {{ participants(C, _, _, _, _) }}.\n"
    );
    fs::write(&more, rules).unwrap();
    let more = more.to_str().unwrap();
    let same = |what: &str| {
        let told = |casebase: &str| {
            let done = zhuize(&["query", casebase, "--program", more, "--as-of", DAY, "--format", "json"]);
            assert!(done.status.success(), "{}", text(&done.stderr));
            text(&done.stdout)
        };
        let want = told(facts);
        assert!(want.lines().count() > 3000, "{}", want.lines().count());
        let got = told(&base);
        let differing = got.lines().zip(want.lines()).find(|(a, b)| a != b);
        assert!(got == want, "{what}: {differing:?}");
        for asked in [
            "participants(C,P,R,O,_), count by O, R",
            "participants(C,P,\"approver\",O,_), count by P, order by count desc, limit 9",
            "participants(C,P,\"approver\",\"o3\",_), participants(C,Q,\"handler\",_,_), count by Q, limit 20",
            "cases(C,_,_,_,O,_,D,_,_,_,_,_), count by O, D",
            // What can be joined with few rows of a shorter table is all that is taken of a longer one.
            "cases(C,_,_,_,\"o3\",_,_,_,_,_,_,_), participants(C,P,\"handler\",_,_), count by P, limit 20",
            "cases(C,_,_,_,\"o3\",_,_,_,_,_,_,_), participants(C,P,R,_,_), people(P,N), count by N, R, limit 20",
            "cases(C,_,_,_,\"o3\",_,_,_,_,_,_,_), !participants(C,\"p5\",_,_,_), count",
            "people(P,\"甲7\"), participants(C,P,R,O,_), count by R, O",
            // Aggregates are put together from those of pieces, where the key stands in the answers and where it does not.
            "participants(C,P,R,O,_), count P, count C by O, R",
            "participants(C,P,_,_,_), count C, count P, count",
            "participants(_,P,R,O,_), count, count P by O",
            "participants(_,_,_,_,_), count",
            "participants(C,P,_,O,_), count by P, count > 44, order by count, P, show count",
            "participants(C,P,R,_,_), R in (handler, approver), count by R",
            "participants(C,P,R,_,_), R in (handler, reviewer), P in (p1, p2), show R, P",
            "cases(case=C, act_date=D, nominal_org=O), min D, max D, count, count D by O",
            "cases(case=C, act_date=D), min D, max D, count D",
            "cases(case=C, act_date=D, nominal_org=O), Y = year(D), X = Y - 2020, avg X, sum X by O",
            "participants(C,P,_,O,F), count F, count by O",
            "cases(case=C, act_date=D), Y = year(D), M = month(D), count by Y, M",
            "cases(case=C, act_date=D), participants(C,P,\"handler\",O,_), X = month(D), sum X, count C by O",
            "cases(case=C, nominal_org=O), participants(E,P,\"handler\",O,_), C < \"c10001\", E < \"c1001\", count by O",
            "people(P,\"甲7\"), participants(C,P,_,_,_), participants(C,Q,_,_,_), count by Q, limit 20",
            "people(P,\"甲7\"), !participants(_,P,\"approver\",\"o9\",_), participants(C,P,\"handler\",_,_), cases(C,_,_,_,O,_,_,_,_,_,_,_)",
        ] {
            let told = |casebase: &str, threads: &str| {
                let done = zhuize(&["query", casebase, asked, "--as-of", DAY, "--threads", threads]);
                assert!(done.status.success(), "{}", text(&done.stderr));
                text(&done.stdout)
            };
            let want = told(facts, "1");
            assert!(want.lines().count() > 3, "{want}");
            assert_eq!(told(&base, "1"), want, "{what}: {asked}");
            assert_eq!(told(&base, "3"), want, "{what}: {asked}");
        }
    };
    // A number that does not fit is said to be so in the same words.
    for asked in [
        "cases(case=C, act_date=D), X = year(D) * 1000, sum X",
        "cases(case=C, act_date=D), X = year(D) * 2000000, count by X",
    ] {
        let told = |casebase: &str| {
            let done = zhuize(&["query", casebase, asked, "--as-of", DAY]);
            assert!(done.stdout.is_empty());
            (done.status.code(), text(&done.stderr))
        };
        assert_eq!(told(&base), told(facts), "{asked}");
        assert_eq!(told(&base).0, Some(5));
    }
    same("packed");
    for (i, some) in [["c7", "c9999", "c10"], ["c12345", "c8", "c0"]].iter().enumerate() {
        let args: Vec<&str> = some.iter().flat_map(|c| ["--withdraw", c]).collect();
        assert!(zhuize(&[&["-q", "update", &base][..], &args].concat()).status.success());
        let gone: Vec<u32> = [7, 9999, 10, 12_345, 8, 0][..3 * (i + 1)].to_vec();
        cases(&|c| gone.contains(&c));
        same("changed");
    }
}

#[test]
fn questions_fall_apart_by_the_key() {
    let place = tempfile::tempdir().unwrap();
    let (facts, dir) = (demo(), place.path().join("base"));
    let args =
        ["-q", "pack", facts.to_str().unwrap(), "--as-of", DAY, "-o", dir.to_str().unwrap(), "--whole-below", "0"];
    assert!(zhuize(&args).status.success());
    let book = || Rulebook::load(&RuleTree::embedded()).rulebook.unwrap();
    for (asked, parts) in [
        ("participants(C,P,R,O,_), count by O", true),
        ("liable(C,P,I,B,_), !participants(C,P,\"approver\",_,_), count by B", true),
        ("liable(_,P,I,_,_), count by P", true),
        ("liable(C,P,I,B,_), participants(C,P,\"approver\",O,_), show P, O", true),
        ("people(P,N), participants(C,P,_,_,_), count by N", true),
        // Persons have a key of their own, of which there is no more here.
        ("people(P,N), count by N", true),
        // Rows of one case meet rows of another.
        ("participants(C,P,\"handler\",_,_), participants(E,P,\"approver\",_,_), count by P", false),
        ("participants(C,P,_,_,_), !participants(_,P,\"approver\",_,_), count by P", false),
        // Nothing large is denied of nothing large.
        ("organizations(org=O), !participants(_,_,_,O,_), count", false),
    ] {
        let compiled = query::compile(&book(), None, &[("q", asked)], zhuize::facts::Lang::En);
        assert!(!compiled.has_errors(), "{asked}: {:?}", compiled.diagnostics);
        let book = Rulebook { program: compiled.program, ..book() };
        let base = Base::open(&dir, &book, true).unwrap();
        let request = Request::new(&dir, zhuize::lang::date::parse_iso(DAY).unwrap());
        let a = &compiled.asked[0];
        let tallies: Vec<_> = a.tally.iter().collect();
        let found = base.found(&book, &request, &[a.rel], &tallies, &Options::default()).unwrap();
        assert_eq!(found.is_some(), parts, "{asked}");
    }
}
