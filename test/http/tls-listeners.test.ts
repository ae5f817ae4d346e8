import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { Settings } from '../../src/config/settings.js';
import { makePem, type Pem, writePem } from '../security/certificates.js';
import { TemporaryFolder } from '../security/folder.js';
import { until } from '../support/condition.js';
import { HttpClient } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { source, startServer } from '../support/server.js';

let folder: TemporaryFolder;
let pem: Pem;
let files: Pick<Settings, 'privateKeyFile' | 'certificateFile'>;

before(async () => {
  folder = new TemporaryFolder();
  pem = await makePem('rsa');
  files = writePem(folder, 'server', pem);
});

after(() => folder[Symbol.dispose]());

const anyPort = 'https://127.0.0.1:0';
const secured = {
  inferenceAddress: anyPort,
  managementAddress: anyPort,
  metricsAddress: anyPort,
};

/** A request whose server must have our certificate. */
async function send(
  url: string,
  { body, method = 'GET', agent }: { body?: string; method?: string; agent?: Agent } = {},
): Promise<{ status: number | undefined; text: string }> {
  const options = { ca: pem.cert, servername: 'localhost', method, agent: agent ?? false };
  const sent = request(url, options).end(body);
  const [response] = await once(sent, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

async function handshaken(url: string): Promise<TLSSocket> {
  const { port } = new URL(url);
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

suite('HTTPS listeners', () => {
  test('serve all three APIs', async () => {
    await using server = await startServer([source('double')], { ...secured, ...files });
    const { inference, management, metrics = '' } = server.addresses;
    for (const url of [inference, management, metrics]) {
      assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
    }
    const predicted = await send(`${inference}/predictions/double`, {
      method: 'POST',
      body: '[1]',
    });
    assert.deepEqual([predicted.status, JSON.parse(predicted.text)], [200, [3]]);
    assert.equal((await send(`${management}/models`)).status, 200);
    assert.equal((await send(`${metrics}/metrics`)).status, 200);
  });

  test('stand beside HTTP listeners', async () => {
    const mixed = { managementAddress: anyPort, ...files };
    await using server = await startServer([source('double')], mixed);
    const { inference, management } = server.addresses;
    assert.match(inference, /^http:/);
    assert.equal((await server.client.predict('double', [1])).status, 200);
    assert.equal((await send(`${management}/models`)).status, 200);
  });

  test('answer 403 to plain HTTP, each of them, and go on', async () => {
    await using server = await startServer([], { ...secured, ...files });
    const { inference, management, metrics = '' } = server.addresses;
    for (const url of [inference, management, metrics]) {
      const connection = await RawConnection.open(url);
      connection.send(rawRequest('/ping'));
      const { status, body } = await connection.reply();
      assert.deepEqual(
        [status, JSON.parse(body)],
        [403, { status: 'This TorchServe instance only accepts HTTPS requests' }],
      );
      assert.equal(await connection.closed(), '');
    }
    assert.equal((await send(`${inference}/ping`)).status, 200);
  });

  test('keep connections open', async () => {
    await using server = await startServer([source('double')], { ...secured, ...files });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const url = `${server.addresses.inference}/predictions/double`;
    for (let i = 0; i < 5; i += 1) {
      const { text } = await send(url, { method: 'POST', body: `[${i}]`, agent });
      assert.deepEqual(JSON.parse(text), [2 * i + 1]);
    }
    agent.destroy();
  });

  test('answer 400 to what is encrypted and not HTTP', async () => {
    await using server = await startServer([], { ...secured, ...files });
    const socket = await handshaken(server.addresses.inference);
    socket.end('hello\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('make their own certificate where none is given', async () => {
    await using server = await startServer([], { inferenceAddress: anyPort });
    const socket = await handshaken(server.addresses.inference);
    assert.equal(socket.getPeerCertificate().subject.CN, 'localhost');
    socket.destroy();
  });

  test('answer what is in flight when the server closes', async () => {
    const server = await startServer([source('slow')], { ...secured, ...files });
    const url = `${server.addresses.inference}/predictions/slow`;
    const reply = send(url, { method: 'POST', body: '[50000, 1]' });
    await until(() => server.service.version('slow').pending === 1);
    const closed = server.close();
    assert.deepEqual(JSON.parse((await reply).text), [50000, 1]);
    await closed;
  });

  const silent: [string, string | undefined][] = [
    ['has sent nothing', ''],
    ['has sent half a handshake', '\x16\x03\x01\x02\x00\x01'],
    ['has shaken hands and sent nothing', undefined],
  ];
  for (const [what, bytes] of silent) {
    test(`do not wait for a client that ${what}`, async () => {
      const server = await startServer([], { ...secured, ...files });
      const { inference } = server.addresses;
      const socket =
        bytes === undefined
          ? await handshaken(inference)
          : connectTcp(Number(new URL(inference).port), '127.0.0.1');
      socket.on('error', () => {});
      if (bytes) socket.write(bytes, 'latin1');
      // A later connection was accepted later: the server knows the first one by now.
      assert.equal((await send(`${inference}/ping`)).status, 200);
      const gone = once(socket, 'close');
      socket.resume();
      await server.close();
      await gone;
    });
  }

  test('are not opened without a certificate that is whole', async () => {
    const certificateFile = folder.file('nothing.pem');
    await assert.rejects(startServer([], { ...secured, ...files, certificateFile }), {
      code: 'INVALID_CONFIGURATION',
    });
  });

  test('are closed when another address cannot be had', async () => {
    const other = await startServer([]);
    const metricsAddress = other.addresses.metrics ?? '';
    await assert.rejects(startServer([], { ...secured, ...files, metricsAddress }), {
      code: 'INVALID_CONFIGURATION',
      message: /metricsAddress .* cannot be opened/,
    });
    const client = new HttpClient(other.addresses.inference);
    assert.equal((await client.get('/ping')).status, 200);
    client.close();
    await other.close();
  });
});
