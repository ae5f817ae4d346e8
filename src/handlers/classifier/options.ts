import { type Static, Type } from 'typebox';
import { labelsOption } from '../options.js';

/** The `handler` section of a classifier's configuration. */
export const classifierOptions = Type.Object(
  {
    topk: Type.Integer({
      default: 5,
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'Classes in an answer, the most probable first; all when the model has fewer.',
    }),
    softmax: Type.Boolean({
      default: true,
      description: 'Whether to make probabilities of the scores; false for models that do.',
    }),
    labels: labelsOption,
  },
  { additionalProperties: false },
);

export type ClassifierOptions = Static<typeof classifierOptions>;
