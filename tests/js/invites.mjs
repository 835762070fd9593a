// Mails as a mail program (postal-mime) and a calendar (ical.js) read them, against what they must say.
//
//   node invites.mjs '{"mails": [{"raw": "…", "method": "REQUEST", "uid": "…", "sequence": 3, …}]}'
//
// Prints and ends as client.mjs does.

import ICAL from 'ical.js';
import PostalMime from 'postal-mime';
import { scenario } from './lib/input.mjs';
import { check, expect, failures, same } from './lib/report.mjs';

const { mails } = await scenario(['mails']);

/** Lines end with CRLF and have at most 75 octets (RFC 5545 3.1), none of which is half a character. */
function folded(bytes) {
  const lines = Buffer.from(bytes).toString('latin1').split('\r\n');
  expect(!lines.some((line) => line.includes('\n') || line.includes('\r')), 'a line end that is not CRLF');
  for (const line of lines) {
    expect(line.length <= 75, `${line.length} octets in a line`);
    const text = Buffer.from(line, 'latin1');
    expect(text.equals(Buffer.from(text.toString('utf8'), 'utf8')), 'a character is torn');
  }
}

/** The bytes of a part as they were sent: the mail program gives its own line ends to calendars. */
function sent(raw, type) {
  const part = raw.slice(raw.indexOf(`Content-Type: ${type}`));
  const [head, body] = [part.slice(0, part.indexOf('\r\n\r\n')), part.slice(part.indexOf('\r\n\r\n'))];
  expect(/Content-Transfer-Encoding: base64/i.test(head), `${type} is sent as base64`);
  return Buffer.from(body.slice(0, body.indexOf('\r\n--')), 'base64');
}

function calendar(mail, bytes) {
  const root = new ICAL.Component(ICAL.parse(Buffer.from(bytes).toString('utf8')));
  const events = root.getAllSubcomponents('vevent');
  same(events.length, 1, 'events');
  const value = (name) => events[0].getFirstPropertyValue(name);
  const instant = (name) => {
    const time = value(name);
    same(time.zone.tzid, 'UTC', `the zone of ${name}`);
    return time.toJSDate().toISOString();
  };
  same(root.getFirstPropertyValue('version'), '2.0', 'VERSION');
  same(root.getFirstPropertyValue('method'), mail.method, 'METHOD');
  for (const name of ['uid', 'sequence', 'status', 'summary', 'url', 'organizer', 'attendee']) {
    same(value(name), mail[name], name.toUpperCase());
  }
  same(instant('dtstart'), new Date(mail.start).toISOString(), 'DTSTART');
  same(instant('dtend'), new Date(mail.end).toISOString(), 'DTEND');
  expect(instant('dtstamp'), 'a DTSTAMP');
}

for (const mail of mails) {
  await check(`${mail.method} ${mail.sequence}`, async () => {
    const found = await PostalMime.parse(mail.raw, { attachmentEncoding: 'arraybuffer' });
    same(found.subject, mail.subject, 'the subject');
    expect(found.text?.includes(mail.summary) && found.html?.includes('<h1'), 'text and HTML');
    const parts = found.attachments.map((it) => it.mimeType);
    same(parts, ['text/calendar', 'application/ics'], 'the parts beside them');
    const [inline, file] = found.attachments;
    same(inline.method?.toUpperCase(), mail.method, 'the method of the part');
    same([file.disposition, file.filename], ['attachment', 'invite.ics'], 'the file');
    const [shown, stored] = [inline, file].map((it) => Buffer.from(it.content).toString('utf8'));
    same(shown, stored, 'what both say');
    calendar(mail, file.content);
    for (const type of parts) folded(sent(mail.raw, type));
  });
}
process.exit(failures() === 0 ? 0 : 1);
