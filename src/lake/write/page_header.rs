//! Headers of pages, in Thrift's compact protocol: the parquet crate's writer leaves the checksum out.

use parquet::basic::{Encoding, PageType};

/// Types of fields, as the protocol numbers them.
const I32: u8 = 5;
const FALSE: u8 = 2;
const STRUCT: u8 = 12;
const STOP: u8 = 0;

/// The header of a data page of version 1; `uncompressed` is the size of its levels and values.
pub fn data(values: usize, encoding: Encoding, uncompressed: usize, packed: &[u8]) -> Vec<u8> {
    let mut out = page(PageType::DATA_PAGE, uncompressed, packed);
    // DataPageHeader is field 5: one after the checksum.
    out.push(1 << 4 | STRUCT);
    int(&mut out, values as i32);
    int(&mut out, encoding as i32);
    int(&mut out, Encoding::RLE as i32);
    int(&mut out, Encoding::RLE as i32);
    out.extend([STOP, STOP]);
    out
}

/// The header of a dictionary page of plain values in no order.
pub fn dictionary(values: usize, uncompressed: usize, packed: &[u8]) -> Vec<u8> {
    let mut out = page(PageType::DICTIONARY_PAGE, uncompressed, packed);
    // DictionaryPageHeader is field 7: three after the checksum.
    out.push(3 << 4 | STRUCT);
    int(&mut out, values as i32);
    int(&mut out, Encoding::PLAIN as i32);
    out.push(1 << 4 | FALSE);
    out.extend([STOP, STOP]);
    out
}

/// What all pages begin with; the checksum is over the bytes as they stand in the file.
fn page(kind: PageType, uncompressed: usize, packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    int(&mut out, kind as i32);
    int(&mut out, uncompressed as i32);
    int(&mut out, packed.len() as i32);
    int(&mut out, crc32fast::hash(packed) as i32);
    out
}

/// The next field, a number.
fn int(out: &mut Vec<u8>, n: i32) {
    out.push(1 << 4 | I32);
    let mut rest = ((n << 1) ^ (n >> 31)) as u32;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use parquet::column::page::{CompressedPage, Page, PageWriter};
    use parquet::file::writer::{SerializedPageWriter, TrackedWrite};

    use super::*;

    /// Our header with the checksum taken out is the crate's.
    #[track_caller]
    fn check(page: Page, uncompressed: usize, ours: Vec<u8>) {
        let packed = page.buffer().to_vec();
        let mut sink = TrackedWrite::new(Vec::new());
        SerializedPageWriter::new(&mut sink)
            .write_page(CompressedPage::new(page, uncompressed))
            .unwrap();
        let theirs = sink.into_inner().unwrap();
        let mut crc = Vec::new();
        int(&mut crc, crc32fast::hash(&packed) as i32);
        // It is the fourth of the numbers, each of which ends with a byte below 0x80 behind its type.
        let number = |at: usize| at + 2 + ours[at + 1..].iter().take_while(|b| **b >= 0x80).count();
        let at = number(number(number(0)));
        assert!(ours[at..].starts_with(&crc));
        let mut without = [&ours[..at], &ours[at + crc.len()..]].concat();
        without[at] += 1 << 4;
        assert_eq!([without, packed].concat(), theirs);
    }

    #[test]
    fn headers_are_those_of_the_parquet_crate_and_a_checksum() {
        for (values, uncompressed, packed) in [(1, 9, vec![7; 3]), (70_000, 1 << 20, vec![1; 90_000]), (0, 0, vec![])] {
            for encoding in [Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::DELTA_BINARY_PACKED] {
                let page = Page::DataPage {
                    buf: packed.clone().into(),
                    num_values: values as u32,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics: None,
                };
                check(page, uncompressed, data(values, encoding, uncompressed, &packed));
            }
            let page = Page::DictionaryPage {
                buf: packed.clone().into(),
                num_values: values as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            check(page, uncompressed, dictionary(values, uncompressed, &packed));
        }
    }
}
