import type { NativePlan } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { isPreparedAs, type PlanMachine, type PlannedModel, type PlanWish } from './plan.js';

/** Smallest deviation that bfloat16 can be expected to have: it keeps 8 bits of each number. */
const bfloat16Deviation = 2 ** -8;

/** Which ways of preparing a module there are to try, and what speaks against others. */
export interface Candidates {
  /** Those that suit any model, the one that is asked for first. */
  basic: readonly NativePlan[];
  channelsLast: boolean;
  bfloat16: boolean;
  /** Why something is not tried. */
  notes: readonly string[];
}

/** What may be tried for a model whose rows look like this. */
export function candidatesFor(
  { device, inputForms }: PlannedModel,
  inputs: readonly TensorSpec[],
  wish: PlanWish,
  machine: PlanMachine,
): Candidates {
  const { asked, fixed, tolerance } = wish;
  const { freeze, optimize, channelsLast, precision } = asked;
  const usual: NativePlan = { freeze, optimize, channelsLast, precision };
  const basic: NativePlan[] = [usual];
  if (freeze || !fixed.freeze) basic.push({ ...usual, freeze: true, optimize: true });
  if (!fixed.freeze) basic.push({ ...usual, freeze: !freeze, optimize: false });
  const notes: string[] = [];
  if (fixed.freeze && !freeze)
    notes.push('what works on frozen modules was not tried: freeze is false');
  return {
    basic,
    channelsLast: inputs.some(
      ({ dtype, dims }, i) =>
        dims.length === 3 && dtype.startsWith('float') && (inputForms[i] ?? 'rows') === 'rows',
    ),
    bfloat16: mayReduce(),
    notes,
  };

  function mayReduce(): boolean {
    if (fixed.precision || precision !== 'float32') return false;
    const takesFloats = inputs.some(({ dtype }) => dtype.startsWith('float'));
    if (!machine.bfloat16(device)) {
      if (takesFloats) notes.push(`bfloat16 was not tried: ${deviceName(device)} only imitates it`);
      return false;
    }
    if (tolerance >= bfloat16Deviation) return true;
    notes.push(
      `bfloat16 was not tried: it deviates by about ${bfloat16Deviation.toPrecision(1)}, and tolerance allows ${tolerance}`,
    );
    return false;
  }
}

function deviceName(device: string): string {
  return device === 'cpu' ? 'this processor' : device;
}

/**
 * Ways to lay out images, given the best of those that were tried. With another layout its
 * optimisation, or its lack of one, may not pay.
 */
export function channelsLastWays(best: NativePlan, asked: NativePlan): NativePlan[] {
  return withUsual({ ...best, channelsLast: true }, asked);
}

/** Ways in bfloat16, given the best of those that were tried. */
export function bfloat16Ways(
  best: NativePlan,
  asked: NativePlan,
  takesImages: boolean,
): NativePlan[] {
  const reduced: NativePlan = { ...best, precision: 'bfloat16' };
  const ways = withUsual(reduced, asked);
  if (!takesImages || reduced.channelsLast) return ways;
  return [...ways, ...withUsual({ ...reduced, channelsLast: true }, asked)];
}

/** A way, and the same with the module as it is asked for. */
function withUsual(way: NativePlan, { freeze, optimize }: NativePlan): NativePlan[] {
  const usual = { ...way, freeze, optimize };
  return isPreparedAs(way, usual) ? [way] : [way, usual];
}
