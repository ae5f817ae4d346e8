import { SconceError } from '../errors.js';
import type { Bindings } from './bindings.js';
import type { CustomMetric } from './custom-metrics.js';
import { type Family, silentFamily } from './family.js';
import {
  hostDimension,
  type MetricKind,
  type MetricSpecification,
  namePattern,
  unitPattern,
} from './specification.js';
import type { TorchServeMetrics } from './torchserve-metrics.js';

const nameForm = new RegExp(namePattern);
const unitForm = new RegExp(unitPattern);

/** Log lines separate the values of labels with these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const separators = /[,:|\u0000-\u001f\u2028\u2029]/;

/** What the metrics of one model version's handler need. */
export interface CustomMetricsContext {
  modelName: string;
  families: TorchServeMetrics;
  bindings: Bindings;
  /** Whether metrics that nobody has declared are added. */
  autoDetect: boolean;
}

/** A metric with the labels that a handler gave it, on the family that was declared for its name. */
export class BoundCustomMetric implements CustomMetric {
  readonly #family: Family;
  /** Of the labels as this metric has them, the place of each label of the family. */
  readonly #order: readonly number[];
  readonly #grows: boolean;

  constructor(
    private readonly name: string,
    kind: MetricKind,
    private readonly dimensions: readonly string[],
    private readonly context: CustomMetricsContext,
    unit: string,
  ) {
    checkNames(name, unit, dimensions);
    const { families, autoDetect } = context;
    let declared = families.model(name);
    if (declared === undefined && autoDetect) {
      const added = families.declareModel({
        kind,
        name,
        unit,
        dimensions: [...dimensions, hostDimension],
      });
      if (typeof added === 'string') throw refusal(name, added);
      declared = added;
    }
    this.#family = declared?.family ?? silentFamily;
    this.#order = declared === undefined ? [] : this.#placesIn(declared.specification);
    this.#grows = kind === 'counter' || declared?.specification.kind === 'counter';
  }

  addOrUpdate(value: number, dimensionValues: readonly string[] = [], requestId = ''): void {
    const { length } = this.dimensions;
    if (dimensionValues.length !== length) {
      throw this.#wrongLabels(`${dimensionValues.length} values`);
    }
    this.#update(value, dimensionValues, () => requestId);
  }

  /** @param dimensions values of the labels by their names */
  change(value: number, dimensions: ReadonlyMap<string, string>, ids: () => string): void {
    const values = this.dimensions.map((name) => dimensions.get(name));
    if (dimensions.size !== values.length || !values.every((each) => each !== undefined)) {
      throw this.#wrongLabels([...dimensions.keys()].join(', '));
    }
    this.#update(value, values, ids);
  }

  #update(value: number, values: readonly string[], ids: () => string): void {
    if (!Number.isFinite(value)) {
      throw refusal(this.name, `cannot be ${value}: it must be a number`);
    }
    if (this.#grows && value < 0) {
      throw refusal(this.name, `is a counter, which cannot change by ${value}`);
    }
    const bad = values.find((each) => !this.#isValue(each));
    if (bad !== undefined) {
      throw refusal(
        this.name,
        `cannot have a label with the value ${JSON.stringify(bad)}: "," ":" "|" and control characters are not allowed`,
      );
    }
    const ordered = this.#order.map((place) => values[place] ?? '');
    this.context.bindings.slot(this.#family, ordered).update(value, ids);
  }

  /** The model's name is no handler's choice. */
  #isValue(value: string): boolean {
    return (
      typeof value === 'string' && (value === this.context.modelName || !separators.test(value))
    );
  }

  /** By name where the names are the same ones, otherwise by position, as TorchServe has them. */
  #placesIn({ dimensions }: MetricSpecification): number[] {
    const wanted = dimensions.slice(0, -1);
    if (wanted.length !== this.dimensions.length) {
      throw refusal(
        this.name,
        `has the labels ${wanted.join(', ')} in the metrics configuration, but is given ${this.dimensions.join(', ')}`,
      );
    }
    const places = wanted.map((name) => this.dimensions.indexOf(name));
    return places.includes(-1) ? wanted.map((_name, place) => place) : places;
  }

  #wrongLabels(given: string): SconceError {
    return refusal(
      this.name,
      `has the labels ${this.dimensions.join(', ')}, but is given ${given}`,
    );
  }
}

function checkNames(name: string, unit: string, dimensions: readonly string[]): void {
  const form = 'must consist of letters, digits and "_", and not begin with a digit or "__"';
  if (!nameForm.test(name)) throw refusal(name, `has a name that is none: it ${form}`);
  if (!unitForm.test(unit)) {
    throw refusal(name, `has the unit "${unit}", which must consist of letters, digits and "_"`);
  }
  for (const dimension of dimensions) {
    if (!nameForm.test(dimension)) {
      throw refusal(name, `has a label "${dimension}", whose name ${form}`);
    }
  }
  const twice = dimensions.find((each, i) => dimensions.indexOf(each) !== i);
  if (twice !== undefined) throw refusal(name, `has the label ${twice} twice`);
  if (dimensions.includes(hostDimension)) {
    throw refusal(name, `must not have the label ${hostDimension}, which is always added`);
  }
}

/** The error of a handler that misuses a metric. */
export function refusal(name: string, what: string): SconceError {
  return new SconceError('MODEL_FAILED', `metric ${JSON.stringify(name)} ${what}`);
}
