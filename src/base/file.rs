//! One table in one Arrow IPC file: written in blocks of rows, read block by block.
//!
//! The footer of a file carries, beside what Arrow puts there, the first key and a hash of every block, so that a row is
//! found by its first column with one read, and damage is found where it is read. Other programs ignore both.

use super::Trouble;
pub use super::block::{Block, Cell, cell, constant, order};
use crate::bulk::behind::Behind;
pub use crate::engine::look::Look;
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::lang::date::BLANK;
use crate::lang::program::{Program, Relation};
use arrow_array::builder::{Date32Builder, Float32Builder, Int32Builder, StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::reader::FileDecoder;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a block, in all blocks but the last.
pub const BLOCK: usize = 1024;

/// Keys of the footer's entries.
const FENCES: &str = "zhuize.fences";
const HASHES: &str = "zhuize.hashes";

/// Name and kind of every column of a file.
pub type Columns = Vec<(String, Look)>;

/// The columns of a relation.
#[must_use]
pub fn columns(program: &Program, relation: &Relation) -> Columns {
    relation.columns.iter().map(|c| (c.name.clone(), Look::of(program, c.ty))).collect()
}

fn schema(columns: &[(String, Look)]) -> Schema {
    let field = |(name, look): &(String, Look)| {
        let (ty, null) = match look {
            Look::Text => (DataType::Utf8, false),
            Look::Date => (DataType::Date32, true),
            Look::Number => (DataType::Int32, true),
            Look::Unsigned => (DataType::UInt32, false),
            Look::Float => (DataType::Float32, false),
        };
        Field::new(name, ty, null)
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// What is known of a finished file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of the footer, which holds the hashes of the blocks.
    pub footer: String,
}

/// Beginning of the hash of some bytes, in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// Counts and keeps what goes to a file since it was last asked.
struct Tap {
    file: io::BufWriter<Behind>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Tap {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buf)?;
        self.hasher.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Rows on their way to a file, in blocks.
#[derive(Debug)]
pub struct Blocks {
    schema: Arc<Schema>,
    done: Vec<(String, RecordBatch)>,
    pending: Vec<Build>,
    waiting: usize,
    fence: String,
}

impl Blocks {
    /// No rows of these columns.
    #[must_use]
    pub fn new(columns: &[(String, Look)]) -> Self {
        let pending = columns.iter().map(|(_, l)| Build::new(*l)).collect();
        let schema = Arc::new(schema(columns));
        Self { schema, done: Vec::new(), pending, waiting: 0, fence: String::new() }
    }

    /// Adds a row, which lies behind all rows before it.
    pub fn row<'c>(&mut self, cells: impl Iterator<Item = Cell<'c>>) {
        for (i, (build, cell)) in self.pending.iter_mut().zip(cells).enumerate() {
            if i == 0 && self.waiting == 0 {
                self.fence = match cell {
                    Cell::Text(t) => t.to_owned(),
                    Cell::Word(w) => w.to_string(),
                };
            }
            build.cell(cell);
        }
        self.waiting += 1;
        if self.waiting == BLOCK {
            self.end();
        }
    }

    fn end(&mut self) {
        let arrays = self.pending.iter_mut().map(Build::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.waiting));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        self.done.push((std::mem::take(&mut self.fence), batch.expect("columns of the schema, all of one length")));
        self.waiting = 0;
    }

    /// All blocks.
    #[must_use]
    pub fn finish(mut self) -> Vec<(String, RecordBatch)> {
        self.take()
    }

    /// The blocks so far; the last may be short.
    pub fn take(&mut self) -> Vec<(String, RecordBatch)> {
        if self.waiting > 0 {
            self.end();
        }
        std::mem::take(&mut self.done)
    }
}

/// A file in the making. Blocks come in the order of the file.
pub struct Writer {
    arrow: FileWriter<Tap>,
    path: PathBuf,
    fences: Vec<String>,
    hashes: Vec<String>,
    rows: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Build {
    Text(StringBuilder),
    Date(Date32Builder),
    Number(Int32Builder),
    Unsigned(UInt32Builder),
    Float(Float32Builder),
}

impl Build {
    fn new(look: Look) -> Self {
        match look {
            Look::Text => Self::Text(StringBuilder::with_capacity(BLOCK, BLOCK * 12)),
            Look::Date => Self::Date(Date32Builder::with_capacity(BLOCK)),
            Look::Number => Self::Number(Int32Builder::with_capacity(BLOCK)),
            Look::Unsigned => Self::Unsigned(UInt32Builder::with_capacity(BLOCK)),
            Look::Float => Self::Float(Float32Builder::with_capacity(BLOCK)),
        }
    }

    fn cell(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(b), Cell::Text(t)) => b.append_value(t),
            (Self::Date(b), Cell::Word(w)) => b.append_option(present(w)),
            (Self::Number(b), Cell::Word(w)) => b.append_option(present(w)),
            (Self::Unsigned(b), Cell::Word(w)) => b.append_value(w),
            (Self::Float(b), Cell::Word(w)) => b.append_value(value::to_float(w)),
            (Self::Text(b), Cell::Word(_)) => b.append_value(""),
            (Self::Date(b), Cell::Text(_)) => b.append_null(),
            (Self::Number(b), Cell::Text(_)) => b.append_null(),
            (Self::Unsigned(b), Cell::Text(_)) => b.append_value(0),
            (Self::Float(b), Cell::Text(_)) => b.append_value(0.0),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Number(b) => Arc::new(b.finish()),
            Self::Unsigned(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
        }
    }
}

/// A number that is there.
fn present(w: Word) -> Option<i32> {
    Some(value::to_number(w)).filter(|n| *n != BLANK)
}

/// The cells of a row of words.
pub fn cells<'a>(
    columns: &'a [(String, Look)],
    row: &'a [Word],
    symbols: &'a Symbols,
) -> impl Iterator<Item = Cell<'a>> + 'a {
    columns.iter().zip(row).map(|((_, look), w)| match look {
        Look::Text => Cell::Text(symbols.resolve(*w)),
        _ => Cell::Word(*w),
    })
}

fn arrow(path: &Path) -> impl Fn(ArrowError) -> Trouble + '_ {
    |e| match e {
        ArrowError::IoError(_, e) => Trouble::io(path, e),
        e => Trouble::Damaged(path.to_owned(), e.to_string()),
    }
}

impl Writer {
    /// Begins a file; the folder is made if it is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(path: &Path, columns: &[(String, Look)]) -> Result<Self, Trouble> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| Trouble::io(dir, e))?;
        }
        let file = File::create(path).map_err(|e| Trouble::io(path, e))?;
        let tap = Tap {
            file: io::BufWriter::with_capacity(1 << 17, Behind::new(file)),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        let mut arrow = FileWriter::try_new(tap, &schema(columns)).map_err(self::arrow(path))?;
        arrow.get_mut().hasher.reset();
        Ok(Self { arrow, path: path.to_owned(), fences: Vec::new(), hashes: Vec::new(), rows: 0 })
    }

    /// Adds blocks.
    ///
    /// # Errors
    /// What the disk says.
    pub fn add(&mut self, blocks: Vec<(String, RecordBatch)>) -> Result<(), Trouble> {
        for (fence, batch) in blocks {
            self.arrow.write(&batch).map_err(arrow(&self.path))?;
            self.rows += batch.num_rows() as u64;
            let tap = self.arrow.get_mut();
            self.hashes.push(tap.hasher.finalize().to_hex()[..16].to_owned());
            tap.hasher.reset();
            self.fences.push(fence);
        }
        Ok(())
    }

    /// Ends the file; it is on the disk when this returns.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(mut self) -> Result<Entry, Trouble> {
        let path = &self.path;
        let json = |v: &[String]| serde_json::to_string(v).map_err(|e| Trouble::Damaged(path.clone(), e.to_string()));
        self.arrow.write_metadata(FENCES, json(&self.fences)?);
        self.arrow.write_metadata(HASHES, json(&self.hashes)?);
        self.arrow.finish().map_err(arrow(path))?;
        let tap = self.arrow.into_inner().map_err(arrow(path))?;
        let bytes = tap.bytes;
        let file = tap.file.into_inner().map_err(|e| Trouble::io(path, e.into_error()))?;
        file.file().sync_data().map_err(|e| Trouble::io(path, e))?;
        drop(file);
        let (_, footer) = footer(&File::open(path).map_err(|e| Trouble::io(path, e))?, path)?;
        Ok(Entry { rows: self.rows, bytes, footer: digest(&footer) })
    }
}

/// Size of a file, and its footer.
fn footer(file: &File, path: &Path) -> Result<(u64, Vec<u8>), Trouble> {
    let bad = |what: &str| Trouble::Damaged(path.to_owned(), what.to_owned());
    let size = file.metadata().map_err(|e| Trouble::io(path, e))?.len();
    let mut tail = [0; 10];
    let at = size.checked_sub(10).ok_or_else(|| bad("too short"))?;
    file.read_exact_at(&mut tail, at).map_err(|e| Trouble::io(path, e))?;
    let length =
        arrow_ipc::reader::read_footer_length(tail).map_err(|_| bad("it does not end as an Arrow file ends"))?;
    let from = at.checked_sub(length as u64).ok_or_else(|| bad("its footer is longer than the file"))?;
    let mut footer = vec![0; length];
    file.read_exact_at(&mut footer, from).map_err(|e| Trouble::io(path, e))?;
    Ok((size, footer))
}

/// A finished file.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    file: File,
    decoder: FileDecoder,
    blocks: Vec<arrow_ipc::Block>,
    fences: Vec<String>,
    hashes: Vec<String>,
    looks: Vec<Look>,
    read: Mutex<Vec<Option<Arc<Block>>>>,
}

impl Table {
    /// Opens a file that has that entry.
    ///
    /// # Errors
    /// When it is not there, or not as it was written.
    pub fn open(path: &Path, entry: &Entry) -> Result<Self, Trouble> {
        let bad = |what: &str| Trouble::Damaged(path.to_owned(), what.to_owned());
        let file = File::open(path).map_err(|e| Trouble::io(path, e))?;
        let (size, bytes) = footer(&file, path)?;
        if size != entry.bytes || digest(&bytes) != entry.footer {
            return Err(bad("its footer is not the one that was written"));
        }
        let footer = arrow_ipc::root_as_footer(&bytes).map_err(|e| bad(&e.to_string()))?;
        let schema = footer.schema().ok_or_else(|| bad("no schema"))?;
        let schema = arrow_ipc::convert::try_fb_to_schema(schema).map_err(|e| bad(&e.to_string()))?;
        let looks: Option<Vec<Look>> = schema.fields().iter().map(|f| look(f.data_type())).collect();
        let looks = looks.ok_or_else(|| bad("a column of a type that is not ours"))?;
        let note = |key: &str| -> Option<Vec<String>> {
            let pairs = footer.custom_metadata()?;
            let text = pairs.iter().find(|p| p.key() == Some(key))?.value()?;
            serde_json::from_str(text).ok()
        };
        let (fences, hashes) = (note(FENCES), note(HASHES));
        let (Some(fences), Some(hashes)) = (fences, hashes) else { return Err(bad("no keys of its blocks")) };
        let blocks: Vec<_> = footer.recordBatches().iter().flatten().copied().collect();
        let decoder = FileDecoder::new(Arc::new(schema), footer.version());
        let read = Mutex::new(vec![None; blocks.len()]);
        Ok(Self { path: path.to_owned(), file, decoder, blocks, fences, hashes, looks, read })
    }

    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.looks.len()
    }

    /// Kinds of the columns.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// Reads a block, and keeps it.
    ///
    /// # Errors
    /// When its bytes are not those that were written.
    pub fn block(&self, i: usize) -> Result<Arc<Block>, Trouble> {
        let lock = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = &lock()[i] {
            return Ok(Arc::clone(block));
        }
        let block = Arc::new(self.fresh(i)?);
        lock()[i] = Some(Arc::clone(&block));
        Ok(block)
    }

    /// Reads a block, and does not keep it.
    ///
    /// # Errors
    /// When its bytes are not those that were written.
    pub fn fresh(&self, i: usize) -> Result<Block, Trouble> {
        let bad = |what: &str| Trouble::Damaged(self.path.clone(), format!("block {}: {what}", i + 1));
        let at = &self.blocks[i];
        let length = at.metaDataLength() as u64 + at.bodyLength() as u64;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at.offset() as u64).map_err(|e| Trouble::io(&self.path, e))?;
        if self.hashes.get(i) != Some(&digest(&bytes)) {
            return Err(bad("its bytes are not those that were written"));
        }
        let buffer = Buffer::from_vec(bytes);
        let batch = self.decoder.read_record_batch(at, &buffer).map_err(|e| bad(&e.to_string()))?;
        Ok(Block::new(&batch.ok_or_else(|| bad("no rows"))?, &self.looks))
    }

    /// Calls for every row whose first column is that key, until told to stop.
    ///
    /// # Errors
    /// When a block is not as it was written.
    pub fn with_key(
        &self,
        key: Cell<'_>,
        mut visit: impl FnMut(&Block, usize) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let below = |fence: &String| match key {
            Cell::Text(t) => fence.as_str() < t,
            Cell::Word(w) => fence.parse::<Word>().is_ok_and(|f| f < w),
        };
        // The rows of a key may begin at the end of the block before the first that begins with it.
        let mut i = self.fences.partition_point(below).saturating_sub(1);
        while i < self.blocks.len() {
            let block = self.block(i)?;
            let from = block.lower(key);
            for row in from..block.len() {
                if order(block.get(row, 0), key).is_ne() {
                    return Ok(());
                }
                visit(&block, row)?;
            }
            i += 1;
        }
        Ok(())
    }
}

fn look(ty: &DataType) -> Option<Look> {
    Some(match ty {
        DataType::Utf8 => Look::Text,
        DataType::Date32 => Look::Date,
        DataType::Int32 => Look::Number,
        DataType::UInt32 => Look::Unsigned,
        DataType::Float32 => Look::Float,
        _ => return None,
    })
}
