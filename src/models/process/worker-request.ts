import type { HandlerRequest } from '../../handlers/handler.js';
import type { WorkerParameter, WorkerRequest } from '../../python/worker-messages.js';

/** A request as TorchServe hands it to a Python handler. */
export function workerRequest(request: HandlerRequest): WorkerRequest {
  return { id: request.id, headers: headersOf(request), parameters: parametersOf(request) };
}

/** The request that asks a handler what it says of its model. */
export function describeRequest(id: string): WorkerRequest {
  return { id, headers: [['describe', 'True']], parameters: [] };
}

/** A body that is no form is the parameter `body`. */
function parametersOf({ body, contentType, parameters }: HandlerRequest): WorkerParameter[] {
  const given = parameters ?? [{ name: 'body', value: body, contentType }];
  return given.map(({ name, value, contentType: type }) => ({
    name,
    value,
    contentType: type?.split(';', 1)[0]?.trim(),
  }));
}

/**
 * The client's headers in their letter case, the last of a name. As TorchServe has read the body
 * before, its length stands for what told how it came.
 */
function headersOf({ rawHeaders, body, explain, urlPath }: HandlerRequest): [string, string][] {
  const headers = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.set(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  }
  let hasLength = false;
  for (const name of [...headers.keys()]) {
    const lower = name.toLowerCase();
    if (lower === 'content-length') hasLength = true;
    else if (lower === 'transfer-encoding' || lower === 'expect') headers.delete(name);
  }
  if (!hasLength) headers.set('content-length', String(body.byteLength));
  if (explain !== undefined) headers.set('explain', explain ? 'True' : 'False');
  if (urlPath !== undefined) headers.set('url_path', urlPath);
  return [...headers];
}
