import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../scripts/lib/root.mjs';
import { assertAnswer, examplesIn, serve, textOf } from './curl-examples.mjs';

const document = 'docs/handlers.md';
const exampleFolder = join(root, 'examples/alpha_model');

/** The blocks of the document that begin with the name of a file. */
function files() {
  const blocks = /```(?:ts|json|yaml)\n(?:\/\/|#) (\S+)( with (\S+))?\n([\s\S]*?)```/g;
  return [...textOf(document).matchAll(blocks)].map(([, name, , model, text]) => ({
    name,
    model,
    text,
  }));
}

const examples = examplesIn(document);
const handlers = files().filter(({ model }) => model !== undefined);
const folder = mkdtempSync(join(tmpdir(), 'sconce-guide-'));
const at = (...path) => join(folder, ...path);
let server;

/** A model's folder with all files of the document, and the manifest for one of its handlers. */
function modelFolder({ name: handler, model }) {
  const name = handler.replace(/\.ts$/, '');
  const place = at(name);
  mkdirSync(join(place, 'MAR-INF'), { recursive: true });
  for (const { name: file, text } of files()) {
    if (file === handler || file.endsWith('.json')) writeFileSync(join(place, file), text);
  }
  const isExample = model === 'alpha_model';
  const fixture = join(root, 'test/fixtures/models', model);
  copyFileSync(isExample ? join(exampleFolder, 'model.pt') : fixture, join(place, 'model.pt'));
  const shown = (path) => files().find((file) => file.name === path);
  const config = shown(`${name}.yaml`) ?? shown(model.replace(/\.pt$/, '.yaml'));
  writeFileSync(
    join(place, 'model-config.yaml'),
    config?.text ?? readFileSync(join(exampleFolder, 'model-config.yaml')),
  );
  const manifest = {
    model: {
      modelName: name,
      modelVersion: '1.0',
      handler,
      serializedFile: 'model.pt',
      configFile: 'model-config.yaml',
    },
  };
  writeFileSync(join(place, 'MAR-INF/MANIFEST.json'), JSON.stringify(manifest));
  return `${name}=${place}`;
}

before(async () => {
  server = await serve(folder, handlers.map(modelFolder));
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('every handler of the guide is asked', () => {
  assert.ok(handlers.length > 8);
  for (const { name } of handlers) {
    if (name === 'alpha_handler.ts') continue;
    const route = `/predictions/${name.replace(/\.ts$/, '')} `;
    assert.ok(
      examples.some(({ command }) => command.includes(route)),
      name,
    );
  }
});

for (const example of examples) {
  test(`${document}: ${example.command}`, () => assertAnswer(server.url, example));
}

test('the handler of the example answers as the model without one', async () => {
  const body = readFileSync(join(exampleFolder, 'request.json'));
  const reply = await fetch(`${server.url}/predictions/alpha_handler`, { method: 'POST', body });
  const { prediction } = await reply.json();
  const { predictions } = JSON.parse(readFileSync(join(exampleFolder, 'expected.json'), 'utf8'));
  assert.ok(Math.abs(prediction[0] - predictions.flat()[0]) < 1e-5);
});

test('the guide and the read-me show the handler of the example as it is', () => {
  const shown = handlers.find(({ name }) => name === 'alpha_handler.ts');
  const source = readFileSync(join(exampleFolder, 'alpha_handler.ts'), 'utf8');
  assert.equal(shown?.text, source);
  assert.ok(textOf('README.md').includes(`\`\`\`ts\n${source}\`\`\``));
});

test('every TypeScript block is sound, and the test that the guide shows passes', () => {
  const source = at('typed');
  mkdirSync(join(source, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, join(source, 'node_modules/sconce'));
  symlinkSync(join(root, 'node_modules/@types/node'), join(source, 'node_modules/@types/node'));
  const typed = files().filter(({ name }) => name.endsWith('.ts'));
  for (const { name, text } of typed) writeFileSync(join(source, name), text);
  writeFileSync(join(source, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    ...JSON.parse(textOf('tsconfig.json')).compilerOptions,
    rootDir: '.',
    outDir: 'made',
    incremental: false,
    tsBuildInfoFile: undefined,
    declaration: false,
  };
  writeFileSync(
    join(source, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', source], { encoding: 'utf8' });
  assert.equal(tsc.stdout, '');
  assert.equal(tsc.status, 0);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const made = join(source, 'made/scores_handler.test.js');
  assert.ok(existsSync(made));
  const run = spawnSync(process.execPath, ['--test', made], { encoding: 'utf8', env });
  assert.equal(run.status, 0, run.stdout);
});
