import { SconceError } from '../../errors.js';
import type { HandlerInput } from '../api/handler-input.js';
import { binaryType, jsonType, mediaType } from '../tensor/media-type.js';

/** How a request wraps its texts; the reply is wrapped alike. */
export type TextForm = 'one' | 'list' | 'instances';

export interface Texts {
  texts: readonly string[];
  form: TextForm;
}

/** Limits of a request, from the model's configuration. */
export interface TextLimits {
  maxTexts: number;
  maxCharacters: number;
}

/** Fields of an object that may hold the texts. */
const fields = ['text', 'texts', 'inputs', 'sentences', 'data'];
const instances = 'instances';

/** Characters that NFKC makes of one at most, of U+FDFA. */
const mostForOne = 18;

const read = new WeakMap<HandlerInput, Texts>();

/**
 * The texts of a request: a text; or JSON: a string, a list of strings, or an object that holds
 * either as `text`, `texts`, `inputs`, `sentences`, `data` or `instances`. JSON is what is called so,
 * and what has no type, or only that of a form, and is a list or an object of this kind.
 *
 * @throws {SconceError} INVALID_REQUEST saying what is wrong and where.
 */
export function readTexts(request: HandlerInput, limits: TextLimits): Texts {
  const known = read.get(request);
  if (known !== undefined) return known;
  const texts = textsOf(request);
  check(texts, limits);
  read.set(request, texts);
  return texts;
}

/** The answers to a request's texts, in the form of the request. */
export function replyInForm(request: HandlerInput, answers: readonly unknown[]): object {
  const form = read.get(request)?.form ?? 'list';
  const [first] = answers;
  if (form === 'one' && typeof first === 'object' && first !== null) return first;
  return form === 'instances' ? { predictions: answers } : answers;
}

function textsOf(request: HandlerInput): Texts {
  const { contentType } = request.data;
  const type = contentType === undefined ? undefined : mediaType(contentType);
  if (type === jsonType) return textsOfJson(request.json());
  const text = request.text();
  if ((type === undefined || type === binaryType) && /^\s*[[{"]/.test(text)) {
    const texts = textsOfUndeclared(text);
    if (texts !== undefined) return texts;
  }
  return { texts: [text], form: 'one' };
}

/** Undefined for a text that only looks like JSON. */
function textsOfUndeclared(text: string): Texts | undefined {
  try {
    return textsOfJson(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function textsOfJson(value: unknown): Texts {
  if (typeof value === 'string') return { texts: [value], form: 'one' };
  if (Array.isArray(value)) return { texts: listOf(value, ''), form: 'list' };
  if (typeof value !== 'object' || value === null) {
    throw invalid(`a text or a list of texts is expected, ${kindOf(value)} came`);
  }
  const entries = new Map<string, unknown>(Object.entries(value));
  const rows = entries.get(instances);
  if (Array.isArray(rows)) return { texts: listOf(rows, instances), form: 'instances' };
  const field = fields.find((name) => entries.has(name));
  const found = field === undefined ? undefined : entries.get(field);
  if (typeof found === 'string') return { texts: [found], form: 'one' };
  if (Array.isArray(found)) return { texts: listOf(found, field ?? ''), form: 'list' };
  if (field !== undefined) {
    throw invalid(`"${field}": a text or a list of texts is expected, ${kindOf(found)} came`);
  }
  const came = [...entries.keys()].slice(0, 20).map((name) => JSON.stringify(name).slice(0, 100));
  throw invalid(
    `an object holds the text in the field ${[...fields, instances].join(', ')}; it has ${came.join(', ') || 'no field'}`,
  );
}

/** Elements are texts, or objects with a text. */
function listOf(list: readonly unknown[], name: string): string[] {
  return list.map((element, i) => {
    const inner =
      typeof element === 'object' && element !== null && !Array.isArray(element)
        ? Object.entries(element).find(([key]) => fields.includes(key))?.[1]
        : element;
    if (typeof inner === 'string') return inner;
    throw invalid(`${name}[${i}]: a text is expected, ${kindOf(inner)} came`);
  });
}

function check({ texts }: Texts, { maxTexts, maxCharacters }: TextLimits): void {
  if (texts.length === 0) throw invalid('the list of texts is empty');
  if (texts.length > maxTexts) {
    throw invalid(`the request has ${texts.length} texts; handler.maxTexts allows ${maxTexts}`);
  }
  for (const [i, text] of texts.entries()) {
    const characters = charactersOf(text, maxCharacters);
    if (characters <= maxCharacters) continue;
    throw invalid(
      `text ${i} has ${characters} characters; handler.maxCharacters allows ${maxCharacters}`,
    );
  }
}

/** Written out, if that may matter: normalization makes 18 letters of some signs. */
function charactersOf(text: string, allowed: number): number {
  const isClear = text.length > allowed || text.length * mostForOne <= allowed;
  return isClear ? text.length : Math.max(text.length, text.normalize('NFKC').length);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

function invalid(problem: string): SconceError {
  return new SconceError('INVALID_REQUEST', problem);
}
