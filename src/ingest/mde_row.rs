//! What the rows of all Defender for Endpoint tables share: the acting process, paths, and `AdditionalFields`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decode::Dec;
use super::json_fields;
use super::raw::Field;
use super::row::Row;
use crate::base::text::basename;
use crate::base::time;
use crate::schema::{Col, common};

/// Writes the acting process (`InitiatingProcess*`) and its user.
pub fn actor(row: &mut Row<'_, '_>, pid: Col, start: Col, image: Col) {
    // Records of the sensor's protocol analysis carry process 0 without a name: no process is known.
    let named = row.peek("InitiatingProcessFileName").is_some();
    if named || row.peek("InitiatingProcessId") != Some("0") {
        row.field("InitiatingProcessId", pid, Dec::Int);
    }
    start_time(row, "InitiatingProcessCreationTime", start);
    path(row, "InitiatingProcessFolderPath", "InitiatingProcessFileName", image);
    acting_user(row);
}

/// Writes the acting user and its logon session.
pub fn acting_user(row: &mut Row<'_, '_>) {
    row.field("InitiatingProcessAccountName", common::USER, Dec::Text);
    row.field("InitiatingProcessAccountDomain", common::USER_DOMAIN, Dec::Text);
    row.field("InitiatingProcessAccountSid", common::USER_SID, Dec::Text);
    row.field("InitiatingProcessLogonId", common::LOGON_ID, Dec::Int);
}

/// Writes a start time; the sensor's `0001-01-01` means that it is not known.
pub fn start_time(row: &mut Row<'_, '_>, name: &'static str, col: Col) {
    let known = row
        .peek(name)
        .and_then(|t| time::rfc3339(t.as_bytes()))
        .is_some_and(|(t, _)| t > 0);
    if known {
        row.field(name, col, Dec::Time);
    }
}

/// Writes a path that the source splits into folder and file name. Both leave `extra` where the path re-creates them.
pub fn path(row: &mut Row<'_, '_>, folder: &'static str, file: &'static str, col: Col) {
    let Some(joined) = join(row.peek(folder), row.peek(file)) else {
        return;
    };
    row.cells.text(col, &joined);
    if row.peek(folder) == Some(&*joined) {
        row.take(folder);
        if row.peek(file) == Some(basename(&joined)) {
            row.take(file);
        }
    }
}

/// Folder and file name as one path.
///
/// The folder column holds the full path in some tables and only the directory in others, even within one export: if its
/// last component is the file name it is the full path. Device paths get `?:` for the volume.
pub fn join(folder: Option<&str>, file: Option<&str>) -> Option<String> {
    let (folder, file) = (folder.filter(|t| !t.is_empty()), file.filter(|t| !t.is_empty()));
    Some(match (folder, file) {
        (Some(dir), Some(name)) if name.contains(['\\', '/']) && !dir.contains(['\\', '/']) => volume(name),
        (Some(dir), Some(name)) if basename(dir).to_lowercase() == basename(name).to_lowercase() => volume(dir),
        (Some(dir), Some(name)) => {
            let separator = if dir.contains('/') && !dir.contains('\\') {
                '/'
            } else {
                '\\'
            };
            volume(&format!(
                "{}{separator}{}",
                dir.trim_end_matches(['\\', '/']),
                basename(name)
            ))
        }
        (Some(only), None) | (None, Some(only)) => volume(only),
        (None, None) => return None,
    })
}

/// `\Device\HarddiskVolume3\Windows` as `?:\Windows`: which letter the volume has is not in the record.
pub fn volume(path: &str) -> String {
    const DEVICE: &str = r"\device\harddiskvolume";
    let rest = path
        .split_at_checked(DEVICE.len())
        .filter(|(head, _)| head.eq_ignore_ascii_case(DEVICE))
        .and_then(|(_, tail)| tail.split_once('\\'))
        .filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
    match rest {
        Some((_, rest)) => format!(r"?:\{rest}"),
        None => path.to_owned(),
    }
}

/// Writes the lower-case base name and extension of a path column.
pub fn names(row: &mut Row<'_, '_>, path: Col, name: Col, ext: Option<Col>) {
    row.base_name(path, name);
    let Some(ext_col) = ext else { return };
    let ext = row
        .cells
        .current_text(name)
        .and_then(|n| n.rsplit_once('.'))
        .map(|(_, e)| e.to_owned());
    if let Some(e) = ext.filter(|e| !e.is_empty()) {
        row.cells.text(ext_col, &e);
    }
}

/// The members of `AdditionalFields`, which is a JSON text, a JSON object, or empty.
#[derive(Debug, Default)]
pub struct Additional<'r>(Vec<Field<'r>>);

impl<'r> Additional<'r> {
    /// Reads them; the field itself stays in `extra`.
    pub fn of(row: &Row<'_, 'r>) -> Self {
        Self(
            row.peek("AdditionalFields")
                .and_then(json_fields::object)
                .unwrap_or_default(),
        )
    }

    /// The text of a member.
    pub fn get(&self, name: &str) -> Option<&str> {
        json_fields::member(&self.0, name).filter(|t| !t.is_empty())
    }

    /// Writes a member as text.
    pub fn text(&self, row: &mut Row<'_, '_>, name: &str, col: Col) {
        if let Some(t) = self.get(name) {
            row.cells.text(col, t);
        }
    }

    /// Writes a member as an integer that is not negative and not above `max`.
    pub fn int(&self, row: &mut Row<'_, '_>, name: &str, col: Col, max: i64) {
        let number = self.get(name).and_then(super::decode::parse_int);
        if let Some(v) = number.filter(|v| (0..=max).contains(v)) {
            row.cells.int(col, v);
        }
    }

    /// Writes a hash that is in base64; a value of another width than the column's is ignored.
    pub fn hash(&self, row: &mut Row<'_, '_>, name: &str, col: Col) {
        if let Some(bytes) = self.get(name).and_then(|t| STANDARD.decode(t).ok()) {
            row.cells.fixed(col, &bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_ends_with_the_file_name_is_the_full_path() {
        let j = |d, f| join(Some(d), Some(f)).unwrap();
        assert_eq!(
            j(r"C:\Windows\System32\cmd.exe", "CMD.EXE"),
            r"C:\Windows\System32\cmd.exe"
        );
        assert_eq!(
            j(r"C:\Windows\System32", "dxdiag.exe"),
            r"C:\Windows\System32\dxdiag.exe"
        );
        assert_eq!(j(r"C:\", "a.exe"), r"C:\a.exe");
        assert_eq!(j("/usr/bin", "ps"), "/usr/bin/ps");
        assert_eq!(j("/usr/bin/ps", "ps"), "/usr/bin/ps");
        assert_eq!(join(None, Some("svchost.exe")).unwrap(), "svchost.exe");
        assert_eq!(join(Some(""), None), None);
    }

    #[test]
    fn device_paths_lose_their_volume() {
        assert_eq!(volume(r"\Device\HarddiskVolume3\Windows\a.exe"), r"?:\Windows\a.exe");
        assert_eq!(volume(r"\Device\HarddiskVolumeX\a"), r"\Device\HarddiskVolumeX\a");
        assert_eq!(volume(r"\Device\Mup\srv\share\a"), r"\Device\Mup\srv\share\a");
        assert_eq!(volume("é"), "é");
    }
}
