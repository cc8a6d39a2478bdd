use super::*;
use proptest::prelude::*;

/// A record, or a broken line, with where it starts.
type Line = Result<(u64, Vec<String>), (u64, Fault)>;

/// A stream that comes in pieces of so many bytes.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.1.min(self.0.len()).min(out.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn read(bytes: &[u8], piece: usize, encoding: Option<&'static Encoding>) -> Vec<Line> {
    let mut records = Records::new(Pieces(bytes, piece), encoding);
    let mut all = Vec::new();
    while let Some(next) = records.next().expect("memory can be read") {
        all.push(next.map(|r| (r.line, r.cells)).map_err(|b| (b.line, b.fault)));
    }
    assert_eq!(records.read_bytes(), bytes.len() as u64);
    all
}

/// Records as `line: cell|cell`, broken ones as `line! fault`.
#[track_caller]
fn case(text: impl AsRef<[u8]>, want: &[&str]) {
    for piece in [1, 2, 7, 1 << 20] {
        let shown = |record: Line| match record {
            Ok((line, cells)) => format!("{line}: {}", cells.join("|")),
            Err((line, fault)) => format!("{line}! {fault:?}"),
        };
        let got: Vec<String> = read(text.as_ref(), piece, None).into_iter().map(shown).collect();
        assert_eq!(got, want, "in pieces of {piece}");
    }
}

#[test]
fn the_separator_is_found() {
    case("a,b\n1,2\n", &["1: a|b", "2: 1|2"]);
    case("a;b\n1,5;2\n", &["1: a|b", "2: 1,5|2"]);
    case("a\tb\n1\t2", &["1: a|b", "2: 1|2"]);
    case("a|b\n1|2", &["1: a|b", "2: 1|2"]);
    case("\"a;b;c\",d\n1,2", &["1: a;b;c|d", "2: 1|2"]);
    case("sep=;\r\na;b\r\n", &["2: a|b"]);
    case("a\n1\n", &["1: a", "2: 1"]);
}

#[test]
fn line_ends_marks_and_empty_lines_are_understood() {
    case("\u{feff}a,b\r\n\r\n1,2\r\n,\r\n3,4", &["1: a|b", "3: 1|2", "5: 3|4"]);
    case("\n\na,b\r1,2\r3,4\r", &["3: a|b", "4: 1|2", "5: 3|4"]);
    case("", &[]);
    case("\u{feff}", &[]);
    case("\n \n", &[]);
}

#[test]
fn quotes_are_understood() {
    case("a,b\n\"1,\"\"x\"\"\",\"2\n3\"\n4,5\" pipe\n", &["1: a|b", "2: 1,\"x\"|2\n3", "4: 4|5\" pipe"]);
    case("a,b\n\"\",\"\"\n1,\"\"", &["1: a|b", "3: 1|"]);
}

#[test]
fn a_broken_quote_costs_its_line_and_no_other() {
    case("a,b\n\"1,2\n3,4\n", &["1: a|b", "2! Quote", "3: 3|4"]);
    case("a,b\n\"1,2\n\"3\",4\n", &["1: a|b", "2! Quote", "3: 3|4"]);
    case("a,b\n1,\"2\n3,\"4\"\n", &["1: a|b", "2! Quote", "3: 3|4"]);
    case("a,b\n\"1\"x,2\n3,4\n", &["1: a|b", "2! Quote", "3: 3|4"]);
    // It happens to be closed two lines below, by a quote that closes nothing there.
    case("a,b\n\"1,2\n3,4\n5,6\"\n7,8\n", &["1: a|b", "2! Quote", "3: 3|4", "4: 5|6\"", "5: 7|8"]);
    let many = format!("a,b\n1,\"2\n{}", "3,4\n".repeat(40));
    assert_eq!(read(many.as_bytes(), 50, None).len(), 42);
}

#[test]
fn a_record_of_a_megabyte_costs_its_line_and_no_other() {
    for long in ["x".repeat(1_000_000), format!("\"{}\"", "x".repeat(1_000_000))] {
        let text = format!("a,b\n{long},2\n3,4\n");
        let got = read(text.as_bytes(), 5_000, None);
        assert_eq!(got.len(), 3);
        assert!(matches!(got[1], Err((2, Fault::TooLong | Fault::Quote))), "{:?}", got[1].as_ref().err());
        assert_eq!(got[2], Ok((3, vec!["3".into(), "4".into()])));
    }
}

#[test]
fn another_encoding_is_seen_or_declared() {
    case(b"a,b\nZo\xeb,1\nx,2\n", &["1: a|b", "2! NotUtf8", "3: x|2"]);
    let want = vec![Ok((1, vec!["a".to_owned(), "b".into()])), Ok((2, vec!["Zoë".into(), "1".into()]))];
    for piece in [1, 3, 1000] {
        assert_eq!(read(b"a,b\nZo\xeb,1\n", piece, Encoding::for_label(b"latin1")), want);
        let wide = |big: bool| -> Vec<u8> {
            let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            "\u{feff}a\tb\nZoë\t1\n".encode_utf16().flat_map(unit).collect()
        };
        assert_eq!(read(&wide(false), piece, None), want);
        assert_eq!(read(&wide(true), piece, None), want);
    }
}

proptest! {
    #[test]
    fn what_a_library_writes_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-z,;\"\n é]{0,8}", 3), 1..8),
        piece in 1_usize..40,
    ) {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["h1", "h2", "h3"]).expect("memory takes it");
        for row in &rows {
            writer.write_record(row).expect("memory takes it");
        }
        let bytes = writer.into_inner().expect("memory takes it");
        let got: Vec<Vec<String>> = read(&bytes, piece, None).into_iter().map(|r| r.expect("sound").1).collect();
        let want: Vec<Vec<String>> =
            rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
        prop_assert_eq!(&got[1..], &want[..]);
    }

    #[test]
    fn no_bytes_make_it_stop_or_lose_a_line(lines in prop::collection::vec("[a,\"\r]{0,6}", 0..20)) {
        let text = lines.join("\n");
        for piece in [1, 5, 1000] {
            read(text.as_bytes(), piece, None);
        }
    }
}
