/** A member of a zip archive as its headers describe it. */
export interface ZipEntry {
  name: Buffer;
  deflated: boolean;
  crc32: number;
  /** Bytes in the archive. */
  compressedSize: number;
  /** Bytes. */
  size: number;
  /** Where its local header begins. */
  offset: number;
  mode: number;
  modified: Date;
  /** Whether a size may not fit 32 bits: then both have 64, in both headers. */
  large: boolean;
}

const full32 = 0xffffffff;
const full16 = 0xffff;

/** Says that names are UTF-8. */
const utf8Names = 1 << 11;
const madeByUnix = 3 << 8;

/** The header before a member's bytes. Its length depends on the name and `large` only. */
export function localHeader(entry: ZipEntry): Buffer {
  const extra = entry.large ? zip64Extra([entry.size, entry.compressedSize]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, entry, entry.large);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, entry.name, extra]);
}

/** A member's record in the central directory. */
export function centralRecord(entry: ZipEntry): Buffer {
  const farOff = entry.offset >= full32;
  const wide = [
    ...(entry.large ? [entry.size, entry.compressedSize] : []),
    ...(farOff ? [entry.offset] : []),
  ];
  const extra = wide.length > 0 ? zip64Extra(wide) : Buffer.alloc(0);
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE(madeByUnix | versionNeeded(wide.length > 0), 4);
  writeCommon(record, 6, entry, wide.length > 0);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt32LE(((entry.mode & full16) << 16) >>> 0, 38);
  record.writeUInt32LE(farOff ? full32 : entry.offset, 42);
  return Buffer.concat([record, entry.name, extra]);
}

/** What ends an archive: where its central directory is, in 64 bits too when 32 do not do. */
export function endRecords(count: number, offset: number, size: number): Buffer {
  const wide = count >= full16 || offset >= full32 || size >= full32;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, full16), 8);
  end.writeUInt16LE(Math.min(count, full16), 10);
  end.writeUInt32LE(Math.min(size, full32), 12);
  end.writeUInt32LE(Math.min(offset, full32), 16);
  return wide ? Buffer.concat([zip64End(count, offset, size), end]) : end;
}

function zip64End(count: number, offset: number, size: number): Buffer {
  const records = Buffer.alloc(56 + 20);
  records.writeUInt32LE(0x06064b50, 0);
  records.writeBigUInt64LE(44n, 4);
  records.writeUInt16LE(madeByUnix | versionNeeded(true), 12);
  records.writeUInt16LE(versionNeeded(true), 14);
  records.writeBigUInt64LE(BigInt(count), 24);
  records.writeBigUInt64LE(BigInt(count), 32);
  records.writeBigUInt64LE(BigInt(size), 40);
  records.writeBigUInt64LE(BigInt(offset), 48);
  records.writeUInt32LE(0x07064b50, 56);
  records.writeBigUInt64LE(BigInt(offset + size), 64);
  records.writeUInt32LE(1, 72);
  return records;
}

/** The fields that both headers of a member have, one after the other. */
function writeCommon(header: Buffer, at: number, entry: ZipEntry, wide: boolean): void {
  header.writeUInt16LE(versionNeeded(wide), at);
  header.writeUInt16LE(utf8Names, at + 2);
  header.writeUInt16LE(entry.deflated ? 8 : 0, at + 4);
  header.writeUInt32LE(dosTime(entry.modified), at + 6);
  header.writeUInt32LE(entry.crc32, at + 10);
  header.writeUInt32LE(entry.large ? full32 : entry.compressedSize, at + 14);
  header.writeUInt32LE(entry.large ? full32 : entry.size, at + 18);
  header.writeUInt16LE(entry.name.length, at + 22);
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  for (const [i, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + i * 8);
  return extra;
}

function versionNeeded(wide: boolean): number {
  return wide ? 45 : 20;
}

const firstDosTime = new Date(1980, 0, 1);
const lastDosTime = new Date(2107, 11, 31, 23, 59, 58);

/** Local time in steps of two seconds. Dates that it cannot hold become the nearest that it can. */
function dosTime(modified: Date): number {
  const date =
    modified < firstDosTime ? firstDosTime : modified > lastDosTime ? lastDosTime : modified;
  const year = date.getFullYear() - 1980;
  const day = (year << 25) | ((date.getMonth() + 1) << 21) | (date.getDate() << 16);
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return (day | time) >>> 0;
}
