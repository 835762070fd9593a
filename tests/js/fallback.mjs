// What stands between a client and the server: an Origin that is not allowed, a proxy that drops the Upgrade.
//
//   node fallback.mjs '{"bases": ["http://…", "http://…"], "room": "<reservation id>", "mentor": "<token>",
//     "mentee": "<token>", "origin": "http://allowed.example"}'
//
// Prints and ends as client.mjs does.

import WebSocket from 'ws';
import { Connection, newId } from './client/connection.mjs';
import { deafProxy } from './client/proxy.mjs';
import { scenario } from './lib/input.mjs';
import { check, expect, failures, same, until } from './lib/report.mjs';

const FORBIDDEN = ['https://evil.example', 'null'];
const { bases, room, mentor, mentee, origin } = await scenario(['bases', 'room', 'mentor', 'mentee', 'origin']);
// Those of the allowed origin lie in wait too: what starts like it is another one.
const origins = [...FORBIDDEN, `${origin}.evil.example`];

/** Asks by plain HTTP; status, the code of a problem, and the headers. */
async function ask(base, path, headers) {
  const answer = await fetch(base + path, { headers });
  const text = await answer.text();
  let code;
  try {
    code = JSON.parse(text).code;
  } catch {
    // Not every answer is JSON.
  }
  return { status: answer.status, code, headers: answer.headers, text };
}

/** The status and code with which an upgrade is refused. */
function upgrade(url, protocols, headers) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols, { headers });
    socket.on('open', () => (socket.close(), reject(new Error(`${url} opened`))));
    socket.on('error', () => {});
    socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode, code: JSON.parse(text || '{}').code }));
    });
  });
}

for (const bad of origins) {
  await check(`an Origin that is not allowed gets a code: ${bad}`, async () => {
    const wanted = [403, 'origin.forbidden'];
    const polling = await ask(bases[0], '/socket.io/?EIO=4&transport=polling', { origin: bad });
    same([polling.status, polling.code], wanted, 'polling');
    same(polling.headers.get('access-control-allow-origin'), null, 'what the browser may show');
    const headers = { origin: bad };
    const ws = bases[0].replace('http', 'ws');
    const socket = await upgrade(`${ws}/socket.io/?EIO=4&transport=websocket`, [], headers);
    same([socket.status, socket.code], wanted, 'websocket');
    const plain = await upgrade(`${ws}/v1/ws`, ['konnect.v1', `bearer.${mentor}`], headers);
    same([plain.status, plain.code], wanted, '/v1/ws');
    const client = { transports: ['polling', 'websocket'], tryAllTransports: true, extraHeaders: headers };
    const error = await Connection.refused(bases[0], '/chat', mentor, client);
    same(error.type, 'TransportError', 'what the client sees');
  });
}

await check('the allowed Origin is let in, with the headers that browsers want', async () => {
  const answer = await ask(bases[0], '/socket.io/?EIO=4&transport=polling', { origin });
  same([answer.status, answer.headers.get('access-control-allow-origin')], [200, origin], 'status and header');
  const connection = await Connection.open(bases[0], '/chat', mentor, { transports: ['polling'], extraHeaders: { origin } });
  connection.close();
});

const proxy = await deafProxy(bases[0]);

await check('behind a proxy that drops the Upgrade, /v1/ws refuses with a code', async () => {
  const refusal = await upgrade(`${proxy.base.replace('http', 'ws')}/v1/ws`, ['konnect.v1', `bearer.${mentor}`], {});
  same([refusal.status, refusal.code], [426, 'socket.upgrade_missing'], 'status and code');
});

for (const [name, transports] of [['polling first', ['polling', 'websocket']], ['websocket first', ['websocket', 'polling']]]) {
  await check(`behind a proxy that drops the Upgrade, the chat goes on by polling (${name})`, async () => {
    const before = proxy.seen.dropped;
    const here = await Connection.open(proxy.base, '/chat', mentor, { transports, tryAllTransports: true });
    await until('an attempt to upgrade', () => proxy.seen.dropped > before);
    const there = await Connection.open(bases[1], '/chat', mentee, { transports: ['websocket'] });
    await here.ask('chat.join', { room });
    await there.ask('chat.join', { room });
    const [out, back] = [newId(), newId()];
    await here.ask('chat.send', { room, clientId: out, text: 'through' });
    await there.hear('chat.message', (it) => it.clientId === out);
    await there.ask('chat.send', { room, clientId: back, text: 'and back' });
    await here.hear('chat.message', (it) => it.clientId === back);
    same(here.transport, 'polling', 'transport');
    expect(here.socket.connected, 'connected');
    here.close();
    there.close();
  });
}

proxy.stop();
process.exit(failures() === 0 ? 0 : 1);
