import { escapeControls } from './escape.js';
import type { LineBuffer } from './line-buffer.js';
import { LocalTime } from './local-time.js';

/** log4j's names of levels, padded as its pattern asks. */
export const infoLevel = 'INFO ';
export const warnLevel = 'WARN ';

/** What a line of a file shows: the time and the message, or the level, thread and logger too. */
export type Layout = 'message' | 'full';

export interface ChannelFile {
  buffer: LineBuffer;
  layout: Layout;
}

/** One of TorchServe's loggers: its lines go to its file, to the console, or to both. */
export class Channel {
  readonly #logger: string;
  readonly #file: ChannelFile | undefined;
  readonly #console: LineBuffer | undefined;
  readonly #time = new LocalTime();

  constructor(logger: string, file: ChannelFile | undefined, console: LineBuffer | undefined) {
    this.#logger = logger;
    this.#file = file;
    this.#console = console;
  }

  /** Whether its lines go anywhere. */
  get wanted(): boolean {
    return this.#file !== undefined || this.#console !== undefined;
  }

  /** @param level in capitals, padded to five characters; the logger is the channel's own */
  write(level: string, thread: string, message: string, logger = this.#logger): void {
    const time = this.#time.at(Date.now());
    const text = escapeControls(message);
    const full = (): string =>
      `${time} [${level}] ${escapeControls(`${thread} ${logger}`)} - ${text}\n`;
    this.#file?.buffer.write(this.#file.layout === 'full' ? full() : `${time} - ${text}\n`);
    this.#console?.write(full());
  }

  /** Writes what was logged at the end of this turn, instead of within a second. */
  flushSoon(): void {
    this.#file?.buffer.flushSoon();
    this.#console?.flushSoon();
  }
}
