import type { Family, RequestIds, Slot } from './family.js';
import { javaDouble } from './java-double.js';
import type { MetricSpecification } from './specification.js';

class LoggedSlot implements Slot {
  constructor(
    private readonly head: string,
    private readonly tail: string,
    private readonly write: (line: string) => void,
  ) {}

  update(value: number, requestIds?: RequestIds): void {
    const ids = requestIds?.() ?? '';
    const requests = ids === '' ? '' : `,requestID:${ids}`;
    const timestamp = Math.floor(Date.now() / 1000);
    this.write(`${this.head}${javaDouble(value)}${this.tail}${requests},timestamp:${timestamp}`);
  }
}

/** A family of which each change is a line: counters say what was added, as in TorchServe. */
export class LoggedFamily implements Family {
  readonly keeps = false;

  constructor(
    private readonly specification: MetricSpecification,
    private readonly hostname: string,
    private readonly write: (line: string) => void,
  ) {}

  bind(values: readonly string[]): Slot {
    const { name, unit, dimensions } = this.specification;
    const labels = dimensions.slice(0, -1).map((label, i) => `${label}:${values[i] ?? ''}`);
    const tail = `|#${labels.join(',')}|#hostname:${this.hostname}`;
    return new LoggedSlot(`${name}.${unit}:`, oneLine(tail), this.write);
  }

  /** Nothing is kept. */
  release(): void {}
}

/** A name that holds a line break would write lines of its own. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]/g, ' ');
}
