/** Formats that are decoded. Others, as SVG and PDF, could name files and run long. */
export const imageFormats = ['JPEG', 'PNG', 'WebP', 'GIF', 'TIFF', 'AVIF'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** How files begin: text in which `.` stands for any byte. */
const beginnings: readonly (readonly [ImageFormat, RegExp])[] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n.\n/s],
  ['WebP', /^RIFF....WEBP/s],
  ['GIF', /^GIF8[79]a/],
  ['TIFF', /^(?:II[*+]\0|MM\0[*+])/],
  ['AVIF', /^....ftypavi[fs]/s],
];

const longestBeginning = 12;

/** The format that bytes begin as; undefined when they are no image that is known here. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | undefined {
  const start = Buffer.from(bytes.subarray(0, longestBeginning)).toString('latin1');
  return beginnings.find(([, beginning]) => beginning.test(start))?.[0];
}
