//! An explanation as a picture. Kinds differ by shape and line as well as by colour, so that it survives grey printing.

use super::layout::{Placed, Size, columns, place};
use super::markup::escape;
use super::measure::{width, wrap};
use super::view::{Kind, View, ViewNode};
use super::words::Language;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

/// Options of the picture.
#[derive(Clone, Debug)]
pub struct SvgOptions {
    /// Heading; may be empty.
    pub title: String,
    /// Most nodes drawn, counted from the nodes asked about.
    pub most_nodes: usize,
    /// Where a box leads, by its node.
    pub links: HashMap<usize, String>,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { title: String::new(), most_nodes: 400, links: HashMap::new() }
    }
}

const MARGIN: f64 = 24.0;
const LINE: f64 = 18.0;
const SMALL: f64 = 15.0;
const CELL: f64 = 6.9;
const SMALL_CELL: f64 = 5.9;
/// How far a rule on a foot reaches into the box above it, and how much narrower it is at least.
const FOOT_OVERLAP: f64 = 4.0;
const FOOT_INDENT: f64 = 16.0;

/// Text of a box in lines, with its size.
struct Card {
    node: usize,
    kind: Kind,
    fails: bool,
    /// Drawn before in another column.
    again: bool,
    lines: Vec<String>,
    small: Vec<String>,
    size: Size,
    /// Room to the left of the text for the sign of the shape.
    left: f64,
    /// The only rule, drawn below the text.
    foot: Option<Box<Card>>,
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

impl Card {
    fn of(number: usize, node: &ViewNode, fails: bool, language: Language) -> Self {
        let cells = match node.kind {
            Kind::Rule | Kind::Attempt => 30,
            Kind::Compare | Kind::Range | Kind::Aggregate => 30,
            _ => 38,
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
        let w = (text.max(small_text) + left + right + 20.0).max(64.0).ceil();
        let h = lines.len() as f64 * LINE + small.len() as f64 * SMALL + 14.0;
        let size = Size { w, h };
        Self { node: number, kind: node.kind, fails, again: false, lines, small, size, left, foot: None }
    }

    /// Puts the only rule on the foot of the card.
    fn stand_on(&mut self, number: usize, rule: &ViewNode, language: Language) {
        let mut foot = Self::of(number, rule, false, language);
        foot.size.h -= 6.0;
        self.size.w = self.size.w.max(foot.size.w + FOOT_INDENT);
        self.size.h += foot.size.h - FOOT_OVERLAP;
        self.foot = Some(Box::new(foot));
    }

    fn draw(&self, view: &View, links: &HashMap<usize, String>, (x, y): (f64, f64), out: &mut String) {
        let node = &view.nodes[self.node];
        // A box drawn again has no id of its own.
        let id = if self.again { String::new() } else { format!(" id=\"n{}\"", node.id) };
        let link = links.get(&node.id);
        if let Some(to) = link {
            let _ = write!(out, "<a href=\"{}\">", escape(to));
        }
        let _ = writeln!(out, "<g{id}><title>{}</title>", escape(&tooltip(node, view.language)));
        let own = self.foot.as_ref().map_or(self.size.h, |f| self.size.h - f.size.h + FOOT_OVERLAP);
        shape(out, self.kind, self.fails, x, y, self.size.w, own);
        let mut line = y + if own < self.lines.len() as f64 * LINE + 14.0 { 4.0 } else { 7.0 };
        let text_x = x + 10.0 + self.left;
        for l in &self.lines {
            line += LINE;
            let _ = writeln!(out, "<text x=\"{text_x:.1}\" y=\"{:.1}\">{}</text>", line - 5.0, escape(l));
        }
        for l in &self.small {
            line += SMALL;
            let _ = writeln!(out, "<text class=\"s\" x=\"{text_x:.1}\" y=\"{:.1}\">{}</text>", line - 3.0, escape(l));
        }
        out.push_str(if link.is_some() { "</g></a>\n" } else { "</g>\n" });
        if let Some(foot) = &self.foot {
            foot.draw(view, links, (x + self.size.w - foot.size.w, y + own - FOOT_OVERLAP), out);
        }
    }
}

/// What is drawn: boxes (by node), the rule drawn on the foot of each, and edges between boxes.
struct Boxes {
    of: Vec<usize>,
    foot: Vec<Option<usize>>,
    edges: Vec<(usize, usize)>,
    lacks: Vec<bool>,
}

/// The only rule below a fact or an absence.
fn foot(view: &View, node: usize) -> Option<usize> {
    let n = &view.nodes[node];
    let only = match n.below.as_slice() {
        [(b, _)] => *b,
        _ => return None,
    };
    let fits = match n.kind {
        Kind::Given | Kind::Derived => view.nodes[only].kind == Kind::Rule,
        Kind::Absent => view.nodes[only].kind == Kind::Attempt,
        _ => false,
    };
    fits.then_some(only)
}

/// One box per node, with two exceptions: an only rule is drawn on the foot of what it concludes, and what has nothing
/// below it is drawn again in each column where it is needed, so that its edges stay short.
fn boxes(view: &View, most: usize) -> Boxes {
    let mut out = Boxes { of: Vec::new(), foot: Vec::new(), edges: Vec::new(), lacks: Vec::new() };
    let mut place: HashMap<usize, usize> = HashMap::new();
    let on_foot: HashSet<usize> = (0..view.nodes.len()).filter_map(|i| foot(view, i)).collect();
    for i in (0..view.nodes.len()).filter(|i| !on_foot.contains(i)).take(most) {
        place.insert(i, out.of.len());
        out.of.push(i);
        out.foot.push(foot(view, i));
    }
    let mut plain: Vec<(usize, usize, bool)> = Vec::new();
    for (at, i) in out.of.iter().enumerate() {
        let node = out.foot[at].unwrap_or(*i);
        for (b, holds) in &view.nodes[node].below {
            if let Some(to) = place.get(b) {
                plain.push((at, *to, !holds));
            }
        }
    }
    let edges: Vec<(usize, usize)> = plain.iter().map(|(a, b, _)| (*a, *b)).collect();
    let column = columns(out.of.len(), &edges);
    let mut copies: HashMap<(usize, usize), usize> = HashMap::new();
    for (from, mut to, lacks) in plain {
        if view.nodes[out.of[to]].below.is_empty() && column[to] != column[from] + 1 {
            let original = out.of[to];
            to = *copies.entry((to, column[from])).or_insert_with(|| {
                out.of.push(original);
                out.foot.push(None);
                out.of.len() - 1
            });
        }
        out.edges.push((from, to));
        out.lacks.push(lacks);
    }
    out
}

/// Draws the graph.
#[must_use]
pub fn render(view: &View, options: &SvgOptions) -> String {
    let Boxes { of, foot, edges, lacks } = boxes(view, options.most_nodes.max(1));
    let mut blocks = vec![false; of.len()];
    for ((_, b), lacks) in edges.iter().zip(&lacks) {
        blocks[*b] |= *lacks && view.nodes[of[*b]].holds;
    }
    let fails = |n: &ViewNode| !n.holds && matches!(n.kind, Kind::Compare | Kind::Range);
    let mut first = HashSet::new();
    let cards: Vec<Card> = (0..of.len())
        .map(|i| {
            let node = &view.nodes[of[i]];
            let mut card = Card::of(of[i], node, blocks[i] || fails(node), view.language);
            card.again = !first.insert(of[i]);
            if let Some(rule) = foot[i] {
                card.stand_on(rule, &view.nodes[rule], view.language);
            }
            card
        })
        .collect();
    let sizes: Vec<Size> = cards.iter().map(|c| c.size).collect();
    let placed = place(&sizes, &edges);
    let mut notes = view.notes.clone();
    let drawn = first.len() + foot.iter().flatten().count();
    if drawn < view.nodes.len() {
        let n = view.nodes.len() - drawn;
        notes.push(match view.language {
            Language::Zh => format!("另有{n}个节点未画出"),
            Language::En => format!("{n} further nodes are not drawn"),
        });
    }
    let feet = cards.iter().filter_map(|c| c.foot.as_ref()).map(|f| f.kind);
    let kinds: BTreeSet<Kind> = cards.iter().map(|c| c.kind).chain(feet).collect();
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
    for (card, (x, y)) in cards.iter().zip(&placed.boxes) {
        card.draw(view, &options.links, (MARGIN + x, top + y - card.size.h / 2.0), &mut out);
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
