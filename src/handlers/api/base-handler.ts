import type { Inputs, ModelContext, RequestContext } from './context.js';
import { describeTensors, explainRow, readTensors, writeTensors } from './default-steps.js';
import type { HandlerInput } from './handler-input.js';
import type { Outputs } from './outputs.js';
import type { Chunk, Reply } from './reply.js';

/**
 * What preprocess() may end with: tensors, or nothing when it has filled context.row().
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a preprocess that fills rows returns nothing
export type Preprocessed = Inputs | undefined | void;

/**
 * A handler: turns a request into the model's inputs and its outputs into a reply, as TorchServe's
 * BaseHandler. One object is made for each thread that runs it; every method may be overridden, and
 * may be async. The defaults do what the handler `tensor` does.
 */
export class BaseHandler {
  #context: ModelContext | undefined;

  /** Hands a handler its model's context; what runs handlers calls it before initialize(). */
  static attach(handler: BaseHandler, context: ModelContext): void {
    handler.#context = context;
  }

  /** The model's context. @throws in the constructor, where there is none yet. */
  protected get context(): ModelContext {
    if (this.#context !== undefined) return this.#context;
    throw new Error(
      `${this.constructor.name}: the context is not known in the constructor; use initialize()`,
    );
  }

  /** Called once, before the first request. What it throws fails the model's load. */
  initialize(_context: ModelContext): void | Promise<void> {}

  /** The model's inputs for a request: numbers as JSON or as raw bytes. */
  preprocess(request: HandlerInput, context: RequestContext): Preprocessed | Promise<Preprocessed> {
    return readTensors(request, context);
  }

  /** The model's outputs; runs what preprocess() returned, or the rows it filled. */
  inference(inputs: Inputs | undefined, context: RequestContext): Outputs | Promise<Outputs> {
    return context.model.run(inputs);
  }

  /** The reply: JSON in the form of the request, or raw bytes for a client that accepts those. */
  postprocess(
    outputs: Outputs,
    request: HandlerInput,
    context: RequestContext,
  ): Reply | Promise<Reply> | AsyncGenerator<Chunk> {
    return writeTensors(outputs, request, context);
  }

  /**
   * Answers a request that asks why: what each element of the first input adds to the output at the
   * flat position that the form's field `target` names, or 0; lists nested as the input's row.
   */
  explain(request: HandlerInput, context: RequestContext): Reply | Promise<Reply> {
    return explainRow(this, request, context);
  }

  /** What the model says of itself in GET /models/{model}?customized=true. */
  describe(): Record<string, unknown> | Promise<Record<string, unknown>> {
    return describeTensors(this.context);
  }

  /** Called once, after the last request. */
  close(): void | Promise<void> {}
}
