//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::base::error::{Error, Result};
use crate::base::time::DateOrder;
use crate::entity::lists::ListFiles;
use crate::ingest::container::OpenOptions;
use crate::ingest::formats;
use crate::jobs::hunt::{HuntOptions, parse_time};
use crate::jobs::ingest::IngestOptions;
use crate::lake::scan::TimeRange;
use crate::rules::sigma::load::Selection;
use crate::rules::sigma::model as rule;
use crate::signals::Level;

/// Retrospective threat hunting over archived logs.
#[derive(Debug, Parser)]
#[command(name = "coldtrail", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  coldtrail hunt /evidence                         read a folder of logs, hunt, write coldtrail-out/
  coldtrail hunt /evidence --lake lake --out out   keep the lake for the next night
  coldtrail hunt --lake lake --from -30d           hunt again over the last 30 days of the lake
  coldtrail sniff /evidence/*                      what would be read as what, and why
  coldtrail query --lake lake \"SELECT host, count(*) FROM process GROUP BY host\"";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ingest what is new among INPUT, hunt over the lake, write all outputs.
    Hunt(Box<HuntArgs>),
    /// Only read INPUT into the lake.
    Ingest(IngestArgs),
    /// What is in a lake, and is it as it was committed?
    Lake(LakeArgs),
    /// SQL over the tables of a lake.
    #[cfg(feature = "query")]
    Query(QueryArgs),
    /// The log formats that are read.
    Formats,
    /// What files would be read as, and why.
    Sniff(SniffArgs),
    /// The manual of the signals.
    Signals(SignalsArgs),
    /// Sigma rules: valid? do they match their own events? what does each cost?
    Rules(RulesArgs),
}

/// `hunt`.
#[derive(Debug, ClapArgs)]
pub struct HuntArgs {
    /// Files, folders, globs, or - for standard input; without any, the lake is hunted again.
    pub input: Vec<PathBuf>,
    /// Folder of the lake; without it a lake of this OUT folder's own.
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,
    /// Folder for the outputs.
    #[arg(long, value_name = "DIR", default_value = "coldtrail-out")]
    pub out: PathBuf,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Hunting.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Exit with 1 where a finding is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Level>,
    /// Say how things go.
    #[command(flatten)]
    pub say: SayArgs,
}

/// `ingest`.
#[derive(Debug, ClapArgs)]
pub struct IngestArgs {
    /// Files, folders, globs, or - for standard input.
    #[arg(required = true)]
    pub input: Vec<PathBuf>,
    /// Folder of the lake; made where there is none.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Say how things go.
    #[command(flatten)]
    pub say: SayArgs,
}

/// How inputs are read.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReadArgs {
    /// Read all inputs as this format, whatever they look like (see `coldtrail formats`).
    #[arg(long, value_name = "ID", value_parser = format_id)]
    pub format: Option<String>,
    /// Zone of times that name none, per format: dhcp-windows=Asia/Tokyo, or just a zone for all.
    #[arg(long, value_name = "SOURCE=ZONE", value_parser = zone)]
    pub tz: Vec<(String, chrono_tz::Tz)>,
    /// Code page of text that is not UTF-8 (windows-1252, shift_jis, …).
    #[arg(long, value_name = "NAME", value_parser = codepage)]
    pub codepage: Option<&'static encoding_rs::Encoding>,
    /// Order of day and month in numeric dates: dmy or mdy.
    #[arg(long, value_name = "ORDER", value_parser = date_order)]
    pub date_order: Option<DateOrder>,
    /// Host of logs that name none.
    #[arg(long, value_name = "NAME")]
    pub input_host: Option<String>,
    /// Password to try on encrypted archives; may be repeated.
    #[arg(long, value_name = "PASSWORD")]
    pub password: Vec<String>,
    /// Note the SHA-256 of every input.
    #[arg(long)]
    pub custody: bool,
    /// Fail at the first record that cannot be read.
    #[arg(long, conflicts_with = "lenient")]
    pub strict: bool,
    /// Never exit with 4 for rejected records.
    #[arg(long)]
    pub lenient: bool,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory that rows may take on their way into the lake before they are spilled (512MiB, 2GiB).
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "1GiB")]
    pub memory_limit: u64,
}

/// What is hunted.
#[derive(Debug, Clone, ClapArgs)]
pub struct SelectArgs {
    /// Only events from this time on: RFC 3339, a date, or -30d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Only hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// No hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub exclude_hosts: Vec<String>,
    /// Only findings of this severity or above.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub min_severity: Option<Level>,
    /// Allowlist (TOML).
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// Indicators: hashes, addresses, networks, domains; plain or CSV.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub iocs: Vec<PathBuf>,
    /// Hashes of known-bad files; plain or CSV.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub hashes: Vec<PathBuf>,
    /// How much hosts matter: CSV host,criticality (low, normal, server, tier-0).
    #[arg(long, value_name = "FILE")]
    pub assets: Option<PathBuf>,
    /// When domains were registered: CSV e2ld,created.
    #[arg(long, value_name = "FILE")]
    pub whois: Vec<PathBuf>,
    /// Where addresses are: MaxMind database.
    #[arg(long, value_name = "FILE")]
    pub geoip: Option<PathBuf>,
    /// ATT&CK table in place of the one compiled in.
    #[arg(long, value_name = "FILE")]
    pub attack_table: Option<PathBuf>,
    /// Remote-management tools in place of the table compiled in.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub rmm: Vec<PathBuf>,
    /// Sigma.
    #[command(flatten)]
    pub sigma: SigmaArgs,
}

/// Sigma rules of a hunt.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct SigmaArgs {
    /// Sigma rules: files, folders, archives.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub sigma: Vec<PathBuf>,
    /// Values of the placeholders of Sigma rules (%admins%): YAML, a line name: [values].
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub sigma_vars: Vec<PathBuf>,
    /// Which rules.
    #[command(flatten)]
    pub which: RuleSelectArgs,
}

/// Which Sigma rules.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct RuleSelectArgs {
    /// Only Sigma rules of this level or above.
    #[arg(long, value_name = "LEVEL", value_parser = rule_level)]
    pub min_level: Option<rule::Severity>,
    /// Only Sigma rules of these statuses; without it all but deprecated and unsupported.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Only Sigma rules with this id, tag or title (globs).
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub include_rule: Vec<String>,
    /// No Sigma rules with this id, tag or title (globs).
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub exclude_rule: Vec<String>,
}

/// What is said meanwhile.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct SayArgs {
    /// Say nothing but errors.
    #[arg(long, short)]
    pub quiet: bool,
    /// No progress bar.
    #[arg(long)]
    pub no_progress: bool,
}

/// `lake`.
#[derive(Debug, ClapArgs)]
pub struct LakeArgs {
    /// What to ask.
    #[command(subcommand)]
    pub what: LakeCommand,
}

/// Questions about a lake.
#[derive(Debug, Subcommand)]
pub enum LakeCommand {
    /// Tables, rows, days, inputs.
    Status(LakeDir),
    /// Is every byte as it was committed?
    Verify(LakeDir),
    /// Merge the files of each day into one; nightly runs leave a file a night.
    Compact(CompactArgs),
    /// Drop days that are older than a limit.
    Expire(ExpireArgs),
}

/// `lake compact`.
#[derive(Debug, ClapArgs)]
pub struct CompactArgs {
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// Memory to use, with unit.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    pub memory_limit: u64,
}

/// `lake expire`.
#[derive(Debug, ClapArgs)]
pub struct ExpireArgs {
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// Days before this one go: a date, or an age such as 90d.
    #[arg(long, value_name = "DATE|AGE")]
    pub older_than: String,
    /// Only say what would go.
    #[arg(long)]
    pub dry_run: bool,
}

/// A lake.
#[derive(Debug, ClapArgs)]
pub struct LakeDir {
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
}

/// `query`.
#[cfg(feature = "query")]
#[derive(Debug, ClapArgs)]
pub struct QueryArgs {
    /// The statement.
    pub sql: String,
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    pub output: QueryOutput,
    /// File for the result; needed for parquet.
    #[arg(long, value_name = "FILE", required_if_eq("output", "parquet"))]
    pub to: Option<PathBuf>,
}

/// How a query's result is written.
#[cfg(feature = "query")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum QueryOutput {
    /// Aligned columns.
    Table,
    /// CSV with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// A Parquet file.
    Parquet,
}

/// `sniff`.
#[derive(Debug, ClapArgs)]
pub struct SniffArgs {
    /// Files, folders, globs.
    #[arg(required = true)]
    pub input: Vec<PathBuf>,
}

/// `signals`.
#[derive(Debug, ClapArgs)]
pub struct SignalsArgs {
    /// One signal, such as PROC-01.
    pub id: Option<String>,
    /// The whole manual as Markdown (`docs/signals.md`).
    #[arg(long)]
    pub markdown: bool,
}

/// `rules`.
#[derive(Debug, ClapArgs)]
pub struct RulesArgs {
    /// What to ask.
    #[command(subcommand)]
    pub what: RulesCommand,
}

/// Questions about Sigma rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Can they be used? Says file, line and what to do; exits with 2 where one cannot.
    Check(RulesCheckArgs),
    /// Do they match their own test events?
    Test(RuleTestArgs),
    /// What does each cost over a lake?
    Cost(RuleCostArgs),
}

/// Rules to look at.
#[derive(Debug, Clone, ClapArgs)]
pub struct RulePaths {
    /// Sigma rules: files, folders, archives.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Values of the placeholders of the rules (%admins%): YAML, a line name: [values].
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub sigma_vars: Vec<PathBuf>,
    /// Which rules.
    #[command(flatten)]
    pub which: RuleSelectArgs,
}

/// `rules check`.
#[derive(Debug, ClapArgs)]
pub struct RulesCheckArgs {
    /// The rules.
    #[command(flatten)]
    pub rules: RulePaths,
}

/// `rules test`.
#[derive(Debug, ClapArgs)]
pub struct RuleTestArgs {
    /// The rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// Folders with a folder of events per rule, called like its id; beside what a rule names itself (regression_tests_path) and
    /// files beside it that are called like it.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub events: Vec<PathBuf>,
}

/// `rules cost`.
#[derive(Debug, ClapArgs)]
pub struct RuleCostArgs {
    /// The rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// Folder of the lake.
    #[arg(long, value_name = "DIR")]
    pub lake: PathBuf,
    /// How many rules to print, the dearest first.
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub top: usize,
}

impl ReadArgs {
    /// Options of the ingest job.
    pub fn options(&self) -> IngestOptions {
        IngestOptions {
            // The rest is for readers, rows under construction and the program itself.
            staging_bytes: usize::try_from(self.memory_limit / 5 * 2).unwrap_or(usize::MAX),
            format: self.format.clone(),
            zones: self.tz.clone(),
            codepage: self.codepage,
            date_order: self.date_order,
            input_host: self.input_host.clone(),
            custody: self.custody,
            strict: self.strict,
            open: OpenOptions {
                passwords: self.password.clone(),
                ..OpenOptions::default()
            },
        }
    }

    /// Sets the number of threads of the process.
    pub fn set_threads(&self) {
        if let Some(n) = self.threads {
            // Fails only where a pool exists already; then that one serves.
            let _ = rayon::ThreadPoolBuilder::new()
                .num_threads(usize::from(n))
                .build_global();
        }
    }
}

impl SelectArgs {
    /// Options of the hunt job; relative times count from `now`.
    ///
    /// # Errors
    /// For times that are none.
    pub fn options(&self, now: i64) -> Result<HuntOptions> {
        let time = |t: &Option<String>| t.as_deref().map(|t| parse_time(t, now)).transpose();
        let range = TimeRange {
            from: time(&self.from)?,
            to: time(&self.to)?,
        };
        if let (Some(from), Some(to)) = (range.from, range.to)
            && from >= to
        {
            return Err(Error::Usage(
                "--from is not before --to; nothing lies between them".to_owned(),
            ));
        }
        Ok(HuntOptions {
            range,
            hosts: self.hosts.clone(),
            exclude_hosts: self.exclude_hosts.clone(),
            min_severity: self.min_severity,
            lists: ListFiles {
                iocs: self.iocs.clone(),
                hashes: self.hashes.clone(),
                whois: self.whois.clone(),
                assets: self.assets.clone(),
                geoip: self.geoip.clone(),
            },
            allow: self.allow.clone(),
            attack_table: self.attack_table.clone(),
            rmm: self.rmm.clone(),
            sigma: self.sigma.sigma.clone(),
            sigma_vars: self.sigma.sigma_vars.clone(),
            sigma_selection: self.sigma.which.selection(),
        })
    }
}

impl RuleSelectArgs {
    /// The selection.
    pub fn selection(&self) -> Selection {
        Selection {
            min_level: self.min_level,
            status: self.status.clone(),
            include: self.include_rule.clone(),
            exclude: self.exclude_rule.clone(),
        }
    }
}

fn rule_level(text: &str) -> std::result::Result<rule::Severity, String> {
    rule::Severity::parse(text).ok_or_else(|| "expected informational, low, medium, high or critical".to_owned())
}

fn severity(text: &str) -> std::result::Result<Level, String> {
    Level::parse(text).ok_or_else(|| "expected info, low, medium, high or critical".to_owned())
}

fn format_id(text: &str) -> std::result::Result<String, String> {
    match formats::by_id(text) {
        Some(f) => Ok(f.id().to_owned()),
        None => {
            let ids: Vec<_> = formats::FORMATS.iter().map(|f| f.id()).collect();
            Err(format!("expected one of {}", ids.join(", ")))
        }
    }
}

fn zone(text: &str) -> std::result::Result<(String, chrono_tz::Tz), String> {
    let (source, name) = text.split_once('=').unwrap_or(("*", text));
    let zone = name
        .parse()
        .map_err(|_| format!("'{name}' is no time zone; write it like Asia/Tokyo"))?;
    Ok((source.to_owned(), zone))
}

fn codepage(text: &str) -> std::result::Result<&'static encoding_rs::Encoding, String> {
    encoding_rs::Encoding::for_label(text.as_bytes())
        .ok_or_else(|| "no known code page; write it like windows-1252 or shift_jis".to_owned())
}

fn date_order(text: &str) -> std::result::Result<DateOrder, String> {
    match text {
        "dmy" => Ok(DateOrder::Dmy),
        "mdy" => Ok(DateOrder::Mdy),
        _ => Err("expected dmy or mdy".to_owned()),
    }
}

fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or("").to_ascii_lowercase();
    let factor = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err("expected a size such as 512MiB or 2GiB".to_owned()),
    };
    let n: u64 = digits
        .trim()
        .parse()
        .map_err(|_| "expected a size such as 512MiB or 2GiB".to_owned())?;
    n.checked_mul(factor).ok_or_else(|| "that is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("7"), Ok(7));
        assert!(bytes("7 apples").is_err());
        assert!(bytes("99999999999GiB").is_err());
    }
}
