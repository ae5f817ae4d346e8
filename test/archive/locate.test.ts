import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type LocateOptions, locateArchive } from '../../src/archive/locate.js';
import { SconceError } from '../../src/errors.js';
import { until } from '../support/condition.js';
import { Workspace } from './workspace.js';

const space = new Workspace();
const servers: Server[] = [];

beforeEach(() => mkdirSync(space.path('store')));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server on a free port; its URL. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

function locate(url: string, options: Partial<LocateOptions> = {}) {
  return locateArchive(url, {
    modelStore: space.path('store'),
    allowedUrls: ['file://.*|http(s)?://.*'],
    downloadTimeout: 60_000,
    maxBytes: 2 ** 30,
    ...options,
  });
}

function stored(): string[] {
  return readdirSync(space.path('store')).sort();
}

/** Asserts that it is refused, that the reason is as given, and what then is in the store. */
async function assertRefused(
  locating: Promise<unknown>,
  expected: { code: string; message?: string; reason?: RegExp | string },
  inStore: string[] = [],
): Promise<void> {
  const error = await locating.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SconceError, `${error}`);
  assert.equal(error.code, expected.code, error.reason);
  if (expected.message !== undefined) assert.equal(error.message, expected.message);
  if (expected.reason instanceof RegExp) assert.match(error.reason ?? '', expected.reason);
  else if (expected.reason !== undefined) assert.equal(error.reason, expected.reason);
  assert.deepEqual(stored(), inStore);
}

test('finds a file and a folder of the store', async () => {
  space.write('store/a.mar', 'a');
  space.write('store/folder/model.pt', 'm');
  for (const url of ['a.mar', 'folder', 'elsewhere/a.mar', './a.mar', '/nowhere/folder']) {
    const name = url.endsWith('folder') ? 'folder' : 'a.mar';
    assert.deepEqual(await locate(url), {
      path: space.path('store', name),
      url,
      downloaded: false,
    });
  }
});

test('accepts an absolute path into the store, at any depth', async () => {
  const path = space.write('store/a/b/c.mar', 'c');
  assert.deepEqual(await locate(path), { path, url: path, downloaded: false });
});

test('an absolute path outside the store stands for its last part in it', async () => {
  const outside = space.write('outside/a.mar', 'outside');
  space.write('outside/folder/model.pt', 'm');
  await assertRefused(locate(outside), { code: 'ARCHIVE_NOT_FOUND' });
  await assertRefused(locate(space.path('outside/folder')), { code: 'ARCHIVE_NOT_FOUND' });
  const inside = space.write('store/a.mar', 'inside');
  assert.equal((await locate(outside)).path, inside);
});

test('a store beside the store is not the store', async () => {
  const path = space.write('store-2/a.mar', 'a');
  await assertRefused(locate(path), { code: 'ARCHIVE_NOT_FOUND' });
});

test('a link in the store may lead into the store, but not out of it', async () => {
  const real = space.write('store/a.mar', 'a');
  space.write('outside/b.mar', 'b');
  symlinkSync('a.mar', space.path('store/inside.mar'));
  symlinkSync(space.path('outside/b.mar'), space.path('store/outside.mar'));
  symlinkSync(space.path('outside'), space.path('store/folder'));
  assert.equal((await locate('inside.mar')).path, real);
  const inStore = ['a.mar', 'folder', 'inside.mar', 'outside.mar'];
  for (const url of ['outside.mar', 'folder', space.path('store/folder/b.mar')]) {
    await assertRefused(
      locate(url),
      { code: 'ARCHIVE_NOT_FOUND', message: `Model not found at: ${url}` },
      inStore,
    );
  }
});

test('the store itself may be a link', async () => {
  const path = space.write('store/a.mar', 'a');
  symlinkSync(space.path('store'), space.path('link'));
  assert.equal((await locate('a.mar', { modelStore: space.path('link') })).path, path);
  const url = space.path('link/a.mar');
  assert.equal((await locate(url, { modelStore: space.path('link') })).path, path);
});

for (const url of [
  'missing.mar',
  '/',
  '.',
  './',
  'a\0b',
  'x'.repeat(5000),
  '/dev/null',
  'http:/h/a',
]) {
  test(`finds nothing at ${JSON.stringify(url.slice(0, 20))}`, async () => {
    await assertRefused(locate(url), {
      code: 'ARCHIVE_NOT_FOUND',
      message: `Model not found at: ${url}`,
    });
  });
}

test('finds nothing at the store itself', async () => {
  const url = space.path('store');
  await assertRefused(locate(url), { code: 'ARCHIVE_NOT_FOUND' });
});

test('says what is missing of a store, a URL and an absolute way', async () => {
  await assertRefused(locate('a.mar', { modelStore: undefined }), { code: 'MODEL_STORE_MISSING' });
  const modelStore = space.path('none');
  await assertRefused(locate('a.mar', { modelStore }), {
    code: 'MODEL_STORE_MISSING',
    reason: /ENOENT/,
  });
  await assertRefused(locate(''), { code: 'EMPTY_URL', message: 'empty url' });
  await assertRefused(locate('../a.mar'), { code: 'RELATIVE_URL' });
  await assertRefused(locate('%252e%252e/a.mar'), { code: 'RELATIVE_URL' });
});

test('downloads into the store and tells of the progress', async () => {
  const body = Buffer.alloc(300_000, 'weights ');
  const origin = await serve((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'identity');
    response.setHeader('content-length', body.length);
    response.end(body);
  });
  const progress: [number, number | undefined][] = [];
  const url = `${origin}/models/a%20b.mar?signature=1#x`;
  assert.deepEqual(await locate(url, { onProgress: (...now) => progress.push(now) }), {
    path: space.path('store/a b.mar'),
    url,
    downloaded: true,
  });
  assert.deepEqual(stored(), ['a b.mar']);
  assert.ok(readFileSync(space.path('store/a b.mar')).equals(body));
  assert.deepEqual(progress.at(-1), [body.length, body.length]);
});

test('downloads what has no length, and what has no bytes', async () => {
  const origin = await serve((request, response) => {
    if (request.url !== '/empty.mar') response.write('abc');
    response.end();
  });
  const totals: unknown[] = [];
  await locate(`${origin}/a.mar`, { onProgress: (_, total) => totals.push(total) });
  await locate(`${origin}/empty.mar`);
  assert.deepEqual(totals, [undefined]);
  assert.equal(readFileSync(space.path('store/a.mar'), 'utf8'), 'abc');
  assert.equal(readFileSync(space.path('store/empty.mar'), 'utf8'), '');
});

test('a half file is never to be seen under its name', async () => {
  let release = () => {};
  const origin = await serve((_, response) => {
    response.write('first half, ');
    release = () => response.end('second half');
  });
  const locating = locate(`${origin}/a.mar`);
  await until(() => stored().length > 0);
  assert.match(stored().join(), /^\.a\.mar\.[0-9a-f]{16}\.part$/);
  release();
  await locating;
  assert.deepEqual(stored(), ['a.mar']);
  assert.equal(readFileSync(space.path('store/a.mar'), 'utf8'), 'first half, second half');
});

test('does not fetch what the store has already', async () => {
  space.write('store/a.mar', 'mine');
  symlinkSync('nowhere', space.path('store/dangling.mar'));
  let requests = 0;
  const origin = await serve((_, response) => {
    requests++;
    response.end('theirs');
  });
  for (const name of ['a.mar', 'dangling.mar']) {
    const expected = { code: 'ARCHIVE_EXISTS', message: `Model file already exists ${name}` };
    await assertRefused(locate(`${origin}/${name}`), expected, ['a.mar', 'dangling.mar']);
  }
  assert.equal(requests, 0);
  assert.equal(readFileSync(space.path('store/a.mar'), 'utf8'), 'mine');
});

test('of two downloads to the same name one wins', async () => {
  const answers: (() => void)[] = [];
  const origin = await serve((request, response) => {
    answers.push(() => response.end(request.url));
    if (answers.length === 2) for (const answer of answers) answer();
  });
  const outcomes = await Promise.allSettled([
    locate(`${origin}/1/a.mar`),
    locate(`${origin}/2/a.mar`),
  ]);
  const won = outcomes.findIndex(({ status }) => status === 'fulfilled');
  const lost = outcomes[1 - won];
  assert.ok(lost?.status === 'rejected');
  assert.equal(lost.reason.code, 'ARCHIVE_EXISTS');
  assert.deepEqual(stored(), ['a.mar']);
  assert.equal(readFileSync(space.path('store/a.mar'), 'utf8'), `/${won + 1}/a.mar`);
});

test('follows redirects, to other hosts where they are allowed', async () => {
  const target = await serve((request, response) => response.end(`got ${request.url}`));
  const origin = await serve((request, response) => {
    const location = request.url === '/a.mar' ? '/next' : `${target}/other.mar`;
    response.writeHead(302, { location }).end('moved');
  });
  const { path } = await locate(`${origin}/a.mar`);
  assert.equal(path, space.path('store/a.mar'));
  assert.equal(readFileSync(path, 'utf8'), 'got /other.mar');
});

test('follows no redirect to where it may not fetch from', async () => {
  let requests = 0;
  const inner = await serve((_, response) => {
    requests++;
    response.end('secret');
  });
  const locations = [
    '/a.mar',
    'file:///etc/passwd',
    'ftp://h/a',
    '//evil/a.mar',
    '/../a',
    '/%2e%2e/a',
  ];
  let location = '';
  const origin = await serve((_, response) => response.writeHead(302, { location }).end());
  const allowedUrls = [`${origin}/.*`];
  for (const target of [inner + (locations[0] ?? ''), ...locations.slice(1)]) {
    location = target;
    const code =
      target.startsWith('/.') || target.startsWith('/%') ? 'RELATIVE_URL' : 'URL_NOT_ALLOWED';
    await assertRefused(locate(`${origin}/a.mar`, { allowedUrls }), { code });
  }
  assert.equal(requests, 0);
  location = 'file:///etc/passwd';
  await assertRefused(locate(`${origin}/a.mar`), {
    code: 'DOWNLOAD_FAILED',
    reason: 'models are not fetched by file:',
  });
});

test('follows five redirects, and no sixth', async () => {
  const origin = await serve((request, response) => {
    const left = Number(request.url?.slice(1, 2));
    if (left === 0) response.end('there');
    else response.writeHead(307, { location: `/${left - 1}.mar` }).end();
  });
  await locate(`${origin}/5.mar`);
  await assertRefused(
    locate(`${origin}/6.mar`),
    { code: 'DOWNLOAD_FAILED', reason: 'it is redirected more than 5 times' },
    ['5.mar'],
  );
});

for (const status of [204, 206, 304, 401, 404, 500]) {
  test(`an answer of status ${status} is no archive`, async () => {
    const origin = await serve((_, response) => response.writeHead(status).end());
    const url = `${origin}/a.mar`;
    await assertRefused(locate(url), {
      code: 'DOWNLOAD_FAILED',
      message: `Failed to download archive from: ${url}`,
      reason: `${new URL(origin).host} answered with status ${status}`,
    });
  });
}

test('a redirect to nowhere is no archive', async () => {
  const origin = await serve((_, response) => response.writeHead(302).end());
  const expected = { code: 'DOWNLOAD_FAILED', reason: /status 302/ };
  await assertRefused(locate(`${origin}/a.mar`), expected);
});

test('says that nothing listens', async () => {
  const origin = await serve(() => {});
  servers.pop()?.close();
  const expected = { code: 'DOWNLOAD_FAILED', reason: /ECONNREFUSED/ };
  await assertRefused(locate(`${origin}/a.mar`), expected);
});

test('refuses a body that ends before its length', async () => {
  const origin = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('x'.repeat(100), () => response.destroy());
  });
  const expected = { code: 'DOWNLOAD_FAILED', reason: /other side closed|ECONNRESET/ };
  await assertRefused(locate(`${origin}/a.mar`), expected);
});

test('refuses a chunked body that breaks off', async () => {
  const origin = await serve((_, response) => {
    response.write('x'.repeat(100), () => response.destroy());
  });
  await assertRefused(locate(`${origin}/a.mar`), { code: 'DOWNLOAD_FAILED' });
});

test('refuses what declares to be too large, without reading it', async () => {
  const origin = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 1001 });
    response.flushHeaders();
  });
  const expected = { code: 'DOWNLOAD_FAILED', reason: 'it has more than 1000 bytes' };
  await assertRefused(locate(`${origin}/a.mar`, { maxBytes: 1000 }), expected);
});

test('refuses what turns out to be too large', async () => {
  const origin = await serve((_, response) => {
    const more = () => response.write('x'.repeat(600), () => setImmediate(more));
    more();
  });
  const expected = { code: 'DOWNLOAD_FAILED', reason: 'it has more than 1000 bytes' };
  await assertRefused(locate(`${origin}/a.mar`, { maxBytes: 1000 }), expected);
});

test('gives up a server that does not answer', async () => {
  const origin = await serve(() => {});
  const expected = { code: 'DOWNLOAD_FAILED', reason: 'no progress for 20 ms' };
  await assertRefused(locate(`${origin}/a.mar`, { downloadTimeout: 20 }), expected);
});

test('gives up a server that stops in the middle', async () => {
  const origin = await serve((_, response) => {
    response.write('half');
  });
  const expected = { code: 'DOWNLOAD_FAILED', reason: 'no progress for 50 ms' };
  await assertRefused(locate(`${origin}/a.mar`, { downloadTimeout: 50 }), expected);
});

test('has patience with a server that is slow but goes on', async () => {
  const origin = await serve((_, response) => {
    let sent = 0;
    const timer = setInterval(() => {
      response.write('x');
      if (++sent === 6) {
        clearInterval(timer);
        response.end();
      }
    }, 100);
  });
  // Six pauses of 100 ms: longer together than the 500 ms that one of them may take.
  await locate(`${origin}/a.mar`, { downloadTimeout: 500 });
  assert.deepEqual(stored(), ['a.mar']);
});

test('stops when it is told to, before the answer and in the middle of it', async () => {
  const reason = new Error('enough');
  for (const begins of [false, true]) {
    let asked = 0;
    const origin = await serve((_, response) => {
      if (begins) response.write('half');
      asked++;
    });
    const controller = new AbortController();
    const locating = locate(`${origin}/a.mar`, { signal: controller.signal });
    await until(() => asked > 0 && (!begins || stored().length > 0));
    controller.abort(reason);
    await assert.rejects(locating, reason);
    assert.deepEqual(stored(), []);
  }
  await assert.rejects(locate('a.mar', { signal: AbortSignal.abort(reason) }), reason);
});

test('does not take off a compression that is an archive itself', async () => {
  const content = gzipSync('tar');
  const origin = await serve((_, response) => response.end(content));
  const { path } = await locate(`${origin}/a.tar.gz`);
  assert.ok(readFileSync(path).equals(content));
});

for (const url of [
  'http://h',
  'http://h/',
  'http://h/models/',
  'http://h/a%2fb.mar',
  'http://h/a%00',
]) {
  test(`refuses ${url}, which names no file`, async () => {
    await assertRefused(locate(url), {
      code: 'ARCHIVE_NOT_FOUND',
      reason: 'it does not end in the name of a file',
    });
  });
}

test('fetches by no other scheme, and with no password', async () => {
  const allowedUrls = ['.*'];
  await assertRefused(locate('ftp://h/a.mar', { allowedUrls }), {
    code: 'DOWNLOAD_FAILED',
    reason: 'models are not fetched by ftp:',
  });
  await assertRefused(locate('http://user:password@h/a.mar', { allowedUrls }), {
    code: 'DOWNLOAD_FAILED',
    reason: 'a URL with a user name or a password is not fetched',
  });
});

test('fetches from nowhere that is not allowed', async () => {
  const origin = await serve((_, response) => response.end());
  for (const url of [`${origin}/a.mar`, 'file:///etc/passwd', 'HTTPS://h/a.mar', 's3://b/a.mar']) {
    await assertRefused(locate(url, { allowedUrls: ['https://good/.*'] }), {
      code: 'URL_NOT_ALLOWED',
      message: `Given URL ${url} does not match any allowed URL(s)`,
    });
  }
});

test('copies a local file into the store', async () => {
  const url = pathToFileURL(space.write('outside/a b.mar', 'content')).href;
  assert.deepEqual(await locate(url), {
    path: space.path('store/a b.mar'),
    url,
    downloaded: true,
  });
  assert.equal(readFileSync(space.path('store/a b.mar'), 'utf8'), 'content');
  await assertRefused(locate(url), { code: 'ARCHIVE_EXISTS' }, ['a b.mar']);
});

test('refuses a local file that is in the store, as one that would be fetched over itself', async () => {
  const url = pathToFileURL(space.write('store/a.mar', 'content')).href;
  const message = 'Model file already exists a.mar';
  await assertRefused(locate(url), { code: 'ARCHIVE_EXISTS', message }, ['a.mar']);
  assert.equal(readFileSync(space.path('store/a.mar'), 'utf8'), 'content');
});

test('copies a local file up from a folder of the store', async () => {
  const url = pathToFileURL(space.write('store/deep/a.mar', 'content')).href;
  const path = space.path('store/a.mar');
  assert.deepEqual(await locate(url), { path, url, downloaded: true });
  assert.deepEqual(stored(), ['a.mar', 'deep']);
});

test('uses a local folder in place', async () => {
  space.write('outside/folder/model.pt', 'm');
  const path = space.path('outside/folder');
  const url = pathToFileURL(path).href;
  assert.deepEqual(await locate(url), { path, url, downloaded: false });
});

test('says that a port is one that nothing is fetched from', async () => {
  for (const port of [1, 9, 6667]) {
    await assertRefused(locate(`http://127.0.0.1:${port}/a.mar`), {
      code: 'DOWNLOAD_FAILED',
      reason: `port ${port} is not allowed for downloads`,
    });
  }
});

test('says so of a port that a server redirects to, too', async () => {
  const origin = await serve((_, response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:25/a.mar' }).end(),
  );
  await assertRefused(locate(`${origin}/a.mar`), {
    code: 'DOWNLOAD_FAILED',
    reason: 'port 25 is not allowed for downloads',
  });
});

test('a local file is held to the same limits', async () => {
  const url = pathToFileURL(space.write('outside/a.mar', 'x'.repeat(1001))).href;
  await assertRefused(locate(url, { maxBytes: 1000 }), {
    code: 'DOWNLOAD_FAILED',
    reason: 'it has more than 1000 bytes',
  });
  const reason = new Error('enough');
  const controller = new AbortController();
  const locating = locate(url, { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(locating, reason);
  assert.deepEqual(stored(), []);
});

for (const [url, reason] of [
  ['file:///missing.mar', /ENOENT/],
  ['file://host/a.mar', /host must be/],
  ['file:///a%2fb.mar', /encoded/],
  ['file:///a%00', /null bytes/],
] as const) {
  test(`fetches nothing from ${url}`, async () => {
    await assertRefused(locate(url), { code: 'DOWNLOAD_FAILED', reason });
  });
}

test('refuses a device', async () => {
  await assertRefused(locate('file:///dev/null'), {
    code: 'ARCHIVE_NOT_FOUND',
    reason: 'it is neither a file nor a folder',
  });
});

test('says that the store cannot be written', async () => {
  const origin = await serve((_, response) => response.end('x'));
  const name = `${'x'.repeat(250)}.mar`;
  await assertRefused(locate(`${origin}/${name}`), { code: 'SAVE_FAILED', reason: /ENAMETOOLONG/ });
});
