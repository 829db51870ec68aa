//! Writing the relations of `.output` and `.printsize` directives, sorted: symbols by text, numbers by value.

use super::Shape;
use crate::engine::store::{Database, Table};
use crate::engine::value;
use crate::lang::program::{Io, Prim, Program, RelId, Relation};
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::Path;

/// Relations that a directive asks to be written or counted.
#[must_use]
pub fn printed(program: &Program) -> Vec<RelId> {
    let asked = |r: &Relation| r.printsize || !r.outputs.is_empty();
    (0..program.relations.len()).filter(|i| asked(&program.relations[*i])).map(|i| RelId(i as u32)).collect()
}

/// Writes all outputs: files into `folder`, or everything to `out` without one. A file appears whole or not at all.
///
/// # Errors
/// Whatever the system says, with the name of the file.
pub fn write(program: &Program, database: &Database, folder: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    let ranks = Ranks::new(program, database);
    let mut files = Vec::new();
    for rel in printed(program) {
        let relation = program.rel(rel);
        if relation.printsize {
            writeln!(out, "{}\t{}", relation.name, database.table(rel).len())?;
        }
        for io in &relation.outputs {
            let shape = shape(relation, io)?;
            match folder {
                Some(folder) if shape.io == "file" => files.push((rel, folder.join(&shape.file), shape)),
                _ => print(relation, &Body::new(relation, database, &ranks, rel, &shape), &shape, out)?,
            }
        }
    }
    files
        .into_par_iter()
        .map(|(rel, path, shape)| {
            let relation = program.rel(rel);
            let body = Body::new(relation, database, &ranks, rel, &shape);
            let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
            let home = path.parent().unwrap_or_else(|| Path::new("."));
            std::fs::create_dir_all(home).map_err(named)?;
            let mut file = tempfile::Builder::new().prefix(".zhuize-").tempfile_in(home).map_err(named)?;
            if shape.headers {
                writeln!(file, "{}", header(relation, &shape)).map_err(named)?;
            }
            for part in &body.0 {
                file.write_all(part).map_err(named)?;
            }
            open_to_all(file.as_file()).map_err(named)?;
            file.persist(&path).map_err(|e| named(e.error))?;
            Ok(())
        })
        .collect()
}

/// A temporary file is its owner's alone; a result is an ordinary file.
#[cfg(unix)]
fn open_to_all(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_all(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}

fn shape(relation: &Relation, io: &Io) -> io::Result<Shape> {
    Shape::new(relation, io, "csv")
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, format!("output of {}: {e}", relation.name)))
}

fn header(relation: &Relation, shape: &Shape) -> String {
    let names: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
    names.join(&shape.delimiter)
}

fn print(relation: &Relation, body: &Body, shape: &Shape, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "---------------\n{}", relation.name)?;
    if shape.headers {
        writeln!(out, "{}", header(relation, shape))?;
    }
    writeln!(out, "===============")?;
    for part in &body.0 {
        out.write_all(part)?;
    }
    writeln!(out, "===============")
}

/// Places of the symbols of the outputs in the order of their texts.
struct Ranks(Vec<u32>, Vec<u32>);

impl Ranks {
    fn new(program: &Program, database: &Database) -> Self {
        let symbols = &database.symbols;
        let mut used = vec![false; symbols.len()];
        for rel in printed(program) {
            let relation = program.rel(rel);
            if relation.outputs.is_empty() {
                continue;
            }
            let (data, width) = (database.table(rel).data(), relation.arity());
            for (c, _) in relation.columns.iter().enumerate().filter(|(_, c)| c.prim == Prim::Symbol) {
                data.iter().skip(c).step_by(width).for_each(|w| used[*w as usize] = true);
            }
        }
        let order = symbols.by_text((0..symbols.len() as u32).filter(|i| used[*i as usize]));
        let mut ranks = vec![0; symbols.len()];
        for (rank, id) in order.iter().enumerate() {
            ranks[*id as usize] = rank as u32;
        }
        Self(ranks, order)
    }
}

/// The lines of a relation, in parts.
struct Body(Vec<Vec<u8>>);

/// Rows that are put in words at a time.
const PART: usize = 1 << 16;

impl Body {
    fn new(relation: &Relation, database: &Database, ranks: &Ranks, rel: RelId, shape: &Shape) -> Self {
        let table = database.table(rel);
        if relation.arity() == 0 {
            return Self(if table.is_empty() { vec![] } else { vec![b"()\n".to_vec()] });
        }
        let width = relation.arity();
        let prims: Vec<Prim> = relation.columns.iter().map(|c| c.prim).collect();
        let mut data = table.data().to_vec();
        for (c, _) in prims.iter().enumerate().filter(|(_, p)| **p == Prim::Symbol) {
            data.iter_mut().skip(c).step_by(width).for_each(|w| *w = ranks.0[*w as usize]);
        }
        let data = Table::from_rows(width, data).into_data();
        let parts = data
            .par_chunks(PART * width)
            .map(|rows| {
                let mut text = Vec::with_capacity(rows.len() * 8);
                for row in rows.chunks_exact(width) {
                    for (c, w) in row.iter().enumerate() {
                        if c > 0 {
                            text.extend_from_slice(shape.delimiter.as_bytes());
                        }
                        match prims[c] {
                            Prim::Symbol => symbol(database.symbols.resolve(ranks.1[*w as usize]), shape, &mut text),
                            Prim::Number => text.extend_from_slice(value::to_number(*w).to_string().as_bytes()),
                            Prim::Unsigned => text.extend_from_slice(w.to_string().as_bytes()),
                            Prim::Float => text.extend_from_slice(float(value::to_float(*w)).as_bytes()),
                        }
                    }
                    text.push(b'\n');
                }
                text
            })
            .collect();
        Self(parts)
    }
}

fn symbol(text: &str, shape: &Shape, out: &mut Vec<u8>) {
    if shape.quoted {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// A float with nine significant digits, the form of C's `%.9g`, so that files compare equal with Soufflé's.
fn float(f: f32) -> String {
    let f = f64::from(f);
    if !f.is_finite() {
        return if f.is_nan() { "nan".into() } else { format!("{}inf", if f < 0.0 { "-" } else { "" }) };
    }
    let scientific = format!("{f:.8e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim =
        |s: &str| if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() };
    if (-4..9).contains(&exponent) {
        return trim(&format!("{f:.*}", (8 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_c_prints_them() {
        for (f, want) in [
            (0.0, "0"),
            (0.1, "0.100000001"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e9, "1e+09"),
            (123_456_790.0, "123456792"),
            (1e-5, "9.99999975e-06"),
            (0.0001, "9.99999975e-05"),
            (f32::INFINITY, "inf"),
            (f32::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(f), want);
        }
    }
}
