import type { InputForm, NativeArgument } from '../../native/addon.js';

/** An input as configuration names it, as far as its form matters. */
export interface FormedInput {
  name: string;
  dtype?: string;
  shape?: readonly number[];
  form?: InputForm;
}

/** True for what clients send; offsets are computed from the rows. */
export function isSent(input: FormedInput): boolean {
  return input.form !== 'offsets';
}

/** Why the forms of the inputs cannot be made of rows; undefined when they can. */
export function formProblem(
  inputs: readonly FormedInput[],
  declared: readonly NativeArgument[],
): string | undefined {
  let joined: string | undefined;
  for (const [i, { name, dtype, shape, form }] of inputs.entries()) {
    const type = declared[i]?.type ?? 'Tensor';
    if (form === undefined || form === 'rows') continue;
    if (type.includes('List[')) {
      return `inputs: "${name}" cannot be ${form}: forward takes a ${type}, one tensor for each row`;
    }
    if (form === 'joined') {
      if (shape?.length === 0) {
        return `inputs: "${name}" cannot be joined: its rows have no dimension; give a shape such as [-1]`;
      }
      joined = name;
      continue;
    }
    if (joined === undefined) {
      return `inputs: "${name}" needs an input of the form joined before it, whose offsets it holds`;
    }
    if (shape !== undefined || (dtype !== undefined && dtype !== 'int64')) {
      return `inputs: "${name}" holds the offsets of "${joined}", int64[n]; leave out its shape and dtype`;
    }
  }
  return inputs.some(isSent) ? undefined : 'inputs: no input is left that a request could hold';
}
