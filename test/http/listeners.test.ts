import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { groupSurfaces } from '../../src/http/listeners.js';
import { readKeyFile } from '../../src/security/key-file.js';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { TemporaryFolder } from '../security/folder.js';
import { HttpClient, json } from '../support/http-client.js';
import { RawConnection } from '../support/raw-connection.js';
import { source, startServer, testSettings } from '../support/server.js';
import { freePort } from './free-port.js';

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sconce-sockets-'));
});

after(() => rmSync(folder, { recursive: true }));

/** The status of a request over a Unix socket. */
function statusOver(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

suite('groupSurfaces()', () => {
  function surfaces(inference: string, management: string, metrics: string): string[] {
    const plans = groupSurfaces(
      testSettings({
        inferenceAddress: inference,
        managementAddress: management,
        metricsAddress: metrics,
      }),
    );
    return plans.map((plan) => `${plan.text}: ${plan.surfaces.join()}`);
  }

  const one = 'http://127.0.0.1:9';
  const other = 'http://127.0.0.1:10';
  const anyPort = 'http://127.0.0.1:0';

  test('gives each address one listener', () => {
    assert.deepEqual(surfaces(one, other, one), [
      `${one}: inference,metrics`,
      `${other}: management`,
    ]);
    assert.deepEqual(surfaces(one, one, one), [`${one}: inference,management,metrics`]);
    assert.deepEqual(surfaces('unix:/a', 'unix:/b', 'unix:/a'), [
      'unix:/a: inference,metrics',
      'unix:/b: management',
    ]);
  });

  test('takes port 0 for another one each time', () => {
    assert.equal(surfaces(anyPort, anyPort, anyPort).length, 3);
  });

  test('does without metrics where they are turned off', () => {
    const plans = groupSurfaces(testSettings({ enableMetricsApi: false }));
    assert.deepEqual(
      plans.map((plan) => plan.surfaces),
      [['inference'], ['management']],
    );
  });

  test('reads an address whatever its letter case', () => {
    assert.deepEqual(surfaces(one, 'HTTP://127.0.0.1:9', other), [
      `${one}: inference,management`,
      `${other}: metrics`,
    ]);
  });
});

suite('a listener for several APIs', () => {
  test('serves inference and management, and the paths that both know', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    await using server = await startServer([source('double')], {
      inferenceAddress: address,
      managementAddress: address,
    });
    const { client, addresses } = server;
    assert.deepEqual([addresses.inference, addresses.management], [address, address]);
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
    assert.deepEqual(json(await client.send('/models/double/invoke', [2])), [5]);
    assert.equal((await client.get('/models/double/1.0')).status, 200);
    assert.equal((await client.send('/models/double/1.0', '', { method: 'PUT' })).status, 202);
    assert.deepEqual(json(await client.get('/v1/models/double')), { name: 'double', ready: true });
  });

  test('asks for the key of each API', async () => {
    using keys = new TemporaryFolder();
    const keyFile = keys.file('key_file.json');
    const authority = await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
    const address = `http://127.0.0.1:${await freePort()}`;
    await using server = await startServer(
      [source('double')],
      { inferenceAddress: address, managementAddress: address },
      { authority },
    );
    const { inference, management } = await readKeyFile(keyFile);
    const status = async (path: string, key: string | undefined, method: string) => {
      const headers = { authorization: `Bearer ${key}` };
      return (
        await server.client.send(path, method === 'GET' ? undefined : '[1]', { method, headers })
      ).status;
    };
    const asked: [string, string, string | undefined, string | undefined][] = [
      ['POST', '/predictions/double', inference.key, management.key],
      ['POST', '/models/double/invoke', inference.key, management.key],
      ['GET', '/models/double/1.0', management.key, inference.key],
      ['PUT', '/models/double/1.0/set-default', management.key, inference.key],
    ];
    for (const [method, path, right, wrong] of asked) {
      assert.deepEqual(
        [await status(path, right, method), await status(path, wrong, method)],
        [200, 400],
        path,
      );
    }
  });

  test('serves all three', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    await using server = await startServer([source('double')], {
      inferenceAddress: address,
      managementAddress: address,
      metricsAddress: address,
    });
    const { client } = server;
    assert.equal(server.addresses.metrics, address);
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
    for (const path of ['/ping', '/models', '/models/double', '/metrics', '/live', '/ready']) {
      assert.equal((await client.get(path)).status, 200, path);
    }
  });
});

suite('a Unix socket', () => {
  function at(path: string) {
    return { inferenceAddress: `unix:${path}` };
  }

  test('serves, and is gone with the server', async () => {
    const path = join(folder, 'serves');
    const server = await startServer([source('double')], at(path));
    assert.equal(server.addresses.inference, `unix:${path}`);
    assert.equal(await statusOver(path, '/ping'), 200);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  test('serves several APIs', async () => {
    const path = join(folder, 'several');
    const address = `unix:${path}`;
    await using server = await startServer([], {
      inferenceAddress: address,
      managementAddress: address,
      metricsAddress: address,
    });
    assert.equal(server.addresses.metrics, address);
    for (const known of ['/ping', '/models', '/metrics']) {
      assert.equal(await statusOver(path, known), 200, known);
    }
  });

  test('takes the place of one that nobody listens to any more', async () => {
    const path = join(folder, 'stale');
    // Killed, a server leaves its socket behind.
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    assert.equal(existsSync(path), true);
    await using server = await startServer([], at(path));
    assert.equal(await statusOver(path, '/ping'), 200);
    assert.ok(server);
  });

  const refused: [string, (path: string) => Promise<Disposable>, RegExp][] = [
    [
      'where a server listens, and lets it',
      async (path) => {
        const other = createServer((socket) => socket.destroy()).listen(path);
        return { [Symbol.dispose]: () => other.close() };
      },
      /cannot be opened: EADDRINUSE: a server listens there$/,
    ],
    [
      'where a file is, and keeps it',
      async (path) => {
        writeFileSync(path, 'mine');
        return { [Symbol.dispose]: () => rmSync(path) };
      },
      /cannot be opened: .*EADDRINUSE/,
    ],
  ];
  for (const [what, prepare, message] of refused) {
    test(`is refused ${what}`, async () => {
      const path = join(folder, 'taken');
      using _other = await prepare(path);
      await assert.rejects(startServer([], at(path)), { code: 'INVALID_CONFIGURATION', message });
      assert.equal(existsSync(path), true);
    });
  }

  test('is refused in a folder that is not there', async () => {
    await assert.rejects(startServer([], at(join(folder, 'no', 'such'))), {
      code: 'INVALID_CONFIGURATION',
      message: /^Invalid configuration: inferenceAddress unix:.*\/no\/such cannot be opened: /,
    });
  });

  test('is refused with a path that is too long for one', async () => {
    await assert.rejects(startServer([], at(join(folder, 'x'.repeat(108)))), {
      code: 'INVALID_CONFIGURATION',
      message: /cannot be opened: the path of a socket may have 10[37] bytes$/,
    });
  });
});

const noIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1')
  ? false
  : 'this machine has no ::1';

test('a listener on an IPv6 address shows it in brackets', { skip: noIpv6 }, async () => {
  await using server = await startServer([], { inferenceAddress: 'http://[::1]:0' });
  assert.match(server.addresses.inference, /^http:\/\/\[::1\]:\d+$/);
  assert.equal((await server.client.get('/ping')).status, 200);
});

test('a listener on localhost closes clients that have sent half a request', async () => {
  const server = await startServer([], { inferenceAddress: 'http://localhost:0' });
  const { port } = new URL(server.addresses.inference);
  const connection = await RawConnection.open(`http://127.0.0.1:${port}`);
  connection.send('GET /pi');
  assert.equal((await server.client.get('/ping')).status, 200);
  await server.close();
  assert.equal(await connection.closed(), '');
});

test('two addresses that are one port are refused with the setting', async () => {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  await assert.rejects(
    startServer([], { inferenceAddress: address, metricsAddress: `https://127.0.0.1:${port}` }),
    {
      code: 'INVALID_CONFIGURATION',
      message: new RegExp(
        `metricsAddress https://127.0.0.1:${port} cannot be opened: .*EADDRINUSE`,
      ),
    },
  );
  const client = new HttpClient(address);
  await assert.rejects(client.get('/ping'), /ECONNREFUSED/);
  client.close();
});
