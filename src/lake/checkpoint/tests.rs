use super::*;
use crate::lake::Lake;
use crate::lake::catalogue::Input;
use crate::lake::commit::commit;
use crate::lake::staging::{Lane, Staging};
use crate::schema::builder::TableSet;
use crate::schema::{common, dns, process};

const DAY: i64 = 86_400_000_000;

/// Rows of two tables and three days, in no order.
fn rows(input: i64, numbers: std::ops::Range<i64>) -> TableSet {
    let mut set = TableSet::default();
    for n in numbers {
        for table in [&process::TABLE, &dns::TABLE] {
            let b = set.table(table);
            b.int(common::TS, n * 7_919 % 1_000 * 1_000 + n % 3 * DAY);
            b.int(common::FILE_ID, input);
            b.int(common::ROW, n);
            b.text(common::HOST, &format!("h{}", n % 5));
            b.text(common::EXTRA, &format!("{{\"n\":{n}}}"));
            b.end_row();
        }
    }
    set
}

fn inputs(names: &[&str]) -> Vec<Input> {
    let input = |name: &&str| Input {
        path: (*name).to_owned(),
        content_id: blake3::hash(name.as_bytes()).to_hex().to_string(),
        ..Input::default()
    };
    names.iter().map(input).collect()
}

fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_for_writing(dir.path()).unwrap();
    (dir, lake)
}

fn digests(lake: &Lake) -> Vec<(String, String)> {
    let files = lake.catalogue().files.iter();
    files
        .map(|f| (format!("{} {}", f.table, f.date), f.blake3.clone()))
        .collect()
}

/// A lake with the checkpoint of input 3 of a run: its rows up to 600, in two steps.
fn stored() -> (tempfile::TempDir, Lake, PathBuf) {
    let (dir, lake) = lake();
    let at = lake.checkpoint_dir().join("x");
    let staging = Staging::new(lake.staging_dir(), 1 << 30);
    let lane = staging.lane(at.clone(), 3, Vec::new());
    let mut checkpoint = Checkpoint::new(at.clone());
    staging.add(&mut rows(1, 0..50)).unwrap();
    for (from, to) in [(0, 400), (400, 600)] {
        staging.add_to(lane, &mut rows(3, from..to)).unwrap();
        let leaving = staging.leave(lane);
        // What comes while it is written is no part of it.
        staging.add_to(lane, &mut rows(3, to..to + 100)).unwrap();
        let segments = staging.settle(leaving).unwrap();
        checkpoint.store(&to, &segments).unwrap();
        let late = staging.leave(lane);
        drop(late);
    }
    (dir, lake, at)
}

#[test]
fn rows_of_a_checkpoint_are_those_of_another_run_under_another_number() {
    let (_whole_dir, mut whole) = lake();
    let staging = Staging::new(whole.staging_dir(), 1 << 30);
    staging.add(&mut rows(0, 0..900)).unwrap();
    staging.add(&mut rows(1, 0..70)).unwrap();
    commit(&mut whole, &staging, &mut inputs(&["large", "small"]), &[]).unwrap();

    let (dir, lake, at) = stored();
    drop(lake);
    let mut lake = Lake::open_for_writing(dir.path()).unwrap();
    let mut checkpoint = Checkpoint::new(at.clone());
    let (state, segments) = checkpoint.load::<i64>().unwrap().unwrap();
    assert_eq!(state, 600);
    let staging = Staging::new(lake.staging_dir(), 1 << 30);
    let lane = staging.lane(at.clone(), 1, segments);
    staging.add(&mut rows(0, 0..70)).unwrap();
    staging.add_to(lane, &mut rows(1, 600..900)).unwrap();
    let segments = staging.settle(staging.leave(lane)).unwrap();
    checkpoint.store(&900, &segments).unwrap();
    commit(&mut lake, &staging, &mut inputs(&["small", "large"]), &[]).unwrap();
    assert_eq!(digests(&lake), digests(&whole));
    assert!(
        at.join(MANIFEST).exists(),
        "a commit that fails behind this loses nothing"
    );
    checkpoint.remove().unwrap();
    remove(&lake.checkpoint_dir()).unwrap();
    remove(&lake.checkpoint_dir()).unwrap();
}

#[test]
fn an_input_that_adds_nothing_adds_no_rows_of_its_checkpoint() {
    let (_dir, mut lake, at) = stored();
    let (_, segments) = Checkpoint::new(at.clone()).load::<i64>().unwrap().unwrap();
    let staging = Staging::new(lake.staging_dir(), 1 << 30);
    staging.add(&mut rows(0, 0..70)).unwrap();
    staging.lane(at, 1, segments);
    let mut twice = inputs(&["same", "same"]);
    commit(&mut lake, &staging, &mut twice, &[]).unwrap();
    assert_eq!(lake.catalogue().files.iter().map(|f| f.rows).sum::<u64>(), 140);
}

#[test]
fn what_was_written_behind_the_manifest_goes_and_nothing_is_nothing() {
    let (_dir, _lake, at) = stored();
    let names = || {
        let mut names: Vec<String> = fs::read_dir(&at)
            .unwrap()
            .map(|e| file_name(&e.unwrap().path()))
            .collect();
        names.sort();
        names
    };
    for extra in ["000009.run", "manifest.new"] {
        fs::write(at.join(extra), b"begun").unwrap();
    }
    assert!(Checkpoint::new(at.clone()).load::<i64>().unwrap().is_some());
    assert_eq!(names(), ["000000.run", "000001.run", MANIFEST]);
    fs::remove_file(at.join(MANIFEST)).unwrap();
    assert!(Checkpoint::new(at.clone()).load::<i64>().unwrap().is_none());
    assert!(Checkpoint::new(at.join("none")).load::<i64>().unwrap().is_none());
}

#[test]
fn every_damage_is_told() {
    let (_dir, _lake, at) = stored();
    for name in ["000000.run", "000001.run", MANIFEST] {
        let path = at.join(name);
        let good = fs::read(&path).unwrap();
        let places = (0..good.len()).step_by(good.len() / 97 + 1);
        for place in places {
            let mut bad = good.clone();
            bad[place] ^= 0x20;
            fs::write(&path, &bad).unwrap();
            assert!(Checkpoint::new(at.clone()).load::<i64>().is_err(), "{name} at {place}");
            fs::write(&path, &good[..place]).unwrap();
            assert!(
                Checkpoint::new(at.clone()).load::<i64>().is_err(),
                "{name} cut at {place}"
            );
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(Checkpoint::new(at.clone()).load::<String>().is_err(), "another state");
    assert!(Checkpoint::new(at).load::<i64>().unwrap().is_some());
}

#[test]
fn a_manifest_that_somebody_wrote_is_refused_where_it_makes_no_sense() {
    let (_dir, _lake, at) = stored();
    let path = at.join(MANIFEST);
    let text = String::from_utf8(fs::read(&path).unwrap()[DIGITS..].to_vec()).unwrap();
    let first = text.find("\"chunks\":[[0,").unwrap();
    let chunk = text.get(first..).unwrap().split("]]").next().unwrap();
    for (from, to) in [
        ("000001.run", "../000001.run"),
        ("000001.run", "/etc/passwd"),
        ("\"process\"", "\"proces\""),
        ("\"version\":1", "\"version\":2"),
        ("\"rows\":", "\"rows\":99999999999999"),
        ("\"chunk_memory\":", "\"chunk_memory\":99999999999999"),
        ("\"chunks\":[[0,", "\"chunks\":[[18446744073709551615,"),
        ("\"chunks\":[[0,", "\"chunks\":[[900000000,"),
        (chunk, "\"chunks\":[[0,1,4294967295"),
        ("{\"version\"", "[[[[[{\"version\""),
    ] {
        assert!(text.contains(from), "{from}");
        let forged = text.replace(from, to);
        let told = blake3::hash(forged.as_bytes()).to_hex();
        fs::write(&path, format!("{told}{forged}")).unwrap();
        assert!(Checkpoint::new(at.clone()).load::<i64>().is_err(), "{from} to {to}");
    }
}

#[test]
fn rows_that_cannot_be_put_on_disk_stay_in_memory() {
    let (dir, mut lake) = lake();
    let taken = dir.path().join("taken");
    fs::write(&taken, b"a file, not a folder").unwrap();
    let staging = Staging::new(lake.staging_dir(), 1 << 30);
    let lane = staging.lane(taken, 0, Vec::new());
    assert_ne!(lane, Lane::COMMON);
    staging.add_to(lane, &mut rows(0, 0..100)).unwrap();
    assert!(staging.settle(staging.leave(lane)).is_err());
    commit(&mut lake, &staging, &mut inputs(&["large"]), &[]).unwrap();
    assert_eq!(lake.catalogue().files.iter().map(|f| f.rows).sum::<u64>(), 200);
}
