// What a script is to do: a JSON object, as the first argument, or the first line of standard input when there is none.

import { createInterface } from 'node:readline';

let lines;

/** The scenario. It ends the process with a message when a field is missing. */
export async function scenario(fields) {
  const text = process.argv[2] ?? (await line());
  let given;
  try {
    given = JSON.parse(text ?? '');
  } catch (error) {
    usage(`no JSON: ${error.message}`, fields);
  }
  for (const name of fields) if (given[name] === undefined) usage(`${name} is missing`, fields);
  return given;
}

/** The next line of standard input; undefined at its end. */
export async function line() {
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  return (await lines.next()).value;
}

function usage(text, fields) {
  console.error(`${process.argv[1]}: ${text}. It needs a JSON object with ${fields.join(', ')}.`);
  process.exit(2);
}
