/** Lines that are kept for an error message. */
const keptLines = 5;

/** Characters that are kept of a line. */
const keptCharacters = 500;

/** Lines that go on with what an exception says: load_state_dict() lists the keys this way. */
const keptContinuations = 5;

/** Exceptions with which the worker says that another one, which it has printed, has happened. */
const follow = [
  // A handler that cannot be imported is then looked for among torchserve's own.
  /^ModuleNotFoundError: No module named 'ts\.torch_handler\./,
  // The answer to LOAD, raised once more.
  /^RuntimeError: \d{3} - /,
];

/** What a process has printed last, and the exception that its last traceback ends with. */
export class LastWords {
  readonly #lines: string[] = [];
  #exception: string | undefined;
  #continuations = 0;
  #inTraceback = false;
  /** `handler.py, line 3`: the last place of the traceback. */
  #place = '';

  take(line: string): void {
    if (line.trim() === '') return;
    const text = line.slice(0, keptCharacters);
    this.#lines.push(text);
    if (this.#lines.length > keptLines) this.#lines.shift();
    this.#lookForException(text);
  }

  /** The exception, else the last lines; undefined when it has printed nothing. */
  get text(): string | undefined {
    if (this.#exception !== undefined) return this.#exception;
    return this.#lines.length === 0 ? undefined : this.#lines.join(' | ');
  }

  get exception(): string | undefined {
    return this.#exception;
  }

  /** Forgets the exception: what it was about is over. */
  forget(): void {
    this.#exception = undefined;
  }

  #lookForException(line: string): void {
    if (/^Traceback .*\(most recent call last\)/.test(line)) {
      this.#inTraceback = true;
      this.#place = '';
    } else if (this.#inTraceback && /^\s+File "/.test(line)) {
      const [, file = '', number = ''] = /File "(?:.*\/)?([^"]*)", line (\d+)/.exec(line) ?? [];
      this.#place = `${file}, line ${number}`;
    } else if (this.#inTraceback && !/^\s/.test(line)) {
      this.#inTraceback = false;
      const follows = follow.some((pattern) => pattern.test(line));
      if (follows && this.#exception !== undefined) return;
      // Of these the message alone says nothing.
      const isSyntax = /^(Syntax|Indentation|Tab)Error\b/.test(line) && this.#place !== '';
      this.#exception = isSyntax ? `${line} (${this.#place})` : line;
      this.#continuations = keptContinuations;
    } else if (this.#continuations > 0 && line.startsWith('\t')) {
      this.#exception = `${this.#exception} ${line.trim()}`;
      this.#continuations -= 1;
    } else {
      this.#continuations = 0;
    }
  }
}
