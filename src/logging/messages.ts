import type { AccessRecord } from './access-record.js';
import type { Log } from './log.js';

/** What is logged besides metrics, in one form or another. */
export interface Messages {
  /** The server's own messages. */
  readonly log: Log;
  /** False: `access` would drop its records, which need not be built. */
  readonly accessWanted: boolean;
  access(record: AccessRecord): void;
  /** A line that a model's handler printed: `info` for its output, `warn` for its errors. */
  model(level: 'info' | 'warn', worker: string, line: string): void;
}
