import type { OutputStructure } from '../../native/addon.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type {
  Explainer,
  HandlerReply,
  HandlerRequest,
  PreparedRows,
  RowHandler,
} from '../handler.js';
import { classIds, labelsFrom, readLabels } from '../labels.js';
import { handlerOptions } from '../options.js';
import type { HandlerFactory } from '../registry.js';
import { TensorHandler } from '../tensor/tensor-handler.js';
import { planTensors } from '../tensor/tensor-plan.js';
import type { TensorRows } from '../tensor/tensor-rows.js';
import { ClassReplies } from './class-replies.js';
import { classifierOptions } from './options.js';

/**
 * The built-in handler `classifier`: a request as the handler `tensor` takes it, and the most
 * probable classes by name as the answer. It is declared, not programmed, and runs on the main loop.
 */
export const classifier: HandlerFactory = ({ config, description, offLoop, folder }) => {
  const options = handlerOptions(classifierOptions, config);
  const labels =
    options.labels === undefined
      ? (readLabels(folder) ?? classIds)
      : labelsFrom(options.labels, 'handler.labels');
  const plan = planTensors(config, description);
  return new ClassifierHandler(new TensorHandler(plan, offLoop), new ClassReplies(options, labels));
};

class ClassifierHandler implements RowHandler {
  readonly kind = 'rows';

  constructor(
    private readonly tensorHandler: TensorHandler,
    private readonly replies: ClassReplies,
  ) {}

  get inputs(): string {
    return this.tensorHandler.inputs;
  }

  get rowShape(): readonly TensorSpec[] | undefined {
    return this.tensorHandler.rowShape;
  }

  outputProblem(structure: OutputStructure): string | undefined {
    return this.tensorHandler.outputProblem(structure) ?? this.replies.problem(structure);
  }

  describe(): Record<string, unknown> {
    return this.tensorHandler.describe();
  }

  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const rows = this.tensorHandler.preprocess(request);
    return rows instanceof Promise
      ? rows.then((read) => new ClassifierRows(read, request, this.replies))
      : new ClassifierRows(rows, request, this.replies);
  }

  explain(request: HandlerRequest, explainer: Explainer): Promise<HandlerReply> {
    return this.tensorHandler.explain(request, explainer);
  }
}

/** Rows of the tensor handler that are answered with classes. */
class ClassifierRows implements PreparedRows {
  constructor(
    private readonly tensors: TensorRows,
    private readonly request: HandlerRequest,
    private readonly replies: ClassReplies,
  ) {}

  get rows(): number {
    return this.tensors.rows;
  }

  get key(): string {
    return this.tensors.key;
  }

  get inputs(): readonly TensorSpec[] {
    return this.tensors.inputs;
  }

  store(target: Uint8Array, offsets: Float64Array): void {
    this.tensors.store(target, offsets);
  }

  postprocess(outputs: BatchOutputs, firstRow: number): HandlerReply | Promise<HandlerReply> {
    const { rows, form } = this.tensors;
    return this.replies.write(outputs, { firstRow, rows, form, accept: this.request.accept });
  }
}
