//! The people and things that the table of rules is about.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_tests::{Booking, Partner, Person, TestApp, monday};
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";

/// A mentor and a mentee with a session that is settled and one that is paid, and those around them.
pub struct World {
    pub mentor: Person,
    pub mentee: Person,
    pub stranger: Person,
    pub other_mentor: Person,
    pub admin: Person,
    /// A mentor who was suspended; the token is from before.
    pub suspended: Person,
    settled: Booking,
    paid: Booking,
    /// A session that waits to be completed, and the dispute about it.
    disputed: Booking,
    dispute: String,
    confirmation: Value,
    notice: String,
    /// A login of the mentee that no test uses.
    login: String,
    /// What the mentee waits for: a time at which nothing is open.
    wish: String,
    applicant: Person,
    victim: Person,
    job: String,
    /// Of the settled session, done.
    refund: String,
    /// Of the mentor, for the session that is settled.
    payout: String,
    batch: String,
    /// Of the settled session, by the mentee, published.
    review: String,
    /// Of the mentee, sent in the chat of the session that is paid.
    file: String,
    /// Somebody outside who listens, and what they were sent.
    partner: Partner,
    delivery: String,
}

/// A time at which nobody works.
fn a_sunday() -> Value {
    json!({ "from": monday() + TimeDelta::days(20), "to": monday() + TimeDelta::days(21) })
}

impl World {
    pub async fn build(app: &TestApp) -> Self {
        let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
        let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
        let settled = app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(26)).await;
        app.pay(&settled).await;
        let disputed = app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(74)).await;
        app.pay(&disputed).await;
        app.meet_all(&[&settled, &disputed]).await;
        app.advance_to(settled.starts_at + TimeDelta::hours(49));
        app.run_jobs().await;
        assert_eq!(app.state(&settled).await, "completed");

        let admin = app.admin("admin").await;
        let refund = app.refund(&admin, &settled, 1_000, "shared").await.ok(201);
        app.run_jobs().await;
        app.open_account(&mentor).await;
        app.run_batch().await;
        let payout = app.payouts_of(&mentor).await.remove(0);

        let (mentor, mentee) = (app.log_in(&mentor).await, app.log_in(&mentee).await);
        let paid = app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(7 * 24 + 2)).await;
        let confirmation = app.checkout(&paid).await;
        app.confirm(&paid, &confirmation).await.ok(202);
        app.run_jobs().await;
        assert_eq!(app.state(&paid).await, "confirmed");
        let complaint = json!({ "kind": "quality", "description": "Late.", "claim": 1_000 });
        let dispute = mentee.client.post(&format!("{}/disputes", disputed.path()), complaint).await.ok(201);
        app.run_jobs().await;
        let notices = mentee.client.get("/v1/me/notices").await.ok(200);
        let spare = app.log_in(&mentee).await;
        let logins = spare.client.get("/v1/me/sessions").await.ok(200);
        let spare =
            logins.as_array().expect("logins").iter().find(|l| l["current"] == true).expect("this one");

        let review = app.published_review(&settled, 4).await;
        let partner = app.partner(&["payout.failed"]).await;
        partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
        app.run_jobs().await;
        let delivery = app.deliveries(&partner).await.remove(0).id.to_string();
        let waitlist = format!("/v1/offerings/{offering}/waitlist");
        let wish = mentee.client.post(&waitlist, a_sunday()).await.ok(201);

        let (applicant, suspended) = (app.mentee("applicant").await, app.mentor("suspended").await);
        let sent = app.upload(&mentee, &paid, "plan.txt", "text/plain", b"The plan.").await.ok(201);
        let file = sent["id"].as_str().expect("an id").to_owned();
        let message = json!({ "clientId": "first", "text": "Hello", "fileId": file });
        mentee.client.post(&format!("{}/chat/messages", paid.path()), message).await.ok(201);
        let application = json!({ "headline": "Hi", "bio": "Ten years.", "expertise": ["rust"] });
        applicant.client.post("/v1/mentors/application", application).await.ok(201);
        let admin = app.log_in(&admin).await;
        let path = format!("/v1/admin/users/{}/suspend", suspended.id);
        admin.client.post(&path, json!({ "reason": "misuse" })).await.ok(200);
        let account = json!({
            "email": "known@konnect.test", "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "UTC",
        });
        app.anonymous().post("/v1/auth/register", account).await.ok(201);
        Self {
            notice: notices["items"][0]["id"].as_str().expect("a notice").to_owned(),
            wish: wish["id"].as_str().expect("an id").to_owned(),
            login: spare["id"].as_str().expect("an id").to_owned(),
            stranger: app.mentee("stranger").await,
            other_mentor: app.mentor("other").await,
            victim: app.mentee("victim").await,
            job: app.jobs_in("done").await[0].id.to_string(),
            refund: refund["id"].as_str().expect("an id").to_owned(),
            payout: payout.id.to_string(),
            batch: payout.batch_id.to_string(),
            file,
            review,
            partner,
            delivery,
            admin,
            suspended,
            applicant,
            mentor,
            mentee,
            settled,
            paid,
            dispute: dispute["id"].as_str().expect("an id").to_owned(),
            disputed,
            confirmation,
        }
    }

    /// The path with the id of the thing an operation is about.
    pub fn path(&self, operation: &str, path: &str) -> String {
        let id = match path.split("/{id}").next().unwrap_or_default() {
            "/v1/reservations" if operation == "getSettlement" || operation.ends_with("Review") => {
                self.settled.id.to_string()
            }
            "/v1/reservations" if ["openDispute", "reportNoShow"].contains(&operation) => {
                self.disputed.id.to_string()
            }
            "/v1/admin/reservations" => self.disputed.id.to_string(),
            "/v1/disputes" | "/v1/admin/disputes" => self.dispute.clone(),
            "/v1/reservations" => self.paid.id.to_string(),
            "/v1/pictures" => self.victim.id.to_string(),
            "/v1/files" => self.file.clone(),
            "/v1/reviews" | "/v1/admin/reviews" => self.review.clone(),
            "/v1/offerings" | "/v1/admin/offerings" => self.paid.offering.to_string(),
            "/v1/mentors" => self.mentor.id.to_string(),
            "/v1/me/notices" => self.notice.clone(),
            "/v1/me/sessions" => self.login.clone(),
            "/v1/me/waitlist" => self.wish.clone(),
            "/v1/admin/mentors" => self.mentor.id.to_string(),
            "/v1/admin/refunds" => self.refund.clone(),
            "/v1/admin/users" => self.victim.id.to_string(),
            "/v1/admin/webhook-endpoints" => self.partner.id.clone(),
            "/v1/admin/webhook-deliveries" => self.delivery.clone(),
            "/v1/admin/mentor-applications" => self.applicant.id.to_string(),
            "/v1/admin/jobs" => self.job.clone(),
            "/v1/me/payouts" | "/v1/admin/payouts" => self.payout.clone(),
            "/v1/admin/payout-batches" => self.batch.clone(),
            "/v1/admin/payment-attempts" => {
                self.confirmation["orderId"].as_str().expect("an order").to_owned()
            }
            other => {
                assert!(!path.contains("{id}"), "{operation}: say which id stands in {other}");
                String::new()
            }
        };
        path.replace("{id}", &id)
            .replace("{extension_id}", &self.paid.id.to_string())
            .replace("{queue}", "webhook")
            .replace("{day}", "2026-03-01")
            .replace("{provider}", "google")
            .replace("{name}", "corp")
            .replace("{fileId}", &self.file)
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn query(operation: &str) -> &'static str {
        match operation {
            "retireOffering" => "?expectedVersion=1",
            "explainSlots" | "adminExplainSlots" => "?date=2026-03-09",
            "getStatement" => "?month=2026-03",
            "exportChat" => "?format=json",
            "listMyReviews" => "?which=received",
            // One that is stale for everybody.
            "withdrawReview" => "?expectedVersion=99",
            "adminExportUsers" | "adminExportReservations" | "adminExportPayments" | "adminExportPayouts" => {
                "?from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z"
            }
            "openFileLink" => "?expires=9999999999&signature=nobodys",
            _ => "",
        }
    }

    /// A body that reads well. Versions are those of the world, or one that is stale for everybody.
    pub fn body(&self, operation: &str) -> Option<Value> {
        let because = json!({ "reason": "because" });
        Some(match operation {
            "register" => json!({
                "email": "known@konnect.test", "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "UTC",
            }),
            "login" => json!({ "email": "known@konnect.test", "password": PASSWORD }),
            "refresh" => json!({ "refreshToken": "nobody's" }),
            "sendEmailCode" => json!({ "email": "known@konnect.test", "purpose": "reset" }),
            "resetPassword" => {
                json!({ "email": "known@konnect.test", "code": "000000", "newPassword": "ten other letters" })
            }
            "changePassword" => json!({ "currentPassword": "a guess", "newPassword": "ten other letters" }),
            "verifyEmail" | "confirmEmail" => json!({ "code": "000000" }),
            // With a password that is none of theirs.
            "changeEmail" => json!({ "email": "new@konnect.test", "password": "a guess" }),
            "undoEmailChange" => json!({ "token": "nobody's" }),
            "loginByProvider" => json!({ "idToken": "a.b.c", "locale": "ko", "timeZone": "UTC" }),
            "linkIdentity" => json!({ "idToken": "a.b.c" }),
            "loginByIssuer" => json!({ "token": "a.b.c", "locale": "ko", "timeZone": "UTC" }),
            "linkIssuer" => json!({ "token": "a.b.c" }),
            "loginWithSecondFactor" => json!({ "challenge": "nobody's", "code": "000000" }),
            "confirmSecondFactor" | "checkSecondFactor" | "renewRecoveryCodes" | "dropSecondFactor" => {
                json!({ "code": "000000" })
            }
            "setPicture" => json!({}),
            "deleteMe" => json!({ "password": "a guess" }),
            "changeMe" => json!({ "expectedVersion": 99, "name": "Mallory" }),
            "addDevice" => json!({ "token": "fcm:mine", "platform": "web" }),
            "forgetDevice" => json!({ "token": "fcm:mine" }),
            "setNoticePreferences" => json!({
                "preferences": [{ "type": "reminder", "channel": "push", "enabled": false }],
            }),
            "setNoticeHours" => json!({ "quiet": { "start": "22:00", "end": "07:00" }, "digestHour": 8 }),
            "adminReportBounce" => json!({ "messageId": "<nobody@konnect.test>", "status": "5.1.1" }),
            "applyAsMentor" => json!({ "headline": "Hi", "bio": " ", "expertise": ["rust"] }),
            "changeMentorProfile" => json!({ "expectedVersion": 99 }),
            "createOffering" => json!({
                "title": "Rust", "priceKrw": 50_000, "durationMinutes": 60, "category": "backend", "kind": "instant",
            }),
            "changeOffering" => json!({ "expectedVersion": 1, "priceKrw": 1_000 }),
            "setMySchedule" | "previewMySchedule" => {
                json!({ "expectedVersion": 99, "timeZone": "UTC", "windows": [] })
            }
            "reserve" => json!({ "offeringId": self.paid.offering, "startsAt": monday() }),
            "cancelReservation" => json!({ "reason": "because", "expectedVersion": 99 }),
            "joinWaitlist" => a_sunday(),
            "proposeReschedule" => {
                json!({ "startsAt": monday(), "reason": "because", "expectedVersion": 99 })
            }
            "askInReservation" => json!({ "question": "What is a trait?" }),
            "sumUpReservation" => json!({ "summary": "It went well." }),
            "declineReschedule" => json!({ "reason": "because", "expectedVersion": 99 }),
            "acceptReschedule" | "withdrawReschedule" => json!({ "expectedVersion": 99 }),
            "adminCancelReservation" => json!({ "reason": "because", "refund": "policy" }),
            "setRefundAccount" => {
                json!({ "bank": "88", "accountNumber": "110123456789", "holderName": "Mallory" })
            }
            "adminRefund" => json!({ "amount": 1, "bearer": "platform", "reason": "because" }),
            "adminRejectRefund" | "adminGiveUpRefund" => because,
            "adminMarkRefundDone" => json!({ "evidence": "a transfer" }),
            "adminRetryJobs" | "adminDiscardJobs" => json!({ "kind": "no.such.v1", "reason": "because" }),
            "adminPauseQueue"
            | "adminResumeQueue"
            | "adminApproveReservation"
            | "adminRejectReservation"
            | "adminCompleteReservation"
            | "adminExpireReservation"
            | "rejectReservation"
            | "adminSuspendUser"
            | "adminDeleteUser"
            | "adminReinstateUser"
            | "adminClosePaymentAttempt"
            | "adminPausePayouts"
            | "adminReleasePayouts" => because,
            "setPayoutAccount" => konnect_tests::account_body(99),
            "adminResolvePayout" => json!({ "outcome": "paid", "evidence": "a statement" }),
            "confirmPayment" => self.confirmation.clone(),
            "openDispute" => json!({ "kind": "other", "description": "Late.", "claim": 0 }),
            "reportNoShow" => json!({ "absent": "mentee" }),
            "answerDispute" => json!({ "kind": "contest", "text": "No." }),
            "addDisputeEvidence" => json!({ "text": "See." }),
            "adminDecideDispute" => {
                json!({ "outcome": "dismissed", "refund": 0, "bearer": "shared", "reason": "because" })
            }
            "adminSendBackDispute" | "adminKeepReview" => because,
            "writeReview" => json!({ "stars": 1, "text": "Not mine." }),
            "replyToReview" => json!({ "text": "Thank you." }),
            "reportReview" => json!({ "part": "review", "reason": "other" }),
            "adminHideReview" => json!({ "part": "review", "why": "spam", "reason": "because" }),
            "adminRestoreReview" => json!({ "part": "review", "reason": "because" }),
            "sendChatMessage" => json!({ "clientId": "again", "text": "Hi" }),
            "uploadChatFile" => json!({}),
            "readChat" => json!({ "seq": 1 }),
            "adminExportChat" => json!({ "format": "json", "reason": "because" }),
            "adminMarkNoShow" => json!({ "absent": "mentee", "reason": "because" }),
            "extendSession" => json!({ "minutes": 15 }),
            "adminApproveMentor" => json!({ "expectedVersion": 1 }),
            "adminCreateWebhookEndpoint" => json!({ "url": "https://hooks.partner.example/" }),
            "adminChangeWebhookEndpoint" => json!({ "expectedVersion": 99 }),
            "adminRotateWebhookSecret" => json!({}),
            "adminDisableWebhookEndpoint" => because,
            "adminReplayWebhooks" => json!({ "since": "2026-03-01T00:00:00Z" }),
            "adminRejectMentor" => json!({ "expectedVersion": 1, "reason": "because" }),
            _ => return None,
        })
    }

    /// What no stranger may be shown.
    pub fn secrets(&self) -> Vec<String> {
        let ids = [self.settled.id, self.paid.id, self.disputed.id].map(|id| id.to_string());
        let people = [self.mentee.id.to_string(), self.mentee.email.clone(), self.mentor.email.clone()];
        let things = [&self.notice, &self.login, &self.payout, &self.file].map(String::clone);
        ids.into_iter().chain(people).chain(things).collect()
    }

    /// The objects that others try to reach, as their rows are.
    pub async fn state(&self, app: &TestApp) -> Vec<String> {
        let mut all = Vec::new();
        for (rows, key, id) in [
            ("SELECT CONCAT(state, version) FROM reservations WHERE id = ?", "reservation", self.paid.id.0),
            ("SELECT CONCAT(state, version) FROM reservations WHERE id = ?", "settled", self.settled.id.0),
            ("SELECT CONCAT(state, version) FROM reservations WHERE id = ?", "disputed", self.disputed.id.0),
            (
                "SELECT CONCAT(state, version) FROM disputes WHERE reservation_id = ?",
                "dispute",
                self.disputed.id.0,
            ),
            (
                "SELECT CONCAT(state, version, body) FROM reviews WHERE id = ?",
                "review",
                self.review.parse().expect("an id"),
            ),
            ("SELECT CONCAT(state, id) FROM payments WHERE reservation_id = ?", "payment", self.paid.id.0),
            (
                "SELECT CONCAT(version, is_active) FROM offerings WHERE id = ?",
                "offering",
                self.paid.offering.0,
            ),
            (
                "SELECT CONCAT(state, destination) FROM payouts WHERE id = ?",
                "payout",
                self.payout.parse().expect("an id"),
            ),
            ("SELECT CONCAT(state, version) FROM users WHERE id = ?", "victim", self.victim.id.0),
            ("SELECT CONCAT(state, version) FROM users WHERE id = ?", "mentee", self.mentee.id.0),
            (
                "SELECT CONCAT(state, version) FROM mentors WHERE user_id = ?",
                "applicant",
                self.applicant.id.0,
            ),
            (
                "SELECT CONCAT(COUNT(*), '/', SUM(unread), '/', SUM(shown)) FROM notices WHERE user_id = ?",
                "notices",
                self.mentee.id.0,
            ),
            // The mentee logs in so often here that old logins of theirs end.
            (
                "SELECT CONCAT(COUNT(*), '') FROM sessions WHERE user_id = ? AND revoked_reason <> 'too_many'",
                "ended logins",
                self.mentee.id.0,
            ),
        ] {
            let value: Vec<u8> =
                sqlx::query_scalar(rows).bind(id).fetch_one(app.core.db.pool()).await.expect("a row");
            all.push(format!("{key}: {}", String::from_utf8_lossy(&value)));
        }
        all
    }
}
