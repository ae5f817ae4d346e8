import { bestPoint } from './best-concurrency.mjs';
import { deviceTables } from './device-figures.mjs';
import { latencyTable } from './load-step.mjs';
import { significant, table, withSpread } from './markdown.mjs';
import { bestPanel } from './panels.mjs';
import { weightsPoint } from './weights-step.mjs';

/** Contenders of the subject cuda-resnet18, for each kind of rows. */
export const kinds = ['pixels', 'float32'];
export const namesOf = (kind) => ({
  plain: `${kind}: bare plain`,
  bare: `${kind}: bare`,
  noCopies: `${kind}: bare without copies`,
  addon: `${kind}: addon`,
  twoInstances: `${kind}: addon, 2 instances`,
  sconce: `${kind}: Sconce`,
});

const [pixels, float32] = kinds.map(namesOf);
const contendersOf = ({ plain, bare, noCopies, addon, twoInstances, sconce }) => [
  ...[plain, bare, noCopies, addon, twoInstances, sconce],
];

const rateOf = (find, name) => {
  const figures = find(name, bestPoint);
  return figures?.throughput ?? figures?.rowsPerSecond;
};
const over = (one, other) => (find) => rateOf(find, one) / rateOf(find, other);
/** The faster of the loops with the same plan, copies or none: nobody can do more with the module. */
const overBest =
  (one, { bare, noCopies }) =>
  (find) =>
    rateOf(find, one) / Math.max(rateOf(find, bare), rateOf(find, noCopies));

export const cudaResnetComparisons = [
  { id: 'cuda-resnet18-pixels', compute: overBest(pixels.sconce, pixels) },
  { id: 'cuda-resnet18-float32', compute: overBest(float32.sconce, float32) },
  { id: 'cuda-overlap', compute: (find) => find(float32.addon, bestPoint)?.workShare },
  {
    id: 'cuda-weights',
    compute: (find) =>
      find(pixels.twoInstances, weightsPoint)?.mebibytes /
      find(pixels.addon, weightsPoint)?.mebibytes,
  },
  ...[pixels, float32].flatMap((names) => [
    {
      label: `Images/s, ${names.addon} over the faster bare loop of the same plan`,
      compute: overBest(names.addon, names),
    },
    {
      label: `Images/s, ${names.sconce} over the bare loop with copies`,
      compute: over(names.sconce, names.bare),
    },
  ]),
  {
    label: `Images/s, ${pixels.sconce} over the best loop of the plain module`,
    compute: over(pixels.sconce, pixels.plain),
  },
  {
    label: `Images/s, ${pixels.twoInstances} over one`,
    compute: over(pixels.twoInstances, pixels.addon),
  },
];

/** @param {import('./results.mjs').Results} results */
export function cudaResnetTables(results) {
  const known = [pixels, float32]
    .flatMap(contendersOf)
    .filter((name) => results.paired((find) => rateOf(find, name)));
  const onDevice = known.map((contender) => ({ contender, point: bestPoint }));
  const weights = [pixels.addon, pixels.twoInstances].map((name) => [
    name,
    withSpread(results.spread(name, weightsPoint, 'mebibytes'), significant),
  ]);
  return [
    {
      title: 'Images per second, each at its best',
      text: table(
        ['', 'images/s', 'ms of CPU for an image'],
        known.map((name) => [
          name,
          withSpread(results.paired((find) => rateOf(find, name))),
          withSpread(results.spread(name, bestPoint, 'cpuMillisecondsPerRow')),
        ]),
      ),
    },
    ...deviceTables(results, onDevice),
    {
      title: 'Latency in milliseconds, one connection',
      text: latencyTable(results, [pixels.sconce, float32.sconce], [1]),
    },
    { title: 'Memory of the device after loading', text: table(['', 'MiB'], weights) },
  ];
}

/** @param {import('./results.mjs').Results} results */
export function cudaResnetPanels(results) {
  return [pixels, float32].map((names, i) => {
    const contenders = contendersOf(names);
    const ticks = contenders.map(() => '');
    return bestPanel(results, `${kinds[i]}, images per second`, contenders, rateOf, ticks);
  });
}
