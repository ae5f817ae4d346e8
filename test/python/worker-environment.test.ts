import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerEnvironment } from '../../src/python/worker-environment.js';

function environment(
  inherited: NodeJS.ProcessEnv,
  added: Record<string, string> = {},
  tsFolder = '/usr/lib/python3/site-packages/ts',
): NodeJS.ProcessEnv {
  const python = { executable: 'python3', tsFolder, version: '' };
  return workerEnvironment({ folder: '/models/m', python, environment: added }, inherited);
}

test('handlers are looked for in the model, then where the server is told to look', () => {
  assert.equal(environment({}).PYTHONPATH, '/models/m');
  assert.equal(environment({ PYTHONPATH: '/a:/b' }).PYTHONPATH, '/models/m:/a:/b');
  assert.equal(environment({ PYTHONPATH: '/a' }, { PYTHONPATH: '/c' }).PYTHONPATH, '/models/m:/c');
});

test('a checkout of torchserve is looked for in its folder', () => {
  assert.equal(environment({}, {}, '/checkout/ts').PYTHONPATH, '/models/m:/checkout');
});

test('variables are inherited, and what is added goes first', () => {
  const { HOME, TS_DECODE_INPUT_REQUEST, TEMP } = environment(
    { HOME: '/home/me', TS_DECODE_INPUT_REQUEST: 'true', TEMP: '/scratch' },
    { TS_DECODE_INPUT_REQUEST: 'false' },
  );
  assert.deepEqual([HOME, TS_DECODE_INPUT_REQUEST, TEMP], ['/home/me', 'false', '/scratch']);
});

test('a worker is never one of many because the server was started so', () => {
  const { LOCAL_RANK, RANK, WORLD_SIZE } = environment(
    { LOCAL_RANK: '3', RANK: '3', WORLD_SIZE: '8' },
    { RANK: '0' },
  );
  assert.deepEqual([LOCAL_RANK, RANK, WORLD_SIZE], [undefined, '0', undefined]);
});
