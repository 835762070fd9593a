use super::*;

fn entry(what: What) -> Entry {
    Entry {
        room: ReservationId("019ab123-4567-7abc-8def-0123456789ab".parse().unwrap()),
        seq: 3,
        sender: UserId("019ab123-4567-7abc-8def-000000000001".parse().unwrap()),
        client_id: "c-1".into(),
        at: "2026-03-02T00:00:00.125Z".parse().unwrap(),
        applied: true,
        what,
    }
}

#[test]
fn a_fresh_message_is_the_frame_of_the_protocol() {
    let said = Said { text: Some("안녕".into()), reply_to: Some(1), ..Said::default() };
    let entry = entry(What::Message(said));
    assert_eq!(entry.frame_kind(), "chat.message");
    assert_eq!(
        entry.frame_data(),
        json!({
            "seq": 3, "at": "2026-03-02T00:00:00.125+00:00", "from": entry.sender, "clientId": "c-1",
            "text": "안녕", "replyTo": 1,
        })
    );
}

#[test]
fn a_deleted_message_shows_nothing_of_what_it_was() {
    let at = "2026-03-02T00:01:00Z".parse().unwrap();
    let user = UserId::generate();
    let said = Said {
        text: Some("secret".into()),
        file: Some(FileRef {
            id: FileId::generate(),
            name: "secret.png".into(),
            media_type: "image/png".into(),
            bytes: 1,
        }),
        reply_to: None,
        edited_at: Some(at),
        deleted_at: Some(at),
        edits: vec![Edited { seq: 2, at, was: Some("secret before".into()) }],
        reactions: vec![Reaction { emoji: "👍".into(), user }],
    };
    let deleted = entry(What::Message(said));
    let shown = deleted.frame_data();
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert!(shown["deletedAt"].is_string() && shown["reactions"].is_null());
    let kept = deleted.record_data();
    assert_eq!(
        (&kept["deleted"]["text"], &kept["edits"][0]["was"]),
        (&json!("secret"), &json!("secret before"))
    );
    let edit = entry(What::Edit { target: 1, text: None });
    assert_eq!((edit.frame_kind(), edit.frame_data().get("text")), ("chat.edited", None));
}

#[test]
fn reactions_are_sets_by_emoji() {
    let (one, other) = (UserId::generate(), UserId::generate());
    let reaction = |emoji: &str, user| Reaction { emoji: emoji.into(), user };
    let reactions = vec![reaction("👍", one), reaction("🎉", one), reaction("👍", other)];
    let said = Said { text: Some("x".into()), reactions, ..Said::default() };
    assert_eq!(said.reactions_by_kind(), [("👍", vec![one, other]), ("🎉", vec![one])]);
    let shown = entry(What::Message(said)).frame_data();
    assert_eq!(shown["reactions"][0], json!({ "emoji": "👍", "users": [one, other] }));
}
