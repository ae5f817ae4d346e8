import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import {
  type KeySet,
  keyFileText,
  readKeyFile,
  removeIfUnchanged,
  writePrivateFile,
} from '../../src/security/key-file.js';
import { TemporaryFolder } from './folder.js';

const keys: KeySet = {
  management: { key: 'B-E5KSRM', expires: new Date('2024-02-16T05:14:24.160Z') },
  inference: { key: 'gNRuA7dS', expires: new Date('2024-02-16T05:14:24Z') },
  api: { key: 'yv9uQajP', expires: undefined },
};

const text = `{
  "management": {
    "key": "B-E5KSRM",
    "expiration time": "2024-02-16T05:14:24.160000Z"
  },
  "inference": {
    "key": "gNRuA7dS",
    "expiration time": "2024-02-16T05:14:24.000000Z"
  },
  "API": {
    "key": "yv9uQajP"
  }
}`;

suite('a key file', () => {
  test('has the text of TorchServe', () => {
    assert.equal(keyFileText(keys), text);
  });

  test('has no expiration time for a key that never expires', () => {
    const endless = { key: 'B-E5KSRM', expires: undefined };
    assert.deepEqual(JSON.parse(keyFileText({ ...keys, management: endless })).management, {
      key: 'B-E5KSRM',
    });
  });

  test('is read as it was written, whatever the keys and times', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    const key = fc.record(
      {
        key: fc.string({
          unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
          minLength: 1,
        }),
        expires: fc.option(
          fc.date({
            min: new Date('0000-01-01T00:00:00Z'),
            max: new Date('9999-12-31T23:59:59.999Z'),
            noInvalidDate: true,
          }),
          { nil: undefined },
        ),
      },
      { noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(key, key, key, async (management, inference, api) => {
        writeFileSync(path, keyFileText({ management, inference, api }));
        assert.deepEqual(await readKeyFile(path), { management, inference, api });
      }),
      { numRuns: 100 },
    );
  });

  for (const time of ['24.160Z', '24.160988Z', '24.160988171Z']) {
    test(`of TorchServe is read, with however many digits: ${time}`, async () => {
      using folder = new TemporaryFolder();
      const path = folder.file('key_file.json');
      writeFileSync(path, text.replace('24.160000Z', time));
      assert.deepEqual(await readKeyFile(path), keys);
    });
  }

  const wrong: [string, string][] = [
    ['nothing', ''],
    ['no JSON', 'key'],
    ['a list', '[]'],
    ['no member', '{}'],
    ['no API key', text.replace('"API"', '"api"')],
    ['an empty key', text.replace('B-E5KSRM', '')],
    ['a key with a space', text.replace('B-E5KSRM', 'B-E5 SRM')],
    ['a key that would steer a terminal', text.replace('B-E5KSRM', '\\u001b[2J')],
    ['a number for a key', text.replace('"B-E5KSRM"', '7')],
    ['a time that is none', text.replace('2024-02-16T05:14:24.160000Z', 'soon')],
  ];
  for (const [what, content] of wrong) {
    test(`is refused with ${what}`, async () => {
      using folder = new TemporaryFolder();
      const path = folder.file('key_file.json');
      writeFileSync(path, content);
      await assert.rejects(readKeyFile(path), {
        code: 'INVALID_CONFIGURATION',
        message: `${path} is no key file: it must be JSON with a key for "management", "inference" and "API"`,
      });
    });
  }

  test('that is not there is named', async () => {
    await assert.rejects(readKeyFile('/no/such/key_file.json'), {
      code: 'INVALID_CONFIGURATION',
      message: /^the key file \/no\/such\/key_file\.json cannot be read: ENOENT/,
    });
  });
});

suite('writePrivateFile()', () => {
  let umask: number;
  before(() => {
    umask = process.umask(0);
  });
  after(() => process.umask(umask));

  test('leaves a file that only its owner may read and write', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    await writePrivateFile(path, text);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder.path), ['key_file.json']);
  });

  test('shows nobody else anything at any moment, and never half a file', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    await writePrivateFile(path, text);
    let over = false;
    const writing = (async () => {
      for (let i = 0; i < 100; i += 1) await writePrivateFile(path, text);
      over = true;
    })();
    while (!over) {
      for (const name of readdirSync(folder.path)) {
        const found = statSync(folder.file(name), { throwIfNoEntry: false });
        if (found !== undefined) assert.equal(found.mode & 0o777, 0o600, name);
      }
      assert.equal(readFileSync(path, 'utf8'), text);
      await nextTurn();
    }
    await writing;
  });

  test('replaces a file that others may read by one that they may not', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    writeFileSync(path, 'old');
    chmodSync(path, 0o666);
    await writePrivateFile(path, text);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  for (const target of ['precious', 'missing']) {
    test(`replaces a link, and leaves what it leads to: ${target}`, async () => {
      using folder = new TemporaryFolder();
      writeFileSync(folder.file('precious'), 'precious');
      symlinkSync(folder.file(target), folder.file('key_file.json'));
      await writePrivateFile(folder.file('key_file.json'), text);
      assert.ok(lstatSync(folder.file('key_file.json')).isFile());
      assert.equal(readFileSync(folder.file('precious'), 'utf8'), 'precious');
      assert.deepEqual(readdirSync(folder.path).sort(), ['key_file.json', 'precious']);
    });
  }

  test('leaves nothing behind where it fails', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.file('key_file.json'));
    await assert.rejects(writePrivateFile(folder.file('key_file.json'), text));
    assert.deepEqual(readdirSync(folder.path), ['key_file.json']);
  });
});

suite('removeIfUnchanged()', () => {
  test('removes the file that it wrote', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    await writePrivateFile(path, text);
    await removeIfUnchanged(path, text);
    assert.ok(!existsSync(path));
    await removeIfUnchanged(path, text);
  });

  test('leaves what somebody else wrote', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('key_file.json');
    writeFileSync(path, `${text} `);
    await removeIfUnchanged(path, text);
    assert.ok(existsSync(path));
  });

  test('leaves a link, even to the same text', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('other'), text);
    symlinkSync(folder.file('other'), folder.file('key_file.json'));
    await removeIfUnchanged(folder.file('key_file.json'), text);
    assert.deepEqual(readdirSync(folder.path).sort(), ['key_file.json', 'other']);
  });

  test('does not wait for a named pipe', async () => {
    using folder = new TemporaryFolder();
    execFileSync('mkfifo', [folder.file('key_file.json')]);
    await removeIfUnchanged(folder.file('key_file.json'), text);
    assert.ok(existsSync(folder.file('key_file.json')));
  });
});
