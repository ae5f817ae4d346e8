import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';
import { predictions } from './predictions.js';

/** Relative: TorchServe's LibTorch and that of this machine may round differently. */
const tolerance = 1e-5;

type Rest = Parameters<typeof on>[4];

function alpha(name: string, rest: Rest, path = '/predictions/alpha_model'): CompatCase {
  return { ...on('inference', name, 'POST', path, rest), tolerance };
}

const features = { features: [0.5, -1, 2.25] };
const body = jsonBody(features);
const bytes = { body: JSON.stringify(features) };

function multipart(field: string): Rest {
  const head = `Content-Disposition: form-data; name="${field}"; filename="a.json"`;
  return typed(
    'multipart/form-data; boundary=X',
    `--X\r\n${head}\r\nContent-Type: application/json\r\n\r\n${bytes.body}\r\n--X--\r\n`,
  );
}

/** The archive of TorchServe's documentation. */
const documented: readonly CompatCase[] = [
  alpha('JSON', body),
  alpha('JSON without a content type', bytes),
  alpha('JSON as bytes', typed('application/octet-stream', bytes.body)),
  alpha('JSON as text', typed('text/plain', bytes.body)),
  alpha('a form with the field body', multipart('body')),
  alpha('a form with the field data', multipart('data')),
  alpha('a form with another field', multipart('file')),
  alpha('a client that accepts JSON', {
    headers: [
      ['Content-Type', 'application/json'],
      ['Accept', 'application/json'],
    ],
    body: bytes.body,
  }),
  alpha('a version', body, '/predictions/alpha_model/1.0'),
  alpha('invocations', body, '/invocations?model_name=alpha_model'),
  alpha('KServe v1', body, '/v1/models/alpha_model:predict'),
  alpha('KServe v2', body, '/v2/models/alpha_model/infer'),
  alpha('JSON that does not parse', typed('application/json', '{"features": [1,')),
  alpha('bytes that do not parse', { body: 'nonsense' }),
  alpha('no field', jsonBody({ feature: [1, 2, 3] })),
  alpha('no object', jsonBody([1, 2, 3])),
  alpha('no body', {}),
  alpha('text for a number', jsonBody({ features: ['a', 'b', 'c'] })),
  alpha('a row that is too short', jsonBody({ features: [1] })),
  alpha('JSON after failures', body),
  alpha('explanations', body, '/explanations/alpha_model'),
  alpha('KServe v1, explain', body, '/v1/models/alpha_model:explain'),
  on('management', 'what it says of itself', 'GET', '/models/alpha_model?customized=true'),
];

function inBatch(together: string, ...rows: readonly (readonly [string, Rest])[]): CompatCase[] {
  return rows.map(([name, rest]) => ({
    ...alpha(`${together}: ${name}`, rest, '/predictions/batched'),
    together,
  }));
}

/** Three requests that wait for one another. */
const batches: readonly CompatCase[] = [
  ...inBatch(
    'a batch',
    ['one', body],
    ['two', bytes],
    ['three', jsonBody({ features: [1, 2, 3] })],
  ),
  ...inBatch(
    'a batch with a bad request',
    ['one', body],
    ['two', jsonBody({ feature: 1 })],
    ['three', body],
  ),
  ...inBatch(
    'a batch of different lengths',
    ['one', body],
    ['two', jsonBody({ features: [1, 2] })],
    ['three', body],
  ),
  ...inBatch('a batch after those', ['one', body], ['two', body], ['three', body]),
];

const unruly = (name: string, command: unknown): CompatCase =>
  on('inference', name, 'POST', '/predictions/unruly', jsonBody(command));

/** What only handlers in Python can do. */
const whims: readonly CompatCase[] = [
  unruly('an object', {}),
  unruly('a stream', { stream: ['one ', 'two ', 'three'] }),
  unruly('a stream with status, header and type', { stream: ['one', 'two'], head: true }),
  unruly('a stream of one piece', { stream: ['one'] }),
  unruly('a stream of objects', { stream: [{ a: 1 }, [2], 'text'] }),
  unruly('a stream with an empty last piece', { stream: ['one', ''] }),
  unruly('after streams', { reply: 'well' }),
  unruly('an exception with a status', { exception: [418] }),
  unruly('an exception without a status', { exception: [] }),
  unruly('too many replies', { count: 2 }),
  unruly('no replies', { count: 0 }),
  unruly('no list', { answer: 'text' }),
  unruly('a list of objects', { reply: [{ a: 'é' }, null, true, 1.5, 10000000000000000000] }),
  unruly('a number', { reply: 5 }),
  unruly('a fraction', { reply: 5.0e-7 }),
  unruly('true', { reply: true }),
  unruly('null', { reply: null }),
  unruly('empty text', { reply: '' }),
  unruly('an empty object', { reply: {} }),
  on('management', 'what an unruly one says of itself', 'GET', '/models/unruly?customized=true'),
  unruly('the process ends', { die: 1 }),
];

/** Handlers in Python, in processes of Sconce's. */
export const pythonHandlers: Scenario = {
  name: 'python-handlers',
  python: true,
  settings: { batch_policy: 'legacy' },
  register: [
    'url=alpha_model.mar&initial_workers=1',
    'url=alpha_model.mar&model_name=batched&initial_workers=1&batch_size=3&max_batch_delay=20000',
    'url=unruly.mar&initial_workers=1',
  ],
  cases: [...documented, ...batches, ...whims],
};

/** What is asked of Sconce's own `echo`, asked of the one in Python. */
export const pythonPredictions: Scenario = {
  ...predictions,
  name: 'python-predictions',
  python: true,
  answeredAs: predictions.name,
};
