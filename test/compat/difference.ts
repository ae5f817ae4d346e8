import { STATUS_CODES } from 'node:http';
import { type ErrorCode, SconceError } from '../../src/errors.js';
import type { Answer } from './answer.js';
import { readRecording } from './recordings.js';

/** Where Sconce answers otherwise on purpose. */
export interface Difference {
  /** The first cell of the row of docs/migrate.md that says why. */
  row: string;
  /** What Sconce answers where TorchServe answers `theirs`. */
  answer: (theirs: Answer) => Answer;
}

const uncached = [
  'Pragma: no-cache',
  'Cache-Control: no-cache; no-store, must-revalidate, private',
  'Expires: Thu, 01 Jan 1970 00:00:00 UTC',
];

/** Sconce answers with JSON. */
export function answers(row: string, value: unknown, status = 200): Difference {
  return { row, answer: () => jsonAnswer(status, value) };
}

/** Sconce refuses with a row of the table of errors. */
export function refuses(row: string, code: ErrorCode, ...values: string[]): Difference {
  const { status, type, message } = new SconceError(code, ...values);
  return answers(row, { code: status, type, message }, status);
}

/** Sconce answers with a prediction. */
export function predicts(row: string, value: unknown): Difference {
  return {
    row,
    answer: () => {
      const body = JSON.stringify(value, null, 2);
      return {
        status: 'HTTP/1.1 200 ',
        headers: [
          'x-request-id: <id>',
          ...uncached,
          `content-length: ${Buffer.byteLength(body)}`,
          'connection: keep-alive',
        ],
        body: body.split('\n'),
        closed: false,
      };
    },
  };
}

/** Sconce's error has another message. */
export function says(row: string, message: string): Difference {
  return edits(row, (body) =>
    body.replace(/^( {2}"message": ).*$/m, `$1${JSON.stringify(message)}`),
  );
}

/** Sconce's body is TorchServe's after a change. */
export function edits(row: string, edit: (body: string) => string): Difference {
  return { row, answer: (theirs) => edited(theirs, edit) };
}

/** Sconce answers what TorchServe answers to another case, after a change. */
export function repeats(
  row: string,
  scenario: string,
  name: string,
  edit: (body: string) => string = (body) => body,
): Difference {
  return {
    row,
    answer: () => {
      const other = readRecording(scenario).get(name);
      if (other === undefined) throw new Error(`${scenario}: there is no case ${name}`);
      return edited(other, edit);
    },
  };
}

/** Sconce closes the connection. */
export function closes(row: string): Difference {
  return {
    row,
    answer: (theirs) => ({
      ...theirs,
      headers: withHeader(theirs, 'connection', 'close'),
      closed: true,
    }),
  };
}

/** What Sconce sends instead of a line of the head: the status or one of the headers. */
export function heads(row: string, edit: (line: string) => string): Difference {
  return {
    row,
    answer: (theirs) => ({
      ...theirs,
      status: edit(theirs.status),
      headers: theirs.headers.map(edit),
    }),
  };
}

/** Sconce's header has another value. */
export function sends(row: string, name: string, value: string): Difference {
  return { row, answer: (theirs) => ({ ...theirs, headers: withHeader(theirs, name, value) }) };
}

function edited(answer: Answer, edit: (body: string) => string): Answer {
  const body = edit(answer.body.join('\n'));
  return {
    ...answer,
    headers: withHeader(answer, 'content-length', String(Buffer.byteLength(body))),
    body: body.split('\n'),
  };
}

/** The headers with one set, at its place or at the end. */
function withHeader({ headers }: Answer, name: string, value: string): string[] {
  const line = `${name}: ${value}`;
  const isIt = (header: string) => header.startsWith(`${name}: `);
  return headers.some(isIt)
    ? headers.map((header) => (isIt(header) ? line : header))
    : [...headers, line];
}

function jsonAnswer(status: number, value: unknown): Answer {
  const body = `${JSON.stringify(value, null, 2)}\n`;
  const closed = status >= 400;
  return {
    status: `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    headers: [
      'content-type: application/json',
      'x-request-id: <id>',
      ...uncached,
      `content-length: ${Buffer.byteLength(body)}`,
      `connection: ${closed ? 'close' : 'keep-alive'}`,
    ],
    body: body.split('\n'),
    closed,
  };
}
