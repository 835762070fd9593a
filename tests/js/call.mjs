// Two Chromium pages hold a WebRTC call through our signalling, each at an api process of its own.
//
//   node call.mjs '{"bases": ["http://…", "http://…"], "room": "<reservation id>", "mentor": "<token>",
//     "mentee": "<token>", "origin": "http://localhost:3000", "shots": ".dev/shots"}'
//
// The page of call/ is served on a free port of loopback; the browsers take it for `origin`, which the api processes
// allow. Pictures of both pages are kept in `shots`. Prints and ends as client.mjs does.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chromium } from './lib/chromium.mjs';
import { serve } from './lib/files.mjs';
import { scenario } from './lib/input.mjs';
import { check, expect, failures, same, sleep, until } from './lib/report.mjs';

const given = await scenario(['bases', 'room', 'mentor', 'mentee', 'origin']);
const { bases, room, mentor, mentee, origin, shots = '.dev/shots' } = given;
const port = await serve(fileURLToPath(new URL('call/', import.meta.url)));
let browser;
let pages;

const address = (api, token, lang) => `${origin}/#${new URLSearchParams({ api, room, token, lang })}`;
const state = (page) => page.run(`document.getElementById('state').dataset.state`);
const click = (page, id) => page.run(`document.getElementById(${JSON.stringify(id)}).click()`);
const shown = (page, id) => page.run(`!document.getElementById(${JSON.stringify(id)}).hidden`);

/** A number that stands for what a video shows right now; null while it shows nothing. */
const picture = (page, id) =>
  page.run(`(() => {
    const video = document.getElementById(${JSON.stringify(id)});
    if (!video.srcObject || video.readyState < 2) return null;
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 36);
    return context.getImageData(0, 0, 64, 36).data.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);
  })()`);

/** Frames that the decoder gave to the track which a video shows. */
const decoded = (page, id) =>
  page.run(`(async () => {
    const track = document.getElementById(${JSON.stringify(id)}).srcObject?.getVideoTracks()[0];
    const frames = await window.call?.frames();
    return (track && frames?.[track.id]) ?? 0;
  })()`);

/** Waits until frames come and the picture changes; the frames a second. */
async function moves(page, id) {
  await until(`the first frames of ${id}`, async () => (await decoded(page, id)) > 2, 20);
  const [frames, began] = [await decoded(page, id), performance.now()];
  const seen = new Set();
  await until(`a moving picture in ${id}`, async () => {
    const now = await picture(page, id);
    if (now !== null) seen.add(now);
    return seen.size >= 3 && (await decoded(page, id)) > frames + 5;
  });
  const rate = (((await decoded(page, id)) - frames) * 1000) / (performance.now() - began);
  return Math.round(rate);
}

async function keep(name) {
  await mkdir(shots, { recursive: true });
  for (const [index, page] of pages.entries()) {
    await writeFile(join(shots, `${name}-${index === 0 ? 'mentor' : 'mentee'}.png`), await page.picture());
  }
}

const both = (act) => Promise.all(pages.map(act));
const connected = (page) => until('the connection', async () => (await state(page)) === 'connected', 25);

async function call() {
  const began = await check('two pages open', async () => {
    browser = await Chromium.start(`MAP ${new URL(origin).host} 127.0.0.1:${port}`);
    pages = [await browser.page(address(bases[0], mentor, 'ko')), await browser.page(address(bases[1], mentee, 'en'))];
  }, 60);
  if (!began) return;

  const talking = await check('both are connected', () => both(connected).then(() => undefined), 40);
  if (!talking) return;
  await check('both see the other move', () => both((page) => moves(page, 'remote')), 40);

  const [sharer, viewer] = pages;
  await check('the screen is asked for, and nothing is shown yet', async () => {
    await click(sharer, 'share');
    await until('the question', () => shown(viewer, 'allow'));
    same(await both((page) => shown(page, 'screen-box')), [false, false], 'a screen');
  });
  await check('granted and started, it is seen', async () => {
    await click(viewer, 'allow');
    await until('the permission', () => sharer.run(`!document.getElementById('share').disabled`));
    await click(sharer, 'share');
    await until('the screen', () => shown(viewer, 'screen-box'));
    const rate = await moves(viewer, 'screen');
    await moves(viewer, 'remote');
    return `${rate} frames a second`;
  }, 40);
  await check('pictures are kept', async () => {
    await keep('sharing');
    return shots;
  });
  await check('revoked, it is gone on both', async () => {
    await sharer.run(`void (window.shared = document.getElementById('screen').srcObject.getVideoTracks()[0])`);
    same(await sharer.run('window.shared.readyState'), 'live', 'the track while it is shared');
    await click(viewer, 'share');
    await both((page) => until('the end of the screen', async () => !(await shown(page, 'screen-box'))));
    same(await both((page) => page.run(`document.getElementById('screen').srcObject === null`)), [true, true], 'nothing left');
    same(await sharer.run('window.shared.readyState'), 'ended', 'the track afterwards');
    await both((page) => moves(page, 'remote'));
  }, 40);

  await check('a camera that is off shows nothing moving, and comes back', async () => {
    await click(sharer, 'camera');
    await sleep(700);
    const still = new Set();
    for (let i = 0; i < 6; i += 1) {
      still.add(await picture(viewer, 'remote'));
      await sleep(100);
    }
    expect(still.size <= 2, `${still.size} pictures in 0.6 s`);
    await click(sharer, 'camera');
    await moves(viewer, 'remote');
  }, 40);

  await check('a page that reloads comes back with a new epoch', async () => {
    const before = await sharer.run('window.call.epoch()');
    await viewer.loaded(() => viewer.ask('Page.reload'));
    await until('the new epoch', async () => (await sharer.run('window.call.epoch()')) > before, 25);
    await until('the page', async () => (await viewer.run('window.call?.epoch() ?? 0')) > before);
    await both(connected);
    await both((page) => moves(page, 'remote'));
    return { before, after: await both((page) => page.run('window.call.epoch()')) };
  }, 60);
  await keep('after-reload');
}

try {
  await call();
  if (failures() > 0) {
    for (const [index, page] of (pages ?? []).entries()) {
      page.said.push(`state: ${await state(page)}`);
      for (const text of page.said) console.error(`page ${index + 1}: ${text}`);
    }
    if (pages) await keep('failed');
  }
} finally {
  await browser?.stop();
}
process.exit(failures() === 0 ? 0 : 1);
