//! Terms, comparisons, ranges and aggregates on plain values: an implementation of its own, shared with no evaluator.

use crate::lang::program::{AggOp, CmpOp, Const, Functor, Prim, Term, VarId};
use std::cmp::Ordering;

/// Why there is no value, in a few words for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoValue(pub String);

/// The machine type of a value.
#[must_use]
pub fn prim(c: &Const) -> Prim {
    match c {
        Const::Symbol(_) => Prim::Symbol,
        Const::Number(_) => Prim::Number,
        Const::Unsigned(_) => Prim::Unsigned,
        Const::Float(_) => Prim::Float,
    }
}

/// A value as people write it.
#[must_use]
pub fn show(c: &Const) -> String {
    match c {
        Const::Symbol(s) => format!("{s:?}"),
        Const::Number(n) => n.to_string(),
        Const::Unsigned(n) => format!("{n}u"),
        Const::Float(f) => f.to_string(),
    }
}

/// Zero has no sign here.
#[must_use]
pub fn plain(f: f32) -> f32 {
    if f == 0.0 { 0.0 } else { f }
}

/// Order of two values of one type; text by its characters.
#[must_use]
pub fn order(a: &Const, b: &Const) -> Ordering {
    match (a, b) {
        (Const::Symbol(a), Const::Symbol(b)) => a.as_ref().cmp(b.as_ref()),
        (Const::Number(a), Const::Number(b)) => a.cmp(b),
        (Const::Unsigned(a), Const::Unsigned(b)) => a.cmp(b),
        (Const::Float(a), Const::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        _ => prim(a).cmp(&prim(b)),
    }
}

fn number(n: Option<i32>) -> Option<Const> {
    n.map(Const::Number)
}

fn text(s: &str) -> Option<Const> {
    Some(Const::Symbol(s.into()))
}

fn float(f: f32) -> Option<Const> {
    (!f.is_nan()).then(|| Const::Float(plain(f)))
}

fn truth(b: bool) -> Option<i32> {
    Some(i32::from(b))
}

/// Value of a term; `vars` gives the values of variables.
///
/// # Errors
/// When a variable is open or an operation has no value.
pub fn eval(term: &Term, vars: &dyn Fn(VarId) -> Option<Const>) -> Result<Const, NoValue> {
    match term {
        Term::Var(v) => vars(*v).ok_or_else(|| NoValue("an open variable".into())),
        Term::Const(Const::Float(f)) => Ok(Const::Float(plain(*f))),
        Term::Const(c) => Ok(c.clone()),
        Term::Apply { op, args, .. } => {
            let args = args.iter().map(|t| eval(t, vars)).collect::<Result<Vec<_>, _>>()?;
            apply(*op, &args).ok_or_else(|| {
                let shown: Vec<String> = args.iter().map(show).collect();
                NoValue(format!("{op:?}({})", shown.join(", ")))
            })
        }
    }
}

/// A functor applied; `None` when it has no value (overflow, division by zero, text that is no number, or an `ord`, whose
/// numbers mean nothing outside the run that gave them).
#[must_use]
pub fn apply(op: Functor, args: &[Const]) -> Option<Const> {
    if let (op, true) = op.written() {
        return modulo(op, args);
    }
    match (op, args) {
        (Functor::Cat, _) => {
            let mut out = String::new();
            for a in args {
                let Const::Symbol(s) = a else { return None };
                out.push_str(s);
            }
            text(&out)
        }
        (Functor::SubStr, [Const::Symbol(s), Const::Number(from), Const::Number(count)]) => {
            let Ok(from) = usize::try_from(*from) else { return text("") };
            let rest = s.chars().skip(from);
            let part: String = match usize::try_from(*count) {
                Ok(n) => rest.take(n).collect(),
                Err(_) => rest.collect(),
            };
            text(&part)
        }
        (Functor::StrLen, [Const::Symbol(s)]) => number(i32::try_from(s.chars().count()).ok()),
        (Functor::Min, [first, rest @ ..]) => {
            Some(rest.iter().fold(first, |m, c| if order(c, m).is_lt() { c } else { m }).clone())
        }
        (Functor::Max, [first, rest @ ..]) => {
            Some(rest.iter().fold(first, |m, c| if order(c, m).is_gt() { c } else { m }).clone())
        }
        (Functor::ToNumber | Functor::ToUnsigned | Functor::ToFloat | Functor::ToString, [a]) => convert(op, a),
        (_, [Const::Number(a)]) => number(match op {
            Functor::Neg => a.checked_neg(),
            Functor::BitNot => Some(!a),
            Functor::LogicNot => truth(*a == 0),
            _ => None,
        }),
        (_, [Const::Unsigned(a)]) => match op {
            Functor::Neg => (*a == 0).then_some(Const::Unsigned(0)),
            Functor::BitNot => Some(Const::Unsigned(!a)),
            Functor::LogicNot => Some(Const::Unsigned(u32::from(*a == 0))),
            _ => None,
        },
        (Functor::Neg, [Const::Float(a)]) => float(-a),
        (_, [Const::Number(a), Const::Number(b)]) => number(signed(op, *a, *b)),
        (_, [Const::Unsigned(a), Const::Unsigned(b)]) => unsigned(op, *a, *b).map(Const::Unsigned),
        (_, [Const::Float(a), Const::Float(b)]) => match op {
            Functor::Add => float(a + b),
            Functor::Sub => float(a - b),
            Functor::Mul => float(a * b),
            Functor::Div => float(a / b),
            Functor::Pow => float(a.powf(*b)),
            _ => None,
        },
        _ => None,
    }
}

/// The same modulo 2^32, for programs that ask for it.
fn modulo(op: Functor, args: &[Const]) -> Option<Const> {
    Some(match (op, args) {
        (Functor::Neg, [Const::Number(a)]) => Const::Number(a.wrapping_neg()),
        (Functor::Neg, [Const::Unsigned(a)]) => Const::Unsigned(a.wrapping_neg()),
        (Functor::ToNumber, [Const::Unsigned(a)]) => Const::Number(*a as i32),
        (Functor::ToUnsigned, [Const::Number(a)]) => Const::Unsigned(*a as u32),
        (_, [Const::Number(a), Const::Number(b)]) => Const::Number(match op {
            Functor::Add => a.wrapping_add(*b),
            Functor::Sub => a.wrapping_sub(*b),
            Functor::Mul => a.wrapping_mul(*b),
            Functor::Div if *b != 0 => a.wrapping_div(*b),
            Functor::Pow if *b >= 0 => a.wrapping_pow(*b as u32),
            _ => return apply(op, args),
        }),
        (_, [Const::Unsigned(a), Const::Unsigned(b)]) => Const::Unsigned(match op {
            Functor::Add => a.wrapping_add(*b),
            Functor::Sub => a.wrapping_sub(*b),
            Functor::Mul => a.wrapping_mul(*b),
            Functor::Pow => a.wrapping_pow(*b),
            _ => return apply(op, args),
        }),
        _ => return apply(op, args),
    })
}

fn signed(op: Functor, a: i32, b: i32) -> Option<i32> {
    let places = b.rem_euclid(32) as u32;
    match op {
        Functor::Add => a.checked_add(b),
        Functor::Sub => a.checked_sub(b),
        Functor::Mul => a.checked_mul(b),
        Functor::Div => a.checked_div(b),
        // The remainder of the least number by -1 is 0, though the quotient overflows.
        Functor::Mod if b == -1 => Some(0),
        Functor::Mod => a.checked_rem(b),
        Functor::Pow if b >= 0 => a.checked_pow(b as u32),
        // The whole part of a fraction.
        Functor::Pow => match a {
            0 => None,
            1 => Some(1),
            -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
            _ => Some(0),
        },
        Functor::BitAnd => Some(a & b),
        Functor::BitOr => Some(a | b),
        Functor::BitXor => Some(a ^ b),
        Functor::ShiftLeft => Some(a.wrapping_shl(places)),
        Functor::ShiftRight => Some(a.wrapping_shr(places)),
        Functor::ShiftRightUnsigned => Some((a as u32).wrapping_shr(places) as i32),
        Functor::LogicAnd => truth(a != 0 && b != 0),
        Functor::LogicOr => truth(a != 0 || b != 0),
        Functor::LogicXor => truth((a == 0) != (b == 0)),
        _ => None,
    }
}

fn unsigned(op: Functor, a: u32, b: u32) -> Option<u32> {
    match op {
        Functor::Add => a.checked_add(b),
        Functor::Sub => a.checked_sub(b),
        Functor::Mul => a.checked_mul(b),
        Functor::Div => a.checked_div(b),
        Functor::Mod => a.checked_rem(b),
        Functor::Pow => a.checked_pow(b),
        Functor::BitAnd => Some(a & b),
        Functor::BitOr => Some(a | b),
        Functor::BitXor => Some(a ^ b),
        Functor::ShiftLeft => Some(a.wrapping_shl(b % 32)),
        Functor::ShiftRight | Functor::ShiftRightUnsigned => Some(a.wrapping_shr(b % 32)),
        Functor::LogicAnd => Some(u32::from(a != 0 && b != 0)),
        Functor::LogicOr => Some(u32::from(a != 0 || b != 0)),
        Functor::LogicXor => Some(u32::from((a == 0) != (b == 0))),
        _ => None,
    }
}

fn convert(op: Functor, a: &Const) -> Option<Const> {
    let whole = |f: f32| f64::from(f).trunc();
    match (op, a) {
        (Functor::ToString, Const::Symbol(_))
        | (Functor::ToNumber, Const::Number(_))
        | (Functor::ToUnsigned, Const::Unsigned(_))
        | (Functor::ToFloat, Const::Float(_)) => Some(a.clone()),
        (Functor::ToString, Const::Number(n)) => text(&n.to_string()),
        (Functor::ToString, Const::Unsigned(n)) => text(&n.to_string()),
        (Functor::ToString, Const::Float(f)) => text(&format!("{f:.6}")),
        (Functor::ToNumber, Const::Symbol(s)) => number(s.parse().ok()),
        (Functor::ToNumber, Const::Unsigned(n)) => number(i32::try_from(*n).ok()),
        (Functor::ToNumber, Const::Float(f)) => {
            let f = whole(*f);
            number((f >= f64::from(i32::MIN) && f <= f64::from(i32::MAX)).then_some(f as i32))
        }
        (Functor::ToUnsigned, Const::Symbol(s)) => {
            let digits = |d: &str, base: u32| {
                if d.starts_with(['+', '-']) { None } else { u32::from_str_radix(d, base).ok() }
            };
            let n = match (s.strip_prefix("0x"), s.strip_prefix("0b")) {
                (Some(d), _) => digits(d, 16),
                (_, Some(d)) => digits(d, 2),
                _ => s.parse().ok(),
            };
            n.map(Const::Unsigned)
        }
        (Functor::ToUnsigned, Const::Number(n)) => u32::try_from(*n).ok().map(Const::Unsigned),
        (Functor::ToUnsigned, Const::Float(f)) => {
            let f = whole(*f);
            (f >= 0.0 && f <= f64::from(u32::MAX)).then_some(Const::Unsigned(f as u32))
        }
        (Functor::ToFloat, Const::Symbol(s)) => s.parse().ok().and_then(float),
        (Functor::ToFloat, Const::Number(n)) => float(*n as f32),
        (Functor::ToFloat, Const::Unsigned(n)) => float(*n as f32),
        _ => None,
    }
}

/// Whether a comparison holds; `None` when it has no answer (a pattern that is none).
#[must_use]
pub fn compare(op: CmpOp, a: &Const, b: &Const) -> Option<bool> {
    let texts = || match (a, b) {
        (Const::Symbol(a), Const::Symbol(b)) => Some((a.as_ref(), b.as_ref())),
        _ => None,
    };
    Some(match op {
        CmpOp::Eq => a == b,
        CmpOp::Ne => a != b,
        CmpOp::Lt => order(a, b).is_lt(),
        CmpOp::Le => order(a, b).is_le(),
        CmpOp::Gt => order(a, b).is_gt(),
        CmpOp::Ge => order(a, b).is_ge(),
        CmpOp::Match | CmpOp::NotMatch => {
            let (pattern, text) = texts()?;
            let found = regex::Regex::new(&format!(r"\A(?:{pattern})\z")).ok()?.is_match(text);
            found == (op == CmpOp::Match)
        }
        CmpOp::Contains | CmpOp::NotContains => {
            let (part, text) = texts()?;
            text.contains(part) == (op == CmpOp::Contains)
        }
    })
}

/// The values of a range, one after the other.
#[derive(Clone, Debug)]
pub enum Range {
    /// Whole numbers: next, end, step, whether they are unsigned.
    Whole(i64, i64, i64, bool),
    /// Floats: next, end, step.
    Real(f32, f32, f32),
    /// Nothing more.
    Done,
}

impl Range {
    /// The values of `range(from, to, step)`; without a step 1 or -1 by direction, with step 0 the first value only.
    #[must_use]
    pub fn new(from: &Const, to: &Const, step: Option<&Const>) -> Self {
        let whole = |c: &Const| match c {
            Const::Number(n) => Some(i64::from(*n)),
            Const::Unsigned(n) => Some(i64::from(*n)),
            _ => None,
        };
        if let (Const::Float(from), Const::Float(to)) = (from, to) {
            let step = match step {
                Some(Const::Float(s)) => *s,
                Some(_) => return Self::Done,
                None => {
                    if from <= to {
                        1.0
                    } else {
                        -1.0
                    }
                }
            };
            return Self::Real(*from, *to, step);
        }
        let (Some(a), Some(b)) = (whole(from), whole(to)) else { return Self::Done };
        let Some(step) = step.map_or(Some(if a <= b { 1 } else { -1 }), whole) else { return Self::Done };
        Self::Whole(a, b, step, matches!(from, Const::Unsigned(_)))
    }

    /// Whether a value is one of them.
    #[must_use]
    pub fn contains(self, value: &Const) -> bool {
        match (&self, value) {
            (Self::Whole(a, b, step, false), Const::Number(_))
            | (Self::Whole(a, b, step, true), Const::Unsigned(_)) => {
                let v = match value {
                    Const::Number(n) => i64::from(*n),
                    Const::Unsigned(n) => i64::from(*n),
                    _ => return false,
                };
                match step.cmp(&0) {
                    Ordering::Greater => *a <= v && v < *b && (v - a) % step == 0,
                    Ordering::Less => *b < v && v <= *a && (a - v) % step == 0,
                    Ordering::Equal => v == *a && a != b,
                }
            }
            (Self::Real(..), Const::Float(_)) => self.into_iter().any(|c| c == *value),
            _ => false,
        }
    }
}

impl Iterator for Range {
    type Item = Const;

    fn next(&mut self) -> Option<Const> {
        match *self {
            Self::Whole(a, b, step, natural) => {
                let inside = match step.cmp(&0) {
                    Ordering::Greater => a < b,
                    Ordering::Less => b < a,
                    Ordering::Equal => a != b,
                };
                *self = if inside && step != 0 { Self::Whole(a + step, b, step, natural) } else { Self::Done };
                let value = if natural {
                    u32::try_from(a).ok().map(Const::Unsigned)
                } else {
                    i32::try_from(a).ok().map(Const::Number)
                };
                value.filter(|_| inside)
            }
            Self::Real(a, b, step) => {
                let inside = (step > 0.0 && a < b) || (step < 0.0 && b < a) || (step == 0.0 && a != b);
                *self = if inside && a + step != a { Self::Real(a + step, b, step) } else { Self::Done };
                inside.then_some(Const::Float(plain(a)))
            }
            Self::Done => None,
        }
    }
}

/// Value of an aggregate over the values of its rows (for `count`, anything for each row); `Ok(None)` when `min`, `max` or
/// `mean` has no rows.
///
/// # Errors
/// When the value does not fit its type.
pub fn fold(op: AggOp, result: Prim, values: &[Const]) -> Result<Option<Const>, NoValue> {
    let none = || NoValue(format!("{} of {} values", op.word(), values.len()));
    let whole = |c: &Const| match c {
        Const::Number(n) => i64::from(*n),
        Const::Unsigned(n) => i64::from(*n),
        _ => 0,
    };
    // Floats are added in ascending order with double precision, so that the order of rows does not matter.
    let real = || {
        let mut list: Vec<f32> =
            values.iter().filter_map(|c| if let Const::Float(f) = c { Some(*f) } else { None }).collect();
        list.sort_by(f32::total_cmp);
        list.into_iter().map(f64::from).sum::<f64>()
    };
    let floats = values.iter().any(|c| matches!(c, Const::Float(_)));
    Ok(match op {
        AggOp::Count => Some(Const::Number(i32::try_from(values.len()).map_err(|_| none())?)),
        AggOp::WrapSum if result != Prim::Float => {
            let low = values.iter().fold(0u32, |sum, c| sum.wrapping_add(whole(c) as u32));
            Some(if result == Prim::Unsigned { Const::Unsigned(low) } else { Const::Number(low as i32) })
        }
        AggOp::Sum | AggOp::WrapSum => Some(match result {
            Prim::Float => Const::Float(plain(real() as f32)),
            Prim::Unsigned => {
                Const::Unsigned(u32::try_from(values.iter().map(whole).sum::<i64>()).map_err(|_| none())?)
            }
            _ => Const::Number(i32::try_from(values.iter().map(whole).sum::<i64>()).map_err(|_| none())?),
        }),
        AggOp::Min => values.iter().min_by(|a, b| order(a, b)).cloned(),
        AggOp::Max => values.iter().max_by(|a, b| order(a, b)).cloned(),
        AggOp::Mean if values.is_empty() => None,
        AggOp::Mean => {
            let sum = if floats { real() } else { values.iter().map(whole).sum::<i64>() as f64 };
            Some(Const::Float(plain((sum / values.len() as f64) as f32)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_value_has_none() {
        let (n, u, f) = (Const::Number, Const::Unsigned, Const::Float);
        let none: &[(Functor, &[Const])] = &[
            (Functor::ToUnsigned, &[f(-1.0)]),
            (Functor::ToUnsigned, &[f(4_294_967_296.0)]),
            (Functor::ToUnsigned, &[n(-1)]),
            (Functor::ToNumber, &[f(2_147_483_648.0)]),
            (Functor::ToNumber, &[f(-2_147_483_904.0)]),
            (Functor::ToNumber, &[u(2_147_483_648)]),
            (Functor::Neg, &[n(i32::MIN)]),
            (Functor::Neg, &[u(1)]),
            (Functor::Add, &[n(i32::MAX), n(1)]),
            (Functor::Sub, &[u(1), u(2)]),
            (Functor::Mul, &[u(65_536), u(65_536)]),
            (Functor::Div, &[n(1), n(0)]),
            (Functor::Div, &[u(1), u(0)]),
            (Functor::Mod, &[n(1), n(0)]),
            (Functor::Mod, &[u(1), u(0)]),
            (Functor::Pow, &[n(0), n(-1)]),
            (Functor::Pow, &[n(2), n(31)]),
            (Functor::Pow, &[u(2), u(32)]),
        ];
        for (op, args) in none {
            assert_eq!(apply(*op, args), None, "{op:?} {args:?}");
        }
        let some: &[(Functor, &[Const], Const)] = &[
            (Functor::ToUnsigned, &[f(0.0)], u(0)),
            (Functor::ToUnsigned, &[f(-0.5)], u(0)),
            (Functor::ToUnsigned, &[f(4_294_967_040.0)], u(4_294_967_040)),
            (Functor::ToNumber, &[f(-2_147_483_648.0)], n(i32::MIN)),
            (Functor::ToNumber, &[f(2_147_483_520.0)], n(2_147_483_520)),
            (Functor::ToNumber, &[u(2_147_483_647)], n(i32::MAX)),
            (Functor::Pow, &[n(2), n(30)], n(1 << 30)),
            (Functor::Pow, &[n(-2), n(31)], n(i32::MIN)),
            (Functor::Pow, &[u(2), u(31)], u(1 << 31)),
        ];
        for (op, args, want) in some {
            assert_eq!(apply(*op, args).as_ref(), Some(want), "{op:?} {args:?}");
        }
    }
    #[test]
    fn powers_and_bits_by_hand() {
        let (n, u) = (Const::Number, Const::Unsigned);
        let some: &[(Functor, &[Const], Const)] = &[
            (Functor::Pow, &[n(0), n(0)], n(1)),
            (Functor::Pow, &[n(-5), n(0)], n(1)),
            (Functor::Pow, &[n(1), n(-3)], n(1)),
            (Functor::Pow, &[n(-1), n(-1)], n(-1)),
            (Functor::Pow, &[n(-1), n(-2)], n(1)),
            (Functor::Pow, &[n(-1), n(-3)], n(-1)),
            (Functor::Pow, &[n(2), n(-1)], n(0)),
            (Functor::BitXor, &[u(12), u(10)], u(6)),
            (Functor::ShiftRight, &[u(8), u(33)], u(4)),
            (Functor::ShiftRightUnsigned, &[u(1 << 31), u(31)], u(1)),
            (Functor::LogicNot, &[u(0)], u(1)),
            (Functor::LogicNot, &[u(7)], u(0)),
        ];
        for (op, args, want) in some {
            assert_eq!(apply(*op, args).as_ref(), Some(want), "{op:?} {args:?}");
        }
    }

    #[test]
    fn a_range_contains_what_it_lists() {
        let (n, u, f) = (Const::Number, |i: i32| Const::Unsigned(i as u32), |i: i32| Const::Float(i as f32 * 0.5));
        let kinds: [&dyn Fn(i32) -> Const; 3] = [&n, &u, &f];
        for (kind, make) in kinds.iter().enumerate() {
            let steps = [None, Some(0), Some(1), Some(3), Some(-1), Some(-2)];
            for (from, to, step) in
                (0..5).flat_map(|a| (0..5).map(move |b| (a, b))).flat_map(|(a, b)| steps.map(|s| (a, b, s)))
            {
                if kind == 1 && step.is_some_and(|s| s < 0) {
                    continue;
                }
                let range = Range::new(&make(from), &make(to), step.map(make).as_ref());
                let listed: Vec<Const> = range.clone().take(20).collect();
                for value in (0..7).map(make) {
                    assert_eq!(range.clone().contains(&value), listed.contains(&value), "{range:?} {value:?}");
                }
                assert!(!range.contains(&Const::Symbol("0".into())));
            }
        }
    }

    #[test]
    fn sums_that_wrap_keep_their_type() {
        let sum = |result, values: &[Const]| fold(AggOp::WrapSum, result, values).ok().flatten();
        assert_eq!(sum(Prim::Unsigned, &[Const::Unsigned(u32::MAX), Const::Unsigned(2)]), Some(Const::Unsigned(1)));
        assert_eq!(sum(Prim::Number, &[Const::Number(i32::MAX), Const::Number(1)]), Some(Const::Number(i32::MIN)));
        assert_eq!(sum(Prim::Float, &[Const::Float(1.5), Const::Float(2.0)]), Some(Const::Float(3.5)));
    }
}
