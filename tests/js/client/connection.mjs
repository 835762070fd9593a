// One connection of the unmodified socket.io-client to one namespace of one api process, and what it heard.

import { randomUUID } from 'node:crypto';
import { io } from 'socket.io-client';
import { expect, fail, same, until, within } from '../lib/report.mjs';

const TRANSPORTS = {
  websocket: { transports: ['websocket'] },
  polling: { transports: ['polling'], upgrade: false },
  'polling-then-upgrade': { transports: ['polling', 'websocket'] },
};

/** The client's options for a transport of the scenario. */
export function options(transport) {
  return TRANSPORTS[transport] ?? fail(`no transport ${transport}`);
}

export const newId = () => randomUUID();

export class Connection {
  /** Opens it; fails with the server's reason when it is refused. */
  static async open(base, namespace, token, more = {}) {
    const connection = new Connection(base, namespace, token, more);
    const refusal = await connection.outcome();
    if (refusal) {
      connection.close();
      fail(`${namespace} is refused: ${refusal.message} ${JSON.stringify(refusal.data ?? null)}`);
    }
    return connection;
  }

  /** Expects a refusal and gives the error that the client shows. */
  static async refused(base, namespace, token, more = {}) {
    const connection = new Connection(base, namespace, token, more);
    const refusal = await connection.outcome();
    connection.close();
    expect(refusal, `${namespace} let somebody in`);
    return refusal;
  }

  constructor(base, namespace, token, more) {
    this.namespace = namespace;
    this.heard = [];
    const auth = token === undefined ? {} : { token };
    this.socket = io(base + namespace, { forceNew: true, reconnection: false, auth, ...more });
    this.socket.onAny((event, data) => this.heard.push({ event, ...data }));
  }

  /** Nothing when it is connected, the error when it is not. */
  outcome() {
    return within(
      10,
      new Promise((resolve) => {
        this.socket.once('connect', () => resolve());
        this.socket.once('connect_error', resolve);
      }),
      `no answer of ${this.namespace}`,
    );
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** Sends a command; the ack as it came. */
  async send(event, ...data) {
    const ack = await within(10, new Promise((resolve) => this.socket.emit(event, ...data, resolve)), `no ack of ${event}`);
    expect(ack?.ok === true || typeof ack?.error?.code === 'string', `${event} was acked by ${JSON.stringify(ack)}`);
    return ack;
  }

  /** Sends a command that is to succeed; its data. */
  async ask(event, data) {
    const ack = await this.send(event, data);
    if (!ack.ok) fail(`${event} is refused: ${JSON.stringify(ack.error)}`);
    expect(ack.data !== null && typeof ack.data === 'object', `${event} succeeded without data`);
    return ack.data;
  }

  /** Sends a command that is to be refused with this code; the error. */
  async refuse(code, event, ...data) {
    const ack = await this.send(event, ...data);
    if (ack.ok) fail(`${event} succeeded instead of ${code}`);
    same(ack.error.code, code, event);
    expect(!Number.isNaN(Date.parse(ack.error.serverNow)), `${event}: ${code} without the server's time`);
    return ack.error;
  }

  /** The first event of a kind that fits, of those that came or will. */
  hear(event, fits = () => true) {
    const found = () => this.heard.find((it) => it.event === event && fits(it));
    return until(`${event} on ${this.namespace}`, found);
  }

  /** Everything of a kind that came. */
  all(event, fits = () => true) {
    return this.heard.filter((it) => it.event === event && fits(it));
  }

  close() {
    this.socket.disconnect();
  }
}
