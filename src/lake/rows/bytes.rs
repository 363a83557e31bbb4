//! Rows as bytes for segments that wait on disk: written and read by one run, or by one program with a checkpoint between,
//! never by another version.

use super::packed::{Ints, Packed};
use super::{Column, Rows, Strings};
use crate::schema::Table;

const NULL: u8 = 0;
const INT: u8 = 1;
const FIXED: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;

impl Rows {
    /// Appends the rows to `out`.
    pub fn write_bytes(&self, out: &mut Vec<u8>) {
        put_len(out, self.len);
        put_len(out, self.columns.len());
        for c in &self.columns {
            write_column(c, out);
        }
    }

    /// Rows from bytes that [`Rows::write_bytes`] wrote; `None` where they are not whole.
    pub fn read_bytes(table: &'static Table, bytes: &[u8]) -> Option<Self> {
        let mut r = Reader { bytes };
        let len = r.len()?;
        let n = r.len()?;
        let columns = (0..n).map(|_| r.column(len)).collect::<Option<Vec<_>>>()?;
        r.bytes.is_empty().then(|| Self::new(table, len, columns))
    }
}

fn put_len(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&(n as u64).to_le_bytes());
}

fn write_column(c: &Column, out: &mut Vec<u8>) {
    match c {
        Column::Null => out.push(NULL),
        Column::Int(v) => {
            out.push(INT);
            out.extend_from_slice(&v.least.to_le_bytes());
            write_packed(&v.above, out);
        }
        Column::Fixed { width, bytes, valid } => {
            out.push(FIXED);
            put_len(out, *width);
            put(valid, |v| [u8::from(*v)], out);
            out.extend_from_slice(bytes);
        }
        Column::Text { codes, values } => {
            out.push(TEXT);
            write_packed(codes, out);
            write_strings(values, out);
        }
        Column::List {
            offsets,
            valid,
            items,
            values,
        } => {
            out.push(LIST);
            put_len(out, items.len());
            write_packed(offsets, out);
            put(valid, |v| [u8::from(*v)], out);
            write_packed(items, out);
            write_strings(values, out);
        }
    }
}

/// Numbers behind the bytes that each takes; one alone behind none.
fn write_packed(p: &Packed, out: &mut Vec<u8>) {
    match p {
        Packed::Alike(n, _) => {
            out.push(0);
            out.extend_from_slice(&n.to_le_bytes());
        }
        Packed::One(v) => {
            out.push(1);
            out.extend_from_slice(v);
        }
        Packed::Two(v) => {
            out.push(2);
            put(v, |n| n.to_le_bytes(), out);
        }
        Packed::Four(v) => {
            out.push(4);
            put(v, |n| n.to_le_bytes(), out);
        }
        Packed::Eight(v) => {
            out.push(8);
            put(v, |n| n.to_le_bytes(), out);
        }
    }
}

/// Appends every value as its bytes.
fn put<T, const N: usize>(values: &[T], bytes: impl Fn(&T) -> [u8; N], out: &mut Vec<u8>) {
    let at = out.len();
    out.resize(at + values.len() * N, 0);
    let room = out.get_mut(at..).unwrap_or(&mut []).as_chunks_mut().0;
    room.iter_mut().zip(values).for_each(|(o, v)| *o = bytes(v));
}

fn write_strings(s: &Strings, out: &mut Vec<u8>) {
    put_len(out, s.len());
    let mut start = 0;
    for end in s.ends() {
        out.extend_from_slice(&((end - start) as u32).to_le_bytes());
        start = *end;
    }
    out.extend_from_slice(s.bytes());
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.bytes.split_at_checked(n)?;
        self.bytes = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    fn len(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).ok()
    }

    fn column(&mut self, rows: usize) -> Option<Column> {
        Some(match self.byte()? {
            NULL => Column::Null,
            INT => Column::Int(Ints {
                least: i64::from_le_bytes(self.array()?),
                above: self.packed(rows)?,
            }),
            FIXED => {
                let width = self.len()?;
                Column::Fixed {
                    width,
                    valid: self.flags(rows)?,
                    bytes: self.take(rows.checked_mul(width)?)?.to_vec(),
                }
            }
            TEXT => Column::Text {
                codes: self.packed(rows)?,
                values: self.strings()?,
            },
            LIST => {
                let items = self.len()?;
                let offsets = self.packed(rows.checked_add(1)?)?;
                // Rows are counted by what is there before any of them is looked at: a damaged number has no end.
                let valid = self.flags(rows)?;
                let ordered = (0..=rows).is_sorted_by_key(|at| offsets.get(at));
                if !ordered || offsets.get(rows) > items as u64 {
                    return None;
                }
                Column::List {
                    offsets,
                    valid,
                    items: self.packed(items)?,
                    values: self.strings()?,
                }
            }
            _ => return None,
        })
    }

    fn flags(&mut self, n: usize) -> Option<Vec<bool>> {
        Some(self.take(n)?.iter().map(|b| *b != 0).collect())
    }

    fn packed(&mut self, n: usize) -> Option<Packed> {
        let width = self.byte()?;
        if width == 0 {
            return Some(Packed::Alike(u64::from_le_bytes(self.array()?), n));
        }
        let raw = self.take(n.checked_mul(width.into())?)?;
        Some(match width {
            1 => Packed::One(raw.to_vec()),
            2 => Packed::Two(chunks(raw).map(u16::from_le_bytes).collect()),
            4 => Packed::Four(chunks(raw).map(u32::from_le_bytes).collect()),
            8 => Packed::Eight(chunks(raw).map(u64::from_le_bytes).collect()),
            _ => return None,
        })
    }

    fn strings(&mut self) -> Option<Strings> {
        let n = self.len()?;
        let lens = self.take(n.checked_mul(4)?)?;
        let mut end = 0usize;
        let ends: Vec<usize> = chunks(lens)
            .map(|b| {
                end = end.saturating_add(u32::from_le_bytes(b) as usize);
                end
            })
            .collect();
        Some(Strings::from_parts(self.take(end)?.to_vec(), ends))
    }
}

fn chunks<const N: usize>(raw: &[u8]) -> impl ExactSizeIterator<Item = [u8; N]> {
    raw.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::builder::{NULL_CODE, NULL_INT};
    use crate::schema::process;

    fn column(rows: usize) -> impl Strategy<Value = Column> {
        let int = prop_oneof![Just(NULL_INT), -300i64..300, any::<i64>()];
        let text = proptest::collection::vec("[a-z]{0,5}", 1..400);
        prop_oneof![
            Just(Column::Null),
            proptest::collection::vec(int, rows).prop_map(|v| Ints::new(&v).map_or(Column::Null, Column::Int)),
            proptest::collection::vec((any::<bool>(), any::<[u8; 3]>()), rows).prop_map(|v| Column::Fixed {
                width: 3,
                valid: v.iter().map(|x| x.0).collect(),
                bytes: v.iter().flat_map(|x| x.1).collect(),
            }),
            (
                text,
                proptest::collection::vec(proptest::option::of(any::<u32>()), rows)
            )
                .prop_map(|(texts, picks)| {
                    let mut values = Strings::default();
                    texts.iter().for_each(|t| {
                        values.push(t.as_bytes());
                    });
                    let n = texts.len() as u32;
                    Column::Text {
                        codes: Packed::codes(texts.len(), picks.iter().map(|p| p.map_or(NULL_CODE, |p| p % n))),
                        values,
                    }
                }),
            proptest::collection::vec((any::<bool>(), 0usize..4), rows).prop_map(|v| {
                let mut values = Strings::default();
                values.push(b"only");
                let mut offsets = vec![0u32];
                for (_, n) in &v {
                    offsets.push(offsets[offsets.len() - 1] + *n as u32);
                }
                Column::List {
                    items: Packed::Alike(0, offsets[offsets.len() - 1] as usize),
                    offsets: Packed::codes(4 * v.len(), offsets.into_iter()),
                    valid: v.iter().map(|x| x.0).collect(),
                    values,
                }
            }),
        ]
    }

    #[test]
    fn a_damaged_number_of_rows_of_empty_lists_is_not_counted_to_its_end() {
        let empty = Column::List {
            offsets: Packed::Alike(0, 3),
            valid: vec![true; 2],
            items: Packed::Alike(0, 0),
            values: Strings::default(),
        };
        let mut bytes = Vec::new();
        Rows::new(&process::TABLE, 2, vec![empty]).write_bytes(&mut bytes);
        assert!(Rows::read_bytes(&process::TABLE, &bytes).is_some());
        bytes[..8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        assert!(Rows::read_bytes(&process::TABLE, &bytes).is_none());
    }

    proptest! {
        #[test]
        fn bytes_give_the_rows_back(columns in (0usize..40).prop_flat_map(|n| (Just(n), proptest::collection::vec(column(n), 0..6)))) {
            let (len, columns) = columns;
            let rows = Rows::new(&process::TABLE, len, columns);
            let mut bytes = Vec::new();
            rows.write_bytes(&mut bytes);
            let back = Rows::read_bytes(&process::TABLE, &bytes).unwrap();
            prop_assert_eq!(back.len, rows.len);
            prop_assert_eq!(&back.columns, &rows.columns);
            // A cut segment is told, never guessed at.
            prop_assert!(Rows::read_bytes(&process::TABLE, &bytes[..bytes.len() - 1]).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Rows::read_bytes(&process::TABLE, &bytes);
        }
    }
}
