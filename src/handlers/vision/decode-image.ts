import type { Sharp } from 'sharp';
import { messageOf, SconceError } from '../../errors.js';
import { rgbFromCmyk } from './cmyk.js';
import { DecodeGate } from './decode-gate.js';
import { imageFormatOf, imageFormats } from './image-format.js';
import { RasterImage } from './raster-image.js';

/** Pixels beyond which Pillow takes an image for an attack, unless it is told not to look. */
export const pillowLimit = 2 * Math.floor(1024 ** 3 / 12);

/** Pixels that no image may have: 768 MiB. */
export const hardLimit = 2 ** 28;

/** Pixels that a thread decodes at the same time; a larger image is decoded alone. */
const pixelsAtOnce = 2 ** 25;

const gate = new DecodeGate(pixelsAtOnce);

export interface DecodeOptions {
  /** Refuse what Pillow refuses for its size: more than about 179 million pixels. */
  limitPixels: boolean;
  /** Turn the image as its camera noted. */
  exifOrientation: boolean;
  /** Ends the wait for other images of the thread. */
  signal: AbortSignal;
}

/**
 * The pixels of an image file, as Pillow's Image.open(file).convert('RGB') gives them: of several
 * images the first; colour profiles are not applied; transparency is dropped, not blended. Of 16 bits
 * the upper 8 count. The size is checked before anything is decoded.
 *
 * @throws {SconceError} INVALID_REQUEST saying what is wrong with the file.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RasterImage> {
  if (bytes.byteLength === 0) throw invalid('the image is empty');
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    throw invalid(
      `the image is in no format that is known here: ${imageFormats.join(', ')} (its ${bytes.byteLength} bytes begin with ${beginning(bytes)})`,
    );
  }
  const image = await openImage(bytes, options);
  const { width, height, space } = await attempt(format, () => image.metadata());
  const pixels = width * height;
  checkSize(width, height, options.limitPixels);
  return gate.run(pixels, options.signal, () =>
    attempt(format, () => readPixels(image, space === 'cmyk')),
  );
}

/** Loaded with the first image: it brings a library of its own. */
async function loadSharp() {
  const { default: sharp } = await import('sharp');
  // One image on one thread: with several at once more threads only cost.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
}

let loading: ReturnType<typeof loadSharp> | undefined;

async function openImage(bytes: Uint8Array, options: DecodeOptions): Promise<Sharp> {
  loading ??= loadSharp();
  const sharp = await loading;
  return sharp(bytes, {
    failOn: 'error',
    ignoreIcc: true,
    limitInputPixels: false,
    autoOrient: options.exifOrientation,
  });
}

async function readPixels(image: Sharp, isCmyk: boolean): Promise<RasterImage> {
  const pipeline = isCmyk
    ? image.pipelineColourspace('cmyk').toColourspace('cmyk')
    : image.removeAlpha().toColourspace('srgb');
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (data.byteLength !== width * height * channels || channels !== (isCmyk ? 4 : 3)) {
    throw new Error(`its pixels are ${channels} channels in ${data.byteLength} bytes`);
  }
  return new RasterImage(width, height, 3, isCmyk ? rgbFromCmyk(data) : data);
}

async function attempt<T>(format: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Several lines, one for each thing that the decoder met.
    const [reason = ''] = messageOf(error).trim().split('\n');
    throw invalid(`the ${format} image cannot be read: ${reason.replace(/:\s*$/, '')}`);
  }
}

function checkSize(width: number, height: number, limitPixels: boolean): void {
  const pixels = width * height;
  const most = limitPixels ? Math.min(pillowLimit, hardLimit) : hardLimit;
  if (pixels <= most) return;
  throw invalid(
    `the image has ${width} × ${height} = ${pixels} pixels; at most ${most} are decoded`,
  );
}

function beginning(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 16));
  const text = start.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? JSON.stringify(text) : start.toString('hex');
}

function invalid(problem: string): SconceError {
  return new SconceError('INVALID_REQUEST', problem);
}
