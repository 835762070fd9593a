// A headless Chromium with fake devices, driven over its own protocol (CDP), without a framework.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import WebSocket from 'ws';
import { fail, within } from './report.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const FLAGS = [
  '--headless=new',
  '--remote-debugging-port=0',
  // A moving picture and a beep for camera and microphone, a moving picture for the screen; nobody is asked.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
  '--no-proxy-server',
  // On a machine without a network loopback is the only way between two pages.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  // Neither page is in the foreground, and both are to go on.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-sync',
  '--no-default-browser-check',
  '--no-first-run',
  '--password-store=basic',
];

/** The first of some programs that is on the PATH. */
function onPath(names) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next one.
      }
    }
  }
  return undefined;
}

export class Chromium {
  #child;
  #profile;
  #socket;
  #count = 0;
  #asked = new Map();
  #pages = new Map();

  /** `hosts` maps names to addresses, as in `MAP localhost:3000 127.0.0.1:4711`. */
  static async start(hosts) {
    const browser = new Chromium();
    browser.#profile = await mkdtemp(join(tmpdir(), 'konnect-chromium-'));
    const flags = [...FLAGS, `--user-data-dir=${browser.#profile}`, `--host-resolver-rules=${hosts}`];
    // Chromium's sandbox refuses to work for root.
    if (process.getuid() === 0) flags.push('--no-sandbox');
    const program = process.env.CHROMIUM ?? onPath(NAMES) ?? fail('no Chromium on the PATH: ./dev provision installs it');
    // Where Linux can, it is ended with this process however that ends; its own processes follow it.
    const guard = onPath(['setpriv']);
    const command = guard ? [guard, '--pdeathsig', 'KILL', program] : [program];
    browser.#child = spawn(command[0], [...command.slice(1), ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    process.on('exit', () => browser.#child.kill('SIGKILL'));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
    await browser.#connect(await within(30, browser.#address(), 'Chromium does not start'));
    return browser;
  }

  #address() {
    return new Promise((resolve, reject) => {
      let said = '';
      this.#child.on('error', reject);
      this.#child.on('exit', (code) => reject(new Error(`Chromium ended with ${code}: ${said.slice(-2000)}`)));
      this.#child.stderr.setEncoding('utf8').on('data', (part) => {
        said = (said + part).slice(-10_000);
        const found = /DevTools listening on (ws:\S+)/.exec(said);
        if (found) resolve(found[1]);
      });
    });
  }

  async #connect(address) {
    this.#socket = new WebSocket(address, { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 });
    this.#socket.on('message', (text) => this.#take(JSON.parse(text)));
    await new Promise((resolve, reject) => this.#socket.on('open', resolve).on('error', reject));
  }

  /** Asks the browser, or one of its pages by its session. */
  ask(method, params = {}, sessionId = undefined) {
    const id = (this.#count += 1);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    return within(30, answer, `no answer of Chromium to ${method}`);
  }

  #take({ id, result, error, sessionId, method, params }) {
    if (id === undefined) return this.#pages.get(sessionId)?.happened(method, params);
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked?.reject(new Error(`${error.message} ${error.data ?? ''}`));
    else asked?.resolve(result);
  }

  /** A page in a window and a profile of its own. */
  async page(url) {
    const { browserContextId } = await this.ask('Target.createBrowserContext');
    const size = { width: 900, height: 640 };
    const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank', browserContextId, newWindow: true, ...size });
    const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.#pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime']) await page.ask(`${domain}.enable`);
    await page.ask('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
    await page.loaded(() => page.ask('Page.navigate', { url }));
    return page;
  }

  async stop() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await within(10, ended, 'Chromium does not end');
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

class Page {
  /** What the page wrote to its console, for the case that something fails. */
  said = [];
  #browser;
  #session;
  #onload;

  constructor(browser, session) {
    this.#browser = browser;
    this.#session = session;
  }

  ask(method, params) {
    return this.#browser.ask(method, params, this.#session);
  }

  /** Does something that loads a document, and waits until it is loaded. */
  async loaded(act) {
    const done = new Promise((resolve) => (this.#onload = resolve));
    await act();
    await within(20, done, 'the page did not load');
  }

  happened(method, params) {
    if (method === 'Page.loadEventFired') {
      this.#onload?.();
    } else if (method === 'Runtime.consoleAPICalled') {
      this.said.push(params.args.map((it) => it.value ?? it.description ?? it.type).join(' '));
    } else if (method === 'Runtime.exceptionThrown') {
      const { text, exception } = params.exceptionDetails;
      this.said.push(`${text} ${exception?.description ?? ''}`);
    }
  }

  /** Runs an expression in the page, as if a person had just clicked, and gives its value. */
  async run(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', asked);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** The page as a PNG. */
  async picture() {
    const { data } = await this.ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  /** The page from its top to its end as a PNG, whatever of it the window shows. */
  async whole() {
    const { cssContentSize: size } = await this.ask('Page.getLayoutMetrics');
    const clip = { x: 0, y: 0, width: size.width, height: size.height, scale: 1 };
    const { data } = await this.ask('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip });
    return Buffer.from(data, 'base64');
  }
}
