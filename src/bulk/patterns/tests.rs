//! Where skeletons end, and that shards do not matter.

#![allow(clippy::unwrap_used)] // tests may fail loudly

use super::{Pattern, Wanted};
use crate::bulk::{self, How, Next, Request};
use crate::rulebook::{RuleFile, RuleTree, Rulebook};

const RULES: &str = "
.type Case <: symbol
.type Who <: symbol
//@ input
//@ key case who
.decl seen(case: Case, who: Who, times: number)
.input seen
.decl fault(case: Case, who: Who)
fault(c, w) :- seen(c, w, n), n > 1.
fault(c, w) :- seen(c, w, 1).
//@ END
.decl held(case: Case, who: Who)
held(c, w) :- fault(c, w).
.decl again(case: Case, who: Who)
again(c, w) :- held(c, w), held(d, w), c != d.
.decl often(case: Case, who: Who, what: symbol)
often(c, w, \"twice\") :- again(c, w), held(d, w), c != d.
often(c, w, \"twice\") :- again(c, w), seen(d, w, 1), c != d.
often(c, w, \"here\") :- seen(c, w, n), n > 1.
.decl state(case: Case, who: Who, what: symbol)
.output state
state(c, w, \"again\") :- held(c, w), again(c, w), often(c, w, \"twice\").
state(c, w, \"once\") :- held(c, w), !again(c, w).
state(c, w, \"here\") :- often(c, w, \"here\").
";

const SEEN: &str = "case,who,times\nc1,ann,1\nc2,ann,2\nc3,bob,1\nc4,cid,3\nc5,dan,1\n";

fn found(rules: &str, shards: usize) -> Vec<(usize, String)> {
    let files = vec![RuleFile { path: "main.dl".into(), bytes: rules.as_bytes().to_vec() }];
    let loaded = Rulebook::load(&RuleTree { files, cases: Vec::new() });
    let book = loaded.rulebook.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    let facts = tempfile::tempdir().unwrap();
    std::fs::write(facts.path().join("seen.csv"), SEEN).unwrap();
    let request = Request::new(facts.path(), 20_000);
    let rel = book.program.relation("state").unwrap();
    let how = How { shards, patterns: Some(Wanted { rel, entity: 0, keep: None }) };
    let run = bulk::stream(&book, &request, &how, |_| {}, &|_| (), |()| Next::On).unwrap();
    let rule = |r: &crate::lang::program::RuleId| book.rules[r.index()].id.clone();
    let line = |p: &Pattern| (p.count, p.rules.iter().map(rule).collect::<Vec<_>>().join(" "));
    run.patterns.iter().flat_map(|(_, found)| found).map(line).collect()
}

#[test]
fn skeletons_end_where_an_entity_ends_and_where_a_short_explanation_ends() {
    let short = RULES.replace("//@ END", "//@ leaf short");
    let want = vec![
        (2, "state#1 again#1 held#1".to_owned()),
        (2, "state#3 often#3".to_owned()),
        (3, "state#2 held#1".to_owned()),
    ];
    for shards in [1, 2, 5] {
        let mut got = found(&short, shards);
        got.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        // `again` is told by its rule, `often` of other cases by nothing: two rules may have given it.
        assert_eq!(got, want, "{shards} shards");
    }
    // Without that end, what `held` rests on is told.
    let mut got = found(&RULES.replace("//@ END", ""), 1);
    got.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let lines: Vec<&str> = got.iter().map(|(_, rules)| rules.as_str()).collect();
    assert_eq!(
        lines,
        [
            "state#1 again#1 held#1 fault#1",
            "state#1 again#1 held#1 fault#2",
            "state#2 held#1 fault#1",
            "state#2 held#1 fault#2",
            "state#3 often#3",
        ]
    );
    for shards in [2, 5] {
        let mut other = found(&RULES.replace("//@ END", ""), shards);
        other.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        assert_eq!(other, got, "{shards} shards");
    }
}
