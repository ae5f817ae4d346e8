import { SconceError, toHandlerError } from '../errors.js';
import { type Exchange, type PlacedRows, type RowOutputs, replyWith } from '../handlers/handler.js';
import { fromFailure, toFailure } from '../handlers/host/failure.js';
import type {
  AnswerMessage,
  ExplainMessage,
  HostEvent,
  OutputsMessage,
  Place,
  TensorsMessage,
} from '../handlers/host/messages.js';
import { unpack } from '../handlers/host/parcel.js';
import { RowBytes } from '../handlers/tensor/tensor-rows.js';
import { rowKey } from '../tensors/tensor-spec.js';
import { ChunkStream } from './chunk-stream.js';

/** The way back to the thread. */
export interface Correspondence {
  answer(message: AnswerMessage): void;
  credit(number: number): void;
  cancel(number: number): void;
  /** As the thread knows it. */
  place(rows: PlacedRows): Place;
  outputs(rows: RowOutputs): OutputsMessage;
  /** Milliseconds that a chunk may take, and the error when it takes longer. */
  readonly patience: number;
  late(): SconceError;
}

/** A request that is with a thread, and what the main loop holds for it. */
export class ThreadRequest {
  #place: PlacedRows | undefined;
  readonly #leases: RowOutputs[] = [];
  #stream: ChunkStream | undefined;
  /** True when nothing of it is left in the thread. */
  #ended = false;

  /** @param slot its word in the table of what was begun */
  constructor(
    readonly number: number,
    readonly slot: number,
    readonly exchange: Exchange,
    private readonly thread: Correspondence,
  ) {}

  /**
   * Takes a row for it in a slab.
   *
   * @throws {SconceError} as Exchange.reserve()
   */
  reserve(): Place {
    this.#place = this.exchange.reserve(1);
    return this.thread.place(this.#place);
  }

  /** @param buffers what came with the event */
  take(event: HostEvent, buffers: readonly ArrayBuffer[] | undefined): void {
    switch (event.kind) {
      case 'reserve':
        this.#respond(event.call, async () => ({ call: event.call, place: this.reserve() }));
        break;
      case 'runPlaced':
        this.#respond(event.call, () => this.#runPlaced(event.call));
        break;
      case 'run':
        this.#respond(event.call, () => this.#run(event.call, event.tensors, buffers));
        break;
      case 'explain':
        this.#respond(event.call, () => this.#explain(event.call, event.request, buffers));
        break;
      case 'reply': {
        const { head, body } = event;
        const written = typeof body === 'string' ? body : [unpack(buffers, body)];
        this.exchange.reply(replyWith(head, written));
        break;
      }
      case 'stream':
        this.#stream = this.#openStream();
        this.exchange.reply(replyWith(event.head, this.#stream));
        break;
      case 'chunk':
        this.#stream?.push(unpack(buffers, event.bytes));
        break;
      case 'end':
        this.#stream?.end();
        break;
      case 'failed':
        this.fail(fromFailure(event.failure));
        break;
      case 'done':
        if (!this.exchange.over) this.fail(unanswered());
        this.end();
    }
  }

  /** Ends it with an error, wherever it is. */
  fail(error: SconceError): void {
    if (this.#stream === undefined) this.exchange.fail(error);
    else this.#stream.end(error);
  }

  /** Nothing of it is left in the thread, and it has no other. */
  end(): void {
    this.leave();
    this.exchange.request.releaseBody?.();
  }

  /** The thread does not touch its memory any more. */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#place?.discard();
    for (const { outputs } of this.#leases) outputs.release();
    this.#leases.length = 0;
  }

  #openStream(): ChunkStream {
    return new ChunkStream(
      {
        taken: () => this.thread.credit(this.number),
        cancelled: () => this.thread.cancel(this.number),
        late: () => this.thread.late(),
      },
      this.thread.patience,
    );
  }

  #respond(call: number, work: () => Promise<AnswerMessage>): void {
    work().then(
      (answer) => this.thread.answer(answer),
      (error) => this.thread.answer({ call, failure: toFailure(toHandlerError(error)) }),
    );
  }

  async #runPlaced(call: number): Promise<AnswerMessage> {
    const place = this.#place;
    if (place === undefined) throw new SconceError('INTERNAL', 'no row was reserved');
    this.#place = undefined;
    return { call, outputs: this.#lease(await place.run()) };
  }

  async #run(
    call: number,
    tensors: TensorsMessage,
    buffers: readonly ArrayBuffer[] | undefined,
  ): Promise<AnswerMessage> {
    // A row that is reserved and not used would hold up its batch.
    this.#place?.discard();
    this.#place = undefined;
    const parts = tensors.inputs.map(({ bytes }) => unpack(buffers, bytes));
    const outputs = await this.exchange.run({
      rows: tensors.rows,
      key: rowKey(tensors.inputs),
      inputs: tensors.inputs.map(({ dtype, dims }) => ({ dtype, dims })),
      store: (target, offsets) => {
        for (const [i, part] of parts.entries()) {
          new RowBytes(part, [0, part.byteLength]).store(target, offsets.subarray(i, i + 1));
        }
      },
    });
    return { call, outputs: this.#lease(outputs) };
  }

  /** The outputs for the thread, which reads them until the request has ended. */
  #lease(outputs: RowOutputs): OutputsMessage {
    if (this.#ended) {
      outputs.outputs.release();
      throw new SconceError('REQUEST_CANCELLED');
    }
    this.#leases.push(outputs);
    return this.thread.outputs(outputs);
  }

  async #explain(
    call: number,
    { inputs, baseline, ...others }: ExplainMessage,
    buffers: readonly ArrayBuffer[] | undefined,
  ): Promise<AnswerMessage> {
    const { dims, values } = await this.exchange.attribute({
      ...others,
      inputs: inputs.map(({ spec, bytes }) => ({ spec, bytes: unpack(buffers, bytes) })),
      ...(baseline === undefined ? {} : { baseline: unpack(buffers, baseline) }),
    });
    return { call, attributions: { dims, values } };
  }
}

function unanswered(): SconceError {
  return new SconceError('HANDLER_FAILED').because('the handler has left it unanswered');
}
