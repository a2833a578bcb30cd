//! The questions of a postmortem that packets cannot answer, in the order people answer them.
//! They ask what and how, never who failed.

use super::model::Todo;

const QUESTIONS: &[(&str, &str)] = &[
    ("impact", "How severe was this, by your own scale, and which customers noticed?"),
    ("impact", "What did it cost (orders, money, support requests)?"),
    ("detection", "When and through which alert, dashboard or report was it noticed?"),
    ("detection", "How would that time have been cut in half?"),
    ("response", "Which steps were taken, when, and what did each change?"),
    ("response", "What ended it, or is it only quiet?"),
    ("lessons", "Which conditions contributed, beyond what the network shows?"),
    ("lessons", "What went well, what went badly, where was there luck?"),
    ("actions", "Which actions follow, each with an owner and a due date?"),
];

/// The questions every report starts with.
pub fn standard() -> Vec<Todo> {
    let todo = |&(section, text): &(&str, &str)| Todo {
        section: section.to_owned(),
        text: text.to_owned(),
    };
    QUESTIONS.iter().map(todo).collect()
}
