import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import { firstDamagedEntry } from '../../src/archive/checksums.js';
import { type TarMember, tarHeader, tarOf, tgzOf, type ZipMember, zipOf } from './archives.js';
import { Workspace } from './workspace.js';

const space = new Workspace();

const outside = "would be written outside the archive's folder";

const unsafeNames: [name: string, problem: string][] = [
  ['../escaped', outside],
  ['../../../../../../../../../../tmp/escaped', outside],
  ['a/../../escaped', outside],
  ['a/..', outside],
  ['..', outside],
  ['./../escaped', outside],
  ['/tmp/escaped', outside],
  ['//tmp/escaped', outside],
  ['C:/escaped', outside],
  ['c:escaped', outside],
  ['C:\\escaped', outside],
  ['\\escaped', outside],
  ['..\\escaped', outside],
  ['a\\..\\..\\escaped', outside],
  ['a\\b', 'has a backslash in its name'],
  ['a//b', 'has an empty part in its name'],
  ['a/./b', 'has an empty part in its name'],
  ['a\nb', 'has a control character in its name'],
  ['a\u001b[31mb', 'has a control character in its name'],
  ['a\u0085b', 'has a control character in its name'],
  ['x'.repeat(256), 'has too long a name'],
  [`${'x'.repeat(254)}é`, 'has too long a name'],
  [`${'x'.repeat(200)}/`.repeat(5).slice(0, -1), 'has too long a name'],
  ['x/'.repeat(65).slice(0, -1), 'has too long a name'],
];

/** As a message shows a name. */
function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

for (const [name, problem] of unsafeNames) {
  test(`refuses an entry named ${shown(name)}`, async () => {
    const message = `the entry ${shown(name)} ${problem}`;
    const members = [
      { name: 'model.pt', data: 'm' },
      { name, data: 'evil' },
    ];
    await space.assertRefused('a.mar', zipOf(members), message);
    await space.assertRefused('a.mar', await tgzOf(members), message);
  });
}

test('refuses a folder outside', async () => {
  const message = `the entry "../escaped/" ${outside}`;
  await space.assertRefused('a.mar', zipOf([{ name: '../escaped/' }]), message);
  const members = [{ name: '../escaped/', type: 'directory' as const }];
  await space.assertRefused('a.mar', await tgzOf(members), message);
});

test('refuses names with NUL and names that are not UTF-8', async () => {
  const nul = zipOf([{ name: 'model.pt\0.txt' }]);
  const message = 'the entry "model.pt\\u0000.txt" has a control character in its name';
  await space.assertRefused('a.mar', nul, message);
  const broken = zipOf([{ name: Buffer.from([0x61, 0xff, 0xfe]) }]);
  await space.assertRefused('a.mar', broken, 'the entry "a��" has a name that is not UTF-8');
});

test('refuses an entry without a name', async () => {
  const message = 'the entry "" has an empty part in its name';
  await space.assertRefused('a.mar', zipOf([{ name: '' }]), message);
});

const clashes: [what: string, names: string[], message: string][] = [
  ['a name twice', ['a', 'a'], 'the entry "a" is there twice'],
  ['a name twice, once with ./', ['a', './a'], 'the entry "./a" is there twice'],
  [
    'names in two cases',
    ['Model.pt', 'model.PT'],
    'the entry "model.PT" is the same as "Model.pt" where letter case does not count',
  ],
  [
    'folders in two cases',
    ['A/x', 'a/y'],
    'the entry "a/y" is the same as "A" where letter case does not count',
  ],
  [
    'one name in two Unicode forms',
    ['é', 'e\u0301'],
    'the entry "e\u0301" is the same as "é" where letter case does not count',
  ],
  [
    'a file that is a folder',
    ['a', 'a/b'],
    'the entry "a/b" is a file, and a folder of another entry',
  ],
  [
    'a folder that is a file',
    ['a/b', 'a'],
    'the entry "a" is a file, and a folder of another entry',
  ],
];

for (const [what, names, message] of clashes) {
  test(`refuses ${what}`, async () => {
    const members = names.map((name) => ({ name, data: 'x' }));
    await space.assertRefused('a.mar', zipOf(members), message);
    await space.assertRefused('a.mar', await tgzOf(members), message);
  });
}

for (const [what, mode] of [
  ['a symbolic link', 0o120777],
  ['a device', 0o020666],
  ['a device', 0o060666],
  ['a pipe', 0o010666],
  ['a socket', 0o140666],
] as const) {
  test(`refuses a zip entry of mode ${mode.toString(8)}, which is ${what}`, async () => {
    const content = zipOf([{ name: 'link', data: '/etc/passwd', mode }]);
    await space.assertRefused('a.mar', content, `the entry "link" is ${what}`);
  });
}

for (const [type, what] of [
  ['symlink', 'is a symbolic link'],
  ['link', 'is a hard link'],
  ['character-device', 'is a device'],
  ['block-device', 'is a device'],
  ['fifo', 'is a pipe'],
] as const) {
  test(`refuses a tar entry of type ${type}`, async () => {
    const members: TarMember[] = [
      { name: 'a', data: 'x' },
      { name: 'link', type, linkname: '/etc/passwd' },
      { name: 'link/escaped', data: 'x' },
    ];
    await space.assertRefused('a.tgz', await tgzOf(members), `the entry "link" ${what}`);
  });
}

test('refuses tar entries of unknown types and sparse files', async () => {
  const end = Buffer.alloc(1024);
  const unknown = Buffer.concat([tarHeader('a', 'S', 0), end]);
  await space.assertRefused(
    'a.tgz',
    gzipSync(unknown),
    'the entry "a" is of a kind that is not supported',
  );
  const record = '22 GNU.sparse.major=1\n';
  const data = Buffer.alloc(512);
  data.write(record);
  const sparse = Buffer.concat([
    tarHeader('x', 'x', record.length),
    data,
    tarHeader('a', '0', 0),
    end,
  ]);
  await space.assertRefused('a.tgz', sparse, 'the entry "a" is stored as a sparse file');
});

test('refuses encrypted entries', async () => {
  const content = zipOf([{ name: 'a', data: 'x', flags: 0x801 }]);
  await space.assertRefused('a.mar', content, 'the entry "a" is encrypted');
});

test('refuses compression that it does not know', async () => {
  const content = zipOf([{ name: 'a', data: 'x', method: 12 }]);
  const message = 'the entry "a" is compressed by method 12; store or deflate it';
  await space.assertRefused('a.mar', content, message);
});

test('refuses a folder that holds bytes', async () => {
  const content = zipOf([{ name: 'a/', data: 'x' }]);
  await space.assertRefused('a.mar', content, 'the entry "a/" is a folder that holds bytes');
});

test('refuses bytes without their checksum', async () => {
  const good = { name: 'good', data: 'x' };
  for (const method of [0, 8]) {
    const content = zipOf([
      good,
      { name: 'a', data: 'weights', method, checksum: crc32('Weights') },
    ]);
    await space.assertRefused('a.mar', content, 'the entry "a" does not have its checksum');
  }
});

test('refuses sizes that are not so', async () => {
  const data = 'x'.repeat(1000);
  const short = zipOf([{ name: 'a', data, size: 10 }]);
  await space.assertRefused(
    'a.mar',
    short,
    'the entry "a" holds 1000 bytes where the archive says 10',
  );
  const long = zipOf([{ name: 'a', data, size: 5000 }]);
  await space.assertRefused(
    'a.mar',
    long,
    'the entry "a" holds 1000 bytes where the archive says 5000',
  );
  const stored = zipOf([{ name: 'a', data, method: 0, packedSize: 10 }]);
  await space.assertRefused(
    'a.mar',
    stored,
    'the entry "a" holds 10 bytes where the archive says 1000',
  );
});

test('refuses data that cannot be inflated', async () => {
  const content = zipOf([{ name: 'a', data: 'weights '.repeat(40) }]);
  content[31] = 0xff;
  await space.assertRefused('a.mar', content, 'the entry "a" is damaged: invalid block type');
  const cut = zipOf([{ name: 'a', data: 'weights '.repeat(40), packedSize: 4 }]);
  await space.assertRefused('a.mar', cut, 'the entry "a" is damaged: unexpected end of file');
});

test('refuses too many entries', async () => {
  const members = Array.from({ length: 11 }, (_, i) => ({ name: `f${i}`, data: '' }));
  const limits = { entries: 10 };
  await space.assertRefused('a.mar', zipOf(members), 'has more than 10 entries', limits);
  // A directory that claims to be short is read no further than it claims.
  await space.assertRefused('a.tgz', await tgzOf(members), 'has more than 10 entries', limits);
  const claimed = zipOf(members, { count: 4_000_000_000, zip64: true });
  await space.assertRefused('a.mar', claimed, 'has more than 100000 entries');
});

test('counts the folders that names imply', async () => {
  const members = [{ name: 'a/b/c/d/e', data: '' }];
  const limits = { entries: 4 };
  await space.assertRefused('a.mar', zipOf(members), 'has more than 4 entries', limits);
  await space.assertRefused('a.tgz', await tgzOf(members), 'has more than 4 entries', limits);
});

test('refuses too many bytes, before it writes them', async () => {
  const members = [
    { name: 'a', data: 'x'.repeat(600) },
    { name: 'b', data: 'x'.repeat(401) },
  ];
  const message = 'the entry "b" makes it unpack to more than 1000 bytes';
  const limits = { bytes: 1000 };
  await space.assertRefused('a.mar', zipOf(members), message, limits);
  await space.assertRefused('a.tgz', await tgzOf(members), message, limits);
  const fits = await space.open(space.write('a.mar', zipOf(members)), { bytes: 1001 });
  await fits.dispose();
});

test('refuses too many bytes where the archive declares few', async () => {
  const content = zipOf([{ name: 'a', data: 'x'.repeat(2000), size: 1 }]);
  const message = 'the entry "a" makes it unpack to more than 1000 bytes';
  await space.assertRefused('a.mar', content, message, { bytes: 1000 });
});

const zeros = Buffer.alloc(17 * 2 ** 20);

test('refuses a zip that unpacks to too many times its size', async () => {
  const message = 'the entry "a" makes it unpack to more than 100 times its size';
  await space.assertRefused('a.mar', zipOf([{ name: 'a', data: zeros }]), message);
  await space.assertRefused('a.mar', zipOf([{ name: 'a', data: zeros, size: 1 }]), message);
});

test('refuses entries that share their bytes to unpack to many times the archive', async () => {
  const data = Buffer.alloc(2 ** 20);
  const first = { name: 'f', data };
  const others = Array.from({ length: 40 }, (_, i) => ({ name: `f${i}`, data, offset: 0 }));
  const message = 'the entry "f15" makes it unpack to more than 100 times its size';
  await space.assertRefused('a.mar', sharing(first, others), message);
});

/** A zip whose entries all point to the bytes of the first. */
function sharing(first: ZipMember, others: ZipMember[]): Buffer {
  const whole = zipOf([first, ...others]);
  const alone = zipOf([first]);
  const firstEnd = alone.readUInt32LE(alone.length - 6);
  const directory = whole.readUInt32LE(whole.length - 6);
  const content = Buffer.concat([whole.subarray(0, firstEnd), whole.subarray(directory)]);
  content.writeUInt32LE(firstEnd, content.length - 6);
  return content;
}

test('refuses a tar that unpacks to too many times its size', async () => {
  const large = await tgzOf([{ name: 'a', data: zeros }]);
  await space.assertRefused(
    'a.tgz',
    large,
    'the entry "a" makes it unpack to more than 100 times its size',
  );
  // Nothing but the blocks of zeros that end an archive.
  await space.assertRefused(
    'a.tgz',
    gzipSync(Buffer.concat([await tarOf([{ name: 'a' }]), zeros])),
    'has too long a header',
  );
});

test('weights of zeros unpack when they are small', async () => {
  const data = Buffer.alloc(15 * 2 ** 20);
  await space.open(space.write('a.mar', zipOf([{ name: 'a', data }])));
});

for (const type of ['x', 'g', 'L', 'K']) {
  test(`refuses a tar header of type ${type} that is long enough to hold up the server`, async () => {
    const size = 3 * 2 ** 20;
    const header = tarHeader('x', type, size);
    const content = gzipSync(
      Buffer.concat([header, Buffer.alloc(size, '8 a=bcd\n'), Buffer.alloc(1024)]),
    );
    await space.assertRefused('a.tgz', content, 'has too long a header');
  });
}

test('refuses a folder in a tar that hides a long header', async () => {
  const size = 3 * 2 ** 20;
  const content = Buffer.concat([
    tarHeader('a/', '5', 8 ** 10),
    tarHeader('x', 'x', size),
    Buffer.alloc(size, '8 a=bcd\n'),
  ]);
  await space.assertRefused('a.tgz', gzipSync(content), 'has too long a header');
});

test('refuses too many records in the extended header of a tar', async () => {
  const records = Array.from({ length: 65 }, (_, i) => `7 a${10 + i}=\n`).join('');
  const data = Buffer.alloc(1024);
  data.write(records);
  const content = Buffer.concat([
    tarHeader('x', 'x', records.length),
    data,
    tarHeader('a', '0', 0),
    Buffer.alloc(1024),
  ]);
  await space.assertRefused('a.tgz', gzipSync(content), 'the entry "a" has too long a header');
});

test('refuses truncated archives', async () => {
  const zip = zipOf([{ name: 'a', data: 'x' }]);
  await space.assertRefused(
    'a.mar',
    zip.subarray(0, -30),
    'End of central directory record signature not found. Either not a zip file, or file is truncated.',
  );
  const tgz = await tgzOf([{ name: 'a', data: 'x'.repeat(5000) }]);
  await space.assertRefused(
    'a.tgz',
    tgz.subarray(0, -20),
    'the entry "a" is damaged: unexpected end of file',
  );
  await space.assertRefused('a.tgz', tgz.subarray(0, -4), 'unexpected end of file');
  const tar = await tarOf([{ name: 'a', data: 'x'.repeat(5000) }]);
  await space.assertRefused(
    'a.tgz',
    gzipSync(tar.subarray(0, 1500)),
    'the entry "a" is damaged: Unexpected end of data',
  );
});

test('refuses a gzip whose bytes do not have their checksum', async () => {
  const tgz = await tgzOf([{ name: 'a', data: 'x' }]);
  tgz[tgz.length - 8] = (tgz[tgz.length - 8] ?? 0) ^ 1;
  await space.assertRefused('a.tgz', tgz, 'incorrect data check');
});

test('refuses what is no archive', async () => {
  await space.assertRefused('a.mar', Buffer.alloc(0), 'is empty');
  const message = 'is neither a zip archive (.mar) nor a tar.gz archive';
  await space.assertRefused('a.mar', Buffer.from('x'), message);
  await space.assertRefused('a.mar', Buffer.from('<html>404</html>'), message);
  await space.assertRefused('a.mar', Buffer.alloc(1000), message);
  const gzip = gzipSync(Buffer.alloc(4000, 'text '));
  await space.assertRefused(
    'a.tgz',
    gzip,
    'Invalid tar header. Maybe the tar is corrupted or it needs to be gunzipped?',
  );
});

for (const position of [2n ** 53n, 2n ** 63n, 2n ** 64n - 16n]) {
  test(`survives a zip that says to read at ${position}`, async () => {
    const zip = zipOf([{ name: 'a' }], { zip64: position });
    await space.assertRefused('a.mar', zip, 'a position lies beyond the file');
    const path = space.path('a.pt');
    writeFileSync(path, zip);
    assert.equal(await firstDamagedEntry(path), undefined);
  });
}

test('refuses an entry that lies beyond the file', async () => {
  const far = zipOf([{ name: 'a', offset: 1e15, zip64: true }]);
  await space.assertRefused('a.mar', far, 'the entry "a" is damaged: the file ends too early');
  const large = zipOf([{ name: 'a', data: 'x', packedSize: 5000, size: 5000 }]);
  await space.assertRefused(
    'a.mar',
    large,
    'the entry "a" is damaged: file data overflows file bounds: 31 + 5000 > 103',
  );
});
