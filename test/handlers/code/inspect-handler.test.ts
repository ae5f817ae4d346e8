import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { inspectHandler } from '../../../src/handlers/code/inspect-handler.js';
import { folderFor } from './folder.js';

const refused = (message: RegExp) => ({ code: 'INVALID_CONFIGURATION', message });

const handler = (imports: string, body = '') =>
  `import { BaseHandler } from 'sconce';\n${imports}\nexport class Alpha extends BaseHandler {${body}}\n`;

suite('what an archive holds of a handler', () => {
  test('is the handler and all that it imports, as JavaScript', async () => {
    const folder = folderFor({
      'alpha.ts': handler(`import { one } from './one.js';
import type { T } from './types.ts';
export * from './lib/two.ts';
const three = await import("./three.mts");
const text: string = "from './one.js'" + '';
`),
      'one.ts': 'export const one: number = 1;',
      'types.ts': 'export type T = 1;',
      'lib/two.ts': "export { data } from './data.mjs';\n",
      'lib/data.mjs': "import data from '../data.json' with { type: 'json' };\nexport { data };\n",
      'data.json': '{}',
      'three.mts': 'export const three = 3;',
      'unused.ts': 'export {}',
    });
    const code = await inspectHandler(folder, 'alpha.ts');
    assert.deepEqual([code.name, code.className, code.packages], ['alpha.mjs', 'Alpha', []]);
    const files = new Map(code.files.map(({ name, content }) => [name, content]));
    assert.deepEqual([...files.keys()].sort(), [
      'alpha.mjs',
      'data.json',
      'lib/data.mjs',
      'lib/two.mjs',
      'one.mjs',
      'three.mjs',
    ]);
    assert.equal(files.get('lib/data.mjs'), undefined);
    const main = files.get('alpha.mjs') ?? '';
    assert.match(main, /import \{ one \} from '\.\/one\.mjs';/);
    assert.match(main, /export \* from '\.\/lib\/two\.mjs';/);
    assert.match(main, /await import\("\.\/three\.mjs"\)/);
    assert.doesNotMatch(main, /types|: string/);
    for (const [name, content] of files) assert.doesNotMatch(content ?? '', /\.m?ts['"]/, name);
  });

  test('names the class that was asked for', async () => {
    const folder = folderFor({ 'a.mts': `${handler('')}export class B extends BaseHandler {}` });
    const code = await inspectHandler(folder, 'a.mts:B');
    assert.deepEqual([code.name, code.className], ['a.mjs:B', 'B']);
  });

  test('is what CommonJS requires', async () => {
    const folder = folderFor({
      'a.cjs':
        "const { BaseHandler } = require('sconce'); require('./b.cjs'); exports.A = class A extends BaseHandler {};",
      'b.cjs': "require('./c.json')",
      'c.json': '1',
    });
    const { files } = await inspectHandler(folder, 'a.cjs');
    assert.deepEqual(files.map(({ name }) => name).sort(), ['a.cjs', 'b.cjs', 'c.json']);
  });

  test('lists packages with a file that imports them', async () => {
    const folder = folderFor({
      'a.mjs': handler("import './b.mjs';"),
      'b.mjs': "import 'one'; import '@two/three';",
      'node_modules/one/package.json': '{"exports":"./x.mjs"}',
      'node_modules/one/x.mjs': "import 'deeper';",
      'node_modules/one/node_modules/deeper/package.json': '{"main":"x.js"}',
      'node_modules/one/node_modules/deeper/x.js': '',
      'node_modules/@two/three/package.json': '{"main":"x.js"}',
      'node_modules/@two/three/x.js': '',
    });
    const { files, packages } = await inspectHandler(folder, 'a.mjs');
    assert.deepEqual(
      files.map(({ name }) => name),
      ['a.mjs', 'b.mjs'],
    );
    assert.deepEqual(packages, [
      { name: 'one', importer: 'b.mjs' },
      { name: '@two/three', importer: 'b.mjs' },
    ]);
  });

  test('finds packages in folders that the archive will hold', async () => {
    const folder = folderFor({
      'own/a.mjs': handler("import 'one'; import './b.cjs';"),
      'own/b.cjs': "require('two');",
      'deps/node_modules/one/package.json': '{"exports":"./x.mjs"}',
      'deps/node_modules/one/x.mjs': '',
      'deps/node_modules/two/index.js': '',
    });
    const packages = [join(folder, 'deps')];
    const code = await inspectHandler(join(folder, 'own'), 'a.mjs', { packages });
    assert.deepEqual(code.packages, [
      { name: 'one', importer: 'a.mjs' },
      { name: 'two', importer: 'a.mjs' },
    ]);
  });

  test('is nothing of a package but its class', async () => {
    const folder = folderFor({
      'mine/package.json': '{"name":"mine","exports":"./x.mjs"}',
      'mine/x.mjs': handler(''),
    });
    assert.deepEqual(await inspectHandler(folder, 'mine'), {
      name: 'mine',
      className: 'Alpha',
      files: [],
      packages: [],
    });
  });
});

suite('a handler that no archive can hold', () => {
  test('imports a file outside of its folder', async () => {
    const folder = folderFor({ 'in/a.ts': handler("import '../out.ts';"), 'out.ts': 'export {}' });
    await assert.rejects(
      inspectHandler(join(folder, 'in'), 'a.ts'),
      refused(/^a\.ts imports \.\.\/out\.ts, which lies outside of the handler's folder .*\/in; /),
    );
  });

  test('cannot be loaded, for the reason that a server would give', async () => {
    const folder = folderFor({ 'a.ts': '\nconst a = ;', 'b.ts': 'enum A {}', 'c.ts': '' });
    await assert.rejects(
      inspectHandler(folder, 'a.ts'),
      refused(/^a\.ts:2:11: Expression expected/),
    );
    await assert.rejects(inspectHandler(folder, 'b.ts'), refused(/^b\.ts:1:1: TypeScript enum/));
    await assert.rejects(inspectHandler(folder, 'c.ts'), refused(/^c\.ts exports no handler/));
  });

  test('ends its thread', async () => {
    const folder = folderFor({
      'exits.mjs': 'process.exit(0);',
      'throws.mjs':
        "setImmediate(() => { throw new Error('late'); }); await new Promise(() => {});",
    });
    await assert.rejects(
      inspectHandler(folder, 'exits.mjs'),
      refused(/^exits\.mjs cannot be loaded: it has ended its thread with process\.exit\(0\)$/),
    );
    await assert.rejects(
      inspectHandler(folder, 'throws.mjs'),
      refused(/^throws\.mjs cannot be loaded: late$/),
    );
  });

  test('awaits what never comes, or computes without end', async () => {
    const folder = folderFor({
      'waits.mjs': 'await new Promise(() => {});',
      'computes.mjs': 'for (;;);',
    });
    await assert.rejects(
      inspectHandler(folder, 'waits.mjs'),
      refused(/^waits\.mjs cannot be loaded: it awaits outside of the class what never comes$/),
    );
    await assert.rejects(
      inspectHandler(folder, 'computes.mjs', { longest: 500 }),
      refused(/^computes\.mjs cannot be loaded: its code has not come to its end within 0\.5 s /),
    );
  });

  test('never ends, and is given up at a signal', async () => {
    const folder = folderFor({ 'a.mjs': 'for (;;);' });
    const abort = new AbortController();
    const inspected = inspectHandler(folder, 'a.mjs', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(inspected, /enough/);
  });
});
