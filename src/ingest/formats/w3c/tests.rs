use super::*;
use crate::base::time;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::{Cells, TableBuilder};
use crate::schema::{Col, common, http, network};

fn run(text: &str, carry: &Carry) -> Sink<'static> {
    let cx = RecordContext {
        input: 1,
        format: "w3c",
        fallback_time: 7,
        zone: None,
        input_host: None,
    };
    let mut sink = Sink::new(cx);
    W3c.decode(
        &Block {
            bytes: text.as_bytes(),
            offset: 0,
            ..Block::default()
        },
        carry,
        &mut sink,
    );
    sink
}

fn builder(sink: Sink<'_>, table: &str) -> TableBuilder {
    sink.rows.into_builders().find(|b| b.table().name == table).unwrap()
}

fn texts(cells: &[Cells], col: Col) -> Vec<Option<String>> {
    match &cells[col.0 as usize] {
        Cells::Dict { codes, values } => codes
            .iter()
            .map(|c| (*c != u32::MAX).then(|| values.get(*c).to_owned()))
            .collect(),
        Cells::Text { bytes, ends } => {
            let mut start = 0;
            ends.iter()
                .map(|e| {
                    let t = e.map(|e| bytes.get(start..e).unwrap().to_owned());
                    start = e.unwrap_or(start);
                    t
                })
                .collect()
        }
        _ => panic!("no text column"),
    }
}

fn ints(cells: &[Cells], col: Col) -> Vec<i64> {
    match &cells[col.0 as usize] {
        Cells::Int(v) => v.clone(),
        _ => panic!("no integer column"),
    }
}

const IIS: &str = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem \
    cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken\n";

#[test]
fn fields_may_change_in_mid_file() {
    let text = "#Software: SGOS 6.7\n#Fields: date time c-ip cs-host sc-status s-action\n\
        2021-04-16 13:51:09 10.0.0.1 A.example 200 TCP_HIT\n\
        #Fields: date time cs-host c-ip cs(User-Agent) sc-status s-action\n\
        2021-04-16 13:51:10 b.example 10.0.0.2 \"Mozilla/5.0 (X)\" 404 TCP_MISS\n";
    let sink = run(text, &Carry::default());
    assert_eq!((sink.records, sink.rejects.len()), (2, 0));
    let (_, _, cells) = builder(sink, "http").finish();
    assert_eq!(
        texts(&cells, http::URL_HOST),
        [Some("a.example".into()), Some("b.example".into())]
    );
    assert_eq!(
        texts(&cells, common::HOST),
        [Some("ip:10.0.0.1".into()), Some("ip:10.0.0.2".into())]
    );
    assert_eq!(ints(&cells, http::STATUS), [200, 404]);
    assert_eq!(ints(&cells, common::TS), [1_618_581_069_000_000, 1_618_581_070_000_000]);
}

#[test]
fn the_header_travels_to_later_blocks() {
    let mut carry = Carry::default();
    W3c.carry(
        &Block {
            bytes: IIS.as_bytes(),
            offset: 0,
            ..Block::default()
        },
        &mut carry,
    );
    let sink = run(
        "2021-04-01 00:00:21 10.9.9.9 GET /a.asp x=1 80 DOM\\ann 10.0.0.5 Mozilla/5.0+(W+1) 200 65\n",
        &carry,
    );
    assert_eq!((sink.records, sink.rejects.len()), (1, 0));
    let (_, _, cells) = builder(sink, "http").finish();
    assert_eq!(texts(&cells, common::HOST), [Some("ip:10.9.9.9".into())]);
    assert_eq!(texts(&cells, common::USER), [Some("ann".into())]);
    assert_eq!(texts(&cells, http::UA), [Some("Mozilla/5.0 (W 1)".into())]);
    assert_eq!(texts(&cells, common::EXTRA), [None]);
}

#[test]
fn a_zone_in_the_date_line_counts_and_cut_lines_are_rejects() {
    let text = "#Date: 2021-04-16 13:51:09 EST (UTC-0400)\n#Fields: date time c-ip cs-host s-action\n\
        2021-04-16 13:51:09 10.0.0.1 a.example TCP_HIT\n2021-04-16 13:51:09 10.0.0.1\n";
    let sink = run(text, &Carry::default());
    assert_eq!((sink.records, sink.rejects.len()), (2, 1));
    let (_, _, cells) = builder(sink, "http").finish();
    assert_eq!(ints(&cells, common::TS), [1_618_581_069_000_000 + 14_400_000_000]);
    assert_eq!(texts(&cells, common::TIME_QUALITY), [Some("offset".into())]);
}

#[test]
fn a_log_without_dates_goes_on_behind_midnight_whatever_its_blocks() {
    let head = "#Date: 2025-03-08 08:00:00\n#Fields: time c-ip cs-method cs-uri-stem sc-status\n";
    let records = [
        ("10:00:00", 8),
        ("23:59:59", 8),
        ("00:00:01", 9),
        ("23:59:58", 8),
        ("11:00:00", 9),
        ("09:30:00", 10),
    ];
    let line = |clock: &str| format!("{clock} 10.0.0.1 GET /a 200\n");
    let want: Vec<i64> = records
        .iter()
        .map(|(clock, day)| time::day_and_clock(&format!("2025-03-{day:02}"), clock).unwrap().0)
        .collect();
    let times = |sink: Sink<'_>| ints(&builder(sink, "http").finish().2, common::TS);
    let whole: String = records.iter().map(|(clock, _)| line(clock)).collect();
    assert_eq!(times(run(&format!("{head}{whole}"), &Carry::default())), want);
    let mut carry = Carry::default();
    let mut pass = |text: &str| {
        let before = carry.clone();
        let block = Block {
            bytes: text.as_bytes(),
            ..Block::default()
        };
        W3c.carry(&block, &mut carry);
        before
    };
    pass(head);
    for ((clock, _), want) in records.iter().zip(want) {
        let text = line(clock);
        let before = pass(&text);
        assert_eq!(times(run(&text, &before)), [want]);
    }
}

#[test]
fn dates_that_a_log_names_from_some_line_on_are_taken_as_they_are() {
    let text = "#Date: 2025-03-08 08:00:00\n#Fields: time c-ip cs-method cs-uri-stem sc-status\n\
        23:00:00 10.0.0.1 GET /a 200\n01:00:00 10.0.0.1 GET /a 200\n\
        #Fields: date time c-ip cs-method cs-uri-stem sc-status\n2025-03-09 02:00:00 10.0.0.1 GET /a 200\n";
    let want = [
        ("2025-03-08", "23:00:00"),
        ("2025-03-09", "01:00:00"),
        ("2025-03-09", "02:00:00"),
    ];
    let want = want.map(|(day, clock)| time::day_and_clock(day, clock).unwrap().0);
    let sink = run(text, &Carry::default());
    assert_eq!(ints(&builder(sink, "http").finish().2, common::TS), want);
}

#[test]
fn firewall_time_is_local_and_its_host_lies_on_the_right_side() {
    let text = "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n\
        #Fields: date time action protocol src-ip dst-ip src-port dst-port size path\n\
        2005-04-11 08:05:57 DROP UDP 203.0.113.9 10.0.0.5 137 138 78 RECEIVE\n\
        2005-04-11 08:05:58 ALLOW TCP 10.0.0.5 203.0.113.9 4000 443 0 SEND\n";
    let (_, _, cells) = builder(run(text, &Carry::default()), "network").finish();
    assert_eq!(
        texts(&cells, common::TIME_QUALITY),
        [Some("assumed".into()), Some("assumed".into())]
    );
    assert_eq!(
        texts(&cells, common::HOST),
        [Some("ip:10.0.0.5".into()), Some("ip:10.0.0.5".into())]
    );
    assert_eq!(
        texts(&cells, common::ACTION),
        [Some("deny".into()), Some("connect".into())]
    );
    assert_eq!(
        texts(&cells, network::DIRECTION),
        [Some("in".into()), Some("out".into())]
    );
}

#[test]
fn sniffing_tells_w3c_from_its_neighbours() {
    let sniff = |s: &str| W3c.sniff(&Head::new(s.as_bytes(), "x"));
    assert!(matches!(sniff(IIS), Sniff::Yes(95, _)));
    assert!(matches!(
        sniff("Aug 18 12:30:46 10.8.24.10 #Fields: date time c-ip cs-host s-action\n"),
        Sniff::Yes(95, _)
    ));
    assert!(matches!(
        sniff("#Software: Microsoft Exchange Server\n#Fields: date-time,client-ip,event-id\n"),
        Sniff::No(_)
    ));
    assert!(matches!(sniff("#separator \\x09\n#fields\tts\tuid\n"), Sniff::No(_)));
}
