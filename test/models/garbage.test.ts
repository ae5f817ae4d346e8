import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = fileURLToPath(new URL('./garbage-program.js', import.meta.url));

/**
 * Bytes by which the old generation may grow for each request. What is dead by the next short
 * collection, as all of a request should be, never gets there: it was 50 to 350, and 700 to 2,900
 * where something kept requests.
 */
const mostKept = 600;

suite('requests are dead before they are old', () => {
  const ways = [
    ['loop', 'whose batches run on the main loop'],
    ['threads', 'whose batches run on threads'],
    ['delay', 'whose batches wait for more rows'],
    ['acceptors', 'that come through acceptor threads'],
    ['handler', 'that a handler on a thread has'],
    ['inHandler', 'in the thread of that handler'],
  ] as const;
  for (const [way, which] of ways) {
    test(which, async () => {
      const { stdout } = await run(process.execPath, [program, way]);
      assert.match(stdout, /^\d/);
      assert.ok(Number(stdout) < mostKept, `${stdout} bytes for each request`);
    });
  }
});
