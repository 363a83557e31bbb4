//! PERS-06, a library that Windows looks for and does not ship.
//!
//! Sees: the load (Sysmon 7, image-load exports), or the creation in a system folder, of a library under a name that a Windows
//! component asks for although no Windows has it in that place ("phantom DLL"), unless it carries a valid signature.
//! Why: whoever puts a file there is run by that component, mostly as SYSTEM, at every start or on demand.
//! Benign: a vendor's own library that happens to have the name; it is signed.
//! Sources: public write-ups of the single names (Ualapi.dll and the Fax service, cdpsgshims.dll and CDPSvc,
//! WindowsCoreDeviceInfo.dll and the Update Session Orchestrator, wlbsctrl.dll and IKEEXT, wbemcomn.dll beside wmiprvse,
//! TSMSISrv.dll and TSVIPSrv.dll and SessionEnv, Wptsextensions.dll and the task scheduler); list written for this project.

use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::text::{basename, dirname};
use crate::lake::frame::Row;
use crate::schema::{common, file, image_load};

/// The signal.
pub struct Pers06;

/// Names and, where the real library lives elsewhere, the folder that is wrong for it. Sorted.
const PHANTOMS: &[(&str, &str)] = &[
    ("cdpsgshims.dll", ""),
    ("cryptbase.dll", "\\windows\\system32\\sysprep"),
    ("edgegdi.dll", ""),
    ("fxsst.dll", "\\windows"),
    ("nfsh.dll", ""),
    ("phoneinfo.dll", ""),
    ("sprintcsp.dll", ""),
    ("tsmsisrv.dll", ""),
    ("tsvipsrv.dll", ""),
    ("ualapi.dll", "\\windows\\system32"),
    ("wbemcomn.dll", "\\windows\\system32\\wbem"),
    ("windowscoredeviceinfo.dll", ""),
    ("wlbsctrl.dll", ""),
    ("wptsextensions.dll", ""),
];

static META: Meta = Meta {
    id: "PERS-06",
    title: "Library that Windows looks for and does not ship",
    sees: "load or creation of a phantom DLL, or of one in a folder that replaces a program's libraries (program.exe.local), without a valid \
           signature",
    why: "the Windows component that asks for it runs it, mostly as SYSTEM",
    techniques: &["T1574.001", "T1548.002"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &image_load::TABLE,
            columns: &[
                image_load::PATH,
                image_load::NAME,
                image_load::SIGNED,
                image_load::SIG_STATUS,
                image_load::IMAGE,
                image_load::PROC_GUID,
                image_load::PID,
                image_load::SHA256,
                image_load::KIND,
            ],
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                file::PATH,
                file::NAME,
                file::IMAGE,
                file::PROC_GUID,
                file::PID,
                common::ACTION,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "names",
        value: PHANTOMS.len() as f64,
        unit: "library names",
        source: "public write-ups, see the source file",
    }],
    benign: &["a vendor's own signed library of that name"],
};

impl Signal for Pers06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut seen: Vec<&str> = Vec::new();
        for row in rows.table(&image_load::TABLE).iter() {
            let path = row.str(image_load::PATH);
            if !is_phantom(row.str(image_load::NAME), path) || is_signed(row) || seen.contains(&path) {
                continue;
            }
            seen.push(path);
            let by = basename(row.str(image_load::IMAGE));
            hits.push(hit(
                row,
                path,
                format!("{by} loaded {path}, a library that Windows asks for and does not ship there"),
            ));
        }
        for row in rows.table(&file::TABLE).iter() {
            let path = row.str(file::PATH);
            let made = matches!(row.str(common::ACTION), "create" | "write" | "rename");
            if !made || !is_phantom(row.str(file::NAME), path) || !in_windows(path) || seen.contains(&path) {
                continue;
            }
            seen.push(path);
            let by = basename(row.str(file::IMAGE));
            hits.push(hit(
                row,
                path,
                format!("{by} wrote {path}, a library that Windows asks for and does not ship there"),
            ));
        }
    }
}

fn hit(row: Row<'_>, path: &str, explain: String) -> Hit {
    let name = basename(path).to_lowercase();
    let techniques: &[&str] = match is_redirected(path) {
        true => &["T1574.001", "T1548.002"],
        false => &["T1574.001"],
    };
    Hit::at(&META, row, name, explain)
        .techniques(techniques)
        .ioc(Ioc::File(path.to_owned()))
}

/// Whether a library lies in the folder by which a program's libraries are replaced (`consent.exe.local`), below a system folder.
fn is_redirected(path: &str) -> bool {
    let lower = path.to_lowercase();
    in_windows(&lower) && lower.contains(".exe.local\\")
}

fn is_phantom(name: &str, path: &str) -> bool {
    if is_redirected(path) {
        return true;
    }
    let Ok(at) = PHANTOMS.binary_search_by(|(n, _)| (*n).cmp(name)) else {
        return false;
    };
    let folder = dirname(path).to_lowercase();
    PHANTOMS
        .get(at)
        .is_some_and(|(_, wrong)| wrong.is_empty() || folder.ends_with(wrong))
}

fn in_windows(path: &str) -> bool {
    path.to_lowercase().contains(":\\windows\\")
}

fn is_signed(row: Row<'_>) -> bool {
    row.int(image_load::SIGNED) == Some(1)
        && row
            .text(image_load::SIG_STATUS)
            .is_none_or(|s| s.eq_ignore_ascii_case("valid"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn loaded(path: &str, signed: i64) -> usize {
        let mut s = Sample::default();
        s.row(&image_load::TABLE, "ws1", "2026-03-02T09:00:00Z", |b| {
            b.text(image_load::PATH, path);
            b.text(image_load::NAME, &basename(path).to_lowercase());
            b.int(image_load::SIGNED, signed);
            b.text(image_load::IMAGE, "C:\\Windows\\System32\\svchost.exe");
        });
        s.hits(&Pers06).len()
    }

    #[test]
    fn unsigned_phantoms_fire_and_signed_or_ordinary_libraries_do_not() {
        assert_eq!(loaded("C:\\Windows\\System32\\wlbsctrl.dll", 0), 1);
        assert_eq!(loaded("C:\\Windows\\System32\\wlbsctrl.dll", 1), 0);
        assert_eq!(loaded("C:\\Windows\\System32\\wbemcomn.dll", 0), 0, "its own place");
        assert_eq!(loaded("C:\\Windows\\System32\\wbem\\wbemcomn.dll", 0), 1);
        assert_eq!(loaded("C:\\Windows\\System32\\kernel32.dll", 0), 0);
        assert_eq!(
            loaded("C:\\Windows\\System32\\consent.exe.local\\x\\comctl32.dll", 0),
            1
        );
    }

    #[test]
    fn the_names_are_sorted() {
        assert!(PHANTOMS.is_sorted());
    }
}
