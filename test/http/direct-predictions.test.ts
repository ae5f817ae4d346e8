import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { BodyBudget } from '../../src/http/body-budget.js';
import { BodyMemory, smallestPiece } from '../../src/http/body-memory.js';
import { DirectPredictions } from '../../src/http/direct-predictions.js';
import type { HttpContext } from '../../src/http/http-context.js';
import { readKeyFile } from '../../src/security/key-file.js';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { TemporaryFolder } from '../security/folder.js';
import { RawConnection, type RawReply, rawRequest } from '../support/raw-connection.js';
import { source, startServer, startService, type TestServer } from '../support/server.js';

const json = 'Content-Type: application/json';

/** A listener that says of every request which way it went. */
async function startSorting(maxRequestSize: number): Promise<{ server: Server; url: string }> {
  const service = startService([]);
  const context: HttpContext = {
    service,
    observer: { responded: () => {} },
    maxRequestSize,
    bodies: new BodyMemory(BodyBudget.forBodiesOf(maxRequestSize)),
    maxResponseSize: 1000,
    cors: [],
    closeOnError: false,
  };
  // No model is there: what goes directly gets the error of that.
  const options = { authorize: undefined, fail: () => assert.fail('nothing is thrown') };
  const direct = new DirectPredictions(context, options, (_request, response) => {
    response.end('routed');
  });
  const server = createServer((request, response) => {
    if (!direct.take(request, response)) response.end('left');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.once('close', () => void service.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, url: `http://127.0.0.1:${address.port}` };
}

/** Sends pieces one after the other, each once the one before is on its way. */
async function answerTo(url: string, ...pieces: string[]): Promise<RawReply> {
  const connection = await RawConnection.open(url);
  for (const piece of pieces) {
    connection.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const reply = await connection.reply();
  connection.destroy();
  return reply;
}

suite('a request goes past the router', async () => {
  const { server, url } = await startSorting(smallestPiece * 2);
  after(() => server.close());

  const taken: [what: string, request: string][] = [
    ['with a row of JSON', rawRequest('/predictions/m', '[1]', { headers: [json] })],
    ['with a version', rawRequest('/predictions/m/1.0', '[1]', { headers: [json] })],
    ['without a type', rawRequest('/predictions/m-1_b.c', '[1]')],
    [
      'with bytes',
      rawRequest('/predictions/m', 'abcd', { headers: ['Content-Type: application/octet-stream'] }),
    ],
    [
      'of the largest small body',
      rawRequest('/predictions/m', '1'.repeat(smallestPiece - 1), { headers: [json] }),
    ],
  ];
  for (const [what, request] of taken) {
    test(what, async () => {
      assert.match((await answerTo(url, request)).body, /Model not found: m/);
    });
  }

  const left: [what: string, request: string][] = [
    ['another method', rawRequest('/predictions/m', '[1]', { method: 'PUT' })],
    ['another route', rawRequest('/explanations/m', '[1]')],
    ['a query', rawRequest('/predictions/m?a=1', '[1]')],
    ['more of a path', rawRequest('/predictions/m/1.0/a', '[1]')],
    ['no model', rawRequest('/predictions/', '[1]')],
    ['an escape', rawRequest('/predictions/%6d', '[1]')],
    ['an empty segment', rawRequest('/predictions//m', '[1]')],
    ['a name that is long', rawRequest(`/predictions/${'m'.repeat(201)}`, '[1]')],
    ['no body', rawRequest('/predictions/m')],
    ['a large body', rawRequest('/predictions/m', '1'.repeat(smallestPiece))],
    [
      'a form',
      rawRequest('/predictions/m', 'a=1', {
        headers: ['Content-Type: application/x-www-form-urlencoded'],
      }),
    ],
    [
      'a type with parameters',
      rawRequest('/predictions/m', '[1]', { headers: [`${json}; charset=utf-8`] }),
    ],
    ['a type that is none', rawRequest('/predictions/m', '[1]', { headers: ['Content-Type: x'] })],
    [
      'chunks',
      'POST /predictions/m HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n',
    ],
  ];
  for (const [what, request] of left) {
    test(`not with ${what}`, async () => {
      assert.equal((await answerTo(url, request)).body, 'left');
    });
  }

  test('not when its body comes later', async () => {
    const request = rawRequest('/predictions/m', '[1]', { headers: [json] });
    const connection = await RawConnection.open(url);
    connection.send(request.slice(0, -1));
    assert.equal((await connection.reply()).body, 'routed');
    connection.destroy();
  });

  test('also when a thousand paths came before', async () => {
    const connection = await RawConnection.open(url);
    for (let i = 0; i < 1000; i += 1) {
      connection.send(rawRequest(`/predictions/m${i}`, '[1]', { headers: [json] }));
      assert.match((await connection.reply()).body, new RegExp(`Model not found: m${i}"`));
    }
    connection.destroy();
  });
});

/** What must not differ between the two ways. */
function outline({ statusLine, headers, body }: RawReply): object {
  const own = new Map(headers);
  assert.match(own.get('x-request-id') ?? '', /^[\x21-\x7e]+$/);
  own.delete('x-request-id');
  return { statusLine, headers: [...own], body };
}

suite('both ways give the same answer', async () => {
  const server = await startServer(
    [source('double'), source('throws'), source('pair', { name: 'other' })],
    { corsAllowedOrigin: '*', maxResponseSize: 1000 },
  );
  after(() => server.close());
  const { inference } = server.addresses;

  const requests: [what: string, path: string, body: string, headers: string[]][] = [
    ['a row', 'double', '[1]', [json]],
    ['a row without a type', 'double', '[1]', []],
    ['a version', 'double/1.0', '[1]', [json]],
    ['a version that is not there', 'double/9.0', '[1]', [json]],
    ['a model that is not there', 'nope', '[1]', [json]],
    ['what is no JSON', 'double', '[1', [json]],
    ['a row that the model refuses', 'throws', '[-1]', [json]],
    ['a reply in bytes', 'double', '[1]', [json, 'Accept: application/octet-stream']],
    ['text', 'double', '[1]', ['Content-Type: text/plain']],
    ['an id of its own', 'double', '[1]', [json, 'X-Request-Id: mine']],
    ['a time that is none', 'double', '[1]', [json, 'X-Request-Timeout-Ms: soon']],
    ['a connection that is to close', 'double', '[1]', [json, 'Connection: close']],
    ['an error and such a connection', 'double', '[', [json, 'Connection: close']],
    ['several rows', 'double', '[[1],[2],[3]]', [json]],
    ['a reply that is too large', 'double', `[${'[1],'.repeat(300)}[1]]`, [json]],
  ];
  for (const [what, path, body, headers] of requests) {
    test(what, async () => {
      const direct = await answerTo(
        inference,
        rawRequest(`/predictions/${path}`, body, { headers }),
      );
      // A query, even an empty one, is the router's to read.
      const routed = await answerTo(
        inference,
        rawRequest(`/predictions/${path}?`, body, { headers }),
      );
      assert.deepEqual(outline(direct), outline(routed));
    });
  }

  test('to HTTP/1.0', async () => {
    const ask = (path: string) =>
      answerTo(inference, `POST ${path} HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]`);
    const direct = outline(await ask('/predictions/double'));
    assert.deepEqual(direct, outline(await ask('/predictions/double?')));
  });

  test('wherever the pieces of requests end, and in their order', async () => {
    const request = fc.record({
      value: fc.integer({ min: -1000, max: 1000 }),
      ending: fc.constantFrom('', '?', '/1.0'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 6 }),
        async (sent, cuts) => {
          const text = sent
            .map(({ value, ending }) =>
              rawRequest(`/predictions/double${ending}`, `[${value}]`, { headers: [json] }),
            )
            .join('');
          const ends = [...cuts.map((cut) => cut % text.length), text.length].sort((a, b) => a - b);
          const connection = await RawConnection.open(inference);
          let start = 0;
          for (const end of ends) {
            if (end > start) connection.send(text.slice(start, end));
            start = end;
            await new Promise((resolve) => setImmediate(resolve));
          }
          for (const { value } of sent) {
            const { body } = await connection.reply();
            assert.equal(body, `[\n  ${2 * value + 1}.0\n]`);
          }
          connection.destroy();
        },
      ),
      { numRuns: 60 },
    );
  });
});

suite('with authorization', () => {
  let folder: TemporaryFolder | undefined;
  let server: TestServer | undefined;
  after(async () => {
    await server?.close();
    folder?.[Symbol.dispose]();
  });

  test('a request that goes past the router needs the inference key too', async () => {
    folder = new TemporaryFolder();
    const keyFile = folder.file('key_file.json');
    const authority = await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
    server = await startServer([source('double')], {}, { authority });
    const { inference } = server.addresses;
    const keys = await readKeyFile(keyFile);
    const ask = (...headers: string[]) =>
      answerTo(
        inference,
        rawRequest('/predictions/double', '[1]', { headers: [json, ...headers] }),
      );
    const key = `Authorization: Bearer ${keys.inference.key}`;
    assert.equal((await ask(key)).status, 200);
    assert.equal((await ask()).status, 400);
    assert.equal((await ask(`Authorization: Bearer ${keys.management.key}`)).status, 400);
    assert.equal((await ask(key, key)).status, 400);
    const refused = await answerTo(
      inference,
      rawRequest('/predictions/double?', '[1]', { headers: [json] }),
    );
    assert.deepEqual(outline(await ask()), outline(refused));
  });
});
