//! Headers, and the fields of reports, which are written in the same way (RFC 3464, section 2.1).

/// Fields in their order: names in small letters, values on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a name, which is in small letters.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// So much of a head is read, in bytes, and so many groups of a report.
const MOST_BYTES: usize = 256 << 10;
const MOST_GROUPS: usize = 1_000;

/// The fields before the first blank line.
pub fn head(bytes: &[u8]) -> Fields {
    let mut groups = groups(bytes);
    if groups.is_empty() { Fields::default() } else { groups.swap_remove(0) }
}

/// What stands behind the first blank line.
pub fn body(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        at += line.len();
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    &bytes[at..]
}

/// Fields in groups with blank lines between them. What is no field is passed over.
pub fn groups(bytes: &[u8]) -> Vec<Fields> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_BYTES)]);
    let mut groups = Vec::new();
    let mut group: Vec<(String, String)> = Vec::new();
    for line in text.split('\n').chain([""]) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            if !group.is_empty() && groups.len() < MOST_GROUPS {
                groups.push(Fields(std::mem::take(&mut group)));
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.push((name.trim().to_ascii_lowercase(), value.to_owned()));
        }
    }
    groups
}
