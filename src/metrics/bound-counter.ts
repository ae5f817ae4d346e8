import { Counter, type Registry } from 'prom-client';

/** One labelled count: adding to it is an addition and no look-up. */
export class Count {
  value = 0;

  constructor(readonly labels: Record<string, string>) {}
}

/** A counter whose counts are kept outside prom-client, and handed to it when somebody asks. */
export class BoundCounter {
  readonly #counts = new Map<string, Count>();

  constructor(
    { name, help, labels }: { name: string; help: string; labels: readonly string[] },
    registry: Registry,
  ) {
    const counts = this.#counts;
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, value } of counts.values()) this.inc(labels, value);
      },
    });
  }

  /** The count with these labels, the same one for the same labels. */
  bind(labels: Record<string, string>): Count {
    const key = JSON.stringify(labels);
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = new Count(labels);
      this.#counts.set(key, count);
    }
    return count;
  }
}
