//! Arguments of the commands that look into a lake: scope, timeline, tree.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::parse_time_range;
use crate::base::error::Result;
use crate::lake::scan::TimeRange;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Shape {
    /// Aligned columns that fit the terminal.
    #[default]
    Table,
    /// CSV with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How a timeline is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TimelineShape {
    /// Aligned columns that fit the terminal.
    #[default]
    Table,
    /// CSV with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// One page for a browser; redirect it into a file.
    Html,
}

/// Which events are looked at.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct RangeArgs {
    /// Only events from this time on: RFC 3339, a date, or -30d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
}

impl RangeArgs {
    /// The range; relative times count from `now`.
    ///
    /// # Errors
    /// For times that are none.
    pub fn range(&self, now: i64) -> Result<TimeRange> {
        parse_time_range(self.from.as_deref(), self.to.as_deref(), now)
    }
}

/// `scope`.
#[derive(Debug, ClapArgs)]
#[command(after_help = SCOPE_EXAMPLES)]
pub struct ScopeArgs {
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// Indicators: files (a value a line, CSV, STIX 2 bundles) or values; hashes, addresses, networks, domains, URLs and parts
    /// of them, file names, paths and globs, registry keys, accounts, mail addresses. KIND:VALUE says what a value is.
    #[arg(long, value_name = "FILE|VALUE", num_args = 1.., required = true)]
    pub ioc: Vec<String>,
    /// Which events.
    #[command(flatten)]
    pub range: RangeArgs,
    /// Only hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// No hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub exclude_hosts: Vec<String>,
    /// Follow what was found: which other hosts share the program's hash, the destination, the logon's source?
    #[arg(long)]
    pub pivot: bool,
    /// Leave out command lines, scripts and other free text: faster, and finds less.
    #[arg(long, conflicts_with = "deep")]
    pub fields_only: bool,
    /// Search the original fields that no column holds, too: slower.
    #[arg(long)]
    pub deep: bool,
    /// Events shown of each indicator.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub samples: usize,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Shape,
    /// Say nothing but errors.
    #[arg(long, short)]
    pub quiet: bool,
}

const SCOPE_EXAMPLES: &str = "Examples:
  coldtrail scope --lake lake --ioc evil.example 203.0.113.7       two values
  coldtrail scope --lake lake --ioc report.stix.json iocs.csv      lists
  coldtrail scope --lake lake --ioc account:svc_backup --from -7d  the last week of an account
  coldtrail scope --lake lake --ioc evil.example --pivot           and where it leads";

/// `timeline`.
#[derive(Debug, ClapArgs)]
#[command(after_help = TIMELINE_EXAMPLES)]
pub struct TimelineArgs {
    /// Folder of the lake; with --finding by default that of the output folder.
    #[arg(long, value_name = "DIR", required_unless_present = "finding")]
    pub lake: Option<PathBuf>,
    /// The host.
    #[arg(
        long,
        value_name = "HOST",
        required_unless_present = "finding",
        conflicts_with = "finding"
    )]
    pub host: Option<String>,
    /// A finding of a hunt: its rank or the beginning of its id. Its host, from its first to its last event.
    #[arg(long, value_name = "RANK|ID")]
    pub finding: Option<String>,
    /// Output folder of that hunt.
    #[arg(long, value_name = "DIR", default_value = "coldtrail-out")]
    pub out: PathBuf,
    /// Around this time (RFC 3339).
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
    pub around: Option<String>,
    /// How far before and after: 30m, 2h, 1d.
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = super::span)]
    pub window: i64,
    /// Which events.
    #[command(flatten)]
    pub range: RangeArgs,
    /// Only events of these kinds of logs (sysmon, security, squid …) or tables (process, dns …).
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub sources: Vec<String>,
    /// Only events of this user.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Only events with this text (any case) in a field.
    #[arg(long, value_name = "TEXT")]
    pub grep: Vec<String>,
    /// Every record on its own, also where several logs tell of one event.
    #[arg(long)]
    pub all_records: bool,
    /// Events printed at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub limit: usize,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    pub format: TimelineShape,
}

const TIMELINE_EXAMPLES: &str = "Examples:
  coldtrail timeline --finding 1                                    what happened around the first finding
  coldtrail timeline --lake lake --host pc-07 --around 2025-09-20T10:12:00Z --window 10m
  coldtrail timeline --lake lake --host pc-07 --from 2025-09-20 --to 2025-09-21 --sources process,dns --format csv
  coldtrail timeline --lake lake --host pc-07 --grep rundll32 --user alice";

/// `tree`.
#[derive(Debug, ClapArgs)]
#[command(after_help = TREE_EXAMPLES)]
pub struct TreeArgs {
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// The host.
    #[arg(long, value_name = "HOST")]
    pub host: String,
    /// Only the ancestors and descendants of this process: its Sysmon GUID, PID@TIME, a pid, or a program's name (glob).
    #[arg(long, value_name = "PROCESS")]
    pub process: Option<String>,
    /// Which events.
    #[command(flatten)]
    pub range: RangeArgs,
    /// Processes printed at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub limit: usize,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Shape,
}

const TREE_EXAMPLES: &str = "Examples:
  coldtrail tree --lake lake --host pc-07 --process powershell.exe
  coldtrail tree --lake lake --host pc-07 --process 4312@2025-09-20T10:12:00Z
  coldtrail tree --lake lake --host pc-07 --from 2025-09-20T10:00:00Z --to 2025-09-20T11:00:00Z";
