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
    row(
        404,
        "auth.provider_off",
        "Nobody can log in by this provider here.",
        "이 서비스로는 로그인할 수 없습니다.",
    ),
    row(
        401,
        "auth.identity_invalid",
        "The provider's token is not valid. Log in there again.",
        "로그인 제공자의 토큰이 올바르지 않습니다. 다시 로그인해 주세요.",
    ),
    row(
        503,
        "auth.provider_unavailable",
        "The provider does not answer. Try again, or log in another way.",
        "로그인 제공자가 응답하지 않습니다. 다시 시도하거나 다른 방법으로 로그인해 주세요.",
    ),
    row(
        422,
        "user.identity_without_email",
        "The provider did not tell us your e-mail. Allow it there, or register with your e-mail.",
        "이메일 제공에 동의하지 않았습니다. 동의하거나 이메일로 가입해 주세요.",
    ),
    row(
        409,
        "user.identity_not_linked",
        "There is an account of this e-mail whose mailbox was never confirmed. Set a new password by a mailed code, and try again.",
        "확인되지 않은 같은 이메일의 계정이 있습니다. 인증번호로 비밀번호를 다시 설정한 뒤 시도해 주세요.",
    ),
    row(
        409,
        "user.identity_taken",
        "It belongs to another account, or yours has another one of this provider.",
        "다른 계정에 연결되어 있거나, 이 서비스의 다른 계정이 이미 연결되어 있습니다.",
    ),
    row(404, "user.identity_not_found", "You cannot log in by this provider.", "연결되지 않은 서비스입니다."),
    row(
        409,
        "user.last_way_in",
        "You could not log in any more. Set a password first.",
        "유일한 로그인 방법입니다. 먼저 비밀번호를 설정해 주세요.",
    ),
    row(409, "user.email_same", "It is your address already.", "이미 사용 중인 본인의 이메일입니다."),
    row(
        422,
        "user.undo_invalid",
        "This link was used or is too old. Write to us if somebody else has your account.",
        "이미 쓰였거나 만료된 링크입니다. 다른 사람이 계정을 쓰고 있다면 알려 주세요.",
    ),
    row(
        401,
        "auth.second_factor_required",
        "Now show your second factor.",
        "2단계 인증번호를 입력해 주세요.",
    ),
    row(
        401,
        "auth.challenge_invalid",
        "This login took too long or too many guesses. Log in again.",
        "로그인 시간이 지났거나 시도가 너무 많았습니다. 다시 로그인해 주세요.",
    ),
    row(
        403,
        "auth.second_factor_wrong",
        "The code is wrong or was used. Wait for the next one.",
        "인증번호가 틀렸거나 이미 쓰였습니다. 다음 번호를 기다려 주세요.",
    ),
    row(409, "auth.second_factor_missing", "You have no second factor.", "2단계 인증을 쓰고 있지 않습니다."),
    row(
        409,
        "auth.second_factor_exists",
        "You have a second factor already.",
        "이미 2단계 인증을 쓰고 있습니다.",
    ),
    row(
        403,
        "auth.second_factor_needed",
        "Administrators need a second factor: set it up, or show it, and go on.",
        "관리자는 2단계 인증이 필요합니다. 설정하거나 인증한 뒤 계속해 주세요.",
    ),
    row(
        403,
        "auth.fresh_factor_required",
        "Show your second factor again first.",
        "안전을 위해 2단계 인증을 다시 해 주세요.",
    ),
    row(
        403,
        "auth.account_leaving",
        "This account is being deleted. Log in with `restore` to keep it.",
        "탈퇴가 진행 중인 계정입니다. 계속 쓰려면 복구를 선택해 로그인해 주세요.",
    ),
    row(404, "user.picture_not_found", "There is no such picture.", "없는 사진입니다."),
    row(413, "user.picture_too_large", "A picture has at most 2 MiB.", "사진은 2MiB 이하여야 합니다."),
    row(
        415,
        "user.picture_type",
        "A picture is a PNG, JPEG or WebP, and what Content-Type says.",
        "사진은 Content-Type과 일치하는 PNG, JPEG, WebP 파일이어야 합니다.",
    ),
    row(
        409,
        "account.bookings_open",
        "You have bookings or a session that runs. Cancel or finish them first.",
        "진행 중이거나 예정된 예약이 있습니다. 먼저 취소하거나 마쳐 주세요.",
    ),
    row(
        409,
        "account.money_open",
        "Earnings, debts or a refund are not settled yet. A refund may wait for your bank account.",
        "아직 정산되지 않은 금액이나 계좌 또는 승인을 기다리는 환불이 있습니다. 처리된 뒤에 탈퇴할 수 있습니다.",
    ),
    row(403, "auth.password_wrong", "The present password is wrong.", "현재 비밀번호가 맞지 않습니다."),
];
