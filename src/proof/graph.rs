//! The derivation graph: what its nodes and edges are. `build` makes it.

use super::rank::Count;
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::lang::program::{AggOp, CmpOp, Const, Prim, RelId, RuleId, TypeId};
use petgraph::graph::DiGraph;
pub use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

/// A derivation graph. Edges go from what follows to what it follows from; there is no cycle.
pub type Graph = DiGraph<Node, Link>;

/// A value with its declared type.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub value: Const,
    /// Declared type of the column or variable.
    pub ty: TypeId,
}

/// A variable of a rule with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Name as written; made-up ones begin with `$`.
    pub name: String,
    /// Declared type.
    pub ty: TypeId,
    /// The value; `None` where an attempt leaves it open.
    pub value: Option<Const>,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A fact that holds. Below it: one of its proofs, or all (alternatives).
    Fact {
        /// Relation.
        rel: RelId,
        /// Values, one per column.
        values: Vec<Value>,
        /// Whether it stands in the given facts.
        given: bool,
        /// Number of its proofs.
        proofs: Count,
        /// Whether its proof is left out here.
        folded: bool,
    },
    /// A rule that holds with these values. Below it: what its body rests on, all of it.
    Rule {
        /// The rule.
        rule: RuleId,
        /// Its variables.
        bindings: Vec<Binding>,
    },
    /// A comparison with both values.
    Compare {
        /// Operator.
        op: CmpOp,
        /// Left side.
        left: Value,
        /// Right side.
        right: Value,
        /// Whether it holds.
        holds: bool,
        /// The rule and the literal of its body; `None` for a head value that is not the one wanted.
        at: Option<(RuleId, usize)>,
    },
    /// A value looked for in a range.
    Range {
        /// The value; `None` if there is none.
        value: Option<Value>,
        /// From (included), to (excluded), step.
        bounds: Vec<Value>,
        /// Whether it lies in it.
        holds: bool,
    },
    /// An aggregate. Below it: the rows that contribute.
    Aggregate {
        /// Operator.
        op: AggOp,
        /// The relation aggregated (auxiliary).
        rel: RelId,
        /// The group: what is fixed.
        group: Vec<Option<Value>>,
        /// Its value; `None` when it has none.
        result: Option<Value>,
        /// The value wanted, where it is another.
        wanted: Option<Value>,
        /// Number of contributing rows.
        rows: usize,
    },
    /// Nothing of this pattern follows. Below it: the attempts that came nearest.
    Absent {
        /// Relation.
        rel: RelId,
        /// What was looked for; `None` for any value.
        pattern: Vec<Option<Value>>,
        /// It is examined elsewhere in the graph, and would go round in a circle here.
        again: bool,
        /// Attempts that are left out.
        more: usize,
        /// Whether a rule could conclude it at all.
        derivable: bool,
    },
    /// A rule that does not hold, with the values that satisfy most of it. Below it: what it lacks.
    Attempt {
        /// The rule.
        rule: RuleId,
        /// Its variables.
        bindings: Vec<Binding>,
        /// Literals that hold.
        met: usize,
        /// Literals that do not.
        lacking: usize,
        /// What it would take to make up for them: 1 for each row an inquiry could bring, more for the rest.
        cost: u32,
    },
    /// A literal that was not decided, as a value it needs is not known; its edge says whether it counts as lacking.
    Unknown {
        /// The rule.
        rule: RuleId,
        /// Index into its body.
        literal: usize,
    },
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index into the body of the rule above; `None` where the upper node is no rule.
    pub literal: Option<u32>,
    /// False for what an attempt lacks or is blocked by.
    pub holds: bool,
}

/// Nodes below a node with their edges, in the order in which they were put there.
#[must_use]
pub fn below(graph: &Graph, node: NodeIndex) -> Vec<(NodeIndex, &Link)> {
    let mut edges: Vec<_> = graph.edges(node).collect();
    edges.sort_by_key(|e| e.id());
    edges.into_iter().map(|e| (e.target(), e.weight())).collect()
}

/// The constant that a word of a machine type stands for.
#[must_use]
pub fn constant(prim: Prim, word: Word, symbols: &Symbols) -> Const {
    match prim {
        Prim::Symbol => Const::Symbol(symbols.resolve(word).into()),
        Prim::Number => Const::Number(value::to_number(word)),
        Prim::Unsigned => Const::Unsigned(word),
        Prim::Float => Const::Float(value::to_float(word)),
    }
}
