//! Reply objects whose only purpose is the array of records in them.

use super::scan::{self, Scanned};

/// What the beginning of an object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapper {
    /// A plain record.
    None,
    /// A wrapper: its records begin behind so many bytes, its array ends so many objects deep.
    Records { skip: usize, levels: u8 },
    /// The bytes end too early to tell.
    Unknown,
}

/// Keys of the record array: Microsoft Graph, Azure storage, Microsoft Defender.
const RECORDS: [&[u8]; 3] = [b"value", b"records", b"results"];

/// Keys that may stand before it, in the replies of the same interfaces, of Splunk and of Elasticsearch. An unknown key
/// makes the object a record: many records have a field called `value`.
const BESIDE: [&[u8]; 17] = [
    b"schema",
    b"stats",
    b"count",
    b"total",
    b"nextlink",
    b"took",
    b"timed_out",
    b"_shards",
    b"max_score",
    b"status",
    b"offset",
    b"preview",
    b"init_offset",
    b"messages",
    b"fields",
    b"_scroll_id",
    b"pit_id",
];

/// Looks at the object that the bytes begin with.
pub(super) fn open(bytes: &[u8]) -> Wrapper {
    object(bytes, 1)
}

fn object(bytes: &[u8], levels: u8) -> Wrapper {
    let mut cursor = Cursor { bytes, at: 0 };
    cursor.object(levels).unwrap_or_else(|stop| stop)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn object(&mut self, levels: u8) -> Result<Wrapper, Wrapper> {
        self.expect(b'{')?;
        loop {
            let key = self.key()?;
            let is_one_of = |names: &[&[u8]]| names.iter().any(|name| key.eq_ignore_ascii_case(name));
            let inner_hits = levels == 2 && key == b"hits";
            if is_one_of(&RECORDS) && levels == 1 || inner_hits {
                return self.records(levels);
            }
            if key == b"hits" {
                self.peek()?;
                let found = object(self.bytes.get(self.at..).unwrap_or_default(), 2);
                return Ok(match found {
                    Wrapper::Records { skip, levels } => Wrapper::Records {
                        skip: self.at + skip,
                        levels,
                    },
                    other => other,
                });
            }
            if !is_one_of(&BESIDE) && !key.starts_with(b"@odata") {
                return Ok(Wrapper::None);
            }
            self.skip_value()?;
            self.expect(b',')?;
        }
    }

    /// The array must hold objects, or nothing.
    fn records(&mut self, levels: u8) -> Result<Wrapper, Wrapper> {
        self.expect(b'[')?;
        let skip = self.at;
        let holds_objects = matches!(self.peek()?, b'{' | b']');
        Ok(if holds_objects {
            Wrapper::Records { skip, levels }
        } else {
            Wrapper::None
        })
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<&'a [u8], Wrapper> {
        self.expect(b'"')?;
        let start = self.at;
        self.advance(scan::string(self.rest()))?;
        let key = self.bytes.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        self.expect(b':')?;
        Ok(key)
    }

    fn skip_value(&mut self) -> Result<(), Wrapper> {
        match self.peek()? {
            b'{' | b'[' => self.advance(scan::value(self.rest())),
            b'"' => {
                self.at += 1;
                self.advance(scan::string(self.rest()))
            }
            _ => {
                let is_scalar = |b: &&u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
                self.at += self.rest().iter().take_while(is_scalar).count();
                Ok(())
            }
        }
    }

    fn advance(&mut self, scanned: Scanned) -> Result<(), Wrapper> {
        match scanned {
            Scanned::Complete(len) => {
                self.at += len;
                Ok(())
            }
            Scanned::Incomplete => Err(Wrapper::Unknown),
            Scanned::Broken(_) => Err(Wrapper::None),
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Wrapper> {
        if self.peek()? != wanted {
            return Err(Wrapper::None);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<u8, Wrapper> {
        let blanks = self.rest().iter().take_while(|b| b" \t\r\n".contains(b)).count();
        self.at += blanks;
        self.rest().first().copied().ok_or(Wrapper::Unknown)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}
