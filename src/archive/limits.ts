/** What an archive may cost its reader. */
export interface ArchiveLimits {
  /** Most files and folders. */
  entries: number;
  /** Most bytes of all files together, unpacked. */
  bytes: number;
  /**
   * Most bytes unpacked for each byte of the archive. What unpacks to less than `freeBytes` is not
   * held to it.
   */
  ratio: number;
}

const mebibyte = 2 ** 20;

/** Most bytes unpacked unless an operator says otherwise. */
const defaultBytes = 65_536 * mebibyte;

/**
 * Deflate packs up to 1032 bytes in one. Trained weights pack to more than half their size, weights
 * that are mostly zeros to a tenth, text to a twentieth: a ratio of 100 leaves them all room. Only
 * weights that are nothing but zeros exceed it; those are in tests, and small.
 */
const ratio = 100;

/** Bytes that any archive may unpack to, whatever its own size. */
export const freeBytes = 16 * mebibyte;

/** The limits of the reader, given the most bytes that an archive may unpack to. */
export function archiveLimits(bytes = defaultBytes): ArchiveLimits {
  return { entries: 100_000, bytes, ratio };
}

/** The most bytes that an archive of a size may unpack to by its ratio. */
export function mostByRatio(limits: ArchiveLimits, archiveBytes: number): number {
  return Math.max(freeBytes, limits.ratio * archiveBytes);
}
