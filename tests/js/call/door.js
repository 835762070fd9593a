// The plain WebSocket of docs/REALTIME.md: commands with answers, frames, and coming back after a break.

const SLOWEST = 30_000;

/** A command that the server refused; `code` says why, `more` what goes with it. */
export class Refused extends Error {
  constructor({ code, ...more }) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

/**
 * Dispatches `open` after each welcome, `lost` (with `code`) when the connection is gone, and every frame of the
 * server as an event of its type with the frame as `detail`.
 */
export class Door extends EventTarget {
  #url;
  #token;
  #socket;
  #asked = new Map();
  #count = 0;
  #tries = 0;
  #closed = false;

  constructor(base, token) {
    super();
    this.#url = `${base.replace(/^http/, 'ws')}/v1/ws`;
    this.#token = token;
    this.#open();
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends a command and waits for its answer's data. */
  ask(type, fields = {}) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Refused({ code: 'CLOSED' }));
      const ref = `c${(this.#count += 1)}`;
      this.#asked.set(ref, { resolve, reject });
      this.#socket.send(JSON.stringify({ type, ref, ...fields }));
    });
  }

  on(type, handler) {
    this.addEventListener(type, (event) => handler(event.detail));
  }

  /** Ends it for good. */
  close() {
    this.#closed = true;
    this.#socket.close();
  }

  #open() {
    // A browser cannot set headers here; the server echoes the first protocol alone, never the token.
    this.#socket = new WebSocket(this.#url, ['konnect.v1', `bearer.${this.#token}`]);
    this.#socket.onmessage = (message) => this.#take(JSON.parse(message.data));
    this.#socket.onclose = (end) => this.#lost(end.code);
  }

  #take(frame) {
    const { type, ref, ...rest } = frame;
    if (type === 'welcome') {
      this.#tries = 0;
      return this.#tell('open', rest);
    }
    const asked = this.#asked.get(ref);
    if (!asked) return this.#tell(type, rest);
    this.#asked.delete(ref);
    if (type === 'ok') asked.resolve(rest.data);
    else asked.reject(new Refused(rest));
  }

  #lost(code) {
    for (const { reject } of this.#asked.values()) reject(new Refused({ code: 'CLOSED' }));
    this.#asked.clear();
    this.#tell('lost', { code });
    // 4001: the login has ended, and coming back with the same token is no use.
    if (this.#closed || code === 4001) return;
    const delay = Math.min(SLOWEST, 1000 * 2 ** this.#tries) * (0.5 + Math.random());
    this.#tries += 1;
    setTimeout(() => this.#open(), delay);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
