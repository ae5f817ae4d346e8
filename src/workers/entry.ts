import { toSconceError } from '../errors.js';
import { JsonRequestReader, summaryDims } from '../handlers/tensor/tensor-codec.js';
import { addon } from '../native/binding.js';
import { dtypeOf } from '../native/dtype.js';
import { rowBytes } from '../tensors/tensor-spec.js';
import type {
  PoolFailure,
  PoolTask,
  ReadJsonResult,
  ReadJsonTask,
  WriteJsonTask,
} from './tasks.js';

/** Readers by their fields: making one costs more than most bodies. */
const readers = new Map<string, JsonRequestReader>();
const readersKept = 32;

function readerFor(fields: ReadJsonTask['fields']): JsonRequestReader {
  const key = JSON.stringify(fields);
  let reader = readers.get(key);
  if (reader === undefined) {
    if (readers.size >= readersKept) readers.clear();
    reader = new JsonRequestReader(fields);
    readers.set(key, reader);
  }
  return reader;
}

function readJson(task: ReadJsonTask): ReadJsonResult {
  const reader = readerFor(task.fields);
  const summary = reader.read(task.body);
  const rows = summary[1] ?? 0;
  const dims = summaryDims(summary, task.fields.length);
  const offsets = new Float64Array(task.fields.length + 1);
  for (const [i, field] of task.fields.entries()) {
    const bytes = rowBytes({ dtype: dtypeOf(field.dtype), dims: dims[i] ?? [] }) * rows;
    offsets[i + 1] = (offsets[i] ?? 0) + bytes;
  }
  const memory = new Uint8Array(new SharedArrayBuffer(offsets.at(-1) ?? 0));
  reader.store(memory, offsets.subarray(0, task.fields.length));
  return { summary: summary.slice(), memory, offsets };
}

function writeJson(task: WriteJsonTask): string {
  const { outputs, structure, names, block, batchRows, firstRow, rows, form } = task;
  const writer = new (addon().JsonWriter)(outputs, structure, names);
  return writer.write(block, batchRows, firstRow, rows, form);
}

/** What a pool thread runs for each task. */
export default function run(task: PoolTask): ReadJsonResult | string | PoolFailure {
  try {
    return task.kind === 'readJson' ? readJson(task) : writeJson(task);
  } catch (error) {
    const { code, message } = toSconceError(error);
    return { code, message };
  }
}
