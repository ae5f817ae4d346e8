import { SconceError } from '../../errors.js';
import { BaseHandler } from '../api/base-handler.js';

/** A class of handlers that can be made without arguments. */
export type HandlerClass = new () => BaseHandler;

/**
 * The handler among what a module exports: the class of the given name, else the default export,
 * else the only class that extends BaseHandler.
 *
 * @param file for messages
 * @throws {SconceError} INVALID_CONFIGURATION saying what is exported and what is expected.
 */
export function chooseHandlerClass(
  namespace: Readonly<Record<string, unknown>>,
  className: string | undefined,
  file: string,
): HandlerClass {
  const chosen = chosenClass(exportsOf(namespace), className, file);
  checkSteps(chosen, file);
  return chosen;
}

function chosenClass(
  exported: ReadonlyMap<string, unknown>,
  className: string | undefined,
  file: string,
): HandlerClass {
  if (className !== undefined) {
    const named = exported.get(className);
    if (isHandlerClass(named)) return named;
    const problem = exported.has(className)
      ? `exports "${className}", which is ${kindOf(named)}`
      : `exports no "${className}"`;
    throw invalid(`${file} ${problem}; ${expected}. It exports ${listed(exported)}`);
  }
  const chosen = exported.get('default');
  if (isHandlerClass(chosen)) return chosen;
  const classes = new Set([...exported.values()].filter(isHandlerClass));
  const [first] = classes;
  if (first === undefined) {
    throw invalid(`${file} exports no handler; ${expected}. It exports ${listed(exported)}`);
  }
  if (classes.size > 1) {
    const names = [...classes].map(({ name }) => name).join(', ');
    throw invalid(
      `${file} exports ${classes.size} handlers (${names}); export one, make one the default, or name it: ${file}:${first.name}`,
    );
  }
  return first;
}

const steps = ['initialize', 'preprocess', 'inference', 'postprocess', 'explain', 'describe'];

/** A method that is almost a step would never be called, and nobody would know. */
function checkSteps(handlerClass: HandlerClass, file: string): void {
  const names = new Set<string>();
  for (
    let prototype = handlerClass.prototype;
    prototype instanceof BaseHandler;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
  }
  for (const name of names) {
    const step = name.replaceAll('_', '').toLowerCase();
    if (!steps.includes(step) || steps.includes(name) || names.has(step)) continue;
    throw invalid(
      `${file}: ${handlerClass.name} has a method ${name}, which nothing calls; the step is called ${step}`,
    );
  }
  if (names.has('handle') && !steps.some((step) => names.has(step))) {
    throw invalid(
      `${file}: ${handlerClass.name} has a method handle, which nothing calls; override ${steps.slice(1, 4).join(', ')}`,
    );
  }
}

const expected = "expected is a class that extends BaseHandler of 'sconce'";

/** What a module exports by name; of CommonJS the members of module.exports as well. */
function exportsOf(namespace: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const exported = new Map<string, unknown>(Object.entries(namespace));
  const main = exported.get('default');
  if (typeof main === 'object' && main !== null) {
    for (const [name, value] of Object.entries(main)) {
      if (!exported.has(name)) exported.set(name, value);
    }
  }
  exported.delete('module.exports');
  return exported;
}

function isHandlerClass(value: unknown): value is HandlerClass {
  return typeof value === 'function' && value.prototype instanceof BaseHandler;
}

function listed(exported: ReadonlyMap<string, unknown>): string {
  if (exported.size === 0) return 'nothing';
  const shown = [...exported].slice(0, 20).map(([name, value]) => `${name} (${kindOf(value)})`);
  return shown.join(', ') + (exported.size > shown.length ? ', …' : '');
}

function kindOf(value: unknown): string {
  if (isHandlerClass(value)) return 'a handler';
  if (typeof value === 'function') {
    return /^class\b/.test(Function.prototype.toString.call(value))
      ? 'a class that does not extend BaseHandler'
      : 'a function';
  }
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
