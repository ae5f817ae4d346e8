import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { truncateSync, watch } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { python, withoutModule } from '../archive/write-python.js';
import { contentOf, filesBelow, Workshop } from '../archive/write-workshop.js';
import { fixture, root } from '../support/paths.js';

const archiver = join(root, 'dist/src/cli/torch-model-archiver.js');

/** A program with the archive command. */
const program = join(root, 'dist/test/cli/archive-program.js');

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(command: string, args: readonly string[], cwd: string, more = {}): Ended {
  const env = { ...process.env, COLUMNS: '80', ...more };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** `torch-model-archiver` in a folder. */
function archive(cwd: string, ...args: string[]): Ended {
  return run(process.execPath, [archiver, ...args], cwd);
}

/** `sconce` in a folder. */
function sconce(cwd: string, ...args: string[]): Ended {
  return run(process.execPath, [program, ...args], cwd);
}

const silent = { stdout: '', stderr: '' };

suite('torch-model-archiver', () => {
  test('writes an archive to the working folder and says nothing', async () => {
    await using shop = new Workshop();
    shop.file('my_handler.py', 'def handle(data, context): return data');
    shop.file('my model.pt', 'weights');
    const args = ['--model-name', 'm', '--version', '1', '--handler', 'my_handler:handle'];
    const done = archive(shop.path, ...args, '--serialized-file', 'my model.pt');
    assert.deepEqual(done, { code: 0, ...silent });
    const content = await contentOf(join(shop.path, 'm.mar'));
    assert.deepEqual(
      [...content.keys()],
      ['my model.pt', 'my_handler.py', 'MAR-INF/MANIFEST.json'],
    );
    assert.match(content.get('MAR-INF/MANIFEST.json') ?? '', /"handler": "my_handler:handle",$/m);
  });

  test('does not replace an archive unless it is forced to', async () => {
    await using shop = new Workshop();
    const args = ['--model-name', 'm', '-v', '1', '--handler', 'base_handler', '--export-path'];
    assert.deepEqual(archive(shop.path, ...args, '.'), { code: 0, ...silent });
    assert.deepEqual(archive(shop.path, ...args, '.'), {
      code: 1,
      stdout: '',
      stderr:
        'ERROR - ./m.mar already exists.\nPlease specify --force/-f option to overwrite the model archive output file.\nSee -h/--help for more details.\n',
    });
    assert.deepEqual(archive(shop.path, ...args, '.', '-f'), {
      code: 0,
      stdout: '',
      stderr: 'WARNING - Overwriting ./m.mar ...\n',
    });
  });

  test('ends with 2 and its usage after wrong arguments', async () => {
    await using shop = new Workshop();
    const { code, stdout, stderr } = archive(shop.path, '--model-name', 'm', '--runtime', 'ruby');
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(
      stderr,
      /^usage: torch-model-archiver \[-h\] --model-name MODEL_NAME\n[\s\S]*\ntorch-model-archiver: error: argument --runtime: invalid choice: 'ruby' \(choose from 'python', 'python3', 'LSP'\)\n$/,
    );
  });

  test('ends with 1 and one message when it cannot write', async () => {
    await using shop = new Workshop();
    const args = ['--model-name', 'm', '-v', '1', '--handler', 'none'];
    assert.deepEqual(archive(shop.path, ...args), {
      code: 1,
      stdout: '',
      stderr: 'ERROR - The handler none.py does not exist.\n',
    });
    assert.deepEqual(filesBelow(shop.path), new Map());
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`leaves nothing behind after ${signal}, and an older archive as it was`, async () => {
      await using shop = new Workshop();
      const older = shop.file('out/m.mar', 'older');
      // A hole, which takes seconds to compress.
      truncateSync(shop.file('large.pt', ''), 2 ** 31);
      const watcher = watch(join(shop.path, 'out'));
      const begun = once(watcher, 'change');
      const child = spawn(
        process.execPath,
        [
          ...[archiver, '--model-name', 'm', '-v', '1', '--handler', 'base_handler', '--force'],
          ...['--serialized-file', 'large.pt', '--export-path', 'out'],
        ],
        { cwd: shop.path, stdio: 'ignore' },
      );
      const ended = once(child, 'exit');
      await begun;
      watcher.close();
      child.kill(signal);
      assert.deepEqual(await ended, [null, signal]);
      assert.deepEqual(filesBelow(join(shop.path, 'out')), new Map([['m.mar', 'older']]));
      assert.ok(older);
    });
  }
});

suite('torch-model-archiver does as the original', {
  skip: withoutModule('model_archiver'),
  concurrency: true,
}, () => {
  /** The original in a folder; it gathers files below TMPDIR. */
  function original(shop: Workshop, cwd: string, ...args: string[]): Ended {
    const script = 'from model_archiver.model_packaging import *; generate_model_archive()';
    return run(python, ['-c', script, ...args], cwd, { TMPDIR: shop.folder('tmp') });
  }

  /** Folders with the same files, one for each archiver. */
  function twins(shop: Workshop): [string, string] {
    for (const twin of ['theirs', 'ours']) {
      shop.file(`${twin}/linear.pt`, 'weights');
      shop.file(`${twin}/code/model.py`, 'class Model: pass');
      shop.file(`${twin}/code/my_handler.py`, 'def handle(data, context): return data');
      shop.file(`${twin}/data/empty`, '');
      shop.file(`${twin}/data/ünï.txt`, 'é');
      shop.file(`${twin}/data/.hidden`, 'stays');
      shop.file(`${twin}/data/sub/deeper/file`, 'd'.repeat(100_000));
      shop.file(`${twin}/data/.git/config`, 'left out');
      shop.file(`${twin}/data/sub/__pycache__/x.pyc`, 'left out');
      shop.file(`${twin}/data/sub/__MACOSX/x`, 'left out');
      shop.file(`${twin}/a 1.json`, '{}');
      shop.file(`${twin}/b2.json`, '[]');
      shop.file(`${twin}/more/ünï.txt`, 'the last one stays');
      shop.file(`${twin}/conf/requirements.txt`, 'numpy');
      shop.file(`${twin}/conf/my-config.yaml`, 'batchSize: 3');
    }
    return [join(shop.path, 'theirs'), join(shop.path, 'ours')];
  }

  const common = ['--model-name', 'alpha', '--version', '2.0'];
  const everything = [
    ...[...common, '--serialized-file', 'linear.pt', '--model-file', 'code/model.py'],
    ...['--handler', 'code/my_handler.py', '--extra-files', 'data,[a-c]*.json, more/*,no*'],
    ...['-r', 'conf/requirements.txt', '-c', 'conf/my-config.yaml'],
  ];
  for (const [what, args] of [
    ['everything', everything],
    ['everything, stored', [...everything, '--archive-format', 'zip-store']],
    ['everything in a tar', [...everything, '--archive-format', 'tgz']],
    ['everything in a folder', [...everything, '--archive-format', 'no-archive']],
    ['a named handler', [...common, '--handler', 'image_classifier', '--runtime', 'python3']],
    ['a handler with a function', [...common, '--handler', 'code/my_handler:handle']],
    ['a native handler', [...common, '--handler', 'TorchScriptHandler', '--runtime', 'LSP']],
    ['another folder', [...common, '--handler', 'base_handler', '--export-path', 'more/']],
    ['empty options', [...common, '--handler', 'base_handler', '--extra-files', ',', '-r', '']],
  ] as const) {
    test(`with ${what}: the same members and the same manifest`, async () => {
      await using shop = new Workshop();
      const [theirs, ours] = twins(shop);
      const said = archive(ours, ...args);
      // The original replaces the first of two files of one name in silence.
      const stderr = said.stderr.replace(/^WARNING - .* has the same name in the archive\.\n/m, '');
      assert.deepEqual({ ...said, stderr }, original(shop, theirs, ...args));
      const [expected, found] = [await written(theirs), await written(ours)];
      assert.deepEqual(found, expected);
      assert.ok(expected.length > 0);
    });
  }

  for (const args of [
    ['--help'],
    ['-fh'],
    [],
    ['--model', 'x'],
    ['--model-name', 'a', '--handler'],
    [...common, '--handler', 'h', 'more', '--unknown', '3'],
    [...common, '--handler', 'h', '--archive-format', 'zip'],
    [...common, '--handler', 'h', '--force=yes'],
  ]) {
    test(`with ${JSON.stringify(args)}: the same words and the same exit code`, async () => {
      await using shop = new Workshop();
      assert.deepEqual(archive(shop.path, ...args), original(shop, shop.path, ...args));
    });
  }

  test('with what it refuses: the same exit code, and the message before its traceback', async () => {
    await using shop = new Workshop();
    const named = ['-v', '1', '--handler', 'base_handler', '--model-name'];
    shop.file('there.mar', '');
    for (const args of [
      [...named, 'a b'],
      [...named, 'a', '--export-path', 'none'],
      [...named, 'there'],
    ]) {
      const theirs = original(shop, shop.path, ...args);
      const ours = archive(shop.path, ...args);
      assert.equal(ours.code, theirs.code);
      assert.equal(ours.stderr, theirs.stderr.replace(/^Traceback[\s\S]*/m, ''));
    }
  });
});

/** What an archiver wrote to a folder: the members of archives, and the files of folders. */
async function written(folder: string): Promise<[string, string][]> {
  const archives: [string, string][] = [];
  for (const [path, text] of filesBelow(folder)) {
    if (!/^alpha\/|\.mar$|\.tar\.gz$/.test(path)) continue;
    const members = path.startsWith('alpha/')
      ? [['', text] as const]
      : await contentOf(join(folder, path));
    for (const [name, content] of members) archives.push([`${path}:${name}`, undated(content)]);
  }
  return archives.sort();
}

function undated(text: string): string {
  return text.replace(/"createdOn": "\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d"/, '"createdOn": ""');
}

suite('sconce archive', () => {
  test('archives a TorchScript file for the tensor handler', async () => {
    await using shop = new Workshop();
    const serialized = ['--serialized-file', fixture('linear')];
    const args = ['archive', '--model-name', 'm', '--version', '1.5', ...serialized];
    assert.deepEqual(sconce(shop.path, ...args, '--export-path', '.'), {
      code: 0,
      stdout: 'Wrote ./m.mar\n',
      stderr: '',
    });
    const manifest = (await contentOf(join(shop.path, 'm.mar'))).get('MAR-INF/MANIFEST.json') ?? '';
    assert.deepEqual(JSON.parse(undated(manifest)), {
      createdOn: '',
      runtime: 'python',
      model: {
        modelName: 'm',
        serializedFile: 'linear.pt',
        handler: 'tensor',
        modelVersion: '1.5',
      },
      archiverVersion: '0.12.0',
    });
  });

  test('writes an archive with a Python handler, and says what that means', async () => {
    await using shop = new Workshop();
    shop.file('my_handler.py', '');
    const args = ['archive', '--model-name', 'm', '-v', '1', '--handler', 'my_handler'];
    const { code, stdout, stderr } = sconce(shop.path, ...args);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `Wrote ${shop.path}/m.mar\n` });
    assert.equal(
      stderr,
      "Warning: my_handler.py is Python: Sconce runs the model in TorchServe's worker processes, and its setting python names an interpreter that has torchserve and torch.\n",
    );
  });

  test('warns of a file that is not TorchScript', async () => {
    await using shop = new Workshop();
    shop.file('weights.pt', 'a state dictionary');
    const args = ['archive', '--model-name', 'm', '-v', '1', '--serialized-file', 'weights.pt'];
    assert.deepEqual(sconce(shop.path, ...args), {
      code: 0,
      stdout: `Wrote ${shop.path}/m.mar\n`,
      stderr:
        'Warning: weights.pt does not look like a TorchScript file, which the handler tensor runs: write it with torch.jit.save.\n',
    });
  });

  test('warns of a model in Python', async () => {
    await using shop = new Workshop();
    shop.file('model.py', '');
    const args = ['archive', '--model-name', 'm', '-v', '1', '--handler', 'base_handler'];
    assert.deepEqual(sconce(shop.path, ...args, '--model-file', 'model.py'), {
      code: 0,
      stdout: `Wrote ${shop.path}/m.mar\n`,
      stderr:
        "Warning: model.py is Python: Sconce runs the model in TorchServe's worker processes, and its setting python names an interpreter that has torchserve and torch.\n",
    });
  });

  for (const [what, args, stderr] of [
    [
      'without a name',
      ['-v', '1'],
      "error: required option '--model-name <MODEL_NAME>' not specified\n",
    ],
    [
      'without a version',
      ['--model-name', 'm'],
      "error: required option '-v, --version <VERSION>' not specified\n",
    ],
    [
      'of another runtime',
      ['--runtime', 'ruby'],
      "error: option '--runtime <RUNTIME>' argument 'ruby' is invalid. Allowed choices are python, python3, LSP.\n",
    ],
    [
      'with words that belong to no flag',
      ['--model-name', 'm', '-v', '1', 'x'],
      "error: too many arguments for 'archive'. Expected 0 arguments but got 1.\n",
    ],
    [
      'without a file to run',
      ['--model-name', 'm', '-v', '1'],
      'The handler tensor runs a TorchScript file: name it with --serialized-file.\n',
    ],
    [
      'of a file that is not there',
      ['--model-name', 'm', '-v', '1', '--serialized-file', 'none.pt'],
      'The serialized file none.pt does not exist.\n',
    ],
  ] as const) {
    test(`${what} is refused with one message`, async () => {
      await using shop = new Workshop();
      const done = sconce(shop.path, 'archive', ...args);
      assert.deepEqual(done, { code: 1, stdout: '', stderr });
      assert.deepEqual(filesBelow(shop.path), new Map());
    });
  }

  test('leaves the other commands and the version of the program as they are', async () => {
    await using shop = new Workshop();
    assert.deepEqual(sconce(shop.path, '--version').stdout, '9.9.9\n');
    assert.deepEqual(sconce(shop.path, '--batch-size', '7').stdout, 'serve 7\n');
    assert.deepEqual(sconce(shop.path, 'serve', '--batch-size', '7').stdout, 'serve 7\n');
  });

  test('shows every flag of torch-model-archiver', async () => {
    await using shop = new Workshop();
    const { stdout } = sconce(shop.path, 'archive', '--help');
    const shown = [...stdout.matchAll(/^ {2}(-.*?)(?: {2}|$)/gm)].map(([, flag]) => flag);
    assert.deepEqual(shown, [
      ...['--model-name <MODEL_NAME>', '--serialized-file <SERIALIZED_FILE>'],
      ...['--model-file <MODEL_FILE>', '--handler <HANDLER>', '--extra-files <EXTRA_FILES>'],
      ...['--runtime <RUNTIME>', '--export-path <EXPORT_PATH>'],
      ...['--archive-format <ARCHIVE_FORMAT>', '-f, --force', '-v, --version <VERSION>'],
      ...['-r, --requirements-file <REQUIREMENTS_FILE>', '-c, --config-file <CONFIG_FILE>'],
      '-h, --help',
    ]);
  });
});
