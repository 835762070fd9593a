// Checks with a name, each reported as one line of JSON on standard output.

let failed = 0;

/** Runs one check; what it returns is its detail, what it throws its failure. True when it held. */
export async function check(name, act, seconds = 20) {
  const began = performance.now();
  const line = { name, ok: true };
  try {
    const detail = await within(seconds, act());
    if (detail !== undefined) line.detail = detail;
  } catch (error) {
    failed += 1;
    line.ok = false;
    line.detail = error instanceof Failure ? error.message : String(error?.stack ?? error);
  }
  line.ms = Math.round(performance.now() - began);
  console.log(JSON.stringify(line));
  return line.ok;
}

/** How many checks failed so far. */
export const failures = () => failed;

class Failure extends Error {}

/** Fails the running check. */
export function fail(text) {
  throw new Failure(text);
}

export function expect(condition, text) {
  if (!condition) fail(text);
}

/** Fails unless both are the same as JSON. */
export function same(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) fail(`${what}: ${a} instead of ${b}`);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The promise, unless it takes longer. */
export async function within(seconds, promise, what = 'nothing happened') {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure(`${what} within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks until the answer is neither false nor undefined, and gives it. */
export async function until(what, ask, seconds = 15) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer;
    if (performance.now() > end) fail(`${what} did not happen within ${seconds} s`);
    await sleep(50);
  }
}
