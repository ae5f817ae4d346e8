import type { NativeArgument, NativeModelDescription } from '../../src/native/addon.js';

/** What the addon says of a file whose forward takes these arguments. */
export function describedModel(...declared: NativeArgument[]): NativeModelDescription {
  return {
    arguments: declared,
    returns: 'Tensor',
    parameterBytes: 0,
    loadMilliseconds: 0,
    frozen: true,
    optimized: false,
    channelsLast: false,
    straightLine: true,
  };
}
