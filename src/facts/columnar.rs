//! Parquet files to texts of the layout [`Layout::Rows`]: the names of the columns, then a line for each row, so that the
//! line of a row is its number.
//!
//! Rows are read in pieces through all columns at once, so that neither a claim about their number nor a column that
//! unpacks without end takes memory before it is measured.

use super::bytes::Bytes;
use super::date;
use super::decode::most;
use super::defect::{Defect, Place, Problem, Reason};
use super::record::Layout;
use super::tripped;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::Type;
use std::fmt::Write;
use std::sync::Arc;

/// Stands at both ends of a file.
const MAGIC: &[u8] = b"PAR1";
/// Stands at the end of a file whose description is encrypted.
const SECRET: &[u8] = b"PARE";
/// Rows that are read at once.
const PIECE: usize = 4096;
/// Columns that no table has.
const COLUMNS: usize = 10_000;
/// Days that are put as dates; what lies farther away is shown as its number, which is no date.
const DAYS: std::ops::RangeInclusive<i64> = -800_000..=2_900_000;

/// Reads a file. Columns that are not `wanted` stand in the header alone.
///
/// # Errors
/// It is no such file, is damaged, unpacks to more than the limit, or a wanted column holds what no cell of a table can.
pub(super) fn read(
    name: &Arc<str>,
    bytes: &Bytes,
    limit: u64,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<String, Box<Defect>> {
    let whole = || Place { file: name.clone(), ..Place::default() };
    sound(bytes).map_err(|p| Box::new(Defect::new(whole(), p)))?;
    // The reader of pages trusts much of what it decodes.
    tripped::caught(|| Rows::open(name, bytes, limit, wanted)?.all()).unwrap_or_else(|| {
        let problem = damaged(("数据页损坏", "a page of data does not decode"));
        Err(Box::new(Defect::new(whole(), problem)))
    })
}

fn damaged(reason: impl Into<Reason>) -> Problem {
    Problem::Damaged { form: "parquet", cut: false, reason: reason.into() }
}

/// Whether the file begins and ends as it must.
fn sound(bytes: &[u8]) -> Result<(), Problem> {
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    if bytes.ends_with(SECRET) {
        return Err(damaged(("已加密", "it is encrypted")));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(damaged(Reason::begins(bytes, "50 41 52 31")));
    }
    if bytes.len() < 12 || !bytes.ends_with(MAGIC) {
        return Err(Problem::Damaged { form: "parquet", cut: true, reason: Reason::default() });
    }
    Ok(())
}

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Text,
    Number,
    Unsigned,
    Date,
    /// Units of a second.
    Moment(i64),
    /// Units of a second.
    Time(i64),
    /// Digits behind the point.
    Decimal(usize),
}

/// The look of a column, or the name of its type if no cell can show its values.
fn look(field: &Type) -> Result<Look, String> {
    if !field.is_primitive() {
        return Err("STRUCT / LIST / MAP".to_owned());
    }
    let info = field.get_basic_info();
    if info.has_repetition() && info.repetition() == Repetition::REPEATED {
        return Err("LIST".to_owned());
    }
    let units = |u: TimeUnit| match u {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    let physical = field.get_physical_type();
    let decimal = |scale: i32| {
        let fits = physical != Physical::FIXED_LEN_BYTE_ARRAY || field.get_precision() <= 38;
        usize::try_from(scale).ok().filter(|s| *s <= 38 && fits).map(Look::Decimal)
    };
    let known = match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _) => Some(Look::Text),
        (Some(LogicalType::Date), _) => Some(Look::Date),
        (Some(LogicalType::Integer(i)), _) if i.is_signed => Some(Look::Number),
        (Some(LogicalType::Integer(_)), _) => Some(Look::Unsigned),
        (Some(LogicalType::Decimal(d)), _) => decimal(d.scale),
        (Some(LogicalType::Timestamp(t)), _) => Some(Look::Moment(units(t.unit))),
        (Some(LogicalType::Time(t)), _) => Some(Look::Time(units(t.unit))),
        // A column of nothing but nulls.
        (Some(LogicalType::Unknown), _) => Some(Look::Number),
        (Some(other), _) => return Err(format!("{other:?}").to_uppercase()),
        (None, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON) => Some(Look::Text),
        (None, ConvertedType::DATE) => Some(Look::Date),
        (None, ConvertedType::DECIMAL) => decimal(field.get_scale()),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Look::Moment(1_000)),
        (None, ConvertedType::TIMESTAMP_MICROS) => Some(Look::Moment(1_000_000)),
        (None, ConvertedType::TIME_MILLIS) => Some(Look::Time(1_000)),
        (None, ConvertedType::TIME_MICROS) => Some(Look::Time(1_000_000)),
        (None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Some(Look::Unsigned)
        }
        (None, ConvertedType::BSON | ConvertedType::INTERVAL) => None,
        (None, _) => match physical {
            Physical::BYTE_ARRAY => Some(Look::Text),
            Physical::FIXED_LEN_BYTE_ARRAY => None,
            Physical::INT96 => Some(Look::Moment(1_000_000_000)),
            _ => Some(Look::Number),
        },
    };
    known.ok_or_else(|| match info.converted_type() {
        ConvertedType::NONE => physical.to_string(),
        other => other.to_string(),
    })
}

/// A column and its values of the present piece.
struct Column {
    look: Look,
    /// Number of the leaf in the file.
    leaf: usize,
    values: Values,
    /// 1 where there is a value; empty where there is one in every row.
    there: Vec<i16>,
    /// Next value.
    at: usize,
}

enum Values {
    None,
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// Reads so many values.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    there: &mut Vec<i16>,
) -> Result<(usize, Vec<T::T>), ParquetError> {
    let mut values = Vec::with_capacity(n);
    let (rows, _, _) = reader.read_records(n, Some(there), None, &mut values)?;
    Ok((rows, values))
}

impl Column {
    /// Reads the next piece; gives its rows.
    fn fill(&mut self, reader: &mut ColumnReader, n: usize) -> Result<usize, ParquetError> {
        self.there.clear();
        self.at = 0;
        macro_rules! of {
            ($reader:expr, $kind:path) => {{
                let (rows, values) = take($reader, n, &mut self.there)?;
                (rows, $kind(values))
            }};
        }
        let (rows, values) = match reader {
            ColumnReader::BoolColumnReader(r) => of!(r, Values::Bool),
            ColumnReader::Int32ColumnReader(r) => of!(r, Values::Int32),
            ColumnReader::Int64ColumnReader(r) => of!(r, Values::Int64),
            ColumnReader::Int96ColumnReader(r) => of!(r, Values::Int96),
            ColumnReader::FloatColumnReader(r) => of!(r, Values::Float),
            ColumnReader::DoubleColumnReader(r) => of!(r, Values::Double),
            ColumnReader::ByteArrayColumnReader(r) => of!(r, Values::Bytes),
            ColumnReader::FixedLenByteArrayColumnReader(r) => of!(r, Values::Fixed),
        };
        self.values = values;
        Ok(rows)
    }

    /// Writes the cell of the next row; false if its bytes are no text.
    fn cell(&mut self, row: usize, out: &mut String) -> bool {
        if self.there.get(row).is_some_and(|d| *d == 0) {
            return true;
        }
        let at = self.at;
        self.at += 1;
        match &self.values {
            Values::None => {}
            Values::Bool(v) => out.push_str(v.get(at).map_or("", |b| if *b { "TRUE" } else { "FALSE" })),
            Values::Int32(v) => {
                let n = v.get(at).copied().unwrap_or_default();
                let unsigned = self.look == Look::Unsigned;
                self.whole(if unsigned { i128::from(n as u32) } else { i128::from(n) }, out);
            }
            Values::Int64(v) => {
                let n = v.get(at).copied().unwrap_or_default();
                let unsigned = self.look == Look::Unsigned;
                self.whole(if unsigned { i128::from(n as u64) } else { i128::from(n) }, out);
            }
            Values::Int96(v) => {
                let parts = v.get(at).map_or(&[0, 0, 0][..], Int96::data);
                let nanos = i128::from(parts[0]) | (i128::from(parts[1]) << 32);
                // Days are counted from noon of the first of January 4713 before our era.
                self.whole((i128::from(parts[2]) - 2_440_588) * 86_400_000_000_000 + nanos, out);
            }
            Values::Float(v) => float(f64::from(v.get(at).copied().unwrap_or_default()), v.get(at), out),
            Values::Double(v) => float(v.get(at).copied().unwrap_or_default(), v.get(at), out),
            Values::Bytes(v) => return v.get(at).is_none_or(|b| self.bytes(b.data(), out)),
            Values::Fixed(v) => return v.get(at).is_none_or(|b| self.bytes(b.data(), out)),
        }
        true
    }

    /// Writes a value that is held as a whole number.
    fn whole(&self, n: i128, out: &mut String) {
        let written = match self.look {
            Look::Date => day(n, out),
            Look::Moment(unit) => {
                let (seconds, part) = (n.div_euclid(i128::from(unit)), n.rem_euclid(i128::from(unit)));
                let time = seconds.rem_euclid(86_400);
                let shown = day(seconds.div_euclid(86_400), out);
                if shown && (time > 0 || part > 0) {
                    let _ = write!(out, " ");
                    clock(time, out);
                }
                shown
            }
            Look::Time(unit) => {
                clock(n.div_euclid(i128::from(unit)), out);
                true
            }
            Look::Decimal(scale) if scale > 0 => {
                decimal(n, scale, out);
                true
            }
            _ => false,
        };
        if !written {
            let _ = write!(out, "{n}");
        }
    }

    fn bytes(&self, bytes: &[u8], out: &mut String) -> bool {
        if matches!(self.look, Look::Decimal(_)) {
            // Two's complement, the first byte first.
            let negative = bytes.first().is_some_and(|b| *b >= 0x80);
            let start = if negative { -1 } else { 0 };
            if bytes.len() <= 16 {
                self.whole(bytes.iter().fold(start, |n: i128, b| (n << 8) | i128::from(*b)), out);
            }
            return bytes.len() <= 16;
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        Layout::put(text, out);
        true
    }
}

/// Writes a day; false if it lies too far away.
fn day(n: i128, out: &mut String) -> bool {
    let Some(n) = i64::try_from(n).ok().filter(|n| DAYS.contains(n)) else { return false };
    let (y, m, d) = date::to_civil(n as i32);
    let _ = write!(out, "{y:04}-{m:02}-{d:02}");
    true
}

fn clock(seconds: i128, out: &mut String) {
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/// A number with a point, without noughts that say nothing.
fn decimal(n: i128, scale: usize, out: &mut String) {
    let digits = format!("{:0>1$}", n.unsigned_abs(), scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let part = part.trim_end_matches('0');
    let (sign, point) = (if n < 0 { "-" } else { "" }, if part.is_empty() { "" } else { "." });
    let _ = write!(out, "{sign}{whole}{point}{part}");
}

/// A number in the fewest digits that say which it is; whole ones without a point.
fn float<T: std::fmt::Display>(f: f64, own: Option<&T>, out: &mut String) {
    let _ = match own {
        Some(_) if f == 0.0 => write!(out, "0"),
        Some(own) => write!(out, "{own}"),
        None => Ok(()),
    };
}

struct Rows<'a> {
    name: &'a Arc<str>,
    reader: SerializedFileReader<Bytes>,
    columns: Vec<Option<Column>>,
    names: Vec<Arc<str>>,
    packed: u64,
    most: u64,
}

impl<'a> Rows<'a> {
    /// Opens a file and looks at the kinds of its columns.
    fn open(name: &'a Arc<str>, bytes: &Bytes, limit: u64, wanted: &dyn Fn(&str) -> bool) -> Result<Self, Box<Defect>> {
        let whole = |p: Problem| Box::new(Defect::new(Place { file: name.clone(), ..Place::default() }, p));
        let packed = bytes.len() as u64;
        let reader = SerializedFileReader::new(bytes.clone()).map_err(|e| whole(damaged(e.to_string())))?;
        let fields = reader.metadata().file_metadata().schema_descr().root_schema().get_fields();
        if fields.len() > COLUMNS {
            return Err(whole(damaged(Reason {
                zh: format!("{} 列，至多 {COLUMNS} 列", fields.len()),
                en: format!("{} columns, of at most {COLUMNS}", fields.len()),
            })));
        }
        let names: Vec<Arc<str>> = fields.iter().map(|f| Arc::from(f.name())).collect();
        let (mut columns, mut leaf) = (Vec::new(), 0);
        for (i, field) in fields.iter().enumerate() {
            let first = leaf;
            leaf += leaves(field);
            if !wanted(field.name()) {
                columns.push(None);
                continue;
            }
            let at = || Place { file: name.clone(), field: i as u32 + 1, column: names[i].clone(), ..Place::default() };
            let look = look(field)
                .map_err(|kind| Box::new(Defect::new(at(), Problem::ColumnKind { kind }).found(field.name())))?;
            for group in reader.metadata().row_groups() {
                let codec = group.columns().get(first).map_or(Compression::UNCOMPRESSED, |c| c.compression());
                if !matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)) {
                    let codec = codec.to_string();
                    let codec = codec.split('(').next().unwrap_or_default().to_owned();
                    return Err(whole(Problem::Codec { codec }));
                }
            }
            columns.push(Some(Column { look, leaf: first, values: Values::None, there: Vec::new(), at: 0 }));
        }
        let most = most(packed, limit);
        Ok(Self { name, reader, columns, names, packed, most })
    }

    fn place(&self, row: usize, column: usize) -> Place {
        let (line, field) = (u32::try_from(row).unwrap_or(u32::MAX), column as u32 + 1);
        Place { file: self.name.clone(), line, field, column: self.names[column].clone(), ..Place::default() }
    }

    /// The text of all rows.
    fn all(&mut self) -> Result<String, Box<Defect>> {
        let mut text = String::new();
        for (i, name) in self.names.iter().enumerate() {
            if i > 0 {
                text.push(Layout::CELL);
            }
            Layout::put(name, &mut text);
        }
        text.push('\n');
        if self.columns.iter().all(Option::is_none) {
            return Ok(text);
        }
        let mut done = 0;
        for g in 0..self.reader.num_row_groups() {
            done = self.group(g, done, &mut text)?;
        }
        Ok(text)
    }

    /// Adds the rows of a group behind so many others.
    fn group(&mut self, number: usize, mut done: usize, text: &mut String) -> Result<usize, Box<Defect>> {
        let whole = |p: Problem| Box::new(Defect::new(Place { file: self.name.clone(), ..Place::default() }, p));
        let broken = |e: ParquetError| whole(damaged(e.to_string()));
        let group = self.reader.get_row_group(number).map_err(broken)?;
        let open = |c: &Column| group.get_column_reader(c.leaf).map_err(broken);
        let mut readers: Vec<Option<ColumnReader>> = Vec::new();
        for c in &self.columns {
            readers.push(c.as_ref().map(open).transpose()?);
        }
        let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        while left > 0 {
            let n = left.min(PIECE);
            for (c, r) in self.columns.iter_mut().zip(&mut readers) {
                let (Some(c), Some(r)) = (c, r) else { continue };
                let rows = c.fill(r, n).map_err(broken)?;
                if rows != n {
                    return Err(whole(damaged(Reason {
                        zh: format!("一列有 {rows} 行，应为 {n} 行"),
                        en: format!("a column has {rows} rows in place of {n}"),
                    })));
                }
            }
            for row in 0..n {
                let mut bad = None;
                for (i, c) in self.columns.iter_mut().enumerate() {
                    if i > 0 {
                        text.push(Layout::CELL);
                    }
                    if c.as_mut().is_some_and(|c| !c.cell(row, text)) {
                        bad = bad.or(Some(i));
                    }
                }
                if let Some(i) = bad {
                    let problem = Problem::NotText;
                    return Err(Box::new(Defect::new(self.place(done + row + 1, i), problem)));
                }
                text.push('\n');
            }
            if text.len() as u64 > self.most {
                return Err(whole(Problem::TooLarge { packed: self.packed, limit: self.most }));
            }
            done += n;
            left -= n;
        }
        Ok(done)
    }
}

/// Number of columns in which a field is stored.
fn leaves(field: &Type) -> usize {
    if field.is_primitive() { 1 } else { field.get_fields().iter().map(|f| leaves(f)).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days() {
        let column = |look| Column { look, leaf: 0, values: Values::None, there: Vec::new(), at: 0 };
        let show = |look, n: i128| {
            let mut out = String::new();
            column(look).whole(n, &mut out);
            out
        };
        assert_eq!(show(Look::Date, 18_691), "2021-03-05");
        assert_eq!(show(Look::Date, i128::from(i32::MAX)), "2147483647");
        assert_eq!(show(Look::Moment(1_000), 18_691 * 86_400_000), "2021-03-05");
        assert_eq!(show(Look::Moment(1_000_000), -1), "1969-12-31 23:59:59");
        assert_eq!(show(Look::Moment(1_000_000_000), i128::from(i64::MIN)), "1677-09-21 00:12:43");
        assert_eq!(show(Look::Time(1_000), 33_305_000), "09:15:05");
        for (n, scale, want) in [(41_010_000, 2, "410100"), (-5, 1, "-0.5"), (5, 3, "0.005"), (0, 2, "0"), (7, 0, "7")]
        {
            assert_eq!(show(Look::Decimal(scale), n), want);
        }
        let mut out = String::new();
        assert!(column(Look::Decimal(2)).bytes(&[0xff, 0x38], &mut out));
        assert_eq!(out, "-2");
        assert!(!column(Look::Decimal(2)).bytes(&[1; 17], &mut out));
        assert!(!column(Look::Text).bytes(b"\xb0\xb8", &mut out));
    }
}
