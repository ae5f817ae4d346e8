import { SconceError } from '../../errors.js';
import { createJsonWriter } from '../tensor/tensor-codec.js';
import { Outputs } from './outputs.js';
import { asciiString, plainNumber, pythonFloat } from './python-number.js';
import { Tensor } from './tensor.js';

/** Python's json gives up at about as many. */
const deepest = 1000;

/** Tensors from this size on are written by the addon, which pays from here. */
const largeTensor = 256;

/**
 * A handler's reply as JSON, in the form of Python's json.dumps(value, indent=2): ASCII, no line
 * break at the end. Tensors are nested lists and typed arrays are lists: floats as Python's repr,
 * booleans as true and false. Plain numbers are written as JSON.stringify writes them, NaN and
 * infinities as Python does. A Map is an object with its order, which an object's keys that look
 * like integers do not keep. What has toJSON(), as dates have, is what that returns.
 *
 * @throws {SconceError} INVALID_OUTPUT saying where, for what JSON cannot hold: undefined, functions,
 *   bigints, promises, sets, values that hold themselves.
 */
export function replyJson(value: unknown): string {
  return new ReplyWriter().write(value, '\n');
}

class ReplyWriter {
  readonly #path: (string | number)[] = [];
  readonly #holders = new Set<object>();

  /** @param line a line break and the indentation of the value */
  write(value: unknown, line: string): string {
    switch (typeof value) {
      case 'string':
        return asciiString(value);
      case 'number':
        return plainNumber(value);
      case 'boolean':
        return String(value);
      case 'object':
        return value === null ? 'null' : this.#object(value, line);
      case 'bigint':
        throw this.#unsupported('a bigint', 'convert it with Number() or String()');
      case 'undefined':
        throw this.#unsupported('undefined', 'use null, or leave it out');
      default:
        throw this.#unsupported(`a ${typeof value}`);
    }
  }

  #object(value: object, line: string): string {
    if (value instanceof Tensor) return writeTensor(value, line);
    if (isTypedArray(value)) return writeArray(value, line);
    if (this.#holders.has(value)) throw this.#unsupported('a value that holds itself');
    if (this.#holders.size >= deepest) throw this.#unsupported(`nested more than ${deepest} deep`);
    this.#holders.add(value);
    const text = this.#group(value, line);
    this.#holders.delete(value);
    return text;
  }

  #group(value: object, line: string): string {
    if (Array.isArray(value)) return this.#list(value, line);
    if (value instanceof Map) return this.#fields(value.entries(), line);
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      const plain: unknown = value.toJSON();
      return this.write(plain, line);
    }
    if (value instanceof Promise) throw this.#unsupported('a promise', 'await it first');
    if (value instanceof Outputs) {
      throw this.#unsupported('Outputs', 'take outputs.tensor or outputs.get(name) of it');
    }
    if ('next' in value && (Symbol.iterator in value || Symbol.asyncIterator in value)) {
      throw this.#unsupported('a generator', 'write async *postprocess to answer in pieces');
    }
    if (value instanceof Set) throw this.#unsupported('a Set', 'make a list of it');
    if (isMemory(value)) throw this.#unsupported(`a ${nameOf(value)}`, 'make a typed array of it');
    return this.#fields(Object.entries(value), line);
  }

  #list(list: readonly unknown[], line: string): string {
    const inner = `${line}  `;
    const parts: string[] = [];
    // Not map(): it passes over the holes of a sparse list.
    for (let i = 0; i < list.length; i += 1) parts.push(this.#child(i, list[i], inner));
    return group('[', parts, ']', line);
  }

  #fields(entries: Iterable<readonly [unknown, unknown]>, line: string): string {
    const inner = `${line}  `;
    const parts: string[] = [];
    for (const [key, value] of entries) {
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw this.#unsupported(`a Map with a key that is ${typeof key}`, 'use strings');
      }
      parts.push(`${asciiString(String(key))}: ${this.#child(String(key), value, inner)}`);
    }
    return group('{', parts, '}', line);
  }

  #child(key: string | number, value: unknown, line: string): string {
    this.#path.push(key);
    const text = this.write(value, line);
    this.#path.pop();
    return text;
  }

  #unsupported(what: string, remedy = ''): SconceError {
    const path = this.#path
      .slice(0, 20)
      .map((key) => (/^[A-Za-z_$][\w$]*$/.test(String(key)) ? `.${key}` : `[${quoted(key)}]`))
      .join('');
    return new SconceError(
      'INVALID_OUTPUT',
      `Unsupported model output data type: reply${path} is ${what}${remedy && `; ${remedy}`}`,
    );
  }
}

function quoted(key: string | number): string {
  return typeof key === 'number' ? String(key) : JSON.stringify(key.slice(0, 100));
}

function group(open: string, parts: readonly string[], close: string, line: string): string {
  if (parts.length === 0) return open + close;
  return `${open}${line}  ${parts.join(`,${line}  `)}${line}${close}`;
}

function writeTensor(tensor: Tensor, line: string): string {
  if (tensor.size >= largeTensor) {
    const { dtype, shape, bytes } = tensor;
    const signature = { outputs: [{ dtype, dims: shape }], structure: 0 };
    const text = createJsonWriter(signature, null).write(bytes, 1, 0, 1, 0);
    return line === '\n' ? text : text.replaceAll('\n', line);
  }
  const element = elementWriter(tensor);
  let next = 0;
  const write = (depth: number, indent: string): string => {
    if (depth === tensor.shape.length) return element(next++);
    const parts: string[] = [];
    for (let i = 0; i < (tensor.shape[depth] ?? 0); i += 1) {
      parts.push(write(depth + 1, `${indent}  `));
    }
    return group('[', parts, ']', indent);
  };
  return write(0, line);
}

function elementWriter(tensor: Tensor): (index: number) => string {
  const { dtype, data } = tensor;
  if (dtype === 'bool') return (index) => (data[index] === 0 ? 'false' : 'true');
  if (!dtype.includes('float')) return (index) => String(data[index] ?? 0);
  const values = tensor.numbers();
  return (index) => pythonFloat(values[index] ?? 0);
}

function writeArray(array: ArrayLike<number | bigint>, line: string): string {
  if (array instanceof Float32Array) {
    return writeTensor(new Tensor('float32', [array.length], array), line);
  }
  if (array instanceof Float64Array) {
    return writeTensor(new Tensor('float64', [array.length], array), line);
  }
  return group('[', Array.from(array, String), ']', line);
}

function isTypedArray(value: object): value is ArrayLike<number | bigint> {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Memory without elements, of which JSON.stringify would make an empty object. */
function isMemory(value: object): boolean {
  return (
    value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || value instanceof DataView
  );
}

function nameOf(value: object): string {
  return value.constructor?.name ?? 'value without a class';
}
