import { LastWords } from './last-words.js';
import { metricPrefix, parseMetricLine } from './metric-line.js';
import type { WorkerListener } from './worker-options.js';

/** What the worker prints when it listens. */
const startedLine = 'Torch worker started.';

/** What it prints before: its number, which is known here. */
const pidPrefix = '[PID]';

/** Sorts what a worker prints: control lines, metrics, and everything else. */
export class WorkerOutput {
  readonly lastWords = new LastWords();
  /** Resolves when the worker listens. */
  readonly started: Promise<void>;
  #start: (() => void) | undefined;

  constructor(private readonly listener: Pick<WorkerListener, 'line' | 'metric'>) {
    this.started = new Promise((resolve) => {
      this.#start = resolve;
    });
  }

  take(stream: 'stdout' | 'stderr', text: string): void {
    if (text === '' || this.#isControl(text) || this.#isMetric(text)) return;
    this.lastWords.take(text);
    this.listener.line(stream === 'stdout' ? 'info' : 'warn', text);
  }

  /** Only the first lines are: a handler may print the same words. */
  #isControl(text: string): boolean {
    if (this.#start === undefined) return false;
    if (text === startedLine) {
      this.#start();
      this.#start = undefined;
      return true;
    }
    return text.startsWith(pidPrefix);
  }

  #isMetric(text: string): boolean {
    if (!text.startsWith(metricPrefix)) return false;
    const metric = parseMetricLine(text.slice(metricPrefix.length));
    if (metric !== undefined) this.listener.metric(metric);
    return metric !== undefined;
  }
}
