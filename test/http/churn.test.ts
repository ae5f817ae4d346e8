import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { unpackFolder } from '../../src/models/unpack-folder.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { startServer, type TestServer } from '../support/server.js';

/** A sequence of numbers from 0 to 1 that is the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const names = ['a', 'b'];
const versions = ['1.0', '2.0'];

/** Statuses and exceptions that a call may end in while others do what they like. */
const answers: Record<string, ReadonlySet<string>> = {
  register: new Set(['200', '202', '409 ConflictStatusException', '500 InternalServerException']),
  unregister: new Set([
    ...['200', '404 ModelNotFoundException', '404 ModelVersionNotFoundException'],
    ...['403 InvalidModelVersionException', '408 RequestTimeoutException'],
  ]),
  scale: new Set([
    ...['200', '202', '404 ModelNotFoundException', '404 ModelVersionNotFoundException'],
    '500 InternalServerException',
  ]),
  setDefault: new Set([
    ...['200', '404 ModelNotFoundException', '404 ModelVersionNotFoundException'],
  ]),
  describe: new Set([
    ...['200', '404 ModelNotFoundException', '404 ModelVersionNotFoundException'],
  ]),
  predict: new Set([
    ...['200', '404 ModelNotFoundException', '404 ModelVersionNotFoundException'],
    '503 ServiceUnavailableException',
  ]),
};

function answerOf(reply: HttpReply): string {
  if (reply.status < 300) return String(reply.status);
  return `${reply.status} ${Object(json(reply)).type}`;
}

/** One client that does one thing after another to the same few models. */
async function live(server: TestServer, seed: number, steps: number): Promise<void> {
  const client = new HttpClient(server.addresses.management, 1);
  const next = numbers(seed);
  const pick = <T>(values: readonly T[], fallback: T): T =>
    values[Math.floor(next() * values.length)] ?? fallback;
  const calls: Record<string, () => Promise<HttpReply>> = {
    register: () => {
      const query = `url=at-${pick(versions, '1.0')}.mar&model_name=${pick(names, 'a')}`;
      const workers = `initial_workers=${pick(['0', '1'], '1')}`;
      return client.send(`/models?${query}&${workers}&synchronous=${pick(['true', 'false'], '')}`);
    },
    unregister: () => client.send(path(), '', { method: 'DELETE' }),
    scale: () => {
      const query = `min_worker=${pick(['0', '1', '2'], '1')}&synchronous=${pick(['true', ''], '')}`;
      return client.send(`${path()}?${query}`, '', { method: 'PUT' });
    },
    setDefault: () => client.send(`${path(true)}/set-default`, '', { method: 'PUT' }),
    describe: () => client.get(path()),
    predict: () => server.client.send(`/predictions/${target()}`, '[1]'),
  };
  const target = (always = false) => {
    const name = pick(names, 'a');
    return always || next() < 0.5 ? `${name}/${pick(versions, '1.0')}` : name;
  };
  const path = (always = false) => `/models/${target(always)}`;
  for (let step = 0; step < steps; step += 1) {
    const kind = pick([...Object.keys(calls), 'predict', 'predict', 'register'], 'predict');
    const reply = await calls[kind]?.();
    assert.ok(reply !== undefined);
    assert.ok(answers[kind]?.has(answerOf(reply)), `${kind}: ${reply.status} ${reply.text}`);
    if (kind === 'predict' && reply.status === 200) assert.deepEqual(json(reply), [3]);
  }
  client.close();
}

suite('many clients that register, scale and remove the same models', () => {
  for (const seed of [1, 2, 3]) {
    test(`get answers that are documented, and leave what they describe: ${seed}`, async () => {
      using store = new ModelStore();
      for (const version of versions) {
        await store.add('double', { modelName: `at-${version}`, version });
      }
      await using server = await startServer([], { modelStore: store.folder });
      await Promise.all(
        Array.from({ length: 6 }, (_, client) => live(server, seed * 100 + client, 40)),
      );
      await assertConsistent(server);
      await removeAll(server);
      assert.deepEqual(server.service.all, []);
      assert.deepEqual(readdirSync(unpackFolder()), []);
    });
  }
});

/** Removes every model; the default of several versions goes last. */
async function removeAll({ service }: TestServer): Promise<void> {
  for (const name of new Set(service.all.map((version) => version.name))) {
    const { versions: registered, defaultVersion } = service.model(name);
    const others = [...registered.keys()].filter((version) => version !== defaultVersion);
    for (const version of [...others, defaultVersion]) await service.unregister(name, version);
  }
}

/** What is listed is described, has a default version, and answers when it has instances. */
async function assertConsistent(server: TestServer): Promise<void> {
  const client = new HttpClient(server.addresses.management);
  const { models } = Object(json(await client.get('/models')));
  const listed: string[] = models.map(({ modelName }: { modelName: string }) => modelName);
  assert.deepEqual(listed, [...new Set(server.service.all.map(({ name }) => name))].sort());
  for (const { name, version, minWorkers } of server.service.all) {
    await server.service.scale(name, version, { minWorkers, maxWorkers: minWorkers }).done;
    const [described] = Array(json(await client.get(`/models/${name}/${version}`))).flat();
    const { workers, jobQueueStatus } = Object(described);
    assert.equal(workers.length, minWorkers);
    assert.equal(jobQueueStatus.pendingRequests, 0);
    const reply = await server.client.send(`/predictions/${name}/${version}`, '[1]');
    assert.equal(reply.status, minWorkers === 0 ? 503 : 200, reply.text);
  }
  client.close();
}
