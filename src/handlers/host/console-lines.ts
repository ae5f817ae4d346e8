import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { PrintedLine } from './messages.js';

/** Characters of an unfinished line that are kept; a longer line is cut into several. */
const longestLine = 8192;

/** Cuts what is written into lines. */
class LineStream extends Writable {
  #rest = '';

  constructor(private readonly line: (text: string) => void) {
    super({ decodeStrings: false });
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    const lines = (this.#rest + String(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
    while (this.#rest.length > longestLine) {
      this.line(this.#rest.slice(0, longestLine));
      this.#rest = this.#rest.slice(longestLine);
    }
    done();
  }
}

/**
 * Sends what the code of this thread prints to `print`, line by line: the console's output as info,
 * its errors and warnings as warnings. Node would hand it to the main loop piece by piece.
 */
export function redirectConsole(print: (level: PrintedLine['level'], text: string) => void): void {
  const stdout = new LineStream((text) => print('info', text));
  const stderr = new LineStream((text) => print('warn', text));
  globalThis.console = new Console({ stdout, stderr });
  for (const [name, value] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    Object.defineProperty(process, name, { value, configurable: true });
  }
}
