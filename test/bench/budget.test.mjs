import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { startEcho } from '../../scripts/bench/contenders/echo.mjs';
import { Children } from '../../scripts/bench/lib/children.mjs';
import { bytesAllocated, parts, sharesOfTime } from '../../scripts/bench/lib/profile-parts.mjs';
import { profiledContext, profileWhile } from '../../scripts/bench/lib/profiled-server.mjs';

const frame = (functionName, url = '') => ({ functionName, url });
const sconce = (path) => `file:///anywhere/dist/src/${path}`;

/** A profile of time in which each node was seen for so many microseconds. */
function timeProfile(nodes) {
  return {
    nodes: nodes.map(({ id, call, children }) => ({ id, callFrame: call, children })),
    samples: nodes.map(({ id }) => id),
    timeDeltas: nodes.map(({ time = 0 }) => time),
  };
}

/** The parts that have anything. */
const present = (totals) =>
  Object.fromEntries(Object.entries(totals).filter(([, amount]) => amount > 0));

suite('the shares of time', () => {
  test('go to the rooms of Sconce, to Node and to Fastify', () => {
    const shares = sharesOfTime(
      timeProfile([
        { id: 1, call: frame('(root)'), children: [2, 3, 4, 5, 6, 7] },
        { id: 2, call: frame('(program)'), time: 10 },
        { id: 3, call: frame('emit', 'node:events'), time: 10 },
        { id: 4, call: frame('find', 'file:///a/node_modules/find-my-way/index.js'), time: 20 },
        { id: 5, call: frame('respond', sconce('http/response.js')), time: 30 },
        { id: 6, call: frame('read', sconce('handlers/tensor/tensor-codec.js')), time: 25 },
        { id: 7, call: frame('(garbage collector)'), time: 5 },
      ]),
    );
    assert.deepEqual(present(shares), {
      'Node: sockets and HTTP': 0.2,
      Fastify: 0.2,
      'http/': 0.3,
      'native: JSON to rows': 0.25,
      'garbage collection': 0.05,
    });
  });

  test('leave out waiting, and what the profiler does itself', () => {
    const shares = sharesOfTime(
      timeProfile([
        { id: 1, call: frame('(root)'), children: [2, 3, 4] },
        { id: 2, call: frame('(idle)'), time: 1000 },
        { id: 3, call: frame('post', 'node:inspector'), time: 500, children: [5] },
        { id: 4, call: frame('complete', sconce('batching/completion.js')), time: 1 },
        { id: 5, call: frame('dispatch'), time: 500 },
      ]),
    );
    assert.deepEqual(present(shares), { 'batching/': 1 });
  });

  test('of what has no file go to the caller', () => {
    const shares = sharesOfTime(
      timeProfile([
        { id: 1, call: frame('(root)'), children: [2] },
        { id: 2, call: frame('ring', sconce('models/make-assembler.js')), time: 1, children: [3] },
        { id: 3, call: frame('anything'), time: 3 },
      ]),
    );
    assert.deepEqual(present(shares), { 'native: batches': 1 });
  });
});

test('the bytes of every call are counted once', () => {
  const leaf = { callFrame: frame('concat'), selfSize: 7, children: [] };
  const room = { callFrame: frame('run', sconce('models/x.js')), selfSize: 5, children: [leaf] };
  const head = { callFrame: frame('(root)'), selfSize: 0, children: [room] };
  assert.deepEqual(present(bytesAllocated({ head })), { 'models/': 12 });
});

suite('a server that is profiled', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-budget-'));
  const children = new Children();
  after(async () => {
    await children.stopAll();
    rmSync(folder, { recursive: true });
  });

  test('tells in turn where its time and its memory went', async () => {
    const context = { children, folder };
    const server = await startEcho(profiledContext(context), Buffer.from('{}'));
    const ask = async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async () => {
          const reply = await fetch(server.url, { method: 'POST', body: '[1]' });
          return reply.text();
        }),
      );
      return answers.length;
    };
    for (let round = 0; round < 2; round += 1) {
      const time = await profileWhile(context, server, ask);
      assert.equal(time.result, 200);
      const shares = Object.values(sharesOfTime(time.profile)).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(shares - 1) < 1e-9, String(shares));
      const memory = await profileWhile(context, server, ask);
      const bytes = bytesAllocated(memory.profile);
      assert.deepEqual(Object.keys(bytes), parts);
      assert.ok(bytes['Node: sockets and HTTP'] > 0);
    }
  });
});
