import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** An entry of a zip archive; what is not given is as an honest writer has it. */
export interface ZipMember {
  name: string | Buffer;
  data?: string | Buffer;
  /** 0 stores, 8 deflates. */
  method?: number;
  flags?: number;
  checksum?: number;
  /** Declared bytes, unpacked. */
  size?: number;
  /** Declared bytes, packed. */
  packedSize?: number;
  /** Unix mode with the file type. */
  mode?: number;
  /** Where the archive says that the entry's own header is. */
  offset?: number;
  /** Sizes and offset as 64-bit numbers. */
  zip64?: boolean;
}

export interface ZipOptions {
  /** Declared number of entries. */
  count?: number;
  /** Where in a file the first byte of the archive comes to lie; 0 by default. */
  base?: number;
  /** End with a zip64 record; with where it is said to be, when that is a lie. */
  zip64?: boolean | bigint;
}

const utf8Flag = 0x800;
const full = 0xffffffff;

/** A zip archive, byte by byte, so that it may lie. */
export function zipOf(members: readonly ZipMember[], options: ZipOptions = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = options.base ?? 0;
  for (const member of members) {
    const local = localRecord(member);
    directory.push(directoryRecord(member, position));
    locals.push(local);
    position += local.length;
  }
  const records = Buffer.concat(directory);
  return Buffer.concat([
    ...locals,
    records,
    endOf(options.count ?? members.length, records.length, position, options.zip64 ?? false),
  ]);
}

function packed({ data = '', method = 8 }: ZipMember): Buffer {
  const bytes = Buffer.from(data);
  return method === 8 ? deflateRawSync(bytes) : bytes;
}

function localRecord(member: ZipMember): Buffer {
  const name = Buffer.from(member.name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(member.flags ?? utf8Flag, 6);
  header.writeUInt16LE(member.method ?? 8, 8);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, name, packed(member)]);
}

function directoryRecord(member: ZipMember, position: number): Buffer {
  const bytes = Buffer.from(member.data ?? '');
  const name = Buffer.from(member.name);
  const size = member.size ?? bytes.length;
  const packedSize = member.packedSize ?? packed(member).length;
  const offset = member.offset ?? position;
  const extra = member.zip64 ? zip64Extra(size, packedSize, offset) : Buffer.alloc(0);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE((3 << 8) | 45, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(member.flags ?? utf8Flag, 8);
  header.writeUInt16LE(member.method ?? 8, 10);
  header.writeUInt32LE(member.checksum ?? crc32(bytes), 16);
  header.writeUInt32LE(member.zip64 ? full : packedSize, 20);
  header.writeUInt32LE(member.zip64 ? full : size, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 38);
  header.writeUInt32LE(member.zip64 ? full : offset, 42);
  return Buffer.concat([header, name, extra]);
}

function zip64Extra(size: number, packedSize: number, offset: number): Buffer {
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(size), 4);
  extra.writeBigUInt64LE(BigInt(packedSize), 12);
  extra.writeBigUInt64LE(BigInt(offset), 20);
  return extra;
}

function endOf(count: number, size: number, offset: number, zip64: boolean | bigint): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(Math.min(offset, full), 16);
  if (zip64 === false) return end;
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(zip64 === true ? BigInt(offset + size) : zip64, 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator, end]);
}

/** An entry of a tar archive. */
export type TarMember = Partial<Header> & { name: string; data?: string | Buffer };

/** A tar archive. */
export async function tarOf(members: readonly TarMember[]): Promise<Buffer> {
  const stream = pack();
  for (const { data = '', ...header } of members) stream.entry(header, Buffer.from(data));
  stream.finalize();
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) if (piece instanceof Uint8Array) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A tar archive that gzip has compressed. */
export async function tgzOf(members: readonly TarMember[]): Promise<Buffer> {
  return gzipSync(await tarOf(members));
}

/** One block of a tar archive, for headers that no writer makes. */
export function tarHeader(name: string, type: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')} `, 124);
  header.write('00000000000 ', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** What a manifest of torch-model-archiver says. */
export const manifestText = JSON.stringify({
  createdOn: '28/07/2020 06:32:08',
  runtime: 'python',
  model: {
    modelName: 'densenet161',
    serializedFile: 'model.pt',
    handler: 'image_classifier',
    modelVersion: '2.1',
  },
  archiverVersion: '0.12.0',
});

/** The members of a model archive. */
export const modelMembers = [
  { name: 'model.pt', data: 'weights '.repeat(40) },
  { name: 'MAR-INF/MANIFEST.json', data: manifestText },
];
