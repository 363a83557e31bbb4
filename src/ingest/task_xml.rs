//! The definition of a scheduled task: what it runs and as whom.

/// Actions read from one definition; a task has at most 32.
const MAX_ACTIONS: usize = 32;

/// What a task runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TaskXml {
    /// The first program, or the class id of a COM handler.
    pub command: String,
    /// Its arguments; further actions follow, each on a line of its own with command and arguments.
    pub args: String,
    /// The principal's user or group.
    pub account: String,
}

impl TaskXml {
    /// Reads a definition by its tags, without demanding well-formed XML: attackers write these and logs cut them.
    pub fn read(xml: &str) -> Self {
        // Some collectors escape the document once more.
        if !xml.contains('<') && xml.contains("&lt;") {
            return Self::read_plain(&unescape(xml));
        }
        Self::read_plain(xml)
    }

    fn read_plain(xml: &str) -> Self {
        let mut task = Self::default();
        let mut rest = xml;
        for n in 0..MAX_ACTIONS {
            let Some((_, action)) = next_action(rest) else {
                break;
            };
            let (body, after) = action;
            let command = tag(body, "Command")
                .or_else(|| tag(body, "ClassId"))
                .unwrap_or_default();
            let args = tag(body, "Arguments").unwrap_or_default();
            if n == 0 {
                task.command = command;
                task.args = args;
            } else {
                task.args = format!("{}\n{command} {args}", task.args).trim_end().to_owned();
            }
            rest = after;
        }
        let principal = xml.split_once("<Principal ").or_else(|| xml.split_once("<Principal>"));
        if let Some((_, p)) = principal {
            task.account = tag(p, "UserId").or_else(|| tag(p, "GroupId")).unwrap_or_default();
        }
        task
    }
}

/// The next `<Exec>` or `<ComHandler>`: its place, and its body and what follows.
fn next_action(xml: &str) -> Option<(usize, (&str, &str))> {
    ["Exec", "ComHandler"]
        .iter()
        .filter_map(|name| {
            let open = xml.find(&format!("<{name}>"))?;
            let (_, body) = xml.split_at_checked(open + name.len() + 2)?;
            // A log that cuts the text leaves the action open.
            Some((open, body.split_once(&format!("</{name}>")).unwrap_or((body, ""))))
        })
        .min_by_key(|(open, _)| *open)
}

fn tag(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let text = rest.split_once(&format!("</{name}>")).map_or(rest, |(t, _)| t);
    Some(unescape(text.trim()))
}

/// Replaces XML entities; what is no entity stays as it is.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // The longest entity has eight bytes; looking no further keeps a text full of ampersands linear.
        let end = after.bytes().take(9).position(|c| c == b';');
        let entity = end.and_then(|e| after.split_at_checked(e));
        match entity.and_then(|(e, tail)| Some((character(e)?, tail))) {
            Some((c, tail)) => {
                out.push(c);
                rest = tail.strip_prefix(';').unwrap_or(tail);
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_once_and_loose_ampersands_stay() {
        assert_eq!(unescape("a &amp;lt; &#x41;&#66; && &nope; &"), "a &lt; AB && &nope; &");
    }

    #[test]
    fn further_actions_and_com_handlers_are_seen() {
        let xml = "<Actions><ComHandler><ClassId>{A-B}</ClassId></ComHandler><Exec><Command>c</Command>\
            <Arguments>-x</Arguments></Exec></Actions>";
        let t = TaskXml::read(xml);
        assert_eq!((t.command.as_str(), t.args.as_str()), ("{A-B}", "\nc -x"));
    }

    #[test]
    fn an_escaped_or_cut_definition_is_still_read() {
        let t = TaskXml::read("&lt;Exec&gt;&lt;Command&gt;a.exe&lt;/Command&gt;&lt;/Exec&gt;");
        assert_eq!(t.command, "a.exe");
        let t = TaskXml::read("<Exec><Command>a.exe</Command><Arguments>-very lo");
        assert_eq!((t.command.as_str(), t.args.as_str()), ("a.exe", "-very lo"));
        assert_eq!(TaskXml::read(""), TaskXml::default());
    }

    #[test]
    fn the_account_is_the_principals_not_a_triggers() {
        let xml = "<LogonTrigger><UserId>CORP\\ann</UserId></LogonTrigger><Principals><Principal id=\"A\">\
            <UserId>S-1-5-18</UserId></Principal></Principals>";
        assert_eq!(TaskXml::read(xml).account, "S-1-5-18");
    }
}
