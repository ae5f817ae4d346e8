import { parseDocument, type Tags } from 'yaml';
import { messageOf, SconceError } from '../errors.js';

/** A document of YAML, and where its keys stand. */
export interface YamlText {
  /** As it was given. */
  file: string;
  /** Null for an empty document. */
  content: unknown;
  /** `:12` for the value at a path, empty where there is none. */
  lineOf: (path: readonly string[]) => string;
}

export interface YamlDialect {
  version: '1.1' | '1.2';
  /** Whether a key that stands twice is an error; else the last counts. */
  uniqueKeys: boolean;
}

/** Longest text that is read, in characters: parsing holds up the main loop. */
const longest = 262_144;

/**
 * Parses one document of YAML.
 *
 * @param file name for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, for what is not YAML, for aliases
 *   that would expand without end, and for a text that is too long or too deeply nested.
 */
export function readYaml(text: string, file: string, dialect: YamlDialect): YamlText {
  if (text.length > longest) throw invalid(file, `is longer than ${longest} characters`);
  const document = parseDocument(text, {
    prettyErrors: true,
    logLevel: 'error',
    ...dialect,
    ...(dialect.version === '1.1' ? { customTags: withoutLetters } : {}),
  });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) throw invalid(file, syntaxError.message);
  return {
    file,
    content: contentOf(document, file),
    lineOf: (path) => lineOf(text, document, path),
  };
}

const yes = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const no = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** `y` and `n` are text for the YAML of Python and of Java, though YAML 1.1 has them as booleans. */
function withoutLetters(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag === 'string' || tag.collection !== undefined) return tag;
    if (tag.tag !== 'tag:yaml.org,2002:bool') return tag;
    return { ...tag, test: tag.test?.test('yes') ? yes : no };
  });
}

function contentOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    throw invalid(file, messageOf(error));
  }
  try {
    JSON.stringify(content);
  } catch {
    throw invalid(file, 'an alias stands inside what it refers to');
  }
  return content;
}

function lineOf(
  text: string,
  document: ReturnType<typeof parseDocument>,
  path: readonly string[],
): string {
  const keys = path.map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  const node = document.getIn(keys, true);
  if (typeof node !== 'object' || node === null || !('range' in node)) return '';
  const { range } = node;
  if (!Array.isArray(range) || typeof range[0] !== 'number') return '';
  return `:${text.slice(0, range[0]).split('\n').length}`;
}

function invalid(file: string, why: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `${file}: ${why}`);
}
