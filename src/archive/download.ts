import { SconceError } from '../errors.js';
import type { AllowedUrls } from './allowed-urls.js';
import type { FetchOptions, Incoming } from './fetch-options.js';
import { downloadFailed, incomingBytes, reasonOf } from './incoming-bytes.js';
import { refuseExisting, saveIncoming } from './incoming-file.js';
import { StallWatch } from './stall-watch.js';

export interface DownloadOptions extends FetchOptions, Incoming {
  /** Milliseconds without progress after which a download is given up. */
  downloadTimeout: number;
  /** Checks where a server redirects to. */
  allowed: AllowedUrls;
}

const mostRedirects = 5;
const redirectStatuses = [301, 302, 303, 307, 308];

/**
 * Fetches a file by HTTP into the model store.
 *
 * @param url that has been checked
 * @throws {SconceError} ARCHIVE_EXISTS, DOWNLOAD_FAILED, SAVE_FAILED; RELATIVE_URL or
 *   URL_NOT_ALLOWED for where the server redirects to.
 * @throws the signal's reason when it is aborted.
 */
export async function download(url: URL, options: DownloadOptions): Promise<void> {
  await refuseExisting(options.target);
  const watch = new StallWatch(options.downloadTimeout);
  try {
    const response = await follow(url, options, watch);
    const bytes = incomingBytes(bodyOf(response, watch), lengthOf(response), options);
    await saveIncoming(bytes, options);
  } catch (error) {
    throw explain(error, options, watch);
  } finally {
    // Also what of a reply nobody reads any more.
    watch.end();
  }
}

/** The reply that is no redirect. */
async function follow(url: URL, options: DownloadOptions, watch: StallWatch): Promise<Response> {
  let current = url;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const response = await request(current, options, watch);
    watch.progress();
    const location = response.headers.get('location');
    if (!redirectStatuses.includes(response.status) || location === null) {
      if (response.status === 200) return response;
      throw downloadFailed(options.url, `${current.host} answered with status ${response.status}`);
    }
    await response.body?.cancel();
    current = options.allowed.check(location, current);
  }
  throw downloadFailed(options.url, `it is redirected more than ${mostRedirects} times`);
}

async function request(url: URL, options: DownloadOptions, watch: StallWatch): Promise<Response> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw downloadFailed(options.url, `models are not fetched by ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw downloadFailed(options.url, 'a URL with a user name or a password is not fetched');
  }
  const { signal = watch.signal } = options;
  try {
    return await fetch(url, {
      redirect: 'manual',
      // An archive is compressed as it is; another layer would be undone here.
      headers: { 'accept-encoding': 'identity', 'user-agent': 'sconce' },
      signal: AbortSignal.any([signal, watch.signal]),
    });
  } catch (error) {
    // As browsers do, fetch() spares the ports of services that might take a request for theirs.
    if (reasonOf(error) !== 'bad port') throw error;
    throw downloadFailed(options.url, `port ${url.port} is not allowed for downloads`);
  }
}

async function* bodyOf(response: Response, watch: StallWatch): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  for await (const piece of response.body) {
    watch.progress();
    yield piece;
  }
}

function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : Number(length);
}

function explain(error: unknown, options: DownloadOptions, watch: StallWatch): unknown {
  const { signal, url, downloadTimeout } = options;
  if (signal?.aborted) return signal.reason;
  if (watch.stalled) return downloadFailed(url, `no progress for ${downloadTimeout} ms`);
  return error instanceof SconceError ? error : downloadFailed(url, reasonOf(error));
}
