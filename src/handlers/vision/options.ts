import { type Static, Type } from 'typebox';
import { handlerOptions, labelsOption } from '../options.js';

/** Means and deviations of ImageNet's colours, which torchvision's models are trained with. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const longestSide = 8192;

const crop = Type.Integer({
  minimum: 1,
  maximum: longestSide,
  default: 224,
  description: 'Side of the square that is cut from the middle, in pixels.',
});

/** Keys of the section `handler` that every image handler knows. */
const visionSchema = Type.Object({
  resize: Type.Integer({
    minimum: 1,
    maximum: longestSide,
    default: 256,
    description: 'Length that the shorter side is resized to, in pixels.',
  }),
  crop,
  mean: Type.Array(Type.Number(), {
    minItems: 3,
    maxItems: 3,
    default: imageNet.mean,
    description: 'Subtracted from red, green and blue, which are 0 to 1.',
  }),
  std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
    minItems: 3,
    maxItems: 3,
    default: imageNet.std,
    description: 'What red, green and blue are then divided by.',
  }),
  interpolation: Type.Enum(['bilinear'], {
    default: 'bilinear',
    description: 'How images are resized: as Pillow does it.',
  }),
  exifOrientation: Type.Boolean({
    default: false,
    description: 'Turn images as their camera noted. TorchServe does not.',
  }),
  topk: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 5,
    description: 'Classes that an image classifier answers with.',
  }),
  threshold: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.5,
    description: 'Least score of an object that an object detector answers with.',
  }),
  labels: labelsOption,
  profile: Type.Optional(
    Type.Unknown({ description: "TorchServe's, for the times of a handler's steps; no effect." }),
  ),
});

export type VisionOptions = Static<typeof visionSchema>;

const strictSchema = Type.Object(visionSchema.properties, { additionalProperties: false });

/**
 * The section `handler` of a model's configuration.
 *
 * @param own keys that a subclass reads itself
 * @throws {SconceError} INVALID_CONFIGURATION naming `handler.<key>`.
 */
export function visionOptions(config: object, own: readonly string[]): VisionOptions {
  return handlerOptions(strictSchema, withoutKeys(config, own));
}

/** Side of the square that a model is given, from the same section. */
export function cropOption(config: object): number {
  return handlerOptions(Type.Object({ crop }), config).crop;
}

function withoutKeys(config: object, own: readonly string[]): object {
  if (own.length === 0 || !('handler' in config)) return config;
  const { handler } = config;
  if (typeof handler !== 'object' || handler === null || Array.isArray(handler)) return config;
  const kept = Object.entries(handler).filter(([key]) => !own.includes(key));
  return { handler: Object.fromEntries(kept) };
}
