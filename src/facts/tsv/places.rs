//! Where each given row of a program stands: a second reading of its files, made only when somebody asks for explanations.

use super::piece;
use super::read::{Source, open, text};
use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::facts::origin::{Lines, Origins};
use crate::facts::rows::mark;
use crate::lang::program::{Prim, Program};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Places of the rows that [`super::load`] has read. A row that stands twice has its first place; what was read from
/// standard input has none.
#[must_use]
pub fn origins(program: &Program, needed: &[bool], folder: &Path, database: &Database) -> Origins {
    let mut relations = vec![Lines::default(); program.relations.len()];
    // Standard input cannot be read again.
    let (sources, _) = open(program, needed, folder, true, &mut io::empty());
    for source in sources.iter().filter(|s| s.shape.io == "file") {
        one(program, source, database, &mut relations[source.rel]);
    }
    Origins { relations }
}

fn one(program: &Program, source: &Source, database: &Database, lines: &mut Lines) {
    let Ok(all) = text(source) else { return };
    let prims: Vec<Prim> = program.relations[source.rel].columns.iter().map(|c| c.prim).collect();
    let table = &database.tables[source.rel];
    let start = if source.shape.headers { all.find('\n').map_or(all.len(), |i| i + 1) } else { 0 };
    let piece = piece::read(all, start, all.len(), &source.shape, &prims);
    let name: Arc<str> = source.shape.file.as_str().into();
    // A relation may have several files: those after the first are told apart by a mark.
    let number = if lines.lines.is_empty() {
        lines.given = name;
        lines.lines = vec![0; table.len()];
        None
    } else {
        lines.shipped.push(name);
        Some(lines.shipped.len() - 1)
    };
    let mut line = 1 + u32::from(start > 0);
    if prims.is_empty() {
        if let Some(first) = lines.lines.first_mut().filter(|l| **l == 0 && piece.lines > 0) {
            *first = number.map_or(line, |n| mark(n, line));
        }
        return;
    }
    let mut row: Vec<Word> = Vec::new();
    for found in piece.rows.chunks(prims.len()) {
        row.clear();
        let mut further = 0;
        for ((word, prim), texts) in found.iter().zip(&prims).zip(&piece.texts) {
            if *prim != Prim::Symbol {
                row.push(*word);
                continue;
            }
            let text = &texts.texts[*word as usize];
            // Only quoted text can hold line ends.
            further += text.matches('\n').count() as u32;
            row.extend(database.symbols.get(text));
        }
        let at = (row.len() == prims.len()).then(|| table.find(&row)).flatten();
        if let Some(place) = at.and_then(|n| lines.lines.get_mut(n)).filter(|l| **l == 0) {
            *place = number.map_or(line, |n| mark(n, line));
        }
        line += 1 + further;
    }
}
