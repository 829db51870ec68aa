//! An explanation as a Mermaid flowchart.

use super::measure::wrap;
use super::view::{Kind, View, ViewNode};
use std::fmt::Write as _;

/// Escapes text for a quoted label: everything that Mermaid, Markdown or HTML could read as its own becomes an entity.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in super::narrative::tidy(text).chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' | '&' | '<' | '>' | '\'' | '`' | '*' | '_' | '~' | '\\' | '$' | '{' | '}' | '[' | ']' | '(' | ')'
            | '|' | ';' | '-' | '+' | '.' | '%' | '@' => {
                let _ = write!(out, "#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

fn shape(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Given => ("[/\"", "\"/]"),
        Kind::Derived => ("(\"", "\")"),
        Kind::Rule | Kind::Attempt => (">\"", "\"]"),
        Kind::Compare | Kind::Range => ("{{\"", "\"}}"),
        Kind::Aggregate => ("[/\"", "\"\\]"),
        Kind::Absent | Kind::Unknown => ("[\"", "\"]"),
    }
}

const CLASSES: &str = "  classDef given fill:#ffffff,stroke:#333333,color:#1b1b1b
  classDef derived fill:#cfe3f5,stroke:#333333,color:#1b1b1b
  classDef rule fill:#f6dc9c,stroke:#333333,color:#1b1b1b
  classDef comparison fill:#e6f2e6,stroke:#333333,color:#1b1b1b
  classDef range fill:#e6f2e6,stroke:#333333,color:#1b1b1b
  classDef aggregate fill:#ddd5ec,stroke:#333333,color:#1b1b1b
  classDef absence fill:#fafafa,stroke:#333333,stroke-dasharray:6 4,color:#1b1b1b
  classDef attempt fill:#fdf6e3,stroke:#333333,stroke-dasharray:6 4,color:#1b1b1b
  classDef unknown fill:#fafafa,stroke:#333333,stroke-dasharray:2 3,color:#1b1b1b
  classDef fails fill:#d5d5d5,stroke:#333333,stroke-width:3px,color:#1b1b1b
";

fn class(n: &ViewNode) -> &'static str {
    if !n.holds && matches!(n.kind, Kind::Compare | Kind::Range) { "fails" } else { n.kind.name() }
}

/// Draws the graph in the language of Mermaid.
#[must_use]
pub fn render(view: &View) -> String {
    let mut out = String::from("flowchart LR\n");
    for n in &view.nodes {
        let mut lines: Vec<String> = wrap(&n.text, 36);
        lines.extend(n.notes.iter().chain(&n.origin).flat_map(|x| wrap(x, 36)));
        let label = lines.iter().map(|l| escape(l)).collect::<Vec<_>>().join("<br/>");
        let (open, close) = shape(n.kind);
        let _ = writeln!(out, "  n{}{open}{label}{close}:::{}", n.id, class(n));
    }
    for n in &view.nodes {
        for (b, holds) in &n.below {
            let arrow = if *holds { "-->" } else { "-.->" };
            let _ = writeln!(out, "  n{} {arrow} n{}", n.id, view.nodes[*b].id);
        }
    }
    out.push_str(CLASSES);
    out
}
