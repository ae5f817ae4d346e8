import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ZipFile } from 'yazl';
import { SconceError } from '../../src/errors.js';
import { modelMembers, tarOf, tgzOf, zipOf } from './archives.js';
import { Workspace } from './workspace.js';

const space = new Workspace();
const limits = { entries: 40, bytes: 2 ** 20 };

type Mutation = (content: Buffer) => Buffer;

/** A place in bytes of any length. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const length = fc.integer({ min: 1, max: 600 });

function at(content: Buffer, where: number): number {
  return Math.floor(where * content.length);
}

function replaced(content: Buffer, start: number, removed: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([content.subarray(0, start), inserted, content.subarray(start + removed)]);
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.integer({ min: 0, max: 7 })).map(([where, bit]) => (content: Buffer) => {
    const start = at(content, where);
    return replaced(content, start, 1, Buffer.of((content[start] ?? 0) ^ (1 << bit)));
  }),
  fc
    .tuple(
      place,
      fc.constantFrom([0], [0xff], [0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0]),
    )
    .map(
      ([where, bytes]) =>
        (content: Buffer) =>
          replaced(content, at(content, where), bytes.length, Buffer.from(bytes)),
    ),
  fc.tuple(place, length).map(
    ([where, removed]) =>
      (content: Buffer) =>
        replaced(content, at(content, where), removed, Buffer.alloc(0)),
  ),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 40 })).map(
    ([where, bytes]) =>
      (content: Buffer) =>
        replaced(content, at(content, where), 0, bytes),
  ),
  fc.tuple(place, place, length).map(([from, to, copied]) => (content: Buffer) => {
    const start = at(content, from);
    return replaced(content, at(content, to), 0, content.subarray(start, start + copied));
  }),
  fc.tuple(place).map(
    ([where]) =>
      (content: Buffer) =>
        content.subarray(0, at(content, where)),
  ),
);

async function yazlZip(): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, data } of modelMembers) zip.addBuffer(Buffer.from(data), name);
  zip.addEmptyDirectory('folder');
  zip.end({ forceZip64Format: true, comment: '' });
  const pieces: Uint8Array[] = [];
  for await (const piece of zip.outputStream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const folder = { name: 'folder/', type: 'directory' as const };
const longName = { name: `${'long/'.repeat(30)}é`, data: 'x' };

const originals: [name: string, make: () => Promise<Buffer>, pack?: (content: Buffer) => Buffer][] =
  [
    ['zip', async () => zipOf([...modelMembers, { name: 'folder/' }])],
    ['zip of yazl', yazlZip],
    ['tar', () => tarOf([folder, ...modelMembers, longName])],
    ['tar in a whole gzip', () => tarOf([folder, ...modelMembers, longName]), gzipSync],
    ['tar.gz', () => tgzOf([folder, ...modelMembers])],
  ];

const runs = Number(process.env.SCONCE_FUZZ_RUNS ?? 150);

for (const [name, make, pack = (content: Buffer) => content] of originals) {
  test(`a ${name} that was changed anyhow opens, or is refused and leaves nothing`, async () => {
    const original = await make();
    await (await space.open(space.write('a', pack(original)))).dispose();
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 5 }), async (mutations) => {
        const content = mutations.reduce((changed, mutate) => mutate(changed), original);
        const path = space.write('a', pack(content));
        try {
          const archive = await space.open(path, limits);
          const entries = readdirSync(archive.folder, { recursive: true, withFileTypes: true });
          assert.ok(entries.length <= limits.entries);
          assert.ok(entries.every((entry) => entry.isFile() || entry.isDirectory()));
          await archive.dispose();
        } catch (error) {
          assert.ok(error instanceof SconceError && error.code === 'INVALID_ARCHIVE', `${error}`);
        }
        space.assertClean();
      }),
      { numRuns: runs },
    );
  });
}
