import type { WireRequest } from './exchange.js';

export type Listener = 'inference' | 'management' | 'metrics';

/** One request. */
export interface CompatCase {
  /** Unique within its scenario. */
  name: string;
  on: Listener;
  /** `{store}`, `{elsewhere}` and `{key:inference}` stand for what only the run knows. */
  request: WireRequest;
  /** Cases in a row with the same word are sent at once. */
  together?: string;
  /** Relative difference up to which numbers in the body count as the same. */
  tolerance?: number;
}

/** Cases that are sent in order to a server of their own. */
export interface Scenario {
  /** Also the name of the file with TorchServe's answers. */
  name: string;
  /** Lines of config.properties beside those that every scenario has. */
  settings?: Readonly<Record<string, string>>;
  /** Models of load_models; the first request is sent when all are ready. */
  load?: readonly string[];
  /** Query strings of POST /models, sent before the cases. */
  register?: readonly string[];
  cases: readonly CompatCase[];
  /** Handlers in Python run in Python in Sconce too, if there is one; `echo` as well. */
  python?: boolean;
  /** Scenario with TorchServe's answers, which are those of this one. */
  answeredAs?: string;
  /** Python packages that TorchServe's handlers need. */
  packages?: readonly string[];
}

/** What a request has besides its line. */
type Rest = Pick<WireRequest, 'headers' | 'body'>;

/** A case from what is usual. */
export function on(
  listener: Listener,
  name: string,
  method: string,
  path: string,
  rest: Rest = {},
): CompatCase {
  return { name, on: listener, request: { method, path, ...rest } };
}

/** A body with its content type. */
export function typed(type: string, body: string | Uint8Array): Rest {
  return { headers: [['Content-Type', type]], body };
}

/** A JSON body with its content type. */
export function jsonBody(value: unknown): Rest {
  return typed('application/json', JSON.stringify(value));
}
