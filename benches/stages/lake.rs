//! The lake's write path: rows as worker threads hand them over, to a committed lake.

use coldtrail::lake::Lake;
use coldtrail::lake::catalogue::Input;
use coldtrail::lake::commit::commit;
use coldtrail::lake::staging::Staging;
use coldtrail::schema::builder::{TableBuilder, TableSet};
use coldtrail::schema::{common, network, process};
use criterion::{BatchSize, Criterion, Throughput};

/// Rows of a fleet: 2,000 hosts and users, 600 programs, command lines of which most repeat, ids of processes that do not.
struct Fleet {
    /// A fixed sequence that looks random.
    state: u64,
}

impl Fleet {
    fn pick(&mut self, n: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % n
    }

    fn common(&mut self, b: &mut TableBuilder, i: u64, host: u64, user: u64) {
        b.int(
            common::TS,
            1_758_326_400_000_000 + i as i64 * 40_000 + self.pick(1_000) as i64 * 1_000,
        );
        b.text(common::TIME_QUALITY, "utc");
        b.int(common::UTC_TIME, 1_758_326_400_000_000 + i as i64 * 40_000);
        b.text(common::HOST, &format!("pc-{host:05}"));
        b.text(common::HOST_RAW, &format!("PC-{host:05}.corp.example"));
        b.text(common::SOURCE, "sysmon");
        b.text(common::FORMAT, "windows_json");
        b.text(common::OBSERVER, &format!("wec-{}.corp.example", host % 8));
        b.text(common::PROVIDER, "Microsoft-Windows-Sysmon");
        b.text(common::CHANNEL, "Microsoft-Windows-Sysmon/Operational");
        b.text(common::USER, &format!("user{user:05}"));
        b.text(common::USER_DOMAIN, "CORP");
        b.text(
            common::USER_SID,
            &format!("S-1-5-21-1004336348-1177238915-682003330-{}", 1_000 + user),
        );
        b.int(common::LOGON_ID, 0x3E7 + user as i64 * 4_096);
        b.int(common::FILE_ID, 0);
        b.int(common::ROW, i as i64 * 2_300);
        b.int(common::RECORD_ID, 70_000 + (i / 2_000) as i64);
        let (thread, process) = (self.pick(9_000), 2_000 + host);
        b.text(
            common::EXTRA,
            &format!("{{\"Execution_ProcessID\":{process},\"AccountType\":\"User\",\"Execution_ThreadID\":{thread},\"AccountName\":\"SYSTEM\",\"Task\":1,\"Domain\":\"NT AUTHORITY\",\"Version\":5,\"Keywords\":-9223372036854775808,\"RuleName\":\"-\",\"tags\":[\"fleet\"],\"agent\":{{\"version\":\"7.17.3\",\"type\":\"winlogbeat\",\"ephemeral_id\":\"{host:08x}-7d2f-4343-83bb-33cd9ad23223\"}}}}"),
        );
    }

    fn process(&mut self, b: &mut TableBuilder, i: u64) {
        let (host, user) = (self.pick(2_000), self.pick(2_000));
        let (program, parent) = (self.pick(25) * self.pick(25), self.pick(40));
        self.common(b, i, host, user);
        let guid = |n: u64, of: u64| format!("{{{host:08X}-{:04X}-5F64-{:04X}-{n:012X}}}", of % 65_536, n % 65_536);
        b.int(common::EVENT_CODE, 1);
        b.text(common::ACTION, "start");
        b.int(process::PID, 1_000 + self.pick(12_000) as i64 * 4);
        b.text(process::PROC_GUID, &guid(i, program));
        b.text(
            process::IMAGE,
            &format!("C:\\Program Files\\Vendor {}\\bin\\tool{program}.exe", program % 60),
        );
        b.text(process::IMAGE_NAME, &format!("tool{program}.exe"));
        let line = match self.pick(10) {
            0..7 => program * 31 % 900,
            _ => self.pick(1 << 40),
        };
        b.text(process::CMDLINE, &format!("\"C:\\Program Files\\Vendor {}\\bin\\tool{program}.exe\" --service --channel=mojo.{line} --type=utility --lang=en-US", program % 60));
        b.text(process::CWD, &format!("C:\\Users\\user{user:05}\\"));
        b.text(process::ORIG_NAME, &format!("TOOL{program}.EXE"));
        b.text(process::COMPANY, &format!("Vendor {} Inc.", program % 60));
        b.text(process::PRODUCT, &format!("Product {}", program % 200));
        b.text(
            process::DESCR,
            &format!("Tool {program} of the product {}", program % 200),
        );
        b.text(process::FILEVER, &format!("10.{}.{}.1", program % 30, program));
        let hash = blake_like(program);
        b.fixed(process::MD5, &hash[..16]);
        b.fixed(process::SHA1, &hash[..20]);
        b.fixed(process::SHA256, &hash);
        b.fixed(process::IMPHASH, &hash[16..]);
        b.text(
            process::INTEGRITY,
            match program % 4 {
                0 => "Low",
                1 => "Medium",
                2 => "High",
                _ => "System",
            },
        );
        b.text(process::LOGON_GUID, &guid(user, 7));
        b.int(process::TERMINAL_SESSION, (user % 3) as i64);
        b.int(process::PPID, 600 + self.pick(3_000) as i64 * 4);
        b.text(process::PARENT_GUID, &guid(i.saturating_sub(self.pick(5_000)), parent));
        b.text(
            process::PARENT_IMAGE,
            &format!("C:\\Windows\\System32\\parent{parent}.exe"),
        );
        b.text(process::PARENT_NAME, &format!("parent{parent}.exe"));
        b.text(
            process::PARENT_CMDLINE,
            &format!(
                "C:\\Windows\\System32\\parent{parent}.exe -k netsvcs -p -s task{}",
                self.pick(200)
            ),
        );
        b.text(process::PARENT_USER, "NT AUTHORITY\\SYSTEM");
        b.end_row();
    }

    fn network(&mut self, b: &mut TableBuilder, i: u64) {
        let (host, user, program) = (self.pick(2_000), self.pick(2_000), self.pick(120));
        self.common(b, i, host, user);
        b.int(common::EVENT_CODE, 3);
        b.text(common::ACTION, "connect");
        b.text(network::DIRECTION, "out");
        b.text(network::PROTO, "tcp");
        let ip = |a: u64, n: u64| {
            let mut ip = [0u8; 16];
            ip[10..12].fill(0xFF);
            ip[12..].copy_from_slice(&[a as u8, (n >> 16) as u8, (n >> 8) as u8, n as u8]);
            ip
        };
        let site = self.pick(70) * self.pick(70);
        b.ip(network::SRC_IP, &ip(10, host));
        b.int(network::SRC_PORT, 49_152 + self.pick(16_000) as i64);
        b.ip(network::DST_IP, &ip(93, site * 7));
        b.int(network::DST_PORT, if site.is_multiple_of(9) { 80 } else { 443 });
        b.text(network::DST_HOST, &format!("cdn{}.site{site}.example", site % 7));
        b.int(network::PID, 1_000 + self.pick(12_000) as i64 * 4);
        b.text(
            network::PROC_GUID,
            &format!("{{{host:08X}-0000-5F64-0000-{:012X}}}", self.pick(40_000)),
        );
        b.text(
            network::IMAGE,
            &format!("C:\\Program Files\\Vendor {}\\bin\\tool{program}.exe", program % 60),
        );
        b.end_row();
    }
}

fn blake_like(n: u64) -> [u8; 32] {
    let mut out = [0; 32];
    for (i, part) in out.chunks_mut(8).enumerate() {
        let v = (n + 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(i as u32 * 13 + 5);
        part.copy_from_slice(&v.wrapping_mul(0xD6E8_FEB8_6659_FD93).to_le_bytes());
    }
    out
}

/// Sets of rows as worker threads hand them over.
fn fleet_rows(rows: u64, of_set: u64) -> Vec<TableSet> {
    let mut fleet = Fleet { state: 7 };
    let mut sets = Vec::new();
    for i in 0..rows {
        if i % of_set == 0 {
            sets.push(TableSet::default());
        }
        let set = sets.last_mut().unwrap();
        match i % 5 {
            0 => fleet.network(set.table(&network::TABLE), i),
            _ => fleet.process(set.table(&process::TABLE), i),
        }
    }
    sets
}

/// Rows to a committed lake; its size in bytes.
fn write_lake(sets: Vec<TableSet>, budget: usize) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_for_writing(dir.path()).unwrap();
    let staging = Staging::new(lake.staging_dir(), budget);
    sets.into_iter().for_each(|mut s| staging.add(&mut s).unwrap());
    let mut inputs = vec![Input {
        path: "bench".into(),
        content_id: "00112233445566778899".into(),
        ..Input::default()
    }];
    commit(&mut lake, &staging, &mut inputs, &[]).unwrap();
    lake.catalogue().files.iter().map(|f| f.bytes).sum()
}

/// CPU seconds of this process so far, where the system tells: the machine is shared, wall times are not to be trusted.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

pub fn lake(c: &mut Criterion) {
    // A quarter of the 430,000 rows by default; COLDTRAIL_BENCH_ROWS for another number.
    let rows = std::env::var("COLDTRAIL_BENCH_ROWS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(107_500);
    let mut group = c.benchmark_group("lake");
    group.throughput(Throughput::Elements(rows));
    group.sample_size(10);
    for (name, of_set, budget) in [
        ("sets of 1,700 rows", 1_700, 1 << 30),
        ("sets of 20,000 rows", 20_000, 1 << 30),
        ("sets of 20,000 rows, spilled", 20_000, 64 << 20),
    ] {
        if std::env::args()
            .skip(1)
            .any(|a| a.contains("rows") && !name.contains(&a))
        {
            continue;
        }
        let sets = fleet_rows(rows, of_set);
        let before = cpu_seconds();
        let size = write_lake(sets, budget);
        let cpu = cpu_seconds()
            .zip(before)
            .map_or(f64::NAN, |(after, before)| after - before);
        eprintln!(
            "lake, {name}: {:.1} bytes a row, {cpu:.2} CPU s",
            size as f64 / rows as f64
        );
        group.bench_function(name, |b| {
            let setup = || fleet_rows(rows, of_set);
            b.iter_batched(setup, |sets| write_lake(sets, budget), BatchSize::PerIteration);
        });
    }
    group.finish();
}
