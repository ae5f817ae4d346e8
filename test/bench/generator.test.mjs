import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import { Children } from '../../scripts/bench/lib/children.mjs';
import { buildGenerator, invalidReason } from '../../scripts/bench/lib/generator.mjs';
import { generatorLoad } from '../../scripts/bench/lib/load-generator.mjs';
import { temporaryFolder } from '../scripts/support.mjs';

let generator;
before(async () => {
  const ends = [];
  const folder = temporaryFolder({ after: (end) => ends.push(end) });
  process.once('exit', () => {
    for (const end of ends) end();
  });
  generator = await buildGenerator({ children: new Children(), folder });
});

/** A server on a port of its own, and the paths that were asked. */
async function serve(t, answer) {
  const asked = new Map();
  const server = createServer((request, response) => {
    asked.set(request.url, (asked.get(request.url) ?? 0) + 1);
    request.resume().once('end', () => answer(request, response));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const skipped = (t) => {
  if (!('skipped' in generator)) return false;
  t.skip(generator.skipped);
  return true;
};
const hello = (_request, response) => response.end('hello');
const request = (path, more) => ({
  ...{ path, body: Buffer.from('{}'), headers: { 'Content-Type': 'application/json' } },
  ...{ replyBytes: 5, ...more },
});
const short = { connections: 8, seconds: 0.3 };

test('a closed loop counts every answer', async (t) => {
  if (skipped(t)) return;
  const { url, asked } = await serve(t, hello);
  const figures = await generator.run({ url, requests: [request('/a')], ...short });
  // One request on each connection comes before what is counted.
  assert.equal(figures.requests + short.connections, asked.get('/a'));
  assert.deepEqual([figures.errors, figures.non2xx, figures.wrongLength], [0, 0, 0]);
  assert.ok(figures.p50 <= figures.p99 && figures.p99 <= figures.p999);
});

test('an open loop sends as many requests as its rate says, whatever the server does', async (t) => {
  if (skipped(t)) return;
  const { url } = await serve(t, (_request, response) =>
    setTimeout(() => response.end('hello'), 20),
  );
  const load = { connections: 2, seconds: 0.5, rate: 400 };
  const figures = await generator.run({ url, requests: [request('/a')], ...load });
  assert.ok(figures.requests > 120 && figures.requests < 280, `${figures.requests} requests`);
  assert.ok(figures.queued > 0);
  // Two connections answer 100 a second: those that were due before had to wait, and it is counted.
  assert.ok(figures.p99 > 100, `p99 ${figures.p99}`);
});

test('the rate of an open loop is the same for a seed, and weights share it', async (t) => {
  if (skipped(t)) return;
  const { url } = await serve(t, hello);
  const requests = [request('/a', { weight: 3 }), request('/b'), request('/c', { weight: 0 })];
  const load = { connections: 8, seconds: 0.5, rate: 1000 };
  const first = await generator.run({ url, requests, ...load });
  const second = await generator.run({ url, requests, ...load });
  assert.equal(first.requests, second.requests);
  const [a, b, c] = first.targets.map(({ requests: count }) => count);
  assert.ok(a > b && b > 0, `${a} and ${b}`);
  assert.equal(c, 0);
});

test('bound connections ask one path each', async (t) => {
  if (skipped(t)) return;
  const paths = new Map();
  const { url } = await serve(t, (asked, response) => {
    const own = paths.get(asked.socket) ?? new Set();
    paths.set(asked.socket, own.add(asked.url));
    response.end('hello');
  });
  const requests = [request('/a'), request('/b')];
  const figures = await generator.run({ url, requests, ...short, bound: true });
  assert.deepEqual(new Set([...paths.values()].map(({ size }) => size)), new Set([1]));
  assert.ok(figures.targets.every(({ requests: count }) => count > 0));
});

test('answers other than 2xx and of another length do not count', async (t) => {
  if (skipped(t)) return;
  const { url } = await serve(t, (asked, response) => {
    response.statusCode = asked.url === '/bad' ? 503 : 200;
    response.end(asked.url === '/long' ? 'x'.repeat(100) : 'hello');
  });
  const bad = await generator.run({ url, requests: [request('/bad')], ...short });
  assert.equal(bad.non2xx, bad.requests);
  assert.match(invalidReason(bad), /other than 2xx/);
  const long = await generator.run({ url, requests: [request('/long')], ...short });
  assert.equal(long.wrongLength, long.requests);
  assert.match(invalidReason(long), /of a wrong length/);
});

test('a connection that the server breaks is an error, and is opened again', async (t) => {
  if (skipped(t)) return;
  let answers = 0;
  const { url } = await serve(t, (_asked, response) => {
    answers += 1;
    if (answers === 50) response.socket.destroy();
    else response.end('hello');
  });
  const figures = await generator.run({ url, requests: [request('/a')], ...short });
  assert.equal(figures.errors, 1);
  assert.ok(figures.requests > 50);
});

test('an answer in pieces is one answer', async (t) => {
  if (skipped(t)) return;
  const { url } = await serve(t, (_asked, response) => {
    response.writeHead(200, { 'content-length': 5 });
    response.write('he', () => setImmediate(() => response.end('llo')));
  });
  const figures = await generator.run({ url, requests: [request('/a')], ...short });
  assert.deepEqual([figures.errors, figures.wrongLength], [0, 0]);
  assert.ok(figures.requests > 0);
});

test('a request of megabytes is sent whole', async (t) => {
  if (skipped(t)) return;
  let bytes = 0;
  const { url } = await serve(t, (asked, response) => {
    bytes = Number(asked.headers['content-length']);
    response.end('hello');
  });
  const large = request('/a', { body: Buffer.alloc(3_000_000) });
  const figures = await generator.run({ url, requests: [large], connections: 2, seconds: 0.3 });
  assert.equal(bytes, 3_000_000);
  assert.deepEqual([figures.errors, figures.non2xx], [0, 0]);
});

test('as a load it needs no length of answers, and sends bodies in turn', async (t) => {
  if (skipped(t)) return;
  const bodies = new Set();
  const { url, asked } = await serve(t, (asked, response) => {
    bodies.add(asked.headers['content-length']);
    response.end('x'.repeat(1000 * bodies.size));
  });
  const spec = { url: `${url}/a`, body: Buffer.alloc(1), others: [Buffer.alloc(22)], headers: {} };
  const figures = await generatorLoad(generator).run({ ...spec, connections: 4, seconds: 0.2 });
  assert.ok(figures.requests > 0 && asked.get('/a') > 0);
  assert.deepEqual([figures.errors, figures.non2xx, figures.wrongLength], [0, 0, 0]);
  assert.deepEqual([...bodies].sort(), ['1', '22']);
});

test('a server that is not there is an error that says so', async (t) => {
  if (skipped(t)) return;
  const spec = { url: 'http://127.0.0.1:1', requests: [request('/a')], ...short };
  await assert.rejects(generator.run(spec), /Connection refused/);
});

test('a measurement in which the generator was late does not count', () => {
  const fine = { requests: 9, errors: 0, non2xx: 0, wrongLength: 0, latenessP99: 0.4, p99: 1 };
  assert.equal(invalidReason(fine), undefined);
  assert.match(invalidReason({ ...fine, latenessP99: 0.6 }), /late/);
  assert.equal(invalidReason({ ...fine, latenessP99: 0.6, p99: 4 }), undefined);
});
