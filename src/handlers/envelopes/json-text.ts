/*
 * Results are JSON as json.dumps(value, indent=2) lays it out. A text of JSON has no line breaks of
 * its own, so every line break there is layout.
 */

/** The same with every line but the first indented by so many spaces more. */
export function indented(json: string, spaces: number): string {
  return json.replaceAll('\n', `\n${' '.repeat(spaces)}`);
}

/** The same as json.dumps(value) writes it: on one line, `, ` between items. */
export function onOneLine(json: string): string {
  return json.replace(/,\n */g, ', ').replace(/\n */g, '');
}

/** Characters of a text that are rewritten in one turn of the event loop. */
const longestTurn = 128 * 1024;

/** The same in several turns of the event loop, where it takes longer. */
export function onOneLineInTurns(json: string): string | Promise<string> {
  return json.length <= longestTurn ? onOneLine(json) : inTurns(json);
}

async function inTurns(json: string): Promise<string> {
  const parts: string[] = [];
  let start = 0;
  while (start < json.length) {
    // Not within the layout between two items.
    const cut = json.indexOf(',\n', start + longestTurn);
    const end = cut < 0 ? json.length : cut;
    parts.push(onOneLine(json.slice(start, end)));
    start = end;
    await new Promise(setImmediate);
  }
  return parts.join('');
}

/** A list of values at an indentation of so many spaces. */
export function listOf(items: readonly string[], spaces: number): string {
  if (items.length === 0) return '[]';
  const line = `\n${' '.repeat(spaces)}`;
  const inner = items.map((item) => indented(item, spaces + 2));
  return `[${line}  ${inner.join(`,${line}  `)}${line}]`;
}

const leaf = /"(?:[^"\\]|\\.)*"|[-+.\w]+/g;

/** The scalars of nested lists in their order; undefined when there is an object among them. */
export function leavesOf(json: string): string[] | undefined {
  const leaves = json.match(leaf) ?? [];
  return hasObject(json) ? undefined : [...leaves];
}

function hasObject(json: string): boolean {
  return json.includes('{') && json.replace(/"(?:[^"\\]|\\.)*"/g, '').includes('{');
}
