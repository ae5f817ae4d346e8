import { SconceError } from '../../errors.js';
import type { OutputStructure } from '../../native/addon.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import {
  type HandlerReply,
  type HandlerRequest,
  isStream,
  type PreparedRows,
  type RowHandler,
} from '../handler.js';
import { jsonType, preferredType } from '../tensor/media-type.js';
import { largeBody } from '../tensor/off-loop.js';
import { type Envelope, inMember, type ModelIdentity, type OpenedEnvelope } from './envelope.js';
import { GatheredRows } from './gathered-rows.js';

/** A handler whose requests and replies are in an envelope. Their rows stay together. */
export class EnvelopedHandler implements RowHandler {
  readonly kind = 'rows';
  readonly explain?: NonNullable<RowHandler['explain']>;

  constructor(
    private readonly inner: RowHandler,
    private readonly envelope: Envelope,
    private readonly model: ModelIdentity,
  ) {
    const explain = inner.explain?.bind(inner);
    if (explain === undefined) return;
    this.explain = async (request, explainer) => {
      const opened = this.#open(request);
      const replies: HandlerReply[] = [];
      for (const [i, one] of opened.requests.entries()) {
        try {
          replies.push(await explain(one, explainer));
        } catch (error) {
          throw inMember(opened, i, error);
        }
      }
      return formatReplies(opened, replies);
    };
  }

  get inputs(): string {
    return this.inner.inputs;
  }

  get rowShape(): readonly TensorSpec[] | undefined {
    return this.inner.rowShape;
  }

  outputProblem(structure: OutputStructure): string | undefined {
    return this.inner.outputProblem(structure);
  }

  describe(): ReturnType<RowHandler['describe']> {
    return this.inner.describe();
  }

  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const opened = this.#open(request);
    const [first, second] = opened.requests;
    if (first === undefined) throw new SconceError('INTERNAL', 'an envelope held nothing');
    if (second !== undefined) return this.#gather(opened);
    const prepared = this.#prepare(opened, first, 0);
    return prepared instanceof Promise
      ? prepared.then((rows) => wrapped(opened, rows))
      : wrapped(opened, prepared);
  }

  #open(request: HandlerRequest): OpenedEnvelope {
    const opened = this.envelope.open(request, this.model);
    // What is to stand in JSON cannot be bytes.
    const accept = preferredType(request.accept) === jsonType ? jsonType : undefined;
    return { ...opened, requests: opened.requests.map((one) => ({ ...one, accept })) };
  }

  /** The rows of one of the requests in an envelope. */
  protected prepare(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    return this.inner.preprocess(request);
  }

  #prepare(
    opened: OpenedEnvelope,
    request: HandlerRequest,
    index: number,
  ): PreparedRows | Promise<PreparedRows> {
    try {
      const prepared = this.prepare(request);
      if (!(prepared instanceof Promise)) return prepared;
      return prepared.catch((error) => {
        throw inMember(opened, index, error);
      });
    } catch (error) {
      throw inMember(opened, index, error);
    }
  }

  async #gather(opened: OpenedEnvelope): Promise<PreparedRows> {
    const gathered = new GatheredRows();
    const parts: { prepared: PreparedRows; firstRow: number }[] = [];
    let bytes = 0;
    for (const [i, request] of opened.requests.entries()) {
      const given = this.#prepare(opened, request, i);
      const prepared = given instanceof Promise ? await given : given;
      parts.push({ prepared, firstRow: gathered.rows });
      try {
        gathered.add(prepared);
      } catch (error) {
        throw inMember(opened, i, error);
      }
      bytes += request.body.byteLength;
      if (bytes < largeBody) continue;
      // Others get their turn.
      bytes = 0;
      await new Promise(setImmediate);
    }
    const { rows, key, inputs } = gathered;
    return {
      rows,
      key,
      inputs,
      timeout: opened.timeout,
      store: (target, offsets) => gathered.store(target, offsets),
      postprocess: (outputs, firstRow) =>
        replyOf(
          opened,
          parts.map((part) => () => part.prepared.postprocess(outputs, firstRow + part.firstRow)),
        ),
    };
  }
}

/** The rows of the only request in an envelope. */
function wrapped(opened: OpenedEnvelope, prepared: PreparedRows): PreparedRows {
  const { rows, key, inputs } = prepared;
  return {
    rows,
    key,
    inputs,
    timeout: opened.timeout,
    store: (target, offsets) => prepared.store(target, offsets),
    postprocess: (outputs: BatchOutputs, firstRow: number) =>
      replyOf(opened, [() => prepared.postprocess(outputs, firstRow)]),
  };
}

/** Asks for each reply, and waits only where one is late. */
function replyOf(
  opened: OpenedEnvelope,
  ask: readonly (() => HandlerReply | Promise<HandlerReply>)[],
): HandlerReply | Promise<HandlerReply> {
  const replies: HandlerReply[] = [];
  for (const [i, one] of ask.entries()) {
    const reply = one();
    if (reply instanceof Promise) return lateReply(opened, replies, reply, ask.slice(i + 1));
    replies.push(reply);
  }
  return formatReplies(opened, replies);
}

async function lateReply(
  opened: OpenedEnvelope,
  replies: HandlerReply[],
  late: Promise<HandlerReply>,
  rest: readonly (() => HandlerReply | Promise<HandlerReply>)[],
): Promise<HandlerReply> {
  replies.push(await late);
  for (const one of rest) replies.push(await one());
  return formatReplies(opened, replies);
}

/** The reply to an envelope; what a handler says of the reply itself is that of the first to say it. */
function formatReplies(opened: OpenedEnvelope, replies: readonly HandlerReply[]): HandlerReply {
  const [only] = replies;
  // As in TorchServe the pieces of a stream are not in the envelope.
  if (replies.length === 1 && only !== undefined && isStream(only.body)) return only;
  const results = replies.map(({ body }) => {
    if (typeof body === 'string') return body;
    const problem = 'an envelope holds JSON, and the handler has answered with bytes';
    throw new SconceError('INVALID_OUTPUT', `Unsupported model output data type: ${problem}`);
  });
  const status = replies.find((reply) => reply.status !== undefined)?.status;
  return {
    body: opened.format(results),
    contentType: replies.find(({ contentType }) => contentType !== undefined)?.contentType,
    headers: replies.find(({ headers }) => headers !== undefined)?.headers,
    ...(status === undefined ? {} : { status }),
  };
}
