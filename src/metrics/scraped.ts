import { Counter, Gauge, type Registry } from 'prom-client';

export type Labels = Record<string, string>;

export interface Definition {
  name: string;
  help: string;
  labels: readonly string[];
}

/** The samples of a family, asked for at each scrape. */
export type Samples = () => readonly (readonly [Labels, number])[];

/** Adds a gauge that keeps nothing between scrapes. */
export function scrapedGauge(registry: Registry, definition: Definition, samples: Samples): void {
  new Gauge({
    ...options(registry, definition),
    collect() {
      this.reset();
      for (const [labels, value] of samples()) this.set(labels, value);
    },
  });
}

/** Adds a counter that somebody else counts. */
export function scrapedCounter(registry: Registry, definition: Definition, samples: Samples): void {
  new Counter({
    ...options(registry, definition),
    collect() {
      this.reset();
      for (const [labels, value] of samples()) this.inc(labels, value);
    },
  });
}

function options(registry: Registry, { name, help, labels }: Definition) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}
