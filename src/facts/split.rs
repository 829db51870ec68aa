//! One large file read by several threads: pieces of whole records, joined as if one had read it.
//!
//! A piece begins where the one before it ends, which is seen when that has been read; otherwise, and where there is anything
//! to report, the file is read again in one piece. So neither words nor lines depend on the number of pieces.

use super::dict::Dict;
use super::log::Log;
use super::part::{Part, Reader};
use super::record::Records;
use crate::engine::value::Word;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are renumbered at a time.
const ROWS: usize = 1 << 12;

/// Rows of the file after its header, in so many pieces. `None` when there is something to report, or a record reaches over
/// the place where a piece was to begin.
pub(super) fn rows<'a>(
    reader: &Reader<'a, '_>,
    part: &Part<'a>,
    seeds: &[Option<Arc<Dict<'a>>>],
    pieces: usize,
) -> Option<Part<'a>> {
    let stop = AtomicBool::new(false);
    let one = |records: Records<'a>| {
        let (mut piece, end) = (part.empty(Log::new(0, false)), records.end());
        let last = reader.piece(records, &stop).rows(&mut piece, seeds.to_vec());
        let sound = last == end && !stop.load(Ordering::Relaxed) && piece.bad.is_empty() && !piece.failed;
        sound.then_some(piece)
    };
    let read: Option<Vec<Part<'a>>> = reader.records.split(pieces).into_par_iter().map(one).collect();
    let mut read = read?.into_iter();
    let mut whole = read.next()?;
    read.for_each(|piece| join(&mut whole, piece));
    whole.conversions.sort_by_key(|c| reader.table.column(&c.column));
    Some(whole)
}

/// Adds the rows of the next piece.
fn join<'a>(whole: &mut Part<'a>, mut piece: Part<'a>) {
    let width = piece.dicts.len();
    let dicts = std::mem::take(&mut piece.dicts);
    let absorb = |(into, from): (&mut Option<Arc<Dict<'a>>>, Option<Arc<Dict<'a>>>)| {
        let (into, from) = (into.as_mut().and_then(Arc::get_mut)?, from.and_then(Arc::into_inner)?);
        Some((into.first(), into.len(), into.absorb(from)))
    };
    let maps: Vec<Option<(u32, u32, Vec<Word>)>> = whole.dicts.par_iter_mut().zip(dicts).map(absorb).collect();
    let renumbered = |(first, _, map): &(u32, u32, Vec<Word>), w: Word| {
        if w < *first { w } else { map[(w - first) as usize] }
    };
    if width > 0 {
        piece.words.par_chunks_mut(ROWS * width).for_each(|rows| {
            for (c, map) in maps.iter().enumerate() {
                let Some(map) = map else { continue };
                rows.iter_mut().skip(c).step_by(width).for_each(|w| *w = renumbered(map, *w));
            }
        });
    }
    whole.words.append(&mut piece.words);
    whole.lines.append(&mut piece.lines);
    whole.sources.append(&mut piece.sources);
    whole.days.union(&piece.days);
    // What is not new of the whole file was spelled before.
    for (c, word, line, written) in piece.spellings {
        let Some(map) = &maps[c] else { continue };
        let word = renumbered(map, word);
        if word >= map.1 {
            whole.spellings.push((c, word, line, written));
        }
    }
    for more in piece.conversions {
        match whole.conversions.iter_mut().find(|c| c.column == more.column) {
            Some(c) => c.cells += more.cells,
            None => whole.conversions.push(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::part::{self, Input};
    use super::super::record::Layout;
    use super::super::schema::Schema;
    use super::*;
    use crate::facts::codes::CodeLists;
    use crate::lang;
    use crate::lang::program::SourceFile;
    use proptest::prelude::*;

    const PROGRAM: &str = "//@ matching case-number\n.type Node <: symbol\n.type Date <: number\n\
        //@ input\n//@ key node\n\
        .decl nodes(node: Node, title: symbol, size: number, day: Date)\n.input nodes\n";

    /// All that a part says, text by text, when the file is read in so many pieces.
    fn told(text: &str, pieces: usize) -> (String, bool) {
        let file = SourceFile { name: "t.dl".into(), text: PROGRAM.into() };
        let program = lang::compile(vec![file]).program;
        let codes = CodeLists::default();
        let (schema, diagnostics) = Schema::of(&program, &codes);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let table = &schema.tables[0];
        let layout = Layout::Commas;
        let input = Input { index: 0, name: "nodes.csv".into(), text, layout, shipped: false };
        let mut base = Dict::new(None);
        for text in ["n0", "n1", "n2", "n3"] {
            base.intern(text.into());
        }
        let mut seeds = vec![None; table.columns.len()];
        seeds[0] = Some(Arc::new(base));
        let part = part::read(input, table, &codes, seeds, pieces, Log::new(9, false));
        let width = table.columns.len();
        let mut out = String::new();
        for (row, line) in part.words.chunks(width).zip(&part.lines) {
            let text = |(c, w): (usize, &Word)| {
                part.dicts[c].as_ref().map_or_else(|| w.to_string(), |d| format!("{w}={}", d.text(*w)))
            };
            out += &format!("{line}: {:?}\n", row.iter().enumerate().map(text).collect::<Vec<_>>());
        }
        let days: Vec<i32> = part.days.iter().collect();
        let rest = (&part.bad, &part.sources, days, &part.conversions, &part.spellings, part.failed);
        (format!("{out}{rest:?} {:?} {:?}", part.log.errors, part.log.warnings), part.bad.is_empty())
    }

    #[test]
    fn as_if_read_in_one_piece() {
        let rows = [
            "n1,x,1,2020-01-01,",
            "（2018）豫01行终7号,\"two\nlines, \"\"so\"\"\",２,2021/1/2,a",
            "\n",
            "n2,x,3,,\r",
            "(2018)豫01行终7号,,4,2020-01-01,b",
            "(2018)豫01行终8号,,4,,b",
            "（2018）豫01行终8号,y,５,2020-01-03,",
            "（2018）豫01行终9号,y,5,2020年1月3日,",
            "n1,x,6,,",
        ];
        let text = format!("node,title,size,day,source\n{}\n", rows.join("\n"));
        let (whole, sound) = told(&text, 1);
        assert!(sound, "{whole}");
        let conversions = whole.matches("cells: ").count();
        assert!(conversions == 3 && whole.matches("豫01行终7号\"").count() > 2, "{whole}");
        for pieces in 2..9 {
            assert_eq!(told(&text, pieces).0, whole, "{pieces} pieces");
        }
    }

    #[test]
    fn what_is_wrong_is_reported_as_in_one_piece() {
        for bad in ["n1,x,one,\n", "n1,\"x,1,\n", "n1,x\"y,\",\n", "n1,\"x\"y,1,\n", "node,title,size,day\n"] {
            for at in 0..4 {
                let rows: Vec<String> = (0..4).map(|i| format!("m{i},\"a\nb\",{i},\n")).collect();
                let text = format!("node,title,size,day\n{}{bad}{}", rows[..at].concat(), rows[at..].concat());
                let whole = told(&text, 1);
                (2..6).for_each(|pieces| assert_eq!(told(&text, pieces), whole, "{pieces} pieces of {text:?}"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text(rows in prop::collection::vec("(n[0-9]|m[0-9]|),(x|\"a\n\"|\"\"\"q\"\"\"|y\"|),([0-9]|一|),(2020-01-0[1-9]|2020/1/1|)(\r\n|\n|\n\n)", 0..12), pieces in 2..7usize) {
            let text = format!("node,title,size,day\n{}", rows.concat());
            prop_assert_eq!(told(&text, pieces), told(&text, 1));
        }
    }
}
