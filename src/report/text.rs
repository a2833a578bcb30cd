//! Neutralises text that came from traffic: one function per kind of output. Whatever a path, a
//! header or a name holds, it comes out as text: visible, on one line, of bounded length, and
//! without meaning to a browser, a Markdown renderer, a terminal or a shell.

use std::borrow::Cow;
use std::fmt::Write;

/// Characters of one value that a view shows; the report's JSON holds it whole.
pub const SHOWN_CHARS_MAX: usize = 400;

/// A longer word may be broken across lines, else a narrow screen could not show it.
const WORD_KEPT_MAX: usize = 40;

/// Text between tags or in a quoted attribute.
pub fn html(text: &str) -> String {
    escape_html(&shorten(&visible(text)))
}

/// Text of a paragraph, list item or table cell.
pub fn markdown(text: &str) -> String {
    escape_markdown(&shorten(&visible(text)))
}

/// Text for a terminal or a log.
pub fn terminal(text: &str) -> String {
    shorten(&visible(text)).into_owned()
}

/// Markdown code in a line: a plain span where that is safe, else the same by tag, because no
/// number of backticks keeps a pipe from ending a table cell.
pub fn markdown_code(text: &str) -> String {
    let text = visible(text);
    let plain = !text.trim().is_empty()
        && text.trim() == text
        && !text.contains(['`', '|'])
        && !text.starts_with('\\')
        && !text.ends_with('\\');
    if plain { format!("`{text}`") } else { format!("<code>{}</code>", escape_markdown(&text)) }
}

/// A fenced block of lines to copy. The fence is longer than any run of backticks inside.
pub fn markdown_block(language: &str, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| visible(line)).collect();
    let run = lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0);
    let fence = "`".repeat(run.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

/// A whole code value for HTML, not shortened: commands must stay whole to be pasted. Words with a
/// dash are marked so that no line ends inside an option or an id.
pub fn html_code(text: &str) -> String {
    let word = |word: &str| match escape_html(word) {
        kept if word.contains('-') && word.chars().count() <= WORD_KEPT_MAX => {
            format!("<span>{kept}</span>")
        }
        plain => plain,
    };
    visible(text).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// JSON that was written by serde, without the characters a terminal or an editor would obey.
/// They can only stand inside strings, where an escape means the same.
pub fn json(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || !is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

/// A command line whose every argument reaches the program as it is. Arguments with characters
/// that a terminal would obey are written in the `$'...'` form of bash and zsh.
pub fn shell(arguments: &[&str]) -> String {
    let quoted: Vec<_> = arguments.iter().map(|argument| shell_quote(argument)).collect();
    quoted.join(" ")
}

fn shell_quote(argument: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return Cow::Borrowed(argument);
    }
    if !argument.chars().any(is_hidden) {
        return Cow::Owned(format!("'{}'", argument.replace('\'', r"'\''")));
    }
    let mut out = String::from("$'");
    for c in argument.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    Cow::Owned(out)
}

/// Puts a visible sign in the place of every character that acts instead of being seen.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let _ = match c {
            '\0' => out.write_str("⟨NUL⟩"),
            '\t' => out.write_str("⟨TAB⟩"),
            '\n' => out.write_str("⟨LF⟩"),
            '\r' => out.write_str("⟨CR⟩"),
            '\x1b' => out.write_str("⟨ESC⟩"),
            c if is_hidden(c) => write!(out, "⟨U+{:04X}⟩", u32::from(c)),
            c => out.write_char(c),
        };
    }
    Cow::Owned(out)
}

/// Control characters, line separators, and what changes direction, joins or vanishes.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let rest = text[end..].chars().count();
            Cow::Owned(format!("{}… (+{rest} characters)", &text[..end]))
        }
    }
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Backslashes before what CommonMark and GitHub's tables, links, mathematics and automatic links
/// would read. Numbers and sentences stay readable: what only acts at a line's start is escaped
/// only there.
fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    if starts_block(text) {
        out.push('\\');
    }
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let acts = matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '$')
            || (c == '&' && after.starts_with(|c: char| c == '#' || c.is_ascii_alphanumeric()))
            || (c == '!' && after.starts_with('['))
            || (c == ':' && after.starts_with('/'))
            || (c == '.' && out.to_ascii_lowercase().ends_with("www"));
        if acts {
            out.push('\\');
        }
        out.push(c);
        rest = after;
    }
    out
}

/// A first character that would make a heading, a list or a rule of the line.
fn starts_block(text: &str) -> bool {
    text.starts_with(['#', '-', '+', '='])
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_text() {
        assert_eq!(
            html("<script>alert('x')</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
        );
        assert_eq!(html("\" onmouseover=\"x"), "&quot; onmouseover=&quot;x");
        assert_eq!(html("a & b"), "a &amp; b");
    }

    #[test]
    fn markdown_is_text() {
        assert_eq!(markdown("<img src=x>"), r"\<img src=x\>");
        assert_eq!(markdown("[a](javascript:alert(1))"), r"\[a\](javascript:alert(1))");
        assert_eq!(markdown("![a](//e.org/x.png)"), r"\!\[a\](//e.org/x.png)");
        assert_eq!(markdown("a | b"), r"a \| b");
        assert_eq!(markdown("`x` *y* _z_ ~~w~~ $m$"), r"\`x\` \*y\* \_z\_ \~\~w\~\~ \$m\$");
        assert_eq!(markdown("# heading"), r"\# heading");
        assert_eq!(markdown("- item"), r"\- item");
        assert_eq!(markdown("=cmd()"), r"\=cmd()");
        assert_eq!(markdown("&lt; &#60; a & b"), r"\&lt; \&#60; a & b");
        assert_eq!(markdown("see http://e.org, www.e.org"), r"see http\://e.org, www\.e.org");
        assert_eq!(markdown(r"a\|b"), r"a\\\|b");
        assert_eq!(markdown("p95 1.5 ms (3 of 4), 37.3 %"), "p95 1.5 ms (3 of 4), 37.3 %");
    }

    #[test]
    fn nothing_acts_in_a_terminal() {
        assert_eq!(terminal("\x1b[31mred\x07\r\n"), "⟨ESC⟩[31mred⟨U+0007⟩⟨CR⟩⟨LF⟩");
        assert_eq!(terminal("\u{9b}31m\x7f"), "⟨U+009B⟩31m⟨U+007F⟩");
        assert_eq!(terminal("a\u{202e}b\u{2066}c\u{200b}d"), "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d");
        assert_eq!(terminal("שלום, 世界, é"), "שלום, 世界, é");
    }

    #[test]
    fn every_output_is_one_line_without_controls() {
        let hostile: String = (0..0x3000).filter_map(char::from_u32).collect();
        for chunk in hostile.chars().collect::<Vec<_>>().chunks(100) {
            let text: String = chunk.iter().collect();
            for out in [html(&text), markdown(&text), terminal(&text), markdown_code(&text)] {
                assert!(!out.chars().any(is_hidden), "{out:?}");
            }
        }
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let long = "ü".repeat(SHOWN_CHARS_MAX + 7);
        let out = terminal(&long);
        assert!(out.ends_with("… (+7 characters)"));
        assert_eq!(out.chars().filter(|&c| c == 'ü').count(), SHOWN_CHARS_MAX);
        assert_eq!(terminal(&long[..SHOWN_CHARS_MAX * 2]), &long[..SHOWN_CHARS_MAX * 2]);
    }

    #[test]
    fn code_keeps_its_text() {
        assert_eq!(markdown_code("GET /cart"), "`GET /cart`");
        assert_eq!(markdown_code("a || b"), r"<code>a \|\| b</code>");
        assert_eq!(markdown_code("a`b"), r"<code>a\`b</code>");
        assert_eq!(markdown_code(""), "<code></code>");
        assert_eq!(markdown_code("a\nb"), "`a⟨LF⟩b`");
    }

    #[test]
    fn a_block_cannot_be_left() {
        let block = markdown_block("sh", &["x ```", "``` y\n```"]);
        assert_eq!(block, "````sh\nx ```\n``` y⟨LF⟩```\n````");
    }

    #[test]
    fn json_means_the_same_without_hidden_characters() {
        let text = serde_json::to_string("a\u{9b}b\u{202e}c\u{e0041}\x1b\n").unwrap();
        let safe = json(&text);
        assert!(!safe.chars().any(is_hidden), "{safe}");
        let value: String = serde_json::from_str(&safe).unwrap();
        assert_eq!(value, "a\u{9b}b\u{202e}c\u{e0041}\x1b\n");
    }

    #[test]
    fn a_shell_gets_every_argument_as_it_is() {
        assert_eq!(shell(&["pcapsule", "query", "x == 1"]), "pcapsule query 'x == 1'");
        assert_eq!(shell(&["a'b", "$(id)", "`id`", ""]), r"'a'\''b' '$(id)' '`id`' ''");
        assert_eq!(shell(&["a\nb\\'"]), r"$'a\x0ab\\\''");
        assert_eq!(shell(&["\u{202e}"]), r"$'\xe2\x80\xae'");
        let arguments = ["it's", "a\nb", "$'x'", "c:\\d", "\u{9b}1m", "-", "*"];
        let Ok(out) = std::process::Command::new("bash")
            .args(["-c", &format!("printf '%s\\0' {}", shell(&arguments))])
            .output()
        else {
            return;
        };
        let expected: Vec<u8> =
            arguments.iter().flat_map(|a| [a.as_bytes(), b"\0"]).flatten().copied().collect();
        assert_eq!(out.stdout, expected);
    }
}
