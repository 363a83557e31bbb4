use super::*;

fn parse(text: &str) -> std::result::Result<Config, String> {
    Config::parse(text, "c.toml")
}

fn injected(config: &str, line: &str) -> String {
    let given: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let out = inject::inject(given, &parse(config).unwrap());
    let out: Vec<_> = out.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    out.join(" ")
}

#[test]
fn every_flag_of_every_command_is_in_the_template_and_known() {
    let text = template::template();
    let mut table = String::new();
    let mut n = 0;
    // The head shows keys of its own.
    for line in text.lines().skip_while(|l| *l != "# name = 0.5").skip(1) {
        if line.starts_with('[') {
            table = line.to_owned();
        }
        let Some((key, _)) = line.strip_prefix("# ").and_then(|l| l.split_once(" = ")) else {
            continue;
        };
        if key.contains(' ') {
            continue;
        }
        let refused = parse(&format!("{table}\n{key} = true\n")).err().unwrap_or_default();
        assert!(!refused.contains("no setting"), "{table} {key}: {refused}");
        n += 1;
    }
    let flags: usize = commands()
        .iter()
        .filter(|(p, _)| p.first().is_none_or(|f| f != "config"))
        .map(|(_, c)| flags(c).count())
        .sum();
    assert_eq!(n, flags);
    assert!(n > 80, "{n}");
}

#[test]
fn the_template_is_a_configuration_without_settings() {
    assert_eq!(parse(&template::template()).unwrap(), Config::default());
}

#[test]
fn wrong_keys_and_values_are_named_with_their_line() {
    for (text, expected) in [
        (
            "[all]\nlake = \"x\"\nlaek = \"x\"",
            "c.toml:3: no setting 'laek'; did you mean 'lake'?",
        ),
        (
            "lake = \"x\"",
            "c.toml:1: 'lake' stands in no table; write it below [all]",
        ),
        (
            "[hunt]\n\nmin-severty = \"high\"",
            "c.toml:3: no setting 'min-severty'; did you mean 'min-severity'?",
        ),
        ("[hnt]\nout = \"x\"", "c.toml:1: no command 'hnt'; did you mean 'hunt'?"),
        (
            "[hunt]\nfail-on = \"terrible\"",
            "expected info, low, medium, high or critical",
        ),
        ("[hunt]\nquiet = \"very\"", "c.toml:2: quiet: true or false"),
        ("[hunt]\nout = [\"a\", \"b\"]", "one value, not a list"),
        ("[hunt\n", "c.toml:1: not TOML"),
        ("[signals.\"NET-99\"]\nx = 1", "no signal 'NET-99'"),
    ] {
        let why = parse(text).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
}

#[test]
fn settings_stand_in_for_flags_that_were_not_given() {
    let config = "[all]\nlake = \"L\"\nquiet = true\n[hunt]\nhosts = [\"a\", \"b\"]\nfrom = \"-30d\"\nstrict = false\n[lake.expire]\nolder-than = \"90d\"";
    assert_eq!(
        injected(config, "coldtrail --config c.toml hunt in"),
        "coldtrail --config c.toml hunt --from=-30d --hosts=a --hosts=b --lake=L --quiet in"
    );
    assert_eq!(
        injected(config, "coldtrail hunt --lake M -q --hosts=c"),
        "coldtrail hunt --from=-30d --lake M -q --hosts=c"
    );
    assert_eq!(
        injected(config, "coldtrail lake expire"),
        "coldtrail lake expire --older-than=90d --lake=L"
    );
    assert_eq!(injected(config, "coldtrail formats"), "coldtrail formats");
}

#[test]
fn the_file_is_found_wherever_it_is_named() {
    let file = |line: &str| {
        let given: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        inject::config_file(&given)
    };
    assert_eq!(file("coldtrail hunt --config a.toml"), Some(PathBuf::from("a.toml")));
    assert_eq!(file("coldtrail --config=b.toml hunt"), Some(PathBuf::from("b.toml")));
    assert_eq!(file("coldtrail hunt -- --config x"), None);
}
