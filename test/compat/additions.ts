import type { Answer } from './answer.js';

/** Members that Sconce adds to objects: why an error is one, and what it knows of a model. */
const addedMembers = new Set(['reason', 'sconce']);

/** Headers that Sconce adds: when to try again. */
const addedHeader = /^retry-after: \d+$/;

/**
 * An answer of Sconce without what it adds to TorchServe's (docs/migrate.md, `Additions`), which
 * clients pass over.
 */
export function withoutAdditions(answer: Answer): Answer {
  const headers = answer.headers.filter((header) => !addedHeader.test(header));
  const text = answer.body.join('\n');
  const reduced = reduceJson(text);
  if (reduced === text) return { ...answer, headers };
  return {
    ...answer,
    headers: headers.map((header) =>
      header === `content-length: ${Buffer.byteLength(text)}`
        ? `content-length: ${Buffer.byteLength(reduced)}`
        : header,
    ),
    body: reduced.split('\n'),
  };
}

function reduceJson(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  // A body that is laid out in another way is compared as it is.
  if (`${JSON.stringify(value, null, 2)}\n` !== text) return text;
  for (const member of [value].flat()) {
    if (typeof member !== 'object' || member === null) continue;
    for (const name of addedMembers) Reflect.deleteProperty(member, name);
  }
  return `${JSON.stringify(value, null, 2)}\n`;
}
