import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { mock, suite, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { addTokenCommand } from '../../src/cli/token.js';
import { tokenRoute } from '../../src/http/authorization.js';
import { type KeySet, keyFileText, readKeyFile } from '../../src/security/key-file.js';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { bareApp } from '../http/bare-app.js';
import { TemporaryFolder } from '../security/folder.js';

interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** `sconce token …` in this process. */
async function token(...args: string[]): Promise<Outcome> {
  const outcome = { exitCode: 0, stdout: '', stderr: '' };
  const program = new Command('sconce').exitOverride().configureOutput({
    writeOut: (text) => {
      outcome.stdout += text;
    },
    writeErr: (text) => {
      outcome.stderr += text;
    },
  });
  addTokenCommand(program);
  const log = mock.method(console, 'log', (line: string) => {
    outcome.stdout += `${line}\n`;
  });
  try {
    await program.parseAsync(['token', ...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    outcome.exitCode = error.exitCode;
  } finally {
    log.mock.restore();
  }
  return outcome;
}

function failed(message: string): Outcome {
  return { exitCode: 1, stdout: '', stderr: `${message}\n` };
}

/** A management listener with its key file. */
class Management implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  readonly keyFile = this.folder.file('key_file.json');
  readonly app = bareApp();
  address = '';

  static async open(listen?: { path: string }): Promise<Management> {
    const management = new Management();
    const { app, keyFile } = management;
    tokenRoute(app, await TokenAuthority.create({ keyFile, expirationMinutes: 60 }));
    management.address = await app.listen(listen ?? { port: 0, host: '127.0.0.1' });
    return management;
  }

  keys(): Promise<KeySet> {
    return readKeyFile(this.keyFile);
  }

  renew(kind: string, ...more: string[]): Promise<Outcome> {
    const where = ['--key-file', this.keyFile, '--management-address', this.address];
    return token('renew', kind, ...where, ...more);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    this.folder[Symbol.dispose]();
  }
}

/** The address of a server that answers in its own way; it closes when `use` has ended. */
async function withServer(
  answer: RequestListener,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`http://127.0.0.1:${addressOf(server.address()).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

suite('sconce token', () => {
  test('prints the keys and how long they are valid', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    writeFileSync(
      path,
      keyFileText({
        management: { key: 'B-E5KSRM', expires: new Date('2024-02-16T05:14:24.160Z') },
        inference: { key: 'gNRuA7dS', expires: new Date('9999-02-16T05:14:24Z') },
        api: { key: 'yv9uQajP', expires: undefined },
      }),
    );
    assert.deepEqual(await token('--key-file', path), {
      exitCode: 0,
      stdout:
        'management  B-E5KSRM  expired 2024-02-16T05:14:24.160Z\n' +
        'inference   gNRuA7dS  expires 9999-02-16T05:14:24.000Z\n' +
        'API         yv9uQajP  never expires\n',
      stderr: '',
    });
  });

  test('looks for key_file.json where it is called', async () => {
    using folder = new TemporaryFolder();
    const here = process.cwd();
    process.chdir(folder.path);
    const { exitCode, stderr } = await token();
    process.chdir(here);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^the key file key_file\.json cannot be read: ENOENT: [^\n]+\n$/);
  });

  test('refuses a file that is no key file, with one line', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    writeFileSync(path, '{}');
    assert.deepEqual(
      await token('--key-file', path),
      failed(
        `${path} is no key file: it must be JSON with a key for "management", "inference" and "API"`,
      ),
    );
  });
});

suite('sconce token renew', () => {
  for (const kind of ['inference', 'management'] as const) {
    test(`has the ${kind} key replaced, and prints it`, async () => {
      await using management = await Management.open();
      const before = await management.keys();
      const outcome = await management.renew(kind);
      const after = await management.keys();
      assert.notEqual(after[kind].key, before[kind].key);
      assert.deepEqual(outcome, {
        exitCode: 0,
        stdout: `${kind.padEnd(10)}  ${after[kind].key}  expires ${after[kind].expires?.toISOString()}\n`,
        stderr: '',
      });
    });
  }

  test('asks through a Unix socket', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('management.sock');
    await using management = await Management.open({ path });
    management.address = `unix:${path}`;
    assert.equal((await management.renew('inference')).exitCode, 0);
  });

  test('takes the address with a slash at its end', async () => {
    await using management = await Management.open();
    management.address += '/';
    assert.equal((await management.renew('inference')).exitCode, 0);
  });

  test('says when the server has another key file', async () => {
    await using management = await Management.open();
    await using other = await Management.open();
    const { address } = management;
    other.address = address;
    assert.deepEqual(
      await other.renew('inference'),
      failed(
        `the server at ${address} refuses the API key of ${other.keyFile}: it has written another key file`,
      ),
    );
  });

  test('says when the file is a copy that the server does not write', async () => {
    await using management = await Management.open();
    const copy = management.folder.file('copy.json');
    cpSync(management.keyFile, copy);
    assert.deepEqual(
      await management.renew('inference', '--key-file', copy),
      failed(
        `the server at ${management.address} has renewed its inference key, but not in ${copy}: name its key file with --key-file`,
      ),
    );
  });

  const answers: [string, number, string, (address: string) => string][] = [
    [
      'has no token API',
      404,
      '',
      (address) =>
        `the server at ${address} has no token API: token authorization is off, or this is not its management address`,
    ],
    [
      'fails',
      500,
      '{"code": 500}\n',
      (address) => `the server at ${address} answered 500: {"code": 500}`,
    ],
  ];
  for (const [what, status, body, message] of answers) {
    test(`says when the server ${what}`, async () => {
      await using management = await Management.open();
      await withServer(
        (_request, response) => response.writeHead(status).end(body),
        async (address) => {
          management.address = address;
          assert.deepEqual(await management.renew('inference'), failed(message(address)));
        },
      );
    });
  }

  test('says when the server hangs up in its answer', async () => {
    await using management = await Management.open();
    await withServer(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half', () => response.destroy());
      },
      async (address) => {
        management.address = address;
        assert.deepEqual(
          await management.renew('inference'),
          failed(
            `the server at ${address} cannot be asked: aborted (--management-address says where it is)`,
          ),
        );
      },
    );
  });

  test('says when nobody is there', async () => {
    await using management = await Management.open();
    const free = createTcpServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = addressOf(free.address());
    free.close();
    await once(free, 'close');
    management.address = `http://127.0.0.1:${port}`;
    assert.deepEqual(
      await management.renew('inference'),
      failed(
        `the server at http://127.0.0.1:${port} cannot be asked: connect ECONNREFUSED 127.0.0.1:${port} (--management-address says where it is)`,
      ),
    );
  });

  test('says how a certificate is trusted', async () => {
    await using management = await Management.open();
    management.address = management.address.replace('http:', 'https:');
    const { exitCode, stderr } = await management.renew('inference');
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^the server at https:\S+ cannot be asked: .* \(NODE_EXTRA_CA_CERTS names a file of certificates to trust\)\n$/s,
    );
  });

  for (const address of [
    '127.0.0.1:8081',
    'localhost:8081',
    'ftp://127.0.0.1',
    'http://',
    '',
    'unix:relative',
  ]) {
    test(`refuses the address ${JSON.stringify(address)}`, async () => {
      await using management = await Management.open();
      management.address = address;
      assert.deepEqual(
        await management.renew('inference'),
        failed(`${address} is no address: it begins with http://, https:// or unix:/`),
      );
    });
  }

  test('refuses another key than the two', async () => {
    const { exitCode, stderr } = await token('renew', 'API');
    assert.equal(exitCode, 1);
    assert.match(stderr, /'API' is invalid .* Allowed choices are inference, management\.\n$/);
  });

  test('--help lists the options of both', async () => {
    const { stdout } = await token('renew', '--help');
    assert.match(stdout, /--management-address <url>/);
    assert.match(stdout, /--key-file <path>/);
  });
});

function addressOf(address: AddressInfo | string | null): AddressInfo {
  assert.ok(typeof address === 'object' && address !== null);
  return address;
}
