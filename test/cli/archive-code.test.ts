import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { contentOf, Workshop } from '../archive/write-workshop.js';
import { fixture, root } from '../support/paths.js';

const programs = {
  sconce: [join(root, 'dist/test/cli/archive-program.js'), 'archive'],
  'torch-model-archiver': [join(root, 'dist/src/cli/torch-model-archiver.js')],
};

function archive(cwd: string, handler: string, ...args: string[]) {
  return run('sconce', cwd, handler, ...args);
}

function run(program: keyof typeof programs, cwd: string, handler: string, ...args: string[]) {
  const model = ['--model-name', 'm', '--version', '1', '--handler', handler];
  const all = [...programs[program], ...model, '--serialized-file', fixture('linear'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

const source = `import { BaseHandler } from 'sconce';
import { helped } from './helper.ts';
export class AlphaHandler extends BaseHandler {
  override describe(): Record<string, unknown> { return { helped }; }
}
`;

suite('archiving a handler in TypeScript', () => {
  test('writes JavaScript and what it imports, and names the class', async () => {
    await using shop = new Workshop();
    shop.file('code/alpha_handler.ts', source);
    shop.file('code/helper.ts', 'export const helped: boolean = true;');
    const done = archive(shop.path, 'code/alpha_handler.ts', '--extra-files', 'code/helper.ts');
    assert.deepEqual(done, {
      code: 0,
      stdout: `Wrote ${join(shop.path, 'm.mar')}, whose handler is AlphaHandler of alpha_handler.mjs\n`,
      stderr: '',
    });
    const content = await contentOf(join(shop.path, 'm.mar'));
    assert.deepEqual(
      [...content.keys()],
      ['alpha_handler.mjs', 'helper.mjs', 'linear.pt', 'MAR-INF/MANIFEST.json'],
    );
    assert.match(content.get('alpha_handler.mjs') ?? '', /from '\.\/helper\.mjs'/);
    assert.equal(
      JSON.parse(content.get('MAR-INF/MANIFEST.json') ?? '').model.handler,
      'alpha_handler.mjs',
    );
  });

  test('makes the same of it in every format, and with torch-model-archiver', async () => {
    await using shop = new Workshop();
    shop.file('alpha_handler.ts', source);
    shop.file('helper.ts', 'export const helped: boolean = true;');
    for (const format of ['default', 'zip-store', 'no-archive', 'tgz']) {
      const done = run(
        'torch-model-archiver',
        shop.path,
        'alpha_handler.ts:AlphaHandler',
        '--archive-format',
        format,
      );
      assert.deepEqual([format, done], [format, { code: 0, stdout: '', stderr: '' }]);
      const ending = { tgz: '.tar.gz', 'no-archive': '' }[format] ?? '.mar';
      const content = await contentOf(join(shop.path, `m${ending}`));
      const names = [...content].map(([name]) => name.replace(/^m\//, ''));
      assert.ok(names.includes('helper.mjs'), format);
      assert.match([...content.values()].join(''), /"handler": "alpha_handler\.mjs:AlphaHandler"/);
      spawnSync('rm', ['-r', join(shop.path, `m${ending}`)]);
    }
  });

  test('takes JavaScript as it is', async () => {
    await using shop = new Workshop();
    const text =
      "const { BaseHandler } = require('sconce');\nmodule.exports = class A extends BaseHandler {};\n";
    shop.file('a.cjs', text);
    assert.equal(archive(shop.path, 'a.cjs').code, 0);
    assert.equal((await contentOf(join(shop.path, 'm.mar'))).get('a.cjs'), text);
  });

  test('takes a package with its packages', async () => {
    await using shop = new Workshop();
    shop.file('mine/package.json', '{"name":"mine","exports":"./x.mjs"}');
    shop.file(
      'mine/x.mjs',
      "import 'other';\nimport { BaseHandler } from 'sconce';\nexport class A extends BaseHandler {}\n",
    );
    shop.file('mine/node_modules/other/package.json', '{}');
    shop.file('mine/node_modules/other/index.js', '');
    const done = archive(shop.path, './mine');
    assert.match(done.stdout, /, whose handler is A of mine\n$/);
    const names = [...(await contentOf(join(shop.path, 'm.mar'))).keys()];
    assert.ok(names.includes('mine/node_modules/other/index.js'), names.join());
  });

  test('needs the packages that the handler imports', async () => {
    await using shop = new Workshop();
    shop.file(
      'a.mjs',
      "import 'other';\nimport { BaseHandler } from 'sconce';\nexport class A extends BaseHandler {}\n",
    );
    shop.file('node_modules/other/package.json', '{}');
    shop.file('node_modules/other/index.js', '');
    const done = archive(shop.path, 'a.mjs');
    assert.deepEqual([done.code, done.stdout], [1, '']);
    assert.equal(
      done.stderr,
      'a.mjs imports the package other, which the archive would not hold: name a folder that holds node_modules/other with --extra-files.\n',
    );
    shop.file('deps/node_modules/other/package.json', '{}');
    assert.equal(archive(shop.path, 'a.mjs', '--extra-files', 'deps').code, 0);
  });

  test('says where code is wrong, and writes nothing', async () => {
    await using shop = new Workshop();
    const cases: [file: string, text: string, message: RegExp][] = [
      ['a.ts', 'const a: number = ;', /^a\.ts:1:19: Expression expected\n$/],
      ['b.ts', 'enum A { B }', /^b\.ts:1:1: TypeScript enum is more than a type, /],
      [
        'c.ts',
        "import './gone.ts';",
        /^Cannot find module 'gone\.ts' imported from c\.ts: there is no such file/,
      ],
      ['d.js', 'class A {}', /^d\.js exports no handler; /],
    ];
    for (const [file, text, message] of cases) {
      shop.file(file, text);
      const done = archive(shop.path, file);
      assert.deepEqual([done.code, done.stdout], [1, '']);
      assert.match(done.stderr, message);
    }
    assert.equal(archive(shop.path, 'none.ts').stderr, 'The handler none.ts does not exist.\n');
    await assert.rejects(contentOf(join(shop.path, 'm.mar')));
  });

  test('knows the handlers that need no code', async () => {
    await using shop = new Workshop();
    for (const handler of ['classifier', 'text_embedding', 'image_classifier']) {
      assert.deepEqual(
        [handler, archive(shop.path, handler, '-f').stderr.replace(/^.*Overwriting.*\n/, '')],
        [handler, ''],
      );
    }
  });
});
