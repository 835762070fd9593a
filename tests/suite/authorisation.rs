//! Who may call what, on whose objects: every operation of the document has a line in [`RULES`] and is tried as
//! nobody, as strangers, as a suspended member, as the wrong side, and as those who may.

#[path = "authorisation/contract.rs"]
mod contract;
#[path = "authorisation/world.rs"]
mod world;

use std::collections::BTreeSet;

use konnect_tests::{Answer, Client, TestApp};
use reqwest::Method;
use serde_json::Value;

use Who::{Admin, Anybody, Member, Mentor, OfMentee, OfMentor, User};
use world::World;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Also without a token.
    Anybody,
    /// Whoever is logged in, on their own things alone.
    User,
    /// An approved mentor, on their own things alone.
    Mentor,
    /// Both sides of the reservation in the path.
    Member,
    /// The owner of the object, who is a mentee here.
    OfMentee,
    /// The owner of the object, who is a mentor here.
    OfMentor,
    Admin,
}

/// An operation, who may call it, and what those who may are answered in [`World`]: often that the state does not
/// allow it, which nobody else may learn.
struct Rule(&'static str, Who, &'static [u16]);

const RULES: &[Rule] = &[
    Rule("register", Anybody, &[409]),
    Rule("login", Anybody, &[200]),
    Rule("refresh", Anybody, &[401]),
    Rule("logout", User, &[204]),
    Rule("sendEmailCode", Anybody, &[202]),
    Rule("resetPassword", Anybody, &[422]),
    Rule("changePassword", User, &[403]),
    Rule("verifyEmail", User, &[422]),
    Rule("loginByProvider", Anybody, &[401]),
    Rule("listIdentities", User, &[200]),
    Rule("linkIdentity", User, &[401]),
    Rule("unlinkIdentity", User, &[404]),
    Rule("loginWithSecondFactor", Anybody, &[401]),
    Rule("getSecondFactor", User, &[200]),
    Rule("enrolSecondFactor", User, &[201]),
    Rule("confirmSecondFactor", User, &[403, 409]),
    Rule("checkSecondFactor", User, &[409]),
    Rule("renewRecoveryCodes", User, &[409]),
    Rule("dropSecondFactor", User, &[409]),
    Rule("setPicture", User, &[415]),
    Rule("removePicture", User, &[200]),
    Rule("getPicture", Anybody, &[404]),
    // With a password that is none of theirs.
    Rule("deleteMe", User, &[403]),
    Rule("getMe", User, &[200]),
    Rule("changeMe", User, &[409]),
    Rule("listLogins", User, &[200]),
    Rule("endLogin", OfMentee, &[204]),
    Rule("addDevice", User, &[204]),
    Rule("forgetDevice", User, &[204]),
    Rule("listNotices", User, &[200]),
    Rule("countUnreadNotices", User, &[200]),
    Rule("readNotice", OfMentee, &[200]),
    Rule("readAllNotices", User, &[200]),
    // A notice in the app is no push: nobody opens it, and nobody learns more.
    Rule("openNotice", OfMentee, &[404]),
    Rule("deleteNotice", OfMentee, &[200]),
    Rule("getNoticePreferences", User, &[200]),
    Rule("setNoticePreferences", User, &[200]),
    Rule("getNoticeHours", User, &[200]),
    Rule("setNoticeHours", User, &[200]),
    Rule("getMailbox", User, &[200]),
    Rule("resumeMailbox", User, &[200]),
    Rule("applyAsMentor", User, &[422]),
    Rule("getMentorApplication", User, &[200, 404]),
    Rule("changeMentorProfile", Mentor, &[409]),
    Rule("listMentors", Anybody, &[200]),
    Rule("getMentor", Anybody, &[200]),
    Rule("createOffering", Mentor, &[201]),
    Rule("listOfferings", Anybody, &[200]),
    Rule("changeOffering", OfMentor, &[200]),
    Rule("retireOffering", OfMentor, &[409]),
    Rule("getOffering", Anybody, &[200]),
    Rule("listMyOfferings", User, &[200]),
    Rule("getMySchedule", User, &[200, 404]),
    Rule("setMySchedule", Mentor, &[409]),
    Rule("previewMySchedule", Mentor, &[409]),
    Rule("listSlots", Anybody, &[200]),
    Rule("explainSlots", OfMentor, &[200]),
    Rule("adminExplainSlots", Admin, &[200]),
    Rule("reserve", User, &[422]),
    Rule("joinWaitlist", User, &[201, 409, 422]),
    Rule("listMyWaitlist", User, &[200]),
    Rule("leaveWaitlist", OfMentee, &[204, 404]),
    Rule("listReservations", User, &[200]),
    Rule("getReservation", Member, &[200]),
    Rule("getReservationHistory", Member, &[200]),
    Rule("approveReservation", OfMentor, &[409]),
    Rule("rejectReservation", OfMentor, &[409]),
    Rule("cancelReservation", Member, &[409]),
    Rule("completeReservation", Member, &[409]),
    Rule("getReservationNotes", Member, &[200]),
    Rule("askInReservation", Member, &[200, 409]),
    Rule("sumUpReservation", Member, &[409]),
    Rule("proposeReschedule", Member, &[409]),
    Rule("acceptReschedule", Member, &[409]),
    Rule("declineReschedule", Member, &[409]),
    Rule("withdrawReschedule", Member, &[409]),
    Rule("getSession", Member, &[200]),
    Rule("endSession", Member, &[409]),
    Rule("withdrawSessionEnd", Member, &[409]),
    Rule("extendSession", Member, &[409]),
    Rule("giveExtension", OfMentor, &[404]),
    Rule("quoteCancellation", Member, &[201]),
    Rule("setRefundAccount", OfMentee, &[409]),
    Rule("orderPayment", OfMentee, &[409]),
    Rule("confirmPayment", OfMentee, &[200]),
    Rule("getPayment", OfMentee, &[200]),
    Rule("getSettlement", OfMentor, &[200]),
    Rule("getEarnings", Mentor, &[200]),
    Rule("listSettlementLines", Mentor, &[200]),
    Rule("getStatement", Mentor, &[200]),
    Rule("openDispute", Member, &[409]),
    Rule("reportNoShow", Member, &[201]),
    Rule("listMentorReviews", Anybody, &[200]),
    Rule("getReview", Member, &[200]),
    Rule("writeReview", Member, &[409]),
    Rule("replyToReview", OfMentor, &[200]),
    Rule("reportReview", User, &[201, 409]),
    Rule("listMyReviews", User, &[200]),
    Rule("listDisputes", User, &[200]),
    Rule("getDispute", Member, &[200]),
    Rule("addDisputeEvidence", Member, &[201]),
    Rule("takeDisputeOffer", Member, &[409]),
    Rule("answerDispute", Member, &[200, 409]),
    Rule("withdrawDispute", Member, &[200, 409]),
    Rule("getPayoutAccount", Mentor, &[200, 404]),
    Rule("setPayoutAccount", Mentor, &[409]),
    Rule("listPayouts", Mentor, &[200]),
    Rule("getPayout", OfMentor, &[200]),
    Rule("createRealtimeTicket", User, &[200]),
    Rule("getChat", Member, &[200]),
    Rule("listChatMessages", Member, &[200]),
    Rule("sendChatMessage", Member, &[200, 201]),
    Rule("readChat", Member, &[200]),
    Rule("countUnreadChat", User, &[200]),
    Rule("exportChat", Member, &[200]),
    Rule("uploadChatFile", Member, &[415]),
    Rule("getChatFile", Member, &[200]),
    Rule("linkChatFile", Member, &[200]),
    Rule("openFileLink", Anybody, &[404]),
    Rule("adminExportChat", Admin, &[200]),
    Rule("adminListUsers", Admin, &[200]),
    Rule("adminSuspendUser", Admin, &[200]),
    Rule("adminReinstateUser", Admin, &[200]),
    Rule("adminDeleteUser", Admin, &[200]),
    Rule("adminListApplications", Admin, &[200]),
    Rule("adminApproveMentor", Admin, &[200]),
    Rule("adminRejectMentor", Admin, &[409]),
    Rule("adminListNotices", Admin, &[200]),
    Rule("adminListActivity", Admin, &[200]),
    Rule("adminAudit", Admin, &[200]),
    Rule("adminListDisputes", Admin, &[200]),
    Rule("adminGetDispute", Admin, &[200]),
    Rule("adminDecideDispute", Admin, &[409]),
    Rule("adminApproveDispute", Admin, &[409]),
    Rule("adminSendBackDispute", Admin, &[409]),
    Rule("adminListNoShowReports", Admin, &[200]),
    Rule("adminMarkNoShow", Admin, &[200]),
    Rule("adminListFindings", Admin, &[200]),
    Rule("adminListReconciliation", Admin, &[200]),
    Rule("adminGetReconciliation", Admin, &[404]),
    Rule("adminListReviews", Admin, &[200]),
    Rule("adminGetReview", Admin, &[200]),
    Rule("adminKeepReview", Admin, &[200]),
    Rule("adminHideReview", Admin, &[200]),
    Rule("adminRestoreReview", Admin, &[200]),
    Rule("withdrawReview", Member, &[409]),
    Rule("adminCancelReservation", Admin, &[409]),
    Rule("adminApproveReservation", Admin, &[409]),
    Rule("adminRejectReservation", Admin, &[409]),
    Rule("adminCompleteReservation", Admin, &[409]),
    Rule("adminExpireReservation", Admin, &[409]),
    Rule("adminListStrikes", Admin, &[200]),
    Rule("adminRefund", Admin, &[201]),
    Rule("adminListRefunds", Admin, &[200]),
    Rule("adminGetRefund", Admin, &[200]),
    Rule("adminApproveRefund", Admin, &[409]),
    Rule("adminRejectRefund", Admin, &[409]),
    Rule("adminRetryRefund", Admin, &[409]),
    Rule("adminMarkRefundDone", Admin, &[409]),
    Rule("adminGiveUpRefund", Admin, &[409]),
    Rule("adminReportBounce", Admin, &[404]),
    Rule("adminListJobs", Admin, &[200]),
    Rule("adminGetJob", Admin, &[200]),
    Rule("adminRetryJob", Admin, &[409]),
    Rule("adminCancelJob", Admin, &[409]),
    Rule("adminListPaymentAttempts", Admin, &[200]),
    Rule("adminRequeryPaymentAttempt", Admin, &[200]),
    Rule("adminClosePaymentAttempt", Admin, &[409]),
    Rule("adminListPayouts", Admin, &[200]),
    Rule("adminGetPayout", Admin, &[200]),
    Rule("adminRequeryPayout", Admin, &[200]),
    Rule("adminResolvePayout", Admin, &[409]),
    Rule("adminGetPayoutControl", Admin, &[200]),
    Rule("adminPausePayouts", Admin, &[200]),
    Rule("adminReleasePayouts", Admin, &[200]),
    Rule("adminListPayoutBatches", Admin, &[200]),
    Rule("adminGetPayoutBatch", Admin, &[200]),
    Rule("adminRunPayoutBatch", Admin, &[200]),
    Rule("adminListPayoutDebts", Admin, &[200]),
    Rule("adminListQueues", Admin, &[200]),
    Rule("adminPauseQueue", Admin, &[200]),
    Rule("adminResumeQueue", Admin, &[200]),
    Rule("adminListJobFailures", Admin, &[200]),
    Rule("adminRetryJobs", Admin, &[200]),
    Rule("adminDiscardJobs", Admin, &[200]),
    Rule("adminGetDashboard", Admin, &[200]),
    Rule("adminListReservations", Admin, &[200]),
    Rule("adminListPayments", Admin, &[200]),
    Rule("adminListMentors", Admin, &[200]),
    Rule("adminListOfferings", Admin, &[200]),
    Rule("adminGetUser", Admin, &[200]),
    Rule("adminExportUsers", Admin, &[200]),
    Rule("adminExportReservations", Admin, &[200]),
    Rule("adminExportPayments", Admin, &[200]),
    Rule("adminExportPayouts", Admin, &[200]),
    Rule("adminGetCase", Admin, &[200]),
    Rule("adminListActs", Admin, &[200]),
    Rule("adminListWebhookEndpoints", Admin, &[200]),
    Rule("adminListWebhookTypes", Admin, &[200]),
    Rule("adminCreateWebhookEndpoint", Admin, &[201]),
    Rule("adminGetWebhookEndpoint", Admin, &[200]),
    Rule("adminChangeWebhookEndpoint", Admin, &[409]),
    Rule("adminRotateWebhookSecret", Admin, &[200]),
    Rule("adminEnableWebhookEndpoint", Admin, &[409]),
    Rule("adminReplayWebhooks", Admin, &[200]),
    Rule("adminTestWebhookEndpoint", Admin, &[201]),
    Rule("adminListWebhookDeliveries", Admin, &[200]),
    Rule("adminGetWebhookDelivery", Admin, &[200]),
    Rule("adminReplayWebhookDelivery", Admin, &[200]),
    Rule("adminDisableWebhookEndpoint", Admin, &[200]),
    Rule("adminDeleteWebhookEndpoint", Admin, &[204]),
];

/// One operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    needs_token: bool,
}

impl Operation {
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&konnect::api::openapi()).expect("JSON");
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                all.push(Self {
                    id: operation["operationId"].as_str().expect("an id").to_owned(),
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path.clone(),
                    needs_token: operation["security"].as_array().is_some_and(|s| !s.is_empty()),
                });
            }
        }
        all
    }

    fn rule(&self) -> &'static Rule {
        RULES.iter().find(|rule| rule.0 == self.id).expect("every operation has a rule")
    }

    /// Sends it with a body that is good, about the world's objects or (`id`) another one.
    async fn call(&self, world: &World, client: &Client, id: Option<&str>) -> Answer {
        let path = match id {
            Some(id) => self
                .path
                .replace("{id}", id)
                .replace("{extension_id}", id)
                .replace("{fileId}", world.file())
                .replace("{provider}", "google"),
            None => world.path(&self.id, &self.path),
        };
        let path = path + World::query(&self.id);
        let key = konnect::id::secret();
        let headers = [("idempotency-key", key.as_str())];
        let answer = client.send(self.method.clone(), &path, world.body(&self.id), &headers).await;
        assert!(answer.status.as_u16() < 500, "{} {path}: {:#}", self.id, answer.body);
        answer
    }
}

#[test]
fn every_operation_says_who_may_call_it() {
    let operations = Operation::all();
    let known: BTreeSet<_> = operations.iter().map(|o| o.id.as_str()).collect();
    let ruled: BTreeSet<_> = RULES.iter().map(|r| r.0).collect();
    let missing: Vec<_> = known.symmetric_difference(&ruled).collect();
    assert!(missing.is_empty(), "without a rule, or a rule without an operation: {missing:?}");
    assert_eq!((known.len(), ruled.len()), (operations.len(), RULES.len()), "each once");
    for operation in &operations {
        let open = operation.rule().1 == Anybody;
        assert_eq!(operation.needs_token, !open, "{} in the document", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_the_objects_of_others() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    let operations = Operation::all();
    let before = world.state(&app).await;
    for operation in &operations {
        let who = operation.rule().1;
        if who == Anybody {
            continue;
        }
        let id = &operation.id;
        let anonymous = operation.call(&world, &app.anonymous(), None).await;
        assert_eq!(anonymous.body["code"], "auth.required", "{id}");
        anonymous.problem(401, "auth.required");
        let suspended = operation.call(&world, &world.suspended.client, None).await;
        assert_eq!(suspended.body["code"], "auth.session_revoked", "{id}");

        let outsiders = [&world.stranger, &world.other_mentor, &world.admin];
        let members = [&world.mentee, &world.mentor];
        let (refused, expected): (Vec<_>, &[u16]) = match who {
            Anybody | User => (vec![], &[]),
            Mentor => (vec![&world.stranger, &world.mentee, &world.admin], &[403]),
            Member => (outsiders.to_vec(), &[404]),
            OfMentee => ([&outsiders[..], &members[1..]].concat(), &[404]),
            // Whoever is no mentor at all is told so; another mentor is not told that it exists.
            OfMentor => ([&outsiders[..], &members[..1]].concat(), &[403, 404]),
            Admin => ([&outsiders[..2], &members[..]].concat(), &[403]),
        };
        for person in refused {
            let client = app.log_in(person).await.client;
            let answer = operation.call(&world, &client, None).await;
            let status = answer.status.as_u16();
            assert!(expected.contains(&status), "{id} by {}: {status} {:#}", person.email, answer.body);
            if who == OfMentor && person.id == world.other_mentor.id {
                assert_eq!(status, 404, "{id} by another mentor");
            }
        }
    }
    assert_eq!(world.state(&app).await, before, "nothing was written");

    // What everybody may do shows nobody's things but the caller's.
    for operation in operations.iter().filter(|o| matches!(o.rule().1, User | Mentor)) {
        for person in [&world.stranger, &world.other_mentor, &world.admin] {
            let Rule(id, who, allowed) = operation.rule();
            if *who == Mentor && person.id != world.other_mentor.id {
                continue;
            }
            let client = app.log_in(person).await.client;
            let answer = operation.call(&world, &client, None).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{id} by {}: {:#}", person.email, answer.body);
            let shown = answer.body.to_string();
            for secret in world.secrets() {
                assert!(!shown.contains(&secret), "{id} shows {secret} to {}: {shown}", person.email);
            }
        }
    }
    assert_eq!(world.state(&app).await, before, "nothing of others was written");
    app.run_jobs().await;
    app.finish().await;
}

/// How many acts of operators are written down.
async fn acts(app: &TestApp) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM acts");
    count.fetch_one(app.core.db.pool()).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_are_heard() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    for Rule(id, who, allowed) in RULES {
        let operations = Operation::all();
        let operation = operations.iter().find(|o| o.id == *id).expect("the operation of the rule");
        let (mentee, mentor) = (&world.mentee, &world.mentor);
        let callers = match who {
            Anybody => vec![app.anonymous(), world.suspended.client.clone(), world.stranger.client.clone()],
            User => vec![app.log_in(mentee).await.client, app.log_in(mentor).await.client],
            Member => vec![mentee.client.clone(), mentor.client.clone()],
            Mentor | OfMentor => vec![mentor.client.clone()],
            OfMentee => vec![mentee.client.clone()],
            Admin => vec![world.admin.client.clone()],
        };
        for client in callers {
            let before = acts(&app).await;
            let answer = operation.call(&world, &client, None).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{id}: {:#}", answer.body);
            let changes = *who == Admin && operation.method != Method::GET && answer.status.is_success();
            let written = acts(&app).await - before;
            assert!(!changes || written >= 1, "{id} is no act");
            assert!(*who == Admin || written == 0, "{id} is an act");
        }
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_nobody_has_are_not_found() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    let unknown = konnect::id::UserId::generate().to_string();
    for operation in Operation::all().iter().filter(|o| o.path.contains("{id}")) {
        let client = match operation.rule().1 {
            Admin => &world.admin.client,
            OfMentor => &world.mentor.client,
            _ => &world.mentee.client,
        };
        let answer = operation.call(&world, client, Some(&unknown)).await;
        assert_eq!(answer.status, 404, "{}: {:#}", operation.id, answer.body);
        for nonsense in ["1", "not-an-id", "%27%20OR%201=1", "%00", "%EC%98%88"] {
            let answer = operation.call(&world, client, Some(nonsense)).await;
            answer.problem(400, "request.invalid");
        }
    }
    app.run_jobs().await;
    app.finish().await;
}
