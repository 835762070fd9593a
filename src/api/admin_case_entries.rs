//! The entries of a case: each row of whatever kind as one line with its instant, its kind, a title and its facts.

use chrono::{DateTime, Utc};
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};

use super::notice_proofs::NoticeProof;
use super::request::{Lang, lang};
use crate::act::Act;
use crate::dispute::{self, Dispute, NoShowReport};
use crate::ledger::EntryRow;
use crate::outbox::Row;
use crate::partner::Delivery;
use crate::payment::{Attempt, Refund, RefundChange};
use crate::reservation::HistoryRow;
use crate::review::{Review, State};
use crate::session::Presence;
use crate::settlement::SettlementLine;

/// What an entry is a row of. Those of one instant stand in this order: causes before what they caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enum)]
#[oai(rename = "CaseEntryKind", rename_all = "snake_case")]
pub(super) enum Kind {
    /// What an operator did, or read.
    Act,
    /// The reservation moved.
    Reservation,
    /// A try to pay began.
    PaymentAttempt,
    Refund,
    Dispute,
    NoShowReport,
    Posting,
    SettlementLine,
    Joined,
    Left,
    Review,
    Job,
    Notice,
    Webhook,
}

impl Kind {
    fn word(self) -> &'static str {
        match (lang(), self) {
            (Lang::Ko, Self::Act) => "운영자",
            (Lang::Ko, Self::Reservation) => "예약",
            (Lang::Ko, Self::PaymentAttempt) => "결제 시도",
            (Lang::Ko, Self::Refund) => "환불",
            (Lang::Ko, Self::Dispute) => "분쟁",
            (Lang::Ko, Self::NoShowReport) => "노쇼 신고",
            (Lang::Ko, Self::Posting) => "원장",
            (Lang::Ko, Self::SettlementLine) => "정산",
            (Lang::Ko, Self::Joined) => "입장",
            (Lang::Ko, Self::Left) => "퇴장",
            (Lang::Ko, Self::Review) => "후기",
            (Lang::Ko, Self::Job) => "작업",
            (Lang::Ko, Self::Notice) => "알림",
            (Lang::Ko, Self::Webhook) => "웹훅",
            (Lang::En, Self::Act) => "Operator",
            (Lang::En, Self::Reservation) => "Reservation",
            (Lang::En, Self::PaymentAttempt) => "Try to pay",
            (Lang::En, Self::Refund) => "Refund",
            (Lang::En, Self::Dispute) => "Dispute",
            (Lang::En, Self::NoShowReport) => "Report of a no-show",
            (Lang::En, Self::Posting) => "Ledger",
            (Lang::En, Self::SettlementLine) => "Settlement",
            (Lang::En, Self::Joined) => "Joined",
            (Lang::En, Self::Left) => "Left",
            (Lang::En, Self::Review) => "Review",
            (Lang::En, Self::Job) => "Job",
            (Lang::En, Self::Notice) => "Notice",
            (Lang::En, Self::Webhook) => "Webhook",
        }
    }
}

/// One line of a case.
#[derive(Debug, Object)]
#[oai(rename = "CaseEntry", rename_all = "camelCase")]
pub(super) struct Entry {
    /// UTC.
    at: DateTime<Utc>,
    kind: Kind,
    /// For people, in the language of `Accept-Language`, with the words of the rows.
    title: String,
    /// The facts of the row, by its kind.
    data: Any<Value>,
}

/// The lines of a case, as they are gathered.
#[derive(Default)]
pub(super) struct Log(Vec<Entry>);

impl Log {
    fn add(&mut self, at: DateTime<Utc>, kind: Kind, what: &str, data: Value) {
        let title = format!("{}: {what}", kind.word());
        self.0.push(Entry { at, kind, title, data: Any(data) });
    }

    /// Oldest first, at most so many, and whether there were others.
    pub fn entries(mut self, most: usize) -> (Vec<Entry>, bool) {
        self.0.sort_by_key(|entry| (entry.at, entry.kind));
        let truncated = self.0.len() > most;
        self.0.truncate(most);
        (self.0, truncated)
    }

    pub fn history(&mut self, rows: Vec<HistoryRow>) {
        for row in rows {
            let data = json!({
                "from": row.from_state, "to": row.to_state, "version": row.version, "reason": row.reason,
                "actorKind": row.actor_kind, "actorId": row.actor_id, "requestId": row.request_id,
            });
            self.add(row.at, Kind::Reservation, &row.cause, data);
        }
    }

    pub fn attempts(&mut self, attempts: &[Attempt]) {
        for a in attempts {
            let data = json!({
                "orderId": a.id, "paymentKey": a.payment_key, "state": a.state, "method": a.method,
                "captured": a.captured_krw, "errorCode": a.error_code, "errorClass": a.error_class,
                "sentAt": a.sent_at, "updatedAt": a.updated_at, "closedBy": a.closed_by,
                "closedReason": a.closed_reason,
            });
            self.add(a.created_at, Kind::PaymentAttempt, a.state.name(), data);
        }
    }

    pub fn refund(&mut self, refund: &Refund, changes: Vec<RefundChange>) {
        for change in changes {
            let data = json!({
                "refundId": refund.id, "amount": refund.amount_krw, "cause": refund.cause,
                "from": change.from_state, "to": change.to_state, "reason": change.reason,
                "actorKind": change.actor_kind, "actorId": change.actor_id,
            });
            self.add(change.at, Kind::Refund, change.to_state.name(), data);
        }
    }

    pub fn dispute(&mut self, dispute: &Dispute, changes: Vec<dispute::HistoryRow>) {
        for change in changes {
            let data = json!({
                "disputeId": dispute.id, "kind": dispute.kind, "claim": dispute.claim_krw,
                "from": change.from_state, "to": change.to_state, "reason": change.reason,
                "actorKind": change.actor_kind, "actorId": change.actor_id,
            });
            self.add(change.at, Kind::Dispute, &change.cause, data);
        }
    }

    pub fn no_show_reports(&mut self, reports: Vec<NoShowReport>) {
        for report in reports {
            let data =
                json!({ "reporterId": report.reporter_id, "absent": report.absent, "note": report.note });
            self.add(report.at, Kind::NoShowReport, report.absent.name(), data);
        }
    }

    pub fn postings(&mut self, rows: Vec<EntryRow>) {
        for row in rows {
            let data = json!({
                "key": row.posting_key, "account": row.account.name(), "amount": row.amount_krw,
                "ownerId": row.owner_id,
            });
            self.add(row.at, Kind::Posting, &format!("{} {}", row.kind, row.account.name()), data);
        }
    }

    pub fn lines(&mut self, lines: &[SettlementLine]) {
        for line in lines {
            let data = json!({
                "lineId": line.id, "gross": line.gross_krw, "fee": line.fee_krw, "net": line.net_krw,
                "withholding": line.withholding_krw, "state": line.state.name(), "heldReason": line.held_reason,
                "releaseAt": line.release_at, "payoutId": line.payout_id,
            });
            self.add(line.created_at, Kind::SettlementLine, &line.line_key, data);
        }
    }

    pub fn presences(&mut self, stays: Vec<Presence>) {
        for stay in stays {
            let data = json!({ "userId": stay.user_id, "node": stay.node, "seenAt": stay.seen_at, "cause": stay.cause });
            self.add(stay.joined_at, Kind::Joined, stay.side.name(), data.clone());
            if let Some(at) = stay.left_at {
                self.add(at, Kind::Left, stay.side.name(), data);
            }
        }
    }

    /// What a sealed review says is nobody's to read yet, and what was withdrawn nobody's any more.
    pub fn reviews(&mut self, reviews: Vec<Review>) {
        for review in reviews {
            let stars = (review.state == State::Published).then(|| review.stars.get());
            let data = json!({
                "reviewId": review.id, "authorId": review.author_id, "state": review.state, "stars": stars,
                "hidden": review.hidden, "publishedAt": review.published_at, "openReports": review.open_reports,
            });
            self.add(review.created_at, Kind::Review, review.state.name(), data);
        }
    }

    pub fn jobs(&mut self, rows: Vec<Row>) {
        for row in rows {
            let data = json!({
                "jobId": row.id, "subject": row.subject, "state": row.state, "attempts": row.attempts,
                "runAt": row.run_at, "finishedAt": row.finished_at, "lastError": row.last_error,
                "requestId": row.request_id,
            });
            self.add(row.created_at, Kind::Job, &format!("{} ({})", row.kind, row.state), data);
        }
    }

    pub fn notices(&mut self, proofs: Vec<NoticeProof>) {
        for proof in proofs {
            let data = json!({
                "noticeId": proof.id, "userId": proof.user_id, "channel": proof.channel.name(),
                "state": proof.state, "providerId": proof.provider_id, "error": proof.error,
                "sentAt": proof.sent_at, "readAt": proof.read_at, "openedAt": proof.opened_at,
            });
            let what = format!("{} ({}, {})", proof.kind, proof.channel.name(), proof.state);
            self.add(proof.created_at, Kind::Notice, &what, data);
        }
    }

    pub fn acts(&mut self, acts: Vec<Act>) {
        for act in acts {
            let data = json!({
                "actId": act.id, "actorId": act.actor_id, "reason": act.reason, "moves": act.moves.0,
                "requestId": act.request_id,
            });
            self.add(act.at, Kind::Act, &act.operation, data);
        }
    }

    pub fn webhooks(&mut self, deliveries: Vec<Delivery>) {
        for d in deliveries {
            let data = json!({
                "deliveryId": d.id, "eventId": d.event_id, "endpointId": d.endpoint_id, "sequence": d.seq,
                "state": d.state.name(), "attempts": d.attempts, "error": d.error, "deliveredAt": d.delivered_at,
            });
            self.add(d.created_at, Kind::Webhook, &format!("{} ({})", d.kind, d.state.name()), data);
        }
    }
}
