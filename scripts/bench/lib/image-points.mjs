import { availableParallelism } from 'node:os';
import { loopStep } from './loop-step.mjs';
import { significant, whole } from './markdown.mjs';

/** The models of image_models.py as they are called in the section. */
export const modelTitles = { resnet18: 'ResNet-18', pooled: 'pooled' };

export const connections = [1, 64];

/** The point of what has no server. */
export const alone = 'alone';

export const sconceName = (model) => `Sconce ${modelTitles[model]}`;
export const torchServeName = (model) => `TorchServe ${modelTitles[model]}`;
export const forwardName = (model) => `forward ${modelTitles[model]}`;
export const decodeName = 'decode';

/**
 * @param {string} contender
 * @param {import('./loop.mjs').Loop} loop
 * @param {number} rows of a batch
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function aloneStep(contender, loop, rows, seconds) {
  return {
    ...loopStep(contender, loop, 'frozen', rows, seconds),
    point: alone,
    measure: async () => ({
      ...(await loop.run({ variant: 'frozen', rows, seconds })),
      machineCores: availableParallelism(),
    }),
    describe: ({ rowsPerSecond, cpuMillisecondsPerRow }) =>
      `${whole(rowsPerSecond)} images/s, ${significant(cpuMillisecondsPerRow)} ms of CPU each`,
  };
}
