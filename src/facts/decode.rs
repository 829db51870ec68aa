//! Bytes of a file to text: unpacked if they are packed, decoded, with the layout that the name of the file promises.
//!
//! Text that is UTF-8 is used where it stands, so that it is not copied. Everything else is decoded into memory:
//! UTF-16 with a byte order mark; else GB18030 (of which GBK is a part) if every byte of the file fits it. An encoding that
//! was asked for replaces the guess.

use super::defect::{Defect, Place, Problem, Reason};
use super::record::Layout;
use encoding_rs::Encoding;
use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

/// Packed files below that size unpacked are let pass whatever their ratio.
const SMALL: u64 = 64 << 20;
/// Tables of text shrink 5 to 30 times; what grows more than that many times is no table.
const RATIO: u64 = 400;
/// Characters of Chinese in a line which decide that the line is UTF-8 and not GB18030 by accident.
const SURE: usize = 4;

/// A text to be read as a table.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    /// The text, perhaps with a byte order mark.
    pub text: Cow<'a, str>,
    /// Name of the encoding, as the manifest shows it.
    pub encoding: &'static str,
    /// Layout that the name of the file promises.
    pub layout: Layout,
}

/// What a name says of a file: the stem, the layout it promises, whether it is packed.
pub(super) fn by_name(name: &str) -> Option<(&str, Layout, bool)> {
    let ending =
        |text: &'static str| move |s: &&str| s.len() >= text.len() && tail(s, text.len()).eq_ignore_ascii_case(text);
    fn tail(s: &str, n: usize) -> &str {
        s.get(s.len() - n..).unwrap_or("")
    }
    let (name, packed) = match Some(name).filter(ending(".gz")) {
        Some(n) => (&n[..n.len() - 3], true),
        None => (name, false),
    };
    if let Some(n) = Some(name).filter(ending(".parquet")).filter(|_| !packed) {
        return Some((&n[..n.len() - ".parquet".len()], Layout::Rows, false));
    }
    for (ending_of, layout) in [(".csv", Layout::Commas), (".tsv", Layout::Tabs), (".txt", Layout::Tabs)] {
        if let Some(n) = Some(name).filter(ending(ending_of)) {
            return Some((&n[..n.len() - ending_of.len()], layout, packed));
        }
    }
    None
}

/// Text in which lines end with carriage returns alone, as old systems end them, with line feeds in their place.
pub(super) fn with_lines(text: Cow<'_, str>) -> Cow<'_, str> {
    let has = |b: u8| memchr::memchr(b, text.as_bytes()).is_some();
    if has(b'\n') || !has(b'\r') { text } else { Cow::Owned(text.replace('\r', "\n")) }
}

/// What a file is that begins as no text does.
fn other_form(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 4] =
        [(b"PK\x03\x04", "xlsx"), (b"PAR1", "parquet"), (b"\x1f\x8b", "gz"), (b"\xd0\xcf\x11\xe0", "xls")];
    known.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|k| k.1)
}

/// Bytes to which so many packed bytes may grow.
pub(super) fn most(packed: u64, limit: u64) -> u64 {
    limit.min(packed.saturating_mul(RATIO).max(SMALL))
}

/// Unpacks bytes, up to a limit.
///
/// # Errors
/// They are damaged, or more than the limit.
pub(super) fn unpack(bytes: &[u8], limit: u64) -> Result<Vec<u8>, Problem> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(Problem::Damaged { form: "gzip", cut: false, reason: Reason::begins(bytes, "1F 8B") });
    }
    let most = most(bytes.len() as u64, limit);
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(most as usize));
    let read = flate2::read::MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut out);
    if out.len() as u64 > most {
        return Err(Problem::TooLarge { packed: bytes.len() as u64, limit: most });
    }
    match read {
        Ok(_) => Ok(out),
        Err(e) => {
            let cut = e.kind() == std::io::ErrorKind::UnexpectedEof;
            Err(Problem::Damaged { form: "gzip", cut, reason: e.to_string().into() })
        }
    }
}

/// The text of bytes, or what is wrong with them.
///
/// # Errors
/// The bytes are no text in the encoding asked for, or in none of those that are guessed.
pub(super) fn decode<'a>(
    name: &Arc<str>,
    bytes: Cow<'a, [u8]>,
    asked: Option<&'static Encoding>,
) -> Result<(Cow<'a, str>, &'static str), Box<Defect>> {
    let defect = |line, problem, at| broken(name, &bytes, line, problem, at);
    if let Some(form) = other_form(&bytes) {
        return Err(Box::new(Defect::new(
            Place { file: name.clone(), ..Place::default() },
            Problem::OtherForm { form },
        )));
    }
    let bom = || Encoding::for_bom(&bytes).map(|(e, _)| e);
    if let Some(encoding) = asked.or_else(bom).filter(|e| *e != encoding_rs::UTF_8) {
        return by(encoding, &bytes).map(|text| (Cow::Owned(text), encoding.name())).map_err(|(offset, line)| {
            defect(line, Problem::Undecodable { encoding: encoding.name(), offset, other: None }, offset)
        });
    }
    let name_of = |text: &str| if text.starts_with('\u{feff}') { "UTF-8 with BOM" } else { "UTF-8" };
    let (bytes, utf8_at) = match bytes {
        Cow::Borrowed(b) => match std::str::from_utf8(b) {
            Ok(text) => return Ok((Cow::Borrowed(text), name_of(text))),
            Err(e) => (Cow::Borrowed(b), e.valid_up_to()),
        },
        Cow::Owned(b) => match String::from_utf8(b) {
            Ok(text) => {
                let encoding = name_of(&text);
                return Ok((Cow::Owned(text), encoding));
            }
            Err(e) => {
                let at = e.utf8_error().valid_up_to();
                (Cow::Owned(e.into_bytes()), at)
            }
        },
    };
    let defect = |line, problem, at| broken(name, &bytes, line, problem, at);
    let utf8_line = lines(&bytes[..utf8_at]);
    if asked.is_some() {
        let problem = Problem::Undecodable { encoding: "UTF-8", offset: utf8_at, other: None };
        return Err(defect(utf8_line, problem, utf8_at));
    }
    // A mark of UTF-8 before other text was put there by a program that knew no better.
    match by(encoding_rs::GB18030, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
        Ok(text) => match mixed(&bytes) {
            None => Ok((Cow::Owned(text), "GB18030")),
            Some((utf8, other)) => Err(defect(other, Problem::Mixed { utf8, other }, utf8_at)),
        },
        // The reading that came farther, by more than a cut character, is more likely what the file was meant to be.
        Err((at, line)) if at > utf8_at + 3 && mixed(&bytes).is_none() => {
            let problem = Problem::Undecodable { encoding: "GB18030", offset: at, other: Some(("UTF-8", utf8_at)) };
            Err(defect(line, problem, at))
        }
        Err((at, _)) => {
            let problem = Problem::Undecodable { encoding: "UTF-8", offset: utf8_at, other: Some(("GB18030", at)) };
            Err(defect(utf8_line, problem, utf8_at))
        }
    }
}

fn broken(name: &Arc<str>, bytes: &[u8], line: u32, problem: Problem, at: usize) -> Box<Defect> {
    let place = Place { file: name.clone(), line, ..Place::default() };
    let found: Vec<String> = bytes.iter().skip(at).take(4).map(|b| format!("{b:02X}")).collect();
    Box::new(Defect::new(place, problem).found(found.join(" ")))
}

fn lines(bytes: &[u8]) -> u32 {
    memchr::memchr_iter(b'\n', bytes).count() as u32 + 1
}

/// Decodes all bytes, without a byte order mark; else the offset of the first that fits nothing, and its line.
fn by(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, (usize, u32)> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut out = String::new();
    let mut at = 0;
    loop {
        // Text in Chinese grows by half; more room is made when it is needed.
        out.reserve((bytes.len() - at) / 2 * 3 + 64);
        let (result, read) = decoder.decode_to_string_without_replacement(&bytes[at..], &mut out, true);
        at += read;
        match result {
            encoding_rs::DecoderResult::InputEmpty => return Ok(out),
            encoding_rs::DecoderResult::OutputFull => {}
            encoding_rs::DecoderResult::Malformed(bad, after) => {
                return Err((at.saturating_sub(usize::from(bad) + usize::from(after)), lines(out.as_bytes())));
            }
        }
    }
}

/// A line that is certainly UTF-8 and one that is not, in bytes that pass for GB18030: somebody put two files together.
fn mixed(bytes: &[u8]) -> Option<(u32, u32)> {
    let (mut utf8, mut other) = (None, None);
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.is_ascii() {
            continue;
        }
        let n = i as u32 + 1;
        match std::str::from_utf8(line) {
            Ok(text) if utf8.is_none() => {
                let chinese =
                    |c: &char| matches!(c, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}');
                let foreign = text.chars().filter(|c| !c.is_ascii());
                let sure = foreign.clone().count() >= SURE && foreign.clone().all(|c| chinese(&c));
                utf8 = sure.then_some(n);
            }
            Ok(_) => {}
            Err(_) => other = other.or(Some(n)),
        }
    }
    Some((utf8?, other?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<(String, &'static str), Problem> {
        let name: Arc<str> = Arc::from("t.csv");
        decode(&name, Cow::Borrowed(bytes), None).map(|(t, e)| (t.into_owned(), e)).map_err(|d| d.problem)
    }

    #[test]
    fn names() {
        assert_eq!(by_name("a.b.csv"), Some(("a.b", Layout::Commas, false)));
        assert_eq!(by_name("案件.TSV.gz"), Some(("案件", Layout::Tabs, true)));
        assert_eq!(by_name("a.Txt"), Some(("a", Layout::Tabs, false)));
        assert_eq!(by_name("a.gz"), None);
        assert_eq!(by_name("件"), None);
    }

    #[test]
    fn encodings_are_found() {
        assert_eq!(read("一".as_bytes()), Ok(("一".into(), "UTF-8")));
        assert_eq!(read("\u{feff}一".as_bytes()), Ok(("\u{feff}一".into(), "UTF-8 with BOM")));
        assert_eq!(read(b"a,\xd0\xd5\xc3\xfb\n"), Ok(("a,姓名\n".into(), "GB18030")));
        assert_eq!(read(b"\xff\xfea\0,\0\x00\x4e"), Ok(("a,一".into(), "UTF-16LE")));
        assert_eq!(read(b"\xfe\xff\0a\x4e\x00"), Ok(("a一".into(), "UTF-16BE")));
        // Four bytes, beyond GBK.
        assert_eq!(read(b"\x81\x30\x81\x30"), Ok(("\u{80}".into(), "GB18030")));
    }

    #[test]
    fn what_is_no_text() {
        let undecodable = |encoding, offset, other| Err(Problem::Undecodable { encoding, offset, other });
        // GBK with a byte that fits nothing, and UTF-8 cut in a character.
        assert_eq!(read(b"a,\xd0\xd5,b\n\xff,b\n"), undecodable("GB18030", 7, Some(("UTF-8", 2))));
        assert_eq!(read(&"一二三".as_bytes()[..8]), undecodable("UTF-8", 6, Some(("GB18030", 7))));
        assert_eq!(read(b"\xff\xfea\0b"), undecodable("UTF-16LE", 4, None));
        let mut two = "案件,已经查明\n".as_bytes().to_vec();
        two.extend(b"\xd0\xd5\xc3\xfb\n");
        assert_eq!(read(&two), Err(Problem::Mixed { utf8: 1, other: 2 }));
        let name: Arc<str> = Arc::from("t.csv");
        let asked = |e| decode(&name, Cow::Borrowed(b"\xa4\xa4,\xa4\xe5"), Some(e)).map(|t| t.0.into_owned());
        assert_eq!(asked(encoding_rs::BIG5).ok().as_deref(), Some("中,文"));
        let d = asked(encoding_rs::UTF_8).expect_err("no UTF-8");
        assert_eq!((d.place.line, d.value.as_deref()), (1, Some("A4 A4 2C A4")));
    }

    #[test]
    fn packed() {
        use std::io::Write;
        let pack = |data: &[u8]| {
            let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            w.write_all(data).expect("in memory");
            w.finish().expect("in memory")
        };
        let data = b"id\nb1\n".repeat(50);
        let mut two = pack(&data);
        assert_eq!(unpack(&two, 1 << 20), Ok(data.clone()));
        two.extend(pack(b"b2\n"));
        assert_eq!(unpack(&two, 1 << 20).map(|d| d.len()), Ok(data.len() + 3));
        assert!(matches!(unpack(&two, 100), Err(Problem::TooLarge { limit: 100, .. })));
        let cut = unpack(&pack(&data)[..20], 1 << 20);
        assert!(matches!(cut, Err(Problem::Damaged { form: "gzip", cut: true, .. })), "{cut:?}");
        let other = unpack(b"id\nb1\n", 1 << 20);
        assert!(matches!(other, Err(Problem::Damaged { cut: false, .. })), "{other:?}");
        // A bomb: a gigabyte of zeros that stays below the limit in bytes is stopped by its ratio.
        let bomb = pack(&vec![0; SMALL as usize + 2]);
        assert!(matches!(unpack(&bomb, u64::MAX - 1), Err(Problem::TooLarge { limit: SMALL, .. })));
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(text in "[a-z0-9,一-龥（）《》\n]{0,60}") {
            let (bytes, _, unmapped) = encoding_rs::GB18030.encode(&text);
            prop_assume!(!unmapped);
            let (back, encoding) = read(&bytes).expect("text");
            // Short texts in GB18030 may be UTF-8 by accident.
            prop_assert!(back == text || encoding == "UTF-8");
        }
    }
}
