import { messageOf, SconceError } from '../../errors.js';

/** What the parser throws: an object with the place, lines from 1 and columns from 0. */
interface ParserFailure {
  code: unknown;
  message: string;
  startLine: number;
  startColumn: number;
}

const remedies: readonly [construct: RegExp, remedy: string][] = [
  [/enum/, 'use an object with "as const" and a union of its values'],
  [/namespace|module/, 'use a module: a file of its own with exports'],
  [/parameter property/, 'declare the field and assign it in the constructor'],
  [/import equals/, 'write import ... from'],
  [/export assignment/, 'write export default, or export the class by name'],
];

/**
 * JavaScript from TypeScript: types become blanks, so that lines and columns stay; nothing else
 * changes. JavaScript stays as it is.
 *
 * @param file for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming file, line and column, for a mistake of syntax
 *   and for what more than types would have to be removed from.
 */
export async function stripTypes(source: string, file: string): Promise<string> {
  // Twelve megabytes of parser, for those who need it.
  const { default: parser } = await import('@swc/wasm-typescript');
  try {
    const stripped = parser.transformSync(source, { mode: 'strip-only', module: true });
    return stripped.code;
  } catch (error) {
    if (!isParserFailure(error)) throw invalid(`${file} cannot be read: ${messageOf(error)}`);
    const place = `${file}:${error.startLine}:${error.startColumn + 1}`;
    if (error.code !== 'UnsupportedSyntax') throw invalid(`${place}: ${error.message}`);
    const remedy = remedies.find(([construct]) => construct.test(error.message))?.[1];
    const [, construct] = /^(.*) is not supported in strip-only mode$/.exec(error.message) ?? [];
    if (construct === undefined) {
      const sentence = error.message.replace(/ in strip(-only| type)? mode\b/, ' here');
      throw invalid(`${place}: ${sentence.replace(/\.$/, '')}`);
    }
    throw invalid(
      `${place}: ${construct} is more than a type, and types are all that is removed${remedy ? `; ${remedy}` : ''}, or compile the file and use the JavaScript`,
    );
  }
}

function isParserFailure(error: unknown): error is ParserFailure {
  return (
    typeof error === 'object' &&
    error !== null &&
    'message' in error &&
    typeof error.message === 'string' &&
    'startLine' in error &&
    'startColumn' in error &&
    typeof error.startColumn === 'number'
  );
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
