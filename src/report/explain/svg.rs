//! An explanation as a picture. Kinds differ by shape and line as well as by colour, so that it survives grey printing.

use super::layout::{Placed, Size, columns, place};
use super::measure::{width, wrap};
use super::view::{Kind, View, ViewNode};
use super::words::Language;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Options of the picture.
#[derive(Clone, Debug)]
pub struct SvgOptions {
    /// Heading; may be empty.
    pub title: String,
    /// Most nodes drawn, counted from the nodes asked about.
    pub most_nodes: usize,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { title: String::new(), most_nodes: 400 }
    }
}

const MARGIN: f64 = 24.0;
const LINE: f64 = 18.0;
const SMALL: f64 = 15.0;
const CELL: f64 = 6.9;
const SMALL_CELL: f64 = 5.9;

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text of a box in lines, with its size.
struct Card {
    node: usize,
    kind: Kind,
    fails: bool,
    lines: Vec<String>,
    small: Vec<String>,
    size: Size,
    /// Room to the left of the text for the sign of the shape.
    left: f64,
}

/// Room left and right of the text, beside the padding, that a shape takes.
fn sides(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Given => (10.0, 4.0),
        Kind::Derived => (0.0, 0.0),
        Kind::Rule | Kind::Attempt => (8.0, 14.0),
        Kind::Compare | Kind::Range => (24.0, 10.0),
        Kind::Aggregate => (24.0, 6.0),
        Kind::Absent => (22.0, 0.0),
        Kind::Unknown => (18.0, 0.0),
    }
}

fn card(number: usize, node: &ViewNode, fails: bool, language: Language) -> Card {
    let cells = match node.kind {
        Kind::Rule | Kind::Attempt => 24,
        Kind::Compare | Kind::Range | Kind::Aggregate => 30,
        _ => 36,
    };
    let lines = wrap(&node.text, cells);
    let mut small = Vec::new();
    if let Some(origin) = &node.origin {
        small.extend(wrap(origin, cells + 6));
    }
    for note in &node.notes {
        small.extend(wrap(note, cells + 4));
    }
    if node.folded {
        small.push(language.pick("（另处已说明）", "(shown elsewhere)").to_owned());
    }
    let (left, right) = sides(node.kind);
    let text = lines.iter().map(|l| width(l) as f64 * CELL).fold(0.0, f64::max);
    let small_text = small.iter().map(|l| width(l) as f64 * SMALL_CELL).fold(0.0, f64::max);
    let w = (text.max(small_text) + left + right + 20.0).max(64.0);
    let h = lines.len() as f64 * LINE + small.len() as f64 * SMALL + 14.0;
    Card { node: number, kind: node.kind, fails, lines, small, size: Size { w: w.ceil(), h }, left }
}

/// What is drawn: boxes (by node) and edges between boxes.
struct Boxes {
    of: Vec<usize>,
    edges: Vec<(usize, usize)>,
    lacks: Vec<bool>,
}

/// One box per node; only what has nothing below it is drawn again in each column where it is needed, so that its edges
/// stay short.
fn boxes(view: &View, drawn: usize) -> Boxes {
    let below = |i: usize| view.nodes[i].below.iter().filter(|(b, _)| *b < drawn);
    let plain: Vec<(usize, usize)> = (0..drawn).flat_map(|i| below(i).map(move |(b, _)| (i, *b))).collect();
    let column = columns(drawn, &plain);
    let mut out = Boxes { of: (0..drawn).collect(), edges: Vec::new(), lacks: Vec::new() };
    let mut copies: HashMap<(usize, usize), usize> = HashMap::new();
    for i in 0..drawn {
        for (b, holds) in below(i) {
            let mut at = *b;
            if view.nodes[*b].below.is_empty() && column[*b] != column[i] + 1 {
                at = *copies.entry((*b, column[i])).or_insert_with(|| {
                    out.of.push(*b);
                    out.of.len() - 1
                });
            }
            out.edges.push((i, at));
            out.lacks.push(!holds);
        }
    }
    out
}

/// Draws the graph.
#[must_use]
pub fn render(view: &View, options: &SvgOptions) -> String {
    let drawn = view.nodes.len().min(options.most_nodes.max(1));
    let Boxes { of, edges, lacks } = boxes(view, drawn);
    let mut blocks = vec![false; of.len()];
    for ((_, b), lacks) in edges.iter().zip(&lacks) {
        blocks[*b] |= *lacks && view.nodes[of[*b]].holds;
    }
    let fails = |n: &ViewNode| !n.holds && matches!(n.kind, Kind::Compare | Kind::Range);
    let cards: Vec<Card> = of
        .iter()
        .zip(&blocks)
        .map(|(i, blocks)| card(*i, &view.nodes[*i], *blocks || fails(&view.nodes[*i]), view.language))
        .collect();
    let sizes: Vec<Size> = cards.iter().map(|c| c.size).collect();
    let placed = place(&sizes, &edges);
    let mut notes = view.notes.clone();
    if drawn < view.nodes.len() {
        let n = view.nodes.len() - drawn;
        notes.push(match view.language {
            Language::Zh => format!("另有{n}个节点未画出"),
            Language::En => format!("{n} further nodes are not drawn"),
        });
    }
    let kinds: BTreeSet<Kind> = cards.iter().map(|c| c.kind).collect();
    page(view, options, &cards, &placed, (&edges, &lacks), &kinds, &notes)
}

const STYLE: &str = "text{font-family:'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',\
'Noto Sans',sans-serif;font-size:13px;fill:#1b1b1b}.s{font-size:11px;fill:#555}.t{font-size:17px;font-weight:600}\
.b{stroke:#333;stroke-width:1.2}.e{fill:none;stroke:#6b6b6b;stroke-width:1.3}.l{stroke-dasharray:5 4}\
.given{fill:#fff}.derived{fill:#cfe3f5}.rule{fill:#f6dc9c}.test{fill:#e6f2e6}.fail{fill:#d5d5d5;stroke-width:2.4}\
.agg{fill:#ddd5ec}.absent{fill:#fafafa;stroke-dasharray:6 4}.attempt{fill:#fdf6e3;stroke-dasharray:6 4}\
.unknown{fill:#fafafa;stroke-dasharray:2 3}.g{font-weight:700;fill:#333}";

fn page(
    view: &View,
    options: &SvgOptions,
    cards: &[Card],
    placed: &Placed,
    (edges, lacks): (&[(usize, usize)], &[bool]),
    kinds: &BTreeSet<Kind>,
    notes: &[String],
) -> String {
    let title_room = if options.title.is_empty() { 0.0 } else { 34.0 };
    let legend_widths: Vec<f64> =
        kinds.iter().map(|k| 52.0 + width(k.label(view.language)) as f64 * SMALL_CELL + 22.0).collect();
    let widest = placed.width.max(legend_widths.iter().copied().fold(0.0, f64::max)).max(560.0);
    let mut legend = Vec::new();
    let (mut x, mut row) = (0.0, 0.0);
    for (k, w) in kinds.iter().zip(&legend_widths) {
        if x > 0.0 && x + w > widest {
            x = 0.0;
            row += 1.0;
        }
        legend.push((*k, x, row * 28.0));
        x += w;
    }
    let top = MARGIN + title_room + (row + 1.0) * 28.0 + 14.0;
    let page_width = widest.max(width(&options.title) as f64 * 9.0) + 2.0 * MARGIN;
    let page_height = top + placed.height + MARGIN + notes.len() as f64 * 20.0;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{page_width:.0}\" height=\"{page_height:.0}\" \
         viewBox=\"0 0 {page_width:.0} {page_height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    if !options.title.is_empty() {
        let title = escape(&options.title);
        let _ = writeln!(
            out,
            "<title>{title}</title>\n<text class=\"t\" x=\"{MARGIN}\" y=\"{}\">{title}</text>",
            MARGIN + 14.0
        );
    }
    for (kind, x, y) in legend {
        let (x, y) = (MARGIN + x, MARGIN + title_room + y);
        shape(&mut out, kind, false, x, y, 40.0, 18.0);
        let _ = writeln!(
            out,
            "<text class=\"s\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 48.0,
            y + 13.0,
            kind.label(view.language)
        );
    }
    for ((_, lacks), path) in edges.iter().zip(lacks).zip(&placed.edges) {
        let class = if *lacks { "e l" } else { "e" };
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{}\"/>", curve(path, top));
    }
    for (i, card) in cards.iter().enumerate() {
        let (x, y) = (MARGIN + placed.boxes[i].0, top + placed.boxes[i].1 - card.size.h / 2.0);
        let node = &view.nodes[card.node];
        // A box drawn again has no id of its own.
        let id = if i == card.node { format!(" id=\"n{}\"", node.id) } else { String::new() };
        let _ = writeln!(out, "<g{id}><title>{}</title>", escape(&tooltip(node, view.language)));
        shape(&mut out, card.kind, card.fails, x, y, card.size.w, card.size.h);
        let mut line = y + 7.0;
        let text_x = x + 10.0 + card.left;
        for l in &card.lines {
            line += LINE;
            let _ = writeln!(out, "<text x=\"{text_x:.1}\" y=\"{:.1}\">{}</text>", line - 5.0, escape(l));
        }
        for l in &card.small {
            line += SMALL;
            let _ = writeln!(out, "<text class=\"s\" x=\"{text_x:.1}\" y=\"{:.1}\">{}</text>", line - 3.0, escape(l));
        }
        out.push_str("</g>\n");
    }
    for (i, note) in notes.iter().enumerate() {
        let y = top + placed.height + 20.0 * (i as f64 + 1.0) + 6.0;
        let _ = writeln!(out, "<text class=\"s\" x=\"{MARGIN}\" y=\"{y:.1}\">{}</text>", escape(note));
    }
    out.push_str("</svg>\n");
    out
}

/// A line through the points with level tangents.
fn curve(path: &[(f64, f64)], top: f64) -> String {
    let mut d = String::new();
    for (i, (x, y)) in path.iter().enumerate() {
        let (x, y) = (x + MARGIN, y + top);
        if i == 0 {
            let _ = write!(d, "M{x:.1} {y:.1}");
            continue;
        }
        let (px, py) = (path[i - 1].0 + MARGIN, path[i - 1].1 + top);
        // Boxes are narrower than their column: straight to the column's edge, then curve over the gap only.
        let bend = (x - px).min(60.0) / 2.0;
        if (py - y).abs() < 0.05 {
            let _ = write!(d, "H{x:.1}");
        } else {
            let start = x - 2.0 * bend;
            if start > px {
                let _ = write!(d, "H{start:.1}");
            }
            let _ = write!(d, "C{:.1} {py:.1} {:.1} {y:.1} {x:.1} {y:.1}", start + bend, x - bend);
        }
    }
    d
}

fn tooltip(n: &ViewNode, language: Language) -> String {
    let mut lines = vec![format!("{}: {}", n.kind.label(language), n.text)];
    lines.extend(n.rule.iter().chain(&n.place).chain(&n.origin).cloned());
    let open = |v: &Option<String>| v.clone().unwrap_or_else(|| "?".to_owned());
    lines.extend(n.bindings.iter().map(|(name, v)| format!("{name} = {}", open(v))));
    lines.join(" · ")
}

fn shape(out: &mut String, kind: Kind, fails: bool, x: f64, y: f64, w: f64, h: f64) {
    let (r, b, m) = (x + w, y + h, y + h / 2.0);
    let fail = if fails { " fail" } else { "" };
    let sign = |out: &mut String, sign: &str, dx: f64| {
        if h > 16.0 && w > 50.0 {
            let _ = writeln!(out, "<text class=\"g\" x=\"{:.1}\" y=\"{:.1}\">{sign}</text>", x + dx, m + 5.0);
        }
    };
    match kind {
        Kind::Given => {
            let f = 9.0;
            let _ = writeln!(
                out,
                "<path class=\"b given{fail}\" d=\"M{x:.1} {y:.1}H{:.1}L{r:.1} {:.1}V{b:.1}H{x:.1}Z\"/><path class=\"b\" fill=\"none\" d=\"M{:.1} {y:.1}V{:.1}H{r:.1}\"/><path d=\"M{x:.1} {y:.1}h5V{b:.1}h-5Z\" fill=\"#333\"/>",
                r - f,
                y + f,
                r - f,
                y + f
            );
        }
        Kind::Derived => {
            let _ = writeln!(
                out,
                "<rect class=\"b derived{fail}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"9\"/>"
            );
        }
        Kind::Rule | Kind::Attempt => {
            let class = if kind == Kind::Rule { "rule" } else { "attempt" };
            let t = 12.0f64.min(h / 2.0);
            let _ = writeln!(
                out,
                "<path class=\"b {class}\" d=\"M{x:.1} {y:.1}H{:.1}L{r:.1} {m:.1}L{:.1} {b:.1}H{x:.1}Z\"/>",
                r - t,
                r - t
            );
        }
        Kind::Compare | Kind::Range => {
            let t = 10.0f64.min(h / 2.0);
            let _ = writeln!(
                out,
                "<path class=\"b test{fail}\" d=\"M{:.1} {y:.1}H{:.1}L{r:.1} {m:.1}L{:.1} {b:.1}H{:.1}L{x:.1} {m:.1}Z\"/>",
                x + t,
                r - t,
                r - t,
                x + t
            );
            sign(out, if fails { "✗" } else { "✓" }, 14.0);
        }
        Kind::Aggregate => {
            let t = 8.0;
            let _ = writeln!(
                out,
                "<path class=\"b agg{fail}\" d=\"M{:.1} {y:.1}H{:.1}L{r:.1} {b:.1}H{x:.1}Z\"/>",
                x + t,
                r - t
            );
            sign(out, "Σ", 14.0);
        }
        Kind::Absent | Kind::Unknown => {
            let class = if kind == Kind::Absent { "absent" } else { "unknown" };
            let _ = writeln!(
                out,
                "<rect class=\"b {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>"
            );
            if kind == Kind::Absent && h > 20.0 {
                let _ = writeln!(
                    out,
                    "<circle cx=\"{:.1}\" cy=\"{m:.1}\" r=\"6.5\" fill=\"none\" stroke=\"#333\" stroke-width=\"1.6\"/><path d=\"M{:.1} {:.1}l9 -9\" stroke=\"#333\" stroke-width=\"1.6\"/>",
                    x + 17.0,
                    x + 12.5,
                    m + 4.5
                );
            } else if kind == Kind::Unknown {
                sign(out, "?", 12.0);
            }
        }
    }
}
