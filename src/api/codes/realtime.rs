//! Codes of the doors of sockets.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(403, "origin.forbidden", "This origin may not open a socket.", "허용되지 않은 출처입니다."),
    row(
        426,
        "socket.upgrade_missing",
        "The Upgrade header did not arrive: a proxy in between may drop it.",
        "Upgrade 헤더가 전달되지 않았습니다. 중간 프록시 설정을 확인해 주세요.",
    ),
    row(429, "socket.too_many", "You have too many open connections.", "열린 연결이 너무 많습니다."),
];
