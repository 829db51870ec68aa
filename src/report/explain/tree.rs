//! An explanation as a tree of lines.

use super::measure::{width, wrap};
use super::view::{Detail, Kind, View, ViewNode};
use super::words::Language;

/// Options of the tree.
#[derive(Clone, Copy, Debug)]
pub struct TreeOptions {
    /// Cells per line.
    pub width: usize,
    /// Deepest indentation; what lies deeper goes on at the margin under its number.
    pub depth: usize,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self { width: 100, depth: 16 }
    }
}

struct Item {
    node: usize,
    holds: bool,
    /// Lines to the left: whether each level above goes on.
    rails: Vec<bool>,
    last: bool,
    top: bool,
}

/// Draws the tree. A proof that is used several times is drawn once, numbered, and referred to.
#[must_use]
pub fn render(view: &View, options: &TreeOptions) -> String {
    let mut tree = Tree {
        view,
        options,
        number: vec![None; view.nodes.len()],
        drawn: vec![false; view.nodes.len()],
        shared: shared(view),
        numbers: 0,
        out: String::new(),
    };
    let mut later: std::collections::VecDeque<usize> = view.roots.iter().copied().collect();
    let mut first = true;
    while let Some(root) = later.pop_front() {
        if tree.drawn[root] {
            continue;
        }
        if !first {
            tree.out.push('\n');
        }
        first = false;
        tree.draw(root, &mut later);
    }
    for note in &view.notes {
        tree.out.push_str(&format!("\n* {note}\n"));
    }
    tree.out
}

/// Nodes with something below them that are used more than once.
fn shared(view: &View) -> Vec<bool> {
    let mut uses = vec![0usize; view.nodes.len()];
    for r in &view.roots {
        uses[*r] += 1;
    }
    for n in &view.nodes {
        for (b, _) in &n.below {
            uses[*b] += 1;
        }
    }
    view.nodes.iter().zip(uses).map(|(n, u)| u > 1 && !n.below.is_empty()).collect()
}

struct Tree<'a> {
    view: &'a View,
    options: &'a TreeOptions,
    number: Vec<Option<usize>>,
    drawn: Vec<bool>,
    shared: Vec<bool>,
    numbers: usize,
    out: String,
}

impl Tree<'_> {
    fn draw(&mut self, root: usize, later: &mut std::collections::VecDeque<usize>) {
        let mut stack = vec![Item { node: root, holds: true, rails: Vec::new(), last: true, top: true }];
        while let Some(item) = stack.pop() {
            let node = &self.view.nodes[item.node];
            let fresh = !self.drawn[item.node];
            let deep = item.rails.len() >= self.options.depth && !node.below.is_empty();
            if (self.shared[item.node] || deep) && self.number[item.node].is_none() {
                self.numbers += 1;
                self.number[item.node] = Some(self.numbers);
            }
            let below = self.below(item.node);
            let tail = match (fresh, deep, node.below.is_empty()) {
                (_, _, true) if node.folded => self.phrase("……", "…"),
                (_, _, true) => String::new(),
                (false, _, _) => self.phrase("见上", "as shown above"),
                (true, true, _) => {
                    later.push_back(item.node);
                    self.phrase("见下", "shown below")
                }
                (true, false, _) => String::new(),
            };
            let opens = fresh && !deep && !below.is_empty();
            self.line(&item, &tail, opens);
            if fresh && !deep {
                self.drawn[item.node] = true;
                let mut rails = item.rails.clone();
                if !item.top {
                    rails.push(!item.last);
                }
                let count = below.len();
                for (i, (n, holds)) in below.into_iter().enumerate().rev() {
                    stack.push(Item { node: n, holds, rails: rails.clone(), last: i + 1 == count, top: false });
                }
            }
        }
    }

    /// What is drawn below a node: the only rule of a fact is drawn on the fact's line, so its premises follow at once.
    fn below(&self, node: usize) -> Vec<(usize, bool)> {
        match self.merged(node) {
            Some(rule) => self.view.nodes[rule].below.clone(),
            None => self.view.nodes[node].below.clone(),
        }
    }

    fn merged(&self, node: usize) -> Option<usize> {
        let n = &self.view.nodes[node];
        match n.below.as_slice() {
            [(b, _)] if matches!(n.kind, Kind::Given | Kind::Derived) && self.view.nodes[*b].kind == Kind::Rule => {
                Some(*b)
            }
            _ => None,
        }
    }

    fn phrase(&self, zh: &str, en: &str) -> String {
        self.view.language.pick(zh, en).to_owned()
    }

    fn line(&mut self, item: &Item, tail: &str, opens: bool) {
        let mut head = String::new();
        let mut hang = String::new();
        for rail in &item.rails {
            let s = if *rail { "│  " } else { "   " };
            head.push_str(s);
            hang.push_str(s);
        }
        if !item.top {
            head.push_str(if item.last { "└─ " } else { "├─ " });
            hang.push_str(if item.last { "   " } else { "│  " });
        }
        hang.push_str(if opens { "│  " } else { "   " });
        let text = self.text(item, tail);
        let room = self.options.width.saturating_sub(width(&hang)).max(24);
        for (i, line) in wrap(&text, room).into_iter().enumerate() {
            self.out.push_str(if i == 0 { &head } else { &hang });
            self.out.push_str(&line);
            self.out.push('\n');
        }
    }

    fn text(&self, item: &Item, tail: &str) -> String {
        let node = &self.view.nodes[item.node];
        let mark = match (node.kind, item.holds && node.holds) {
            (Kind::Given, true) => "● ",
            (Kind::Derived, true) => "◆ ",
            (Kind::Rule, _) => "§ ",
            (Kind::Compare | Kind::Range, true) => "✓ ",
            (Kind::Aggregate, true) => "Σ ",
            (Kind::Absent, _) if item.holds => "○ ",
            (Kind::Attempt, _) => "§ ",
            (Kind::Unknown, _) => "? ",
            (_, false) => "✗ ",
            (_, true) => "",
        };
        let mut text = String::from(mark);
        if let Some(n) = self.number[item.node] {
            text.push_str(&format!("[{n}] "));
        }
        text.push_str(&node.text);
        let rule = self.merged(item.node).map(|r| &self.view.nodes[r]);
        for n in rule.into_iter().chain((node.kind == Kind::Rule || node.kind == Kind::Attempt).then_some(node)) {
            self.rule_tail(n, rule.is_some(), &mut text);
        }
        if let Some(origin) = &node.origin {
            self.bracket(origin, &mut text);
        }
        if item.holds || node.kind != Kind::Derived && node.kind != Kind::Given {
            for note in node.notes.iter().filter(|_| !matches!(node.kind, Kind::Rule)) {
                self.bracket(note, &mut text);
            }
        } else {
            let blocks = self.phrase("此事实成立，故不能适用", "this holds, which blocks the rule");
            self.bracket(&blocks, &mut text);
        }
        if let (Some(p), Detail::Full) = (node.proofs, self.view.detail)
            && (p.number > 1 || !p.exact)
        {
            let at_least = if p.exact { "" } else { "≥" };
            let count = match self.view.language {
                Language::Zh => format!("{at_least}{}种证明", p.number),
                Language::En => format!("{at_least}{} proofs", p.number),
            };
            self.bracket(&count, &mut text);
        }
        if !tail.is_empty() {
            self.bracket(tail, &mut text);
        }
        text
    }

    fn rule_tail(&self, rule: &ViewNode, merged: bool, text: &mut String) {
        if merged {
            text.push_str(&format!(" [{}]", rule.text));
        }
        if merged || rule.kind == Kind::Rule {
            for note in &rule.notes {
                self.bracket(note, text);
            }
        }
        if self.view.detail == Detail::Full {
            if let (Some(_), Some(name)) = (&rule.cite, &rule.rule) {
                text.push_str(&format!(" {name}"));
            }
            if let Some(place) = &rule.place {
                self.bracket(place, text);
            }
            if !rule.bindings.is_empty() {
                let open = |v: &Option<String>| v.clone().unwrap_or_else(|| "?".to_owned());
                let shown: Vec<String> = rule.bindings.iter().map(|(n, v)| format!("{n}={}", open(v))).collect();
                text.push_str(&format!(" {{{}}}", shown.join(", ")));
            }
        }
    }

    fn bracket(&self, inner: &str, text: &mut String) {
        match self.view.language {
            Language::Zh => text.push_str(&format!("（{inner}）")),
            Language::En => text.push_str(&format!(" ({inner})")),
        }
    }
}
