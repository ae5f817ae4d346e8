import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/root.mjs';

export { serve } from '../../scripts/lib/serve-models.mjs';

export const textOf = (path) => readFileSync(join(root, path), 'utf8');

/** A curl command and the JSON or text block that follows it, from a document. */
export function examplesIn(path) {
  const pairs =
    /```sh\n(?:[^`]*\n)?(curl [^`]*?)```\s+(?:[^`#]*\n\n)?```(?:json|text)\n([\s\S]*?)```/g;
  return [...textOf(path).matchAll(pairs)].map(([, command, answer]) => ({
    path,
    command: command.replace(/\s*\\\n\s*/g, ' ').trim(),
    answer: answer.trimEnd(),
  }));
}

/** The request that a curl command of the documents makes. */
export function requestOf(command) {
  const url = new URL(/http:\/\/127\.0\.0\.1:8080\S*/.exec(command)?.[0] ?? '');
  const headers = [...command.matchAll(/ -H '([^:]+): ([^']+)'/g)].map(([, k, v]) => [k, v]);
  const [, quoted, file] = / (?:-d|-T) (?:'([^']*)'|@?(\S+))/.exec(command) ?? [];
  return { path: url.pathname, headers, body: quoted ?? readFileSync(join(root, file)) };
}

/** The same text, with the last digits of numbers left open: they depend on the CPU. */
export function assertAlike(given, expected, where) {
  const number = /-?\d+\.\d+(?:e[+-]\d+)?/g;
  assert.equal(given.replace(number, '#'), expected.replace(number, '#'), where);
  const wanted = expected.match(number) ?? [];
  for (const [i, text] of (given.match(number) ?? []).entries()) {
    assert.ok(Math.abs(Number(text) - Number(wanted[i])) < 1e-5, `${where}: ${text}, ${wanted[i]}`);
  }
}

/** Sends the request of a command, and compares the answer. */
export async function assertAnswer(url, { command, answer }) {
  const { path, headers, body } = requestOf(command);
  const reply = await fetch(url + path, { method: 'POST', headers, body });
  assertAlike((await reply.text()).trimEnd(), answer, command);
}
