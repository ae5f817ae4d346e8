import { type Static, Type } from 'typebox';
import { precisions } from '../native/addon.js';
import { dtypes } from '../native/dtype.js';

const count = Type.Integer({ minimum: 1, maximum: 65_536 });

/** How a module is prepared, and with how many threads it runs. */
const way = {
  freeze: Type.Boolean(),
  optimize: Type.Boolean({ description: 'Went through optimize_for_inference.' }),
  channelsLast: Type.Boolean({ description: 'Images and weights lie in channels-last order.' }),
  precision: Type.Enum([...precisions]),
  graphs: Type.Boolean({ description: 'Batches are CUDA graphs, captured at warm-up.' }),
  instances: count,
  intraOpThreads: count,
};

/** One way of running a model that was tried. */
export const planTrialSchema = Type.Object({
  ...way,
  rows: Type.Array(count, { description: 'Rows of the batches that were timed.' }),
  microseconds: Type.Array(Type.Number({ minimum: 0 }), {
    description: 'Of one batch of each of them.',
  }),
  deviation: Type.Union([Type.Number(), Type.Null()], {
    description:
      'Largest deviation of the outputs from those of float32, relative to the largest of them; null where they are not numbers.',
  }),
  problem: Type.Optional(
    Type.String({ description: 'Why it could not be chosen, however fast it is.' }),
  ),
});

export type PlanTrial = Static<typeof planTrialSchema>;

/** How a plan was chosen: what the management API shows and the cache keeps. */
export const planRecordSchema = Type.Object({
  chosen: Type.Object(
    { ...way, rows: Type.Integer({ minimum: 1, description: 'Most rows in a batch.' }) },
    { description: 'The plan that it runs by.' },
  ),
  speedup: Type.Optional(
    Type.Object(
      { ratio: Type.Number(), over: Type.String() },
      {
        description: 'Rows a second of the chosen plan, and the plan that they are compared with.',
      },
    ),
  ),
  source: Type.Enum(['measured', 'cache', 'none'], {
    description: 'Whether it was measured at this load, or before; `none` when it was not chosen.',
  }),
  measuredAt: Type.String({ description: 'ISO 8601.' }),
  disturbed: Type.Optional(
    Type.Boolean({
      description: 'Whether other programs took the processor meanwhile: times are too long then.',
    }),
  ),
  seconds: Type.Number({ minimum: 0, description: 'How long the search took.' }),
  gpu: Type.Optional(
    Type.String({ description: 'The GPU that it was measured on, and the versions of CUDA.' }),
  ),
  inputs: Type.Array(
    Type.Object({ dtype: Type.Enum([...dtypes]), dims: Type.Array(Type.Integer()) }),
    { description: 'One row of each input that was tried.' },
  ),
  tried: Type.Array(planTrialSchema),
  notes: Type.Array(Type.String(), { description: 'What was not tried, or not chosen, and why.' }),
});

export type PlanRecord = Static<typeof planRecordSchema>;

/** Rows a second, by all instances, in batches of so many rows; 0 when those were not timed. */
export function rateAt({ instances, rows, microseconds }: PlanTrial, count: number): number {
  const time = microseconds[rows.indexOf(count)] ?? 0;
  return time > 0 ? (instances * count * 1e6) / time : 0;
}
