/**
 * Every failure a client or an operator can meet, one row each: a stable code, the HTTP and gRPC
 * status, the exception name that TorchServe shows for it, and the message. `%s` is filled in
 * order. docs/errors.md is generated from this table.
 */
interface ErrorRow {
  status: number;
  grpc: string;
  type: string;
  template: string;
}

const noWorker =
  ' has no worker to serve inference request. Please use scale workers API to add workers. If this is a sequence inference, please check if it is closed, or expired; or exceeds maxSequenceJobQueueSize';

export const errorTable = {
  RESOURCE_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ResourceNotFoundException',
    template: 'Requested resource is not found, please refer to API document.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    grpc: 'UNIMPLEMENTED',
    type: 'MethodNotAllowedException',
    template: 'Requested method is not allowed, please refer to API document.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'Model not found: %s',
  },
  MODEL_VERSION_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelVersionNotFoundException',
    template: 'Model version: %s does not exist for model: %s',
  },
  INVALID_HTTP: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'BadRequestException',
    template: 'Invalid HTTP message.',
  },
  INVALID_REQUEST: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'BadRequestException',
    template: '%s',
  },
  BODY_TOO_LARGE: {
    status: 413,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'BadRequestException',
    template: 'The request body is larger than maxRequestSize (%s bytes).',
  },
  MODEL_VERSION_CONFLICT: {
    status: 409,
    grpc: 'ABORTED',
    type: 'ConflictStatusException',
    template: 'Model version %s is already registered for model %s',
  },
  NO_CAPACITY: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: `Model "%s"${noWorker}`,
  },
  MEMORY_FULL: {
    status: 503,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'ServiceUnavailableException',
    template:
      'Model "%s" has no memory for another batch: all of %s (%s bytes) is in use. Try again later.',
  },
  BODIES_FULL: {
    status: 503,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'ServiceUnavailableException',
    template:
      'The bodies of requests that are being read take all of their %s bytes. Try again later.',
  },
  /** The stray quote is TorchServe's. */
  NO_CAPACITY_VERSION: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: `Model "%s" Version %s"${noWorker}`,
  },
  SHUTTING_DOWN: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: 'The server is shutting down.',
  },
  MODEL_CLOSED: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: 'Model "%s" Version %s was unloaded before the request could run.',
  },
  MODEL_FAILED: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'InternalServerException',
    template: 'Prediction failed: %s',
  },
  /** Code of a handler has thrown; why is the reason, where the configuration lets clients see it. */
  HANDLER_FAILED: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'InternalServerException',
    template: 'Prediction failed',
  },
  /** A handler has thrown its own PredictionError, whose status is the answer's. */
  PREDICTION_ERROR: {
    status: 500,
    grpc: 'UNKNOWN',
    type: 'InternalServerException',
    template: '%s',
  },
  /** The thread or process that was working on the request has ended, or had to be ended. */
  WORKER_DIED: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Worker died.',
  },
  /** Stands in the management API and in /ready, until the worker is there again. */
  WORKER_LOST: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: 'Model "%s" Version %s has lost its worker %s: %s',
  },
  WORKER_OUT_OF_MEMORY: {
    status: 507,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'InternalServerException',
    template: 'Worker died.',
  },
  INVALID_OUTPUT: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'InternalServerException',
    template: 'Invalid model predict output: %s',
  },
  OUT_OF_MEMORY: {
    status: 507,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'InternalServerException',
    template: 'Out of resources: %s',
  },
  /** A GPU runs nothing more in this process; the message begins with its name. */
  DEVICE_FAILED: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template: 'Device failure: %s',
  },
  RESPONSE_TIMEOUT: {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'RequestTimeoutException',
    template: 'Model "%s" Version %s did not answer within %s ms.',
  },
  WRITER_TIMEOUT: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'InternalServerException',
    template: 'Prediction failed: %s',
  },
  /** Nobody reads this answer: the client has gone. It is counted, with nginx's status. */
  REQUEST_CANCELLED: {
    status: 499,
    grpc: 'CANCELLED',
    type: 'BadRequestException',
    template: 'The client closed the connection before the answer was ready.',
  },
  /** For clients; why it failed stands in the log and in the management API. */
  MODEL_NOT_LOADED: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template:
      'Model "%s" Version %s failed to load; GET /models/%s on the management port says why.',
  },
  /** Stands in the management API and in /ready; clients get RESPONSE_TIMEOUT or NO_CAPACITY. */
  MODEL_STUCK: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template:
      'Model "%s" Version %s is stuck: each of its %s instances has run one batch for longer than responseTimeout (%s s). Load it again with PUT /models/%s on the management port.',
  },
  MODEL_LOAD_FAILED: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Model "%s" Version %s cannot be loaded from %s: %s',
  },
  INVALID_CONFIGURATION: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'InvalidModelException',
    template: '%s',
  },
  /** A parameter of the management API. */
  PARAMETER_REQUIRED: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'BadRequestException',
    template: 'Parameter %s is required.',
  },
  EMPTY_URL: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'empty url',
  },
  RELATIVE_URL: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'Relative path is not allowed in url: %s',
  },
  URL_NOT_ALLOWED: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'Given URL %s does not match any allowed URL(s)',
  },
  ARCHIVE_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'Model not found at: %s',
  },
  MODEL_STORE_MISSING: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelNotFoundException',
    template: 'Model store has not been configured.',
  },
  INVALID_RUNTIME: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'BadRequestException',
    template: 'Invalid RuntimeType value: %s',
  },
  DOWNLOAD_FAILED: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'DownloadArchiveException',
    template: 'Failed to download archive from: %s',
  },
  ARCHIVE_EXISTS: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Model file already exists %s',
  },
  SAVE_FAILED: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Failed to save model: %s',
  },
  /** An archive that is damaged, hostile, too large, or whose manifest says too little. */
  INVALID_ARCHIVE: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'InvalidModelException',
    template: '%s',
  },
  MODEL_UNSUPPORTED: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'InvalidModelException',
    template: 'Model "%s": %s',
  },
  /** No interpreter, or one that lacks what TorchServe's workers need. */
  PYTHON_UNUSABLE: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'InvalidModelException',
    template: '%s',
  },
  /** The packages that a model brings a list of. */
  DEPENDENCIES_FAILED: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'ModelException',
    template: 'Custom pip package installation failed for model %s: %s',
  },
  WORKER_START_FAILED: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'WorkerInitializationException',
    template: 'The Python worker cannot be started: %s',
  },
  WORKERS_FAILED: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Failed to start workers for model %s version: %s',
  },
  WORKERS_OUT_OF_MEMORY: {
    status: 507,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'InternalServerException',
    template: 'Failed to start workers for model %s version: %s',
  },
  MALFORMED_JSON: {
    status: 500,
    grpc: 'INVALID_ARGUMENT',
    type: 'JsonSyntaxException',
    template: '%s',
  },
  WORKER_RANGE: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    type: 'BadRequestException',
    template: 'max_worker cannot be less than min_worker.',
  },
  /** What TorchServe answers to a negative number of workers. */
  WORKER_INDEX: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'IndexOutOfBoundsException',
    template: 'Index %s out of bounds for length 0',
  },
  DEFAULT_VERSION_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'ModelVersionNotFoundException',
    template: 'Model version %s does not exist for model %s',
  },
  DEFAULT_VERSION_IN_USE: {
    status: 403,
    grpc: 'PERMISSION_DENIED',
    type: 'InvalidModelVersionException',
    template: 'Cannot remove default version for model %s',
  },
  UNREGISTER_TIMEOUT: {
    status: 408,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'RequestTimeoutException',
    template: 'Timed out while cleaning resources: %s',
  },
  NO_CAPACITY_DESCRIBE: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template:
      'Model "%s" has no worker to serve describe request. Please use scale workers API to add workers.',
  },
  DESCRIBE_TIMEOUT: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'Failed to get customized model matadata.',
  },
  /** An inference key or a management key; TorchServe answers 400, not 401. */
  TOKEN_REFUSED: {
    status: 400,
    grpc: 'PERMISSION_DENIED',
    type: 'InvalidKeyException',
    template:
      'Token Authorization failed. Token either incorrect, expired, or not provided correctly',
  },
  /** The API key, which renews the others. */
  TOKEN_RENEWAL_REFUSED: {
    status: 400,
    grpc: 'PERMISSION_DENIED',
    type: 'InvalidKeyException',
    template:
      'Token Authentication failed. Token either incorrect, expired, or not provided correctly',
  },
  WORKFLOWS_DISABLED: {
    status: 400,
    grpc: 'UNIMPLEMENTED',
    type: 'BadRequestException',
    template: 'Registering new workflows is disabled.',
  },
  WORKFLOW_NOT_FOUND: {
    status: 404,
    grpc: 'NOT_FOUND',
    type: 'WorkflowNotFoundException',
    template: 'Workflow not found: %s',
  },
  RESPONSE_TOO_LARGE: {
    status: 500,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'InternalServerException',
    template:
      "Message size exceed limit: %s\nConsider increasing the 'max_response_size' in 'config.properties' to fix.",
  },
  CLIENT_TIMEOUT: {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'RequestTimeoutException',
    template: 'Model "%s" Version %s did not begin within clientTimeoutInMills (%s ms).',
  },
  /** The time that the request itself names: its header, or its parameters. */
  REQUEST_TIMEOUT: {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'RequestTimeoutException',
    template: 'Model "%s" Version %s did not answer within the %s ms that the request allows.',
  },
  /** Refused at once, so that nobody waits for an answer that comes too late. */
  REQUEST_TIMEOUT_TOO_SHORT: {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'RequestTimeoutException',
    template:
      'Model "%s" Version %s cannot answer within the %s ms that the request allows: a row takes about %s ms, after about %s ms of what comes before.',
  },
  /** What waits already would take longer than the model's own limits allow. */
  BACKLOG_TOO_LONG: {
    status: 503,
    grpc: 'UNAVAILABLE',
    type: 'ServiceUnavailableException',
    template:
      'Model "%s" Version %s cannot answer within %s ms, for as long as it has this much to do: what waits takes about %s ms. Try again later.',
  },
  EXPLANATION_UNSUPPORTED: {
    status: 503,
    grpc: 'UNIMPLEMENTED',
    type: 'InternalServerException',
    template: 'Prediction failed: this request cannot be explained: %s',
  },
  NATIVE_ADDON_MISSING: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: 'The native addon is not built yet. Run: npm run build:native\n%s',
  },
  INTERNAL: {
    status: 500,
    grpc: 'INTERNAL',
    type: 'InternalServerException',
    template: '%s',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

function fill(template: string, values: readonly (string | number)[]): string {
  let next = 0;
  return template.replace(/%s/g, () => String(values[next++] ?? ''));
}

/** An error with a row in the table. `message` is the row's template with `values` filled in. */
export class SconceError extends Error {
  readonly code: ErrorCode;
  /** Why, where the message is one that clients compare and must stay as TorchServe's. */
  reason: string | undefined;
  /** Seconds after which the client may try again, where that is known. */
  secondsToRetry: number | undefined;
  #status: number | undefined;

  constructor(code: ErrorCode, ...values: readonly (string | number)[]) {
    super(fill(errorTable[code].template, values));
    this.name = 'SconceError';
    this.code = code;
  }

  /** The same error with a reason. */
  because(reason: string): this {
    this.reason = reason;
    return this;
  }

  /** The same error with the seconds after which the client may try again. */
  retryAfter(seconds: number): this {
    this.secondsToRetry = seconds;
    return this;
  }

  /** The same error with a status that the code of a model has chosen. */
  withStatus(status: number): this {
    this.#status = status;
    return this;
  }

  /** HTTP status: the row's, unless the code of a model has chosen one. */
  get status(): number {
    return this.#status ?? errorTable[this.code].status;
  }

  /** The exception name that TorchServe's clients know. */
  get type(): string {
    return errorTable[this.code].type;
  }
}

/** True for a code that is a row of the table. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}

/** The code a thrown value carries, when it is a row of the table. */
export function errorCodeOf(error: unknown): ErrorCode | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return isErrorCode(code) ? code : undefined;
}

/** What has happened, for people: the message, and the reason where there is one. */
export function inWords(error: Error): string {
  if (!(error instanceof SconceError) || error.reason === undefined) return error.message;
  return `${error.message.replace(/\.$/, '')}: ${error.reason}`;
}

/** What a thrown value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a handler has thrown, as a SconceError; what has no code becomes MODEL_FAILED. */
export function toHandlerError(error: unknown): SconceError {
  if (errorCodeOf(error) !== undefined) return toSconceError(error);
  return new SconceError('MODEL_FAILED', messageOf(error));
}

/** Any thrown value as a SconceError; what has no code becomes INTERNAL with its message. */
export function toSconceError(error: unknown): SconceError {
  if (error instanceof SconceError) return error;
  const message = messageOf(error);
  const code = errorCodeOf(error) ?? 'INTERNAL';
  return new SconceError(code, message);
}
