import { significant } from './markdown.mjs';

/** The point of device memory after loading. */
export const weightsPoint = 'weights';

/**
 * What a model has allocated on the device when it is loaded and has run nothing.
 *
 * @param {string} contender
 * @param {{ ready: import('../contenders/addon-loop.mjs').AddonLoopReady }} loop
 * @returns {import('./rounds.mjs').Step}
 */
export function weightsStep(contender, { ready }) {
  return {
    ...{ contender, point: weightsPoint, seconds: 0 },
    measure: async () => ({ mebibytes: (ready.device?.allocatedBytes ?? Number.NaN) / 2 ** 20 }),
    invalid: ({ mebibytes }) =>
      mebibytes > 0 ? undefined : 'the addon counts no memory of this device',
    describe: ({ mebibytes }) => `${significant(mebibytes)} MiB`,
  };
}
