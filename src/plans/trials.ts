import type { NativeTrial, TrialEvent } from '../native/addon.js';
import { dtypeCode } from '../native/dtype.js';
import { openPlanSearch } from '../native/runtime.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import type { PlannedModel } from './plan.js';

/** Times ways of running one model, one after the other. */
export interface Trials {
  /** Rejects when it is closed before it has an answer. */
  try(trial: NativeTrial): Promise<TrialEvent>;
  /** Gives back threads and memory, after the batch that is running; nobody has to wait for it. */
  close(): void;
}

export type OpenTrials = (model: PlannedModel, inputs: readonly TensorSpec[]) => Trials;

interface Asked {
  resolve(event: TrialEvent): void;
  reject(error: Error): void;
}

/** As OpenTrials; on threads of LibTorch. */
export function openTrials(model: PlannedModel, inputs: readonly TensorSpec[]): Trials {
  const { path, device, inputForms, graphMemory } = model;
  /** Answered in the order in which they were asked for. */
  const asked: Asked[] = [];
  let isClosed = false;
  const giveUp = (): void => {
    isClosed = true;
    for (const { reject } of asked.splice(0)) reject(new Error('it was ended'));
  };
  const search = openPlanSearch(
    {
      path,
      device,
      graphMemory,
      ...(inputForms.length === 0 ? {} : { inputForms }),
      inputs: inputs.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims: [...dims] })),
    },
    { trial: (event) => asked.shift()?.resolve(event), closed: giveUp },
  );
  return {
    try: (trial) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new Error('it was ended'));
          return;
        }
        asked.push({ resolve, reject });
        search.try(trial);
      }),
    close: () => {
      if (isClosed) return;
      search.close();
      giveUp();
    },
  };
}
