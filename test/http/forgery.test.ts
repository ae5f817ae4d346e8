import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { startServer, type TestServer } from '../support/server.js';

/** A server of archives that counts who comes, and one inside that nobody may reach. */
let files: Server;
let inside: Server;
let filesPort: number;
let insidePort: number;
let reached: string[];
let store: ModelStore;
let elsewhere: string;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

before(async () => {
  store = new ModelStore();
  await store.add('double');
  elsewhere = mkdtempSync(join(tmpdir(), 'sconce-elsewhere-'));
  mkdirSync(join(elsewhere, 'secret'));
  copyFileSync(join(store.folder, 'double.mar'), join(elsewhere, 'other.mar'));
  symlinkSync(join(elsewhere, 'other.mar'), join(store.folder, 'link.mar'));
  inside = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    response.end('secret');
  });
  insidePort = await listen(inside);
  files = createServer((request, response) => {
    const to = new URL(request.url ?? '/', 'http://files').searchParams.get('to');
    response.writeHead(to === null ? 404 : 302, to === null ? {} : { location: to }).end();
  });
  filesPort = await listen(files);
});

after(() => {
  for (const server of [files, inside]) {
    server.closeAllConnections();
    server.close();
  }
  store[Symbol.dispose]();
  rmSync(elsewhere, { recursive: true });
});

beforeEach(() => {
  reached = [];
});

/** A management API that may fetch from what matches. */
class Api implements AsyncDisposable {
  private constructor(
    private readonly server: TestServer,
    private readonly client: HttpClient,
  ) {}

  static async open(allowedUrls: string[] = []): Promise<Api> {
    const server = await startServer([], { modelStore: store.folder, allowedUrls });
    return new Api(server, new HttpClient(server.addresses.management));
  }

  async register(url: string): Promise<HttpReply> {
    const inQuery = await this.client.send(`/models?url=${encodeURIComponent(url)}`);
    const inBody = await this.client.send(
      '/models',
      { url },
      { headers: { 'content-type': 'application/json' } },
    );
    assert.deepEqual(json(inBody), json(inQuery));
    return inQuery;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server.close();
  }
}

/** Nobody was asked, nothing was stored, and the answer tells nothing of what is there. */
function assertRefused(reply: HttpReply, status: number, type: string): void {
  assert.deepEqual([reply.status, Object(json(reply)).type], [status, type], reply.text);
  assert.deepEqual(reached, []);
  assert.deepEqual(readdirSync(store.folder).sort(), ['double.mar', 'link.mar']);
  assert.doesNotMatch(reply.text, /secret/);
}

/** Ways to write the host 127.0.0.1, and hosts inside. */
const hosts = [
  ...['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1'],
  ...[
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '127.0.0.1.',
    '１２７.0.0.1',
    '0',
    '0.0.0.0',
  ],
  ...['169.254.169.254', 'metadata.google.internal', 'LOCALHOST', '%31%32%37.0.0.1'],
];

suite('without allowed URLs nothing is fetched', () => {
  for (const host of hosts) {
    test(`from http://${host}`, async () => {
      await using api = await Api.open();
      const reply = await api.register(`http://${host}:${insidePort}/x.mar`);
      assertRefused(reply, 404, 'ModelNotFoundException');
    });
  }

  for (const url of [
    'file:///etc/passwd',
    'file://localhost/etc/passwd',
    'FILE:///etc/hosts',
    'gopher://127.0.0.1:1/_x.mar',
    'ftp://127.0.0.1/x.mar',
    's3://bucket/x.mar',
    'data://text/plain,x.mar',
    'jar:file:///x.mar!/y',
    'file:/etc/passwd',
    'data:text/plain,x',
    'javascript:1',
    '//127.0.0.1/x.mar',
    '\\\\127.0.0.1\\share\\x.mar',
    'http:/127.0.0.1/x.mar',
    'http:\\\\127.0.0.1\\x.mar',
    ' http://127.0.0.1/x.mar',
    'ht\ntp://127.0.0.1/x.mar',
    'http://',
    'http://[',
    'http://%',
    '/etc/passwd',
    '/proc/self/environ',
    'link.mar',
    'double.mar\0.txt',
    '\0',
    '.',
    '/',
    '~',
  ]) {
    test(`and nothing is found at ${JSON.stringify(url)}`, async () => {
      await using api = await Api.open();
      const reply = await api.register(url);
      assertRefused(reply, 404, 'ModelNotFoundException');
    });
  }

  for (const url of [
    '..',
    '../double.mar',
    'x/../double.mar',
    '%2e%2e/double.mar',
    '%2E.%2fdouble.mar',
    '%252e%252e/double.mar',
    '.\n./double.mar',
    'http://127.0.0.1/../x.mar',
    'file:///etc/../etc/passwd',
    '..\\double.mar',
  ]) {
    test(`and ${JSON.stringify(url)} climbs nowhere`, async () => {
      await using api = await Api.open();
      const reply = await api.register(url);
      assertRefused(reply, 404, 'ModelNotFoundException');
      assert.equal(Object(json(reply)).message, `Relative path is not allowed in url: ${url}`);
    });
  }
});

suite('with an allowed host', () => {
  const onlyFiles = () => [`http://127\\.0\\.0\\.1:${filesPort}/.*`];
  const fromFiles = (to: string) =>
    `http://127.0.0.1:${filesPort}/x.mar?to=${encodeURIComponent(to)}`;

  const redirects: [string, () => string][] = [
    ['another port', () => `http://127.0.0.1:${insidePort}/x.mar`],
    ['another host', () => `http://localhost:${insidePort}/x.mar`],
    [
      'a user with the name of the host',
      () => `http://127.0.0.1:${filesPort}@localhost:${insidePort}/x.mar`,
    ],
    ['no scheme', () => `//localhost:${insidePort}/x.mar`],
    ['a file', () => `file://${elsewhere}/other.mar`],
    ['a file of the system', () => 'file:///etc/passwd'],
    ['another protocol', () => `gopher://127.0.0.1:${insidePort}/x.mar`],
    ['the folder above', () => '/../x.mar'],
    ['nothing that is a URL', () => 'http://['],
  ];
  for (const [what, to] of redirects) {
    test(`a redirect to ${what} is not followed`, async () => {
      await using api = await Api.open(onlyFiles());
      assertRefused(await api.register(fromFiles(to())), 404, 'ModelNotFoundException');
    });
  }

  const lookalikes: [string, () => string][] = [
    ['as a user', () => `http://127.0.0.1:${filesPort}/@localhost:${insidePort}/x.mar`],
    ['before an at sign', () => `http://127.0.0.1:${filesPort}@localhost:${insidePort}/x.mar`],
    ['behind a hash', () => `http://localhost:${insidePort}/#http://127.0.0.1:${filesPort}/x.mar`],
    [
      'behind a question mark',
      () => `http://localhost:${insidePort}/?http://127.0.0.1:${filesPort}/`,
    ],
    ['behind a backslash', () => `http://localhost:${insidePort}\\http://127.0.0.1:${filesPort}/`],
    ['with a dot for any letter', () => `http://127a0b0c1:${filesPort}/x.mar`],
    ['with another port behind it', () => `http://127.0.0.1:${filesPort}0/x.mar`],
  ];
  for (const [how, url] of lookalikes) {
    test(`a URL that has its name ${how} reaches nothing else`, async () => {
      await using api = await Api.open(onlyFiles());
      const reply = await api.register(url());
      assert.ok(reply.status === 404 || reply.status === 400, reply.text);
      assertRefused(reply, reply.status, Object(json(reply)).type);
    });
  }

  test('a file outside the store is copied only where files are allowed', async () => {
    const url = `file://${elsewhere}/other.mar`;
    {
      await using api = await Api.open(onlyFiles());
      assertRefused(await api.register(url), 404, 'ModelNotFoundException');
    }
    await using server = await startServer([], {
      modelStore: store.folder,
      allowedUrls: [`file://${elsewhere}/.*`],
    });
    const client = new HttpClient(server.addresses.management);
    const secret = encodeURIComponent('file:///etc/passwd');
    assert.equal((await client.send(`/models?url=${secret}`)).status, 404);
    const reply = await client.send(`/models?url=${encodeURIComponent(url)}`);
    assert.equal(reply.status, 200, reply.text);
    await client.send('/models/double', '', { method: 'DELETE' });
    assert.deepEqual(readdirSync(store.folder).sort(), ['double.mar', 'link.mar']);
    client.close();
  });
});
