//! Codes about the lists and files of the back office.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        422,
        "office.prefix_invalid",
        "The beginning of an id has 8 to 32 hexadecimal digits.",
        "ID 앞부분은 16진수 8~32자여야 합니다.",
    ),
    row(
        422,
        "office.span_invalid",
        "The span of time must end after it begins, and have at most a year.",
        "기간의 끝은 시작보다 뒤여야 하고 1년을 넘을 수 없습니다.",
    ),
    row(
        422,
        "office.too_many",
        "There are more than 50,000 rows in this span of time. Choose a shorter one.",
        "이 기간에는 5만 건이 넘습니다. 더 짧은 기간을 골라 주세요.",
    ),
];
