//! What every later room relies on in a program without errors, checked on the kernel form alone.

use zhuize::lang::program::{Arg, Atom, CmpOp, Literal, Program, RelId, Rule, Term, VarId};

fn vars_of(t: &Term, out: &mut Vec<VarId>) {
    match t {
        Term::Var(v) => out.push(*v),
        Term::Const(_) => {}
        Term::Apply { args, .. } => args.iter().for_each(|a| vars_of(a, out)),
    }
}

fn term_vars(t: &Term) -> Vec<VarId> {
    let mut out = Vec::new();
    vars_of(t, &mut out);
    out
}

fn arg_vars(args: &[Arg]) -> Vec<VarId> {
    args.iter().filter_map(|a| if let Arg::Var(v) = a { Some(*v) } else { None }).collect()
}

fn atom(p: &Program, a: &Atom) -> Result<(), String> {
    let rel = p.relations.get(a.rel.index()).ok_or("an atom of no relation")?;
    if rel.arity() == a.args.len() {
        Ok(())
    } else {
        Err(format!("an atom of `{}` with {} arguments", rel.name, a.args.len()))
    }
}

/// Runs the literals in any order in which each has what it needs; what an evaluator does.
fn evaluable(p: &Program, r: &Rule) -> Result<(), String> {
    let mut bound = vec![false; r.vars.len()];
    let mut left: Vec<&Literal> = r.body.iter().collect();
    loop {
        let before = left.len();
        left.retain(|l| {
            let known = |vs: Vec<VarId>, bound: &[bool]| vs.iter().all(|v| bound[v.index()]);
            match l {
                Literal::Atom(a) => {
                    arg_vars(&a.args).iter().for_each(|v| bound[v.index()] = true);
                    false
                }
                Literal::Not(a) => !known(arg_vars(&a.args), &bound),
                Literal::Compare { op, left, right, .. } => {
                    let (a, b) = (known(term_vars(left), &bound), known(term_vars(right), &bound));
                    match (a, b, op, left, right) {
                        (true, true, ..) => false,
                        (false, true, CmpOp::Eq, Term::Var(v), _) | (true, false, CmpOp::Eq, _, Term::Var(v)) => {
                            bound[v.index()] = true;
                            false
                        }
                        _ => true,
                    }
                }
                Literal::Range { var, from, to, step, .. } => {
                    let needs = [Some(from), Some(to), step.as_ref()];
                    let ready = needs.into_iter().flatten().all(|t| known(term_vars(t), &bound));
                    bound[var.index()] |= ready;
                    !ready
                }
                Literal::Aggregate { group, result, .. } => {
                    let ready = known(arg_vars(group), &bound);
                    bound[result.index()] |= ready;
                    !ready
                }
            }
        });
        if left.len() == before {
            break;
        }
    }
    let head_open = r.args.iter().flat_map(term_vars).any(|v| !bound[v.index()]);
    if left.is_empty() && !head_open { Ok(()) } else { Err(format!("{}: stuck: {left:?}", p.place(r.span))) }
}

/// Whether all that the body of an aggregate reads of its own stratum are copies that list groups.
fn groups_only(p: &Program, aux: RelId, stratum: &[usize]) -> bool {
    let here = stratum[aux.index()];
    p.rules.iter().filter(|r| r.head == aux).all(|r| {
        let copies = r.copies();
        r.body.iter().enumerate().all(|(i, l)| match l {
            Literal::Atom(a) => stratum[a.rel.index()] < here || copies.contains(&i),
            Literal::Not(a) => stratum[a.rel.index()] < here,
            Literal::Aggregate { rel, .. } => {
                stratum[rel.index()] < here || (rel.0 < aux.0 && groups_only(p, *rel, stratum))
            }
            _ => true,
        })
    })
}

/// Every promise of `program.rs`.
pub fn check(p: &Program) -> Result<(), String> {
    let mut stratum = vec![usize::MAX; p.relations.len()];
    for (i, s) in p.strata.iter().enumerate() {
        for r in &s.relations {
            if std::mem::replace(&mut stratum[r.index()], i) != usize::MAX {
                return Err(format!("`{}` is in two strata", p.rel(*r).name));
            }
        }
    }
    if let Some(r) = stratum.iter().position(|s| *s == usize::MAX) {
        return Err(format!("`{}` is in no stratum", p.relations[r].name));
    }
    let mut placed = vec![0; p.rules.len()];
    for s in &p.strata {
        for r in &s.rules {
            placed[r.index()] += 1;
            if !s.relations.contains(&p.rule(*r).head) {
                return Err(String::from("a rule in a foreign stratum"));
            }
        }
    }
    if placed.iter().any(|n| *n != 1) {
        return Err(String::from("a rule in no stratum or in two"));
    }
    for r in &p.rules {
        let at = |m: String| format!("{}: {m}", p.place(r.span));
        if p.rel(r.head).arity() != r.args.len() {
            return Err(at(String::from("a head of the wrong width")));
        }
        let here = stratum[r.head.index()];
        for l in &r.body {
            match l {
                Literal::Atom(a) => {
                    atom(p, a).map_err(at)?;
                    let s = stratum[a.rel.index()];
                    if s > here || (s == here && !p.strata[here].recursive) {
                        return Err(at(String::from("reads a later stratum")));
                    }
                }
                Literal::Not(a) => {
                    atom(p, a).map_err(at)?;
                    if stratum[a.rel.index()] >= here {
                        return Err(at(String::from("negates its own or a later stratum")));
                    }
                }
                Literal::Aggregate { rel, group, value, .. } => {
                    // Inside recursion the groups may come from the stratum itself, the rows of a group may not.
                    let open = p.open_aggregates()[rel.index()];
                    let s = stratum[rel.index()];
                    if s > here || (s == here && !(open && groups_only(p, *rel, &stratum))) {
                        return Err(at(String::from("aggregates its own or a later stratum")));
                    }
                    let width = p.rel(*rel).arity();
                    if group.len() > width || value.is_some_and(|v| v != group.len() || v >= width) {
                        return Err(at(String::from("an aggregate's columns are not group, value, rest")));
                    }
                }
                _ => {}
            }
        }
        evaluable(p, r)?;
    }
    for f in &p.facts {
        if p.rel(f.rel).arity() != f.values.len() {
            return Err(String::from("a fact of the wrong width"));
        }
    }
    Ok(())
}
