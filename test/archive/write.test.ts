import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openArchive } from '../../src/archive/open.js';
import { type ArchiveFormat, type ArchiveOptions, writeArchive } from '../../src/archive/write.js';
import { SconceError } from '../../src/errors.js';
import { fixture } from '../support/paths.js';
import { contentOf, filesBelow, membersOf, Workshop } from './write-workshop.js';

const formats: [ArchiveFormat, ending: string][] = [
  ['default', '.mar'],
  ['zip-store', '.mar'],
  ['tgz', '.tar.gz'],
  ['no-archive', ''],
];

/** 28 July 2020, 6:32:08 in local time. */
const createdOn = new Date(2020, 6, 28, 6, 32, 8);

const limits = { entries: 100, bytes: 2 ** 20, ratio: 100 };

/** Options for an archive of a real model in the workshop's `out`. */
function optionsIn(shop: Workshop, more: Partial<ArchiveOptions> = {}): ArchiveOptions {
  return {
    modelName: 'alpha',
    version: '1.0',
    handler: 'tensor',
    serializedFile: fixture('linear'),
    exportPath: shop.folder('out'),
    createdOn,
    ...more,
  };
}

/** Fails unless writing is refused with the message, and the folder is as it was. */
async function assertRefused(options: ArchiveOptions, message: string): Promise<void> {
  const before = filesBelow(options.exportPath ?? '');
  await assert.rejects(writeArchive(options), { code: 'INVALID_CONFIGURATION', message });
  assert.deepEqual(filesBelow(options.exportPath ?? ''), before);
}

/** Fails unless writing is refused because no reader would take a file's name. */
async function assertNotHeld(options: ArchiveOptions, path: string): Promise<void> {
  await assert.rejects(writeArchive(options), (error) => {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    assert.ok(error.message.startsWith(`No archive can hold ${path}: it `), error.message);
    return true;
  });
  assert.deepEqual(readdirSync(options.exportPath ?? ''), []);
}

suite('a model archive', () => {
  for (const [archiveFormat, ending] of formats) {
    test(`as ${archiveFormat} holds every file under its name, and a manifest`, async () => {
      await using shop = new Workshop();
      const data = shop.folder('data');
      shop.file('data/.settings', 'hidden files stay');
      shop.file('data/empty', '');
      shop.file('data/deep/er/ünï 😀.txt', 'é');
      for (const skipped of ['.git/x', '__pycache__/y.pyc', 'deep/__MACOSX/z', 'deep/.hid/q']) {
        shop.file(`data/${skipped}`, 'left out');
      }
      mkdirSync(join(data, 'nothing'));
      const path = await writeArchive(
        optionsIn(shop, {
          archiveFormat,
          handler: shop.file('my handler.py', 'def handle(data, context): return data'),
          modelFile: shop.file('model.py', 'class Model: pass'),
          extraFiles: `${data} , ${shop.file('labels, not.json', '{}').replace(', not.json', '*')},`,
          requirementsFile: shop.file('requirements.txt', 'numpy'),
          configFile: shop.file('model-config.yaml', 'batchSize: 3'),
        }),
      );
      assert.equal(path, join(shop.path, `out/alpha${ending}`));
      const content = await contentOf(path);
      const prefix = archiveFormat === 'tgz' ? 'alpha/' : '';
      const expected = {
        '.settings': 'hidden files stay',
        empty: '',
        'labels, not.json': '{}',
        'linear.pt': readFileSync(fixture('linear'), 'latin1'),
        'model-config.yaml': 'batchSize: 3',
        'model.py': 'class Model: pass',
        'my handler.py': 'def handle(data, context): return data',
        'requirements.txt': 'numpy',
        'deep/er/ünï 😀.txt': Buffer.from('é').toString('latin1'),
        'MAR-INF/MANIFEST.json': `{
  "createdOn": "28/07/2020 06:32:08",
  "runtime": "python",
  "model": {
    "modelName": "alpha",
    "serializedFile": "linear.pt",
    "handler": "my handler.py",
    "modelFile": "model.py",
    "modelVersion": "1.0",
    "requirementsFile": "requirements.txt",
    "configFile": "model-config.yaml"
  },
  "archiverVersion": "0.12.0"
}`,
      };
      assert.deepEqual(
        [...content].sort(),
        Object.entries(expected)
          .map(([name, text]) => [prefix + name, text])
          .sort(),
      );
      if (archiveFormat !== 'no-archive') {
        // Each folder's files before its folders, the manifest last, whatever the file system says.
        assert.deepEqual(
          [...content.keys()],
          Object.keys(expected).map((name) => prefix + name),
        );
      }
    });

    test(`as ${archiveFormat} is opened by Sconce's reader`, async () => {
      await using shop = new Workshop();
      shop.file('data/sub/ünï.txt', 'é');
      const path = await writeArchive(
        optionsIn(shop, { archiveFormat, extraFiles: shop.folder('data') }),
      );
      const temporaryFolder = shop.folder('unpacked');
      const opened = await openArchive(path, { temporaryFolder, limits });
      assert.deepEqual(opened.manifest, {
        createdOn: '28/07/2020 06:32:08',
        runtime: 'python',
        model: {
          modelName: 'alpha',
          serializedFile: 'linear.pt',
          handler: 'tensor',
          modelVersion: '1.0',
        },
        archiverVersion: '0.12.0',
      });
      assert.equal(readFileSync(join(opened.folder, 'sub/ünï.txt'), 'utf8'), 'é');
      assert.deepEqual(
        readFileSync(join(opened.folder, 'linear.pt')),
        readFileSync(fixture('linear')),
      );
      await opened.dispose();
    });

    test(`as ${archiveFormat} is the same, byte for byte, when it is written again`, async () => {
      await using shop = new Workshop();
      shop.file('data/a', 'a');
      shop.file('data/b/c', 'c');
      const write = (folder: string) =>
        writeArchive(
          optionsIn(shop, {
            archiveFormat,
            exportPath: shop.folder(folder),
            extraFiles: shop.folder('data'),
          }),
        );
      assert.deepEqual(bytesOf(await write('first')), bytesOf(await write('second')));
    });

    test(`as ${archiveFormat} is replaced only when that is asked for, and then whole`, async () => {
      await using shop = new Workshop();
      const old = shop.file('old.txt', 'old');
      const fresh = shop.file('new.txt', 'new');
      const path = await writeArchive(optionsIn(shop, { archiveFormat, extraFiles: old }));
      await assertRefused(
        optionsIn(shop, { archiveFormat, extraFiles: fresh }),
        `${path} already exists.\nPlease specify --force/-f option to overwrite the model archive output file.\nSee -h/--help for more details.`,
      );
      const warnings: string[] = [];
      await writeArchive(
        optionsIn(shop, {
          archiveFormat,
          extraFiles: fresh,
          force: true,
          warn: (message) => warnings.push(message),
        }),
      );
      assert.deepEqual(warnings, [`Overwriting ${path} ...`]);
      const names = [...(await contentOf(path)).keys()].map((name) => name.replace('alpha/', ''));
      assert.deepEqual(names.sort(), ['MAR-INF/MANIFEST.json', 'linear.pt', 'new.txt']);
      assert.deepEqual(readdirSync(join(shop.path, 'out')), [`alpha${ending}`]);
    });

    for (const [what, change] of [
      ['grows', (path: string) => appendFileSync(path, 'more')],
      ['shrinks', (path: string) => truncateSync(path, 2)],
    ] as const) {
      test(`as ${archiveFormat} of a file that ${what} meanwhile is not written, and an older one stays`, async () => {
        await using shop = new Workshop();
        const file = shop.file('data.txt', 'before');
        const path = await writeArchive(optionsIn(shop, { archiveFormat }));
        const before = bytesOf(path);
        await assertRefused(
          optionsIn(shop, {
            archiveFormat,
            force: true,
            // The warning comes when the file was found and before it is read.
            extraFiles: `${file},${shop.path}/*.none`,
            warn: (message) => message.startsWith('Given') && change(file),
          }),
          `${file} changed while it was being archived; run the command again.`,
        );
        assert.deepEqual(bytesOf(path), before);
      });
    }

    test(`as ${archiveFormat} is not there when its writing was ended`, async () => {
      await using shop = new Workshop();
      const ending = new AbortController();
      const extraFiles = `${shop.file('a', 'a')},${shop.path}/*.none`;
      const reason = new Error('enough');
      await assert.rejects(
        writeArchive(
          optionsIn(shop, {
            archiveFormat,
            extraFiles,
            signal: ending.signal,
            warn: () => ending.abort(reason),
          }),
        ),
        reason,
      );
      assert.deepEqual(readdirSync(join(shop.path, 'out')), []);
    });

    test(`as ${archiveFormat} keeps permissions and times of files`, async () => {
      await using shop = new Workshop();
      const extraFiles = shop.file('run.sh', '#!/bin/sh');
      chmodSync(extraFiles, 0o700);
      utimesSync(extraFiles, createdOn, createdOn);
      const path = await writeArchive(optionsIn(shop, { archiveFormat, extraFiles }));
      const members = await membersOf(path);
      const script = members.get('run.sh') ?? members.get('alpha/run.sh');
      assert.ok(script !== undefined);
      assert.equal(script.mode & 0o777, 0o700);
      assert.equal(script.modified.getTime(), createdOn.getTime());
    });
  }

  test('holds what patterns and folders name, the last of a name, and says what it leaves out', async () => {
    await using shop = new Workshop();
    const warnings: string[] = [];
    shop.file('one/same.txt', '1');
    shop.file('two/same.txt', '2');
    shop.file('two/MAR-INF/MANIFEST.json', 'not this');
    symlinkSync('nowhere', join(shop.path, 'two/dangling'));
    const path = await writeArchive(
      optionsIn(shop, {
        extraFiles: `${shop.path}/one,${shop.path}/tw?,${shop.path}/one/*.js,${shop.path}/two/[s]*`,
        warn: (message) => warnings.push(message),
      }),
    );
    const content = await contentOf(path);
    assert.deepEqual([...content.keys()], ['linear.pt', 'same.txt', 'MAR-INF/MANIFEST.json']);
    assert.equal(content.get('same.txt'), '2');
    assert.deepEqual(warnings, [
      `${shop.path}/two/dangling is left out: it is neither a file nor a folder.`,
      `${shop.path}/one/same.txt is left out: ${shop.path}/two/same.txt has the same name in the archive.`,
      `Given wildcard pattern did not match any file: ${shop.path}/one/*.js`,
      "The extra files' own MAR-INF/MANIFEST.json is left out: the archive gets a new one.",
    ]);
  });

  test('takes a name in brackets that is no pattern for anything', async () => {
    await using shop = new Workshop();
    const path = await writeArchive(optionsIn(shop, { extraFiles: shop.file('x[1].txt', 'x') }));
    assert.equal((await contentOf(path)).get('x[1].txt'), 'x');
  });

  test('follows links', async () => {
    await using shop = new Workshop();
    shop.file('real/sub/file', 'linked');
    shop.folder('data');
    symlinkSync('../real', join(shop.path, 'data/link'));
    const path = await writeArchive(optionsIn(shop, { extraFiles: join(shop.path, 'data') }));
    assert.equal((await contentOf(path)).get('link/sub/file'), 'linked');
  });

  test('may lie in the folder that it is made of', async () => {
    await using shop = new Workshop();
    const out = shop.folder('out');
    shop.file('out/notes.txt', 'n');
    const path = await writeArchive(optionsIn(shop, { extraFiles: out }));
    assert.deepEqual(
      [...(await contentOf(path)).keys()],
      ['linear.pt', 'notes.txt', 'MAR-INF/MANIFEST.json'],
    );
    const again = await writeArchive(optionsIn(shop, { extraFiles: out, force: true }));
    assert.ok((await contentOf(again)).has('alpha.mar'));
  });

  test('leaves empty options out', async () => {
    await using shop = new Workshop();
    const path = await writeArchive(
      optionsIn(shop, {
        ...{ handler: 'base_handler', version: '', serializedFile: '', modelFile: '' },
        ...{ extraFiles: ' , ', requirementsFile: '', configFile: '' },
      }),
    );
    const content = await contentOf(path);
    assert.deepEqual(JSON.parse(content.get('MAR-INF/MANIFEST.json') ?? ''), {
      createdOn: '28/07/2020 06:32:08',
      runtime: 'python',
      model: { modelName: 'alpha', handler: 'base_handler' },
      archiverVersion: '0.12.0',
    });
    assert.equal(content.size, 1);
  });

  test('escapes what is not ASCII in its manifest', async () => {
    await using shop = new Workshop();
    const configFile = shop.file('ü😀".yaml', '');
    const path = await writeArchive(optionsIn(shop, { configFile }));
    const text = (await contentOf(path)).get('MAR-INF/MANIFEST.json') ?? '';
    assert.match(text, /^ {4}"configFile": "\\u00fc\\ud83d\\ude00\\"\.yaml"$/m);
  });

  test('gives files of other times the nearest that the format has', async () => {
    await using shop = new Workshop();
    const ages = {
      1969: new Date(1969, 5, 1),
      1979: new Date(1979, 5, 1),
      2100: new Date(2100, 5, 1, 12),
      2200: new Date(2200, 5, 1),
    };
    for (const [year, date] of Object.entries(ages)) utimesSync(shop.file(year, ''), date, date);
    const modified = async (archiveFormat: ArchiveFormat) => {
      const extraFiles = `${shop.path}/[12]*`;
      const members = await membersOf(
        await writeArchive(optionsIn(shop, { archiveFormat, extraFiles })),
      );
      return Object.keys(ages).map(
        (year) => (members.get(year) ?? members.get(`alpha/${year}`))?.modified,
      );
    };
    const first = new Date(1980, 0, 1);
    assert.deepEqual(await modified('default'), [
      first,
      first,
      ages[2100],
      new Date(2107, 11, 31, 23, 59, 58),
    ]);
    const last = new Date(0x7fffffff * 1000);
    assert.deepEqual(await modified('tgz'), [new Date(0), ages[1979], last, last]);
  });
});

suite('writing a model archive refuses', () => {
  for (const modelName of ['', 'a b', '../a', 'a/b', '.a', '-a', 'ä', 'a\n', 'a\0']) {
    test(`the model name ${JSON.stringify(modelName)}`, async () => {
      await using shop = new Workshop();
      await assertRefused(
        optionsIn(shop, { modelName }),
        'Model name contains special characters.\nThe allowed regular expression filter for model name is: ^[A-Za-z0-9][A-Za-z0-9_\\-.]*$',
      );
    });
  }

  test('a name that the file system refuses', async () => {
    await using shop = new Workshop();
    const options = optionsIn(shop, { modelName: 'a'.repeat(300) });
    await assert.rejects(writeArchive(options), {
      code: 'INVALID_CONFIGURATION',
      message: new RegExp(`^Failed to save the model archive to ${shop.path}/out: ENAMETOOLONG`),
    });
  });

  test('an export path that is no folder', async () => {
    await using shop = new Workshop();
    for (const exportPath of [join(shop.path, 'none'), shop.file('file', '')]) {
      await assert.rejects(writeArchive(optionsIn(shop, { exportPath })), {
        code: 'INVALID_CONFIGURATION',
        message: `Given export-path ${exportPath} is not a directory. Point to a valid export-path directory.`,
      });
    }
  });

  test('files that are missing, or folders', async () => {
    await using shop = new Workshop();
    const none = join(shop.path, 'none.py');
    const folder = shop.folder('folder.py');
    for (const [what, option] of [
      ['serialized file', 'serializedFile'],
      ['model file', 'modelFile'],
      ['handler', 'handler'],
      ['requirements file', 'requirementsFile'],
      ['config file', 'configFile'],
    ] as const) {
      const missing = `The ${what} ${none} does not exist.`;
      await assertRefused(optionsIn(shop, { [option]: none }), missing);
      const notFile = `The ${what} ${folder} is not a file.`;
      await assertRefused(optionsIn(shop, { [option]: folder }), notFile);
    }
    await assertRefused(
      optionsIn(shop, { extraFiles: `${folder},${none}` }),
      `The extra file ${none} does not exist.`,
    );
    await assertRefused(
      optionsIn(shop, { extraFiles: '/dev/null' }),
      'The extra file /dev/null is neither a file nor a folder.',
    );
  });

  test('files that may not be read', { skip: asRoot() }, async () => {
    await using shop = new Workshop();
    const secret = shop.file('secret', 's');
    chmodSync(secret, 0);
    await assertRefused(
      optionsIn(shop, { extraFiles: secret }),
      `${secret} cannot be read: EACCES: permission denied, access '${secret}'`,
    );
  });

  test('an export path that may not be written to', { skip: asRoot() }, async () => {
    await using shop = new Workshop();
    const options = optionsIn(shop);
    chmodSync(join(shop.path, 'out'), 0o500);
    await assert.rejects(writeArchive(options), {
      code: 'INVALID_CONFIGURATION',
      message: new RegExp(`^Failed to save the model archive to ${shop.path}/out: EACCES`),
    });
  });

  test('names that no reader would take', async () => {
    await using shop = new Workshop();
    for (const name of ['a\\b', 'a\nb', 'c:x']) {
      const extraFiles = shop.file(name, '');
      await assertNotHeld(optionsIn(shop, { extraFiles }), extraFiles);
    }
  });

  test('one name for a file and a folder, and names that differ in letter case only', async () => {
    await using shop = new Workshop();
    const [one, two] = [shop.folder('one'), shop.folder('two')];
    shop.file('one/both', 'a file');
    const inner = shop.file('two/both/inner', 'in a folder');
    await assertNotHeld(optionsIn(shop, { extraFiles: `${one},${two}` }), inner);
    const extraFiles = shop.file('upper/LINEAR.PT', '');
    await assertNotHeld(optionsIn(shop, { extraFiles }), fixture('linear'));
    const reserved = shop.file('three/MAR-INF', '');
    await assertNotHeld(optionsIn(shop, { extraFiles: reserved }), reserved);
  });

  test('a folder with a link back to itself', async () => {
    await using shop = new Workshop();
    const data = shop.folder('data/deep');
    symlinkSync('..', join(data, 'loop'));
    await assertRefused(
      optionsIn(shop, { extraFiles: join(shop.path, 'data') }),
      `${shop.path}/data/deep/loop is a link to a folder that it lies in.`,
    );
  });

  test('no handler, and a tensor handler without a file to run', async () => {
    await using shop = new Workshop();
    await assertRefused(
      optionsIn(shop, { handler: '' }),
      'The handler has no name: give --handler a name or a file.',
    );
    await assertRefused(
      optionsIn(shop, { serializedFile: undefined }),
      'The handler tensor runs a TorchScript file: name it with --serialized-file.',
    );
  });

  test('to replace by force what is no archive of the kind', async () => {
    await using shop = new Workshop();
    const remedy = 'remove it, or choose another --model-name or --export-path.';
    shop.folder('out/alpha.mar');
    await assertRefused(
      optionsIn(shop, { force: true }),
      `${shop.path}/out/alpha.mar is a folder and is not replaced; ${remedy}`,
    );
    const precious = shop.file('out/alpha/precious', 'p');
    await assertRefused(
      optionsIn(shop, { force: true, archiveFormat: 'no-archive' }),
      `${shop.path}/out/alpha is a folder without MAR-INF/MANIFEST.json, not a model archive, and is not replaced; ${remedy}`,
    );
    assert.ok(existsSync(precious));
    shop.file('out/beta', 'a file');
    await assertRefused(
      optionsIn(shop, { modelName: 'beta', force: true, archiveFormat: 'no-archive' }),
      `${shop.path}/out/beta is a file and is not replaced; ${remedy}`,
    );
  });
});

function asRoot(): string | false {
  return process.getuid?.() === 0 && 'root may read and write everything';
}

/** The bytes of an archive, or of all files of an archive that is a folder. */
function bytesOf(path: string): Map<string, string> {
  return statSync(path).isDirectory()
    ? filesBelow(path)
    : new Map([['', readFileSync(path, 'latin1')]]);
}
