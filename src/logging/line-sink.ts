/** Where the lines of a log end up. */
export interface LineSink {
  /** For people: a path, or `standard output`. */
  readonly name: string;
  /** Writes whole lines. One call at a time; rejects when they could not all be written. */
  append(lines: string): Promise<void>;
  /** Writes before it returns. For the moment when the process exits; may throw. */
  appendNow(lines: string): void;
  close(): Promise<void>;
}
