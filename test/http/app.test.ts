import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { source, startServer } from '../support/server.js';

const server = await startServer([source('double'), source('slow')], { maxRequestSize: 2000 });
const { inference } = server.addresses;
after(() => server.close());

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const predictDouble = '/predictions/double';

async function connect(): Promise<RawConnection> {
  return RawConnection.open(inference);
}

/** The body of double.pt's reply to `[value]`. */
function doubled(value: number): string {
  return `[\n  ${2 * value + 1}.0\n]`;
}

/** Fails unless new connections are answered. */
async function assertServes(): Promise<void> {
  const connection = await connect();
  connection.send(rawRequest(predictDouble, '[7]'));
  assert.equal((await connection.reply()).body, doubled(7));
  connection.destroy();
}

suite('every response', () => {
  const requests: [string, string][] = [
    ['a prediction', rawRequest(predictDouble, '[1]')],
    ['a status', rawRequest('/ping')],
    ['an error', rawRequest('/predictions/nope', '[1]')],
    ['a path that leads nowhere', rawRequest('/nowhere')],
  ];
  for (const [what, request] of requests) {
    test(`has TorchServe's headers: ${what}`, async () => {
      const connection = await connect();
      connection.send(request);
      const { headers } = await connection.reply();
      assert.match(headers.get('x-request-id') ?? '', uuid);
      assert.equal(headers.get('pragma'), 'no-cache');
      assert.equal(headers.get('cache-control'), 'no-cache; no-store, must-revalidate, private');
      assert.equal(headers.get('expires'), 'Thu, 01 Jan 1970 00:00:00 UTC');
      connection.destroy();
    });
  }

  async function idsOf(headers: string[]): Promise<(string | undefined)[]> {
    const connection = await connect();
    const ids: (string | undefined)[] = [];
    for (const path of [predictDouble, '/ping', '/predictions/double']) {
      connection.send(rawRequest(path, '[1]', { headers }));
      ids.push((await connection.reply()).headers.get('x-request-id'));
    }
    connection.destroy();
    return ids;
  }

  test('has an id of its own', async () => {
    assert.equal(new Set(await idsOf([])).size, 3);
  });

  test("has the client's id when it sends one", async () => {
    assert.deepEqual(await idsOf(['x-request-id: mine-1']), ['mine-1', 'mine-1', 'mine-1']);
  });

  for (const [what, id] of [
    ['that could not stand in a log', 'a b'],
    ['with letters that are not ASCII', 'é'],
    ['that is too long', 'x'.repeat(129)],
    ['that is empty', ''],
  ] as const) {
    test(`has an id of its own in place of one ${what}`, async () => {
      const ids = await idsOf([`x-request-id: ${id}`]);
      assert.equal(new Set(ids).size, 3);
      assert.ok(!ids.includes(id));
    });
  }
});

suite('connections', () => {
  test('stay open after an answer', async () => {
    const connection = await connect();
    for (let i = 0; i < 5; i += 1) {
      connection.send(rawRequest(predictDouble, `[${i}]`));
      const reply = await connection.reply();
      assert.equal(reply.body, doubled(i));
      assert.equal(reply.headers.get('connection'), 'keep-alive');
    }
    connection.destroy();
  });

  const errors: [string, string, number][] = [
    ['a bad request', rawRequest(predictDouble, 'no'), 400],
    ['an unknown model', rawRequest('/predictions/nope', '[1]'), 404],
    ['an unknown path', rawRequest('/nowhere'), 404],
    ['the root', rawRequest('/', '', { method: 'GET' }), 405],
  ];
  for (const [what, request, status] of errors) {
    test(`close after ${what}`, async () => {
      const connection = await connect();
      connection.send(request);
      const reply = await connection.reply();
      assert.deepEqual([reply.status, reply.headers.get('connection')], [status, 'close']);
      assert.equal(await connection.closed(), '');
    });
  }

  test('close when the client asks for it', async () => {
    const connection = await connect();
    connection.send(rawRequest(predictDouble, '[1]', { headers: ['Connection: close'] }));
    assert.equal((await connection.reply()).body, doubled(1));
    assert.equal(await connection.closed(), '');
  });

  test('of HTTP/1.0 are answered and closed', async () => {
    const connection = await connect();
    connection.send(`POST ${predictDouble} HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]`);
    assert.equal((await connection.reply()).body, doubled(1));
    assert.equal(await connection.closed(), '');
  });

  test('of HTTP/1.0 stay open when the client asks for it', async () => {
    const connection = await connect();
    for (let i = 0; i < 2; i += 1) {
      connection.send(
        `POST ${predictDouble} HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n[${i}]`,
      );
      assert.equal((await connection.reply()).body, doubled(i));
    }
    connection.destroy();
  });
});

suite('pipelined requests', () => {
  test('are answered in order', async () => {
    const connection = await connect();
    const values = Array.from({ length: 50 }, (_, i) => i);
    connection.send(values.map((value) => rawRequest(predictDouble, `[${value}]`)).join(''));
    for (const value of values) assert.equal((await connection.reply()).body, doubled(value));
    connection.destroy();
  });

  test('are answered in order when the first takes the longest', async () => {
    const connection = await connect();
    connection.send(
      rawRequest('/predictions/slow', '[20000, 1]') +
        rawRequest(predictDouble, '[2]') +
        rawRequest('/ping') +
        rawRequest(predictDouble, '[3]'),
    );
    const bodies = [];
    for (let i = 0; i < 4; i += 1) bodies.push((await connection.reply()).body);
    assert.deepEqual(bodies, [
      '[\n  20000.0,\n  1.0\n]',
      doubled(2),
      '{\n  "status": "Healthy"\n}\n',
      doubled(3),
    ]);
    connection.destroy();
  });

  test('are answered before what is not HTTP behind them is refused', async () => {
    const connection = await connect();
    connection.send(
      `${rawRequest('/predictions/slow', '[20000, 1]')}${rawRequest(predictDouble, '[2]')}hello\r\n\r\n`,
    );
    assert.equal((await connection.reply()).status, 200);
    assert.equal((await connection.reply()).body, doubled(2));
    assert.equal((await connection.reply()).status, 400);
    assert.equal(await connection.closed(), '');
  });

  for (const path of ['/nowhere', '/predictions/nope', '/']) {
    test(`get one answer when there is no HTTP behind an error: ${path}`, async () => {
      const connection = await connect();
      connection.send(`${rawRequest(path)}[1]`);
      assert.equal((await connection.reply()).headers.get('connection'), 'close');
      assert.equal(await connection.closed(), '');
    });
  }

  test('end at the first error', async () => {
    const connection = await connect();
    connection.send(
      rawRequest(predictDouble, '[1]') + rawRequest(predictDouble, 'no') + rawRequest('/ping'),
    );
    assert.equal((await connection.reply()).status, 200);
    assert.equal((await connection.reply()).status, 400);
    assert.equal(await connection.closed(), '');
  });
});

suite('request bodies', () => {
  const chunkedHead = `POST ${predictDouble} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n`;

  test('may come in chunks', async () => {
    const connection = await connect();
    connection.send(`${chunkedHead}1\r\n[\r\n4;x=y\r\n1, 2\r\n1\r\n]\r\n0\r\n\r\n`);
    assert.equal((await connection.reply()).body, '[\n  3.0,\n  5.0\n]');
    connection.destroy();
  });

  test('may come a byte at a time', async () => {
    const connection = await connect();
    for (const byte of rawRequest(predictDouble, '[1]')) connection.send(byte);
    assert.equal((await connection.reply()).body, doubled(1));
    connection.destroy();
  });

  test('may wait for 100 Continue', async () => {
    const connection = await connect();
    const head = `POST ${predictDouble} HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`;
    connection.send(head);
    assert.equal((await connection.reply()).status, 100);
    connection.send('[1]');
    assert.equal((await connection.reply()).body, doubled(1));
    connection.destroy();
  });

  test('of exactly maxRequestSize are taken', async () => {
    const connection = await connect();
    connection.send(rawRequest(predictDouble, '[1]'.padEnd(2000)));
    assert.equal((await connection.reply()).body, doubled(1));
    connection.destroy();
  });

  const tooLarge: [string, string][] = [
    ['announced', rawRequest(predictDouble, '[1]'.padEnd(2001))],
    ['in chunks', `${chunkedHead}${(2001).toString(16)}\r\n${'[1]'.padEnd(2001)}\r\n0\r\n\r\n`],
  ];
  for (const [what, request] of tooLarge) {
    test(`beyond it, ${what}, get 413 without a body as in TorchServe`, async () => {
      const connection = await connect();
      connection.send(request);
      const reply = await connection.reply();
      assert.deepEqual([reply.status, reply.body], [413, '']);
      assert.equal(reply.headers.get('content-length'), '0');
      assert.equal(reply.headers.get('content-type'), undefined);
      assert.equal(await connection.closed(), '');
    });
  }

  for (const type of ['garbage', ';;', '', 'a/b/c', 'a b/c']) {
    test(`of the type "${type}" are refused with what came`, async () => {
      const connection = await connect();
      connection.send(rawRequest(predictDouble, '[1]', { headers: [`Content-Type: ${type}`] }));
      const reply = await connection.reply();
      assert.equal(reply.status, 400);
      const { message }: { message: unknown } = JSON.parse(reply.body);
      assert.equal(message, `the content-type header is no media type: ${JSON.stringify(type)}`);
    });
  }
});

suite('what is not HTTP', () => {
  const messages: [string, string | Uint8Array][] = [
    ['text', 'hello\r\n\r\n'],
    ['a TLS hello', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
    ['zeros', new Uint8Array(100)],
    ['an unknown method', 'FETCH / HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['an unknown protocol', 'GET / HTTQ/1.1\r\nHost: test\r\n\r\n'],
    ['a length that is no number', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    [
      'a chunk that is no chunk',
      `POST ${predictDouble} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ],
  ];
  for (const [what, bytes] of messages) {
    test(`${what}: 400, the connection closes, the server goes on`, async () => {
      const connection = await connect();
      connection.send(bytes);
      assert.equal((await connection.reply()).status, 400);
      await connection.closed();
      await assertServes();
    });
  }

  test('is answered in the words of TorchServe', async () => {
    const connection = await connect();
    connection.send('hello\r\n\r\n');
    const reply = await connection.reply();
    assert.equal(
      reply.body,
      '{\n  "code": 400,\n  "type": "BadRequestException",\n  "message": "Invalid HTTP message."\n}\n',
    );
    assert.equal(reply.headers.get('content-type'), 'application/json');
  });

  test('no Host: is answered, as by TorchServe', async () => {
    const connection = await connect();
    connection.send('GET /ping HTTP/1.1\r\n\r\n');
    assert.equal((await connection.reply()).status, 200);
    connection.destroy();
  });

  const overflows: [string, string][] = [
    ['one header of 100 KB', `GET /ping HTTP/1.1\r\nHost: t\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    [
      'thousands of headers',
      `GET /ping HTTP/1.1\r\nHost: t\r\n${Array.from({ length: 5000 }, (_, i) => `X-${i}: y\r\n`).join('')}\r\n`,
    ],
    ['a path of 100 KB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: t\r\n\r\n`],
  ];
  for (const [what, request] of overflows) {
    test(`${what}: refused, and the server goes on`, async () => {
      const connection = await connect();
      connection.send(request);
      const { status } = await connection.reply();
      assert.ok(status === 400 || status === 431, String(status));
      await connection.closed();
      await assertServes();
    });
  }
});

suite('clients that hang up', () => {
  const parts: [string, string][] = [
    ['before the request', ''],
    ['in the request line', 'POST /predi'],
    ['in the headers', `POST ${predictDouble} HTTP/1.1\r\nHost: te`],
    ['before the body', `POST ${predictDouble} HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n`],
    ['in the body', `POST ${predictDouble} HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n[1, `],
    [
      'in a chunk',
      `POST ${predictDouble} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n[`,
    ],
    ['after the body', rawRequest(predictDouble, '[1]')],
  ];
  for (const [where, bytes] of parts) {
    test(`${where} do no harm`, async () => {
      for (const hangUp of ['destroy', 'reset', 'end'] as const) {
        const connection = await connect();
        connection.send(bytes);
        connection[hangUp]();
        await connection.closed();
        await assertServes();
      }
      assert.equal(server.service.version('double').pending, 0);
    });
  }
});
