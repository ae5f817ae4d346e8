import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';

const boundary = 'XXXX';
const multipart = `multipart/form-data; boundary=${boundary}`;

function part(head: string, value: string): string {
  return `--${boundary}\r\n${head}\r\n\r\n${value}\r\n`;
}

const field = (name: string) => `Content-Disposition: form-data; name="${name}"`;
const file = (name: string, type: string) =>
  `${field(name)}; filename="h.txt"\r\nContent-Type: ${type}`;
const end = `--${boundary}--\r\n`;

const form = 'application/x-www-form-urlencoded';
const text = 'text/plain';
const oneField = typed(text, 'x');

const bodies: readonly CompatCase[] = [
  on('inference', 'no body', 'GET', '/predictions/echo'),
  on('inference', 'a JSON body is parsed', 'POST', '/predictions/echo', jsonBody({ a: 1 })),
  on(
    'inference',
    'a JSON body with a charset',
    'POST',
    '/predictions/echo',
    typed('application/json; charset=utf-8', '{"a": 1}'),
  ),
  on(
    'inference',
    'a JSON content type in capitals',
    'POST',
    '/predictions/echo',
    typed('Application/JSON', '{"a": 1}'),
  ),
  on(
    'inference',
    'a JSON body that does not parse stays bytes',
    'POST',
    '/predictions/echo',
    typed('application/json', '{"a": '),
  ),
  on('inference', 'text', 'POST', '/predictions/echo', typed(text, 'txt')),
  on(
    'inference',
    'text with a charset',
    'POST',
    '/predictions/echo',
    typed(`${text}; charset=x`, 'é'),
  ),
  on(
    'inference',
    'text that is not UTF-8 stays bytes',
    'POST',
    '/predictions/echo',
    typed(text, Buffer.from([0xff, 0x27, 0x0a, 0x41])),
  ),
  on('inference', 'bytes', 'POST', '/predictions/echo', typed('application/octet-stream', 'a\\b')),
  on('inference', 'no content type', 'POST', '/predictions/echo', { body: 'x' }),
  on(
    'inference',
    'multipart with a file and a field',
    'POST',
    '/predictions/echo',
    typed(multipart, part(file('data', text), 'hello\n') + part(field('k'), 'v') + end),
  ),
  on(
    'inference',
    'multipart with a JSON file',
    'POST',
    '/predictions/echo',
    typed(multipart, part(file('data', 'application/json'), '{"a": 1}') + end),
  ),
  on(
    'inference',
    'multipart: of equal names the last counts',
    'POST',
    '/predictions/echo',
    typed(multipart, part(field('k'), 'v') + part(field('k'), 'w') + end),
  ),
  on('inference', 'multipart without parts', 'POST', '/predictions/echo', typed(multipart, end)),
  on(
    'inference',
    'multipart without a boundary',
    'POST',
    '/predictions/echo',
    typed('multipart/form-data', part(field('k'), 'v') + end),
  ),
  on(
    'inference',
    'multipart that is cut off',
    'POST',
    '/predictions/echo',
    typed(multipart, `${part(field('k'), 'v')}--${boundary}\r\n${field('l')}\r\n\r\nw`),
  ),
  on('inference', 'a form', 'POST', '/predictions/echo', typed(form, 'k=v&k=w&l=a+b%21')),
  on('inference', 'a form without a value', 'POST', '/predictions/echo', typed(form, 'k=&l')),
  on('inference', 'an empty form', 'POST', '/predictions/echo', typed(form, '')),
  on('inference', 'a query is no parameter', 'POST', '/predictions/echo?q=1', oneField),
  on('inference', 'headers of the client reach the handler', 'POST', '/predictions/echo', {
    headers: [
      ['Content-Type', text],
      ['X-Mixed-Case', 'a'],
      ['x-request-id', 'mine'],
      ['X-Two', '1'],
      ['X-Two', '2'],
    ],
    body: 'x',
  }),
  on('inference', 'a chunked body', 'POST', '/predictions/echo', {
    headers: [
      ['Content-Type', text],
      ['Transfer-Encoding', 'chunked'],
    ],
    body: '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
  }),
  on('inference', 'a client that asks to continue', 'POST', '/predictions/echo', {
    headers: [
      ['Content-Type', text],
      ['Expect', '100-continue'],
    ],
    body: 'x',
  }),
  on('inference', 'a client that asks to close', 'GET', '/predictions/echo', {
    headers: [['Connection', 'close']],
  }),
];

const replies: readonly CompatCase[] = [
  on('inference', 'the handler raises', 'POST', '/predictions/echo', jsonBody({ raise: 1 })),
  on(
    'inference',
    'the handler is out of memory',
    'POST',
    '/predictions/echo',
    jsonBody({ memory: 1 }),
  ),
  on(
    'inference',
    'the handler sets a status',
    'POST',
    '/predictions/echo',
    jsonBody({ status: 418 }),
  ),
  on(
    'inference',
    'the handler sets a status that keeps the connection',
    'POST',
    '/predictions/echo',
    jsonBody({ status: 201, phrase: 'Made' }),
  ),
  on(
    'inference',
    'the handler answers text',
    'POST',
    '/predictions/echo',
    jsonBody({ text: 'a é' }),
  ),
  on(
    'inference',
    'the handler answers empty text',
    'POST',
    '/predictions/echo',
    jsonBody({ text: '' }),
  ),
  on(
    'inference',
    'the handler answers bytes',
    'POST',
    '/predictions/echo',
    jsonBody({ bytes: [97, 0, 98] }),
  ),
];

const routes: readonly CompatCase[] = [
  ...['PUT', 'PATCH', 'DELETE'].map((method) =>
    on('inference', `${method} predicts`, method, '/predictions/echo', oneField),
  ),
  on('inference', 'a version', 'POST', '/predictions/echo/1.0', oneField),
  on('inference', 'a path after the version', 'POST', '/predictions/echo/1.0/a/b', oneField),
  on('inference', 'a slash at the end', 'POST', '/predictions/echo/', oneField),
  on('inference', 'a slash after the version', 'POST', '/predictions/echo/1.0/', oneField),
  on('inference', 'a name in percent code', 'POST', '/predictions/ec%68o', oneField),
  on('inference', 'a slash in percent code divides', 'POST', '/predictions/echo%2F1.0', oneField),
  on('inference', 'two slashes', 'POST', '/predictions//echo', oneField),
  on('inference', 'two slashes in front', 'POST', '//predictions/echo', oneField),
  on('inference', 'percent code that is none', 'POST', '/predictions/ec%zzho', oneField),
  on('inference', 'a plus in the path', 'GET', '/predictions/a+b'),
  on('inference', 'an absolute URL', 'POST', 'http://localhost/predictions/echo', oneField),
  on('inference', 'a model that is not there', 'GET', '/predictions/nope'),
  on(
    'inference',
    'a model that is not there, with non-ASCII in its name',
    'GET',
    '/predictions/%C3%A9',
  ),
  on(
    'inference',
    'a model that is not there, with markup in its name',
    'GET',
    '/predictions/%3Ca%3E&%22',
  ),
  on('inference', 'a version that is not there', 'GET', '/predictions/echo/3.0'),
  on('inference', 'a version without workers', 'GET', '/predictions/echo/2.0'),
  on('inference', 'a model without workers', 'GET', '/predictions/idle'),
  on('inference', 'no model', 'GET', '/predictions'),
  on('inference', 'no model, with a slash', 'GET', '/predictions/'),
  on('inference', 'an unknown path', 'GET', '/foo'),
  on('inference', 'an unknown path of two parts', 'GET', '/foo/bar'),
  on('inference', 'the root', 'GET', '/'),
  on('inference', 'the root, posted', 'POST', '/', oneField),
  on('inference', 'a management path', 'GET', '/models'),
  on('inference', 'a model of the management API', 'GET', '/models/echo'),
  on('inference', 'a version of the management API', 'GET', '/models/echo/1.0'),
  on('inference', 'the metrics path', 'GET', '/metrics?name[]=nope'),
  on('inference', 'explanations', 'POST', '/explanations/echo', jsonBody({})),
  on('inference', 'explanations of a version', 'POST', '/explanations/echo/1.0', jsonBody({})),
  on(
    'inference',
    'explanations, path after the version',
    'POST',
    '/explanations/echo/1.0/a',
    jsonBody({}),
  ),
  on(
    'inference',
    'explanations of a model that is not there',
    'POST',
    '/explanations/nope',
    jsonBody({}),
  ),
  on('inference', 'explanations of no model', 'POST', '/explanations', jsonBody({})),
  on('inference', 'invocations', 'POST', '/invocations?model_name=echo&q=1', oneField),
  on(
    'inference',
    'invocations: the name in a form',
    'POST',
    '/invocations',
    typed(form, 'model_name=echo'),
  ),
  on('inference', 'invocations without a name', 'POST', '/invocations', oneField),
  on('inference', 'invocations with an empty name', 'POST', '/invocations?model_name=', oneField),
  on(
    'inference',
    'invocations of a model that is not there',
    'POST',
    '/invocations?model_name=no',
    oneField,
  ),
  on('inference', 'invoke', 'POST', '/models/echo/invoke', oneField),
  on('inference', 'invoke with a query', 'POST', '/models/echo/invoke?q=1', oneField),
  on('inference', 'invoke a model that is not there', 'POST', '/models/nope/invoke', oneField),
  on('inference', 'legacy predict', 'POST', '/echo/predict', oneField),
  on('inference', 'legacy predict with a query', 'POST', '/echo/predict?q=1', oneField),
  on('inference', 'legacy predict of a version', 'POST', '/echo/1.0/predict', oneField),
  on('inference', 'legacy predict of a model that is not there', 'POST', '/nope/predict', oneField),
  on('inference', 'KServe v1', 'POST', '/v1/models/echo:predict', oneField),
  on('inference', 'KServe v1, explain', 'POST', '/v1/models/echo:explain', oneField),
  on(
    'inference',
    'KServe v1, a model that is not there',
    'POST',
    '/v1/models/nope:predict',
    oneField,
  ),
  on('inference', 'KServe v1, an unknown verb', 'POST', '/v1/models/echo:foo', oneField),
  on('inference', 'KServe v1, no verb', 'GET', '/v1/models/echo'),
  on('inference', 'KServe v2', 'POST', '/v2/models/echo/infer', oneField),
  on('inference', 'KServe v2, explain', 'POST', '/v2/models/echo/explain', oneField),
  on(
    'inference',
    'KServe v2, a model that is not there',
    'POST',
    '/v2/models/nope/infer',
    oneField,
  ),
  on('inference', 'KServe v2, a version', 'POST', '/v2/models/echo/versions/1.0/infer', oneField),
  on('inference', 'KServe v2, no verb', 'GET', '/v2/models/echo'),
  on('inference', 'KServe v2 health, not enabled', 'GET', '/v2/health/ready'),
  on('inference', 'a workflow', 'POST', '/wfpredict/x', oneField),
  on('inference', 'no workflow', 'POST', '/wfpredict', oneField),
  on('inference', 'ping', 'GET', '/ping'),
  on('inference', 'ping, posted', 'POST', '/ping', oneField),
  on('inference', 'ping with more', 'GET', '/ping/x'),
];

const http: readonly CompatCase[] = [
  ...[
    ['not HTTP', 'GARBAGE\r\n\r\n'],
    ['HTTP/1.0', 'GET /ping HTTP/1.0\r\n\r\n'],
    ['no host', 'GET /ping HTTP/1.1\r\n\r\n'],
    ['an unknown method', 'FOO /ping HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a method in small letters', 'get /ping HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a header without a name', 'GET /ping HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n'],
    ['a long URL', `GET /ping?${'x'.repeat(5000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['a long header', `GET /ping HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n\r\n`],
    [
      'a length that is none',
      'POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n',
    ],
  ].map(
    ([name = '', raw = '']): CompatCase => ({
      name,
      on: 'inference',
      request: { method: '', path: '', raw },
    }),
  ),
  on('inference', 'HEAD of what is not there', 'HEAD', '/predictions/nope'),
];

/** The inference API. */
export const predictions: Scenario = {
  name: 'predictions',
  register: ['url=echo.mar&initial_workers=1', 'url=echo-2.mar', 'url=echo.mar&model_name=idle'],
  cases: [...bodies, ...replies, ...routes, ...http],
};

/** A body larger than the limit. */
export const limits: Scenario = {
  name: 'limits',
  settings: { max_request_size: '1000', max_response_size: '2000' },
  register: ['url=echo.mar&initial_workers=1'],
  cases: [
    on('inference', 'a body as large as the limit', 'POST', '/predictions/echo', {
      headers: [['Content-Type', text]],
      body: 'x'.repeat(1000),
    }),
    on('inference', 'a body larger than the limit', 'POST', '/predictions/echo', {
      headers: [['Content-Type', text]],
      body: 'x'.repeat(1001),
    }),
    on('inference', 'a chunked body larger than the limit', 'POST', '/predictions/echo', {
      headers: [['Transfer-Encoding', 'chunked']],
      body: `3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`,
    }),
    on('inference', 'a large body that waits for 100 Continue', 'POST', '/predictions/echo', {
      headers: [
        ['Content-Length', '1001'],
        ['Expect', '100-continue'],
      ],
    }),
    on('management', 'a large body on the management listener', 'POST', '/models', {
      body: 'x'.repeat(1001),
    }),
    on(
      'inference',
      'a reply larger than the limit',
      'POST',
      '/predictions/echo',
      jsonBody({ big: 3000 }),
    ),
  ],
};

/** One model at the start: the only one that /invocations can mean. */
export const startup: Scenario = {
  name: 'startup',
  settings: { default_workers_per_model: '1' },
  load: ['echo.mar'],
  cases: [
    on('inference', 'invocations of the only model', 'POST', '/invocations', oneField),
    on('management', 'a model that was loaded at the start', 'GET', '/models/echo'),
  ],
};

/** The Open Inference Protocol. */
export const openInference: Scenario = {
  name: 'open-inference',
  settings: { ts_open_inference_protocol: 'true' },
  register: ['url=echo.mar&initial_workers=1'],
  cases: [
    on('inference', 'ready', 'GET', '/v2/health/ready'),
    on('inference', 'live', 'GET', '/v2/health/live'),
    on('inference', 'ready, posted', 'POST', '/v2/health/ready', oneField),
    on('inference', 'health without more', 'GET', '/v2/health'),
    on('inference', 'the server', 'GET', '/v2'),
    on('inference', 'a model', 'GET', '/v2/models/echo'),
    on('inference', 'a model, ready', 'GET', '/v2/models/echo/ready'),
    on('inference', 'infer', 'POST', '/v2/models/echo/infer', oneField),
    on('inference', 'infer with a version', 'POST', '/v2/models/echo/versions/1.0/infer', oneField),
  ],
};

/** The Open Inference Protocol while a model has no worker. */
export const openInferenceUnready: Scenario = {
  name: 'open-inference-unready',
  settings: {
    ts_open_inference_protocol: 'true',
    load_models: 'bad.mar',
    default_workers_per_model: '1',
  },
  cases: [
    on('inference', 'ready', 'GET', '/v2/health/ready'),
    on('inference', 'live', 'GET', '/v2/health/live'),
  ],
};

/** Headers that are set for browsers. */
export const cors: Scenario = {
  name: 'cors',
  settings: {
    cors_allowed_origin: '*',
    cors_allowed_methods: 'GET, POST, PUT, OPTIONS',
    cors_allowed_headers: 'X-Custom-Header',
  },
  register: ['url=echo.mar&initial_workers=1'],
  cases: [
    on('inference', 'a prediction', 'POST', '/predictions/echo', oneField),
    on(
      'inference',
      'a reply with headers of its own',
      'POST',
      '/predictions/echo',
      jsonBody({ status: 200 }),
    ),
    on('inference', 'an error', 'GET', '/predictions/nope'),
    on('inference', 'ping', 'GET', '/ping'),
    on('inference', 'preflight', 'OPTIONS', '/ping'),
    on('management', 'a list', 'GET', '/models'),
    on('metrics', 'metrics', 'GET', '/metrics?name[]=nope'),
  ],
};
