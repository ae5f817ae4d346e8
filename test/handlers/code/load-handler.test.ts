import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { folderFor } from './folder.js';

interface Loaded {
  className?: string;
  file?: string;
  asyncSteps?: string[];
  description?: unknown;
  error?: string;
}

/** Loads from a folder of these files, in a thread. */
async function load(files: Record<string, string>, handler: string): Promise<Loaded> {
  return loadFrom(folderFor(files), handler);
}

async function loadFrom(folder: string, handler: string): Promise<Loaded> {
  const entry = new URL('./load-entry.js', import.meta.url);
  const worker = new Worker(entry, { workerData: { folder, handler } });
  const loaded = await new Promise<Loaded>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  return loaded;
}

const plain = `import { BaseHandler } from 'sconce';
export class AlphaHandler extends BaseHandler {
  describe() { return { is: 'alpha' }; }
}
`;

suite('loading the code of a handler', () => {
  test('TypeScript, whose types vanish and whose class extends ours', async () => {
    const source = `import { BaseHandler, type HandlerInput } from 'sconce';
import type { RequestContext } from 'sconce';
export class AlphaHandler extends BaseHandler {
  private readonly words: ReadonlyMap<string, number> = new Map();
  override async preprocess(request: HandlerInput, context: RequestContext): Promise<undefined> {
    context.row().set([request.body.length, this.words.size]);
  }
  override describe(): Record<string, unknown> { return { is: 'typed' satisfies string }; }
}
`;
    assert.deepEqual(await load({ 'alpha_handler.ts': source }, 'alpha_handler.ts'), {
      className: 'AlphaHandler',
      file: 'alpha_handler.ts',
      asyncSteps: ['preprocess'],
      description: { is: 'typed' },
    });
  });

  test('JavaScript by every ending, ESM without a package.json too', async () => {
    for (const file of ['alpha.js', 'alpha.mjs', 'alpha.mts']) {
      assert.equal((await load({ [file]: plain }, file)).className, 'AlphaHandler', file);
    }
  });

  test('CommonJS, by its ending, its package.json or its syntax', async () => {
    const source = `const { BaseHandler } = require('sconce');
class AlphaHandler extends BaseHandler { describe() { return { is: 'common' }; } }
`;
    const cases: [string, Record<string, string>][] = [
      ['a.cjs', { 'a.cjs': `${source}module.exports = AlphaHandler;` }],
      ['a.js', { 'a.js': `${source}module.exports = { AlphaHandler };` }],
      ['a.js', { 'a.js': `${source}exports['Alpha' + 'Handler'] = AlphaHandler;` }],
      [
        'a.js',
        {
          'a.js': `${source}module.exports = AlphaHandler;`,
          'package.json': '{"type":"commonjs"}',
        },
      ],
    ];
    for (const [file, files] of cases) {
      assert.deepEqual((await load(files, file)).description, { is: 'common' }, files[file]);
    }
  });

  test('a file that TypeScript became, by its older name', async () => {
    assert.equal((await load({ 'alpha.mjs': plain }, 'alpha.ts')).className, 'AlphaHandler');
  });

  test('imports of TypeScript by either ending, and of data', async () => {
    const files = {
      'a.ts': `import { BaseHandler } from 'sconce';
import { one } from './one.js';
import { two } from './lib/two.ts';
import three from './three.json' with { type: 'json' };
export default class Alpha extends BaseHandler {
  describe(): Record<string, unknown> { return { sum: one + two + three }; }
}`,
      'one.ts': 'export const one: number = 1;',
      'lib/two.ts': "export { two } from './deeper.js';",
      'lib/deeper.mts': 'export const two: number = 2;',
      'three.json': '3',
    };
    assert.deepEqual((await load(files, 'a.ts')).description, { sum: 6 });
  });

  test('a package in node_modules, by its exports for import', async () => {
    const files = {
      'node_modules/@me/handler/package.json': JSON.stringify({
        name: '@me/handler',
        exports: { '.': { import: './esm.mjs', require: './wrong.cjs' } },
      }),
      'node_modules/@me/handler/esm.mjs': `import { is } from 'other'; ${plain.replace("'alpha'", 'is')}`,
      'node_modules/other/package.json': '{"name":"other","main":"main.js"}',
      'node_modules/other/main.js': "exports.is = 'a package';",
    };
    assert.deepEqual(await load(files, '@me/handler'), {
      className: 'AlphaHandler',
      file: 'package @me/handler',
      asyncSteps: [],
      description: { is: 'a package' },
    });
  });

  test('a package beside the model, by its exports or its main file', async () => {
    const byExports = JSON.stringify({ name: 'other-name', exports: './here.mjs' });
    const cases = [
      { 'mine/package.json': byExports, 'mine/here.mjs': plain },
      { 'mine/package.json': '{"main":"./lib/"}', 'mine/lib/index.js': plain },
      { 'mine/package.json': '{}', 'mine/index.js': plain },
    ];
    for (const files of cases) {
      assert.equal((await load(files, 'mine')).className, 'AlphaHandler');
    }
  });

  test('our own package, where the archive holds another', async () => {
    const files = {
      'a.mjs': plain,
      'node_modules/sconce/package.json': '{"name":"sconce","main":"x.js"}',
      'node_modules/sconce/x.js': 'exports.BaseHandler = class {};',
    };
    assert.equal((await load(files, 'a.mjs')).className, 'AlphaHandler');
  });

  test('the named one of several, or the default', async () => {
    const two = `import { BaseHandler } from 'sconce';
export class First extends BaseHandler {}
export class Second extends BaseHandler {}
export function helper() {}
`;
    assert.equal((await load({ 'a.mjs': two }, 'a.mjs:Second')).className, 'Second');
    const preferred = `${two}export default First;`;
    assert.equal((await load({ 'a.mjs': preferred }, 'a.mjs')).className, 'First');
    const twice = `${plain}export { AlphaHandler as Again };`;
    assert.equal((await load({ 'a.mjs': twice }, 'a.mjs')).className, 'AlphaHandler');
    assert.equal(
      (await load({ 'a.mjs': two }, 'a.mjs')).error,
      'a.mjs exports 2 handlers (First, Second); export one, make one the default, or name it: a.mjs:First',
    );
    assert.equal(
      (await load({ 'a.mjs': two }, 'a.mjs:helper')).error,
      'a.mjs exports "helper", which is a function; expected is a class that extends BaseHandler of \'sconce\'. It exports First (a handler), Second (a handler), helper (a function)',
    );
  });
});

suite('code of a handler that cannot be loaded', () => {
  const refusals: [what: string, files: Record<string, string>, handler: string, error: RegExp][] =
    [
      ['no file', {}, 'a.ts', /^the handler file a\.ts is not in the archive$/],
      ['a file outside', {}, '../a.ts', /lies outside of the archive/],
      ['an absolute file', {}, '/etc/a.ts', /lies outside of the archive/],
      ['no package', {}, 'nothing', /neither node_modules\/nothing\/package\.json nor nothing/],
      ['no name', {}, 'a b', /"a b" is neither a file .* nor the name of an npm package/],
      ['broken package.json', { 'p/package.json': '{' }, 'p', /^p\/package\.json is not JSON: /],
      [
        'exports without a name',
        { 'p/package.json': '{"exports":"./x.js"}' },
        'p',
        /exports and no name/,
      ],
      ['package without main', { 'p/package.json': '{}' }, 'p', /names index\.js as its main file/],
      [
        'nothing exported',
        { 'a.mjs': 'const a = 1;' },
        'a.mjs',
        /^a\.mjs exports no handler; .* It exports nothing$/,
      ],
      [
        'a class of another kind',
        { 'a.mjs': 'export class A {}; export const b = 3; export function f() {}' },
        'a.mjs',
        /It exports A \(a class that does not extend BaseHandler\), b \(a number\), f \(a function\)$/,
      ],
      [
        'wrong syntax in TypeScript',
        { 'a.ts': 'const a = 1;\nconst b: number = ;\n' },
        'a.ts',
        /^a\.ts:2:19: Expression expected$/,
      ],
      [
        'wrong syntax in JavaScript',
        { 'a.mjs': "import './b.mjs';", 'b.mjs': 'const a = 1;\nconst b = ;\n' },
        'a.mjs',
        /^b\.mjs:2:11: Expression expected$/,
      ],
      [
        'an enum',
        { 'a.ts': 'type T = 1;\nenum Color { Red }\n' },
        'a.ts',
        /^a\.ts:2:1: TypeScript enum is more than a type, and types are all that is removed; use an object with "as const" and a union of its values, or compile/,
      ],
      [
        'a parameter property',
        { 'a.ts': 'class A { constructor(private x: number) {} }' },
        'a.ts',
        /^a\.ts:1:31: TypeScript parameter property .*; declare the field/,
      ],
      [
        'a namespace',
        { 'a.ts': 'namespace N { export const a = 1; }' },
        'a.ts',
        /^a\.ts:1:1: TypeScript namespace declaration .*; use a module/,
      ],
      [
        'a type imported as a value',
        { 'a.ts': "import { BaseHandler, RequestContext } from 'sconce';" },
        'a.ts',
        /^a\.ts:1: .*does not provide an export named 'RequestContext'; look at its spelling, and import what is a type only with "import type"$/,
      ],
      [
        'a missing file',
        { 'a.mjs': "import './lib/b.mjs';" },
        'a.mjs',
        /^Cannot find module 'lib\/b\.mjs' imported from a\.mjs: there is no such file$/,
      ],
      [
        'a file without its ending',
        { 'a.mjs': "import './lib/b';", 'lib/b.ts': 'export {}' },
        'a.mjs',
        /^Cannot find module 'lib\/b' imported from a\.mjs: an import names a file with its ending, and there is lib\/b\.ts$/,
      ],
      [
        'a step that is written in another way',
        {
          'a.mjs':
            "import { BaseHandler } from 'sconce'; export class A extends BaseHandler { post_process() {} }",
        },
        'a.mjs',
        /^a\.mjs: A has a method post_process, which nothing calls; the step is called postprocess$/,
      ],
      [
        "TorchServe's handle()",
        {
          'a.mjs':
            "import { BaseHandler } from 'sconce'; export class A extends BaseHandler { handle(data) {} }",
        },
        'a.mjs',
        /^a\.mjs: A has a method handle, which nothing calls; override preprocess, inference, postprocess$/,
      ],
      [
        'decorators',
        { 'b.ts': 'class A { @d m() {} }', 'a.ts': 'enum A {}' },
        'b.ts',
        /^b\.ts: Invalid or unexpected token; decorators are no JavaScript: compile/,
      ],
      [
        'a missing package',
        { 'a.mjs': "import 'left-pad';" },
        'a.mjs',
        /^Cannot find package 'left-pad' imported from a\.mjs: it is not in the archive; install it with npm install/,
      ],
      [
        'a missing package of CommonJS',
        { 'a.cjs': "require('left-pad');" },
        'a.cjs',
        /^Cannot find module 'left-pad': it is not in the archive/,
      ],
      [
        'a failure',
        { 'a.mjs': "\nthrow new Error('no luck');" },
        'a.mjs',
        /^a\.mjs:2:7 failed when it was imported: no luck$/,
      ],
      [
        'what is no error',
        { 'a.mjs': 'throw undefined;' },
        'a.mjs',
        /^a\.mjs failed when it was imported: undefined$/,
      ],
    ];
  for (const [what, files, handler, error] of refusals) {
    test(`${what} is named`, async () => {
      assert.match((await load(files, handler)).error ?? 'loaded', error);
    });
  }

  test('a link that leads outside is refused', async () => {
    const outside = folderFor({ 'a.mjs': plain });
    const folder = folderFor({});
    symlinkSync(join(outside, 'a.mjs'), join(folder, 'a.mjs'));
    assert.match((await loadFrom(folder, 'a.mjs')).error ?? '', /a link that leads outside/);
  });

  test('a folder that is reached by a link is as any', async () => {
    const folder = folderFor({ 'a.mjs': "\nthrow new Error('no luck');" });
    const link = join(folderFor({}), 'link');
    symlinkSync(folder, link);
    assert.match((await loadFrom(link, 'a.mjs')).error ?? '', /^a\.mjs:2:7 failed/);
  });
});
