//! Kinds of rows: the same log, event and table, so that a rule applies to all of them or to none.

use crate::schema::{Table, event, process};

/// What rows have in common that decide which rules apply and where fields are found.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'s> {
    /// Table.
    pub table: &'static Table,
    /// The `source` column.
    pub source: &'s str,
    /// The `channel` column; empty where there is none.
    pub channel: &'s str,
    /// The `provider` column; empty where there is none.
    pub provider: &'s str,
    /// The `event_code` column.
    pub code: Option<i32>,
    /// The `action` column.
    pub action: &'s str,
}

/// The same, owned: a key of maps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeKey {
    /// Place of the table.
    pub table: usize,
    /// The `source` column.
    pub source: String,
    /// The `channel` column; empty where there is none.
    pub channel: String,
    /// The `provider` column; empty where there is none.
    pub provider: String,
    /// The `event_code` column.
    pub code: Option<i32>,
    /// The `action` column.
    pub action: String,
}

impl Shape<'_> {
    /// Whether the row is a Windows event (of any collector). The text log of Windows' DHCP service numbers its lines, too.
    pub fn is_windows(&self) -> bool {
        self.code.is_some()
            && (!self.channel.is_empty() || !self.provider.is_empty())
            && !["zeek.", "dhcp."].iter().any(|log| self.provider.starts_with(log))
    }

    /// Whether the row is of this table.
    pub fn is(&self, table: &Table) -> bool {
        self.table.ix() == table.ix()
    }

    /// Whether the row comes from an agent on the host itself.
    pub fn on_host(&self) -> bool {
        self.is_windows() || self.source == "mde"
    }
}

impl ShapeKey {
    /// Borrowed again; the table of an index that does not exist is `event`.
    pub fn shape(&self) -> Shape<'_> {
        Shape {
            table: crate::schema::TABLES.get(self.table).copied().unwrap_or(&event::TABLE),
            source: &self.source,
            channel: &self.channel,
            provider: &self.provider,
            code: self.code,
            action: &self.action,
        }
    }

    /// Of a row's cells.
    pub fn of(shape: &Shape<'_>) -> Self {
        Self {
            table: shape.table.ix(),
            source: shape.source.to_owned(),
            channel: shape.channel.to_owned(),
            provider: shape.provider.to_owned(),
            code: shape.code,
            action: shape.action.to_owned(),
        }
    }
}

impl Default for Shape<'_> {
    fn default() -> Self {
        Self {
            table: &process::TABLE,
            source: "",
            channel: "",
            provider: "",
            code: None,
            action: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_lines_of_other_logs_are_no_windows_events() {
        let of = |provider| {
            let shape = Shape {
                provider,
                code: Some(10),
                ..Shape::default()
            };
            shape.is_windows()
        };
        assert!(of("Microsoft-Windows-DHCP Server Events"));
        assert!(!of("dhcp.windows") && !of("zeek.conn"));
    }
}
