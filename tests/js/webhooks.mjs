// Webhooks as a receiver checks them that we did not write: the reference library of the Standard Webhooks
// specification.
//
//   node webhooks.mjs '{"now": 1772409600, "messages": [{"secret": "whsec_…", "body": "…", "headers": {…}, "good": true}]}'
//
// Prints and ends as client.mjs does. `now` is the time of the clock that the messages were made by, in seconds.

import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { scenario } from './lib/input.mjs';
import { check, expect, failures, same } from './lib/report.mjs';

const { now, messages } = await scenario(['now', 'messages']);

// The library compares the time of a message with that of its machine.
Date.now = () => now * 1000;

for (const [number, { secret, body, headers, good }] of messages.entries()) {
  await check(`message ${number}`, async () => {
    const receiver = new Webhook(secret);
    let refused;
    try {
      same(receiver.verify(body, headers), JSON.parse(body), 'what it reads');
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      refused = error.message;
    }
    expect(good === (refused === undefined), refused ?? 'a bad message was believed');
    if (good) {
      // One byte more is another message.
      let other = false;
      try {
        receiver.verify(`${body} `, headers);
      } catch {
        other = true;
      }
      expect(other, 'a changed body was believed');
    }
    return refused;
  });
}
process.exit(failures() === 0 ? 0 : 1);
