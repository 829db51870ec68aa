//! An explanation for Graphviz.

use super::measure::wrap;
use super::view::{Kind, View};
use std::fmt::Write as _;

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if super::measure::turns(c) => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn style(kind: Kind, holds: bool) -> &'static str {
    match (kind, holds) {
        (Kind::Given, _) => "shape=note, style=filled, fillcolor=\"#ffffff\"",
        (Kind::Derived, _) => "shape=box, style=\"rounded,filled\", fillcolor=\"#cfe3f5\"",
        (Kind::Rule, _) => "shape=cds, style=filled, fillcolor=\"#f6dc9c\"",
        (Kind::Compare | Kind::Range, true) => "shape=hexagon, style=filled, fillcolor=\"#e4f1e4\"",
        (Kind::Compare | Kind::Range, false) => "shape=hexagon, style=\"filled,bold\", fillcolor=\"#d8d8d8\"",
        (Kind::Aggregate, _) => "shape=trapezium, style=filled, fillcolor=\"#d9d2e9\"",
        (Kind::Absent, _) => "shape=box, style=dashed",
        (Kind::Attempt, _) => "shape=cds, style=dashed",
        (Kind::Unknown, _) => "shape=box, style=dotted",
    }
}

/// Draws the graph in the DOT language.
#[must_use]
pub fn render(view: &View) -> String {
    let mut out = String::from(
        "digraph explanation {\n  rankdir=LR;\n  node [fontname=\"Noto Sans CJK SC, sans-serif\", fontsize=11];\n",
    );
    for n in &view.nodes {
        let mut lines: Vec<String> = wrap(&n.text, 36);
        lines.extend(n.notes.iter().flat_map(|x| wrap(x, 36)));
        if let Some(origin) = &n.origin {
            lines.extend(wrap(origin, 36));
        }
        let label = lines.iter().map(|l| escape(l)).collect::<Vec<_>>().join("\\n");
        let _ = writeln!(out, "  n{} [{}, label=\"{label}\"];", n.id, style(n.kind, n.holds));
    }
    for n in &view.nodes {
        for (b, holds) in &n.below {
            let dashed = if *holds { "" } else { " [style=dashed]" };
            let _ = writeln!(out, "  n{} -> n{}{dashed};", n.id, view.nodes[*b].id);
        }
    }
    out.push_str("}\n");
    out
}
