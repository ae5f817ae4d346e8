import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../scripts/lib/root.mjs';

const documents = [
  'README.md',
  'docs/requests.md',
  'docs/errors.md',
  'docs/quickstart.md',
  'examples/alpha_model/README.md',
];
const models = ['linear', 'pair', 'dictionary', 'embedding', 'double'];
const startTimeout = 60_000;

const textOf = (path) => readFileSync(join(root, path), 'utf8');

/** A curl command and the JSON block that follows it, from a document. */
function examplesIn(path) {
  const pairs = /```sh\n(?:[^`]*\n)?(curl [^`]*?)```\s+(?:[^`#]*\n\n)?```json\n([\s\S]*?)```/g;
  return [...textOf(path).matchAll(pairs)].map(([, command, answer]) => ({
    path,
    command: command.replace(/\s*\\\n\s*/g, ' ').trim(),
    answer: answer.trimEnd(),
  }));
}

/** The request that a curl command of the documents makes. */
function requestOf(command) {
  const url = new URL(/http:\/\/127\.0\.0\.1:8080\S*/.exec(command)?.[0] ?? '');
  const headers = [...command.matchAll(/ -H '([^:]+): ([^']+)'/g)].map(([, k, v]) => [k, v]);
  const [, quoted, file] = / -d (?:'([^']*)'|@(\S+))/.exec(command) ?? [];
  return { path: url.pathname, headers, body: quoted ?? textOf(file) };
}

/** The same JSON, with the last digits of numbers left open: they depend on the CPU. */
function assertAlike(given, expected, where) {
  const number = /-?\d+\.\d+(?:e[+-]\d+)?/g;
  assert.equal(given.replace(number, '#'), expected.replace(number, '#'), where);
  const wanted = expected.match(number) ?? [];
  for (const [i, text] of (given.match(number) ?? []).entries()) {
    assert.ok(Math.abs(Number(text) - Number(wanted[i])) < 1e-5, `${where}: ${text}, ${wanted[i]}`);
  }
}

const examples = documents.flatMap(examplesIn);
const store = mkdtempSync(join(tmpdir(), 'sconce-docs-'));
let server;
let url;

before(async () => {
  for (const name of models) {
    copyFileSync(join(root, `test/fixtures/models/${name}.pt`), join(store, `${name}.pt`));
  }
  // The configurations are the ones that the documents show.
  const yaml = /```yaml\n(# (\S+\.yaml): [\s\S]*?)```/g;
  for (const [, text, file] of documents.flatMap((path) => [...textOf(path).matchAll(yaml)])) {
    writeFileSync(join(store, file), text);
  }
  const ports = ['inference', 'management', 'metrics'].flatMap((name) => [
    `--${name}-address`,
    'http://127.0.0.1:0',
  ]);
  const served = [
    `alpha_model=${join(root, 'examples/alpha_model')}`,
    ...models.map((m) => `${m}.pt`),
  ];
  server = spawn(
    process.execPath,
    [
      join(root, 'dist/src/cli/main.js'),
      'serve',
      '--log-level',
      'warn',
      ...ports,
      '--model-store',
      store,
      '--models',
      ...served,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  url = await new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`not started: ${output}`)), startTimeout);
    server.on('exit', (code) => reject(new Error(`exited with ${code}: ${output}`)));
    server.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const found = /Inference: +(http:\/\/[^/\s]+)\/.*\n[\s\S]*\ncurl /.exec(output)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
});

after(async () => {
  if (server !== undefined && server.exitCode === null) {
    const ended = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGTERM');
    await ended;
  }
  rmSync(store, { recursive: true, force: true });
});

test('every document with examples has some', () => {
  for (const path of documents)
    assert.ok(
      examples.some((example) => example.path === path),
      path,
    );
});

for (const { path, command, answer } of examples) {
  test(`${path}: ${command}`, async () => {
    const { path: route, headers, body } = requestOf(command);
    const reply = await fetch(url + route, { method: 'POST', headers, body });
    const text = (await reply.text()).trimEnd();
    assertAlike(text, answer, command);
  });
}
