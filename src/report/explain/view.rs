//! A derivation graph in words, with what is hidden taken out: what every renderer draws.

use super::words::{Language, Words};
use crate::lang::date::BLANK;
use crate::lang::program::{CmpOp, Const};
use crate::proof::Explanation;
use crate::proof::graph::{Graph, Node, NodeIndex, Value, below};
use crate::proof::rank::Count;
use std::collections::{HashMap, HashSet};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Facts, rules and absences.
    Short,
    /// Comparisons, aggregates, and below an absence in a proof the nearest attempt, as well.
    Middle,
    /// Everything, helpers that are mute and the values of all variables included.
    Full,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    Given,
    Derived,
    Rule,
    Compare,
    Range,
    Aggregate,
    Absent,
    Attempt,
    Unknown,
}

impl Kind {
    /// Stable name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Derived => "derived",
            Self::Rule => "rule",
            Self::Compare => "comparison",
            Self::Range => "range",
            Self::Aggregate => "aggregate",
            Self::Absent => "absence",
            Self::Attempt => "attempt",
            Self::Unknown => "unknown",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn label(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Given => ("已知事实", "given fact"),
            Self::Derived => ("推得事实", "derived fact"),
            Self::Rule => ("规则", "rule"),
            Self::Compare => ("比较", "comparison"),
            Self::Range => ("取值范围", "range"),
            Self::Aggregate => ("汇总", "aggregate"),
            Self::Absent => ("未见", "not shown"),
            Self::Attempt => ("未成立的规则", "rule that lacks something"),
            Self::Unknown => ("未能判断", "not decided"),
        };
        language.pick(zh, en)
    }
}

/// A node in words.
#[derive(Clone, Debug)]
pub struct ViewNode {
    /// Its number in the engine's graph.
    pub id: usize,
    /// What it is.
    pub kind: Kind,
    /// The sentence. For a rule: its cite, else its name.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// Relation of a fact or absence.
    pub relation: Option<String>,
    /// Values of a fact or pattern; `None` for any value.
    pub values: Vec<Option<String>>,
    /// Name of the rule.
    pub rule: Option<String>,
    /// Cite of the rule.
    pub cite: Option<String>,
    /// `file:line` of the rule.
    pub place: Option<String>,
    /// Where a given fact stands.
    pub origin: Option<String>,
    /// Variables of a rule with their values; made-up ones are left out.
    pub bindings: Vec<(String, Option<String>)>,
    /// Number of proofs of a fact.
    pub proofs: Option<Count>,
    /// Of what an attempt lacks: what kind of lack it is. `absent` (no such row is given), `not_derived` (a rule would have to
    /// conclude it), `refuted_value` (a comparison, range or aggregate fails), `blocked` (this holds and stands in the way),
    /// `undecided`, or the name that the relation's `lack` annotation gives.
    pub lack: Option<String>,
    /// Of an attempt: what it would take, the smaller the nearer.
    pub cost: Option<u32>,
    /// Remarks: readings chosen, what is left out.
    pub notes: Vec<String>,
    /// What lies below is not shown here.
    pub folded: bool,
    /// Nodes below, by index into [`View::nodes`], and whether they hold.
    pub below: Vec<(usize, bool)>,
}

/// A graph in words.
#[derive(Clone, Debug)]
pub struct View {
    /// Language of the words.
    pub language: Language,
    /// Detail it was made for.
    pub detail: Detail,
    /// Nodes, those asked about first, then breadth first.
    pub nodes: Vec<ViewNode>,
    /// Indexes of the nodes asked about.
    pub roots: Vec<usize>,
    /// Remarks on the whole.
    pub notes: Vec<String>,
}

impl View {
    /// Puts an explanation into words.
    #[must_use]
    pub fn of(explanation: &Explanation, words: &dyn Words, detail: Detail) -> Self {
        let graph = &explanation.graph;
        let mut builder = Builder {
            graph,
            words,
            detail,
            proves: explanation.absence.is_none(),
            seen: HashMap::new(),
            order: Vec::new(),
        };
        let roots: Vec<usize> = explanation.roots().into_iter().map(|r| builder.place(r)).collect();
        let mut nodes = Vec::new();
        let mut next = 0;
        while next < builder.order.len() {
            let index = builder.order[next];
            next += 1;
            let below: Vec<(usize, bool)> =
                builder.visible_below(index).into_iter().map(|(n, holds)| (builder.place(n), holds)).collect();
            let mut node = builder.word(index);
            node.below = below;
            nodes.push(node);
        }
        let lacks: Vec<(usize, String)> = nodes
            .iter()
            .flat_map(|n: &ViewNode| n.below.iter().filter(|(_, holds)| !holds).map(|(b, _)| *b))
            .chain(roots.iter().copied().filter(|r| explanation.absence.is_some() && nodes[*r].kind == Kind::Absent))
            .filter_map(|b| Some((b, builder.lack(builder.order[b])?)))
            .collect();
        for (b, lack) in lacks {
            nodes[b].lack = Some(lack);
        }
        Self { language: words.language(), detail, nodes, roots, notes: notes(explanation, words.language()) }
    }
}

/// Remarks on an explanation as a whole.
pub(super) fn notes(e: &Explanation, language: Language) -> Vec<String> {
    let mut out = Vec::new();
    if e.more_answers > 0 {
        out.push(match language {
            Language::Zh => format!("另有{}个结果未列出", e.more_answers),
            Language::En => format!("{} further answers are not shown", e.more_answers),
        });
    }
    if e.circular > 0 {
        out.push(match language {
            Language::Zh => format!("有{}个推导步骤循环依赖，未计入证明数", e.circular),
            Language::En if e.circular == 1 => "1 step goes round in a circle and is not counted as a proof".to_owned(),
            Language::En => format!("{} steps go round in a circle and are not counted as proofs", e.circular),
        });
    }
    if e.truncated {
        let en = "a bound was met: the number of proofs is a lower bound";
        out.push(language.pick("推导步骤过多，证明数只是下限", en).to_owned());
    }
    out
}

/// Whether a value is blank.
pub(super) fn blank(value: &Value) -> bool {
    match &value.value {
        Const::Symbol(s) => s.is_empty(),
        Const::Number(n) => *n == BLANK,
        _ => false,
    }
}

struct Builder<'a> {
    graph: &'a Graph,
    words: &'a dyn Words,
    detail: Detail,
    /// The graph proves something: no absence is its root.
    proves: bool,
    seen: HashMap<NodeIndex, usize>,
    order: Vec<NodeIndex>,
}

impl Builder<'_> {
    fn place(&mut self, node: NodeIndex) -> usize {
        let next = self.order.len();
        let at = *self.seen.entry(node).or_insert(next);
        if at == next {
            self.order.push(node);
        }
        at
    }

    fn visible(&self, node: NodeIndex) -> bool {
        let full = self.detail == Detail::Full;
        match &self.graph[node] {
            Node::Fact { rel, .. } => full || !self.words.mute_relation(*rel),
            Node::Rule { rule, .. } => full || !self.words.mute_rule(*rule),
            Node::Attempt { rule, .. } => full || (self.detail > Detail::Short && !self.words.mute_rule(*rule)),
            // An absence without attempts is all there is to say.
            Node::Absent { rel, .. } => full || !self.words.mute_absence(*rel) || self.children(node).is_empty(),
            // A test that something is filled in is no news.
            Node::Compare { op: CmpOp::Ne, left, right, holds: true, .. } if blank(left) || blank(right) => full,
            _ => self.detail > Detail::Short,
        }
    }

    /// Nodes shown below a node: hidden ones give way to what lies below them, in order, each once. With a hidden fact its
    /// rule goes too, and with a hidden absence the attempts, of which the nearest counts.
    fn visible_below(&self, node: NodeIndex) -> Vec<(NodeIndex, bool)> {
        let mut out: Vec<(NodeIndex, bool)> = Vec::new();
        let mut known: HashSet<NodeIndex> = HashSet::new();
        let mut stack: Vec<(NodeIndex, bool, bool)> = Vec::new();
        let push = |stack: &mut Vec<(NodeIndex, bool, bool)>, n: NodeIndex, hidden: bool| {
            let mut next = self.children(n);
            if hidden && matches!(self.graph[n], Node::Absent { .. }) {
                next.truncate(1);
            }
            let hide = |k: NodeIndex| hidden && matches!(self.graph[k], Node::Rule { .. } | Node::Attempt { .. });
            // What a hidden absence rests on is itself an absence that is as it should be.
            let fine =
                |k: NodeIndex| hidden && matches!(self.graph[k], Node::Absent { .. }) && !self.full_of_lacks(node);
            stack.extend(next.into_iter().rev().map(|(k, holds)| (k, holds || fine(k), hide(k))));
        };
        push(&mut stack, node, false);
        while let Some((n, holds, hide)) = stack.pop() {
            if !known.insert(n) {
                continue;
            }
            if self.goes_without_saying(n, holds) {
                continue;
            }
            if !hide && self.visible(n) {
                out.push((n, holds));
                continue;
            }
            push(&mut stack, n, hide || matches!(self.graph[n], Node::Fact { .. } | Node::Absent { .. }));
        }
        out
    }

    fn goes_without_saying(&self, node: NodeIndex, holds: bool) -> bool {
        self.detail < Detail::Full
            && match &self.graph[node] {
                Node::Unknown { .. } => holds,
                Node::Fact { rel, .. } => self.words.quiet(*rel) && holds,
                Node::Absent { rel, .. } => self.words.quiet(*rel) && holds,
                _ => false,
            }
    }

    /// What kind of lack a node is, where it is one.
    fn lack(&self, node: NodeIndex) -> Option<String> {
        let name = match &self.graph[node] {
            Node::Absent { rel, derivable, .. } => match self.words.program().rel(*rel).notes.get("lack") {
                Some(note) => note.split_whitespace().next().unwrap_or_default(),
                None if *derivable => "not_derived",
                None => "absent",
            },
            Node::Compare { .. } | Node::Range { .. } | Node::Aggregate { .. } => "refuted_value",
            Node::Fact { .. } => "blocked",
            Node::Unknown { .. } => "undecided",
            Node::Rule { .. } | Node::Attempt { .. } => return None,
        };
        Some(name.to_owned())
    }

    /// Whether what lies below a node is what it lacks.
    fn full_of_lacks(&self, node: NodeIndex) -> bool {
        matches!(self.graph[node], Node::Absent { .. } | Node::Attempt { .. })
    }

    fn children(&self, node: NodeIndex) -> Vec<(NodeIndex, bool)> {
        if let Node::Fact { rel, .. } | Node::Absent { rel, .. } = &self.graph[node]
            && self.words.leaf(*rel, self.detail)
        {
            return Vec::new();
        }
        let mut next: Vec<(NodeIndex, bool)> =
            below(self.graph, node).into_iter().map(|(n, link)| (n, link.holds)).collect();
        let in_proof = || {
            let above = self.graph.neighbors_directed(node, petgraph::Direction::Incoming);
            above.into_iter().any(|n| matches!(self.graph[n], Node::Rule { .. }))
        };
        // An absence that only an attempt within a proof lacks is not gone into.
        if matches!(self.graph[node], Node::Absent { .. }) && self.proves && self.detail < Detail::Full && !in_proof() {
            return Vec::new();
        }
        if matches!(self.graph[node], Node::Absent { .. }) && self.detail < Detail::Full && in_proof() {
            next.truncate(if self.detail == Detail::Short { 0 } else { 1 });
            // A rule of which nothing is met explains nothing.
            next.retain(|(n, _)| !matches!(self.graph[*n], Node::Attempt { met: 0, .. }));
        }
        next
    }

    fn word(&self, index: NodeIndex) -> ViewNode {
        let (w, language) = (self.words, self.words.language());
        let mut out = ViewNode {
            id: index.index(),
            kind: Kind::Unknown,
            text: String::new(),
            holds: true,
            relation: None,
            values: Vec::new(),
            rule: None,
            cite: None,
            place: None,
            origin: None,
            bindings: Vec::new(),
            proofs: None,
            lack: None,
            cost: None,
            notes: Vec::new(),
            folded: false,
            below: Vec::new(),
        };
        match &self.graph[index] {
            Node::Fact { rel, values, given, proofs, folded } => {
                out.kind = if *given { Kind::Given } else { Kind::Derived };
                out.relation = Some(w.program().rel(*rel).name.clone());
                out.values = values.iter().map(|v| Some(w.value(v))).collect();
                out.text = self.only_step(index).unwrap_or_else(|| w.fact(*rel, values));
                out.origin = if *given { w.origin(*rel, values) } else { None };
                out.proofs = Some(*proofs);
                out.folded = *folded;
            }
            Node::Rule { rule, bindings } | Node::Attempt { rule, bindings, .. } => {
                out.kind = Kind::Rule;
                out.rule = Some(w.rule_name(*rule));
                out.cite = w.cite(*rule);
                out.place = Some(w.program().place(w.program().rule(*rule).span));
                out.text = out.cite.clone().unwrap_or_else(|| w.rule_name(*rule));
                out.notes = w.remarks(*rule);
                out.bindings = bindings
                    .iter()
                    .filter(|b| !b.name.starts_with('$'))
                    .map(|b| {
                        let value = |c: &crate::lang::program::Const| {
                            w.value(&crate::proof::graph::Value { value: c.clone(), ty: b.ty })
                        };
                        (b.name.clone(), b.value.as_ref().map(value))
                    })
                    .collect();
                if let Node::Attempt { met, lacking, cost, .. } = &self.graph[index] {
                    out.kind = Kind::Attempt;
                    out.cost = Some(*cost);
                    out.holds = false;
                    out.notes.push(match language {
                        Language::Zh => format!("{met}项满足，{lacking}项不满足"),
                        Language::En => format!("{met} met, {lacking} lacking"),
                    });
                }
            }
            Node::Compare { op, left, right, holds, at } => {
                out.kind = Kind::Compare;
                if let (Some((rule, literal)), Detail::Full) = (at, self.detail) {
                    out.notes.push(w.literal(*rule, *literal));
                }
                out.text = w.comparison(*op, left, right, *holds);
                out.holds = *holds;
            }
            Node::Range { value, bounds, holds } => {
                out.kind = Kind::Range;
                let bounds: Vec<String> = bounds.iter().map(|b| w.value(b)).collect();
                let value = value.as_ref().map_or_else(|| "_".to_owned(), |v| w.value(v));
                out.text = format!("{value} {} range({})", if *holds { "∈" } else { "∉" }, bounds.join(", "));
                out.holds = *holds;
            }
            Node::Aggregate { op, result, wanted, rows, .. } => {
                out.kind = Kind::Aggregate;
                out.text = w.aggregate(*op, result.as_ref(), wanted.as_ref(), *rows);
                out.holds = wanted.is_none() && result.is_some();
            }
            Node::Absent { rel, pattern, again, more, .. } => {
                out.kind = Kind::Absent;
                out.relation = Some(w.program().rel(*rel).name.clone());
                out.values = pattern.iter().map(|v| v.as_ref().map(|v| w.value(v))).collect();
                out.text = w.absence(*rel, pattern);
                out.holds = false;
                out.folded = *again;
                if *more > 0 && self.detail == Detail::Full {
                    out.notes.push(match language {
                        Language::Zh => format!("另有{more}条规则也不成立"),
                        Language::En => format!("{more} further rules lack something too"),
                    });
                }
            }
            Node::Unknown { rule, literal } => {
                out.text = w.literal(*rule, *literal);
                out.holds = false;
            }
        }
        out
    }

    /// The sentence of the only rule below a fact, if it has one.
    fn only_step(&self, fact: NodeIndex) -> Option<String> {
        let steps = below(self.graph, fact);
        match steps.as_slice() {
            [(step, _)] => match &self.graph[*step] {
                Node::Rule { rule, bindings } => self.words.step(*rule, bindings),
                _ => None,
            },
            _ => None,
        }
    }
}
