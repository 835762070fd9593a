// Every mail in Chromium: can it be read on a telephone, in light and in dark, and what does it look like.
//
//   node mails.mjs '{"shots": ".dev/shots/mail", "names": ["reservation.confirmed.ko", …]}'
//
// The folder holds a page `NAME.html` for each name; beside it comes `NAME.png`, and `all.ko.png` and `all.en.png` with
// the mails of a language side by side. Prints and ends as client.mjs does.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Chromium } from './lib/chromium.mjs';
import { serve } from './lib/files.mjs';
import { scenario } from './lib/input.mjs';
import { check, expect, failures, same } from './lib/report.mjs';

const { shots, names } = await scenario(['shots', 'names']);
const TELEPHONE = { width: 360, height: 740 };
const SIZE = { width: 640, height: 800 };

/** Runs in the page: the least contrast of its texts (WCAG 2.2, 1.4.3), and how far it is wider than the screen. */
const measure = `(() => {
  const light = ([r, g, b]) => {
    const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (it) => {
    for (; it; it = it.parentElement) {
      const colour = numbers(getComputedStyle(it).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const speaks = (it) => [...it.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const texts = [...document.body.querySelectorAll('*')].filter(speaks);
  const contrast = texts.map((it) => {
    const [a, b] = [light(numbers(getComputedStyle(it).color)), light(ground(it))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  const root = document.documentElement;
  return {
    least: Math.min(...contrast),
    over: root.scrollWidth - root.clientWidth,
    title: document.querySelector('h1').innerText.trim().length,
    links: [...document.links].every((it) => it.href.startsWith('https://')),
    // The browser asks for the icon of a place by itself.
    fetched: performance.getEntriesByType('resource').filter((it) => !it.name.endsWith('/favicon.ico')).length,
  };
})()`;

let browser;
try {
  const port = await serve(shots);
  browser = await Chromium.start('MAP * 127.0.0.1');
  const address = (name) => `http://127.0.0.1:${port}/${name}.html`;
  const page = await browser.page(address(names[0]));
  const dark = (on) =>
    page.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: on ? 'dark' : 'light' }] });
  const grow = (size) => page.ask('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
  const open = (name) => page.loaded(() => page.ask('Page.navigate', { url: address(name) }));

  for (const name of names) {
    await check(name, async () => {
      await grow(TELEPHONE);
      await open(name);
      for (const on of [false, true]) {
        await dark(on);
        const { least, over, title, links, fetched } = await page.run(measure);
        expect(least >= 4.5, `a contrast of ${least.toFixed(2)} in ${on ? 'dark' : 'light'}`);
        same(over, 0, 'pixels beside the screen');
        expect(title > 0 && links, 'a title and links by https');
        same(fetched, 0, 'things fetched from elsewhere');
      }
      await dark(false);
      await grow(SIZE);
      await writeFile(join(shots, `${name}.png`), await page.whole());
    });
  }
  for (const language of ['ko', 'en']) {
    await check(`all in ${language}`, async () => {
      const those = names.filter((name) => name.endsWith(`.${language}`));
      await page.run(`(() => {
        document.body.style = 'margin:0;display:grid;grid-template-columns:repeat(4,1fr)';
        document.body.innerHTML = ${JSON.stringify(those.map((name) => `<iframe src="/${name}.html" style="border:0;width:100%;height:640px"></iframe>`).join(''))};
        return Promise.all([...document.querySelectorAll('iframe')].map((it) => new Promise((done) => (it.onload = done)))).then(() => true);
      })()`);
      await grow({ width: 2000, height: 1000 });
      await writeFile(join(shots, `all.${language}.png`), await page.whole());
      return those.length;
    }, 60);
  }
  await check('one in the dark', async () => {
    await grow(SIZE);
    await open(names[0]);
    await dark(true);
    await writeFile(join(shots, 'dark.png'), await page.whole());
  });
} finally {
  await browser?.stop();
}
process.exit(failures() === 0 ? 0 : 1);
