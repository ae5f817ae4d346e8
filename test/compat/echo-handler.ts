import { SconceError } from '../../src/errors.js';
import type {
  HandlerReply,
  HandlerRequest,
  PreparedRows,
  RowHandler,
} from '../../src/handlers/handler.js';
import type { HandlerFactory } from '../../src/handlers/registry.js';

/** What archives/echo.py does: answers what it was given, or misbehaves on request. */
export const echoHandler: HandlerFactory = () => new EchoHandler();

const row = { dtype: 'float32', dims: [1] } as const;

class EchoHandler implements RowHandler {
  readonly kind = 'rows';
  readonly inputs = 'x: float32[n, 1]';
  readonly rowShape = [row];

  preprocess(request: HandlerRequest): PreparedRows {
    const parameters = namedParameters(request);
    return {
      rows: 1,
      key: 'echo',
      inputs: [row],
      // The model runs, but what it gets and gives is of no interest.
      store: (target, offsets) => {
        const start = offsets[0] ?? 0;
        target.fill(0, start, start + Float32Array.BYTES_PER_ELEMENT);
      },
      postprocess: () => answer(parameters, request),
    };
  }

  async explain(request: HandlerRequest): Promise<HandlerReply> {
    return answer(namedParameters(request), request);
  }

  outputProblem(): undefined {
    return undefined;
  }

  describe(): Record<string, unknown> {
    return { handler: 'echo', tags: ['a', 'b'], rate: 0.5 };
  }
}

interface Parameter {
  /** Parsed JSON, text, or bytes as Python shows them. */
  value: unknown;
  contentType: string;
}

/** The parameters by name, decoded by their types as TorchServe's workers do. */
function namedParameters(request: HandlerRequest): Map<string, Parameter> {
  const { body, contentType } = request;
  const given = request.parameters ?? [{ name: 'body', value: body, contentType }];
  return new Map(
    given.map(({ name, value, contentType: type = '' }) => {
      const [mediaType = ''] = type.split(';', 1);
      return [name, { value: decode(Buffer.from(value), mediaType), contentType: mediaType }];
    }),
  );
}

function decode(bytes: Buffer, type: string): unknown {
  try {
    if (type === 'application/json') return JSON.parse(bytes.toString());
    if (type.startsWith('text')) return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // What does not decode stays bytes.
  }
  return pythonBytes(bytes);
}

/** `b'...'` as Python's repr() writes it. */
function pythonBytes(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const names: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
  const escaped = text.replace(/[^\x20-\x7e]|[\\'"]/g, (character) => {
    if (character === "'" || character === '"') {
      return character === quote ? `\\${character}` : character;
    }
    const code = character.charCodeAt(0).toString(16).padStart(2, '0');
    return names[character] ?? `\\x${code}`;
  });
  return `b${quote}${escaped}${quote}`;
}

function answer(parameters: Map<string, Parameter>, request: HandlerRequest): HandlerReply {
  const body = parameters.get('body')?.value;
  const command: object = typeof body === 'object' && body !== null ? body : {};
  if ('raise' in command) throw new Error('as asked');
  if ('memory' in command) throw new SconceError('OUT_OF_MEMORY', 'as asked');
  if ('status' in command) {
    const phrase = 'phrase' in command ? String(command.phrase) : 'Custom';
    const status = { code: Number(command.status), phrase };
    return { ...reply('custom'), contentType: 'text/plain', headers: { foo: 'bar' }, status };
  }
  if ('text' in command) return reply([Buffer.from(String(command.text))]);
  if ('bytes' in command && Array.isArray(command.bytes)) {
    return reply([Uint8Array.from(command.bytes)]);
  }
  if ('big' in command) return reply('x'.repeat(Number(command.big)));
  const values = [...parameters].map(([name, { value }]) => [name, value]);
  const shown = { ...Object.fromEntries(values), n: 1, hdr: headersOf(parameters, request) };
  return reply(asciiJson(shown));
}

function reply(body: HandlerReply['body']): HandlerReply {
  return { body, contentType: undefined, headers: undefined };
}

/** As json.dumps(value, indent=2) writes it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[^\0-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The headers as TorchServe's handlers see them: with the parameters' types among them. */
function headersOf(parameters: Map<string, Parameter>, request: HandlerRequest): object {
  const headers = new Map<string, unknown>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.set(request.rawHeaders[i] ?? '', request.rawHeaders[i + 1]);
  }
  const names = new Set([...headers.keys()].map((name) => name.toLowerCase()));
  if (!names.has('content-length')) {
    headers.set('content-length', String(request.body.byteLength));
    headers.delete('Transfer-Encoding');
  }
  headers.delete('Expect');
  for (const [name, { contentType }] of parameters) {
    headers.set(name, { 'content-type': contentType });
  }
  if (request.explain === true) headers.set('explain', 'True');
  if (request.urlPath !== undefined) headers.set('url_path', request.urlPath);
  return Object.fromEntries([...headers].sort(([a], [b]) => (a < b ? -1 : 1)));
}
