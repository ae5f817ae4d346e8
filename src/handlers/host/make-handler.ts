import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import { BaseHandler } from '../api/base-handler.js';
import type { ModelContext } from '../api/context.js';
import { describeValue } from '../api/describe-value.js';
import { chooseHandlerClass, type HandlerClass } from '../code/handler-class.js';
import { loadHandlerClass } from '../code/load-handler.js';
import { declaredShape } from './declared-shape.js';
import { initializationFailure } from './handler-place.js';
import type { HandlerCode, HandlerSpec } from './handler-spec.js';
import type { ReadyMessage } from './messages.js';
import type { MetricsRelay } from './metrics-relay.js';

/** A handler that can take requests. */
export interface MadeHandler {
  handler: BaseHandler;
  context: ModelContext;
  ready: ReadyMessage;
}

/**
 * Imports the class, makes the handler and initializes it.
 *
 * @throws {SconceError} as loadHandlerClass(); HANDLER_FAILED with what the handler throws, and where
 */
export async function makeHandler(spec: HandlerSpec, metrics: MetricsRelay): Promise<MadeHandler> {
  try {
    return await make(spec, metrics);
  } catch (error) {
    throw initializationFailure(error, spec.code);
  }
}

async function make(spec: HandlerSpec, metrics: MetricsRelay): Promise<MadeHandler> {
  const { plan, modelName, modelVersion, manifest, systemProperties, modelConfig } = spec;
  const handlerClass = await loadClass(spec.code);
  const rowShape = plan.fixed ?? declaredShape(handlerClass, modelConfig, plan.fields.length);
  const context: ModelContext = {
    modelName,
    modelVersion,
    manifest,
    systemProperties,
    modelConfig,
    inputs: plan.fields,
    outputNames: plan.outputNames,
    rowShape,
    metrics,
  };
  const handler = new handlerClass();
  BaseHandler.attach(handler, context);
  await handler.initialize(context);
  // What it has left unawaited, and has failed, ends the thread here and not at the first request.
  await setImmediate();
  const description = plainDescription(await handler.describe());
  // An envelope holds any number of rows.
  const fillsAtOnce = spec.envelope === undefined && !isAsync(handler.preprocess);
  return { handler, context, ready: { description, fillsAtOnce, rowShape } };
}

/** @throws {TypeError} for what does not cross between threads and cannot be shown as JSON. */
function plainDescription(given: unknown): Record<string, unknown> {
  const json = asJson(given);
  const plain: unknown = json === undefined ? undefined : JSON.parse(json);
  if (isRecord(plain)) return plain;
  throw new TypeError(`describe() returned ${describeValue(given)}; an object is expected`);
}

function asJson(given: unknown): string | undefined {
  try {
    return JSON.stringify(given);
  } catch (error) {
    throw new TypeError(`describe() returned what JSON cannot hold: ${messageOf(error)}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function loadClass(code: HandlerCode): Promise<HandlerClass> {
  if (code.from === 'archive') {
    return (await loadHandlerClass(code.folder, code.handler)).HandlerClass;
  }
  const namespace: Record<string, unknown> = await import(code.url);
  return chooseHandlerClass(namespace, code.className, code.url);
}

/** True for an async function and an async generator. */
function isAsync(method: object): boolean {
  return Object.prototype.toString.call(method).startsWith('[object Async');
}
