//! Rules for text that people write.

/// A field that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Invalid {
    /// The field's name as API clients write it.
    pub field: &'static str,
    /// The rule, as the rest of a sentence that starts with the field.
    pub rule: &'static str,
}

impl Invalid {
    pub(super) fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }
}

/// `Err` unless the text has `min..=max` characters, not counting the blanks around it, and no control
/// characters but line breaks and tabs.
pub(super) fn check(
    field: &'static str,
    text: &str,
    min: usize,
    max: usize,
    rule: &'static str,
) -> Result<(), Invalid> {
    let fits = text.trim().chars().count() >= min && text.chars().count() <= max;
    let clean = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if fits && clean { Ok(()) } else { Err(Invalid::new(field, rule)) }
}
