//! The text about a slot that somebody waited for, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    (kind == "reservation.slot_offered").then(|| {
        says(
            "A slot that you wait for is free",
            [
                f.session(),
                f.some_won("price").map(|won| format!("Price: {won}")),
                f.hold_until().map(|at| format!("It is held for you until {at}: pay by then to confirm it.")),
                line("If you do not want it, cancel it for whoever waits after you."),
            ],
        )
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    (kind == "reservation.slot_offered").then(|| {
        says(
            "기다리던 시간이 비었습니다",
            [
                f.session(),
                f.some_won("price").map(|won| format!("가격: {won}")),
                f.hold_until()
                    .map(|at| format!("{at}까지 잡아 두었습니다. 그때까지 결제하면 예약이 확정됩니다.")),
                line("원하지 않으시면 취소해 주세요. 다음 분에게 안내합니다."),
            ],
        )
    })
}
