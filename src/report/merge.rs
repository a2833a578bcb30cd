//! Renews a Markdown report that people have edited. What stands between `<!-- auto:NAME -->` and
//! `<!-- /auto:NAME -->` is the program's and is replaced; everything else is theirs and stays.

/// `edited` with each automatic section taken from `fresh`. A section that `fresh` lacks stays as
/// it was; one that was deleted from `edited` stays deleted; one without its end mark is left
/// alone.
pub fn renew(edited: &str, fresh: &str) -> String {
    let mut out = String::with_capacity(edited.len().max(fresh.len()));
    let mut rest = edited;
    while let Some((before, name, section)) = next_section(rest) {
        out.push_str(before);
        out.push_str(section_named(fresh, name).unwrap_or(section));
        rest = &rest[before.len() + section.len()..];
    }
    out.push_str(rest);
    out
}

/// The text before the first whole section, the section's name, and the section with its marks.
fn next_section(text: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(name) = opening(line) {
            let end = format!("<!-- /auto:{name} -->");
            let from = &text[at..];
            if let Some(len) = end_of_line_with(from, &end) {
                return Some((&text[..at], name, &from[..len]));
            }
        }
        at += line.len();
    }
    None
}

fn section_named<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = text;
    while let Some((before, name, section)) = next_section(rest) {
        if name == wanted {
            return Some(section);
        }
        rest = &rest[before.len() + section.len()..];
    }
    None
}

fn opening(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("<!-- auto:")?.strip_suffix(" -->")
}

/// Bytes up to and with the first line that is `mark`.
fn end_of_line_with(text: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == mark {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# T\n<!-- auto:impact -->\n1 failed\n<!-- /auto:impact -->\nOurs: 5 customers.\n<!-- auto:limits -->\nold\n<!-- /auto:limits -->\nend\n";

    #[test]
    fn automatic_parts_are_replaced_and_the_rest_stays() {
        let fresh =
            "# New title\n<!-- auto:impact -->\n2 failed\n3 rows\n<!-- /auto:impact -->\nTODO\n";
        assert_eq!(
            renew(OLD, fresh),
            "# T\n<!-- auto:impact -->\n2 failed\n3 rows\n<!-- /auto:impact -->\nOurs: 5 customers.\n<!-- auto:limits -->\nold\n<!-- /auto:limits -->\nend\n"
        );
    }

    #[test]
    fn renewing_with_itself_changes_nothing() {
        assert_eq!(renew(OLD, OLD), OLD);
    }

    #[test]
    fn a_section_without_an_end_is_left_alone() {
        let broken = "<!-- auto:impact -->\nours\n";
        assert_eq!(renew(broken, OLD), broken);
    }
}
