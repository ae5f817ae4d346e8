import type { MessagePort } from 'node:worker_threads';
import { SconceError } from '../errors.js';
import type { PlacedRows, RowOutputs } from '../handlers/handler.js';
import type { HandlerSpec } from '../handlers/host/handler-spec.js';
import type {
  AnswerMessage,
  HostOrders,
  MemoryRange,
  OutputsMessage,
  Place,
} from '../handlers/host/messages.js';
import { contentMessage } from '../handlers/host/request-message.js';
import { Mail } from './mail.js';
import type { SharedMemories } from './shared-memories.js';
import type { Correspondence, ThreadRequest } from './thread-request.js';

export interface ThreadMailOptions {
  spec: HandlerSpec;
  /** Milliseconds. */
  responseTimeout: number;
}

/** What goes to one thread of a handler. */
export class ThreadMail implements Correspondence {
  readonly #mail: Mail<HostOrders>;
  /** Signatures that the thread was told of. */
  readonly #signatures = new Set<number>();

  constructor(
    private readonly port: MessagePort,
    memories: SharedMemories,
    private readonly options: ThreadMailOptions,
  ) {
    this.#mail = new Mail<HostOrders>(port, memories, () => ({}));
  }

  get patience(): number {
    return this.options.responseTimeout;
  }

  late(): SconceError {
    const { spec, responseTimeout } = this.options;
    return new SconceError('RESPONSE_TIMEOUT', spec.modelName, spec.modelVersion, responseTimeout);
  }

  request({ number, slot, exchange }: ThreadRequest, place: Place | undefined): void {
    const content = contentMessage(exchange.request, (bytes) => this.#mail.bytes(bytes));
    this.#mail.push('requests', Object.assign({ number, slot, place }, content));
  }

  answer(message: AnswerMessage): void {
    this.#mail.push('answers', message);
  }

  credit(number: number): void {
    this.#mail.push('credits', { number, chunks: 1 });
  }

  cancel(number: number): void {
    this.#mail.push('cancelled', number);
  }

  ping(number: number): void {
    this.#mail.next.ping = number;
  }

  close(): void {
    this.#mail.next.close = true;
  }

  forget(memory: number): void {
    this.#mail.forget(memory);
  }

  place({ memory, offsets }: PlacedRows): Place {
    const { buffer, byteOffset } = memory;
    if (!(buffer instanceof SharedArrayBuffer)) throw new SconceError('INTERNAL', 'no shared slab');
    return {
      memory: this.#mail.tell(buffer),
      offsets: offsets.map((offset) => byteOffset + offset),
    };
  }

  outputs({ outputs, firstRow, rows }: RowOutputs): OutputsMessage {
    const { signature, block } = outputs;
    if (!this.#signatures.has(signature.id)) {
      this.#signatures.add(signature.id);
      this.#mail.push('signatures', signature);
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
    this.#mail.flush();
  }

  /** The thread is gone. */
  end(): void {
    this.#mail.end();
    this.port.close();
  }

  /** Outputs that have outgrown their slab lie in memory that no other thread can see. */
  #block(block: Uint8Array): MemoryRange | Uint8Array {
    const { buffer, byteOffset, byteLength } = block;
    if (!(buffer instanceof SharedArrayBuffer)) {
      const copy = new Uint8Array(new SharedArrayBuffer(byteLength));
      copy.set(block);
      return copy;
    }
    return { memory: this.#mail.tell(buffer), offset: byteOffset, length: byteLength };
  }
}
