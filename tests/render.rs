//! Explanations as tree, DOT, JSON and SVG: what is shown, what is hidden, what is escaped.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::sync::Arc;
use zhuize::engine::store::Database;
use zhuize::lang::program::{Program, SourceFile};
use zhuize::lang::query::parse_atom;
use zhuize::proof::{Explanation, Options, explain};
use zhuize::report::explain::tree::TreeOptions;
use zhuize::report::explain::view::{Detail, View};
use zhuize::report::explain::words::{Language, Plain};
use zhuize::report::explain::{dot, json, svg, tree};

const TEXT: &str = r#"
.decl parent(a: symbol, b: symbol)
.decl age(a: symbol, n: number)
.decl away(a: symbol)
//@ mute
.decl grown(a: symbol, n: number)
.decl old(a: symbol)
.decl heir(a: symbol, b: symbol)
.decl pair(a: symbol, b: symbol)
parent("ann", "bob"). parent("ann", "cid"). parent("bob", "dan").
age("ann", 70). age("bob", 40). age("cid", 17). age("dan", 20).
away("bob").
//@ mute
grown(x, n) :- age(x, n), n >= 18.
//@ id of-age
old(x) :- grown(x, _).
heir(x, y) :- parent(x, y), old(y), !away(y).
heir(x, y) :- parent(x, z), away(z), parent(z, y), old(y).
pair(x, y) :- heir(x, y), old(x), old(y).
"#;

fn program(text: &str) -> Program {
    let compiled = zhuize::lang::compile(vec![SourceFile { name: String::from("family.dl"), text: Arc::from(text) }]);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    compiled.program
}

fn why(program: &Program, question: &str, options: &Options) -> Explanation {
    let goal = parse_atom(program, question).expect("a question");
    explain(program, &Database::new(program), &goal.into(), options).expect("within limits")
}

fn draw(question: &str, detail: Detail, language: Language) -> String {
    let program = program(TEXT);
    let e = why(&program, question, &Options::default());
    let words = Plain { program: &program, language };
    tree::render(&View::of(&e, &words, detail), &TreeOptions::default())
}

#[test]
fn a_tree_shows_shared_proofs_once_and_hides_helpers() {
    let got = draw("pair(ann, dan)", Detail::Middle, Language::En);
    let want = r#"◆ pair("ann", "dan") [pair#1]
├─ ◆ heir("ann", "dan") [heir#2]
│  ├─ ● parent("ann", "bob")
│  ├─ ● away("bob")
│  ├─ ● parent("bob", "dan")
│  └─ ◆ [1] old("dan") [of-age]
│     ├─ ● age("dan", 20)
│     └─ ✓ 20 ≥ 18
├─ ◆ old("ann") [of-age]
│  ├─ ● age("ann", 70)
│  └─ ✓ 70 ≥ 18
└─ ◆ [1] old("dan") [of-age] (as shown above)
"#;
    assert_eq!(got, want);
    let short = draw("pair(ann, dan)", Detail::Short, Language::En);
    assert!(!short.contains('✓') && short.contains("heir"), "{short}");
    let full = draw("pair(ann, dan)", Detail::Full, Language::En);
    assert!(
        full.contains("grown(\"dan\", 20)") && full.contains("(family.dl:16)") && full.contains("{x=\"dan\"}"),
        "{full}"
    );
}

#[test]
fn a_tree_of_what_does_not_follow_shows_what_it_lacks() {
    let got = draw("heir(bob, cid)", Detail::Middle, Language::Zh);
    assert!(got.starts_with("○ 未见 heir(\"bob\", \"cid\")\n├─ § heir#1（1项满足，2项不满足）\n"), "{got}");
    assert!(got.contains("✗ 17 ≥ 18（差1）"), "{got}");
    let blocked = draw("heir(ann, bob)", Detail::Middle, Language::En);
    assert!(blocked.contains("✗ away(\"bob\") (this holds, which blocks the rule)"), "{blocked}");
}

#[test]
fn deep_proofs_go_on_at_the_margin() {
    let mut text = String::from(
        ".decl e(a: number, b: number)\n.decl p(a: number, b: number)\np(a, b) :- e(a, b).\np(a, c) :- e(a, b), p(b, c).\n",
    );
    for i in 0..40 {
        text.push_str(&format!("e({i}, {}).\n", i + 1));
    }
    let program = program(&text);
    let e = why(&program, "p(0, 40)", &Options::default());
    let view = View::of(&e, &Plain { program: &program, language: Language::En }, Detail::Middle);
    let got = tree::render(&view, &TreeOptions { width: 80, depth: 5 });
    assert_eq!(got.matches("(shown below)").count(), 40 / 6, "{got}");
    assert!(got.contains("\n◆ [1] p(5, 40)") || got.contains("\n◆ [1] p(6, 40)"), "{got}");
    assert_eq!(got.matches("● e(").count(), 40);
}

#[test]
fn what_comes_from_data_is_escaped() {
    let text = ".decl a(x: symbol)\n.decl b(x: symbol)\na(\"<b> & \\\"quoted\\\" \\\\ 中'\").\nb(x) :- a(x).\n";
    let program = program(text);
    let e = why(&program, "b(X)", &Options::default());
    let view = View::of(&e, &Plain { program: &program, language: Language::Zh }, Detail::Full);
    let picture = svg::render(&view, &svg::SvgOptions { title: "<script>".into(), ..Default::default() });
    assert!(!picture.contains("<b>") && !picture.contains("<script>") && !picture.contains(" & "), "{picture}");
    assert!(picture.contains("&lt;b&gt; &amp;"));
    let graph = dot::render(&view);
    for line in graph.lines().filter(|l| l.contains("label=")) {
        let inner = &line[line.find("label=\"").expect("a label") + 7..line.rfind("\"]").expect("its end")];
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            assert_ne!(c, '"', "an open quote in {line}");
            if c == '\\' {
                assert!(matches!(chars.next(), Some('"' | '\\' | 'n')), "{line}");
            }
        }
    }
    let file: serde_json::Value = serde_json::from_str(&json::render(&e, &view).expect("JSON")).expect("JSON");
    assert_eq!(file["nodes"][0]["values"][0], r#""<b> & \"quoted\" \\ 中'""#);
}

#[test]
fn json_has_a_version_and_edges_between_its_nodes() {
    let program = program(TEXT);
    let e = why(&program, "heir(X, Y)", &Options { alternatives: true, ..Options::default() });
    let view = View::of(&e, &Plain { program: &program, language: Language::En }, Detail::Full);
    let file: serde_json::Value = serde_json::from_str(&json::render(&e, &view).expect("JSON")).expect("JSON");
    assert_eq!((&file["format"], &file["version"]), (&"zhuize.explanation".into(), &2.into()));
    let ids: Vec<&str> = file["nodes"].as_array().expect("nodes").iter().filter_map(|n| n["id"].as_str()).collect();
    let edges = file["edges"].as_array().expect("edges");
    assert!(!edges.is_empty());
    for edge in edges {
        for end in ["from", "to"] {
            assert!(ids.contains(&edge[end].as_str().expect("an id")), "{edge}");
        }
    }
    assert_eq!(file["answers"].as_array().expect("answers").len(), 2);
}

#[test]
fn the_same_question_gives_the_same_bytes() {
    let program = program(TEXT);
    let make = || {
        let e = why(&program, "pair(X, Y)", &Options { alternatives: true, ..Options::default() });
        let view = View::of(&e, &Plain { program: &program, language: Language::Zh }, Detail::Full);
        (svg::render(&view, &svg::SvgOptions::default()), dot::render(&view), json::render(&e, &view).expect("JSON"))
    };
    assert_eq!(make(), make());
}
