//! The services' field names as an endpoint's own.

/// What stands for the request as a whole.
const BODY: &str = "body";

/// A field's path with each part renamed: `policies.slot_step` is `slot_step_s` where
/// `names` say `policies` → nothing and `slot_step` → `slot_step_s`. A part renamed to
/// nothing leaves its index to the part before.
pub(super) fn field(path: &str, names: &[(&str, &str)]) -> String {
    if let Some(name) = find(path, names).filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let mut renamed = String::new();
    for part in path.split('.') {
        let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
        let name = find(name, names).unwrap_or(name);
        if !renamed.is_empty() && !name.is_empty() {
            renamed.push('.');
        }
        renamed.push_str(name);
        renamed.push_str(index);
    }
    if renamed.is_empty() {
        BODY.clone_into(&mut renamed);
    }
    renamed
}

/// A text with the fields it names renamed. A name without '_' may be a plain word
/// there and stays.
pub(super) fn text(text: &str, names: &[(&str, &str)]) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let of_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let word = rest.find(|c| !of_word(c)).unwrap_or(rest.len());
        let between = rest[word..].find(of_word).unwrap_or(rest.len() - word);
        let (now, later) = rest.split_at(word + between);
        let (word, between) = now.split_at(word);
        let name = find(word, names).filter(|name| word.contains('_') && !name.is_empty());
        renamed.push_str(name.unwrap_or(word));
        renamed.push_str(between);
        rest = later;
    }
    renamed
}

fn find<'a>(name: &str, names: &[(&str, &'a str)]) -> Option<&'a str> {
    let found = names.iter().find(|(from, _)| *from == name);
    found.map(|(_, to)| *to)
}

#[cfg(test)]
mod tests {
    const NAMES: &[(&str, &str)] = &[
        ("policies", ""),
        ("leads", ""),
        ("slot_step", "slot_step_s"),
        ("start_time", "from"),
        ("end", "to"),
        ("start_time_of_day", "start"),
    ];

    #[test]
    fn a_path_is_renamed_part_by_part() {
        for (path, expected) in [
            ("other", "other"),
            ("policies.slot_step", "slot_step_s"),
            ("policies.subjects[2]", "subjects[2]"),
            ("rules[7].start_time_of_day", "rules[7].start"),
            ("settings.leads[1]", "settings[1]"),
            ("policies", "body"),
            ("", "body"),
        ] {
            assert_eq!(super::field(path, NAMES), expected, "{path}");
        }
    }

    #[test]
    fn a_text_keeps_its_words_and_gets_its_names() {
        for (text, expected) in [
            ("is not after start_time", "is not after from"),
            ("start_time_of_day, at the end", "start, at the end"),
            ("policies: the end. ", "policies: the end. "),
            ("длиннее, чем slot_step…", "длиннее, чем slot_step_s…"),
            ("", ""),
        ] {
            assert_eq!(super::text(text, NAMES), expected);
        }
    }
}
