//! The command line.

mod looking;

use std::path::PathBuf;

pub use looking::{RangeArgs, ScopeArgs, Shape, TimelineArgs, TimelineShape, TreeArgs};

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::base::error::{Error, Result};
use crate::base::time::DateOrder;
use crate::entity::lists::ListFiles;
use crate::ingest::container::OpenOptions;
use crate::ingest::formats;
use crate::jobs::hunt::{HuntOptions, parse_time};
use crate::jobs::ingest::IngestOptions;
use crate::lake::limits::budget;
use crate::lake::scan::TimeRange;
use crate::report::lang::Lang;
use crate::rules::sigma::load::Selection;
use crate::rules::sigma::model as rule;
use crate::signals::{Level, Overrides};

/// Retrospective threat hunting over archived logs.
#[derive(Debug, Parser)]
#[command(name = "coldtrail", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    /// Settings in the place of flags (TOML); `coldtrail config init` prints a template.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  coldtrail hunt /evidence                         read a folder of logs, hunt, write coldtrail-out/
  coldtrail hunt /evidence --lake lake --out out   keep the lake for the next night
  coldtrail hunt --lake lake --from -30d           hunt again over the last 30 days of the lake
  coldtrail timeline --finding 1                   what happened around the first finding
  coldtrail scope --lake lake --ioc evil.example   which hosts met this domain
  coldtrail sniff /evidence/*                      what would be read as what, and why
  coldtrail query --lake lake \"SELECT host, count(*) FROM process GROUP BY host\"";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ingest what is new among INPUT, hunt over the lake, write all outputs.
    Hunt(Box<HuntArgs>),
    /// Only read INPUT into the lake.
    Ingest(IngestArgs),
    /// Which hosts and users met these indicators, when, in which logs?
    Scope(ScopeArgs),
    /// Everything that happened on a host, in order, from all logs.
    Timeline(TimelineArgs),
    /// The processes of a host as a tree, with decoded command lines.
    Tree(TreeArgs),
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
    /// Why a finding has its score: every term, computed again from signals.parquet.
    Explain(ExplainArgs),
    /// Allowlists: can this one be used, what is common here?
    Allow(AllowArgs),
    /// Write the allowlist entries that silence exactly one finding.
    Dismiss(DismissArgs),
    /// A configuration file with every flag: print a template, check a file.
    Config(ConfigArgs),
    /// Completions for a shell, to be put where the shell looks for them.
    Completions(CompletionsArgs),
    /// The manual page (`coldtrail man | man -l -`), or one for every command.
    Man(ManArgs),
}

/// `allow`.
#[derive(Debug, ClapArgs)]
pub struct AllowArgs {
    /// What to ask.
    #[command(subcommand)]
    pub what: AllowCommand,
}

/// Questions about allowlists.
#[derive(Debug, Subcommand)]
pub enum AllowCommand {
    /// Can it be used? Lists its entries; exits with 2 and names the line where one is wrong.
    Check(AllowCheckArgs),
    /// Entries for what is common here and counts nevertheless, for a person to accept.
    Suggest(AllowSuggestArgs),
}

/// `allow check`.
#[derive(Debug, ClapArgs)]
pub struct AllowCheckArgs {
    /// The allowlist (TOML).
    pub file: PathBuf,
}

/// `allow suggest`.
#[derive(Debug, ClapArgs)]
pub struct AllowSuggestArgs {
    /// Folder with the outputs of the hunt.
    #[arg(long, value_name = "DIR", default_value = "coldtrail-out")]
    pub out: PathBuf,
    /// Only what is on this share of the hosts, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub min_share: f64,
    /// Only what was seen on so many days.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub min_days: usize,
}

/// `dismiss`.
#[derive(Debug, ClapArgs)]
pub struct DismissArgs {
    /// The finding: its finding_id, the beginning of one, or its rank.
    pub finding: String,
    /// Why it is harmless.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// From when on it counts again: YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    pub expires: String,
    /// Who answers for it.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub owner: String,
    /// The allowlist to add to; made where there is none.
    #[arg(long, value_name = "FILE", default_value = "allow.toml")]
    pub allow: PathBuf,
    /// Folder with the outputs of the hunt.
    #[arg(long, value_name = "DIR", default_value = "coldtrail-out")]
    pub out: PathBuf,
}

/// `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// The finding: its finding_id, the beginning of one, or its rank.
    pub finding: String,
    /// Folder with the outputs of the hunt.
    #[arg(long, value_name = "DIR", default_value = "coldtrail-out")]
    pub out: PathBuf,
}

const HUNT_EXAMPLES: &str = "Examples:
  coldtrail hunt /evidence --dry-run                       what would be read, how long it would take
  coldtrail hunt /evidence --out out                       read, hunt, write the report
  coldtrail hunt /archive/today --lake lake --from -30d    the nightly run: read what is new, hunt over a month
  coldtrail hunt --lake lake --hosts 'pc-*' --iocs feed.csv --fail-on high
  zcat app.log.gz | coldtrail hunt - --tz squid=Asia/Tokyo";

const INGEST_EXAMPLES: &str = "Examples:
  coldtrail ingest /archive/2025-09 --lake lake
  coldtrail ingest /evidence --lake lake --custody --input-host pc-07
  coldtrail ingest '/logs/**/*.evtx' --lake lake --dry-run";

/// `hunt`.
#[derive(Debug, ClapArgs)]
#[command(after_help = HUNT_EXAMPLES)]
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
    /// Only say what would be read as what, how much, and what it would take; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Exit with 1 where a finding is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Level>,
    /// Compare with the findings of an earlier run in this folder: each becomes new, changed, ongoing or gone, and keeps its
    /// id while evidence is added.
    #[arg(long, value_name = "DIR")]
    pub baseline: Option<PathBuf>,
    /// Compare with the last run in OUT, if there was one; the table and --fail-on count only what is new or changed.
    #[arg(long, conflicts_with = "baseline")]
    pub since_last: bool,
    /// Language of the reports, titles and explanations: en or ja.
    #[arg(long, value_name = "LANG", value_parser = lang, default_value = "en")]
    pub lang: Lang,
    /// Say how things go.
    #[command(flatten)]
    pub say: SayArgs,
}

/// `ingest`.
#[derive(Debug, ClapArgs)]
#[command(after_help = INGEST_EXAMPLES)]
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
    /// Only say what would be read as what, how much, and what it would take; write nothing.
    #[arg(long)]
    pub dry_run: bool,
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
    /// Put what was read into the lake after about so much text, so that a run which is killed need not begin anew; all at
    /// once with --strict.
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "16GiB")]
    pub commit_every: u64,
    /// Note after about so much text of one large file how far it was read, so that a run which is killed need not read that
    /// file anew.
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "1GiB")]
    pub checkpoint_every: u64,
    /// Memory to get along with, roughly (512MiB, 2GiB): before rows take more they are spilled on their way into the lake, and a hunt looks
    /// at its hosts in parts, with the same outcome.
    #[arg(long, value_name = "SIZE", value_parser = memory, default_value = "1GiB")]
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
    /// Hunt as if it were this time: nothing later is known, neither events nor how common things became.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub as_of: Option<String>,
    /// Only hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// No hosts that match one of these globs.
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub exclude_hosts: Vec<String>,
    /// Only what was seen in these kinds of logs: sysmon, security, squid …
    #[arg(long, value_name = "SOURCE", value_delimiter = ',')]
    pub sources: Vec<String>,
    /// Only findings of this severity or above.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub min_severity: Option<Level>,
    /// Allowlist (TOML).
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// Indicators: hashes, addresses, networks, domains; plain, CSV or STIX 2.
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
    /// A number that decides in place of a signal's own: NET-01.min_checkins=12 (see `coldtrail signals`); may be repeated.
    #[arg(long, value_name = "SIGNAL.NAME=NUMBER")]
    pub threshold: Vec<String>,
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
    /// Values of the placeholders of Sigma rules (%admins%): YAML, a line `name: [values]`.
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
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
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

/// `config`.
#[derive(Debug, ClapArgs)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: ConfigCommand,
}

/// What to do with a configuration file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a commented template with every flag of every command.
    Init(ConfigInitArgs),
    /// Is every key a flag and every value one that it takes? Says line and nearest name; exits with 2 where one is not.
    Check(ConfigCheckArgs),
}

/// `completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// Folder for a page of every command (coldtrail-hunt.1 …); without it the main page is printed.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `config init`.
#[derive(Debug, ClapArgs)]
pub struct ConfigInitArgs {
    /// New file for the template; without it, it is printed.
    pub file: Option<PathBuf>,
}

/// `config check`.
#[derive(Debug, ClapArgs)]
pub struct ConfigCheckArgs {
    /// The file.
    #[arg(default_value = "coldtrail.toml")]
    pub file: PathBuf,
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
    /// Values of the placeholders of the rules (%admins%): YAML, a line `name: [values]`.
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
            staging_bytes: budget(self.memory_limit, self.threads()),
            commit_bytes: self.commit_every,
            checkpoint_bytes: Some(self.checkpoint_every),
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

    fn threads(&self) -> usize {
        self.threads.map_or_else(rayon::current_num_threads, usize::from)
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
        let as_of = self.as_of.as_deref().map(|t| parse_time(t, now)).transpose()?;
        // Spans such as -30d count from the time as of which is hunted.
        let now = as_of.unwrap_or(now);
        let mut range = parse_time_range(self.from.as_deref(), self.to.as_deref(), now)?;
        range.to = range.to.into_iter().chain(as_of).min();
        if let (Some(from), Some(to)) = (range.from, range.to)
            && from >= to
        {
            return Err(Error::Usage(
                "--from is not before --as-of; nothing lies between them".to_owned(),
            ));
        }
        Ok(HuntOptions {
            memory_limit: None,
            range,
            as_of,
            hosts: self.hosts.clone(),
            exclude_hosts: self.exclude_hosts.clone(),
            sources: self.sources.clone(),
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
            overrides: Overrides::parse(&self.threshold)?,
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

fn parse_time_range(from: Option<&str>, to: Option<&str>, now: i64) -> Result<TimeRange> {
    let time = |t: Option<&str>| t.map(|t| parse_time(t, now)).transpose();
    let range = TimeRange {
        from: time(from)?,
        to: time(to)?,
    };
    if let (Some(from), Some(to)) = (range.from, range.to)
        && from >= to
    {
        return Err(Error::Usage(
            "--from is not before --to; nothing lies between them".to_owned(),
        ));
    }
    Ok(range)
}

/// A span of time in microseconds.
fn span(text: &str) -> std::result::Result<i64, String> {
    let wrong = || "expected a span such as 30s, 30m, 2h or 1d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..).unwrap_or("") {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let n: i64 = digits.parse().map_err(|_| wrong())?;
    match n {
        1.. => n.checked_mul(seconds * 1_000_000).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn rule_level(text: &str) -> std::result::Result<rule::Severity, String> {
    rule::Severity::parse(text).ok_or_else(|| "expected informational, low, medium, high or critical".to_owned())
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|s| (0.0..=1.0).contains(s));
    share.ok_or_else(|| "expected a share from 0 to 1, such as 0.2".to_owned())
}

fn severity(text: &str) -> std::result::Result<Level, String> {
    Level::parse(text).ok_or_else(|| "expected info, low, medium, high or critical".to_owned())
}

fn lang(text: &str) -> std::result::Result<Lang, String> {
    Lang::parse(text).ok_or_else(|| "expected en or ja".to_owned())
}

fn format_id(text: &str) -> std::result::Result<String, String> {
    match formats::by_id(text) {
        Some(f) => Ok(f.id().to_owned()),
        None => {
            let ids: Vec<String> = formats::FORMATS.iter().map(|f| f.id().to_owned()).collect();
            let all = format!("expected one of {}", ids.join(", "));
            Err(super::nearest::unknown("format", text, ids.into_iter(), &all))
        }
    }
}

fn zone(text: &str) -> std::result::Result<(String, chrono_tz::Tz), String> {
    let (source, name) = text.split_once('=').unwrap_or(("*", text));
    let zone = name
        .parse()
        .map_err(|_| format!("'{name}' is no time zone; write it like Asia/Tokyo"))?;
    let ids = || formats::FORMATS.iter().map(|f| f.id().to_owned());
    if source != "*" && (source.is_empty() || !ids().any(|id| id.starts_with(source))) {
        let otherwise = "expected a format of `coldtrail formats`, or how some begin";
        return Err(super::nearest::unknown("format", source, ids(), otherwise));
    }
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

/// Least memory that the program says it gets along with.
const LEAST_MEMORY: u64 = 1 << 20;

fn memory(text: &str) -> std::result::Result<u64, String> {
    match bytes(text)? {
        n if n >= LEAST_MEMORY => Ok(n),
        _ => Err("at least 1MiB is needed; write it like 512MiB".to_owned()),
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
        assert_eq!(memory("1MiB"), Ok(1 << 20));
        assert!(memory("1").is_err());
    }

    #[test]
    fn a_zone_is_for_a_format_that_there_is() {
        assert!(zone("dhcp-windows=Asia/Tokyo").is_ok() && zone("dhcp=UTC").is_ok() && zone("UTC").is_ok());
        let said = zone("dhcp_windows=Asia/Tokyo").unwrap_err();
        assert!(said.contains("did you mean 'dhcp-windows'"), "{said}");
    }
}
