//! What a mentor reads about accounts and payouts, in Korean and English. The provider's own messages are not shown.

use super::request::Lang;
use crate::payout::Skip;

fn pick(lang: Lang, (ko, en): (&'static str, &'static str)) -> &'static str {
    match lang {
        Lang::Ko => ko,
        Lang::En => en,
    }
}

/// What to do about what stands in the way of a payout.
pub(super) fn obstacle(skip: Skip, lang: Lang) -> &'static str {
    pick(
        lang,
        match skip {
            Skip::Owes => (
                "환불로 차감할 금액이 남아 있어, 다음 정산 금액에서 먼저 차감됩니다.",
                "More was given back than you have earned since; the next earnings make up for it first.",
            ),
            Skip::BelowMinimum => (
                "최소 지급 금액보다 적어 다음 정산으로 넘어갑니다.",
                "This is less than is paid out at once; it goes into the next batch.",
            ),
            Skip::NoAccount => ("정산 계좌를 등록해 주세요.", "Give a bank account for your payouts."),
            Skip::AccountRegistering => (
                "결제사에 계좌를 등록하고 있습니다. 잠시만 기다려 주세요.",
                "The account is being registered with the payment company. Please wait a moment.",
            ),
            Skip::AccountRejected => (
                "계좌를 확인하지 못했습니다. 정보를 확인해 다시 등록해 주세요.",
                "The account was not accepted. Check what you entered and give it again.",
            ),
            Skip::AccountFrozen => (
                "계좌가 변경되어 안전을 위해 잠시 지급이 멈춰 있습니다.",
                "The account was changed; for your safety nothing is paid out for a while.",
            ),
            Skip::ApprovalRequired => (
                "결제사가 보낸 링크에서 본인 확인을 마쳐 주세요.",
                "Follow the link of the payment company and prove who you are.",
            ),
            Skip::KycRequired => (
                "결제사의 추가 확인이 끝날 때까지 지급이 미뤄집니다. 받은 링크에서 확인을 마쳐 주세요.",
                "Payouts wait until the payment company has checked you again. Follow the link it sent you.",
            ),
            Skip::WeeklyLimit => (
                "결제사의 주간 지급 한도를 넘어 다음 주에 지급됩니다.",
                "This is more than the payment company pays in a week; it is paid next week.",
            ),
        },
    )
}

/// What to do about the provider's or the bank's refusal of an account.
pub(super) fn refusal(code: &str, lang: Lang) -> &'static str {
    pick(
        lang,
        match code {
            "ACCOUNT_OWNER_CHECK_FAILED" | "NOT_MATCH_PAYEE_NAME" => (
                "은행의 예금주와 다릅니다. 계좌번호와 예금주 이름을 확인해 다시 등록해 주세요.",
                "The bank knows another holder for this number. Check the number and the holder's name and give it again.",
            ),
            "INVALID_BANK" => (
                "사용할 수 없는 은행입니다. 다른 은행의 계좌를 등록해 주세요.",
                "Payouts to this bank are not possible. Give an account of another bank.",
            ),
            _ => (
                "결제사가 등록을 거절했습니다. 은행, 계좌번호, 본인 또는 사업자 정보를 확인해 다시 등록해 주세요.",
                "The payment company refused it. Check bank, number and what you told of yourself or your business, and give it again.",
            ),
        },
    )
}

/// What became of a payout that did not arrive.
pub(super) fn failure(code: &str, lang: Lang) -> &'static str {
    pick(
        lang,
        match code {
            "ACCOUNT_OWNER_CHECK_FAILED" | "NOT_MATCH_PAYEE_NAME" => (
                "예금주가 확인되지 않아 입금되지 않았습니다. 계좌를 확인해 주세요. 다음 정산에서 다시 지급됩니다.",
                "The bank did not confirm the holder. Check your account; the next batch pays it again.",
            ),
            "FORBIDDEN_SELLER_PAYOUT" | "kyc_required" | "approval_required" => (
                "결제사의 본인 확인이 필요합니다. 확인이 끝나면 다음 정산에서 다시 지급됩니다.",
                "The payment company must check who you are; the batch after that pays it again.",
            ),
            "account_changed" | "account_registering" | "account_frozen" | "account_rejected" => (
                "정산 계좌가 바뀌어 지급을 취소했습니다. 다음 정산에서 다시 지급됩니다.",
                "Your account was changed, so the payout was taken back; the next batch pays it.",
            ),
            "frozen" => (
                "일부 금액이 확인 중이라 지급을 취소했습니다. 나머지는 다음 정산에서 지급됩니다.",
                "A part of it is being looked at, so the payout was taken back; the next batch pays the rest.",
            ),
            _ => (
                "입금되지 않았습니다. 다음 정산에서 다시 지급됩니다.",
                "The money did not arrive; the next batch pays it again.",
            ),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_obstacle_has_words_of_its_own() {
        for lang in [Lang::Ko, Lang::En] {
            let mut words: Vec<_> = Skip::ALL.iter().map(|skip| obstacle(*skip, lang)).collect();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), Skip::ALL.len());
        }
    }
}
