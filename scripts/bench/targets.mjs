/**
 * What Sconce promises, as ratios and differences of one run, on two cores or on one GPU. A subject's
 * comparison that has the id of a row says how the row's figure is computed.
 *
 * @typedef {object} Target
 * @property {string} id
 * @property {string} measure
 * @property {string} subject that measures it
 * @property {number} [atLeast]
 * @property {number} [atMost]
 * @property {string} [unit] none: a ratio
 * @property {number} [decimals] that are shown, 2 unless given
 */

/** @type {readonly Target[]} */
export const targets = [
  {
    id: 'alpha-over-echo',
    measure: 'alpha as JSON, c=64: throughput over a bare Fastify echo of the same body and reply',
    subject: 'alpha',
    atLeast: 0.9,
  },
  {
    id: 'alpha-p50',
    measure: "alpha as JSON, c=1: p50 minus the echo's p50",
    subject: 'alpha',
    ...{ atMost: 0.12, unit: 'ms', decimals: 3 },
  },
  {
    id: 'alpha-over-torchserve-1',
    measure: 'alpha, batch_size=32 and max_batch_delay=100, c=1: throughput over TorchServe',
    subject: 'alpha',
    ...{ atLeast: 300, decimals: 0 },
  },
  {
    id: 'alpha-over-torchserve-64',
    measure: 'the same at c=64',
    subject: 'alpha',
    atLeast: 6,
  },
  {
    id: 'alpha-over-torchserve-128',
    measure: 'the same at c=128',
    subject: 'alpha',
    atLeast: 7,
  },
  {
    id: 'resnet18-over-plain',
    measure:
      'ResNet-18, binary tensor, best concurrency: images/s over the best bare loop of the plain module',
    subject: 'resnet18',
    atLeast: 1.15,
  },
  {
    id: 'resnet18-same-plan',
    measure: 'the same over the best bare loop with the same plan',
    subject: 'resnet18',
    atLeast: 0.97,
  },
  {
    id: 'resnet18-jpeg-over-torchserve',
    measure: 'ResNet-18, JPEG: images/s over TorchServe at its best',
    subject: 'resnet18',
    atLeast: 1.5,
  },
  {
    id: 'resnet18-memory',
    measure: 'ResNet-18: memory of 2 instances over that of TorchServe with 2 workers',
    subject: 'resnet18',
    atMost: 0.5,
  },
  {
    id: 'alpha-start',
    measure: 'alpha: start to first answer, without a plan from an earlier start, over TorchServe',
    subject: 'alpha',
    atMost: 0.25,
  },
  {
    id: 'open-tail',
    measure: 'alpha, open loop at 70 % of saturation: p99 over p50',
    subject: 'open',
    atMost: 4,
  },
  {
    id: 'alpha-loop-delay',
    measure: 'alpha, full load: p99 of the main loop’s delay',
    subject: 'alpha',
    ...{ atMost: 10, unit: 'ms' },
  },
  {
    id: 'resnet18-loop-delay',
    measure: 'ResNet-18, full load: p99 of the main loop’s delay',
    subject: 'resnet18',
    ...{ atMost: 10, unit: 'ms' },
  },
  {
    id: 'cuda-resnet18-pixels',
    measure:
      'ResNet-18, rows of bytes over HTTP: images/s over the faster bare CUDA loop of the same plan, with or without copies',
    subject: 'cuda-resnet18',
    atLeast: 0.95,
  },
  {
    id: 'cuda-resnet18-float32',
    measure: 'the same with rows of float32',
    subject: 'cuda-resnet18',
    atLeast: 0.95,
  },
  {
    id: 'cuda-overlap',
    measure:
      'ResNet-18, one instance: seconds of copies and forward, by events on the GPU, over the time that went by',
    subject: 'cuda-resnet18',
    atLeast: 1,
  },
  {
    id: 'cuda-weights',
    measure: 'ResNet-18 after loading: memory of the GPU for 2 instances over that for one',
    subject: 'cuda-resnet18',
    atMost: 1.05,
  },
  {
    id: 'cuda-graphs',
    measure: 'a model of many small operations, batches of one row: with CUDA graphs over without',
    subject: 'cuda-launch',
    atLeast: 2,
  },
];

/** @param {string} id */
export function targetOf(id) {
  const target = targets.find((one) => one.id === id);
  if (target === undefined) throw new Error(`targets.mjs has no row "${id}"`);
  return target;
}
