import assert from 'node:assert/strict';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Settings } from '../../src/config/settings.js';
import type { ModelSource } from '../../src/models/model-source.js';
import { json } from '../support/http-client.js';
import { source, startServer, type TestServer } from '../support/server.js';
import { handled, twoFloats } from './handled/handled.js';

/**
 * Prints by how many bytes the old generation grows for each request that goes the way that is named:
 * `node garbage-program.js threads`. A program of its own, for the test runner keeps more than that.
 */

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const rounds = 50;
const requestsPerRound = 200;
const connections = 16;

/** Where the old generation is, and how all of the heap is collected there. */
interface Heap {
  collect(): Promise<unknown>;
  oldGeneration(): Promise<number>;
}

function oldGeneration(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;
}

const here: Heap = {
  collect: async () => collectGarbage(),
  oldGeneration: async () => oldGeneration(),
};

/** Tells of the heap of its thread, all of which is collected when it is given a negative number. */
const tellingHandler = `import { getHeapSpaceStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
const collectGarbage = runInNewContext('gc');
export class Telling extends BaseHandler {
  preprocess(request, context) {
    const values = request.json();
    if (values[0] < 0) collectGarbage();
    context.row().set(values);
  }
  postprocess() {
    const spaces = getHeapSpaceStatistics();
    return spaces.find(({ space_name }) => space_name === 'old_space').space_used_size;
  }
}`;

function inHandler({ client }: TestServer): Heap {
  const tell = async (first: number): Promise<number> =>
    Number(json(await client.predict('double', [first, 0])));
  return { collect: () => tell(-1), oldGeneration: () => tell(1) };
}

async function ask({ client }: TestServer, requests: number): Promise<void> {
  let left = requests;
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      assert.equal((await client.predict('double', [1, 2])).status, 200);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
}

/** What lives while all of the heap is collected is old from then on: it must keep nothing new. */
async function growth(server: TestServer, heap: Heap): Promise<number> {
  await ask(server, 10 * requestsPerRound);
  await heap.collect();
  let grown = 0;
  let before = await heap.oldGeneration();
  for (let round = 0; round < rounds; round += 1) {
    await ask(server, requestsPerRound);
    const after = await heap.oldGeneration();
    // Less than before: all of the heap was collected again meanwhile.
    grown += Math.max(0, after - before);
    before = after;
  }
  return grown / (rounds * requestsPerRound);
}

type Way = [model: ModelSource, settings: Partial<Settings>, heapOf: (server: TestServer) => Heap];

const double = source('double', { config: twoFloats });
const ways: Record<string, Way> = {
  loop: [double, {}, () => here],
  threads: [double, { runOnLoop: 'never' }, () => here],
  delay: [double, { batchPolicy: 'legacy', maxBatchDelay: 1 }, () => here],
  acceptors: [double, { httpThreads: 2 }, () => here],
  handler: [handled('double', tellingHandler), { handlerThreads: 1 }, () => here],
  inHandler: [handled('double', tellingHandler), { handlerThreads: 1 }, inHandler],
};

const [model, settings, heapOf] = ways[process.argv[2] ?? ''] ?? [double, {}, () => here];
await using server = await startServer([model], settings);
process.stdout.write(String(await growth(server, heapOf(server))));
