//! Tables of Windows events in CSV: finding the header and cutting a record into its cells.

use crate::ingest::framing::CsvRecords;

/// The header of a table: the first record behind a byte order mark and PowerShell's `#TYPE` line.
pub fn header_line(bytes: &[u8]) -> &[u8] {
    CsvRecords::new(bytes)
        .map(|(_, line)| without_bom(line))
        .find(|line| !is_type(line))
        .unwrap_or_default()
}

/// Whether a record is no row: the header itself, the line in front of it, or blank.
pub fn is_header(record: &[u8], header: &[u8]) -> bool {
    let record = without_bom(record);
    record.trim_ascii().is_empty() || is_type(record) || record == header
}

/// The names of the columns.
pub fn columns(header: &[u8]) -> Vec<String> {
    let separator = separator(header);
    cells(&String::from_utf8_lossy(header), separator)
        .into_iter()
        .map(|c| c.trim().to_owned())
        .collect()
}

/// The character between cells: comma, or the semicolon and tab of spreadsheets in other cultures.
pub fn separator(header: &[u8]) -> u8 {
    let count = |c: u8| memchr::memchr_iter(c, header).count();
    [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|c| count(*c))
        .unwrap_or(b',')
}

/// The cells of one record.
pub fn cells(record: &str, separator: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(record.as_bytes());
    let mut row = csv::StringRecord::new();
    match reader.read_record(&mut row) {
        Ok(true) => row.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}


fn is_type(line: &[u8]) -> bool {
    line.starts_with(b"#TYPE")
}

fn without_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_behind_marks_and_type_lines() {
        let text = b"\xEF\xBB\xBF#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n\"Message\",\"Id\"\r\n\"a\r\nb\",1\r\n";
        let header = header_line(text);
        assert_eq!(columns(header), ["Message", "Id"]);
        let rows: Vec<_> = CsvRecords::new(text).filter(|(_, r)| !is_header(r, header)).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(cells("\"a\r\nb\";1", separator(b"x;y")), ["a\r\nb", "1"]);
    }
}
