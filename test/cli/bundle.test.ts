import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { CliProcess, freePorts, ready } from '../support/cli-process.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture, root } from '../support/paths.js';

const bundled = (program: string): string => join(root, 'dist/bundle/cli', `${program}.js`);
const main = bundled('main');

const serve = (...args: string[]): CliProcess =>
  new CliProcess(['serve', ...freePorts, '--device', 'cpu', ...args], { main });

/** A request of an example's, byte for byte. */
const example = (path: string): Buffer => readFileSync(join(root, 'examples', path));

suite('the bundled program', () => {
  const handlers = ['tickets=examples/typescript_handler', 'images=examples/images'];

  test('runs handlers of its own and of models, on threads, and reads TypeScript', async () => {
    await using server = serve('--log-level', 'warn', '--models', ...handlers);
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    const ticket = await client.send(
      '/predictions/tickets',
      example('typescript_handler/request.json'),
    );
    assert.match(ticket.text, /"topic":\s*"billing"/);
    const kitten = await client.send('/predictions/images', example('images/kitten.jpg'));
    assert.match(kitten.text, /"kitten":\s*0\.99/);
    client.close();
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
    assert.equal(server.stderr, '');
  });

  test('takes connections on threads, and reads large bodies in the pool', async () => {
    await using server = serve('--http-threads', '2', '--models', `double=${fixture('double')}`);
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    const row = [...Array(20_000).keys()].map((i) => i + 0.25);
    const reply = await client.send('/predictions/double', [row]);
    assert.equal(reply.status, 200, reply.text);
    const document = json(await client.send('/', undefined, { method: 'OPTIONS' }));
    assert.ok(typeof document === 'object' && document !== null && 'paths' in document);
    client.close();
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  test('refuses to start as the files do that it is made of', async () => {
    await using server = serve('--inference-address', 'nowhere');
    assert.deepEqual(await server.exit, { code: 1, signal: null });
    assert.match(server.stderr, /^Invalid configuration: .*\n$/);
  });
});

test('the bundled commands run', async () => {
  for (const program of ['main', 'torchserve', 'torch-model-archiver']) {
    await using process = new CliProcess(['--help'], { main: bundled(program) });
    assert.deepEqual(await process.exit, { code: 0, signal: null }, program);
  }
});
