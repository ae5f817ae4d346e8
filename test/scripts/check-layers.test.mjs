import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedRooms, checkLayers } from '../../scripts/check-layers.mjs';
import { root, temporaryFolder, writeTree } from './support.mjs';

const violationsIn = (t, files) => checkLayers(writeTree(temporaryFolder(t), files));

test('the source keeps its layers', () => {
  assert.deepEqual(checkLayers(root), []);
});

test('every room that a row names has a row itself', () => {
  const named = Object.values(allowedRooms).flat();
  const rooms = named.filter((entry) => entry !== '*').map((entry) => entry.split('/')[0]);
  for (const room of rooms) assert.ok(allowedRooms[room], room);
});

test('an import along an arrow passes', (t) => {
  const files = {
    'src/cli/main.ts': "import Fastify from 'fastify';\nimport { serve } from '../http/serve.js';",
    'src/config/read.ts': "import { dtypes } from '../native/dtype.js';",
    'src/native/binding.ts': "import { createRequire } from 'node:module';",
    'native/engine/torchscript.cc': '#include <torch/script.h>',
  };
  assert.deepEqual(violationsIn(t, files), []);
});

test('an import against the arrows is named with its file', (t) => {
  assert.deepEqual(
    violationsIn(t, { 'src/batching/ring.ts': "import { service } from '../models/service.js';" }),
    ['src/batching/ring.ts: batching may not import models (../models/service.js)'],
  );
});

test('types, re-exports over several lines and dynamic imports count too', (t) => {
  const files = {
    'src/errors.ts': "import type { A } from './log.js';",
    'src/metrics/all.ts': "export {\n  a,\n  b,\n} from '../models/a.js';",
    'src/workers/run.ts': "const http = await import('../http/app.js');",
  };
  assert.equal(violationsIn(t, files).length, 3);
});

test('config may import the element types of native, and no more of it', (t) => {
  const files = { 'src/config/read.ts': "import { open } from '../native/binding.js';" };
  assert.equal(violationsIn(t, files).length, 1);
});

test('a comment is no import', (t) => {
  const files = {
    'src/errors.ts': "// import { a } from './log.js';\n/*\nimport { b } from './log.js';\n*/",
  };
  assert.deepEqual(violationsIn(t, files), []);
});

test('packages stay in their rooms', (t) => {
  const files = {
    'src/models/a.ts': "import type { FastifyInstance } from 'fastify';",
    'src/models/b.ts': "import { Piscina } from 'piscina';",
    'src/http/c.ts': "import { Counter } from 'prom-client';",
    'src/native/d.ts': "import { createRequire } from 'node:module';",
  };
  assert.deepEqual(violationsIn(t, files), [
    'src/http/c.ts: only metrics may import prom-client',
    'src/models/a.ts: only http, acceptors, grpc, cli may import fastify',
    'src/models/b.ts: only workers may import piscina',
    'src/native/d.ts: only native/binding may import createRequire',
  ]);
});

test('a new room needs a row', (t) => {
  assert.match(violationsIn(t, { 'src/attic/a.ts': '' })[0], /"attic" has no row/);
});

test('native engines know no Node-API, and one file includes torch/script.h', (t) => {
  const files = {
    'native/engine/cuda.cc': '#include <napi.h>',
    'native/engine/other.cc': '#include "../napi_support.h"',
    'native/executor.cc': '#include <torch/script.h>',
  };
  assert.deepEqual(violationsIn(t, files), [
    'native/engine/cuda.cc: may not include napi.h',
    'native/engine/other.cc: may not include napi_support.h',
    'native/executor.cc: may not include torch/script.h',
  ]);
});
