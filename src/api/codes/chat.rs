//! The codes of chats.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        503,
        "chat.unanswered",
        "It is not known whether the message was stored. Send it again with the same clientId: it is stored once.",
        "메시지가 저장되었는지 확인되지 않았습니다. 같은 clientId로 다시 보내 주세요. 한 번만 저장됩니다.",
    ),
    row(
        409,
        "chat.not_open",
        "The chat opens when the reservation is paid for.",
        "예약이 결제되면 채팅이 열립니다.",
    ),
    row(409, "chat.closed", "This chat can only be read now.", "이제 읽기만 할 수 있는 채팅입니다."),
    row(
        404,
        "chat.message_not_found",
        "There is no such message, or it was deleted.",
        "없거나 삭제된 메시지입니다.",
    ),
    row(
        403,
        "chat.not_author",
        "Only its author can change a message.",
        "메시지를 쓴 사람만 바꿀 수 있습니다.",
    ),
    row(
        409,
        "chat.edit_window_over",
        "The time to change this message is over.",
        "메시지를 바꿀 수 있는 시간이 지났습니다.",
    ),
    row(422, "chat.text_empty", "There is nothing in this message.", "메시지에 내용이 없습니다."),
    row(
        422,
        "chat.text_too_long",
        "A message has at most 4000 characters.",
        "메시지는 4000자까지 쓸 수 있습니다.",
    ),
    row(422, "chat.emoji_invalid", "This is not an emoji.", "이모지가 아닙니다."),
    row(
        409,
        "chat.reaction_limit",
        "A message has at most 20 kinds of reactions.",
        "한 메시지에는 20가지까지 반응할 수 있습니다.",
    ),
    row(
        422,
        "chat.client_id_invalid",
        "clientId has 1 to 64 letters, digits and - _ . :",
        "clientId는 1~64자의 영문, 숫자, - _ . : 이어야 합니다.",
    ),
    row(
        422,
        "chat.client_id_reused",
        "This clientId stands for another message.",
        "이 clientId는 다른 메시지에 이미 쓰였습니다.",
    ),
    row(
        404,
        "chat.file_not_found",
        "There is no such file, or it cannot be sent here.",
        "없거나 여기에 보낼 수 없는 파일입니다.",
    ),
    row(
        415,
        "chat.file_type",
        "Images (PNG, JPEG, GIF, WebP), PDF, plain text and office documents are taken, sent as what they are.",
        "이미지(PNG, JPEG, GIF, WebP), PDF, 텍스트, 오피스 문서만 올릴 수 있으며, 형식이 내용과 같아야 합니다.",
    ),
    row(413, "chat.file_too_large", "The file is too large.", "파일이 너무 큽니다."),
    row(
        409,
        "chat.file_limit",
        "Send the files you have uploaded first, or wait a day.",
        "이미 올린 파일을 먼저 보내 주세요.",
    ),
    row(
        403,
        "chat.link_expired",
        "This link has run out. Ask for a new one.",
        "만료된 링크입니다. 새 링크를 받아 주세요.",
    ),
];
