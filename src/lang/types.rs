//! Declared types: machine type, subtyping, greatest common subtypes.
//!
//! `A <: B` makes A a subtype of B; `A = B | C` makes B and C subtypes of A; `A = B` makes both the same. Two types that
//! are not comparable still go together when some third type is a subtype of both.

use super::ast::{Name, TypeBody, TypeDecl};
use super::codes;
use super::diagnostic::Diagnostic;
use super::program::{Notes, Prim, Span, TypeDef, TypeId};
use super::suggest;
use rustc_hash::FxHashMap;

/// Name of the type whose values are days.
const DATE: &str = "Date";

/// The primitives, in the order of [`Prim`].
const PRIMITIVES: [(&str, Prim); 4] =
    [("symbol", Prim::Symbol), ("number", Prim::Number), ("unsigned", Prim::Unsigned), ("float", Prim::Float)];

/// Name of a machine type.
pub(crate) fn prim_name(prim: Prim) -> &'static str {
    PRIMITIVES[prim as usize].0
}

/// The type table.
pub(crate) struct Types {
    pub defs: Vec<TypeDef>,
    by_name: FxHashMap<String, TypeId>,
    /// `below[a][b]`: a is a subtype of b (or equal).
    below: Vec<Vec<bool>>,
}

impl Types {
    /// Reads the declarations.
    pub fn declare(decls: &[TypeDecl<'_>], diags: &mut Vec<Diagnostic>) -> Self {
        let mut t = Self { defs: Vec::new(), by_name: FxHashMap::default(), below: Vec::new() };
        for (name, prim) in PRIMITIVES {
            t.add(name, prim, Notes::default(), None);
        }
        let mut bodies: Vec<(TypeId, &TypeDecl<'_>)> = Vec::new();
        for d in decls {
            if let Some(old) = t.by_name.get(d.name.text) {
                let mut e = Diagnostic::error(
                    codes::DUPLICATE,
                    format!("the type `{}` is declared twice", d.name.text),
                    d.name.span,
                );
                match t.defs[old.index()].span {
                    Some(s) => e = e.also(s, "first declared here"),
                    None => e = e.note("it is one of the built-in types"),
                }
                diags.push(e);
                continue;
            }
            let id = t.add(d.name.text, Prim::Symbol, d.notes.clone(), Some(d.span));
            bodies.push((id, d));
        }
        let mut edges = t.link(&bodies, diags);
        t.close(&edges);
        while t.lift_unions(&bodies, &mut edges) {
            t.close(&edges);
        }
        t.find_prims(&bodies, diags);
        t
    }

    fn add(&mut self, name: &str, prim: Prim, notes: Notes, span: Option<Span>) -> TypeId {
        let id = TypeId(self.defs.len() as u32);
        self.defs.push(TypeDef { name: name.to_owned(), prim, parent: None, date: false, notes, span });
        self.by_name.insert(name.to_owned(), id);
        id
    }

    /// The type of that name, or a diagnostic.
    pub fn resolve(&self, name: &str, span: Span, diags: &mut Vec<Diagnostic>) -> Option<TypeId> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        let mut d = Diagnostic::error(codes::UNKNOWN_TYPE, format!("there is no type `{name}`"), span);
        d = match (name, suggest::nearest(name, self.defs.iter().map(|t| t.name.as_str()))) {
            ("string" | "str" | "text" | "String", _) => d.help("texts have the type `symbol`"),
            ("int" | "integer" | "i32", _) => d.help("whole numbers have the type `number`"),
            (_, Some(s)) => d.help(format!("did you mean `{s}`?")),
            _ => d.help(format!("declare it with `.type {name} <: symbol` or `<: number`")),
        };
        diags.push(d);
        None
    }

    /// Direct subtype edges (below, above); fills in parents.
    fn link(&mut self, bodies: &[(TypeId, &TypeDecl<'_>)], diags: &mut Vec<Diagnostic>) -> Vec<(TypeId, TypeId)> {
        let mut edges = Vec::new();
        for (id, d) in bodies {
            match &d.def {
                TypeBody::Sub(parent) => {
                    if let Some(p) = self.resolve(parent.text, parent.span, diags) {
                        self.defs[id.index()].parent = Some(p);
                        edges.push((*id, p));
                    }
                }
                TypeBody::Old(prim) => {
                    let p = TypeId(*prim as u32);
                    self.defs[id.index()].parent = Some(p);
                    edges.push((*id, p));
                }
                TypeBody::Union(parts) => {
                    for part in parts {
                        let Some(p) = self.resolve(part.text, part.span, diags) else { continue };
                        edges.push((p, *id));
                        if parts.len() == 1 {
                            edges.push((*id, p));
                            self.defs[id.index()].parent = Some(p);
                        }
                    }
                }
            }
        }
        edges
    }

    /// Transitive closure.
    fn close(&mut self, edges: &[(TypeId, TypeId)]) {
        let n = self.defs.len();
        let mut up: Vec<Vec<usize>> = vec![Vec::new(); n];
        for (a, b) in edges {
            up[a.index()].push(b.index());
        }
        self.below = (0..n)
            .map(|start| {
                let mut seen = vec![false; n];
                let mut todo = vec![start];
                while let Some(t) = todo.pop() {
                    if !std::mem::replace(&mut seen[t], true) {
                        todo.extend(&up[t]);
                    }
                }
                seen
            })
            .collect();
    }

    /// A union is below whatever all its parts are below. Whether an edge was added.
    fn lift_unions(&self, bodies: &[(TypeId, &TypeDecl<'_>)], edges: &mut Vec<(TypeId, TypeId)>) -> bool {
        let before = edges.len();
        for (id, d) in bodies {
            let TypeBody::Union(parts) = &d.def else { continue };
            let parts: Vec<TypeId> = parts.iter().filter_map(|n| self.by_name.get(n.text).copied()).collect();
            for t in (0..self.defs.len() as u32).map(TypeId) {
                if !parts.is_empty() && !self.is_below(*id, t) && parts.iter().all(|p| self.is_below(*p, t)) {
                    edges.push((*id, t));
                }
            }
        }
        edges.len() > before
    }

    /// Machine types, dates, and definitions that have none or several.
    fn find_prims(&mut self, bodies: &[(TypeId, &TypeDecl<'_>)], diags: &mut Vec<Diagnostic>) {
        let date = self.by_name.get(DATE).copied();
        for (id, d) in bodies {
            // The definitions it rests on; their primitives must agree.
            let mut prims: Vec<Prim> = Vec::new();
            let mut seen = vec![false; self.defs.len()];
            let mut todo = vec![*id];
            let mut round = false;
            while let Some(t) = todo.pop() {
                if std::mem::replace(&mut seen[t.index()], true) {
                    round |= t == *id;
                    continue;
                }
                if t.index() < PRIMITIVES.len() {
                    prims.push(PRIMITIVES[t.index()].1);
                    continue;
                }
                let rests_on: &[Name<'_>] = match bodies.iter().find(|(i, _)| *i == t).map(|(_, d)| &d.def) {
                    Some(TypeBody::Sub(parent)) => std::slice::from_ref(parent),
                    Some(TypeBody::Union(parts)) => parts,
                    Some(TypeBody::Old(p)) => {
                        prims.push(*p);
                        &[]
                    }
                    None => &[],
                };
                todo.extend(rests_on.iter().filter_map(|n| self.by_name.get(n.text).copied()));
            }
            prims.sort_unstable();
            prims.dedup();
            match prims.as_slice() {
                [_, ..] if round => diags.push(
                    Diagnostic::error(
                        codes::BAD_TYPE,
                        format!("the type `{}` is defined by itself", d.name.text),
                        d.span,
                    )
                    .help("a union names types that do not lead back to it"),
                ),
                [one] => {
                    let def = &mut self.defs[id.index()];
                    def.prim = *one;
                    def.parent = def.parent.or(Some(TypeId(*one as u32)));
                }
                [] => {
                    // An unknown name inside has been reported already; what is left is a circle.
                    let circle = (0..self.defs.len())
                        .any(|o| o != id.index() && self.below[id.index()][o] && self.below[o][id.index()]);
                    let itself = matches!(&d.def, TypeBody::Sub(n) if n.text == d.name.text);
                    if circle || itself {
                        diags.push(
                            Diagnostic::error(
                                codes::BAD_TYPE,
                                format!("the type `{}` is defined by itself", d.name.text),
                                d.span,
                            )
                            .help("every type goes back to `symbol`, `number`, `unsigned` or `float`"),
                        );
                    }
                }
                [first, .., last] => {
                    self.defs[id.index()].prim = *first;
                    diags.push(Diagnostic::error(
                        codes::BAD_TYPE,
                        format!("the type `{}` mixes `{}` and `{}`", d.name.text, prim_name(*first), prim_name(*last)),
                        d.span,
                    ));
                }
            }
        }
        if let Some(date) = date {
            for t in 0..self.defs.len() {
                self.defs[t].date = self.defs[t].prim == Prim::Number && self.below[t][date.index()];
            }
        }
    }

    pub fn def(&self, id: TypeId) -> &TypeDef {
        &self.defs[id.index()]
    }

    pub fn name(&self, id: TypeId) -> &str {
        &self.defs[id.index()].name
    }

    pub fn primitive(prim: Prim) -> TypeId {
        TypeId(prim as u32)
    }

    /// Whether `a` is `b` or a subtype of it.
    pub fn is_below(&self, a: TypeId, b: TypeId) -> bool {
        self.below[a.index()][b.index()]
    }

    /// The greatest types below both; empty when the two clash.
    pub fn meet(&self, a: TypeId, b: TypeId) -> Vec<TypeId> {
        if self.is_below(a, b) {
            return vec![a];
        }
        if self.is_below(b, a) {
            return vec![b];
        }
        let both: Vec<TypeId> =
            (0..self.defs.len() as u32).map(TypeId).filter(|c| self.is_below(*c, a) && self.is_below(*c, b)).collect();
        both.iter()
            .copied()
            .filter(|c| !both.iter().any(|o| o != c && self.is_below(*c, *o) && !(self.is_below(*o, *c) && o.0 > c.0)))
            .collect()
    }

    /// Meet of two sets.
    pub fn meet_sets(&self, a: &[TypeId], b: TypeId) -> Vec<TypeId> {
        let mut out: Vec<TypeId> = a.iter().flat_map(|x| self.meet(*x, b)).collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}
