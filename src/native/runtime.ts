import { SconceError } from '../errors.js';
import type {
  BatchEvent,
  DeviceFailedEvent,
  ExplainedEvent,
  LoopEvent,
  NativeAddon,
  NativeEvent,
  NativeModel,
  NativeModelDescription,
  NativeModelOptions,
  NativePlanSearch,
  NativePlanSearchOptions,
  ScaledEvent,
  TrialEvent,
  WarmedEvent,
} from './addon.js';
import { addon } from './binding.js';
import { Printing } from './printing.js';

/** What a model's owner wants to hear from its execution threads, on the main loop. */
export interface ModelListener {
  batch(event: BatchEvent): void;
  /** `loadMilliseconds`: of each instance until it could take work, reading the file included. */
  loaded(description: NativeModelDescription, loadMilliseconds: number[]): void;
  failed(code: string, message: string): void;
  warmed(event: WarmedEvent): void;
  /** For those who call `scale`. */
  scaled?(event: ScaledEvent): void;
  /** For those who call `explain`. */
  explained?(event: ExplainedEvent): void;
  /** For those who call `runOnLoop`. */
  loop?(event: LoopEvent): void;
  /** What the code of the model printed, and how many lines were lost after it. */
  printed?(lines: readonly string[], dropped: number): void;
  /** A device of the model runs nothing more. */
  deviceFailed?(event: DeviceFailedEvent): void;
  /** Something that whoever runs the model should know. */
  notice?(message: string): void;
  closed(): void;
}

interface OpenModel {
  model: NativeModel;
  listener: ModelListener;
  printing: Printing;
}

/** Models whose threads live. Holding them here also keeps their slabs' memory alive. */
const open = new Map<number, OpenModel>();
let started = false;

/** Threads of JavaScript that node would wait for at the end of the process. */
const holders = new Set<object>();

/**
 * Registers a thread that may be held by code that nothing can interrupt: the process ends without
 * it.
 *
 * @returns what to call when it is gone
 */
export function holdsProcess(): () => void {
  const holder = {};
  holders.add(holder);
  return () => {
    holders.delete(holder);
  };
}

/** Milliseconds that the end of the process waits for batches that are running. */
let exitTimeout = 5000;

/** Lets the end of the process wait no more for batches that are running. */
export function abandonBatches(): void {
  exitTimeout = 0;
}

let endsAtOnce = false;

/** Lets the process end without the destructors of native code, whatever it was doing. */
export function skipDestructors(): void {
  endsAtOnce = true;
}

function dispatch(event: NativeEvent): void {
  const entry = open.get(event.model);
  if (entry === undefined) {
    const search = searches.get(event.model);
    if (search !== undefined) dispatchToSearch(event, search.listener);
    return;
  }
  switch (event.kind) {
    case 'batch':
      entry.listener.batch(event);
      break;
    case 'loaded':
      entry.listener.loaded(event.description, event.loadMilliseconds);
      break;
    case 'failed':
      entry.listener.failed(event.code, event.message);
      break;
    case 'warmed':
      entry.listener.warmed(event);
      break;
    case 'scaled':
      entry.listener.scaled?.(event);
      break;
    case 'explained':
      entry.listener.explained?.(event);
      break;
    case 'loop':
      entry.listener.loop?.(event);
      break;
    case 'printed':
      entry.printing.wait();
      break;
    case 'deviceFailed':
      entry.listener.deviceFailed?.(event);
      break;
    case 'notice':
      entry.listener.notice?.(event.message);
      break;
    case 'closed':
      open.delete(event.model);
      entry.printing.end();
      entry.listener.closed();
      break;
  }
}

function dispatchToSearch(event: NativeEvent, listener: PlanSearchListener): void {
  if (event.kind === 'trial') listener.trial(event);
  if (event.kind !== 'closed') return;
  searches.delete(event.model);
  listener.closed();
}

/**
 * Starts the threads of a model; loading goes on in the background and ends in
 * `listener.loaded` or `listener.failed`. Main thread only.
 *
 * @throws {SconceError} NATIVE_ADDON_MISSING, or INTERNAL for options that make no sense.
 */
export function openModel(options: NativeModelOptions, listener: ModelListener): NativeModel {
  const native = startedAddon();
  if (!Number.isInteger(options.instances) || options.instances < 1) {
    throw new SconceError('INTERNAL', 'instances must be a positive integer');
  }
  const model = new native.Model(options);
  const printing = new Printing(model, (lines, dropped) => listener.printed?.(lines, dropped));
  open.set(model.id, { model, listener, printing });
  return model;
}

/** What the owner of a search for a plan wants to hear, on the main loop. */
export interface PlanSearchListener {
  /** Each trial has one, in the order of the calls. */
  trial(event: TrialEvent): void;
  closed(): void;
}

interface OpenSearch {
  search: NativePlanSearch;
  listener: PlanSearchListener;
}

/** Searches whose threads live. One that is forgotten would be closed. */
const searches = new Map<number, OpenSearch>();

/**
 * Starts the threads of a search for a plan. Main thread only.
 *
 * @throws {SconceError} NATIVE_ADDON_MISSING
 */
export function openPlanSearch(
  options: NativePlanSearchOptions,
  listener: PlanSearchListener,
): NativePlanSearch {
  const native = startedAddon();
  const search = new native.PlanSearch(options);
  searches.set(search.id, { search, listener });
  return search;
}

/** The addon, whose events are delivered from now on. */
function startedAddon(): NativeAddon {
  const native = addon();
  if (started) return native;
  native.start((events) => {
    for (const event of events) {
      try {
        dispatch(event);
      } catch (error) {
        // Our own mistake: it surfaces as an uncaught exception, and the other events are not lost.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  });
  started = true;
  // LibTorch does not survive the static destructors that exit() runs, so its threads must be
  // gone by then; a batch that does not end may not hold the process up either.
  process.once('exit', (code) => {
    const isOver = !endsAtOnce && native.stop(exitTimeout) && holders.size === 0;
    if (!isOver) native.exitAtOnce(code & 0xff);
  });
  return native;
}
