//! Codes about getting into an account, and out of it.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        422,
        "auth.email_code_required",
        "Ask for a code by mail, and send it along.",
        "이메일로 받은 인증번호를 함께 보내 주세요.",
    ),
    row(
        422,
        "auth.email_code_invalid",
        "The code is wrong, too old or used up. Ask for a new one.",
        "인증번호가 틀렸거나 만료되었거나 이미 쓰였습니다. 새로 받아 주세요.",
    ),
    row(403, "auth.password_wrong", "The present password is wrong.", "현재 비밀번호가 맞지 않습니다."),
];
