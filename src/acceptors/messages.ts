import type { Settings } from '../config/settings.js';
import type { Failure } from '../handlers/host/failure.js';
import type {
  BytesMessage,
  ContentMessage,
  Gathered,
  ReplyHead,
} from '../handlers/host/messages.js';
import type { TensorPlan } from '../handlers/tensor/tensor-plan.js';
import type { ServedVersion } from '../http/http-context.js';
import type { AccessRecord } from '../logging/access-record.js';
import type { Health } from '../models/health.js';
import type { TlsOptions } from '../security/tls.js';
import type { OutputSignature } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';

/**
 * What the main loop and an acceptor thread say to each other. Each side gathers what it has to say
 * and sends one message for each turn of its event loop; bytes travel in buffers that are moved, or
 * stay where they are in shared memory.
 */

/** What a thread is started with. */
export interface AcceptorStart {
  settings: Settings;
  tls: TlsOptions | undefined;
  /** The inference key, when one is asked for: memory of a SharedKey. */
  key: SharedArrayBuffer | undefined;
  /** Words of stateWords. */
  state: Int32Array<SharedArrayBuffer>;
  /** Whether records for the access log are wanted. */
  accessWanted: boolean;
}

/** Words that both sides see at once. */
export const stateWords = {
  /** 1 when the server refuses what is new. */
  closing: 0,
  /** Connections that the thread has taken over. */
  opened: 1,
  count: 2,
} as const;

/** A prediction that is asked for. */
export interface RequestMessage extends ContentMessage {
  /** Unique for the thread. */
  number: number;
  /** When it arrived, in milliseconds since 1970: threads have clocks of their own. */
  since: number;
  model: string;
  version: string | undefined;
  /** As HandlerRequest has it. */
  timeout: number | undefined;
}

/** What a thread needs to prepare the rows of a model version itself. */
export interface PlanMessage {
  /** Another one when the version is loaded again, or another is the default. */
  plan: number;
  /** As clients name it. */
  model: string;
  version: string | undefined;
  tensors: TensorPlan;
  /** Most rows of a bundle. */
  rows: number;
}

/** Requests of one turn whose rows were prepared by the thread, and lie side by side. */
export interface BundleMessage {
  /** Of the same numbers as those of requests. */
  number: number;
  plan: number;
  /** When the first of them arrived, in milliseconds since 1970. */
  since: number;
  requests: number;
  /** Ids of the requests, with a comma between them. */
  ids: string;
  rows: number;
  /** Name and tensors of their shape. */
  key: string;
  inputs: readonly TensorSpec[];
  /** Where the rows of each input begin. */
  memory: BytesMessage;
  offsets: readonly number[];
}

/** Asks how the models are, and for some versions in particular. */
export interface QuestionMessage {
  call: number;
  versions: VersionQuestion[];
}

/** The default version when none is named. */
export interface VersionQuestion {
  name: string;
  version: string | undefined;
}

export type ServedMessage = Omit<ServedVersion, 'failure'> & { failure: Failure | undefined };

/** A version, or why there is none. */
export interface VersionAnswer extends VersionQuestion {
  served: ServedMessage | undefined;
  failure: Failure | undefined;
}

/** How the models are. */
export interface StateMessage {
  call: number;
  health: Health;
  all: ServedMessage[];
  versions: VersionAnswer[];
}

export type AnswerMessage =
  /** With a lease the thread says when it has written the body. */
  | {
      kind: 'reply';
      number: number;
      head: ReplyHead;
      body: string | BytesMessage[];
      lease: boolean;
    }
  | { kind: 'stream'; number: number; head: ReplyHead }
  | { kind: 'chunk'; number: number; bytes: BytesMessage }
  /** A stream has ended; with a failure it is incomplete. Or a cancelled request is over. */
  | { kind: 'end'; number: number; failure: Failure | undefined }
  | { kind: 'failed'; number: number; failure: Failure }
  /** Of a bundle; the thread says when it has read them. */
  | {
      kind: 'outputs';
      number: number;
      /** Id of a signature of the plan, with all of it for the first time. */
      signature: number;
      described: OutputSignature | undefined;
      block: BytesMessage;
      batchRows: number;
      firstRow: number;
    }
  /** The requests of a bundle must be sent one by one; when it is stale, all of its plan. */
  | { kind: 'declined'; number: number; stale: boolean };

/** From the main loop. */
export interface AcceptorOrders extends Gathered {
  /** Descriptors of connections, which the thread closes. */
  connections?: number[];
  answers?: AnswerMessage[];
  states?: StateMessage[];
  plans?: PlanMessage[];
  /** Requests whose bodies nobody reads any more. */
  bodiesRead?: number[];
  /** Requests whose bodies were dropped, and may be read all the same. */
  bodiesDropped?: number[];
  /** No connection comes any more: answer what is in flight, then end. */
  close?: boolean;
}

/** From the thread. */
export interface AcceptorReport extends Gathered {
  ready?: boolean;
  requests?: RequestMessage[];
  bundles?: BundleMessage[];
  /** Requests that nobody waits for any more. */
  cancelled?: number[];
  /** Streams of which a chunk was read. */
  credits?: number[];
  /** Streams that nobody reads any more. */
  abandoned?: number[];
  /** Streams that have failed on their way to the client. */
  broken?: { number: number; failure: Failure }[];
  /** Replies with a lease whose bodies are written. */
  written?: number[];
  questions?: QuestionMessage[];
  /** Statuses of responses, for the metrics. */
  statuses?: number[];
  access?: AccessRecord[];
  /** Lines of the thread's log, JSON. */
  log?: string[];
  /** So many connections have ended. */
  ended?: number;
  /** The last message: everything is answered. */
  closed?: boolean;
}
