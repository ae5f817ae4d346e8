import type { MessagePort, Worker } from 'node:worker_threads';
import type { BytesMessage, Gathered } from '../handlers/host/messages.js';
import { Parcel } from '../handlers/host/parcel.js';
import type { SharedMemories } from './shared-memories.js';

/** What a list of a message holds. */
type EntryOf<List> = NonNullable<List> extends readonly (infer Entry)[] ? Entry : never;

/** What goes to another thread: one message at the end of each turn of the event loop. */
export class Mail<Message extends Gathered> {
  #message: Message | undefined;
  readonly #parcel = new Parcel();
  #scheduled: NodeJS.Immediate | undefined;
  /** What the other side was told of. */
  readonly #told = new Set<number>();
  #ended = false;

  /** @param blank makes a message that says nothing */
  constructor(
    private readonly port: Pick<MessagePort | Worker, 'postMessage'>,
    private readonly memories: SharedMemories,
    private readonly blank: () => Message,
  ) {}

  /** The message that goes out next, to be added to. */
  get next(): Message {
    this.#message ??= this.blank();
    if (!this.#ended) this.#scheduled ??= setImmediate(() => this.flush());
    return this.#message;
  }

  /** Adds to a list of the next message. */
  push<Name extends keyof Message>(name: Name, entry: EntryOf<Message[Name]>): void {
    const { next } = this;
    const list: unknown = next[name];
    if (Array.isArray(list)) list.push(entry);
    else Object.assign(next, { [name]: [entry] });
  }

  /**
   * Bytes for the next message: copied, or left where they are in shared memory.
   *
   * @param copied from shared memory too
   */
  bytes(bytes: Uint8Array, copied = false): BytesMessage {
    const { buffer, byteOffset, byteLength } = bytes;
    if (copied || !(buffer instanceof SharedArrayBuffer)) return this.#parcel.add(bytes);
    return { memory: this.tell(buffer), offset: byteOffset, length: byteLength };
  }

  /** The number of a memory, which the next message tells of if none has before. */
  tell(memory: SharedArrayBuffer): number {
    const id = this.memories.numberOf(memory);
    if (!this.#told.has(id)) {
      this.#told.add(id);
      const next: Gathered = this.next;
      next.memories ??= [];
      next.memories.push({ id, memory });
    }
    return id;
  }

  /** A memory is gone. */
  forget(memory: number): void {
    if (!this.#told.delete(memory)) return;
    const next: Gathered = this.next;
    next.forget ??= [];
    next.forget.push(memory);
  }

  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const message = this.#message;
    if (message === undefined || this.#ended) return;
    this.#message = undefined;
    if (!this.#parcel.isEmpty) message.bytes = this.#parcel.pack();
    this.port.postMessage(message, message.bytes ?? []);
  }

  /** Nobody is there any more. */
  end(): void {
    this.#ended = true;
    clearImmediate(this.#scheduled);
  }
}
