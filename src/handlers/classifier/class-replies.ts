import { setImmediate as nextTurn } from 'node:timers/promises';
import { SconceError } from '../../errors.js';
import { type OutputStructure, requestForms } from '../../native/addon.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import { replyJson } from '../api/reply-json.js';
import { Tensor } from '../api/tensor.js';
import { probabilitiesOf, strongest } from '../class-scores.js';
import type { HandlerReply } from '../handler.js';
import type { Labels } from '../labels.js';
import { jsonType, preferredType } from '../tensor/media-type.js';
import type { ClassifierOptions } from './options.js';

/** Scores that are looked at in one turn of the main loop: some tenths of a millisecond. */
const scoresPerTurn = 32_768;

/** Which rows of a batch are answered, and how the request wrapped them. */
interface AnsweredRows {
  firstRow: number;
  rows: number;
  /** Index in requestForms. */
  form: number;
  accept: string | undefined;
}

type Classes = ReadonlyMap<string, Tensor>;
type NestedClasses = Classes | readonly NestedClasses[];

/** Turns rows of scores into replies: the most probable classes, by name. */
export class ClassReplies {
  constructor(
    private readonly options: ClassifierOptions,
    private readonly labels: Labels,
  ) {}

  /** Why outputs of this structure have no classes; undefined when they do. */
  problem(structure: OutputStructure): string | undefined {
    const count = outputsIn(structure);
    return count === 1
      ? undefined
      : `the model returns ${count} outputs; the handler classifier takes one, [n, classes]`;
  }

  /**
   * @throws {SconceError} INVALID_OUTPUT for what are no scores, or a class without a label; as a
   *   rejection when it takes more than one turn.
   */
  write(outputs: BatchOutputs, answered: AnsweredRows): HandlerReply | Promise<HandlerReply> {
    const problem = this.problem(outputs.signature.structure);
    if (problem !== undefined) throw new SconceError('INVALID_OUTPUT', problem);
    const { scores, dims } = scoresOf(outputs, answered);
    const size = dims.at(-1) ?? 0;
    const vectors = size === 0 ? 0 : scores.length / size;
    const answers: Classes[] = [];
    const answerUntil = (end: number): void => {
      while (answers.length < Math.min(end, vectors)) {
        const start = answers.length * size;
        answers.push(this.#classes(scores.subarray(start, start + size)));
      }
    };
    const perTurn = Math.max(1, Math.floor(scoresPerTurn / Math.max(size, 1)));
    const finish = (): HandlerReply => reply(nested(answers, dims.slice(0, -1)), answered);
    if (vectors <= perTurn) {
      answerUntil(vectors);
      return finish();
    }
    return (async () => {
      for (let end = perTurn; answers.length < vectors; end += perTurn) {
        answerUntil(end);
        await nextTurn();
      }
      return finish();
    })();
  }

  #classes(scores: Float32Array): Classes {
    const values = this.options.softmax ? probabilitiesOf(scores) : scores;
    const classes = new Map<string, Tensor>();
    for (const id of strongest(values, this.options.topk)) {
      classes.set(this.labels.labelOf(id), Tensor.from([values[id] ?? 0], 'float32', []));
    }
    return classes;
  }
}

function outputsIn(structure: OutputStructure): number {
  if (typeof structure === 'number') return 1;
  const children =
    'list' in structure ? structure.list : structure.fields.map(([, child]) => child);
  return children.reduce<number>((sum, child) => sum + outputsIn(child), 0);
}

/** The scores of a request's rows, and their shape: [rows, …, classes]. */
function scoresOf(
  outputs: BatchOutputs,
  { firstRow, rows }: AnsweredRows,
): { scores: Float32Array; dims: readonly number[] } {
  const [spec] = outputs.signature.outputs;
  const [bytes] = outputs.slices(firstRow, rows);
  if (spec === undefined || bytes === undefined || spec.dims.length === 0) {
    throw new SconceError(
      'INVALID_OUTPUT',
      'the model returns one number for a row; scores are [n, classes]',
    );
  }
  if (!spec.dtype.includes('float')) {
    throw new SconceError('INVALID_OUTPUT', `the model returns ${spec.dtype}; scores are floats`);
  }
  const dims = [rows, ...spec.dims];
  return { scores: Tensor.view(spec.dtype, dims, bytes).to('float32').data, dims };
}

/** Lists within lists for all dimensions but that of the classes. */
function nested(answers: readonly Classes[], dims: readonly number[]): readonly NestedClasses[] {
  let level: readonly NestedClasses[] = answers;
  for (const size of dims.slice(1).toReversed()) {
    const lists = size === 0 ? 0 : level.length / size;
    const inner = level;
    level = Array.from({ length: lists }, (_, i) => inner.slice(i * size, (i + 1) * size));
  }
  return level;
}

function reply(answers: readonly NestedClasses[], { form, accept }: AnsweredRows): HandlerReply {
  const contentType = preferredType(accept) === jsonType ? jsonType : undefined;
  return { body: replyJson(inForm(answers, form)), contentType, headers: undefined };
}

function inForm(answers: readonly NestedClasses[], form: number): unknown {
  switch (requestForms[form]) {
    case 'instances':
      return { predictions: answers };
    case 'inputs':
      return { outputs: answers };
    default:
      return answers[0];
  }
}
