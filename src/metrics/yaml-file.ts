import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { messageOf, SconceError } from '../errors.js';
import { namePattern, unitPattern } from './specification.js';

/** Keys and positions from the root of a document. */
export type YamlPath = readonly (string | number)[];

/** Uses of anchors: a file has one for each label of each metric, a hostile one has millions. */
const mostAliases = 100_000;

const expected: Record<string, string> = {
  [namePattern]: 'must consist of letters, digits and "_", and not begin with a digit or "__"',
  [unitPattern]: 'must consist of letters, digits, "_" and spaces',
};

/** The text of a YAML file; whatever is wrong with it is told with the file, the line and the key. */
export class YamlFile {
  readonly #lines = new LineCounter();
  readonly #document: Document;

  /**
   * @param name for messages
   * @throws {SconceError} INVALID_CONFIGURATION when the text is not YAML
   */
  constructor(
    text: string,
    private readonly name: string,
  ) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, merge: true });
    const [error] = this.#document.errors;
    if (error !== undefined) throw this.#error(`${name}: ${error.message}`);
  }

  /**
   * What the document holds; a key without a value is left out.
   *
   * @throws {SconceError} INVALID_CONFIGURATION when it is not of the schema
   */
  content<Schema extends TSchema>(schema: Schema): Static<Schema> {
    const value = withoutNulls(this.#value()) ?? {};
    if (Value.Check(schema, value)) return value;
    const [error] = Value.Errors(schema, value);
    const path = error?.instancePath.split('/').slice(1) ?? [];
    throw this.refusal(path, error === undefined ? 'is not valid' : inWords(error));
  }

  /** An error about what stands at a path. */
  refusal(path: YamlPath, what: string): SconceError {
    const line = this.#lineOf(path);
    const where = line === undefined ? this.name : `${this.name}:${line}`;
    return this.#error(`${where}: ${path.join('.') || 'the document'} ${what}`);
  }

  #value(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: mostAliases });
    } catch (error) {
      throw this.#error(`${this.name}: ${messageOf(error)}`);
    }
  }

  /** The line of what stands at a path, or of the nearest thing around it. */
  #lineOf(path: YamlPath): number | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const keys = path.slice(0, length).map((key) => (/^\d+$/.test(`${key}`) ? Number(key) : key));
      const node: unknown = this.#document.getIn(keys, true);
      const start = isNode(node) ? node.range?.[0] : undefined;
      if (start !== undefined) return this.#lines.linePos(start).line;
    }
    return undefined;
  }

  #error(message: string): SconceError {
    return new SconceError('INVALID_CONFIGURATION', message);
  }
}

function inWords(error: ReturnType<typeof Value.Errors>[number]): string {
  switch (error.keyword) {
    case 'boolean':
      // The schema of every key that an object does not declare is `false`.
      return 'is not known here';
    case 'pattern':
      return expected[String(error.params.pattern)] ?? error.message;
    default:
      return error.message;
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}
