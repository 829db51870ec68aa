//! Witnesses: which rows give a `min` or a `max` its value.
//!
//! In `tallest(who, h) :- h = max x : { height(who, x) }` nothing outside the aggregate binds `who`. As in Soufflé the
//! clause then speaks of those for whom the value is reached: inside, the variable becomes the aggregate's own; outside,
//! the body stands a second time, with the result in place of the value. `count`, `sum` and `mean` have no such rows.

use super::core::{CAgg, CAtom, CExpr, CKind, CLit, CVar, Core, Node, Scope, V};
use super::ground::bound_without;
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{AggOp, CmpOp, Span};
use rustc_hash::FxHashMap;

/// An aggregate with witnesses.
struct Plan {
    /// Scope of its body.
    id: usize,
    span: Span,
    /// Shared variables that only its body binds.
    shared: Vec<V>,
    /// Own variables of its value, and the outer variables of the same name that nothing else binds.
    named: Vec<(V, V)>,
    /// Where those stand in the value.
    places: Vec<Span>,
    /// The variable that the aggregate alone defines.
    result: Option<V>,
}

/// Binds the witnesses of every `min` and `max`.
pub(crate) fn bind(core: &mut Core<'_>, diags: &mut Vec<Diagnostic>) {
    let mut any = false;
    let mut look = |e: &CExpr| e.each_agg(&mut |_| any = true);
    core.root.lits.iter().flat_map(CLit::exprs).for_each(&mut look);
    core.head.args.iter().for_each(&mut look);
    if !any {
        return;
    }
    let empty = Scope { id: core.root.id, lits: Vec::new() };
    let mut root = std::mem::replace(&mut core.root, empty);
    let mut head = std::mem::take(&mut core.head.args);
    Binder { core, diags, done: Vec::new() }.scope(&mut root, &[], &mut head);
    core.root = root;
    core.head.args = head;
}

struct Binder<'c, 's> {
    core: &'c mut Core<'s>,
    diags: &'c mut Vec<Diagnostic>,
    /// Scopes of aggregates that have been treated.
    done: Vec<usize>,
}

impl Binder<'_, '_> {
    fn scope(&mut self, scope: &mut Scope, outer: &[V], head: &mut [CExpr]) {
        loop {
            let plans = self.plans(scope, outer, head);
            if plans.is_empty() {
                break;
            }
            for plan in plans {
                self.done.push(plan.id);
                self.apply(&plan, scope, head);
            }
            self.share(scope, head);
        }
        each_agg_mut(scope, head, &mut |a| {
            let shared = a.shared.clone();
            self.scope(&mut a.scope, &shared, &mut []);
        });
        self.share(scope, head);
    }

    fn plans(&self, scope: &Scope, outer: &[V], head: &[CExpr]) -> Vec<Plan> {
        let bound = bound_without(self.core, scope, outer, None);
        let mut plans = Vec::new();
        let direct = |l: &CLit| match l {
            CLit::Compare { op: CmpOp::Eq, left, right, .. } => match (&left.kind, &right.kind) {
                (CKind::Var(v), CKind::Agg(a)) | (CKind::Agg(a), CKind::Var(v)) => Some((*v, a.scope.id)),
                _ => None,
            },
            _ => None,
        };
        let results: Vec<(V, usize)> = scope.lits.iter().filter_map(direct).collect();
        let mut found = |e: &CExpr| {
            e.each_agg(&mut |a| {
                if let Some(mut plan) = self.search(a, e.span, scope.id, &bound) {
                    plan.result = results.iter().find(|(_, id)| *id == plan.id).map(|(v, _)| *v);
                    plans.push(plan);
                }
            });
        };
        scope.lits.iter().flat_map(CLit::exprs).for_each(&mut found);
        head.iter().for_each(&mut found);
        plans
    }

    /// The outermost aggregate in `a`, itself included, whose body binds what scope `id` leaves open.
    fn search(&self, a: &CAgg, span: Span, id: usize, bound: &[bool]) -> Option<Plan> {
        let open = |v: V| self.core.vars[v].scope == id && !bound[v];
        if matches!(a.op, AggOp::Min | AggOp::Max) && !self.done.contains(&a.scope.id) {
            let given: Vec<V> = a.shared.iter().copied().filter(|v| !open(*v)).collect();
            let inside = bound_without(self.core, &a.scope, &given, None);
            let shared: Vec<V> = a.shared.iter().copied().filter(|v| open(*v) && inside[*v]).collect();
            let (mut named, mut places) = (Vec::new(), Vec::new());
            if let Some(value) = a.value.as_ref().filter(|v| v.as_var().is_none()) {
                value.each_var(&mut |u, at| {
                    let own = &self.core.vars[u];
                    let same = |o: &V| self.core.vars[*o].name == own.name && open(*o);
                    if own.scope == a.scope.id
                        && inside[u]
                        && let Some(o) = (0..self.core.vars.len()).find(same)
                    {
                        named.push((u, o));
                        places.push(at);
                    }
                });
            }
            if !shared.is_empty() || !named.is_empty() {
                return Some(Plan { id: a.scope.id, span, shared, named, places, result: None });
            }
        }
        let mut plan = None;
        a.scope.lits.iter().flat_map(CLit::exprs).for_each(|e| {
            e.each_agg(&mut |inner| {
                if plan.is_none() {
                    plan = self.search(inner, e.span, id, bound);
                }
            });
        });
        plan
    }

    fn apply(&mut self, plan: &Plan, scope: &mut Scope, head: &mut [CExpr]) {
        let places = &plan.places;
        self.diags
            .retain(|d| d.code != codes::SHADOWED || !d.primary.as_ref().is_some_and(|p| places.contains(&p.span)));
        let mut own: FxHashMap<V, V> = FxHashMap::default();
        for v in &plan.shared {
            own.insert(*v, self.fresh(*v, plan.id));
        }
        // Back to the outer variables, for the copy.
        let mut outside: FxHashMap<V, V> = own.iter().map(|(outer, inner)| (*inner, *outer)).collect();
        outside.extend(plan.named.iter().copied());
        let mut more = None;
        let id = scope.id;
        each_agg_mut(scope, head, &mut |top| {
            with_agg(top, plan.id, &mut |a| {
                a.shared.retain(|v| !own.contains_key(v));
                rename_agg(a, &own, &self.core.vars);
                more = Some(self.again(a, plan, &mut outside, id));
            });
        });
        scope.lits.extend(more.into_iter().flatten());
    }

    /// The body of an aggregate as literals of the scope around it, for the matches that reach the result.
    fn again(&mut self, a: &CAgg, plan: &Plan, map: &mut FxHashMap<V, V>, scope: usize) -> Vec<CLit> {
        let whole = plan.result.is_none().then(|| CExpr {
            kind: CKind::Agg(Box::new(self.copy_agg(a, &mut FxHashMap::default()))),
            span: plan.span,
            node: self.node(),
        });
        for v in 0..self.core.vars.len() {
            if self.core.vars[v].scope == a.scope.id && !map.contains_key(&v) {
                let new = self.fresh(v, scope);
                map.insert(v, new);
            }
        }
        let mut lits: Vec<CLit> = a.scope.lits.iter().map(|l| self.copy_lit(l, map)).collect();
        let right = match (plan.result, whole) {
            (Some(v), _) => Some(CExpr { kind: CKind::Var(v), span: plan.span, node: self.core.vars[v].node }),
            (None, whole) => whole,
        };
        if let (Some(value), Some(right)) = (&a.value, right) {
            let left = self.copy(value, map);
            lits.push(CLit::Compare { op: CmpOp::Eq, left, right, span: plan.span });
        }
        lits
    }

    fn node(&mut self) -> Node {
        self.core.nodes += 1;
        self.core.nodes - 1
    }

    /// A new variable of the same name in a scope.
    fn fresh(&mut self, v: V, scope: usize) -> V {
        let node = self.node();
        let name = self.core.vars[v].name;
        self.core.vars.push(CVar { name, scope, node });
        self.core.vars.len() - 1
    }

    fn copy(&mut self, e: &CExpr, map: &mut FxHashMap<V, V>) -> CExpr {
        let kind = match &e.kind {
            CKind::Var(v) => {
                let v = map.get(v).copied().unwrap_or(*v);
                return CExpr { kind: CKind::Var(v), span: e.span, node: self.core.vars[v].node };
            }
            CKind::Wild => CKind::Wild,
            CKind::Bad => CKind::Bad,
            CKind::Str(s) => CKind::Str(s.clone()),
            CKind::Num(n) => CKind::Num(*n),
            CKind::Call(op, args) => CKind::Call(*op, args.iter().map(|a| self.copy(a, map)).collect()),
            CKind::Range(args) => CKind::Range(args.iter().map(|a| self.copy(a, map)).collect()),
            CKind::Cast(inner, ty) => CKind::Cast(Box::new(self.copy(inner, map)), *ty),
            CKind::Agg(a) => CKind::Agg(Box::new(self.copy_agg(a, map))),
        };
        CExpr { kind, span: e.span, node: self.node() }
    }

    /// A copy with a scope and variables of its own.
    fn copy_agg(&mut self, a: &CAgg, map: &mut FxHashMap<V, V>) -> CAgg {
        let id = self.core.scopes;
        self.core.scopes += 1;
        self.done.push(id);
        for v in 0..self.core.vars.len() {
            if self.core.vars[v].scope == a.scope.id {
                let new = self.fresh(v, id);
                map.insert(v, new);
            }
        }
        let value = a.value.as_ref().map(|v| self.copy(v, map));
        let lits = a.scope.lits.iter().map(|l| self.copy_lit(l, map)).collect();
        let shared = a.shared.iter().map(|v| map.get(v).copied().unwrap_or(*v)).collect();
        CAgg { op: a.op, value, scope: Scope { id, lits }, shared }
    }

    fn copy_lit(&mut self, l: &CLit, map: &mut FxHashMap<V, V>) -> CLit {
        match l {
            CLit::Atom(a) => CLit::Atom(self.copy_atom(a, map)),
            CLit::Not(a) => CLit::Not(self.copy_atom(a, map)),
            CLit::Compare { op, left, right, span } => {
                CLit::Compare { op: *op, left: self.copy(left, map), right: self.copy(right, map), span: *span }
            }
            CLit::Bool(b, span) => CLit::Bool(*b, *span),
        }
    }

    fn copy_atom(&mut self, a: &CAtom, map: &mut FxHashMap<V, V>) -> CAtom {
        CAtom { rel: a.rel, args: a.args.iter().map(|e| self.copy(e, map)).collect(), span: a.span }
    }

    /// Finds anew what each aggregate shares with what stands around it.
    fn share(&self, scope: &mut Scope, head: &mut [CExpr]) {
        let vars = &self.core.vars;
        each_agg_mut(scope, head, &mut |a| share_agg(a, vars));
    }
}

fn share_agg(a: &mut CAgg, vars: &[CVar<'_>]) {
    let mut no_head: [CExpr; 0] = [];
    each_agg_mut(&mut a.scope, &mut no_head, &mut |inner| share_agg(inner, vars));
    let (id, mut shared) = (a.scope.id, Vec::new());
    let mut see = |v: V, _: Span| {
        if vars[v].scope != id && !shared.contains(&v) {
            shared.push(v);
        }
    };
    a.value.iter().for_each(|e| e.each_var(&mut see));
    a.scope.lits.iter().for_each(|l| l.each_var(&mut see));
    a.shared = shared;
}

fn exprs_mut(l: &mut CLit) -> Vec<&mut CExpr> {
    match l {
        CLit::Atom(a) | CLit::Not(a) => a.args.iter_mut().collect(),
        CLit::Compare { left, right, .. } => vec![left, right],
        CLit::Bool(..) => Vec::new(),
    }
}

/// Calls `f` on every aggregate of a scope that is not inside another.
fn each_agg_mut(scope: &mut Scope, head: &mut [CExpr], f: &mut dyn FnMut(&mut CAgg)) {
    scope.lits.iter_mut().flat_map(exprs_mut).for_each(|e| in_expr(e, f));
    head.iter_mut().for_each(|e| in_expr(e, f));
}

fn in_expr(e: &mut CExpr, f: &mut dyn FnMut(&mut CAgg)) {
    match &mut e.kind {
        CKind::Call(_, args) | CKind::Range(args) => args.iter_mut().for_each(|a| in_expr(a, f)),
        CKind::Cast(inner, _) => in_expr(inner, f),
        CKind::Agg(a) => f(a),
        _ => {}
    }
}

/// Calls `f` on the aggregate with that scope, if it is `a` or inside it.
fn with_agg(a: &mut CAgg, id: usize, f: &mut dyn FnMut(&mut CAgg)) {
    if a.scope.id == id {
        return f(a);
    }
    each_agg_mut(&mut a.scope, &mut [], &mut |inner| with_agg(inner, id, f));
}

fn rename_agg(a: &mut CAgg, map: &FxHashMap<V, V>, vars: &[CVar<'_>]) {
    a.value.iter_mut().for_each(|e| rename(e, map, vars));
    a.scope.lits.iter_mut().flat_map(exprs_mut).for_each(|e| rename(e, map, vars));
    a.shared.iter_mut().for_each(|v| *v = map.get(v).copied().unwrap_or(*v));
}

fn rename(e: &mut CExpr, map: &FxHashMap<V, V>, vars: &[CVar<'_>]) {
    match &mut e.kind {
        CKind::Var(v) => {
            if let Some(new) = map.get(v) {
                *v = *new;
                e.node = vars[*new].node;
            }
        }
        CKind::Call(_, args) | CKind::Range(args) => args.iter_mut().for_each(|a| rename(a, map, vars)),
        CKind::Cast(inner, _) => rename(inner, map, vars),
        CKind::Agg(a) => rename_agg(a, map, vars),
        CKind::Wild | CKind::Str(_) | CKind::Num(_) | CKind::Bad => {}
    }
}
