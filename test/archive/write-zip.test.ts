import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { crc32, inflateRawSync } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import type { ArchiveMember } from '../../src/archive/write-member.js';
import { writeZip } from '../../src/archive/write-zip.js';
import {
  centralRecord,
  endRecords,
  localHeader,
  type ZipEntry,
} from '../../src/archive/write-zip-records.js';
import { python, withoutModule } from './write-python.js';
import { contentOf, Workshop } from './write-workshop.js';

const created = new Date(2020, 6, 28, 6, 32, 8);
const manifest = { text: '{}', created };

function member(name: string, path: string, size: number): ArchiveMember {
  return { name, path, size, mode: 0o100644, modified: created };
}

/**
 * The members as TorchServe reads them: from the beginning, each by the header before it, which
 * must say how long it is.
 */
function streamed(zip: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  while (zip.readUInt32LE(at) === 0x04034b50) {
    assert.equal(zip.readUInt16LE(at + 6) & 8, 0, 'the size is behind the member');
    const [nameLength, extraLength] = [zip.readUInt16LE(at + 26), zip.readUInt16LE(at + 28)];
    const start = at + 30 + nameLength + extraLength;
    const stored = zip.subarray(start, start + zip.readUInt32LE(at + 18));
    const content = zip.readUInt16LE(at + 8) === 8 ? inflateRawSync(stored) : stored;
    assert.equal(content.length, zip.readUInt32LE(at + 22));
    assert.equal(crc32(content), zip.readUInt32LE(at + 14));
    found.set(zip.toString('utf8', at + 30, at + 30 + nameLength), content.toString('latin1'));
    at = start + stored.length;
  }
  assert.equal(zip.readUInt32LE(at), 0x02014b50, 'the directory follows the members');
  return found;
}

suite('a zip archive', () => {
  for (const deflate of [true, false]) {
    test(`${deflate ? 'compressed' : 'stored'} can be read from its beginning`, async () => {
      await using shop = new Workshop();
      const content = Buffer.alloc(600_000, 'some weights, ');
      const members = [
        member('ünï', shop.file('a', 'é'), 2),
        member('empty', shop.file('b', ''), 0),
        member('deep/large', shop.file('c', content), content.length),
      ];
      const path = join(shop.path, 'x.mar');
      await writeZip(path, members, manifest, { deflate, signal: undefined });
      const zip = readFileSync(path);
      assert.deepEqual(streamed(zip), await contentOf(path));
      assert.deepEqual([...streamed(zip).keys()], ['ünï', 'empty', 'deep/large', manifestPath]);
      assert.equal(zip.length < content.length, deflate);
    });
  }

  test('is not written over a file', async () => {
    await using shop = new Workshop();
    const path = shop.file('x.mar', 'there');
    const options = { deflate: true, signal: undefined };
    await assert.rejects(writeZip(path, [], manifest, options), { code: 'EEXIST' });
    assert.equal(readFileSync(path, 'utf8'), 'there');
  });

  test('may have more members than 16 bits count', async () => {
    const count = 65_600;
    const record = centralRecord(entry({ size: 0, compressedSize: 0, offset: 0, large: false }));
    const directory = Buffer.concat(Array.from({ length: count }, () => record));
    const end = endRecords(count, 0, directory.length);
    const zip = await fromBufferPromise(Buffer.concat([directory, end]));
    let read = 0;
    for await (const _ of zip.eachEntry()) read++;
    assert.equal(read, count);
  });

  test('of more than 4 GiB has 64-bit sizes and offsets', async () => {
    const [size, compressedSize, offset] = [5e9, 4.9e9, 2 ** 33];
    const deflated = true;
    const large = { size, compressedSize, offset, large: true };
    const near = { size: 3, compressedSize: 2, offset: 7, large: false };
    for (const numbers of [large, near, { ...near, offset }, { ...large, offset: 7 }]) {
      const record = centralRecord({ ...entry(numbers), deflated });
      const zip = await fromBufferPromise(Buffer.concat([record, endRecords(1, 0, record.length)]));
      for await (const read of zip.eachEntry()) {
        assert.deepEqual(
          [read.uncompressedSize, read.compressedSize, read.relativeOffsetOfLocalHeader],
          [numbers.size, numbers.compressedSize, numbers.offset],
        );
      }
    }
    const header = localHeader(entry(large));
    assert.deepEqual([header.readUInt32LE(18), header.readUInt32LE(22)], [0xffffffff, 0xffffffff]);
    // The extra field: its kind, its length, both sizes.
    assert.equal(header.readUInt16LE(31), 1);
    assert.equal(header.readUInt16LE(33), 16);
    assert.equal(header.readBigUInt64LE(35), BigInt(size));
    assert.equal(header.readBigUInt64LE(43), BigInt(compressedSize));
  });

  test('whose directory lies beyond 4 GiB is found', {
    skip: withoutModule('zipfile'),
  }, async () => {
    await using shop = new Workshop();
    const path = join(shop.path, 'far.mar');
    const file = await open(path, 'w');
    const offset = 2 ** 32 + 5;
    const content = Buffer.from('far');
    const far = entry({ size: 3, compressedSize: 3, offset, large: false });
    far.crc32 = crc32(content);
    const before = Buffer.concat([localHeader(far), content]);
    const record = centralRecord(far);
    const end = endRecords(1, offset + before.length, record.length);
    // What lies before is a hole.
    await file.write(Buffer.concat([before, record, end]), 0, null, offset);
    await file.close();
    assert.equal((await contentOf(path)).get('x'), 'far');
    const script = 'import sys, zipfile\nprint(zipfile.ZipFile(sys.argv[1]).read("x").decode())';
    assert.equal(execFileSync(python, ['-c', script, path], { encoding: 'utf8' }), 'far\n');
  });
});

const manifestPath = 'MAR-INF/MANIFEST.json';

function entry(numbers: Pick<ZipEntry, 'size' | 'compressedSize' | 'offset' | 'large'>): ZipEntry {
  const name = Buffer.from('x');
  return { name, deflated: false, crc32: 0, mode: 0o100644, modified: created, ...numbers };
}
