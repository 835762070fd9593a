//! Delivery reports as they come, with the servers' habits. All are about one mail.

/// As the server that we hand our mails to writes it: with the whole mail.
pub(super) const POSTFIX: &str = r#"Return-Path: <>
Received: by mx.konnect.example (Postfix) id 4dXq2L1Kz9z3; Mon, 02 Mar 2026 09:00:03 +0900 (KST)
Date: Mon, 02 Mar 2026 09:00:03 +0900 (KST)
From: MAILER-DAEMON@mx.konnect.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@konnect.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4dXq2L0Fm7z2.1772409603/mx.konnect.example"
Message-Id: <20260302000003.4dXq2L1Kz9z3@mx.konnect.example>

This is a MIME-encapsulated message.

--4dXq2L0Fm7z2.1772409603/mx.konnect.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.konnect.example.

<mina@example.com>: host mail.example.com[203.0.113.5] said: 550 5.1.1
    <mina@example.com>: Recipient address rejected: User unknown in virtual
    mailbox table (in reply to RCPT TO command)

--4dXq2L0Fm7z2.1772409603/mx.konnect.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.konnect.example
X-Postfix-Queue-ID: 4dXq2L0Fm7z2
X-Postfix-Sender: rfc822; bounces@konnect.example
Arrival-Date: Mon, 02 Mar 2026 09:00:01 +0900 (KST)

Final-Recipient: rfc822; mina@example.com
Original-Recipient: rfc822;mina@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.com
Diagnostic-Code: smtp; 550 5.1.1 <mina@example.com>: Recipient address rejected:
    User unknown in virtual mailbox table

--4dXq2L0Fm7z2.1772409603/mx.konnect.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <bounces@konnect.example>
From: Konnect <no-reply@konnect.example>
To: mina@example.com
Subject: =?utf-8?b?7JiI7JW97J20IO2ZleygleuQmOyXiOyKteuLiOuLpA==?=
Message-ID: <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8

Hello.
--inner--

--4dXq2L0Fm7z2.1772409603/mx.konnect.example--
"#;

/// No headers but those of the mail, a folded identifier, and parameters on lines of their own.
pub(super) const EXCHANGE: &str = r#"From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>
To: <bounces@konnect.example>
Subject: Undeliverable: Your session
Content-Type: multipart/report;
	report-type="delivery-status";
	boundary="_9f1b4f0c-3a77-4c4b-9b1f-5d0a9b6f4c21_"
Auto-Submitted: auto-generated
X-MS-Exchange-Message-Is-Ndr:
MIME-Version: 1.0

--_9f1b4f0c-3a77-4c4b-9b1f-5d0a9b6f4c21_
Content-Type: multipart/alternative; differences=Content-Type;
	boundary="_0b0f1c70-7b2e-4ae5-a5a8-6e2d6d8b3a11_"

--_0b0f1c70-7b2e-4ae5-a5a8-6e2d6d8b3a11_
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Delivery has failed to these recipients or groups:=20
--_0b0f1c70-7b2e-4ae5-a5a8-6e2d6d8b3a11_--

--_9f1b4f0c-3a77-4c4b-9b1f-5d0a9b6f4c21_
Content-Type: message/delivery-status

Reporting-MTA: dns;SEYP281MB0001.corp.example
Received-From-MTA: dns;mx.konnect.example
Arrival-Date: Mon, 2 Mar 2026 00:00:05 +0000

Original-Recipient: rfc822;Mina@Corp.example
Final-Recipient: rfc822;mina.kim@corp.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient mina.kim@corp.example not found by SMTP address lookup
X-Display-Name: mina@corp.example

--_9f1b4f0c-3a77-4c4b-9b1f-5d0a9b6f4c21_
Content-Type: text/rfc822-headers

Received: from mx.konnect.example (203.0.113.9) by
 SEYP281MB0001.corp.example (198.51.100.7) with Microsoft SMTP Server;
 Mon, 2 Mar 2026 00:00:05 +0000
From: Konnect <no-reply@konnect.example>
To: <Mina@Corp.example>
Message-ID:
 <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>
--_9f1b4f0c-3a77-4c4b-9b1f-5d0a9b6f4c21_--
"#;

/// The words for people are three parts in one, and the diagnosis has many lines.
pub(super) const GMAIL: &str = r#"From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: bounces@konnect.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>
In-Reply-To: <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>
Content-Type: multipart/report; boundary="0000000000009a1b2c0630f0a1b2"; report-type=delivery-status
MIME-Version: 1.0

--0000000000009a1b2c0630f0a1b2
Content-Type: multipart/related; boundary="0000000000009a1b3d0630f0a1b3"

--0000000000009a1b3d0630f0a1b3
Content-Type: text/html; charset="UTF-8"

<html><body>Address not found</body></html>
--0000000000009a1b3d0630f0a1b3
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64
Content-ID: <icon.png>

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
--0000000000009a1b3d0630f0a1b3--

--0000000000009a1b2c0630f0a1b2
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Sun, 01 Mar 2026 16:00:05 -0800 (PST)
X-Original-Message-ID: <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>

Final-Recipient: rfc822; mina@gmail.com
Action: failed
Status: 5.2.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (2404:6800:4008:c00::1a, the
 server for the domain gmail.com.)
Diagnostic-Code: smtp; 550-5.2.1 The email account that you tried to reach is inactive. For more
 550-5.2.1 information, go to
 550 5.2.1  https://support.google.com/mail/?p=DisabledUser 98e67ed59e1d1-2fe8284f4aesi1234a91.42 - gsmtp
Last-Attempt-Date: Sun, 01 Mar 2026 16:00:05 -0800 (PST)

--0000000000009a1b2c0630f0a1b2
Content-Type: message/rfc822

X-Received: by 2002:a17:90b:1234:b0:2fe:8284:f4ae with SMTP id 98e67ed59e1d1
From: Konnect <no-reply@konnect.example>
To: mina@gmail.com
Message-ID: <01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>

Hello.
--0000000000009a1b2c0630f0a1b2--
"#;

/// Encoded parts, Korean words, no first block of its own, a comment behind the status, and an end that was cut.
pub(super) const NAVER: &str = r#"From: <postmaster@naver.example>
To: <bounces@konnect.example>
Subject: =?utf-8?B?W+uwnOyGoSDsi6TtjKgg7JWI64K0XSBVbmRlbGl2ZXJlZCBNYWls?=
MIME-Version: 1.0
Content-Type: MULTIPART/REPORT; Report-Type=Delivery-Status; Boundary="----=_Part_1"

------=_Part_1
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

7KG07J6s7ZWY7KeAIOyViuuKlCDrqZTsnbwg7KO87IaM7J6F64uI64uk
------=_Part_1
Content-Type: message/delivery-status
Content-Transfer-Encoding: quoted-printable

Reporting-MTA: dns;mx=
1.naver.example
Final-Recipient: RFC822;<mina@naver.example>
Action: FAILED (permanent)
Status: 5.1.1 (no such user)
Diagnostic-Code: smtp;550 5.1.1 =EC=97=86=EB=8A=94 =EC=82=AC=EC=9A=A9=EC=9E=90
------=_Part_1
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

RnJvbTogbm8tcmVwbHlAa29ubmVjdC5leGFtcGxlDQpNZXNzYWdlLUlEOiA8MDE5OTdjMWUtNmY1
YS03ZDNjLThhNTEtM2I5ZjBjMWQyZTRmQGtvbm5lY3QuZXhhbXBsZT4NCg0KSGVsbG8uDQo=
"#;
