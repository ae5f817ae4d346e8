import { readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { messageOf, SconceError } from '../errors.js';
import {
  defaultBuckets,
  hostDimension,
  type MetricKind,
  MetricNames,
  type MetricSpecification,
  type MetricsConfiguration,
  metricKinds,
  namePattern,
  unitPattern,
} from './specification.js';
import { defaultMetricsConfiguration } from './torchserve-table.js';
import { YamlFile, type YamlPath } from './yaml-file.js';

const name = Type.String({ pattern: namePattern });

const declaration = {
  name,
  unit: Type.String({ pattern: unitPattern }),
  dimensions: Type.Array(name),
};

const plain = Type.Array(Type.Object(declaration, { additionalProperties: false }));

const histogram = Type.Array(
  Type.Object(
    { ...declaration, buckets: Type.Optional(Type.Array(Type.Number(), { minItems: 1 })) },
    { additionalProperties: false },
  ),
);

const families = Type.Object(
  {
    counter: Type.Optional(plain),
    gauge: Type.Optional(plain),
    histogram: Type.Optional(histogram),
  },
  { additionalProperties: false },
);

/** The document; `dimensions` only gives names to the labels that the rest refers to. */
const schema = Type.Object(
  {
    dimensions: Type.Optional(Type.Array(Type.String())),
    ts_metrics: Type.Optional(families),
    model_metrics: Type.Optional(families),
  },
  { additionalProperties: false },
);

type Declaration = Static<typeof histogram>[number];

/** Where a declaration stands, and how its errors are told. */
interface Place {
  file: YamlFile;
  path: YamlPath;
}

/**
 * The configuration in a file, or TorchServe's own when no file is named.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, and the line and the key in it
 */
export function loadMetricsConfiguration(path: string | undefined): MetricsConfiguration {
  if (path === undefined) return defaultMetricsConfiguration;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const why = messageOf(error);
    throw new SconceError('INVALID_CONFIGURATION', `${path}: cannot be read: ${why}`);
  }
  return parseMetricsConfiguration(text, path);
}

/**
 * Reads the text of a metrics.yaml.
 *
 * @param name of the file, for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, the line and the key
 */
export function parseMetricsConfiguration(text: string, name: string): MetricsConfiguration {
  const file = new YamlFile(text, name);
  const { ts_metrics, model_metrics } = file.content(schema);
  const names = new MetricNames();
  const read = (section: string, given: Static<typeof families> | undefined, model: boolean) =>
    metricKinds.flatMap((kind) =>
      (given?.[kind] ?? []).map((entry: Declaration, index) => {
        const place = { file, path: [section, kind, index] };
        const dimensions = model ? modelDimensions(entry, place) : systemDimensions(entry, place);
        const family = specification(kind, { ...entry, dimensions }, place);
        const clash = names.take(family);
        if (clash !== undefined) throw refusal(place, 'name', `"${entry.name}" ${clash}`);
        return family;
      }),
    );
  return {
    system: read('ts_metrics', ts_metrics, false),
    model: read('model_metrics', model_metrics, true),
  };
}

function systemDimensions({ name, dimensions }: Declaration, place: Place): readonly string[] {
  if (dimensions.length === 0) {
    throw refusal(place, 'dimensions', 'must name at least the label of the host, which is last');
  }
  return likeTorchServe(defaultMetricsConfiguration.system, name, dimensions, place);
}

function modelDimensions({ name, dimensions }: Declaration, place: Place): readonly string[] {
  if (dimensions.includes(hostDimension)) {
    throw refusal(place, 'dimensions', `must not name ${hostDimension}: it is always added`);
  }
  const all = [...dimensions, hostDimension];
  return likeTorchServe(defaultMetricsConfiguration.model, name, all, place);
}

/** What the server measures itself has its labels by position, so there must be as many. */
function likeTorchServe(
  known: readonly MetricSpecification[],
  name: string,
  dimensions: readonly string[],
  place: Place,
): readonly string[] {
  const own = known.find((family) => family.name === name);
  if (own === undefined || own.dimensions.length === dimensions.length) return dimensions;
  const expected = own.dimensions.join(', ');
  throw refusal(place, 'dimensions', `must be ${expected}, or as many others in their place`);
}

function specification(
  kind: MetricKind,
  { name, unit, dimensions, buckets }: Omit<MetricSpecification, 'kind'>,
  place: Place,
): MetricSpecification {
  const twice = dimensions.find((dimension, index) => dimensions.indexOf(dimension) !== index);
  if (twice !== undefined) throw refusal(place, 'dimensions', `must not name ${twice} twice`);
  if (kind !== 'histogram') return { kind, name, unit, dimensions };
  if (dimensions.includes('le')) {
    throw refusal(place, 'dimensions', 'must not name le: histograms have it for their buckets');
  }
  if (buckets?.some((bound, index) => !(bound > (buckets[index - 1] ?? -Infinity)))) {
    throw refusal(place, 'buckets', 'must be ascending');
  }
  return { kind, name, unit, dimensions, buckets: buckets ?? defaultBuckets };
}

function refusal({ file, path }: Place, key: string, what: string): SconceError {
  return file.refusal([...path, key], what);
}
