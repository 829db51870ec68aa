//! Loading the given relations of a program from a folder of `.facts` files.

use super::Shape;
use super::piece::{self, Piece};
use crate::engine::rows;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Tagged;
use crate::engine::value::Word;
use crate::facts::bytes::{self, Bytes};
use crate::lang::program::{Prim, Program};
use rayon::prelude::*;
use std::io::Read;
use std::path::Path;

/// What is wrong with a file or a line of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {code}: {message}")]
pub struct Problem {
    /// `file` or `file:line:column`, the column in characters.
    pub place: String,
    /// Stable code.
    pub code: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

pub(super) struct Source {
    pub rel: usize,
    name: String,
    pub shape: Shape,
    bytes: Bytes,
}

/// Bytes of a piece; large enough that dictionaries of pieces repeat little, small enough to share out.
const PIECE: usize = 8 << 20;

/// Reads the files of all `.input` directives of the relations in `needed`. Rows with faults are never dropped silently:
/// any fault refuses the whole, and all of them are told.
///
/// # Errors
/// All problems, by file and place.
pub fn load(
    program: &Program,
    needed: &[bool],
    folder: &Path,
    allow_missing: bool,
    stdin: &mut dyn Read,
) -> Result<Database, Vec<Problem>> {
    let (sources, mut problems) = open(program, needed, folder, allow_missing, stdin);
    let texts: Vec<Result<&str, Problem>> = sources.par_iter().map(text).collect();
    let mut jobs: Vec<(usize, &str, usize, usize)> = Vec::new();
    for (i, t) in texts.into_iter().enumerate() {
        match t {
            Ok(t) => jobs.extend(cut(t, &sources[i].shape).map(|(from, to)| (i, t, from, to))),
            Err(p) => problems.push(p),
        }
    }
    let prims: Vec<Vec<Prim>> = program.relations.iter().map(|r| r.columns.iter().map(|c| c.prim).collect()).collect();
    let pieces: Vec<Piece<'_>> = jobs
        .par_iter()
        .with_max_len(1)
        .map(|(s, t, from, to)| piece::read(t, *from, *to, &sources[*s].shape, &prims[sources[*s].rel]))
        .collect();
    for (p, (s, t, ..)) in pieces.iter().zip(&jobs) {
        problems.extend(p.flaws.iter().map(|f| {
            let place = place(&sources[*s].name, t, f.offset);
            Problem { place, code: f.code, message: f.message.clone() }
        }));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut database = Database::new(program);
    // In the order of files, pieces and columns: the same ids whatever the threads.
    let lists: Vec<Tagged<'_>> =
        pieces.iter().flat_map(|p| p.texts.iter().map(|d| (d.tags.as_slice(), d.texts.as_slice()))).collect();
    let mut maps = database.symbols.extend(&lists).into_iter();
    let maps: Vec<Vec<Vec<Word>>> = pieces.iter().map(|p| maps.by_ref().take(p.texts.len()).collect()).collect();
    let ready: Vec<(usize, usize, Vec<Word>)> = pieces
        .into_par_iter()
        .zip(maps)
        .zip(&jobs)
        .with_max_len(1)
        .map(|((p, maps), (s, ..))| {
            let rel = sources[*s].rel;
            let mut data = p.rows;
            finish(&mut data, &prims[rel], &maps);
            (rel, p.lines, data)
        })
        .collect();
    let mut sets: Vec<Vec<Vec<Word>>> = vec![Vec::new(); program.relations.len()];
    for (rel, lines, data) in ready {
        if prims[rel].is_empty() && lines > 0 {
            database.tables[rel] = Table::unit();
        }
        sets[rel].push(data);
    }
    let tables: Vec<Option<Table>> = sets
        .into_par_iter()
        .enumerate()
        .map(|(rel, sets)| {
            let width = prims[rel].len();
            (width > 0 && !sets.is_empty()).then(|| Table::from_sorted(width, joined(width, sets)))
        })
        .collect();
    for (rel, table) in tables.into_iter().enumerate() {
        if let Some(t) = table {
            database.tables[rel] = t;
        }
    }
    Ok(database)
}

/// Union of sorted sets; one copy when they follow each other, as the pieces of a sorted file do.
fn joined(width: usize, sets: Vec<Vec<Word>>) -> Vec<Word> {
    let filled: Vec<&Vec<Word>> = sets.iter().filter(|s| !s.is_empty()).collect();
    if filled.windows(2).all(|w| w[0][w[0].len() - width..] < w[1][..width]) {
        let mut sets: Vec<Vec<Word>> = sets.into_iter().filter(|s| !s.is_empty()).collect();
        return if sets.len() == 1 { sets.remove(0) } else { sets.concat() };
    }
    rows::union_all(width, sets)
}

/// Numbers of the piece's dictionary to ids, and sorted.
fn finish(data: &mut Vec<Word>, prims: &[Prim], maps: &[Vec<Word>]) {
    let width = prims.len();
    if width == 0 {
        return;
    }
    for (c, _) in prims.iter().enumerate().filter(|(_, p)| **p == Prim::Symbol) {
        data.iter_mut().skip(c).step_by(width).for_each(|w| *w = maps[c][*w as usize]);
    }
    rows::normalise(width, data);
}

pub(super) fn open(
    program: &Program,
    needed: &[bool],
    folder: &Path,
    allow_missing: bool,
    stdin: &mut dyn Read,
) -> (Vec<Source>, Vec<Problem>) {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for (rel, relation) in program.relations.iter().enumerate().filter(|(i, _)| needed[*i]) {
        for io in &relation.inputs {
            let shape = match Shape::new(relation, io, "facts") {
                Ok(s) => s,
                Err(message) => {
                    let place = program.place(relation.span);
                    problems.push(Problem {
                        place,
                        code: "E0535",
                        message: format!("input of {}: {message}", relation.name),
                    });
                    continue;
                }
            };
            let (name, bytes) = if shape.io == "stdin" {
                let mut all = Vec::new();
                ("<stdin>".to_owned(), stdin.read_to_end(&mut all).map(|_| all.into()))
            } else {
                let path = folder.join(&shape.file);
                (path.display().to_string(), bytes::open(&path))
            };
            match bytes {
                Ok(bytes) => sources.push(Source { rel, name, shape, bytes }),
                Err(e) if allow_missing && e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    let message = format!("cannot open the facts of {}: {e}", relation.name);
                    problems.push(Problem { place: name, code: "E0530", message });
                }
            }
        }
    }
    (sources, problems)
}

pub(super) fn text(s: &Source) -> Result<&str, Problem> {
    // A mark of byte order, as spreadsheets write it, is no part of the first cell.
    let text = std::str::from_utf8(&s.bytes).map(|t| t.strip_prefix('\u{feff}').unwrap_or(t));
    text.map_err(|e| {
        let good = std::str::from_utf8(&s.bytes[..e.valid_up_to()]).unwrap_or_default();
        Problem {
            place: place(&s.name, good, good.len()),
            code: "E0533",
            message: "found bytes that are not UTF-8 text".into(),
        }
    })
}

/// Cuts a text at line ends. Quoted fields may hold line ends, so a text that has them stays whole.
fn cut<'a>(text: &'a str, shape: &Shape) -> impl Iterator<Item = (usize, usize)> + 'a {
    let size = if shape.quoted { usize::MAX } else { PIECE };
    let mut at = if shape.headers { text.find('\n').map_or(text.len(), |i| i + 1) } else { 0 };
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let from = at;
        let least = from.saturating_add(size).min(text.len());
        at = memchr::memchr(b'\n', &text.as_bytes()[least..]).map_or(text.len(), |i| least + i + 1);
        Some((from, at))
    })
}

fn place(name: &str, text: &str, offset: usize) -> String {
    let before = &text[..offset];
    let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{name}:{line}:{column}")
}
