import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { suite, test } from 'node:test';
import { BodyBudget } from '../../src/http/body-budget.js';
import { BodyMemory } from '../../src/http/body-memory.js';
import { DirectReply, DirectRequest } from '../../src/http/direct-exchange.js';
import { respond } from '../../src/http/response.js';
import { startService } from '../support/server.js';

/** A connection that is closed a moment after it is destroyed, as those of the network are. */
class SlowlyClosed extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  /** The other side does not hear of the end. */
  override _final(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(done, error);
  }
}

suite('respond()', () => {
  test('survives a connection that is destroyed out of turn', async () => {
    const service = startService([]);
    const httpContext = {
      service,
      observer: { responded: () => {} },
      maxRequestSize: 10,
      maxResponseSize: 1000,
      bodies: new BodyMemory(BodyBudget.forBodiesOf(10)),
      cors: [],
      closeOnError: true,
    };
    const answer = (request: IncomingMessage, response: ServerResponse, status: number): void => {
      const direct = new DirectRequest(request, new Uint8Array());
      const reply = new DirectReply(response, direct, { httpContext });
      respond(reply, { status, headers: [], body: 'text' });
    };
    let wasLate = false;
    const connection = new SlowlyClosed();
    const server = createServer({ requireHostHeader: false }, (request, response) => {
      if (request.url === '/refused') {
        response.once('finish', () => connection.push('GET /late HTTP/1.1\r\n\r\n'));
        answer(request, response, 503);
      } else if (request.url === '/late') {
        // It has the connection, which ends, and is not the first of those that wait.
        wasLate = true;
        connection.destroy();
        answer(request, response, 200);
      }
    });
    server.emit('connection', connection);
    connection.push('GET /refused HTTP/1.1\r\n\r\nGET /waits HTTP/1.1\r\n\r\n');
    await once(connection, 'close');
    assert.ok(wasLate);
    await service.close();
  });
});
