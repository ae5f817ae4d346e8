import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { HttpReply } from '../../support/http-client.js';
import { startServer, type TestServer } from '../../support/server.js';
import { handled, twoFloats } from './handled.js';

/** A handler that does what the body says, and answers with the doubled row when it says numbers. */
const obedient = `
let kept = [];
export class Obedient extends BaseHandler {
  preprocess(request, context) {
    const order = request.json();
    switch (order.do) {
      case 'throw': throw new TypeError('as asked');
      case 'throw text': throw 'as asked';
      case 'reject': return Promise.reject(new Error('as asked'));
      case 'throw trap': throw new Proxy({}, { getPrototypeOf() { throw new Error('trap'); } });
      case 'throw trapped error': throw Object.defineProperty(new Error('x'), 'message', {
        get() { throw new Error('trap'); },
      });
      case 'throw function': throw Object.assign(new PredictionError('x'), { message() {} });
      case 'throw much': throw new Error('x'.repeat(100_000));
      case 'throw cause': throw new TypeError('fetch failed', { cause: new Error('not there') });
      case 'text status': return context.setResponseStatus('404');
      case 'interim status': return context.setResponseStatus(100);
      case 'list': return [1, 2];
      case 'generator': return (function* () {})();
      case 'text': return 'abc';
      case 'odd metric': context.metrics.addCounter('Odd', 1, { dimensions: { a() {} } }); break;
      case 'framing header': context.setResponseHeader('Content-Length', '3'); break;
      case 'odd header': context.setResponseHeader('x-odd', Symbol('odd')); break;
      case 'odd type': context.setResponseContentType(() => 1); break;
      case 'odd phrase': context.setResponseStatus(200, { a() {} }); break;
      case 'refuse': throw new PredictionError('not today', 418);
      case 'hang': for (;;) {}
      case 'wait': return new Promise(() => {});
      case 'exit': process.exit(3);
      case 'later': setTimeout(() => { throw new Error('too late'); }, 0); return new Promise(() => {});
      case 'leak': Promise.reject(new Error('nobody looks')); return new Promise(() => {});
      case 'heap': for (;;) kept.push(new Array(1000).fill(0).map((_, i) => ({ i })));
      case 'buffers': for (;;) kept.push(new Uint8Array(1 << 22).fill(1));
      case 'slow buffers': return new Promise(() => {
        setInterval(() => kept.push(new Uint8Array(1 << 22).fill(1)), 1);
      });
      case 'dtype': return Tensor.from([[1, 2]], 'float64');
      case 'shape': return Tensor.from([[1, 2, 3]]);
      case 'name': return { y: Tensor.from([[1, 2]]) };
      case 'no tensor': return [[1, 2]];
      case 'no rows': return Tensor.zeros('float32', [0, 2]);
      case 'nothing': return;
      case 'print': console.log('said\\nin two lines'); console.error('complained');
    }
    context.row().set(order.row ?? [1, 2]);
  }
  async inference(inputs, context) {
    const outputs = await context.model.run(inputs);
    if (context.getRequestHeader('x-order') === 'forget') return;
    return outputs;
  }
  postprocess(outputs, request) {
    const { do: order } = request.json();
    if (order === 'outputs') return { all: outputs };
    if (order === 'plain generator') return (function* () { yield 'a'; })();
    if (order === 'undefined') return undefined;
    if (order === 'function') return { f() {} };
    if (order === 'cycle') { const a = {}; a.a = a; return a; }
    if (order === 'bigint') return { n: 1n };
    if (order === 'late throw') throw new RangeError('after the model');
    return outputs.tensor.at(0);
  }
}`;

const answered = '[\n  3.0,\n  5.0\n]';

/** Status, message and reason of an error. */
function errorOf({ status, text }: HttpReply): unknown[] {
  const { message, reason } = JSON.parse(text);
  return reason === undefined ? [status, message] : [status, message, reason];
}

async function obeys(server: TestServer): Promise<void> {
  const { text } = await server.client.predict('double', {});
  assert.equal(text, answered);
}

/** As obeys(), when requests may still be lost with the thread before. */
async function obeysAgain(server: TestServer): Promise<void> {
  while ((await server.client.predict('double', {})).text !== answered);
}

suite('what a handler throws or returns', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer([handled('double', obedient)]);
  });
  after(() => server.close());

  const failed = (reason: string): unknown[] => [503, 'Prediction failed', reason];
  const noTensors = (given: string): string =>
    `the model takes a Tensor, or an object of Tensors by name ("x"); ${given} was given`;
  const cases: [order: string, error: unknown[]][] = [
    ['throw', failed('TypeError: as asked')],
    ['throw text', failed('a handler threw "as asked"')],
    ['reject', failed('as asked')],
    ['refuse', [418, 'not today']],
    ['throw trap', failed('a handler threw what cannot be read')],
    ['throw trapped error', failed('a handler threw what cannot be read')],
    ['throw much', failed(`${'x'.repeat(2000)}…`)],
    ['throw cause', failed('TypeError: fetch failed (not there)')],
    [
      'text status',
      failed(
        'RangeError: setResponseStatus: "404" is no status of an answer, a number from 200 to 999',
      ),
    ],
    [
      'interim status',
      failed(
        'RangeError: setResponseStatus: 100 is no status of an answer, a number from 200 to 999',
      ),
    ],
    [
      'odd metric',
      failed('TypeError: metrics.addCounter() takes text, numbers, and dimensions of text'),
    ],
    [
      'odd header',
      failed('TypeError: setResponseHeader: the value of "x-odd" is Symbol(odd); text is expected'),
    ],
    [
      'framing header',
      failed(
        'RangeError: setResponseHeader: "Content-Length" is not the handler\'s; a content type is set by setResponseContentType',
      ),
    ],
    [
      'odd type',
      failed('TypeError: setResponseContentType: the type is a function; text is expected'),
    ],
    [
      'odd phrase',
      failed('TypeError: setResponseStatus: the phrase is an object; text is expected'),
    ],
    ['list', failed(noTensors('a list'))],
    ['generator', failed(noTensors('a Generator'))],
    ['text', failed(noTensors('"abc"'))],
    ['dtype', failed('input "x": float32[n, 2] is expected; float64[1, 2] was given')],
    ['shape', failed('input "x": float32[n, 2] is expected; float32[1, 3] was given')],
    ['name', failed('the model has no input "y"; it takes "x"')],
    ['no rows', failed('the inputs have no rows')],
    [
      'nothing',
      failed('preprocess returned nothing and did not fill context.row() (x: float32[n, 2])'),
    ],
    ['late throw', failed('RangeError: after the model')],
  ];
  for (const [order, expected] of cases) {
    test(`${order}: one request fails, with its reason`, async () => {
      const [reply] = await Promise.all([
        server.client.predict('double', { do: order }),
        obeys(server),
        obeys(server),
      ]);
      assert.deepEqual(errorOf(reply), expected);
      await obeys(server);
    });
  }

  for (const order of [
    'throw function',
    'no tensor',
    'undefined',
    'function',
    'cycle',
    'bigint',
    'outputs',
    'plain generator',
  ]) {
    test(`${order}: is refused, and others are not`, async () => {
      const reply = await server.client.predict('double', { do: order });
      assert.ok(reply.status >= 400, reply.text);
      await obeys(server);
    });
  }

  test('an inference that forgets its return is told what to return', async () => {
    const reply = await server.client.predict('double', {}, { headers: { 'x-order': 'forget' } });
    assert.deepEqual(
      errorOf(reply),
      failed(
        'inference returned nothing; return what context.model.run() resolves to, or Outputs.of() tensors',
      ),
    );
  });

  test('the reason stays with the log when handlerErrors is off', async () => {
    await using server = await startServer([handled('double', obedient)], { handlerErrors: false });
    const reply = await server.client.predict('double', { do: 'throw' });
    assert.deepEqual(errorOf(reply), [503, 'Prediction failed']);
    const refused = await server.client.predict('double', { do: 'refuse' });
    assert.deepEqual(errorOf(refused), [418, 'not today']);
  });
});

suite('a handler that ends its thread', () => {
  const tooMuch = [
    507,
    'Worker died.',
    'the handler took more memory than handlerMemory allows (64 MiB)',
  ];
  const died = (reason: string): unknown[] => [500, 'Worker died.', reason];
  const cases: [order: string, error: unknown[]][] = [
    ['exit', died('the handler ended its thread with process.exit(3)')],
    ['later', died('the handler left an error uncaught: too late')],
    ['leak', died('the handler left an error uncaught: nobody looks')],
    ['heap', tooMuch],
    ['buffers', tooMuch],
    ['slow buffers', tooMuch],
  ];
  for (const [order, expected] of cases) {
    test(`${order}: costs its own request, and the thread is replaced`, async () => {
      const settings = { handlerThreads: 1, handlerMemory: 64 };
      await using server = await startServer([handled('double', obedient)], settings);
      const reply = await server.client.predict('double', { do: order });
      assert.deepEqual(errorOf(reply), expected);
      await obeys(server);
    });
  }

  test('what it had not begun with goes to the next thread', async () => {
    await using server = await startServer([handled('double', obedient)], { handlerThreads: 1 });
    // All of one turn: they are with the thread when it ends.
    const replies = await Promise.all(
      [{ do: 'exit' }, ...Array.from({ length: 10 }, () => ({}))].map((body) =>
        server.client.predict('double', body),
      ),
    );
    const texts = replies.map(({ text }) => text);
    assert.equal(texts.filter((text) => text.includes('Worker died.')).length, 1);
    assert.equal(texts.filter((text) => text === answered).length, 10);
  });
});

suite('a handler that does not answer', () => {
  const late = [504, 'Model "double" Version 1.0 did not answer within 300 ms.'];
  for (const order of ['hang', 'wait']) {
    test(`${order}: the request gets 504, and others are answered afterwards`, async () => {
      const config = { ...twoFloats, responseTimeout: 0.3 };
      await using server = await startServer([handled('double', obedient, { config })], {
        handlerThreads: 1,
      });
      const reply = await server.client.predict('double', { do: order });
      assert.deepEqual(errorOf(reply), late);
      await obeysAgain(server);
    });
  }

  test('is replaced when half of what its thread can have is overdue', async () => {
    const config = { ...twoFloats, responseTimeout: 0.2 };
    await using server = await startServer([handled('double', obedient, { config })], {
      handlerThreads: 1,
    });
    const waiting = Array.from({ length: 16 }, () =>
      server.client.predict('double', { do: 'wait' }),
    );
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 504);
    await obeysAgain(server);
  });
});

suite('a handler that cannot be initialized', () => {
  test('fails the load with what it throws', async () => {
    const code = `export class Own extends BaseHandler {
      initialize() { throw new Error('no vocabulary'); }
    }`;
    await using server = await startServer([handled('double', code)]);
    assert.equal(server.service.version('double').state, 'failed');
    assert.match(
      server.service.version('double').failure?.message ?? '',
      /its handler handler\.mjs cannot be initialized: no vocabulary \(handler\.mjs:3:\d+\)$/,
    );
  });

  test('or leaves an error uncaught, fails the load', async () => {
    const code = `export class Own extends BaseHandler {
      initialize() { Promise.reject(new Error('nobody looks')); }
    }`;
    await using server = await startServer([handled('double', code)]);
    assert.match(
      server.service.version('double').failure?.message ?? '',
      /cannot be initialized: the handler left an error uncaught: nobody looks$/,
    );
  });

  test('or describes itself with what is no data, fails the load', async () => {
    const code = `export class Own extends BaseHandler {
      describe() { return { own: 1n }; }
    }`;
    await using server = await startServer([handled('double', code)]);
    assert.match(
      server.service.version('double').failure?.message ?? '',
      /describe\(\) returned what JSON cannot hold/,
    );
  });

  test('or ends its thread meanwhile, fails the load', async () => {
    const code = `export class Own extends BaseHandler {
      initialize() { process.exit(1); }
    }`;
    await using server = await startServer([handled('double', code)]);
    assert.equal(server.service.version('double').state, 'failed');
  });

  test('or takes too long, fails the load, and its thread goes', async () => {
    const code = `export class Own extends BaseHandler {
      initialize() { for (;;) {} }
    }`;
    const config = { ...twoFloats, startupTimeout: 1 };
    await using server = await startServer([handled('double', code, { config })]);
    assert.match(
      server.service.version('double').failure?.message ?? '',
      /did not load within startupTimeout/,
    );
  });
});
