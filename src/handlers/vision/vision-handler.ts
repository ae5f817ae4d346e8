import { messageOf, SconceError } from '../../errors.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import { BaseHandler, type Preprocessed } from '../api/base-handler.js';
import type { ModelContext, RequestContext } from '../api/context.js';
import type { HandlerInput } from '../api/handler-input.js';
import type { NestedNumbers } from '../api/nested-numbers.js';
import { Tensor } from '../api/tensor.js';
import { classIds, type Labels, labelsFrom, readLabels } from '../labels.js';
import { decodeImage } from './decode-image.js';
import { imageInput } from './image-input.js';
import { cropOption, type VisionOptions, visionOptions } from './options.js';
import type { RasterImage } from './raster-image.js';

/**
 * Base of the handlers for images. A request is an image file, base64 of one, or a list of numbers
 * that is given to the model as it is. An image is decoded, resized, cropped and normalised as
 * TorchServe's handlers do it with Pillow and torchvision. decode() and transform() are there to be
 * overridden.
 */
export class VisionHandler extends BaseHandler {
  /** Keys of the configuration's section `handler` that a subclass reads itself. */
  protected readonly ownKeys: readonly string[] = [];
  #options: VisionOptions | undefined;
  #labels: Labels = classIds;
  #limitPixels = true;

  /**
   * Shape of the model's input when its configuration names none. A subclass whose transform()
   * makes another one overrides it.
   *
   * @throws {SconceError} INVALID_CONFIGURATION naming `handler.crop`.
   */
  static rowShape(
    modelConfig: Readonly<Record<string, unknown>>,
  ): readonly TensorSpec[] | undefined {
    const side = cropOption(modelConfig);
    return [{ dtype: 'float32', dims: [3, side, side] }];
  }

  override initialize(context: ModelContext): void | Promise<void> {
    const options = visionOptions(context.modelConfig, this.ownKeys);
    this.#options = options;
    this.#limitPixels = context.systemProperties.limit_max_image_pixels;
    this.#labels =
      options.labels === undefined
        ? (readLabels(context.systemProperties.model_dir) ?? classIds)
        : labelsFrom(options.labels, 'handler.labels');
    if (context.inputs.length !== 1) {
      const names = context.inputs.map(({ name }) => name).join(', ');
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `inputs: an image handler fills one input; the model has ${context.inputs.length} (${names})`,
      );
    }
    if (this.transform === VisionHandler.prototype.transform) this.checkRow(context);
  }

  /** The section `handler` of the model's configuration. @throws before initialize(). */
  protected get options(): VisionOptions {
    if (this.#options !== undefined) return this.#options;
    throw new Error(`${this.constructor.name}: initialize() must call super.initialize(context)`);
  }

  /** Names of the classes: from `handler.labels` or index_to_name.json, else their numbers. */
  protected get labels(): Labels {
    return this.#labels;
  }

  override async preprocess(request: HandlerInput, context: RequestContext): Promise<Preprocessed> {
    const input = imageInput(request.data);
    if (input.kind === 'value') return this.#fill(context, numbersOf(input.value));
    const image = await this.decode(input.bytes, context);
    return this.#fill(context, image);
  }

  /**
   * The pixels of an image file.
   *
   * @throws {SconceError} INVALID_REQUEST saying what is wrong with it.
   */
  decode(bytes: Uint8Array, context: RequestContext): Promise<RasterImage> {
    const { exifOrientation } = this.options;
    const { signal } = context;
    return decodeImage(bytes, { limitPixels: this.#limitPixels, exifOrientation, signal });
  }

  /** Writes an image into the row that the model reads: resized, cropped and normalised. */
  transform(image: RasterImage, row: Tensor): void {
    const { resize, crop, mean, std } = this.options;
    image.resizeAndCrop(resize, crop).writeTo(row, mean, std);
  }

  /** Shape of the row that an image is written to, where it is not known beforehand. */
  protected rowFor(_image: RasterImage): readonly number[] {
    const { crop } = this.options;
    return [3, crop, crop];
  }

  /** @throws {SconceError} INVALID_CONFIGURATION when the model's input is not what transform() makes. */
  protected checkRow({ inputs, rowShape }: ModelContext): void {
    const { crop } = this.options;
    const dims = rowShape?.[0]?.dims ?? inputs[0]?.dims ?? [];
    const made = [3, crop, crop];
    const fits = dims.length === 3 && dims.every((dim, i) => dim === -1 || dim === made[i]);
    if (dims.length === 0 || fits) return;
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `inputs: "${inputs[0]?.name}" has the shape [${dims.join(', ')}]; the image handler makes [${made.join(', ')}] (handler.crop)`,
    );
  }

  async #fill(context: RequestContext, source: RasterImage | Tensor): Promise<Preprocessed> {
    if (context.rowShape !== undefined) {
      await context.reserve();
      this.#write(source, context.row());
      return undefined;
    }
    if (source instanceof Tensor) return source.reshape([1, ...source.shape]);
    const rows = Tensor.zeros('float32', [1, ...this.rowFor(source)]);
    this.#write(source, rows.at(0));
    return rows;
  }

  #write(source: RasterImage | Tensor, row: Tensor): void {
    if (!(source instanceof Tensor)) {
      this.transform(source, row);
      return;
    }
    if (source.shape.join() !== row.shape.join()) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the list has the shape [${source.shape.join(', ')}]; the model takes [${row.shape.join(', ')}]`,
      );
    }
    row.set(source);
  }
}

/** Lists within lists that a tensor may be written as; far more would end the stack. */
const deepestList = 16;

function isNumbers(value: unknown): value is readonly NestedNumbers[] {
  let depth = 0;
  for (let inner: unknown = value; Array.isArray(inner); inner = inner[0]) depth += 1;
  return depth > 0 && depth <= deepestList;
}

/** Numbers in nested lists, which stand for an image that is transformed already. */
function numbersOf(value: unknown): Tensor {
  if (!isNumbers(value)) {
    throw new SconceError(
      'INVALID_REQUEST',
      'a JSON request is base64 of an image in a string, or nested lists of numbers that the model takes as they are',
    );
  }
  try {
    return Tensor.from(value);
  } catch (error) {
    throw new SconceError('INVALID_REQUEST', messageOf(error));
  }
}
