/** Text of any length, of which the beginning and the end are kept. */
export class BoundedText {
  #head = '';
  #tail = '';
  #left = 0;

  /** @param {number} most characters that are kept of each end */
  constructor(most) {
    this.most = most;
  }

  /** @param {string} text */
  add(text) {
    const room = this.most - this.#head.length;
    this.#head += text.slice(0, room);
    const tail = this.#tail + text.slice(room);
    this.#left += Math.max(0, tail.length - this.most);
    this.#tail = tail.slice(-this.most);
  }

  /** Both ends, and how much lies between them. */
  toString() {
    const gap = this.#left > 0 ? `\n… ${this.#left} characters left out …\n` : '';
    return this.#head + gap + this.#tail;
  }
}

/**
 * The last lines that are not empty.
 *
 * @param {string} text
 * @param {number} lines
 */
export function lastLines(text, lines) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
