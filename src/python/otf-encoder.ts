import type { WorkerRequest } from './worker-messages.js';

/** What a worker is told to load. */
export interface LoadMessage {
  modelName: string;
  /** The folder of the unpacked archive. */
  modelPath: string;
  batchSize: number;
  handler: string;
  /** Number of the GPU; null for the CPU. */
  gpu: number | null;
  envelope: string | undefined;
  limitMaxImagePixels: boolean;
}

/** Ends each list. */
const endOfList = -1;

/** Bytes from which on a value is sent from where it lies, instead of being copied. */
const longValue = 4096;

/**
 * Messages to a worker, as `ts/protocol/otf_message_handler.py` reads them: lengths are 32-bit
 * integers, most significant byte first.
 *
 * LOAD: `L`, model name, model path, batch size, handler, GPU or −1, envelope, one byte for
 * limitMaxImagePixels.
 */
export function encodeLoad(message: LoadMessage): Uint8Array[] {
  const writer = new MessageWriter('L');
  writer.text(message.modelName);
  writer.text(message.modelPath);
  writer.int(message.batchSize);
  writer.text(message.handler);
  writer.int(message.gpu ?? -1);
  writer.text(message.envelope ?? '');
  writer.bytes(Uint8Array.of(message.limitMaxImagePixels ? 1 : 0));
  return writer.parts();
}

/**
 * `I`, then for each request its identifier, its headers (name, value) and its parameters (name,
 * content type, value); each list ends with −1. Long values are not copied.
 */
export function encodeInference(batch: readonly WorkerRequest[]): Uint8Array[] {
  const writer = new MessageWriter('I');
  for (const { id, headers, parameters } of batch) {
    writer.text(id);
    for (const [name, value] of headers) {
      writer.text(name);
      writer.text(value);
    }
    writer.int(endOfList);
    for (const { name, contentType, value } of parameters) {
      writer.text(name);
      writer.text(contentType ?? '');
      writer.int(value.length);
      writer.bytes(value);
    }
    writer.int(endOfList);
  }
  writer.int(endOfList);
  return writer.parts();
}

/** Gathers what is short, and passes on what is long. */
class MessageWriter {
  readonly #parts: Uint8Array[] = [];
  #buffer = Buffer.allocUnsafe(longValue);
  #length = 0;

  constructor(command: 'L' | 'I') {
    this.bytes(Buffer.from(command));
  }

  int(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.int(bytes.length);
    this.bytes(bytes);
  }

  bytes(value: Uint8Array): void {
    if (value.length >= longValue) {
      this.#flush();
      this.#parts.push(value);
      return;
    }
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  parts(): Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  #reserve(length: number): void {
    if (this.#length + length > this.#buffer.length) this.#flush();
  }

  #flush(): void {
    if (this.#length === 0) return;
    this.#parts.push(this.#buffer.subarray(0, this.#length));
    this.#buffer = Buffer.allocUnsafe(longValue);
    this.#length = 0;
  }
}
