//! An explanation as GraphML: typed data for programs, and labels and shapes that yEd shows.

use super::markup::escape;
use super::measure::{width, wrap};
use super::view::{Kind, View, ViewNode};
use std::fmt::Write as _;

/// Keys of nodes: id, type.
const NODE_KEYS: &[(&str, &str)] = &[
    ("kind", "string"),
    ("text", "string"),
    ("holds", "boolean"),
    ("root", "boolean"),
    ("relation", "string"),
    ("rule", "string"),
    ("cite", "string"),
    ("place", "string"),
    ("origin", "string"),
    ("notes", "string"),
    ("proofs", "string"),
];

fn look(kind: Kind, fails: bool) -> (&'static str, &'static str, &'static str) {
    match kind {
        _ if fails => ("hexagon", "#D5D5D5", "line"),
        Kind::Given => ("rectangle", "#FFFFFF", "line"),
        Kind::Derived => ("roundrectangle", "#CFE3F5", "line"),
        Kind::Rule => ("parallelogram", "#F6DC9C", "line"),
        Kind::Compare | Kind::Range => ("hexagon", "#E6F2E6", "line"),
        Kind::Aggregate => ("trapezoid", "#DDD5EC", "line"),
        Kind::Absent => ("rectangle", "#FAFAFA", "dashed"),
        Kind::Attempt => ("parallelogram", "#FDF6E3", "dashed"),
        Kind::Unknown => ("rectangle", "#FAFAFA", "dotted"),
    }
}

fn graphics(n: &ViewNode, out: &mut String) {
    let lines: Vec<String> = wrap(&n.text, 36);
    let w = lines.iter().map(|l| width(l)).max().unwrap_or(0) as f64 * 7.0 + 24.0;
    let h = lines.len() as f64 * 17.0 + 16.0;
    let (shape, fill, line) = look(n.kind, !n.holds && matches!(n.kind, Kind::Compare | Kind::Range));
    let label = lines.iter().map(|l| escape(l)).collect::<Vec<_>>().join("&#10;");
    let _ = writeln!(
        out,
        "      <data key=\"graphics\"><y:ShapeNode><y:Geometry height=\"{h:.1}\" width=\"{w:.1}\"/>\
         <y:Fill color=\"{fill}\" transparent=\"false\"/><y:BorderStyle color=\"#333333\" type=\"{line}\" width=\"1.0\"/>\
         <y:NodeLabel>{label}</y:NodeLabel><y:Shape type=\"{shape}\"/></y:ShapeNode></data>"
    );
}

/// Writes the graph.
#[must_use]
pub fn render(view: &View) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" \
         xmlns:y=\"http://www.yworks.com/xml/graphml\">\n",
    );
    for (id, ty) in NODE_KEYS {
        let _ = writeln!(out, "  <key id=\"{id}\" for=\"node\" attr.name=\"{id}\" attr.type=\"{ty}\"/>");
    }
    out.push_str("  <key id=\"supports\" for=\"edge\" attr.name=\"supports\" attr.type=\"boolean\"/>\n");
    out.push_str("  <key id=\"graphics\" for=\"node\" yfiles.type=\"nodegraphics\"/>\n");
    out.push_str("  <key id=\"line\" for=\"edge\" yfiles.type=\"edgegraphics\"/>\n");
    out.push_str("  <graph id=\"explanation\" edgedefault=\"directed\">\n");
    for (i, n) in view.nodes.iter().enumerate() {
        let _ = writeln!(out, "    <node id=\"n{}\">", n.id);
        let mut data = |key: &str, text: &str| {
            let _ = writeln!(out, "      <data key=\"{key}\">{}</data>", escape(text));
        };
        data("kind", n.kind.name());
        data("text", &n.text);
        data("holds", if n.holds { "true" } else { "false" });
        data("root", if view.roots.contains(&i) { "true" } else { "false" });
        let optional = [
            ("relation", &n.relation),
            ("rule", &n.rule),
            ("cite", &n.cite),
            ("place", &n.place),
            ("origin", &n.origin),
        ];
        for (key, value) in optional {
            if let Some(v) = value {
                data(key, v);
            }
        }
        if !n.notes.is_empty() {
            data("notes", &n.notes.join(" | "));
        }
        if let Some(p) = n.proofs {
            data("proofs", &p.number.to_string());
        }
        graphics(n, &mut out);
        out.push_str("    </node>\n");
    }
    let mut number = 0;
    for n in &view.nodes {
        for (b, holds) in &n.below {
            let line = if *holds { "line" } else { "dashed" };
            let _ = writeln!(
                out,
                "    <edge id=\"e{number}\" source=\"n{}\" target=\"n{}\"><data key=\"supports\">{holds}</data>\
                 <data key=\"line\"><y:PolyLineEdge><y:LineStyle color=\"#6B6B6B\" type=\"{line}\" width=\"1.0\"/>\
                 <y:Arrows source=\"none\" target=\"standard\"/></y:PolyLineEdge></data></edge>",
                n.id, view.nodes[*b].id
            );
            number += 1;
        }
    }
    out.push_str("  </graph>\n</graphml>\n");
    out
}
