import type { WireReply } from './exchange.js';

/** A reply without what differs from run to run; what recordings hold and tests compare. */
export interface Answer {
  /** `HTTP/1.1 404 Not Found` */
  status: string;
  /** `name: value` in the order on the wire. */
  headers: string[];
  /** The body's lines. */
  body: string[];
  /** Whether the server closed the connection. */
  closed: boolean;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What varies in JSON bodies: the member as a pattern, and what is put there. */
const varying: readonly (readonly [RegExp, string])[] = [
  [/"startTime": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"startTime": "<time>"'],
  [/"pid": \d+/g, '"pid": "<number>"'],
  [/"memoryUsage": \d+/g, '"memoryUsage": "<number>"'],
  [/"id": "\d+"/g, '"id": "<digits>"'],
  [/"id": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"id": "<id>"'],
  [/(ostname=")[^"]*"/g, '$1<host>"'],
];

/**
 * The reply without ids, times, process numbers and folders. A content-length that is true of the
 * reply is made true of the answer.
 *
 * @param folders what to write instead of the paths of this run
 */
export function toAnswer(reply: WireReply, folders: ReadonlyMap<string, string>): Answer {
  let text = reply.body.toString('utf8');
  for (const [pattern, replacement] of varying) text = text.replace(pattern, replacement);
  for (const [path, name] of folders) text = text.replaceAll(path, name);
  const length = Buffer.byteLength(text);
  return {
    status: reply.statusLine,
    headers: reply.headers.map(([name, value]) => {
      if (name.toLowerCase() === 'x-request-id' && uuid.test(value)) return `${name}: <id>`;
      const isTrue = name.toLowerCase() === 'content-length' && Number(value) === reply.body.length;
      return `${name}: ${isTrue ? length : value}`;
    }),
    body: text === '' ? [] : text.split('\n'),
    closed: reply.closed,
  };
}

/** What is not the same, one line each. */
export function differences(expected: Answer, actual: Answer): string[] {
  const found: string[] = [];
  const compare = (what: string, wanted: string, got: string) => {
    if (wanted !== got) {
      found.push(
        `${what}\n  expected ${JSON.stringify(wanted)}\n  found    ${JSON.stringify(got)}`,
      );
    }
  };
  compare('status', expected.status, actual.status);
  compare('headers', expected.headers.join(' | '), actual.headers.join(' | '));
  compare('body', expected.body.join('\n'), actual.body.join('\n'));
  compare('connection', end(expected), end(actual));
  return found;
}

function end({ closed }: Answer): string {
  return closed ? 'closed' : 'open';
}
