import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RawConnection, rawRequest } from '../../support/raw-connection.js';
import { startServer } from '../../support/server.js';
import { handled } from './handled.js';

/** A body of one letter, large enough to lie in memory that is used again. */
function bodyOf(letter: string, length = 100_000): string {
  return letter.repeat(length);
}

const letters = [...'abcdefghijklmnopqrstuvwxyz'];

/** What was in a body: its letters, each once. */
const lettersOf = `const lettersOf = (bytes) =>
  [...new Set(Buffer.from(bytes).toString())].join('');`;

suite('the body of a request', () => {
  test('stays what it was when a handler keeps it, and cannot be had later', async () => {
    const code = `${lettersOf}
    const requests = [];
    const bodies = [];
    export class Keeping extends BaseHandler {
      preprocess(request, context) {
        // Of every second one the body is not looked at in time.
        if (requests.push(request) % 2 === 0) bodies.push(request.body);
        context.row();
      }
      postprocess() {
        const late = requests.slice(0, -1).filter((_, i) => i % 2 === 0).map((request) => {
          try {
            return lettersOf(request.body);
          } catch (error) {
            return error.message.replace(/request .* is/, 'request is');
          }
        });
        return { late: [...new Set(late)], kept: bodies.map(lettersOf).join('') };
      }
    }`;
    await using server = await startServer([handled('double', code)]);
    let last = '';
    for (const letter of letters) {
      const { status, text } = await server.client.predict('double', bodyOf(letter));
      assert.equal(status, 200, text);
      last = text;
    }
    assert.deepEqual(JSON.parse(last), {
      late: ['the body of request is gone: it was not read in time'],
      kept: letters.filter((_, i) => i % 2 === 1).join(''),
    });
  });

  test('is its own while others come, hang up and fail', async () => {
    const code = `${lettersOf}
    export class Waiting extends BaseHandler {
      async preprocess(request, context) {
        const before = lettersOf(request.parameter('data')?.bytes ?? request.body);
        await new Promise((resolve) => setTimeout(resolve, request.body.length % 13));
        const after = lettersOf(request.parameter('data')?.bytes ?? request.body);
        if (before === 'z') throw new PredictionError('no z', 400);
        this.answers ??= new Map();
        this.answers.set(request, before === after ? before : 'other');
        context.row();
      }
      postprocess(_outputs, request) {
        const answer = this.answers.get(request);
        this.answers.delete(request);
        return answer;
      }
    }`;
    await using server = await startServer([handled('double', code)], { handlerThreads: 2 });
    const url = server.addresses.inference;
    await Promise.all(
      letters.flatMap((letter, i) =>
        [0, 1, 2].map(async (round) => {
          const body = bodyOf(letter, 20_000 + 7000 * ((i + round) % 11));
          if ((i + round) % 4 === 0) {
            const connection = await RawConnection.open(url);
            connection.send(rawRequest('/predictions/double', body));
            connection.destroy();
            return;
          }
          const form = round === 1 && letter !== 'z';
          const given = form ? new FormData() : body;
          if (given instanceof FormData) given.set('data', new Blob([body]));
          const reply = await fetch(`${url}/predictions/double`, { method: 'POST', body: given });
          const text = await reply.text();
          if (letter === 'z') assert.match(text, /no z/);
          else assert.equal(text, letter);
        }),
      ),
    );
  });

  test('goes with the request to the next thread when the first has ended', async () => {
    const code = `${lettersOf}
    export class Ending extends BaseHandler {
      preprocess(request, context) {
        if (lettersOf(request.body) === 'x') process.exit(3);
        this.last = lettersOf(request.body);
        context.row();
      }
      inference(_inputs, context) { const { last } = this; return context.model.run().then((o) => { o.last = last; return o; }); }
      postprocess(outputs) { return outputs.last; }
    }`;
    await using server = await startServer([handled('double', code)], { handlerThreads: 1 });
    const replies = await Promise.all(
      [...'axbcdefg'].map((letter) => server.client.predict('double', bodyOf(letter))),
    );
    for (const [i, letter] of [...'axbcdefg'].entries()) {
      const { status, text } = replies[i] ?? { status: 0, text: '' };
      assert.ok(status === 200 ? text === letter : status === 500, `${letter}: ${text}`);
    }
    const { text } = await server.client.predict('double', bodyOf('q'));
    assert.equal(text, 'q');
  });
});
