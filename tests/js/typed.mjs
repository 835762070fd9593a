// A client in TypeScript, generated from the OpenAPI document: types by openapi-typescript, compiled strictly, then the
// main flow of typed/flow.ts against a running api.
//
//   node typed.mjs '{"document": "docs/openapi.json", "base": "http://…", "mentor": "<token>", "startsAt": "<instant>"}'
//
// It asks {"ask": "pay <order id> <won>"} and reads the payment key, and {"ask": "work"} and reads a line once workers
// have run. Prints a line of JSON per check; ends with 1 when one failed.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { line, scenario } from './lib/input.mjs';
import { check, fail, failures } from './lib/report.mjs';

const run = promisify(execFile);
const scripts = fileURLToPath(new URL('.', import.meta.url));
const here = join(scripts, 'typed');
const generated = join(here, 'generated');
const tool = (name) => join(scripts, 'node_modules', '.bin', name);

const given = await scenario(['document', 'base', 'mentor', 'startsAt']);
const ready = await check('the generated client compiles', async () => {
  await rm(generated, { recursive: true, force: true });
  await mkdir(generated);
  try {
    // What has a default may be left out of a request.
    const options = ['--default-non-nullable=false', '--output', join(generated, 'schema.d.ts')];
    await run(tool('openapi-typescript'), [given.document, ...options]);
    await run(tool('tsc'), ['--project', here]);
  } catch (error) {
    fail(`${error.stdout}${error.stderr}`.slice(0, 4000));
  }
}, 120);
if (ready) {
  const { flow } = await import(join(generated, 'flow.js'));
  const ask = async (what) => {
    console.log(JSON.stringify({ ask: what }));
    return (await line()) ?? fail('nobody answers');
  };
  await flow(given, { check, ask, fail });
}
process.exit(failures() === 0 ? 0 : 1);
