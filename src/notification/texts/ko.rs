//! Korean texts.

use super::facts::{Facts, line, says};
use super::{
    Text, asks, deposits, digest, dispute, mail, payout, refunds, reschedule, review, security,
    session as live, waitlist, webhook,
};

pub(super) fn text(kind: &str, f: &Facts) -> Option<Text> {
    if let Some(text) = live::ko(kind, f) {
        return Some(text);
    }
    let session = f.session();
    Some(match kind {
        "reservation.reserved" => reserved(f),
        "reservation.approved" => approved(f),
        "reservation.rejected" => says(
            if f.is_mentor() {
                "예약 요청을 거절했습니다"
            } else {
                "예약 요청이 거절되었습니다"
            },
            [
                session,
                reason(f),
                if f.is_mentor() {
                    None
                } else {
                    line("결제된 금액은 없습니다. 다른 시간이나 다른 멘토를 찾아보세요.")
                },
            ],
        ),
        "reservation.request_expired" => says(
            "예약 요청이 만료되었습니다",
            [session, line("멘토가 기한 안에 답하지 않아 요청이 종료되었습니다. 결제된 금액은 없습니다.")],
        ),
        "reservation.payment_declined" => payment_declined(f),
        "reservation.confirmed" => {
            says("예약이 확정되었습니다", [session, line("세션 시작 10분 전부터 입장할 수 있습니다.")])
        }
        "reservation.expired" => says(
            "결제 시간이 지나 예약이 취소되었습니다",
            [session, line("제한 시간 안에 결제되지 않아 시간이 다시 열렸습니다. 청구된 금액은 없습니다.")],
        ),
        "reservation.payment_failed" => payment_failed(f),
        "reservation.cancelled" => cancelled(f),
        "reservation.completed" => says(
            "세션이 완료되었습니다",
            [
                session,
                line(if f.is_mentor() {
                    "수고하셨습니다. 정산 내역을 곧 알려 드립니다."
                } else {
                    "이용해 주셔서 감사합니다."
                }),
            ],
        ),
        "reservation.reminder" => {
            says(reminder_title(f.lead()), [session, line("세션 시작 10분 전부터 입장할 수 있습니다.")])
        }
        "payment.refunded" => says(
            "환불이 처리되었습니다",
            [
                session,
                f.won("amount").map(|won| format!("환불 금액: {won}")),
                line("카드사에 따라 며칠 뒤에 반영될 수 있습니다."),
            ],
        ),
        "settlement.accrued" => says(
            "정산 금액이 확정되었습니다",
            [
                session,
                f.won("gross").map(|won| format!("결제 금액: {won}")),
                f.won("fee").map(|won| format!("수수료: {won}")),
                f.won("net").map(|won| format!("정산 금액: {won}")),
            ],
        ),
        _ => {
            return refunds::ko(kind, f)
                .or_else(|| reschedule::ko(kind, f))
                .or_else(|| waitlist::ko(kind, f))
                .or_else(|| deposits::ko(kind, f))
                .or_else(|| payout::ko(kind, f))
                .or_else(|| dispute::ko(kind, f))
                .or_else(|| review::ko(kind, f))
                .or_else(|| asks::ko(kind, f))
                .or_else(|| security::ko(kind, f))
                .or_else(|| webhook::ko(kind, f))
                .or_else(|| digest::ko(kind, f))
                .or_else(|| mail::ko(kind));
        }
    })
}

pub(super) fn neutral(f: &Facts) -> Text {
    says("새 소식이 있습니다", [f.session(), line("Konnect에서 자세한 내용을 확인해 주세요.")])
}

fn reserved(f: &Facts) -> Text {
    match (f.state() == "requested", f.is_mentor()) {
        (true, true) => {
            says("새 예약 요청이 도착했습니다", [f.session(), line("기한 안에 승인하거나 거절해 주세요.")])
        }
        (true, false) => says(
            "예약을 요청했습니다",
            [f.session(), line("멘토가 승인하면 알려 드립니다. 그 전에는 결제되지 않습니다.")],
        ),
        (false, true) => says("새 예약이 결제를 기다리고 있습니다", [f.session()]),
        (false, false) => says("시간을 잡아 두었습니다", [f.session(), pay_by(f)]),
    }
}

fn approved(f: &Facts) -> Text {
    if f.is_mentor() {
        return says("예약 요청을 승인했습니다", [f.session(), line("멘티가 결제하면 예약이 확정됩니다.")]);
    }
    says("예약이 승인되었습니다. 결제해 주세요", [f.session(), pay_by(f)])
}

fn payment_declined(f: &Facts) -> Text {
    if f.is_mentor() {
        return says(
            "멘티의 결제가 아직 완료되지 않았습니다",
            [f.session(), line("결제되면 알려 드립니다.")],
        );
    }
    says(
        "결제가 승인되지 않았습니다",
        [
            f.session(),
            line("다른 카드나 결제 수단으로 다시 시도해 주세요. 청구된 금액은 없습니다."),
            pay_by(f),
        ],
    )
}

fn payment_failed(f: &Facts) -> Text {
    if f.is_mentor() {
        return says(
            "결제가 이루어지지 않아 예약이 종료되었습니다",
            [f.session(), line("이 시간은 다시 열렸습니다.")],
        );
    }
    says(
        "결제하지 못해 예약이 종료되었습니다",
        [
            f.session(),
            line("청구된 금액은 없습니다. 시간이 아직 비어 있으면 다시 예약해 결제할 수 있습니다."),
        ],
    )
}

fn cancelled(f: &Facts) -> Text {
    let refund = if f.is_mentor() {
        None
    } else {
        f.some_won("refund").map(|won| format!("환불 예정 금액: {won}"))
    };
    says("예약이 취소되었습니다", [f.session(), reason(f), refund])
}

fn reminder_title(lead: &str) -> &'static str {
    match lead {
        "24h" => "세션이 24시간 뒤에 시작합니다",
        "1h" => "세션이 1시간 뒤에 시작합니다",
        "10m" => "세션이 10분 뒤에 시작합니다",
        "ahead" => "예정된 세션이 있습니다",
        _ => "세션이 곧 시작합니다",
    }
}

fn reason(f: &Facts) -> Option<String> {
    f.reason().map(|reason| match reason.as_str() {
        "mentor_unavailable" => "사유: 멘토가 더 이상 세션을 진행할 수 없게 되었습니다.".to_owned(),
        _ => format!("사유: {reason}"),
    })
}

fn pay_by(f: &Facts) -> Option<String> {
    f.hold_until().map(|at| format!("{at}까지 결제하면 예약이 확정됩니다."))
}
