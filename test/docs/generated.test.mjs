import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fillBlocks, staleDocuments } from '../../scripts/docs.mjs';
import { listFiles } from '../../scripts/lib/files.mjs';
import { root } from '../../scripts/lib/root.mjs';

const foreign = /^(node_modules|build|dist|coverage|\.[^/]*)\//;
const documents = listFiles(root, ['.md'])
  .map((path) => relative(root, path))
  .filter((path) => !foreign.test(path));
const textOf = (path) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(textOf('package.json'));

const withoutCode = (text) => text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');

/** Where a heading is linked to: as GitHub makes it. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

function anchorsOf(path) {
  const text = textOf(path).replace(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => anchorOf(heading));
}

function brokenLinks(path) {
  return [...withoutCode(textOf(path)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file, anchor] = target.split('#');
    const linked = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(root, linked))) return [`${path}: ${target} does not exist`];
    const found = !anchor || !linked.endsWith('.md') || anchorsOf(linked).includes(anchor);
    return found ? [] : [`${path}: ${target} has no such heading`];
  });
}

test('the generated documents say what the code says', async () => {
  assert.deepEqual([...(await staleDocuments()).keys()], [], 'run npm run docs');
});

test('a block is replaced between its marks and nowhere else', () => {
  const text = 'a\n<!-- begin generated: x -->\nold\n<!-- end generated -->\nb\n';
  assert.equal(
    fillBlocks(text, 'x.md', new Map([['x', 'new']])),
    'a\n<!-- begin generated: x -->\n\nnew\n\n<!-- end generated -->\nb\n',
  );
  assert.throws(() => fillBlocks(text, 'x.md', new Map()), /x\.md: nothing makes the block "x"/);
});

test('every relative link leads somewhere', () => {
  assert.ok(documents.includes('README.md'));
  assert.deepEqual(documents.flatMap(brokenLinks), []);
});

test('every npm script that a document names exists', () => {
  const missing = documents.flatMap((path) =>
    [...textOf(path).matchAll(/npm run (?:-s )?([\w:-]+)/g)]
      .filter(([, name]) => manifest.scripts[name] === undefined)
      .map(([command]) => `${path}: ${command}`),
  );
  assert.deepEqual(missing, []);
});

test('third_party.md names every direct dependency, its version, and no other', () => {
  const npm = textOf('third_party.md')
    .split(/^## /m)
    .filter((part) => part.startsWith('npm: '));
  const named = npm
    .flatMap((part) => [...part.matchAll(/^\| `([^`]+)` \| (\S+) \| ([^|]+?) \|/gm)])
    .map(([, name, version, licence]) => `${name} ${version} ${licence}`);
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).map(
    (name) => {
      const { version, license } = JSON.parse(textOf(`node_modules/${name}/package.json`));
      return `${name} ${version} ${license}`;
    },
  );
  assert.deepEqual(named.sort(), installed.sort());
});

test('third_party.md tells of every override', () => {
  const text = textOf('third_party.md');
  for (const [name, version] of Object.entries(manifest.overrides)) {
    assert.ok(text.includes(`\`${name}\` \`${version}\``), name);
  }
});
