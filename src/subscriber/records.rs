//! A file of lines and cells, as a stream of records: CSV as tools write it (RFC 4180, and what they make of it).
//!
//! The separator is found in the first line; quotes, line breaks within them, a byte order mark and all three line ends are
//! understood. What is broken costs its own line and no other: a quote that is never closed does not swallow the rest of the
//! file. Memory holds one record, however long the file is. The cells themselves are taken apart by `csv-core`.

use super::trimmed;
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// The longest record, in bytes.
const LONGEST: usize = 64 * 1024;

/// How many lines one record may take: a cell with more is a quote that was never closed.
const MOST_LINES: u64 = 20;

/// What may stand between cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// One record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it starts on, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// A line that no record could be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What may be wrong with a line. Reads on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A quote opens a cell and nothing closes it.
    #[error("a quote opens a cell, and none closes it before the next separator or line end")]
    Quote,
    /// More than 64 KiB.
    #[error("it is longer than 64 KiB")]
    TooLong,
    /// Bytes that are no UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
}

/// The records of a stream. Empty lines, and lines of empty cells, are passed over.
#[derive(Debug)]
pub struct Records<R> {
    input: Decoded<R>,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
    line: u64,
    separator: Option<u8>,
    /// How many cells the first record had.
    width: Option<usize>,
    parser: csv_core::Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// Where a record ends.
enum Extent {
    /// So many bytes, its line end included, over so many lines.
    Whole { bytes: usize, lines: u64 },
    /// The bytes at hand do not tell.
    Unknown,
    /// Something is wrong with its first line.
    Bad(Fault),
}

impl<R: Read> Records<R> {
    /// Reads a stream that is in an encoding. Without one it is UTF-8, or UTF-16 where it starts with that byte order mark.
    pub fn new(input: R, encoding: Option<&'static Encoding>) -> Records<R> {
        Records {
            input: Decoded::new(input, encoding),
            buffer: Vec::new(),
            start: 0,
            at_end: false,
            line: 1,
            separator: None,
            width: None,
            parser: csv_core::Reader::new(),
            cells: vec![0; 1024],
            ends: vec![0; 64],
        }
    }

    /// How many bytes of the input were read so far.
    pub fn read_bytes(&self) -> u64 {
        self.input.read_bytes
    }

    /// The next record, or what is wrong with the next line; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the system said.
    #[allow(clippy::should_implement_trait)] // An iterator of results of results reads worse.
    pub fn next(&mut self) -> io::Result<Option<Result<Record, Broken>>> {
        loop {
            if self.separator.is_none() {
                self.find_separator()?;
            }
            let line = self.line;
            let (bytes, lines) = match self.extent()? {
                None => return Ok(None),
                Some(Extent::Whole { bytes, lines }) => (bytes, lines),
                Some(Extent::Bad(fault)) => return Ok(Some(Err(self.skip(fault)?))),
                Some(Extent::Unknown) => unreachable!("more is read until it is known"),
            };
            let record = &self.buffer[self.start..self.start + bytes];
            let Ok(text) = std::str::from_utf8(record) else {
                return Ok(Some(Err(self.skip(Fault::NotUtf8)?)));
            };
            let cells = cells(&mut self.parser, text, &mut self.cells, &mut self.ends);
            // A quote that was meant otherwise may have taken lines that are records themselves.
            if lines > 1 && self.width.is_some_and(|width| cells.len() != width) {
                return Ok(Some(Err(self.skip(Fault::Quote)?)));
            }
            self.start += bytes;
            self.line += lines;
            if cells.iter().all(|cell| trimmed(cell).is_empty()) {
                continue;
            }
            self.width.get_or_insert(cells.len());
            return Ok(Some(Ok(Record { line, cells })));
        }
    }

    /// Where the next record ends; `None` at the end of the input.
    fn extent(&mut self) -> io::Result<Option<Extent>> {
        loop {
            let rest = &self.buffer[self.start..];
            if rest.is_empty() && self.at_end {
                return Ok(None);
            }
            match extent(rest, self.separator.unwrap_or(b','), self.at_end) {
                Extent::Unknown if rest.len() > LONGEST => return Ok(Some(Extent::Bad(Fault::TooLong))),
                Extent::Unknown => self.fill()?,
                Extent::Whole { bytes, .. } if bytes > LONGEST => return Ok(Some(Extent::Bad(Fault::TooLong))),
                found => return Ok(Some(found)),
            }
        }
    }

    /// Passes over the first line of what is left, however long it is.
    fn skip(&mut self, fault: Fault) -> io::Result<Broken> {
        let line = self.line;
        loop {
            let rest = &self.buffer[self.start..];
            match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                // A line feed may follow in what was not read yet.
                Some(i) if rest[i] == b'\r' && i + 1 == rest.len() && !self.at_end => self.fill()?,
                Some(i) => {
                    self.start += i + line_end(&rest[i..]);
                    break;
                }
                None if self.at_end => {
                    self.start = self.buffer.len();
                    break;
                }
                None => {
                    self.start = self.buffer.len();
                    self.fill()?;
                }
            }
        }
        self.line += 1;
        Ok(Broken { line, fault })
    }

    /// Looks at the first line that has something in it for what stands between its cells. Excel says so itself: `sep=;`.
    fn find_separator(&mut self) -> io::Result<()> {
        let (first, ended) = loop {
            let rest = &self.buffer[self.start..];
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match end {
                Some(i) if i + 1 == rest.len() && !self.at_end => self.fill()?,
                Some(i) if rest[..i].trim_ascii().is_empty() => {
                    self.start += i + line_end(&rest[i..]);
                    self.line += 1;
                }
                Some(i) => break (&rest[..i], i + line_end(&rest[i..])),
                None if self.at_end || rest.len() > LONGEST => break (rest, rest.len()),
                None => self.fill()?,
            }
        };
        let said = match first.to_ascii_lowercase().strip_prefix(b"sep=") {
            Some([separator]) => Some(*separator),
            Some([]) => Some(b'\t'),
            _ => None,
        };
        let mut counts = [0; SEPARATORS.len()];
        let mut is_quoted = false;
        for &byte in first {
            is_quoted ^= byte == b'"';
            if let Some(i) = SEPARATORS.iter().position(|&one| one == byte && !is_quoted) {
                counts[i] += 1;
            }
        }
        let most = (0..SEPARATORS.len()).rev().max_by_key(|&i| counts[i]).unwrap_or_default();
        let separator = said.unwrap_or(SEPARATORS[most]);
        if said.is_some() {
            self.start += ended;
            self.line += 1;
        }
        self.separator = Some(separator);
        self.parser = csv_core::ReaderBuilder::new().delimiter(separator).build();
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.at_end = !self.input.read_into(&mut self.buffer)?;
        Ok(())
    }
}

/// Where the record ends that starts these bytes.
fn extent(bytes: &[u8], separator: u8, at_end: bool) -> Extent {
    let (mut i, mut lines) = (0, 1);
    loop {
        // A cell starts here.
        if bytes.get(i) == Some(&b'"') {
            i += 1;
            loop {
                match bytes[i..].iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r')) {
                    None if at_end || bytes.len() > LONGEST => return Extent::Bad(Fault::Quote),
                    None => return Extent::Unknown,
                    Some(n) => i += n,
                }
                // What follows must be known, unless nothing does.
                if i + 1 == bytes.len() && !at_end {
                    return Extent::Unknown;
                }
                match (bytes[i], bytes.get(i + 1)) {
                    (b'"', Some(b'"')) => i += 2,
                    (b'"', next) if next.is_none_or(|&next| next == separator || matches!(next, b'\n' | b'\r')) => {
                        i += 1;
                        break;
                    }
                    (b'"', _) => return Extent::Bad(Fault::Quote),
                    _ => {
                        i += line_end(&bytes[i..]);
                        lines += 1;
                        if lines > MOST_LINES {
                            return Extent::Bad(Fault::Quote);
                        }
                    }
                }
            }
        }
        match bytes[i..].iter().position(|&byte| byte == separator || matches!(byte, b'\n' | b'\r')) {
            None if at_end => return Extent::Whole { bytes: bytes.len(), lines },
            None => return Extent::Unknown,
            Some(n) => i += n,
        }
        if bytes[i] == separator {
            i += 1;
        } else if i + 1 == bytes.len() && !at_end {
            return Extent::Unknown;
        } else {
            return Extent::Whole { bytes: i + line_end(&bytes[i..]), lines };
        }
    }
}

/// How many bytes the line end takes that starts here.
fn line_end(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

/// The cells of one record.
fn cells(parser: &mut csv_core::Reader, record: &str, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Vec<String> {
    parser.reset();
    let mut input = record.as_bytes();
    let (mut written, mut ended) = (0, 0);
    loop {
        let (result, read, wrote, found) = parser.read_record(input, &mut out[written..], &mut ends[ended..]);
        input = &input[read..];
        written += wrote;
        ended += found;
        match result {
            csv_core::ReadRecordResult::OutputFull => out.resize(out.len() * 2, 0),
            csv_core::ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            // The empty input that comes next says that this is all.
            csv_core::ReadRecordResult::InputEmpty => {}
            csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => break,
        }
    }
    let mut from = 0;
    let cell = |&end: &usize| {
        // Separators and quotes are ASCII, so the text is cut between characters.
        let cell = String::from_utf8_lossy(&out[from..end]).into_owned();
        from = end;
        cell
    };
    ends[..ended].iter().map(cell).collect()
}

/// A stream as UTF-8.
struct Decoded<R> {
    input: R,
    encoding: Option<&'static Encoding>,
    /// None where the bytes are taken as they are.
    decoder: Option<Decoder>,
    is_started: bool,
    read_bytes: u64,
    chunk: Vec<u8>,
}

impl<R> std::fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoded").field("encoding", &self.encoding).field("read_bytes", &self.read_bytes).finish()
    }
}

impl<R: Read> Decoded<R> {
    fn new(input: R, encoding: Option<&'static Encoding>) -> Decoded<R> {
        Decoded { input, encoding, decoder: None, is_started: false, read_bytes: 0, chunk: vec![0; LONGEST] }
    }

    /// Adds what comes next to `out`; whether there may be more.
    fn read_into(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut read = self.read(0)?;
        if !self.is_started {
            self.is_started = true;
            // A byte order mark may come in pieces, from a pipe.
            while (1..3).contains(&read) {
                match self.read(read)? {
                    0 => break,
                    more => read += more,
                }
            }
            let marked = Encoding::for_bom(&self.chunk[..read]);
            let encoding = match (self.encoding, marked) {
                (Some(said), _) => said,
                (None, Some((wide, _))) if wide == UTF_16LE || wide == UTF_16BE => wide,
                (None, _) => UTF_8,
            };
            if encoding == UTF_8 {
                let skipped = marked.filter(|(found, _)| *found == UTF_8).map_or(0, |(_, length)| length);
                out.extend_from_slice(&self.chunk[skipped..read]);
                return Ok(read > 0);
            }
            self.decoder = Some(encoding.new_decoder_with_bom_removal());
        }
        let Some(decoder) = &mut self.decoder else {
            out.extend_from_slice(&self.chunk[..read]);
            return Ok(read > 0);
        };
        let mut input = &self.chunk[..read];
        loop {
            let most = decoder.max_utf8_buffer_length(input.len()).unwrap_or(LONGEST);
            let from = out.len();
            out.resize(from + most, 0);
            let (result, taken, written, _) = decoder.decode_to_utf8(input, &mut out[from..], read == 0);
            out.truncate(from + written);
            input = &input[taken..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return Ok(read > 0);
            }
        }
    }

    /// Reads on, to behind the first bytes of the chunk.
    fn read(&mut self, behind: usize) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.chunk[behind..]) {
                Ok(read) => {
                    self.read_bytes += read as u64;
                    return Ok(read);
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }
}

#[cfg(test)]
mod tests;
