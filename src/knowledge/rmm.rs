//! Remote monitoring and management (RMM) tools: which binary, service, signer, domain … belongs to which product.
//!
//! Data: LOLRMM (magicsword-io, Apache-2.0) and RMM_SummaryNetworkURI (jischell-msft, MIT), merged to one row per value;
//! rows whose value also belongs to unrelated software were marked as such for this project.
//! A value that several products share names the first product only.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ahash::AHashMap;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::load::{LoadError, bad_content, read_text};

const BUILTIN: &str = include_str!("data/rmm_tools.csv");

/// How many patterns with `*` a table may hold: compiling them costs memory. The shipped table holds about 90.
const MAX_GLOBS: usize = 5_000;

/// How much a hit on a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The value belongs to this tool.
    None,
    /// The value also belongs to ordinary software (`putty.exe`, `setup.exe`, a large vendor's signature): never enough alone.
    Ambiguous,
    /// The domain serves much besides this tool (`github.com`): never enough alone.
    SharedInfrastructure,
}

/// A hit in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'a> {
    /// The product's name.
    pub tool: &'a str,
    /// How much the hit says.
    pub note: Note,
}

/// RMM tools by what they leave in logs.
#[derive(Debug, Default, Clone)]
pub struct RmmTable {
    tools: Vec<String>,
    binaries: Values,
    original_file_names: Values,
    signers: Values,
    services: Values,
    domains: Values,
    pipes: Values,
    user_agents: Values,
    rows: usize,
}

impl RmmTable {
    /// The shipped table.
    pub fn builtin() -> &'static RmmTable {
        static TABLE: OnceLock<RmmTable> = OnceLock::new();
        // A shipped table that does not parse is caught by a test, not by a user.
        TABLE.get_or_init(|| {
            let mut draft = Draft::default();
            draft.add(BUILTIN).and_then(|()| draft.finish()).unwrap_or_default()
        })
    }

    /// A table made of the user's CSV files, in place of the shipped one.
    ///
    /// Columns by header: `tool,kind,value,note` (as shipped), `rmm_program,rmm_binary`, or `URI,RMM_Tool`.
    ///
    /// # Errors
    /// When a file cannot be read, has none of these headers, or holds a pattern that cannot be compiled.
    pub fn from_files(paths: &[PathBuf]) -> Result<RmmTable, LoadError> {
        let mut draft = Draft::default();
        let mut last: &Path = Path::new("RMM table");
        for path in paths {
            last = path;
            let text = read_text(path)?;
            draft.add(&text).map_err(|why| bad_content(path, why))?;
        }
        draft.finish().map_err(|why| bad_content(last, why))
    }

    /// Number of rows in use.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether the table holds nothing.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// By a program's file name in lower case, without its folder: `anydesk.exe`.
    pub fn binary(&self, name_lower: &str) -> Option<Match<'_>> {
        self.hit(self.binaries.find(name_lower))
    }

    /// By the `OriginalFileName` of a program's version resource.
    pub fn original_file_name(&self, name: &str) -> Option<Match<'_>> {
        self.hit(self.original_file_names.find(&name.trim().to_lowercase()))
    }

    /// By the signer: its plain name, or a certificate subject of which `CN=` and `O=` are tried.
    pub fn signer(&self, signer: &str) -> Option<Match<'_>> {
        let lower = signer.trim().to_lowercase();
        let row = self.signers.find(&lower).or_else(|| {
            let names = ["cn=", "o="];
            names
                .iter()
                .find_map(|key| self.signers.find(subject_part(&lower, key)?))
        });
        self.hit(row)
    }

    /// By a service's name or display name.
    pub fn service(&self, name: &str) -> Option<Match<'_>> {
        self.hit(self.services.find(&name.trim().to_lowercase()))
    }

    /// By a host name in lower case: the listed name itself or anything below it, never a mere ending of a label
    /// (`notanydesk.com` is not `anydesk.com`). The most specific listed name wins.
    pub fn domain(&self, host_lower: &str) -> Option<Match<'_>> {
        let host = host_lower.strip_suffix('.').unwrap_or(host_lower);
        let mut rest = Some(host);
        while let Some(name) = rest {
            if let Some(row) = self.domains.exact(name) {
                return self.hit(Some(row));
            }
            rest = name.split_once('.').map(|(_, tail)| tail);
        }
        self.hit(self.domains.glob(host))
    }

    /// By a named pipe, with or without `\\.\pipe\` in front.
    pub fn pipe(&self, name: &str) -> Option<Match<'_>> {
        self.hit(self.pipes.find(&pipe_name(name)))
    }

    /// By an HTTP User-Agent.
    pub fn user_agent(&self, agent: &str) -> Option<Match<'_>> {
        self.hit(self.user_agents.find(&agent.trim().to_lowercase()))
    }

    fn hit(&self, row: Option<Row>) -> Option<Match<'_>> {
        let row = row?;
        Some(Match {
            tool: self.tools.get(row.tool)?,
            note: row.note,
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Row {
    tool: usize,
    note: Note,
}

/// The values of one kind.
#[derive(Debug, Default, Clone)]
struct Values {
    exact: AHashMap<String, Row>,
    globs: GlobSet,
    /// One per pattern of `globs`, in its order.
    glob_rows: Vec<Row>,
}

impl Values {
    fn find(&self, value: &str) -> Option<Row> {
        self.exact(value).or_else(|| self.glob(value))
    }

    fn exact(&self, value: &str) -> Option<Row> {
        self.exact.get(value).copied()
    }

    /// The first pattern in the table's order that matches.
    fn glob(&self, value: &str) -> Option<Row> {
        if self.glob_rows.is_empty() {
            return None;
        }
        let first = self.globs.matches(value).into_iter().min()?;
        self.glob_rows.get(first).copied()
    }
}

/// A table while it is read.
#[derive(Default)]
struct Draft {
    table: RmmTable,
    tool_index: AHashMap<String, usize>,
    globs: Vec<(Kind, String, Row)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    OriginalFileName,
    Signer,
    Service,
    Domain,
    Pipe,
    UserAgent,
}

impl Draft {
    fn add(&mut self, text: &str) -> Result<(), String> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| e.to_string())?.clone();
        let column = |name: &str| header.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
        let columns = if let (Some(tool), Some(kind), Some(value)) = (column("tool"), column("kind"), column("value")) {
            (tool, Ok(kind), value)
        } else if let (Some(tool), Some(value)) = (column("rmm_program"), column("rmm_binary")) {
            (tool, Err(Kind::Binary), value)
        } else if let (Some(tool), Some(value)) = (column("RMM_Tool"), column("URI")) {
            (tool, Err(Kind::Domain), value)
        } else {
            return Err(
                "has none of the headers tool,kind,value / rmm_program,rmm_binary / URI,RMM_Tool in its first line"
                    .into(),
            );
        };
        let note_column = column("note");
        for record in reader.records() {
            let record = record.map_err(|e| e.to_string())?;
            let (tool, kind, value) = columns;
            let kind = match kind {
                Ok(column) => record.get(column).and_then(Kind::parse),
                Err(fixed) => Some(fixed),
            };
            let (Some(tool), Some(kind), Some(value)) = (record.get(tool), kind, record.get(value)) else {
                continue;
            };
            let note = note_column.and_then(|c| record.get(c)).unwrap_or_default();
            self.row(tool.trim(), kind, value, Note::parse(note));
        }
        Ok(())
    }

    fn row(&mut self, tool: &str, kind: Kind, value: &str, note: Note) {
        let value = kind.normalise(value);
        if tool.is_empty() || value.trim_matches(['*', '.', '?']).is_empty() {
            return; // `*` alone would call everything an RMM tool
        }
        let next = self.table.tools.len();
        let index = *self.tool_index.entry(tool.to_owned()).or_insert(next);
        if index == next {
            self.table.tools.push(tool.to_owned());
        }
        let row = Row { tool: index, note };
        self.table.rows += 1;
        if value.contains('*') {
            self.globs.push((kind, value, row));
        } else {
            let exact = &mut kind.values(&mut self.table).exact;
            exact.entry(value).or_insert(row);
        }
    }

    fn finish(mut self) -> Result<RmmTable, String> {
        if self.globs.len() > MAX_GLOBS {
            return Err(format!("holds more than {MAX_GLOBS} patterns with `*`; remove some"));
        }
        for kind in Kind::ALL {
            let mut set = GlobSetBuilder::new();
            let mut rows = Vec::new();
            for (_, pattern, row) in self.globs.iter().filter(|(k, _, _)| *k == kind) {
                // A domain pattern also covers what lies below it; both forms start at a label.
                let below = (kind == Kind::Domain).then(|| format!("*.{pattern}"));
                for form in [Some(pattern.clone()), below].into_iter().flatten() {
                    set.add(glob(&form)?);
                    rows.push(*row);
                }
            }
            let values = kind.values(&mut self.table);
            values.globs = set.build().map_err(|e| e.to_string())?;
            values.glob_rows = rows;
        }
        Ok(self.table)
    }
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Binary,
        Kind::OriginalFileName,
        Kind::Signer,
        Kind::Service,
        Kind::Domain,
        Kind::Pipe,
        Kind::UserAgent,
    ];

    fn parse(text: &str) -> Option<Kind> {
        Some(match text.trim() {
            "binary" => Kind::Binary,
            "original_file_name" => Kind::OriginalFileName,
            "signer" => Kind::Signer,
            "service" => Kind::Service,
            "domain" => Kind::Domain,
            "pipe" => Kind::Pipe,
            "user_agent" => Kind::UserAgent,
            _ => return None,
        })
    }

    fn values(self, table: &mut RmmTable) -> &mut Values {
        match self {
            Kind::Binary => &mut table.binaries,
            Kind::OriginalFileName => &mut table.original_file_names,
            Kind::Signer => &mut table.signers,
            Kind::Service => &mut table.services,
            Kind::Domain => &mut table.domains,
            Kind::Pipe => &mut table.pipes,
            Kind::UserAgent => &mut table.user_agents,
        }
    }

    fn normalise(self, value: &str) -> String {
        match self {
            Kind::Domain => domain_name(value),
            Kind::Pipe => pipe_name(value),
            _ => value.trim().to_lowercase(),
        }
    }
}

impl Note {
    fn parse(text: &str) -> Note {
        match text.trim() {
            "ambiguous" => Note::Ambiguous,
            "shared-infrastructure" => Note::SharedInfrastructure,
            _ => Note::None,
        }
    }
}

/// The host of a URI, without port and path; `*.` in front is what a suffix match does anyway.
fn domain_name(value: &str) -> String {
    let lower = value.trim().to_lowercase();
    let host = lower.split_once("://").map_or(lower.as_str(), |(_, h)| h);
    let host = host.split(['/', ':', '?']).next().unwrap_or_default();
    host.trim_start_matches("*.").trim_matches('.').to_owned()
}

fn pipe_name(value: &str) -> String {
    let lower = value.trim().to_lowercase();
    let name = lower.strip_prefix(r"\\.\pipe\").unwrap_or(&lower);
    name.trim_start_matches('\\').to_owned()
}

/// The value of one attribute of a certificate subject (`cn=anydesk software gmbh, o=…`), quotes removed.
fn subject_part<'a>(subject: &'a str, key: &str) -> Option<&'a str> {
    let mut from = 0;
    loop {
        let rest = subject.get(from..)?;
        let at = rest.find(key)?;
        let before = rest.get(..at)?.chars().next_back();
        let value = rest.get(at + key.len()..)?;
        if before.is_none_or(|c| matches!(c, ' ' | ',' | ';' | '+' | '/')) {
            return Some(match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next()?,
                // A comma inside an unquoted name is followed by another attribute only when `x=` comes next.
                None => value.get(..attribute_end(value))?.trim(),
            });
        }
        from += at + key.len();
    }
}

/// Where an unquoted attribute value ends: at the last comma before the next `=`, or at the end.
fn attribute_end(value: &str) -> usize {
    match value.find('=') {
        Some(equals) => value.get(..equals).and_then(|v| v.rfind(',')).unwrap_or(value.len()),
        None => value.len(),
    }
}

/// A pattern in which only `*` is special: brackets and braces in a file name stand for themselves.
fn glob(pattern: &str) -> Result<globset::Glob, String> {
    let mut escaped = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if matches!(c, '[' | ']' | '{' | '}' | '?' | '!' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    GlobBuilder::new(&escaped)
        .backslash_escape(true)
        .build()
        .map_err(|e| format!("pattern `{pattern}`: {e}; correct or remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(hit: Option<Match<'_>>) -> Option<String> {
        hit.map(|m| m.tool.to_owned())
    }

    #[test]
    fn the_shipped_table_answers_for_every_kind() {
        let t = RmmTable::builtin();
        assert!(t.len() > 1_800);
        assert_eq!(tool(t.binary("anydesk.exe")), Some("AnyDesk".into()));
        assert!(t.binary("meshagent64-office.exe").unwrap().tool.contains("Mesh"));
        assert_eq!(t.binary("setup.exe").unwrap().note, Note::Ambiguous);
        assert!(t.original_file_name("AnyDesk.exe").is_some());
        assert!(t.service("Mesh Agent background service").is_some());
        assert!(t.user_agent("AnyDesk/7.1").is_some());
        assert!(t.pipe(r"\\.\pipe\adprinterpipe").is_some());
        assert!(t.pipe(r"\adprinterpipe").is_some());
        assert!(t.pipe(r"\PCommand12getscreen.meOUT").is_some());
        assert!(t.binary("winword.exe").is_none());
    }

    #[test]
    fn a_domain_matches_at_a_label_boundary_only() {
        let t = RmmTable::builtin();
        assert!(t.domain("relay-3f2.net.anydesk.com").is_some());
        assert!(t.domain("anydesk.com.").is_some());
        assert!(t.domain("px-eu1.getscreen.me").is_some());
        assert!(t.domain("plus7.site24x7.com").is_some());
        assert!(t.domain("notanydesk.com").is_none());
        assert!(t.domain("xplus7.site24x7.com").is_none());
        assert!(t.domain("anydesk.com.evil.example").is_none());
        let github = t.domain("github.com").unwrap();
        assert_eq!(github.note, Note::SharedInfrastructure);
    }

    #[test]
    fn a_signer_is_found_in_a_certificate_subject() {
        let t = RmmTable::builtin();
        assert!(t.signer("AnyDesk Software GmbH").is_some());
        assert!(
            t.signer("C=DE, O=AnyDesk Software GmbH, CN=AnyDesk Software GmbH")
                .is_some()
        );
        assert!(t.signer("CN=\"ConnectWise, LLC\", O=\"ConnectWise, LLC\"").is_some());
        assert!(t.signer("CN=ConnectWise, LLC, O=ConnectWise, LLC").is_some());
        assert!(t.signer("E=cn=").is_none());
        let microsoft = t.signer("Microsoft Corporation").unwrap();
        assert_eq!(microsoft.note, Note::Ambiguous);
    }

    #[test]
    fn lists_of_other_shapes_are_read_by_their_header() {
        let dir = tempfile::tempdir().unwrap();
        let programs = dir.path().join("programs.csv");
        let uris = dir.path().join("uris.csv");
        std::fs::write(&programs, "\u{feff}rmm_program,rmm_binary\nDesk,Desk[1].exe\nDesk,*\n").unwrap();
        std::fs::write(&uris, "URI,RMM_Tool\nhttps://*.desk.example/x,Desk\n").unwrap();
        let t = RmmTable::from_files(&[programs, uris]).unwrap();
        assert_eq!(t.len(), 2);
        assert!(t.binary("desk[1].exe").is_some());
        assert!(t.binary("anything.exe").is_none());
        assert!(t.domain("a.desk.example").is_some());
        assert!(t.domain("anydesk.com").is_none());
    }

    #[test]
    fn a_file_without_a_known_header_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.csv");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        let error = RmmTable::from_files(&[path]).unwrap_err().to_string();
        assert!(error.contains("mine.csv") && error.contains("rmm_program"));
    }
}
