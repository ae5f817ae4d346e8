import { Pair, parseLines } from 'dot-properties';
import { invalidConfiguration } from './invalid-configuration.js';

/** One key of a .properties file; of a repeated key the last one. */
export interface Property {
  value: string;
  /** Line that the key stands on, from 1. */
  line: number;
}

export interface Properties {
  values: Map<string, Property>;
  /** What is likely a mistake, one sentence each. */
  notes: string[];
}

/**
 * Reads Java's .properties syntax. `$$NAME$$` in a value stands for a variable of the environment,
 * if there is one.
 *
 * @param content UTF-8, or else latin-1, as Java reads it
 * @param file name for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the file and the line, for an environment
 *   variable that is not there and for a broken `\u` escape.
 */
export function parseProperties(
  content: Uint8Array,
  file: string,
  environment: NodeJS.ProcessEnv | undefined,
): Properties {
  const text = decode(content).replace(/\r\n?/g, '\n');
  const values = new Map<string, Property>();
  const notes: string[] = [];
  const lineAt = lineCounter(text);
  for (const node of parseLines(text, true)) {
    if (!(node instanceof Pair)) continue;
    const { key, range = [0, 0] } = node;
    const line = lineAt(range[0]);
    const at = `${file}:${line}`;
    refuseBrokenEscapes(text.slice(range[0], range.at(-1)), at);
    const earlier = values.get(key);
    if (earlier !== undefined) {
      notes.push(`${at}: ${key} stands on line ${earlier.line} too; this one counts`);
    }
    const value = environment === undefined ? node.value : substitute(node.value, at, environment);
    values.set(key, { value, line });
  }
  return { values, notes };
}

function decode(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return Buffer.from(content).toString('latin1');
  }
}

/** Line numbers of offsets that only grow. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let position = 0;
  return (offset) => {
    for (; position < offset; position += 1) {
      if (text[position] === '\n') line += 1;
    }
    return line;
  };
}

/** Java refuses them; else a path like C:\users would lose its backslash without a word. */
function refuseBrokenEscapes(source: string, at: string): void {
  for (const [sequence] of source.matchAll(/\\(?:u[0-9a-fA-F]{0,4}|[\s\S])/g)) {
    if (sequence.startsWith('\\u') && sequence.length < 6) {
      throw invalidConfiguration(
        `${at}: Malformed \\uxxxx encoding: "${sequence}" (a backslash is written \\\\)`,
      );
    }
  }
}

function substitute(value: string, at: string, environment: NodeJS.ProcessEnv): string {
  return value.replace(/\$\$([^$]+)\$\$/g, (_whole, name: string) => {
    const found = environment[name];
    if (found === undefined)
      throw invalidConfiguration(`${at}: Invalid Environment Variable ${name}`);
    return found;
  });
}
