import { requestForms } from '../../native/addon.js';
import type { HandlerReply, HandlerRequest, PreparedRows, RowHandler } from '../handler.js';
import { payloadOf } from '../payload.js';
import { jsonType, preferredType } from '../tensor/media-type.js';
import { TensorRows } from '../tensor/tensor-rows.js';
import type { Envelope, ModelIdentity } from './envelope.js';
import { EnvelopedHandler } from './enveloped-handler.js';
import { readInstances } from './instances.js';

const instancesForm = requestForms.indexOf('instances');
const bareForm = requestForms.indexOf('bare');

/**
 * The tensor handler behind `json` or `kserve`. It reads `{"instances": [...]}` and writes
 * `{"predictions": [...]}` itself, and faster than by the instance.
 */
export class TensorInstances extends EnvelopedHandler {
  /**
   * @param decodes whether `{"b64": "..."}` stands for bytes
   * @param rewrite what the envelope makes of the text of predictions
   */
  constructor(
    private readonly tensors: RowHandler,
    envelope: Envelope,
    model: ModelIdentity,
    private readonly decodes: boolean,
    private readonly rewrite: (predictions: string) => string | Promise<string>,
  ) {
    super(tensors, envelope, model);
  }

  override preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const { body } = payloadOf(request);
    if (
      this.decodes &&
      Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"b64"')
    ) {
      return super.preprocess(request);
    }
    const accept = preferredType(request.accept) === jsonType ? jsonType : undefined;
    const plain = { ...request, body, contentType: jsonType, parameters: undefined, accept };
    try {
      const prepared = this.tensors.preprocess(plain);
      if (!(prepared instanceof Promise)) return this.#checked(request, prepared);
      return prepared.then((rows) => this.#checked(request, rows));
    } catch (error) {
      // The envelope itself may be what is wrong.
      readInstances(request, false);
      throw error;
    }
  }

  /** Bytes would be answered in the form of instances. */
  protected override prepare(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const prepared = super.prepare(request);
    return prepared instanceof Promise ? prepared.then(bare) : bare(prepared);
  }

  #checked(request: HandlerRequest, prepared: PreparedRows): PreparedRows | Promise<PreparedRows> {
    const isInstances = prepared instanceof TensorRows && prepared.form === instancesForm;
    if (!isInstances) return super.preprocess(request);
    const { rows, key, inputs } = prepared;
    return {
      rows,
      key,
      inputs,
      store: (target, offsets) => prepared.store(target, offsets),
      postprocess: (outputs, firstRow) => {
        const reply = prepared.postprocess(outputs, firstRow);
        return reply instanceof Promise
          ? reply.then((written) => this.#rewritten(written))
          : this.#rewritten(reply);
      },
    };
  }

  #rewritten(reply: HandlerReply): HandlerReply | Promise<HandlerReply> {
    if (typeof reply.body !== 'string') return reply;
    const body = this.rewrite(reply.body);
    if (typeof body === 'string') return { ...reply, body };
    return body.then((written) => ({ ...reply, body: written }));
  }
}

function bare(prepared: PreparedRows): PreparedRows {
  return prepared instanceof TensorRows ? prepared.inForm(bareForm) : prepared;
}
