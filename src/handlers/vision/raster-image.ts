import type { NativeImage } from '../../native/addon.js';
import { addon } from '../../native/binding.js';
import type { Tensor } from '../api/tensor.js';

interface Size {
  width: number;
  height: number;
}

interface Window extends Size {
  left: number;
  top: number;
}

/** Weights of red, green and blue in grey, in units of 2^-16 (ITU-R 601-2, as Pillow has them). */
const greyWeights = [19595, 38470, 7471] as const;

/** An image as rows of pixels from the top: [height, width, channels] bytes. It never changes. */
export class RasterImage implements NativeImage {
  /** @param channels 3 for red, green and blue, 1 for grey */
  constructor(
    readonly width: number,
    readonly height: number,
    readonly channels: 1 | 3,
    readonly pixels: Uint8Array,
  ) {
    const expected = width * height * channels;
    if (pixels.byteLength !== expected) {
      throw new RangeError(
        `${width} × ${height} pixels of ${channels} bytes take ${expected} bytes; ${pixels.byteLength} were given`,
      );
    }
  }

  /** Resized to exactly this size, as Pillow's Image.resize(BILINEAR). */
  resize(width: number, height: number): RasterImage {
    return this.#window({ width, height }, { left: 0, top: 0, width, height });
  }

  /** Resized so that the shorter side has this length, as torchvision's Resize(size). */
  resizeShorterSide(length: number): RasterImage {
    const { width, height } = this.#sizeFor(length);
    return this.resize(width, height);
  }

  /** A square from the middle, as torchvision's CenterCrop(size): black where the image is smaller. */
  centerCrop(side: number): RasterImage {
    return this.#window(this, centered(this, side));
  }

  /** resizeShorterSide(length).centerCrop(side), but only what is left in the end is computed. */
  resizeAndCrop(length: number, side: number): RasterImage {
    const scaled = this.#sizeFor(length);
    return this.#window(scaled, centered(scaled, side));
  }

  /** In grey, as Pillow's convert('L'). */
  grey(): RasterImage {
    if (this.channels === 1) return this;
    const [red, green, blue] = greyWeights;
    const { pixels } = this;
    const levels = new Uint8Array(this.width * this.height);
    for (let i = 0; i < levels.length; i += 1) {
      const at = i * 3;
      const sum =
        red * (pixels[at] ?? 0) + green * (pixels[at + 1] ?? 0) + blue * (pixels[at + 2] ?? 0);
      levels[i] = (sum + 0x8000) >> 16;
    }
    return new RasterImage(this.width, this.height, 1, levels);
  }

  /**
   * Writes (pixel / 255 - mean) / std into a row of [channels, height, width], as torchvision's
   * ToTensor and Normalize. Without mean and std the values are 0 to 1.
   *
   * @throws {RangeError} when the row has another shape.
   */
  writeTo(row: Tensor, mean?: readonly number[], std?: readonly number[]): void {
    const shape = [this.channels, this.height, this.width];
    if (row.shape.join() !== shape.join()) {
      throw new RangeError(
        `an image of [${shape.join(', ')}] does not fit the row ${row.describe()}`,
      );
    }
    const { data } = row;
    const target = data instanceof Float32Array ? data : new Float32Array(row.size);
    const means = Float32Array.from(mean ?? new Array<number>(this.channels).fill(0));
    const deviations = Float32Array.from(std ?? new Array<number>(this.channels).fill(1));
    addon().normalizeImage(this, means, deviations, target);
    if (target !== data) row.set(target);
  }

  #sizeFor(length: number): Size {
    const { width, height } = this;
    const long = Math.trunc((length * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? { width: length, height: long } : { width: long, height: length };
  }

  #window(scaled: Size, window: Window): RasterImage {
    const pixels = new Uint8Array(window.width * window.height * this.channels);
    addon().resizeImage(this, scaled, window, pixels);
    return new RasterImage(window.width, window.height, this.channels, pixels);
  }
}

function centered(size: Size, side: number): Window {
  return {
    left: margin(size.width, side),
    top: margin(size.height, side),
    width: side,
    height: side,
  };
}

/** Where a crop begins: torchvision pads before with the smaller half, and rounds halves to even. */
function margin(size: number, side: number): number {
  if (side > size) return -Math.floor((side - size) / 2);
  const half = (size - side) / 2;
  const floor = Math.floor(half);
  return half === floor || floor % 2 === 0 ? floor : floor + 1;
}
