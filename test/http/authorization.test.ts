import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { authorizationHook, type ListenerKind, tokenRoute } from '../../src/http/authorization.js';
import { sendJson } from '../../src/http/response.js';
import { type KeySet, readKeyFile } from '../../src/security/key-file.js';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { TemporaryFolder } from '../security/folder.js';
import { RawConnection, type RawReply, rawRequest } from '../support/raw-connection.js';
import { bareApp } from './bare-app.js';

/** The paths of the routes that a listener may have; what they answer is not what is tested. */
const paths = {
  open: ['/api-description', '/openapi.json', '/metrics', '/metrics/*', '/live', '/ready'],
  inference: [
    ...['/ping', '/predictions/:model', '/predictions/:model/:version/*', '/explanations/:model'],
    ...['/invocations', '/models/:model/invoke', '/:model/predict', '/:model/:version/predict'],
    ...['/v1/models/:model', '/v2/models/:model/infer', '/v2/health/ready', '/wfpredict/:workflow'],
  ],
  management: ['/models', '/models/:model', '/models/:model/:version/set-default', '/workflows'],
};

/** A listener with an authority of its own. */
class Listener implements AsyncDisposable {
  private constructor(
    readonly folder: TemporaryFolder,
    readonly authority: TokenAuthority,
    readonly keys: KeySet,
    readonly app: FastifyInstance,
    readonly url: string,
  ) {}

  static async open(kind: ListenerKind, exemptPing = false): Promise<Listener> {
    const folder = new TemporaryFolder();
    const keyFile = folder.file('key_file.json');
    const authority = await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
    const app = bareApp();
    app.addHook('onRequest', authorizationHook(authority, kind, { exemptPing }));
    app.options('/', (_request, reply) => sendJson(reply, 200, {}));
    for (const path of [
      ...paths.open,
      ...(kind === 'management' ? [] : paths.inference),
      ...(kind === 'inference' ? [] : paths.management),
    ]) {
      app.all(path, (_request, reply) => sendJson(reply, 200, { path }));
    }
    if (kind !== 'inference') tokenRoute(app, authority);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    return new Listener(folder, authority, await readKeyFile(keyFile), app, url);
  }

  /** The status of a request with the key of a kind. */
  async status(path: string, key?: keyof KeySet, method = 'GET'): Promise<number> {
    const headers = key === undefined ? [] : [`Authorization: Bearer ${this.keys[key].key}`];
    return (await this.send(path, headers, method)).status;
  }

  async send(path: string, headers: string[] = [], method = 'GET'): Promise<RawReply> {
    const connection = await RawConnection.open(this.url);
    connection.send(rawRequest(path, '', { method, headers }));
    const reply = await connection.reply();
    connection.destroy();
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    this.folder[Symbol.dispose]();
  }
}

/** A path that the pattern of a route matches. */
function sample(pattern: string): string {
  return pattern.replace(/:\w+/g, 'x').replace('*', 'a/b');
}

suite('a request without its key', () => {
  test('is refused as TorchServe refuses it', async () => {
    await using listener = await Listener.open('inference');
    const reply = await listener.send('/predictions/x', [], 'POST');
    assert.equal(reply.status, 400);
    assert.equal(
      reply.body,
      '{\n  "code": 400,\n  "type": "InvalidKeyException",\n  "message": "Token Authorization failed. Token either incorrect, expired, or not provided correctly"\n}\n',
    );
    assert.equal(reply.headers.get('content-type'), 'application/json');
  });

  test('is refused before its body is read', async () => {
    await using listener = await Listener.open('inference');
    const connection = await RawConnection.open(listener.url);
    connection.send('POST /predictions/x HTTP/1.1\r\nHost: test\r\nContent-Length: 999\r\n\r\n');
    assert.equal((await connection.reply()).status, 400);
    connection.destroy();
  });
});

for (const kind of ['inference', 'management'] as const) {
  suite(`the ${kind} listener`, () => {
    test('answers with its key, and with no other', async () => {
      await using listener = await Listener.open(kind);
      for (const pattern of paths[kind]) {
        const path = sample(pattern);
        const other = kind === 'inference' ? 'management' : 'inference';
        assert.equal(await listener.status(path, kind), 200, path);
        for (const key of [other, 'api', undefined] as const) {
          assert.equal(await listener.status(path, key), 400, `${path} ${key}`);
        }
      }
    });

    test('describes itself, its metrics and its state to anybody', async () => {
      await using listener = await Listener.open(kind);
      for (const path of paths.open.map(sample))
        assert.equal(await listener.status(path), 200, path);
      assert.equal(await listener.status('/', undefined, 'OPTIONS'), 200);
      assert.equal(await listener.status('/'), 405);
    });

    test('asks for the key of its methods, also of OPTIONS', async () => {
      await using listener = await Listener.open(kind);
      for (const path of paths[kind].map(sample)) {
        assert.equal(await listener.status(path, undefined, 'OPTIONS'), 400, path);
        assert.equal(await listener.status(path, kind, 'OPTIONS'), 200, path);
      }
    });

    test('says that a path leads nowhere only to those who have the key', async () => {
      await using listener = await Listener.open(kind);
      assert.equal(await listener.status('/nowhere'), 400);
      assert.equal(await listener.status('/nowhere', kind), 404);
    });
  });
}

suite('a listener of both kinds', () => {
  for (const kind of ['inference', 'management'] as const) {
    test(`asks for the ${kind} key where ${kind} is`, async () => {
      await using listener = await Listener.open('both');
      const other = kind === 'inference' ? 'management' : 'inference';
      for (const path of paths[kind].map(sample)) {
        assert.equal(await listener.status(path, kind), 200, path);
        assert.equal(await listener.status(path, other), 400, path);
        assert.equal(await listener.status(path), 400, path);
      }
    });
  }

  const disguised = [
    ...['/%6dodels', '/models%2Fx', '/models/?x=/predictions/x', '/models/predict', '/models/ping'],
    ...['/models/x/1.0/set-default?/ping', '//models', '/./models', '/ping/../models', '/models;x'],
    ...['http://localhost/models', '/MODELS', '/models#/ping', '/models/metrics', '/x/models'],
  ];
  for (const path of disguised) {
    test(`shows no management to the inference key: ${path}`, async () => {
      await using listener = await Listener.open('both');
      const headers = [`Authorization: Bearer ${listener.keys.inference.key}`];
      const reply = await listener.send(path, headers);
      const managed = paths.management.some((pattern) => reply.body.includes(`"${pattern}"`));
      assert.ok(reply.status !== 200 || !managed, reply.body);
    });
  }

  test('asks for the management key where it knows no better', async () => {
    await using listener = await Listener.open('both');
    assert.equal(await listener.status('/nowhere', 'inference'), 400);
    assert.equal(await listener.status('/nowhere', 'management'), 404);
  });
});

suite('/ping', () => {
  test('is answered to anybody when it is exempt, and nothing else is', async () => {
    for (const kind of ['inference', 'both'] as const) {
      await using listener = await Listener.open(kind, true);
      assert.equal(await listener.status('/ping'), 200);
      assert.equal(await listener.status('/ping/'), 200);
      assert.equal(await listener.status('/predictions/ping'), 400);
    }
  });
});

suite('Authorization', () => {
  test('is a header whose name has no case', async () => {
    await using listener = await Listener.open('inference');
    const { key } = listener.keys.inference;
    for (const name of ['authorization', 'AUTHORIZATION']) {
      assert.equal((await listener.send('/ping', [`${name}: Bearer ${key}`])).status, 200);
    }
  });

  test('counts once only: of several none does', async () => {
    await using listener = await Listener.open('inference');
    const right = `Authorization: Bearer ${listener.keys.inference.key}`;
    for (const headers of [
      [right, right],
      [right, 'authorization: Bearer x'],
      ['authorization: Bearer x', right],
    ]) {
      assert.equal((await listener.send('/ping', headers)).status, 400);
    }
  });

  test('may be long, empty or of any bytes, and is refused', async () => {
    await using listener = await Listener.open('inference');
    for (const value of ['', 'Bearer', `Bearer ${'x'.repeat(8000)}`, 'Bearer \u00e9\u00ff', ' ']) {
      assert.equal((await listener.send('/ping', [`Authorization: ${value}`])).status, 400);
    }
  });
});

suite('/token', () => {
  async function renew(listener: Listener, query: string, key?: string): Promise<RawReply> {
    return listener.send(
      `/token${query}`,
      key === undefined ? [] : [`Authorization: Bearer ${key}`],
    );
  }

  for (const kind of ['inference', 'management'] as const) {
    test(`renews the ${kind} key`, async () => {
      await using listener = await Listener.open('management');
      const reply = await renew(listener, `?type=${kind}`, listener.keys.api.key);
      assert.equal(reply.status, 200);
      assert.equal(reply.body, '\n');
      assert.equal(reply.headers.get('content-type'), 'application/json');
      assert.equal(reply.headers.get('pragma'), 'no-cache');
      assert.ok(reply.headers.has('x-request-id'));
      const keys = await readKeyFile(listener.authority.keyFile);
      assert.notEqual(keys[kind].key, listener.keys[kind].key);
      assert.deepEqual({ ...keys, [kind]: listener.keys[kind] }, listener.keys);
      assert.equal(
        await listener.status('/models', 'management'),
        kind === 'management' ? 400 : 200,
      );
    });
  }

  test('works on a listener of both kinds', async () => {
    await using listener = await Listener.open('both');
    assert.equal((await renew(listener, '?type=inference', listener.keys.api.key)).status, 200);
  });

  test('takes the first of several types', async () => {
    await using listener = await Listener.open('management');
    const { key } = listener.keys.api;
    assert.equal((await renew(listener, '?type=inference&type=x', key)).status, 200);
    assert.equal((await renew(listener, '?type=x&type=inference', key)).status, 400);
  });

  const refused: [string, string, keyof KeySet | undefined][] = [
    ['without a key', '?type=management', undefined],
    ['with the management key', '?type=management', 'management'],
    ['with the inference key', '?type=inference', 'inference'],
    ['without a type', '', 'api'],
    ['with an empty type', '?type=', 'api'],
    ['with an unknown type', '?type=API', 'api'],
    ['with a type in capitals', '?type=INFERENCE', 'api'],
    ['with a type that objects have', '?type=__proto__', 'api'],
  ];
  for (const [what, query, key] of refused) {
    test(`refuses ${what}, and renews nothing`, async () => {
      await using listener = await Listener.open('management');
      const reply = await renew(listener, query, key && listener.keys[key].key);
      assert.equal(reply.status, 400);
      assert.equal(
        reply.body,
        '{\n  "code": 400,\n  "type": "InvalidKeyException",\n  "message": "Token Authentication failed. Token either incorrect, expired, or not provided correctly"\n}\n',
      );
      assert.deepEqual(await readKeyFile(listener.authority.keyFile), listener.keys);
    });
  }

  test('refuses other methods, and renews nothing', async () => {
    await using listener = await Listener.open('management');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      assert.equal(await listener.status('/token?type=management', 'api', method), 405, method);
    }
    assert.deepEqual(await readKeyFile(listener.authority.keyFile), listener.keys);
  });

  test('is that path only, whatever else of a request reads like it', async () => {
    await using listener = await Listener.open('management');
    const { api, management } = listener.keys;
    for (const path of ['/models/token', '/models?next=/token', '/x/token', '/tokens']) {
      assert.equal(await listener.status(path, 'api'), 400, path);
    }
    const headers = [`Authorization: Bearer ${management.key}`, 'Referer: /token?type=inference'];
    assert.equal((await listener.send('/models', headers)).status, 200);
    assert.equal((await renew(listener, '/', api.key)).status, 400);
    assert.deepEqual(await readKeyFile(listener.authority.keyFile), listener.keys);
  });

  test('is not on the inference listener', async () => {
    await using listener = await Listener.open('inference');
    assert.equal((await renew(listener, '?type=inference', listener.keys.api.key)).status, 404);
    assert.deepEqual(await readKeyFile(listener.authority.keyFile), listener.keys);
  });

  test('says nothing of the disk to those who may not renew', async () => {
    await using listener = await Listener.open('management');
    await listener.authority.removeKeyFile();
    assert.ok(!existsSync(listener.authority.keyFile));
    assert.equal((await renew(listener, '?type=inference')).status, 400);
    const reply = await renew(listener, '?type=inference', listener.keys.api.key);
    assert.equal(reply.status, 503);
  });
});
