import { ExposedFamily } from './exposed-family.js';
import { type Family, silentFamily } from './family.js';
import { LoggedFamily } from './logged-family.js';
import {
  MetricNames,
  type MetricSpecification,
  type MetricsConfiguration,
} from './specification.js';
import { legacyNames, type torchServeMetrics } from './torchserve-table.js';

export type TorchServeMetricName = keyof typeof torchServeMetrics;

/** Where TorchServe's metrics go: to log lines, to /metrics, or to either by their name. */
export const metricsModes = ['log', 'prometheus', 'legacy'] as const;

export type MetricsMode = (typeof metricsModes)[number];

/** Takes the lines of log modes, each without a time in front and a line break at its end. */
export interface MetricsLog {
  /** Of what the server measures: ts_metrics.log. */
  system(line: string): void;
  /** Of what models and their handlers measure: model_metrics.log. */
  model(line: string): void;
}

export interface TorchServeOptions {
  mode: MetricsMode;
  configuration: MetricsConfiguration;
  hostname: string;
  /** No lines are made when there is none. */
  log: MetricsLog | undefined;
}

/** The metrics that a metrics.yaml declares. */
export class TorchServeMetrics {
  readonly #system = new Map<string, Family>();
  readonly #model = new Map<string, DeclaredFamily>();
  readonly #exposed: ExposedFamily[] = [];
  readonly #names = new MetricNames();

  constructor(private readonly options: TorchServeOptions) {
    const { configuration, log } = options;
    for (const specification of configuration.system) {
      this.#names.take(specification);
      this.#system.set(
        specification.name,
        this.#create(specification, log && ((line) => log.system(line))),
      );
    }
    for (const specification of configuration.model) this.declareModel(specification);
  }

  /** A family that the server fills in; silent when the configuration does not declare it. */
  system(name: TorchServeMetricName): Family {
    return this.#system.get(name) ?? silentFamily;
  }

  /** A family of `model_metrics`. */
  model(name: string): DeclaredFamily | undefined {
    return this.#model.get(name);
  }

  /**
   * Adds a family of models. Says what stands against its name, if anything, and then adds none.
   */
  declareModel(specification: MetricSpecification): DeclaredFamily | string {
    const clash = this.#names.take(specification);
    if (clash !== undefined) return clash;
    const { log } = this.options;
    const family = this.#create(specification, log && ((line) => log.model(line)));
    const declared = { specification, family };
    this.#model.set(specification.name, declared);
    return declared;
  }

  /** What /metrics shows of them. */
  text(): string {
    return this.#exposed.map((family) => family.text()).join('');
  }

  #create(specification: MetricSpecification, write: ((line: string) => void) | undefined): Family {
    const { mode, hostname } = this.options;
    const exposes =
      mode === 'prometheus' || (mode === 'legacy' && legacyNames.has(specification.name));
    if (exposes) {
      const family = new ExposedFamily(specification, hostname);
      this.#exposed.push(family);
      return family;
    }
    return write === undefined ? silentFamily : new LoggedFamily(specification, hostname, write);
  }
}

export interface DeclaredFamily {
  specification: MetricSpecification;
  family: Family;
}
