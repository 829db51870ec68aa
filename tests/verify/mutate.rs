//! Every small change of a JSON tree: each leaf in several ways, each entry and field removed, renamed or doubled, each pair
//! of neighbours swapped.

use serde_json::{Map, Value, json};

/// What was done to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Leaf,
    Remove,
    Double,
    Swap,
    Rename,
    Extra,
}

pub struct Mutant {
    pub path: String,
    pub change: Change,
    pub tree: Value,
}

fn leaves(v: &Value) -> Vec<Value> {
    match v {
        Value::String(s) => {
            let mut out = vec![json!(format!("{s}x")), Value::Null, json!(7), json!([])];
            if !s.is_empty() {
                out.push(json!(""));
            }
            // Another day, another digit, another fraction.
            if let Some(last) = s.chars().last().filter(char::is_ascii_digit) {
                let other = if last == '1' { '2' } else { '1' };
                out.push(json!(format!("{}{other}", &s[..s.len() - 1])));
            }
            out
        }
        Value::Number(n) => {
            let n = n.as_i64().unwrap_or(0);
            vec![json!(n + 1), json!(n - 1), json!(n.to_string()), Value::Null, json!(1.5), json!(1u64 << 40)]
        }
        Value::Bool(b) => vec![json!(!b), Value::Null, json!("true")],
        Value::Null => vec![json!("x"), json!(0), json!({"same": 0})],
        _ => vec![],
    }
}

fn go(v: &Value, path: &str, put: &mut dyn FnMut(String, Change, Value), wrap: &dyn Fn(Value) -> Value) {
    for leaf in leaves(v) {
        put(path.to_owned(), Change::Leaf, wrap(leaf));
    }
    match v {
        Value::Array(list) => {
            for i in 0..list.len() {
                let here = format!("{path}[{i}]");
                let with = |f: &dyn Fn(&mut Vec<Value>)| {
                    let mut l = list.clone();
                    f(&mut l);
                    wrap(Value::Array(l))
                };
                put(here.clone(), Change::Remove, with(&|l| drop(l.remove(i))));
                put(here.clone(), Change::Double, with(&|l| l.insert(i, list[i].clone())));
                if i + 1 < list.len() && list[i] != list[i + 1] {
                    put(here.clone(), Change::Swap, with(&|l| l.swap(i, i + 1)));
                }
                go(&list[i], &here, put, &|x| {
                    let mut l = list.clone();
                    l[i] = x;
                    wrap(Value::Array(l))
                });
            }
        }
        Value::Object(map) => {
            let mut more = map.clone();
            more.insert("zz".into(), json!(1));
            put(path.to_owned(), Change::Extra, wrap(Value::Object(more)));
            for key in map.keys() {
                let here = format!("{path}.{key}");
                let without: Map<String, Value> =
                    map.iter().filter(|(k, _)| *k != key).map(|(k, v)| (k.clone(), v.clone())).collect();
                let renamed = map.iter().map(|(k, v)| (if k == key { format!("{k}z") } else { k.clone() }, v.clone()));
                put(here.clone(), Change::Remove, wrap(Value::Object(without)));
                put(here.clone(), Change::Rename, wrap(Value::Object(renamed.collect())));
                go(&map[key], &here, put, &|x| {
                    let mut m = map.clone();
                    m.insert(key.clone(), x);
                    wrap(Value::Object(m))
                });
            }
        }
        _ => {}
    }
}

/// All of them.
pub fn mutants(tree: &Value) -> Vec<Mutant> {
    let mut out = Vec::new();
    go(tree, "$", &mut |path, change, tree| out.push(Mutant { path, change, tree }), &|x| x);
    out
}

/// Copies of given facts with one value taken from another, as further given facts.
pub fn additions(tree: &Value) -> Vec<Value> {
    let given = tree["given"].as_array().cloned().unwrap_or_default();
    let mut out = Vec::new();
    for g in &given {
        for (c, is) in g["values"].as_array().into_iter().flatten().enumerate() {
            for other in given.iter().flat_map(|o| o["values"].as_array().cloned().unwrap_or_default()) {
                if other == *is || std::mem::discriminant(&other) != std::mem::discriminant(is) {
                    continue;
                }
                let mut fact = g.clone();
                fact["id"] = json!("new");
                fact["values"][c] = other;
                let mut t = tree.clone();
                if let Some(list) = t["given"].as_array_mut() {
                    list.push(fact);
                }
                if !out.contains(&t) {
                    out.push(t);
                }
            }
        }
    }
    out
}
