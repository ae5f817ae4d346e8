import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { type KeySet, readKeyFile } from '../../src/security/key-file.js';
import { TokenAuthority, type TokenKind, tokenKinds } from '../../src/security/token-authority.js';
import { TemporaryFolder } from './folder.js';

const start = new Date('2024-02-16T04:14:24.160Z');

/** An authority in a folder of its own, whose time stands still until the test moves it. */
class TestAuthority implements Disposable {
  private constructor(
    readonly folder: TemporaryFolder,
    readonly clock: { now: Date },
    readonly authority: TokenAuthority,
  ) {}

  static async open(expirationMinutes = 60): Promise<TestAuthority> {
    const folder = new TemporaryFolder();
    const clock = { now: start };
    const authority = await TokenAuthority.create({
      keyFile: folder.file('key_file.json'),
      expirationMinutes,
      now: () => clock.now,
    });
    return new TestAuthority(folder, clock, authority);
  }

  keys(): Promise<KeySet> {
    return readKeyFile(this.authority.keyFile);
  }

  accepts(kind: TokenKind, authorization: string | undefined): boolean {
    try {
      this.authority.authorize(kind, authorization);
      return true;
    } catch (error) {
      assert.ok(error instanceof Error);
      assert.equal(
        error.message,
        'Token Authorization failed. Token either incorrect, expired, or not provided correctly',
      );
      return false;
    }
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const renewalRefused = {
  code: 'TOKEN_RENEWAL_REFUSED',
  message:
    'Token Authentication failed. Token either incorrect, expired, or not provided correctly',
};

suite('create()', () => {
  test('writes three keys of eight characters, two of which expire', async () => {
    using server = await TestAuthority.open(90.5);
    const keys = await server.keys();
    for (const { key } of Object.values(keys)) assert.match(key, /^[A-Za-z0-9_-]{8}$/);
    assert.equal(new Set(Object.values(keys).map(({ key }) => key)).size, 3);
    const expires = new Date('2024-02-16T05:44:54.160Z');
    assert.deepEqual(keys.management.expires, expires);
    assert.deepEqual(keys.inference.expires, expires);
    assert.equal(keys.api.expires, undefined);
  });

  test('replaces the file of an earlier start', async () => {
    using server = await TestAuthority.open();
    const before = await server.keys();
    const { keyFile } = server.authority;
    await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
    const after = await server.keys();
    assert.notEqual(after.api.key, before.api.key);
    assert.ok(server.accepts('inference', `Bearer ${before.inference.key}`));
  });

  test('is more than the constructor, which writes nothing', async () => {
    using server = await TestAuthority.open();
    const { keyFile } = server.authority;
    const running = readFileSync(keyFile, 'utf8');
    const failedStart = new TokenAuthority({ keyFile, expirationMinutes: 60 });
    assert.equal(readFileSync(keyFile, 'utf8'), running);
    await failedStart.removeKeyFile();
    assert.equal(readFileSync(keyFile, 'utf8'), running);
  });

  test('knows its file by an absolute path', async () => {
    using folder = new TemporaryFolder();
    const here = process.cwd();
    process.chdir(folder.path);
    const authority = await TokenAuthority.create({
      keyFile: 'key_file.json',
      expirationMinutes: 60,
    });
    const expected = join(process.cwd(), 'key_file.json');
    process.chdir(here);
    assert.equal(authority.keyFile, expected);
    assert.equal(basename(expected), 'key_file.json');
  });

  test('says which file cannot be written', async () => {
    using folder = new TemporaryFolder();
    const keyFile = folder.file('missing/key_file.json');
    await assert.rejects(TokenAuthority.create({ keyFile, expirationMinutes: 60 }), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(error.message.startsWith(`the key file ${keyFile} cannot be written: ENOENT`));
      assert.match(error.message, /set disable_token_authorization=true$/);
      return true;
    });
  });

  for (const expirationMinutes of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 5_256_001]) {
    test(`refuses a validity of ${expirationMinutes} minutes, and writes nothing`, async () => {
      using folder = new TemporaryFolder();
      const keyFile = folder.file('key_file.json');
      await assert.rejects(TokenAuthority.create({ keyFile, expirationMinutes }), {
        code: 'INVALID_CONFIGURATION',
        message: `token_expiration_min ${expirationMinutes} must be more than 0 and at most 5256000 minutes`,
      });
      assert.ok(!existsSync(keyFile));
    });
  }

  test('takes the longest validity', async () => {
    using server = await TestAuthority.open(5_256_000);
    assert.equal(
      (await server.keys()).inference.expires?.toISOString(),
      '2034-02-13T04:14:24.160Z',
    );
  });
});

suite('authorize()', () => {
  test('takes the key of each kind, and no other', async () => {
    using server = await TestAuthority.open();
    const keys = await server.keys();
    for (const kind of tokenKinds) {
      for (const [name, { key }] of Object.entries(keys)) {
        assert.equal(server.accepts(kind, `Bearer ${key}`), name === kind, `${name} for ${kind}`);
      }
    }
  });

  test('refuses a key from the moment that it expires', async () => {
    using server = await TestAuthority.open(1);
    const { key } = (await server.keys()).inference;
    server.clock.now = new Date(start.getTime() + 59_999);
    assert.ok(server.accepts('inference', `Bearer ${key}`));
    server.clock.now = new Date(start.getTime() + 60_000);
    assert.ok(!server.accepts('inference', `Bearer ${key}`));
  });

  const forms: [string, (key: string) => string | undefined, boolean][] = [
    ['several spaces and tabs', (key) => `Bearer \t  ${key}`, true],
    ['no header', () => undefined, false],
    ['an empty header', () => '', false],
    ['the key alone', (key) => key, false],
    ['another scheme', (key) => `Basic ${key}`, false],
    ['the scheme in lower case', (key) => `bearer ${key}`, false],
    ['the scheme alone', () => 'Bearer', false],
    ['an empty key', () => 'Bearer ', false],
    ['no space', (key) => `Bearer${key}`, false],
    ['a space before', (key) => ` Bearer ${key}`, false],
    ['a space behind', (key) => `Bearer ${key} `, false],
    ['two keys', (key) => `Bearer ${key} ${key}`, false],
    ['two headers that a proxy has joined', (key) => `Bearer ${key}, Bearer ${key}`, false],
    ['half a key', (key) => `Bearer ${key.slice(0, 4)}`, false],
    ['more than the key', (key) => `Bearer ${key}A`, false],
    ['a key of the same length', () => 'Bearer AAAAAAAA', false],
    ['a space that is not ASCII', (key) => `Bearer\u00a0${key}`, false],
    ['letters that are as many bytes', () => 'Bearer éééé', false],
    ['letters from everywhere', () => 'Bearer 鍵🔑', false],
    ['a NUL', (key) => `Bearer ${key}\0`, false],
    ['a line end', (key) => `Bearer ${key}\n`, false],
  ];
  for (const [what, header, accepted] of forms) {
    test(`${accepted ? 'takes' : 'refuses'} ${what}`, async () => {
      using server = await TestAuthority.open();
      const { key } = (await server.keys()).inference;
      assert.equal(server.accepts('inference', header(key)), accepted);
    });
  }

  test('refuses whatever is not the key', async () => {
    using server = await TestAuthority.open();
    const { key } = (await server.keys()).inference;
    const given = fc.oneof(fc.string(), fc.base64String({ minLength: 8, maxLength: 8 }));
    fc.assert(
      fc.property(given, (text) => {
        fc.pre(text !== key);
        assert.ok(!server.accepts('inference', `Bearer ${text}`));
        assert.ok(!server.accepts('inference', text));
      }),
    );
  });

  test('is not slow with a header as long as headers can be', async () => {
    using server = await TestAuthority.open();
    const { key } = (await server.keys()).inference;
    for (const header of [
      `Bearer${' '.repeat(100_000)}`,
      `Bearer ${key.repeat(10_000)}`,
      `Bearer ${'a '.repeat(50_000)}`,
    ]) {
      const began = performance.now();
      assert.ok(!server.accepts('inference', header));
      assert.ok(performance.now() - began < 1000);
    }
  });
});

suite('renew()', () => {
  for (const kind of tokenKinds) {
    test(`replaces the ${kind} key and its time, and nothing else`, async () => {
      using server = await TestAuthority.open();
      const before = await server.keys();
      server.clock.now = new Date('2024-02-17T00:00:00Z');
      await server.authority.renew(kind, `Bearer ${before.api.key}`);
      const after = await server.keys();
      assert.notEqual(after[kind].key, before[kind].key);
      assert.deepEqual(after[kind].expires, new Date('2024-02-17T01:00:00Z'));
      assert.deepEqual({ ...after, [kind]: before[kind] }, before);
      assert.ok(server.accepts(kind, `Bearer ${after[kind].key}`));
      assert.ok(!server.accepts(kind, `Bearer ${before[kind].key}`));
    });
  }

  test('needs the API key', async () => {
    using server = await TestAuthority.open();
    const before = await server.keys();
    for (const given of [undefined, '', 'Bearer x', `Bearer ${before.management.key}`]) {
      await assert.rejects(server.authority.renew('management', given), renewalRefused);
    }
    assert.deepEqual(await server.keys(), before);
  });

  test('takes the API key when all others have expired', async () => {
    using server = await TestAuthority.open();
    const { api } = await server.keys();
    server.clock.now = new Date('9999-01-01T00:00:00Z');
    await server.authority.renew('inference', `Bearer ${api.key}`);
    const { inference } = await server.keys();
    assert.ok(server.accepts('inference', `Bearer ${inference.key}`));
  });

  test('many times at once ends with the keys of the file', async () => {
    using server = await TestAuthority.open();
    const { api } = await server.keys();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        server.authority.renew(i % 2 === 0 ? 'inference' : 'management', `Bearer ${api.key}`),
      ),
    );
    const keys = await server.keys();
    for (const kind of tokenKinds) assert.ok(server.accepts(kind, `Bearer ${keys[kind].key}`));
  });

  test('keeps the old key while the file cannot be written, and succeeds when it can', async () => {
    using server = await TestAuthority.open();
    const { keyFile } = server.authority;
    const before = await server.keys();
    rmSync(keyFile);
    mkdirSync(join(keyFile, 'in the way'), { recursive: true });
    await assert.rejects(server.authority.renew('inference', `Bearer ${before.api.key}`), {
      code: 'INTERNAL',
      message: /^the key file cannot be written: E/,
    });
    assert.ok(server.accepts('inference', `Bearer ${before.inference.key}`));
    assert.deepEqual(readdirSync(server.folder.path), ['key_file.json']);
    rmSync(keyFile, { recursive: true });
    await server.authority.renew('inference', `Bearer ${before.api.key}`);
    const { inference } = await server.keys();
    assert.ok(server.accepts('inference', `Bearer ${inference.key}`));
    assert.ok(!server.accepts('inference', `Bearer ${before.inference.key}`));
  });
});

suite('removeKeyFile()', () => {
  test('removes the file, and ends renewals', async () => {
    using server = await TestAuthority.open();
    const { api, inference } = await server.keys();
    await server.authority.removeKeyFile();
    assert.ok(!existsSync(server.authority.keyFile));
    await assert.rejects(server.authority.renew('inference', `Bearer ${api.key}`), {
      code: 'SHUTTING_DOWN',
    });
    await server.authority.writeKeyFile();
    assert.ok(!existsSync(server.authority.keyFile));
    assert.ok(server.accepts('inference', `Bearer ${inference.key}`));
    await server.authority.removeKeyFile();
  });

  test('refuses a renewal that has not begun', async () => {
    using server = await TestAuthority.open();
    const { api } = await server.keys();
    const renewed = server.authority.renew('inference', `Bearer ${api.key}`);
    const refused = assert.rejects(renewed, { code: 'SHUTTING_DOWN' });
    await Promise.all([refused, server.authority.removeKeyFile()]);
    assert.ok(!existsSync(server.authority.keyFile));
  });

  test('removes the file of a renewal that is under way', async () => {
    using server = await TestAuthority.open();
    const { api } = await server.keys();
    const renewed = server.authority.renew('inference', `Bearer ${api.key}`);
    await nextTurn();
    await Promise.all([renewed, server.authority.removeKeyFile()]);
    assert.deepEqual(readdirSync(server.folder.path), []);
  });

  test('leaves the file of a server that was started later in the same folder', async () => {
    using server = await TestAuthority.open();
    const { keyFile } = server.authority;
    await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
    const later = readFileSync(keyFile, 'utf8');
    await server.authority.removeKeyFile();
    assert.equal(readFileSync(keyFile, 'utf8'), later);
  });
});
