//! The page, Mermaid and GraphML: what comes from data stays text, whatever it looks like; the files are well formed.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use roxmltree::{Document, ParsingOptions};
use std::collections::BTreeSet;
use std::fs;

/// Things a name or a free text may hold to get out of its place.
const EVIL: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><svg onload=alert(2)>",
    "]]><img src=x onerror=alert(3)>",
    "</title></style></script><iframe src=javascript:alert(4)>",
    "javascript:alert(5)",
    "' onmouseover='alert(6)",
    "&#60;b&#62; {{x}} `click n0 href` #quot; --> end",
];

/// A casebase whose people, organisations and titles are called like that.
fn casebase() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for e in fs::read_dir("rules/zz-injury/cases/t01_joint_chain/facts").unwrap() {
        let p = e.unwrap().path();
        fs::copy(&p, dir.path().join(p.file_name().unwrap())).unwrap();
    }
    let cell = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
    let people: String = ["h1", "v1", "a1"].iter().zip(EVIL).map(|(p, e)| format!("{p},{}\n", cell(e))).collect();
    fs::write(dir.path().join("people.csv"), format!("person,name\n{people}")).unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    };
    change("organizations.csv", "Zhengzhou human-resources bureau", &cell(EVIL[3]));
    change("organizations.csv", "Work-injury section", &cell(EVIL[5]));
    change("cases.csv", "Case c1", &cell(EVIL[6]));
    let rulings = dir.path().join("rulings.csv");
    let text = fs::read_to_string(&rulings).unwrap();
    let mut lines = text.lines();
    let header = format!("{},source\n", lines.next().unwrap());
    let rows: String = lines.map(|l| format!("{l},{}\n", cell(&format!("{}\u{202e}{}", EVIL[4], EVIL[1])))).collect();
    fs::write(&rulings, header + &rows).unwrap();
    dir
}

fn ask(format: &str, lang: &str) -> String {
    let dir = casebase();
    let facts = dir.path().to_str().unwrap();
    let atom = "disposition(\"c1\",\"h1\",\"zz-injury\",_)";
    let d = zhuize(&["--lang", lang, "why", facts, "--as-of", "2025-06-30", atom, "--format", format]);
    assert_eq!(d.code, 0, "{}", d.err);
    d.out
}

const ELEMENTS: &str = "html head meta title style body main article h1 h2 h3 p section details summary span a cite ul li b \
                        code pre figure svg g text rect path circle script";

#[test]
fn the_page_holds_only_our_elements() {
    for lang in ["zh", "en"] {
        let page = ask("html", lang);
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let doc = Document::parse_with_options(&page, options).unwrap_or_else(|e| panic!("{e}"));
        let ours: BTreeSet<&str> = ELEMENTS.split_whitespace().collect();
        let mut ids = BTreeSet::new();
        for n in doc.descendants().filter(roxmltree::Node::is_element) {
            let name = n.tag_name().name();
            assert!(ours.contains(name), "<{name}>");
            for a in n.attributes() {
                assert!(!a.name().starts_with("on") && a.name() != "src", "{}={}", a.name(), a.value());
                if a.name() == "href" {
                    assert!(a.value().starts_with('#'), "{}", a.value());
                }
                if a.name() == "id" {
                    assert!(ids.insert(a.value().to_owned()), "id {} stands twice", a.value());
                }
            }
        }
        for n in doc.descendants().filter(|n| n.attribute("href").is_some()) {
            let to = &n.attribute("href").unwrap()[1..];
            assert!(ids.contains(to), "nothing is called {to}");
        }
        let scripts: Vec<_> = doc.descendants().filter(|n| n.tag_name().name() == "script").collect();
        assert_eq!(scripts.len(), 1);
        assert!(!scripts[0].text().unwrap().contains("alert"));
        let text: String = doc.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect();
        assert!(text.contains(EVIL[0]) && text.contains(EVIL[3]), "the names themselves are shown");
        assert!(!page.contains('\u{202e}'), "a mark that turns the direction of writing");
        let policy = doc.descendants().find(|n| n.attribute("http-equiv") == Some("Content-Security-Policy")).unwrap();
        assert!(policy.attribute("content").unwrap().starts_with("default-src 'none'"));
        // Most sentences lead to a box of the picture and most boxes back to a sentence.
        let count = |test: &dyn Fn(&roxmltree::Node<'_, '_>) -> bool| doc.descendants().filter(test).count();
        let says = count(&|n| n.attribute("class").is_some_and(|c| c.starts_with("say ")));
        let linked = count(&|n| n.attribute("class") == Some("to") && n.attribute("href").unwrap().starts_with("#n"));
        assert!(says > 20 && linked * 10 > says * 7, "{linked} of {says} sentences are linked");
        let back = count(&|n| n.tag_name().name() == "a" && n.attribute("href").is_some_and(|h| h.starts_with("#q")));
        assert!(back > 10, "{back} boxes lead back");
    }
}

#[test]
fn graphml_parses_and_its_edges_end_in_nodes() {
    let text = ask("graphml", "zh");
    let doc = Document::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let named = |name: &'static str| doc.descendants().filter(move |n| n.tag_name().name() == name);
    let keys: BTreeSet<&str> = named("key").filter_map(|n| n.attribute("id")).collect();
    let nodes: BTreeSet<&str> = named("node").filter_map(|n| n.attribute("id")).collect();
    assert!(nodes.len() > 20);
    for d in named("data") {
        assert!(keys.contains(d.attribute("key").unwrap()), "{:?}", d.attribute("key"));
    }
    let mut edges = 0;
    for e in named("edge") {
        edges += 1;
        assert!(nodes.contains(e.attribute("source").unwrap()) && nodes.contains(e.attribute("target").unwrap()));
    }
    assert!(edges >= nodes.len() - 1);
    let kinds: BTreeSet<&str> =
        named("data").filter(|d| d.attribute("key") == Some("kind")).filter_map(|d| d.text()).collect();
    assert!(kinds.contains("given") && kinds.contains("rule") && kinds.contains("absence"), "{kinds:?}");
}

#[test]
fn mermaid_labels_cannot_end_early() {
    let text = ask("mermaid", "en");
    assert!(text.starts_with("flowchart LR\n"));
    for line in text.lines().filter(|l| l.starts_with("  n") && l.contains('"')) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        let inner = line.split('"').nth(1).unwrap().replace("<br/>", "");
        assert!(!inner.contains(['<', '>', '&', '`', '{', '[']), "{line}");
    }
    let classes: BTreeSet<&str> = text.lines().filter_map(|l| l.rsplit_once(":::").map(|x| x.1)).collect();
    for c in classes {
        assert!(text.contains(&format!("classDef {c} ")), "{c}");
    }
}

#[test]
fn the_narrative_keeps_to_its_lines() {
    for lang in ["zh", "en"] {
        let text = ask("narrative", lang);
        assert!(!text.contains('\u{202e}') && text.lines().all(|l| !l.chars().any(char::is_control)), "{text}");
    }
}

#[test]
fn a_plain_program_is_told_plainly() {
    let words = |lang| {
        let text = ".decl parent(a: symbol, b: symbol)\n.decl away(a: symbol)\n.decl heir(a: symbol, b: symbol)\n\
            parent(\"ann\", \"bob\"). parent(\"bob\", \"dan\"). away(\"bob\").\n\
            heir(x, y) :- parent(x, y), !away(y).\nheir(x, y) :- parent(x, z), away(z), heir(z, y).\n";
        use zhuize::report::explain::{narrative, words::Plain};
        let file = zhuize::lang::program::SourceFile { name: "family.dl".into(), text: text.into() };
        let program = zhuize::lang::compile(vec![file]).program;
        let tell = |question: &str| {
            let goal = zhuize::lang::query::parse_atom(&program, question).unwrap();
            let facts = zhuize::engine::store::Database::new(&program);
            let e = zhuize::proof::explain(&program, &facts, &goal.into(), &narrative::options()).unwrap();
            narrative::render(&narrative::narrate(&e, &Plain { program: &program, language: lang }))
        };
        (tell("heir(ann, dan)"), tell("heir(ann, bob)"))
    };
    let (why, why_not) = words(zhuize::report::explain::words::Language::En);
    assert!(
        why.contains("heir(\"ann\", \"dan\") follows by rule heir#2 from parent(\"ann\", \"bob\"), away(\"bob\")"),
        "{why}"
    );
    assert!(why.contains("Not shown: away(\"dan\")"), "{why}");
    assert!(why_not.contains("Rule heir#1 lacks: away(\"bob\"), so it does not apply"), "{why_not}");
    let (why, _) = words(zhuize::report::explain::words::Language::Zh);
    assert!(why.contains("按规则heir#2得出heir(\"ann\", \"dan\")"), "{why}");
}
