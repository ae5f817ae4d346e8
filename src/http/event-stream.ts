export const eventStreamType = 'text/event-stream';

/** Whether a client names event streams among what it accepts. Wildcards do not ask for one. */
export function acceptsEventStream(accept: string | undefined): boolean {
  if (accept === undefined || !accept.toLowerCase().includes(eventStreamType)) return false;
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.toLowerCase().split(';');
    const refused = parameters.some((parameter) => /^\s*q\s*=\s*0(\.0*)?\s*$/.test(parameter));
    return type.trim() === eventStreamType && !refused;
  });
}

/** The last event of a stream that has failed. */
export function errorEvent(error: unknown): string {
  // What came before it may be half an event.
  return `\n\nevent: error\ndata: ${JSON.stringify(error)}\n\n`;
}

/**
 * Pieces of text as server-sent events, one event each, as the HTML standard frames them: a `data:`
 * line for each line. Bytes that end within a character wait for the next piece; what is no UTF-8
 * becomes U+FFFD.
 */
export class EventStreamFrames {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #endedInReturn = false;

  /** The event of a piece; undefined when no character of it is complete. */
  frame(piece: Uint8Array): string | undefined {
    return this.#event(this.#decoder.decode(piece, { stream: true }));
  }

  /** What was still waiting at the end of the stream. */
  end(): string | undefined {
    return this.#event(this.#decoder.decode());
  }

  #event(text: string): string | undefined {
    // A line break of two characters that was divided between pieces is one line break.
    const rest = this.#endedInReturn && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') this.#endedInReturn = text.endsWith('\r');
    if (rest === '') return undefined;
    const lines = rest.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
    return `${lines.join('')}\n`;
  }
}
