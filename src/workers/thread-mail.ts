import type { MessagePort } from 'node:worker_threads';
import { SconceError } from '../errors.js';
import type { HandlerRequest, PlacedRows, RowOutputs } from '../handlers/handler.js';
import type { HandlerSpec } from '../handlers/host/handler-spec.js';
import type {
  AnswerMessage,
  HostOrders,
  MemoryRange,
  OutputsMessage,
  Place,
  Range,
  RequestMessage,
} from '../handlers/host/messages.js';
import { Parcel } from '../handlers/host/parcel.js';
import type { SharedMemories } from './shared-memories.js';
import type { Correspondence, ThreadRequest } from './thread-request.js';

export interface ThreadMailOptions {
  spec: HandlerSpec;
  /** Milliseconds. */
  responseTimeout: number;
}

/** What goes to one thread of a handler: one message at the end of each turn of the main loop. */
export class ThreadMail implements Correspondence {
  #orders: HostOrders = {};
  readonly #parcel = new Parcel();
  #scheduled: NodeJS.Immediate | undefined;
  /** What the thread was told of. */
  readonly #memories = new Set<number>();
  readonly #signatures = new Set<number>();
  #ended = false;

  constructor(
    private readonly port: MessagePort,
    private readonly memories: SharedMemories,
    private readonly options: ThreadMailOptions,
  ) {}

  get patience(): number {
    return this.options.responseTimeout;
  }

  late(): SconceError {
    const { spec, responseTimeout } = this.options;
    return new SconceError('RESPONSE_TIMEOUT', spec.modelName, spec.modelVersion, responseTimeout);
  }

  request({ number, slot, exchange }: ThreadRequest, place: Place | undefined): void {
    this.#schedule();
    this.#orders.requests ??= [];
    this.#orders.requests.push(this.#requestMessage(exchange.request, number, slot, place));
  }

  answer(message: AnswerMessage): void {
    this.#schedule();
    this.#orders.answers ??= [];
    this.#orders.answers.push(message);
  }

  credit(number: number): void {
    this.#schedule();
    this.#orders.credits ??= [];
    this.#orders.credits.push({ number, chunks: 1 });
  }

  cancel(number: number): void {
    this.#schedule();
    this.#orders.cancelled ??= [];
    this.#orders.cancelled.push(number);
  }

  ping(number: number): void {
    this.#schedule();
    this.#orders.ping = number;
  }

  close(): void {
    this.#schedule();
    this.#orders.close = true;
  }

  forget(memory: number): void {
    if (!this.#memories.delete(memory)) return;
    this.#schedule();
    this.#orders.forget ??= [];
    this.#orders.forget.push(memory);
  }

  place({ memory, offsets }: PlacedRows): Place {
    const { buffer, byteOffset } = memory;
    if (!(buffer instanceof SharedArrayBuffer)) throw new SconceError('INTERNAL', 'no shared slab');
    return {
      memory: this.#tell(buffer),
      offsets: offsets.map((offset) => byteOffset + offset),
    };
  }

  outputs({ outputs, firstRow, rows }: RowOutputs): OutputsMessage {
    const { signature, block } = outputs;
    if (!this.#signatures.has(signature.id)) {
      this.#signatures.add(signature.id);
      this.#orders.signatures ??= [];
      this.#orders.signatures.push(signature);
    }
    return {
      signature: signature.id,
      block: this.#block(block),
      batchRows: outputs.rows,
      firstRow,
      rows,
    };
  }

  flush(): void {
    if (this.#scheduled === undefined) return;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const orders = this.#orders;
    this.#orders = {};
    if (!this.#parcel.isEmpty) orders.bytes = this.#parcel.pack();
    this.port.postMessage(orders, orders.bytes ?? []);
  }

  /** The thread is gone. */
  end(): void {
    this.#ended = true;
    clearImmediate(this.#scheduled);
    this.port.close();
  }

  #schedule(): void {
    if (this.#ended) return;
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  #tell(memory: SharedArrayBuffer): number {
    const id = this.memories.numberOf(memory);
    if (!this.#memories.has(id)) {
      this.#memories.add(id);
      this.#orders.memories ??= [];
      this.#orders.memories.push({ id, memory });
    }
    return id;
  }

  /** Outputs that have outgrown their slab lie in memory that no other thread can see. */
  #block(block: Uint8Array): MemoryRange | Uint8Array {
    const { buffer, byteOffset, byteLength } = block;
    if (!(buffer instanceof SharedArrayBuffer)) {
      const copy = new Uint8Array(new SharedArrayBuffer(byteLength));
      copy.set(block);
      return copy;
    }
    return { memory: this.#tell(buffer), offset: byteOffset, length: byteLength };
  }

  /** What lies in shared memory is read there until its request has ended. */
  #bytes(bytes: Uint8Array): Range | MemoryRange {
    const { buffer, byteOffset, byteLength } = bytes;
    if (!(buffer instanceof SharedArrayBuffer)) return this.#parcel.add(bytes);
    return { memory: this.#tell(buffer), offset: byteOffset, length: byteLength };
  }

  #requestMessage(
    request: HandlerRequest,
    number: number,
    slot: number,
    place: Place | undefined,
  ): RequestMessage {
    const { id, body, contentType, accept, parameters, rawHeaders, urlPath, explain } = request;
    return {
      number,
      slot,
      id,
      body: this.#bytes(body),
      contentType,
      accept,
      parameters: parameters?.map(({ name, contentType, value }) => ({
        name,
        contentType,
        bytes: this.#bytes(value),
      })),
      headers: rawHeaders.length === 0 ? '' : `${rawHeaders.join('\n')}\n`,
      urlPath,
      explain,
      place,
    };
  }
}
