/** The local time as log4j's ISO8601 writes it, `2023-07-17T16:55:58,685`. */
export class LocalTime {
  /** The second that #prefix is for: taking a date apart costs more than the rest of a line. */
  #second = Number.NaN;
  #prefix = '';

  /** @param milliseconds since 1970, as Date.now() */
  at(milliseconds: number): string {
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = secondsOf(new Date(second * 1000));
    }
    return `${this.#prefix},${padded(Math.floor(milliseconds) - second * 1000, 3)}`;
  }
}

function secondsOf(date: Date): string {
  const day = [
    padded(date.getFullYear(), 4),
    padded(date.getMonth() + 1, 2),
    padded(date.getDate(), 2),
  ];
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    padded(part, 2),
  );
  return `${day.join('-')}T${time.join(':')}`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
