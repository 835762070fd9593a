//! Every problem code with its status and its words. Codes are a promise to programs: never renamed.

mod account;
mod chat;
mod dispute;
mod mentor;
mod notice;
mod office;
mod payout;
mod realtime;
mod refund;
mod reservation;
mod review;
mod session;
mod webhook;

use poem::http::StatusCode;

use super::request::Lang;

pub struct Code {
    pub code: &'static str,
    pub status: StatusCode,
    ko: &'static str,
    en: &'static str,
}

impl Code {
    pub fn text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ko => self.ko,
            Lang::En => self.en,
        }
    }
}

/// The row of a code; a code without a row is a mistake of ours and answers as an internal error.
pub fn find(code: &str) -> &'static Code {
    all().find(|row| row.code == code).unwrap_or(&CODES[0])
}

/// Every row.
fn all() -> impl Iterator<Item = &'static Code> {
    let chapters = [
        account::CODES,
        payout::CODES,
        refund::CODES,
        reservation::CODES,
        dispute::CODES,
        mentor::CODES,
        chat::CODES,
        review::CODES,
        session::CODES,
        notice::CODES,
        realtime::CODES,
        webhook::CODES,
        office::CODES,
    ];
    CODES.iter().chain(chapters.into_iter().flatten())
}

const fn row(status: u16, code: &'static str, en: &'static str, ko: &'static str) -> Code {
    let status = match StatusCode::from_u16(status) {
        Ok(status) => status,
        Err(_) => panic!("not a status"),
    };
    Code { code, status, ko, en }
}

static CODES: &[Code] = &[
    row(
        500,
        "internal",
        "Something broke on our side. Nothing was lost; try again.",
        "서버에 문제가 생겼습니다. 잃어버린 것은 없으니 다시 시도해 주세요.",
    ),
    row(
        503,
        "service.unavailable",
        "A part of the service is away for a moment. Nothing was written.",
        "일부 서비스가 잠시 멈췄습니다. 저장된 것은 없습니다.",
    ),
    // The request itself
    row(
        400,
        "request.invalid",
        "The request cannot be read as it should be.",
        "요청 형식이 올바르지 않습니다.",
    ),
    row(403, "request.forbidden", "This is not allowed.", "허용되지 않은 요청입니다."),
    row(
        411,
        "request.length_required",
        "The request needs a Content-Length.",
        "Content-Length 헤더가 필요합니다.",
    ),
    row(408, "request.timeout", "The request body came too slowly.", "요청 본문이 너무 느리게 도착했습니다."),
    row(413, "request.too_large", "The request body is too large.", "요청 본문이 너무 큽니다."),
    row(
        415,
        "request.media_type",
        "The body must be application/json.",
        "본문은 application/json 이어야 합니다.",
    ),
    row(
        429,
        "request.too_many",
        "That was too often. Wait as long as Retry-After says.",
        "요청이 너무 잦습니다. Retry-After만큼 기다린 뒤 다시 시도해 주세요.",
    ),
    row(404, "route.not_found", "There is no such address.", "없는 주소입니다."),
    row(
        405,
        "route.method_not_allowed",
        "This address does not know that method.",
        "이 주소에서는 쓸 수 없는 메서드입니다.",
    ),
    row(
        400,
        "idempotency.key_required",
        "Send an Idempotency-Key header of 8 to 128 characters.",
        "8~128자의 Idempotency-Key 헤더가 필요합니다.",
    ),
    row(
        422,
        "idempotency.key_reused",
        "This Idempotency-Key was used for another request.",
        "이 Idempotency-Key는 다른 요청에 이미 쓰였습니다.",
    ),
    // Who is asking
    row(401, "auth.required", "Log in first.", "먼저 로그인해 주세요."),
    row(401, "auth.token_invalid", "The access token is not valid.", "액세스 토큰이 올바르지 않습니다."),
    row(
        401,
        "auth.token_expired",
        "The access token has expired; refresh it.",
        "액세스 토큰이 만료되었습니다. 갱신해 주세요.",
    ),
    row(
        401,
        "auth.session_revoked",
        "This login was ended. Log in again.",
        "로그아웃된 세션입니다. 다시 로그인해 주세요.",
    ),
    row(
        401,
        "auth.invalid_credentials",
        "E-mail or password is wrong.",
        "이메일 또는 비밀번호가 맞지 않습니다.",
    ),
    row(401, "auth.refresh_invalid", "The refresh token is not valid.", "리프레시 토큰이 올바르지 않습니다."),
    row(
        401,
        "auth.refresh_reused",
        "This refresh token was used before. For your safety every login of its family was ended.",
        "이미 사용된 리프레시 토큰입니다. 안전을 위해 관련 로그인을 모두 종료했습니다.",
    ),
    row(
        404,
        "auth.session_not_found",
        "There is no such login, or it has ended.",
        "없거나 이미 끝난 로그인입니다.",
    ),
    row(
        401,
        "auth.ticket_invalid",
        "The ticket is used up or too old.",
        "티켓이 이미 쓰였거나 만료되었습니다.",
    ),
    row(
        403,
        "auth.fresh_login_required",
        "Log in again first: your login is too old for this.",
        "안전을 위해 다시 로그인한 뒤에 할 수 있습니다.",
    ),
    row(403, "auth.suspended", "This account is suspended.", "정지된 계정입니다."),
    row(403, "auth.forbidden", "Your role does not allow this.", "권한이 없습니다."),
    row(409, "user.email_taken", "This e-mail is registered already.", "이미 가입된 이메일입니다."),
    row(404, "user.not_found", "There is no such user.", "없는 사용자입니다."),
    row(
        409,
        "user.stale",
        "The profile was changed meanwhile. Read it again.",
        "프로필이 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(
        409,
        "user.wrong_state",
        "The account is in a state that does not allow this.",
        "현재 계정 상태에서는 할 수 없습니다.",
    ),
    row(
        422,
        "user.invalid_time_zone",
        "The time zone must be an IANA name such as Asia/Seoul.",
        "시간대는 Asia/Seoul 같은 IANA 이름이어야 합니다.",
    ),
    row(422, "user.invalid_email", "This is not an e-mail address.", "이메일 주소가 아닙니다."),
    row(422, "user.invalid_name", "The name must have 1 to 80 characters.", "이름은 1~80자여야 합니다."),
    row(
        422,
        "user.password_weak",
        "The password must have 10 to 128 characters and must not be the e-mail.",
        "비밀번호는 10~128자이고 이메일과 달라야 합니다.",
    ),
    row(422, "user.invalid_device_token", "The device token is not valid.", "기기 토큰이 올바르지 않습니다."),
    row(422, "schedule.invalid", "The hours break a rule.", "시간표가 규칙에 맞지 않습니다."),
    row(
        409,
        "schedule.stale",
        "The hours were changed meanwhile. Read them again.",
        "시간표가 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(
        404,
        "schedule.missing",
        "This mentor has not opened any hours.",
        "아직 시간을 열지 않은 멘토입니다.",
    ),
    row(422, "slot.invalid_range", "Ask for 1 to 62 days.", "1~62일 범위로 조회해 주세요."),
    // Slots and reservations
    row(
        409,
        "slot.taken",
        "This time was just taken. Please choose another one.",
        "방금 다른 분이 예약한 시간입니다. 다른 시간을 골라 주세요.",
    ),
    row(
        409,
        "slot.own_conflict",
        "You have another session at this time.",
        "같은 시간에 다른 예약이 있습니다.",
    ),
    row(422, "slot.outside_hours", "The mentor does not offer this time.", "멘토가 열지 않은 시간입니다."),
    row(
        422,
        "slot.override_closed",
        "The mentor has other hours on this date.",
        "멘토가 이 날짜의 시간을 따로 정했습니다.",
    ),
    row(422, "slot.holiday", "The mentor does not work on this holiday.", "멘토가 쉬는 공휴일입니다."),
    row(422, "slot.vacation", "The mentor is away on this date.", "멘토가 자리를 비우는 날짜입니다."),
    row(
        422,
        "slot.limit_day",
        "The mentor has no place left on this day.",
        "멘토의 그날 예약이 모두 찼습니다.",
    ),
    row(
        422,
        "slot.limit_week",
        "The mentor has no place left in this week.",
        "멘토의 그 주 예약이 모두 찼습니다.",
    ),
    row(
        422,
        "slot.limit_mentee",
        "You have as many sessions with this mentor in this week as one person may.",
        "이 멘토와 한 주에 할 수 있는 세션 수를 채웠습니다.",
    ),
    row(422, "slot.invalid_time_zone", "This is no IANA time zone.", "IANA 시간대 이름이 아닙니다."),
    row(
        422,
        "slot.invalid_question",
        "Say one of start, localStart and date, of the years 1970 to 2100.",
        "start, localStart, date 중 하나만 1970~2100년 안에서 지정해 주세요.",
    ),
    row(422, "slot.too_soon", "This time is too soon to book.", "예약하기에는 너무 임박한 시간입니다."),
    row(422, "slot.past", "This time has passed.", "이미 지난 시간입니다."),
    row(
        422,
        "slot.beyond_horizon",
        "This time is too far ahead to book.",
        "아직 예약할 수 없는 먼 시간입니다.",
    ),
    row(
        422,
        "slot.misaligned",
        "A session starts on the mentor's grid of times.",
        "멘토가 정한 시작 시각에만 예약할 수 있습니다.",
    ),
    row(422, "reservation.own_offering", "You cannot book yourself.", "자신의 상품은 예약할 수 없습니다."),
    row(404, "reservation.not_found", "There is no such reservation.", "없는 예약입니다."),
    row(
        409,
        "reservation.not_allowed",
        "The reservation is in a state that does not allow this.",
        "현재 예약 상태에서는 할 수 없습니다.",
    ),
    row(
        409,
        "reservation.stale",
        "The reservation was changed meanwhile. Read it again.",
        "예약이 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(
        422,
        "reservation.price_changed",
        "The price is not what you saw. Read the offering again.",
        "가격이 바뀌었습니다. 상품을 다시 확인해 주세요.",
    ),
    // Payments
    row(404, "payment.not_found", "There is no such payment order.", "없는 결제 주문입니다."),
    row(
        422,
        "payment.amount_mismatch",
        "The amount is not that of the order. Nothing was charged.",
        "주문 금액과 다릅니다. 결제되지 않았습니다.",
    ),
    row(
        409,
        "payment.already_confirmed",
        "This order was paid with another payment key.",
        "이미 다른 결제로 처리된 주문입니다.",
    ),
    row(
        409,
        "payment.in_progress",
        "Another payment of this reservation is being checked.",
        "다른 결제를 확인하는 중입니다.",
    ),
    row(
        409,
        "payment.attempt_over",
        "This attempt has ended. Start a new payment.",
        "끝난 결제 시도입니다. 새로 결제해 주세요.",
    ),
    row(
        409,
        "payment.too_many_attempts",
        "This booking was tried to pay for too often. Book again, or ask our support.",
        "결제 시도 횟수를 초과했습니다. 다시 예약하거나 고객센터에 문의해 주세요.",
    ),
    row(
        409,
        "payment.attempt_settled",
        "The outcome of this attempt is known, or will be without you.",
        "결과가 이미 정해졌거나 자동으로 확인되는 결제 시도입니다.",
    ),
    row(
        422,
        "payment.key_invalid",
        "The payment key is not one of the provider's.",
        "결제 키 형식이 올바르지 않습니다.",
    ),
    row(413, "webhook.too_large", "The webhook is too large.", "웹훅 본문이 너무 큽니다."),
    row(
        400,
        "webhook.invalid",
        "The webhook is not what the provider sends.",
        "결제사 웹훅 형식이 아닙니다.",
    ),
    row(
        404,
        "settlement.not_found",
        "Nothing was settled for this reservation yet.",
        "아직 정산되지 않은 예약입니다.",
    ),
    row(
        404,
        "reconciliation.not_found",
        "That day was not compared with the provider's list.",
        "결제사 내역과 비교하지 않은 날짜입니다.",
    ),
    row(404, "job.not_found", "There is no such job.", "없는 작업입니다."),
    row(
        409,
        "job.not_replayable",
        "Only dead and cancelled jobs can be replayed.",
        "실패했거나 취소된 작업만 다시 실행할 수 있습니다.",
    ),
    row(
        409,
        "job.not_cancellable",
        "Only waiting and dead jobs can be cancelled.",
        "대기 중이거나 실패한 작업만 취소할 수 있습니다.",
    ),
    row(
        422,
        "job.filter_needed",
        "Say which jobs: a kind, or words of the error.",
        "작업 종류나 오류 내용을 지정해 주세요.",
    ),
    row(422, "page.invalid", "The page key is not valid.", "페이지 키가 올바르지 않습니다."),
];

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
