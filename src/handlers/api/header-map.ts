/** The headers of a request. Letter case of names does not matter; of equal names the last counts. */
export class HeaderMap {
  readonly #values = new Map<string, string>();

  /** @param rawHeaders names and values in turn, as the client wrote them */
  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      this.#values.set((rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? '');
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase());
  }

  /** Names in lower case, with their values. */
  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }
}
