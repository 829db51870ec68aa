//! An explanation as one self-contained page: the narrative on the left, the picture on the right, each sentence linked to its
//! node, its provision, its rule and its row. Works without script; the script only highlights. Prints on A4.

use super::markup::escape;
use super::narrative::{Narrative, Paragraph, Sentence, numbered};
use super::svg::{self, SvgOptions};
use super::view::View;
use super::words::Language;
use crate::proof::Explanation;
use petgraph::Direction;
use petgraph::graph::NodeIndex;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Write as _;

/// Most nodes drawn.
const DRAWN: usize = 400;

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");

/// What stands beside the narrative.
#[derive(Clone, Debug, Default)]
pub struct PageOptions {
    /// Lines below the title, such as the casebase, the day and the version.
    pub about: Vec<String>,
}

/// Writes the page.
#[must_use]
pub fn render(explanation: &Explanation, view: &View, narrative: &Narrative, options: &PageOptions) -> String {
    let language = narrative.language;
    let drawn: HashSet<usize> = view.nodes.iter().map(|n| n.id).collect();
    let mut page = Page { explanation, narrative, drawn, out: String::new(), number: 0, told: BTreeMap::new() };
    let title = escape(&narrative.title);
    let _ = writeln!(
        page.out,
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<article>\n<h1>{title}</h1>",
        language.pick("zh-CN", "en")
    );
    for line in &options.about {
        let _ = writeln!(page.out, "<p class=\"about\">{}</p>", escape(line));
    }
    page.sections();
    page.appendix();
    page.out.push_str("</article>\n<figure>\n");
    let links = page.told.iter().map(|(node, sentence)| (*node, format!("#q{sentence}"))).collect();
    let picture = svg::render(view, &SvgOptions { title: String::new(), most_nodes: DRAWN, links });
    page.out.push_str(&picture);
    let _ = writeln!(page.out, "</figure>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>");
    page.out
}

struct Page<'a> {
    explanation: &'a Explanation,
    narrative: &'a Narrative,
    drawn: HashSet<usize>,
    out: String,
    /// Sentences written.
    number: usize,
    /// First sentence of each drawn node.
    told: BTreeMap<usize, usize>,
}

impl Page<'_> {
    fn sections(&mut self) {
        let narrative = self.narrative;
        for (i, section) in narrative.sections.iter().enumerate() {
            let heading = escape(&numbered(i, &section.heading, narrative.language));
            let _ = writeln!(
                self.out,
                "<section class=\"part-{}\"><details open=\"open\"><summary><h2>{heading}</h2></summary>",
                section.name
            );
            for p in &section.paragraphs {
                self.paragraph(p);
            }
            self.out.push_str("</details></section>\n");
        }
        for note in &narrative.notes {
            let _ = writeln!(self.out, "<p class=\"remark\">{}</p>", escape(note));
        }
    }

    fn paragraph(&mut self, p: &Paragraph) {
        if let Some(h) = &p.heading {
            let _ = writeln!(self.out, "<h3>{}</h3>", escape(h));
        }
        if !p.sentences.is_empty() {
            self.out.push_str("<p>");
            for (i, s) in p.sentences.iter().enumerate() {
                if i > 0 {
                    self.out.push_str(self.narrative.language.pick("", " "));
                }
                let opens = i + 1 == p.sentences.len() && !p.items.is_empty();
                self.sentence(s, opens);
            }
            self.out.push_str("</p>\n");
        }
        if !p.items.is_empty() {
            self.out.push_str("<ul>\n");
            for s in &p.items {
                self.out.push_str("<li>");
                self.sentence(s, false);
                self.out.push_str("</li>\n");
            }
            self.out.push_str("</ul>\n");
        }
    }

    /// The nodes of the picture that a sentence speaks of; what is not drawn gives way to the nearest node above it.
    fn nodes(&self, s: &Sentence) -> Vec<usize> {
        let graph = &self.explanation.graph;
        let mut out = Vec::new();
        for n in &s.nodes {
            let mut seen = HashSet::from([*n]);
            let mut queue = VecDeque::from([*n]);
            while let Some(at) = queue.pop_front() {
                if self.drawn.contains(&at) {
                    if !out.contains(&at) {
                        out.push(at);
                    }
                    break;
                }
                let mut above: Vec<usize> =
                    graph.neighbors_directed(NodeIndex::new(at), Direction::Incoming).map(NodeIndex::index).collect();
                above.sort_unstable();
                queue.extend(above.into_iter().filter(|a| seen.insert(*a)));
            }
        }
        out
    }

    /// A sentence; one that opens a list ends with a colon.
    fn sentence(&mut self, s: &Sentence, opens: bool) {
        let narrative = self.narrative;
        let language = narrative.language;
        let nodes = self.nodes(s);
        let number = self.number;
        self.number += 1;
        for n in &nodes {
            self.told.entry(*n).or_insert(number);
        }
        let list: Vec<String> = nodes.iter().map(|n| format!("n{n}")).collect();
        let _ =
            write!(self.out, "<span class=\"say {}\" id=\"q{number}\" data-n=\"{}\">", s.tone.name(), list.join(" "));
        if let Some(at) = s.about {
            let _ = write!(self.out, "<a class=\"law\" href=\"#p{at}\">{}</a>", escape(&narrative.about(s)));
            self.out.push_str(&escape(&s.text));
        } else {
            self.out.push_str(&escape(&s.opening(language)));
        }
        let (open, close) = language.pick("（ ）", " ( )").rsplit_once(' ').unwrap_or(("(", ")"));
        if !s.provisions.is_empty() {
            let named: Vec<String> = s
                .provisions
                .iter()
                .map(|p| format!("<a class=\"law\" href=\"#p{p}\">{}</a>", escape(&narrative.provision(*p))))
                .collect();
            let _ = write!(self.out, "{open}{}{close}", named.join(language.pick("、", ", ")));
        }
        if !s.sources.is_empty() {
            let _ = write!(self.out, "<cite>[{}]</cite>", escape(&s.sources.join("; ")));
        }
        self.out.push_str(if opens { language.pick("：", ":") } else { language.pick("。", ".") });
        if let Some(first) = nodes.first() {
            let title = language.pick("图中所在", "in the picture");
            let _ = write!(self.out, "<a class=\"to\" href=\"#n{first}\" title=\"{title}\">◇</a>");
        }
        if let Some(r) = s.rule {
            let title = language.pick("规则原文", "text of the rule");
            let _ = write!(self.out, "<a class=\"to\" href=\"#r{r}\" title=\"{title}\">§</a>");
        }
        self.out.push_str("</span>");
    }

    fn appendix(&mut self) {
        let n = self.narrative;
        let language = n.language;
        if !n.provisions.is_empty() {
            let heading = language.pick("附：所涉条款（摘要）", "Provisions named (in short)");
            let _ = writeln!(
                self.out,
                "<section class=\"apx\"><details open=\"open\"><summary><h2>{heading}</h2></summary><ul>"
            );
            for (i, p) in n.provisions.iter().enumerate() {
                let name = match language {
                    Language::Zh => format!("《{}》的{}", p.instrument, p.text),
                    Language::En => format!("{} {}", p.instrument, p.text),
                };
                let colon = if p.gist.is_empty() { "" } else { language.pick("：", ": ") };
                let _ = writeln!(
                    self.out,
                    "<li id=\"p{i}\"><b>{}</b>{colon}{} <code>{}</code></li>",
                    escape(&name),
                    escape(&p.gist),
                    escape(&p.key)
                );
            }
            self.out.push_str("</ul></details></section>\n");
        }
        if !n.rules.is_empty() {
            let heading = language.pick("附：所用规则", "Rules used");
            let _ = writeln!(self.out, "<section class=\"apx rules\"><details><summary><h2>{heading}</h2></summary>");
            for (i, r) in n.rules.iter().enumerate() {
                let _ = writeln!(
                    self.out,
                    "<details id=\"r{i}\"><summary><code>{}</code> {}</summary><pre>{}</pre></details>",
                    escape(&r.name),
                    escape(&r.place),
                    r.text.lines().map(escape).collect::<Vec<_>>().join("\n")
                );
            }
            self.out.push_str("</details></section>\n");
        }
    }
}
