import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { BodyBudget } from '../../src/http/body-budget.js';
import { bodyOf } from '../../src/http/prediction-reply.js';
import { respond } from '../../src/http/response.js';
import { until } from '../support/condition.js';
import { RawConnection } from '../support/raw-connection.js';
import { bareApp } from './bare-app.js';

const limit = 2_000_000;

function digest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** A server that answers with the digest of the body, whose memory it gives back. */
async function startDigests(budget = new BodyBudget(64 * limit)) {
  const app = bareApp([], limit, budget);
  app.post('/', (request, reply) => {
    const body = bodyOf(request);
    respond(reply, { status: 200, headers: [], body: digest(body) });
    app.httpContext.bodies.release(body);
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, budget, [Symbol.asyncDispose]: () => app.close() };
}

function head(...headers: string[]): string {
  return ['POST / HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n');
}

function chunked(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = [Buffer.from(head('Transfer-Encoding: chunked'))];
  for (let start = 0; start < body.length; start += size) {
    const part = body.subarray(start, start + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function announced(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(head(`Content-Length: ${body.length}`)), body]);
}

suite('a body', () => {
  test('is read as it was sent, of whatever size, announced or in chunks', async () => {
    await using server = await startDigests();
    const connection = await RawConnection.open(server.url);
    const size = fc.oneof(
      fc.nat(20_000),
      fc.constantFrom(16_383, 16_384, 16_385, 65_536, 262_144, 262_145, 1_500_000),
      fc.nat(700_000),
    );
    await fc.assert(
      fc.asyncProperty(
        size,
        fc.option(fc.integer({ min: 100, max: 100_000 })),
        async (n, piece) => {
          const body = randomBytes(n);
          connection.send(piece === null ? announced(body) : chunked(body, piece));
          assert.equal((await connection.reply()).body, digest(body));
        },
      ),
      { numRuns: 60 },
    );
    connection.destroy();
  });

  test('is nobody else’s when many come at the same time and some break off', async () => {
    await using server = await startDigests();
    await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        for (let round = 0; round < 12; round += 1) {
          const connection = await RawConnection.open(server.url);
          const body = randomBytes(20_000 + 13_000 * ((i + round) % 7));
          const request = round % 2 === 0 ? announced(body) : chunked(body, 9000);
          if ((i + round) % 3 === 0) {
            connection.send(request.subarray(0, request.length - 1000));
          } else {
            connection.send(request);
            assert.equal((await connection.reply()).body, digest(body));
          }
          connection.destroy();
        }
      }),
    );
  });

  test('that is announced and does not come costs little', async () => {
    const budget = new BodyBudget(64 * limit);
    await using server = await startDigests(budget);
    const connection = await RawConnection.open(server.url);
    connection.send(`${head(`Content-Length: ${limit}`)}x`);
    await until(() => budget.used > 0);
    assert.equal(budget.used, 256 * 1024);
    connection.destroy();
  });

  test('in chunks that is too large is refused, and its memory is free', async () => {
    const budget = new BodyBudget(64 * limit);
    await using server = await startDigests(budget);
    const connection = await RawConnection.open(server.url);
    connection.send(chunked(randomBytes(limit + 1), 50_000));
    assert.equal((await connection.reply()).status, 413);
    connection.destroy();
    // What is idle goes when somebody needs it.
    const other = await RawConnection.open(server.url);
    const body = randomBytes(limit);
    other.send(announced(body));
    assert.equal((await other.reply()).body, digest(body));
    other.destroy();
  });

  test('for which there is no memory is refused', async () => {
    await using server = await startDigests(new BodyBudget(200_000));
    const connection = await RawConnection.open(server.url);
    connection.send(announced(randomBytes(150_000)));
    const reply = await connection.reply();
    assert.equal(reply.status, 503);
    connection.destroy();
    const other = await RawConnection.open(server.url);
    const body = randomBytes(130_000);
    other.send(announced(body));
    assert.equal((await other.reply()).body, digest(body));
    other.destroy();
  });
});
