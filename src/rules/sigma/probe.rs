//! Asks the mappers themselves where a field goes: a made-up record with one field is mapped, and the cell that changed
//! tells the column and the form. So every field that ingestion keeps in a column is found there, whatever mapper wrote it.

use super::access::Access;
use super::shape::Shape;
use crate::ingest::mappers;
use crate::ingest::raw::{Field, Raw};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::{Cells, NULL_CODE, NULL_INT, TableSet};
use crate::schema::{Col, Kind, Table, common, extra, http};

/// One cell of the mapped row.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<String>),
}

struct Mapped {
    cells: Vec<Cell>,
    held: bool,
}

/// Maps made-up records of one shape.
pub struct Probe<'s> {
    shape: Shape<'s>,
    /// A record without a field, once one was mapped.
    empty: Option<Vec<Cell>>,
    rows: TableSet,
}

impl<'s> Probe<'s> {
    /// Nothing is mapped yet.
    pub fn new(shape: Shape<'s>) -> Self {
        Self {
            shape,
            empty: None,
            rows: TableSet::default(),
        }
    }

    /// The shape.
    pub fn shape(&self) -> Shape<'s> {
        self.shape
    }

    /// Where rows of the shape keep a field; `None` where no column re-creates it.
    pub fn find(&mut self, field: &str) -> Option<Access> {
        let empty = match self.empty.take() {
            Some(cells) => cells,
            None => self.map(None)?.cells,
        };
        let found = self.compare(field, &empty);
        self.empty = Some(empty);
        found
    }

    fn compare(&mut self, field: &str, empty: &[Cell]) -> Option<Access> {
        let table = self.shape.table;
        let mut try_text = |text: &str| {
            let mapped = self.map(Some((field, text)))?;
            mapped.held.then(|| changed(empty, &mapped.cells))
        };
        let kind = |col: &Col| table.column(*col).map(|c| c.kind);
        if let Some(cells) = try_text(r"DOM7\usr7.q") {
            return text(&cells);
        }
        if let Some(cells) = try_text("123") {
            return the(&cells, |c| *c == Cell::Int(123)).map(Access::Int);
        }
        if let Some(cells) = try_text("0x7b") {
            return the(&cells, |c| *c == Cell::Int(123)).map(Access::Hex);
        }
        if let Some(cells) = try_text("203.0.113.77") {
            return the(&cells, |c| matches!(c, Cell::Bytes(b) if b.len() == 16)).map(Access::Ip);
        }
        if let Some(cells) = try_text("true") {
            return the(&cells, |c| *c == Cell::Int(1))
                .filter(|c| kind(c) == Some(Kind::Bool))
                .map(Access::Bool);
        }
        if let Some(cells) = try_text("2020-01-02 03:04:05.678") {
            return the(&cells, |c| *c == Cell::Int(1_577_934_245_678_000)).map(Access::Time);
        }
        if try_text("SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=D41D8CD98F00B204E9800998ECF8427E").is_some() {
            return Some(Access::Hashes);
        }
        for digits in [32, 40, 64] {
            if let Some(cells) = try_text(&"a1".repeat(digits / 2)) {
                return the(&cells, |c| matches!(c, Cell::Bytes(b) if b.len() * 2 == digits)).map(Access::Hash);
            }
        }
        if let Some(cells) = try_text("http://h7.example:8080/p?x=7") {
            return cells.iter().any(|(c, _)| *c == http::URL_HOST).then_some(Access::Url);
        }
        if let Some(cells) = try_text("?x=7") {
            return the(&cells, |c| *c == Cell::Text("x=7".into())).map(|c| Access::Behind('?', c));
        }
        if let Some(cells) = try_text("aa,bb") {
            return the(&cells, |c| matches!(c, Cell::List(l) if l.len() == 2)).map(Access::List);
        }
        None
    }

    /// Maps a record of this shape with one field; `None` where it does not land in the shape's table.
    fn map(&mut self, field: Option<(&str, &str)>) -> Option<Mapped> {
        let shape = self.shape;
        let mut raw = match shape.code {
            Some(code) => {
                let mut raw = Raw::windows(0);
                raw.code = Some(code);
                raw.kind = shape.provider.into();
                raw
            }
            None => Raw::log(shape.provider, 0),
        };
        raw.channel = (!shape.channel.is_empty()).then(|| shape.channel.into());
        let mut fields: Vec<Field<'_>> = hints(&shape).map(|(n, v)| Field::str(n, v)).collect();
        if let Some((name, value)) = field {
            fields.retain(|f| f.name != name);
            fields.push(Field::str(name, value));
        }
        raw.fields = fields;
        let cx = RecordContext {
            input: 0,
            format: "",
            fallback_time: 0,
            zone: None,
            input_host: None,
        };
        self.rows.clear();
        mappers::find(&raw).map(&raw, &mut self.rows, &cx);
        let builder = self.rows.builders().next()?;
        if builder.table().ix() != shape.table.ix() || builder.rows() != 1 {
            return None;
        }
        let cells: Vec<Cell> = builder.padded().iter().map(cell).collect();
        let held = match (field, cells.get(common::EXTRA.0 as usize)) {
            (Some((name, _)), Some(Cell::Text(json))) => extra::get(json, name).is_none(),
            _ => true,
        };
        Some(Mapped { cells, held })
    }
}

/// The column that holds a text, or the two that hold its halves.
fn text(cells: &[(Col, Cell)]) -> Option<Access> {
    let holds = |text: &str| the(cells, |c| *c == Cell::Text(text.into()));
    holds(r"DOM7\usr7.q")
        .or_else(|| holds(r"dom7\usr7.q"))
        .map(Access::Text)
        .or_else(|| Some(Access::Joined(holds("DOM7")?, holds("usr7.q")?, '\\')))
}

/// The first column whose cell is so; derived columns (base names) come behind the columns they derive from.
fn the(cells: &[(Col, Cell)], is: impl Fn(&Cell) -> bool) -> Option<Col> {
    cells.iter().find(|(_, c)| is(c)).map(|(col, _)| *col)
}

fn changed(before: &[Cell], after: &[Cell]) -> Vec<(Col, Cell)> {
    let pairs = before.iter().zip(after).enumerate();
    pairs
        .filter(|(i, (a, b))| a != b && *i != common::EXTRA.0 as usize)
        .map(|(i, (_, b))| (Col(i as u16), b.clone()))
        .collect()
}

/// Fields that a mapper looks at to tell where the others go.
fn hints<'s>(shape: &Shape<'s>) -> impl Iterator<Item = (&'static str, &'static str)> + use<'s> {
    let name = |t: &'static Table| t.name;
    let object = match (shape.code, name(shape.table)) {
        (Some(4656 | 4663), "process_access") => Some(("ObjectType", "Process")),
        (Some(4656 | 4663), "registry") => Some(("ObjectType", "Key")),
        _ => None,
    };
    let event_type = match (shape.source, shape.action) {
        ("sysmon", "create_key") => Some("CreateKey"),
        ("sysmon", "delete_key") => Some("DeleteKey"),
        ("sysmon", "create_value") => Some("CreateValue"),
        ("sysmon", "delete_value") => Some("DeleteValue"),
        _ => None,
    };
    object.into_iter().chain(event_type.map(|t| ("EventType", t)))
}

fn cell(cells: &Cells) -> Cell {
    match cells {
        Cells::Int(v) => v
            .first()
            .copied()
            .filter(|v| *v != NULL_INT)
            .map_or(Cell::Null, Cell::Int),
        Cells::Dict { codes, values } => match codes.first() {
            Some(c) if *c != NULL_CODE => Cell::Text(values.get(*c).to_owned()),
            _ => Cell::Null,
        },
        Cells::Text { bytes, ends } => match ends.first() {
            Some(Some(_)) => Cell::Text(bytes.clone()),
            _ => Cell::Null,
        },
        Cells::Fixed { bytes, valid, .. } => match valid.first() {
            Some(true) => Cell::Bytes(bytes.clone()),
            _ => Cell::Null,
        },
        Cells::List { ends, items, values } => match ends.first() {
            Some(Some(_)) => Cell::List(items.iter().map(|i| values.get(*i).to_owned()).collect()),
            _ => Cell::Null,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{auth, file, network, process, registry};

    fn windows<'s>(
        table: &'static Table,
        provider: &'s str,
        channel: &'s str,
        code: i32,
        action: &'s str,
    ) -> Shape<'s> {
        Shape {
            table,
            source: "sysmon",
            channel,
            provider,
            code: Some(code),
            action,
        }
    }

    fn find(shape: &Shape<'_>, field: &str) -> Option<Access> {
        Probe::new(*shape).find(field)
    }

    const SYSMON: &str = "Microsoft-Windows-Sysmon";
    const SECURITY: &str = "Microsoft-Windows-Security-Auditing";

    #[test]
    fn columns_and_forms_are_what_the_mappers_make() {
        let start = windows(&process::TABLE, SYSMON, "o", 1, "start");
        assert_eq!(find(&start, "Image"), Some(Access::Text(process::IMAGE)));
        assert_eq!(find(&start, "ProcessId"), Some(Access::Int(process::PID)));
        assert_eq!(find(&start, "LogonId"), Some(Access::Hex(common::LOGON_ID)));
        assert_eq!(find(&start, "Hashes"), Some(Access::Hashes));
        assert_eq!(
            find(&start, "User"),
            Some(Access::Joined(common::USER_DOMAIN, common::USER, '\\'))
        );
        assert_eq!(find(&start, "NoSuchField"), None);
        let security = windows(&process::TABLE, SECURITY, "Security", 4688, "start");
        assert_eq!(find(&security, "ProcessId"), Some(Access::Hex(process::PPID)));
        assert_eq!(find(&security, "NewProcessName"), Some(Access::Text(process::IMAGE)));
        let logon = windows(&auth::TABLE, SECURITY, "Security", 4624, "logon");
        assert_eq!(find(&logon, "LogonType"), Some(Access::Int(auth::LOGON_TYPE)));
        assert_eq!(find(&logon, "IpAddress"), Some(Access::Ip(auth::SRC_IP)));
        let connect = windows(&network::TABLE, SYSMON, "o", 3, "connect");
        assert_eq!(find(&connect, "DestinationPort"), Some(Access::Int(network::DST_PORT)));
        let share = windows(&file::TABLE, SECURITY, "Security", 5145, "share_access");
        assert_eq!(find(&share, "RelativeTargetName"), Some(Access::Text(file::PATH)));
    }

    #[test]
    fn a_registry_value_is_its_key_and_name_joined() {
        let set = windows(&registry::TABLE, SYSMON, "o", 13, "set_value");
        let joined = Some(Access::Joined(registry::KEY, registry::VALUE_NAME, '\\'));
        assert_eq!(find(&set, "TargetObject"), joined);
        let create = windows(&registry::TABLE, SYSMON, "o", 12, "create_key");
        assert_eq!(find(&create, "TargetObject"), Some(Access::Text(registry::KEY)));
        let delete = windows(&registry::TABLE, SYSMON, "o", 12, "delete_value");
        assert_eq!(find(&delete, "TargetObject"), joined);
    }
}
